//! Comma-separated values, safe for spreadsheets.

use std::borrow::Cow;
use std::io;

use super::evidence::cell as evidence_cell;
use super::records::write_rows;
use super::{Answer, Record, write_records};
use crate::answer::{Connected, Covered, LastAccessRow, Messages, StreamCoverage};
use crate::quote::Lines;
use crate::resolve::GapWhy;
use crate::text::visible;
use crate::times::rfc3339_of;

const CONNECTED: [&str; 9] = ["service", "since", "auth", "to", "from", "store", "certainty", "at", "flags"];
const ACCESS: [&str; 6] = ["last_login", "last_logout", "last_access", "login_source", "store", "flags"];

/// A cell that a spreadsheet would run as a formula is led by an apostrophe.
pub(super) fn safe(cell: Cow<'_, str>) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.into_owned() }
}

const SESSION: [&str; 20] = [
    "record",
    "store",
    "service",
    "user",
    "from",
    "auth",
    "connect",
    "login",
    "logout",
    "status",
    "login_source",
    "duration_s",
    "bytes_in",
    "bytes_out",
    "mailboxes",
    "pid",
    "flags",
    "append",
    "fetch",
    "expunge",
];

/// The last column, if lines are asked for: where they are.
const EVIDENCE: &str = "evidence";

/// Writes a line, as that of the names of the columns.
pub(super) fn write_line(out: &mut dyn io::Write, cells: &[impl AsRef<str>]) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    writer.write_record(cells.iter().map(AsRef::as_ref)).map_err(cause)?;
    writer.flush()
}

/// Writes the names of the columns.
fn write_head(answer: &Answer<'_>, out: &mut dyn io::Write, names: &[impl AsRef<str>]) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    let evidence = answer.quotes.map(|_| EVIDENCE);
    writer.write_record(names.iter().map(AsRef::as_ref).chain(evidence)).map_err(cause)?;
    writer.flush()
}

/// The rows of `sessions`.
fn write_session_rows(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write_head(answer, out, &SESSION)?;
    write_rows(answer, answer.rows.sessions.as_ref(), out, |row, lines, text| {
        let time = |t: Option<_>| t.map_or_else(String::new, |t| rfc3339_of(t, answer.zone));
        let number = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
        let [append, fetch, expunge] = match row.messages {
            Some(Messages { counts, .. }) => counts.map(|count| count.to_string()),
            None => Default::default(),
        };
        let mut writer = csv::WriterBuilder::new().from_writer(text);
        let cells: [String; SESSION.len()] = [
            "session".to_owned(),
            safe(visible(&row.store)),
            row.service.as_str().to_owned(),
            safe(visible(&row.user)),
            safe(visible(&row.from)),
            row.auth.as_deref().map_or_else(String::new, |auth| safe(visible(auth))),
            time(row.connect),
            time(Some(row.login)),
            time(row.logout),
            row.status.as_str().to_owned(),
            row.login_source().to_owned(),
            row.duration.map_or_else(String::new, |n| n.to_string()),
            number(row.amounts.bytes_in),
            number(row.amounts.bytes_out),
            number(row.amounts.mailboxes),
            row.pid.to_string(),
            row.flags().join(" "),
            append,
            fetch,
            expunge,
        ];
        writer.write_record(cells.into_iter().chain(evidence(lines))).map_err(cause)?;
        writer.flush()
    })
}

const FAILURE: [&str; 11] =
    ["record", "kind", "store", "service", "user", "from", "auth", "reason", "time", "pid", "flags"];

/// The rows of `failures`.
fn write_failure_rows(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write_head(answer, out, &FAILURE)?;
    write_rows(answer, answer.rows.failures.as_ref(), out, |row, lines, text| {
        let mut writer = csv::WriterBuilder::new().from_writer(text);
        let cells: [String; FAILURE.len()] = [
            "failure".to_owned(),
            row.kind.as_str().to_owned(),
            safe(visible(&row.store)),
            row.service.as_str().to_owned(),
            safe(visible(&row.user)),
            safe(visible(&row.from)),
            safe(visible(&row.auth)),
            safe(visible(&row.reason)),
            rfc3339_of(row.time, answer.zone),
            row.pid.to_string(),
            row.flags().join(" "),
        ];
        writer.write_record(cells.into_iter().chain(evidence(lines))).map_err(cause)?;
        writer.flush()
    })
}

const MESSAGE: [&str; 17] = [
    "record",
    "store",
    "service",
    "user",
    "action",
    "folder",
    "size",
    "message_id",
    "time",
    "process",
    "pid",
    "session_login",
    "session_from",
    "session_status",
    "session_logout",
    "fits",
    "flags",
];

/// The rows of `messages`.
fn write_message_rows(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write_head(answer, out, &MESSAGE)?;
    write_rows(answer, answer.rows.messages.as_ref(), out, |row, lines, text| {
        let (line, session) = (&row.line, row.session.as_ref());
        let time = |t: Option<_>| t.map_or_else(String::new, |t| rfc3339_of(t, answer.zone));
        let mut writer = csv::WriterBuilder::new().from_writer(text);
        let cells: [String; MESSAGE.len()] = [
            "message".to_owned(),
            safe(visible(&line.store)),
            line.service.map_or("", |service| service.as_str()).to_owned(),
            safe(visible(&line.user)),
            line.action.as_str().to_owned(),
            safe(visible(&line.folder)),
            line.size.map_or_else(String::new, |size| size.to_string()),
            safe(visible(&row.message_id())),
            rfc3339_of(line.time, answer.zone),
            safe(visible(&line.process)),
            line.pid.to_string(),
            time(session.map(|session| session.login)),
            session.map_or_else(String::new, |session| safe(visible(&session.from))),
            session.map_or("", |session| session.status.as_str()).to_owned(),
            time(session.and_then(|session| session.logout)),
            row.fits.to_string(),
            row.flags().join(" "),
        ];
        writer.write_record(cells.into_iter().chain(evidence(lines))).map_err(cause)?;
        writer.flush()
    })
}

