//! Quote: the lines that the rows of an answer rest on, read once more.
//!
//! While reading, of each line that matters only its place is kept. What comes nearly in the order of the files, as sessions do, has its
//! lines looked up in plain texts when it is rendered (`blocks`). Of all other lines, when the rows are known, the places are put into the
//! order of files, the files are read again as far as needed, and what stands there is put back into the order of the rows (`seek`). Both
//! orders are [`Runs`], so that memory is bounded, however many rows there are.

mod blocks;
mod cited;
mod seek;

use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::model::{Evidence, FileId};
use crate::pseudonym::Pseudonyms;
use crate::runs::{Merged, Runs};
use blocks::{Block, Blocks, Found};
pub use cited::Cited;
use seek::Wanted;

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
    lines.iter().enumerate().filter_map(|(at, line)| {
        let line = (*line)?;
        let (before, from) = lines.split_at_checked(at)?;
        let same = (at..).zip(from).filter(|(_, other)| **other == Some(line));
        (!before.contains(&Some(line))).then(|| (line, same.fold(0, |shows, (bit, _)| shows | 1 << bit)))
    })
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
    files: Vec<Text>,
    /// Texts may not be told.
    masked: bool,
}

/// A text that lines are in.
#[derive(Debug)]
struct Text {
    path: String,
    member: Option<String>,
    /// How an answer tells of it, if it has.
    told: OnceLock<Vec<u8>>,
}

impl Text {
    fn of((path, member): (String, Option<String>)) -> Text {
        Text { path, member, told: OnceLock::new() }
    }
}

impl Quotes {
    /// The same without names: files have others, and no text is told. Even the shape of a line would name a user who is called as a
    /// word of it.
    #[must_use]
    pub fn masked(self, masks: &Pseudonyms) -> Quotes {
        let masked = |Text { path, member, .. }: &Text| {
            Text::of((masks.path(path), member.as_ref().map(|member| masks.path(member))))
        };
        Quotes { files: self.files.iter().map(masked).collect(), masked: true, ..self }
    }

    /// Path and member of a text.
    pub fn file(&self, id: FileId) -> (&str, Option<&str>) {
        self.files.get(id.0 as usize).map_or(("", None), |text| (&text.path, text.member.as_deref()))
    }

    /// They, from those of the first row on.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn rows(&self) -> io::Result<QuoteRows<'_>> {
        Ok(QuoteRows { quotes: self, merged: Merged::of(&self.runs)?, row: 0, next: Vec::new() })
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
}

impl<'a> QuoteRows<'a> {
    /// The lines of so many rows, but for those that [`Quoted::find`] must find, in the room of lines that nobody needs any more.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn take(&mut self, rows: usize, room: Quoted<'_>) -> io::Result<Quoted<'a>> {
        let first = self.row;
        self.row += rows as u64;
        let mut quoted = Quoted { quotes: Some(self.quotes), ..room.emptied() };
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
        Ok(quoted)
    }
}

/// The lines of some neighbouring rows.
#[derive(Clone, Debug, Default)]
pub struct Quoted<'a> {
    quotes: Option<&'a Quotes>,
    lines: Vec<Line>,
    /// Texts of lines that were read before.
    texts: Vec<u8>,
    /// Where those of others are.
    blocks: Vec<Arc<Block>>,
    /// Room for what is looked for.
    wanted: [Vec<Wanted>; 2],
}

/// A line of one of some rows.
#[derive(Clone, Debug)]
struct Line {
    /// The number of the row among these.
    row: u32,
    shows: Shows,
    at: Evidence,
    /// Its number in its text.
    line: Option<NonZeroU64>,
    /// In which block its text is; in none if it was read before.
    block: Option<NonZeroU32>,
    /// Where it is there, and how long it is.
    from: usize,
    length: u32,
}

impl<'a> Quoted<'a> {
    /// Takes a record, if it is of one of these rows.
    fn put(&mut self, record: &[u8], rows: Range<u64>) -> bool {
        let Some(row) = Quote::row(record).filter(|row| rows.contains(row)) else { return false };
        if let Some(Quote { shows, at, line, text }) = Quote::read(record) {
            let from = self.texts.len();
            self.texts.extend_from_slice(text);
            let (row, line, length) = ((row - rows.start) as u32, line.and_then(NonZeroU64::new), text.len() as u32);
            self.lines.push(Line { row, shows, at, line, block: None, from, length });
        }
        true
    }

