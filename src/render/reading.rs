//! How one line is read, hole by hole, as a picture in plain text: the line, its parts underlined, and what each of them means.

use std::io;
use std::ops::Range;

use super::{Align, Columns};
use crate::grammar::{self, Fields, Grammars, Hole, Kind, Markup, Near, Part, Prefix, SyslogDate, Template};
use crate::model::{Service, Stamp};
use crate::parse::{Line, Names, Reader, Why, Years, connect};
use crate::streams::Streams;
use crate::text::{visible, width};
use crate::times::{Zone, log_digits, rfc3339_of};

/// A part of the line, and what it says.
struct Mark {
    at: Range<usize>,
    name: &'static str,
    meaning: String,
}

/// What stands around a message.
struct Around<'a> {
    marks: Vec<Mark>,
    process: &'a [u8],
    message: &'a [u8],
}

/// Writes how a line, without its newline, is read by these templates.
///
/// # Errors
/// Those of the writer.
pub fn reading(line: &[u8], grammars: &Grammars, year: Option<u32>, out: &mut dyn io::Write) -> io::Result<()> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (names, streams) = (Names::default(), Streams::default());
    let years = Years { given: year, anchors: Vec::new() };
    let mut reader = Reader::new(grammars, &names, &streams);
    if reader.reads_markup(line) {
        return entries(line, grammars, &mut reader, out);
    }
    let read = reader.read(line, &years, 0);
    let around = match around(line) {
        Ok(around) => around,
        Err((at, wanted)) => {
            writeln!(out, "reject: {}.", reason(&read).unwrap_or(Why::NoEnvelope.as_str()))?;
            return caret(line, at, wanted, "  ", out);
        }
    };
    let begin = line.len() - around.message.len();
    let traced = grammars.trace(around.process, around.message);
    let mut marks = around.marks;
    if let Some((template, parts, fields)) = &traced.read {
        let stamp = if let Line::Event(event) = &read { Some(event.stamp) } else { None };
        marks.extend(parts.iter().filter_map(|part| mark(part, begin, template, fields, stamp)));
    }
    picture(line, &marks, out)?;
    match (&traced.read, reason(&read)) {
        (_, Some(why)) => writeln!(out, "\nreject: {why}.")?,
        (Some((template, ..)), _) => return verdict(template, grammars, around.process, out),
        (None, None) => writeln!(out, "\nunknown: no template reads it.")?,
    }
    nearest(&traced.near, grammars, around.message, out)
}

/// The same of a line of XML: its entries, and what each attribute says.
fn entries(line: &[u8], grammars: &Grammars, reader: &mut Reader<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut begin = 0;
    for (end, part) in grammar::markup(line) {
        let raw = line.get(begin..end).unwrap_or_default();
        begin = end;
        writeln!(out, "{}\n", visible(raw))?;
        if let Markup::Entry(tags) = &part {
            let mut columns = Columns::new(&["", "", ""].map(|heading| (heading, Align::Left)));
            let told = grammars.xml().find(|xml| xml.element(tags).is_some()).or_else(|| grammars.xml().next());
            let fills = |name: &str| told.map_or_else(String::new, |xml| xml.fills(tags, name));
            let shown = |text: &str| visible(text.as_bytes()).into_owned();
            let row = |(name, text): &(String, String)| [format!("  {}", shown(name)), fills(name), shown(text)];
            let rows: Vec<_> = tags.values.iter().map(row).collect();
            rows.iter().for_each(|row| columns.fit(row));
            columns.write(out, &rows)?;
            writeln!(out)?;
        }
        match reader.markup(&part, raw) {
            Line::Event(event) => {
                let (kind, sure) = (event.kind.name(), if event.inferred { ", a guess" } else { "" });
                writeln!(out, "{kind}, written {}{sure}.", utc(event.stamp))?;
                if event.source.is_none() && matches!(event.kind, Kind::Login | Kind::Close) {
                    writeln!(out, "It does not count: its process is none of imapd, popd, httpd and mshttpd.")?;
                }
            }
            Line::Unknown(..) => writeln!(out, "unknown: no element is described that it could be.")?,
            Line::Around => writeln!(out, "known: it stands around entries.")?,
            Line::Reject(why) => writeln!(out, "reject: {}.", why.as_str())?,
        }
    }
    Ok(())
}

