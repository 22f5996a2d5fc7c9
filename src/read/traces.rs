//! Lines of the message trace on their way into order, for each worker apart.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{HELD, lock};
use crate::answer::TracesQuery;
use crate::fold::Traced;
use crate::runs::Runs;
use crate::streams::StreamId;

/// What each worker keeps.
#[derive(Debug)]
pub(super) struct Traces<'a> {
    query: &'a TracesQuery,
    workers: Vec<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    runs: Runs,
    streams: BTreeSet<StreamId>,
}

impl<'a> Traces<'a> {
    /// For all workers; `tmpdir` is where too many lines go.
    pub(super) fn new(query: &'a TracesQuery, tmpdir: &Path) -> Traces<'a> {
        let workers = rayon::current_num_threads().max(1);
        let kept = || Kept { runs: Runs::new(tmpdir, HELD / 2 / workers), streams: BTreeSet::new() };
        Traces { query, workers: (0..workers).map(|_| Mutex::new(kept())).collect() }
    }

    /// All that was kept, and the streams that have such lines, of whomever.
    pub(super) fn finish(self) -> (Vec<Runs>, BTreeSet<StreamId>) {
        let kept = self.workers.into_iter().map(|kept| kept.into_inner().unwrap_or_else(PoisonError::into_inner));
        let (runs, streams): (Vec<Runs>, Vec<BTreeSet<StreamId>>) = kept.map(|kept| (kept.runs, kept.streams)).unzip();
        (runs, streams.into_iter().flatten().collect())
    }
}

impl crate::fold::Traces for Traces<'_> {
    fn take(&self, traced: &Traced<'_>) {
        let worker = rayon::current_thread_index().unwrap_or(0) % self.workers.len().max(1);
        let Some(kept) = self.workers.get(worker) else { return };
        let Kept { runs, streams } = &mut *lock(kept);
        streams.extend(traced.stream);
        runs.push(|record| self.query.traced(traced, record));
    }
}
