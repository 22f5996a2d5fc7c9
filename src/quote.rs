//! Quote: the lines that the rows of an answer rest on, read once more.
//!
//! While reading, of each line that matters only its place is kept. When the rows are known, their places are put into the order of files,
//! the files are read again as far as needed, and what stands there is put back into the order of the rows. Both orders are [`Runs`], so
//! that memory is bounded, however many rows there are.

mod seek;

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use crate::answer::{FailureRow, MessageRow, Rows, SessionRow};
use crate::model::{Evidence, FileId};
use crate::open::WalkOptions;
use crate::plan::{Leaf, Plan, Unit};
use crate::pseudonym::Pseudonyms;
use crate::runs::{Merged, Runs};
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

/// The places of lines that rows rest on.
#[derive(Debug)]
pub struct Cited {
    runs: Runs,
    rows: u64,
    texts: bool,
}

impl Cited {
    /// None yet; `tmpdir` is where too many go. Where `texts` are not wanted, only their numbers are found.
    pub fn new(tmpdir: &Path, texts: bool) -> Cited {
        Cited { runs: Runs::new(tmpdir, HELD), rows: 0, texts }
    }

    /// Takes the lines of the next row, in the order of [`Shows`].
    fn row(&mut self, lines: &[Option<Evidence>]) {
        let row = self.rows;
        self.rows += 1;
        for (at, line) in lines.iter().enumerate() {
            let Some(line) = line.filter(|line| !lines.iter().take(at).any(|before| *before == Some(*line))) else {
                continue;
            };
            let shows = lines.iter().enumerate().filter(|(_, other)| **other == Some(line));
            let shows = shows.fold(0, |shows, (bit, _)| shows | 1 << bit);
            self.runs.push(|record| Wanted { line, row, shows }.write(record));
        }
    }

    /// Takes the lines of all rows of an answer, in its order.
    ///
    /// # Errors
    /// Those of reading back rows that were put aside.
    pub fn take(&mut self, all: &Rows<'_>) -> io::Result<()> {
        let connected = all.connected.map_or(&[][..], |(rows, _)| rows);
        connected.iter().for_each(|row| self.row(&row.evidence()));
        for row in all.access.iter().flat_map(|rows| rows.iter()) {
            let lines = row.services().map(|access| access.map_or([None; 2], |access| access.evidence()));
            self.row(lines.as_flattened());
        }
        if let Some(sessions) = &all.sessions {
            let mut rows = sessions.rows()?;
            while rows.next(|record| SessionRow::read(record).iter().for_each(|row| self.row(&row.lines())))? {}
        }
        if let Some(failures) = &all.failures {
            let mut rows = failures.rows()?;
            while rows.next(|record| FailureRow::read(record).iter().for_each(|row| self.row(&row.lines())))? {}
        }
        if let Some(messages) = &all.messages {
            let mut rows = messages.rows()?;
            while rows.next(|record| MessageRow::read(record).iter().for_each(|row| self.row(&row.lines())))? {}
        }
        // Of findings each event has lines of its own.
        all.only_findings().map_or(Ok(()), |findings| {
            findings.each(|finding| {
                finding.events.iter().for_each(|event| self.row(&event.lines()));
                Ok(())
            })
        })
    }

    /// Reads the lines.
    ///
    /// # Errors
    /// Places or lines could not be put aside, for want of room.
    pub fn read(mut self, plan: &Plan, leaves: &[&Leaf], walk: &WalkOptions) -> io::Result<Quotes> {
        self.runs.finish()?;
        let workers = rayon::current_num_threads().max(1);
        let runs = || Mutex::new(Runs::new(&walk.tmpdir, HELD / workers));
        let out = Out { runs: (0..workers).map(|_| runs()).collect(), texts: self.texts };
        let sources = Sources::of(plan, leaves);
        let mut wanted = Merged::of(std::slice::from_ref(&self.runs))?;
        let mut ahead = None;
        let mut these = gather(&mut wanted, &mut ahead, &sources)?;
        while !these.is_empty() {
            let mut next = Ok(Vec::new());
            rayon::in_place_scope(|scope| {
                scope.spawn(|_| these.par_iter_mut().for_each(|texts| texts.seek(walk, &out)));
                next = gather(&mut wanted, &mut ahead, &sources);
            });
            let mut next = next?;
            if let (Some(last), Some(first)) = (these.last(), next.first_mut()) {
                first.go_on_from(last);
            }
            these = next;
        }
        let into = |runs: Mutex<Runs>| runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut runs: Vec<Runs> = out.runs.into_iter().map(into).collect();
        runs.par_iter_mut().try_for_each(Runs::finish)?;
        Ok(Quotes { runs, files: sources.files, masked: false })
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
    /// The lines of so many rows.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn take(&mut self, rows: usize) -> io::Result<Quoted<'a>> {
        let first = self.row;
        self.row += rows as u64;
        let mut quoted = Quoted {
            quotes: Some(self.quotes),
            records: Vec::with_capacity(self.room),
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
    /// What is known of the lines, as [`Quote::write`] wrote it.
    records: Vec<u8>,
    /// Of each line the number of the row among these, and where its record is.
    lines: Vec<(u64, Range<usize>)>,
}

impl<'a> Quoted<'a> {
    /// Takes a record, if it is of one of these rows.
    fn put(&mut self, record: &[u8], rows: Range<u64>) -> bool {
        let Some(row) = Quote::row(record).filter(|row| rows.contains(row)) else { return false };
        let from = self.records.len();
        self.records.extend_from_slice(record);
        self.lines.push((row - rows.start, from..self.records.len()));
        true
    }

    /// The lines of one of the rows; `None` if evidence is not asked for.
    pub fn row(&self, row: usize) -> Option<Lines<'a, '_>> {
        let row = row as u64;
        let quotes = self.quotes?;
        let from = self.lines.partition_point(|(of, _)| *of < row);
        let lines = self.lines.get(from..)?;
        let count = lines.iter().take_while(|(of, _)| *of == row).count();
        Some(Lines { quotes, records: &self.records, lines: lines.get(..count)?, shows: Shows::MAX })
    }
}

/// The lines of a row.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a, 'b> {
    quotes: &'a Quotes,
    records: &'b [u8],
    lines: &'b [(u64, Range<usize>)],
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
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>, Quote<'b>)> {
        let Lines { quotes, records, lines, shows } = *self;
        let quote = move |(_, place): &(u64, Range<usize>)| Quote::read(records.get(place.clone())?);
        lines.iter().filter_map(quote).filter(move |quote| quote.shows & shows != 0).map(|quote| {
            let (path, member) = quotes.file(quote.at.file);
            (path, member, quote)
        })
    }
}
