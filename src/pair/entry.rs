//! What waits of one key for a close: a login, or a chain of lines.

use super::bench::Held;
use super::key::{Key, LongKeys, Packed};
use super::line::{CloseLine, NEAR, Said, is_same, length};
use super::session::{Accessed, Rest, SessionFlags, SessionWords, Settled, Told, Words};
use super::slab::Slab;
use crate::model::{Doubt, Instant, Stamp};

/// Texts of a login that are longer than its entry has room for, up to this length, lie in places of their own: most of them, where something comes with lines.
const MIDDLE: usize = 64;
const LONGER: usize = NEAR + 1;

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing.
    #[default]
    Free,
    /// A login without its close.
    Open,
    /// A chain of lines.
    Chain,
}

/// What waits of one key. One cache line; its fields are written one by one, where they stay. The text stands first, since it is
/// compared 32 bytes at a time, which must not reach into the next line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Entry {
    /// The texts of the login, or their number among those that are too long.
    text: [u8; NEAR],
    pub(super) state: State,
    pub(super) key: Packed,
    at: Instant,
    pub(super) pid: u32,
    /// The first line of its chain.
    pub(super) link: u32,
    user: u16,
    rest: u16,
    offset: i16,
    doubt: Doubt,
}

/// What a login line says that waits for its close.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login<'a> {
    pub(super) stamp: Stamp,
    /// User and mechanism, with one byte between them.
    pub(super) text: &'a [u8],
    /// The same with what stands behind it, if it is a short one.
    pub(super) near: Option<&'a [u8; NEAR]>,
    pub(super) words: Words<'a>,
    pub(super) doubt: Doubt,
}

/// What does not fit into entries.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// Keys.
    pub(super) keys: LongKeys,
    /// Texts of logins that fit into a [`Middle`], and those that do not.
    middle: Slab<Middle>,
    texts: Slab<Box<[u8]>>,
}

/// A text of a login.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Middle([u8; MIDDLE]);

impl Default for Middle {
    fn default() -> Middle {
        Middle([0; MIDDLE])
    }
}

impl Outside {
    /// Puts the texts of a login to the others, with a byte between them: their number.
    fn put(&mut self, user: &[u8], rest: &[u8]) -> u32 {
        let mut middle = Middle::default();
        if write_both(&mut middle.0, user, rest) {
            return self.middle.put(middle);
        }
        self.texts.put([user, b" ", rest].concat().into())
    }
}

/// Writes two texts with a byte between them into another, if that is long enough.
fn write_both(to: &mut [u8], user: &[u8], rest: &[u8]) -> bool {
    match to.split_at_mut_checked(user.len()) {
        Some((of_user, [_, behind @ ..])) if behind.len() >= rest.len() => {
            of_user.copy_from_slice(user);
            behind.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            true
        }
        _ => false,
    }
}

impl Login<'_> {
    /// Whether a line names the same user.
    #[inline(always)]
    pub(super) fn is_of(&self, line: &Said<'_>) -> bool {
        is_same(self.words.user, line.user, self.near.zip(line.near))
    }
}

impl Entry {
    /// An entry of a key, with nothing in it yet.
    #[inline]
    pub(super) fn of(key: Packed) -> Entry {
        Entry { key, ..Entry::default() }
    }

    /// Becomes a login that waits.
    #[inline(always)]
    pub(super) fn open(&mut self, line: &Said<'_>, outside: &mut Outside) {
        self.at = line.stamp.at;
        self.offset = line.stamp.offset;
        self.doubt = line.doubt;
        self.pid = line.pid;
        self.user = length(line.user);
        self.rest = length(line.rest);
        self.state = State::Open;
        match line.joined() {
            Some(near) if self.text_length() <= NEAR => self.text = *near,
            _ => self.open_apart(line, outside),
        }
    }

    /// Takes the texts of a login that do not lie together, or are too long.
    #[inline(never)]
    fn open_apart(&mut self, line: &Said<'_>, outside: &mut Outside) {
        if !write_both(&mut self.text, line.user, line.rest) {
            let number = outside.put(line.user, line.rest);
            if let Some(place) = self.text.first_chunk_mut() {
                *place = number.to_le_bytes();
            }
        }
    }

