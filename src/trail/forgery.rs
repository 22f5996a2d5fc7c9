//! Refused logins whose user names held line breaks: what stands between their lines may be forged.
//!
//! The user name of a refused login is whatever a client sent. If it holds line breaks, the line breaks off before its reason, the
//! reason stands at the end of a later line, and all between them is the client's text, which may look like any line.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Reasons are looked for in the stretch in which a line breaks off and in the next one, in bytes: as long as a line may be. So what
/// is found is a matter of places, not of how a text was cut for reading.
const STRETCH: u64 = 64 << 10;
/// So many stretches of a text are kept, the first ones.
const KEPT: usize = 10_000;

/// Where refused logins break off in one text, and where reasons stand that are no refused login's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaks {
    /// By number of the stretch.
    stretches: BTreeMap<u64, Stretch>,
}

/// The first line that breaks off, and the last that ends in a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Stretch {
    begin: Option<u64>,
    end: Option<u64>,
}

impl Breaks {
    /// A refused login breaks off in the line at this place.
    pub fn begins(&mut self, place: u64) {
        self.add(place / STRETCH, Stretch { begin: Some(place), end: None });
    }

    /// The line at this place ends in a reason, and is none that should.
    pub fn ends(&mut self, place: u64) {
        self.add(place / STRETCH, Stretch { begin: None, end: Some(place) });
    }

    fn add(&mut self, number: u64, new: Stretch) {
        let ours = self.stretches.entry(number).or_default();
        ours.begin = ours.begin.into_iter().chain(new.begin).min();
        ours.end = ours.end.max(new.end);
        if self.stretches.len() > KEPT {
            self.stretches.pop_last();
        }
    }

    /// Takes what another part of the text has.
    pub fn merge(&mut self, other: Breaks) {
        other.stretches.into_iter().for_each(|(number, stretch)| self.add(number, stretch));
    }

    /// Whether any line breaks off.
    pub fn any(&self) -> bool {
        self.stretches.values().any(|stretch| stretch.begin.is_some())
    }

    /// Whether there may be more of them than are kept.
    pub fn is_full(&self) -> bool {
        self.stretches.len() >= KEPT && self.any()
    }

    /// Where refused logins go over several lines: the places of the first line and of the last, in order, apart from each other.
    pub fn spans(&self) -> Vec<Range<u64>> {
        let mut spans: Vec<Range<u64>> = Vec::new();
        for (number, stretch) in &self.stretches {
            let Some(begin) = stretch.begin else { continue };
            let next = self.stretches.get(&(number + 1)).and_then(|next| next.end);
            let Some(end) = next.or(stretch.end).filter(|end| *end > begin) else { continue };
            match spans.last_mut() {
                Some(last) if begin <= last.end => last.end = last.end.max(end),
                _ => spans.push(begin..end),
            }
        }
        spans
    }
}
