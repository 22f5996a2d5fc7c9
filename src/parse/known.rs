//! Texts that lines begin with, known again without being read.

use wide::u8x16;

/// A text that many lines have in one place. So many times sixteen bytes are compared whatever its length.
#[derive(Clone, Debug)]
pub(super) struct Known<const CHUNKS: usize> {
    length: usize,
    /// Its first bytes, and which of them count: zeros stand for those that are not there.
    chunks: [u8x16; CHUNKS],
    masks: [u8x16; CHUNKS],
    /// Where it is longer.
    rest: Box<[u8]>,
}

impl<const CHUNKS: usize> Known<CHUNKS> {
    /// A text.
    pub(super) fn of(text: &[u8]) -> Known<CHUNKS> {
        let (mut chunks, mut masks) = ([[0; 16]; CHUNKS], [[0; 16]; CHUNKS]);
        for ((to, mask), byte) in chunks.as_flattened_mut().iter_mut().zip(masks.as_flattened_mut()).zip(text) {
            (*to, *mask) = (*byte, u8::MAX);
        }
        Known {
            length: text.len(),
            chunks: chunks.map(u8x16::new),
            masks: masks.map(u8x16::new),
            rest: text.get(16 * CHUNKS..).unwrap_or_default().into(),
        }
    }

    /// No text: nothing begins with it.
    pub(super) fn nothing() -> Known<CHUNKS> {
        Known { length: usize::MAX, ..Known::of(b"") }
    }

    /// Whether it is no text.
    pub(super) fn is_nothing(&self) -> bool {
        self.length == usize::MAX
    }

    /// Its bytes, none if it is no text.
    pub(super) fn bytes(&self) -> impl Iterator<Item = u8> {
        let all = self.chunks.iter().flat_map(|chunk| chunk.to_array()).chain(self.rest.iter().copied());
        all.take(if self.is_nothing() { 0 } else { self.length })
    }

    /// What stands behind it in a text that begins with it, if that has as many bytes as are compared.
    #[inline(always)]
    pub(super) fn behind<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let first: &[[u8; 16]; CHUNKS] = input.as_chunks().0.first_chunk()?;
        let differs = |((chunk, known), mask): ((&[u8; 16], &u8x16), &u8x16)| (u8x16::new(*chunk) ^ *known) & *mask;
        let differ =
            first.iter().zip(&self.chunks).zip(&self.masks).map(differs).fold(u8x16::ZERO, |all, some| all | some);
        let behind = input.get(self.length..)?;
        let is_same = differ.cmp_eq(u8x16::ZERO).move_mask() == 0xFFFF;
        (is_same && (self.rest.is_empty() || input.get(16 * CHUNKS..self.length)? == &*self.rest)).then_some(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length() {
        let text: [u8; 110] = std::array::from_fn(|i| i as u8);
        for length in 0..90 {
            let known = Known::<2>::of(&text[..length]);
            assert!(known.bytes().eq(text[..length].iter().copied()), "{length}");
            assert_eq!(known.behind(&text), Some(&text[length..]), "{length}");
            assert_eq!(known.behind(&text[..31]), None, "{length}");
            for at in 0..90 {
                let mut other = text;
                other[at] ^= 1;
                assert_eq!(known.behind(&other).is_some(), at >= length, "{length}, another at {at}");
                // Two bytes that differ by the same bit, in the same place of two chunks.
                other[at + 16] ^= 1;
                assert_eq!(known.behind(&other).is_some(), at >= length, "{length}, others at {at} and behind");
            }
        }
        assert_eq!(Known::<2>::of(&text[..50]).behind(&text[..49]), None);
        let nothing = Known::<2>::nothing();
        assert!((nothing.behind(&text), nothing.bytes().next()) == (None, None) && nothing.is_nothing());
    }
}
