//! `sessions`: every session, closed or not (R3 to R7).
//!
//! There may be more of them than memory holds. Each therefore becomes a record of [`crate::runs`], whose bytes are in the order
//! of the answer: store, service, login, user, from, logout, and then whatever else may differ.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::activity::{Activity, ActivityRows};
use super::clients::{Client, Moment};
use super::copies::is_within;
use super::filter::Far;
use super::origins::{Behind as BehindProxy, OriginRows, Origins};
use super::record::{Fields, put_evidence, put_instant, put_number, put_stamp, put_text};
use super::{Filter, INFERRED_FORMAT, POSSIBLY_FORGED};
use crate::fold::Action;
use crate::model::{Evidence, Instant, Peer, Service, Stamp};
use crate::pair::{Amounts, Behind, Carried, Session, Settled};
use crate::resolve::{LifeEnd, Resolved};
use crate::runs::{Merged, Runs};

/// What became of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Its close line is there (R3).
    Closed,
    /// A login without a close (R7).
    Open,
    /// The same, but its process ended (R8), or its peer logged in again.
    Lost,
}

impl Status {
    const ALL: [Status; 3] = [Status::Closed, Status::Open, Status::Lost];

    /// The status of a byte of a record.
    pub(super) fn of(byte: u8) -> Option<Status> {
        Status::ALL.get(usize::from(byte)).copied()
    }

    /// The name in answers and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Closed => "closed",
            Status::Open => "open",
            Status::Lost => "lost",
        }
    }
}

/// Which sessions are asked for.
#[derive(Clone, Debug, Default)]
pub struct SessionsQuery {
    /// Of whom, from where, and touching which window.
    pub filter: Filter,
    /// What became of them; empty asks for all.
    pub statuses: Vec<Status>,
    /// Only those that lines of the message trace may fit.
    pub only_traced: bool,
}

impl SessionsQuery {
    fn asks_for(&self, service: Service, user: &[u8], peer: Peer, (from, to): (Stamp, Option<Stamp>)) -> bool {
        self.filter.is_touched(from, to) && self.filter.asks_for(service, user, Some(peer))
    }

    fn has(&self, status: Status) -> bool {
        self.statuses.is_empty() || self.statuses.contains(&status)
    }

    /// Appends the record of a closed session, if it is asked for; whether that rests on a template that is a guess.
    pub fn closed(&self, session: &Settled<'_>, behind: Behind, store: &[u8], record: &mut Vec<u8>) -> bool {
        self.asks_for_closed(session) && self.put_closed(session, behind, store, record)
    }

    /// Appends the record of a closed session that is not asked for, if its user and its service are.
    pub fn other_closed(&self, session: &Settled<'_>, behind: Behind, store: &[u8], record: &mut Vec<u8>) {
        if self.filter.is_of(session.stream.service(), session.user()) && !self.asks_for_closed(session) {
            self.put_closed(session, behind, store, record);
        }
    }

    fn put_closed(&self, session: &Settled<'_>, behind: Behind, store: &[u8], record: &mut Vec<u8>) -> bool {
        let session = session.to_session(behind);
        SessionRow::of(&session, (Status::Closed, 0), store, &self.filter).write(record);
        session.flags.doubt.inferred
    }

    /// Whether a closed session is asked for.
    pub fn asks_for_closed(&self, session: &Settled<'_>) -> bool {
        let (Some(connect), Some(end)) = (session.connect, session.end) else { return false };
        let began = if connect.at < session.login.at { connect } else { session.login };
        let (service, user, peer) = (session.stream.service(), session.user(), session.peer());
        self.has(Status::Closed) && self.asks_for(service, user, peer, (began, Some(end)))
    }

    /// The same of a session without a close, `others` being those that are not asked for.
    pub fn unclosed(&self, session: &Session, stream: &Resolved, others: bool, record: &mut Vec<u8>) -> bool {
        let (status, mut flags, gone) = unclosed(session, stream);
        if is_within(&stream.overlaps, session.login.at) {
            flags |= OVERLAP;
        }
        let asked = self.asks_for(stream.service, &session.user, session.peer, (session.login, None));
        let asked = asked && self.has(status);
        if if others { !asked && self.filter.is_of(stream.service, &session.user) } else { asked } {
            let row = SessionRow::of(session, (status, flags), &stream.store, &self.filter);
            SessionRow { gone, ..row }.write(record);
            return session.flags.doubt.inferred;
        }
        false
    }
}

/// R7 and R8: open or lost, why, and by when a lost one was gone.
fn unclosed(session: &Session, stream: &Resolved) -> (Status, u8, Option<Instant>) {
    let life = stream.lives.at(session.pid, session.login.at);
    let (ended, doubtful) = match life.map(|life| life.end) {
        Some(LifeEnd::Ended(at)) => (Some(at), false),
        Some(LifeEnd::Doubtful) => (None, true),
        _ => (None, false),
    };
    // A peer that came back after the process had ended says nothing of when the session did.
    let until = ended.unwrap_or(stream.last.at);
    let reused = session.reused.is_some_and(|at| at <= until && at <= stream.last.at);
    let flags = if reused { PEER_REUSED } else { 0 } | if doubtful && !reused { DOUBTFUL } else { 0 };
    let gone = session.reused.filter(|_| reused).or(ended);
    (if gone.is_some() { Status::Lost } else { Status::Open }, flags, gone)
}

