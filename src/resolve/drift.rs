//! Drift: close lines that no longer appear while logins go on, as after an upgrade that words them otherwise.
//!
//! What sessions usually leave open is measured by the stream itself: by how many logins exceed closes within a day, in whole hours,
//! as long as closes were logged.

use std::collections::{BTreeMap, VecDeque};

use crate::model::Instant;
use crate::trail::StreamHours;

/// So many logins without a close behind them are no chance, and so many closes before them show that closes were logged.
const LEAST: u64 = 20;
/// So many times as many logins as sessions usually leave open within a day.
const TIMES: u64 = 5;
/// Hours within which sessions are compared. Where no close was ever logged, logins must go on for as long.
const DAY: i64 = 24;

/// Closes that no longer appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosesStopped {
    /// The end of the last hour with a close, or the first line where there is none.
    pub from: Instant,
    /// The last line.
    pub to: Instant,
    /// Logins since then.
    pub logins: u64,
}

/// Whether closes of a stream no longer appear at the end of its coverage.
pub(super) fn closes_stopped(hours: &StreamHours, end: Instant) -> Option<ClosesStopped> {
    let mut counts: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    let cells = || hours.cells.iter().filter(|(_, cell)| cell.first <= end);
    for ((hour, _), cell) in cells() {
        let (logins, closes) = counts.entry(*hour).or_default();
        *logins += cell.logins;
        *closes += cell.closes;
    }
    let logins = |from: i64| counts.range(from..).map(|(_, (logins, _))| logins).sum::<u64>();
    let first = cells().map(|(_, cell)| cell.first).min()?;
    let Some((last_close, _)) = counts.iter().rfind(|(_, (_, closes))| *closes > 0) else {
        let logins = logins(i64::MIN);
        let long = counts.last_key_value()?.0 - counts.first_key_value()?.0 >= DAY;
        return (long && logins >= LEAST).then_some(ClosesStopped { from: first, to: end, logins });
    };
    let closes: u64 = counts.values().map(|(_, closes)| closes).sum();
    let logins = logins(last_close + 1);
    let enough = logins >= LEAST.max(TIMES.saturating_mul(usually_open(&counts, *last_close)));
    (enough && closes >= LEAST).then_some(ClosesStopped { from: (last_close + 1) * 3600, to: end, logins })
}

/// By how many logins exceed closes within a day at most, up to an hour.
fn usually_open(counts: &BTreeMap<i64, (u64, u64)>, to: i64) -> u64 {
    let mut open: i64 = 0;
    // How many were open behind each hour of the day before.
    let mut before: VecDeque<(i64, i64)> = VecDeque::new();
    let mut most = 0;
    for (hour, (logins, closes)) in counts.range(..=to) {
        while before.front().is_some_and(|(old, _)| *old < hour - DAY) {
            before.pop_front();
        }
        before.push_back((hour - 1, open));
        open = open.saturating_add_unsigned(*logins).saturating_sub_unsigned(*closes);
        let least = before.iter().map(|(_, open)| *open).min().unwrap_or(0);
        most = most.max(open.saturating_sub(least));
    }
    most.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Cell;

    /// Hours with their logins and closes.
    fn stopped(hours: &[(i64, u64, u64)]) -> Option<ClosesStopped> {
        let cell = |(hour, logins, closes): &(i64, u64, u64)| {
            let cell =
                Cell { first: hour * 3600 + 60, last: hour * 3600 + 3540, logins: *logins, closes: *closes, marks: 0 };
            ((*hour, 0), cell)
        };
        let cells: BTreeMap<_, _> = hours.iter().map(cell).collect();
        let end = cells.values().map(|cell| cell.last).max().unwrap_or(0);
        closes_stopped(&StreamHours { cells }, end)
    }

    #[test]
    fn closes_that_stop_are_seen_from_twenty_logins_on() {
        // Sessions leave four open at most.
        let usual = [(0, 14, 10), (1, 10, 14)];
        let behind = |logins: u64| [usual[0], usual[1], (2, logins, 0)];
        assert_eq!(stopped(&behind(19)), None);
        assert_eq!(stopped(&behind(20)), Some(ClosesStopped { from: 7200, to: 2 * 3600 + 3540, logins: 20 }));
        assert_eq!(stopped(&[usual[0], usual[1], (2, 20, 1)]), None, "a close is there");
        assert_eq!(stopped(&[(0, 14, 9), (1, 10, 10), (2, 30, 0)]), None, "too few closes before");
    }

    #[test]
    fn mornings_on_which_all_log_in_are_usual() {
        let day = |n: i64| [(24 * n + 8, 50, 0), (24 * n + 12, 0, 25), (24 * n + 17, 0, 25)];
        let days: Vec<_> = (0..3).flat_map(day).collect();
        assert_eq!(stopped(&[&days[..], &[(80, 249, 0)]].concat()), None);
        assert!(stopped(&[&days[..], &[(80, 250, 0)]].concat()).is_some());
        // What lost sessions leave open for ever does not add up.
        let lost: Vec<_> = (0..100).map(|day| (24 * day, 30, 27)).collect();
        assert!(stopped(&[&lost[..], &[(2400, 30, 0)]].concat()).is_some());
    }

    #[test]
    fn a_stream_without_any_close() {
        assert_eq!(stopped(&[(0, 500, 0), (23, 500, 0)]), None);
        assert_eq!(stopped(&[(0, 10, 0), (24, 9, 0)]), None);
        assert_eq!(stopped(&[(0, 10, 0), (24, 10, 0)]).map(|s| (s.from, s.logins)), Some((60, 20)));
        assert_eq!(stopped(&[]), None);
    }
}
