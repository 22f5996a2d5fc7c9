//! Copies (R13): texts whose whole content is equal to, or the beginning of, another's.
//!
//! Heads tell which texts may be copies; only those are read whole, twice at most: once for their length and hash, once for
//! the hashes of their beginnings of the shorter ones' lengths.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{HEAD, Input, Plan, Unit, copy_note, walk};
use crate::note::{Note, NoteKind};
use crate::open::{Damage, Kind, Member, Sink, WalkOptions, Want};
use crate::trail::FileId;

type Hash = [u8; 32];

/// Stands for what is lost: no text that is whole has these bytes.
const HOLE: &[u8] = b"\0\xff\n\0hole";

/// What was learned of one text by reading it.
#[derive(Clone, Debug, Default)]
struct Hashed {
    /// The hash of its whole, or of its beginnings of the lengths given, by length.
    hashes: BTreeMap<u64, Hash>,
    /// Where something is lost, and where it could not be read further.
    damage: Vec<Damage>,
}

impl Hashed {
    /// Its length, and the hash of all of it.
    fn whole(&self) -> Option<(u64, Hash)> {
        self.hashes.last_key_value().map(|(length, hash)| (*length, *hash))
    }
}

/// Marks copies in the plan, and notes them.
pub(super) fn mark(plan: &mut Plan, heads: &[Vec<u8>], options: &WalkOptions) {
    for family in families(plan, heads, is_comparable) {
        plan.looked_behind = true;
        let whole = hashes(plan, &family, &BTreeMap::new(), options);
        let lengths: BTreeSet<u64> = whole.values().filter_map(|h| Some(h.whole()?.0)).collect();
        let stops: BTreeMap<FileId, BTreeSet<u64>> = family.iter().map(|id| (*id, lengths.clone())).collect();
        let begun = if lengths.len() > 1 { hashes(plan, &family, &stops, options) } else { whole.clone() };
        // Damage before the end of the first line leaves too little to tell a copy by.
        let has_line =
            |id: &FileId| usize::try_from(id.0).is_ok_and(|i| heads.get(i).is_some_and(|h| h.contains(&b'\n')));
        let is_told_by = |id: &FileId| has_line(id) || whole.get(id).is_some_and(|h| h.damage.is_empty());
        let family: Vec<FileId> = family.into_iter().filter(is_told_by).collect();
        mark_family(plan, &family, &whole, &begun);
    }
    plan.notes.sort();
}

/// Whether a text begins as one of the plan's first trail file does, which has no lines to compare.
pub(super) fn is_doubtful(plan: &Plan, heads: &[Vec<u8>]) -> bool {
    let base: BTreeSet<FileId> = plan.trails.first().iter().flat_map(|trail| &trail.texts).copied().collect();
    let is_no_stream = |input: &Input| match input {
        Input::Path(_) => true,
        Input::Spooled(_) | Input::Stream => false,
        Input::Trail(file, text) => file.index.texts.get(*text).is_some_and(|text| !text.stdin),
    };
    let is_mixed = |family: &Vec<FileId>| {
        let of_base = family.iter().filter(|id| base.contains(id)).count();
        of_base > 0 && of_base < family.len()
    };
    families(plan, heads, is_no_stream).iter().any(is_mixed)
}

/// Whether there is something to compare: not of a copy, nor of a text whose lines were left out.
fn is_comparable(input: &Input) -> bool {
    match input {
        Input::Path(_) => true,
        Input::Spooled(_) | Input::Stream => false,
        Input::Trail(file, text) => {
            let text = file.index.texts.get(*text);
            !file.index.brief && text.is_some_and(|text| !text.stdin && text.copy_of.is_none())
        }
    }
}

/// Texts whose heads allow one to be the beginning of another.
fn families(plan: &Plan, heads: &[Vec<u8>], is_one: impl Fn(&Input) -> bool) -> Vec<Vec<FileId>> {
    let readable = |id: &FileId| plan.leaf(*id).is_some_and(|l| l.kind == Kind::Plain);
    let streams: BTreeSet<FileId> =
        plan.units.iter().filter(|u| !is_one(&u.input)).flat_map(|u| u.leaves.clone()).collect();
    let mut texts: Vec<(&[u8], FileId)> = (0..)
        .map(FileId)
        .zip(heads)
        // A text of which nothing can be decoded is no copy of anything.
        .filter(|(id, head)| readable(id) && !head.is_empty() && !streams.contains(id))
        .map(|(id, head)| (head.as_slice(), id))
        .collect();
    texts.sort();
    let mut families: Vec<Vec<FileId>> = Vec::new();
    let mut last: Option<&[u8]> = None;
    for (head, id) in texts {
        let begins = last.is_some_and(|l| if l.len() < HEAD { head.starts_with(l) } else { head == l });
        match families.last_mut() {
            Some(family) if begins => family.push(id),
            _ => families.push(vec![id]),
        }
        last = Some(head);
    }
    families.retain(|f| f.len() > 1);
    families
}

