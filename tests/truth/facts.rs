//! What an archive shows, read from its lines by means that share nothing with the tool.

#![allow(dead_code, reason = "every test file uses its own part")]

use crate::sim::{Archive, Config, Life, Service, Session};
use chrono::DateTime;
use std::collections::BTreeMap;

/// A store and a service.
pub(crate) type Stream = (String, Service);

/// The first and the last of something, unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Extent {
    fn with(extent: Option<Extent>, at: i64) -> Extent {
        extent.map_or(Extent { first: at, last: at }, |e| Extent { first: e.first.min(at), last: e.last.max(at) })
    }
}

/// A process life, as far as its lines show it.
#[derive(Clone, Debug)]
pub(crate) struct SeenLife {
    life: Life,
    lines: Extent,
    has_start_mark: bool,
    has_stop_mark: bool,
}

/// The lines of an archive that mean something for sessions: logins, closes and marks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) coverage: BTreeMap<Stream, Extent>,
    lives: Vec<SeenLife>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    Login,
    Close,
    Start,
    Stop,
    /// Any other line of an access service's own process.
    Other,
}

/// A line that means something for sessions.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) stream: Stream,
    pub(crate) pid: u32,
    pub(crate) at: i64,
    pub(crate) what: What,
    /// Of a login or close; empty for a mark.
    pub(crate) peer: String,
    /// Of a login or close, in lower case.
    pub(crate) user: String,
}

/// Lives that begin without a mark so soon after the coverage are taken for older (R8).
const THERE_BEFORE: i64 = 3600;

impl Facts {
    pub(crate) fn of(archive: &Archive) -> Facts {
        let mut facts = Facts::default();
        let mut lines: Vec<Line> = Vec::new();
        for (_, bytes) in &archive.files {
            lines.extend(bytes.split(|b| *b == b'\n').filter_map(read));
        }
        let mut of_pid: BTreeMap<(Stream, u32), Vec<&Line>> = BTreeMap::new();
        for line in &lines {
            let before = facts.coverage.get(&line.stream).copied();
            facts.coverage.insert(line.stream.clone(), Extent::with(before, line.at));
            of_pid.entry((line.stream.clone(), line.pid)).or_default().push(line);
        }
        for life in &archive.truth.lives {
            let key = ((life.store.clone(), life.service), life.pid);
            let within = |at: i64| life.start.is_none_or(|s| s <= at) && life.end.is_none_or(|e| at <= e);
            let mut own = of_pid.get(&key).into_iter().flatten().filter(|line| within(line.at)).peekable();
            let Some(first) = own.peek().map(|line| line.at) else { continue };
            let mut seen = SeenLife {
                life: life.clone(),
                lines: Extent { first, last: first },
                has_start_mark: false,
                has_stop_mark: false,
            };
            for line in own {
                seen.lines = Extent::with(Some(seen.lines), line.at);
                seen.has_start_mark |= line.what == What::Start;
                seen.has_stop_mark |= line.what == What::Stop;
            }
            facts.lives.push(seen);
        }
        facts
    }

    /// The life in which a session ran.
    fn life(&self, session: &Session) -> Option<&SeenLife> {
        self.lives.iter().find(|seen| {
            let life = &seen.life;
            (&life.store, life.service, life.pid) == (&session.store, session.service, session.pid)
                && life.start.is_none_or(|start| start <= session.login)
                && life.end.is_none_or(|end| session.login <= end)
        })
    }

    /// Whether the session's process wrote a line at or after an instant.
    pub(crate) fn wrote_after(&self, session: &Session, at: i64) -> bool {
        self.life(session).is_some_and(|seen| seen.lines.last >= at)
    }

    /// Whether the lines show anything of the end of the session's process: its stop mark, or another life that
    /// begins behind its last line and was not "there before". Without such a trace R8 takes the process for alive,
    /// and R10 its sessions for certainly open: that is the one thing about which a certain row may be wrong.
    pub(crate) fn end_left_a_trace(&self, session: &Session) -> bool {
        let Some(own) = self.life(session) else { return false };
        let stream = (own.life.store.clone(), own.life.service);
        let edge = self.coverage.get(&stream).map_or(i64::MIN, |c| c.first) + THERE_BEFORE;
        let takes_over = |other: &SeenLife| {
            other.life != own.life
                && (&other.life.store, other.life.service) == (&own.life.store, own.life.service)
                && other.lines.first > own.lines.last
                && (other.has_start_mark || other.lines.first > edge)
        };
        own.has_stop_mark || self.lives.iter().any(takes_over)
    }
}

/// A login, a close or a mark of an access service; nothing for any other line.
pub(crate) fn read(line: &[u8]) -> Option<Line> {
    read_any(line).filter(|line| line.what != What::Other)
}

/// A line of an access service.
pub(crate) fn read_any(line: &[u8]) -> Option<Line> {
    let line = String::from_utf8_lossy(line);
    let (stamp, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let (store, rest) = rest.split_once(' ')?;
    let (program, rest) = rest.split_once('[')?;
    let (pid, rest) = rest.split_once("]: ")?;
    let (_, message) = rest.split_once(':')?;
    let message = message.strip_prefix(' ').unwrap_or(message);
    let service = match program {
        "imapd" => Service::Imap,
        "popd" => Service::Pop,
        "httpd" | "mshttpd" => Service::Http,
        _ => return None,
    };
    let product = message.starts_with("Sun Java(tm) System Messaging Server");
    let what = if message.starts_with("login [") {
        What::Login
    } else if message.starts_with("close [") {
        What::Close
    } else if product && message.ends_with(" starting up") {
        What::Start
    } else if product && message.ends_with(" shutting down") {
        What::Stop
    } else {
        What::Other
    };
    let at = DateTime::parse_from_str(stamp, "%d/%b/%Y:%H:%M:%S %z").ok()?.timestamp();
    let (peer, rest) = message.split_once('[').and_then(|(_, rest)| rest.split_once(']')).unwrap_or_default();
    let user = rest.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    Some(Line { stream: (store.into(), service), pid: pid.parse().ok()?, at, what, peer: peer.into(), user })
}

/// A session's login as the lines show it: the login line's, or else the connect of the close line (R6).
/// `None`: the archive has no line of the session.
pub(crate) fn since(session: &Session) -> Option<i64> {
    if session.login_logged { Some(session.login) } else { session.close_logged.then_some(session.connect) }
}

/// A peer as the tool spells it: IPv6 in brackets before a port, and in its shortest form (RFC 5952).
pub(crate) fn spelled(from: &str, ports: bool) -> String {
    if from.contains('.') {
        return from.to_string();
    }
    let (address, port) = if ports { from.rsplit_once(':').expect("a port") } else { (from, "") };
    let address: std::net::Ipv6Addr = address.parse().expect("eight groups");
    if ports { format!("[{address}]:{port}") } else { address.to_string() }
}

/// A time of the tool: unix time and seconds east of UTC.
pub(crate) fn instant(text: &str) -> (i64, i32) {
    let time = DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    (time.timestamp(), time.offset().local_minus_utc())
}

/// An instant as the clock of a store shows it, for `--at`: RFC 3339 with its offset.
pub(crate) fn rfc3339(config: &Config, store: &str, at: i64) -> String {
    let offset = chrono::FixedOffset::east_opt(config.site.zone_of(store).offset(at)).expect("an offset");
    DateTime::from_timestamp(at, 0).expect("an instant").with_timezone(&offset).to_rfc3339()
}
