//! Times on the command line and in answers: what people write, and the zone in which times are shown.

use chrono::{DateTime, Local, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::grammar;
use crate::model::{DAY, Stamp};

/// A time as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// With an offset: an instant.
    Instant(Stamp),
    /// Without: the digits of each stream's own clock, as seconds since 1970; and whether it was a bare date.
    Digits(i64, bool),
}

impl Time {
    /// RFC 3339, without an offset where none was given.
    pub fn text(self) -> String {
        match self {
            Time::Instant(stamp) => rfc3339_of(stamp, Zone::Log),
            Time::Digits(digits, _) => {
                let text = rfc3339_of(Stamp { at: digits, offset: 0 }, Zone::Log);
                text.get(..19).unwrap_or_default().to_owned()
            }
        }
    }

    /// Whether this time is before another, as far as that can be said: an instant and digits cannot be compared.
    pub fn is_before(self, other: Time) -> bool {
        match (self, other) {
            (Time::Instant(a), Time::Instant(b)) => a.at < b.at,
            (Time::Digits(a, _), Time::Digits(b, _)) => a < b,
            _ => true,
        }
    }
}

/// What a time looks like, for error messages.
pub const TIME_FORMS: &str = "2019-05-29T12:00:00+02:00 (RFC 3339), 29/May/2019:12:00:00 +0200 (as the log writes it; the offset may be left out in both), or a date: 2019-05-29, 29/May/2019";

/// Reads a time: RFC 3339, the log's own form, or a date; the offset may be missing.
///
/// # Errors
/// Says what was expected.
pub fn parse_time(text: &str) -> Result<Time, String> {
    let text = text.trim();
    log_form(text)
        .or_else(|| rfc3339(text))
        .or_else(|| date(text))
        .ok_or_else(|| format!("expected a time such as {TIME_FORMS}"))
}

fn log_form(text: &str) -> Option<Time> {
    let text = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    if let Ok((b"", stamp)) = grammar::stamp(text.as_bytes()) {
        return Some(Time::Instant(stamp));
    }
    match grammar::stamp_digits(text.as_bytes()) {
        Ok((b"", digits)) => Some(Time::Digits(digits, false)),
        _ => None,
    }
}

/// Whether a text begins with a year as RFC 3339 has it: four digits. Others would be read, too.
fn has_year(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, c, d, b'-', ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
}

fn rfc3339(text: &str) -> Option<Time> {
    if !has_year(text) {
        return None;
    }
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        let seconds = date.offset().local_minus_utc();
        // No line has an offset of 16 hours or more.
        let offset = i16::try_from(seconds / 60).ok().filter(|minutes| minutes.abs() < 16 * 60)?;
        return (date.timestamp_subsec_nanos() == 0).then_some(Time::Instant(Stamp { at: date.timestamp(), offset }));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    // The clock of a log has no leap seconds.
    (local.and_utc().timestamp_subsec_nanos() == 0).then(|| Time::Digits(local.and_utc().timestamp(), false))
}

fn date(text: &str) -> Option<Time> {
    let midnight = if text.contains('/') { format!("{text}:00:00:00") } else { format!("{text}T00:00:00") };
    let digits = match grammar::stamp_digits(midnight.as_bytes()) {
        Ok((b"", digits)) => digits,
        _ if !has_year(text) => return None,
        _ => NaiveDateTime::parse_from_str(&midnight, "%Y-%m-%dT%H:%M:%S").ok()?.and_utc().timestamp(),
    };
    Some(Time::Digits(digits, true))
}

/// The zone in which times are shown (`--tz`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// As each line wrote it.
    #[default]
    Log,
    /// UTC.
    Utc,
    /// This machine's.
    Local,
    /// One of the IANA database.
    Named(Tz),
}

/// Reads a zone.
///
/// # Errors
/// Says what was expected.
pub fn parse_zone(text: &str) -> Result<Zone, String> {
    match text.to_ascii_lowercase().as_str() {
        "log" => Ok(Zone::Log),
        "utc" | "z" => Ok(Zone::Utc),
        "local" => Ok(Zone::Local),
        _ => match Tz::from_str_insensitive(text) {
            Ok(zone) => Ok(Zone::Named(zone)),
            Err(_) => Err("expected log, utc, local, or a zone such as Europe/Paris or America/New_York".to_owned()),
        },
    }
}

