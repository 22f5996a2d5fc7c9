//! JSON Lines and the JSON document.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use serde_json::{Value, json};

use super::ends;
use super::evidence::{self, EvidenceLine};
use super::findings::write_json as write_findings;
use super::records::write_rows;
use super::{Answer, Record, refused_by, write_records};
use crate::answer::{
    Connected, FailureRow, LastAccessRow, MessageRow, Messages, ServiceAccess, SessionRow, StreamCoverage, Why,
};
use crate::model::{Instant, Service};
use crate::note::Note;
use crate::quote::Lines;
use crate::resolve::{GapWhy, Resolved, Silence};
use crate::text::{exact, steers};
use crate::times::{Zone, rfc3339_of};
use crate::trail::{Count, Sample, Sampled, Shape, Tally};

/// Escapes, beside what JSON demands, every character that could steer a terminal. The text means the same.
struct Quiet(CompactFormatter);

impl Formatter for Quiet {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !fragment.chars().any(steers) {
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

#[derive(Serialize)]
struct AccessLine<'a> {
    record: &'static str,
    user: &'a str,
    imap: Option<ServiceLine<'a>>,
    http: Option<ServiceLine<'a>>,
    pop: Option<ServiceLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never: Option<Never<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<EvidenceLine<'a>>>,
}

/// Why a service over which a user was not seen is not the same as never.
#[derive(Default, Serialize)]
struct Never<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    imap: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pop: Option<&'a str>,
}

#[derive(Serialize)]
struct ServiceLine<'a> {
    last_login: Option<String>,
    last_logout: Option<String>,
    last_access: String,
    login_source: Option<&'static str>,
    store: std::borrow::Cow<'a, str>,
    flags: &'a [&'static str],
}

/// A span in which lines are missing.
#[derive(Serialize)]
struct GapLine {
    from: String,
    to: String,
    why: &'static str,
}

#[derive(Serialize)]
struct ConnectedLine<'a> {
    record: &'static str,
    service: &'static str,
    user: &'a str,
    since: String,
    auth: Option<&'a str>,
    to: &'a str,
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Option<std::borrow::Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_source: Option<Option<&'static str>>,
    store: &'a str,
    certainty: &'static str,
    at: String,
    flags: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<GapLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<EvidenceLine<'a>>>,
}

fn put_access(
    row: &LastAccessRow<'_>,
    lines: Option<Lines<'_, '_>>,
    answer: &Answer<'_>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let zone = answer.zone;
    let line = |access: Option<ServiceAccess<'_>>| {
        access.map(|a| (a, exact(a.store()))).map(|(a, store)| ServiceLine {
            last_login: a.last_login().map(|t| rfc3339_of(t, zone)),
            last_logout: a.last_logout().map(|t| rfc3339_of(t, zone)),
            last_access: rfc3339_of(a.last_access(), zone),
            login_source: a.login_source(),
            store: std::borrow::Cow::Owned(store.into_owned()),
            flags: a.flags(),
        })
    };
    let [imap, http, pop] = row.services().map(line);
    let limits = Service::ALL.into_iter().zip(&answer.limits);
    let mut limits = limits.map(|(service, limit)| limit.as_deref().filter(|_| row.over(service).is_none()));
    let mut limit = || limits.next().flatten();
    let never = Never { imap: limit(), http: limit(), pop: limit() };
    let never = Some(never).filter(|never| never.imap.or(never.http).or(never.pop).is_some());
    let evidence = evidence::json(lines, &evidence::ACCESS);
    put(&AccessLine { record: "last_access", user: &exact(row.user), imap, http, pop, never, evidence }, out)
}

