//! Reading what must be decoded: one worker decodes, idle ones help with the lines.

use std::path::Path;

use super::queue::Piece;
use super::sieve::{EDGE, Stand};
use super::{Run, lock};
use crate::chunk::{Cut, Cutter, Unfold};
use crate::grammar::is_markup;
use crate::hash::TextHasher;
use crate::note::{Note, NoteKind};
use crate::open::{Damage, Kind, Member, Sink, Want};
use crate::plan::{self, Leaf, Unit};
use crate::trail::FileId;

/// How much text is handed on at a time, in bytes.
const PIECE: usize = 256 << 10;
/// What a compressed byte gives, for the meter: a guess that only a display sees.
const RATIO: u64 = 6;

impl<'a> Run<'a> {
    /// Walks one file to its texts and folds them.
    pub(super) fn walk(&self, unit: &'a Unit) {
        self.reading.meter.at(&unit.path);
        let mut sink = ReadSink {
            run: self,
            unit,
            next: 0,
            leaf: None,
            hash: None,
            cutter: Cutter::default(),
            unfold: None,
            is_new: true,
            unfolded: Vec::new(),
            piece: Vec::new(),
            place: 0,
            begin: 0,
            section: 0,
            pieces: 0,
            metered: 0,
            decoded: 0,
            cut_off: None,
        };
        plan::walk(&unit.input, &unit.path, self.reading.walk, &mut sink);
        let rest = unit.size.saturating_sub(sink.metered);
        if sink.next < unit.leaves.len() {
            self.changed(&unit.path);
        }
        self.reading.meter.add(rest);
    }

    /// Folds a piece.
    pub(super) fn piece(&self, piece: Piece) {
        let Piece { file, number, section, stand, text, years } = piece;
        self.fold((file, section), number, None, |folder| self.lines(folder, &text, stand, &years));
        self.queue.done(text);
    }

    fn changed(&self, path: &Path) {
        let text = "changed while it was read; run again when nothing writes to it";
        lock(&self.found).notes.push(Note::new(path.to_string_lossy(), NoteKind::Unreadable, text));
    }
}

/// Takes the texts of one file and folds them, or has them folded.
struct ReadSink<'r, 'a> {
    run: &'r Run<'a>,
    unit: &'a Unit,
    next: usize,
    leaf: Option<Leaf>,
    /// The text's member path and hash, if that is wanted.
    hash: Option<TextHasher>,
    cutter: Cutter,
    /// Of a text that is XML, and the last of it that was unfolded.
    unfold: Option<Unfold>,
    is_new: bool,
    unfolded: Vec<u8>,
    piece: Vec<u8>,
    place: u64,
    /// Where the section at hand begins, and how many holes precede it.
    begin: u64,
    section: u32,
    pieces: u64,
    metered: u64,
    decoded: u64,
    /// Where the last line stands that damage cut off.
    cut_off: Option<u64>,
}

impl ReadSink<'_, '_> {
    fn leaf_of(&mut self, member: &Member<'_>) -> Option<Leaf> {
        let planned = self.unit.leaves.get(self.next).and_then(|id| self.run.plan.leaf(*id));
        self.next += 1;
        if let Some(leaf) = planned {
            return Some(leaf.clone());
        }
        if !self.unit.leaves.is_empty() {
            self.run.changed(&self.unit.path);
            return None;
        }
        let mut found = lock(&self.run.found);
        let id = self.run.plan.leaves.len() + found.unplanned.len();
        let leaf = plan::unplanned(FileId(u32::try_from(id).ok()?), member, self.run.reading.year);
        found.unplanned.push(leaf.clone());
        Some(leaf)
    }

    /// Hands the piece at hand to an idle worker, or folds it here. The text ends with it, or goes on.
    fn hand_on(&mut self, ends: bool) {
        let Some(leaf) = &self.leaf else { return };
        if self.piece.is_empty() {
            return;
        }
        let (file, number, years) = (leaf.id, self.pieces, leaf.years.clone());
        let end = ends.then(|| self.place + self.piece.len() as u64);
        let stand = Stand { place: self.place, begin: self.begin, end };
        self.pieces += 1;
        let piece = Piece { file, number, section: self.section, stand, text: std::mem::take(&mut self.piece), years };
        if let Some(piece) = self.run.queue.offer(piece) {
            self.run.piece(piece);
        }
        self.piece = self.run.queue.empty();
    }

    /// The same, but for the lines that may be the text's last, if those are of interest.
    fn hand_on_all_but_the_edge(&mut self) {
        let edge = self.run.reading.sieve.filter(|sieve| sieve.is_by_users()).map_or(0, |_| EDGE);
        let sure = self.piece.len().saturating_sub(usize::try_from(edge).unwrap_or(0));
        let at = memchr::memrchr(b'\n', self.piece.get(..sure).unwrap_or_default()).map_or(0, |newline| newline + 1);
        let rest = self.piece.split_off(at);
        let place = self.place + at as u64;
        self.hand_on(false);
        self.piece.extend_from_slice(&rest);
        self.place = place;
    }

