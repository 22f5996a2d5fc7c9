//! The limits that `grammars/envelope.abnf` sets in comments, checked by other means than the parser's.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};

use super::abnf::Limit;

/// The year that is given for dates which have none.
pub(crate) const YEAR: i32 = 2020;

/// Rule, which of its texts are within the limit, and texts at its edge.
type Row = (&'static str, fn(&[u8]) -> bool, &'static [&'static str]);

/// Every limit, by its rule.
pub(crate) fn limits() -> BTreeMap<&'static str, Limit> {
    let rows: [Row; 22] = [
        ("digits", |t| is_date(cut(t, 0, 11), "%d/%b/%Y"), &["29/Feb/2000:23:59:59", "01/Jan/0001:00:00:00"]),
        ("time", |t| is_time(text(t)), &["00:00:00", "23:59:59"]),
        ("offset", |t| within(cut(t, 1, 3), 15) && within(cut(t, 3, 5), 59), &["+1559", "-1559", "+0000", "-0000"]),
        ("pid", |t| within(text(t), u32::MAX.into()), &["0", "4294967295", "0007"]),
        ("pri", |t| within(text(t).trim_matches(['<', '>']), 191), &["<0>", "<191>", "<007>"]),
        ("day", |t| (1..=31).contains(&number(text(t))), &["1", "01", "28"]),
        ("rfc3164", |t| is_day_of_the_year(&String::from_utf8_lossy(t)), &[]),
        ("timestamp", |t| is_date(cut(t, 0, 10), "%Y-%m-%d") && is_time(cut(t, 11, 19)), &["2020-02-29T00:00:00Z"]),
        (
            "zone-offset",
            |t| t.len() == 1 || within(cut(t, 1, 3), 15) && within(cut(t, 4, 6), 59),
            &["+15:59", "-15:59"],
        ),
        ("sd-element", |t| t.get(3) != Some(&b'/'), &["[]", "[x@1 a=\"b\\]c\"]"]),
        ("number", |t| within(text(t), u64::MAX.into()), &["0", "18446744073709551615", "000000000000000000000000001"]),
        ("duration", |t| is_clock(text(t)), &["0:00:00", "999999:59:59", "0:59:59"]),
        ("start", |t| is_start(text(t)), &["1000/1/1 0:00:00", "9999/12/31 23:59:59", "2000/02/29 00:00:00"]),
        ("port", |t| within(text(t), 65_535), &["0", "65535", "00080"]),
        ("peer", |t| t.len() <= 95 && std::str::from_utf8(t).is_ok(), &["0.0.0.0", "255.255.255.255:65535", "::"]),
        ("unknown", |t| !["login ", "close ", "badlogin: "].iter().any(|b| t.starts_with(b.as_bytes())), &["", " "]),
        // These decide where a field ends, never whether the message fits.
        ("text", |_| true, &[""]),
        ("first", |_| true, &[""]),
        ("reason", |_| true, &[]),
        // The first template that fits decides: the tests say which one that is.
        ("event", |_| true, &[]),
        ("ip6", |_| true, &["::1", "fe80::1%eth0", "::ffff:192.0.2.7", "2001:db8:1:2:3:4:5:6"]),
        // The parser's own: a longer host is none, which no comment says.
        ("origin", |t| t.len() < 400, &[]),
    ];
    rows.into_iter().map(|(rule, holds, edges)| (rule, Limit { holds, edges })).collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn cut(bytes: &[u8], from: usize, to: usize) -> &str {
    text(bytes.get(from..to).unwrap_or_default())
}

fn number(digits: &str) -> u128 {
    digits.parse().unwrap_or(u128::MAX)
}

fn within(digits: &str, most: u128) -> bool {
    number(digits) <= most
}

fn is_date(date: &str, form: &str) -> bool {
    NaiveDate::parse_from_str(date, form).is_ok()
}

fn is_time(time: &str) -> bool {
    // chrono takes a leap second, a log has none.
    NaiveTime::parse_from_str(time, "%H:%M:%S").is_ok() && !time.ends_with("60")
}

/// `H:MM:SS`
fn is_clock(duration: &str) -> bool {
    duration.rsplit(':').take(2).all(|part| within(part, 59))
}

fn is_start(start: &str) -> bool {
    let (date, time) = start.split_once(' ').unwrap_or_default();
    is_date(date, "%Y/%m/%d")
        && within(date.split('/').next().unwrap_or_default(), 9999)
        && is_clock(time)
        && within(time.split(':').next().unwrap_or_default(), 23)
        && number(date.split('/').next().unwrap_or_default()) >= 1000
}

/// Whether a line begins with a day that the year has: `Feb 29`.
fn is_day_of_the_year(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let date = format!("{YEAR} {} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default());
    is_date(&date, "%Y %b %d")
}
