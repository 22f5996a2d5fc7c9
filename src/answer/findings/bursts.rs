//! Bursts: the spans of time in which a rule holds, for one user or one address.

use std::collections::{HashSet, VecDeque};
use std::io;

use super::{Event, Rule, Side, Thresholds, events, hash};
use crate::model::Instant;
use crate::runs::Runs;

/// A span in which a rule holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Burst {
    /// The user or the address.
    pub(super) group: Vec<u8>,
    pub(super) from: Instant,
    pub(super) to: Instant,
    pub(super) rule: Rule,
    /// Of a success: its address or user.
    pub(super) other: Vec<u8>,
}

/// The order of events that a rule goes by.
pub(super) fn side(rule: Rule) -> Side {
    match rule {
        Rule::ManyUsers | Rule::FirstSuccess => Side::Address,
        Rule::ManyAddresses | Rule::SuccessAfterFailures => Side::User,
    }
}

/// Whether a rule is about one user and one address: those of a success.
pub(super) fn is_of_both(rule: Rule) -> bool {
    matches!(rule, Rule::SuccessAfterFailures | Rule::FirstSuccess)
}

/// The last refusals of a group, as many as a rule asks for.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Instant>);

impl Recent {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn add(&mut self, at: Instant, run: usize) {
        self.0.push_back(at);
        if self.0.len() > run {
            self.0.pop_front();
        }
    }

    /// The first of them, if there are enough, all within the window before a moment.
    pub(super) fn first_within(&self, at: Instant, thresholds: &Thresholds) -> Option<Instant> {
        let first = self.0.front().filter(|_| self.0.len() >= thresholds.run)?;
        (at.saturating_sub(*first) <= thresholds.within).then_some(*first)
    }
}

/// What is known of the group at hand.
#[derive(Debug, Default)]
struct Group {
    name: Vec<u8>,
    /// The last refusal of each of those refused last, as many as a rule asks for, the oldest first.
    others: VecDeque<(u64, Instant)>,
    /// The span in which that rule holds.
    many: Option<(Instant, Instant)>,
    recent: Recent,
    /// Of a user: the last login.
    last_success: Option<Instant>,
    /// Of an address: who has logged in from it.
    seen: HashSet<u64>,
}

impl Group {
    fn refused(&mut self, many: usize, thresholds: &Thresholds, event: &Event<'_>, out: &mut Vec<Burst>, rule: Rule) {
        let (at, other) = (event.time.at, hash(&event.other));
        self.recent.add(at, thresholds.run);
        if !event.is_from_anywhere() {
            self.others.retain(|(known, _)| *known != other);
            self.others.push_back((other, at));
        }
        if self.others.len() > many {
            self.others.pop_front();
        }
        let first = self.others.front().filter(|_| self.others.len() >= many).map(|(_, first)| *first);
        if first.is_none_or(|first| at.saturating_sub(first) > thresholds.within) {
            return;
        }
        // All refusals of the window belong to it.
        let from = at.saturating_sub(thresholds.within);
        match &mut self.many {
            Some((_, to)) if from <= *to => *to = at,
            _ => {
                self.end_many(rule, out);
                self.many = Some((from, at));
            }
        }
    }

    fn end_many(&mut self, rule: Rule, out: &mut Vec<Burst>) {
        if let Some((from, to)) = self.many.take() {
            out.push(Burst { group: self.name.clone(), from, to, rule, other: Vec::new() });
        }
    }

    fn succeeded(&mut self, side: Side, thresholds: &Thresholds, event: &Event<'_>, out: &mut Vec<Burst>) {
        let to = event.time.at;
        let enough = self.recent.first_within(to, thresholds).is_some();
        let earliest = to.saturating_sub(thresholds.within);
        let burst = |rule, from| Burst { group: self.name.clone(), from, to, rule, other: event.other.to_vec() };
        match side {
            Side::User => {
                let behind_last = self.last_success.map_or(earliest, |last| earliest.max(last.saturating_add(1)));
                out.extend(enough.then(|| burst(Rule::SuccessAfterFailures, behind_last)));
                self.last_success = Some(to);
                self.recent.clear();
            }
            Side::Address => {
                let is_first = self.seen.insert(hash(&event.other));
                out.extend((enough && is_first).then(|| burst(Rule::FirstSuccess, earliest)));
            }
        }
    }
}

/// Every burst of the events in one order, in the order of groups and beginnings.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn bursts(side: Side, runs: &[Runs], thresholds: &Thresholds) -> io::Result<Vec<Burst>> {
    let rule = if side == Side::User { Rule::ManyAddresses } else { Rule::ManyUsers };
    let many = thresholds.of(rule);
    let mut out = Vec::new();
    let mut group = Group::default();
    events::each(side, runs, |event| {
        if group.name != *event.group {
            group.end_many(rule, &mut out);
            group = Group { name: event.group.to_vec(), ..Group::default() };
        }
        if event.success {
            group.succeeded(side, thresholds, event, &mut out);
        } else {
            group.refused(many, thresholds, event, &mut out, rule);
        }
    })?;
    group.end_many(rule, &mut out);
    out.sort();
    Ok(out)
}
