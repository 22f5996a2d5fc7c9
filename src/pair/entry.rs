//! What waits of one key: a login, a closed session, or a chain of lines.

use super::bench::Held;
use super::line::{CloseLine, Key, PairLine, length};
use super::queue::Queue;
use super::session::{Accessed, SessionFlags, SessionWords, Settled, Words};
use crate::model::{Instant, Stamp};

/// Texts of a login up to this length lie in its entry.
const INLINE: usize = 37;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    #[default]
    Free,
    /// A login without its close.
    Open,
    /// A close, with its login or without, in the queue.
    Closed,
    /// A chain of lines.
    Chain,
}

/// What waits of one key. Two cache lines; its fields are written one by one, where they stay.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(128))]
pub(super) struct Entry {
    pub(super) key: Key,
    login: Instant,
    pub(super) end: Instant,
    connect: Instant,
    /// From the second reading of connect to the end, in seconds.
    duration: u32,
    pub(super) pid: u32,
    /// Which one it is in the queue, or the first line of its chain.
    pub(super) link: u32,
    /// Where the texts of the close are.
    close_text: u32,
    login_user: u16,
    login_rest: u16,
    close_user: u16,
    close_rest: u16,
    login_offset: i16,
    end_offset: i16,
    connect_offset: i16,
    pub(super) state: State,
    pub(super) has_login: bool,
    pub(super) login_inferred: bool,
    close_inferred: bool,
    mismatch: bool,
    /// The texts of the login, or their number among those that are too long.
    text: Text,
}

#[derive(Clone, Copy, Debug)]
struct Text([u8; INLINE]);

impl Default for Text {
    fn default() -> Text {
        Text([0; INLINE])
    }
}

/// Texts of logins that are too long for their entries.
#[derive(Debug, Default)]
pub(super) struct LongTexts {
    texts: Vec<Box<[u8]>>,
    free: Vec<usize>,
}

impl LongTexts {
    fn put(&mut self, text: Box<[u8]>) -> usize {
        match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.texts.get_mut(number) {
                    *place = text;
                }
                number
            }
            None => {
                self.texts.push(text);
                self.texts.len() - 1
            }
        }
    }

    fn release(&mut self, number: usize) {
        if let Some(text) = self.texts.get_mut(number) {
            *text = Box::default();
            self.free.push(number);
        }
    }
}

impl Entry {
    /// Becomes a login that waits.
    #[inline]
    pub(super) fn open(&mut self, line: &PairLine<'_>, long: &mut LongTexts) {
        self.login = line.stamp.at;
        self.login_offset = line.stamp.offset;
        self.login_inferred = line.inferred;
        self.login_user = length(line.user);
        self.login_rest = length(line.rest);
        self.state = State::Open;
        self.has_login = true;
        let Text(text) = &mut self.text;
        match text.split_at_mut_checked(line.user.len()) {
            Some((user, rest)) if rest.len() >= line.rest.len() => {
                user.copy_from_slice(line.user);
                rest.iter_mut().zip(line.rest).for_each(|(to, from)| *to = *from);
            }
            _ => {
                let number = long.put([line.user, line.rest].concat().into());
                if let Some(place) = text.first_chunk_mut() {
                    *place = (number as u64).to_le_bytes();
                }
            }
        }
    }

    /// Becomes a closed session, with the login if one waits; `false` where that is not to be: its numbers are too odd.
    #[inline]
    pub(super) fn close(&mut self, number: u32, line: &PairLine<'_>, close: &CloseLine, queue: &mut Queue) -> bool {
        let Ok(duration) = u32::try_from(line.stamp.at.wrapping_sub(close.by_duration)) else { return false };
        self.end = line.stamp.at;
        self.end_offset = line.stamp.offset;
        self.connect = close.connect.at;
        self.connect_offset = close.connect.offset;
        self.duration = duration;
        self.mismatch = close.mismatch;
        self.close_inferred = line.inferred;
        self.close_user = length(line.user);
        self.close_rest = length(line.rest);
        (self.link, self.close_text) = queue.push(number, line.user, line.rest);
        self.state = State::Closed;
        true
    }

