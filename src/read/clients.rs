//! Lines of multiplexors that tell a user and the client, for each worker apart.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{HELD, lock};
use crate::answer::ClientsQuery;
use crate::fold::ClientLine;
use crate::runs::Runs;

/// What each worker keeps.
#[derive(Debug)]
pub(super) struct Clients<'a> {
    query: &'a ClientsQuery,
    workers: Vec<Mutex<Runs>>,
}

impl<'a> Clients<'a> {
    /// For all workers; `tmpdir` is where too many lines go.
    pub(super) fn new(query: &'a ClientsQuery, tmpdir: &Path) -> Clients<'a> {
        let workers = rayon::current_num_threads().max(1);
        let runs = |_| Mutex::new(Runs::new(tmpdir, HELD / 2 / workers));
        Clients { query, workers: (0..workers).map(runs).collect() }
    }

    /// All that was kept.
    pub(super) fn finish(self) -> Vec<Runs> {
        self.workers.into_iter().map(|runs| runs.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}

impl crate::fold::Clients for Clients<'_> {
    fn take(&self, line: &ClientLine<'_>) {
        let worker = rayon::current_thread_index().unwrap_or(0) % self.workers.len().max(1);
        let Some(runs) = self.workers.get(worker) else { return };
        lock(runs).push(|record| self.query.told(line, record));
    }
}
