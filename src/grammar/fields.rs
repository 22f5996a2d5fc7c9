//! The terminals of messages: number, word, duration and the start field of a close line.

use nom::Parser;
use nom::bytes::complete::take_while1;

use super::eight::{Digits, eight};
use super::stamp::{clock, days, four_digits, two_digits};
use super::{Parsed, fault};
use crate::model::DAY;

/// `word = 1*(any byte but SP)`.
pub fn word(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b| b != b' ').parse(input)
}

/// `number = 1*DIGIT`, up to 2^64 − 1.
#[inline]
pub fn number(input: &[u8]) -> Parsed<'_, u64> {
    /// So many digits always fit.
    const SAFE: usize = 19;
    let digits = Digits::of(eight(input));
    if let count @ 1..=7 = digits.count()
        && let Some(rest) = input.get(count..)
    {
        return Ok((rest, u64::from(digits.number(count))));
    }
    let mut n: u64 = 0;
    let mut rest = input;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        n = n.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        rest = after;
    }
    match input.len() - rest.len() {
        0 => fault("number"),
        1..=SAFE => Ok((rest, n)),
        length => long_number(input.split_at(length)),
    }
}

/// A number that may be too great, from its digits and what follows them.
#[cold]
fn long_number<'a>((digits, rest): (&[u8], &'a [u8])) -> Parsed<'a, u64> {
    let more = |n: u64, digit: &u8| n.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    match digits.iter().try_fold(0, more) {
        Some(n) => Ok((rest, n)),
        None => fault("number"),
    }
}

/// Some digits, at most as many as `longest` allows, which is 9 or less.
#[inline]
pub(super) fn short_number(input: &[u8], longest: usize) -> Parsed<'_, u32> {
    let mut n = 0;
    let mut rest = input;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        n = n * 10 + u32::from(digit - b'0');
        rest = after;
        if input.len() - rest.len() > longest {
            return fault("number");
        }
    }
    if rest.len() == input.len() { fault("number") } else { Ok((rest, n)) }
}

/// `1*2DIGIT`, as a number. A third digit is left to what follows.
#[inline]
pub(super) fn one_or_two_digits(input: &[u8]) -> Parsed<'_, u32> {
    match input {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Ok((rest, u32::from(a - b'0') * 10 + u32::from(b - b'0'))),
        [a @ b'0'..=b'9', rest @ ..] => Ok((rest, u32::from(a - b'0'))),
        _ => fault("1*2DIGIT"),
    }
}

/// `duration = 1*6DIGIT ":" 2DIGIT ":" 2DIGIT`, as seconds: hours, minutes, seconds.
#[inline]
pub fn duration(input: &[u8]) -> Parsed<'_, u32> {
    match clock(eight(input)).and_then(|(length, seconds)| Some((input.get(length..)?, seconds))) {
        Some(read) => Ok(read),
        None => long_duration(input),
    }
}

#[cold]
fn long_duration(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, hours) = short_number(input, 6)?;
    let [b':', rest @ ..] = rest else { return fault("duration") };
    let (rest, minutes) = two_digits(rest)?;
    let [b':', rest @ ..] = rest else { return fault("duration") };
    let (rest, seconds) = two_digits(rest)?;
    if minutes > 59 || seconds > 59 {
        return fault("duration");
    }
    Ok((rest, hours * 3600 + minutes * 60 + seconds))
}

/// The start field of a close line: the digits of the host's clock at connect, without an offset (R4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// Seconds since 1970-01-01T00:00:00 on the host's clock.
    pub local: i64,
}

/// `start = 4DIGIT "/" 1*2DIGIT "/" 1*2DIGIT SP 1*2DIGIT ":" 2DIGIT ":" 2DIGIT`: `2019/5/29 8:39:42`.
#[inline]
pub fn start(input: &[u8]) -> Parsed<'_, Start> {
    let (rest, midnight) = midnight(input)?;
    let Some((length, second)) = clock(eight(rest)) else { return fault("start") };
    match rest.get(length..) {
        Some(rest) if i64::from(second) < DAY => Ok((rest, Start { local: midnight + i64::from(second) })),
        _ => fault("start"),
    }
}

/// The day of a [`start`], up to and with the blank behind it, as its first second since 1970.
#[inline]
fn midnight(input: &[u8]) -> Parsed<'_, i64> {
    let (rest, year) = four_digits(input)?;
    let [b'/', rest @ ..] = rest else { return fault("start") };
    let (rest, month) = one_or_two_digits(rest)?;
    let [b'/', rest @ ..] = rest else { return fault("start") };
    let (rest, day) = one_or_two_digits(rest)?;
    let [b' ', rest @ ..] = rest else { return fault("start") };
    match days(year, month, day) {
        Some(days) if year >= 1000 => Ok((rest, days * DAY)),
        _ => fault("start"),
    }
}

/// The day of a start field with its blank, known again by its text: the next one nearly always has the same.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    /// Its text as the lowest of sixteen bytes, and which bits of those it takes.
    text: u128,
    mask: u128,
    length: usize,
    midnight: i64,
}

