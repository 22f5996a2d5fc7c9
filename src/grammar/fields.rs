//! The terminals of messages: number, word, duration and the start field of a close line.

use nom::Parser;
use nom::bytes::complete::{tag, take_while1};

use super::stamp::{days, two_digits};
use super::{Fault, Parsed, fault};

/// `word = 1*(any byte but SP)`.
pub fn word(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b| b != b' ').parse(input)
}

/// `number = 1*DIGIT`, up to 2^64 − 1.
#[inline]
pub fn number(input: &[u8]) -> Parsed<'_, u64> {
    let mut n: u64 = 0;
    let mut rest = input;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        match n.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit - b'0'))) {
            Some(more) => n = more,
            None => return fault("number"),
        }
        rest = after;
    }
    if rest.len() == input.len() { fault("number") } else { Ok((rest, n)) }
}

/// Some digits, at most as many as `longest` allows.
#[inline]
fn short_number(input: &[u8], longest: usize) -> Parsed<'_, u32> {
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

/// `duration = 1*6DIGIT ":" 2DIGIT ":" 2DIGIT`, as seconds: hours, minutes, seconds.
pub fn duration(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, hours) = short_number(input, 6)?;
    let (rest, _) = tag::<_, _, Fault>(":").parse(rest)?;
    let (rest, minutes) = two_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>(":").parse(rest)?;
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
pub fn start(input: &[u8]) -> Parsed<'_, Start> {
    let (rest, year) = short_number(input, 4)?;
    let (rest, _) = tag::<_, _, Fault>("/").parse(rest)?;
    let (rest, month) = short_number(rest, 2)?;
    let (rest, _) = tag::<_, _, Fault>("/").parse(rest)?;
    let (rest, day) = short_number(rest, 2)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (rest, hour) = short_number(rest, 2)?;
    let (rest, _) = tag::<_, _, Fault>(":").parse(rest)?;
    let (rest, minute) = two_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>(":").parse(rest)?;
    let (rest, second) = two_digits(rest)?;
    if input.len() - rest.len() < 14 || year < 1000 || hour > 23 || minute > 59 || second > 59 {
        return fault("start");
    }
    match days(year, month, day) {
        Some(days) => {
            Ok((rest, Start { local: days * 86_400 + i64::from(hour * 3600 + minute * 60 + second) }))
        }
        None => fault("start"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"12483 5"), Ok((&b" 5"[..], 12483)));
        assert_eq!(number(b"18446744073709551615"), Ok((&b""[..], u64::MAX)));
        assert!(number(b"18446744073709551616").is_err());
        assert!(number(b"-1").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(duration(b"0:06:35 1"), Ok((&b" 1"[..], 395)));
        assert_eq!(duration(b"123:00:01"), Ok((&b""[..], 442_801)));
        for bad in ["0:60:00", "0:00:60", "0:0:0", "1234567:00:00", ":00:00", ""] {
            assert!(duration(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn starts() {
        let table: &[(&str, i64)] = &[
            ("1998/12/3 6:54:32", 912_668_072),
            ("1998/12/03 06:54:32", 912_668_072),
            ("2019/5/29 8:39:42", 1_559_119_182),
        ];
        for (text, local) in table {
            assert_eq!(start(text.as_bytes()), Ok((&b""[..], Start { local: *local })), "{text}");
        }
        for bad in ["2019/2/29 8:39:42", "2019/13/1 8:39:42", "2019/5/29 24:00:00", "19/5/29 8:39:42", "2019/5/29"] {
            assert!(start(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
