//! JSON Lines and the JSON document.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Value, json};

use super::ends::put as put_ends;
use super::evidence;
use super::findings::write_json as write_findings;
use super::object::{self, Object, Word, nested};
use super::records::write_rows;
use super::{Answer, Record, refused_by, write_records};
use crate::answer::{
    Connected, FailureRow, LastAccessRow, MessageRow, Messages, ServiceAccess, SessionRow, StreamCoverage, Why,
};
use crate::fold::Action;
use crate::model::Instant;
use crate::note::Note;
use crate::quote::Lines;
use crate::resolve::{GapWhy, Resolved, Silence};
use crate::text::{exact, is_printable, steers};
use crate::times::{Zone, rfc3339_of};
use crate::trail::{Count, Sample, Sampled, Shape, Tally};

/// Escapes, beside what JSON demands, every character that could steer a terminal. The text means the same.
struct Quiet(CompactFormatter);

impl Formatter for Quiet {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if is_printable(fragment.as_bytes()) || !fragment.chars().any(steers) {
            return out.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            let mut units = [0; 2];
            if steers(c) {
                c.encode_utf16(&mut units).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
            } else {
                write!(out, "{c}")?;
            }
        }
        Ok(())
    }
}

/// Writes a value as JSON in one line, with `Quiet`'s escapes.
///
/// # Errors
/// Those of the writer.
pub fn put<W: io::Write + ?Sized>(value: &impl Serialize, out: &mut W) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Quiet(CompactFormatter));
    value.serialize(&mut serializer).map_err(io::Error::from)
}

impl object::Value for ServiceAccess<'_> {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        Object::new(zone, out)
            .field("last_login", self.last_login())
            .field("last_logout", self.last_logout())
            .field("last_access", self.last_access())
            .field("login_source", self.login_source().map(Word))
            .field("store", self.store())
            .field("flags", self.flags())
            .end();
    }
}

fn put_access(row: &LastAccessRow<'_>, lines: Option<Lines<'_, '_>>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let services = row.services();
    // Why a service over which a user was not seen is not the same as never.
    let limits = services.iter().zip(&answer.limits);
    let mut limits = limits.map(|(access, limit)| limit.as_deref().filter(|_| access.is_none()));
    let [imap_limit, http_limit, pop_limit] = [(); 3].map(|()| limits.next().flatten());
    let never = imap_limit.or(http_limit).or(pop_limit).map(|_| {
        nested(|object| object.field_if("imap", imap_limit).field_if("http", http_limit).field_if("pop", pop_limit))
    });
    let [imap, http, pop] = services;
    Object::new(answer.zone, out)
        .field("record", Word("last_access"))
        .field("user", row.user)
        .field("imap", imap)
        .field("http", http)
        .field("pop", pop)
        .field_if("never", never)
        .field_if("evidence", evidence::lines(lines, &evidence::ACCESS))
        .end();
}

fn put_connected(row: &Connected<'_>, lines: Option<Lines<'_, '_>>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let far_end = row.from.text();
    let gap = row
        .gap
        .as_deref()
        .map(|gap| nested(|object| object.field("from", gap.from).field("to", gap.to).field("why", gap.why)));
    Object::new(answer.zone, out)
        .field("record", Word("connected"))
        .field("service", Word(row.service.as_str()))
        .field("user", row.user)
        .field("since", row.since)
        .field("auth", row.auth)
        .field("to", row.store)
        .with(|object| put_ends(object, far_end.as_bytes(), &row.client(), answer.rows.with_proxies))
        .field("store", row.store)
        .field("certainty", Word(if row.certain { "certain" } else { "possible" }))
        .field("at", row.at)
        .field("flags", &row.flags[..])
        .field_if("gap", gap)
        .field_if("evidence", evidence::lines(lines, &evidence::SESSION))
        .end();
}

fn put_record(record: &Record<'_>, lines: Option<Lines<'_, '_>>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    match record {
        Record::Connected(row) => put_connected(row, lines, answer, out),
        Record::Access(row) => put_access(row, lines, answer, out),
    }
}

