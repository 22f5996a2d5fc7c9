//! Tar archives: v7, ustar, GNU and pax, read in one pass.
//!
//! The `tar` crate's iterator ends at the first damaged header and takes long names of any length into memory; here it
//! serves for the fields of a header only. After a damaged header the next block with a right checksum goes on. Where the
//! input has a hole, nobody knows how much is missing: what follows up to the next header, at whatever offset, is handed out as
//! the rest of the entry at hand.

use super::input::{Broken, Hole, read_up_to};
use super::kind::checksum_fits;
use super::names::{Names, skipped_folder};
use super::tar_blocks::{BLOCK, Blocks, Content, Stop};
use super::walk::{Place, Walker};
use crate::note::NoteKind;
use ::tar::{EntryType, Header};
use std::io::Read;

/// The longest name taken from a GNU long-name entry, and the most of a pax header, in bytes.
const LONG_NAME: usize = 64 << 10;
const PAX: usize = 1 << 20;

/// Walks the tar that lies at `place`.
pub(crate) fn walk(walker: &mut Walker<'_>, place: &Place, input: &mut dyn Read) {
    let blocks = Blocks::new(input);
    let mut tar = Tar { walker, place, blocks, names: Names::default(), next: Announced::default() };
    let outcome = tar.run();
    if let Err(broken) = outcome {
        let at = tar.blocks.at;
        tar.walker.note(&place.member, NoteKind::Damaged, at, broken.0);
    }
}

struct Tar<'w, 'a, 'r> {
    walker: &'w mut Walker<'a>,
    place: &'w Place,
    blocks: Blocks<'r>,
    names: Names,
    next: Announced,
}

/// What special headers say about the entry behind them.
#[derive(Default)]
struct Announced {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    sparse: bool,
}

