//! Sessions and refusals as events, for other tools: each is a moment at which a user logged in, logged out or was refused.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use super::Answer;
use super::ends::{JsonEnds, json};
use super::evidence::{self, EventLine};
use super::json::put;
use super::records::write_rows;
use crate::answer::{Client, FailureRow, SessionRow};
use crate::model::{Instant, Service, Stamp};
use crate::pair::Amounts;
use crate::quote::{CLOSE, LOGIN, Lines, REFUSAL};
use crate::text::exact;
use crate::times::{Zone, rfc3339_of};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A session began.
    Login,
    /// A session ended.
    Logout,
    /// A login was refused.
    Refused,
}

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    pub(super) what: What,
    /// When, with the offset of the line.
    pub(super) at: Stamp,
    pub(super) store: Cow<'a, str>,
    pub(super) service: Service,
    /// The user, if one is told.
    pub(super) user: Option<Cow<'a, str>>,
    /// The client as shown, if one is known, and as numbers.
    pub(super) from: Option<Cow<'a, str>>,
    pub(super) address: Option<IpAddr>,
    pub(super) port: Option<u16>,
    /// The proxy that it came through as shown, if it did, and as numbers.
    pub(super) via: Option<Cow<'a, str>>,
    pub(super) via_ends: (Option<IpAddr>, Option<u16>),
    /// How the client is known, if it came through a proxy: by a multiplexor.
    pub(super) from_source: Option<&'static str>,
    pub(super) auth: Option<Cow<'a, str>>,
    /// Why a login was refused.
    pub(super) reason: Option<Cow<'a, str>>,
    pub(super) pid: u32,
    pub(super) flags: &'a [&'static str],
    /// What is known of the session as a whole.
    pub(super) session: Option<SessionPart>,
    /// The line that says so, if it is asked for.
    pub(super) line: Option<EventLine<'a>>,
}

/// What is known of the session as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionPart {
    /// `closed`, `open` or `lost`.
    pub(super) status: &'static str,
    /// `login` or `close`: which line the login was read from.
    pub(super) login_source: &'static str,
    pub(super) login: Instant,
    pub(super) logout: Option<Instant>,
    /// In seconds.
    pub(super) duration: Option<i64>,
    pub(super) amounts: Amounts,
}

