//! Findings: what refused logins show together, each by a rule that it states and with the lines that it rests on.
//!
//! Refusals come in two orders, by user and by address ([`Events`]). A rule goes through one of them with a window of time and finds
//! [`bursts`]; a second passage counts what lies in them and keeps some of it as evidence. Logins that succeeded are looked for only
//! where enough refusals stand before them ([`Armed`]), so that nothing held grows with the number of logins.

mod armed;
mod bursts;
mod events;

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;

pub use armed::Armed;
use bursts::{Burst, bursts};
pub use events::{Event, Events, Side};

use super::record::{Fields, put_instant, put_stamp, put_text};
use crate::model::Stamp;
use crate::runs::{Merged, Runs};

/// So many of the first and of the last events of a finding are kept as its evidence.
const SHOWN: usize = 10;
/// Of more users or addresses than this only so many are counted.
const DISTINCT: usize = 1 << 20;

/// What makes a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Many users were tried from one address.
    ManyUsers,
    /// One user was tried from many addresses.
    ManyAddresses,
    /// A user logged in after a run of failures.
    SuccessAfterFailures,
    /// A user's first login ever from an address that had failed often.
    FirstSuccess,
}

impl Rule {
    const ALL: [Rule; 4] = [Rule::ManyUsers, Rule::ManyAddresses, Rule::SuccessAfterFailures, Rule::FirstSuccess];

    /// The name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::ManyUsers => "many-users-from-one-address",
            Rule::ManyAddresses => "one-user-from-many-addresses",
            Rule::SuccessAfterFailures => "success-after-failures",
            Rule::FirstSuccess => "first-success-of-address",
        }
    }
}

/// How much makes a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// So many users refused from one address.
    pub many_users: usize,
    /// So many addresses from which one user was refused.
    pub many_addresses: usize,
    /// So many refusals before a success.
    pub run: usize,
    /// Within so many seconds.
    pub within: i64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { many_users: 10, many_addresses: 10, run: 5, within: 3600 }
    }
}

impl Thresholds {
    /// The number of a rule.
    pub fn of(&self, rule: Rule) -> usize {
        match rule {
            Rule::ManyUsers => self.many_users,
            Rule::ManyAddresses => self.many_addresses,
            Rule::SuccessAfterFailures | Rule::FirstSuccess => self.run,
        }
    }

