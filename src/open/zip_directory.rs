//! The records of a zip archive: central directory, zip64, local headers.
//!
//! The `zip` crate keeps its entries by name, so that of two with one name the first is lost; logs that were added
//! twice are two logs. These are the few records that reading needs, after PKWARE's APPNOTE 4.3 and 4.5.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// An entry as its directory record or local header describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) encrypted: bool,
    /// Sizes and checksum follow the data instead of preceding it (local headers only).
    pub(crate) sizes_follow: bool,
    pub(crate) crc: u32,
    pub(crate) packed: u64,
    pub(crate) size: u64,
    /// Where the local header lies (directory records only).
    pub(crate) offset: u64,
    pub(crate) symlink: bool,
}

pub(crate) const LOCAL: [u8; 4] = *b"PK\x03\x04";
pub(crate) const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const END64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64: [u8; 4] = *b"PK\x06\x07";

/// Whether a header found by search alone looks like one: its mark is four bytes, which compressed data may contain.
pub(crate) fn is_plausible(entry: &Entry) -> bool {
    let known = matches!(entry.method, 0..=20 | 93..=99);
    known && !entry.name.is_empty() && !entry.name.contains(&0)
}

/// The largest directory taken into memory, in bytes: some 500,000 entries.
const LARGEST: u64 = 64 << 20;

/// Reads the central directory, in the order of names (and of places where names are equal).
///
/// # Errors
/// The cause, in a few words, if there is no whole directory.
pub(crate) fn read(file: &File) -> Result<Vec<Entry>, String> {
    let found = find(file).map_err(|e| e.to_string())?;
    let Some(end) = found else { return Err("it has no directory at its end".to_owned()) };
    if end.size > LARGEST {
        return Err(format!("its directory of {} bytes is too large", end.size));
    }
    let start = end.place.checked_sub(end.size).ok_or("its directory has a wrong size")?;
    // Bytes put before the archive shift everything in it.
    let shift = start.checked_sub(end.start).ok_or("its directory has a wrong place")?;
    let mut input = file;
    input.seek(SeekFrom::Start(start)).map_err(|e| e.to_string())?;
    let mut input = BufReader::new(input.take(end.size));
    let mut entries = Vec::new();
    for _ in 0..end.count {
        let entry = central(&mut input).map_err(|e| format!("its directory is damaged: {e}"))?;
        entries.push(Entry { offset: entry.offset.saturating_add(shift), ..entry });
    }
    entries.sort_by(|a, b| (&a.name, a.offset).cmp(&(&b.name, b.offset)));
    Ok(entries)
}

/// What the end record says: where the directory is, and how much of it.
struct End {
    place: u64,
    start: u64,
    size: u64,
    count: u64,
}

fn find(mut file: &File) -> io::Result<Option<End>> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail_at = length.saturating_sub(22 + 65_535 + 20);
    file.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    file.take(length - tail_at).read_to_end(&mut tail)?;
    let fits = |at: &usize| {
        let record = &tail[*at..];
        record.starts_with(&END) && record.len() >= 22 + usize::from(u16_at(record, 20))
    };
    let Some(at) = (0..tail.len().saturating_sub(21)).rev().find(fits) else { return Ok(None) };
    let record = &tail[at..];
    let end = End {
        place: tail_at + at as u64,
        start: u64::from(u32_at(record, 16)),
        size: u64::from(u32_at(record, 12)),
        count: u64::from(u16_at(record, 10)),
    };
    let locator = at.checked_sub(20).map(|from| &tail[from..at]).filter(|bytes| bytes.starts_with(&LOCATOR64));
    let Some(locator) = locator else { return Ok(Some(end)) };
    let place = u64_at(locator, 8);
    let mut record = Vec::new();
    file.seek(SeekFrom::Start(place))?;
    file.take(56).read_to_end(&mut record)?;
    if record.len() < 56 || !record.starts_with(&END64) {
        return Ok(Some(end));
    }
    Ok(Some(End { place, start: u64_at(&record, 48), size: u64_at(&record, 40), count: u64_at(&record, 32) }))
}

fn central(input: &mut dyn Read) -> io::Result<Entry> {
    let mut fixed = [0; 46];
    input.read_exact(&mut fixed)?;
    if !fixed.starts_with(&CENTRAL) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is missing"));
    }
    let name = take(input, u16_at(&fixed, 28))?;
    let extra = take(input, u16_at(&fixed, 30))?;
    take(input, u16_at(&fixed, 32))?;
    let mut entry = Entry {
        name,
        method: u16_at(&fixed, 10),
        encrypted: u16_at(&fixed, 8) & 1 != 0,
        sizes_follow: false,
        crc: u32_at(&fixed, 16),
        packed: u64::from(u32_at(&fixed, 20)),
        size: u64::from(u32_at(&fixed, 24)),
        offset: u64::from(u32_at(&fixed, 42)),
        // A Unix mode is in the upper half of the external attributes, where the archive was made on Unix.
        symlink: fixed[5] == 3 && (u32_at(&fixed, 38) >> 16) & 0o170_000 == 0o120_000,
    };
    widen(&extra, [&mut entry.size, &mut entry.packed, &mut entry.offset]);
    Ok(entry)
}

/// The rest of a local header whose mark has been read.
pub(crate) fn local(input: &mut dyn Read) -> io::Result<Entry> {
    let mut fixed = [0; 30];
    input.read_exact(&mut fixed[4..])?;
    let name = take(input, u16_at(&fixed, 26))?;
    let extra = take(input, u16_at(&fixed, 28))?;
    let flags = u16_at(&fixed, 6);
    let mut entry = Entry {
        name,
        method: u16_at(&fixed, 8),
        encrypted: flags & 1 != 0,
        sizes_follow: flags & 8 != 0,
        crc: u32_at(&fixed, 14),
        packed: u64::from(u32_at(&fixed, 18)),
        size: u64::from(u32_at(&fixed, 22)),
        offset: 0,
        symlink: false,
    };
    let mut none = 0;
    widen(&extra, [&mut entry.size, &mut entry.packed, &mut none]);
    Ok(entry)
}

/// Replaces fields that are all ones by those of the zip64 extra field, which has only these, in this order.
fn widen(mut extra: &[u8], fields: [&mut u64; 3]) {
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(mut data) = extra.get(4..4 + length) else { return };
        extra = &extra[4 + length..];
        if id != 1 {
            continue;
        }
        for field in fields {
            if *field == u64::from(u32::MAX) && data.len() >= 8 {
                *field = u64_at(data, 0);
                data = &data[8..];
            }
        }
        return;
    }
}

fn take(input: &mut dyn Read, length: u16) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::from(length)];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Little-endian numbers; 0 beyond the end.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
}
