//! The lines that a row rests on, as each format shows them.

use std::borrow::Cow;
use std::fmt::Write;

use super::object::{List, Object, Value};
use crate::quote::{Lines, Quote, Shows};
use crate::text::{exact, visible};
use crate::times::Zone;

/// What the lines of a session show of it, by the bits of [`Shows`](crate::quote::Shows).
pub(super) const SESSION: [&str; 3] = ["login", "close", "client"];
/// The same of a line of the message trace: itself, and its session's.
pub(super) const MESSAGE: [&str; 4] = ["message", "login", "close", "client"];
/// The same of a refused login.
pub(super) const FAILURE: [&str; 2] = ["refusal", "client"];
/// The same of a last access.
pub(super) const ACCESS: [&str; 6] =
    ["imap.last_login", "imap.last_logout", "http.last_login", "http.last_logout", "pop.last_login", "pop.last_logout"];

/// The lines of a row in JSON; `None` if they are not asked for. What could not be read again has no number, length and text.
pub(super) fn lines<'a>(lines: Option<Lines<'a, 'a>>, names: &'a [&'static str]) -> Option<impl Value> {
    lines.map(|lines| List(lines.iter().map(move |quote| JsonLine { lines, quote, names })))
}

/// A line in JSON. There are more of them than rows: what is the same for all lines of a text is written as one, and no key for itself.
struct JsonLine<'a> {
    lines: Lines<'a, 'a>,
    quote: Quote<'a>,
    names: &'a [&'static str],
}

impl JsonLine<'_> {
    /// How lines of a text begin.
    fn head(file: &str, member: Option<&str>) -> Vec<u8> {
        let mut head = Vec::new();
        let of_text = Object::new(Zone::Log, &mut head).field("file", file.as_bytes());
        _ = of_text.field("member", member.map(str::as_bytes));
        head.extend_from_slice(b",\"line\":");
        head
    }

    /// What it shows of its row: mostly one thing.
    fn put_shows(&self, out: &mut Vec<u8>) {
        let mut left = self.quote.shows;
        while let Some(name) = self.names.get(left.trailing_zeros() as usize) {
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.push(b'"');
            left &= left - 1;
            if left > 0 {
                out.push(b',');
            }
        }
    }
}

impl Value for JsonLine<'_> {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        let JsonLine { lines, ref quote, .. } = self;
        out.extend_from_slice(lines.told(quote, JsonLine::head));
        quote.line.put(zone, out);
        out.extend_from_slice(b",\"offset\":");
        quote.at.place.put(zone, out);
        out.extend_from_slice(b",\"length\":");
        quote.line.map(|_| quote.text.len()).put(zone, out);
        out.extend_from_slice(b",\"text\":");
        lines.text(quote).put(zone, out);
        out.extend_from_slice(b",\"shows\":[");
        self.put_shows(out);
        out.extend_from_slice(b"]}");
    }
}

/// A line as an event tells it. What could not be read again has no number and text.
#[derive(Clone, Debug)]
pub(super) struct EventLine<'a> {
    pub(super) file: Cow<'a, str>,
    pub(super) member: Option<Cow<'a, str>>,
    pub(super) line: Option<u64>,
    pub(super) offset: u64,
    pub(super) text: Option<Cow<'a, str>>,
}

/// The first line of a row that shows some of this; `None` also if lines are not asked for.
pub(super) fn first<'a>(lines: Option<Lines<'a, 'a>>, shows: Shows) -> Option<EventLine<'a>> {
    let lines = lines?.that_show(shows);
    let quote = lines.iter().next()?;
    let (file, member) = lines.file(&quote);
    Some(EventLine {
        file: exact(file.as_bytes()),
        member: member.map(|member| exact(member.as_bytes())),
        line: quote.line,
        offset: quote.at.place,
        text: lines.text(&quote).map(exact),
    })
}

/// Where a line is: path, member and number.
fn place(lines: Lines<'_, '_>, quote: &Quote<'_>) -> String {
    let (file, member) = lines.file(quote);
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
    for quote in lines.iter() {
        text.extend_from_slice(b"    ");
        text.extend_from_slice(place(lines, &quote).as_bytes());
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
    lines.map(|lines| lines.iter().map(|quote| place(lines, &quote)).collect())
}
