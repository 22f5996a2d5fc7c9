//! What is to be known beside the answers: notes, sources, how to read them, the law.

use maud::{Markup, html};

use super::Page;
use super::figure::{folded, left_out, table};
use super::words::{bytes, count, number};
use crate::answer::report::LAW;

/// So many notes or files are listed without being asked for.
const OPEN: usize = 20;

/// The part, which is there always.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    Some(html! {
        @if page.report.period.is_some() { (reading(page)) }
        (notes(page))
        (idle(page))
        (files(page))
    })
}

fn reading(page: Page<'_>) -> Markup {
    html! {
        h3 #reading { "How to read this report" }
        dl.words {
            dt { "Session" }
            dd { "A connection with a login. A close line alone makes a session too: it says when the connection began, and who had it." }
            dt { "Certain" }
            dd { "A close line proves the session, and nothing about it is in doubt." }
            dt { "Possible" }
            dd { "There is a login and no close line. The user may have been connected, or gone already." }
            dt { "Open" }
            dd { "Not closed by the end of what the logs cover, as far as the lines say." }
            dt { "Lost" }
            dd { "Not closed, and its process ended, or its address and port logged in again: it was over by then, and nobody wrote when." }
            dt { "Flags" }
            dd {
                "What is to be known about a row: " code { "inferred-format" } " rests on a message whose form is a guess, "
                code { "ambiguous-pairing" } " on a login that would fit another session too, " code { "possibly-forged" }
                " on a line that may be a part of a refused user name."
            }
            dt { "Last access" }
            dd { "The latest login or logout that was logged. Never means not in these logs; it does not mean not at all." }
            dt { "Missing" }
            dd { "Where lines are missing, a count is what is left, and an empty hour may not have been one." }
            dt { "Times" }
            dd { "Times are shown so: " (page.report.times) ". One with another offset than " (page.times.usual()) " says so." }
        }
    }
}

fn notes(page: Page<'_>) -> Markup {
    let notes = &page.report.notes;
    if notes.shown.is_empty() {
        return html! {};
    }
    let list = html! {
        ul.notes {
            @for note in &notes.shown {
                li.fails[note.fails] {
                    code { (note.kind) } " "
                    @if !note.path.is_empty() { b { (note.path) } ": " }
                    (note.text)
                }
            }
        }
        (left_out(notes.left_out, "notes are not shown"))
    };
    html! {
        h3 { "Notes" }
        @if notes.shown.len() > OPEN { (folded(&count(notes.total(), "note", "notes"), &list)) } @else { (list) }
    }
}

fn idle(page: Page<'_>) -> Markup {
    let idle = &page.report.idle;
    if idle.shown.is_empty() {
        return html! {};
    }
    let rows = html! { @for file in &idle.shown { tr { th.name scope="row" { (file.name) } td.text { (file.why) } } } };
    html! {
        h3 { "Files that gave nothing" }
        @let table = table("Files that gave nothing", &["File", "Why"], &rows);
        @if idle.shown.len() > OPEN { (folded(&count(idle.total(), "file", "files"), &table)) } @else { (table) }
        (left_out(idle.left_out, "files are not shown"))
    }
}

fn files(page: Page<'_>) -> Markup {
    let report = page.report;
    let totals = report.totals;
    if report.files.shown.is_empty() {
        return html! {};
    }
    let rows = html! {
        @for file in &report.files.shown {
            tr {
                th.name scope="row" { (file.name) }
                td.n { (number(file.lines)) }
                td.n { (number(file.events)) }
                td.n { (number(file.rejects)) }
                td.n { (bytes(file.bytes)) }
                td { @if file.damaged { "damaged" } @else { "whole" } }
            }
        }
    };
    let heads = ["File", "#Lines", "#Logins and closes", "#Rejects", "#Size", "State"];
    html! {
        h3 { "What was read" }
        p {
            (count(totals.files, "file", "files")) " with " (count(totals.lines, "line", "lines")) ", " (bytes(totals.bytes)) " unpacked; "
            (count(totals.not_understood, "line was", "lines were")) " not understood."
        }
        (folded("Files", &table("Files that were read", &heads, &rows)))
        (left_out(report.files.left_out, "files are not shown"))
    }
}

/// The foot of the page.
pub(super) fn footer(page: Page<'_>) -> Markup {
    let about = &page.report.about;
    html! {
        footer {
            p.law { (LAW) }
            p {
                "Made by imstrail " (about.version) " (commit " (about.commit) ") with the command"
            }
            div.box tabindex="0" role="group" aria-label="The command that makes this report" { code { (about.command.join(" ")) } }
        }
    }
}
