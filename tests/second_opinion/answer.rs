//! The rows, as `docs/output.md` writes them (R10, R11).

use super::calendar::rfc3339;
use super::files::{Covered, Span, cover};
use super::lines::{Line, Peer, Says, Service, Stream};
use super::lives::{Life, lives};
use super::sessions::{Session, Shown, connect, sessions};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked. The default asks nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Question {
    pub(crate) connected: bool,
    pub(crate) last_access: bool,
    /// Only POP, which `-c` lists with `-s pop` alone.
    pub(crate) pop: bool,
    /// In lower case; none: all.
    pub(crate) users: Vec<String>,
    pub(crate) at: Option<Shown>,
    pub(crate) since: Option<i64>,
    pub(crate) until: Option<i64>,
}

impl Question {
    fn asks_for(&self, user: &[u8]) -> bool {
        self.users.is_empty() || self.users.iter().any(|asked| asked.as_bytes() == user)
    }

    fn holds(&self, at: i64) -> bool {
        self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
    }
}

/// All rows, one a line.
pub(crate) fn rows(files: &[(String, Vec<u8>)], question: &Question) -> Vec<String> {
    let streams = cover(files);
    let mut rows = Vec::new();
    if question.connected {
        rows.extend(connected(&streams, question));
    }
    if question.last_access {
        rows.extend(last_access(&streams, question));
    }
    rows
}

/// Whether a process marks its start or stop in the second of another of its lines.
pub(crate) fn has_marks_within_a_second(files: &[(String, Vec<u8>)]) -> bool {
    let within = |covered: &Covered| {
        let is_mark = |says: &Says| matches!(says, Says::Starting | Says::Stopping);
        let beside = |mark: &Line| {
            let same = |line: &&Line| line.pid == mark.pid && line.at == mark.at && line.says != mark.says;
            covered.lines.iter().any(|line| same(&line))
        };
        covered.lines.iter().filter(|line| is_mark(&line.says)).any(beside)
    };
    cover(files).values().any(within)
}

fn connected(streams: &BTreeMap<Stream, Covered>, question: &Question) -> Vec<String> {
    let mut rows = Vec::new();
    for ((store, service), covered) in streams {
        if question.pop != (*service == Service::Pop) {
            continue;
        }
        let Some((_, last)) = covered.span else { continue };
        let at = question.at.map_or(last, |(at, _)| at);
        if at > last {
            continue;
        }
        let lives = lives(covered);
        for session in sessions(covered).into_iter().filter(|session| question.asks_for(&session.user)) {
            let Some(doubts) = is_connected(&session, at, covered, &lives) else { continue };
            let from = from(session.peer);
            let key = (*service, session.login.0, session.user.clone(), store.clone(), from.clone());
            let flags: BTreeSet<&str> = session.flags.union(&doubts).copied().collect();
            let certainty = if doubts.is_empty() { "certain" } else { "possible" };
            let row = format!(
                r#"{{"record":"connected","service":"{}","user":{},"since":"{}","auth":{},"to":{},"from":"{from}","store":{},"certainty":"{certainty}","at":"{}","flags":{}}}"#,
                name(*service),
                text(&session.user),
                rfc3339(session.login.0, session.login.1),
                session.mechanism.as_deref().map_or("null".to_owned(), text),
                text(store),
                text(store),
                rfc3339(at, question.at.map_or_else(|| covered.offset(at), |(_, offset)| offset)),
                list(&flags),
            );
            // Where the page on output names nothing more: by pid, mechanism, certainty and flags.
            rows.push((key, session.pid, session.mechanism.clone(), doubts.is_empty(), flags, row));
        }
    }
    rows.sort();
    rows.into_iter().map(|(.., row)| row).collect()
}

/// Whether a gap lies between a login and the moment, also one of no length: a number may be missing within a second.
fn lies_between(gap: Span, login: i64, at: i64) -> bool {
    login < gap.1 && gap.0 < at
}

/// R10: whether a session is listed, and what speaks against its being certain.
fn is_connected(session: &Session, at: i64, covered: &Covered, lives: &[Life]) -> Option<BTreeSet<&'static str>> {
    let login = session.login.0;
    let mut doubts = BTreeSet::new();
    if login > at || session.end.is_some_and(|end| end <= at) {
        return None;
    }
    if session.end.is_some() {
        return Some(doubts);
    }
    let life = lives.iter().rfind(|life| life.pid == session.pid && (life.first..=life.last).contains(&login))?;
    let reused = session.reused.filter(|reuse| life.end.is_none_or(|end| *reuse <= end));
    if life.end.is_some_and(|end| end <= at) || reused.is_some_and(|reuse| reuse <= at) {
        return None;
    }
    doubts.extend(reused.map(|_| "peer-reused"));
    doubts.extend((life.end.is_some() && at > life.last).then_some("lost"));
    doubts.extend((life.doubtful && at > life.last).then_some("doubtful-life"));
    doubts.extend(covered.gaps.iter().any(|gap| lies_between(*gap, login, at)).then_some("gap"));
    doubts.extend(covered.overlaps.iter().any(|span| span.0 <= login && login <= span.1).then_some("overlap"));
    Some(doubts)
}

