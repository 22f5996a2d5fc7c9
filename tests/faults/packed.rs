//! Compressed files that are cut, or have a bit flipped: what their own decoders still make of them.

use crate::common::pack::Codec;
use crate::sim::{Archive, Damage, Line, Log, Origin, State, Wreck, wound_bytes};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

/// An archive of compressed files, some of which are damaged.
pub(crate) struct Packed {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) wreck: Wreck,
    /// What each file decodes to.
    pub(crate) content: Vec<Vec<u8>>,
    /// Files that end in an error.
    pub(crate) unreadable: BTreeSet<usize>,
    /// How much a decoder gives before it meets the error is its own affair, and may be garbage: what an unreadable
    /// file decodes to is only known about. A file that is cut gives all up to the cut.
    pub(crate) vague: bool,
}

impl Packed {
    /// Compresses all rotated files, and wounds every third.
    pub(crate) fn new(archive: &Archive, codec: Codec, damage: Damage, seed: u64) -> Packed {
        let mut packed = Packed {
            files: Vec::new(),
            wreck: Wreck { logs: Vec::new(), gone: Vec::new() },
            content: Vec::new(),
            unreadable: BTreeSet::new(),
            vague: damage == Damage::Flip,
        };
        for (n, (path, text)) in archive.files.iter().enumerate() {
            let rotated = path.contains('.');
            let path = if rotated { format!("{path}.{}", codec.extension()) } else { path.clone() };
            let mut bytes = if rotated { compress(text, codec) } else { text.clone() };
            let mut content = text.clone();
            if rotated && n % 3 == 1 {
                wound_bytes(&mut bytes, damage, seed + n as u64);
                let ends_well;
                (content, ends_well) = decode(&bytes, codec);
                if !ends_well {
                    packed.unreadable.insert(n);
                }
            }
            let log = Log { path: path.clone(), lines: still_there(n, text, &content, &mut packed.wreck.gone) };
            packed.wreck.logs.push(log);
            packed.files.push((path, bytes));
            packed.content.push(content);
        }
        packed
    }
}

/// Small files in as many blocks as large ones have, so that something can be decoded before the damage: zstd's end
/// where the encoder is flushed, bzip2's are streams of their own, as those of pbzip2.
fn compress(text: &[u8], codec: Codec) -> Vec<u8> {
    match codec {
        Codec::Gz | Codec::Xz => codec.compress(text),
        Codec::Bz2 => text.chunks(6000).flat_map(|block| codec.compress(block)).collect(),
        Codec::Zst => {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).expect("memory");
            for block in text.chunks(3000) {
                encoder.write_all(block).and_then(|()| encoder.flush()).expect("memory can be written");
            }
            encoder.finish().expect("memory can be written")
        }
    }
}

/// All that a decoder gives, and whether it comes to the end.
fn decode(bytes: &[u8], codec: Codec) -> (Vec<u8>, bool) {
    let mut decoder: Box<dyn Read + '_> = match codec {
        Codec::Gz => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Codec::Zst => Box::new(zstd::stream::read::Decoder::with_buffer(bytes).expect("memory")),
        Codec::Bz2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
        Codec::Xz => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(bytes)),
    };
    let mut out = Vec::new();
    let mut one = [0];
    loop {
        match decoder.read(&mut one) {
            Ok(0) => return (out, true),
            Ok(_) => out.push(one[0]),
            Err(_) => return (out, false),
        }
    }
}

/// Lines of a text that are in what was decoded, in their order; all else there is altered.
fn still_there(file: usize, text: &[u8], content: &[u8], gone: &mut Vec<Origin>) -> Vec<Line> {
    let old: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    let mut places: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
    old.iter().enumerate().rev().for_each(|(n, line)| places.entry(line).or_default().push(n));
    let mut next = 0;
    let mut lines = Vec::new();
    for bytes in content.split_inclusive(|b| *b == b'\n') {
        let found = places.get_mut(bytes).and_then(|places| {
            while places.last().is_some_and(|n| *n < next) {
                places.pop();
            }
            places.pop()
        });
        let state = if found.is_some() { State::Whole } else { State::Altered };
        let line = found.unwrap_or(next.min(old.len() - 1));
        if found.is_some() {
            gone.extend((next..line).map(|line| Origin { file, line }));
            next = line + 1;
        }
        lines.push(Line { origin: Origin { file, line }, bytes: bytes.to_vec(), state });
    }
    gone.extend((next..old.len()).map(|line| Origin { file, line }));
    lines
}
