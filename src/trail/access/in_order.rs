//! Last accesses in the order of the names: they need no index, are merged by going through both, and are answered as they are.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::LastAccess;
use super::entry::Entry;
use crate::index::{Index, NOBODY};
use crate::streams::Streams;

impl LastAccess {
    /// Whether the entries are in the order of the names. They have no index then.
    pub(in crate::trail) fn is_in_order(&self) -> bool {
        self.index.is_empty()
    }

    /// Brings the entries into the order of the names. All that was put aside must be settled.
    pub fn put_in_order(&mut self) {
        if !self.is_in_order() {
            self.index = Index::default();
            self.sort();
        }
    }

    /// Sorts the entries, of which there is no index.
    pub(super) fn sort(&mut self) {
        let LastAccess { entries, long, lines, .. } = self;
        // Nobody needs the hashes any more: they lead to the lines.
        if !lines.is_empty() {
            entries.iter_mut().zip(0..).for_each(|(entry, number)| entry.hash = number);
        }
        entries.par_sort_unstable_by(|a, b| a.order(b, (long, long)));
        *lines = entries.iter().filter_map(|entry| lines.get(entry.hash as usize).copied()).collect();
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
