//! Findings of `failures`: a paragraph each for people, a record each for programs.

use std::io;

use super::cells::{Cell, Cells, Column, Kind};
use super::object::{List, Object, Word, nested};
use super::records_table::several;
use super::{Answer, ends, evidence, next_lines};
use crate::answer::{Finding, Findings, Rule, Thresholds};
use crate::model::Stamp;
use crate::quote::Quoted;
use crate::text::visible;
use crate::times::written;

/// Writes every finding with its rule and its lines.
pub(super) fn write_table(answer: &Answer<'_>, findings: &Findings<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let time = |stamp: Stamp| written(answer.zone.of(stamp));
    let mut count = 0;
    let mut quotes = answer.quote()?;
    let mut block = Vec::new();
    findings.each(|finding| {
        count += 1;
        let quoted = next_lines(&mut quotes, || finding.events.len(), Quoted::default())?;
        let Finding { rule, users, addresses, failures, left_out, .. } = finding;
        let name =
            |text: &Option<std::borrow::Cow<'_, [u8]>>| visible(text.as_deref().unwrap_or_default()).into_owned();
        let (user, address) = (name(&finding.user), name(&finding.address));
        writeln!(out, "{}: {} to {}", rule.as_str(), time(finding.from), time(finding.to))?;
        let what = match rule {
            Rule::ManyUsers => format!("{address}: {users} users, {failures} refusals"),
            Rule::ManyAddresses => format!("{user}: {addresses} addresses, {failures} refusals"),
            Rule::SuccessAfterFailures => {
                let same = finding.same_address;
                let address = if address.is_empty() { "an address that is not known" } else { &address };
                format!("{user}: login from {address} after {failures} refusals, {same} of them from there")
            }
            Rule::FirstSuccess => {
                format!("{address}: first login of {user} after {failures} refusals of {}", several(*users, "user"))
            }
        };
        writeln!(out, "  {what} ({})", findings.thresholds.text(*rule))?;
        let refusals = finding.events.iter().filter(|event| !event.success).count();
        for (n, event) in finding.events.iter().enumerate() {
            if *left_out > 0 && n == refusals / 2 {
                writeln!(out, "    {left_out} more refusals")?;
            }
            let flags = event.flags().iter().map(|flag| format!(" {flag}")).collect::<String>();
            let (from, word) = (ends::shown(&event.from, &event.client), visible(&event.word));
            let user = visible(event.user());
            let what = if event.success { format!("login {word}") } else { word.into_owned() };
            writeln!(out, "    {}  {from}  {what}{flags}  {user}", time(event.time))?;
            block.clear();
            evidence::block(quoted.row(n), &mut block);
            out.write_all(&block)?;
        }
        Ok(())
    })?;
    writeln!(out, "{count} {}.", if count == 1 { "finding" } else { "findings" })
}

/// Writes every finding as an object, between two texts.
pub(super) fn write_json(
    answer: &Answer<'_>,
    findings: &Findings<'_>,
    (before, behind): (&[u8], &[u8]),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut quotes = answer.quote()?;
    let mut text = Vec::new();
    findings.each(|finding| {
        let quoted = next_lines(&mut quotes, || finding.events.len(), Quoted::default())?;
        text.clear();
        text.extend_from_slice(before);
        put(finding, findings, answer, &quoted, &mut text);
        text.extend_from_slice(behind);
        out.write_all(&text)
    })
}

fn put(finding: &Finding<'_>, findings: &Findings<'_>, answer: &Answer<'_>, quoted: &Quoted<'_>, out: &mut Vec<u8>) {
    let Finding { rule, users, addresses, failures, same_address, left_out, .. } = finding;
    let events = finding.events.iter().enumerate().map(|(n, event)| {
        let shows = if event.success { &["login", "client"] } else { &evidence::FAILURE };
        let lines = quoted.row(n);
        nested(move |object| {
            object
                .field("time", event.time)
                .field("what", Word(if event.success { "login" } else { "refused" }))
                .field("store", &event.store)
                .field("service", Word(event.service.as_str()))
                .field("user", event.user())
                .with(|object| ends::put(object, &event.from, &event.client, answer.rows.with_proxies))
                .field("reason", Some(&event.word).filter(|_| !event.success))
                .field("flags", &event.flags()[..])
                .field_if("evidence", evidence::lines(lines, shows))
        })
    });
    Object::new(answer.zone, out)
        .field("record", Word("finding"))
        .field("rule", Word(rule.as_str()))
        .field("rule_text", findings.thresholds.text(*rule).as_str())
        .field("user", finding.user.as_ref())
        .field("address", finding.address.as_ref())
        .field("users", *users)
        .field("addresses", *addresses)
        .field("failures", *failures)
        .field("failures_same_address", (*rule == Rule::SuccessAfterFailures).then_some(*same_address))
        .field("from", finding.from)
        .field("to", finding.to)
        .field("window_s", findings.thresholds.within)
        .field("threshold", findings.thresholds.of(*rule))
        .field("events", List(events))
        .field("events_left_out", *left_out)
        .end();
}

/// A finding in columns, without its lines.
pub(super) struct FindingRow<'a> {
    pub(super) finding: &'a Finding<'a>,
    pub(super) thresholds: &'a Thresholds,
}

const FINDING: [Column; 13] = [
    ("rule", Kind::Text),
    ("rule_text", Kind::Text),
    ("user", Kind::Text),
    ("address", Kind::Text),
    ("users", Kind::Number),
    ("addresses", Kind::Number),
    ("failures", Kind::Number),
    ("failures_same_address", Kind::Number),
    ("from", Kind::Time),
    ("to", Kind::Time),
    ("window_s", Kind::Number),
    ("threshold", Kind::Number),
    ("events_left_out", Kind::Number),
];

impl Cells for FindingRow<'_> {
    const RECORD: &'static str = "finding";
    const COLUMNS: &'static [Column] = &FINDING;

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let Finding { rule, users, addresses, failures, same_address, left_out, .. } = self.finding;
        let rule_text = self.thresholds.text(*rule);
        let same_address = (*rule == Rule::SuccessAfterFailures).then_some(*same_address);
        let cells: [Cell<'_>; FINDING.len()] = [
            Cell::text(rule.as_str()),
            Cell::text(&rule_text),
            Cell::maybe(self.finding.user.as_deref(), Cell::text),
            Cell::maybe(self.finding.address.as_deref(), Cell::text),
            Cell::number(*users),
            Cell::number(*addresses),
            Cell::number(*failures),
            Cell::maybe(same_address, Cell::number),
            Cell::Time(self.finding.from),
            Cell::Time(self.finding.to),
            Cell::number(self.thresholds.within),
            Cell::count(self.thresholds.of(*rule)),
            Cell::number(*left_out),
        ];
        cells.into_iter().for_each(put);
    }
}
