//! Quote: the lines that the rows of an answer rest on, read once more.
//!
//! While reading, of each line that matters only its place is kept. What comes nearly in the order of the files, as sessions do, has its
//! lines looked up in plain texts when it is rendered (`blocks`). Of all other lines, when the rows are known, the places are put into the
//! order of files, the files are read again as far as needed, and what stands there is put back into the order of the rows (`seek`). Both
//! orders are [`Runs`], so that memory is bounded, however many rows there are.

mod blocks;
mod seek;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::answer::{FailureRow, MessageRow, Rows, SessionRow};
use crate::model::{Evidence, FileId};
use crate::open::WalkOptions;
use crate::plan::{Leaf, Plan, Unit};
use crate::pseudonym::Pseudonyms;
use crate::read::Newlines;
use crate::runs::{Merged, Runs};
use blocks::{Block, Blocks};
use seek::{Out, Texts, Wanted};

/// So much is held in memory on the way into either order, in bytes.
const HELD: usize = 32 << 20;
/// So many lines of one file are looked for at a time: more where each time it must be unpacked from its beginning.
const AT_ONCE: usize = 1 << 20;
const AT_ONCE_PLAIN: usize = 1 << 17;

/// What a line shows of its row, as bits: of a session [`LOGIN`], [`CLOSE`] and [`CLIENT`]; of a last access, which has both of them for each
/// service, two bits further on for each in the order of [`Service::ALL`](crate::model::Service::ALL).
pub type Shows = u8;
/// When the session, or the latest one, began.
pub const LOGIN: Shows = 1;
/// When the session, or the latest one, ended.
pub const CLOSE: Shows = 2;
/// Of a refusal: that itself.
pub const REFUSAL: Shows = 1;
/// Of a session: whose it was, behind a proxy.
pub const CLIENT: Shows = 4;

/// The different ones among the lines of a row, each with what it shows of it.
fn different(lines: &[Option<Evidence>]) -> impl Iterator<Item = (Evidence, Shows)> {
    let first = |(at, line): (usize, &Option<Evidence>)| line.filter(|_| !lines.iter().take(at).any(|l| l == line));
    lines.iter().enumerate().filter_map(first).map(|line| {
        let shows = lines.iter().enumerate().filter(|(_, other)| **other == Some(line));
        (line, shows.fold(0, |shows, (bit, _)| shows | 1 << bit))
    })
}

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
    /// None yet. `leaves` are all texts, by number, and `newlines` those of plain ones. Where `texts` are not wanted, only their numbers
    /// are found.
    pub fn new(
        plan: &'a Plan,
        leaves: &[&Leaf],
        newlines: BTreeMap<FileId, Newlines>,
        walk: &'a WalkOptions,
        texts: bool,
    ) -> Cited<'a> {
        let sources = Sources::of(plan, leaves);
        let text = |(id, newlines)| Some((id, (sources.unit(id)?.input.clone(), newlines)));
        let blocks = Blocks::of(newlines.into_iter().filter_map(text).collect());
        // Of copies no line was read.
        let all_later = leaves.iter().all(|leaf| leaf.copy_of.is_some() || blocks.have(leaf.id));
        Cited { sources, walk, blocks, all_later, runs: Runs::new(&walk.tmpdir, HELD), rows: 0, texts }
    }

    /// Takes the lines of the next row, in the order of [`Shows`], as far as they are not looked up later.
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
        let Cited { sources, walk, .. } = &self;
        let workers = rayon::current_num_threads().max(1);
        let runs = || Mutex::new(Runs::new(&walk.tmpdir, HELD / workers));
        let out = Out { runs: (0..workers).map(|_| runs()).collect(), texts: self.texts };
        let mut wanted = Merged::of(std::slice::from_ref(&self.runs))?;
        let mut ahead = None;
        let mut these = gather(&mut wanted, &mut ahead, sources)?;
        while !these.is_empty() {
            let mut next = Ok(Vec::new());
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| these.par_iter_mut().for_each(|texts| texts.seek(walk, &out)));
                next = gather(&mut wanted, &mut ahead, sources);
            });
            let mut next = next?;
            if let (Some(last), Some(first)) = (these.last(), next.first_mut()) {
                first.go_on_from(last);
            }
            these = next;
        }
        drop((these, wanted));
        let into = |runs: Mutex<Runs>| runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut runs: Vec<Runs> = out.runs.into_iter().map(into).collect();
        runs.par_iter_mut().try_for_each(Runs::finish)?;
        Ok(Quotes { runs, blocks: self.blocks, files: self.sources.files, masked: false })
    }
}

