//! Days and seconds, and how a time is written.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Days since 1970-01-01 of a day of the Gregorian calendar, counted year by year and month by month.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Whole years since year 0, then what 1970-01-01 itself is away from there.
    let before =
        |year: i64| year * 365 + (year + 3).div_euclid(4) - (year + 99).div_euclid(100) + (year + 399).div_euclid(400);
    before(year) - before(1970) + (1..month).map(|month| month_length(year, month)).sum::<i64>() + day - 1
}

fn month_length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A date and a time of day as seconds since 1970, if there is such a second. No leap seconds.
pub(crate) fn seconds(date: [i64; 3], time: [i64; 3]) -> Option<i64> {
    let ([year, month, day], [hour, minute, second]) = (date, time);
    let good = (1..=12).contains(&month)
        && (1..=month_length(year, month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    good.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The number of a month's English abbreviation.
pub(crate) fn month(name: &[u8]) -> Option<i64> {
    MONTHS.iter().zip(1..).find(|(month, _)| month.as_bytes() == name).map(|(_, number)| number)
}

fn date_of(days_since: i64) -> [i64; 3] {
    let mut year = 1970 + days_since.div_euclid(366);
    while days(year + 1, 1, 1) <= days_since {
        year += 1;
    }
    while days(year, 1, 1) > days_since {
        year -= 1;
    }
    let mut month = 1;
    while month < 12 && days(year, month + 1, 1) <= days_since {
        month += 1;
    }
    [year, month, days_since - days(year, month, 1) + 1]
}

/// The parts that an instant shows at an offset: date, time of day, sign and size of the offset.
fn parts(at: i64, offset: i64) -> ([i64; 3], [i64; 3], char, i64, i64) {
    let local = at + offset;
    let (date, of_day) = (date_of(local.div_euclid(86_400)), local.rem_euclid(86_400));
    let sign = if offset < 0 { '-' } else { '+' };
    (date, [of_day / 3600, of_day / 60 % 60, of_day % 60], sign, offset.abs() / 3600, offset.abs() / 60 % 60)
}

/// RFC 3339: `2019-05-29T12:00:00+02:00`.
pub(crate) fn rfc3339(at: i64, offset: i64) -> String {
    let ([y, m, d], [hh, mm, ss], sign, oh, om) = parts(at, offset);
    format!("{y:04}-{m:02}-{d:02}T{hh:02}:{mm:02}:{ss:02}{sign}{oh:02}:{om:02}")
}

/// The stamp of a line: `29/May/2019:12:00:00 +0200`.
pub(crate) fn stamp(at: i64, offset: i64) -> String {
    let ([y, m, d], [hh, mm, ss], sign, oh, om) = parts(at, offset);
    format!("{d:02}/{}/{y:04}:{hh:02}:{mm:02}:{ss:02} {sign}{oh:02}{om:02}", MONTHS[(m - 1) as usize])
}

/// The start field of a close: `2019/5/29 8:39:42`.
pub(crate) fn start(at: i64, offset: i64) -> String {
    let ([y, m, d], [hh, mm, ss], ..) = parts(at, offset);
    format!("{y}/{m}/{d} {hh}:{mm:02}:{ss:02}")
}

#[test]
fn days_are_those_of_the_calendar() {
    assert_eq!(seconds([1970, 1, 1], [0, 0, 0]), Some(0));
    assert_eq!(seconds([2019, 5, 29], [10, 44, 56]), Some(1_559_119_496 + 7200));
    assert_eq!(seconds([1998, 5, 2], [17, 37, 32]), Some(894_155_852 - 7 * 3600));
    assert_eq!(seconds([2000, 3, 1], [0, 0, 0]), seconds([2000, 2, 29], [0, 0, 0]).map(|at| at + 86_400));
    assert_eq!(seconds([2019, 2, 29], [0, 0, 0]), None);
    for at in (-200..60_000).map(|n| n * 1_234_567) {
        assert_eq!(seconds(parts(at, 0).0, parts(at, 0).1), Some(at));
    }
}
