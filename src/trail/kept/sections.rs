//! Sections: what a summary is made of, each a zstd frame with its checksum, behind its kind, its lengths and a checksum of all that.

use std::io;

use zstd::bulk::{Compressor, Decompressor};

use super::Corrupt;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// How many sections stand before it, as a number of four bytes. The last one.
    End = 0,
    /// Stores and services: the numbers of streams are places among them.
    Streams = 1,
    /// Records of what is small.
    Parts = 2,
    /// Last accesses, in order.
    Access = 3,
    /// Users of the message trace, in order.
    Users = 4,
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        [Kind::End, Kind::Streams, Kind::Parts, Kind::Access, Kind::Users].into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// No section's content is longer, in bytes: what is written is cut far below that, and what says that it is longer is not believed.
const LONGEST: usize = 8 << 20;
/// Kind, length, length of the content, checksum.
const HEAD: usize = 1 + 4 + 4 + 4;
/// A fast one: columns are most of what is packed, and another level makes them little smaller.
const LEVEL: i32 = 1;

/// Packs contents.
pub(super) struct Packer(Compressor<'static>);

impl Packer {
    pub(super) fn new() -> io::Result<Packer> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        Ok(Packer(compressor))
    }

    /// A content as a section.
    pub(super) fn section(&mut self, kind: Kind, content: &[u8]) -> io::Result<Vec<u8>> {
        let too_long = |_| io::Error::other("a section is too long");
        let mut section = vec![kind as u8];
        let packed = self.0.compress(content)?;
        for length in [packed.len(), content.len()] {
            section.extend(u32::try_from(length).map_err(too_long)?.to_le_bytes());
        }
        section.extend(checksum(&section, &packed).to_le_bytes());
        section.extend(packed);
        Ok(section)
    }
}

fn checksum(head: &[u8], packed: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(head);
    sum.update(packed);
    sum.sum()
}

/// A section as it lies there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'a> {
    pub(super) kind: Kind,
    /// At which byte of the summary it begins.
    place: usize,
    length: usize,
    packed: &'a [u8],
}

impl<'a> Section<'a> {
    /// The one at a place, if its checksum is right; and the place behind it.
    pub(super) fn at(bytes: &'a [u8], place: usize) -> Result<(Section<'a>, usize), Corrupt> {
        let rest = bytes.get(place..).unwrap_or_default();
        let (head, rest) = rest.split_first_chunk::<HEAD>().ok_or(Corrupt::Short)?;
        let [kind, a, b, c, d, e, f, g, h, sum @ ..] = *head;
        let [packed, length] = [[a, b, c, d], [e, f, g, h]].map(|bytes| u32::from_le_bytes(bytes) as usize);
        let packed = rest.get(..packed).ok_or(Corrupt::Short)?;
        let covered = head.get(..HEAD - sum.len()).unwrap_or_default();
        let kind = Kind::of(kind).filter(|_| length <= LONGEST && checksum(covered, packed) == u32::from_le_bytes(sum));
        let section = Section { kind: kind.ok_or(Corrupt::Damaged(place))?, place, length, packed };
        Ok((section, place + HEAD + packed.len()))
    }

    /// What is wrong with it, if anything is.
    pub(super) fn damaged(&self) -> Corrupt {
        Corrupt::Damaged(self.place)
    }
}

/// Unpacks sections.
pub(super) struct Unpacker {
    decompressor: Option<Decompressor<'static>>,
    content: Vec<u8>,
}

impl Unpacker {
    pub(super) fn new() -> Unpacker {
        Unpacker { decompressor: Decompressor::new().ok(), content: Vec::new() }
    }

    /// What a section holds.
    pub(super) fn content(&mut self, section: &Section<'_>) -> Result<&[u8], Corrupt> {
        let decompressor = self.decompressor.as_mut().ok_or(section.damaged())?;
        self.content.clear();
        self.content.reserve(section.length);
        let length =
            decompressor.decompress_to_buffer(section.packed, &mut self.content).map_err(|_| section.damaged())?;
        if length == section.length { Ok(&self.content) } else { Err(section.damaged()) }
    }
}
