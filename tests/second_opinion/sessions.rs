//! From lines to sessions (R4 to R7).

use super::files::Covered;
use super::lines::{Close, Line, Login, Peer, Says};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A login may be written so long behind its close.
const BUFFERED: i64 = 60;
const NEAR: i64 = 300;

/// An instant, and the offset with which it is shown.
pub(crate) type Shown = (i64, i64);

/// What must agree for a login and a close to be one session (R5).
type Key = (u32, Peer);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Session {
    pub(crate) pid: u32,
    pub(crate) peer: Peer,
    pub(crate) user: Vec<u8>,
    pub(crate) login: Shown,
    /// Unknown where there is no login line.
    pub(crate) mechanism: Option<Vec<u8>>,
    connect: Option<i64>,
    pub(crate) end: Option<i64>,
    /// When its peer logged in again.
    pub(crate) reused: Option<i64>,
    pub(crate) flags: BTreeSet<&'static str>,
}

/// R4: how the start field of a close is read.
pub(crate) struct Connect {
    pub(crate) shown: Shown,
    /// The start field's reading, and end less duration.
    readings: [i64; 2],
    mismatch: bool,
}

pub(crate) fn connect(close: &Close, end: i64, offset: i64) -> Connect {
    let target = end - close.duration;
    let away = |offset: i64| (close.start - offset - target).abs();
    let nearest =
        [0, -1800, 1800, -3600, 3600].map(|more| offset + more).into_iter().min_by_key(|offset| away(*offset));
    let nearest = nearest.filter(|offset| away(*offset) <= NEAR).unwrap_or(offset);
    let reading = close.start - nearest;
    let shown = if reading > end { (target, offset) } else { (reading, nearest) };
    // A start field later than the end is no reading: R4 has put another connect in its place.
    Connect { shown, readings: [shown.0, target], mismatch: away(nearest) > 2 }
}

impl Connect {
    /// Whether a login may belong to this close, by its time (R5).
    fn admits(&self, login: i64, end: i64, has_port: bool) -> bool {
        let near = |reading: i64| (reading..=reading + NEAR).contains(&login);
        let begun = match (self.mismatch, has_port) {
            (true, _) => self.readings.into_iter().any(near),
            (false, true) => self.shown.0 <= login,
            (false, false) => near(self.shown.0),
        };
        begun && login <= end + BUFFERED
    }
}

/// All sessions of a stream.
pub(crate) fn sessions(covered: &Covered) -> Vec<Session> {
    let mut logins: BTreeMap<Key, Vec<(&Line, &Login)>> = BTreeMap::new();
    let mut closes: BTreeMap<Key, Vec<(&Line, &Close, Connect)>> = BTreeMap::new();
    for line in once(covered) {
        match &line.says {
            Says::Login(login) => logins.entry((line.pid, login.peer)).or_default().push((line, login)),
            Says::Close(close) => {
                let read = connect(close, line.at, line.offset);
                closes.entry((line.pid, close.peer)).or_default().push((line, close, read));
            }
            _ => {}
        }
    }
    let mut sessions = Vec::new();
    for (key, mut closes) in closes {
        pair(key, &mut closes, logins.entry(key).or_default(), &mut sessions);
    }
    for ((pid, peer), logins) in logins {
        for (line, login) in logins {
            sessions.push(Session {
                pid,
                peer,
                user: login.user.clone(),
                login: (line.at, line.offset),
                mechanism: Some(login.mechanism.clone()),
                connect: None,
                end: None,
                reused: None,
                flags: guessed(login.inferred),
            });
        }
    }
    find_reuse(covered, &mut sessions);
    sessions
}

fn guessed(inferred: bool) -> BTreeSet<&'static str> {
    inferred.then_some("inferred-format").into_iter().collect()
}

/// Whether two lines say the same.
fn same(one: &Line, other: &Line) -> bool {
    let offset = matches!(one.says, Says::Login(_)) || one.offset == other.offset;
    one.at == other.at && one.pid == other.pid && one.says == other.says && offset
}

fn peer_of(line: &Line) -> Option<Peer> {
    match &line.says {
        Says::Login(login) => Some(login.peer),
        Says::Close(close) => Some(close.peer),
        _ => None,
    }
}

