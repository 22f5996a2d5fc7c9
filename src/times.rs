//! Times on the command line and in answers: what people write, and the zone in which times are shown.

use chrono::{DateTime, Local, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use crate::grammar;
use crate::model::Stamp;

/// A time as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// With an offset: an instant.
    Instant(Stamp),
    /// Without: the digits of each stream's own clock, as seconds since 1970; and whether it was a bare date.
    Digits(i64, bool),
}

/// What a time looks like, for error messages.
pub const TIME_FORMS: &str = "2019-05-29T12:00:00+02:00 (RFC 3339), 29/May/2019:12:00:00 +0200 (as the log writes it; the offset may be left out in both), or a date: 2019-05-29, 29/May/2019";

/// Reads a time: RFC 3339, the log's own form, or a date; the offset may be missing.
///
/// # Errors
/// Says what was expected.
pub fn parse_time(text: &str) -> Result<Time, String> {
    let text = text.trim();
    log_form(text).or_else(|| rfc3339(text)).or_else(|| date(text)).ok_or_else(|| format!("expected a time such as {TIME_FORMS}"))
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

fn rfc3339(text: &str) -> Option<Time> {
    if let Ok(date) = DateTime::parse_from_rfc3339(text) {
        let seconds = date.offset().local_minus_utc();
        let offset = i16::try_from(seconds / 60).ok()?;
        return (date.timestamp_subsec_nanos() == 0).then_some(Time::Instant(Stamp { at: date.timestamp(), offset }));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(Time::Digits(local.and_utc().timestamp(), false))
}

fn date(text: &str) -> Option<Time> {
    let midnight = if text.contains('/') { format!("{text}:00:00:00") } else { format!("{text}T00:00:00") };
    let digits = match grammar::stamp_digits(midnight.as_bytes()) {
        Ok((b"", digits)) => digits,
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
    /// The stamp with the offset that this zone had then.
    pub fn of(self, stamp: Stamp) -> Stamp {
        let seconds = match self {
            Zone::Log => return stamp,
            Zone::Utc => 0,
            Zone::Local => DateTime::from_timestamp(stamp.at, 0).map_or(0, |t| t.with_timezone(&Local).offset().fix().local_minus_utc()),
            Zone::Named(tz) => DateTime::from_timestamp(stamp.at, 0).map_or(0, |t| t.with_timezone(&tz).offset().fix().local_minus_utc()),
        };
        Stamp { at: stamp.at, offset: i16::try_from(seconds / 60).unwrap_or(0) }
    }

    /// Whether the digits of a stamp of this zone were shown twice; `None` where only the logs can say.
    pub fn repeats(self, stamp: Stamp) -> Option<bool> {
        let local = DateTime::from_timestamp(stamp.local(), 0).map(|t| t.naive_utc())?;
        match self {
            Zone::Log => None,
            Zone::Utc => Some(false),
            Zone::Local => Some(matches!(Local.from_local_datetime(&local), chrono::LocalResult::Ambiguous(..))),
            Zone::Named(tz) => Some(matches!(tz.from_local_datetime(&local), chrono::LocalResult::Ambiguous(..))),
        }
    }
}

/// Digits of a clock: year, month, day, hour, minute, second.
fn digits(local: i64) -> (i64, u32, u32, u32, u32, u32) {
    use chrono::{Datelike, Timelike};
    let Some(date) = DateTime::from_timestamp(local, 0) else { return (0, 1, 1, 0, 0, 0) };
    (i64::from(date.year()), date.month(), date.day(), date.hour(), date.minute(), date.second())
}

/// `2019-05-29T12:00:00+02:00`; `Z` for UTC if asked for by name.
pub fn rfc3339_of(stamp: Stamp, zone: Zone) -> String {
    let stamp = zone.of(stamp);
    let (y, mo, d, h, mi, s) = digits(stamp.local());
    if zone == Zone::Utc {
        return format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z");
    }
    let (sign, off) = (if stamp.offset < 0 { '-' } else { '+' }, stamp.offset.unsigned_abs());
    format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}{sign}{:02}:{:02}", off / 60, off % 60)
}

/// `29/May/2019:12:00:00`, as the logs and the vendor's tool write it.
pub fn log_digits(stamp: Stamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (y, mo, d, h, mi, s) = digits(stamp.local());
    let month = usize::try_from(mo).ok().and_then(|m| MONTHS.get(m.saturating_sub(1))).unwrap_or(&"Jan");
    format!("{d:02}/{month}/{y:04}:{h:02}:{mi:02}:{s:02}")
}

/// `+0200`
pub fn log_offset(offset: i16) -> String {
    let (sign, off) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
    format!("{sign}{:02}{:02}", off / 60, off % 60)
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
        for bad in ["", "yesterday", "2019-02-30", "2019-05-29T25:00:00", "30/Feb/2019", "12:00", "2019-05-29T12:00:00+99:00"] {
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
        let twice = Stamp { at: 1_572_136_200, offset: 120 };
        assert_eq!(parse_zone("Europe/Berlin").unwrap().repeats(twice), Some(true));
    }
}