/// The next lines to look for; `ahead` is the first of those behind them.
fn gather<'a>(
    wanted: &mut Merged<'_>,
    ahead: &mut Option<Wanted>,
    sources: &Sources<'a>,
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
            None if !is_full => texts.push(Texts::of(unit, next)),
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

/// A line that a row rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote<'a> {
    /// What it shows of its row.
    pub shows: Shows,
    /// Where it is.
    pub at: Evidence,
    /// Its number in its text, from 1; `None` if it could not be read again.
    pub line: Option<u64>,
    /// It, without its newline; empty if texts are not wanted.
    pub text: &'a [u8],
}

impl<'a> Quote<'a> {
    fn write(&self, row: u64, record: &mut Vec<u8>) {
        let mut head = [0; HEAD];
        let (numbers, line) = head.split_at_mut(HEAD - 8);
        let (of, shows_at) = numbers.split_at_mut(8);
        of.copy_from_slice(&row.to_be_bytes());
        if let Some((shows, at)) = shows_at.split_first_mut() {
            *shows = self.shows;
            at.copy_from_slice(&self.at.to_bytes());
        }
        line.copy_from_slice(&self.line.unwrap_or(0).to_be_bytes());
        record.extend_from_slice(&head);
        record.extend_from_slice(self.text);
    }

    /// Of which row a record is.
    fn row(record: &[u8]) -> Option<u64> {
        record.first_chunk().map(|row| u64::from_be_bytes(*row))
    }

    fn read(record: &'a [u8]) -> Option<Quote<'a>> {
        let (shows, rest) = record.get(8..)?.split_first()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (line, text) = rest.split_first_chunk()?;
        let line = Some(u64::from_be_bytes(*line)).filter(|line| *line > 0);
        Some(Quote { shows: *shows, at: Evidence::of_bytes(*at), line, text })
    }
}

/// So many bytes of a record come before the text: row, what the line shows, its place and its number.
const HEAD: usize = 8 + 1 + Evidence::BYTES + 8;

/// The lines that the rows of an answer rest on.
#[derive(Debug)]
pub struct Quotes {
    runs: Vec<Runs>,
    blocks: Blocks,
    files: Vec<(String, Option<String>)>,
    /// Texts may not be told.
    masked: bool,
}

impl Quotes {
    /// The same without names: files have others, and no text is told. Even the shape of a line would name a user who is called as a
    /// word of it.
    #[must_use]
    pub fn masked(self, masks: &Pseudonyms) -> Quotes {
        let masked = |(path, member): &(String, Option<String>)| {
            (masks.path(path), member.as_ref().map(|member| masks.path(member)))
        };
        Quotes { files: self.files.iter().map(masked).collect(), masked: true, ..self }
    }

    /// Path and member of a text.
    pub fn file(&self, id: FileId) -> (&str, Option<&str>) {
        let file = self.files.get(id.0 as usize);
        file.map_or(("", None), |(path, member)| (path.as_str(), member.as_deref()))
    }

    /// They, from those of the first row on.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn rows(&self) -> io::Result<QuoteRows<'_>> {
        Ok(QuoteRows { quotes: self, merged: Merged::of(&self.runs)?, row: 0, next: Vec::new(), room: 0 })
    }
}

/// The lines of rows, one row after another.
#[derive(Debug)]
pub struct QuoteRows<'a> {
    quotes: &'a Quotes,
    merged: Merged<'a>,
    /// The number of the next row.
    row: u64,
    /// The record that comes next, if it is known already.
    next: Vec<u8>,
    /// So many bytes the lines took that were taken last.
    room: usize,
}

impl<'a> QuoteRows<'a> {
    /// The lines of so many rows, but for those that [`Quoted::find`] must find.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn take(&mut self, rows: usize) -> io::Result<Quoted<'a>> {
        let first = self.row;
        self.row += rows as u64;
        let mut quoted = Quoted {
            quotes: Some(self.quotes),
            records: Vec::with_capacity(self.room),
            blocks: Vec::new(),
            lines: Vec::with_capacity(rows),
        };
        let QuoteRows { merged, row: end, next, .. } = self;
        if !next.is_empty() && quoted.put(next, first..*end) {
            next.clear();
        }
        let mut more = next.is_empty();
        while more {
            more = merged.next(|record| {
                if !quoted.put(record, first..*end) {
                    next.extend_from_slice(record);
                }
            })? && next.is_empty();
        }
        self.room = quoted.records.len();
        Ok(quoted)
    }
}