/// The logins and closes that count (R13). With a port equal lines are one. Without, they may be two clients of one
/// address; but in an overlap there are as many of them as the file has that has the most.
fn once(covered: &Covered) -> Vec<&Line> {
    let overlapped = |at: i64| covered.overlaps.iter().any(|span| span.0 <= at && at <= span.1);
    let mut kept: Vec<&Line> = Vec::new();
    for line in &covered.lines {
        let Some((_, port)) = peer_of(line) else { continue };
        let twins = || covered.lines.iter().filter(|other| same(line, other));
        let in_file = |file: usize| twins().filter(|other| other.file == file).count();
        let is_kept = match port {
            Some(_) => !kept.iter().rev().take_while(|other| other.at == line.at).any(|other| same(line, other)),
            None if overlapped(line.at) => {
                let most = twins().map(|other| (in_file(other.file), Reverse(other.file))).max();
                most.is_some_and(|(_, Reverse(file))| file == line.file)
            }
            None => true,
        };
        if is_kept {
            kept.push(line);
        }
    }
    kept
}

/// Each close takes its login (R5), or is a session by itself (R6).
fn pair<'a>(
    (pid, peer): Key,
    closes: &mut [(&Line, &Close, Connect)],
    logins: &mut Vec<(&'a Line, &'a Login)>,
    sessions: &mut Vec<Session>,
) {
    let has_port = peer.1.is_some();
    logins.sort_by_key(|(line, login)| (line.at, &login.mechanism, &login.user, login.inferred));
    closes.sort_by_key(|(line, close, read)| (line.at, read.shown.0, &close.user, &close.tail));
    for (n, (line, close, read)) in closes.iter().enumerate() {
        let fits = |(of, login): &(&Line, &Login)| {
            read.admits(of.at, line.at, has_port) && (has_port || login.user == close.user)
        };
        // A login behind the end may be that of the session which comes next, if that has no other.
        let next = closes[n + 1..].iter().find(|(_, next, _)| has_port || next.user == close.user);
        let of_next = |(of, login): &(&Line, &Login)| {
            next.is_some_and(|(line, close, read)| {
                let same = has_port || login.user == close.user;
                same && of.at <= line.at && read.admits(of.at, line.at, has_port)
            })
        };
        let has_own = logins.iter().any(|login| fits(login) && login.0.at <= line.at);
        let gives = !has_own && logins.iter().filter(|login| of_next(login)).count() == 1;
        let takes = |login: &(&Line, &Login)| fits(login) && !(gives && of_next(login));
        let choices = logins.iter().filter(|login| takes(login)).count();
        let taken = logins.iter().position(takes).map(|place| logins.remove(place));
        let mut flags = guessed(close.inferred || taken.is_some_and(|(_, login)| login.inferred));
        flags.extend(read.mismatch.then_some("duration-mismatch"));
        flags.extend((choices > 1).then_some("ambiguous-pairing"));
        flags.extend(taken.is_some_and(|(_, login)| login.user != close.user).then_some("user-differs"));
        sessions.push(Session {
            pid,
            peer,
            user: close.user.clone(),
            login: taken.map_or(read.shown, |(of, _)| (of.at, of.offset)),
            mechanism: taken.map(|(_, login)| login.mechanism.clone()),
            connect: Some(read.shown.0),
            end: Some(line.at),
            reused: None,
            flags,
        });
    }
}

/// R7: one port holds one connection, so a later login ends an earlier one; also a login that only its close tells of (R6).
fn find_reuse(covered: &Covered, sessions: &mut [Session]) {
    let logins: Vec<(Peer, i64)> = sessions.iter().map(|session| (session.peer, session.login.0)).collect();
    for session in sessions.iter_mut().filter(|session| session.peer.1.is_some() && session.end.is_none()) {
        let later = logins.iter().filter(|(peer, at)| *peer == session.peer && *at > session.login.0);
        // Behind coverage it would be known from the one clock that is far ahead (R14).
        let covers = |at: &i64| covered.span.is_some_and(|(_, last)| *at <= last);
        session.reused = later.map(|(_, at)| *at).filter(covers).min();
    }
}
