//! The order of reading: stream by stream, by first stamp, then by sequence number. An optimisation, never a premise.

use super::{Group, Plan, Unit, earliest};
use crate::model::Instant;

type Place = (Option<Group>, Instant, Option<u64>);

/// Puts the units into the order of reading: those of no stream last.
pub(super) fn order(plan: &mut Plan) {
    let mut units = std::mem::take(&mut plan.units);
    units.sort_by_cached_key(|unit| {
        let (group, first, number) = place(plan, unit);
        (group.is_none(), group, first, number, unit.path.clone())
    });
    plan.units = units;
}

fn place(plan: &Plan, unit: &Unit) -> Place {
    let leaves = unit.leaves.iter().filter_map(|id| plan.leaf(*id));
    let placed = leaves.map(|l| (l.group.clone(), earliest(l), l.sequence.as_ref().map(|s| s.number)));
    placed.filter(|(group, ..)| group.is_some()).min().unwrap_or((None, Instant::MAX, None))
}
