//! A range of a plain file, cut into the lines that begin there.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::chunk::{Cut, Cutter};

/// The block that is read at a time, in bytes: it stays in the second cache, a larger one does not.
const BLOCK: usize = 128 << 10;

/// A range of a plain file.
pub(super) struct PlainRange<'a> {
    file: &'a File,
    range: Range<u64>,
    /// How far it is read.
    at: u64,
    block: Vec<u8>,
}

impl<'a> PlainRange<'a> {
    /// A range.
    pub(super) fn new(file: &'a File, range: Range<u64>) -> PlainRange<'a> {
        PlainRange { file, at: range.start.saturating_sub(1), range, block: vec![0; BLOCK] }
    }

    /// Hands on what the lines that begin in it are cut into.
    ///
    /// # Errors
    /// Where reading failed, and why.
    pub(super) fn cut(mut self, out: &mut dyn FnMut(Cut<'_>)) -> Result<(), (u64, io::Error)> {
        let begun = if self.range.start > 0 { self.skip_begun() } else { Ok(()) };
        begun.map_err(|cause| (self.at, cause))?;
        if self.at >= self.range.end {
            return Ok(());
        }
        let mut cutter = Cutter::at(self.at);
        let read = self.lines(&mut cutter, out);
        match read {
            Ok(()) => cutter.end(out),
            // What has begun before the failure was read, too.
            Err(_) => cutter.lost(out),
        }
        read.map_err(|cause| (self.at, cause))
    }

    /// Passes over the end of a line that begins before the range: it belongs to the range before.
    fn skip_begun(&mut self) -> io::Result<()> {
        while self.at < self.range.end {
            let got = read_some(self.file, &mut self.block, self.at)?;
            match memchr::memchr(b'\n', got) {
                _ if got.is_empty() => self.at = self.range.end,
                Some(newline) => {
                    self.at += newline as u64 + 1;
                    break;
                }
                None => self.at += got.len() as u64,
            }
        }
        Ok(())
    }

    /// Cuts the lines that begin in it.
    fn lines(&mut self, cutter: &mut Cutter, out: &mut dyn FnMut(Cut<'_>)) -> io::Result<()> {
        let PlainRange { file, range, at, block } = self;
        while *at < range.end {
            let want = usize::try_from(range.end - *at).unwrap_or(BLOCK).min(BLOCK);
            let got = read_some(file, block.get_mut(..want).unwrap_or_default(), *at)?;
            if got.is_empty() {
                break;
            }
            *at += got.len() as u64;
            cutter.push(got, out);
        }
        // The last line may go on behind the range.
        while cutter.is_inside_line() {
            let got = read_some(file, block.get_mut(..4096).unwrap_or_default(), *at)?;
            let end = memchr::memchr(b'\n', got).map_or(got.len(), |newline| newline + 1);
            if got.is_empty() {
                break;
            }
            *at += end as u64;
            cutter.push(got.get(..end).unwrap_or_default(), out);
        }
        Ok(())
    }
}

/// Whole lines that are in memory as blocks of whole lines, which stay in the second cache, with their places.
pub(super) fn blocks(lines: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let place = (lines.len() - rest.len()) as u64;
        let within = rest.get(..BLOCK).and_then(|block| memchr::memrchr(b'\n', block));
        let (block, behind) = rest.split_at(within.map_or(rest.len(), |newline| newline + 1));
        rest = behind;
        (!block.is_empty()).then_some((place, block))
    })
}

/// Reads what there is at a place, as much of it as the block holds; nothing at the end.
///
/// # Errors
/// Those of the file.
pub fn read_some<'b>(file: &File, block: &'b mut [u8], at: u64) -> io::Result<&'b [u8]> {
    loop {
        match file.read_at(block, at) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
            Ok(n) => return Ok(block.get(..n).unwrap_or_default()),
        }
    }
}
