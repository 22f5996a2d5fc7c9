//! What really happened, and how it is written as JSON Lines.

use super::config::Service;
use super::lines::push_number;

/// A session: a connection whose login succeeded. Times are unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) store: String,
    pub(crate) service: Service,
    /// In lower case, whatever case the lines have.
    pub(crate) user: String,
    /// The peer, in the lines' spelling: `ip:port` or `ip`.
    pub(crate) from: String,
    pub(crate) auth: &'static str,
    pub(crate) connect: i64,
    pub(crate) login: i64,
    /// None: lost, or still open at the end of the archive.
    pub(crate) end: Option<i64>,
    /// When its process died under it.
    pub(crate) lost_at: Option<i64>,
    pub(crate) pid: u32,
    /// The next three are 0 for a session that did not end.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) mailboxes: u64,
    /// Whether the archive has its login line: not at level Notice, nor of a login before the archive.
    pub(crate) login_logged: bool,
    pub(crate) close_logged: bool,
}

/// A refused login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) store: String,
    pub(crate) service: Service,
    /// As the client sent it: any bytes but a newline.
    pub(crate) user: Vec<u8>,
    pub(crate) from: String,
    pub(crate) auth: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) time: i64,
    pub(crate) pid: u32,
}

/// The life of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) store: String,
    pub(crate) service: Service,
    pub(crate) pid: u32,
    /// None: it ran before the simulation began.
    pub(crate) start: Option<i64>,
    /// None: it still runs at the end of the archive.
    pub(crate) end: Option<i64>,
    /// It died without a word, not by an orderly stop.
    pub(crate) crashed: bool,
}

/// The run in numbers. Lines and bytes do not count "Log created" lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    pub(crate) logins: u64,
    /// Close lines of sessions, without the unauthenticated ones.
    pub(crate) closes: u64,
    pub(crate) unauthenticated: u64,
    pub(crate) badlogins: u64,
    pub(crate) sessions: u64,
    pub(crate) lost: u64,
    pub(crate) open: u64,
    /// The instant at which the archive ends.
    pub(crate) end: i64,
}

/// All truth of a small run. Sessions are in the order in which they ended; then the open ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) sessions: Vec<Session>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) lives: Vec<Life>,
    pub(crate) summary: Summary,
}

/// A value of a JSON object.
enum Value<'a> {
    Text(&'a str),
    Number(u64),
    Time(Option<i64>),
    Truth(bool),
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for c in text.bytes() {
        match c {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', c]),
            0..=0x1f | 0x7f => out.extend_from_slice(format!("\\u{c:04x}").as_bytes()),
            _ => out.push(c),
        }
    }
    out.push(b'"');
}

fn push_object(out: &mut Vec<u8>, fields: &[(&str, Value<'_>)]) {
    for (n, (key, value)) in fields.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        match value {
            Value::Text(text) => push_text(out, text),
            Value::Number(n) => push_number(out, *n),
            Value::Time(None) => out.extend_from_slice(b"null"),
            Value::Time(Some(unix)) => {
                if *unix < 0 {
                    out.push(b'-');
                }
                push_number(out, unix.unsigned_abs());
            }
            Value::Truth(true) => out.extend_from_slice(b"true"),
            Value::Truth(false) => out.extend_from_slice(b"false"),
        }
    }
    out.extend_from_slice(b"}\n");
}

impl Session {
    /// Appends the session as one line of JSON.
    pub(crate) fn push_json(&self, out: &mut Vec<u8>) {
        push_object(
            out,
            &[
                ("store", Value::Text(&self.store)),
                ("service", Value::Text(self.service.name())),
                ("user", Value::Text(&self.user)),
                ("from", Value::Text(&self.from)),
                ("auth", Value::Text(self.auth)),
                ("connect", Value::Time(Some(self.connect))),
                ("login", Value::Time(Some(self.login))),
                ("end", Value::Time(self.end)),
                ("lost_at", Value::Time(self.lost_at)),
                ("pid", Value::Number(u64::from(self.pid))),
                ("bytes_in", Value::Number(self.bytes_in)),
                ("bytes_out", Value::Number(self.bytes_out)),
                ("mailboxes", Value::Number(self.mailboxes)),
                ("login_logged", Value::Truth(self.login_logged)),
                ("close_logged", Value::Truth(self.close_logged)),
            ],
        );
    }
}

impl Failure {
    /// Appends the failure as one line of JSON; bytes of the user's name that are not UTF-8 become U+FFFD.
    pub(crate) fn push_json(&self, out: &mut Vec<u8>) {
        push_object(
            out,
            &[
                ("store", Value::Text(&self.store)),
                ("service", Value::Text(self.service.name())),
                ("user", Value::Text(&String::from_utf8_lossy(&self.user))),
                ("from", Value::Text(&self.from)),
                ("auth", Value::Text(self.auth)),
                ("reason", Value::Text(self.reason)),
                ("time", Value::Time(Some(self.time))),
                ("pid", Value::Number(u64::from(self.pid))),
            ],
        );
    }
}

impl Life {
    /// Appends the life as one line of JSON.
    pub(crate) fn push_json(&self, out: &mut Vec<u8>) {
        push_object(
            out,
            &[
                ("store", Value::Text(&self.store)),
                ("service", Value::Text(self.service.name())),
                ("pid", Value::Number(u64::from(self.pid))),
                ("start", Value::Time(self.start)),
                ("end", Value::Time(self.end)),
                ("crashed", Value::Truth(self.crashed)),
            ],
        );
    }
}
