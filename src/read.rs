//! Read: the plan's files through all workers into one trail.
//!
//! Workers claim pieces in the order of the plan: ranges of plain files, whole compressed files and archives, of which the texts are
//! handed to idle workers in pieces. Login and close lines go into shared tables, sorted by peer, and are settled behind the frontier:
//! the moment before which no file of the stream has anything more to say. A line that comes later than that is noticed, and
//! all is read again with its peer held back, so that the answer never depends on the order.

mod asked;
mod clients;
mod dating;
mod glance;
mod logins;
mod numbers;
mod progress;
mod queue;
mod range;
mod refusals;
mod shards;
mod sieve;
mod summaries;
mod traces;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::answer::report::PARTS;
use crate::answer::{Asked, ClientsQuery, Events, TracesQuery};
use crate::chunk::Cut;
use crate::fold::{Folder, Needs};
use crate::grammar::Grammars;
use crate::hash;
use crate::kept::{Shown, Text, TrailFile};
use crate::note::{Note, NoteKind};
use crate::open::WalkOptions;
use crate::pair::{Key, Session};
use crate::parse::{Names, Years};
use crate::plan::{Input, Leaf, Plan, Unit};
use crate::pseudonym::Pseudonyms;
use crate::resolve::{coverage_end, hours_to_read_in_full};
use crate::runs::Runs;
use crate::streams::{StreamId, Streams};
use crate::trail::{Count, FileId, LastAccess, SharedAccess, Trail};
use clients::Clients;
pub use dating::Dating;
use logins::Logins;
pub use numbers::Numbers;
use progress::Progress;
use queue::Queue;
pub use range::read_some;
use range::{PlainRange, piece_length};
use refusals::Refusals;
use shards::{Finished, Shards, Wanted};
pub use sieve::Sieve;
use sieve::{Sifted, Stand};
pub use traces::Owners;
use traces::Traces;

/// So much of the records of `sessions` or `failures` is held in memory, in bytes.
const HELD: usize = 64 << 20;
/// After this many readings everything is held until the end.
const READINGS: usize = 4;

/// How far reading has come, for whoever shows it.
#[derive(Debug, Default)]
pub struct Meter {
    /// Bytes of files on disk that are done.
    pub bytes: AtomicU64,
    /// The file at hand.
    pub file: Mutex<String>,
    /// Which reading this is, from 1.
    pub reading: AtomicUsize,
    /// Nobody looks: names need not be kept up to date.
    pub hidden: AtomicBool,
}

impl Outcome {
    /// Settles what waits in the shards, and puts what is known of users in order; keys of which a line came too late.
    fn settle(
        &mut self,
        shards: Shards,
        (access, others): (SharedAccess, Vec<LastAccess>),
        wanted: Wanted<'_>,
    ) -> BTreeSet<Key> {
        let trail = &mut self.trail;
        let ends = coverage_end(trail);
        let merge = |a: LastAccess, b: LastAccess| a.merge(b, wanted.streams);
        // Now that they are found by their hashes.
        trail.traced.without(|user| access.has(user));
        let access = || others.into_iter().fold(access.finish(), merge);
        let (access, finished) = rayon::join(access, || shards.finish(wanted, &ends));
        trail.access = access;
        let mut late = BTreeSet::new();
        for shard in finished {
            let Finished { mut collected, runs, visits, traced, others, late: keys } = shard;
            self.sessions.push(std::mem::take(&mut collected.sessions));
            trail.collected = std::mem::take(&mut trail.collected).merge(collected);
            self.runs.push(runs);
            self.visits.iter_mut().zip(visits).for_each(|(all, runs)| all.push(runs));
            self.fitting.push(traced);
            self.others.push(others);
            late.extend(keys);
        }
        late
    }
}