/// Why a line is a reject, if it is one.
fn reason(line: &Line<'_>) -> Option<&'static str> {
    if let Line::Reject(why) = line { Some(why.as_str()) } else { None }
}

/// What a line has around its message, or where that breaks off and what is wanted there.
fn around(line: &[u8]) -> Result<Around<'_>, (usize, &'static str)> {
    let place = |rest: &[u8]| line.len() - rest.len();
    let part = |name: &'static str, at: Range<usize>, meaning: String| Mark { at, name, meaning };
    let mut marks = Vec::new();
    let rest = match grammar::syslog(line) {
        Ok((_, Prefix::Bare(date, origin, _))) => {
            let meaning = match date {
                SyslogDate::Whole(stamp) => utc(stamp),
                SyslogDate::NoYear { .. } => "no year, no offset: those of neighbouring lines, or --year".to_owned(),
            };
            let host = within(line, origin.host);
            marks.push(part("time", 0..host.start.saturating_sub(1), meaning));
            line.get(host.start..).unwrap_or_default()
        }
        Ok((_, Prefix::Native(native))) if native.len() < line.len() => {
            marks.push(part("prefix", 0..place(native).saturating_sub(1), "of syslog, not used".to_owned()));
            native
        }
        _ => line,
    };
    let rest = if marks.iter().any(|mark| mark.name == "time") {
        rest
    } else {
        let from = place(rest) + usize::from(rest.first() == Some(&b'['));
        let wanted = "a date: [dd/Mon/yyyy:hh:mm:ss +hhmm]";
        let (behind, stamp) = grammar::native_head(rest).map_err(|_| (place(rest), wanted))?;
        marks.push(part("time", from..from + 26, utc(stamp)));
        behind
    };
    let (behind, origin) = grammar::origin(rest).map_err(|_| (place(rest), "host process[pid]:"))?;
    let service = match Service::of_process(origin.process) {
        Some(service) => format!("of {}", service.as_str()),
        None => "of no access service".to_owned(),
    };
    let process = within(line, origin.process);
    marks.push(part("host", within(line, origin.host), "the store".to_owned()));
    marks.push(part("process", process.clone(), service));
    marks.push(part("pid", process.end + 1..place(behind).saturating_sub(3), String::new()));
    let (message, (category, level)) =
        grammar::message(behind).map_err(|_| (place(behind), "a category and a level, as Account Notice:"))?;
    marks.push(part("category", within(line, category), "the message decides, not this".to_owned()));
    marks.push(part("level", within(line, level), "the same".to_owned()));
    Ok(Around { marks, process: origin.process, message })
}

/// Where a part of a line stands in it.
fn within(line: &[u8], part: &[u8]) -> Range<usize> {
    let from = part.as_ptr().addr().saturating_sub(line.as_ptr().addr()).min(line.len());
    from..(from + part.len()).min(line.len())
}

fn utc(stamp: Stamp) -> String {
    rfc3339_of(stamp, Zone::Utc)
}

/// A hole as a part of the line; nothing for literal text and for what is empty.
fn mark(part: &Part, begin: usize, template: &Template, fields: &Fields<'_>, stamp: Option<Stamp>) -> Option<Mark> {
    let hole = part.hole.filter(|_| !part.at.is_empty())?;
    let at = begin + part.at.start..begin + part.at.end;
    let meaning = match hole {
        Hole::Peer => match fields.peer.port() {
            Some(port) => format!("address {}, port {port}", fields.peer.ip()),
            None => format!("address {}, no port", fields.peer.ip()),
        },
        Hole::User if fields.user.eq_ignore_ascii_case(b"[unauthenticated]") => {
            "nobody: it makes no session".to_owned()
        }
        Hole::User => {
            let lower = fields.user.to_ascii_lowercase();
            if lower == fields.user { String::new() } else { format!("{}: case does not count", visible(&lower)) }
        }
        Hole::Start => {
            let local = Stamp { at: fields.start.local, offset: 0 };
            let clock = format!("{} by the host's clock", log_digits(local));
            match stamp.filter(|_| template.meaning.kind == Kind::Close) {
                Some(stamp) => {
                    let connect = connect(stamp, fields.start.local, fields.duration);
                    let doubt = if connect.mismatch { ", which the duration does not confirm" } else { "" };
                    format!("{clock}: {}{doubt}", utc(connect.stamp))
                }
                None => clock,
            }
        }
        Hole::Duration => format!("{} seconds", fields.duration),
        Hole::In => "bytes from the client".to_owned(),
        Hole::Out => "bytes to the client".to_owned(),
        Hole::Size => "bytes of the message".to_owned(),
        Hole::Mailboxes => "mailboxes selected".to_owned(),
        Hole::Created => i64::try_from(fields.created).map_or(String::new(), |at| utc(Stamp { at, offset: 0 })),
        Hole::More => "further fields, kept as they are".to_owned(),
        Hole::Other => format!("a {}, not used", part.terminal),
        Hole::Mechanism | Hole::Reason | Hole::Folder | Hole::MessageId => String::new(),
    };
    Some(Mark { at, name: hole.name(), meaning })
}

