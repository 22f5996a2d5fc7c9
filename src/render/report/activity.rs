//! Sessions and users: by hour of the week and of the day, by day, and users connected over time.

use maud::{Markup, html};

use super::Page;
use super::axis::{Tick, ticks};
use super::charts::{Bar, Step, Words, area, bars, heat, shades};
use super::figure::{figure, swatch, table};
use super::words::{count, long, number, service};
use crate::answer::report::{Day, Slot};
use crate::model::{DAY, Service};

pub(super) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The part, if anything was read of an access service.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    page.report.period?;
    if page.report.totals.sessions == 0 {
        return Some(html! { p { "No session was logged, as far as the logs say." } });
    }
    Some(html! {
        (connected(page))
        (by_day(page))
        (by_week(page))
        (by_hour(page))
    })
}

fn sessions(slot: &Slot) -> u64 {
    slot.sessions.iter().sum()
}

/// The services that have sessions at all.
fn services(page: Page<'_>) -> Vec<(usize, Service)> {
    let by_service = page.report.totals.by_service;
    let all = Service::ALL.into_iter().enumerate().zip(by_service);
    all.filter(|(_, sessions)| *sessions > 0).map(|(one, _)| one).collect()
}

fn legend(services: &[(usize, Service)]) -> Markup {
    html! { ul.legend { @for (_, one) in services { (swatch(one.as_str(), service(*one))) } } }
}

fn of_slot(slot: &Slot, services: &[(usize, Service)]) -> Vec<u64> {
    services.iter().map(|(n, _)| slot.sessions.get(*n).copied().unwrap_or(0)).collect()
}

fn connected(page: Page<'_>) -> Markup {
    let connected = &page.report.connected;
    let buckets = &connected.buckets;
    let Some((peak, most)) = buckets.iter().enumerate().max_by_key(|(n, bucket)| (bucket.certain, usize::MAX - n))
    else {
        return html! {};
    };
    let steps: Vec<Step> = buckets
        .iter()
        .enumerate()
        .map(|(n, bucket)| Step {
            at: n as f64 / buckets.len() as f64,
            certain: bucket.certain,
            possible: bucket.possible,
        })
        .collect();
    let from = page.times.digits(connected.from);
    let ticks = ticks(from, from + connected.width * i64::try_from(buckets.len()).unwrap_or(0));
    let says = format!(
        "Users connected at some moment of each {}. Most at {}: {}.",
        long(connected.width),
        page.times.minute(connected.begin(peak)),
        count(most.certain, "user", "users")
    );
    let words = Words { id: "connected", title: "Connected users over time", says: &says };
    let rows = html! {
        @for (n, bucket) in buckets.iter().enumerate() {
            tr {
                th scope="row" { (page.times.element(connected.begin(n))) }
                td.n { (number(bucket.certain)) }
                td.n { (number(bucket.possible)) }
            }
        }
    };
    let legend = html! {
        ul.legend {
            (swatch("area-swatch", "certain: a close line proves it"))
            @if buckets.iter().any(|bucket| bucket.possible > 0) { (swatch("possible-area", "possible: no close line is known")) }
        }
    };
    let numbers = table("Connected users", &["From", "#Certain", "#Possible"], &rows);
    figure(words, &legend, &area(words, &steps, &ticks), &numbers)
}

/// The digits of the midnight at which a day begins.
fn midnight(day: &Day) -> Option<i64> {
    Some(
        chrono::NaiveDate::parse_from_str(&day.date, "%Y-%m-%d")
            .ok()?
            .and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp(),
    )
}

/// The axis of days.
pub(super) fn day_ticks(page: Page<'_>) -> Vec<Tick> {
    let days = &page.report.days;
    let Some(from) = days.shown.first().and_then(midnight) else { return Vec::new() };
    let width = i64::from(days.width) * DAY;
    let to = from + width * i64::try_from(days.shown.len()).unwrap_or(0);
    // In the middle of its bar stands what is said of a day, if there are few.
    if days.shown.len() <= 7 && days.width == 1 {
        let at = |n: usize| (n as f64 + 0.5) / days.shown.len() as f64;
        let label = |day: &Day| format!("{} {}", weekday(day), day.date.get(5..).unwrap_or_default());
        return days.shown.iter().enumerate().map(|(n, day)| Tick { at: at(n), label: label(day) }).collect();
    }
    ticks(from, to)
}

fn weekday(day: &Day) -> &'static str {
    WEEKDAYS.get(usize::from(day.weekday)).copied().unwrap_or_default()
}