impl Meter {
    fn at(&self, file: &Path) {
        if !self.hidden.load(Ordering::Relaxed) {
            *lock(&self.file) = file.to_string_lossy().into_owned();
        }
    }

    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What reading needs beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// What is asked of the lines.
    pub needs: &'a Needs,
    /// What is asked of sessions.
    pub asked: Asked<'a>,
    /// What is asked of the message trace.
    pub traces: Option<&'a TracesQuery>,
    /// What is asked of clients behind proxies.
    pub clients: Option<&'a ClientsQuery>,
    /// Templates.
    pub grammars: &'a Grammars,
    /// Names of stores and users.
    pub names: &'a Names,
    /// What stands in the place of users and addresses, where they are not to be told.
    pub pseudonyms: Option<&'a Pseudonyms>,
    /// How archives are walked.
    pub walk: &'a WalkOptions,
    /// `--year`.
    pub year: Option<u32>,
    /// Lines that this sieve holds back are passed over.
    pub sieve: Option<&'a Sieve>,
    /// Texts that must be unpacked are hashed on the way.
    pub hashes: bool,
    /// Rows show their lines: of plain texts, it is kept how many lines begin in each piece.
    pub cites: bool,
    /// How far it has come.
    pub meter: &'a Meter,
}

impl<'a> Reading<'a> {
    /// A reading for what each line tells by itself: no sessions and no records are asked for.
    pub fn of_lines(
        needs: &'a Needs,
        (grammars, names): (&'a Grammars, &'a Names),
        (walk, year): (&'a WalkOptions, Option<u32>),
        meter: &'a Meter,
    ) -> Reading<'a> {
        Reading {
            needs,
            asked: Asked::default(),
            traces: None,
            clients: None,
            grammars,
            names,
            pseudonyms: None,
            walk,
            year,
            sieve: None,
            hashes: false,
            cites: false,
            meter,
        }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Everything that was learned. Its pairs are finished.
    pub trail: Trail,
    /// Sessions that `-c` may list, by shard: closed ones around the moment, and all logins without a close.
    pub sessions: Vec<Vec<Session>>,
    /// Refusals that are asked for.
    pub refused: Vec<Runs>,
    /// Closed sessions that are asked for.
    pub runs: Vec<Runs>,
    /// The same for `report`, each part having all sessions of its users.
    pub visits: [Vec<Runs>; PARTS],
    /// Those of them that lines of the message trace may fit, if `sessions` asks for them.
    pub fitting: Vec<Runs>,
    /// The same of sessions that it does not ask for.
    pub others: Vec<Runs>,
    /// Who has lines of the message trace that are asked for.
    pub owners: Option<Owners>,
    /// Lines of the message trace that are asked for.
    pub traces: Vec<Runs>,
    /// The streams that have such lines, asked for or not; of nothing if none are asked for.
    pub traced: BTreeSet<StreamId>,
    /// Lines of multiplexors that tell a user and the client.
    pub clients: Vec<Runs>,
    /// Logins that findings may need.
    pub logins: Vec<Events>,
    /// What was noticed.
    pub notes: Vec<Note>,
    /// Files that could not be read to their ends.
    pub damaged: BTreeSet<FileId>,
    /// How many holes files have: something is lost there, and reading went on behind it.
    pub holes: BTreeMap<FileId, u32>,
    /// Texts that the plan did not know: those of a pipe.
    pub unplanned: Vec<Leaf>,
    /// Texts that were hashed.
    pub hashed: BTreeMap<FileId, hash::Text>,
    /// What the sieve saw clocks show.
    pub shown: BTreeSet<Shown>,
    /// The numbers of the lines of plain texts, if rows show their lines.
    pub numbers: BTreeMap<FileId, Numbers>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads all that the plan names, as often as needed for an answer that does not depend on the order. Runs on the current rayon pool.
pub fn read(plan: &Plan, streams: &Streams, reading: &Reading<'_>) -> Outcome {
    let mut needs = reading.needs.clone();
    let mut hold: BTreeSet<Key> = BTreeSet::new();
    let owners = reading.traces.map(|_| Owners::new());
    for round in 1..=READINGS {
        reading.meter.reading.store(round, Ordering::Relaxed);
        reading.meter.bytes.store(0, Ordering::Relaxed);
        let shards = Shards::holding(&hold, &needs, &reading.walk.tmpdir);
        let refusals = Refusals::new(reading.asked, streams, &reading.walk.tmpdir);
        let traces = reading.traces.zip(owners.as_ref());
        let traces = traces.map(|(query, owners)| Traces::new(query, owners, &reading.walk.tmpdir));
        let access = SharedAccess::new(rayon::current_num_threads());
        let run = Run::new(plan, streams, Reading { needs: &needs, ..*reading }, &shards, round < READINGS);
        let logins = Logins::new(reading.asked, streams, &reading.walk.tmpdir);
        let clients = reading.clients.map(|query| Clients::new(query, &reading.walk.tmpdir));
        let leaving = (refusals.as_ref(), logins.as_ref());
        let mut outcome = run.read(&access, leaving, traces.as_ref(), clients.as_ref());
        let others = summaries::take(plan, streams, &needs, &mut outcome);
        outcome.clients = clients.map(Clients::finish).unwrap_or_default();
        outcome.logins = logins.map(Logins::finish).unwrap_or_default();
        // In a second reading all owners are known.
        let is_late = round == 1 && traces.as_ref().is_some_and(Traces::is_late);
        if let Some((runs, streams)) = traces.map(Traces::finish) {
            (outcome.traces, outcome.traced) = (runs, streams);
        }
        if let Some((runs, inferred)) = refusals.map(Refusals::finish) {
            outcome.refused = runs;
            outcome.trail.collected.inferred |= inferred;
        }
        let wanted = Wanted { asked: reading.asked.sessions, owners: owners.as_ref(), streams };
        let late = outcome.settle(shards, (access, others), wanted);
        let full = if needs.pairs { hours_to_read_in_full(&outcome.trail) } else { BTreeSet::new() };
        let forged = if may_read_again(plan, reading) { forged(&outcome.trail) } else { BTreeMap::new() };
        let again = is_late || !late.is_empty() || !full.is_subset(&needs.full) || forged != needs.forged;
        if !again || round == READINGS {
            return Outcome { owners, ..outcome };
        }
        hold.extend(late);
        needs.full.extend(full);
        needs.forged = forged;
    }
    Outcome::default()
}

/// Whether rows can have the flag of lines that may be forged: those are known only when all has been read. A pipe can be read but
/// once, and whoever passes over lines reads all of them first.
fn may_read_again(plan: &Plan, reading: &Reading<'_>) -> bool {
    let has_rows = reading.needs.access || !reading.asked.is_nothing();
    has_rows && reading.sieve.is_none() && !plan.has_pipe()
}

/// Where lines may be forged.
pub fn forged(trail: &Trail) -> BTreeMap<FileId, Vec<Range<u64>>> {
    let spans = trail.files.iter().map(|(file, trail)| (*file, trail.breaks.spans()));
    spans.filter(|(_, spans)| !spans.is_empty()).collect()
}

/// One reading of everything.
struct Run<'a> {
    plan: &'a Plan,
    streams: &'a Streams,
    reading: Reading<'a>,
    settles: bool,
    shards: &'a Shards,
    /// Texts that are not read, since summaries stand for them.
    summed_up: BTreeSet<FileId>,
    traces: Option<&'a Traces<'a>>,
    folders: Vec<Mutex<Folder<'a>>>,
    claims: Mutex<Claims>,
    progress: Mutex<Progress>,
    queue: Queue,
    found: Mutex<Found>,
}

/// The text of a trail file that a unit is, if its blocks can be read apart.
fn blocks_of(unit: &Unit) -> Option<(&TrailFile, &Text)> {
    let Input::Trail(file, number) = &unit.input else { return None };
    let text = file.index.texts.get(*number)?;
    (text.apart && !text.blocks.is_empty()).then_some((file, text))
}

/// What reading notices on the way.
#[derive(Debug, Default)]
struct Found {
    notes: Vec<Note>,
    damaged: BTreeSet<FileId>,
    holes: BTreeMap<FileId, u32>,
    unplanned: Vec<Leaf>,
    hashed: BTreeMap<FileId, hash::Text>,
    shown: BTreeSet<Shown>,
    /// Texts of which blocks were passed over.
    passed: BTreeSet<FileId>,
    /// Of plain texts how long their pieces are, and how many lines begin in each, by its number.
    begun: BTreeMap<FileId, (u64, BTreeMap<u64, u32>)>,
}

/// What is to be read next.
#[derive(Debug, Default)]
struct Claims {
    unit: usize,
    at: u64,
    open: Option<Arc<File>>,
}

/// What a worker claims.
enum Claim<'a> {
    Range(&'a Unit, &'a Leaf, Arc<File>, u64),
    Block(&'a Leaf, &'a TrailFile, &'a Text, usize),
    Walk(&'a Unit),
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, streams: &'a Streams, reading: Reading<'a>, shards: &'a Shards, settles: bool) -> Run<'a> {
        Run {
            plan,
            streams,
            reading,
            settles,
            shards,
            summed_up: plan.summed_up(),
            traces: None,
            folders: Vec::new(),
            claims: Mutex::default(),
            progress: Mutex::new(Progress::new(plan)),
            queue: Queue::default(),
            found: Mutex::default(),
        }
    }

    /// Reads all; sessions are still in the shards, and what is known of users in its table.
    fn read(
        mut self,
        access: &'a SharedAccess,
        (refusals, logins): (Option<&'a Refusals<'a>>, Option<&'a Logins<'a>>),
        traces: Option<&'a Traces<'a>>,
        clients: Option<&'a Clients<'a>>,
    ) -> Outcome {
        let Reading { needs, grammars, names, pseudonyms, .. } = self.reading;
        let workers = rayon::current_num_threads().max(1);
        let streams = self.streams;
        let folder = || {
            let folder = Folder::new(needs, grammars, names, streams).pairing(self.shards).sharing(access);
            let folder = match refusals {
                Some(refusals) => folder.refusals(refusals),
                None => folder,
            };
            let folder = match logins {
                Some(logins) => folder.logins(logins),
                None => folder,
            };
            let folder = match pseudonyms {
                Some(pseudonyms) => folder.masking(pseudonyms),
                None => folder,
            };
            let folder = match clients {
                Some(clients) => folder.clients(clients),
                None => folder,
            };
            match traces {
                Some(traces) => folder.traces(traces),
                None => folder,
            }
        };
        self.traces = traces;
        self.folders = (0..workers).map(|_| Mutex::new(folder())).collect();
        rayon::scope(|scope| (0..workers).for_each(|_| scope.spawn(|_| self.work())));
        self.finish(access)
    }

    /// What one worker does: claims of its own, then pieces that others decode.
    fn work(&self) {
        let mut block = Vec::new();
        self.queue.begin();
        while let Some(claim) = self.claim() {
            match claim {
                Claim::Range(unit, leaf, file, from) => self.range(unit, leaf, (&file, from), &mut block),
                Claim::Block(leaf, file, text, number) => self.block(leaf, file, text, number),
                Claim::Walk(unit) => self.walk(unit),
            }
        }
        self.queue.end();
        while let Some(piece) = self.queue.wait() {
            self.piece(piece);
        }
    }

    fn finish(self, access: &SharedAccess) -> Outcome {
        let folders: Vec<Folder<'_>> =
            self.folders.into_iter().map(|f| f.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        let (needs, streams) = (self.reading.needs, self.streams);
        let trails: Vec<Trail> = folders.into_par_iter().map(Folder::finish).collect();
        let mut trail = trails.into_iter().fold(Trail::default(), |a, b| a.merge(b, streams));
        self.shards.owed(needs, streams, access);
        for (file, jumps) in self.progress.into_inner().unwrap_or_else(PoisonError::into_inner).jumps {
            trail.files.entry(file).or_default().jumped(jumps);
        }
        let Found { mut notes, damaged, holes, unplanned, hashed, shown, begun, .. } =
            self.found.into_inner().unwrap_or_else(PoisonError::into_inner);
        notes.sort();
        let numbers = begun.iter().map(|(file, (piece, pieces))| (*file, Numbers::of(*piece, pieces))).collect();
        Outcome { trail, notes, damaged, holes, unplanned, hashed, shown, numbers, ..Outcome::default() }
    }

    /// Folds whole lines, or counts those that are passed over.
    fn lines(&self, folder: &mut Folder<'_>, block: &[u8], stand: Stand, years: &Years) {
        let place = stand.place;
        let Some(sieve) = self.reading.sieve else { return folder.lines(block, place, years) };
        let mut shown = BTreeSet::new();
        sieve.sift(block, stand, &mut shown, &mut |Sifted { text, at, lines, passed }| {
            if passed {
                folder.pass_over(text, lines, place + at, years);
            } else {
                folder.lines(text, place + at, years);
            }
        });
        if !shown.is_empty() {
            lock(&self.found).shown.extend(shown);
        }
    }

    /// Hands to a folder what a cutter cut out of a text that is so long, if that is known.
    fn feed(&self, folder: &mut Folder<'_>, cut: &Cut<'_>, end: Option<u64>, years: &Years) {
        match *cut {
            Cut::Lines(block, place) => self.lines(folder, block, Stand { place, begin: 0, end }, years),
            Cut::CutOff(bytes, _) => folder.cut_off(bytes),
            Cut::TooLong(head, bytes, place) => folder.too_long(head, bytes, place),
        }
    }

    /// The next piece of the plan.
    fn claim(&self) -> Option<Claim<'a>> {
        let mut claims = lock(&self.claims);
        loop {
            let unit = self.plan.units.get(claims.unit)?;
            let leaf = unit.leaves.first().and_then(|id| self.plan.leaf(*id));
            let single = leaf.filter(|_| unit.leaves.len() == 1);
            if single.is_some_and(|l| l.copy_of.is_some() || self.summed_up.contains(&l.id)) {
                self.reading.meter.add(unit.size);
                claims.unit += 1;
                continue;
            }
            // Elements of XML may go over lines: they are read one after the other.
            let is_folded = |leaf: &&Leaf| leaf.markup && self.reading.grammars.knows_xml();
            let single = single.filter(|leaf| !is_folded(leaf));
            if let (Some(leaf), Some((file, text))) = (single, blocks_of(unit)) {
                let number = usize::try_from(claims.at).unwrap_or(usize::MAX);
                claims.at += 1;
                if number + 1 >= text.blocks.len() {
                    *claims = Claims { unit: claims.unit + 1, ..Claims::default() };
                }
                return Some(Claim::Block(leaf, file, text, number));
            }
            let Some(leaf) = single.filter(|_| unit.plain) else {
                claims.unit += 1;
                return Some(Claim::Walk(unit));
            };
            if claims.open.is_none() {
                match self.open(unit, leaf) {
                    Some(file) => claims.open = Some(file),
                    None => {
                        claims.unit += 1;
                        continue;
                    }
                }
            }
            let from = claims.at;
            let file = claims.open.clone();
            claims.at += piece_length(unit.size);
            if claims.at >= unit.size {
                *claims = Claims { unit: claims.unit + 1, ..Claims::default() };
            }
            return file.map(|file| Claim::Range(unit, leaf, file, from));
        }
    }

    fn open(&self, unit: &Unit, leaf: &Leaf) -> Option<Arc<File>> {
        self.reading.meter.at(&unit.path);
        match &unit.input {
            Input::Spooled(file) => Some(Arc::clone(file)),
            Input::Path(path) => match File::open(path) {
                Ok(file) => Some(Arc::new(file)),
                Err(cause) => {
                    self.unreadable(leaf, 0, &cause);
                    None
                }
            },
            Input::Stream | Input::Trail(..) => None,
        }
    }

    fn unreadable(&self, leaf: &Leaf, place: u64, cause: &dyn std::fmt::Display) {
        let text = format!("cannot be read from byte {place} on ({cause}); check the file and its permissions");
        let mut found = lock(&self.found);
        found.notes.push(Note::new(leaf.shown.clone(), NoteKind::Unreadable, text).at(place));
        found.damaged.insert(leaf.id);
    }

    /// Folds the lines that begin in one range of a plain file.
    fn range(&self, unit: &Unit, leaf: &Leaf, (file, from): (&File, u64), block: &mut Vec<u8>) {
        let piece = piece_length(unit.size);
        let (number, to) = (from / piece, (from + piece).min(unit.size));
        self.fold((leaf.id, 0), number, Some(unit.size.div_ceil(piece)), |folder| {
            let range = PlainRange::new(file, from..to, block);
            match range.cut(&mut |cut| self.feed(folder, &cut, Some(unit.size), &leaf.years)) {
                Err((place, cause)) => self.unreadable(leaf, place, &cause),
                Ok(()) if self.reading.cites => {
                    let mut found = lock(&self.found);
                    let (_, begun) = found.begun.entry(leaf.id).or_insert_with(|| (piece, BTreeMap::new()));
                    begun.insert(number, folder.begun());
                }
                Ok(()) => {}
            }
        });
        self.reading.meter.add(to - from);
    }

    /// Folds a block of a text of a trail file.
    fn block(&self, leaf: &Leaf, file: &TrailFile, text: &Text, number: usize) {
        let Some(block) = text.blocks.get(number) else { return };
        self.reading.meter.at(&file.path);
        self.reading.meter.add(block.packed.length);
        let pieces = Some(text.blocks.len() as u64);
        if let Some(sieve) = self.reading.sieve
            && let Some(dates) = file.passed_over(block, &sieve.bounds())
        {
            let mut found = lock(&self.found);
            // What the others of its blocks show as well is the same, whether they are read or not.
            if found.passed.insert(leaf.id) {
                found.shown.extend(sieve.grouped(&text.shown));
            }
            drop(found);
            let passed = Count { lines: dates.lines, bytes: block.length };
            return self.fold((leaf.id, 0), number as u64, pieces, |folder| folder.pass_over_unseen(passed));
        }
        let mut lines = self.queue.empty();
        let refused = file.lines(block, &mut lines).err();
        self.fold((leaf.id, 0), number as u64, pieces, |folder| match refused {
            Some(refused) => self.unreadable(leaf, block.place, &refused),
            None => {
                let end = Some(text.length());
                for (place, lines) in range::blocks(&lines) {
                    let stand = Stand { place: block.place + place, begin: 0, end };
                    self.lines(folder, lines, stand, &leaf.years);
                }
            }
        });
        self.queue.done(lines);
    }

    /// Folds one piece of a section of a text with this worker's folder, and hands on what it gave. `pieces` is how many the text has, where known.
    fn fold(
        &self,
        (file, section): (FileId, u32),
        piece: u64,
        pieces: Option<u64>,
        lines: impl FnOnce(&mut Folder<'a>),
    ) {
        let worker = rayon::current_thread_index().unwrap_or(0) % self.folders.len().max(1);
        let Some(folder) = self.folders.get(worker) else { return };
        let mut folder = lock(folder);
        folder.begin(file, section);
        lines(&mut folder);
        let sources = folder.end();
        let frontier = {
            let mut progress = lock(&self.progress);
            self.traces.iter().for_each(|traces| traces.piece(&progress.frontier));
            progress.done(file, piece, pieces, sources);
            progress.frontier.clone()
        };
        if self.settles && self.reading.needs.pairs {
            let owners = self.traces.map(Traces::owners);
            let wanted = Wanted { asked: self.reading.asked.sessions, owners, streams: self.streams };
            self.shards.settle(&frontier, wanted, &mut folder.learner());
        }
    }
}
