//! Lines of the message trace on their way into order, for each worker apart.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{HELD, lock};
use crate::answer::TracesQuery;
use crate::fold::Traced;
use crate::model::Instant;
use crate::runs::Runs;
use crate::streams::StreamId;

/// Whose lines of the message trace are asked for, and when they were written: some bits by the hash of that. None is missing, but there
/// may be more.
///
/// A session is settled behind the frontier, and so when lines that fit it are there: of one that none fits, nothing need be kept. A
/// line that comes later than that is noticed, and all is read again with all of them known beforehand.
#[derive(Debug)]
pub struct Owners(Vec<AtomicU64>);

/// Whose a line or a session is: stream, process and user.
type Owner<'a> = (StreamId, u32, &'a [u8]);

impl Owners {
    /// Of 64 bits each: all of them stay in the second cache.
    const WORDS: usize = 1 << 16;
    /// Times are told apart by so many seconds.
    const SPAN: Instant = 1024;
    /// A session over more spans than that may have a line in any of them.
    const SPANS: Instant = 16;

    pub(super) fn new() -> Owners {
        Owners((0..Owners::WORDS).map(|_| AtomicU64::new(0)).collect())
    }

    /// Where the bit is of an owner, in one span or in any.
    fn place((stream, pid, user): Owner<'_>, span: Option<Instant>) -> (usize, u64) {
        let StreamId(stream) = stream;
        let hash = BuildHasherDefault::<rustc_hash::FxHasher>::default().hash_one((stream, pid, span, user));
        ((hash >> 6) as usize % Owners::WORDS, 1 << (hash % 64))
    }

    fn add(&self, owner: Owner<'_>, at: Instant) {
        for span in [None, Some(at.div_euclid(Owners::SPAN))] {
            let (word, bit) = Owners::place(owner, span);
            if let Some(word) = self.0.get(word) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    fn is_set(&self, owner: Owner<'_>, span: Option<Instant>) -> bool {
        let (word, bit) = Owners::place(owner, span);
        self.0.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0)
    }

    /// Whether lines of this owner may be there.
    pub fn has(&self, owner: Owner<'_>) -> bool {
        self.is_set(owner, None)
    }

    /// Whether lines of this owner from one moment to another may be there.
    pub(super) fn has_within(&self, owner: Owner<'_>, (from, to): (Instant, Instant)) -> bool {
        let (first, last) = (from.div_euclid(Owners::SPAN), to.div_euclid(Owners::SPAN));
        let is_long = last - first >= Owners::SPANS;
        self.has(owner) && (is_long || (first..=last).any(|span| self.is_set(owner, Some(span))))
    }
}

/// What each worker keeps.
#[derive(Debug)]
pub(super) struct Traces<'a> {
    query: &'a TracesQuery,
    owners: &'a Owners,
    workers: Vec<Mutex<Kept>>,
    /// A line came when sessions that it fits may have been settled.
    late: AtomicBool,
}

#[derive(Debug)]
struct Kept {
    runs: Runs,
    /// The streams that have such lines, of whomever, and the earliest of the piece at hand that is asked for.
    earliest: BTreeMap<StreamId, Instant>,
}

impl<'a> Traces<'a> {
    /// For all workers; `tmpdir` is where too many lines go.
    pub(super) fn new(query: &'a TracesQuery, owners: &'a Owners, tmpdir: &Path) -> Traces<'a> {
        let workers = rayon::current_num_threads().max(1);
        let kept = || Kept { runs: Runs::new(tmpdir, HELD / 2 / workers), earliest: BTreeMap::new() };
        let workers = (0..workers).map(|_| Mutex::new(kept())).collect();
        Traces { query, owners, workers, late: AtomicBool::new(false) }
    }

    /// Who has lines, as far as they are read.
    pub(super) fn owners(&self) -> &'a Owners {
        self.owners
    }

    fn own(&self) -> Option<&Mutex<Kept>> {
        self.workers.get(rayon::current_thread_index().unwrap_or(0) % self.workers.len().max(1))
    }

    /// This worker's piece is over: notices lines before the frontier as it was until now.
    ///
    /// Whoever moves the frontier must wait meanwhile. Then either it moved before, which is seen here, or all owners of this piece are
    /// known to whoever settles by it.
    pub(super) fn piece(&self, frontier: &BTreeMap<StreamId, Instant>) {
        let Some(kept) = self.own() else { return };
        for (stream, earliest) in &mut lock(kept).earliest {
            if frontier.get(stream).is_some_and(|frontier| *earliest < *frontier) {
                self.late.store(true, Ordering::Relaxed);
            }
            *earliest = Instant::MAX;
        }
    }

    /// Whether a line came when sessions that it fits may have been settled.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// All that was kept, and the streams that have such lines, of whomever.
    pub(super) fn finish(self) -> (Vec<Runs>, BTreeSet<StreamId>) {
        let kept = self.workers.into_iter().map(|kept| kept.into_inner().unwrap_or_else(PoisonError::into_inner));
        let (runs, streams): (Vec<Runs>, Vec<BTreeMap<_, _>>) = kept.map(|kept| (kept.runs, kept.earliest)).unzip();
        (runs, streams.into_iter().flat_map(BTreeMap::into_keys).collect())
    }
}

impl crate::fold::Traces for Traces<'_> {
    fn take(&self, traced: &Traced<'_>) {
        let Some(kept) = self.own() else { return };
        let Kept { runs, earliest } = &mut *lock(kept);
        let mut asked = false;
        runs.push(|record| asked = self.query.traced(traced, record));
        let Some(stream) = traced.stream else { return };
        let earliest = earliest.entry(stream).or_insert(Instant::MAX);
        if asked {
            *earliest = traced.stamp.at.min(*earliest);
            self.owners.add((stream, traced.pid, traced.user), traced.stamp.at);
        }
    }
}
