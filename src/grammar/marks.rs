//! Where a message has blanks and where digits: found sixteen bytes at a time, once, for all holes that end at one of them.

use wide::u8x16;

/// So much of a message is marked, in bytes. What lies behind is looked at byte by byte.
const MARKED: usize = 128;

/// The marks of a message: bit n of a mask belongs to byte n.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    blanks: [u64; 2],
    digits: [u64; 2],
}

impl Marks {
    /// Of the first [`MARKED`] bytes of a message. The end of a shorter one counts as a blank.
    #[inline]
    pub(super) fn of(message: &[u8]) -> Marks {
        let window = message.get(..MARKED).unwrap_or(message);
        let (chunks, rest) = window.as_chunks::<16>();
        let mut marks = Marks::default();
        let end = 1_u64 << (window.len() % 64);
        match window.len() / 64 {
            0 => marks.blanks = [end, 0],
            1 => marks.blanks = [0, end],
            _ => {}
        }
        for (i, chunk) in chunks.iter().enumerate() {
            marks.put(sixteen(chunk), 16 * i);
        }
        match window.last_chunk() {
            _ if rest.is_empty() => {}
            // The last sixteen bytes, some of them a second time.
            Some(last) => marks.put(sixteen(last), window.len() - 16),
            None => {
                let mut padded = [0; 16];
                padded.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                marks.put(sixteen(&padded), 0);
            }
        }
        marks
    }

    #[inline]
    fn put(&mut self, (blanks, digits): (u16, u16), at: usize) {
        let (bits, behind) = (at % 64, 64 - at % 64);
        for (mask, found) in [(&mut self.blanks, u64::from(blanks)), (&mut self.digits, u64::from(digits))] {
            let [low, high] = mask;
            if at < 64 {
                *low |= found << bits;
                *high |= found.checked_shr(behind as u32).unwrap_or(0);
            } else {
                *high |= found << bits;
            }
        }
    }

    /// Where the next blank stands, from byte `at` on; at most 63 bytes further.
    #[inline]
    pub(super) fn blank(&self, at: usize) -> Option<usize> {
        let ahead = ahead(self.blanks, at);
        (ahead != 0).then(|| at + ahead.trailing_zeros() as usize)
    }

    /// The next 64 bytes from `at` on: which of them are digits. What is not marked counts as none.
    #[inline]
    pub(super) fn digits(&self, at: usize) -> u64 {
        ahead(self.digits, at)
    }
}

/// The 64 bits of a mask from one on.
#[inline]
fn ahead([low, high]: [u64; 2], at: usize) -> u64 {
    match at {
        0 => low,
        1..64 => low >> at | high << (64 - at),
        64..MARKED => high >> (at - 64),
        _ => 0,
    }
}

/// Which of sixteen bytes are blanks, and which are digits.
#[inline]
fn sixteen(bytes: &[u8; 16]) -> (u16, u16) {
    let bytes = u8x16::new(*bytes);
    let blanks = bytes.cmp_eq(u8x16::splat(b' '));
    let values = bytes - u8x16::splat(b'0');
    let digits = values.min(u8x16::splat(9)).cmp_eq(values);
    (blanks.move_mask() as u16, digits.move_mask() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As [`sixteen`], one by one.
    fn one_by_one(bytes: &[u8; 16]) -> (u16, u16) {
        let mask = |is: fn(&u8) -> bool| bytes.iter().rev().fold(0, |mask, b| mask << 1 | u16::from(is(b)));
        (mask(|b| *b == b' '), mask(u8::is_ascii_digit))
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..16 {
                for others in *b" 0x\xff" {
                    let mut bytes = [others; 16];
                    bytes[place] = byte;
                    assert_eq!(sixteen(&bytes), one_by_one(&bytes), "{byte} at {place} among {others}");
                }
            }
        }
    }

    #[test]
    fn messages_of_any_length() {
        let text: Vec<u8> = (0..200_u32).map(|i| b" x4"[(i * i / 7 % 3) as usize]).collect();
        for length in 0..text.len() {
            let message = &text[..length];
            let marks = Marks::of(message);
            let mut marked = message[..length.min(MARKED)].to_vec();
            if length < MARKED {
                marked.push(b' ');
            }
            for at in 0..=length {
                let ahead = marked.get(at..).unwrap_or_default();
                let near = &ahead[..ahead.len().min(64)];
                let blank = near.iter().position(|b| *b == b' ').map(|i| at + i);
                assert_eq!(marks.blank(at), blank, "{length} bytes, from {at}");
                for (i, byte) in near.iter().enumerate() {
                    assert_eq!(marks.digits(at) >> i & 1 == 1, byte.is_ascii_digit(), "{length} bytes, {at} + {i}");
                }
            }
        }
    }
}