    /// R5: whether the login that waits is the one of a close, as long as no other line of its key is there. A login behind the end
    /// may be another's, which the bench finds out.
    #[inline]
    pub(super) fn takes(&self, close: &CloseLine, line: &PairLine<'_>, long: &LongTexts) -> bool {
        let has_port = self.key.has_port();
        self.state == State::Open
            && self.pid == line.pid
            && self.login <= line.stamp.at
            && close.takes(self.login, line.stamp.at, has_port)
            && (has_port || self.login_words(long).user == line.user)
    }

    pub(super) fn login_stamp(&self) -> Stamp {
        Stamp { at: self.login, offset: self.login_offset }
    }

    fn is_long(&self) -> bool {
        usize::from(self.login_user) + usize::from(self.login_rest) > INLINE
    }

    fn long_number(&self) -> usize {
        self.text.0.first_chunk().map_or(usize::MAX, |bytes| u64::from_le_bytes(*bytes) as usize)
    }

    #[inline]
    pub(super) fn login_words<'a>(&'a self, long: &'a LongTexts) -> Words<'a> {
        let text = match self.is_long() {
            false => &self.text.0[..],
            true => long.texts.get(self.long_number()).map_or(&[][..], |text| text),
        };
        Words::of(text, self.login_user, self.login_rest)
    }

    /// Gives back what the texts of its login take outside.
    #[inline]
    pub(super) fn release_text(&self, long: &mut LongTexts) {
        if self.has_login && self.is_long() {
            long.release(self.long_number());
        }
    }

    /// What the login that waits tells of its user.
    pub(super) fn owes<'a>(&'a self, long: &'a LongTexts) -> Accessed<'a> {
        let login = Some((self.login_stamp(), self.login_inferred));
        Accessed { stream: self.key.stream(), user: self.login_words(long).user, login, close: None }
    }

    /// Its login as it came.
    pub(super) fn login_line<'a>(&'a self, long: &'a LongTexts) -> Option<PairLine<'a>> {
        let Words { user, rest } = self.login_words(long);
        let (stream, pid, peer) = (self.key.stream(), self.pid, self.key.peer());
        let (stamp, inferred) = (self.login_stamp(), self.login_inferred);
        self.has_login.then_some(PairLine { stream, pid, peer, user, rest, stamp, close: None, inferred })
    }

    fn close_words<'a>(&self, queue: &'a Queue) -> Words<'a> {
        queue.words(self.close_text, self.close_user, self.close_rest)
    }

    /// Its close as it came.
    pub(super) fn close_line<'a>(&self, queue: &'a Queue) -> Option<PairLine<'a>> {
        let Words { user, rest } = self.close_words(queue);
        let close = CloseLine {
            connect: Stamp { at: self.connect, offset: self.connect_offset },
            by_duration: self.end - i64::from(self.duration),
            mismatch: self.mismatch,
        };
        let (stream, pid, peer) = (self.key.stream(), self.pid, self.key.peer());
        let (stamp, inferred) = (Stamp { at: self.end, offset: self.end_offset }, self.close_inferred);
        let line = PairLine { stream, pid, peer, user, rest, stamp, close: Some(close), inferred };
        (self.state == State::Closed).then_some(line)
    }

    /// The lines of its chain.
    pub(super) fn chain<'a>(&self, held: &'a [Held]) -> impl Iterator<Item = &'a Held> + use<'a> {
        let get = |number: u32| held.get(number as usize);
        let first = (self.state == State::Chain).then_some(self.link);
        std::iter::successors(first.and_then(get), move |held| get(held.next))
    }

    /// The session of an entry without a chain.
    #[inline]
    pub(super) fn settled<'a>(&'a self, long: &'a LongTexts, queue: &'a Queue) -> Settled<'a> {
        let closed = self.state == State::Closed;
        let connect = Stamp { at: self.connect, offset: self.connect_offset };
        Settled {
            stream: self.key.stream(),
            login: if self.has_login { self.login_stamp() } else { connect },
            connect: closed.then_some(connect),
            end: closed.then_some(Stamp { at: self.end, offset: self.end_offset }),
            has_login: self.has_login,
            key: &self.key,
            pid: self.pid,
            reused: None,
            words: SessionWords {
                login: self.has_login.then(|| self.login_words(long)),
                close: closed.then(|| self.close_words(queue)),
            },
            flags: SessionFlags {
                ambiguous: false,
                mismatch: closed && self.mismatch,
                inferred: (self.has_login && self.login_inferred) || (closed && self.close_inferred),
                user_differs: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_two_cache_lines() {
        assert_eq!(size_of::<Entry>(), 128);
    }
}
