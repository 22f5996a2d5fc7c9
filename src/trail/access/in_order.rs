//! Last accesses in the order of the names: they need no index, are merged by going through both, and are answered as they are.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::LastAccess;
use super::entry::{EMPTY, Entry};
use crate::index::NOBODY;
use crate::streams::Streams;

/// The long names of all parts, which are told where theirs are.
fn long_names(parts: &mut [LastAccess]) -> Vec<u8> {
    let mut all = Vec::new();
    for LastAccess { entries, long, .. } in parts.iter_mut().filter(|part| !part.long.is_empty()) {
        let begin = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let with_long = entries.iter_mut().filter(|entry| entry.is_long());
        with_long.for_each(|entry| entry.place = entry.place.saturating_add(begin));
        all.append(long);
    }
    all
}

/// Where an entry is, by the first bytes of its name, eight by eight: a number of sixteen would take more room.
struct Place {
    leading: [u64; 2],
    part: u32,
    entry: u32,
}

impl Place {
    /// What sorts as the first bytes of the name do.
    fn leading(&self) -> u128 {
        let [first, second] = self.leading;
        u128::from(first) << 64 | u128::from(second)
    }
}

impl LastAccess {
    /// Whether the entries are in the order of the names. They have no index then.
    pub(in crate::trail) fn is_in_order(&self) -> bool {
        self.index.is_empty()
    }

    /// Brings the entries into the order of the names. All that was put aside must be settled.
    pub fn put_in_order(&mut self) {
        if !self.is_in_order() {
            *self = LastAccess::of_parts(vec![std::mem::take(self)]);
        }
    }

    /// All entries of tables that have none in common, and have settled theirs, in the order of the names.
    pub(super) fn of_parts(mut parts: Vec<LastAccess>) -> LastAccess {
        let long = long_names(&mut parts);
        let (mut starts, mut len) = (Vec::new(), 0);
        for part in &parts {
            starts.push(len);
            len += part.len();
        }
        // Entries are large: the beginnings of their names are sorted, and each is moved once.
        let place = |number: usize| {
            let part = starts.partition_point(|start| *start <= number).saturating_sub(1);
            let entry = number - starts.get(part).copied().unwrap_or(0);
            let leading = parts.get(part).and_then(|part| part.entries.get(entry)).map_or(0, Entry::leading);
            Place { leading: [(leading >> 64) as u64, leading as u64], part: part as u32, entry: entry as u32 }
        };
        let mut places: Vec<Place> = (0..len).into_par_iter().map(place).collect();
        places.par_sort_unstable_by_key(Place::leading);
        let entry = |place: &Place| parts.get(place.part as usize)?.entries.get(place.entry as usize);
        let order = |a: &Place, b: &Place| {
            entry(a).zip(entry(b)).map_or(Ordering::Equal, |(one, other)| one.order(other, (&long, &long)))
        };
        let alike = places.par_chunk_by_mut(|a, b| a.leading == b.leading).filter(|alike| alike.len() > 1);
        alike.for_each(|alike| alike.par_sort_unstable_by(order));
        let entries = places.par_iter().map(|place| entry(place).copied().unwrap_or(EMPTY)).collect();
        let line = |place: &Place| parts.get(place.part as usize)?.lines.get(place.entry as usize).copied();
        let lines = places.iter().filter_map(line).collect();
        LastAccess { long, entries, lines, ..LastAccess::default() }
    }

    /// Keeps only the users that are asked for, of entries in order, which know of no lines.
    pub fn retain(&mut self, asked: impl Fn(&[u8]) -> bool) {
        let LastAccess { entries, long, .. } = self;
        entries.retain(|entry| asked(entry.name(long)));
    }

    /// Makes the index that entries in order do not have.
    pub(super) fn find_by_hash(&mut self) {
        if !self.is_in_order() {
            return;
        }
        self.index.reserve(self.entries.len());
        for (number, entry) in (0..).zip(&mut self.entries) {
            entry.hash = Entry::of(entry.name(&self.long), entry.service).hash;
            self.index.insert(entry.hash, number.min(NOBODY - 1));
        }
    }

    /// Whether a user is among entries in order.
    pub(super) fn has_in_order(&self, user: &[u8]) -> bool {
        let name = |entry: &Entry| entry.name(&self.long).cmp(user);
        self.entries.binary_search_by(name).is_ok()
    }

    /// What both know, in order. Of lines it knows none: a trail file has none to show.
    pub(super) fn merge_in_order(mut self, mut other: LastAccess, streams: &Streams) -> LastAccess {
        self.put_in_order();
        other.put_in_order();
        let mut both = LastAccess::default();
        both.become_both(&self, &other, streams);
        both
    }

    /// Becomes what two know that are in order, in the memory that it has.
    pub(in crate::trail) fn become_both(&mut self, ours: &LastAccess, theirs: &LastAccess, streams: &Streams) {
        let both = self;
        both.entries.clear();
        both.long.clear();
        both.entries.reserve(ours.len() + theirs.len());
        let (mut a, mut b) = (ours.entries.as_slice(), theirs.entries.as_slice());
        while let ([one, a_rest @ ..], [two, b_rest @ ..]) = (a, b) {
            match one.order(two, (&ours.long, &theirs.long)) {
                Ordering::Less => {
                    both.append(*one, &ours.long);
                    a = a_rest;
                }
                Ordering::Greater => {
                    both.append(*two, &theirs.long);
                    b = b_rest;
                }
                Ordering::Equal => {
                    let mut one = *one;
                    one.take(two, streams);
                    both.append(one, &ours.long);
                    (a, b) = (a_rest, b_rest);
                }
            }
        }
        a.iter().for_each(|entry| both.append(*entry, &ours.long));
        b.iter().for_each(|entry| both.append(*entry, &theirs.long));
    }

    /// Puts an entry behind all others, with its name if that lies elsewhere.
    #[inline]
    fn append(&mut self, mut entry: Entry, long: &[u8]) {
        if entry.is_long() {
            let place = u32::try_from(self.long.len()).unwrap_or(u32::MAX);
            self.long.extend_from_slice(entry.name(long));
            entry.place = place;
        }
        self.entries.push(entry);
    }
}
