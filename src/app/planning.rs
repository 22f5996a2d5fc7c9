//! Planning: what was found is planned and read for a question, and once more where it turns out that more must be read.

use std::collections::BTreeMap;

use rayon::ThreadPool;

use super::ask::Ask;
use super::cache::{self, InUse};
use super::output::Output;
use super::{Exit, Notes, Stop, again, bar, is_believed, known, mask, show_plan, trusted};
use crate::answer::{Asked, AskedSessions, At, ConnectedQuery};
use crate::cli::Cli;
use crate::discover::Discovered;
use crate::kept::Bounds;
use crate::plan::{Leaf, Plan, PlanOptions};
use crate::read::{Meter, Outcome, Reading, Sieve, read};
use crate::resolve::{FileFacts, Resolved, resolve};
use crate::streams::Streams;
use crate::trail::FileId;

/// What a question is planned of.
pub(super) struct Planning<'a> {
    pub(super) cli: &'a Cli,
    pub(super) ask: &'a Ask,
    pub(super) found: Discovered,
    pub(super) options: PlanOptions,
    pub(super) pool: &'a ThreadPool,
}

/// What was read, what its streams are, and what was held back meanwhile.
pub(super) type Read = (Outcome, Vec<Resolved>, Option<Sieve>);

impl Planning<'_> {
    /// Writes the plan, and tells what was noticed.
    ///
    /// # Errors
    /// Those of planning and of writing.
    pub(super) fn show(&self, output: &mut Output, notes: &Notes) -> Result<Exit, Stop> {
        let Planning { cli, ask, .. } = self;
        let (plan, _) = self.plan(Bounds::default())?;
        is_believed(&plan, ask.pseudonyms.as_ref(), notes)?;
        let seen = [plan.notes.as_slice(), &plan.walk_notes].concat();
        let count = seen.len();
        let mut told = known::marked(&cli.common.known_damage, seen);
        // A plan sees beginnings alone: whether something known is found nowhere, only reading tells.
        told.truncate(count);
        let exit = Exit::of(&told);
        let plan = mask::plan(ask.pseudonyms.as_ref(), plan);
        show_plan::write(&plan, output.open()?, self.pool.current_num_threads())?;
        notes.tell(&[mask::notes(ask.pseudonyms.as_ref(), told), ask.settings.clone()].concat());
        Ok(exit)
    }

    /// Plans and reads. What a window leaves unchecked of trail files is read by nothing: where more is needed, all of them are checked
    /// and planned anew, and what a cache has is made again if need be.
    ///
    /// # Errors
    /// Those of planning.
    pub(super) fn read(&self, streams: &Streams, notes: &Notes) -> Result<(Plan, Option<InUse>, Read), Stop> {
        let (mut bounds, mut all) = (self.bounds(), false);
        loop {
            let (plan, cache) = self.plan(bounds)?;
            let unchecked = bounds != Bounds::default() && !plan.trails.is_empty();
            if unchecked && (plan.looked_behind || plan.has_pipe()) {
                bounds = Bounds::default();
                continue;
            }
            is_believed(&plan, self.ask.pseudonyms.as_ref(), notes)?;
            let sieve = if all { None } else { self.ask.sieve(self.cli, plan.has_pipe()) };
            match self.read_by(&plan, streams, sieve, unchecked) {
                Some(read) => return Ok((plan, cache, read)),
                None => (bounds, all) = (Bounds::default(), true),
            }
        }
    }

    /// What need not be checked of trail files. Lines below rows are sought from the beginnings of texts on, and what can be read but
    /// once is not planned twice.
    fn bounds(&self) -> Bounds {
        let sieve = self.ask.sieve(self.cli, false).filter(|_| !self.options.spool);
        sieve.map_or_else(Bounds::default, |sieve| sieve.bounds())
    }

    fn plan(&self, bounds: Bounds) -> Result<(Plan, Option<InUse>), Stop> {
        let options = PlanOptions { bounds, ..self.options.clone() };
        cache::planned(self.cli, self.ask, self.found.clone(), options, self.pool)
    }

    /// Reads, without the sieve if that has held back too much; nothing if that needs what is unchecked.
    fn read_by(&self, plan: &Plan, streams: &Streams, mut sieve: Option<Sieve>, unchecked: bool) -> Option<Read> {
        let Planning { cli, ask, .. } = self;
        // A bar that tells no names.
        let meter = Meter { hidden: ask.pseudonyms.is_some().into(), ..Meter::default() };
        let (mut query, mut needs) = (ask.connected.clone(), ask.needs.clone());
        let mut read = || loop {
            let reading = Reading {
                needs: &needs,
                asked: Asked {
                    sessions: match (&query, &ask.sessions) {
                        (Some(query), _) => AskedSessions::Connected(query),
                        (None, Some(query)) if cli.report().is_some() => AskedSessions::ByUser(query),
                        (None, Some(query)) => AskedSessions::Listed(query),
                        (None, None) => AskedSessions::Nothing,
                    },
                    failures: ask.failures.as_ref(),
                    logins: None,
                },
                traces: ask.traces.as_ref(),
                clients: ask.clients.as_ref(),
                grammars: &ask.grammars,
                names: &ask.names,
                pseudonyms: ask.pseudonyms.as_ref(),
                walk: &ask.walk,
                year: cli.common.year,
                sieve: sieve.as_ref(),
                hashes: cli.common.manifest.is_some(),
                cites: cli.common.evidence,
                meter: &meter,
            };
            let outcome = read(plan, streams, &reading);
            let mut resolved = resolve(&outcome.trail, streams, &facts(plan, &outcome));
            if cli.trust_order {
                trusted::limit(&mut resolved, ask.needs.window);
            }
            if sieve.as_ref().is_some_and(|s| again::is_needed(cli, ask, plan, s, &outcome, &resolved)) {
                sieve = None;
                if unchecked {
                    return None;
                }
                continue;
            }
            if let Some(overlaps) = again::overlaps(&needs, &outcome, &resolved) {
                needs.behind.evidence = true;
                needs.overlaps = overlaps.into();
                continue;
            }
            // Digits are compared with each line's own; a stream whose offset wandered further needs a wider look.
            let ranges = resolved.iter().filter_map(|s| s.clock.offsets());
            let wandered = ranges.map(|(low, high)| i64::from(high - low)).max();
            match (&mut query, wandered) {
                (Some(ConnectedQuery { at: At::Local(_), drift, .. }), Some(wandered)) if wandered > *drift => {
                    *drift = wandered + 60
                }
                _ => return Some((outcome, resolved, sieve.take())),
            }
        };
        bar::show(cli.common.progress, plan.bytes(), &meter, || self.pool.install(&mut read))
    }
}

fn facts(plan: &Plan, outcome: &Outcome) -> BTreeMap<FileId, FileFacts> {
    let of_leaf = |leaf: &Leaf| {
        let end = leaf.shown.rfind(['/', '!']).unwrap_or(0);
        let folder = leaf.shown.get(..end).unwrap_or_default().to_owned();
        let holes = outcome.holes.get(&leaf.id).copied().unwrap_or(0);
        let damaged = outcome.damaged.contains(&leaf.id);
        (leaf.id, FileFacts { sequence: leaf.sequence.clone(), folder, damaged, holes })
    };
    plan.leaves.iter().chain(&outcome.unplanned).map(of_leaf).collect()
}
