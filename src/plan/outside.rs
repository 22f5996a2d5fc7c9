//! Outside: files whose log does not reach into a window, if all are in order of time, as `--trust-order` says.
//!
//! By itself a plan is never so sure: nothing but a line tells when it was written. Whoever knows that logs are in order spares reading them.
//! Even so a log is left out only if all that can be seen of it at once says so: what somebody wrote into one can only have more read.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rayon::prelude::*;

use super::{Group, HEAD, Input, Leaf, Plan, Unit, dated, is_undated, shown};
use crate::chunk::Lines;
use crate::kept::Bounds;
use crate::model::{DAY, Stamp};

/// So far before a window, in seconds, no line of it is looked for: processes write what they hold back within minutes.
const EARLIER: i64 = 3600;

/// So far behind a window closes are read of sessions that began in it.
const LATER: i64 = DAY;

/// A run of digits that is longer is a date or a moment, of which all of a series have as many.
const COUNTED: usize = 4;

/// A log that is a file of its own.
struct Log<'a> {
    unit: &'a Unit,
    leaf: &'a Leaf,
    first: Stamp,
    /// The stamps near its end, if that can be seen without unpacking it.
    tail: Option<Vec<Stamp>>,
}

/// The files of a plan that lie outside of a window, before it or behind it; with `neighbours`, but for the nearest on either side of those
/// whose paths are the same but for digits.
///
/// A log ends with its last lines where those can be seen, and otherwise before the next of its series begins. What is in an archive, and
/// what has lines whose dates lack the year, is never outside.
pub fn outside<'a>(plan: &'a Plan, bounds: &Bounds, neighbours: bool) -> Vec<&'a Unit> {
    let logs: Vec<Log<'_>> = plan.units.par_iter().filter_map(|unit| Log::of(plan, unit)).collect();
    let mut before = ends(&logs);
    before.retain(|(log, end)| log.is_before(*end, bounds));
    before.sort_by_key(|(log, end)| (end.at, log.leaf.id));
    let mut behind: Vec<&Log<'_>> = logs.iter().filter(|log| log.is_behind(bounds)).collect();
    behind.sort_by_key(|log| (log.first.at, log.leaf.id));
    let is_nearest =
        |met: &mut BTreeSet<String>, log: &Log<'_>| neighbours && met.insert(without_digits(&log.leaf.shown));
    let (mut met_before, mut met_behind) = (BTreeSet::new(), BTreeSet::new());
    let before = before.into_iter().rev().map(|(log, _)| log).filter(|log| !is_nearest(&mut met_before, log));
    let behind = behind.into_iter().filter(|log| !is_nearest(&mut met_behind, log));
    before.chain(behind).map(|log| log.unit).collect()
}

/// Where logs end, as far as that is known: their last stamp, or the first of the next of their series. That has one name in one folder but
/// for its digits; of several streams, if those of all together do not count steadily, each has its own.
fn ends<'l, 'a>(logs: &'l [Log<'a>]) -> Vec<(&'l Log<'a>, Stamp)> {
    let last = |log: &'l Log<'a>| log.tail.iter().flatten().max_by_key(|stamp| stamp.at).map(|last| (log, *last));
    let mut ends: Vec<_> = logs.iter().filter_map(last).collect();
    let mut all = BTreeMap::<String, Vec<&Log<'_>>>::new();
    for log in logs {
        all.entry(series_of(&log.leaf.shown)).or_default().push(log);
    }
    for series in all.into_values() {
        match next_of_each(&series) {
            Some(nexts) => ends.extend(nexts),
            None => {
                let mut streams = BTreeMap::<Option<&Group>, Vec<&Log<'_>>>::new();
                series.iter().for_each(|log| streams.entry(log.leaf.group.as_ref()).or_default().push(log));
                ends.extend(streams.values().filter_map(|stream| next_of_each(stream)).flatten());
            }
        }
    }
    ends
}

/// Of those whose ends cannot be seen, where the next begins, if they count steadily.
fn next_of_each<'l, 'a>(series: &[&'l Log<'a>]) -> Option<Vec<(&'l Log<'a>, Stamp)>> {
    let mut series = series.to_vec();
    series.sort_by_key(|log| (log.first.at, log.leaf.id));
    let next = |log: &&'l Log<'a>| {
        let next = series.get(series.partition_point(|other| other.first.at <= log.first.at))?;
        log.tail.is_none().then_some((*log, next.first))
    };
    is_steady(series.iter().map(|log| log.leaf.shown.as_str())).then(|| series.iter().filter_map(next).collect())
}

impl<'a> Log<'a> {
    /// The log that a file is, if it is one whose lines have dates.
    fn of(plan: &'a Plan, unit: &'a Unit) -> Option<Log<'a>> {
        let [leaf] = unit.leaves.as_slice() else { return None };
        let leaf = plan.leaf(*leaf).filter(|leaf| !leaf.undated && leaf.shown == shown(&unit.path, ""))?;
        let first = leaf.first.filter(|_| matches!(unit.input, Input::Path(_)))?;
        let tail = if unit.plain { Some(tail_of(&unit.path)?) } else { None };
        Some(Log { unit, leaf, first, tail })
    }

    fn is_before(&self, end: Stamp, bounds: &Bounds) -> bool {
        is_before(self.first, bounds)
            && is_before(end, bounds)
            && self.tail.iter().flatten().all(|stamp| is_before(*stamp, bounds))
    }

    fn is_behind(&self, bounds: &Bounds) -> bool {
        let head = self.leaf.years.anchors.iter().map(|(_, stamp)| stamp).chain([&self.first]);
        head.chain(self.tail.iter().flatten()).all(|stamp| is_behind(*stamp, bounds))
    }
}

