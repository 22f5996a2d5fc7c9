//! The stamp: when a line was written, by the clock and in the zone of its host.

use nom::Parser;
use nom::bytes::complete::{tag, take};
use nom::combinator::map_opt;

use super::eight::all_digits;
use super::{Fault, Parsed, fault};
use crate::model::{DAY, Stamp};

/// Days of four hundred years.
const ERA: u32 = 146_097;
/// Days from 1 March of the year −400 to 1970-01-01: behind that, no number of [`days`] and [`date`] is negative.
const EPOCH: i64 = 719_468 + ERA as i64;

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, up to the year 9999; `None` where there is no
/// such day. The years are counted from March, so that the leap day is the last of its year.
pub fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    if year > 9999 || !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    let (years, months) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    let whole_years = years * 365 + years / 4 - years / 100 + years / 400;
    let whole_months = (months * 153 + 2) / 5;
    Some(i64::from(whole_years + whole_months + day - 1) - EPOCH)
}

/// Year, month and day of a day since 1970-01-01; `None` for what is not in the years 0 to 9999. The inverse of
/// [`days`], whose years begin in March as well.
pub fn date(day: i64) -> Option<(u32, u32, u32)> {
    let days = u32::try_from(day.checked_add(EPOCH)?).ok()?;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let (month, turned) = if months < 10 { (months + 3, 0) } else { (months - 9, 1) };
    let year = (era * 400 + year_of_era + turned).checked_sub(400)?;
    (year <= 9999).then_some((year, month, day))
}

/// How many days a month has.
fn month_length(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// `2DIGIT`, as a number.
#[inline]
pub(super) fn two_digits(input: &[u8]) -> Parsed<'_, u32> {
    match input {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => Ok((rest, u32::from(a - b'0') * 10 + u32::from(b - b'0'))),
        _ => fault("2DIGIT"),
    }
}

/// `4DIGIT`, as a number.
#[inline]
pub(super) fn four_digits(input: &[u8]) -> Parsed<'_, u32> {
    let (rest, high) = two_digits(input)?;
    let (rest, low) = two_digits(rest)?;
    Ok((rest, high * 100 + low))
}

/// `month = "Jan" / "Feb" / … / "Dec"`, as 1 to 12.
pub(super) fn month(input: &[u8]) -> Parsed<'_, u32> {
    map_opt(take(3usize), |name: &[u8]| {
        const NAMES: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
        let index = NAMES.chunks_exact(3).position(|m| m == name)?;
        u32::try_from(index + 1).ok()
    })
    .parse(input)
}

/// `time = 2DIGIT ":" 2DIGIT ":" 2DIGIT`, as seconds of the day.
pub fn time(input: &[u8]) -> Parsed<'_, u32> {
    match input.split_first_chunk().map(|(text, rest)| (clock(u64::from_le_bytes(*text)), rest)) {
        Some((Some((8, second)), rest)) if i64::from(second) < DAY => Ok((rest, second)),
        _ => fault("time"),
    }
}

/// `1*2DIGIT ":" 2DIGIT ":" 2DIGIT`, looked at as [`eight`](super::eight::eight) bytes: its length, and all of it in seconds.
#[inline(always)]
pub(super) fn clock(text: u64) -> Option<(usize, u32)> {
    const SHAPE: u64 = u64::from_le_bytes(*b"00:00:00");
    const COLONS: u64 = u64::from_le_bytes([0, 0, 0xFF, 0, 0, 0xFF, 0, 0]);
    let mut text = text;
    let mut length = 8;
    if text >> 8 & 0xFF == u64::from(b':') {
        text = text << 8 | u64::from(b'0');
        length = 7;
    }
    let digits = text ^ SHAPE;
    if !all_digits(digits) || digits & COLONS != 0 {
        return None;
    }
    let pairs = digits * 10 + (digits >> 8);
    let pair = |at: u32| (pairs >> (8 * at) & 0xFF) as u32;
    let (hours, minutes, seconds) = (pair(0), pair(3), pair(6));
    (minutes < 60 && seconds < 60).then_some((length, hours * 3600 + minutes * 60 + seconds))
}

/// Whether [`time`] reads a text of eight bytes, in the fewest steps.
#[inline]
pub fn is_clock(text: &[u8; 8]) -> bool {
    const SHAPE: u64 = u64::from_le_bytes(*b"00:00:00");
    /// What each byte lacks to its highest bit when it is as great as it may be.
    const ROOM: u64 = u64::from_le_bytes([0x7d, 0x76, 0x7f, 0x7a, 0x76, 0x7f, 0x7a, 0x76]);
    let digits = u64::from_le_bytes(*text) ^ SHAPE;
    let too_great = (digits | digits.wrapping_add(ROOM)) & 0x8080_8080_8080_8080;
    too_great == 0 && (digits & 0xFF) * 10 + (digits >> 8 & 0xFF) < 24
}

/// `"+" / "-"`: whether the offset is one of the east.
pub(super) fn sign(input: &[u8]) -> Parsed<'_, bool> {
    match input {
        [b'+', rest @ ..] => Ok((rest, true)),
        [b'-', rest @ ..] => Ok((rest, false)),
        _ => fault("offset"),
    }
}

/// An offset in minutes; at most 15 hours and 59 minutes.
pub(super) fn minutes_east(east: bool, hours: u32, minutes: u32) -> Option<i16> {
    let total = i16::try_from(hours * 60 + minutes).ok().filter(|_| hours <= 15 && minutes <= 59)?;
    Some(if east { total } else { -total })
}

