//! Local time: the zones that the stores know, and the two ways in which a line writes a time.

use super::lines::push_number;

/// A rule that gives local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Europe/Berlin: +0100, and +0200 from the last Sunday of March, 01:00 UTC, to that of October.
    Berlin,
    /// A fixed offset in seconds east of UTC, whole minutes.
    Fixed(i32),
}

impl Zone {
    /// The offset at an instant, in seconds east of UTC.
    pub(crate) fn offset(self, unix: i64) -> i32 {
        match self {
            Zone::Fixed(seconds) => seconds,
            Zone::Berlin => {
                let (year, ..) = civil(unix.div_euclid(86_400));
                let summer = change(year, 3)..change(year, 10);
                if summer.contains(&unix) { 7200 } else { 3600 }
            }
        }
    }
}

/// 01:00 UTC of the last Sunday of a month with 31 days.
fn change(year: i64, month: u32) -> i64 {
    let last = days(year, month, 31);
    // 1970-01-01, day 0, was a Thursday; Sunday is 0 here.
    let weekday = (last + 4).rem_euclid(7);
    (last - weekday) * 86_400 + 3600
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
pub(crate) fn days(year: i64, month: u32, day: u32) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date (year, month, day) of a day since 1970-01-01.
pub(crate) fn civil(day: i64) -> (i64, u32, u32) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let shifted = (5 * doy + 2) / 153;
    let date = (doy - (153 * shifted + 2) / 5 + 1) as u32;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u32;
    (yoe + era * 400 + i64::from(month <= 2), month, date)
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn push_two(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(&[b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]);
}

/// `29/May/2019:10:44:56 +0200`.
pub(crate) fn push_stamp(out: &mut Vec<u8>, unix: i64, zone: Zone) {
    let offset = zone.offset(unix);
    let local = unix + i64::from(offset);
    let (year, month, day) = civil(local.div_euclid(86_400));
    let second = local.rem_euclid(86_400) as u64;
    push_two(out, u64::from(day));
    out.push(b'/');
    out.extend_from_slice(MONTHS.get(month as usize - 1).map_or("???", |m| m).as_bytes());
    out.push(b'/');
    push_number(out, year.unsigned_abs());
    for part in [second / 3600, second / 60 % 60, second % 60] {
        out.push(b':');
        push_two(out, part);
    }
    out.extend_from_slice(if offset < 0 { b" -" } else { b" +" });
    let minutes = u64::from(offset.unsigned_abs() / 60);
    push_two(out, minutes / 60);
    push_two(out, minutes % 60);
}

/// The start field of a close line, local time without offset: `2019/5/29 8:04:06`.
pub(crate) fn push_start(out: &mut Vec<u8>, unix: i64, zone: Zone) {
    let local = unix + i64::from(zone.offset(unix));
    let (year, month, day) = civil(local.div_euclid(86_400));
    push_number(out, year.unsigned_abs());
    out.push(b'/');
    push_number(out, u64::from(month));
    out.push(b'/');
    push_number(out, u64::from(day));
    out.push(b' ');
    push_clock(out, local.rem_euclid(86_400) as u64);
}

/// `H:MM:SS`: a time of day or a duration; the hours are not padded and may exceed 24.
pub(crate) fn push_clock(out: &mut Vec<u8>, seconds: u64) {
    push_number(out, seconds / 3600);
    out.push(b':');
    push_two(out, seconds / 60 % 60);
    out.push(b':');
    push_two(out, seconds % 60);
}

/// Reads `2019-05-29T00:00:00Z` or `2019-05-29`; other offsets than `Z` are not understood.
pub(crate) fn parse_utc(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let mut clock = clock.strip_suffix('Z')?.split(':');
    let (hour, minute, second) = (clock.next()?, clock.next()?, clock.next()?);
    let (month, day): (u32, u32) = (month.parse().ok()?, day.parse().ok()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let hours: i64 = hour.parse().ok()?;
    let minutes: i64 = minute.parse().ok()?;
    let seconds: i64 = second.parse().ok()?;
    Some(days(year.parse().ok()?, month, day) * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

/// How an instant is written: as the start field of a close line, and as a stamp.
pub(crate) fn written(unix: i64, zone: Zone) -> (String, String) {
    let (mut start, mut stamp) = (Vec::new(), Vec::new());
    push_start(&mut start, unix, zone);
    push_stamp(&mut stamp, unix, zone);
    let text = |bytes| String::from_utf8(bytes).unwrap_or_default();
    (text(start), text(stamp))
}
