//! Last access by user: a table that the page's script searches and sorts. Without script its first rows are there.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde::Serialize;

use super::Page;
use super::figure::left_out;
use super::json::embedded;
use super::words::{count, number, service};
use crate::answer::report::{LastAccess, ServiceAccess};
use crate::model::{Service, Stamp};

/// So many rows are there without script.
const WITHOUT_SCRIPT: usize = 100;
/// So many rows are printed, of those that are found and in the order that is chosen.
const PRINTED: usize = 1000;

/// The rows for the script. Times are seconds since 1970, or null; those with another offset than the usual one pairs of these and the offset in
/// minutes.
#[derive(Serialize)]
struct Rows<'a> {
    /// The usual offset in minutes.
    offset: i16,
    /// So many rows are printed.
    printed: usize,
    /// Which services have a column, by their place in a row.
    services: &'a [usize],
    /// Names that rows refer to by their numbers.
    stores: Vec<&'a str>,
    /// Flags, as those.
    flags: Vec<String>,
    /// User, then for each service 0 or login, logout, store, flags; the number of the user's section at last, if there is one.
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a>(&'a str, [Access; 3], #[serde(skip_serializing_if = "Option::is_none")] Option<usize>);

#[derive(Serialize)]
#[serde(untagged)]
enum Access {
    Never(u8),
    Last(Time, Time, usize, usize),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Time {
    Unknown(()),
    Usual(i64),
    Other(i64, i16),
}

/// The part, if any user was seen.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    page.report.period?;
    let part = &page.report.last_access;
    let users = &part.users.shown;
    if users.is_empty() {
        return Some(html! { p { "No user logged in, as far as the logs say." } });
    }
    let services: Vec<usize> =
        (0..Service::ALL.len()).filter(|n| users.iter().any(|user| access(user, *n).is_some())).collect();
    Some(html! {
        p {
            "The latest login or logout of each user over each service, on whichever store. "
            @if part.users.left_out > 0 {
                "The " (count(users.len() as u64, "user", "users")) " with the latest access are here; "
                (number(part.users.left_out)) " more are left out"
                @if let Some(file) = &part.file { ", and all are in the file " code { (file) } " beside this report" }
                "."
            }
        }
        @for (kind, limit) in Service::ALL.iter().zip(&part.limits) {
            @if let Some(limit) = limit { p.limit { (service(*kind)) ": " (limit) } }
        }
        @if users.len() > WITHOUT_SCRIPT {
            p.limit #access-plain {
                "Without script only the first " (number(WITHOUT_SCRIPT as u64)) " of " (count(users.len() as u64, "user", "users"))
                " are shown, and they cannot be searched or sorted."
            }
        }
        @if users.len() > PRINTED {
            p.limit.printed { "On paper the table has " (number(PRINTED as u64)) " rows at most, in the order that was chosen on the screen." }
        }
        div.search #access-search hidden {
            label for="access-find" { "Search user or store" }
            input #access-find type="search" autocomplete="off" spellcheck="false" aria-controls="access-table";
            output #access-found for="access-find" {}
        }
        div.box.tall #access-box tabindex="0" role="group" aria-label="Last access by user" {
            table #access-table {
                caption.unseen { "Last access by user" }
                thead { tr { @for (key, head) in heads(&services) { th scope="col" data-key=(key) { (head) } } } }
                tbody { @for user in users.iter().take(WITHOUT_SCRIPT) { (row(page, user, &services)) } }
            }
        }
        (left_out(part.users.left_out, "users are not shown"))
        script #access-data type="application/json" { (embedded(&rows(page, users, &services))) }
    })
}

fn access(user: &LastAccess, service: usize) -> Option<&ServiceAccess> {
    user.services.get(service)?.as_ref()
}

/// The columns: what the script calls each, and its heading.
fn heads(services: &[usize]) -> Vec<(String, &'static str)> {
    let of_service = |n: &usize| (format!("service{n}"), Service::ALL.get(*n).map_or("", |one| service(*one)));
    [("user", "User"), ("latest", "Last access")]
        .map(|(key, head)| (key.to_owned(), head))
        .into_iter()
        .chain(services.iter().map(of_service))
        .chain(
            [("login", "Last login"), ("logout", "Last logout"), ("store", "Store"), ("flags", "Flags")]
                .map(|(key, head)| (key.to_owned(), head)),
        )
        .collect()
}

fn latest(stamps: impl Iterator<Item = Stamp>) -> Option<Stamp> {
    stamps.max_by_key(|stamp| stamp.at)
}

/// A row as the script makes it, too.
fn row(page: Page<'_>, user: &LastAccess, services: &[usize]) -> Markup {
    let seen = || user.services.iter().flatten();
    let last = user.latest();
    let cell = |stamp: Option<Stamp>| {
        html! { td { @if let Some(stamp) = stamp { (page.times.show(stamp)) } @else { span.none { "never" } } } }
    };
    let store = seen()
        .find(|access| last.is_some_and(|last| access.last_access().at == last.at))
        .map_or("", |access| access.store.as_str());
    html! {
        tr {
            th.name scope="row" { (user.user) }
            (cell(last))
            @for n in services { (cell(access(user, *n).map(ServiceAccess::last_access))) }
            (cell(latest(seen().filter_map(|access| access.login))))
            (cell(latest(seen().filter_map(|access| access.logout))))
            td { (store) }
            td { (flags(seen())) }
        }
    }
}

fn flags<'a>(seen: impl Iterator<Item = &'a ServiceAccess>) -> String {
    let mut all: Vec<&str> = seen.flat_map(|access| access.flags).copied().collect();
    all.sort_unstable();
    all.dedup();
    all.join(", ")
}

fn rows<'a>(page: Page<'a>, users: &'a [LastAccess], services: &'a [usize]) -> Rows<'a> {
    let mut stores = Numbers::default();
    let mut flags = Numbers::default();
    let sections: BTreeMap<&str, usize> =
        page.report.sections.iter().enumerate().map(|(n, section)| (section.user.as_str(), n)).collect();
    let time = |stamp: Option<Stamp>| match stamp {
        None => Time::Unknown(()),
        Some(stamp) if page.times.offset(stamp) == page.times.usual_minutes() => Time::Usual(stamp.at),
        Some(stamp) => Time::Other(stamp.at, page.times.offset(stamp)),
    };
    let mut of_service = |access: &'a Option<ServiceAccess>| match access {
        None => Access::Never(0),
        Some(one) => Access::Last(
            time(one.login),
            time(one.logout),
            stores.of(one.store.as_str()),
            flags.of(one.flags.join(", ")),
        ),
    };
    let rows = users
        .iter()
        .map(|user| {
            let [a, b, c] = &user.services;
            Row(&user.user, [of_service(a), of_service(b), of_service(c)], sections.get(user.user.as_str()).copied())
        })
        .collect();
    Rows { offset: page.times.usual_minutes(), printed: PRINTED, services, stores: stores.all, flags: flags.all, rows }
}

/// Texts, numbered as they come.
struct Numbers<T> {
    by_text: BTreeMap<T, usize>,
    all: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Numbers<T> {
        Numbers { by_text: BTreeMap::new(), all: Vec::new() }
    }
}

impl<T: Ord + Clone> Numbers<T> {
    fn of(&mut self, text: T) -> usize {
        if let Some(number) = self.by_text.get(&text) {
            return *number;
        }
        self.by_text.insert(text.clone(), self.all.len());
        self.all.push(text);
        self.all.len() - 1
    }
}
