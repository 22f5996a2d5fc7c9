//! Closed sessions on their way out, in the order in which their closes came.

use std::collections::VecDeque;

use super::entry::Login;
use super::key::{LongKeys, Packed};
use super::line::{CloseLine, Said, append, length};
use super::session::{Rest, SessionFlags, SessionWords, Settled, Told, Words};
use crate::model::{Doubt, Instant, Stamp};

/// A closed session: what its close line says, and its login line if one is known. One cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) key: Packed,
    pub(super) end: Instant,
    connect: Instant,
    login: Instant,
    /// From the second reading of connect to the end, in seconds.
    duration: u32,
    pid: u32,
    /// The place of its texts: those of the login, then those of the close.
    text: u32,
    login_user: u16,
    login_rest: u16,
    /// Of the close's user, if it differs from the login's.
    user: u16,
    rest: u16,
    end_offset: i16,
    connect_offset: i16,
    login_offset: i16,
    flags: u8,
}

/// The bits of [`Closed::flags`].
const HAS_LOGIN: u8 = 1;
const LOGIN_INFERRED: u8 = 2;
const INFERRED: u8 = 4;
const MISMATCH: u8 = 8;
const SAME_USER: u8 = 16;
/// It has gone elsewhere.
const GONE: u8 = 32;
const LOGIN_FORGED: u8 = 64;
const FORGED: u8 = 128;

impl Closed {
    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether it has gone elsewhere.
    pub(super) fn is_gone(&self) -> bool {
        self.is(GONE)
    }

    /// Whether its login line is known, and it lasted so many seconds at most.
    pub(super) fn is_whole_within(&self, seconds: i64) -> bool {
        self.is(HAS_LOGIN) && self.end <= self.connect.min(self.login).saturating_add(seconds)
    }

    /// What its close line is doubted for.
    fn doubt(&self) -> Doubt {
        Doubt { inferred: self.is(INFERRED), forged: self.is(FORGED) }
    }

    /// What its login line is doubted for, if one is known.
    fn login_doubt(&self) -> Doubt {
        Doubt { inferred: self.is(LOGIN_INFERRED), forged: self.is(LOGIN_FORGED) }
    }

    fn login(&self) -> Option<Stamp> {
        self.is(HAS_LOGIN).then_some(Stamp { at: self.login, offset: self.login_offset })
    }

    fn end(&self) -> Stamp {
        Stamp { at: self.end, offset: self.end_offset }
    }

    fn connect(&self) -> Stamp {
        Stamp { at: self.connect, offset: self.connect_offset }
    }

    fn text_length(&self) -> usize {
        self.login_length() + usize::from(self.user) + usize::from(self.rest)
    }

    /// The bytes of the texts of its login, one of which stands between them.
    fn login_length(&self) -> usize {
        usize::from(self.is(HAS_LOGIN)) + usize::from(self.login_user) + usize::from(self.login_rest)
    }
}

/// Closed sessions in the order in which their closes came, and their texts.
#[derive(Debug, Default)]
pub(super) struct Queue {
    sessions: VecDeque<Closed>,
    /// The number of the first; numbers begin again behind the last.
    first: u32,
    texts: Vec<u8>,
    /// What counts as the place of the first text; places begin again behind the last.
    base: u32,
    /// Bytes of texts that nobody needs any more.
    over: usize,
}

/// Sessions are numbered by so many bits.
pub(super) const NUMBERS: u32 = (1 << 30) - 1;
/// So many bytes of texts may lie there that nobody needs.
const OVER: usize = 1 << 16;