impl object::Value for Messages {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        let counts = Action::ALL.into_iter().zip(self.counts);
        counts.fold(Object::new(zone, out), |object, (action, count)| object.field(action.as_str(), count)).end();
    }
}

fn put_session(row: &SessionRow<'_>, lines: Option<Lines<'_, '_>>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    Object::new(answer.zone, out)
        .field("record", Word("session"))
        .field("store", &row.store)
        .field("service", Word(row.service.as_str()))
        .field("user", &row.user)
        .with(|object| put_ends(object, &row.from, &row.client, answer.rows.with_proxies))
        .field("auth", row.auth.as_ref())
        .field("connect", row.connect)
        .field("login", row.login)
        .field("logout", row.logout)
        .field("status", Word(row.status.as_str()))
        .field("login_source", Word(row.login_source()))
        .field("duration_s", row.duration)
        .field("bytes_in", row.amounts.bytes_in)
        .field("bytes_out", row.amounts.bytes_out)
        .field("mailboxes", row.amounts.mailboxes)
        .field("pid", row.pid)
        .field("messages", row.messages)
        .field("flags", &row.flags()[..])
        .field_if("evidence", evidence::lines(lines, &evidence::SESSION))
        .end();
}

fn put_message(row: &MessageRow<'_>, lines: Option<Lines<'_, '_>>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    let line = &row.line;
    let session = row.session.as_ref().map(|session| {
        nested(|object| {
            object
                .field("login", session.login)
                .with(|object| put_ends(object, &session.from, &session.client, answer.rows.with_proxies))
                .field("status", Word(session.status.as_str()))
                .field("logout", session.logout)
        })
    });
    Object::new(answer.zone, out)
        .field("record", Word("message"))
        .field("store", &line.store)
        .field("service", line.service.map(|service| Word(service.as_str())))
        .field("user", &line.user)
        .field("action", Word(line.action.as_str()))
        .field("folder", told(&line.folder))
        .field("size", line.size)
        .field("message_id", &row.message_id())
        .field("time", line.time)
        .field("process", &line.process)
        .field("pid", line.pid)
        .field("session", session)
        .field("fits", row.fits)
        .field("flags", &row.flags()[..])
        .field_if("evidence", evidence::lines(lines, &evidence::MESSAGE))
        .end();
}

fn put_failure(row: &FailureRow<'_>, lines: Option<Lines<'_, '_>>, answer: &Answer<'_>, out: &mut Vec<u8>) {
    Object::new(answer.zone, out)
        .field("record", Word("failure"))
        .field("kind", Word(row.kind.as_str()))
        .field("store", &row.store)
        .field("service", Word(row.service.as_str()))
        .field("user", told(&row.user))
        .with(|object| put_ends(object, &row.from, &row.client, answer.rows.with_proxies))
        .field("auth", told(&row.auth))
        .field("reason", &row.reason)
        .field("time", row.time)
        .field("pid", row.pid)
        .field("flags", &row.flags()[..])
        .field_if("evidence", evidence::lines(lines, &evidence::FAILURE))
        .end();
}

/// A text that is not empty.
fn told(text: &[u8]) -> Option<&[u8]> {
    Some(text).filter(|text| !text.is_empty())
}

pub(super) fn write_lines(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write_rows(answer, answer.rows.sessions.as_ref(), out, |row, lines, text| {
        put_session(row, lines, answer, text);
        text.push(b'\n');
        Ok(())
    })?;
    write_rows(answer, answer.rows.failures.as_ref(), out, |row, lines, text| {
        put_failure(row, lines, answer, text);
        text.push(b'\n');
        Ok(())
    })?;
    write_rows(answer, answer.rows.messages.as_ref(), out, |row, lines, text| {
        put_message(row, lines, answer, text);
        text.push(b'\n');
        Ok(())
    })?;
    refused_by::write_json(answer, (b"", b"\n"), out)?;
    if let Some(findings) = answer.rows.only_findings() {
        write_findings(answer, findings, (b"", b"\n"), out)?;
    }
    write_covered(answer, b"", b"\n", out)?;
    write_records(answer, out, |record, lines, text| {
        put_record(record, lines, answer, text);
        text.push(b'\n');
        Ok(())
    })
}

