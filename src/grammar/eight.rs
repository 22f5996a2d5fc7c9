//! Eight bytes at a time.
//!
//! Fields of a line are a few bytes long: too short for a search that must be called, and so unlike in length that a
//! loop over bytes is mispredicted at nearly every field. Eight bytes looked at together as one number have no such branch.

/// A byte in all eight places.
pub(crate) const ONES: u64 = u64::from_ne_bytes([1; 8]);
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

/// Which bits of eight bytes, as [`eight`] gives them, are those of the first so many; all of them for more than eight.
pub(crate) const fn mask_of(bytes: usize) -> u64 {
    if bytes < 8 { !(u64::MAX << (8 * bytes)) } else { u64::MAX }
}

/// Of every length of a text, from none on: which bits count of words of eight bytes that begin at these places of it.
pub(crate) const fn masks_by_length<const WORDS: usize, const LENGTHS: usize>(
    begins: [usize; WORDS],
) -> [[u64; WORDS]; LENGTHS] {
    let mut masks = [[0; WORDS]; LENGTHS];
    let mut at = 0;
    while at < WORDS * LENGTHS {
        let (length, word) = (at / WORDS, at % WORDS);
        masks[length][word] = mask_of(length.saturating_sub(begins[word]));
        at += 1;
    }
    masks
}

/// Whether eight values are all 0 to 9.
#[inline]
pub(super) fn all_digits(values: u64) -> bool {
    (values.wrapping_add(ONES * (0x80 - 10)) | values) & HIGHS == 0
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
}

/// The octets of IPv4 addresses as they are written, each in the place that [`place_of`] gives its text: the text in the lower
/// three bytes, the octet in the highest. No other text is as the text in its place.
const OCTETS: [u32; 1 << OCTET_BITS] = {
    let mut octets = [u32::MAX; 1 << OCTET_BITS];
    let mut n = 0;
    while n < 256 {
        let (a, b, c) = (n / 100 + 0x30, n / 10 % 10 + 0x30, n % 10 + 0x30);
        let text = match n {
            0..10 => c,
            10..100 => b | c << 8,
            _ => a | b << 8 | c << 16,
        };
        assert!(octets[place_of(text)] == u32::MAX, "two octets in one place");
        octets[place_of(text)] = text | n << 24;
        n += 1;
    }
    octets
};
const OCTET_BITS: u32 = 9;

/// The factor was found by trying: it gives each of the 256 texts a place of its own.
const fn place_of(text: u32) -> usize {
    (text.wrapping_mul(0x8D3F_DA7B) >> (32 - OCTET_BITS)) as usize
}

/// An octet of an IPv4 address: what the first `length` of four bytes say; and what is not zero where they are no octet as it is
/// written, without a zero before other digits.
#[inline(always)]
pub(super) fn octet(text: [u8; 4], length: usize) -> (u32, u32) {
    const MASKS: [u32; 4] = [0, 0xFF, 0xFFFF, 0xFF_FFFF];
    let text = u32::from_le_bytes(text) & MASKS.get(length).copied().unwrap_or(0);
    let found = OCTETS.get(place_of(text)).copied().unwrap_or(u32::MAX);
    (found >> 24, (found & 0xFF_FFFF) ^ text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_at_every_place() {
        for at in 0..8 {
            for value in 0..=u8::MAX {
                let values = (ONES * 9) ^ (u64::from(9 ^ value) << (8 * at));
                assert_eq!(all_digits(values), value < 10, "{value} at {at}");
            }
        }
    }

    #[test]
    fn fewer_than_eight() {
        let text = b"abcdefgh";
        for length in 0..=8 {
            let mut padded = [0; 8];
            padded[..length].copy_from_slice(&text[..length]);
            assert_eq!(eight(&text[..length]), u64::from_le_bytes(padded), "{length}");
            assert_eq!(eight(text) & mask_of(length), u64::from_le_bytes(padded), "{length}");
            assert_eq!(mask_of(length + 8), u64::MAX, "{length}");
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
                text[(place + 1) % 8] = 0xFF;
                let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
                assert_eq!(Digits::of(eight(&text)).count(), digits, "{byte} at {place}, then 255");
            }
        }
    }

    #[test]
    fn octets() {
        let octet =
            |bytes: &[u8], length| Some(octet(*bytes.first_chunk().unwrap(), length)).filter(|(_, wrong)| *wrong == 0);
        for a in 0..=1200 {
            for text in [format!("{a}"), format!("{a:02}"), format!("{a:03}")] {
                let good = (a < 256 && text == a.to_string()).then_some((a, 0));
                for behind in ["1.2.3.4.", "255.255.", ":1234567"] {
                    assert_eq!(octet(format!("{text}.{behind}").as_bytes(), text.len()), good, "{text}.{behind}");
                }
            }
        }
        for length in [0, 4, 5, 64, usize::MAX] {
            assert_eq!(octet(b"1.2.", length), None);
        }
        for bytes in 0..=0xFF_FFFF_u32 {
            let [a, b, c, _] = bytes.to_le_bytes();
            if let (true, Some((octet, _))) = ([a, b, c].iter().all(u8::is_ascii_digit), octet(&[a, b, c, 0], 3)) {
                assert_eq!(std::str::from_utf8(&[a, b, c]), Ok(octet.to_string().as_str()));
            }
        }
    }
}