fn put_connected(
    row: &Connected<'_>,
    lines: Option<Lines<'_, '_>>,
    answer: &Answer<'_>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let zone = answer.zone;
    let far_end = row.from.to_string();
    let ends = ends::json(far_end.as_bytes(), &row.client, answer.rows.with_proxies);
    let store = exact(row.store);
    let auth = row.auth.map(exact);
    let line = ConnectedLine {
        record: "connected",
        service: row.service.as_str(),
        user: &exact(row.user),
        since: rfc3339_of(row.since, zone),
        auth: auth.as_deref(),
        to: &store,
        from: ends.from.as_deref(),
        via: ends.via,
        from_source: ends.source,
        store: &store,
        certainty: if row.certain { "certain" } else { "possible" },
        at: rfc3339_of(row.at, zone),
        flags: &row.flags,
        gap: row.gap.as_deref().map(|gap| {
            let (from, to) = (rfc3339_of(gap.from, zone), rfc3339_of(gap.to, zone));
            GapLine { from, to, why: gap.why }
        }),
        evidence: evidence::json(lines, &evidence::SESSION),
    };
    put(&line, out)
}

fn put_record(
    record: &Record<'_>,
    lines: Option<Lines<'_, '_>>,
    answer: &Answer<'_>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    match record {
        Record::Connected(row) => put_connected(row, lines, answer, out),
        Record::Access(row) => put_access(row, lines, answer, out),
    }
}

#[derive(Serialize)]
struct SessionLine<'a> {
    record: &'static str,
    store: &'a str,
    service: &'static str,
    user: &'a str,
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Option<std::borrow::Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_source: Option<Option<&'static str>>,
    auth: Option<&'a str>,
    connect: Option<String>,
    login: String,
    logout: Option<String>,
    status: &'static str,
    login_source: &'static str,
    duration_s: Option<i64>,
    bytes_in: Option<u64>,
    bytes_out: Option<u64>,
    mailboxes: Option<u64>,
    pid: u32,
    messages: Option<MessagesLine>,
    flags: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<EvidenceLine<'a>>>,
}

#[derive(Serialize)]
struct MessagesLine {
    append: u64,
    fetch: u64,
    expunge: u64,
}

impl From<Messages> for MessagesLine {
    fn from(messages: Messages) -> MessagesLine {
        let [append, fetch, expunge] = messages.counts;
        MessagesLine { append, fetch, expunge }
    }
}

fn put_session(
    row: &SessionRow<'_>,
    lines: Option<Lines<'_, '_>>,
    answer: &Answer<'_>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let zone = answer.zone;
    let ends = ends::json(&row.from, &row.client, answer.rows.with_proxies);
    let auth = row.auth.as_deref().map(exact);
    let line = SessionLine {
        record: "session",
        store: &exact(&row.store),
        service: row.service.as_str(),
        user: &exact(&row.user),
        from: ends.from.as_deref(),
        via: ends.via,
        from_source: ends.source,
        auth: auth.as_deref(),
        connect: row.connect.map(|at| rfc3339_of(at, zone)),
        login: rfc3339_of(row.login, zone),
        logout: row.logout.map(|at| rfc3339_of(at, zone)),
        status: row.status.as_str(),
        login_source: row.login_source(),
        duration_s: row.duration,
        bytes_in: row.amounts.bytes_in,
        bytes_out: row.amounts.bytes_out,
        mailboxes: row.amounts.mailboxes,
        pid: row.pid,
        messages: row.messages.map(MessagesLine::from),
        flags: &row.flags(),
        evidence: evidence::json(lines, &evidence::SESSION),
    };
    put(&line, out)
}

#[derive(Serialize)]
struct MessageLine<'a> {
    record: &'static str,
    store: &'a str,
    service: Option<&'static str>,
    user: &'a str,
    action: &'static str,
    folder: Option<&'a str>,
    size: Option<u64>,
    message_id: &'a str,
    time: String,
    process: &'a str,
    pid: u32,
    session: Option<FittingLine<'a>>,
    fits: u64,
    flags: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<EvidenceLine<'a>>>,
}

#[derive(Serialize)]
struct FittingLine<'a> {
    login: String,
    from: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Option<std::borrow::Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_source: Option<Option<&'static str>>,
    status: &'static str,
    logout: Option<String>,
}

