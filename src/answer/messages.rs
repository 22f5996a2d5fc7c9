//! `messages`: lines of the message trace, and the session of each, if it is one.
//!
//! They become records twice: as [`TraceRow`], in the order in which they meet the sessions that they fit, and as [`MessageRow`], in
//! the order of the answer: store, service, time, user, process, action, folder, message id, size.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;

use super::activity::put_owner;
use super::filter::Far;
use super::record::{Fields, put_evidence, put_instant, put_number, put_stamp, put_text};
use super::sessions::{SessionRow, Status};
use super::{Client, INFERRED_FORMAT, POSSIBLY_FORGED};
use crate::fold::{Action, Traced, Window};
use crate::model::{Evidence, Service, Stamp};
use crate::resolve::Resolved;
use crate::runs::{Merged, Runs};

/// An access service wrote a line of a user, and no session is known that it fits: evidence of access on its own.
const TRACE_ONLY: &str = "trace-only";
/// No access service wrote the line, as where mail is delivered: it does not show that the user had access.
const OTHER_PROCESS: &str = "other-process";
/// More than one session fits the line.
const SEVERAL_FIT: &str = "several-fit";

/// Which lines are asked for; what is empty asks for all.
#[derive(Clone, Debug, Default)]
pub struct TracesQuery {
    /// Over which services.
    pub services: Vec<Service>,
    /// Of which users.
    pub users: BTreeSet<Vec<u8>>,
    /// Those within it.
    pub window: Window,
    /// What was done.
    pub actions: Vec<Action>,
    /// Whether their places are kept.
    pub evidence: bool,
}

impl TracesQuery {
    /// Appends the record of a line, if it is asked for; whether it is.
    pub fn traced(&self, traced: &Traced<'_>, record: &mut Vec<u8>) -> bool {
        let service = traced.stream.map(|stream| stream.service());
        let asked = self.window.holds(traced.stamp)
            && (self.services.is_empty() || service.is_some_and(|service| self.services.contains(&service)))
            && (self.users.is_empty() || self.users.contains(traced.user))
            && (self.actions.is_empty() || self.actions.contains(&traced.action));
        if asked {
            let row = TraceRow {
                store: traced.store.into(),
                service,
                pid: traced.pid,
                user: traced.user.into(),
                time: traced.stamp,
                action: traced.action,
                folder: traced.folder.into(),
                size: traced.size,
                message_id: traced.message_id.into(),
                process: traced.process.into(),
                inferred: traced.inferred,
                evidence: self.evidence.then_some(traced.evidence),
            };
            row.write(record);
        }
        asked
    }
}

/// A line of the message trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRow<'a> {
    /// The store.
    pub store: Cow<'a, [u8]>,
    /// The service, where an access service wrote the line.
    pub service: Option<Service>,
    /// The process.
    pub pid: u32,
    /// The user (R2).
    pub user: Cow<'a, [u8]>,
    /// When.
    pub time: Stamp,
    /// What was done.
    pub action: Action,
    /// The mailbox, as written; empty where the line has none.
    pub folder: Cow<'a, [u8]>,
    /// Bytes of the message, where the line has them.
    pub size: Option<u64>,
    /// The message's id, without its angle brackets.
    pub message_id: Cow<'a, [u8]>,
    /// The program that wrote the line.
    pub process: Cow<'a, [u8]>,
    /// Whether it rests on a template that is a guess.
    pub inferred: bool,
    /// Its line, if evidence is asked for.
    pub evidence: Option<Evidence>,
}

/// So many bytes at the end of the record of a [`TraceRow`] are its evidence.
pub(super) const EVIDENCE: usize = 1 + Evidence::BYTES;

fn service(byte: u8) -> Option<Service> {
    Service::ALL.into_iter().find(|service| *service as u8 == byte)
}

fn action(byte: u8) -> Option<Action> {
    Action::ALL.into_iter().find(|action| *action as u8 == byte)
}

impl<'a> TraceRow<'a> {
    /// Appends its record.
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        put_owner(record, (&self.store, self.service), self.pid, &self.user);
        put_instant(record, self.time.at);
        self.write_rest(record);
    }

    /// What comes behind store, service, process, user and time.
    fn write_rest(&self, record: &mut Vec<u8>) {
        record.push(self.action as u8);
        put_text(record, &self.folder);
        put_text(record, &self.message_id);
        put_number(record, self.size);
        put_text(record, &self.process);
        record.extend(self.time.offset.to_le_bytes());
        record.push(u8::from(self.inferred));
        record.push(u8::from(self.evidence.is_some()));
        record.extend(self.evidence.map_or([0; Evidence::BYTES], Evidence::to_bytes));
    }

    /// The row of a record; `None` for bytes that are none.
    pub fn read(record: &'a [u8]) -> Option<TraceRow<'a>> {
        let mut from = Fields::of(record);
        let (store, byte, pid) = (from.text()?, from.byte()?, u32::from_be_bytes(from.take()?));
        let (user, at) = (from.text()?, from.instant()?);
        TraceRow::read_rest((store, byte, pid, user, at), &mut from)
    }

    fn read_rest(
        (store, byte, pid, user, at): (Cow<'a, [u8]>, u8, u32, Cow<'a, [u8]>, i64),
        from: &mut Fields<'a>,
    ) -> Option<TraceRow<'a>> {
        let action = action(from.byte()?)?;
        let (folder, message_id, size, process) = (from.text()?, from.text()?, from.number()?, from.text()?);
        let time = Stamp { at, offset: i16::from_le_bytes(from.take()?) };
        let inferred = from.byte()? != 0;
        let has_evidence = from.byte()? != 0;
        let evidence = Some(Evidence::of_bytes(from.take()?)).filter(|_| has_evidence);
        let service = service(byte);
        Some(TraceRow {
            store,
            service,
            pid,
            user,
            time,
            action,
            folder,
            size,
            message_id,
            process,
            inferred,
            evidence,
        })
    }
}