const AMBIGUOUS: u8 = 1;
const DOUBTFUL: u8 = 2;
const MISMATCH: u8 = 4;
const INFERRED: u8 = 8;
const OVERLAP: u8 = 16;
const PEER_REUSED: u8 = 32;
const USER_DIFFERS: u8 = 64;
const FORGED: u8 = 128;
/// In the order of the names.
const FLAGS: [(u8, &str); 8] = [
    (AMBIGUOUS, "ambiguous-pairing"),
    (DOUBTFUL, "doubtful-life"),
    (MISMATCH, "duration-mismatch"),
    (INFERRED, INFERRED_FORMAT),
    (OVERLAP, "overlap"),
    (PEER_REUSED, "peer-reused"),
    (FORGED, POSSIBLY_FORGED),
    (USER_DIFFERS, "user-differs"),
];

/// Lines of the message trace that fit a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    /// Those that fit no other session, by [`Action`].
    pub counts: [u64; Action::ALL.len()],
    /// There are more, which fit others as well.
    pub ambiguous: bool,
}

/// Of a session some lines of the message trace fit others as well: they are counted for none of them.
const MESSAGES_AMBIGUOUS: &str = "messages-ambiguous";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow<'a> {
    /// The store.
    pub store: Cow<'a, [u8]>,
    /// The service.
    pub service: Service,
    /// The login line's stamp, or the connect (R6).
    pub login: Stamp,
    /// The user (R2).
    pub user: Cow<'a, [u8]>,
    /// The far end, as shown, which may be a proxy.
    pub from: Cow<'a, [u8]>,
    /// What is known of the client.
    pub client: Client,
    /// The end, where a close line is known.
    pub logout: Option<Stamp>,
    /// What became of it.
    pub status: Status,
    /// When the connection began, where a close line says so.
    pub connect: Option<Stamp>,
    /// How long it lasted, in seconds, as its close line says.
    pub duration: Option<i64>,
    /// The mechanism, where a login line is known.
    pub auth: Option<Cow<'a, [u8]>>,
    /// What its close line counted.
    pub amounts: Amounts,
    /// Its login line and its close line, if evidence is asked for.
    pub evidence: [Option<Evidence>; 2],
    /// The process.
    pub pid: u32,
    /// By when it was gone, if it was lost.
    pub gone: Option<Instant>,
    /// How many lines of the message trace fit it and no other, where its store logs them for its service.
    pub messages: Option<Messages>,
    pub(super) far: Far,
    flags: u8,
}

