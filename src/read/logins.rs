//! Logins that findings may need, for each worker apart.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::{HELD, lock};
use crate::answer::{Asked, Events, LoginsQuery};
use crate::fold::LoggedIn;
use crate::streams::{Stores, Streams};

/// What each worker keeps.
#[derive(Debug)]
pub(super) struct Logins<'a> {
    query: &'a LoginsQuery,
    streams: &'a Streams,
    workers: Vec<Mutex<(Events, Stores)>>,
}

impl<'a> Logins<'a> {
    /// For all workers, if logins are asked for; `tmpdir` is where too many of them go.
    pub(super) fn new(asked: Asked<'a>, streams: &'a Streams, tmpdir: &Path) -> Option<Logins<'a>> {
        let query = asked.logins?;
        let workers = rayon::current_num_threads().max(1);
        let kept = |_| Mutex::new((Events::new(tmpdir, HELD / workers / 2), Stores::default()));
        Some(Logins { query, streams, workers: (0..workers).map(kept).collect() })
    }

    /// All that was kept.
    pub(super) fn finish(self) -> Vec<Events> {
        self.workers.into_iter().map(|kept| kept.into_inner().unwrap_or_else(PoisonError::into_inner).0).collect()
    }
}

impl crate::fold::Logins for Logins<'_> {
    fn take(&self, login: &LoggedIn<'_>) {
        if !self.query.needs(login) {
            return;
        }
        let worker = rayon::current_thread_index().unwrap_or(0) % self.workers.len().max(1);
        let Some(kept) = self.workers.get(worker) else { return };
        let (events, stores) = &mut *lock(kept);
        self.query.keep(login, stores.of(login.stream, self.streams), events);
    }
}
