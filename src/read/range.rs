//! A range of a plain file, cut into the lines that begin there.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::chunk::{Cut, Cutter};

/// So many bytes are read where only the end of a line is looked for; most lines are shorter.
const LOOK: usize = 4 << 10;

/// The longest piece of a plain file that a worker claims at a time, in bytes. Behind each a worker's shards are settled.
const PIECE: u64 = BLOCK as u64;

/// The block that is read at a time, in bytes, or a little more: a whole piece. It stays in the second cache, a much larger one does not; the more
/// lines it has, the more of them are looked up at once.
const BLOCK: usize = 384 << 10;

/// How long the pieces of a plain file of this size are: all but the last the same, and that is at most a byte for each of them shorter.
pub(super) fn piece_length(size: u64) -> u64 {
    size.div_ceil(size.div_ceil(PIECE).max(1)).max(1)
}

/// A range of a plain file.
pub(super) struct PlainRange<'a> {
    file: &'a File,
    range: Range<u64>,
    /// How far it is read.
    at: u64,
    block: &'a mut Vec<u8>,
}

impl<'a> PlainRange<'a> {
    /// A range, to be read into a block, whatever lies in it.
    pub(super) fn new(file: &'a File, range: Range<u64>, block: &'a mut Vec<u8>) -> PlainRange<'a> {
        block.resize(BLOCK + 2 * LOOK, 0);
        PlainRange { file, at: range.start.saturating_sub(1), range, block }
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
        let mut want = LOOK;
        while self.at < self.range.end {
            let got = read_some(self.file, self.block.get_mut(..want).unwrap_or_default(), self.at)?;
            match memchr::memchr(b'\n', got) {
                _ if got.is_empty() => self.at = self.range.end,
                Some(newline) => {
                    self.at += newline as u64 + 1;
                    break;
                }
                // It is a long one.
                None => (self.at, want) = (self.at + got.len() as u64, BLOCK),
            }
        }
        Ok(())
    }

    /// Cuts the lines that begin in it. Each block ends with a line, if one ends there: the beginning of the next is read again, since
    /// a line by itself takes a way of its own up to pairing.
    fn lines(&mut self, cutter: &mut Cutter, out: &mut dyn FnMut(Cut<'_>)) -> io::Result<()> {
        let PlainRange { file, range, at, block } = self;
        while *at < range.end {
            let left = usize::try_from(range.end - *at).unwrap_or(usize::MAX);
            // The last line may go on behind the range, and nothing is left over for a block that is small.
            let want = if left <= BLOCK + LOOK { left + LOOK } else { BLOCK };
            let got = read_some(file, block.get_mut(..want).unwrap_or_default(), *at)?;
            if got.is_empty() {
                break;
            }
            let end = match got.get(left - 1..) {
                Some(behind) => memchr::memchr(b'\n', behind).map(|newline| left + newline),
                None => memchr::memrchr(b'\n', got).map(|newline| newline + 1),
            };
            let got = got.get(..end.unwrap_or(got.len())).unwrap_or_default();
            *at += got.len() as u64;
            cutter.push(got, out);
        }
        // The last line may go on further.
        while cutter.is_inside_line() {
            let got = read_some(file, block.get_mut(..LOOK).unwrap_or_default(), *at)?;
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// What ranges of a text give together, in order, is the text; and each gives the lines that begin in it.
    #[test]
    fn ranges_give_every_line_once() {
        let lengths = [0, 1, 130, LOOK - 1, LOOK, LOOK + 1, 2, 3 * LOOK, 7, BLOCK - 1, 9, BLOCK, BLOCK + LOOK, 5, 60];
        for last in [&b""[..], b"no newline"] {
            let lines = lengths.iter().flat_map(|length| [vec![b'x'; *length], b"\n".to_vec()]);
            let text = lines.chain([last.to_vec()]).collect::<Vec<_>>().concat();
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&text).unwrap();
            // As long as was planned when it is read, or shorter, or longer.
            for size in [0, 1, LOOK, 3].map(|more| text.len() + more - 3) {
                for piece in [1 << 10, LOOK, BLOCK - 3, BLOCK + 5000, 5 * BLOCK] {
                    assert!(read_in_ranges(&file, &text, size as u64, piece) == text, "{size} bytes by {piece}");
                }
            }
        }
    }

    /// What ranges of a file give together, whose text this is, which was planned to be so long.
    fn read_in_ranges(file: &File, text: &[u8], size: u64, piece: usize) -> Vec<u8> {
        let (mut all, mut block) = (Vec::new(), Vec::new());
        for from in (0..size).step_by(piece) {
            let range = from..size.min(from + piece as u64);
            let cut = PlainRange::new(file, range.clone(), &mut block).cut(&mut |cut| {
                let (place, length) = match cut {
                    Cut::Lines(lines, place) => (place, lines.len()),
                    Cut::TooLong(_, bytes, place) => (place, usize::try_from(bytes).unwrap()),
                    Cut::CutOff(..) => panic!("nothing is lost"),
                };
                assert_eq!(place, all.len() as u64);
                let given = &text[all.len()..][..length];
                if let Cut::Lines(lines, _) = cut {
                    assert!(lines == given, "at {place}");
                }
                let last = memchr::memrchr(b'\n', &given[..length - 1]).map_or(0, |newline| newline + 1);
                for begin in [place, place + last as u64] {
                    assert!(range.contains(&begin), "{begin} of {range:?}");
                }
                all.extend_from_slice(given);
            });
            assert!(cut.is_ok());
        }
        all
    }

    #[test]
    fn pieces_of_a_file_are_nearly_the_same() {
        let pieces = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2_100_000, 7 * PIECE, 7 * PIECE + 1, 40 * PIECE - 5];
        let pieces = pieces.map(|size| (size, piece_length(size), size.div_ceil(piece_length(size))));
        assert_eq!(pieces.map(|(.., count)| count), [0, 1, 1, 1, 2, 6, 7, 8, 40]);
        for (size, piece, count) in pieces.into_iter().skip(2) {
            let last = size - (count - 1) * piece;
            assert!((piece - count..=piece).contains(&last), "{size} bytes: {piece}, {last}");
        }
    }

    /// An ordinary text comes in few blocks, each of whole lines.
    #[test]
    fn no_line_comes_by_itself() {
        let text = b"a line of a log, as long as such lines are\n".repeat(5 * BLOCK / 43);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        for from in [0, 1, 43, 12_345] {
            let (mut blocks, mut block) = (0, Vec::new());
            let range = PlainRange::new(&file, from..from + 4 * BLOCK as u64, &mut block);
            let cut = range.cut(&mut |cut| {
                blocks += 1;
                assert!(matches!(cut, Cut::Lines(lines, _) if lines.ends_with(b"\n") && lines.len() > BLOCK / 2));
            });
            assert!(cut.is_ok());
            assert_eq!(blocks, 4, "from {from}");
        }
    }
}