fn put_message(
    row: &MessageRow<'_>,
    lines: Option<Lines<'_, '_>>,
    answer: &Answer<'_>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let zone = answer.zone;
    let line = &row.line;
    let session = row.session.as_ref().map(|session| {
        let ends = ends::json(&session.from, &session.client, answer.rows.with_proxies);
        FittingLine {
            login: rfc3339_of(session.login, zone),
            from: ends.from,
            via: ends.via,
            from_source: ends.source,
            status: session.status.as_str(),
            logout: session.logout.map(|at| rfc3339_of(at, zone)),
        }
    });
    let message_id = row.message_id();
    let folder = Some(exact(&line.folder)).filter(|folder| !folder.is_empty());
    let line = MessageLine {
        record: "message",
        store: &exact(&line.store),
        service: line.service.map(|service| service.as_str()),
        user: &exact(&line.user),
        action: line.action.as_str(),
        folder: folder.as_deref(),
        size: line.size,
        message_id: &exact(&message_id),
        time: rfc3339_of(line.time, zone),
        process: &exact(&line.process),
        pid: line.pid,
        session,
        fits: row.fits,
        flags: &row.flags(),
        evidence: evidence::json(lines, &evidence::MESSAGE),
    };
    put(&line, out)
}

#[derive(Serialize)]
struct FailureLine<'a> {
    record: &'static str,
    kind: &'static str,
    store: &'a str,
    service: &'static str,
    user: Option<&'a str>,
    from: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Option<std::borrow::Cow<'a, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_source: Option<Option<&'static str>>,
    auth: Option<&'a str>,
    reason: &'a str,
    time: String,
    pid: u32,
    flags: &'a [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Vec<EvidenceLine<'a>>>,
}

fn put_failure(
    row: &FailureRow<'_>,
    lines: Option<Lines<'_, '_>>,
    answer: &Answer<'_>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let zone = answer.zone;
    let ends = ends::json(&row.from, &row.client, answer.rows.with_proxies);
    let told = [&row.user, &row.auth].map(|text| Some(exact(text)).filter(|text| !text.is_empty()));
    let [user, auth] = &told;
    let line = FailureLine {
        record: "failure",
        kind: row.kind.as_str(),
        store: &exact(&row.store),
        service: row.service.as_str(),
        user: user.as_deref(),
        from: ends.from.as_deref(),
        via: ends.via,
        from_source: ends.source,
        auth: auth.as_deref(),
        reason: &exact(&row.reason),
        time: rfc3339_of(row.time, zone),
        pid: row.pid,
        flags: &row.flags(),
        evidence: evidence::json(lines, &evidence::FAILURE),
    };
    put(&line, out)
}

pub(super) fn write_lines(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    write_rows(answer, answer.rows.sessions.as_ref(), out, |row, lines, text| {
        put_session(row, lines, answer, text)?;
        text.push(b'\n');
        Ok(())
    })?;
    write_rows(answer, answer.rows.failures.as_ref(), out, |row, lines, text| {
        put_failure(row, lines, answer, text)?;
        text.push(b'\n');
        Ok(())
    })?;
    write_rows(answer, answer.rows.messages.as_ref(), out, |row, lines, text| {
        put_message(row, lines, answer, text)?;
        text.push(b'\n');
        Ok(())
    })?;
    refused_by::write_json(answer, (b"", b"\n"), out)?;
    if let Some(findings) = answer.rows.only_findings() {
        write_findings(answer, findings, (b"", b"\n"), out)?;
    }
    write_covered(answer, b"", b"\n", out)?;
    write_records(answer, out, |record, lines, text| {
        put_record(record, lines, answer, text)?;
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
        put_record(record, lines, answer, text)
    })?;
    write_rows(answer, answer.rows.sessions.as_ref(), &mut behind, |row, lines, text| {
        text.extend_from_slice(b",\n");
        put_session(row, lines, answer, text)
    })?;
    write_rows(answer, answer.rows.failures.as_ref(), &mut behind, |row, lines, text| {
        text.extend_from_slice(b",\n");
        put_failure(row, lines, answer, text)
    })?;
    write_rows(answer, answer.rows.messages.as_ref(), &mut behind, |row, lines, text| {
        text.extend_from_slice(b",\n");
        put_message(row, lines, answer, text)
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
