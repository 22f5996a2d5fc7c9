//! Refused logins on their way into order, for each worker apart.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{HELD, lock};
use crate::answer::{Asked, FailuresQuery};
use crate::fold::{Refused, Server};
use crate::runs::Runs;
use crate::streams::{Stores, Streams};

/// What each worker keeps.
#[derive(Debug)]
pub(super) struct Refusals<'a> {
    query: &'a FailuresQuery,
    streams: &'a Streams,
    workers: Vec<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    runs: Runs,
    stores: Stores,
    inferred: bool,
}

impl<'a> Refusals<'a> {
    /// For all workers, if refusals are asked for; `tmpdir` is where too many of them go.
    pub(super) fn new(asked: Asked<'a>, streams: &'a Streams, tmpdir: &Path) -> Option<Refusals<'a>> {
        let query = asked.failures?;
        let workers = rayon::current_num_threads().max(1);
        let kept = || Kept { runs: Runs::new(tmpdir, HELD / workers), stores: Stores::default(), inferred: false };
        Some(Refusals { query, streams, workers: (0..workers).map(|_| Mutex::new(kept())).collect() })
    }

    /// All that was kept, and whether any of it rests on a template that is a guess.
    pub(super) fn finish(self) -> (Vec<Runs>, bool) {
        let kept = self.workers.into_iter().map(|kept| kept.into_inner().unwrap_or_else(PoisonError::into_inner));
        let (runs, inferred): (Vec<Runs>, Vec<bool>) = kept.map(|kept| (kept.runs, kept.inferred)).unzip();
        (runs, inferred.contains(&true))
    }
}

impl crate::fold::Refusals for Refusals<'_> {
    fn take(&self, refused: &Refused<'_>) {
        let worker = rayon::current_thread_index().unwrap_or(0) % self.workers.len().max(1);
        let Some(kept) = self.workers.get(worker) else { return };
        let Kept { runs, stores, inferred } = &mut *lock(kept);
        let store = match refused.server {
            Server::Stream(stream) => stores.of(stream, self.streams),
            Server::Proxy(host, _) => host,
        };
        runs.push(|record| *inferred |= self.query.refused(refused, store, record));
    }
}