impl<'a> Event<'a> {
    fn of_session(
        row: &'a SessionRow<'_>,
        flags: &'a [&'static str],
        lines: Option<Lines<'a, 'a>>,
    ) -> impl Iterator<Item = Event<'a>> {
        let session = SessionPart {
            status: row.status.as_str(),
            login_source: row.login_source(),
            login: row.login.at,
            logout: row.logout.map(|logout| logout.at),
            duration: row.duration,
            amounts: row.amounts,
        };
        let Far { from, via, from_source } = Far::of(&row.from, &row.client);
        let (address, port) = from.as_deref().map(ends).unwrap_or_default();
        let login = Event {
            what: What::Login,
            at: row.login,
            store: exact(&row.store),
            service: row.service,
            user: told(exact(&row.user)),
            from,
            address,
            port,
            via_ends: via.as_deref().map(ends).unwrap_or_default(),
            via,
            from_source,
            auth: row.auth.as_deref().map(exact),
            reason: None,
            pid: row.pid,
            flags,
            session: Some(session),
            line: evidence::first(lines, LOGIN),
        };
        let logout = row.logout.map(|at| {
            let line = evidence::first(lines, CLOSE);
            Event { what: What::Logout, at, line, ..login.clone() }
        });
        std::iter::once(login).chain(logout)
    }

    fn of_failure(row: &'a FailureRow<'_>, flags: &'a [&'static str], lines: Option<Lines<'a, 'a>>) -> Event<'a> {
        let Far { from, via, from_source } = Far::of(&row.from, &row.client);
        let (address, port) = from.as_deref().map(ends).unwrap_or_default();
        Event {
            what: What::Refused,
            at: row.time,
            store: exact(&row.store),
            service: row.service,
            user: told(exact(&row.user)),
            from,
            address,
            port,
            via_ends: via.as_deref().map(ends).unwrap_or_default(),
            via,
            from_source,
            auth: Some(exact(&row.auth)),
            reason: Some(exact(&row.reason)),
            pid: row.pid,
            flags,
            session: None,
            line: evidence::first(lines, REFUSAL),
        }
    }

    /// One sentence for people.
    pub(super) fn message(&self) -> String {
        let store = &self.store;
        let auth = self.auth.as_deref().unwrap_or("-");
        let user = self.user.as_deref().unwrap_or("a client");
        let from = match (self.from.as_deref(), self.via.as_deref()) {
            (Some(from), None) => from.to_owned(),
            (Some(from), Some(via)) => format!("{from} (inferred) via {via}"),
            (None, Some(via)) => format!("an address that is not known, via {via}"),
            (None, None) => "an address that is not told".to_owned(),
        };
        let service = self.service.as_str();
        match (self.what, &self.reason) {
            (What::Login, _) if self.is_from_close() => {
                format!("{user} connected to {service} of {store} from {from}, as the close line tells")
            }
            (What::Login, _) => format!("{user} logged in to {service} of {store} from {from} ({auth})"),
            (What::Logout, _) => format!("{user} logged out of {service} of {store}, from {from}"),
            (What::Refused, reason) => {
                let reason = reason.as_deref().unwrap_or("-");
                format!("{user} was refused by {service} of {store} from {from} ({auth}): {reason}")
            }
        }
    }

    /// The text of the line that says so, if it is asked for and may be told.
    pub(super) fn original(&self) -> Option<&str> {
        self.line.as_ref()?.text.as_deref()
    }

    /// Whether its time is that of a connection, which the close line tells: there is no login line.
    pub(super) fn is_from_close(&self) -> bool {
        self.what == What::Login && self.session.is_some_and(|session| session.login_source == "close")
    }

    /// What only the close line tells, and therefore only the end of a session has.
    pub(super) fn amounts(&self) -> Amounts {
        let at_end = self.session.filter(|_| self.what == What::Logout);
        at_end.map_or(Amounts::default(), |session| session.amounts)
    }

    /// How long the session lasted, at its end, in seconds.
    pub(super) fn duration(&self) -> Option<i64> {
        self.session.filter(|_| self.what == What::Logout)?.duration
    }

    /// The user's name and domain apart, if that is what the user is: what clients send when they are refused may be anything.
    pub(super) fn name_and_domain(&self) -> (Option<&str>, Option<&str>) {
        let user = self.user.as_deref();
        let parts = user.and_then(|user| user.split_once('@')).filter(|(name, domain)| {
            let is_word = |text: &str| !text.is_empty() && !text.contains([' ', '@', '\t']);
            is_word(name) && is_word(domain)
        });
        parts.map_or((user, None), |(name, domain)| (Some(name), Some(domain)))
    }
}

/// Where an event comes from.
struct Far<'a> {
    from: Option<Cow<'a, str>>,
    via: Option<Cow<'a, str>>,
    from_source: Option<&'static str>,
}

impl<'a> Far<'a> {
    fn of(far_end: &'a [u8], client: &Client) -> Far<'a> {
        let JsonEnds { from, via, source } = json(far_end, client, client.is_behind_proxy());
        Far { from, via: via.flatten(), from_source: source.flatten() }
    }
}

/// A text that is not empty.
fn told(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    Some(text).filter(|text| !text.is_empty())
}

/// The far end as numbers.
fn ends(from: &str) -> (Option<IpAddr>, Option<u16>) {
    match from.parse::<SocketAddr>() {
        Ok(socket) => (Some(socket.ip()), Some(socket.port())),
        Err(_) => (from.parse().ok(), None),
    }
}

/// An instant in UTC, as RFC 3339 has it.
pub(super) fn utc(at: Instant) -> String {
    rfc3339_of(Stamp { at, offset: 0 }, Zone::Utc)
}

/// Writes every event, one a line, as `map` says it in another tool's words; what is null or empty is left out.
pub(super) fn write(answer: &Answer<'_>, map: fn(&Event<'_>) -> Value, out: &mut dyn io::Write) -> io::Result<()> {
    let line = |event: &Event<'_>, text: &mut Vec<u8>| {
        let mut value = map(event);
        prune(&mut value);
        put(&value, text)?;
        text.push(b'\n');
        Ok(())
    };
    write_rows(answer, answer.rows.sessions.as_ref(), out, |row, lines, text| {
        let flags = row.flags();
        Event::of_session(row, &flags, lines).try_for_each(|event| line(&event, text))
    })?;
    write_rows(answer, answer.rows.failures.as_ref(), out, |row, lines, text| {
        line(&Event::of_failure(row, &row.flags(), lines), text)
    })
}

/// Leaves out what is null or empty. A text may be empty.
fn prune(value: &mut Value) {
    let Value::Object(map) = value else { return };
    map.values_mut().for_each(prune);
    map.retain(|_, value| match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    });
}
