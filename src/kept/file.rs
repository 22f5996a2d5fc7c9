//! Reading a trail file: its index at once, its sections when they are needed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{Block, Bounds, Dates, HEADER, Index, MAGIC, Section, TRAILER, Text, VERSION};
use crate::columns::unpack;
use crate::note::cause;
use crate::open::{Damage, Member, Sink, Want};

/// The version of this program, as [`Index::tool`] has it.
pub const TOOL: &str = env!("CARGO_PKG_VERSION");
/// An index is not this many times larger than its packed bytes.
const RATIO: u64 = 400;
/// Sinks take no more bytes at a time.
const DATA: usize = 128 << 10;

/// Why a trail file is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It cannot be read.
    #[error("cannot be read ({}); check the file and its permissions", cause(.0))]
    Unreadable(#[from] io::Error),
    /// Its format is another.
    #[error(
        "is a trail file of format {0}, and this program reads format {VERSION}: use the version that made it, or make it again from the logs"
    )]
    Version(u32),
    /// Its lines were left out, and are needed.
    #[error(
        "was made with --brief, which leaves the lines out, so that it answers -a of all times alone: make it without --brief"
    )]
    Brief,
    /// Its lines were left out, and what it knows is not what is asked.
    #[error(
        "was made with --brief by another version of this program, or with other --grammar, --store-alias, --default-domain or --year than now: make it again as it is to be asked"
    )]
    Otherwise,
    /// Its end is missing, or not what it was.
    #[error(
        "is a trail file that is cut short or damaged (its index cannot be believed), so nothing of it is used: make it again from the logs"
    )]
    Index,
    /// Some bytes are not what they were.
    #[error(
        "is a trail file that is damaged (bytes {0} to {1} are not what was written), so nothing of it is used: make it again from the logs"
    )]
    Section(u64, u64),
}

/// Whether a file begins as a trail file does.
pub fn is_trail(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

/// A trail file, of which the index was read. It is opened anew for each section: of thousands at once, no run could hold all open.
#[derive(Debug)]
pub struct TrailFile {
    /// Its path.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// What it holds.
    pub index: Index,
}

impl TrailFile {
    /// Opens a trail file and reads its index.
    ///
    /// # Errors
    /// It cannot be read, is of another version, cut short or damaged.
    pub fn open(path: &Path) -> Result<TrailFile, Refused> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let index = index(&file, size)?;
        let file = TrailFile { path: path.to_owned(), size, index };
        file.index.texts.iter().all(fits).then_some(file).ok_or(Refused::Index)
    }

    /// The dates of a block. What another version of the program took from its lines is not believed.
    pub fn dates<'a>(&self, block: &'a Block) -> Option<&'a Dates> {
        block.dates.as_ref().filter(|_| self.index.tool == TOOL)
    }

    /// The dates of a block, if a window passes it over by them: it is neither checked nor read.
    pub fn passed_over<'a>(&self, block: &'a Block, bounds: &Bounds) -> Option<&'a Dates> {
        self.dates(block).filter(|dates| bounds.pass_over(dates))
    }

    /// Whether every section is what was written, but for blocks that a window passes over.
    ///
    /// # Errors
    /// One is not, or cannot be read.
    fn verify(&self, bounds: &Bounds) -> Result<(), Refused> {
        // What cannot be read apart is walked from its beginning on.
        let is_read = |text: &Text, block: &Block| !text.apart || self.passed_over(block, bounds).is_none();
        let is_read = &is_read;
        let blocks = self.index.texts.par_iter().flat_map(|text| {
            text.blocks.par_iter().filter(move |block| is_read(text, block)).map(|block| &block.packed)
        });
        let summary = self.index.summary.par_iter().map(|(section, _)| section);
        blocks.chain(summary).try_for_each(|section| self.section(section).map(drop))
    }

    /// Whether it has a summary that was made in this way.
    pub fn is_summed_up(&self, how: &[u8; 32]) -> bool {
        self.index.summary.is_some_and(|(_, made)| made == *how)
    }

    /// The bytes of its summary.
    ///
    /// # Errors
    /// It has none, or it is not what was written.
    pub fn summary(&self) -> Result<Vec<u8>, Refused> {
        self.index.summary.map_or(Err(Refused::Otherwise), |(section, _)| self.section(&section))
    }

    /// Checks that what a question needs of it can be believed: its summary, if the question rests on one made in this way, else the lines
    /// that the window of the question does not pass over.
    ///
    /// # Errors
    /// It cannot, or was left out.
    pub fn check(&self, how: Option<&[u8; 32]>, bounds: &Bounds) -> Result<(), Refused> {
        match how {
            Some(how) if self.is_summed_up(how) => self.summary().map(drop),
            Some(_) if self.index.brief => Err(Refused::Otherwise),
            None if self.index.brief => Err(Refused::Brief),
            _ => self.verify(bounds),
        }
    }

    /// The bytes of a section.
    ///
    /// # Errors
    /// They cannot be read, or are not what was written.
    pub fn section(&self, section: &Section) -> Result<Vec<u8>, Refused> {
        let damaged = || Refused::Section(section.at, section.at.saturating_add(section.length));
        if section.at.checked_add(section.length).is_none_or(|end| end > self.size) {
            return Err(damaged());
        }
        let mut bytes = vec![0; usize::try_from(section.length).map_err(|_| damaged())?];
        File::open(&self.path)?.read_exact_at(&mut bytes, section.at)?;
        let is_same = Sha256::digest(&bytes).as_slice() == section.sha256;
        is_same.then_some(bytes).ok_or_else(damaged)
    }

    /// The text of a block, in place of what `out` held.
    ///
    /// # Errors
    /// It cannot be read, or is not what was written.
    pub fn lines(&self, block: &Block, out: &mut Vec<u8>) -> Result<(), Refused> {
        let packed = self.section(&block.packed)?;
        out.clear();
        let damaged = || Refused::Section(block.packed.at, block.packed.at + block.packed.length);
        unpack(&packed, out).map_err(|_| damaged())?;
        (out.len() as u64 == block.length).then_some(()).ok_or_else(damaged)
    }

    /// Hands a text to a sink, as the walk through its log did.
    pub fn walk(&self, number: usize, sink: &mut dyn Sink) {
        let Some(text) = self.index.texts.get(number) else { return };
        let member = Member {
            path: Path::new(std::ffi::OsStr::from_bytes(&text.path)),
            member: &text.member,
            name: &text.name,
            kind: text.nature.kind(),
            size: text.size,
        };
        let wanted = match sink.begin(&member) {
            Want::Skip => 0,
            Want::Head(n) => n as u64,
            Want::All => u64::MAX,
        };
        let damage = self.stream(text, wanted, sink);
        sink.end(damage);
    }

    /// Hands out up to `wanted` bytes, over holes; gives the damage behind which there is nothing.
    fn stream(&self, text: &Text, wanted: u64, sink: &mut dyn Sink) -> Option<Damage> {
        let mut holes = text.holes.iter().peekable();
        let mut lines = Vec::new();
        for block in &text.blocks {
            while let Some(hole) = holes.next_if(|hole| hole.at <= block.place && wanted > hole.at) {
                sink.hole(hole.damage());
            }
            let room = wanted.checked_sub(block.place).filter(|room| *room > 0)?;
            if let Err(refused) = self.lines(block, &mut lines) {
                return Some(Damage { at: block.place, text: format!("{}: {refused}", self.path.display()) });
            }
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            lines.get(..room).unwrap_or(&lines).chunks(DATA).for_each(|bytes| sink.data(bytes));
        }
        holes.filter(|hole| wanted > hole.at).for_each(|hole| sink.hole(hole.damage()));
        text.damage.as_ref().filter(|damage| wanted > damage.at).map(super::Gap::damage)
    }
}

