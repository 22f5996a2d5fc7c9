//! `--cache`: what there is of logs in the place of the logs, and what is not there yet is made.

mod make;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::ThreadPool;
use rayon::prelude::*;

use super::Stop;
use super::ask::Ask;
use super::trail::{Form, Making, how};
use crate::cache::{Choice, Folder, Key, Keyed, Set, is_still, keyed, origin};
use crate::cli::Cli;
use crate::discover::{Discovered, Found};
use crate::kept::{Bounds, Origin, Refused, TrailFile};
use crate::note::{Note, NoteKind, cause};
use crate::plan::{Kept, Plan, PlanOptions, plan};

/// What a run has of a cache.
struct Cached<'a> {
    cli: &'a Cli,
    pool: &'a ThreadPool,
    making: Making<'a>,
    folder: &'a Folder,
    /// The logs that the cache is for, by their keys.
    logs: BTreeMap<Key, Keyed>,
    /// Everything else.
    others: Vec<Found>,
    /// Entries that are open.
    entries: BTreeMap<Key, Arc<TrailFile>>,
    /// Logs whose entries were looked for: what is not open by then cannot be had.
    tried: BTreeSet<Key>,
    /// Hashes of whole logs, if those are to be looked at.
    origins: BTreeMap<Key, Origin>,
    /// Sets that are not believed.
    refused: BTreeSet<Key>,
    /// What is in use.
    used: HashSet<PathBuf>,
    /// The window of a question that passes over what lies outside.
    bounds: Bounds,
    notes: Vec<Note>,
}

/// A folder of a cache that a run uses.
#[derive(Debug)]
pub(super) struct InUse {
    folder: Folder,
    used: HashSet<PathBuf>,
}

impl InUse {
    /// The run is over: the cache is made as small as it is to be. What is to be said if that takes what the run has used.
    pub(super) fn end(self) -> Vec<Note> {
        let lost = self.folder.make_room(0, &self.used).lost;
        (lost > 0).then(|| no_room(&self.folder, lost)).into_iter().collect()
    }
}

/// Plans a question with what is in the cache, if there is one; the cache is in use until the question is answered.
///
/// # Errors
/// Those of planning.
pub(super) fn planned(
    cli: &Cli,
    ask: &Ask,
    mut found: Discovered,
    options: PlanOptions,
    pool: &ThreadPool,
) -> Result<(Plan, Option<InUse>), Stop> {
    // Both tell of the logs themselves.
    let cache = cli.common.cache.as_ref().filter(|_| !cli.common.plan && cli.common.manifest.is_none());
    let Some(path) = cache else { return Ok((pool.install(|| plan(&found, &options))?, None)) };
    let folder = match Folder::open(path, cli.common.cache_size) {
        Ok(folder) => folder,
        Err(error) => {
            found.notes.push(unusable(path, &cause(&error)));
            return Ok((pool.install(|| plan(&found, &options))?, None));
        }
    };
    let files = outside(std::mem::take(&mut found.files), &folder);
    let making = Making { cli, ask, how: how(cli)?, progress: cli.common.progress };
    let mut cached = Cached {
        cli,
        pool,
        making,
        folder: &folder,
        logs: BTreeMap::new(),
        others: Vec::new(),
        entries: BTreeMap::new(),
        tried: BTreeSet::new(),
        origins: BTreeMap::new(),
        refused: BTreeSet::new(),
        used: HashSet::new(),
        bounds: options.bounds,
        notes: found.notes,
    };
    cached.look(files, options.summaries.is_some() || options.bounds != Bounds::default());
    let mut plan = if options.summaries.is_some() { cached.summed_up(&options)? } else { cached.read(&options)? };
    let Cached { used, notes, .. } = cached;
    plan.notes.extend(notes);
    plan.notes.sort();
    Ok((plan, Some(InUse { folder, used })))
}

/// That some of what a run needs does not fit.
fn no_room(folder: &Folder, files: usize) -> Note {
    let text = format!(
        "{files} files of this run have no room in the cache, and will be made again: give it more with --cache-size"
    );
    Note::new(folder.path.to_string_lossy(), NoteKind::Info, text)
}

/// That a run goes without a cache.
fn unusable(path: &Path, why: &str) -> Note {
    let text = format!("cannot be used as a cache ({why}), so this run goes without; name another folder with --cache");
    Note::new(path.to_string_lossy(), NoteKind::Info, text)
}

