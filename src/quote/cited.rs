//! Which lines the rows of an answer rest on, and reading those that are not looked up while rows are rendered.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::blocks::Blocks;
use super::seek::{Out, Texts, Wanted};
use super::{Quotes, Text, different};
use crate::answer::{FailureRow, MessageRow, Rows, SessionRow};
use crate::model::{Evidence, FileId};
use crate::open::WalkOptions;
use crate::plan::{Leaf, Plan, Unit};
use crate::read::Numbers;
use crate::runs::{Merged, Runs};

/// So much is held in memory on the way into the order of the texts, in bytes, and as much of their lines on the way back.
const HELD: usize = 32 << 20;

/// The places of lines that rows rest on.
#[derive(Debug)]
pub struct Cited<'a> {
    sources: Sources<'a>,
    walk: &'a WalkOptions,
    /// Those that are looked up when their rows are rendered.
    blocks: Blocks,
    /// Of records these are all.
    all_later: bool,
    runs: Runs,
    rows: u64,
    texts: bool,
}

impl<'a> Cited<'a> {
    /// None yet. `leaves` are all texts, by number, and `numbers` those of the lines of plain ones. Where `texts` are not wanted, only their numbers
    /// are found.
    pub fn new(
        plan: &'a Plan,
        leaves: &[&Leaf],
        numbers: BTreeMap<FileId, Numbers>,
        walk: &'a WalkOptions,
        texts: bool,
    ) -> Cited<'a> {
        let sources = Sources::of(plan, leaves);
        let text = |(id, numbers)| Some((id, (sources.unit(id)?.input.clone(), numbers)));
        let blocks = Blocks::of(numbers.into_iter().filter_map(text).collect());
        // Of copies no line was read.
        let all_later = leaves.iter().all(|leaf| leaf.copy_of.is_some() || blocks.have(leaf.id));
        Cited { sources, walk, blocks, all_later, runs: Runs::new(&walk.tmpdir, HELD), rows: 0, texts }
    }

    /// Takes the lines of the next row, in the order of [`Shows`](super::Shows), as far as they are not looked up later.
    fn row(&mut self, lines: &[Option<Evidence>], later: bool) {
        let row = self.rows;
        self.rows += 1;
        for (line, shows) in different(lines).filter(|(line, _)| !later || !self.blocks.have(line.file)) {
            self.runs.push(|record| Wanted { line, row, shows }.write(record));
        }
    }

    /// Takes the lines of all rows of an answer, in its order.
    ///
    /// # Errors
    /// Those of reading back rows that were put aside.
    pub fn take(&mut self, all: &Rows<'_>) -> io::Result<()> {
        let connected = all.connected.map_or(&[][..], |(rows, _)| rows);
        connected.iter().for_each(|row| self.row(&row.evidence(), false));
        for row in all.access.iter().flat_map(|rows| rows.iter()) {
            let lines = row.services().map(|access| access.map_or([None; 2], |access| access.evidence()));
            self.row(lines.as_flattened(), false);
        }
        self.take_records(all)?;
        // Of findings each event has lines of its own.
        all.only_findings().map_or(Ok(()), |findings| {
            findings.each(|finding| {
                finding.events.iter().for_each(|event| self.row(&event.lines(), false));
                Ok(())
            })
        })
    }

    /// Those of rows that are records. Behind them comes nothing else.
    fn take_records(&mut self, all: &Rows<'_>) -> io::Result<()> {
        if self.all_later {
            return Ok(());
        }
        if let Some(sessions) = &all.sessions {
            let mut rows = sessions.rows()?;
            while rows.next(|record| SessionRow::read(record).iter().for_each(|row| self.row(&row.lines(), true)))? {}
        }
        if let Some(failures) = &all.failures {
            let mut rows = failures.rows()?;
            while rows.next(|record| FailureRow::read(record).iter().for_each(|row| self.row(&row.lines(), true)))? {}
        }
        if let Some(messages) = &all.messages {
            let mut rows = messages.rows()?;
            while rows.next(|record| MessageRow::read(record).iter().for_each(|row| self.row(&row.lines(), true)))? {}
        }
        Ok(())
    }

    /// Reads the lines, but for those that are looked up later.
    ///
    /// # Errors
    /// Places or lines could not be put aside, for want of room.
    pub fn read(mut self) -> io::Result<Quotes> {
        self.runs.finish()?;
        let Cited { sources, walk, blocks, .. } = &self;
        let workers = rayon::current_num_threads().max(1);
        let runs = || Mutex::new(Runs::new(&walk.tmpdir, HELD / workers));
        let out = Out { runs: (0..workers).map(|_| runs()).collect(), texts: self.texts };
        let mut wanted = Merged::of(std::slice::from_ref(&self.runs))?;
        let mut ahead = None;
        let mut these = gather(&mut wanted, &mut ahead, (sources, blocks))?;
        while !these.is_empty() {
            let mut next = Ok(Vec::new());
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| these.par_iter().for_each(|texts| texts.seek(walk, &out)));
                next = gather(&mut wanted, &mut ahead, (sources, blocks));
            });
            these = next?;
        }
        drop((these, wanted));
        let into = |runs: Mutex<Runs>| runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut runs: Vec<Runs> = out.runs.into_iter().map(into).collect();
        runs.par_iter_mut().try_for_each(Runs::finish)?;
        Ok(Quotes {
            runs,
            blocks: self.blocks,
            files: self.sources.files.into_iter().map(Text::of).collect(),
            masked: false,
        })
    }
}

