//! Activity: lines of the message trace, and the sessions that they fit.
//!
//! A line fits a session of the same store, service, process and user if it lies between login and end. There may be more of both than
//! memory holds: both become records that begin with store, service, process, user and time, and are merged.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::copies::is_within;
use super::messages::{EVIDENCE, MessageRow, TraceRow};
use super::record::{Fields, put_instant, put_text};
use super::sessions::{Messages, SessionRow, Sessions};
use crate::model::{Instant, Service};
use crate::resolve::{Overlap, Resolved};
use crate::runs::{Head, Runs};

/// So much of each kind of records is held in memory, in bytes.
const HELD: usize = 32 << 20;

/// Begins a record: whose process it is, and of which user. Another program has no service.
pub(super) fn put_owner(record: &mut Vec<u8>, (store, service): (&[u8], Option<Service>), pid: u32, user: &[u8]) {
    put_text(record, store);
    record.push(service.map_or(u8::MAX, |service| service as u8));
    record.extend(pid.to_be_bytes());
    put_text(record, user);
}

/// How many bytes of a record [`put_owner`] wrote.
fn owner_length(record: &[u8]) -> Option<usize> {
    let mut from = Fields::of(record);
    from.text()?;
    from.take::<5>()?;
    from.text()?;
    Some(record.len() - from.rest().len())
}

/// A session on its way to the lines that fit it: its owner, its login, its end, whether it is asked for, and its own record.
fn put_session(record: &mut Vec<u8>, session: &[u8], asked: bool) -> Option<()> {
    let row = SessionRow::read(session)?;
    put_owner(record, (&row.store, Some(row.service)), row.pid, &row.user);
    put_instant(record, row.login.at);
    let end = row.logout.map(|end| end.at).or(row.gone).unwrap_or(Instant::MAX);
    put_instant(record, end.max(row.login.at));
    record.push(u8::from(asked));
    record.extend_from_slice(session);
    Some(())
}

/// A session that lines may fit.
#[derive(Debug)]
struct Candidate {
    asked: bool,
    record: Vec<u8>,
    messages: Messages,
}

impl Candidate {
    /// Of a record of [`put_session`], behind its owner and its login.
    fn read(rest: &[u8]) -> Option<(Instant, Candidate)> {
        let mut from = Fields::of(rest);
        let (end, asked) = (from.instant()?, from.byte()? != 0);
        Some((end, Candidate { asked, record: from.rest().to_vec(), messages: Messages::default() }))
    }
}

/// The sessions of one owner that go on at a moment.
#[derive(Debug, Default)]
struct Current {
    owner: Vec<u8>,
    /// By their ends, and in the order of their logins.
    sessions: BTreeMap<(Instant, u64), Candidate>,
    /// Those that no ambiguous line fits yet.
    unmarked: Vec<(Instant, u64)>,
    count: u64,
}

impl Current {
    fn add(&mut self, end: Instant, candidate: Candidate) {
        self.count += 1;
        self.unmarked.push((end, self.count));
        self.sessions.insert((end, self.count), candidate);
    }

    /// Lets those go that ended before a moment.
    fn leave(&mut self, before: Option<Instant>, left: &mut dyn FnMut(Candidate)) {
        while let Some(first) = self.sessions.first_entry() {
            if before.is_some_and(|before| first.key().0 >= before) {
                return;
            }
            left(first.remove());
        }
    }

    /// Counts a line for the one session that it fits, or marks all; how many there are, and the one.
    fn count(&mut self, action: usize) -> (usize, Option<&[u8]>) {
        let fits = self.sessions.len();
        if fits > 1 {
            for key in self.unmarked.drain(..) {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.messages.ambiguous = true;
                }
            }
            return (fits, None);
        }
        let Some(mut one) = self.sessions.first_entry() else { return (0, None) };
        if let Some(count) = one.get_mut().messages.counts.get_mut(action) {
            *count += 1;
        }
        (fits, self.sessions.values().next().map(|session| &session.record[..]))
    }
}

