//! `report`: the page. One HTML file that needs nothing beside itself: styles and script are in it, charts are SVG made here, and a
//! policy in its head lets nothing else in. All text out of logs goes through maud, which escapes it, or `json` for the script.

mod access;
mod activity;
mod axis;
mod charts;
mod closing;
mod coverage;
mod failures;
mod figure;
mod json;
mod policy;
mod summary;
#[cfg(test)]
mod tests;
mod top;
mod users;
mod words;

use std::io;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::answer::report::Report;
use words::Times;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What every part of the page is made from.
#[derive(Clone, Copy, Debug)]
struct Page<'a> {
    report: &'a Report,
    times: Times,
}

/// A part of the page: its name in addresses, its heading, and what is in it, if there is anything to say.
type Part = (&'static str, &'static str, fn(Page<'_>) -> Option<Markup>);

/// The parts, in their order.
const PARTS: [Part; 8] = [
    ("coverage", "What the logs cover", coverage::part),
    ("activity", "Sessions and users", activity::part),
    ("top", "Most active", top::part),
    ("failures", "Refused logins", failures::part),
    ("findings", "Findings", failures::findings),
    ("access", "Last access", access::part),
    ("users", "User by user", users::part),
    ("notes", "Notes and sources", closing::part),
];

/// Writes a report as a page.
///
/// # Errors
/// Those of the writer.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let page = Page { report, times: Times::new(report.zone, report.period.map(|(first, _)| first)) };
    out.write_all(document(page).into_string().as_bytes())
}

fn document(page: Page<'_>) -> Markup {
    let parts: Vec<(&str, &str, Markup)> =
        PARTS.iter().filter_map(|(id, heading, part)| Some((*id, *heading, part(page)?))).collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy::policy(STYLE, SCRIPT));
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ "imstrail " (page.report.about.version) };
                title { (summary::title(page)) ": imstrail report" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (charts::patterns())
                (summary::header(page))
                div.columns {
                    nav aria-label="Parts of the report" {
                        ul {
                            @for (id, heading, _) in &parts { li { a href={ "#" (id) } { (heading) } } }
                        }
                    }
                    main #main tabindex="-1" {
                        (summary::part(page))
                        @for (id, heading, part) in &parts {
                            section id=(id) aria-labelledby={ (id) "-heading" } {
                                h2 id={ (id) "-heading" } { (heading) }
                                (part)
                            }
                        }
                    }
                }
                (closing::footer(page))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}
