//! Findings of `failures`: a paragraph each for people, a record each for programs.

use std::io;

use super::csv::safe;
use super::object::{List, Object, nested};
use super::records_table::several;
use super::{Answer, evidence, next_lines};
use crate::answer::{Finding, Findings, Rule};
use crate::model::Stamp;
use crate::quote::Quoted;
use crate::text::visible;
use crate::times::{Zone, rfc3339_of, written};

/// Writes every finding with its rule and its lines.
pub(super) fn write_table(answer: &Answer<'_>, findings: &Findings<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let time = |stamp: Stamp| written(answer.zone.of(stamp));
    let mut count = 0;
    let mut quotes = answer.quote()?;
    let mut block = Vec::new();
    findings.each(|finding| {
        count += 1;
        let quoted = next_lines(&mut quotes, || finding.events.len())?;
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
            let (from, word, user) = (visible(&event.from), visible(&event.word), visible(event.user()));
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
        let quoted = next_lines(&mut quotes, || finding.events.len())?;
        text.clear();
        text.extend_from_slice(before);
        put(finding, findings, answer.zone, &quoted, &mut text);
        text.extend_from_slice(behind);
        out.write_all(&text)
    })
}

fn put(finding: &Finding<'_>, findings: &Findings<'_>, zone: Zone, quoted: &Quoted<'_>, out: &mut Vec<u8>) {
    let Finding { rule, users, addresses, failures, same_address, left_out, .. } = finding;
    let events = finding.events.iter().enumerate().map(|(n, event)| {
        let shows = if event.success { &evidence::SESSION[..1] } else { &evidence::FAILURE };
        let lines = quoted.row(n);
        nested(move |object| {
            object
                .field("time", event.time)
                .field("what", if event.success { "login" } else { "refused" })
                .field("store", &event.store)
                .field("service", event.service.as_str())
                .field("user", event.user())
                .field("from", &event.from)
                .field("reason", Some(&event.word).filter(|_| !event.success))
                .field("flags", event.flags())
                .field_if("evidence", evidence::lines(lines, shows))
        })
    });
    Object::new(zone, out)
        .field("record", "finding")
        .field("rule", rule.as_str())
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

const COLUMNS: [&str; 14] = [
    "record",
    "rule",
    "rule_text",
    "user",
    "address",
    "users",
    "addresses",
    "failures",
    "failures_same_address",
    "from",
    "to",
    "window_s",
    "threshold",
    "events_left_out",
];

/// Writes every finding as a line, without its lines.
pub(super) fn write_csv(answer: &Answer<'_>, findings: &Findings<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    super::csv::write_line(out, &COLUMNS)?;
    findings.each(|finding| {
        let Finding { rule, users, addresses, failures, same_address, left_out, .. } = finding;
        let text = |text: &Option<std::borrow::Cow<'_, [u8]>>| {
            text.as_deref().map_or_else(String::new, |text| safe(visible(text)))
        };
        let cells: [String; COLUMNS.len()] = [
            "finding".to_owned(),
            rule.as_str().to_owned(),
            findings.thresholds.text(*rule),
            text(&finding.user),
            text(&finding.address),
            users.to_string(),
            addresses.to_string(),
            failures.to_string(),
            if *rule == Rule::SuccessAfterFailures { same_address.to_string() } else { String::new() },
            rfc3339_of(finding.from, answer.zone),
            rfc3339_of(finding.to, answer.zone),
            findings.thresholds.within.to_string(),
            findings.thresholds.of(*rule).to_string(),
            left_out.to_string(),
        ];
        super::csv::write_line(out, &cells)
    })
}
