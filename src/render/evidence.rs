//! The lines that a row rests on, as each format shows them.

use std::borrow::Cow;
use std::fmt::Write;

use serde::Serialize;

use crate::quote::{Lines, Quote, Shows};
use crate::text::{exact, visible};

/// What the lines of a session show of it, by the bits of [`Shows`](crate::quote::Shows).
pub(super) const SESSION: [&str; 3] = ["login", "close", "client"];
/// The same of a line of the message trace: itself, and its session's.
pub(super) const MESSAGE: [&str; 4] = ["message", "login", "close", "client"];
/// The same of a refused login.
pub(super) const FAILURE: [&str; 2] = ["refusal", "client"];
/// The same of a last access.
pub(super) const ACCESS: [&str; 6] =
    ["imap.last_login", "imap.last_logout", "http.last_login", "http.last_logout", "pop.last_login", "pop.last_logout"];

/// A line in JSON. What could not be read again has no number, length and text.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EvidenceLine<'a> {
    pub(super) file: Cow<'a, str>,
    pub(super) member: Option<Cow<'a, str>>,
    pub(super) line: Option<u64>,
    pub(super) offset: u64,
    length: Option<usize>,
    pub(super) text: Option<Cow<'a, str>>,
    shows: Vec<&'static str>,
}

/// The lines of a row in JSON; `None` if they are not asked for.
pub(super) fn json<'a>(lines: Option<Lines<'a, 'a>>, names: &[&'static str]) -> Option<Vec<EvidenceLine<'a>>> {
    let line = |lines: &Lines<'a, 'a>, (file, member, quote): (&'a str, Option<&'a str>, Quote<'a>)| EvidenceLine {
        file: exact(file.as_bytes()),
        member: member.map(|member| exact(member.as_bytes())),
        line: quote.line,
        offset: quote.at.place,
        length: quote.line.map(|_| quote.text.len()),
        text: lines.text(&quote).map(exact),
        shows: names.iter().enumerate().filter(|(bit, _)| quote.shows >> bit & 1 != 0).map(|(_, name)| *name).collect(),
    };
    lines.map(|lines| lines.iter().map(|one| line(&lines, one)).collect())
}

/// The first line of a row that shows some of this; `None` also if lines are not asked for.
pub(super) fn first<'a>(lines: Option<Lines<'a, 'a>>, shows: Shows) -> Option<EvidenceLine<'a>> {
    json(lines.map(|lines| lines.that_show(shows)), &[])?.into_iter().next()
}

/// Where a line is: path, member and number.
fn place((file, member, quote): (&str, Option<&str>, Quote<'_>)) -> String {
    let mut place = visible(file.as_bytes()).into_owned();
    if let Some(member) = member {
        _ = write!(place, "!{}", visible(member.as_bytes()));
    }
    _ = match quote.line {
        Some(line) => write!(place, ":{line}"),
        None => write!(place, ", byte {}", quote.at.place),
    };
    place
}

/// Appends the lines of a row, indented, as they stand below it in a table.
pub(super) fn block(lines: Option<Lines<'_, '_>>, text: &mut Vec<u8>) {
    let Some(lines) = lines else { return };
    for line in lines.iter() {
        text.extend_from_slice(b"    ");
        text.extend_from_slice(place(line).as_bytes());
        let (_, _, quote) = line;
        match (quote.line, lines.text(&quote)) {
            (Some(_), Some(line)) => text.extend_from_slice(format!(": {}", visible(line)).as_bytes()),
            (Some(_), None) => {}
            (None, _) => text.extend_from_slice(b": cannot be read again"),
        }
        text.push(b'\n');
    }
}

/// The column of those places.
pub(super) const COLUMN: &str = "evidence";

/// Where the lines of a row are; `None` if they are not asked for.
pub(super) fn places(lines: Option<Lines<'_, '_>>) -> Option<Vec<String>> {
    lines.map(|lines| lines.iter().map(place).collect())
}
