//! `sessions` and `failures` against the truth.

use crate::facts::{Facts, instant, since, spelled};
use crate::sim::{Archive, Config, Service, Session};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What tells sessions apart, in the order of the rows: store, service, login, user, from; then the rest.
type Key = (String, String, i64, String, String, Option<i64>);

fn rank(service: &str) -> String {
    // In the order of the answers: imap, http, pop.
    let rank = ["imap", "http", "pop"].iter().position(|s| *s == service);
    format!("{rank:?} {service}")
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_string()
}

fn time(row: &Value, key: &str) -> Option<i64> {
    row[key].as_str().map(|text| instant(text).0)
}

fn key_of(row: &Value) -> Key {
    let login = time(row, "login").unwrap_or_default();
    let (store, service) = (text(row, "store"), rank(row["service"].as_str().unwrap_or_default()));
    (store, service, login, text(row, "user"), text(row, "from"), time(row, "logout"))
}

/// How long a stream must go on behind a takeover that another life spans (R8), in seconds.
const GOES_ON: i64 = 6 * 3600;

/// What a row must say of a session, without its times.
fn expected(facts: &Facts, session: &Session, row: &Value) -> Value {
    let flags = row["flags"].as_array().map_or(&[][..], Vec::as_slice);
    // Near the end of a log a process that was taken over may only be doubtful (R8): its sessions are open, and say so.
    let last = facts.coverage[&(session.store.clone(), session.service)].last;
    let may_be_doubtful =
        session.lost_at.is_some_and(|at| last - at < GOES_ON) && flags.contains(&json!("doubtful-life"));
    let closed = session.close_logged;
    let number = |n: u64| if closed { json!(n) } else { Value::Null };
    let status = match session.lost_at {
        _ if closed => "closed",
        Some(_) if facts.end_left_a_trace(session) && !may_be_doubtful => "lost",
        _ => "open",
    };
    json!({
        "record": "session",
        "service": session.service.name(),
        "pid": session.pid,
        "auth": session.login_logged.then_some(session.auth),
        "login_source": if session.login_logged { "login" } else { "close" },
        "status": status,
        "duration_s": session.end.map(|end| end - session.connect),
        "bytes_in": number(session.bytes_in),
        "bytes_out": number(session.bytes_out),
        "mailboxes": number(session.mailboxes),
    })
}

/// Compares the rows of `sessions`; how many there were. Peers must have ports: without them a close may have
/// another session's login, see R5.
pub(crate) fn check(
    config: &Config,
    archive: &Archive,
    facts: &Facts,
    rows: &[Value],
    errors: &mut Vec<String>,
) -> usize {
    let mut truth: BTreeMap<Key, &Session> = BTreeMap::new();
    for session in &archive.truth.sessions {
        let Some(login) = since(session) else { continue };
        let from = spelled(&session.from, config.traffic.ports);
        let service = rank(session.service.name());
        truth.insert((session.store.clone(), service, login, session.user.clone(), from, session.end), session);
    }
    let keys: Vec<Key> = rows.iter().map(key_of).collect();
    if let Some(n) = keys.windows(2).position(|pair| pair[0] > pair[1]) {
        errors.push(format!("sessions: out of order: {} before {}", rows[n], rows[n + 1]));
    }
    for (key, row) in keys.iter().zip(rows) {
        let Some(session) = truth.remove(key) else {
            errors.push(format!("sessions: there was no such session, or the row is there twice: {row}"));
            continue;
        };
        let mut wrong = crate::common::missing(&expected(facts, session, row), row);
        let connect = session.close_logged.then_some(session.connect);
        if time(row, "connect") != connect {
            wrong.push(format!("connect is not {connect:?}"));
        }
        if !wrong.is_empty() {
            errors.push(format!("sessions: {}; the row: {row}; the session: {session:?}", wrong.join("; ")));
        }
    }
    errors.extend(truth.values().map(|session| format!("sessions: no row for {session:?}")));
    rows.len()
}

/// Store, service, time, from, mechanism and reason of a refused login.
type Refusal = (String, Service, i64, String, String, String);

/// Compares the rows of `failures`; how many there were.
pub(crate) fn check_failures(config: &Config, archive: &Archive, rows: &[Value], errors: &mut Vec<String>) -> usize {
    let mut truth: BTreeMap<Refusal, Vec<&[u8]>> = BTreeMap::new();
    for f in &archive.truth.failures {
        let from = spelled(&f.from, config.traffic.ports);
        let key = (f.store.clone(), f.service, f.time, from, f.auth.to_string(), f.reason.to_string());
        truth.entry(key).or_default().push(&f.user);
    }
    for row in rows {
        let service = match row["service"].as_str() {
            Some("imap") => Service::Imap,
            Some("pop") => Service::Pop,
            _ => Service::Http,
        };
        let time = time(row, "time").unwrap_or_default();
        let key = (text(row, "store"), service, time, text(row, "from"), text(row, "auth"), text(row, "reason"));
        let shown = text(row, "user");
        let users = truth.get_mut(&key);
        // How bytes that are no UTF-8 are shown is the tool's own affair; all others are shown as they are.
        let same = |user: &&[u8]| std::str::from_utf8(user).map_or(true, |u| u.eq_ignore_ascii_case(&shown));
        let taken = users.and_then(|users| Some(users.remove(users.iter().position(same)?)));
        if taken.is_none() {
            errors.push(format!("failures: nobody was refused so: {row}"));
        }
    }
    for (key, users) in truth.iter().filter(|(_, users)| !users.is_empty()) {
        let users: Vec<_> = users.iter().map(|u| String::from_utf8_lossy(u)).collect();
        errors.push(format!("failures: no row for {users:?} at {key:?}"));
    }
    rows.len()
}