    /// R5: whether the login that waits is the one of a close, as long as no other line of its key is there. A login behind the end
    /// may be another's, which the bench finds out.
    #[inline(always)]
    pub(super) fn takes(&self, close: &CloseLine, line: &Said<'_>, has_port: bool, outside: &Outside) -> bool {
        self.state == State::Open
            && self.pid == line.pid
            && self.at <= line.stamp.at
            && close.takes(self.at, line.stamp.at, has_port)
            && (has_port || self.login(outside).words.user == line.user)
    }

    fn text_length(&self) -> usize {
        usize::from(self.user) + 1 + usize::from(self.rest)
    }

    fn long_number(&self) -> u32 {
        self.text.first_chunk().map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes))
    }

    /// The login that waits.
    #[inline(always)]
    pub(super) fn login<'a>(&'a self, outside: &'a Outside) -> Login<'a> {
        let text = match self.text_length() {
            0..=NEAR => &self.text[..],
            LONGER..=MIDDLE => outside.middle.get(self.long_number()).map_or(&[][..], |middle| &middle.0),
            _ => outside.texts.get(self.long_number()).map_or(&[][..], |text| text),
        };
        let text = text.get(..self.text_length()).unwrap_or_default();
        let stamp = Stamp { at: self.at, offset: self.offset };
        let near = Some(&self.text).filter(|_| self.text_length() <= NEAR);
        Login { stamp, text, near, words: Words::of_login(text, self.user, self.rest), doubt: self.doubt }
    }

    /// The first byte of its text, if that lies outside: looking at it fetches the text.
    #[inline]
    pub(super) fn touch_text(&self, outside: &Outside) -> u8 {
        let middle = outside.middle.get(self.long_number()).filter(|_| self.text_length() > NEAR);
        middle.and_then(|middle| middle.0.first()).copied().unwrap_or(0)
    }

    /// Gives back what the texts of its login take outside.
    #[inline]
    pub(super) fn release_text(&self, outside: &mut Outside) {
        match self.text_length() {
            _ if self.state != State::Open => {}
            0..=NEAR => {}
            LONGER..=MIDDLE => outside.middle.release(self.long_number()),
            _ => outside.texts.release(self.long_number()),
        }
    }

    /// What the login that waits tells of its user.
    pub(super) fn owes<'a>(&'a self, outside: &'a Outside) -> Accessed<'a> {
        let Login { stamp, words, near, doubt, .. } = self.login(outside);
        let stream = self.key.sought(&outside.keys).stream();
        let login = Some((stamp, doubt));
        Accessed { stream, user: words.user, near, login, close: None, login_rest: words.rest, close_rest: &[] }
    }

    /// Its login as it came.
    pub(super) fn login_line<'a>(&'a self, outside: &'a Outside) -> Option<Said<'a>> {
        let Login { stamp, words: Words { user, rest }, doubt, .. } = self.login(outside);
        let line = Said { pid: self.pid, user, rest, stamp, close: None, doubt, near: None };
        (self.state == State::Open).then_some(line)
    }

    /// The lines of its chain.
    pub(super) fn chain<'a>(&self, held: &'a [Held]) -> impl Iterator<Item = &'a Held> + use<'a> {
        let get = |number: u32| held.get(number as usize);
        let first = (self.state == State::Chain).then_some(self.link);
        std::iter::successors(first.and_then(get), move |held| get(held.next))
    }

    /// The login without its close, as it is handed out in the end.
    pub(super) fn unclosed<'a>(&'a self, key: Key, outside: &'a Outside) -> Settled<'a> {
        let Login { stamp, words, doubt, .. } = self.login(outside);
        Settled {
            stream: key.stream(),
            login: stamp,
            connect: None,
            end: None,
            has_login: true,
            rest: Rest::Told(Told {
                key,
                pid: self.pid,
                duration: None,
                reused: None,
                words: SessionWords { login: Some(words), close: None },
                flags: SessionFlags { doubt, ..SessionFlags::default() },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }
}
