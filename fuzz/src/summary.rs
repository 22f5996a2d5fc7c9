//! Target `summary`: the summary of a trail file, with any content behind the right checksums, and any bytes at all.

use super::adapter::{SUMMARY, summary};

/// A damaged summary is refused; what is believed is written and read again without a difference.
pub fn run(data: &[u8]) {
    let whole = [&SUMMARY.to_le_bytes(), data].concat();
    for bytes in [data, &whole, &sections(data)] {
        let Some(written) = summary(bytes) else { continue };
        let again = summary(&written).expect("what was written is read");
        assert!(again == written, "the same bytes");
    }
}

/// Data as contents: the kind of each, its length in two bytes, and that.
fn sections(mut data: &[u8]) -> Vec<u8> {
    let mut summary = SUMMARY.to_le_bytes().to_vec();
    let mut count = 0_u32;
    while let [kind, a, b, rest @ ..] = data {
        let (content, rest) = rest.split_at(rest.len().min(usize::from(u16::from_le_bytes([*a, *b]))));
        section(&mut summary, *kind, content);
        count += 1;
        data = rest;
    }
    section(&mut summary, 0, &count.to_le_bytes());
    summary
}

/// A section as docs/trail-format.md says.
fn section(summary: &mut Vec<u8>, kind: u8, content: &[u8]) {
    let mut compressor = zstd::bulk::Compressor::new(1).expect("a compressor");
    compressor.include_checksum(true).expect("frames have checksums");
    let packed = compressor.compress(content).expect("it is packed");
    let head = summary.len();
    summary.push(kind);
    summary.extend((packed.len() as u32).to_le_bytes());
    summary.extend((content.len() as u32).to_le_bytes());
    let mut sum = flate2::Crc::new();
    sum.update(&summary[head..]);
    sum.update(&packed);
    summary.extend(sum.sum().to_le_bytes());
    summary.extend(packed);
}
