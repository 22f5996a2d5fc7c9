//! The two shapes that nearly every line of an archive has, read straight through.
//!
//! Where a template has the usual shape of a login or a close, and a message is an ordinary one, its holes and the end of its line
//! are found by the places of its blanks and digits, all at once, instead of step by step. Whatever is out of the ordinary (IPv6,
//! no port, a number of more than eight digits, a control character, a line near the end of its block) is left to the matcher. What
//! is read here is what the matcher reads, since every test of a line is made in both ways; but for the usual spelling of a peer, which
//! the matcher reads by the same function, and tests of its own hold against any other.

use super::eight::{Digits, eight, mask_of};
use super::fields::{Start, clock};
use super::hole::Fields;
use super::kind::Kind;
use super::marks::{Marks, capitals, has_capitals, marks};
use super::peer::quick_v4;
use super::stamp::days;
use crate::model::Peer;

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
    /// Further fields, with their leading blank.
    pub more: &'a [u8],
    /// The message behind the user.
    pub behind: &'a [u8],
    /// The whole message.
    pub message: &'a [u8],
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
    /// The digits of bytes from the client, bytes to the client, and mailboxes: one to eight.
    numbers: [&'a [u8]; 3],
}

impl Closing<'_> {
    /// Bytes from the client, bytes to the client, and mailboxes.
    pub fn numbers(&self) -> [u64; 3] {
        self.numbers.map(|digits| u64::from(Digits::of(eight(digits)).number(digits.len())))
    }
}

impl<'a> Ordinary<'a> {
    /// The same as the matcher gives it.
    pub fn fields(&self) -> Fields<'a> {
        let Ordinary { peer, user, mechanism, closing, more, .. } = *self;
        let fields = Fields { peer, user, mechanism, more, ..Fields::default() };
        let Some(closing) = closing else { return fields };
        let [bytes_in, bytes_out, mailboxes] = closing.numbers().map(Some);
        Fields { start: closing.start, duration: closing.duration, bytes_in, bytes_out, mailboxes, ..fields }
    }
}

/// A day as start fields write it, up to their blank, and when it begins. The next one nearly always begins with the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Day {
    /// The first and the last eight bytes of its text, which may overlap.
    text: [u64; 2],
    /// None at first.
    length: usize,
    midnight: i64,
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

    /// The bytes of a message before its peer.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The ordinary message with which a text begins, which begins as its template does, if enough stands behind it to read it the
    /// quick way.
    #[inline(always)]
    pub fn read<'a>(&self, text: &'a [u8], day: &mut Day) -> Option<Ordinary<'a>> {
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
        let (last, closing, mechanism) = if self.is_close {
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
            more: behind.get(last..end)?,
            behind: behind.get(user_end..end)?,
            message: text.get(..self.length + end)?,
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
    let [date, time, duration, bytes_in, bytes_out, mailboxes] = [next(), next(), next(), next(), next(), next()];
    let is_blank = |at: usize| text.get(at) == Some(&b' ');
    // Without a loop: its end was mispredicted.
    let are_blanks = is_blank(date) & is_blank(time) & is_blank(duration) & is_blank(bytes_in) & is_blank(bytes_out);
    if mailboxes >= MARKED || !are_blanks {
        return None;
    }
    if !day.is(text, date) {
        *day = Day::of(text, date, &marks)?;
    }
    let (time_length, hours, minutes, seconds) = clock(eight_at(text, date + 1))?;
    let (duration_length, h, m, s) = clock(eight_at(text, time + 1))?;
    if date + 1 + time_length != time || time + 1 + duration_length != duration || hours > 23 {
        return None;
    }
    let closing = Closing {
        start: Start { local: day.midnight + i64::from(hours * 3600 + minutes * 60 + seconds) },
        duration: h * 3600 + m * 60 + s,
        numbers: [
            number(text, duration + 1, bytes_in, &marks)?,
            number(text, bytes_in + 1, bytes_out, &marks)?,
            number(text, bytes_out + 1, mailboxes, &marks)?,
        ],
    };
    Some((mailboxes, closing))
}

/// Eight bytes from a marked place on.
#[inline(always)]
fn eight_at(text: &[u8; MARKED + 8], at: usize) -> u64 {
    eight(text.get(at % MARKED..).unwrap_or_default())
}

/// The digits between two places, if there are one to eight and nothing else.
#[inline(always)]
fn number<'a>(text: &'a [u8; MARKED + 8], from: usize, to: usize, marks: &Marks) -> Option<&'a [u8]> {
    let count = marks.digits_from(from);
    (from + count == to && (1..=8).contains(&count)).then(|| text.get(from..to))?
}

impl Day {
    /// Whether a text that goes on behind it begins with it; `end` is where its first blank stands.
    #[inline(always)]
    fn is(&self, text: &[u8; MARKED + 8], end: usize) -> bool {
        self.length == end && self.text == Day::text(text, end)
    }

    #[inline(always)]
    fn text(text: &[u8; MARKED + 8], end: usize) -> [u64; 2] {
        [eight(text), eight_at(text, end.wrapping_sub(8))]
    }

    /// The day that a text begins with, such as `2019/5/29`, up to a blank.
    #[inline(never)]
    fn of(text: &[u8; MARKED + 8], end: usize, marks: &Marks) -> Option<Day> {
        let month_length = marks.digits_from(5);
        let day = 5 + month_length + 1;
        let day_length = marks.digits_from(day);
        let slashes = (text.get(4)?, text.get(day - 1)?) == (&b'/', &b'/');
        let one_or_two = |length| (1..=2).contains(&length);
        let lengths = marks.digits_from(0) == 4 && one_or_two(month_length) && one_or_two(day_length);
        if !slashes || !lengths || day + day_length != end {
            return None;
        }
        let year = Digits::of(eight(text)).number(4);
        let month = Digits::of(eight_at(text, 5)).number(month_length);
        let day = Digits::of(eight_at(text, day)).number(day_length);
        let days = (year >= 1000).then(|| days(year, month, day))??;
        Some(Day { text: Day::text(text, end), length: end, midnight: days * 86_400 })
    }
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
