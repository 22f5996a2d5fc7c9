//! Who and what had most sessions.

use maud::{Markup, html};

use super::Page;
use super::charts::meter;
use super::figure::{left_out, long_table};
use super::words::{name, number};
use crate::answer::report::{Cut, Top};

/// The part, if anything was read of an access service.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    let report = page.report;
    report.period?;
    if report.totals.sessions == 0 {
        return Some(html! { p { "Nobody had a session, as far as the logs say." } });
    }
    Some(html! {
        p { "By the number of their sessions." }
        (list(page, "Users", ["User", "#Addresses"], &report.users, report.sections.len()))
        (list(page, "Addresses", ["Address", "#Users"], &report.addresses, 0))
        (list(page, "Domains", ["Domain", "#Users"], &report.domains, 0))
    })
}

/// One list; so many of its rows, the first, have a section of their own to go to.
fn list(page: Page<'_>, title: &str, [head, others]: [&str; 2], top: &Cut<Top>, sections: usize) -> Markup {
    let most = top.shown.iter().map(|one| one.sessions).max().unwrap_or(0);
    let row = |(n, one): (usize, &Top)| {
        html! {
            tr {
                th.name scope="row" {
                    @if n < sections {
                        a href={ "#user" (n) } { (name(&one.name, "no name")) }
                    } @else {
                        (name(&one.name, "no domain"))
                    }
                }
                td.bar { (meter(one.sessions, most, "all")) }
                td.n { (number(one.sessions)) }
                td.n { (number(one.others)) }
                td { (page.times.element(one.last)) }
            }
        }
    };
    let rows = top.shown.iter().enumerate().map(row).collect();
    html! {
        h3 { (title) }
        (long_table(title, &[head, "Share", "#Sessions", others, "Last access"], rows))
        (left_out(top.left_out, &format!("{} are not shown", title.to_lowercase())))
    }
}
