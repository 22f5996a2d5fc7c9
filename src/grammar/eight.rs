//! Eight bytes at a time.
//!
//! Fields of a line are a few bytes long: too short for a search that must be called, and so unlike in length that a
//! loop over bytes is mispredicted at nearly every field. Eight bytes looked at together as one number have no such branch.

/// A byte in all eight places.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of all eight bytes.
const HIGHS: u64 = ONES << 7;

/// The first eight bytes, the first of them lowest; zeros stand for those that are not there.
#[inline]
pub(crate) fn eight(input: &[u8]) -> u64 {
    match input.first_chunk() {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => fewer(input),
    }
}

/// As [`eight`], of seven bytes or fewer: two chunks that overlap.
#[inline]
fn fewer(input: &[u8]) -> u64 {
    let length = input.len();
    if let (Some(head), Some(tail)) = (input.first_chunk(), input.last_chunk()) {
        return u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << (8 * (length - 4));
    }
    if let (Some(head), Some(tail)) = (input.first_chunk(), input.last_chunk()) {
        return u64::from(u16::from_le_bytes(*head)) | u64::from(u16::from_le_bytes(*tail)) << (8 * (length - 2));
    }
    input.first().map_or(0, |byte| u64::from(*byte))
}

/// The highest bit of every byte that is zero. Above the lowest of them, a bit may stand where no zero is.
#[inline]
fn zeros(eight: u64) -> u64 {
    eight.wrapping_sub(ONES) & !eight & HIGHS
}

/// Where the first of two bytes stands among the eight.
#[inline]
pub(crate) fn first_of(eight: u64, a: u8, b: u8) -> Option<usize> {
    let found = zeros(eight ^ (ONES * u64::from(a))) | zeros(eight ^ (ONES * u64::from(b)));
    (found != 0).then_some(found.trailing_zeros() as usize / 8)
}

/// Whether a text has an upper-case letter of ASCII.
#[inline]
pub(crate) fn has_upper_case(text: &[u8]) -> bool {
    let (eights, rest) = text.as_chunks::<8>();
    eights.iter().any(|bytes| has_upper(eight(bytes))) || has_upper(eight(rest))
}

/// Whether one of the eight is an upper-case letter of ASCII.
#[inline]
fn has_upper(eight: u64) -> bool {
    // The seven low bits, moved so that the eighth says "from A on" and "behind Z".
    let low = eight & !HIGHS;
    let from_a = low + ONES * u64::from(0x80 - b'A');
    let behind_z = low + ONES * u64::from(0x80 - b'Z' - 1);
    from_a & !behind_z & !eight & HIGHS != 0
}

/// The decimal digits at the beginning of eight bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    /// The bytes as values: 0 to 9 for a digit.
    values: u64,
    /// The highest bit of every byte that is no digit. Above the lowest of them, a bit may be wrong.
    others: u64,
}

impl Digits {
    /// Of eight bytes as [`eight`] gives them.
    #[inline]
    pub(crate) fn of(eight: u64) -> Digits {
        let values = eight ^ (ONES * u64::from(b'0'));
        let others = (values.wrapping_add(ONES * (0x80 - 10)) | values) & HIGHS;
        Digits { values, others }
    }

    /// How many digits there are before anything else: 0 to 8.
    #[inline]
    pub(crate) fn count(self) -> usize {
        self.others.trailing_zeros() as usize / 8
    }

    /// What stands behind the digits and one byte more.
    #[inline]
    pub(crate) fn behind(self) -> Digits {
        let skip = 8 * (self.count() as u32 + 1);
        let shift = |bits: u64| bits.checked_shr(skip).unwrap_or(0);
        // What is shifted in is no digit.
        Digits { values: shift(self.values), others: shift(self.others) | (HIGHS & !shift(u64::MAX)) }
    }

    /// The number that the first `count` digits make; `count` is at most [`Digits::count`].
    #[inline]
    pub(crate) fn number(self, count: usize) -> u32 {
        if count == 0 {
            return 0;
        }
        // Neighbours are joined: digits to pairs, pairs to fours, fours to eight.
        let n = self.values << (64 - 8 * count.min(8));
        let n = n.wrapping_mul((10 << 8) + 1) >> 8 & 0x00FF_00FF_00FF_00FF;
        let n = n.wrapping_mul((100 << 16) + 1) >> 16 & 0x0000_FFFF_0000_FFFF;
        (n.wrapping_mul((10_000 << 32) + 1) >> 32) as u32
    }

    /// The number that 1 to 3 digits make, and whether there is a zero before others.
    #[inline]
    pub(crate) fn octet(self, count: usize) -> (u32, bool) {
        let n = (self.values << (64 - 8 * count.clamp(1, 3))) >> 40;
        let (a, b, c) = (n & 0xFF, n >> 8 & 0xFF, n >> 16);
        ((a * 100 + b * 10 + c) as u32, count > 1 && self.values & 0xFF == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_than_eight() {
        let text = b"abcdefgh";
        for length in 0..=8 {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&text[..length]);
            assert_eq!(eight(&text[..length]), u64::from_le_bytes(padded), "{length}");
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut text = *b"12345678";
                text[place] = byte;
                let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
                let number = text[..digits].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
                let got = Digits::of(eight(&text));
                assert_eq!((got.count(), got.number(digits)), (digits, number), "{byte} at {place}");
                assert_eq!(has_upper(eight(&text)), byte.is_ascii_uppercase(), "{byte} at {place}");
                let found = text.iter().position(|b| *b == b' ' || *b == b'5');
                assert_eq!(first_of(eight(&text), b' ', b'5'), found, "{byte} at {place}");
                text[(place + 1) % 8] = 0xFF;
                let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
                assert_eq!(Digits::of(eight(&text)).count(), digits, "{byte} at {place}, then 255");
                assert_eq!(has_upper(eight(&text)), byte.is_ascii_uppercase(), "{byte} at {place}, then 255");
            }
        }
    }

    #[test]
    fn two_numbers_in_eight() {
        for (text, a, b) in [("255.255.", 255, 255), ("1.2.3.4.", 1, 2), ("10.0x...", 10, 0), ("192.1234", 192, 1234)] {
            let first = Digits::of(eight(text.as_bytes()));
            let second = first.behind();
            assert_eq!(first.octet(first.count()).0, a, "{text}");
            assert_eq!(second.number(second.count()), b, "{text}");
        }
        assert!(Digits::of(eight(b"01.2.3.4")).octet(2).1);
        assert!(!Digits::of(eight(b"0.2.3.45")).octet(1).1);
    }
}
