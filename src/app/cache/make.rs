//! Entries: those that are there, and those that are made of logs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufWriter;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::{Cached, no_room, rebuilt, unusable};
use crate::app::Stop;
use crate::app::bar;
use crate::app::trail::{Form, Making};
use crate::cache::{Folder, Key, Keyed, is_still, origin};
use crate::cli::Progress;
use crate::discover::Discovered;
use crate::kept::{Bounds, Origin, TrailFile};
use crate::plan::{PlanOptions, plan};
use crate::read::Meter;

/// A log of so many bytes on disk is read by all threads together; of smaller ones, each thread takes one.
const LARGE: u64 = 64 << 20;

/// What became of an entry.
enum Made {
    Kept(Arc<TrailFile>),
    /// The log was written to meanwhile, or is gone.
    Changed,
    /// There are no texts in it to be kept: what is to be said of it, only looking at it tells.
    Nothing,
    /// It would be too much.
    NoRoom,
    /// The folder cannot be written.
    Failed(String),
}

/// What entries are made with.
struct Maker<'a> {
    making: Making<'a>,
    folder: &'a Folder,
    origins: &'a BTreeMap<Key, Origin>,
    /// How many bytes there is room for.
    room: AtomicU64,
    /// There is no use in going on.
    over: AtomicBool,
}

impl Cached<'_> {
    /// Opens the entries of some logs, and makes those that are not there.
    pub(super) fn want(&mut self, keys: &BTreeSet<Key>) {
        let new: Vec<Key> = keys.iter().filter(|key| !self.tried.contains(key)).copied().collect();
        self.tried.extend(&new);
        let opened = |key: &Key| (*key, self.folder.opened(key, &self.bounds));
        let opened: Vec<_> = self.pool.install(|| new.par_iter().map(opened).collect());
        let mut missing: Vec<Keyed> = Vec::new();
        for (key, opened) in opened {
            match opened {
                Ok(Some(file)) if self.is_as_it_was(&file.index.of) => {
                    self.used.insert(file.path.clone());
                    self.entries.insert(key, file);
                    continue;
                }
                Ok(Some(file)) => file.index.of.iter().for_each(|of| self.is_still_so(of)),
                Ok(None) => {}
                Err(why) => {
                    let (place, log) = (self.folder.entry(&key), self.logs.get(&key).map(|log| &*log.found.path));
                    self.notes.push(rebuilt(&place, &why, log));
                    self.folder.forget(&place);
                }
            }
            missing.extend(self.logs.get(&key).cloned());
        }
        if !missing.is_empty() {
            self.make(missing);
        }
    }

    /// Makes the entries of some logs.
    fn make(&mut self, mut missing: Vec<Keyed>) {
        self.used.extend(self.logs.keys().map(|key| self.folder.entry(key)));
        let wanted = missing.iter().map(Keyed::estimate).sum();
        let room = self.folder.make_room(wanted, &self.used);
        let maker = Maker {
            making: self.making,
            folder: self.folder,
            origins: &self.origins,
            room: room.left.into(),
            over: false.into(),
        };
        missing.sort_by(|a, b| b.found.size.cmp(&a.found.size).then_with(|| a.key.cmp(&b.key)));
        let threads = self.pool.current_num_threads();
        let large = missing.partition_point(|log| log.found.size >= LARGE || missing.len() < threads);
        let (large, small) = missing.split_at(large);
        let one = |log: &Keyed| self.pool.install(|| maker.entry(log, self.making.progress));
        let mut made: Vec<(Key, Made)> = large.iter().map(|log| (log.key, one(log))).collect();
        made.extend(maker.side_by_side(small, threads));
        let mut unkept = 0;
        let mut failed = None;
        for (key, made) in made {
            match made {
                Made::Kept(file) => drop(self.entries.insert(key, file)),
                Made::Changed => {}
                Made::Nothing => self.others.extend(self.logs.remove(&key).map(|log| log.found)),
                Made::NoRoom => unkept += 1,
                Made::Failed(why) => failed = Some(why),
            }
        }
        self.notes.extend(failed.map(|why| unusable(&self.folder.path, &why)));
        if unkept > 0 {
            self.notes.push(no_room(self.folder, unkept));
        }
    }
}

impl Maker<'_> {
    /// Makes entries, each thread one at a time: a worker of a pool that makes one can wait for others, which then must not be in the same pool.
    fn side_by_side(&self, logs: &[Keyed], threads: usize) -> Vec<(Key, Made)> {
        let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let meter = Meter::default();
        let work = || {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
            while let Some(log) = logs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let one = match &pool {
                    Ok(pool) => pool.install(|| self.entry(log, Progress::Never)),
                    Err(error) => Made::Failed(error.to_string()),
                };
                made.lock().unwrap_or_else(PoisonError::into_inner).push((log.key, one));
                meter.bytes.fetch_add(log.found.size, Ordering::Relaxed);
            }
        };
        if let Ok(mut file) = meter.file.lock() {
            "into the cache".clone_into(&mut file);
        }
        let total = logs.iter().map(|log| log.found.size).sum();
        bar::show(self.making.progress, total, &meter, || {
            std::thread::scope(|scope| (0..threads.min(logs.len())).for_each(|_| drop(scope.spawn(work))));
        });
        made.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, log: &Keyed, progress: Progress) -> Made {
        if self.over.load(Ordering::Relaxed) {
            return Made::NoRoom;
        }
        match self.made(log, progress) {
            Ok(made) => made,
            Err(Stop::Usage(why)) => {
                self.over.store(true, Ordering::Relaxed);
                Made::Failed(why)
            }
            Err(_) => Made::Changed,
        }
    }

    fn made(&self, log: &Keyed, progress: Progress) -> Result<Made, Stop> {
        let known = self.origins.get(&log.key).copied();
        let Some(of) = known.or_else(|| origin(log).ok()) else { return Ok(Made::Changed) };
        let making = Making { progress, ..self.making };
        let found = Discovered { files: vec![log.found.clone()], notes: Vec::new(), openable: true };
        let mut options = making.plan_options();
        let mut whole = plan(&found, &options)?;
        if whole.leaves.is_empty() {
            return Ok(Made::Nothing);
        }
        // Which text is the copy of which (R13), all texts of a run decide. Until then those of this log count, each of them.
        let plain = whole.leaves.iter().any(|leaf| leaf.copy_of.is_some());
        if plain {
            options = PlanOptions { apart: true, ..options };
            whole = plan(&found, &options)?;
        }
        let place = self.folder.entry(&log.key);
        let file = self.folder.begin(&place)?;
        let form = Form { plain, of: vec![of], ..Form::default() };
        let (file, _) = making.make(&whole, form, || Ok(BufWriter::new(file)))?;
        let file = file.into_inner().map_err(|e| e.into_error())?;
        let size = file.as_file().metadata()?.len();
        if !is_still(log, making.cli.common.all) {
            return Ok(Made::Changed);
        }
        let take = |room: u64| room.checked_sub(size);
        if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            self.over.store(true, Ordering::Relaxed);
            return Ok(Made::NoRoom);
        }
        self.folder.keep(file, &place)?;
        // What was just written is read back, so that disks that lose bytes are noticed at once.
        Ok(self.folder.opened(&log.key, &Bounds::default()).ok().flatten().map_or(Made::Changed, Made::Kept))
    }
}