impl Zone {
    /// The stamp with the offset that this zone had then; with its own, where only that gives it a year of four digits.
    pub fn of(self, stamp: Stamp) -> Stamp {
        let seconds = match self {
            Zone::Log => return stamp,
            Zone::Utc => 0,
            Zone::Local => DateTime::from_timestamp(stamp.at, 0)
                .map_or(0, |t| t.with_timezone(&Local).offset().fix().local_minus_utc()),
            Zone::Named(tz) => DateTime::from_timestamp(stamp.at, 0)
                .map_or(0, |t| t.with_timezone(&tz).offset().fix().local_minus_utc()),
        };
        let shown = Stamp { at: stamp.at, offset: i16::try_from(seconds / 60).unwrap_or(0) };
        if (FIRST..=LAST).contains(&shown.local()) { shown } else { stamp }
    }

    /// Whether the digits of a stamp of this zone were shown twice; `None` where only the logs can say.
    pub fn repeats(self, stamp: Stamp) -> Option<bool> {
        let local = || DateTime::from_timestamp(stamp.local(), 0).map(|t| t.naive_utc());
        match self {
            Zone::Log => None,
            Zone::Utc => Some(false),
            Zone::Local => Some(matches!(Local.from_local_datetime(&local()?), chrono::LocalResult::Ambiguous(..))),
            Zone::Named(tz) => Some(matches!(tz.from_local_datetime(&local()?), chrono::LocalResult::Ambiguous(..))),
        }
    }
}

/// The first and the last second with a year of four digits, 0000 and 9999: RFC 3339 knows no other, and no stamp has one.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// Digits of a clock, as text: of year, month, day, hour, minute and second; those of the first or last writable second for all before
/// or behind it. And the number of the month.
fn digits(local: i64) -> ([[u8; 2]; 7], u32) {
    let local = local.clamp(FIRST, LAST);
    let (day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY) as u32);
    let (year, month, day) = grammar::date(day).unwrap_or((1970, 1, 1));
    let numbers = [year / 100, year % 100, month, day, second / 3600, second / 60 % 60, second % 60];
    (numbers.map(two_digits), month)
}