    fn take(&mut self, cut: &Cut<'_>) {
        match *cut {
            Cut::Lines(block, place) => {
                if self.piece.is_empty() {
                    self.place = place;
                }
                self.piece.extend_from_slice(block);
                if self.piece.len() >= PIECE {
                    self.hand_on_all_but_the_edge();
                }
            }
            Cut::TooLong(..) => {
                self.hand_on(false);
                let Some(leaf) = &self.leaf else { return };
                let number = self.pieces;
                self.pieces += 1;
                let section = self.section;
                self.run.fold((leaf.id, section), number, None, |folder| self.run.feed(folder, cut, None, &leaf.years));
            }
            Cut::CutOff(bytes, place) => {
                self.hand_on(true);
                let Some(leaf) = &self.leaf else { return };
                let number = self.pieces;
                self.pieces += 1;
                self.cut_off = Some(place);
                self.run.fold((leaf.id, self.section), number, None, |folder| folder.cut_off(bytes));
            }
        }
    }

    /// Cuts what was unfolded.
    fn push_unfolded(&mut self) {
        let mut unfolded = std::mem::take(&mut self.unfolded);
        self.with_cutter(|cutter, out| cutter.push(&unfolded, out));
        unfolded.clear();
        self.unfolded = unfolded;
    }

    /// What is held of an element comes out, too.
    fn end_unfolding(&mut self) {
        if let Some(unfold) = &mut self.unfold {
            unfold.end(&mut self.unfolded);
            self.push_unfolded();
        }
    }

    fn with_cutter(&mut self, work: impl FnOnce(&mut Cutter, &mut dyn FnMut(Cut<'_>))) {
        let mut cutter = std::mem::take(&mut self.cutter);
        work(&mut cutter, &mut |cut| self.take(&cut));
        self.cutter = cutter;
    }
}

impl Sink for ReadSink<'_, '_> {
    fn begin(&mut self, member: &Member<'_>) -> Want {
        self.leaf = self.leaf_of(member);
        (self.pieces, self.section, self.begin) = (0, 0, 0);
        (self.cutter, self.unfold, self.is_new) = (Cutter::default(), None, true);
        self.hash = self.run.reading.hashes.then(|| TextHasher::new(member.member));
        match (&self.leaf, member.kind) {
            (Some(leaf), Kind::Plain) if leaf.copy_of.is_none() => Want::All,
            (Some(_), Kind::Image(_)) => Want::All,
            _ => Want::Skip,
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        self.hash.iter_mut().for_each(|text| text.update(bytes));
        if std::mem::take(&mut self.is_new) {
            // Of a pipe nobody has seen the beginning before.
            let is_xml = self.leaf.as_ref().is_some_and(|leaf| leaf.markup) || is_markup(bytes);
            self.unfold = (is_xml && self.run.reading.grammars.knows_xml()).then(Unfold::default);
        }
        self.decoded += bytes.len() as u64;
        let metered = (self.decoded / RATIO).min(self.unit.size);
        self.run.reading.meter.add(metered - self.metered.min(metered));
        self.metered = self.metered.max(metered);
        match &mut self.unfold {
            None => self.with_cutter(|cutter, out| cutter.push(bytes, out)),
            Some(unfold) => {
                unfold.push(bytes, &mut self.unfolded);
                self.push_unfolded();
            }
        }
    }

    fn hole(&mut self, damage: Damage) {
        self.hash.iter_mut().for_each(|text| text.damaged(&damage));
        let Damage { at, text } = damage;
        self.end_unfolding();
        self.with_cutter(Cutter::hole);
        self.hand_on(true);
        (self.section, self.begin) = (self.section + 1, at);
        let Some(leaf) = &self.leaf else { return };
        let text = format!("{text}; the lines cut off by it, before and behind, count as rejected");
        let mut found = lock(&self.run.found);
        found.notes.push(Note::new(leaf.shown.clone(), NoteKind::Damaged, text).at(at));
        *found.holes.entry(leaf.id).or_default() += 1;
    }

    fn end(&mut self, damage: Option<Damage>) {
        damage.iter().for_each(|damage| self.hash.iter_mut().for_each(|text| text.damaged(damage)));
        if let Some((text, leaf)) = self.hash.take().zip(self.leaf.as_ref().filter(|l| l.copy_of.is_none())) {
            lock(&self.run.found).hashed.insert(leaf.id, text.finish());
        }
        self.cut_off = None;
        self.end_unfolding();
        self.with_cutter(if damage.is_some() { Cutter::lost } else { Cutter::end });
        self.hand_on(true);
        let Some(leaf) = self.leaf.take() else { return };
        lock(&self.run.progress).ended(leaf.id, self.pieces);
        if let Some(Damage { at, text }) = damage {
            let last = self.cut_off.map_or_else(String::new, |place| {
                format!("; the line at byte {place} is cut off by it and counts as rejected")
            });
            let mut found = lock(&self.run.found);
            found.notes.push(Note::new(leaf.shown, NoteKind::Damaged, text + &last).at(at));
            found.damaged.insert(leaf.id);
        }
    }

    fn note(&mut self, note: Note) {
        lock(&self.run.found).notes.push(note);
    }
}