impl<'a> SessionRow<'a> {
    pub(super) fn of(
        session: &'a Session,
        (status, flags): (Status, u8),
        store: &'a [u8],
        filter: &Filter,
    ) -> SessionRow<'a> {
        let marks = session.flags;
        let (peer, far) = filter.far_end(session.peer);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let Carried { amounts, evidence } = session.carried();
        SessionRow {
            store: store.into(),
            service: session.stream.service(),
            login: session.login,
            user: (&session.user[..]).into(),
            from: peer.to_string().into_bytes().into(),
            client: if far == Far::Client { Client::Seen } else { Client::Hidden },
            logout: session.end,
            status,
            connect: session.connect,
            duration: session.duration,
            auth: session.mechanism.as_deref().map(Cow::Borrowed),
            amounts,
            evidence,
            pid: session.pid,
            gone: None,
            messages: None,
            far,
            flags: flags
                | flag(marks.ambiguous, AMBIGUOUS)
                | flag(marks.mismatch, MISMATCH)
                | flag(marks.doubt.inferred, INFERRED)
                | flag(marks.doubt.forged, FORGED)
                | flag(marks.user_differs, USER_DIFFERS),
        }
    }

    /// `login` or `close`: which line the login was read from.
    pub fn login_source(&self) -> &'static str {
        if self.auth.is_some() { "login" } else { "close" }
    }

    /// What is to be known about it, in the order of the names.
    pub fn flags(&self) -> Vec<&'static str> {
        let doubt = self.client.doubt();
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let flags = self.flags | flag(doubt.inferred, INFERRED) | flag(doubt.forged, FORGED);
        let mut names: Vec<_> = FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect();
        let ambiguous = self.messages.filter(|messages| messages.ambiguous).map(|_| MESSAGES_AMBIGUOUS);
        for more in ambiguous.into_iter().chain(self.client.flag()) {
            names.insert(names.partition_point(|name| *name < more), more);
        }
        names
    }

    /// Whether it rests on a template that is a guess.
    pub fn is_inferred(&self) -> bool {
        self.flags & INFERRED != 0 || self.client.doubt().inferred
    }

    /// The lines that it rests on, if evidence is asked for: login, close, and that of a multiplexor.
    pub fn lines(&self) -> [Option<Evidence>; 3] {
        let [login, close] = self.evidence;
        [login, close, self.client.evidence()]
    }

    /// What a record says of the client, if its far end is a proxy.
    fn behind(record: &[u8]) -> Option<BehindProxy<'_>> {
        let SessionRow { service, user, login, far, .. } =
            SessionRow::read(record).filter(|row| row.far != Far::Client)?;
        let moment = Some(Moment { refused: false, service, user, at: login.at });
        Some(BehindProxy { moment, only_if: far == Far::ProxyOnlyIf })
    }

    /// Appends its record.
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        put_text(record, &self.store);
        record.push(self.service as u8);
        put_instant(record, self.login.at);
        put_text(record, &self.user);
        put_text(record, &self.from);
        put_stamp(record, self.logout);
        record.extend(self.login.offset.to_le_bytes());
        record.push(self.status as u8);
        put_stamp(record, self.connect);
        put_number(record, self.duration.map(i64::cast_unsigned));
        record.push(u8::from(self.auth.is_some()));
        put_text(record, self.auth.as_deref().unwrap_or_default());
        let Amounts { bytes_in, bytes_out, mailboxes } = self.amounts;
        for number in [bytes_in, bytes_out, mailboxes] {
            put_number(record, number);
        }
        record.extend(self.pid.to_be_bytes());
        put_number(record, self.gone.map(Instant::cast_unsigned));
        record.push(self.far as u8);
        record.push(self.flags);
        put_evidence(record, self.evidence);
    }

    /// The row of a record; `None` for bytes that are none.
    pub fn read(record: &'a [u8]) -> Option<SessionRow<'a>> {
        let mut from = Fields::of(record);
        let (store, service, login) = (from.text()?, from.byte()?, from.instant()?);
        let (user, peer, logout) = (from.text()?, from.text()?, from.stamp()?);
        let login = Stamp { at: login, offset: i16::from_le_bytes(from.take()?) };
        let status = Status::of(from.byte()?)?;
        let (connect, duration) = (from.stamp()?, from.number()?.map(u64::cast_signed));
        let (has_auth, auth) = (from.byte()? != 0, from.text()?);
        let amounts = Amounts { bytes_in: from.number()?, bytes_out: from.number()?, mailboxes: from.number()? };
        let pid = u32::from_be_bytes(from.take()?);
        let gone = from.number()?.map(u64::cast_signed);
        let (far, flags) = (Far::of(from.byte()?)?, from.byte()?);
        let (evidence, messages) = (from.evidence()?, Messages::read(&mut from)?);
        Some(SessionRow {
            store,
            service: *Service::ALL.iter().find(|s| **s as u8 == service)?,
            login,
            user,
            from: peer,
            logout,
            status,
            connect,
            duration,
            auth: has_auth.then_some(auth),
            amounts,
            pid,
            gone,
            far,
            flags,
            evidence,
            messages,
            client: far.client(&mut from)?,
        })
    }
}

/// All sessions that were asked for.
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a> {
    /// Over which services; empty for all.
    pub services: &'a [Service],
    /// Their records, all of them finished.
    pub runs: &'a [Runs],
    /// The streams, resolved.
    pub streams: &'a [Resolved],
    /// What lines of the message trace add to them, if there are any.
    pub activity: Option<&'a Activity>,
    /// What lines of multiplexors add to them, if any of them may have come through a proxy.
    pub origins: Option<&'a Origins>,
}

/// The rows of [`Sessions`] in order, once.
#[derive(Debug)]
pub struct SessionRows<'a> {
    merged: Merged<'a>,
    activity: Option<ActivityRows<'a>>,
    origins: Option<OriginRows<'a>>,
}

impl<'a> Sessions<'a> {
    /// The rows, from the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn rows(&self) -> io::Result<SessionRows<'a>> {
        let activity = self.activity.map(Activity::rows).transpose()?;
        let origins = self.origins.map(Origins::rows).transpose()?;
        Ok(SessionRows { merged: Merged::of(self.runs)?, activity, origins })
    }

    /// What lines of multiplexors, which are finished, tell of the clients of those that came through proxies.
    ///
    /// # Errors
    /// Those of putting records aside, and of reading them back.
    pub fn origins(&self, lines: &[Runs], tmpdir: &Path) -> io::Result<Origins> {
        let mut rows = Sessions { activity: None, origins: None, ..*self }.rows()?;
        Origins::of(lines, |work| rows.next(work), SessionRow::behind, tmpdir)
    }
}

impl SessionRows<'_> {
    /// Hands the next record to `work`; `false` if there is none.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn next(&mut self, work: impl FnOnce(&[u8])) -> io::Result<bool> {
        let SessionRows { merged, activity, origins } = self;
        if activity.is_none() && origins.is_none() {
            return merged.next(work);
        }
        let (mut added, mut found) = (Ok(()), Ok(()));
        let more = merged.next(|record| {
            let work = |more: &[u8]| match origins {
                None => work(more),
                Some(origins) => found = origins.add(record, more, work),
            };
            match activity {
                None => work(record),
                Some(activity) => added = activity.add(record, work),
            }
        })?;
        added.and(found).map(|()| more)
    }
}

#[cfg(test)]
#[path = "tests/sessions.rs"]
mod tests;
