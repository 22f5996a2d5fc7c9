//! A section for each of the users with most sessions: when they were connected, by service.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Page;
use super::axis::ticks;
use super::charts::{Lane, Piece, Words, timeline};
use super::figure::{folded, swatch, table};
use super::words::{count, long, number, service};
use crate::answer::Status;
use crate::answer::report::{SessionLine, UserSection};
use crate::model::Service;

/// So many sessions that overlap are drawn below each other; more are drawn over the last.
const ROWS: usize = 6;
/// So many sections are shown without being asked for.
const OPEN: usize = 12;

/// The part, if there are sections.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    let sections = &page.report.sections;
    let shown = sections.len() as u64;
    (shown > 0).then(|| {
        html! {
            p {
                @if page.report.users.total() > shown {
                    "The " (count(shown, "user", "users")) " with most sessions; the others are in the table of last access. "
                }
                "Each bar is a session from login to logout, in the colour of its service."
            }
            ul.legend {
                @for one in Service::ALL { (swatch(one.as_str(), service(one))) }
            }
            ul.legend {
                (swatch("certain key", "certain: a close line proves it"))
                (swatch("doubt key", "closed, with a flag"))
                (swatch("open key", "open: not closed by the end"))
                (swatch("lost key", "lost: over by then, at some moment"))
            }
            @for (n, section) in sections.iter().enumerate().take(OPEN) { (one(page, n, section)) }
            @if sections.len() > OPEN {
                @let more = html! { @for (n, section) in sections.iter().enumerate().skip(OPEN) { (one(page, n, section)) } };
                (folded(&format!("The next {} users", number((sections.len() - OPEN) as u64)), &more))
            }
        }
    })
}

/// How a session is drawn, whatever its service.
fn certainty(session: &SessionLine) -> &'static str {
    match session.status {
        Status::Closed if session.is_certain() => "certain",
        Status::Closed => "doubt",
        Status::Open => "open",
        Status::Lost => "lost",
    }
}

fn one(page: Page<'_>, n: usize, section: &UserSection) -> Markup {
    let shown = &section.timeline.shown;
    let unsure = shown.iter().filter(|session| !session.is_certain()).count() as u64;
    let says = format!(
        "{} from {}, {} to {}.{}",
        count(section.sessions, "session", "sessions"),
        count(section.addresses, "address", "addresses"),
        page.times.show(section.first),
        page.times.show(section.last),
        drawn(section.timeline.left_out, shown.len() as u64, unsure)
    );
    let title = format!("Sessions of {}", section.user);
    let words = Words { id: &format!("timeline{n}"), title: &title, says: &says };
    let (lanes, from, to) = lanes(page, shown);
    html! {
        section.user id={ "user" (n) } aria-labelledby={ "user" (n) "-heading" } {
            h3 id={ "user" (n) "-heading" } { (section.user) }
            p { (says) }
            (timeline(words, &lanes, &ticks(from, to)))
            (folded(&format!("Sessions of {} as a table", section.user), &sessions(page, &section.user, shown)))
        }
    }
}

/// What there is to be known of those that are drawn.
fn drawn(left_out: u64, shown: u64, unsure: u64) -> String {
    let latest = if left_out > 0 {
        format!(" The latest {} are shown, {} earlier ones are not.", number(shown), number(left_out))
    } else {
        String::new()
    };
    match unsure {
        0 => latest,
        1 => format!("{latest} One of those shown is not certain."),
        many => format!("{latest} {} of those shown are not certain.", number(many)),
    }
}

/// The sessions by service, those that overlap in rows of their own; and between which digits they lie.
fn lanes(page: Page<'_>, sessions: &[SessionLine]) -> (Vec<Lane<'static>>, i64, i64) {
    let from = sessions.iter().map(|session| page.times.digits(session.login)).min().unwrap_or(0);
    let to = sessions.iter().map(|session| page.times.digits(session.until)).max().unwrap_or(0).max(from + 60);
    let place = |stamp| (page.times.digits(stamp) - from) as f64 / (to - from) as f64;
    let mut by_service: BTreeMap<Service, (Lane<'static>, Vec<f64>)> = BTreeMap::new();
    for session in sessions {
        let empty = || (Lane { name: service(session.service), rows: Vec::new() }, Vec::new());
        let (lane, ends) = by_service.entry(session.service).or_insert_with(empty);
        let piece = Piece {
            from: place(session.login),
            to: place(session.until),
            class: format!("{} {}", session.service.as_str(), certainty(session)),
            title: in_words(page, session),
        };
        let free = ends.iter().position(|end| *end <= piece.from);
        let row = free.unwrap_or_else(|| {
            if ends.len() < ROWS {
                ends.push(0.0);
                lane.rows.push(Vec::new());
            }
            ends.len() - 1
        });
        // Bars are not drawn thinner than they can be seen.
        let seen = piece.to.max(piece.from + 0.003);
        if let Some(end) = ends.get_mut(row) {
            *end = seen.max(*end);
        }
        if let Some(pieces) = lane.rows.get_mut(row) {
            pieces.push(piece);
        }
    }
    (by_service.into_values().map(|(lane, _)| lane).collect(), from, to)
}

fn in_words(page: Page<'_>, session: &SessionLine) -> String {
    let end = match session.logout {
        Some(logout) => format!("to {}", same_day(&page.times.show(session.login), &page.times.show(logout))),
        None if session.status == Status::Open => "not closed".to_owned(),
        None => format!("lost, over by {} at the latest", page.times.show(session.until)),
    };
    let flags = if session.flags.is_empty() { String::new() } else { format!(" ({})", session.flags.join(", ")) };
    let (kind, from, store) = (service(session.service), &session.from, &session.store);
    format!("{kind} {} {end}, {from}, {store}{flags}", page.times.show(session.login))
}

/// A time behind another, without its day if that is the same.
fn same_day<'a>(before: &str, time: &'a str) -> &'a str {
    match (before.split_once(' '), time.split_once(' ')) {
        (Some((one, _)), Some((other, rest))) if one == other => rest,
        _ => time,
    }
}

fn sessions(page: Page<'_>, user: &str, sessions: &[SessionLine]) -> Markup {
    let rows = html! {
        @for session in sessions {
            tr {
                th scope="row" { (page.times.show(session.login)) }
                td { @if let Some(logout) = session.logout { (page.times.show(logout)) } @else { span.none { "unknown" } } }
                td.n { @if let Some(logout) = session.logout { (long(logout.at - session.login.at)) } }
                td { (service(session.service)) }
                td { (session.store) }
                td { (session.from) }
                td { (session.auth.as_deref().unwrap_or("-")) }
                td { (session.status.as_str()) }
                td { (session.flags.join(", ")) }
            }
        }
    };
    let heads = ["Login", "Logout", "#Length", "Service", "Store", "From", "Mechanism", "Status", "Flags"];
    table(&format!("Sessions of {user}"), &heads, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_said_once() {
        assert_eq!(same_day("2019-05-29 12:00:00", "2019-05-29 12:01:00"), "12:01:00");
        assert_eq!(same_day("2019-05-29 12:00:00", "2019-05-30 00:01:00 +0100"), "2019-05-30 00:01:00 +0100");
    }
}