/// Whether the blocks of a text are one behind the other.
fn fits(text: &Text) -> bool {
    let end = text.blocks.iter().try_fold(0, |end: u64, block| {
        let is_next = block.place == end && block.length > 0;
        is_next.then_some(())?;
        end.checked_add(block.length)
    });
    end.is_some()
}

fn index(file: &File, size: u64) -> Result<Index, Refused> {
    let mut header = [0; HEADER];
    let of_end = |end: io::Error| if end.kind() == io::ErrorKind::UnexpectedEof { Refused::Index } else { end.into() };
    file.read_exact_at(&mut header, 0).map_err(of_end)?;
    let version = header.get(8..12).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if !is_trail(&header) {
        return Err(Refused::Index);
    }
    if version != VERSION {
        return Err(Refused::Version(version));
    }
    let mut trailer = [0; TRAILER];
    let end = size.checked_sub(TRAILER as u64).ok_or(Refused::Index)?;
    file.read_exact_at(&mut trailer, end).map_err(of_end)?;
    let number = |from: usize| {
        trailer.get(from..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let (at, length) = (number(0), number(8));
    if trailer.get(48..) != Some(&MAGIC[..]) || at.checked_add(length) != Some(end) || at < HEADER as u64 {
        return Err(Refused::Index);
    }
    let mut packed = vec![0; usize::try_from(length).map_err(|_| Refused::Index)?];
    file.read_exact_at(&mut packed, at).map_err(of_end)?;
    let hash = Sha256::new().chain_update(header).chain_update(&packed).chain_update(&trailer[..16]).finalize();
    if trailer.get(16..48) != Some(hash.as_slice()) {
        return Err(Refused::Index);
    }
    let mut bytes = Vec::new();
    let limit = length.saturating_mul(RATIO).saturating_add(1 << 20);
    let mut decoder = zstd::stream::Decoder::new(packed.as_slice())?.take(limit);
    decoder.read_to_end(&mut bytes).map_err(|_| Refused::Index)?;
    postcard::from_bytes(&bytes).map_err(|_| Refused::Index)
}