/// Files that are not those of the cache.
fn outside(mut files: Vec<Found>, folder: &Folder) -> Vec<Found> {
    let Ok(path) = folder.path.canonicalize() else { return files };
    let mut last: Option<(PathBuf, bool)> = None;
    files.retain(|file| {
        let parent = file.path.parent().unwrap_or(Path::new(""));
        if let Some((_, is_inside)) = last.as_ref().filter(|(path, _)| path == parent) {
            return !is_inside;
        }
        let place = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let place = place.canonicalize().ok().filter(|_| !file.stdin);
        let below = place.as_ref().and_then(|place| place.strip_prefix(&path).ok());
        let is_inside = below.is_some_and(|below| below.to_str().is_some_and(Folder::is_own) || below == Path::new(""));
        last = Some((parent.to_owned(), is_inside));
        !is_inside
    });
    files
}

impl Cached<'_> {
    /// Tells the logs that the cache is for from what else was found. Where all lines are asked for, these are only such as are slow to unpack.
    fn look(&mut self, files: Vec<Found>, not_all_lines: bool) {
        let all = self.cli.common.all;
        let logs: Vec<Option<Keyed>> = self.pool.install(|| files.par_iter().map(|found| keyed(found, all)).collect());
        for (found, log) in files.into_iter().zip(logs) {
            match log.filter(|log| not_all_lines || log.is_slow()) {
                Some(log) => drop(self.logs.insert(log.key, log)),
                None => self.others.push(found),
            }
        }
        if self.cli.common.cache_verify {
            let origin = |log: &Keyed| origin(log).ok().map(|origin| (log.key, origin));
            self.origins = self.pool.install(|| self.logs.par_iter().filter_map(|(_, log)| origin(log)).collect());
        }
    }

    /// A plan of all texts.
    fn read(&mut self, options: &PlanOptions) -> Result<Plan, Stop> {
        let keys: BTreeSet<Key> = self.logs.keys().copied().collect();
        self.want(&keys);
        self.plan(&keys, None, &self.others.clone(), options)
    }

    /// A plan in which summaries stand for texts: that of a set, and those of entries beside it.
    fn summed_up(&mut self, options: &PlanOptions) -> Result<Plan, Stop> {
        let keys = |logs: &BTreeMap<Key, Keyed>| logs.keys().copied().collect::<BTreeSet<Key>>();
        let mut base = self.base(&keys(&self.logs))?;
        let mut is_of_all = false;
        loop {
            let keys = keys(&self.logs);
            let rest = self.beside(&keys, base.as_deref());
            self.want(&rest);
            // What can be read but once is no copy of anything, and must not be read before it is known how.
            let files: Vec<Found> = self.others.iter().filter(|file| !file.stdin && file.size > 0).cloned().collect();
            let tried = self.plan(&rest, base.clone(), &files, options)?;
            if !tried.doubtful {
                let all = self.others.clone();
                return if files.len() == all.len() { Ok(tried) } else { self.plan(&rest, base, &all, options) };
            }
            // Something may be a copy (R13) of what is in the set: all of them together know, or else their lines do.
            is_of_all |= rest.is_empty();
            base = if is_of_all { None } else { self.make_set(Set::new(&self.making.how, keys), None)? };
            is_of_all = true;
        }
    }

    /// The logs that a set does not stand for.
    fn beside(&self, keys: &BTreeSet<Key>, base: Option<&TrailFile>) -> BTreeSet<Key> {
        let covered: HashSet<Key> = base.iter().flat_map(|base| &base.index.of).map(|of| Key(of.key)).collect();
        keys.iter().filter(|key| !covered.contains(key)).copied().collect()
    }

    /// Plans some logs: by a set, by their entries, or themselves; and other files.
    fn plan(
        &self,
        rest: &BTreeSet<Key>,
        base: Option<Arc<TrailFile>>,
        others: &[Found],
        options: &PlanOptions,
    ) -> Result<Plan, Stop> {
        let entries = rest.iter().filter_map(|key| self.entries.get(key).cloned()).collect();
        let logs = rest.iter().filter(|key| !self.entries.contains_key(key)).filter_map(|key| self.logs.get(key));
        let mut files: Vec<Found> = logs.map(|log| log.found.clone()).chain(others.iter().cloned()).collect();
        files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        let found = Discovered { files, notes: Vec::new(), openable: true };
        let options = PlanOptions { kept: Kept { base, entries }, ..options.clone() };
        Ok(self.pool.install(|| plan(&found, &options))?)
    }

    /// The set to begin with, made if that is worth it.
    fn base(&mut self, keys: &BTreeSet<Key>) -> Result<Option<Arc<TrailFile>>, Stop> {
        let mut base = None;
        let choice = loop {
            let choice = Choice::new(self.folder, &self.making.how, keys, &self.refused);
            let Some(set) = &choice.base else { break choice };
            match self.folder.opened_set(set, &self.making.how) {
                Ok(file) if self.is_as_it_was(&file.index.of) => {
                    self.used.insert(file.path.clone());
                    base = Some(file);
                    break choice;
                }
                Ok(file) => file.index.of.iter().for_each(|of| self.is_still_so(of)),
                Err(why) => self.notes.push(rebuilt(&self.folder.set(&set.name), &why, None)),
            }
            self.folder.forget(&self.folder.set(&set.name));
            self.refused.insert(set.name);
        };
        for set in choice.make {
            base = self.make_set(set, base)?;
        }
        Ok(base)
    }

    /// Whether logs are, by all of their bytes, what they were; true if that is not asked.
    fn is_as_it_was(&self, of: &[Origin]) -> bool {
        !self.cli.common.cache_verify || of.iter().all(|of| self.origins.get(&Key(of.key)) == Some(of))
    }

    /// Looks whether a log is what it was; if not, nothing that the cache has of it stands.
    fn is_still_so(&mut self, of: &Origin) {
        let key = Key(of.key);
        if !self.is_as_it_was(&[*of]) {
            let text = "was changed, though not in its size, its time, its beginning or its end: in the cache it is made again";
            let log = self.logs.get(&key);
            self.notes.extend(log.map(|log| Note::new(log.found.path.to_string_lossy(), NoteKind::Info, text)));
            self.folder.forget(&self.folder.entry(&key));
            self.folder.forget_sets_of(&key);
        }
    }

    /// Makes a set out of one that it has all logs of, entries, and logs that have none; as it could be kept.
    fn make_set(&mut self, set: Set, base: Option<Arc<TrailFile>>) -> Result<Option<Arc<TrailFile>>, Stop> {
        let keys: BTreeSet<Key> = set.keys.iter().copied().collect();
        let rest = self.beside(&keys, base.as_deref());
        self.want(&rest);
        // Of logs that there can be no entry of there is no set either.
        let keys: BTreeSet<Key> = keys.into_iter().filter(|key| self.logs.contains_key(key)).collect();
        let rest = self.beside(&keys, base.as_deref());
        let options = self.making.plan_options();
        let mut whole = self.plan(&rest, base.clone(), &[], &options)?;
        let (mut parts, mut rest) = (base.clone(), rest);
        if whole.doubtful {
            (parts, rest) = (None, keys.clone());
            self.want(&rest);
            whole = self.plan(&rest, None, &[], &options)?;
        }
        match self.kept_set(&Set::new(&self.making.how, keys), &whole, parts.as_deref(), &rest) {
            Ok(made) => {
                self.used.extend(made.iter().map(|made| made.path.clone()));
                Ok(made.or(base))
            }
            Err(Stop::Usage(why)) => {
                self.notes.push(unusable(&self.folder.path, &why));
                Ok(base)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Writes a set, unless a log that it is made of was written to meanwhile.
    fn kept_set(
        &self,
        set: &Set,
        whole: &Plan,
        parts: Option<&TrailFile>,
        rest: &BTreeSet<Key>,
    ) -> Result<Option<Arc<TrailFile>>, Stop> {
        let mut of: BTreeMap<Key, Origin> =
            parts.iter().flat_map(|p| &p.index.of).map(|of| (Key(of.key), *of)).collect();
        of.extend(rest.iter().filter_map(|key| Some((*key, *self.entries.get(key)?.index.of.first()?))));
        let logs: Vec<&Keyed> =
            rest.iter().filter(|key| !of.contains_key(key)).filter_map(|key| self.logs.get(key)).collect();
        for log in &logs {
            of.insert(log.key, origin(log)?);
        }
        let form = Form { brief: true, of: of.into_values().collect(), ..Form::default() };
        let file = self.folder.begin(&self.folder.set(&set.name))?;
        let (file, _) = self.pool.install(|| self.making.make(whole, form, || Ok(BufWriter::new(file))))?;
        if logs.iter().any(|log| !is_still(log, self.cli.common.all)) {
            return Ok(None);
        }
        self.folder.keep_set(file.into_inner().map_err(|e| e.into_error())?, set)?;
        Ok(self.folder.opened_set(set, &self.making.how).ok())
    }
}

/// That something in the cache is not believed.
fn rebuilt(path: &Path, why: &Refused, of: Option<&Path>) -> Note {
    // What is to be done about it is done.
    let why = why.to_string();
    let why = why.split([',', ':', ';']).next().unwrap_or_default();
    let note = Note::new(path.to_string_lossy(), NoteKind::Info, format!("{why}: the cache has it made again"));
    match of {
        Some(log) => note.adding(" from ").naming(&log.to_string_lossy(), ""),
        None => note,
    }
}
