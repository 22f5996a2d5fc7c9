//! Target `columns`: any bytes packed into columns and unpacked; and any bytes unpacked.

use super::adapter::{pack, unpack};

/// Packs the bytes, and sees that they come back; changes what they were packed to; and takes them as columns of a block.
pub fn run(data: &[u8]) {
    let packed = pack(data);
    assert_eq!(unpack(&packed).as_deref(), Some(data), "what was packed comes back");
    let sum = data.iter().fold(data.len(), |sum, b| (sum * 31 + usize::from(*b)) % 65_521);
    let mut flipped = packed.clone();
    if let Some(byte) = flipped.get_mut(sum % packed.len()) {
        *byte ^= 1 << (sum % 8);
    }
    for damaged in [&flipped[..], &packed[..sum % packed.len()]] {
        assert!(unpack(damaged).is_none_or(|text| text == data), "damaged, it is something else");
    }
    // A block of columns with a good checksum that nobody wrote.
    let length = 2 * data.len() + sum % 100;
    let mut block = packed[..1].to_vec();
    [length, data.len()].into_iter().for_each(|n| leb128(n, &mut block));
    block.extend(zstd::bulk::compress(data, 1).expect("memory can be written"));
    assert!(unpack(&block).is_none_or(|text| text.len() == length), "longer or shorter than it says");
}

fn leb128(mut n: usize, out: &mut Vec<u8>) {
    while n > 0x7F {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