/// The line, its parts underlined and lettered, and what each of them says.
fn picture(line: &[u8], marks: &[Mark], out: &mut dyn io::Write) -> io::Result<()> {
    let letters = ('a'..='z').chain('A'..='Z').chain(std::iter::repeat('*'));
    let [mut shown, mut under, mut below] = [const { String::new() }; 3];
    let mut columns = Columns::new(&["", "", "", ""].map(|heading| (heading, Align::Left)));
    let mut rows = Vec::new();
    let mut at = 0;
    for (mark, letter) in marks.iter().zip(letters) {
        let between = visible(line.get(at..mark.at.start).unwrap_or_default());
        let text = visible(line.get(mark.at.clone()).unwrap_or_default());
        let (before, length) = (" ".repeat(width(&between)), width(&text));
        under.extend([before.as_str(), &"~".repeat(length)]);
        below.extend([before.as_str(), &letter.to_string(), &" ".repeat(length.saturating_sub(1))]);
        shown.extend([between, text.clone()]);
        rows.push([format!("  {letter}"), mark.name.to_owned(), text.into_owned(), mark.meaning.clone()]);
        at = mark.at.end;
    }
    shown.push_str(&visible(line.get(at..).unwrap_or_default()));
    writeln!(out, "{shown}\n{}\n{}\n", under.trim_end(), below.trim_end())?;
    rows.iter().for_each(|row| columns.fit(row));
    let mut row_text = Vec::new();
    rows.iter().try_for_each(|row| {
        row_text.clear();
        columns.row(&mut row_text, row);
        out.write_all(row_text.trim_ascii_end())?;
        out.write_all(b"\n")
    })
}

/// Which template reads the line, and what comes of it.
fn verdict(template: &Template, grammars: &Grammars, process: &[u8], out: &mut dyn io::Write) -> io::Result<()> {
    let meaning = template.meaning;
    writeln!(out, "\n{}: by {}, {}:", meaning.kind.name(), named(template, grammars), meaning.basis.name())?;
    writeln!(out, "  {}", visible(template.text.as_bytes()))?;
    let counts = Service::of_process(process).is_some();
    match meaning.kind {
        Kind::Known => writeln!(out, "It is understood, and means nothing here."),
        Kind::Login | Kind::Close if !counts => {
            writeln!(out, "It does not count: only imapd, popd, httpd and mshttpd log users in and out.")
        }
        _ => Ok(()),
    }
}

/// Which template it is.
fn named(template: &Template, grammars: &Grammars) -> String {
    let dialect = grammars.dialects().get(template.dialect);
    let path = dialect.map_or("", |dialect| dialect.path.as_str());
    format!("template {} of {}", template.number, visible(path.as_bytes()))
}

/// Templates that nearly fit a message, and where they fail.
fn nearest(near: &[Near<'_>], grammars: &Grammars, message: &[u8], out: &mut dyn io::Write) -> io::Result<()> {
    if near.is_empty() {
        return writeln!(out, "No template begins like it.");
    }
    writeln!(out, "Those that come nearest:")?;
    for Near { template, stuck } in near {
        let (name, kind) = (named(template, grammars), template.meaning.kind.name());
        writeln!(out, "\n  {name}, {kind}:\n    {}", visible(template.text.as_bytes()))?;
        match stuck {
            Some(stuck) => caret(message, stuck.at, &stuck.wanted, "    ", out)?,
            None => writeln!(out, "    would read it, if it were a line of {}", template.processes.join(" or "))?,
        }
    }
    Ok(())
}

/// A text with a place in it marked, and what is wanted there.
fn caret(text: &[u8], at: usize, wanted: &str, indent: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let (before, behind) = text.split_at(at.min(text.len()));
    let before = visible(before);
    writeln!(out, "{indent}{before}{}", visible(behind))?;
    writeln!(out, "{indent}{}^ here it wants {wanted}", " ".repeat(width(&before)))
}
