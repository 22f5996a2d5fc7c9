//! Refused logins, counted, and the findings with most of them.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use super::frame::Frame;
use super::gather::Gathered;
use super::tops::Greatest;
use super::{Cut, FindingLine, FindingsPart, Refused, RuleLine};
use crate::answer::{By, FailureRow, Failures, Finding, Findings, RefusedBy, RefusedByRow, Rule};
use crate::model::Stamp;
use crate::text::visible;

/// So many reasons are told apart day by day, those with most refusals.
const REASONS: usize = 8;
/// So many findings are shown.
const FINDINGS: usize = 200;

/// Refusals by reason.
#[derive(Debug)]
pub(super) struct Reasons {
    /// Those with most refusals.
    shown: Cut<Refused>,
    /// Their names as they are.
    names: Vec<Vec<u8>>,
    /// The first and the last refusal of all.
    pub(super) span: Option<(Stamp, Stamp)>,
}

impl Reasons {
    /// Counts them.
    ///
    /// # Errors
    /// Those of putting aside, and of reading back what was.
    pub(super) fn of(failures: &Failures<'_>, tmpdir: &Path) -> io::Result<Reasons> {
        most(&RefusedBy::of(failures, By::Reason, tmpdir)?, REASONS)
    }
}

/// What was counted of refusals: the part of the report, and by day how many there are of each reason, and of all others.
pub(super) type Counted = (super::Failures, Vec<Vec<u64>>);

/// Counts refusals, also into the slots of what was gathered of sessions.
///
/// # Errors
/// Those of putting aside, and of reading back what was.
pub(super) fn count(
    failures: &Failures<'_>,
    reasons: Reasons,
    frame: &Frame,
    gathered: &mut Gathered,
    (top, tmpdir): (usize, &Path),
) -> io::Result<Counted> {
    let Reasons { shown: reasons, names, .. } = reasons;
    let by_name: HashMap<&[u8], usize> = names.iter().zip(0..).map(|(name, at)| (name.as_slice(), at)).collect();
    let mut by_day = vec![vec![0; names.len() + 1]; frame.days()];
    let mut total = 0;
    let mut rows = failures.rows()?;
    while rows.next(|record| {
        let Some(row) = FailureRow::read(record) else { return };
        let place = frame.place(row.time);
        total += 1;
        let Gathered { week, hours, days, .. } = &mut *gathered;
        let day = place.day.and_then(|day| days.get_mut(day));
        let slots = [week.get_mut(place.hour_of_week), hours.get_mut(place.hour_of_day), day];
        slots.into_iter().flatten().for_each(|slot| slot.failures += 1);
        let reason = by_name.get(&*row.reason).copied().unwrap_or(names.len());
        let count = place.day.and_then(|day| by_day.get_mut(day)?.get_mut(reason));
        count.into_iter().for_each(|count| *count += 1);
    })? {}
    let by = |by: By| most(&RefusedBy::of(failures, by, tmpdir)?, top).map(|most| most.shown);
    Ok((super::Failures { total, reasons, users: by(By::User)?, addresses: by(By::Address)? }, by_day))
}

/// The first rows, which have most refusals.
fn most(counts: &RefusedBy, limit: usize) -> io::Result<Reasons> {
    let (mut cut, mut names, mut span) = (Cut::default(), Vec::new(), None);
    let order = |stamp: &Stamp| (stamp.at, stamp.offset);
    let mut rows = counts.rows()?;
    while rows.next(|record| {
        let Some(row) = RefusedByRow::read(record) else { return };
        if let (Some(first), Some(last)) = (row.first, row.last) {
            let (from, to) = span.unwrap_or((first, last));
            span = Some((std::cmp::min_by_key(from, first, order), std::cmp::max_by_key(to, last, order)));
        }
        if names.len() >= limit {
            cut.left_out += 1;
            return;
        }
        cut.shown.push(Refused {
            name: visible(&row.key).into_owned(),
            failures: row.failures,
            users: row.users,
            addresses: row.addresses,
            first: row.first.unwrap_or_default(),
            last: row.last.unwrap_or_default(),
        });
        names.push(row.key.into_owned());
    })? {}
    Ok(Reasons { shown: cut, names, span })
}

/// A finding by its refusals: those with more are greater, then those that come before.
struct Weighed(u64, Reverse<u64>, FindingLine);

impl Weighed {
    fn weight(&self) -> (u64, Reverse<u64>) {
        (self.0, self.1)
    }
}

impl PartialEq for Weighed {
    fn eq(&self, other: &Weighed) -> bool {
        self.weight() == other.weight()
    }
}

impl Eq for Weighed {}

impl PartialOrd for Weighed {
    fn partial_cmp(&self, other: &Weighed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Weighed {
    fn cmp(&self, other: &Weighed) -> std::cmp::Ordering {
        self.weight().cmp(&other.weight())
    }
}

/// The findings with most refusals, and how many each rule has.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn findings(findings: &Findings<'_>) -> io::Result<FindingsPart> {
    let mut rules: Vec<RuleLine> =
        Rule::ALL.map(|rule| RuleLine { rule, text: findings.thresholds.text(rule), findings: 0 }).to_vec();
    let mut greatest = Greatest::new(FINDINGS);
    let mut number = 0;
    findings.each(|finding| {
        let of_rule = rules.iter_mut().find(|line| line.rule == finding.rule);
        of_rule.into_iter().for_each(|line| line.findings += 1);
        let (failures, before) = (finding.failures, Reverse(number));
        greatest
            .offer(|least: &Weighed| (failures, before) < least.weight(), || Weighed(failures, before, line(finding)));
        number += 1;
        Ok(())
    })?;
    let Cut { mut shown, left_out } = greatest.finish();
    shown.sort_by_key(|weighed| Reverse(weighed.1));
    let shown = shown.into_iter().map(|Weighed(.., line)| line).collect();
    Ok(FindingsPart { rules, findings: Cut { shown, left_out } })
}

fn line(finding: &Finding<'_>) -> FindingLine {
    let text = |text: &std::borrow::Cow<'_, [u8]>| visible(text).into_owned();
    FindingLine {
        rule: finding.rule,
        user: finding.user.as_ref().map(text),
        address: finding.address.as_ref().map(text),
        users: finding.users,
        addresses: finding.addresses,
        failures: finding.failures,
        from: finding.from,
        to: finding.to,
    }
}