    /// Finds those lines of these rows that were not read before. Can be done side by side.
    pub fn find(&mut self, rows: impl Iterator<Item = impl AsRef<[Option<Evidence>]>>) {
        let Some(Quotes { blocks, .. }) = self.quotes else { return };
        let from = self.lines.len();
        // Neighbours are often in one block: those by whose times rows are sorted, and behind them those of short sessions.
        let [lead, follow] = &mut self.wanted;
        lead.clear();
        for (row, lines) in (0..).zip(rows) {
            for (at, shows) in different(lines.as_ref()).filter(|(line, _)| blocks.have(line.file)) {
                let these = if shows & 1 != 0 { &mut *lead } else { &mut *follow };
                // In the place of the row is the number of the line.
                these.push(Wanted { line: at, row: (self.lines.len() - from) as u64, shows });
                self.lines.push(Line { row, shows, at, line: None, block: None, from: 0, length: 0 });
            }
        }
        lead.append(follow);
        let found = self.lines.get_mut(from..).unwrap_or_default();
        self.blocks = blocks.find(lead, |wanted, there| {
            if let Some((line, Found { number, block, at, .. })) = found.get_mut(wanted.row as usize).zip(there) {
                line.line = NonZeroU64::new(number);
                line.block = NonZeroU32::new(block as u32 + 1);
                (line.from, line.length) = (at.start, at.len() as u32);
            }
        });
        if from > 0 {
            self.lines.sort_unstable_by_key(|line| (line.row, line.shows));
        }
    }

    /// Its room.
    fn emptied<'b>(self) -> Quoted<'b> {
        let Quoted { mut lines, mut texts, mut blocks, wanted, .. } = self;
        lines.clear();
        texts.clear();
        blocks.clear();
        Quoted { quotes: None, lines, texts, blocks, wanted }
    }

    /// Needs its lines no more, but its room.
    pub fn let_go(&mut self) {
        *self = std::mem::take(self).emptied();
    }

    fn text(&self, line: &Line) -> &[u8] {
        let at = line.from..line.from + line.length as usize;
        match line.block {
            Some(block) => self.blocks.get(block.get() as usize - 1).map_or(&[], |block| block.text(at)),
            None => self.texts.get(at).unwrap_or_default(),
        }
    }

    /// The lines of one of the rows; `None` if evidence is not asked for.
    pub fn row(&self, row: usize) -> Option<Lines<'a, '_>> {
        let quotes = self.quotes?;
        let from = self.lines.partition_point(|line| (line.row as usize) < row);
        let lines = self.lines.get(from..)?;
        let count = lines.iter().take_while(|line| line.row as usize == row).count();
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

    /// How an answer tells of the text that one of them is in: as `tell` does, which is asked but once for each text.
    pub fn told(&self, quote: &Quote<'_>, tell: impl FnOnce(&str, Option<&str>) -> Vec<u8>) -> &'a [u8] {
        let text = self.quotes.files.get(quote.at.file.0 as usize);
        text.map_or(&[], |text| text.told.get_or_init(|| tell(&text.path, text.member.as_deref())))
    }

    /// Those that show some of this.
    pub fn that_show(self, shows: Shows) -> Lines<'a, 'b> {
        Lines { shows, ..self }
    }

    /// Path and member of the text that one of them is in.
    pub fn file(&self, quote: &Quote<'_>) -> (&'a str, Option<&'a str>) {
        self.quotes.file(quote.at.file)
    }

    /// They, one after another.
    pub fn iter(&self) -> impl Iterator<Item = Quote<'b>> + use<'b> {
        let Lines { quoted, lines, shows, .. } = *self;
        lines.iter().filter(move |line| line.shows & shows != 0).map(|of| {
            let Line { shows, at, line, .. } = of;
            let text = quoted.text(of);
            Quote { shows: *shows, at: *at, line: line.map(NonZeroU64::get), text }
        })
    }
}