/// The next lines to look for; `ahead` is the first of those behind them.
fn gather<'a>(
    wanted: &mut Merged<'_>,
    ahead: &mut Option<Wanted>,
    (sources, blocks): (&Sources<'a>, &'a Blocks),
) -> io::Result<Vec<Texts<'a>>> {
    let most = 2 * rayon::current_num_threads().max(1);
    let mut texts: Vec<Texts<'_>> = Vec::new();
    while !texts.last().is_some_and(Texts::are_enough) {
        let mut next = ahead.take();
        if next.is_none() {
            wanted.next(|record| next = Wanted::read(record))?;
        }
        let Some(next) = next else { break };
        let (unit, is_full) = (sources.unit(next.line.file), texts.len() >= most);
        match texts.last_mut().filter(|texts| texts.is_of(unit)) {
            Some(texts) => texts.wanted.push(next),
            None if !is_full => texts.push(Texts::of(unit, blocks, next)),
            None => {
                *ahead = Some(next);
                break;
            }
        }
    }
    Ok(texts)
}

/// Where the texts are.
#[derive(Debug)]
struct Sources<'a> {
    plan: &'a Plan,
    /// Path and member of each text.
    files: Vec<(String, Option<String>)>,
    /// The unit of each text, by its number in the plan.
    units: Vec<Option<usize>>,
}

impl<'a> Sources<'a> {
    fn of(plan: &'a Plan, leaves: &[&Leaf]) -> Sources<'a> {
        let mut units = vec![None; leaves.len()];
        for (number, unit) in plan.units.iter().enumerate() {
            for leaf in &unit.leaves {
                if let Some(of) = units.get_mut(leaf.0 as usize) {
                    *of = Some(number);
                }
            }
        }
        let unit = |at: usize| units.get(at).copied().flatten().and_then(|number| plan.units.get(number));
        let file = |(at, leaf): (usize, &&Leaf)| {
            let path = unit(at).map_or_else(|| leaf.shown.clone(), |unit| unit.path.to_string_lossy().into_owned());
            let member = leaf.shown.strip_prefix(&path).and_then(|member| member.strip_prefix('!')).map(str::to_owned);
            (path, member)
        };
        let files = leaves.iter().enumerate().map(file).collect();
        Sources { plan, files, units }
    }

    /// The unit of a text, but for one that came through a pipe and is gone.
    fn unit(&self, file: FileId) -> Option<&'a Unit> {
        self.plan.units.get(self.units.get(file.0 as usize).copied().flatten()?)
    }
}