/// The lines of some neighbouring rows.
#[derive(Clone, Debug, Default)]
pub struct Quoted<'a> {
    quotes: Option<&'a Quotes>,
    /// What is known of lines that were read before, as [`Quote::write`] wrote it.
    records: Vec<u8>,
    /// Where other lines are.
    blocks: Vec<Arc<Block>>,
    lines: Vec<Line>,
}

/// A line of one of some rows.
#[derive(Clone, Debug)]
struct Line {
    /// The number of the row among these.
    row: usize,
    shows: Shows,
    found: Found,
}

/// Where to look for a line.
#[derive(Clone, Debug)]
enum Found {
    /// In this record.
    Read(Range<usize>),
    /// In the block of this number.
    In(usize, Evidence),
}

impl<'a> Quoted<'a> {
    /// Takes a record, if it is of one of these rows.
    fn put(&mut self, record: &[u8], rows: Range<u64>) -> bool {
        let Some(row) = Quote::row(record).filter(|row| rows.contains(row)) else { return false };
        let Some(quote) = Quote::read(record) else { return true };
        let (row, shows) = ((row - rows.start) as usize, quote.shows);
        let from = self.records.len();
        self.records.extend_from_slice(record);
        self.lines.push(Line { row, shows, found: Found::Read(from..self.records.len()) });
        true
    }

    /// Finds those lines of these rows that were not read before. Can be done side by side.
    pub fn find(&mut self, rows: impl Iterator<Item = impl AsRef<[Option<Evidence>]>>) {
        let Some(Quotes { blocks, .. }) = self.quotes else { return };
        let from = self.lines.len();
        for (row, lines) in rows.enumerate() {
            let later = different(lines.as_ref()).filter(|(line, _)| blocks.have(line.file));
            self.lines.extend(later.map(|(line, shows)| Line { row, shows, found: Found::In(0, line) }));
        }
        let found = self.lines.get_mut(from..).unwrap_or_default();
        let places = found.iter_mut().filter_map(|line| match &mut line.found {
            Found::In(number, line) => Some((*line, number)),
            Found::Read(_) => None,
        });
        self.blocks = blocks.with(places);
        if from > 0 {
            self.lines.sort_by_key(|line| (line.row, line.shows));
        }
    }

    /// The lines of one of the rows; `None` if evidence is not asked for.
    pub fn row(&self, row: usize) -> Option<Lines<'a, '_>> {
        let quotes = self.quotes?;
        let from = self.lines.partition_point(|line| line.row < row);
        let lines = self.lines.get(from..)?;
        let count = lines.iter().take_while(|line| line.row == row).count();
        Some(Lines { quotes, quoted: self, lines: lines.get(..count)?, shows: Shows::MAX })
    }
}

/// The lines of a row.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a, 'b> {
    quotes: &'a Quotes,
    quoted: &'b Quoted<'a>,
    lines: &'b [Line],
    /// Only those that show any of this.
    shows: Shows,
}

impl<'a, 'b> Lines<'a, 'b> {
    /// The text of one of them, if it may be told.
    pub fn text(&self, quote: &Quote<'b>) -> Option<&'b [u8]> {
        (!self.quotes.masked && quote.line.is_some()).then_some(quote.text)
    }

    /// Those that show some of this.
    pub fn that_show(self, shows: Shows) -> Lines<'a, 'b> {
        Lines { shows, ..self }
    }

    /// Each with path and member of its text.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>, Quote<'b>)> + use<'a, 'b> {
        let Lines { quotes, quoted, lines, shows } = *self;
        let quote = move |line: &'b Line| match &line.found {
            Found::Read(record) => Quote::read(quoted.records.get(record.clone())?),
            Found::In(number, at) => {
                let (number, text) = quotes.blocks.line(*at, quoted.blocks.get(*number)?);
                Some(Quote { shows: line.shows, at: *at, line: number, text })
            }
        };
        lines.iter().filter(move |line| line.shows & shows != 0).filter_map(quote).map(|quote| {
            let (path, member) = quotes.file(quote.at.file);
            (path, member, quote)
        })
    }
}
