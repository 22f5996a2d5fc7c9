//! Blocks of a bzip2 stream, found by their marks and made into streams of their own.
//!
//! Blocks begin at any bit. Each has a checksum and can be decoded alone: behind a header, with its bits moved to a byte's
//! edge, and its own checksum as that of the stream.

use super::codec::Format;

/// The marks that begin a block, and that end the stream.
const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;
const MARK: u64 = (1 << 48) - 1;

/// More than a block takes: 900,000 bytes that cannot be compressed, a hundredth more, and a reserve.
pub(super) const LONGEST: usize = 1 << 20;

/// What looking at one costs beside its bytes, as [`super::salvage::Purse`] counts.
pub(super) const TRIAL: u64 = 2 << 10;
/// The bits of the shortest block.
const SHORTEST: usize = 23 * 8;

/// A block that was found.
pub(super) struct Block {
    /// A stream of nothing but it.
    pub(super) stream: Vec<u8>,
    /// Where the mark behind it begins, in bits.
    pub(super) end: usize,
    /// That mark ends the stream.
    pub(super) is_last: bool,
}

/// The bit at which the first mark that is wanted begins, from the bit `from` on, and whether it is the end mark.
fn find_mark(bytes: &[u8], from: usize, wants_end: bool) -> Option<(usize, bool)> {
    let mut seen = 0_u64;
    let first = from / 8;
    for (n, byte) in bytes.iter().enumerate().skip(first) {
        seen = seen << 8 | u64::from(*byte);
        // With 48 bits and the seven of an edge at hand, eight places can be told.
        for shift in (0..8).rev() {
            let mark = seen >> shift & MARK;
            if mark != BLOCK && !(wants_end && mark == END) {
                continue;
            }
            let Some(bit) = ((n + 1) * 8).checked_sub(48 + shift) else { continue };
            if bit >= from {
                return Some((bit, mark == END));
            }
        }
    }
    None
}

/// The bit at which the first block begins.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    find_mark(bytes, 0, false).map(|(bit, _)| bit)
}

/// The block whose mark begins at this bit, if the mark behind it is there and the checksum holds.
pub(super) fn read(bytes: &[u8], bit: usize) -> Option<Block> {
    let (end, is_last) = find_mark(bytes, bit + 48, true)?;
    if end - bit < SHORTEST {
        return None;
    }
    let mut stream = Vec::with_capacity((end - bit) / 8 + 16);
    stream.extend_from_slice(b"BZh9");
    let mut at = bit;
    while at < end {
        let n = (end - at).min(8);
        stream.push(u8::try_from(bits(bytes, at, n) << (8 - n)).unwrap_or(0));
        at += n;
    }
    // The end mark and the checksum follow at the last bit.
    let tail = u128::from(END) << 32 | u128::from(bits(bytes, bit + 48, 32));
    let used = (end - bit) % 8;
    let tail = tail << (48 - used);
    let bytes_of_tail = tail.to_be_bytes();
    let mut rest = bytes_of_tail.iter();
    if used > 0
        && let (Some(last), Some(first)) = (stream.last_mut(), rest.next())
    {
        *last |= first;
    } else {
        stream.extend(rest.next());
    }
    stream.extend(rest.take(10));
    is_whole(&stream).then_some(Block { stream, end, is_last })
}

/// How many bytes the end mark at this bit and the checksum behind it take, from the first of the bytes on.
pub(super) fn end_of_stream(bit: usize) -> usize {
    (bit + 48 + 32).div_ceil(8)
}

/// Up to 48 bits; zeros beyond the end.
fn bits(bytes: &[u8], from: usize, n: usize) -> u64 {
    let around = (0..8).fold(0, |sum, i| sum << 8 | u64::from(bytes.get(from / 8 + i).copied().unwrap_or(0)));
    around << (from % 8) >> (64 - n)
}

fn is_whole(stream: &[u8]) -> bool {
    let Ok(mut codec) = Format::Bzip2.codec() else { return false };
    let mut out = vec![0; 64 << 10];
    let mut at = 0;
    loop {
        let step = codec.step(stream.get(at..).unwrap_or_default(), &mut out);
        at += step.consumed;
        match step.ended {
            Ok(true) => return true,
            Ok(false) if step.consumed > 0 || step.produced > 0 => {}
            Ok(false) | Err(_) => return false,
        }
    }
}
