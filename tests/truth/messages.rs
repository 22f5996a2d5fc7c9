//! `messages`, and the counts of `sessions`, against the truth.

use crate::facts::{instant, since};
use crate::sim::{Archive, Session};
use chrono::DateTime;
use serde_json::{Value, json};

/// A line of the message trace, and the sessions that it fits.
pub(crate) struct Expected<'a> {
    at: i64,
    row: Value,
    fits: Vec<&'a Session>,
}

/// Every line of the message trace, in the order of the rows.
pub(crate) fn expected(archive: &Archive) -> Vec<Expected<'_>> {
    let lines = archive.files.iter().flat_map(|(_, bytes)| bytes.split(|byte| *byte == b'\n'));
    let mut all: Vec<Expected<'_>> = lines.filter_map(|line| read(archive, std::str::from_utf8(line).ok()?)).collect();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    all.sort_by_cached_key(|Expected { at, row, .. }| {
        let rank = ["imap", "http", "pop"].iter().position(|name| row["service"] == *name).unwrap_or(3);
        let names = ["user", "pid", "action", "folder", "message_id"].map(|key| match &row[key] {
            Value::Number(n) => format!("{n:>10}"),
            other => format!("{other}"),
        });
        (text(row, "store"), rank, *at, names)
    });
    all
}

fn read<'a>(archive: &'a Archive, line: &str) -> Option<Expected<'a>> {
    let (head, message) = line.split_once("Store Information:")?;
    let mut words = head.strip_prefix('[')?.split(' ');
    let stamp = format!("{} {}", words.next()?, words.next()?.trim_end_matches(']'));
    let at = DateTime::parse_from_str(&stamp, "%d/%b/%Y:%H:%M:%S %z").ok()?.timestamp();
    let (store, process) = (words.next()?, words.next()?);
    let (process, pid) = process.trim_end_matches("]:").split_once('[')?;
    let pid: u32 = pid.parse().ok()?;
    let (before, id) = message.split_once('<')?;
    let mut parts = before.split(':');
    let (action, user, folder) = (parts.next()?, parts.next()?.to_lowercase(), parts.next()?);
    let size: Option<u64> = parts.next()?.parse().ok();
    let service = match process {
        "imapd" => Some("imap"),
        "popd" => Some("pop"),
        "httpd" => Some("http"),
        _ => None,
    };
    let is_in = |session: &&Session| {
        let login = since(session);
        Some(session.service.name()) == service
            && (&*session.store, session.pid, &session.user) == (store, pid, &user)
            && login.is_some_and(|login| login <= at && session.end.is_none_or(|end| at <= end))
    };
    let fits: Vec<&Session> = archive.truth.sessions.iter().filter(is_in).collect();
    let flag = match fits.len() {
        _ if service.is_none() => Some("other-process"),
        0 => Some("trace-only"),
        1 => None,
        _ => Some("several-fit"),
    };
    let row = json!({
        "record": "message",
        "store": store,
        "service": service,
        "user": user,
        "action": action,
        "folder": folder,
        "size": size,
        "message_id": format!("<{id}"),
        "process": process,
        "pid": pid,
        "fits": fits.len(),
        "flags": Vec::from_iter(flag),
    });
    Some(Expected { at, row, fits })
}

/// What is wrong with the rows of `messages`.
pub(crate) fn compare(expected: &[Expected<'_>], rows: &[Value]) -> Vec<String> {
    let mut errors = Vec::new();
    if expected.len() != rows.len() {
        errors.push(format!("{} lines, {} rows", expected.len(), rows.len()));
    }
    for (Expected { at, row, fits }, got) in expected.iter().zip(rows) {
        let time = |value: &Value| value.as_str().map(|text| instant(text).0);
        let mut row = row.clone();
        // An answer rests on a guess where a webmail session does.
        row["flags"] =
            got["flags"].as_array().filter(|_| row["service"] == "http").map_or(row["flags"].clone(), |got| {
                let guess = json!("inferred-format");
                let all = row["flags"].as_array().into_iter().flatten();
                got.iter().filter(|flag| **flag == guess).chain(all).cloned().collect()
            });
        let differs = row.as_object().into_iter().flatten().find(|(key, value)| got[*key] != **value);
        let session = &got["session"];
        let same = match fits[..] {
            [one] => {
                time(&session["login"]) == since(one)
                    && time(&session["logout"]) == one.end
                    && session["from"] == one.from
                    && session["status"] == if one.end.is_some() { "closed" } else { "open" }
            }
            _ => session.is_null(),
        };
        if differs.is_some() || !same || time(&got["time"]) != Some(*at) {
            errors.push(format!("{row} at {at} is {got}: {differs:?}"));
        }
    }
    errors
}

/// What is wrong with the counts of `sessions`.
pub(crate) fn compare_counts(expected: &[Expected<'_>], rows: &[Value]) -> Vec<String> {
    let mut errors = Vec::new();
    for row in rows {
        let of_row = |session: &Session| {
            row["store"] == session.store
                && row["service"] == session.service.name()
                && row["from"] == session.from
                && row["login"].as_str().map(|text| instant(text).0) == since(session)
                && row["user"] == session.user
        };
        let traced = expected.iter().any(|e| e.row["service"] == row["service"] && e.row["store"] == row["store"]);
        let mine: Vec<_> = expected.iter().filter(|e| e.fits.iter().any(|session| of_row(session))).collect();
        let count = |action: &str| mine.iter().filter(|e| e.fits.len() == 1 && e.row["action"] == action).count();
        let counts = json!({"append": count("append"), "fetch": count("fetch"), "expunge": count("expunge")});
        let ambiguous = mine.iter().any(|e| e.fits.len() > 1);
        let flagged = row["flags"].as_array().is_some_and(|flags| flags.contains(&json!("messages-ambiguous")));
        if row["messages"] != if traced { counts.clone() } else { Value::Null } || flagged != ambiguous {
            errors.push(format!("{row}: expected {counts}, ambiguous: {ambiguous}"));
        }
    }
    errors
}