impl Queue {
    /// Puts a session at the end: its login line, if one is known, and whether it names the same user. Its number.
    #[inline(always)]
    pub(super) fn push(
        &mut self,
        key: Packed,
        login: Option<(&Login<'_>, bool)>,
        line: &Said<'_>,
        close: &CloseLine,
    ) -> u32 {
        let number = self.first.wrapping_add(self.len() as u32) & NUMBERS;
        let text = self.base.wrapping_add(self.texts.len() as u32);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let mut flags =
            flag(line.doubt.inferred, INFERRED) | flag(line.doubt.forged, FORGED) | flag(close.mismatch, MISMATCH);
        if let Some((login, same_user)) = login {
            flags |= HAS_LOGIN | flag(same_user, SAME_USER);
            flags |= flag(login.doubt.inferred, LOGIN_INFERRED) | flag(login.doubt.forged, LOGIN_FORGED);
            append(&mut self.texts, login.text, login.near);
        }
        let user = if flags & SAME_USER == 0 { line.user } else { &[] };
        self.texts.extend_from_slice(user);
        self.texts.extend_from_slice(line.rest);
        self.sessions.push_back(Closed {
            key,
            end: line.stamp.at,
            connect: close.connect.at,
            login: login.map_or(0, |(login, _)| login.stamp.at),
            duration: close.duration,
            pid: line.pid,
            text,
            login_user: login.map_or(0, |(login, _)| length(login.words.user)),
            login_rest: login.map_or(0, |(login, _)| length(login.words.rest)),
            user: length(user),
            rest: length(line.rest),
            end_offset: line.stamp.offset,
            connect_offset: close.connect.offset,
            login_offset: login.map_or(0, |(login, _)| login.stamp.offset),
            flags,
        });
        number
    }

    /// The oldest, and its number.
    #[inline]
    pub(super) fn oldest(&self) -> Option<(u32, &Closed)> {
        Some((self.first, self.sessions.front()?))
    }

    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Those that have not gone elsewhere, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Closed> + Clone {
        self.sessions.iter().filter(|closed| !closed.is_gone())
    }

    #[inline(always)]
    fn place(&self, number: u32) -> u32 {
        number.wrapping_sub(self.first) & NUMBERS
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Closed> {
        self.sessions.get(self.place(number) as usize)
    }

    /// Whether a session is not out yet.
    #[inline(always)]
    pub(super) fn holds(&self, number: u32) -> bool {
        self.place(number) < self.len() as u32
    }

    /// Notes that a session has gone elsewhere.
    pub(super) fn let_go(&mut self, number: u32) {
        let place = self.place(number) as usize;
        if let Some(closed) = self.sessions.get_mut(place) {
            closed.flags |= GONE;
        }
    }

    /// Takes the oldest out.
    #[inline]
    pub(super) fn pop(&mut self) {
        let Some(oldest) = self.sessions.pop_front() else { return };
        self.over += oldest.text_length();
        self.first = self.first.wrapping_add(1) & NUMBERS;
        if self.over > OVER && self.over * 2 > self.texts.len() {
            self.texts.drain(..self.over);
            self.base = self.base.wrapping_add(self.over as u32);
            self.over = 0;
        }
    }

    fn words(&self, closed: &Closed) -> SessionWords<'_> {
        let from = closed.text.wrapping_sub(self.base) as usize;
        let texts = self.texts.get(from..).unwrap_or_default();
        let login = Words::of_login(texts, closed.login_user, closed.login_rest);
        let mut close = Words::of(texts.get(closed.login_length()..).unwrap_or_default(), closed.user, closed.rest);
        if closed.is(SAME_USER) {
            close.user = login.user;
        }
        SessionWords { login: closed.is(HAS_LOGIN).then_some(login), close: Some(close) }
    }

    /// Its lines as they came: that of the login, and that of the close.
    pub(super) fn lines<'a>(&'a self, closed: &Closed) -> [Option<Said<'a>>; 2] {
        let SessionWords { login, close } = self.words(closed);
        let pid = closed.pid;
        let line =
            |stamp, Words { user, rest }, close, doubt| Said { pid, user, rest, stamp, close, doubt, near: None };
        let connect = closed.connect();
        let said = CloseLine { connect, duration: closed.duration, mismatch: closed.is(MISMATCH) };
        let login = login.zip(closed.login());
        [
            login.map(|(words, stamp)| line(stamp, words, None, closed.login_doubt())),
            close.map(|words| line(closed.end(), words, Some(said), closed.doubt())),
        ]
    }

    /// What is handed out.
    #[inline(always)]
    pub(super) fn settled<'a>(&'a self, closed: &'a Closed, keys: &'a LongKeys) -> Settled<'a> {
        let (login, connect) = (closed.login(), closed.connect());
        Settled {
            stream: closed.key.sought(keys).stream(),
            login: login.unwrap_or(connect),
            connect: Some(connect),
            end: Some(closed.end()),
            has_login: login.is_some(),
            rest: Rest::Queued(self, closed, keys),
        }
    }

    /// What most are never asked for.
    pub(super) fn told(&self, closed: &Closed, keys: &LongKeys) -> Told<'_> {
        Told {
            key: closed.key.key(keys),
            pid: closed.pid,
            duration: Some(i64::from(closed.duration)),
            reused: None,
            words: self.words(closed),
            flags: SessionFlags {
                mismatch: closed.is(MISMATCH),
                doubt: closed.doubt().of_both(closed.login_doubt()),
                ..SessionFlags::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_session_is_a_cache_line() {
        assert_eq!(size_of::<Closed>(), 64);
    }
}
