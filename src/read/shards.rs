//! The shared tables of login and close lines, sorted by peer.
//!
//! Each table has its worker, in whose cache it stays: what others have for it waits in its inbox until that worker comes by.
//! Only if too much waits, because that worker is busy with something else, another does the work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::{HELD, Owners, lock};
use crate::answer::report::{PARTS, part_of};
use crate::answer::{AskedSessions, At, ConnectedQuery, collects};
use crate::fold::{Learner, Needs, Pairing};
use crate::model::{Instant, Stamp};
use crate::pair::{Batch, Behind, Key, PairTable, Session, Settled};
use crate::resolve::FAR;
use crate::runs::Runs;
use crate::streams::{Stores, StreamId, Streams};
use crate::trail::{Collected, LearnedAccess, SharedAccess};

/// So many batches may wait for a shard's worker, and one more of each other that is filling one.
const WAITING: usize = 8;

/// One shard of the login and close lines: those whose keys fall here.
#[derive(Debug, Default)]
struct Shard {
    settled: Mutex<Settling>,
    inbox: Mutex<Inbox>,
}

#[derive(Debug, Default)]
struct Settling {
    table: PairTable,
    gathering: Gathering,
}

/// What is kept of settled sessions.
#[derive(Debug, Default)]
struct Gathering {
    collected: Collected,
    /// Closed sessions that are asked for.
    runs: Runs,
    /// The same for `report`, by part.
    visits: [Runs; PARTS],
    /// Those of them that lines of the message trace may fit, if `sessions` asks for them.
    traced: Runs,
    /// The same of sessions that it does not ask for.
    others: Runs,
    /// For `-c` at the end of coverage, of each stream the session that ended last among those whose close may be a lone stamp far ahead, and so
    /// lie past that end (R14).
    far: BTreeMap<StreamId, Session>,
    stores: Stores,
    behind: Behind,
}

impl Gathering {
    /// Keeps a closed session if its close may be a lone stamp: it is one line, the last of its stream, and the session began a day before.
    fn keep_far(&mut self, session: &Settled<'_>) {
        let Some(end) = session.end else { return };
        let is_later = |far: &Session| far.end.is_none_or(|last| last.at < end.at);
        if end.at > session.began().at.saturating_add(FAR) && self.far.get(&session.stream).is_none_or(is_later) {
            self.far.insert(session.stream, session.to_session(self.behind));
        }
    }
}

/// Whether a session ended behind the end of coverage.
fn is_past(ends: &BTreeMap<StreamId, Instant>, stream: StreamId, end: Option<Stamp>) -> bool {
    end.zip(ends.get(&stream)).is_some_and(|(end, last)| end.at > *last)
}

/// Batches that wait, and empty ones to be used again.
#[derive(Debug, Default)]
struct Inbox {
    waiting: Vec<Batch>,
    spare: Vec<Batch>,
}

impl Inbox {
    /// A batch to be filled, unless too many wait.
    fn empty(&mut self) -> Option<Batch> {
        (self.waiting.len() < WAITING).then(|| self.spare.pop().unwrap_or_default())
    }
}

impl Shard {
    /// Takes in what waits.
    fn take_in(&self, table: &mut PairTable, learner: &mut Learner<'_, '_>) {
        let mut waiting = std::mem::take(&mut lock(&self.inbox).waiting);
        for batch in &mut waiting {
            table.add_all(batch, &[], &mut |accessed| learner.keep(accessed));
            batch.clear();
        }
        if !waiting.is_empty() {
            lock(&self.inbox).spare.append(&mut waiting);
        }
    }

    /// Leaves a copy of a batch in the inbox, with texts of its own, and empties it; `false` if too much waits there already.
    fn leave(&self, batch: &mut Batch, block: &[u8]) -> bool {
        let Some(mut copy) = lock(&self.inbox).empty() else { return false };
        batch.detach(block);
        copy.copy_of(batch);
        batch.clear();
        lock(&self.inbox).waiting.push(copy);
        true
    }
}

