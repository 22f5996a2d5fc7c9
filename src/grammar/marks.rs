//! Where a text has gaps between words and where digits: found sixteen bytes at a time.

use wide::u8x16;

/// The marks of 64 bytes: bit n belongs to byte n.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// Which bytes are blanks or control characters: where a word or a line ends, if it is an ordinary one.
    pub(super) gaps: u64,
    /// Which bytes are digits.
    pub(super) digits: u64,
}

/// The marks of some bytes.
#[inline(always)]
pub(super) fn marks(bytes: &[u8; 64]) -> Marks {
    let mut marks = Marks { gaps: 0, digits: 0 };
    for (i, chunk) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let chunk = u8x16::new(*chunk);
        let values = chunk - u8x16::splat(b'0');
        let digits = values.min(u8x16::splat(9)).cmp_eq(values);
        let gaps = chunk.min(u8x16::splat(b' ')).cmp_eq(chunk);
        marks.gaps |= u64::from(gaps.move_mask() as u16) << (16 * i);
        marks.digits |= u64::from(digits.move_mask() as u16) << (16 * i);
    }
    marks
}

impl Marks {
    /// Where the next gap stands, from byte `at` on, which is below 64; 64 where there is none.
    #[inline(always)]
    pub(super) fn gap_from(&self, at: usize) -> usize {
        (self.gaps & (u64::MAX << (at % 64))).trailing_zeros() as usize
    }

    /// How many digits stand from byte `at` on, which is below 64.
    #[inline(always)]
    pub(super) fn digits_from(&self, at: usize) -> usize {
        (!(self.digits >> (at % 64))).trailing_zeros() as usize
    }
}

/// Which of some bytes are blanks or this one, the first in the lowest bit.
#[inline(always)]
pub(super) fn blanks_or(bytes: &[u8; 16], stop: u8) -> u16 {
    let bytes = u8x16::new(*bytes);
    let are = bytes.cmp_eq(u8x16::splat(b' ')) | bytes.cmp_eq(u8x16::splat(stop));
    are.move_mask() as u16
}

/// Which of some bytes are the capital letters of ASCII, the first in the lowest bit.
#[inline(always)]
pub(super) fn capitals(bytes: &[u8; 32]) -> u32 {
    let mut capitals = 0;
    for (i, chunk) in bytes.as_chunks::<16>().0.iter().enumerate() {
        let letters = u8x16::new(*chunk) - u8x16::splat(b'A');
        let are = letters.min(u8x16::splat(b'Z' - b'A')).cmp_eq(letters);
        capitals |= u32::from(are.move_mask() as u16) << (16 * i);
    }
    capitals
}

/// Whether a text has a capital letter of ASCII.
pub(crate) fn has_capitals(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..64 {
                for others in *b" 0x\xff" {
                    let mut bytes = [others; 64];
                    bytes[place] = byte;
                    let mask = |is: fn(&u8) -> bool| bytes.iter().rev().fold(0, |mask, b| mask << 1 | u64::from(is(b)));
                    let Marks { gaps, digits } = marks(&bytes);
                    assert_eq!(gaps, mask(|b| *b <= b' '), "{byte} at {place} among {others}");
                    assert_eq!(digits, mask(u8::is_ascii_digit), "{byte} at {place} among {others}");
                    assert_eq!(has_capitals(&bytes), byte.is_ascii_uppercase(), "{byte} at {place} among {others}");
                    let eight = bytes.as_chunks::<8>().0[place / 8];
                    assert_eq!(has_capitals(&eight), byte.is_ascii_uppercase(), "{byte} at {place} among {others}");
                    let capitals = u64::from(capitals(bytes.first_chunk().unwrap()));
                    assert_eq!(capitals, mask(u8::is_ascii_uppercase) & u64::from(u32::MAX), "{byte} at {place}");
                }
            }
        }
    }

    #[test]
    fn places() {
        let text: [u8; 64] = std::array::from_fn(|i| b" x4"[i * i / 7 % 3]);
        let marks = marks(&text);
        for at in 0..64 {
            let gap = (at..64).find(|i| text[*i] == b' ').unwrap_or(64);
            assert_eq!(marks.gap_from(at), gap, "from {at}");
            let digits = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
            assert_eq!(marks.digits_from(at), digits, "from {at}");
        }
    }
}