impl Default for Day {
    /// None: no text is this one.
    fn default() -> Day {
        Day { text: 1, mask: 0, length: 0, midnight: 0 }
    }
}

impl Day {
    /// As [`start`], of a text that begins with a start field.
    #[inline]
    pub fn start(&mut self, input: &[u8]) -> Option<Start> {
        let (length, midnight) = self.read(input)?;
        let (_, second) = clock(eight(input.get(length..)?))?;
        (i64::from(second) < DAY).then(|| Start { local: midnight + i64::from(second) })
    }

    /// The length of the day, with its blank, that a text begins with, and its first second since 1970.
    #[inline(always)]
    pub(super) fn read(&mut self, input: &[u8]) -> Option<(usize, i64)> {
        let is_known = |text: &[u8; 16]| u128::from_le_bytes(*text) & self.mask == self.text;
        if !input.first_chunk().is_some_and(is_known) {
            *self = Day::of(input)?;
        }
        Some((self.length, self.midnight))
    }

    #[inline(never)]
    fn of(input: &[u8]) -> Option<Day> {
        let (rest, midnight) = midnight(input).ok()?;
        let length = input.len() - rest.len();
        let mask = !(u128::MAX << (8 * length));
        let [low, high] = [input, input.get(8..)?].map(|text| u128::from(eight(text)));
        Some(Day { text: (low | high << 64) & mask, mask, length, midnight })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"12483 5"), Ok((&b" 5"[..], 12483)));
        assert_eq!(number(b"18446744073709551615"), Ok((&b""[..], u64::MAX)));
        assert_eq!(number(b"000000000000000000000007."), Ok((&b"."[..], 7)));
        assert!(number(b"18446744073709551616").is_err());
        assert!(number(b"99999999999999999999999999999999999999999").is_err());
        assert!(number(b"-1").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration(b"0:06:35 1"), Ok((&b" 1"[..], 395)));
        assert_eq!(duration(b"123:00:01"), Ok((&b""[..], 442_801)));
        assert_eq!(duration(b"1:02:03 1"), Ok((&b" 1"[..], 3723)));
        assert_eq!(duration(b"12:34:56"), Ok((&b""[..], 45_296)));
        assert_eq!(duration(b"123456:59:59 1"), Ok((&b" 1"[..], 444_445_199)));
        let bad: [&[u8]; 10] = [
            b"0:60:00",
            b"0:00:60",
            b"123:60:00",
            b"123:00:60",
            b"0:0:0",
            b"1234567:00:00",
            b":00:00",
            b"",
            b"\xb0:00:00 ",
            b"0:0\xb9:00 ",
        ];
        for bad in bad {
            assert!(duration(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn starts() {
        let table: &[(&str, i64)] = &[
            ("1998/12/3 6:54:32", 912_668_072),
            ("1998/12/03 06:54:32", 912_668_072),
            ("2019/5/29 8:39:42", 1_559_119_182),
            ("1000/1/1 0:00:00", -30_610_224_000),
            ("2019/12/31 23:59:59", 1_577_836_799),
        ];
        for (text, local) in table {
            assert_eq!(start(text.as_bytes()), Ok((&b""[..], Start { local: *local })), "{text}");
        }
        // A day is kept by its text: else each would be read.
        for (text, _) in table {
            let mut day = Day::default();
            day.start(text.as_bytes());
            let length = text.find(' ').unwrap() + 1;
            let sixteen = u128::from_le_bytes(*text.as_bytes().first_chunk().unwrap());
            assert_eq!((day.text, day.length), (sixteen & !(u128::MAX << (8 * length)), length), "{text}");
        }
        // Whichever day is known, and whatever stands behind.
        for ((known, _), (text, local)) in table.iter().flat_map(|known| table.iter().map(move |text| (known, text))) {
            let mut day = Day::default();
            for text in [known, text, &*format!("{text} 0:01:00 12 345678 3")].map(str::as_bytes) {
                assert_eq!(day.start(text), start(text).ok().map(|(_, start)| start), "{}", text.escape_ascii());
            }
            assert_eq!(day.start(text.as_bytes()), Some(Start { local: *local }), "{known} and {text}");
        }
        for bad in [
            "2019/2/29 8:39:42",
            "2019/13/1 8:39:42",
            "2019/5/29 24:00:00",
            "19/5/29 8:39:42",
            "2019/5/29",
            "0999/5/29 8:39:42",
            "12019/5/29 8:39:42",
            "2019/005/29 8:39:42",
            "2019/5/029 8:39:42",
            "2019/5/29 008:39:42",
            "2019/0/29 8:39:42",
            "2019/5/0 8:39:42",
            "2019/5/29 8:39:4",
            "2019/5/29  8:39:42",
        ] {
            assert!(start(bad.as_bytes()).is_err(), "{bad}");
            for padded in [format!("{bad:20}"), bad.to_owned()] {
                let mut day = Day::default();
                day.start(b"2019/5/29 8:39:42");
                assert_eq!([day.start(padded.as_bytes()), Day::default().start(padded.as_bytes())], [None; 2], "{bad}");
            }
        }
    }
}