/// A session as a line of the message trace names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FittingSession<'a> {
    /// The login.
    pub login: Stamp,
    /// The far end, as shown, which may be a proxy.
    pub from: Cow<'a, [u8]>,
    far: Far,
    /// What is known of the client.
    pub client: Client,
    /// The end, where a close line is known.
    pub logout: Option<Stamp>,
    /// What became of it.
    pub status: Status,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow<'a> {
    /// The line.
    pub line: TraceRow<'a>,
    /// How many sessions it fits.
    pub fits: u64,
    /// The session, if it fits one.
    pub session: Option<FittingSession<'a>>,
    /// The line itself, and login line and close line of the session, if evidence is asked for.
    evidence: [Option<Evidence>; 3],
}

impl<'a> MessageRow<'a> {
    /// Of a line, and of the session if it is one.
    pub(super) fn of(line: &TraceRow<'a>, fits: usize, session: Option<&SessionRow<'a>>) -> MessageRow<'a> {
        let inferred = line.inferred || session.is_some_and(SessionRow::is_inferred);
        let [login, close] = session.map_or([None; 2], |session| session.evidence);
        let evidence = [line.evidence, login, close];
        let session = session.map(|session| FittingSession {
            login: session.login,
            from: session.from.clone(),
            far: session.far,
            client: session.client,
            logout: session.logout,
            status: session.status,
        });
        MessageRow { line: TraceRow { inferred, ..line.clone() }, fits: fits as u64, session, evidence }
    }

    /// The lines that it rests on, if evidence is asked for: itself, login and close of the session, and that of a multiplexor.
    pub fn lines(&self) -> [Option<Evidence>; 4] {
        let [line, login, close] = self.evidence;
        [line, login, close, self.session.as_ref().and_then(|session| session.client.evidence())]
    }

    /// The message's id in angle brackets, as mail has it; one whose closing bracket is missing is shown as written.
    pub fn message_id(&self) -> Cow<'_, [u8]> {
        let id = &*self.line.message_id;
        if id.starts_with(b"<") { id.into() } else { [&b"<"[..], id, b">"].concat().into() }
    }

    /// What is to be known about it, in the order of the names.
    pub fn flags(&self) -> Vec<&'static str> {
        let client = self.session.as_ref().map_or(Client::Seen, |session| session.client);
        let flags = [
            (self.line.inferred, INFERRED_FORMAT),
            (self.line.service.is_none(), OTHER_PROCESS),
            (client.doubt().forged, POSSIBLY_FORGED),
            (self.fits > 1, SEVERAL_FIT),
            (self.line.service.is_some() && self.fits == 0, TRACE_ONLY),
        ];
        client.flag().into_iter().chain(flags.into_iter().filter(|(is, _)| *is).map(|(_, name)| name)).collect()
    }

    /// Appends its record.
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        let line = &self.line;
        put_text(record, &line.store);
        record.push(line.service.map_or(u8::MAX, |service| service as u8));
        put_instant(record, line.time.at);
        put_text(record, &line.user);
        record.extend(line.pid.to_be_bytes());
        line.write_rest(record);
        put_number(record, Some(self.fits));
        if let Some(session) = &self.session {
            record.push(session.status as u8);
            put_stamp(record, Some(session.login));
            put_stamp(record, session.logout);
            put_text(record, &session.from);
            record.push(session.far as u8);
            let [_, login, close] = self.evidence;
            put_evidence(record, [login, close]);
            session.client.write(record);
        }
    }

    /// The row of a record; `None` for bytes that are none.
    pub fn read(record: &'a [u8]) -> Option<MessageRow<'a>> {
        let mut from = Fields::of(record);
        let (store, byte, at, user) = (from.text()?, from.byte()?, from.instant()?, from.text()?);
        let pid = u32::from_be_bytes(from.take()?);
        let line = TraceRow::read_rest((store, byte, pid, user, at), &mut from)?;
        let fits = from.number()??;
        let mut session = match fits {
            1 => Some(FittingSession {
                status: Status::of(from.byte()?)?,
                login: from.stamp()??,
                logout: from.stamp()?,
                from: from.text()?,
                far: Far::of(from.byte()?)?,
                client: Client::Seen,
            }),
            _ => None,
        };
        let [login, close] = from.evidence()?;
        if let Some(session) = &mut session {
            session.client = session.far.client(&mut from)?;
        }
        let evidence = [line.evidence, login, close];
        Some(MessageRow { line, fits, session, evidence })
    }
}

/// All lines that were asked for.
#[derive(Clone, Copy, Debug)]
pub struct MessageLines<'a> {
    /// Over which services; empty for all, and other programs.
    pub services: &'a [Service],
    /// Their records, all of them finished.
    pub runs: &'a [Runs],
    /// The streams, resolved.
    pub streams: &'a [Resolved],
}

/// The rows of [`MessageLines`] in order, once.
#[derive(Debug)]
pub struct MessageRows<'a>(Merged<'a>);

impl<'a> MessageLines<'a> {
    /// The rows, from the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn rows(&self) -> io::Result<MessageRows<'a>> {
        Ok(MessageRows(Merged::of(self.runs)?))
    }
}

impl MessageRows<'_> {
    /// Hands the next record to `work`; `false` if there is none.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn next(&mut self, work: impl FnOnce(&[u8])) -> io::Result<bool> {
        self.0.next(work)
    }
}