/// Every shard.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Shard>,
}

/// What one shard gave in the end.
#[derive(Debug)]
pub(super) struct Finished {
    /// What its sessions gave to the query.
    pub(super) collected: Collected,
    /// Closed sessions: see [`super::Outcome`].
    pub(super) runs: Runs,
    pub(super) visits: [Runs; PARTS],
    pub(super) traced: Runs,
    pub(super) others: Runs,
    /// Keys of which a line came too late.
    pub(super) late: BTreeSet<Key>,
}

/// What is asked of sessions, and who has lines of the message trace, if those are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) asked: AskedSessions<'a>,
    pub(super) owners: Option<&'a Owners>,
    pub(super) streams: &'a Streams,
}

impl Wanted<'_> {
    /// A session with both its lines must last longer than so many seconds for [`collect`] to keep anything of it.
    fn longer_than(&self) -> Option<i64> {
        let at_end = |asked| matches!(asked, AskedSessions::Connected(ConnectedQuery { at: At::EndOfCoverage, .. }));
        at_end(self.asked).then_some(FAR)
    }
}

impl Shards {
    /// Empty shards that never settle these keys early; `needs` says what comes with lines, `tmpdir` is where too many sessions go.
    pub(super) fn holding(hold: &BTreeSet<Key>, needs: &Needs, tmpdir: &Path) -> Shards {
        let behind = needs.behind;
        // One for each worker, or two for some, who claim less: the fewer, the more lines a batch has, which are copied and looked up at once.
        let shards = rayon::current_num_threads().next_power_of_two();
        let runs = |held: usize| Runs::new(tmpdir, held / shards);
        let fitting = || runs(HELD / 2);
        let gathering = || Gathering {
            runs: runs(HELD),
            visits: [(); PARTS].map(|()| runs(HELD / PARTS)),
            traced: fitting(),
            others: fitting(),
            behind,
            ..Gathering::default()
        };
        let table = || PairTable::holding(hold.clone()).carrying(behind).overlapping(needs.overlaps.clone());
        let settling = || Settling { table: table(), gathering: gathering() };
        let shard = |_| Shard { settled: Mutex::new(settling()), ..Shard::default() };
        Shards { shards: (0..shards).map(shard).collect() }
    }

    /// Settles what lies behind the frontier, in this worker's shards and in those that nobody came by for long.
    pub(super) fn settle(
        &self,
        frontier: &BTreeMap<StreamId, Instant>,
        wanted: Wanted<'_>,
        learner: &mut Learner<'_, '_>,
    ) {
        for (i, shard) in self.shards.iter().enumerate() {
            if is_own(i) || lock(&shard.inbox).waiting.len() >= WAITING {
                let mut settling = lock(&shard.settled);
                let Settling { table, gathering } = &mut *settling;
                // All that the frontier counts as read is in the table or in the inbox.
                shard.take_in(table, learner);
                table.settle(frontier, wanted.longer_than(), &mut |session| collect(wanted, session, gathering));
            }
        }
    }

    /// Takes in all that waits. What logins without a close have kept back of their users goes to `access`, too.
    pub(super) fn owed(&self, needs: &Needs, streams: &Streams, access: &SharedAccess) {
        self.shards.par_iter().for_each(|shard| {
            let mut learned = LearnedAccess::new(Some(access));
            let mut learner = Learner::new(needs, streams, &mut learned);
            let mut settling = lock(&shard.settled);
            shard.take_in(&mut settling.table, &mut learner);
            settling.table.owed(&mut |accessed| learner.keep(accessed));
            drop(settling);
            learned.finish(streams);
        });
    }

