//! The head of the page: what was found, in a sentence or two and some figures.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::Page;
use super::words::{count, listed, number, service};
use crate::answer::report::{Span, SpanKind, Stream, Totals};
use crate::model::Service;

/// So many stores are named in the heading.
const NAMED: usize = 3;

fn stores(page: Page<'_>) -> BTreeSet<&str> {
    page.report.streams.shown.iter().map(|stream| stream.store.as_str()).collect()
}

/// What the report is about.
pub(super) fn title(page: Page<'_>) -> String {
    let stores: Vec<&str> = stores(page).into_iter().collect();
    match stores.len() {
        0 => "No access was logged".to_owned(),
        1..=NAMED => format!("Access to {}", listed(&stores)),
        many => format!("Access to {} mail stores", number(many as u64)),
    }
}

/// The head.
pub(super) fn header(page: Page<'_>) -> Markup {
    let report = page.report;
    html! {
        header.top {
            p.kicker { "imstrail report" }
            h1 { (title(page)) }
            @if let Some((first, last)) = report.period {
                p.period {
                    time { (page.times.minute(first)) } " to " time { (page.times.minute(last)) }
                    span.zone { "Times: " (report.times) }
                }
            }
        }
    }
}

/// The summary.
pub(super) fn part(page: Page<'_>) -> Markup {
    let report = page.report;
    html! {
        section #summary aria-labelledby="summary-heading" {
            h2.unseen #summary-heading { "Summary" }
            p.lede { (happened(page)) }
            p.lede.doubt { (doubts(page)) }
            @for limit in &report.about.limits { p.limit { (limit) } }
            @if report.about.pseudonymized {
                p.limit { "Users, addresses and files have pseudonyms in the place of their names." }
            }
            @if report.period.is_some() { (figures(page)) }
        }
    }
}

/// What happened, in a sentence.
fn happened(page: Page<'_>) -> String {
    let Totals { sessions, users, addresses, failures, by_service, .. } = page.report.totals;
    if page.report.period.is_none() {
        let files = count(page.report.totals.files, "file", "files");
        return format!("Nothing that was read tells of a login: {files} gave no line of an access service.");
    }
    let over: Vec<&str> =
        Service::ALL.iter().zip(by_service).filter(|(_, n)| *n > 0).map(|(kind, _)| service(*kind)).collect();
    let refused = match failures {
        0 => "No login was refused.".to_owned(),
        _ if failures == 1 => "One login was refused.".to_owned(),
        _ => format!("{} logins were refused.", number(failures)),
    };
    if sessions == 0 {
        return format!("No session was logged. {refused}");
    }
    format!(
        "{} had {} over {} from {}. {refused}",
        count(users, "user", "users"),
        count(sessions, "session", "sessions"),
        listed(&over),
        count(addresses, "address", "addresses")
    )
}

/// In how many spans of streams lines are missing; what lies in one time is one, whatever tells of it.
fn missing(page: Page<'_>) -> u64 {
    page.report.streams.shown.iter().map(|stream| apart(&stream.spans.shown) + stream.spans.left_out).sum()
}

/// How many spans there are of those in which lines are missing, if those that touch are one. They are in order.
fn apart(spans: &[Span]) -> u64 {
    let kinds = [SpanKind::Missing, SpanKind::Damaged, SpanKind::Silent];
    let mut until = None;
    let mut count = 0;
    for span in spans.iter().filter(|span| kinds.contains(&span.kind)) {
        count += u64::from(until.is_none_or(|until| span.from.at > until));
        until = until.max(Some(span.to.at));
    }
    count
}

/// What is not sure, in a sentence or two.
fn doubts(page: Page<'_>) -> String {
    let report = page.report;
    if report.period.is_none() {
        return "What was read, and why it gave nothing, stands below.".to_owned();
    }
    let mut parts = Vec::new();
    match missing(page) {
        0 => {}
        1 => parts.push("Lines are missing in one span: what happened then may not be here.".to_owned()),
        n => parts.push(format!("Lines are missing in {} spans: what happened then may not be here.", number(n))),
    }
    let is_unlogged = |stream: &Stream| stream.spans.shown.iter().any(|span| span.kind == SpanKind::Unlogged);
    match report.streams.shown.iter().filter(|stream| is_unlogged(stream)).count() as u64 {
        0 => {}
        n => parts.push(format!(
            "Logins were not always logged in {}: a session that was not closed then is invisible.",
            count(n, "stream", "streams")
        )),
    }
    if report.totals.doubtful > 0 {
        parts.push(format!("Something is in doubt about {}.", count(report.totals.doubtful, "session", "sessions")));
    }
    if parts.is_empty() { "Nothing is known to be missing.".to_owned() } else { parts.join(" ") }
}

fn figures(page: Page<'_>) -> Markup {
    let report = page.report;
    let Totals { sessions, users, addresses, failures, lines, doubtful, by_status: [_, open, lost], .. } =
        report.totals;
    let findings = report.findings.findings.total();
    let peak = report.connected.buckets.iter().map(|bucket| bucket.certain).max().unwrap_or(0);
    let figure = |label: &str, n: u64, beside: String, href: &str| {
        html! {
            div {
                dt { a href=(href) { (label) } }
                dd { (number(n)) @if !beside.is_empty() { small { (beside) } } }
            }
        }
    };
    let unended = format!("{} open, {} lost", number(open), number(lost));
    html! {
        dl.figures {
            (figure("Users", users, format!("{} at once at most", number(peak)), "#access"))
            (figure("Sessions", sessions, unended, "#activity"))
            (figure("In doubt", doubtful, "sessions".to_owned(), "#reading"))
            (figure("Addresses", addresses, String::new(), "#top"))
            (figure("Refused logins", failures, String::new(), "#failures"))
            (figure("Findings", findings, String::new(), "#findings"))
            (figure("Spans missing", missing(page), String::new(), "#coverage"))
            (figure("Lines read", lines, count(report.totals.files, "file", "files"), "#notes"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;

    #[test]
    fn what_lies_in_one_time_is_one_span() {
        let at = |at| Stamp { at, offset: 0 };
        let span = |kind, from, to| Span { kind, from: at(from), to: at(to), text: String::new() };
        let spans = [
            span(SpanKind::Silent, 10, 20),
            span(SpanKind::Missing, 12, 19),
            span(SpanKind::Unlogged, 0, 90),
            span(SpanKind::Damaged, 20, 21),
            span(SpanKind::Silent, 30, 40),
        ];
        assert_eq!(apart(&spans), 2);
        assert_eq!(apart(&[]), 0);
    }
}