/// What a day is called, and what is to be known of it.
pub(super) fn day_name(page: Page<'_>, day: &Day) -> String {
    let width = page.report.days.width;
    let from =
        if width == 1 { format!("{} {}", weekday(day), day.date) } else { format!("{width} days from {}", day.date) };
    match (day.covered, day.has_gap) {
        (false, _) => format!("{from} (not covered)"),
        (true, true) => format!("{from} (lines are missing)"),
        (true, false) => from,
    }
}

/// Where a day's bar tells less than there was.
fn lacks(page: Page<'_>) -> Vec<(usize, &'static str)> {
    let days = page.report.days.shown.iter().enumerate();
    days.filter_map(|(n, day)| match (day.covered, day.has_gap) {
        (false, _) => Some((n, "uncovered")),
        (true, true) => Some((n, "holed")),
        (true, false) => None,
    })
    .collect()
}

/// What the marks of [`lacks`] mean, if there are any.
fn lacks_legend(lacks: &[(usize, &'static str)]) -> Markup {
    let any = |class| lacks.iter().any(|(_, one)| *one == class);
    html! {
        @if any("holed") { (swatch("holed", "lines are missing")) }
        @if any("uncovered") { (swatch("uncovered", "not covered")) }
    }
}

/// Bars by day, of parts with a class and a name each.
pub(super) fn day_bars(
    page: Page<'_>,
    words: Words<'_>,
    parts: &[(&str, String)],
    of: impl Fn(&Day) -> Vec<u64>,
) -> (Markup, Markup) {
    let lacks = lacks(page);
    let all: Vec<Bar> = page
        .report
        .days
        .shown
        .iter()
        .map(|day| {
            let parts = of(day);
            Bar { label: format!("{}: {}", day_name(page, day), number(parts.iter().sum())), parts }
        })
        .collect();
    let classes: Vec<&str> = parts.iter().map(|(class, _)| *class).collect();
    let legend = html! {
        ul.legend {
            @if parts.len() > 1 { @for (class, name) in parts { (swatch(class, name)) } }
            (lacks_legend(&lacks))
        }
    };
    (legend, bars(words, &classes, &all, &lacks, &day_ticks(page)))
}

fn by_day(page: Page<'_>) -> Markup {
    let days = &page.report.days.shown;
    let services = services(page);
    let Some(most) = days.iter().rev().max_by_key(|day| sessions(&day.slot)) else { return html! {} };
    let mut says = format!("Most on {}: {}.", day_name(page, most), count(sessions(&most.slot), "session", "sessions"));
    match page.report.days.outside {
        0 => {}
        1 => says.push_str(" One more session began on none of these days."),
        outside => says.push_str(&format!(" {} more sessions began on none of these days.", number(outside))),
    }
    let words = Words { id: "days", title: "Sessions by day", says: &says };
    let parts: Vec<(&str, String)> = services.iter().map(|(_, one)| (one.as_str(), service(*one).to_owned())).collect();
    let (legend, chart) = day_bars(page, words, &parts, |day| of_slot(&day.slot, &services));
    let names = services.iter().map(|(_, one)| format!("#{}", service(*one)));
    let heads: Vec<String> =
        ["Day".to_owned()].into_iter().chain(names).chain(["#Users".to_owned(), "#Refused".to_owned()]).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = html! {
        @for day in days {
            tr {
                th scope="row" { (day_name(page, day)) }
                @for n in of_slot(&day.slot, &services) { td.n { (number(n)) } }
                td.n { (number(day.slot.users)) }
                td.n { (number(day.slot.failures)) }
            }
        }
    };
    let Some(most) = days.iter().rev().max_by_key(|day| day.slot.users) else { return html! {} };
    let users_say = format!(
        "Users with a session that began on the day. Most on {}: {}.",
        day_name(page, most),
        number(most.slot.users)
    );
    let users_words = Words { id: "day-users", title: "Users by day", says: &users_say };
    let (users_legend, users) = day_bars(page, users_words, &[("users", String::new())], |day| vec![day.slot.users]);
    html! {
        (figure(words, &legend, &chart, &table("Sessions by day", &heads, &rows)))
        figure {
            figcaption { h3 { (users_words.title) } p { (users_words.says) " The numbers are in the table above." } (users_legend) }
            (users)
        }
    }
}

/// The hours of the week, a row a day; `None` where the period does not reach.
fn week(page: Page<'_>, of: impl Fn(&Slot) -> u64) -> Vec<(&'static str, [Option<u64>; 24])> {
    let reached = reached(page);
    let slots = page.report.hours_of_week.iter().zip(reached).map(|(slot, reached)| reached.then(|| of(slot)));
    let slots: Vec<Option<u64>> = slots.collect();
    let row = |(name, slots): (&'static str, &[Option<u64>])| {
        let mut hours = [None; 24];
        hours.iter_mut().zip(slots).for_each(|(hour, slot)| *hour = *slot);
        (name, hours)
    };
    WEEKDAYS.into_iter().zip(slots.chunks(24)).map(row).collect()
}

/// Which hours of the week the period has.
fn reached(page: Page<'_>) -> [bool; 168] {
    const HOUR: i64 = 3600;
    let mut reached = [false; 168];
    let Some((first, last)) = page.report.period else { return reached };
    let hour = |stamp| page.times.digits(stamp).div_euclid(HOUR);
    for hour in (hour(first)..=hour(last)).take(reached.len()) {
        // 1970 began on a Thursday.
        let slot = usize::try_from((hour + 3 * 24).rem_euclid(168)).unwrap_or(0);
        if let Some(slot) = reached.get_mut(slot) {
            *slot = true;
        }
    }
    reached
}

fn by_week(page: Page<'_>) -> Markup {
    if page.report.hours_of_week.is_empty() {
        return html! {};
    }
    html! {
        div.pair {
            (week_map("week-sessions", "Sessions by hour of the week", "sessions", &week(page, sessions)))
            (week_map("week-users", "Users by hour of the week", "users", &week(page, |slot| slot.users)))
        }
    }
}

fn week_map(id: &str, title: &str, what: &str, days: &[(&str, [Option<u64>; 24])]) -> Markup {
    let cells = days
        .iter()
        .flat_map(|(day, hours)| hours.iter().enumerate().filter_map(move |(hour, n)| Some(((*n)?, *day, hour))));
    let is_whole = cells.clone().count() == 168;
    let (most, day, hour) = cells.rev().max_by_key(|(n, ..)| *n).unwrap_or_default();
    let says = format!("Most on {day} from {hour}:00 to {}:00: {} {what}.", hour + 1, number(most));
    let words = Words { id, title, says: &says };
    let hours: Vec<String> = (0..24).map(|hour| format!("#{hour}")).collect();
    let heads: Vec<&str> = ["Day"].into_iter().chain(hours.iter().map(String::as_str)).collect();
    let rows = html! {
        @for (day, hours) in days {
            tr { th scope="row" { (day) } @for n in hours { td.n { (n.map_or("-".to_owned(), number)) } } }
        }
    };
    figure(words, &shades(most, what, is_whole), &heat(words, days, what), &table(title, &heads, &rows))
}

fn by_hour(page: Page<'_>) -> Markup {
    let slots = &page.report.hours_of_day;
    let services = services(page);
    let Some((hour, most)) = slots.iter().enumerate().rev().max_by_key(|(_, slot)| sessions(slot)) else {
        return html! {};
    };
    let says = format!("Most from {hour}:00 to {}:00: {}.", hour + 1, count(sessions(most), "session", "sessions"));
    let words = Words { id: "hours", title: "Sessions by hour of the day", says: &says };
    let classes: Vec<&str> = services.iter().map(|(_, one)| one.as_str()).collect();
    let all: Vec<Bar> = slots
        .iter()
        .enumerate()
        .map(|(hour, slot)| {
            let label = format!(
                "{hour}:00 to {}:00: {}, {}",
                hour + 1,
                count(sessions(slot), "session", "sessions"),
                count(slot.users, "user", "users")
            );
            Bar { label, parts: of_slot(slot, &services) }
        })
        .collect();
    let ticks: Vec<Tick> = (0..=8).map(|n| Tick { at: f64::from(n) / 8.0, label: format!("{}:00", n * 3) }).collect();
    let names = services.iter().map(|(_, one)| format!("#{}", service(*one)));
    let heads: Vec<String> =
        ["Hour".to_owned()].into_iter().chain(names).chain(["#Users".to_owned(), "#Refused".to_owned()]).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = html! {
        @for (hour, slot) in slots.iter().enumerate() {
            tr {
                th scope="row" { (hour) ":00" }
                @for n in of_slot(slot, &services) { td.n { (number(n)) } }
                td.n { (number(slot.users)) }
                td.n { (number(slot.failures)) }
            }
        }
    };
    figure(words, &legend(&services), &bars(words, &classes, &all, &[], &ticks), &table(words.title, &heads, &rows))
}