    /// A rule in words.
    pub fn text(&self, rule: Rule) -> String {
        let (n, within) = (self.of(rule), self.within);
        match rule {
            Rule::ManyUsers => format!("{n} or more users were refused from one address within {within} s"),
            Rule::ManyAddresses => format!("one user was refused from {n} or more addresses within {within} s"),
            Rule::SuccessAfterFailures => {
                format!(
                    "a user logged in after {n} or more refusals within {within} s and no login between, from any address"
                )
            }
            Rule::FirstSuccess => format!(
                "the first login ever of a user from an address, after {n} or more refusals from it within {within} s, of any user"
            ),
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// By which rule.
    pub rule: Rule,
    /// The user, where it is about one.
    pub user: Option<Cow<'a, [u8]>>,
    /// The address, where it is about one that is known.
    pub address: Option<Cow<'a, [u8]>>,
    /// How many users were refused.
    pub users: u64,
    /// From how many addresses.
    pub addresses: u64,
    /// How often.
    pub failures: u64,
    /// Of a success after failures: how many of these came from the address of the success.
    pub same_address: u64,
    /// The first refusal.
    pub from: Stamp,
    /// The last refusal, or the success.
    pub to: Stamp,
    /// The lines that it rests on: the first and the last of the refusals, then the success.
    pub events: Vec<Event<'a>>,
    /// How many refusals between those are left out.
    pub left_out: u64,
}

impl<'a> Finding<'a> {
    /// The finding of a record; `None` for bytes that are none.
    pub fn read(record: &'a [u8]) -> Option<Finding<'a>> {
        let mut fields = Fields::of(record);
        let at = fields.instant()?;
        let rule = fields.byte()?;
        let rule = *Rule::ALL.iter().find(|r| **r as u8 == rule)?;
        let (group, other) = (fields.text()?, fields.text()?);
        let from = Stamp { at, offset: i16::from_le_bytes(fields.take()?) };
        let to = fields.stamp()??;
        let mut number = || fields.take().map(u64::from_be_bytes);
        let (distinct, failures, same_address, left_out, count) =
            (number()?, number()?, number()?, number()?, number()?);
        let side = bursts::side(rule);
        let mut events = Vec::new();
        for _ in 0..count {
            events.push(Event::read_owned(side, &fields.text()?)?);
        }
        let is_known = bursts::is_of_both(rule) && (side == Side::Address || !other.is_empty());
        let other = is_known.then_some(other);
        let (user, address) = match side {
            Side::User => (Some(group), other),
            Side::Address => (other, Some(group)),
        };
        let (users, addresses) = match side {
            Side::User => (1, distinct),
            Side::Address => (distinct, 1),
        };
        Some(Finding { rule, user, address, users, addresses, failures, same_address, from, to, events, left_out })
    }
}

/// All findings, in the order of their beginnings, then of the rules, users and addresses.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Their records, finished.
    pub runs: &'a [Runs],
    /// By which measure.
    pub thresholds: Thresholds,
}

impl Findings<'_> {
    /// Hands each finding to `work`.
    ///
    /// # Errors
    /// Those of reading back what was put aside, and of `work`.
    pub fn each(&self, mut work: impl FnMut(&Finding<'_>) -> io::Result<()>) -> io::Result<()> {
        let mut merged = Merged::of(self.runs)?;
        let mut result = Ok(());
        while result.is_ok() && merged.next(|record| result = Finding::read(record).map_or(Ok(()), |row| work(&row)))? {
        }
        result
    }

    /// How many there are.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn count(&self) -> io::Result<u64> {
        let mut count = 0;
        self.each(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }
}

/// The findings of all events in the order of one side. `tmpdir` is where too many of them go, and `limit` how much is held, in bytes.
///
/// # Errors
/// Those of putting aside, and of reading back what was.
pub fn findings(
    side: Side,
    events: &[Runs],
    thresholds: &Thresholds,
    (tmpdir, limit): (&Path, usize),
) -> io::Result<Runs> {
    let bursts = bursts(side, events, thresholds)?;
    let mut out = Runs::new(tmpdir, limit);
    let mut bursts = bursts.iter().peekable();
    let mut open: Vec<Gathered<'_>> = Vec::new();
    events::each(side, events, |event| {
        open.retain(|gathered| {
            let over = *gathered.burst.group != *event.group || gathered.burst.to < event.time.at;
            if over {
                gathered.write(&mut out);
            }
            !over
        });
        let begins = |burst: &&Burst| *burst.group == *event.group && burst.from <= event.time.at;
        while let Some(burst) = bursts.next_if(begins) {
            open.push(Gathered::of(burst));
        }
        open.iter_mut().for_each(|gathered| gathered.take(event));
    })?;
    open.iter().for_each(|gathered| gathered.write(&mut out));
    out.finish()?;
    Ok(out)
}

/// What lies in a burst.
#[derive(Debug)]
struct Gathered<'b> {
    burst: &'b Burst,
    failures: u64,
    same: u64,
    others: HashSet<u64>,
    span: Option<(Stamp, Stamp)>,
    first: Vec<Vec<u8>>,
    last: VecDeque<Vec<u8>>,
    success: Option<Vec<u8>>,
}

impl<'b> Gathered<'b> {
    fn of(burst: &'b Burst) -> Gathered<'b> {
        Gathered {
            burst,
            failures: 0,
            same: 0,
            others: HashSet::new(),
            span: None,
            first: Vec::new(),
            last: VecDeque::new(),
            success: None,
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        let mut record = Vec::new();
        event.write(&mut record);
        let is_other = self.burst.other == *event.other;
        if event.success {
            if self.success.is_none()
                && is_other
                && event.time.at == self.burst.to
                && bursts::is_of_both(self.burst.rule)
            {
                self.success = Some(record);
                self.reaches(event.time);
            }
            return;
        }
        self.failures += 1;
        let is_somewhere = !event.is_from_anywhere();
        self.same += u64::from(is_other && is_somewhere);
        if self.others.len() < DISTINCT && is_somewhere {
            self.others.insert(hash(&event.other));
        }
        self.reaches(event.time);
        if self.first.len() < SHOWN {
            self.first.push(record);
            return;
        }
        self.last.push_back(record);
        if self.last.len() > SHOWN {
            self.last.pop_front();
        }
    }

    fn reaches(&mut self, time: Stamp) {
        self.span = Some((self.span.map_or(time, |(from, _)| from), time));
    }

    fn write(&self, out: &mut Runs) {
        let Some((from, to)) = self.span else { return };
        let Burst { rule, group, other, .. } = self.burst;
        let shown = self.first.iter().chain(&self.last).chain(&self.success);
        let left_out = self.failures - (self.first.len() + self.last.len()) as u64;
        out.push(|record| {
            put_instant(record, from.at);
            record.push(*rule as u8);
            put_text(record, group);
            put_text(record, other);
            record.extend(from.offset.to_le_bytes());
            put_stamp(record, Some(to));
            let same = if *rule == Rule::SuccessAfterFailures { self.same } else { 0 };
            for number in [self.others.len() as u64, self.failures, same, left_out, shown.clone().count() as u64] {
                record.extend(number.to_be_bytes());
            }
            shown.for_each(|event| put_text(record, event));
        });
    }
}

/// A hash that is the same in every run.
fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[path = "tests/findings.rs"]
mod tests;
