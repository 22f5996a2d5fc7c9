//! Outside: files whose log does not reach into a window, if all are in order of time, as `--trust-order` says.
//!
//! By itself a plan is never so sure: nothing but a line tells when it was written. Whoever knows that logs are in order spares reading them.
//! Even so a log is left out only if all that can be seen of it at once says so: what somebody wrote into one can only have more read.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rayon::prelude::*;

use super::{Group, HEAD, Input, Leaf, Plan, Unit, dated};
use crate::chunk::Lines;
use crate::kept::Bounds;
use crate::model::{DAY, Stamp};

/// So far before a window, in seconds, no line of it is looked for: processes write what they hold back within minutes.
const EARLIER: i64 = 3600;

/// So far behind a window closes are read of sessions that began in it.
const LATER: i64 = DAY;

/// A log, and what can be seen of it at once.
struct Log<'a> {
    unit: &'a Unit,
    leaf: &'a Leaf,
    first: Stamp,
    /// Whether it lies before the window; none if that depends on where it ends, which cannot be seen.
    is_before: Option<bool>,
    /// All that is seen of it lies behind the window.
    is_behind: bool,
}

/// The first stamps of logs with one name but for its digits, in order: each of those ends before the next begins.
type Series<'a> = BTreeMap<(&'a Group, String), Vec<Stamp>>;

/// The files of a plan that lie outside of a window, before it or behind it; with `neighbours`, but for the nearest of each stream on either
/// side. What is left of a stream is one stretch of its logs, in the order of their first lines, so that nothing seems to lack in between.
///
/// A log ends with its last line where that can be seen, and otherwise before the next of its series begins. What is in an archive is
/// never outside.
pub fn outside<'a>(plan: &'a Plan, bounds: &Bounds, neighbours: bool) -> Vec<&'a Unit> {
    let logs: Vec<Log<'_>> = plan.units.par_iter().flat_map_iter(|unit| logs(plan, unit, bounds)).collect();
    let (mut series, mut streams) = (Series::new(), BTreeMap::<&Group, Vec<Log<'_>>>::new());
    for (log, group) in logs.into_iter().filter_map(|log| log.leaf.group.as_ref().map(|group| (log, group))) {
        series.entry((group, series_of(log.leaf))).or_default().push(log.first);
        streams.entry(group).or_default().push(log);
    }
    series.values_mut().for_each(|firsts| firsts.sort_by_key(|first| first.at));
    let mut outside = Vec::new();
    for (group, mut logs) in streams {
        logs.sort_by_key(|log| (log.first.at, log.leaf.id));
        let is_before = |log: &&Log<'_>| log.is_before(group, &series, bounds);
        let before = logs.iter().take_while(is_before).count();
        let rest = logs.get(before..).unwrap_or_default();
        let behind = rest.iter().rev().take_while(|log| log.is_behind).count();
        let kept = usize::from(neighbours);
        outside.extend(logs.iter().take(before.saturating_sub(kept)).map(|log| log.unit));
        outside.extend(rest.iter().rev().take(behind.saturating_sub(kept)).map(|log| log.unit));
    }
    outside
}

/// The logs of a file, with what is seen of them.
fn logs<'a>(plan: &'a Plan, unit: &'a Unit, bounds: &Bounds) -> impl Iterator<Item = Log<'a>> {
    let is_alone = unit.leaves.len() == 1 && matches!(unit.input, Input::Path(_));
    unit.leaves.iter().filter_map(|id| plan.leaf(*id)).filter_map(move |leaf| {
        let first = leaf.first?;
        if !is_alone {
            return Some(Log { unit, leaf, first, is_before: Some(false), is_behind: false });
        }
        let begins_before = is_before(first, bounds);
        let mut is_behind = leaf.years.anchors.iter().all(|(_, stamp)| self::is_behind(*stamp, bounds));
        is_behind &= self::is_behind(first, bounds);
        let mut ends_before = if begins_before { None } else { Some(false) };
        if unit.plain && (begins_before || is_behind) {
            let tail = tail_of(&unit.path);
            ends_before = Some(begins_before && !tail.is_empty() && tail.iter().all(|stamp| is_before(*stamp, bounds)));
            is_behind &= tail.iter().all(|stamp| self::is_behind(*stamp, bounds));
        }
        Some(Log { unit, leaf, first, is_before: ends_before, is_behind })
    })
}

impl Log<'_> {
    fn is_before(&self, group: &Group, series: &Series<'_>, bounds: &Bounds) -> bool {
        let next = || {
            let firsts = series.get(&(group, series_of(self.leaf)))?;
            firsts.get(firsts.partition_point(|other| other.at <= self.first.at))
        };
        self.is_before.unwrap_or_else(|| next().is_some_and(|next| is_before(*next, bounds)))
    }
}

/// The name of a log without digits, in its folder.
fn series_of(leaf: &Leaf) -> String {
    let name = leaf.shown.rfind('/').map_or(0, |slash| slash + 1);
    let kept = leaf.shown.char_indices().filter(|(at, c)| *at < name || !c.is_ascii_digit());
    kept.map(|(_, c)| c).collect()
}

/// Whether a stamp lies well before a window, as an instant and by its digits.
fn is_before(stamp: Stamp, bounds: &Bounds) -> bool {
    bounds.since.is_some_and(|since| stamp.at.max(stamp.local()).saturating_add(EARLIER) < since)
}

/// Whether it lies well behind the window.
fn is_behind(stamp: Stamp, bounds: &Bounds) -> bool {
    bounds.until.is_some_and(|until| stamp.at.min(stamp.local()).saturating_sub(LATER) >= until)
}

/// The stamps of the last lines of a plain file; none if it cannot be read.
fn tail_of(path: &Path) -> Vec<Stamp> {
    let read = || {
        let file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let length = HEAD.min(usize::try_from(size).ok()?);
        let mut tail = vec![0; length];
        file.read_exact_at(&mut tail, size - length as u64).ok()?;
        // The first of these lines may have begun before.
        let begun = usize::from(size > length as u64);
        Some(Lines::new(&tail).skip(begun).filter_map(|(_, line, _)| dated(line)).collect())
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
