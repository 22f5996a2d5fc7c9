//! Lines of logs in compressed columns, without loss.
//!
//! Nearly all lines of an archive are ordinary: a frame that very many have in common, and a few fields. Here a line is taken
//! apart into such a [`Row`] (`take`) if printing the row gives the very same line again ([`row`]); else the row is the line itself.
//! What rows hold goes into columns (`write`), each of like things: how they lie is said in `layout`, and for writers of other readers
//! in `docs/trail-format.md`. `read` gives the rows back.

mod date;
mod layout;
mod read;
pub mod row;
mod take;
mod user;
mod write;

use std::io::{self, Write};

use memchr::memchr;

use layout::{Columns, length, read_length};
use read::Reader;
use row::Printer;
pub use row::Row;
use take::Taker;
use write::Writer;

/// The longest block, in bytes: no longer one is unpacked.
pub const LONGEST_BLOCK: usize = 16 << 20;

/// How columns lie; another number for another way.
const VERSION: u8 = 1;
/// The zstd level. Most columns are numbers, of which the next ones make no less; lines that are no entries become a little longer.
const LEVEL: i32 = 1;
/// Columns that are shorter share a block of zstd, and its table of what bytes are how frequent.
const OWN_TABLE: usize = 2 << 10;
/// No block has columns of more than twice its length and so many bytes.
const COLUMNS_BESIDE: usize = 4 << 10;

/// Why a block cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// It was packed in another way, by another version of the program.
    #[error("its lines are packed in the way {0}; this version knows the way {VERSION}")]
    Version(u8),
    /// It is not what was packed.
    #[error("its packed lines are damaged")]
    Damaged,
}

/// Packs a text of at most [`LONGEST_BLOCK`] bytes: any bytes, best whole lines.
pub fn pack(text: &[u8]) -> Vec<u8> {
    let mut writer = Writer::default();
    let mut taker = Taker::default();
    let mut rest = text;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, behind) = rest.split_at(end);
        writer.put(&taker.take(line));
        rest = behind.get(1..).unwrap_or_default();
    }
    let mut packed = vec![VERSION];
    length(text.len(), &mut packed);
    let is_open = text.last().is_some_and(|byte| *byte != b'\n');
    compress(&writer.columns(is_open), packed).expect("there is memory for what is compressed")
}

/// Puts the length of the columns, and the columns as a frame of zstd, behind what is there.
fn compress(columns: &Columns, mut packed: Vec<u8>) -> io::Result<Vec<u8>> {
    let (bytes, seams) = columns.write();
    length(bytes.len(), &mut packed);
    let mut encoder = zstd::stream::write::Encoder::new(packed, LEVEL)?;
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    let mut begin = 0;
    for seam in seams.into_iter().chain([bytes.len()]) {
        if seam - begin >= OWN_TABLE {
            encoder.write_all(bytes.get(begin..seam).unwrap_or_default())?;
            encoder.flush()?;
            begin = seam;
        }
    }
    encoder.write_all(bytes.get(begin..).unwrap_or_default())?;
    encoder.finish()
}

/// Unpacks what [`pack`] gave, behind what `out` holds. No more memory is asked for than a few times what the block says that it
/// has, which is [`LONGEST_BLOCK`] at most.
///
/// # Errors
/// If anything is damaged, or was packed by another version; then `out` is what it was.
pub fn unpack(packed: &[u8], out: &mut Vec<u8>) -> Result<(), Corrupt> {
    let block = Block::of(packed)?;
    let begin = out.len();
    out.reserve(block.length + 1);
    if block.print(out).is_none() || out.len() != begin + block.length {
        out.truncate(begin);
        return Err(Corrupt::Damaged);
    }
    Ok(())
}

/// Hands on the rows of what [`pack`] gave, in order, without printing them.
///
/// # Errors
/// As [`unpack`], perhaps after some of the rows.
pub fn rows(packed: &[u8], mut each: impl FnMut(&Row<'_>)) -> Result<(), Corrupt> {
    let given = Block::of(packed)?.each(|row| {
        each(row);
        Some(())
    });
    given.map(|_| ()).ok_or(Corrupt::Damaged)
}

/// A block, no longer compressed.
struct Block {
    /// Of the text, in bytes.
    length: usize,
    columns: Vec<u8>,
}

impl Block {
    fn of(packed: &[u8]) -> Result<Block, Corrupt> {
        match packed.split_first() {
            Some((&VERSION, rest)) => Block::decompress(rest).ok_or(Corrupt::Damaged),
            Some((version, _)) => Err(Corrupt::Version(*version)),
            None => Err(Corrupt::Damaged),
        }
    }

    fn decompress(packed: &[u8]) -> Option<Block> {
        let (length, rest) = read_length(packed)?;
        let (size, frame) = read_length(rest)?;
        if length > LONGEST_BLOCK || size > 2 * length + COLUMNS_BESIDE {
            return None;
        }
        let columns = zstd::bulk::decompress(frame, size).ok()?;
        (columns.len() == size).then_some(Block { length, columns })
    }

    /// Prints the rows, which may become more than [`Block::length`] by a line.
    fn print(&self, out: &mut Vec<u8>) -> Option<()> {
        let (begin, end) = (out.len(), out.len() + self.length);
        let mut printer = Printer::default();
        let is_open = self.each(|row| {
            printer.print(row, out)?;
            out.push(b'\n');
            (out.len() <= end + 1).then_some(())
        })?;
        if is_open && out.len() > begin {
            out.pop();
        }
        Some(())
    }

    /// Hands on the rows, and says whether the last one's line has no newline. `None` where the columns have none that fits, or `to` has
    /// enough of them.
    fn each(&self, mut to: impl FnMut(&Row<'_>) -> Option<()>) -> Option<bool> {
        let mut reader = Reader::new(&self.columns, self.length)?;
        while !reader.is_over() {
            to(&reader.next()?)?;
        }
        Some(reader.is_open())
    }
}

#[cfg(test)]
mod tests;
