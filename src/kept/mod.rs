//! Trail files: logs as compressed columns, with what was learned of them, so that no later run needs the logs again.
//!
//! A trail file holds *texts*, each under the path that its log had, as blocks of [`columns`](crate::columns); a *summary*, the trail that
//! reading all of them gave; and an *index* of both, at its end. docs/trail-format.md has the bytes. It is never believed by half: the
//! index has the hash of every section, and its own hash is the last thing in the file.

mod dates;
mod file;
mod pack;
mod texts;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use dates::{Began, Bounds, Dates, Shown, When};
pub use file::{Refused, TOOL, TrailFile, is_trail};
pub use pack::{Packer, Sections};
pub use texts::{Dater, Gap, Packing};

use crate::note::Note;
use crate::open::Kind;

/// How a trail file begins and ends.
pub const MAGIC: [u8; 8] = *b"\xb1imstrl\n";
/// The format of the file around sections, and of the index.
pub const VERSION: u32 = 2;
/// The bytes before the first section: [`MAGIC`], the version, four zeros.
const HEADER: usize = 16;
/// The bytes behind the index: its place, its length, the hash of header, index, place and length, [`MAGIC`].
const TRAILER: usize = 8 + 8 + 32 + 8;
/// How much text a block holds, in bytes; one that has no line end in it may be shorter or longer by a line.
pub const BLOCK: usize = 1 << 20;

/// So much of the beginning of a text is kept in the index, in bytes: what a plan looks at.
pub const HEAD: usize = 4096;

/// Some bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Section {
    /// Where they begin.
    pub at: u64,
    /// How many they are.
    pub length: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

/// Some lines of a text, in columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Block {
    /// Where the columns are.
    pub packed: Section,
    /// At which byte of the text they begin.
    pub place: u64,
    /// How many bytes of text they are.
    pub length: u64,
    /// When they were written, if all of them say so.
    pub dates: Option<Dates>,
}

/// What a text is, as [`Kind`] says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Nature {
    /// Text.
    Plain,
    /// No bytes at all.
    Empty,
    /// Clearly no log.
    Image(String),
}

impl Nature {
    /// Of a leaf's kind.
    pub fn of(kind: Kind) -> Nature {
        match kind {
            Kind::Empty => Nature::Empty,
            Kind::Image(what) => Nature::Image(what.to_owned()),
            _ => Nature::Plain,
        }
    }

    /// The leaf's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Nature::Plain => Kind::Plain,
            Nature::Empty => Kind::Empty,
            Nature::Image(what) => Kind::image(what),
        }
    }
}

/// One text: a log as it was read when the trail file was made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Text {
    /// The bytes of the path of its file, as it was given or found then; `-` for standard input.
    pub path: Vec<u8>,
    /// The path inside archives; empty for none.
    pub member: String,
    /// The last component of the innermost name.
    pub name: String,
    /// What it is.
    pub nature: Nature,
    /// Its size in bytes, where the file system or archive promised one.
    pub size: Option<u64>,
    /// It was standard input, which is no copy of anything (R13).
    pub stdin: bool,
    /// How it begins.
    pub head: Vec<u8>,
    /// The text that it is a copy of, or the beginning of; then it has no blocks.
    pub copy_of: Option<u32>,
    /// Its lines, in order.
    pub blocks: Vec<Block>,
    /// What clocks showed in those of its blocks that have dates.
    pub shown: BTreeSet<Shown>,
    /// Every block is of whole lines, up to 64 KiB long, so that blocks can be read apart.
    pub apart: bool,
    /// Where something is lost, and reading went on behind it.
    pub holes: Vec<Gap>,
    /// Where it could not be read further.
    pub damage: Option<Gap>,
    /// How many holes it has, and whether it could not be read to its end: also where its lines were left out.
    pub lost: (u32, bool),
}

impl Text {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.place + block.length)
    }
}

/// A file that a trail file of a cache was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// By what it is told again: see [`crate::cache::Key`].
    pub key: [u8; 32],
    /// The SHA-256 of all of it.
    pub sha256: [u8; 32],
}

/// What a trail file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The version of the program that made it.
    pub tool: String,
    /// The texts, by the bytes of their paths, members in the order of their archives.
    pub texts: Vec<Text>,
    /// The lines were left out: only the summary can answer.
    pub brief: bool,
    /// What was noticed before reading: paths that are missing, folders that were passed over, copies.
    pub notes: Vec<Note>,
    /// What was noticed of archives, whatever is asked.
    pub walk_notes: Vec<Note>,
    /// What was noticed in the reading that gave the summary, that of archives and damage included.
    pub read_notes: Vec<Note>,
    /// What was learned, and under which grammars and names: see [`crate::trail::kept`].
    pub summary: Option<(Section, [u8; 32])>,
    /// In a cache, the files that it stands for, by their keys; else nothing.
    pub of: Vec<Origin>,
}
