//! Lines taken apart. What is not exactly as it would be printed is left whole.

use memchr::memchr;

use super::row::{Address, Close, Entry, Frame, Printer, Row, Said, Shape, Spelled, Who};
use crate::grammar::{duration, number, stamp_digits, start};

/// The length of `29/May/2019:10:44:56`.
const DIGITS: usize = 20;
/// `Category Level` is no longer than this.
const LONGEST_LEVEL: usize = 40;
/// How messages with fields begin.
const BEGINNINGS: [(&[u8], Shape); 5] = [
    (b"login [", Shape::Login),
    (b"close [", Shape::Close),
    (b"badlogin: [", Shape::Refused),
    (b"connect [", Shape::Login),
    (b"logout [", Shape::Close),
];

/// Takes lines apart. It remembers the last stamp, and prints each line to see whether it is the same again.
#[derive(Debug, Default)]
pub(super) struct Taker {
    text: [u8; DIGITS],
    digits: i64,
    printer: Printer,
    printed: Vec<u8>,
}

impl Taker {
    /// The row of a line, which is given without its end.
    pub(super) fn take<'a>(&mut self, line: &'a [u8]) -> Row<'a> {
        let Some((entry, length)) = self.entry(line) else { return Row::Text(line) };
        // Where a frame ends and what its lines say is found first, and then, of those with fields, the fields.
        let message = line.get(length..).unwrap_or_default();
        let with_fields = || {
            let (begin, shape) = *BEGINNINGS.iter().find(|(begin, _)| message.starts_with(begin))?;
            let behind = line.get(length - entry.frame.behind.len()..length + begin.len())?;
            let said = said(shape, message.get(begin.len()..)?)?;
            Some(Row::Entry(Entry { frame: Frame { shape, behind, ..entry.frame }, said, ..entry }))
        };
        if let Some(row) = with_fields()
            && self.is_printed_as(&row, line)
        {
            return row;
        }
        let row = Row::Entry(Entry { said: Said::Message(message), ..entry });
        if self.is_printed_as(&row, line) { row } else { Row::Text(line) }
    }

    fn is_printed_as(&mut self, row: &Row<'_>, line: &[u8]) -> bool {
        self.printed.clear();
        self.printer.print(row, &mut self.printed).is_some() && self.printed == line
    }

    /// The entry of a line, with nothing said yet, and where its message begins.
    fn entry<'a>(&mut self, line: &'a [u8]) -> Option<(Entry<'a>, usize)> {
        let (text, rest) = line.strip_prefix(b"[")?.split_first_chunk::<DIGITS>()?;
        if *text != self.text {
            let (b"", digits) = stamp_digits(text).ok()? else { return None };
            (self.text, self.digits) = (*text, digits);
        }
        let (before, rest) = rest.split_at_checked(memchr(b'[', rest)? + 1)?;
        let (behind, pid) = number(rest).ok()?;
        let level = behind.strip_prefix(b"]: ")?;
        let window = level.get(..LONGEST_LEVEL.min(level.len()))?;
        let length = match memchr(b':', window) {
            Some(colon) if level.get(colon + 1) == Some(&b' ') => 3 + colon + 2,
            _ => 3,
        };
        let frame = Frame { shape: Shape::Message, before, behind: behind.get(..length)? };
        let message = line.len() - behind.len() + length;
        let pid = u32::try_from(pid).ok()?;
        Some((Entry { digits: self.digits, frame, pid, said: Said::Message(b"") }, message))
    }
}

/// The fields of a message, from behind the bracket on.
fn said(shape: Shape, fields: &[u8]) -> Option<Said<'_>> {
    let (peer, rest) = peer(fields)?;
    match shape {
        Shape::Message => None,
        Shape::Login => {
            let (user, more) = word(rest);
            Some(Said::Login(Who { peer, user }, more))
        }
        Shape::Refused => {
            let (mechanism, rest) = word(rest);
            let (user, more) = word(rest.strip_prefix(b" ")?);
            Some(Said::Refused(Who { peer, user }, mechanism, more))
        }
        Shape::Close => {
            let (user, rest) = word(rest);
            let (rest, start) = start(rest.strip_prefix(b" ")?).ok()?;
            let (mut rest, seconds) = duration(rest.strip_prefix(b" ")?).ok()?;
            let mut counts = [0; 3];
            for count in &mut counts {
                (rest, *count) = number(rest.strip_prefix(b" ")?).ok()?;
            }
            let close = Close { start: start.local, duration: i64::from(seconds), counts };
            Some(Said::Close(Who { peer, user }, close, rest))
        }
    }
}

/// A text up to its first blank, and the rest.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(memchr(b' ', text).unwrap_or(text.len()))
}

/// A peer, and what follows its bracket and blank.
fn peer(text: &[u8]) -> Option<(Spelled<'_>, &[u8])> {
    let mut ends = memchr::memchr_iter(b']', text).filter(|end| text.get(end + 1) == Some(&b' '));
    let end = ends.next()?;
    Some((spelled(text.get(..end)?), text.get(end + 2..)?))
}

/// What stands behind the last colon is a port, if it can be one; what stands before it, an address of IPv4 or a text.
fn spelled(text: &[u8]) -> Spelled<'_> {
    let port = || {
        let colon = memchr::memrchr(b':', text)?;
        Some((text.get(..colon)?, whole_number(text.get(colon + 1..)?)?))
    };
    let (address, port) = port().map_or((text, None), |(address, port)| (address, Some(port)));
    Spelled { address: v4(address).map_or(Address::Text(address), Address::V4), port }
}

/// Four octets.
fn v4(text: &[u8]) -> Option<u32> {
    let (mut ip, mut rest) = (0, text);
    for _ in 0..3 {
        let dot = rest.iter().take(4).position(|b| *b == b'.')?;
        ip = ip << 8 | u32::from(whole_number::<u8>(rest.get(..dot)?)?);
        rest = rest.get(dot + 1..)?;
    }
    Some(ip << 8 | u32::from(whole_number::<u8>(rest)?))
}

/// A number that fills a text, without zeros before other digits.
fn whole_number<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    let (b"", n) = number(text).ok()? else { return None };
    if text.len() > 1 && text.starts_with(b"0") { None } else { T::try_from(n).ok() }
}