/// Passes on all but the comma before the first record.
struct BehindComma<'a> {
    out: &'a mut dyn io::Write,
    begun: bool,
}

impl io::Write for BehindComma<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let skip = usize::from(!self.begun && !text.is_empty());
        self.out.write_all(text.get(skip..).unwrap_or_default())?;
        self.begun |= skip > 0;
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

pub(super) fn write_document(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let tool = json!({"name": "imstrail", "version": env!("CARGO_PKG_VERSION")});
    out.write_all(b"{\"tool\":")?;
    put(&tool, out)?;
    out.write_all(b",\"query\":")?;
    put(&answer.query, out)?;
    out.write_all(b",\"records\":[")?;
    let mut behind = BehindComma { out, begun: false };
    write_records(answer, &mut behind, |record, lines, text| {
        text.extend_from_slice(b",\n");
        put_record(record, lines, answer, text);
        Ok(())
    })?;
    write_rows(answer, answer.rows.sessions.as_ref(), &mut behind, |row, lines, text| {
        text.extend_from_slice(b",\n");
        put_session(row, lines, answer, text);
        Ok(())
    })?;
    write_rows(answer, answer.rows.failures.as_ref(), &mut behind, |row, lines, text| {
        text.extend_from_slice(b",\n");
        put_failure(row, lines, answer, text);
        Ok(())
    })?;
    write_rows(answer, answer.rows.messages.as_ref(), &mut behind, |row, lines, text| {
        text.extend_from_slice(b",\n");
        put_message(row, lines, answer, text);
        Ok(())
    })?;
    refused_by::write_json(answer, (b",\n", b""), &mut behind)?;
    if let Some(findings) = answer.rows.only_findings() {
        write_findings(answer, findings, (b",\n", b""), &mut behind)?;
    }
    write_covered(answer, b",\n", b"", &mut behind)?;
    out.write_all(b"],\n\"coverage\":")?;
    put(&answer.streams.iter().map(|s| coverage(s, answer.zone)).collect::<Vec<_>>(), out)?;
    out.write_all(b",\n\"notes\":")?;
    put(&answer.notes.iter().map(note).collect::<Vec<_>>(), out)?;
    out.write_all(b",\n\"unknown\":")?;
    put(&answer.tally.shapes.iter().map(|(shape, seen)| unknown(shape, seen, answer.texts)).collect::<Vec<_>>(), out)?;
    out.write_all(b",\n\"tally\":")?;
    put(&tally(answer.tally), out)?;
    out.write_all(b"}\n")
}

/// The records of `coverage`: a stream each, and then the texts that gave nothing.
fn write_covered(answer: &Answer<'_>, before: &[u8], behind: &[u8], out: &mut dyn io::Write) -> io::Result<()> {
    let Some(covered) = &answer.rows.covered else { return Ok(()) };
    let streams = covered.streams.iter().map(|covered| stream_covered(covered, answer.zone));
    let idle = covered.idle.iter().map(|idle| {
        let of = if let Why::Copy(other) = idle.why { Some(other) } else { None };
        json!({"record": "idle", "file": idle.file, "why": idle.why.as_str(), "of": of})
    });
    streams.chain(idle).try_for_each(|record| {
        out.write_all(before)?;
        put(&record, out)?;
        out.write_all(behind)
    })
}