/// `offset = ("+" / "-") 2DIGIT 2DIGIT`, as minutes; at most 15 hours and 59 minutes.
pub(super) fn offset(input: &[u8]) -> Parsed<'_, i16> {
    let (rest, east) = sign(input)?;
    let (rest, hours) = two_digits(rest)?;
    let (rest, minutes) = two_digits(rest)?;
    match minutes_east(east, hours, minutes) {
        Some(offset) => Ok((rest, offset)),
        None => fault("offset"),
    }
}

/// `digits = 2DIGIT "/" month "/" 4DIGIT ":" time`: the clock's digits, as seconds since 1970 on that clock.
pub fn stamp_digits(input: &[u8]) -> Parsed<'_, i64> {
    let (rest, day) = two_digits(input)?;
    let (rest, _) = tag::<_, _, Fault>("/").parse(rest)?;
    let (rest, month) = month(rest)?;
    let (rest, _) = tag::<_, _, Fault>("/").parse(rest)?;
    let (rest, year) = four_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>(":").parse(rest)?;
    let (rest, second) = time(rest)?;
    match days(year, month, day) {
        Some(days) => Ok((rest, days * DAY + i64::from(second))),
        None => fault("date"),
    }
}

/// `stamp = digits SP offset`: 26 bytes, `29/May/2019:10:44:56 +0200`.
pub fn stamp(input: &[u8]) -> Parsed<'_, Stamp> {
    let (rest, local) = stamp_digits(input)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (rest, offset) = offset(rest)?;
    Ok((rest, Stamp { at: local - i64::from(offset) * 60, offset }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks() {
        for (hour, minute, second) in (0..30).flat_map(|h| (0..70).map(move |m| (h, m, (h * 7 + m * 11) % 70))) {
            let text = format!("{hour:02}:{minute:02}:{second:02}");
            let bytes: [u8; 8] = text.as_bytes().try_into().unwrap();
            assert_eq!(is_clock(&bytes), time(&bytes).is_ok(), "{text}");
            for (at, byte) in (0..8).flat_map(|at| b"0:/ a\xff-".map(|byte| (at, byte))) {
                let mut other = bytes;
                other[at] = byte;
                assert_eq!(is_clock(&other), time(&other).is_ok(), "{other:?}");
            }
        }
    }

    #[test]
    fn dates_are_days_back() {
        let first = days(0, 1, 1).unwrap();
        let last = days(9999, 12, 31).unwrap();
        // The last day of an era of 400 years, too.
        let leap_days = (0..=9600).step_by(400).filter_map(|year| days(year, 2, 29));
        for day in (first..=last).step_by(7).chain(last - 800..=last).chain(leap_days) {
            let (y, m, d) = date(day).unwrap();
            assert_eq!(days(y, m, d), Some(day));
        }
        for day in [first - 1, last + 1, i64::MIN, i64::MAX, i64::from(u32::MAX)] {
            assert_eq!(date(day), None, "{day}");
        }
    }

    #[test]
    fn days_are_those_of_another_calendar() {
        for year in (1900..=2200).chain([0, 1, 4, 100, 400, 1582, 9999]) {
            for (month, day) in (0..=13).flat_map(|month| (0..=32).map(move |day| (month, day))) {
                let date = chrono::NaiveDate::from_ymd_opt(i32::try_from(year).unwrap(), month, day);
                let expected = date.map(|d| d.signed_duration_since(chrono::NaiveDate::default()).num_days());
                assert_eq!(days(year, month, day), expected, "{year}-{month}-{day}");
            }
        }
        assert_eq!(days(10_000, 1, 1), None);
    }

    #[test]
    fn stamps() {
        let good: &[(&str, i64, i16, &str)] = &[
            ("29/May/2019:10:44:56 +0200] x", 1_559_119_496, 120, "] x"),
            ("08/Jan/2002:11:30:00 +0100", 1_010_485_800, 60, ""),
            ("30/Aug/2004:16:53:05 -0700", 1_093_909_985, -420, ""),
            ("29/Feb/2004:00:00:00 +0000", 1_078_012_800, 0, ""),
            ("01/Jan/1970:00:00:00 +0530", -19_800, 330, ""),
            ("31/Dec/2019:23:59:59 +0000", 1_577_836_799, 0, ""),
            ("01/Jan/2020:00:00:00 +1559", 1_577_779_260, 959, ""),
        ];
        for (text, at, offset, rest) in good {
            let (left, got) = stamp(text.as_bytes()).unwrap();
            assert_eq!((got.at, got.offset, left), (*at, *offset, rest.as_bytes()), "{text}");
        }
    }

    #[test]
    fn impossible_stamps() {
        for text in [
            "30/Feb/2019:10:44:56 +0200",
            "29/Feb/2019:10:44:56 +0200",
            "00/May/2019:10:44:56 +0200",
            "29/Mai/2019:10:44:56 +0200",
            "29/May/2019:24:00:00 +0200",
            "29/May/2019:10:60:00 +0200",
            "29/May/2019:10:44:60 +0200",
            "29/May/2019:10:44:56 +1600",
            "29/May/2019:10:44:56 +0260",
            "29/May/2019:10:44:56 0200",
            "9/May/2019:10:44:56 +0200",
            "",
        ] {
            assert!(stamp(text.as_bytes()).is_err(), "{text}");
        }
    }
}
