//! Texts that lines begin with, known again without being read.

use crate::grammar::{eight, mask_of};

/// So many bytes are compared whatever the length.
const WORDS: usize = 32;

/// A text that many lines have in one place.
#[derive(Clone, Debug)]
pub(super) struct Known {
    length: usize,
    /// Its first bytes, four times eight as [`eight`] gives them, and which of their bits count.
    words: [u64; 4],
    masks: [u64; 4],
    /// Where it is longer.
    rest: Box<[u8]>,
}

impl Known {
    /// A text.
    pub(super) fn of(text: &[u8]) -> Known {
        Known {
            length: text.len(),
            words: std::array::from_fn(|i| eight(text.get(8 * i..).unwrap_or_default())),
            masks: std::array::from_fn(|i| mask_of(text.len().saturating_sub(8 * i))),
            rest: text.get(WORDS..).unwrap_or_default().into(),
        }
    }

    /// No text: nothing begins with it.
    pub(super) fn nothing() -> Known {
        Known { length: usize::MAX, ..Known::of(b"") }
    }

    /// What stands behind it in a text that begins with it, if that has 32 bytes at least.
    #[inline(always)]
    pub(super) fn behind<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let first: &[u8; WORDS] = input.first_chunk()?;
        let (chunks, _) = first.as_chunks();
        let differs = |((chunk, word), mask): ((&[u8; 8], &u64), &u64)| (u64::from_le_bytes(*chunk) ^ word) & mask;
        let differ = chunks.iter().zip(&self.words).zip(&self.masks).map(differs).fold(0, |all, some| all | some);
        let behind = input.get(self.length..)?;
        (differ == 0 && (self.rest.is_empty() || input.get(WORDS..self.length)? == &*self.rest)).then_some(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length() {
        let text: [u8; 100] = std::array::from_fn(|i| i as u8);
        for length in 0..90 {
            let known = Known::of(&text[..length]);
            assert_eq!(known.behind(&text), Some(&text[length..]), "{length}");
            assert_eq!(known.behind(&text[..31]), None, "{length}");
            for at in 0..90 {
                let mut other = text;
                other[at] ^= 1;
                assert_eq!(known.behind(&other).is_some(), at >= length, "{length}, another at {at}");
                // Two bytes that differ by the same bit.
                other[at + 8] ^= 1;
                assert_eq!(known.behind(&other).is_some(), at >= length, "{length}, others at {at} and behind");
            }
        }
        assert_eq!(Known::of(&text[..50]).behind(&text[..49]), None);
        assert_eq!(Known::nothing().behind(&text), None);
    }
}
