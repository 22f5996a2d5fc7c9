//! Dates and times of the day as lines write them.

use crate::grammar::date;
use crate::model::DAY;

/// The length of `[29/May/2019:`.
const STAMP_DATE: usize = 13;
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// Writes dates, of which most are those of the line before.
#[derive(Debug, Default)]
pub(super) struct Dates {
    stamp: Date,
    start: Date,
}

/// A day, and how it is written.
#[derive(Debug, Default)]
struct Date {
    day: Option<i64>,
    text: Vec<u8>,
}

impl Dates {
    /// `[29/May/2019:10:44:56`. `None` for what is not in the years 0 to 9999.
    pub(super) fn stamp(&mut self, digits: i64, out: &mut Vec<u8>) -> Option<()> {
        let (day, second) = (digits.div_euclid(DAY), digits.rem_euclid(DAY) as u32);
        if self.stamp.day != Some(day) {
            let (y, m, d) = date(day)?;
            let month = MONTHS.get(3 * m as usize - 3..3 * m as usize)?;
            let [d, high, low] = [d, y / 100, y % 100].map(two);
            self.stamp.text = [b"[", &d[..], b"/", month, b"/", &high, &low, b":"].concat();
            debug_assert_eq!(self.stamp.text.len(), STAMP_DATE);
            self.stamp.day = Some(day);
        }
        out.extend_from_slice(&self.stamp.text);
        out.extend_from_slice(&two(second / 3600));
        out.extend_from_slice(&minutes_and_seconds(second % 3600));
        Some(())
    }

    /// `2019/5/29 8:39:42`. `None` as above.
    pub(super) fn start(&mut self, digits: i64, out: &mut Vec<u8>) -> Option<()> {
        let (day, second) = (digits.div_euclid(DAY), digits.rem_euclid(DAY) as u32);
        if self.start.day != Some(day) {
            let (y, m, d) = date(day)?;
            self.start.text = format!("{y:04}/{m}/{d} ").into_bytes();
            self.start.day = Some(day);
        }
        out.extend_from_slice(&self.start.text);
        let hour = two(second / 3600);
        out.extend_from_slice(if second < 36_000 { &hour[1..] } else { &hour });
        out.extend_from_slice(&minutes_and_seconds(second % 3600));
        Some(())
    }
}

/// A number below 100, with two digits.
fn two(n: u32) -> [u8; 2] {
    [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8]
}

/// `:MM:SS`, of seconds of an hour.
pub(super) fn minutes_and_seconds(second: u32) -> [u8; 6] {
    let ([a, b], [c, d]) = (two(second / 60), two(second % 60));
    [b':', a, b, b':', c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{days, stamp_digits, start};

    #[test]
    fn what_is_written_is_read() {
        let mut dates = Dates::default();
        let mut out = Vec::new();
        for digits in [0, -1, 1_559_119_496, 1_559_119_495, 1_009_839_599, days(9999, 12, 31).unwrap() * DAY] {
            out.clear();
            dates.stamp(digits, &mut out).unwrap();
            assert_eq!(stamp_digits(&out[1..]), Ok((&b""[..], digits)));
            out.clear();
            dates.start(digits, &mut out).unwrap();
            let (rest, read) = start(&out).unwrap();
            assert_eq!((rest, read.local), (&b""[..], digits));
        }
        assert_eq!((dates.stamp(i64::MAX, &mut out), dates.start(i64::MIN, &mut out)), (None, None));
    }
}
