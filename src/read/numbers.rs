//! The numbers of lines of a plain text, of how many begin in each of the pieces in which it is read.

use std::collections::BTreeMap;

use crate::model::Evidence;
#[cfg(test)]
use crate::model::FileId;

/// The length of pieces in tests, which nothing else is a multiple of.
#[cfg(test)]
const TESTED: u64 = 60_001;

/// How many lines begin before each piece of a text.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// How long its pieces are, in bytes, but for the last.
    piece: u64,
    before: Vec<u64>,
}

impl Numbers {
    /// Of how many lines begin in pieces of this length, by their numbers, as far as none before is missing.
    pub(super) fn of(piece: u64, pieces: &BTreeMap<u64, u32>) -> Numbers {
        let there = (0..).zip(pieces).take_while(|(number, (piece, _))| number == *piece);
        let before = there.scan(0, |before, (_, (_, begun))| {
            *before += u64::from(*begun);
            Some(*before - u64::from(*begun))
        });
        Numbers { piece, before: before.collect() }
    }

    /// Of a text whose lines begin at these places, and the lines.
    #[cfg(test)]
    pub(crate) fn of_lines(file: FileId, places: &[u64]) -> (Numbers, Vec<Evidence>) {
        let mut pieces: BTreeMap<u64, u32> = BTreeMap::new();
        let line = |place: &u64| {
            let nth = pieces.entry(place / TESTED).or_default();
            *nth += 1;
            Evidence { file, place: *place, nth: *nth }
        };
        let lines = places.iter().map(line).collect();
        (Numbers::of(TESTED, &pieces), lines)
    }

    /// So many bytes, or less than a piece fewer, were read of the text.
    pub(crate) fn bytes(&self) -> u64 {
        self.before.len() as u64 * self.piece
    }

    /// The number of a line of the text, from 1; `None` where that is not known, since the text could not be read.
    pub fn number(&self, line: Evidence) -> Option<u64> {
        Some(self.before.get(usize::try_from(line.place.checked_div(self.piece)?).ok()?)? + u64::from(line.nth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_before_count_as_far_as_they_are_known() {
        let line = |piece, nth| Evidence { file: FileId(0), place: piece * TESTED + 7, nth };
        let numbers = Numbers::of(TESTED, &BTreeMap::from([(0, 10), (1, 0), (2, 5), (4, 3)]));
        assert_eq!(
            [(0, 1), (1, 1), (2, 5)].map(|(piece, nth)| numbers.number(line(piece, nth))),
            [Some(1), Some(11), Some(15)]
        );
        assert_eq!([3, 4].map(|piece| numbers.number(line(piece, 1))), [None; 2], "a piece before is missing");
    }
}
