//! Where the ticks of an axis stand, and what is written at them.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime};

/// A mark on an axis of time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where: 0 at the beginning of the axis, 1 at its end.
    pub at: f64,
    /// What is written there.
    pub label: String,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// So many ticks an axis has at most.
const TICKS: i64 = 7;
/// Steps of less than a month, in seconds.
const STEPS: [i64; 12] = [60, 300, 900, 1800, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY];
/// Steps from a month on, in months. Beyond the last, its multiples.
const MONTHS: [u32; 6] = [1, 3, 6, 12, 24, 60];

/// Ticks between two moments, both as digits of one clock: seconds since 1970-01-01T00:00:00 on it.
pub(super) fn ticks(from: i64, to: i64) -> Vec<Tick> {
    let long = to.saturating_sub(from).max(1);
    let tick = |at: i64, label: String| Tick { at: (at - from) as f64 / long as f64, label };
    if let Some(step) = STEPS.iter().copied().find(|step| long / step < TICKS) {
        // Weeks begin on Mondays; 1970 began on a Thursday.
        let shift = if step == 7 * DAY { 4 * DAY } else { 0 };
        let first = (from - shift).div_euclid(step) + i64::from((from - shift).rem_euclid(step) > 0);
        let all = (first..).map(|n| n * step + shift).take_while(|at| *at <= to);
        return all.filter_map(|at| Some(tick(at, label(at, step)?))).collect();
    }
    let months = long / (30 * DAY);
    let step = MONTHS.iter().copied().find(|step| months / i64::from(*step) < TICKS);
    let step = step.unwrap_or_else(|| u32::try_from(months / TICKS / 60 * 60 + 60).unwrap_or(u32::MAX));
    let Some(mut next) = time(from).and_then(|time| first_of(time, step)) else { return Vec::new() };
    let mut all = Vec::new();
    while let Some(at) = Some(next.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()).filter(|at| *at <= to) {
        let format = if step >= 12 { "%Y" } else { "%b %Y" };
        if at >= from {
            all.push(tick(at, next.format(format).to_string()));
        }
        let Some(after) = next.checked_add_months(Months::new(step)) else { break };
        next = after;
    }
    all
}

fn time(at: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(at, 0).map(|time| time.naive_utc())
}

/// The first day of the span of so many months in which a moment lies.
fn first_of(time: NaiveDateTime, step: u32) -> Option<NaiveDate> {
    if step < 12 {
        NaiveDate::from_ymd_opt(time.year(), time.month0() / step * step + 1, 1)
    } else {
        let years = i32::try_from(step / 12).ok()?;
        NaiveDate::from_ymd_opt(time.year().div_euclid(years) * years, 1, 1)
    }
}

fn label(at: i64, step: i64) -> Option<String> {
    let format = if step >= DAY || at.rem_euclid(DAY) == 0 { "%-d %b" } else { "%H:%M" };
    Some(time(at)?.format(format).to_string())
}

/// The top of an axis for numbers up to `most`, and the distance of its lines: 1, 2 or 5 times a power of ten.
pub(super) fn scale(most: u64) -> (u64, u64) {
    let powers = (0..19).map(|n| 10_u64.pow(n));
    let mut steps = powers.flat_map(|power| [1, 2, 5].map(|n| n * power));
    let step = steps.find(|step| most.div_ceil(*step) <= 4).unwrap_or(u64::MAX / 4);
    (most.div_ceil(step).max(1).saturating_mul(step), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: i64, to: i64) -> Vec<String> {
        ticks(from, to).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_at_round_times() {
        // 2019-05-28T18:00:59 and the day after.
        let from = 1_559_066_459;
        assert_eq!(labels(from, from + 18 * HOUR), ["21:00", "29 May", "03:00", "06:00", "09:00", "12:00"]);
        assert_eq!(labels(from, from + 5 * DAY), ["29 May", "30 May", "31 May", "1 Jun", "2 Jun"]);
        assert_eq!(labels(from, from + 90 * DAY), ["Jun 2019", "Jul 2019", "Aug 2019"]);
        assert_eq!(labels(from, from + 700 * DAY), ["Jul 2019", "Jan 2020", "Jul 2020", "Jan 2021"]);
        assert_eq!(labels(from, from + 4000 * DAY), ["2020", "2022", "2024", "2026", "2028", "2030"]);
        assert_eq!(labels(from, from), Vec::<String>::new());
        let [.., last] = ticks(0, 6 * HOUR).try_into().ok().map(|t: [Tick; 7]| t).unwrap();
        assert_eq!(last, Tick { at: 1.0, label: "06:00".to_owned() });
        for (from, to) in [(i64::MIN, i64::MAX), (-62_167_219_200, 253_402_300_799), (5, 3)] {
            assert!(ticks(from, to).len() <= 8, "{from} {to}");
        }
    }

    #[test]
    fn scales_of_round_numbers() {
        for (most, scaled) in [(0, (1, 1)), (1, (1, 1)), (4, (4, 1)), (5, (6, 2)), (9, (10, 5)), (37, (40, 10))] {
            assert_eq!(scale(most), scaled, "{most}");
        }
        assert_eq!(scale(123_456), (150_000, 50_000));
        assert!(scale(u64::MAX).0 > 0);
    }
}