/// The name of a log without digits, in its folder: that of all that a service wrote one after the other.
fn series_of(shown: &str) -> String {
    let (folder, name) = shown.split_at(shown.rfind('/').map_or(0, |slash| slash + 1));
    folder.to_owned() + &without_digits(name)
}

fn without_digits(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Whether the numbers in these names count steadily up or down, as those of logs that were written one after the other do.
fn is_steady<'n>(names: impl Iterator<Item = &'n str>) -> bool {
    let runs = |name: &'n str| -> Vec<&'n str> {
        let name = name.rfind('/').map_or(name, |slash| name.get(slash + 1..).unwrap_or_default());
        name.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect()
    };
    let names: Vec<Vec<&str>> = names.map(runs).collect();
    let count = names.first().map_or(0, Vec::len);
    let is_alike = |(a, b): (&&str, &&str)| a.len() == b.len() || a.len().max(b.len()) <= COUNTED;
    let pairs = || names.iter().zip(names.iter().skip(1));
    let value = |run: &str| (run.trim_start_matches('0').len(), run.trim_start_matches('0').to_owned());
    pairs().all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(is_alike))
        && (0..count).all(|run| {
            let of = |name: &[&str]| name.get(run).map(|run| value(run));
            pairs().all(|(a, b)| of(a) <= of(b)) || pairs().all(|(a, b)| of(a) >= of(b))
        })
}

/// Whether a stamp lies well before a window, as an instant and by its digits.
fn is_before(stamp: Stamp, bounds: &Bounds) -> bool {
    bounds.since.is_some_and(|since| stamp.at.max(stamp.local()).saturating_add(EARLIER) < since)
}

/// Whether it lies well behind the window.
fn is_behind(stamp: Stamp, bounds: &Bounds) -> bool {
    bounds.until.is_some_and(|until| stamp.at.min(stamp.local()).saturating_sub(LATER) >= until)
}

/// The stamps of the last lines of a plain file; none if it cannot be read, or one of them has a date without a year.
fn tail_of(path: &Path) -> Option<Vec<Stamp>> {
    let file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let length = HEAD.min(usize::try_from(size).ok()?);
    let mut tail = vec![0; length];
    file.read_exact_at(&mut tail, size - length as u64).ok()?;
    // The first of these lines may have begun before.
    let lines = || Lines::new(&tail).skip(usize::from(size > length as u64)).map(|(_, line, _)| line);
    (!lines().any(is_undated)).then(|| lines().filter_map(dated).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_and_what_counts_steadily() {
        assert_eq!(series_of("a1/imap.12.1559084398"), "a1/imap..");
        assert_eq!(series_of("imap-20190501.gz"), "imap-.gz");
        for (names, steady) in [
            (&["l/imap.3.gz", "l/imap.2.gz", "l/imap.1.gz"][..], true),
            (&["imap.9.1559084398", "imap.10.1559084399", "imap.11.1559084400"], true),
            (&["imap.10.gz", "imap.9.gz", "imap.09.gz"], true),
            (&["2/imap-20190501.gz", "1/imap-20190502.gz"], true),
            (&["imap.gz"], true),
            (&[], true),
            // A month among days, two nodes, days that come first, one with more numbers.
            (&["imap-201904.gz", "imap-20190501.gz"], false),
            (&["node1-imap.1.gz", "node2-imap.5.gz", "node1-imap.8.gz"], false),
            (&["imap-30042019.gz", "imap-01052019.gz", "imap-02052019.gz"], false),
            (&["imap.1.gz", "imap.1.2.gz"], false),
        ] {
            assert_eq!(is_steady(names.iter().copied()), steady, "{names:?}");
        }
    }

    #[test]
    fn how_far_outside_is_well_outside() {
        let bounds = Bounds { since: Some(1_000_000), until: Some(2_000_000) };
        let stamp = |at: i64, minutes: i16| Stamp { at, offset: minutes };
        // A clock in the east shows digits of later on, one in the west of earlier on.
        for (at, offset, before, behind) in [
            (996_399, 0, true, false),
            (996_400, 0, false, false),
            (996_399, 1, false, false),
            (996_339, 1, true, false),
            (996_399, -60, true, false),
            (2_086_399, 0, false, false),
            (2_086_400, 0, false, true),
            (2_086_400, -1, false, false),
            (2_086_460, -1, false, true),
            (2_086_400, 60, false, true),
        ] {
            let stamp = stamp(at, offset);
            assert_eq!((is_before(stamp, &bounds), is_behind(stamp, &bounds)), (before, behind), "{at} {offset}");
            assert!(!is_before(stamp, &Bounds::default()) && !is_behind(stamp, &Bounds::default()));
        }
    }
}