/// Takes a line, how many sessions it fits, and the record of the session if it is one.
type TakeLine<'a> = dyn FnMut(&TraceRow<'_>, usize, Option<&[u8]>) + 'a;

/// Brings lines and sessions together: `line` gets each line, how many sessions it fits, and the record of the session if it is one;
/// `left` each session that a line may have fitted, once all its lines are there.
fn join(
    traces: &[Runs],
    sessions: &[Runs],
    streams: &[Resolved],
    line: &mut TakeLine<'_>,
    left: &mut dyn FnMut(Candidate),
) -> io::Result<()> {
    let overlaps = overlaps(streams);
    let (mut traces, mut sessions) = (Head::of(traces)?, Head::of(sessions)?);
    let mut current = Current::default();
    let mut last = Vec::new();
    while traces.there {
        let record = &traces.record;
        if let (Some(row), Some(owner)) = (TraceRow::read(record), owner_length(record)) {
            // Where files overlap, equal lines count once (R13).
            let copy = last == but_evidence(record)
                && overlaps.get(&*row.store).is_some_and(|spans| is_within(spans, row.time.at));
            let (owner, key) = (record.get(..owner).unwrap_or_default(), record.get(..owner + 8).unwrap_or_default());
            if current.owner != owner {
                current.leave(None, left);
                current = Current { owner: owner.to_vec(), ..Current::default() };
            }
            while sessions.there && sessions.record.get(..key.len()).unwrap_or(&sessions.record) <= key {
                let found = sessions.record.strip_prefix(owner).and_then(|rest| Candidate::read(rest.get(8..)?));
                if let Some((end, candidate)) = found {
                    current.add(end, candidate);
                }
                sessions.advance()?;
            }
            current.leave(Some(row.time.at), left);
            if !copy {
                let (fits, session) = current.count(row.action as usize);
                line(&row, fits, session);
            }
        }
        last.clear();
        last.extend_from_slice(but_evidence(&traces.record));
        traces.advance()?;
    }
    current.leave(None, left);
    Ok(())
}

/// What tells lines apart, wherever they stand.
fn but_evidence(record: &[u8]) -> &[u8] {
    record.get(..record.len().saturating_sub(EVIDENCE)).unwrap_or_default()
}

/// The spans that two differing files cover, by store.
fn overlaps(streams: &[Resolved]) -> BTreeMap<&[u8], Vec<Overlap>> {
    let mut overlaps: BTreeMap<&[u8], Vec<Overlap>> = BTreeMap::new();
    for stream in streams {
        overlaps.entry(&stream.store).or_default().extend(stream.overlaps.iter().copied());
    }
    overlaps
}

/// Sessions as records for [`join`]: those asked for, and others.
fn keyed(sessions: &Sessions<'_>, others: &[Runs], tmpdir: &Path) -> io::Result<[Runs; 1]> {
    let mut keyed = Runs::new(tmpdir, HELD);
    for (runs, asked) in [(sessions.runs, true), (others, false)] {
        let mut rows = Sessions { runs, activity: None, ..*sessions }.rows()?;
        while rows.next(|session| {
            keyed.push(|record| _ = put_session(record, session, asked));
        })? {}
    }
    keyed.finish()?;
    Ok([keyed])
}

/// What lines of the message trace add to sessions.
#[derive(Debug)]
pub struct Activity {
    /// Records of sessions, and behind them what the lines add.
    added: [Runs; 1],
    /// The streams that have such lines.
    traced: BTreeSet<(Vec<u8>, Service)>,
}

impl Activity {
    /// Of lines that are finished, of streams that have any, and of sessions: those asked for, and all others of the same owners.
    ///
    /// # Errors
    /// Those of putting records aside.
    pub fn new(
        traces: &[Runs],
        traced: BTreeSet<(Vec<u8>, Service)>,
        (sessions, others): (&Sessions<'_>, &[Runs]),
        tmpdir: &Path,
    ) -> io::Result<Activity> {
        let keyed = keyed(sessions, others, tmpdir)?;
        let mut added = Runs::new(tmpdir, HELD);
        join(traces, &keyed, sessions.streams, &mut |_, _, _| (), &mut |session| {
            if session.asked && session.messages != Messages::default() {
                added.push(|record| {
                    record.extend_from_slice(&session.record);
                    session.messages.write(record);
                });
            }
        })?;
        added.finish()?;
        Ok(Activity { added: [added], traced })
    }

    /// From the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub(super) fn rows(&self) -> io::Result<ActivityRows<'_>> {
        Ok(ActivityRows {
            added: Head::of(&self.added)?,
            traced: &self.traced,
            stream: (Vec::new(), false),
            record: Vec::new(),
        })
    }
}

