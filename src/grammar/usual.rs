//! The two shapes that nearly every line of an archive has, read straight through.
//!
//! Where a template has the usual shape of a login or a close, and a message is an ordinary one, its holes are found by the
//! places of its blanks and digits, all at once, instead of step by step. Whatever is out of the ordinary (IPv6, no port, a
//! number of more than eight digits, a message near the end of its block) is left to the matcher. What is read here is what
//! the matcher reads, since every test of a line is made with text behind it and without.

use super::eight::{Digits, eight};
use super::fields::{Start, clock};
use super::hole::Fields;
use super::marks::{Marks, marks};
use super::peer::quick_v4;
use super::stamp::days;

/// A login, behind its first word.
const LOGIN: &str = "[{peer}] {user} {mechanism}{more}";
/// A close, behind its first word.
const CLOSE: &str = "[{peer}] {user} {start} {duration} {in} {out} {mailboxes}{more}";

/// So many bytes are marked at a time.
const MARKED: usize = 64;
/// So many bytes from the peer on must be at hand, of the message or behind it: those that are marked, as many behind the
/// user, and eight for whoever looks at the last of them.
const WINDOW: usize = MARKED + MARKED + 8;

/// A template of one of the usual shapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// The text before the peer as [`eight`] gives it, and which bits of eight bytes it takes.
    begin: (u64, u64),
    length: usize,
    is_close: bool,
}

impl Usual {
    /// Of a template's text, if it has a usual shape behind a word of seven letters or fewer.
    pub(super) fn of(template: &str) -> Option<Usual> {
        let shape = |shape, is_close| template.strip_suffix(shape).map(|word| (word, is_close));
        let (word, is_close) = shape(LOGIN, false).or_else(|| shape(CLOSE, true))?;
        let begin = [word.as_bytes(), b"["].concat();
        let bits = u32::try_from(8 * begin.len()).ok()?;
        let mask = !u64::MAX.checked_shl(bits).unwrap_or(0);
        (bits <= 64 && !word.contains(['{', '}'])).then(|| Usual {
            begin: (eight(&begin), mask),
            length: begin.len(),
            is_close,
        })
    }

    /// What an ordinary message holds: the first `length` bytes of a text.
    #[inline(always)]
    pub(super) fn read<'a>(&self, text: &'a [u8], length: usize) -> Option<Fields<'a>> {
        let (begin, mask) = self.begin;
        let behind = text.get(self.length..)?;
        let window: &[u8; WINDOW] = behind.first_chunk()?;
        if eight(text) & mask != begin {
            return None;
        }
        let length = length.checked_sub(self.length)?;
        let mut near = marks(window.first_chunk()?);
        near.end_at(length);
        let (end, peer) = quick_v4(window, near.digits)?;
        let user = end + 2;
        let user_end = near.blank_from(user);
        if window.get(end..user) != Some(b"] ") || user_end <= user || user_end >= length.min(MARKED) {
            return None;
        }
        let fields = Fields { peer, user: behind.get(user..user_end)?, ..Fields::default() };
        let next = user_end + 1;
        if self.is_close {
            return close(behind, window, next, length, fields);
        }
        let mechanism_end = near.blank_from(next);
        (mechanism_end > next && mechanism_end < MARKED).then_some(Fields {
            mechanism: behind.get(next..mechanism_end)?,
            more: behind.get(mechanism_end..length)?,
            ..fields
        })
    }
}

/// The fields of a close behind its user, from a byte of the window on.
#[inline(always)]
fn close<'a>(
    behind: &'a [u8],
    window: &[u8; WINDOW],
    from: usize,
    length: usize,
    fields: Fields<'a>,
) -> Option<Fields<'a>> {
    let text: &[u8; MARKED + 8] = window.get(from..)?.first_chunk()?;
    let mut marks = marks(text.first_chunk()?);
    marks.end_at(length - from);
    let mut blanks = marks.blanks;
    let mut next = || {
        let place = blanks.trailing_zeros() as usize;
        blanks &= blanks.wrapping_sub(1);
        place
    };
    let [date, time, duration, bytes_in, bytes_out, mailboxes] = [next(), next(), next(), next(), next(), next()];
    if mailboxes >= MARKED {
        return None;
    }
    let midnight = date_before(text, date, &marks)?;
    let (time_length, hours, minutes, seconds) = clock(eight_at(text, date + 1))?;
    let (duration_length, h, m, s) = clock(eight_at(text, time + 1))?;
    if date + 1 + time_length != time || time + 1 + duration_length != duration || hours > 23 {
        return None;
    }
    Some(Fields {
        start: Start { local: midnight + i64::from(hours * 3600 + minutes * 60 + seconds) },
        duration: h * 3600 + m * 60 + s,
        bytes_in: Some(number(text, duration + 1, bytes_in, &marks)?),
        bytes_out: Some(number(text, bytes_in + 1, bytes_out, &marks)?),
        mailboxes: Some(number(text, bytes_out + 1, mailboxes, &marks)?),
        more: behind.get(from + mailboxes..length)?,
        ..fields
    })
}

/// Eight bytes from a marked place on.
#[inline(always)]
fn eight_at(text: &[u8; MARKED + 8], at: usize) -> u64 {
    eight(text.get(at % MARKED..).unwrap_or_default())
}

/// The digits between two places, as a number.
#[inline(always)]
fn number(text: &[u8; MARKED + 8], from: usize, to: usize, marks: &Marks) -> Option<u64> {
    let count = marks.digits_from(from);
    (from + count == to && (1..=8).contains(&count)).then(|| u64::from(Digits::of(eight_at(text, from)).number(count)))
}

/// The start of a day, from `2019/5/29` at the beginning of a text, up to a blank.
#[inline(always)]
fn date_before(text: &[u8; MARKED + 8], end: usize, marks: &Marks) -> Option<i64> {
    let month_length = marks.digits_from(5);
    let day = 5 + month_length + 1;
    let day_length = marks.digits_from(day);
    let slashes = (text.get(4)?, text.get(day - 1)?) == (&b'/', &b'/');
    let one_or_two = |length| (1..=2).contains(&length);
    let lengths = marks.digits_from(0) == 4 && one_or_two(month_length) && one_or_two(day_length);
    if !slashes || !lengths || day + day_length != end {
        return None;
    }
    let year = Digits::of(eight_at(text, 0)).number(4);
    let month = Digits::of(eight_at(text, 5)).number(month_length);
    let day = Digits::of(eight_at(text, day)).number(day_length);
    (year >= 1000).then(|| days(year, month, day)).flatten().map(|days| days * 86_400)
}