/// Reads the texts of a family. `stops` are the lengths of the beginnings that are hashed.
fn hashes(
    plan: &Plan,
    family: &[FileId],
    stops: &BTreeMap<FileId, BTreeSet<u64>>,
    options: &WalkOptions,
) -> BTreeMap<FileId, Hashed> {
    let units: Vec<&Unit> = plan.units.iter().filter(|u| u.leaves.iter().any(|id| family.contains(id))).collect();
    let hashed: Vec<_> = units
        .par_iter()
        .map(|unit| {
            let mut sink =
                HashSink { leaves: &unit.leaves, family, stops, next: 0, current: None, done: BTreeMap::new() };
            walk(&unit.input, &unit.path, options, &mut sink);
            sink.done
        })
        .collect();
    hashed.into_iter().flatten().collect()
}

/// The longest is read, the first path among equals; the others are copies of it.
fn mark_family(plan: &mut Plan, family: &[FileId], whole: &BTreeMap<FileId, Hashed>, begun: &BTreeMap<FileId, Hashed>) {
    let length = |id: &FileId| whole.get(id).and_then(Hashed::whole);
    let mut longest_first: Vec<FileId> = family.to_vec();
    longest_first
        .sort_by_key(|id| (std::cmp::Reverse(length(id).map(|l| l.0)), plan.leaf(*id).map(|l| l.shown.clone())));
    let mut kept: Vec<FileId> = Vec::new();
    for id in longest_first {
        let Some((n, hash)) = length(&id) else { continue };
        let same = |other: &&FileId| begun.get(other).and_then(|h| h.hashes.get(&n)) == Some(&hash);
        match kept.iter().find(same).copied() {
            None => kept.push(id),
            Some(original) => {
                if let (Some(copy), Some(kept)) = (plan.leaf(id), plan.leaf(original)) {
                    let note = copy_note(copy, kept);
                    // It will not be read again, so that nobody else tells of its damage.
                    let damage = whole.get(&id).map(|h| h.damage.clone()).unwrap_or_default();
                    let told = |d: Damage| Note::new(copy.shown.clone(), NoteKind::Damaged, d.text).at(d.at);
                    let damage: Vec<Note> = damage.into_iter().map(told).collect();
                    plan.notes.push(note);
                    plan.notes.extend(damage);
                }
                if let Some(leaf) = usize::try_from(id.0).ok().and_then(|i| plan.leaves.get_mut(i)) {
                    leaf.copy_of = Some(original);
                }
            }
        }
    }
}

/// Hashes the texts of one family in one file.
struct HashSink<'a> {
    leaves: &'a [FileId],
    family: &'a [FileId],
    stops: &'a BTreeMap<FileId, BTreeSet<u64>>,
    next: usize,
    current: Option<Hashing>,
    done: BTreeMap<FileId, Hashed>,
}

struct Hashing {
    id: FileId,
    hasher: Sha256,
    length: u64,
    found: BTreeMap<u64, Hash>,
    stops: Vec<u64>,
    damage: Vec<Damage>,
}

impl Hashing {
    fn feed(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while let Some(stop) = self.stops.last().copied().filter(|s| *s <= self.length + bytes.len() as u64) {
            let n = usize::try_from(stop - self.length).unwrap_or(0);
            let (head, tail) = bytes.split_at(n.min(bytes.len()));
            self.hasher.update(head);
            self.length = stop;
            self.found.insert(stop, self.hasher.clone().finalize().into());
            self.stops.pop();
            bytes = tail;
        }
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
    }
}

impl Sink for HashSink<'_> {
    fn begin(&mut self, _: &Member<'_>) -> Want {
        let id = self.leaves.get(self.next).copied();
        self.next += 1;
        let Some(id) = id.filter(|id| self.family.contains(id)) else { return Want::Skip };
        let stops = self.stops.get(&id).map(|s| s.iter().rev().copied().collect()).unwrap_or_default();
        self.current =
            Some(Hashing { id, hasher: Sha256::new(), length: 0, found: BTreeMap::new(), stops, damage: Vec::new() });
        Want::All
    }
    fn data(&mut self, bytes: &[u8]) {
        if let Some(current) = &mut self.current {
            current.feed(bytes);
        }
    }
    fn hole(&mut self, damage: Damage) {
        if let Some(current) = &mut self.current {
            // A text from which something is missing is a copy of none from which nothing is, but for one that ends here.
            current.hasher.update(HOLE);
            current.damage.push(damage);
        }
    }
    fn end(&mut self, damage: Option<Damage>) {
        if let Some(mut done) = self.current.take() {
            done.damage.extend(damage);
            done.found.insert(done.length, done.hasher.finalize().into());
            self.done.insert(done.id, Hashed { hashes: done.found, damage: done.damage });
        }
    }
    fn note(&mut self, _: Note) {}
}
