//! The shared tables of login and close lines, sorted by peer so that workers seldom meet at one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::lock;
use crate::answer::{ConnectedQuery, collects};
use crate::fold::{Pairing, SHARDS};
use crate::model::Instant;
use crate::pair::{Accessed, Batch, Key, PairTable, Settled};
use crate::streams::StreamId;
use crate::trail::Collected;

/// One shard of the login and close lines: those whose keys fall here.
#[derive(Debug, Default)]
struct Shard {
    table: PairTable,
    collected: Collected,
}

/// Every shard.
#[derive(Debug)]
pub(super) struct Shards {
    shards: Vec<Mutex<Shard>>,
}

/// What one shard gave in the end: what its sessions gave to the query, and keys of which a line came too late.
pub(super) type Finished = (Collected, BTreeSet<Key>);

impl Shards {
    /// Empty shards that never settle these keys early.
    pub(super) fn holding(hold: &BTreeSet<Key>) -> Shards {
        let shard = || Mutex::new(Shard { table: PairTable::holding(hold.clone()), collected: Collected::default() });
        Shards { shards: (0..SHARDS).map(|_| shard()).collect() }
    }

    /// Settles what lies behind the frontier.
    pub(super) fn settle(&self, frontier: &BTreeMap<StreamId, Instant>, query: Option<&ConnectedQuery>) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let Shard { table, collected } = &mut *shard;
            table.settle(frontier, &mut |session| collect(query, session, collected));
        }
    }

    /// What waiting logins have kept back of their users.
    pub(super) fn owed(&self, accessed: &mut impl FnMut(&Accessed<'_>)) {
        self.shards.iter().for_each(|shard| lock(shard).table.owed(accessed));
    }

    /// Settles everything. `ends` is where each stream's coverage ends.
    pub(super) fn finish(self, query: Option<&ConnectedQuery>, ends: &BTreeMap<StreamId, Instant>) -> Vec<Finished> {
        let finish = |shard: Mutex<Shard>| {
            let Shard { mut table, mut collected } = shard.into_inner().unwrap_or_else(PoisonError::into_inner);
            let late = std::mem::take(&mut table.late);
            table.finish(&mut |session| collect_last(query, ends, session, &mut collected));
            (collected, late)
        };
        self.shards.into_par_iter().map(finish).collect()
    }
}

impl Pairing for Shards {
    fn take(&self, batches: &mut [Batch; SHARDS], block: &[u8], accessed: &mut dyn FnMut(&Accessed<'_>)) {
        // Workers begin at different shards, so that they do not follow each other from lock to lock.
        let begin = rayon::current_thread_index().unwrap_or(0) * SHARDS / rayon::current_num_threads().max(1);
        for i in (begin..SHARDS).chain(0..begin.min(SHARDS)) {
            if let (Some(shard), Some(batch)) = (self.shards.get(i), batches.get_mut(i)) {
                lock(shard).table.add_all(batch, block, &mut |a| accessed(a));
                batch.clear();
            }
        }
    }
}

/// What `-c` keeps of a session that is settled: itself if it may be a row, and that no login line was there (R12).
fn collect(query: Option<&ConnectedQuery>, session: &Settled<'_>, collected: &mut Collected) {
    if let (false, Some(connect)) = (session.has_login, session.connect) {
        collected.no_login(session.stream, connect.at);
    }
    if query.is_some_and(|q| collects(q, session)) {
        collected.sessions.push(session.to_session());
    }
}

/// The same at the end, when the ends of coverage are known.
fn collect_last(
    query: Option<&ConnectedQuery>,
    ends: &BTreeMap<StreamId, Instant>,
    session: &Settled<'_>,
    collected: &mut Collected,
) {
    let past_the_end = session.end.is_some_and(|end| ends.get(&session.stream).is_some_and(|last| end.at > *last));
    if let (true, Some(connect)) = (past_the_end, session.connect) {
        if !session.has_login {
            collected.no_login(session.stream, connect.at);
        }
        collected.sessions.push(session.to_session());
    } else {
        collect(query, session, collected);
    }
}