impl Messages {
    const LENGTH: usize = 1 + 3 * 8;
    /// Evidence begins with no such byte.
    const MARK: u8 = 2;

    fn write(&self, record: &mut Vec<u8>) {
        record.push(Messages::MARK + u8::from(self.ambiguous));
        self.counts.iter().for_each(|count| record.extend(count.to_be_bytes()));
    }

    /// Those that come next in a record, if they do.
    pub(super) fn read(from: &mut Fields<'_>) -> Option<Option<Messages>> {
        let marks = Messages::MARK..=Messages::MARK + 1;
        let Some(mark) = from.rest().first().filter(|mark| marks.contains(mark)).copied() else { return Some(None) };
        from.byte()?;
        let mut counts = [0; 3];
        for count in &mut counts {
            *count = u64::from_be_bytes(from.take()?);
        }
        Some(Some(Messages { counts, ambiguous: mark != Messages::MARK }))
    }
}

/// What is added to sessions, in their order.
pub(super) struct ActivityRows<'a> {
    added: Head<'a>,
    traced: &'a BTreeSet<(Vec<u8>, Service)>,
    /// What records of the stream at hand begin with, and whether it has such lines.
    stream: (Vec<u8>, bool),
    record: Vec<u8>,
}

impl std::fmt::Debug for ActivityRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActivityRows").field("traced", &self.traced).finish_non_exhaustive()
    }
}

impl ActivityRows<'_> {
    /// Hands a session's record to `work`, with what is added to it: nothing, where its stream has no such lines.
    pub(super) fn add(&mut self, session: &[u8], work: impl FnOnce(&[u8])) -> io::Result<()> {
        let ActivityRows { added, traced, stream, record } = self;
        let own = added.record.len().checked_sub(Messages::LENGTH).and_then(|end| added.record.split_at_checked(end));
        if let Some((own, messages)) = own
            && own == session
        {
            record.clear();
            record.extend_from_slice(session);
            record.extend_from_slice(messages);
            work(record);
            return added.advance();
        }
        if stream.0.is_empty() || !session.starts_with(&stream.0) {
            let mut from = Fields::of(session);
            let own = from.text().zip(from.byte());
            let is_of = |(store, service): &(Vec<u8>, Service)| {
                own.as_ref().is_some_and(|(own, byte)| **own == **store && *byte == *service as u8)
            };
            let begin = session.strip_suffix(from.rest()).unwrap_or_default();
            *stream = (begin.to_vec(), traced.iter().any(is_of));
        }
        if stream.1 {
            record.clear();
            record.extend_from_slice(session);
            Messages::default().write(record);
            work(record);
        } else {
            work(session);
        }
        Ok(())
    }
}

/// Every line with the session that it fits, in the order of the answer.
///
/// # Errors
/// Those of putting records aside.
pub fn attributed(traces: &[Runs], sessions: &Sessions<'_>, tmpdir: &Path) -> io::Result<[Runs; 1]> {
    let keyed = keyed(sessions, &[], tmpdir)?;
    let mut rows = Runs::new(tmpdir, HELD);
    let mut line = |row: &TraceRow<'_>, fits: usize, session: Option<&[u8]>| {
        let session = session.and_then(SessionRow::read);
        rows.push(|record| MessageRow::of(row, fits, session.as_ref()).write(record));
    };
    join(traces, &keyed, sessions.streams, &mut line, &mut |_| ())?;
    rows.finish()?;
    Ok([rows])
}

#[cfg(test)]
#[path = "tests/activity.rs"]
mod tests;
