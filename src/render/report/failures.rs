//! Refused logins by day, reason, user and address, and what they show together.

use maud::{Markup, html};

use super::Page;
use super::activity::{day_bars, day_name};
use super::charts::{Words, meter};
use super::figure::{figure, left_out, long_table, table};
use super::words::{count, name, number};
use crate::answer::report::{Cut, Day, FindingLine, Refused};

/// So many reasons have a colour of their own.
const COLOURS: [&str; 4] = ["r0", "r1", "r2", "r3"];
const OTHERS: &str = "rest";

/// The part, if there are refusals or could be.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    page.report.period?;
    let failures = &page.report.failures;
    if failures.total == 0 {
        return Some(html! { p { "No login was refused, as far as the logs say." } });
    }
    Some(html! {
        (by_day(page))
        (list(page, "By reason", "Reason", "no reason", "reasons", &failures.reasons))
        (list(page, "By user as given", "User", "no name", "users", &failures.users))
        (list(page, "By address", "Address", "no address", "addresses", &failures.addresses))
    })
}

fn by_day(page: Page<'_>) -> Markup {
    let days = &page.report.days.shown;
    let reasons = &page.report.failures.reasons;
    let Some(most) = days.iter().rev().max_by_key(|day| day.slot.failures) else { return html! {} };
    let says = format!(
        "{} in all. Most on {}: {}.",
        count(page.report.failures.total, "refusal", "refusals"),
        day_name(page, most),
        number(most.slot.failures)
    );
    let words = Words { id: "refused", title: "Refused logins by day", says: &says };
    let named = |one: &Refused| if one.name.is_empty() { "no reason".to_owned() } else { one.name.clone() };
    let mut parts: Vec<(&str, String)> =
        COLOURS.into_iter().zip(&reasons.shown).map(|(class, one)| (class, named(one))).collect();
    if reasons.total() > COLOURS.len() as u64 {
        parts.push((OTHERS, "other reasons".to_owned()));
    }
    let of_day = |day: &Day| {
        let (first, rest) = day.failures.split_at(day.failures.len().min(COLOURS.len()).min(reasons.shown.len()));
        first.iter().copied().chain([rest.iter().sum()]).collect()
    };
    let (legend, chart) = day_bars(page, words, &parts, of_day);
    let heads: Vec<String> =
        ["Day".to_owned()].into_iter().chain(parts.iter().map(|(_, name)| format!("#{name}"))).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = html! {
        @for day in days.iter().filter(|day| day.slot.failures > 0) {
            tr {
                th scope="row" { (day_name(page, day)) }
                @for n in of_day(day).iter().take(parts.len()) { td.n { (number(*n)) } }
            }
        }
    };
    figure(words, &legend, &chart, &table(words.title, &heads, &rows))
}

fn list(page: Page<'_>, title: &str, head: &str, empty: &'static str, what: &str, all: &Cut<Refused>) -> Markup {
    let most = all.shown.iter().map(|one| one.failures).max().unwrap_or(0);
    let row = |one: &Refused| {
        html! {
            tr {
                th.name scope="row" { (name(&one.name, empty)) }
                td.bar { (meter(one.failures, most, "r0")) }
                td.n { (number(one.failures)) }
                td.n { (number(one.users)) }
                td.n { (number(one.addresses)) }
                td { (page.times.element(one.first)) }
                td { (page.times.element(one.last)) }
            }
        }
    };
    let heads = [head, "Share", "#Refused", "#Users", "#Addresses", "First", "Last"];
    let label = format!("Refused logins {}", title.to_lowercase());
    html! {
        h3 { (title) }
        (long_table(&label, &heads, all.shown.iter().map(row).collect()))
        (left_out(all.left_out, &format!("{what} are not shown")))
    }
}

/// What the refusals show together, rule by rule.
pub(super) fn findings(page: Page<'_>) -> Option<Markup> {
    page.report.period?;
    let part = &page.report.findings;
    let rules = html! {
        @for rule in &part.rules {
            tr {
                th.text scope="row" { (rule.text) }
                td { code { (rule.rule.as_str()) } }
                td.n { (number(rule.findings)) }
            }
        }
    };
    Some(html! {
        p {
            "What refused logins show together. Each finding is by a rule, and says no more than the rule: "
            "it may be an attack, and it may be a forgotten password."
        }
        (table("Rules", &["Rule", "Name", "#Findings"], &rules))
        @if part.findings.total() == 0 {
            p { "Nothing was found." }
        } @else {
            h3 { "What was found" }
            ul.findings { @for one in &part.findings.shown { (finding(page, one)) } }
            (left_out(part.findings.left_out, "findings are not shown"))
        }
    })
}

fn finding(page: Page<'_>, one: &FindingLine) -> Markup {
    let user = one.user.as_ref().map(|user| html! { "user " b { (name(user, "no name")) } });
    let address = one.address.as_ref().map(|address| html! { "address " b { (name(address, "unknown")) } });
    let counts = format!(
        "{} of {} from {}",
        count(one.failures, "refusal", "refusals"),
        count(one.users, "user", "users"),
        count(one.addresses, "address", "addresses")
    );
    html! {
        li {
            p.who {
                @if let Some(user) = &user { (user) }
                @if user.is_some() && address.is_some() { ", " }
                @if let Some(address) = &address { (address) }
            }
            p { code { (one.rule.as_str()) } " " (counts) }
            p { (page.times.element(one.from)) " to " (page.times.element(one.to)) }
        }
    }
}
