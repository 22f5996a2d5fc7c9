//! Builders of every format, and a sink that remembers.

use crate::note::{Note, NoteKind};
use crate::open::*;
use crate::random::Random;
use std::io::{Cursor, Read, Write};
use std::path::Path;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaf {
    pub(super) member: String,
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) size: Option<u64>,
    pub(super) bytes: Vec<u8>,
    pub(super) damage: Option<Damage>,
    pub(super) holes: Vec<Damage>,
    ended: bool,
}

#[derive(Default)]
pub(super) struct Memory {
    pub(super) leaves: Vec<Leaf>,
    pub(super) notes: Vec<Note>,
    pub(super) want: Option<Want>,
}

impl Sink for Memory {
    fn begin(&mut self, m: &Member<'_>) -> Want {
        assert!(self.leaves.last().is_none_or(|leaf| leaf.ended));
        self.leaves.push(Leaf {
            member: m.member.to_owned(),
            name: m.name.to_owned(),
            kind: m.kind,
            size: m.size,
            bytes: Vec::new(),
            damage: None,
            holes: Vec::new(),
            ended: false,
        });
        self.want.unwrap_or(Want::All)
    }

    fn data(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty() && bytes.len() <= 256 << 10);
        self.leaves.last_mut().unwrap().bytes.extend_from_slice(bytes);
    }

    fn hole(&mut self, damage: Damage) {
        let leaf = self.leaves.last_mut().unwrap();
        assert!(!leaf.ended);
        assert_eq!(damage.at, leaf.bytes.len() as u64);
        leaf.holes.push(damage);
    }

    fn end(&mut self, damage: Option<Damage>) {
        let leaf = self.leaves.last_mut().unwrap();
        assert!(!leaf.ended);
        leaf.ended = true;
        leaf.damage = damage;
    }

    fn note(&mut self, note: Note) {
        self.notes.push(note);
    }
}

impl Memory {
    pub(super) fn members(&self) -> Vec<&str> {
        self.leaves.iter().map(|leaf| leaf.member.as_str()).collect()
    }

    pub(super) fn kinds(&self) -> Vec<NoteKind> {
        self.notes.iter().map(|note| note.kind).collect()
    }

    pub(super) fn fails(&self) -> bool {
        self.notes.iter().any(Note::fails)
            || self.leaves.iter().any(|leaf| leaf.damage.is_some() || !leaf.holes.is_empty())
    }

    /// The only leaf, whole, with no note.
    pub(super) fn only(&self) -> &Leaf {
        assert_eq!(self.notes, []);
        assert_eq!(self.leaves.len(), 1);
        assert_eq!((&self.leaves[0].damage, &self.leaves[0].holes), (&None, &Vec::new()));
        &self.leaves[0]
    }
}

pub(super) fn walk(bytes: &[u8]) -> Memory {
    walk_with(bytes, Memory::default())
}

pub(super) fn walk_with(bytes: &[u8], mut memory: Memory) -> Memory {
    let reader: Box<dyn Read + Send> = Box::new(Cursor::new(bytes.to_vec()));
    walk_reader(Path::new("x.1"), reader, &WalkOptions::default(), &mut memory);
    assert!(memory.leaves.last().is_none_or(|leaf| leaf.ended));
    memory
}

/// Some lines that do not compress to nothing.
pub(super) fn text(lines: usize) -> Vec<u8> {
    let mut random = Random(7);
    let mut out = Vec::new();
    for n in 0..lines {
        let word = random.below(1 << 31) << 13 | random.below(1 << 13);
        writeln!(out, "[01/Jan/2024:00:00:{:02}] store1 imapd[{n}]: login {word:x}", n % 60).unwrap();
    }
    out
}

pub(super) fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

pub(super) fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut w = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

pub(super) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut w = liblzma::write::XzEncoder::new(Vec::new(), 0);
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

pub(super) fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut w = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    w.include_checksum(true).unwrap();
    w.write_all(bytes).unwrap();
    w.finish().unwrap()
}

pub(super) type Pack = fn(&[u8]) -> Vec<u8>;
pub(super) const PACKERS: [(&str, Pack); 4] = [("gzip", gz), ("bzip2", bz2), ("xz", xz), ("zstd", zst)];

pub(super) fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut w = ::tar::Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        w.append_data(&mut header, name, *bytes).unwrap();
    }
    w.into_inner().unwrap()
}

pub(super) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(entries, ::zip::CompressionMethod::Deflated)
}

pub(super) fn zip_by(entries: &[(&str, &[u8])], method: ::zip::CompressionMethod) -> Vec<u8> {
    let mut w = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        w.start_file(*name, options).unwrap();
        w.write_all(bytes).unwrap();
    }
    w.finish().unwrap().into_inner()
}
