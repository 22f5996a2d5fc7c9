//! Texts that lines begin with, known again without being read.

use crate::grammar::{eight, mask_of};

/// A text that many lines have in one place. So many times eight bytes are compared whatever its length.
#[derive(Clone, Debug)]
pub(super) struct Known<const WORDS: usize> {
    length: usize,
    /// Its first bytes, eight by eight as [`eight`] gives them, and which of their bits count.
    words: [u64; WORDS],
    masks: [u64; WORDS],
    /// Where it is longer.
    rest: Box<[u8]>,
}

impl<const WORDS: usize> Known<WORDS> {
    /// A text.
    pub(super) fn of(text: &[u8]) -> Known<WORDS> {
        Known {
            length: text.len(),
            words: std::array::from_fn(|i| eight(text.get(8 * i..).unwrap_or_default())),
            masks: std::array::from_fn(|i| mask_of(text.len().saturating_sub(8 * i))),
            rest: text.get(8 * WORDS..).unwrap_or_default().into(),
        }
    }

    /// No text: nothing begins with it.
    pub(super) fn nothing() -> Known<WORDS> {
        Known { length: usize::MAX, ..Known::of(b"") }
    }

    /// Whether it is no text.
    pub(super) fn is_nothing(&self) -> bool {
        self.length == usize::MAX
    }

    /// Its bytes, none if it is no text.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        let all = self.words.iter().flat_map(|word| word.to_le_bytes()).chain(self.rest.iter().copied());
        all.take(if self.is_nothing() { 0 } else { self.length })
    }

    /// What stands behind it in a text that begins with it, if that has as many bytes as are compared.
    #[inline(always)]
    pub(super) fn behind<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let first: &[[u8; 8]; WORDS] = input.as_chunks().0.first_chunk()?;
        let differs = |((chunk, word), mask): ((&[u8; 8], &u64), &u64)| (u64::from_le_bytes(*chunk) ^ word) & mask;
        let differ = first.iter().zip(&self.words).zip(&self.masks).map(differs).fold(0, |all, some| all | some);
        let behind = input.get(self.length..)?;
        (differ == 0 && (self.rest.is_empty() || input.get(8 * WORDS..self.length)? == &*self.rest)).then_some(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length() {
        let text: [u8; 100] = std::array::from_fn(|i| i as u8);
        for length in 0..90 {
            let known = Known::<4>::of(&text[..length]);
            assert!(known.bytes().eq(text[..length].iter().copied()), "{length}");
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
        assert_eq!(Known::<4>::of(&text[..50]).behind(&text[..49]), None);
        let nothing = Known::<4>::nothing();
        assert!((nothing.behind(&text), nothing.bytes().next()) == (None, None) && nothing.is_nothing());
    }
}
