//! A trail as bytes, and back: the summary of a trail file.
//!
//! In front stands the version, behind it sections, each of which can be packed, checked and unpacked by itself. Streams are told by store
//! and service, files by numbers that the caller gives. What waits for pairing and what was collected for one question is not kept, and of
//! last accesses not the lines that prove them.

pub(in crate::trail) mod names;
pub(in crate::trail) mod numbers;
mod parts;
mod sections;

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;

use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::names::{Names, Packing};
use self::parts::{NO_FILE, Part};
use self::sections::{Kind, Packer, Section, Unpacker};
use super::access::{self, Chunk, LastAccess};
use super::{FileId, Trail};
use crate::model::Service;
use crate::streams::{StreamId, Streams};

/// The version of all that is written here. `Part` holds what other modules define, in a form that does not say what it is: a field, a
/// variant or an order of these that changes there makes another version.
pub const VERSION: u32 = 1;

/// So many entries or names are packed together at most.
const MOST: usize = 1 << 14;
/// And so many bytes of names, in bytes, but for the last of them.
const MOST_TEXT: usize = 1 << 20;
/// So many bytes of records are packed together, and what the last has beyond that.
const RECORDS: usize = 256 << 10;
/// So many sections are unpacked side by side, so that no more of them lie there twice.
const ASIDE: usize = 64;

/// Why bytes are no summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// It is one of another version.
    #[error("its summary is of version {0}, and this program reads version {VERSION}: make it again with this program")]
    Version(u32),
    /// It ends too early.
    #[error("its summary is cut short")]
    Short,
    /// What is at this byte is not what was written.
    #[error("its summary is damaged at byte {0}")]
    Damaged(usize),
}

/// A trail as bytes. `text_of` is the number by which a file is told.
///
/// A file without a number is left out, and where it gave the sample of something, that belongs to no file.
///
/// # Errors
/// Only where there is no memory to pack with.
pub fn write(trail: &Trail, streams: &Streams, text_of: &dyn Fn(FileId) -> Option<u32>) -> io::Result<Vec<u8>> {
    let mut copy;
    let mut access = &trail.access;
    if !access.is_in_order() {
        copy = access.clone();
        copy.settle(streams);
        copy.put_in_order();
        access = &copy;
    }
    let table = Table::of(trail, access, streams);
    let mut out = Out::new()?;
    for stream in &table.streams {
        out.record(Kind::Streams, &streams.get(*stream))?;
    }
    out.flush(Kind::Streams)?;
    let numbers = parts::Numbers {
        stream: &|stream| u32::try_from(table.number(stream)).ok().map(StreamId),
        file: &|file| Some(text_of(file).map_or(NO_FILE, FileId)),
    };
    parts::each(trail, &numbers, &mut |part| out.record(Kind::Parts, &part))?;
    out.flush(Kind::Parts)?;
    let mut users: Vec<&[u8]> = trail.traced.users.iter().map(|user| &**user).collect();
    users.par_sort_unstable();
    out.chunks(Kind::Users, users.len(), &|range, content| pack_users(users.get(range).unwrap_or_default(), content))?;
    let number_of = |stream| table.number(stream);
    out.chunks(Kind::Access, access.len(), &|range, content| {
        access::pack(access, range, MOST_TEXT, &number_of, content)
    })?;
    out.end()
}

/// The streams of a trail, by store and service: a stream's number is its place among them.
struct Table {
    streams: Vec<StreamId>,
    /// By [`StreamId::index`].
    numbers: Vec<u64>,
}

impl Table {
    fn of(trail: &Trail, access: &LastAccess, streams: &Streams) -> Table {
        let Trail { coverage, files, .. } = trail;
        let mut used: BTreeSet<StreamId> = access.streams().collect();
        used.extend(coverage.streams.keys());
        used.extend(coverage.processes.keys().map(|(stream, _)| *stream));
        for file in files.values() {
            used.extend(file.spans.keys().map(|(stream, _)| *stream));
            used.extend(file.jumps.iter().map(|jump| jump.stream));
        }
        let mut numbers = vec![0; used.last().map_or(0, |last| last.index() + 1)];
        let mut by_name: Vec<StreamId> = used.into_iter().collect();
        by_name.sort_by_cached_key(|stream| streams.get(*stream));
        for (number, stream) in (0..).zip(&by_name) {
            if let Some(place) = numbers.get_mut(stream.index()) {
                *place = number;
            }
        }
        Table { streams: by_name, numbers }
    }