impl Covered {
    /// The offset of the stream's clock at an instant: that of the last line before it.
    fn offset(&self, at: i64) -> i64 {
        let mut lines = self.lines.iter().filter(|line| line.says.covers() && line.at <= at);
        lines.next_back().or(self.lines.first()).map_or(0, |line| line.offset)
    }
}

/// The latest login or logout, and what is known of it by all lines that tell of that second.
#[derive(Clone, Debug)]
struct Access {
    at: i64,
    /// The smallest name.
    store: Vec<u8>,
    by_login: bool,
    inferred: bool,
    offset: i64,
}

impl Access {
    fn merge(self, other: Access) -> Access {
        match self.at.cmp(&other.at) {
            Ordering::Less => other,
            Ordering::Greater => self,
            Ordering::Equal => Access {
                at: self.at,
                store: self.store.min(other.store),
                by_login: self.by_login || other.by_login,
                inferred: self.inferred && other.inferred,
                // As a login line shows it, if there is one.
                offset: (self.by_login, self.offset).max((other.by_login, other.offset)).1,
            },
        }
    }
}

#[derive(Debug, Default)]
struct Accesses {
    login: Option<Access>,
    logout: Option<Access>,
}

fn last_access(streams: &BTreeMap<Stream, Covered>, question: &Question) -> Vec<String> {
    let mut users: BTreeMap<Vec<u8>, BTreeMap<Service, Accesses>> = BTreeMap::new();
    users.extend(question.users.iter().map(|user| (user.clone().into_bytes(), BTreeMap::new())));
    for ((store, service), covered) in streams {
        let mut add = |user: &[u8], (at, offset): Shown, is_login: bool, by_login: bool, inferred: bool| {
            if question.holds(at) && question.asks_for(user) {
                let accesses = users.entry(user.to_vec()).or_default().entry(*service).or_default();
                let place = if is_login { &mut accesses.login } else { &mut accesses.logout };
                let access = Access { at, store: store.clone(), by_login, inferred, offset };
                *place = Some(match place.take() {
                    Some(before) => before.merge(access),
                    None => access,
                });
            }
        };
        for line in &covered.lines {
            match &line.says {
                Says::Login(login) => add(&login.user, (line.at, line.offset), true, true, login.inferred),
                Says::Close(close) => {
                    let begins = connect(close, line.at, line.offset).shown;
                    add(&close.user, begins, true, false, close.inferred);
                    add(&close.user, (line.at, line.offset), false, false, close.inferred);
                }
                _ => {}
            }
        }
    }
    let row = |(user, services): (&Vec<u8>, &BTreeMap<Service, Accesses>)| {
        let [imap, http, pop] = [Service::Imap, Service::Http, Service::Pop]
            .map(|service| services.get(&service).map_or("null".to_owned(), accesses));
        format!(r#"{{"record":"last_access","user":{},"imap":{imap},"http":{http},"pop":{pop}}}"#, text(user))
    };
    users.iter().map(row).collect()
}

fn accesses(accesses: &Accesses) -> String {
    let Accesses { login, logout } = accesses;
    let time = |access: &Option<Access>| {
        access.as_ref().map_or("null".to_owned(), |access| format!(r#""{}""#, rfc3339(access.at, access.offset)))
    };
    // At one instant both are the last access: the smaller store, shown as the logout is.
    let last = match (login.clone(), logout.clone()) {
        (Some(login), Some(logout)) if login.at == logout.at => {
            Some(Access { store: login.store.min(logout.store.clone()), ..logout })
        }
        (login, logout) => login.into_iter().chain(logout).reduce(Access::merge),
    };
    let source = login.as_ref().map_or("null", |login| if login.by_login { r#""login""# } else { r#""close""# });
    let inferred = login.iter().chain(logout).any(|access| access.inferred).then_some("inferred-format");
    format!(
        r#"{{"last_login":{},"last_logout":{},"last_access":{},"login_source":{source},"store":{},"flags":{}}}"#,
        time(login),
        time(logout),
        time(&last),
        last.as_ref().map_or("null".to_owned(), |access| text(&access.store)),
        list(&inferred.into_iter().collect()),
    )
}

fn name(service: Service) -> &'static str {
    match service {
        Service::Imap => "imap",
        Service::Http => "http",
        Service::Pop => "pop",
    }
}

fn from((address, port): Peer) -> String {
    match port {
        Some(port) => std::net::SocketAddr::new(address, port).to_string(),
        None => address.to_string(),
    }
}

fn list(flags: &BTreeSet<&str>) -> String {
    let flags: Vec<String> = flags.iter().map(|flag| format!(r#""{flag}""#)).collect();
    format!("[{}]", flags.join(","))
}

/// A text as a JSON string: bytes that are no UTF-8 as `\xff`, and then each backslash twice.
fn text(bytes: &[u8]) -> String {
    let whole = std::str::from_utf8(bytes);
    let escaped = whole.is_err() || bytes.windows(2).any(|two| two == br"\x");
    let mut out = String::from('"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' if escaped => out.push_str(r"\\\\"),
                '"' | '\\' => out.extend(['\\', letter]),
                '\n' | '\r' | '\t' => out.extend(letter.escape_default()),
                letter if letter.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
                letter => out.push(letter),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!(r"\\x{byte:02x}")));
    }
    out + "\""
}
