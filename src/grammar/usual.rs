//! The two shapes that nearly every line of an archive has, read straight through.
//!
//! Where a template has the usual shape of a login or a close, and a message is an ordinary one, its holes and the end of its line
//! are found by the places of its blanks and digits, all at once, instead of step by step. Whatever is out of the ordinary (IPv6,
//! no port, a number of more than eight digits, a control character, a line near the end of its block) is left to the matcher. What
//! is read here is what the matcher reads, since every test of a line is made in both ways; but for the usual spelling of a peer, which
//! the matcher reads by the same function, and tests of its own hold against any other.

use super::eight::{Digits, eight, mask_of};
use super::fields::{Day, Start};
use super::hole::Fields;
use super::kind::Kind;
use super::marks::{capitals, has_capitals, marks};
use super::peer::quick_v4;
use super::stamp::clock;
use crate::model::{DAY, Peer};

/// A login, behind its first word.
const LOGIN: &str = "[{peer}] {user} {mechanism}{more}";
/// A close, behind its first word.
const CLOSE: &str = "[{peer}] {user} {start} {duration} {in} {out} {mailboxes}{more}";

/// So many bytes are marked at a time.
const MARKED: usize = 64;
/// So many bytes from the peer on must be at hand: those that are marked, as many behind the user, and eight for whoever looks
/// at the last of them.
const WINDOW: usize = MARKED + MARKED + 8;
/// So far behind its last known field the line of an ordinary message may end, in bytes.
const MORE: usize = 4096;

/// A template of one of the usual shapes.
#[derive(Clone, Copy, Debug)]
pub struct Usual {
    /// The text before the peer as [`eight`] gives it, and which bits of eight bytes it takes.
    begin: (u64, u64),
    length: usize,
    is_close: bool,
}

/// An ordinary login or close.
#[derive(Clone, Copy, Debug)]
pub struct Ordinary<'a> {
    /// The far end.
    pub peer: Peer,
    /// The uid as written. It does not begin with a bracket.
    pub user: &'a [u8],
    /// Whether it has no capital letter.
    pub is_lower: bool,
    /// The mechanism's word; of a close nothing.
    pub mechanism: &'a [u8],
    /// What only a close has.
    pub closing: Option<Closing<'a>>,
    /// The whole message.
    pub message: &'a [u8],
    /// Where in it the user and the last known field end.
    ends: [usize; 2],
    /// The bytes of the message and of the end of its line.
    pub bytes: usize,
}

/// What only a close has.
#[derive(Clone, Copy, Debug)]
pub struct Closing<'a> {
    /// The start field.
    pub start: Start,
    /// The duration, in seconds.
    pub duration: u32,
    /// Bytes from the client, bytes to the client, and mailboxes: one to eight digits each, with a blank between them.
    numbers: &'a [u8],
}

impl Closing<'_> {
    /// Bytes from the client, bytes to the client, and mailboxes.
    pub fn numbers(&self) -> [u64; 3] {
        let mut rest = self.numbers;
        std::array::from_fn(|_| {
            let digits = Digits::of(eight(rest));
            rest = rest.get(digits.count() + 1..).unwrap_or_default();
            u64::from(digits.number(digits.count()))
        })
    }
}

impl<'a> Ordinary<'a> {
    /// The message behind the user.
    pub fn behind(&self) -> &'a [u8] {
        let [user, _] = self.ends;
        self.message.get(user..).unwrap_or_default()
    }

    /// Further fields behind those that are known, with their leading blank.
    pub fn more(&self) -> &'a [u8] {
        let [_, last] = self.ends;
        self.message.get(last..).unwrap_or_default()
    }

    /// The same as the matcher gives it.
    pub fn fields(&self) -> Fields<'a> {
        let Ordinary { peer, user, mechanism, closing, .. } = *self;
        let fields = Fields { peer, user, mechanism, more: self.more(), ..Fields::default() };
        let Some(closing) = closing else { return fields };
        let [bytes_in, bytes_out, mailboxes] = closing.numbers().map(Some);
        Fields { start: closing.start, duration: closing.duration, bytes_in, bytes_out, mailboxes, ..fields }
    }
}

impl Usual {
    /// Of a template's text, if it has a usual shape behind a word of seven letters or fewer.
    pub(super) fn of(template: &str) -> Option<Usual> {
        let shape = |shape, is_close| template.strip_suffix(shape).map(|word| (word, is_close));
        let (word, is_close) = shape(LOGIN, false).or_else(|| shape(CLOSE, true))?;
        let begin = [word.as_bytes(), b"["].concat();
        (begin.len() <= 8 && !word.contains(['{', '}'])).then(|| Usual {
            begin: (eight(&begin), mask_of(begin.len())),
            length: begin.len(),
            is_close,
        })
    }

    /// The only kind that a template of its shape may have to be read so.
    pub(super) fn kind(&self) -> Kind {
        if self.is_close { Kind::Close } else { Kind::Login }
    }

    /// Whether a message begins as it does, up to its peer.
    pub(super) fn begins(&self, message: &[u8]) -> bool {
        let (begin, mask) = self.begin;
        eight(message) & mask == begin
    }

    /// Whether it is one of a close.
    pub fn is_close(&self) -> bool {
        self.is_close
    }

