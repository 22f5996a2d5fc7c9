//! Copies: where files of a stream overlap in time, equal records count once (R13).

use std::collections::BTreeMap;

use crate::model::{Instant, Service};
use crate::resolve::{Overlap, Resolved};

/// Where files overlap, and the record before: records come in order, equal ones one behind the other.
#[derive(Debug)]
pub(super) struct Copies<'a> {
    overlaps: BTreeMap<(&'a [u8], Service), &'a [Overlap]>,
    last: Vec<u8>,
}

/// The moment of a record by which an overlap has it, in which stream.
pub(super) type Moment<'r> = (&'r [u8], Service, Instant);

impl<'a> Copies<'a> {
    pub(super) fn of(streams: &'a [Resolved]) -> Copies<'a> {
        let overlapped = streams.iter().filter(|stream| !stream.overlaps.is_empty());
        let overlaps = overlapped.map(|stream| ((&stream.store[..], stream.service), &stream.overlaps[..])).collect();
        Copies { overlaps, last: Vec::new() }
    }

    /// Whether no files overlap.
    pub(super) fn are_none(&self) -> bool {
        self.overlaps.is_empty()
    }

    /// Whether files overlap there.
    pub(super) fn may_be(&self, (store, service, at): Moment<'_>) -> bool {
        self.overlaps.get(&(store, service)).is_some_and(|overlaps| is_within(overlaps, at))
    }

    /// Whether a record is the one before once more; `record` is as much of it as must be equal.
    pub(super) fn has(&mut self, moment: Moment<'_>, record: &[u8]) -> bool {
        let again = self.last == record && self.may_be(moment);
        if !again {
            self.last.clear();
            self.last.extend_from_slice(record);
        }
        again
    }
}

pub(super) fn is_within(overlaps: &[Overlap], at: Instant) -> bool {
    overlaps.iter().any(|overlap| overlap.from <= at && at <= overlap.to)
}
