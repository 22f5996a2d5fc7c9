//! The tally: what became of every line and byte (promise 1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::grammar::Kind;
use crate::model::FileId;
use crate::parse::Why;

/// Lines, and their bytes with newlines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Lines.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Count {
    /// Counts one line of so many bytes.
    #[inline]
    pub fn add(&mut self, bytes: u64) {
        self.lines += 1;
        self.bytes += bytes;
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: Count) {
        // Numbers out of files may be any.
        self.lines = self.lines.saturating_add(other.lines);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// A line as an example, with its place: the smallest by file and offset stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// In which file.
    pub file: FileId,
    /// At which byte of its decoded text.
    pub place: u64,
    /// The line's beginning.
    pub text: Vec<u8>,
}

/// How much of a line a sample keeps, in bytes.
const SAMPLE: usize = 160;
/// How much of one that is to be read again.
const WHOLE: usize = 4096;

impl Sample {
    /// A sample of a line.
    pub fn of(file: FileId, place: u64, line: &[u8]) -> Sample {
        Sample { file, place, text: line.get(..SAMPLE).unwrap_or(line).to_vec() }
    }

    /// A sample of a line that is to be read again, so that more of it is kept.
    pub fn whole(file: FileId, place: u64, line: &[u8]) -> Sample {
        Sample { file, place, text: line.get(..WHOLE).unwrap_or(line).to_vec() }
    }
}

/// What an unknown message is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Like {
    /// A login or close, to judge by its category, its first word, or an address in brackets.
    Account,
    /// A login, close or refused login whose fields do not fit: a reject (R1).
    Unfit,
    /// Anything else.
    Other,
}

impl Like {
    /// The name in the JSON document.
    pub fn as_str(self) -> &'static str {
        match self {
            Like::Account => "account",
            Like::Unfit => "unfit",
            Like::Other => "other",
        }
    }
}

/// What unknown messages are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shape {
    /// What they are like.
    pub like: Like,
    /// Their words, masked; or the template that would read them, if that is asked for.
    pub text: String,
}

/// Something counted, with its first sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub sample: Sample,
}

/// How many shapes of unknown messages are kept: those like logins and closes first, then the smallest by bytes, so that keeping fewer is no matter of order.
pub const SHAPES: usize = 1000;

/// What became of every line. The five kinds add up to the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that mean something here.
    pub event: Count,
    /// Lines that a template names and that mean nothing here.
    pub known: Count,
    /// Good envelopes around messages that no template names.
    pub unknown: Count,
    /// Lines that are none of ours (R1).
    pub reject: Count,
    /// Lines that were not read, on purpose.
    pub passed_over: Count,
    /// Events by kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Unknown messages, and rejects that are like logins and closes, by shape.
    pub shapes: BTreeMap<Shape, Sampled>,
}

impl Tally {
    /// Counts an unknown message by its shape.
    pub fn shape(&mut self, shape: Shape, sample: Sample) {
        self.shapes(shape, Sampled { count: 1, sample });
    }

    /// Adds what was counted of a shape.
    pub(super) fn shapes(&mut self, shape: Shape, seen: Sampled) {
        count_sample(&mut self.shapes, shape, seen.count, seen.sample);
        if self.shapes.len() > SHAPES {
            self.shapes.pop_last();
        }
    }

    /// What both counted.
    pub fn merge(mut self, other: Tally) -> Tally {
        self.event.merge(other.event);
        self.known.merge(other.known);
        self.unknown.merge(other.unknown);
        self.reject.merge(other.reject);
        self.passed_over.merge(other.passed_over);
        for (kind, count) in other.kinds {
            let ours = self.kinds.entry(kind).or_default();
            *ours = ours.saturating_add(count);
        }
        other.shapes.into_iter().for_each(|(shape, theirs)| self.shapes(shape, theirs));
        self
    }

    /// Everything that was read or passed over.
    pub fn total(&self) -> Count {
        let mut all = self.event;
        for part in [self.known, self.unknown, self.reject, self.passed_over] {
            all.merge(part);
        }
        all
    }
}

/// Adds to a counted thing; the smaller sample stands.
fn count_sample<K: Ord>(map: &mut BTreeMap<K, Sampled>, key: K, count: u64, sample: Sample) {
    match map.entry(key) {
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(Sampled { count, sample });
        }
        std::collections::btree_map::Entry::Occupied(mut found) => {
            let ours = found.get_mut();
            ours.count = ours.count.saturating_add(count);
            if sample < ours.sample {
                ours.sample = sample;
            }
        }
    }
}

/// What one file or member gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTally {
    /// Its lines and bytes.
    pub all: Count,
    /// Lines with a good envelope.
    pub enveloped: u64,
    /// Lines among those that mean something here.
    pub events: u64,
    /// Lines whose date was completed from elsewhere.
    pub undated: u64,
    /// Lines that were passed over for their dates.
    pub passed_over: u64,
    /// Rejects by cause.
    pub rejects: BTreeMap<Why, Sampled>,
}

impl FileTally {
    /// Lines that a log has: with a good envelope, or passed over for their dates.
    pub fn of_a_log(&self) -> u64 {
        self.enveloped.saturating_add(self.passed_over)
    }

    /// Lines that are none of ours (R1): neither with a good envelope nor passed over.
    pub fn rejected(&self) -> u64 {
        self.all.lines.saturating_sub(self.of_a_log())
    }

    /// Counts a reject.
    pub fn reject(&mut self, why: Why, sample: Sample) {
        count_sample(&mut self.rejects, why, 1, sample);
    }

    /// What both counted.
    pub fn merge(&mut self, other: FileTally) {
        self.all.merge(other.all);
        let FileTally { enveloped, events, undated, passed_over, .. } = self;
        let theirs = [other.enveloped, other.events, other.undated, other.passed_over];
        for (ours, theirs) in [enveloped, events, undated, passed_over].into_iter().zip(theirs) {
            *ours = ours.saturating_add(theirs);
        }
        for (why, theirs) in other.rejects {
            count_sample(&mut self.rejects, why, theirs.count, theirs.sample);
        }
    }
}