    /// The bytes of a message before its peer.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The ordinary message with which a text begins, which begins as its template does, if enough stands behind it to read it the
    /// quick way. `IS_CLOSE` is what [`Usual::is_close`] says, told beforehand and for good: nothing that only one of the two has is
    /// asked for again.
    #[inline(always)]
    pub fn read<'a, const IS_CLOSE: bool>(&self, text: &'a [u8], day: &mut Day) -> Option<Ordinary<'a>> {
        debug_assert_eq!(IS_CLOSE, self.is_close);
        let behind = text.get(self.length..)?;
        let window: &[u8; WINDOW] = behind.first_chunk()?;
        let near = marks(window.first_chunk()?);
        let (end, peer) = quick_v4(window, near.digits as u32)?;
        let from = end + 2;
        let user_end = near.gap_from(from);
        if window.get(end..from) != Some(b"] ") || user_end <= from || user_end >= MARKED {
            return None;
        }
        let user = window.get(from..user_end)?;
        if window.get(user_end) != Some(&b' ') || user.first() == Some(&b'[') {
            return None;
        }
        let is_lower = match window.get(from..).and_then(|text| text.first_chunk()) {
            Some(text) if user.len() < 32 => capitals(text) << (32 - user.len()) == 0,
            _ => !has_capitals(user),
        };
        let next = user_end + 1;
        let (last, closing, mechanism) = if IS_CLOSE {
            let (end, closing) = closing(window, next, day)?;
            (next + end, Some(closing), &[][..])
        } else {
            let end = near.gap_from(next);
            (end, None, window.get(next..end).filter(|word| !word.is_empty() && end < MARKED)?)
        };
        let (end, bytes) = if behind.get(last) == Some(&b'\n') { (last, last + 1) } else { ending(behind, last)? };
        Some(Ordinary {
            peer,
            user,
            is_lower,
            mechanism,
            closing,
            message: text.get(..self.length + end)?,
            ends: [self.length + user_end, self.length + last],
            bytes: self.length + bytes,
        })
    }
}

/// Where a message ends whose last known field ends here, and the bytes up to the end of its line.
#[inline(never)]
fn ending(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let behind = text.get(from..)?;
    let newline = memchr::memchr(b'\n', behind.get(..MORE).unwrap_or(behind))?;
    let more = behind.get(..newline)?;
    let more = more.strip_suffix(b"\r").unwrap_or(more);
    (more.is_empty() || more.first() == Some(&b' ')).then_some((from + more.len(), from + newline + 1))
}

/// The fields of a close behind its user, from a byte of the window on, and where they end.
#[inline(always)]
fn closing<'a>(window: &'a [u8; WINDOW], from: usize, day: &mut Day) -> Option<(usize, Closing<'a>)> {
    let text: &[u8; MARKED + 8] = window.get(from..)?.first_chunk()?;
    let marks = marks(text.first_chunk()?);
    let mut gaps = marks.gaps;
    let mut next = || {
        let place = gaps.trailing_zeros() as usize;
        gaps &= gaps.wrapping_sub(1);
        place
    };
    let [_, time, duration, bytes_in, bytes_out, mailboxes] = [next(), next(), next(), next(), next(), next()];
    let is_blank = |at: usize| text.get(at) == Some(&b' ');
    // Between two places stand one to eight digits and nothing else.
    let is_number = |before: usize, end: usize| {
        let count = marks.digits_from(before + 1);
        (before + 1 + count == end) & (1..=8).contains(&count)
    };
    // Without a loop: its end was mispredicted.
    let are_blanks = is_blank(time) & is_blank(duration) & is_blank(bytes_in) & is_blank(bytes_out);
    if mailboxes >= MARKED || !are_blanks {
        return None;
    }
    let (from, midnight) = day.read(text)?;
    let (time_length, second) = clock(eight_at(text, from))?;
    let (duration_length, seconds) = clock(eight_at(text, time + 1))?;
    if from + time_length != time || time + 1 + duration_length != duration || i64::from(second) >= DAY {
        return None;
    }
    let are_numbers = is_number(duration, bytes_in) & is_number(bytes_in, bytes_out) & is_number(bytes_out, mailboxes);
    let closing = Closing {
        start: Start { local: midnight + i64::from(second) },
        duration: seconds,
        numbers: text.get(duration + 1..mailboxes).filter(|_| are_numbers)?,
    };
    Some((mailboxes, closing))
}

/// Eight bytes from a marked place on.
#[inline(always)]
fn eight_at(text: &[u8; MARKED + 8], at: usize) -> u64 {
    eight(text.get(at % MARKED..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word is compared eight bytes at once, with the bracket behind it, and has no holes.
    #[test]
    fn what_is_usual() {
        for shape in [LOGIN, CLOSE] {
            let is_usual = |word: &str| Usual::of(&format!("{word}{shape}")).is_some();
            assert!(["", "login ", "seven b"].into_iter().all(is_usual), "{shape}");
            assert!(!["eight by", "a login ", "{_} ", "x}", "{"].into_iter().any(is_usual), "{shape}");
            assert!(Usual::of(&format!("login {shape} x")).is_none());
        }
        assert!(Usual::of("login {user}").is_none());
    }
}