const COVERAGE: [&str; 16] = [
    "record",
    "store",
    "service",
    "first",
    "last",
    "lines",
    "logins",
    "closes",
    "logins_not_logged",
    "gaps",
    "missing_sequence",
    "silences",
    "starts",
    "stops",
    "clock_jumps",
    "overlaps",
];

/// What is covered, as numbers.
fn write_coverage(answer: &Answer<'_>, covered: &Covered<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    writer.write_record(COVERAGE).map_err(cause)?;
    for StreamCoverage { stream, jumps, overlaps, .. } in &covered.streams {
        let missing = stream.gaps.iter().filter(|gap| matches!(gap.why, GapWhy::Missing(..))).count();
        let counts = [
            stream.unlogged.len(),
            stream.gaps.len(),
            missing,
            stream.silences.len(),
            stream.starts.len(),
            stream.stops.len(),
            jumps.len(),
            overlaps.len(),
        ];
        let mut cells = vec![
            "coverage".to_owned(),
            safe(visible(&stream.store)),
            stream.service.as_str().to_owned(),
            rfc3339_of(stream.first, answer.zone),
            rfc3339_of(stream.last, answer.zone),
        ];
        cells.extend([stream.lines, stream.logins, stream.closes].map(|n| n.to_string()));
        cells.extend(counts.map(|n| n.to_string()));
        writer.write_record(&cells).map_err(cause)?;
    }
    writer.flush()
}

pub(super) fn write(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    if let Some(covered) = &answer.rows.covered {
        return write_coverage(answer, covered, out);
    }
    if let Some(counts) = &answer.rows.refused_by {
        return super::refused_by::write_csv(answer, counts, out);
    }
    if let Some(findings) = answer.rows.only_findings() {
        return super::findings::write_csv(answer, findings, out);
    }
    if answer.rows.failures.is_some() {
        return write_failure_rows(answer, out);
    }
    if answer.rows.messages.is_some() {
        return write_message_rows(answer, out);
    }
    if answer.rows.sessions.is_some() {
        return write_session_rows(answer, out);
    }
    let (with_connected, with_access) = (answer.rows.connected.is_some(), answer.rows.access.is_some());
    write_head(answer, out, &header(with_connected, with_access))?;
    write_records(answer, out, |records, lines, text| {
        let mut writer = csv::WriterBuilder::new().from_writer(text);
        for (row, record) in records.enumerate() {
            let lines = lines.row(row);
            let mut cells = Vec::with_capacity(29);
            match record {
                Record::Connected(row) => {
                    cells.extend(["connected".to_owned(), safe(visible(row.user))]);
                    cells.extend(connected(answer, row));
                    cells.resize(if with_access { 29 } else { 11 }, String::new());
                }
                Record::Access(row) => {
                    cells.extend(["last_access".to_owned(), safe(visible(row.user))]);
                    cells.resize(if with_connected { 11 } else { 2 }, String::new());
                    cells.extend(access(answer, &row));
                }
            }
            cells.extend(evidence(lines));
            writer.write_record(&cells).map_err(cause)?;
        }
        writer.flush()
    })
}

/// Where the lines of a row are.
fn evidence(lines: Option<Lines<'_, '_>>) -> Option<String> {
    evidence_cell(lines).map(|cell| safe(cell.into()))
}

/// The writer's own error, so that a closed pipe is known as one.
pub(super) fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// `record,user`, then the columns of what was asked.
fn header(connected: bool, access: bool) -> Vec<String> {
    let mut names = vec!["record".to_owned(), "user".to_owned()];
    if connected {
        names.extend(CONNECTED.iter().map(|n| (*n).to_owned()));
    }
    if access {
        for service in crate::model::Service::ALL {
            names.extend(ACCESS.map(|n| format!("{}_{n}", service.as_str())));
        }
    }
    names
}

fn connected(answer: &Answer<'_>, row: &Connected<'_>) -> [String; 9] {
    [
        row.service.as_str().to_owned(),
        rfc3339_of(row.since, answer.zone),
        row.auth.map_or_else(String::new, |a| safe(visible(a))),
        safe(visible(row.store)),
        row.from.to_string(),
        safe(visible(row.store)),
        if row.certain { "certain" } else { "possible" }.to_owned(),
        rfc3339_of(row.at, answer.zone),
        row.flags.join(" "),
    ]
}

fn access(answer: &Answer<'_>, row: &LastAccessRow<'_>) -> Vec<String> {
    let mut cells = Vec::with_capacity(18);
    for service in row.services() {
        let Some(a) = service else {
            cells.extend(std::iter::repeat_n(String::new(), ACCESS.len()));
            continue;
        };
        let time = |t: Option<_>| t.map_or_else(String::new, |t| rfc3339_of(t, answer.zone));
        cells.extend([
            time(a.last_login()),
            time(a.last_logout()),
            rfc3339_of(a.last_access(), answer.zone),
            a.login_source().unwrap_or_default().to_owned(),
            safe(visible(a.store())),
            a.flags().join(" "),
        ]);
    }
    cells
}
