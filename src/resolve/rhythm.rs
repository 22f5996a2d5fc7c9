//! Silences against a stream's own rhythm: spans without a line in which, by the same hours of other days or weeks, there should
//! have been many. A gap of R9 is for streams that are busy day and night; this finds one in those that are not.

use std::collections::BTreeMap;

use crate::model::Instant;
use crate::trail::StreamHours;

/// So many hours a week has, and a day.
const WEEK: i64 = 168;
const DAY: i64 = 24;
/// From so many weeks on, hours are compared with those of other weeks; with those of other days from so many days on.
const REPEATS: i64 = 3;
/// If this many lines were to be expected, their lack is no chance.
const EXPECTED: f64 = 20.0;
/// A silence is at least so long, in seconds.
const LEAST: Instant = 3600;

/// A span without a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Silence {
    /// The last line before it.
    pub from: Instant,
    /// The first line behind it.
    pub to: Instant,
    /// How many lines other hours let expect in it.
    pub expected: u64,
}

/// Lines an hour, by the hour of the week or of the day.
struct Rhythm {
    /// Lines by slot.
    means: Vec<f64>,
}

impl Rhythm {
    /// Of hours with their lines; all lie between the first and the last.
    fn of(lines: &BTreeMap<i64, u64>, first: i64, last: i64) -> Rhythm {
        let hours = last - first + 1;
        let period = [WEEK, DAY].into_iter().find(|period| hours / period >= REPEATS).unwrap_or(1);
        let mut means = vec![0.0; usize::try_from(period).unwrap_or(1)];
        for (hour, lines) in lines {
            if let Some(mean) = usize::try_from(hour.rem_euclid(period)).ok().and_then(|slot| means.get_mut(slot)) {
                *mean += *lines as f64;
            }
        }
        for (slot, mean) in (0..).zip(&mut means) {
            // How often the slot came by.
            let behind = (slot - first.rem_euclid(period)).rem_euclid(period);
            let times = (hours - behind + period - 1) / period;
            *mean /= times.max(1) as f64;
        }
        Rhythm { means }
    }

    fn mean(&self, hour: i64) -> f64 {
        let slot = usize::try_from(hour.rem_euclid(self.means.len() as i64)).unwrap_or(0);
        self.means.get(slot).copied().unwrap_or(0.0)
    }

    /// How many lines to expect between two instants.
    fn expected(&self, from: Instant, to: Instant) -> f64 {
        let period = 3600 * self.means.len() as i64;
        let whole = (to - from) / period;
        let mut expected = whole as f64 * self.means.iter().sum::<f64>();
        let mut at = from + whole * period;
        while at < to {
            let hour = at.div_euclid(3600);
            let end = to.min((hour + 1) * 3600);
            expected += self.mean(hour) * (end - at) as f64 / 3600.0;
            at = end;
        }
        expected
    }
}

/// The silences of a stream up to the end of its coverage.
pub(super) fn silences(hours: &StreamHours, end: Instant) -> Vec<Silence> {
    let mut spans: BTreeMap<i64, (Instant, Instant)> = BTreeMap::new();
    let mut lines: BTreeMap<i64, u64> = BTreeMap::new();
    for ((hour, _), cell) in hours.cells.iter().filter(|(_, cell)| cell.first <= end) {
        let span = spans.entry(*hour).or_insert((cell.first, cell.last));
        *span = (span.0.min(cell.first), span.1.max(cell.last));
        *lines.entry(*hour).or_default() += cell.lines();
    }
    let (Some(first), Some(last)) = (spans.keys().next(), spans.keys().last()) else { return Vec::new() };
    let rhythm = Rhythm::of(&lines, *first, *last);
    let pairs = spans.values().zip(spans.values().skip(1)).map(|((_, last), (first, _))| (*last, *first));
    let long = pairs.filter(|(from, to)| to - from >= LEAST);
    let expected = long.map(|(from, to)| (from, to, rhythm.expected(from, to)));
    expected
        .filter(|(.., expected)| *expected >= EXPECTED)
        .map(|(from, to, expected)| Silence { from, to, expected: expected as u64 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Cell;

    /// Hours with so many lines each, from one minute to another.
    fn stream(hours: impl IntoIterator<Item = (i64, u64)>) -> StreamHours {
        let cell = |(hour, logins): (i64, u64)| {
            let cell = Cell { first: hour * 3600 + 60, last: hour * 3600 + 3540, logins, closes: 0, marks: 0 };
            ((hour, 0), cell)
        };
        StreamHours { cells: hours.into_iter().map(cell).collect() }
    }

    fn found(hours: impl IntoIterator<Item = (i64, u64)>) -> Vec<(i64, i64, u64)> {
        let all = silences(&stream(hours), Instant::MAX);
        all.into_iter().map(|s| (s.from / 3600, s.to / 3600, s.expected)).collect()
    }

    #[test]
    fn nights_are_quiet_and_a_quiet_day_is_not() {
        // Ten days, 30 lines an hour from 8 to 18 o'clock; on the fifth nothing from noon on, and on the seventh nothing at all. So 27
        // lines are to be expected from 8 to 12, and 24 behind that.
        let work = |day: i64| (8..18).map(move |hour| (day * 24 + hour, 30));
        let all: Vec<(i64, u64)> = (0..10).flat_map(work).collect();
        assert_eq!(found(all.clone()), []);
        let missing = |hour: i64| (4 * 24 + 12..5 * 24).contains(&hour) || (6 * 24..7 * 24).contains(&hour);
        let kept = all.into_iter().filter(|(hour, _)| !missing(*hour));
        assert_eq!(found(kept), [(4 * 24 + 11, 5 * 24 + 8, 144), (5 * 24 + 17, 7 * 24 + 8, 252)]);
    }

    #[test]
    fn week_ends_are_quiet() {
        let work = |day: i64| (8..18).map(move |hour| (day * 24 + hour, 30));
        let days = (0..40).filter(|day| day % 7 < 5);
        assert_eq!(found(days.clone().flat_map(work)), []);
        assert_eq!(found(days.filter(|day| *day != 15).flat_map(work)).len(), 1);
    }

    #[test]
    fn a_day_is_measured_by_its_mean() {
        assert_eq!(found([(0, 100), (1, 100), (5, 100)]), [(1, 5, 151)]);
        assert_eq!(found([(0, 5), (1, 5), (5, 5)]), []);
        assert_eq!(found([(0, 1000)]), []);
        assert_eq!(found([]), []);
    }

    #[test]
    fn the_ends_of_time() {
        let end = Instant::MAX / 3600 / 4;
        let lost: Vec<_> = found([(-end, 1000), (end, 1000)]);
        assert_eq!(lost.len(), 1);
    }
}