/// The last two digits of a number.
fn two_digits(n: u32) -> [u8; 2] {
    const ALL: [[u8; 2]; 100] = {
        let mut all = [[b'0'; 2]; 100];
        let mut n = 0;
        while n < 100 {
            all[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
            n += 1;
        }
        all
    };
    ALL.get(n as usize % 100).copied().unwrap_or_default()
}

/// Appends bytes that are known to be ASCII.
pub(crate) fn push_ascii(text: &mut String, bytes: &[u8]) {
    text.push_str(std::str::from_utf8(bytes).unwrap_or_default());
}

/// An offset: its sign, its hours and its minutes.
fn offset_digits(offset: i16) -> (u8, [[u8; 2]; 2]) {
    let minutes = u32::from(offset.unsigned_abs());
    (if offset < 0 { b'-' } else { b'+' }, [minutes / 60, minutes % 60].map(two_digits))
}

/// Appends `2019-05-29T12:00:00+02:00`; `Z` for UTC if asked for by name.
pub fn push_rfc3339(text: &mut Vec<u8>, stamp: Stamp, zone: Zone) {
    let stamp = zone.of(stamp);
    let ([[a, b], [c, d], [e, f], [g, h], [i, j], [k, l], [m, n]], _) = digits(stamp.local());
    let (sign, [[o, p], [q, r]]) = offset_digits(stamp.offset);
    let all = [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, sign, o, p, b':', q, r];
    match all.split_last_chunk::<6>() {
        Some((digits, _)) if zone == Zone::Utc && stamp.offset == 0 => {
            text.extend_from_slice(digits);
            text.push(b'Z');
        }
        _ => text.extend_from_slice(&all),
    }
}

/// `2019-05-29T12:00:00+02:00`; `Z` for UTC if asked for by name.
pub fn rfc3339_of(stamp: Stamp, zone: Zone) -> String {
    let mut text = Vec::with_capacity(25);
    push_rfc3339(&mut text, stamp, zone);
    String::from_utf8(text).unwrap_or_default()
}

/// How many columns [`log_bytes`] takes.
pub const LOG_WIDTH: usize = "29/May/2019:12:00:00".len();
/// How many columns [`log_offset`] takes.
pub const OFFSET_WIDTH: usize = "+0200".len();

/// `29/May/2019:12:00:00`, as the logs and the vendor's tool write it, in bytes.
pub fn log_bytes(stamp: Stamp) -> [u8; LOG_WIDTH] {
    const MONTHS: [[u8; 3]; 12] =
        [*b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct", *b"Nov", *b"Dec"];
    let ([[a, b], [c, d], _, [g, h], [i, j], [k, l], [m, n]], month) = digits(stamp.local());
    let [x, y, z] = MONTHS.get(month as usize - 1).copied().unwrap_or(*b"???");
    [g, h, b'/', x, y, z, b'/', a, b, c, d, b':', i, j, b':', k, l, b':', m, n]
}

/// `29/May/2019:12:00:00`
pub fn log_digits(stamp: Stamp) -> String {
    let mut text = String::with_capacity(LOG_WIDTH);
    push_ascii(&mut text, &log_bytes(stamp));
    text
}

/// `+0200`
pub fn log_offset(offset: i16) -> String {
    let (sign, [[a, b], [c, d]]) = offset_digits(offset);
    let digits: [u8; OFFSET_WIDTH] = [sign, a, b, c, d];
    let mut text = String::with_capacity(OFFSET_WIDTH);
    push_ascii(&mut text, &digits);
    text
}

/// A stamp as the logs write it, with its offset.
pub fn written(stamp: Stamp) -> String {
    format!("{} {}", log_digits(stamp), log_offset(stamp.offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let instant = |at, offset| Ok(Time::Instant(Stamp { at, offset }));
        assert_eq!(parse_time("2019-05-29T12:00:00+02:00"), instant(1_559_124_000, 120));
        assert_eq!(parse_time("2019-05-29T10:00:00Z"), instant(1_559_124_000, 0));
        assert_eq!(parse_time("29/May/2019:12:00:00 +0200"), instant(1_559_124_000, 120));
        assert_eq!(parse_time("[29/May/2019:12:00:00 +0200]"), instant(1_559_124_000, 120));
        assert_eq!(parse_time("29/May/2019:12:00:00"), Ok(Time::Digits(1_559_131_200, false)));
        assert_eq!(parse_time("2019-05-29T12:00:00"), Ok(Time::Digits(1_559_131_200, false)));
        assert_eq!(parse_time("2019-05-29 12:00"), Ok(Time::Digits(1_559_131_200, false)));
        assert_eq!(parse_time("2019-05-29"), Ok(Time::Digits(1_559_088_000, true)));
        assert_eq!(parse_time("29/May/2019"), Ok(Time::Digits(1_559_088_000, true)));
        for bad in [
            "",
            "yesterday",
            "2019-02-30",
            "2019-05-29T25:00:00",
            "30/Feb/2019",
            "12:00",
            "2019-05-29T12:00:00+99:00",
            "2019-05-29T12:00:00+16:00",
            "-019-05-29T12:00:00",
            "+12345-05-29",
            "2016-12-31T23:59:60",
        ] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones() {
        let stamp = Stamp { at: 1_559_124_000, offset: 120 };
        assert_eq!(rfc3339_of(stamp, Zone::Log), "2019-05-29T12:00:00+02:00");
        assert_eq!(rfc3339_of(stamp, Zone::Utc), "2019-05-29T10:00:00Z");
        assert_eq!(rfc3339_of(stamp, parse_zone("America/New_York").unwrap()), "2019-05-29T06:00:00-04:00");
        assert_eq!(rfc3339_of(Stamp { at: 0, offset: -210 }, Zone::Log), "1969-12-31T20:30:00-03:30");
        assert_eq!(log_digits(stamp), "29/May/2019:12:00:00");
        assert!(parse_zone("Mars/Olympus").is_err());
        let eve = Stamp { at: LAST + 3600, offset: -120 };
        assert_eq!(rfc3339_of(eve, Zone::Log), "9999-12-31T22:59:59-02:00");
        assert_eq!(rfc3339_of(eve, Zone::Utc), "9999-12-31T22:59:59-02:00");
        assert_eq!(rfc3339_of(eve, parse_zone("America/New_York").unwrap()), "9999-12-31T19:59:59-05:00");
        let dawn = Stamp { at: FIRST - 3600, offset: 60 };
        assert_eq!(rfc3339_of(dawn, Zone::Utc), "0000-01-01T00:00:00+01:00");
        assert_eq!(rfc3339_of(Stamp { at: FIRST - 7200, offset: 60 }, Zone::Log), "0000-01-01T00:00:00+01:00");
        let twice = Stamp { at: 1_572_136_200, offset: 120 };
        assert_eq!(parse_zone("Europe/Berlin").unwrap().repeats(twice), Some(true));
    }
}
