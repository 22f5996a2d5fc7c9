//! The shared tables of login and close lines, sorted by peer.
//!
//! Each table has its worker, in whose cache it stays: what others have for it waits in its inbox until that worker comes by.
//! Only if too much waits, because that worker is busy with something else, another does the work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::{HELD, lock};
use crate::answer::{Asked, collects};
use crate::fold::Pairing;
use crate::model::Instant;
use crate::pair::{Accessed, Batch, Behind, Key, PairTable, Settled};
use crate::runs::Runs;
use crate::streams::{Stores, StreamId, Streams};
use crate::trail::Collected;

/// So many shards there are for each worker at least: enough to give all of them about the same to do, and few enough for batches
/// that are worth looking up at once.
const SHARDS: usize = 2;
/// So many batches may wait for a shard's worker.
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
    /// Closed sessions that `sessions` asks for.
    runs: Runs,
    stores: Stores,
    behind: Behind,
}

/// Batches that wait, and empty ones to be used again.
#[derive(Debug, Default)]
struct Inbox {
    waiting: Vec<Batch>,
    spare: Vec<Batch>,
}

impl Shard {
    /// Takes in what waits.
    fn take_in(&self, table: &mut PairTable, accessed: &mut dyn FnMut(&Accessed<'_>)) {
        let mut waiting = std::mem::take(&mut lock(&self.inbox).waiting);
        for batch in &mut waiting {
            table.add_all(batch, &[], &mut |a| accessed(a));
            batch.clear();
        }
        if !waiting.is_empty() {
            lock(&self.inbox).spare.append(&mut waiting);
        }
    }

    /// Leaves a batch in the inbox, and an empty one in its place; `false` if too much waits there already.
    fn leave(&self, batch: &mut Batch) -> bool {
        let mut inbox = lock(&self.inbox);
        if inbox.waiting.len() >= WAITING {
            return false;
        }
        let empty = inbox.spare.pop().unwrap_or_default();
        inbox.waiting.push(std::mem::replace(batch, empty));
        true
    }
}

/// Every shard.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Shard>,
}

/// What one shard gave in the end: what its sessions gave to the query, and keys of which a line came too late.
pub(super) type Finished = (Collected, Runs, BTreeSet<Key>);

impl Shards {
    /// Empty shards that never settle these keys early; `behind` is what comes with lines, `tmpdir` is where too many sessions go.
    pub(super) fn holding(hold: &BTreeSet<Key>, behind: Behind, tmpdir: &Path) -> Shards {
        let shards = (SHARDS * rayon::current_num_threads()).next_power_of_two();
        let gathering = || Gathering { runs: Runs::new(tmpdir, HELD / shards), behind, ..Gathering::default() };
        let settling = || Settling { table: PairTable::holding(hold.clone()).carrying(behind), gathering: gathering() };
        let shard = |_| Shard { settled: Mutex::new(settling()), ..Shard::default() };
        Shards { shards: (0..shards).map(shard).collect() }
    }

    /// Settles what lies behind the frontier, in this worker's shards and in those that nobody came by for long.
    pub(super) fn settle(
        &self,
        frontier: &BTreeMap<StreamId, Instant>,
        (asked, streams): (Asked<'_>, &Streams),
        accessed: &mut dyn FnMut(&Accessed<'_>),
    ) {
        for (i, shard) in self.shards.iter().enumerate() {
            if is_own(i) || lock(&shard.inbox).waiting.len() >= WAITING {
                let mut settling = lock(&shard.settled);
                let Settling { table, gathering } = &mut *settling;
                // All that the frontier counts as read is in the table or in the inbox.
                shard.take_in(table, accessed);
                table.settle(frontier, &mut |session| collect(asked, session, gathering, streams));
            }
        }
    }

    /// Takes in all that waits. What logins without a close have kept back of their users goes to `accessed`, too.
    pub(super) fn owed(&self, accessed: &mut dyn FnMut(&Accessed<'_>)) {
        for shard in &self.shards {
            let mut settling = lock(&shard.settled);
            shard.take_in(&mut settling.table, accessed);
            settling.table.owed(&mut |a| accessed(a));
        }
    }

    /// Settles everything. `ends` is where each stream's coverage ends.
    pub(super) fn finish(
        self,
        (asked, streams): (Asked<'_>, &Streams),
        ends: &BTreeMap<StreamId, Instant>,
    ) -> Vec<Finished> {
        let finish = |shard: Shard| {
            let settling = shard.settled.into_inner().unwrap_or_else(PoisonError::into_inner);
            let Settling { mut table, mut gathering } = settling;
            let late = std::mem::take(&mut table.late);
            table.finish(&mut |session| collect_last(asked, ends, session, &mut gathering, streams));
            (gathering.collected, gathering.runs, late)
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

    fn may_wait(&self, shard: usize) -> bool {
        !is_own(shard)
    }

    fn take(&self, batches: &mut [Batch], block: &[u8], accessed: &mut dyn FnMut(&Accessed<'_>)) {
        for (i, (shard, batch)) in self.shards.iter().zip(batches).enumerate() {
            if batch.is_empty() || (!is_own(i) && shard.leave(batch)) {
                continue;
            }
            let mut settling = lock(&shard.settled);
            shard.take_in(&mut settling.table, accessed);
            settling.table.add_all(batch, block, &mut |a| accessed(a));
            batch.clear();
        }
    }
}

/// What is kept of a session that is settled: itself if it may be a row, and that no login line was there (R12).
fn collect(asked: Asked<'_>, session: &Settled<'_>, gathering: &mut Gathering, streams: &Streams) {
    let Gathering { collected, runs, stores, behind } = gathering;
    if let (false, Some(connect)) = (session.has_login, session.connect) {
        collected.no_login(session.stream, connect.at);
    }
    match asked {
        Asked::Connected(query) if collects(query, session) => collected.sessions.push(session.to_session(*behind)),
        Asked::Sessions(_) if session.end.is_none() => collected.sessions.push(session.to_session(*behind)),
        Asked::Sessions(query) => {
            let store = stores.of(session.stream, streams);
            runs.push(|record| collected.inferred |= query.closed(session, *behind, store, record));
        }
        _ => {}
    }
}

/// The same at the end, when the ends of coverage are known.
fn collect_last(
    asked: Asked<'_>,
    ends: &BTreeMap<StreamId, Instant>,
    session: &Settled<'_>,
    gathering: &mut Gathering,
    streams: &Streams,
) {
    let past_the_end = session.end.is_some_and(|end| ends.get(&session.stream).is_some_and(|last| end.at > *last));
    match session.connect {
        Some(connect) if past_the_end && !matches!(asked, Asked::Sessions(_)) => {
            if !session.has_login {
                gathering.collected.no_login(session.stream, connect.at);
            }
            gathering.collected.sessions.push(session.to_session(gathering.behind));
        }
        _ => collect(asked, session, gathering, streams),
    }
}