    fn number(&self, stream: StreamId) -> u64 {
        self.numbers.get(stream.index()).copied().unwrap_or_default()
    }
}

/// A summary on its way.
struct Out {
    bytes: Vec<u8>,
    sections: u32,
    packer: Packer,
    /// Records that are not packed yet.
    records: Vec<u8>,
}

impl Out {
    fn new() -> io::Result<Out> {
        Ok(Out { bytes: VERSION.to_le_bytes().to_vec(), sections: 0, packer: Packer::new()?, records: Vec::new() })
    }

    fn record(&mut self, kind: Kind, record: &impl Serialize) -> io::Result<()> {
        let records = std::mem::take(&mut self.records);
        self.records = postcard::to_extend(record, records).map_err(io::Error::other)?;
        if self.records.len() >= RECORDS { self.flush(kind) } else { Ok(()) }
    }

    /// Packs the records that are left.
    fn flush(&mut self, kind: Kind) -> io::Result<()> {
        if !self.records.is_empty() {
            self.bytes.extend(self.packer.section(kind, &self.records)?);
            self.sections += 1;
            self.records.clear();
        }
        Ok(())
    }

    /// Packs so many things in chunks, side by side. `pack` packs the first of some, at least one, and says how many these are.
    fn chunks(
        &mut self,
        kind: Kind,
        count: usize,
        pack: &(impl Fn(Range<usize>, &mut Vec<u8>) -> usize + Sync),
    ) -> io::Result<()> {
        let of_stretch = |(packer, content): &mut (io::Result<Packer>, Vec<u8>), stretch: Range<usize>| {
            let packer = packer.as_mut().map_err(|error| io::Error::other(error.to_string()))?;
            let (mut sections, mut bytes, mut from) = (0, Vec::new(), stretch.start);
            while from < stretch.end {
                content.clear();
                from += pack(from..stretch.end, content).max(1);
                bytes.extend(packer.section(kind, content)?);
                sections += 1;
            }
            Ok((sections, bytes))
        };
        let stretches = (0..count.div_ceil(MOST)).into_par_iter().map(|n| n * MOST..count.min((n + 1) * MOST));
        let packed: Vec<io::Result<(u32, Vec<u8>)>> =
            stretches.map_init(|| (Packer::new(), Vec::new()), of_stretch).collect();
        for packed in packed {
            let (sections, bytes) = packed?;
            self.sections += sections;
            self.bytes.extend(bytes);
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<Vec<u8>> {
        self.bytes.extend(self.packer.section(Kind::End, &self.sections.to_le_bytes())?);
        Ok(self.bytes)
    }
}

/// Appends names as columns, but none that begins behind [`MOST_TEXT`] bytes; how many these are.
fn pack_users(users: &[&[u8]], out: &mut Vec<u8>) -> usize {
    let mut names = Packing::default();
    let mut before: &[u8] = &[];
    for user in users {
        if names.len() >= MOST_TEXT {
            break;
        }
        names.push(user, before);
        before = user;
    }
    out.extend((names.count() as u32).to_le_bytes());
    names.put(out);
    names.count()
}

fn unpack_users(content: &[u8]) -> Option<Vec<Box<[u8]>>> {
    let (count, content) = content.split_first_chunk()?;
    let count = usize::try_from(u32::from_le_bytes(*count)).ok().filter(|count| *count <= MOST)?;
    let mut names = Names::of(content, count)?;
    let mut users = Vec::with_capacity(count);
    for _ in 0..count {
        let (user, _) = names.next()?;
        users.push(user.into());
    }
    names.are_over().then_some(users)
}

/// The trail of what [`write()`] wrote. `file_of` gives back the files of its numbers.
///
/// # Errors
/// Where it is of another version, or not as it was written.
pub fn read(bytes: &[u8], streams: &Streams, file_of: &dyn Fn(u32) -> Option<FileId>) -> Result<Trail, Corrupt> {
    let (of_streams, others): (Vec<_>, Vec<_>) =
        sections(bytes)?.into_iter().partition(|section| section.kind == Kind::Streams);
    let mut unpacker = Unpacker::new();
    let mut ids = Vec::new();
    for section in &of_streams {
        let named: Vec<(Vec<u8>, Service)> = records(unpacker.content(section)?).ok_or(section.damaged())?;
        ids.extend(named.iter().map(|(store, service)| streams.id(store, *service)));
    }
    let numbers = parts::Numbers {
        stream: &|number| ids.get(usize::try_from(number.0).ok()?).copied(),
        file: &|number| if number == NO_FILE { Some(number) } else { file_of(number.0) },
    };
    let mut trail = Trail::default();
    for sections in others.chunks(ASIDE) {
        let unpack = |unpacker: &mut Unpacker, section| Unpacked::of(section, &ids, unpacker);
        let unpacked = sections.par_iter().map_init(Unpacker::new, unpack).collect::<Result<Vec<_>, _>>()?;
        trail.access.reserve(unpacked.iter().map(Unpacked::entries).sum());
        for (section, unpacked) in sections.iter().zip(unpacked) {
            unpacked.put(&mut trail, &numbers).ok_or(section.damaged())?;
        }
    }
    Ok(trail)
}

/// The sections of a summary, if all are there and none is damaged.
fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>, Corrupt> {
    let version = bytes.first_chunk().map(|version| u32::from_le_bytes(*version)).ok_or(Corrupt::Short)?;
    if version != VERSION {
        return Err(Corrupt::Version(version));
    }
    let (mut sections, mut place) = (Vec::new(), VERSION.to_le_bytes().len());
    loop {
        let (section, behind) = Section::at(bytes, place)?;
        if section.kind == Kind::End {
            let mut unpacker = Unpacker::new();
            let count = u32::try_from(sections.len()).map(u32::to_le_bytes);
            let is_whole = behind == bytes.len() && count.is_ok_and(|n| unpacker.content(&section) == Ok(&n[..]));
            return if is_whole { Ok(sections) } else { Err(section.damaged()) };
        }
        sections.push(section);
        place = behind;
    }
}

/// The records of a content.
fn records<T: DeserializeOwned>(mut content: &[u8]) -> Option<Vec<T>> {
    let mut records = Vec::new();
    while !content.is_empty() {
        let (record, rest) = postcard::take_from_bytes(content).ok()?;
        records.push(record);
        content = rest;
    }
    Some(records)
}

/// What is in a section.
enum Unpacked {
    Parts(Vec<Part>),
    Access(Chunk),
    Users(Vec<Box<[u8]>>),
}

impl Unpacked {
    fn of(section: &Section<'_>, ids: &[StreamId], unpacker: &mut Unpacker) -> Result<Unpacked, Corrupt> {
        let content = unpacker.content(section)?;
        let unpacked = match section.kind {
            Kind::Parts => records(content).map(Unpacked::Parts),
            Kind::Access => Chunk::unpack(content, MOST, ids).map(Unpacked::Access),
            Kind::Users => unpack_users(content).map(Unpacked::Users),
            Kind::Streams | Kind::End => None,
        };
        unpacked.ok_or(section.damaged())
    }

    /// How many entries of last accesses it has.
    fn entries(&self) -> usize {
        if let Unpacked::Access(chunk) = self { chunk.len() } else { 0 }
    }

    /// Puts it into a trail. None if it does not belong there.
    fn put(self, trail: &mut Trail, numbers: &parts::Numbers<'_>) -> Option<()> {
        match self {
            Unpacked::Parts(parts) => {
                for part in parts {
                    trail.take(numbers.renumbered(part)?);
                }
            }
            Unpacked::Access(chunk) => trail.access.append_chunk(&chunk)?,
            Unpacked::Users(users) => trail.traced.users.extend(users),
        }
        Some(())
    }
}
