//! Again: whether an answer needs lines that were passed over, for the clocks that they show.

use std::collections::{BTreeMap, BTreeSet};

use super::Ask;
use crate::cli::{Cli, Format};
use crate::fold::Needs;
use crate::model::{DAY, Stamp};
use crate::pair::Overlaps;
use crate::plan::Plan;
use crate::read::{Outcome, Sieve};
use crate::resolve::Resolved;
use crate::times::Zone;

/// How far from a stamp those lines are, in days by the clock, that make its digits repeated: see `Clock::is_repeated`. Clocks differ
/// by 32 hours at most, and each shows a line within a day.
const NEAR: i64 = 4;
/// Lines so far from a window, in seconds, tell nothing of the clocks in it.
pub(super) const CLOCKS: i64 = (NEAR + 2) * DAY;

/// Days by the clock, and the offsets that it had; by host.
type Days = BTreeMap<u64, BTreeSet<(i64, i16)>>;

/// Whether a table shows times as logged: then digits that a clock showed twice have their offset, and all lines tell of clocks.
pub(super) fn shows_clocks(cli: &Cli) -> bool {
    cli.common.format == Format::Table && cli.common.tz == Zone::Log
}

/// Where files overlap (R13), if pairing has to know that and does not yet: all is to be read again then.
pub(super) fn overlaps(needs: &Needs, outcome: &Outcome, resolved: &[Resolved]) -> Option<Overlaps> {
    let spans = |stream: &Resolved| stream.overlaps.iter().map(|overlap| overlap.from..=overlap.to).collect();
    let overlapped = resolved.iter().filter(|stream| !stream.overlaps.is_empty());
    let found: Overlaps = overlapped.map(|stream| (stream.id, spans(stream))).collect();
    (outcome.trail.collected.portless && found != *needs.overlaps).then_some(found)
}

/// Whether all is to be read again, without the sieve.
pub(super) fn is_needed(
    cli: &Cli,
    ask: &Ask,
    plan: &Plan,
    sieve: &Sieve,
    outcome: &Outcome,
    resolved: &[Resolved],
) -> bool {
    if plan.has_pipe() {
        return false;
    }
    if outcome.trail.files.values().any(|file| file.breaks.any()) {
        return true;
    }
    // Where a damaged file has several streams, only all of its lines tell what is lost of each.
    let has_streams = |file| {
        let spans = outcome.trail.files.get(file).into_iter().flat_map(|file| file.spans.keys());
        spans.map(|(stream, _)| *stream).collect::<BTreeSet<_>>().len() > 1
    };
    if outcome.damaged.iter().chain(outcome.holes.keys()).any(has_streams) {
        return true;
    }
    let days = days(sieve, outcome, resolved);
    let offsets: BTreeSet<i16> = days.values().flatten().map(|(_, offset)| *offset).collect();
    if offsets.len() < 2 {
        return false;
    }
    if ask.has_digits() {
        return true;
    }
    let times = || outcome.trail.access.accesses().filter_map(|access| access.last()).map(|last| last.stamp);
    // Where times differ in their offsets, each has its own in any case.
    let differ = || times().map(|time| time.offset).collect::<BTreeSet<i16>>().len() > 1;
    shows_clocks(cli) && !differ() && times().any(|time| days.values().any(|days| is_near_a_change(days, time)))
}

/// What clocks showed in lines that were passed over, and in those that were read.
fn days(sieve: &Sieve, outcome: &Outcome, resolved: &[Resolved]) -> Days {
    let mut days = Days::new();
    for shown in &outcome.shown {
        days.entry(shown.host).or_default().insert((shown.day, shown.offset));
    }
    for stream in resolved {
        let days = days.entry(sieve.host_of(&stream.store)).or_default();
        let hours = outcome.trail.coverage.streams.get(&stream.id).into_iter().flat_map(|hours| hours.cells.keys());
        days.extend(hours.map(|(hour, offset)| (day(Stamp { at: hour * 3600, offset: *offset }), *offset)));
    }
    days
}

/// Whether a host's clock had more than one offset near a stamp.
fn is_near_a_change(days: &BTreeSet<(i64, i16)>, stamp: Stamp) -> bool {
    let day = day(stamp);
    let mut near = days.range((day - NEAR, i16::MIN)..=(day + NEAR, i16::MAX)).map(|(_, offset)| offset);
    near.next().is_some_and(|first| near.any(|other| other != first))
}

/// The day by the clock.
fn day(stamp: Stamp) -> i64 {
    stamp.local().div_euclid(DAY)
}