impl Tar<'_, '_, '_> {
    /// Block by block to the end. An error is one of the archive itself, not yet told.
    fn run(&mut self) -> Result<(), Broken> {
        let mut zeros = 0;
        let mut lost: Option<u64> = None;
        loop {
            let at = self.blocks.at;
            let Some(block) = self.header(at)? else { break };
            if block.iter().all(|b| *b == 0) {
                zeros += 1;
                continue;
            }
            let header = Header::from_byte_slice(&block);
            let size = header.entry_size();
            let (true, Ok(size)) = (checksum_fits(&block), size) else {
                lost.get_or_insert(at);
                continue;
            };
            if let Some(from) = lost.take() {
                let text = format!("tar damaged at byte {from}; reading went on with the header at byte {at}");
                self.walker.note(&self.place.member, NoteKind::Damaged, from, text);
                self.next = Announced::default();
            }
            // Archives may be joined one behind the other, end marks included.
            zeros = 0;
            if !self.entry(header, size)? {
                return Ok(());
            }
        }
        self.finish(zeros, lost)
    }

    /// The next block; behind a hole, the next header.
    fn header(&mut self, at: u64) -> Result<Option<[u8; BLOCK]>, Broken> {
        loop {
            match self.blocks.header() {
                Ok(block) => return Ok(block),
                Err(Stop::Broken(broken)) => return Err(broken),
                Err(Stop::Hole(hole)) => self.hole(at, hole)?,
            }
        }
    }

    /// Tells of a hole that no entry has told of, and goes on to the next header.
    fn hole(&mut self, at: u64, hole: Hole) -> Result<(), Broken> {
        self.next = Announced::default();
        self.walker.note(&self.place.member, NoteKind::Damaged, at, hole.0);
        self.pass_by()
    }

    /// Passes over all that lies before the next header.
    fn pass_by(&mut self) -> Result<(), Broken> {
        let mut scratch = [0; 16 << 10];
        while self.blocks.adrift {
            let at = self.blocks.at;
            match self.blocks.stray(&mut scratch) {
                Ok(_) => {}
                Err(Stop::Hole(hole)) => self.walker.note(&self.place.member, NoteKind::Damaged, at, hole.0),
                Err(Stop::Broken(broken)) => return Err(broken),
            }
        }
        Ok(())
    }

    /// Passes over what is left of an entry and its padding.
    fn skip(&mut self, size: u64) -> Result<(), Broken> {
        let at = self.blocks.at;
        match self.blocks.skip(size) {
            Ok(()) => Ok(()),
            Err(Stop::Broken(broken)) => Err(broken),
            Err(Stop::Hole(hole)) => self.hole(at, hole),
        }
    }

    fn finish(&mut self, zeros: u64, lost: Option<u64>) -> Result<(), Broken> {
        if let Some(from) = lost {
            let (kind, text) = if zeros > 0 {
                (NoteKind::Skipped, "bytes behind the end of the tar archive are no entries; they were passed over")
            } else {
                (NoteKind::Damaged, "tar damaged from here on: no further header was found")
            };
            self.walker.note(&self.place.member, kind, from, text);
            return Ok(());
        }
        if zeros == 0 && !self.blocks.end_mark {
            let text = "tar archive ends without its end mark, it may have been cut short; its whole entries were read";
            return Err(Broken(text.to_owned()));
        }
        Ok(())
    }

    /// One entry, its content and padding; `false` if the input failed and that has been told.
    fn entry(&mut self, header: &Header, size: u64) -> Result<bool, Broken> {
        let kind = header.entry_type();
        match kind {
            EntryType::GNULongName => {
                self.next.name = Some(self.special(size, LONG_NAME, "long name")?);
                return Ok(true);
            }
            EntryType::XHeader => {
                let text = self.special(size, PAX, "pax header")?;
                pax(&text, &mut self.next);
                return Ok(true);
            }
            EntryType::GNULongLink | EntryType::XGlobalHeader => {
                self.skip(size.saturating_add(padding(size)))?;
                return Ok(true);
            }
            _ => {}
        }
        let next = std::mem::take(&mut self.next);
        let size = next.size.unwrap_or(size);
        let raw = next.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let name = String::from_utf8_lossy(&raw);
        let name = name.trim_start_matches("./");
        let sparse = next.sparse || kind == EntryType::GNUSparse;
        if kind == EntryType::GNUSparse && header.as_gnu().is_some_and(::tar::GnuHeader::is_extended) {
            self.sparse_map()?;
        }
        let reason =
            if sparse { Some("a file stored with holes (sparse); unpack the archive first") } else { why_not(kind) };
        let is_file = reason.is_none() && is_file(kind) && !name.ends_with('/');
        if let Some(reason) = reason {
            let kind = if sparse { NoteKind::Unreadable } else { NoteKind::Skipped };
            let member = self.place.join(name);
            let at = self.blocks.at - BLOCK as u64;
            self.walker.note(&member, kind, at, format!("entry skipped: {reason}"));
        }
        if !is_file || self.in_skipped_folder(name) {
            self.skip(size.saturating_add(padding(size)))?;
            return Ok(true);
        }
        self.file(name, size)
    }

    fn in_skipped_folder(&mut self, name: &str) -> bool {
        let Some(folder) = skipped_folder(name).filter(|_| !self.walker.o.all) else { return false };
        if self.names.first_time(folder) {
            let member = self.place.join(folder);
            self.walker.note(&member, NoteKind::Skipped, 0, crate::discover::FOLDER_SKIPPED);
        }
        true
    }

    fn file(&mut self, name: &str, size: u64) -> Result<bool, Broken> {
        let shown = self.names.unique(name);
        let inside = self.place.entry(name, &shown, size);
        let (told, holes) = (self.walker.told, self.blocks.holes);
        let mut content = Content { blocks: &mut self.blocks, left: size };
        self.walker.visit(&inside, &mut content);
        let left = content.left;
        if self.blocks.holes > holes {
            // An entry that was not wanted may have met the hole in its head and kept it to itself.
            if let Some(hole) = self.blocks.hole.clone().filter(|_| self.walker.told == told) {
                self.walker.note(&inside.member, NoteKind::Damaged, 0, hole.0);
            }
            self.pass_by()?;
            return Ok(true);
        }
        if let Some(broken) = &self.blocks.broken {
            // An entry that was not wanted may have met the failure in its head and kept it to itself.
            return if self.walker.told > told { Ok(false) } else { Err(broken.clone()) };
        }
        self.skip(left.saturating_add(padding(size)))?;
        Ok(true)
    }

    /// Passes over the map blocks that follow a sparse header.
    fn sparse_map(&mut self) -> Result<(), Broken> {
        let at = self.blocks.at;
        loop {
            match self.blocks.header() {
                Ok(Some(block)) if block[504] != 0 => {}
                Ok(_) => return Ok(()),
                Err(Stop::Broken(broken)) => return Err(broken),
                Err(Stop::Hole(hole)) => return self.hole(at, hole),
            }
        }
    }

    /// The content of a special header, up to `limit` bytes; what is beyond is passed over.
    fn special(&mut self, size: u64, limit: usize, what: &str) -> Result<Vec<u8>, Broken> {
        if size > limit as u64 {
            let text = format!("{what} of {size} bytes is not believed and passed over");
            let at = self.blocks.at;
            self.walker.note(&self.place.member, NoteKind::Damaged, at, text);
            self.skip(size.saturating_add(padding(size)))?;
            return Ok(Vec::new());
        }
        let mut content = Content { blocks: &mut self.blocks, left: size };
        let (mut bytes, error) = read_up_to(&mut content, usize::try_from(size).unwrap_or(limit));
        if let Some(broken) = &self.blocks.broken {
            return Err(broken.clone());
        }
        if let Some(hole) = error.as_ref().and_then(Hole::of) {
            let at = self.blocks.at;
            self.hole(at, hole.clone())?;
            return Ok(Vec::new());
        }
        self.skip(padding(size))?;
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        Ok(bytes)
    }
}

fn is_file(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous)
}

/// Why an entry of this type is worth a note, and not read.
fn why_not(kind: EntryType) -> Option<&'static str> {
    match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::Directory => None,
        EntryType::Link => Some("a hard link; its content is read under the name it was stored with"),
        EntryType::Symlink => Some("a symbolic link; links inside an archive are not followed"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Some("a device or pipe"),
        // GNU directory lists and volume labels hold no file.
        _ if matches!(kind.as_byte(), b'D' | b'V' | b'N') => None,
        _ if kind.as_byte() == b'M' => Some("the continuation of a file from another volume; unpack the volumes first"),
        _ => Some("an entry of unknown type"),
    }
}

/// Takes from a pax header (`LENGTH KEY=VALUE\n` each) what matters here.
fn pax(mut text: &[u8], next: &mut Announced) {
    while let Some(space) = text.iter().position(|b| *b == b' ') {
        let length = std::str::from_utf8(&text[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
        let Some(length) = length.filter(|n| *n > space && *n <= text.len()) else { return };
        let record = text[space + 1..length].strip_suffix(b"\n").unwrap_or(&text[space + 1..length]);
        text = &text[length..];
        let Some(equals) = record.iter().position(|b| *b == b'=') else { continue };
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"path" => next.name = Some(value.to_vec()),
            b"size" => next.size = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok()),
            _ if key.starts_with(b"GNU.sparse.") => next.sparse = true,
            _ => {}
        }
    }
}

fn padding(size: u64) -> u64 {
    (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64
}