    /// Settles everything. `ends` is where each stream's coverage ends.
    pub(super) fn finish(self, wanted: Wanted<'_>, ends: &BTreeMap<StreamId, Instant>) -> Vec<Finished> {
        let finish = |shard: Shard| {
            let settling = shard.settled.into_inner().unwrap_or_else(PoisonError::into_inner);
            let Settling { mut table, mut gathering } = settling;
            let late = std::mem::take(&mut table.late);
            gathering.collected.sessions.reserve(table.len());
            table.finish(&mut |session| collect_last(wanted, ends, session, &mut gathering));
            let Gathering { mut collected, runs, visits, traced, others, far, .. } = gathering;
            collected.sessions.extend(far.into_values().filter(|session| is_past(ends, session.stream, session.end)));
            Finished { collected, runs, visits, traced, others, late }
        };
        self.shards.into_par_iter().map(finish).collect()
    }
}

/// Whether a shard is this worker's.
fn is_own(shard: usize) -> bool {
    shard % rayon::current_num_threads().max(1) == rayon::current_thread_index().unwrap_or(0)
}

impl Pairing for Shards {
    fn shards(&self) -> usize {
        self.shards.len()
    }

    fn take(&self, batches: &mut [Batch], block: &[u8], learner: &mut Learner<'_, '_>) {
        for (i, (shard, batch)) in self.shards.iter().zip(batches).enumerate() {
            if batch.is_empty() || (!is_own(i) && shard.leave(batch, block)) {
                continue;
            }
            let mut settling = lock(&shard.settled);
            shard.take_in(&mut settling.table, learner);
            settling.table.add_all(batch, block, &mut |accessed| learner.keep(accessed));
            batch.clear();
        }
    }
}

/// What is kept of a session that is settled: itself if it may be a row, and that no login line was there (R12).
fn collect(wanted: Wanted<'_>, session: &Settled<'_>, gathering: &mut Gathering) {
    if let AskedSessions::Connected(ConnectedQuery { at: At::EndOfCoverage, .. }) = wanted.asked {
        gathering.keep_far(session);
    }
    let Gathering { collected, runs, visits, traced, others, stores, behind, .. } = gathering;
    if let (false, Some(connect)) = (session.has_login, session.connect) {
        collected.no_login(session.stream, connect.at);
    }
    match wanted.asked {
        AskedSessions::Connected(query) if collects(query, session) => {
            collected.sessions.push(session.to_session(*behind))
        }
        AskedSessions::Listed(_) | AskedSessions::ByUser(_) if session.end.is_none() => {
            collected.sessions.push(session.to_session(*behind));
        }
        AskedSessions::ByUser(query) => {
            let store = stores.of(session.stream, wanted.streams);
            if let Some(runs) = visits.get_mut(part_of(session.user())) {
                runs.push(|record| collected.inferred |= query.visited(session, *behind, store, record));
            }
        }
        AskedSessions::Listed(query) => {
            let end = session.end.map_or(Instant::MAX, |end| end.at).max(session.login.at);
            let span = (session.login.at, end);
            let is_traced = wanted.owners.is_some_and(|owners| owners.has_within(session.owner(), span));
            if query.only_traced && !is_traced {
                // Who may have lines besides those who have is by chance: what is told of guesses must not depend on it.
                collected.inferred |= session.is_inferred() && query.asks_for_closed(session);
                return;
            }
            let store = stores.of(session.stream, wanted.streams);
            runs.push(|record| collected.inferred |= query.closed(session, *behind, store, record));
            if is_traced && !query.only_traced {
                traced.push(|record| _ = query.closed(session, *behind, store, record));
                others.push(|record| query.other_closed(session, *behind, store, record));
            }
        }
        _ => {}
    }
}

/// The same at the end, when the ends of coverage are known.
fn collect_last(
    wanted: Wanted<'_>,
    ends: &BTreeMap<StreamId, Instant>,
    session: &Settled<'_>,
    gathering: &mut Gathering,
) {
    match session.connect {
        Some(connect) if is_past(ends, session.stream, session.end) && !wanted.asked.lists() => {
            if !session.has_login {
                gathering.collected.no_login(session.stream, connect.at);
            }
            gathering.collected.sessions.push(session.to_session(gathering.behind));
        }
        _ => collect(wanted, session, gathering),
    }
}