/// What the document says of a stream, and what only `coverage` tells.
fn stream_covered(covered: &StreamCoverage<'_>, zone: Zone) -> Value {
    let stream = covered.stream;
    let shown = |at| rfc3339_of(crate::model::Stamp { at, offset: stream.clock.offset_at(at) }, zone);
    let mut record = coverage(stream, zone);
    let mut add = |key: &str, value: Value| {
        if let Value::Object(record) = &mut record {
            record.insert(key.to_owned(), value);
        }
    };
    let missing = stream.gaps.iter().filter_map(|gap| match gap.why {
        GapWhy::Missing(first, last) => {
            Some(json!({"first": first, "last": last, "from": shown(gap.from), "to": shown(gap.to)}))
        }
        _ => None,
    });
    add("missing_sequence", missing.collect());
    let silences = stream.silences.iter();
    let silence = |s: &Silence| json!({"from": shown(s.from), "to": shown(s.to), "expected_lines": s.expected});
    add("silences", silences.map(silence).collect());
    add("starts", stream.starts.iter().map(|at| shown(*at)).collect());
    add("stops", stream.stops.iter().map(|at| shown(*at)).collect());
    let jumps = covered.jumps.iter().map(|(file, jump)| {
        let (from, to) = (shown(jump.from), shown(jump.to));
        json!({"file": file, "place": jump.place, "pid": jump.pid, "from": from, "to": to})
    });
    add("clock_jumps", jumps.collect());
    let overlap = |(from, to, one, other): &(Instant, Instant, &str, &str)| json!({"from": shown(*from), "to": shown(*to), "files": [one, other]});
    add("overlaps", covered.overlaps.iter().map(overlap).collect());
    let mut hours: BTreeMap<i64, u64> = BTreeMap::new();
    for ((hour, _), cell) in covered.hours.into_iter().flat_map(|hours| &hours.cells) {
        *hours.entry(*hour).or_default() += cell.lines();
    }
    let hour = |(hour, lines): (i64, u64)| json!({"hour": shown(hour * 3600), "lines": lines});
    add("hours", hours.into_iter().map(hour).collect());
    record
}

fn coverage(stream: &Resolved, zone: Zone) -> Value {
    let shown = |at| {
        let offset = stream.clock.offset_at(at);
        rfc3339_of(crate::model::Stamp { at, offset }, zone)
    };
    let gaps: Vec<Value> =
        stream.gaps.iter().map(|g| json!({"from": shown(g.from), "to": shown(g.to), "why": g.why.as_str()})).collect();
    let unlogged: Vec<Value> =
        stream.unlogged.iter().map(|u| json!({"from": shown(u.from), "to": shown(u.to), "closes": u.closes})).collect();
    json!({
        "record": "coverage",
        "store": exact(&stream.store),
        "service": stream.service.as_str(),
        "first": rfc3339_of(stream.first, zone),
        "last": rfc3339_of(stream.last, zone),
        "lines": stream.lines,
        "logins": stream.logins,
        "closes": stream.closes,
        "gaps": gaps,
        "logins_not_logged": unlogged,
    })
}

/// A note as the document has it.
pub fn note(note: &Note) -> Value {
    let mut told = json!({"kind": note.kind.as_str(), "path": note.path, "place": note.place, "text": note.text});
    if let (Value::Object(told), true) = (&mut told, note.known) {
        told.insert("known".to_owned(), true.into());
    }
    told
}

/// A shape of messages that no template reads. `texts` is every text by its number, as shown.
fn unknown(shape: &Shape, seen: &Sampled, texts: &[&str]) -> Value {
    let Sample { file, place, text } = &seen.sample;
    let path = usize::try_from(file.0).ok().and_then(|file| texts.get(file));
    let (like, sample) = (shape.like.as_str(), exact(text));
    json!({"shape": shape.text, "like": like, "lines": seen.count, "sample": sample, "path": path, "place": place})
}

fn tally(tally: &Tally) -> Value {
    let count = |c: Count| json!({"lines": c.lines, "bytes": c.bytes});
    let total = tally.total();
    json!({
        "lines": total.lines,
        "bytes": total.bytes,
        "event": count(tally.event),
        "known": count(tally.known),
        "unknown": count(tally.unknown),
        "reject": count(tally.reject),
        "passed_over": count(tally.passed_over),
    })
}
