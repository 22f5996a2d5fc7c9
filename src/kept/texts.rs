//! Texts into columns: what a walk finds becomes blocks, some of them packed side by side.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BLOCK, Block, Dates, HEAD, Refused, Sections, Shown, Text, TrailFile};
use crate::columns::pack;
use crate::model::FileId;
use crate::open::{Damage, Member, Sink, Want};
use crate::parse::LONGEST_LINE;

/// So many blocks for each worker are packed at a time.
const EACH: usize = 2;

/// Where a text has damage.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gap {
    /// How many bytes of the text precede it.
    pub at: u64,
    /// The cause.
    pub text: String,
}

impl Gap {
    /// As a sink takes it.
    pub fn damage(&self) -> Damage {
        Damage { at: self.at, text: self.text.clone() }
    }
}

impl From<Damage> for Gap {
    fn from(Damage { at, text }: Damage) -> Gap {
        Gap { at, text }
    }
}

/// A block that waits to be packed.
#[derive(Debug)]
struct Waiting {
    text: usize,
    place: u64,
    lines: Vec<u8>,
}

/// What says of some lines when they were written, and what clocks they show; nothing if not all of them tell.
pub type Dater<'a> = &'a (dyn Fn(&[u8]) -> Option<(Dates, BTreeSet<Shown>)> + Sync);

/// Takes the texts of units one after the other.
pub struct Packing<'a> {
    to: &'a mut dyn Sections,
    /// The texts so far.
    texts: &'a mut [Text],
    dater: Dater<'a>,
    /// Which of them the next leaves are.
    next: std::vec::IntoIter<usize>,
    current: Option<usize>,
    waiting: Vec<Waiting>,
    lines: Vec<u8>,
    place: u64,
    /// Only the beginning of the text is wanted, or what comes is no beginning any more.
    is_copy: bool,
    holed: bool,
    /// Lines are left out.
    brief: bool,
    /// Counts bytes of text, for whoever shows how far it has come.
    done: &'a AtomicU64,
    error: Option<io::Error>,
}

impl std::fmt::Debug for Packing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packing").field("current", &self.current).finish_non_exhaustive()
    }
}

impl<'a> Packing<'a> {
    /// Of these texts, which have no blocks yet; if lines are left out, only the heads of texts are kept.
    pub fn new(
        to: &'a mut dyn Sections,
        texts: &'a mut [Text],
        dater: Dater<'a>,
        brief: bool,
        done: &'a AtomicU64,
    ) -> Packing<'a> {
        Packing {
            to,
            texts,
            dater,
            next: Vec::new().into_iter(),
            current: None,
            waiting: Vec::new(),
            lines: Vec::new(),
            place: 0,
            is_copy: false,
            holed: false,
            brief,
            done,
            error: None,
        }
    }

    /// The next unit to be walked has these texts.
    pub fn unit(&mut self, texts: &[FileId]) {
        let numbers: Vec<usize> = texts.iter().filter_map(|text| usize::try_from(text.0).ok()).collect();
        self.next = numbers.into_iter();
    }

    /// Takes the next text from another trail file, as it is.
    ///
    /// # Errors
    /// It cannot be read, or is not what was written there.
    pub fn copy(&mut self, file: &TrailFile, number: usize) -> Result<(), Refused> {
        self.write();
        let Some(text) = self.next.next().and_then(|number| self.texts.get_mut(number)) else { return Ok(()) };
        let Some(kept) = file.index.texts.get(number).filter(|_| text.copy_of.is_none() && !self.brief) else {
            return Ok(());
        };
        text.shown.clone_from(&kept.shown);
        for block in &kept.blocks {
            let packed = self.to.put(&file.section(&block.packed)?)?;
            text.blocks.push(Block { packed, dates: file.dates(block).cloned(), ..*block });
            self.done.fetch_add(block.length, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Everything was walked.
    ///
    /// # Errors
    /// A section could not be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.write();
        self.error.map_or(Ok(()), Err)
    }

    /// Whether something could not be written, so that there is no use in going on.
    pub fn has_failed(&self) -> bool {
        self.error.is_some()
    }

    /// Cuts a block: up to the last line end of what is gathered, or all of it.
    fn cut(&mut self, all: bool) {
        let Some(text) = self.current else { return };
        let newline = memchr::memrchr(b'\n', &self.lines).map(|at| at + 1);
        let end = if all { self.lines.len() } else { newline.unwrap_or(self.lines.len()) };
        let rest = self.lines.split_off(end);
        let lines = std::mem::replace(&mut self.lines, rest);
        if lines.is_empty() {
            return;
        }
        // The last line of a text or of a section need not have an end.
        let is_apart =
            (all || lines.ends_with(b"\n")) && lines.split(|b| *b == b'\n').all(|line| line.len() < LONGEST_LINE);
        if let Some(text) = self.texts.get_mut(text) {
            text.apart &= is_apart;
        }
        let length = lines.len() as u64;
        self.waiting.push(Waiting { text, place: self.place, lines });
        self.place += length;
        if self.waiting.len() >= EACH * rayon::current_num_threads().max(1) {
            self.write();
        }
    }

    /// Packs what waits, side by side, and writes it in order.
    fn write(&mut self) {
        let dater = self.dater;
        let packed = self.waiting.par_iter().map(|waiting| (pack(&waiting.lines), dater(&waiting.lines)));
        let packed: Vec<_> = packed.collect();
        for (waiting, (packed, dated)) in self.waiting.drain(..).zip(packed) {
            let Waiting { text, place, lines } = waiting;
            let Some(text) = self.texts.get_mut(text) else { continue };
            let (dates, shown) = dated.unzip();
            text.shown.extend(shown.into_iter().flatten());
            match self.to.put(&packed) {
                Ok(packed) => text.blocks.push(Block { packed, place, length: lines.len() as u64, dates }),
                Err(error) => self.error = self.error.take().or(Some(error)),
            }
        }
    }
}

impl Sink for Packing<'_> {
    fn begin(&mut self, _: &Member<'_>) -> Want {
        self.current = self.next.next();
        self.place = 0;
        (self.is_copy, self.holed) = (false, false);
        match self.current.and_then(|number| self.texts.get(number)) {
            Some(text) if self.error.is_none() => self.is_copy = text.copy_of.is_some(),
            _ => return Want::Skip,
        }
        if self.is_copy || self.brief { Want::Head(HEAD) } else { Want::All }
    }

    fn data(&mut self, bytes: &[u8]) {
        if let Some(text) = self.current.filter(|_| !self.holed).and_then(|number| self.texts.get_mut(number)) {
            let room = HEAD.saturating_sub(text.head.len());
            text.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
        self.done.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if self.is_copy || self.brief {
            return;
        }
        self.lines.extend_from_slice(bytes);
        if self.lines.len() >= BLOCK {
            self.cut(false);
        }
    }

    fn hole(&mut self, damage: Damage) {
        self.cut(true);
        self.holed |= damage.at > 0;
        if let Some(text) = self.current.and_then(|number| self.texts.get_mut(number)) {
            // The lines on either side of a hole are cut off by it, which only whoever reads on from before it can tell.
            text.apart = false;
            text.holes.push(damage.into());
        }
    }

    fn end(&mut self, damage: Option<Damage>) {
        self.cut(true);
        if let (Some(text), Some(damage)) = (self.current.and_then(|number| self.texts.get_mut(number)), damage) {
            text.apart = false;
            text.damage = Some(damage.into());
        }
        self.current = None;
    }

    fn note(&mut self, _: crate::note::Note) {}
}
