//! How many lines end in each part of a plain text, noted while it is read. With that the number of any of its lines can be told when
//! no more than the part with it is read again.

use std::collections::BTreeMap;

use super::PIECE;

/// A part, in bytes.
pub const PART: u64 = 16 << 10;
const PARTS: usize = (PIECE / PART) as usize;

/// How many lines end in each part of a piece; as many as a part has bytes at most.
type Counts = [u16; PARTS];

/// The newlines of one piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfPiece(Counts);

impl OfPiece {
    /// Counts those of some bytes of the piece, which lie at this place of the text.
    pub(super) fn add(&mut self, place: u64, bytes: &[u8]) {
        let (mut at, mut rest) = (place % PIECE, bytes);
        while !rest.is_empty() {
            let room = usize::try_from(PART - at % PART).unwrap_or(usize::MAX);
            let (these, others) = rest.split_at(rest.len().min(room));
            if let Some(count) = self.0.get_mut((at / PART) as usize) {
                *count += memchr::memchr_iter(b'\n', these).count() as u16;
            }
            at += these.len() as u64;
            rest = others;
        }
    }
}

/// The newlines of a text. Two bytes for each part.
#[derive(Clone, Debug, Default)]
pub struct Newlines {
    pieces: Vec<Counts>,
    /// How many there are before each piece.
    before: Vec<u64>,
}

impl Newlines {
    /// Of pieces by their numbers, as far as none before is missing.
    pub(super) fn of(pieces: &BTreeMap<u64, OfPiece>) -> Newlines {
        let mut all = Newlines::default();
        let mut before = 0;
        for (_, (_, OfPiece(counts))) in (0..).zip(pieces).take_while(|(number, (piece, _))| number == *piece) {
            all.pieces.push(*counts);
            all.before.push(before);
            before += counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        }
        all
    }

    /// Of a text as a whole.
    #[cfg(test)]
    pub(crate) fn of_text(text: &[u8]) -> Newlines {
        let count = |(number, piece): (u64, &[u8])| {
            let mut counts = OfPiece::default();
            counts.add(number * PIECE, piece);
            (number, counts)
        };
        Newlines::of(&(0..).zip(text.chunks(PIECE as usize)).map(count).collect())
    }

    /// How many lines end before a part; `None` where that is not known, since the text could not be read.
    pub fn before(&self, part: u64) -> Option<u64> {
        let (piece, part) = ((part / PARTS as u64) as usize, (part % PARTS as u64) as usize);
        let parts = self.pieces.get(piece)?.get(..part)?;
        Some(self.before.get(piece)? + parts.iter().map(|count| u64::from(*count)).sum::<u64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_before_a_part() {
        let text: Vec<u8> = (0..PIECE + 3 * PART).map(|n| if n % 7 == 0 { b'\n' } else { b'x' }).collect();
        let mut pieces = BTreeMap::new();
        for (number, piece) in (0..).zip(text.chunks(PIECE as usize)) {
            let mut counts = OfPiece::default();
            for (n, bytes) in piece.chunks(5000).enumerate() {
                counts.add(number * PIECE + n as u64 * 5000, bytes);
            }
            pieces.insert(number, counts);
        }
        let newlines = Newlines::of(&pieces);
        for part in 0..text.len() as u64 / PART {
            let before = text[..(part * PART) as usize].iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(newlines.before(part), Some(before as u64), "{part}");
        }
        pieces.remove(&0);
        assert_eq!(Newlines::of(&pieces).before(PARTS as u64), None, "a piece before is missing");
    }

    #[test]
    fn a_part_of_nothing_but_newlines() {
        let mut counts = OfPiece::default();
        counts.add(0, &vec![b'\n'; PIECE as usize]);
        assert_eq!(Newlines::of(&BTreeMap::from([(0, counts)])).before(31), Some(31 * PART));
    }
}
