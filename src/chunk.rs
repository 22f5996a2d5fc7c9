//! Chunk: blocks of bytes into whole lines.

mod unfold;

pub use unfold::Unfold;

/// The lines of a block: (offset of the line, the line without its newline, its bytes with it).
#[derive(Debug)]
pub struct Lines<'a> {
    block: &'a [u8],
    at: usize,
    newlines: memchr::Memchr<'a>,
}

impl<'a> Lines<'a> {
    /// The lines of a block; the last may lack its newline.
    pub fn new(block: &'a [u8]) -> Lines<'a> {
        Lines { block, at: 0, newlines: memchr::memchr_iter(b'\n', block) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (u64, &'a [u8], u64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.block.len() {
            return None;
        }
        let start = self.at;
        let (end, next) = match self.newlines.next() {
            Some(newline) => (newline, newline + 1),
            None => (self.block.len(), self.block.len()),
        };
        self.at = next;
        let line = self.block.get(start..end).unwrap_or_default();
        Some((start as u64, line, (next - start) as u64))
    }
}

/// What a [`Cutter`] hands on.
#[derive(Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// Whole lines, the last perhaps without newline if it ends the text; the offset of the first.
    Lines(&'a [u8], u64),
    /// A line that is too long to be held: its beginning, its bytes with the newline, its offset.
    TooLong(&'a [u8], u64, u64),
    /// What damage has left of a line, whose end or beginning is lost: its bytes, its offset.
    CutOff(u64, u64),
}

/// Cuts a text that comes in blocks of any size into whole lines, holding at most one line of the longest length.
#[derive(Debug, Default)]
pub struct Cutter {
    held: Vec<u8>,
    /// Offset of `held` in the text.
    place: u64,
    /// Bytes of the line at hand that were dropped, if it is too long.
    dropped: u64,
    /// The beginning of the line at hand is lost.
    behind_hole: bool,
}

/// From this many bytes on a line is no longer held; longer than any line that is read.
const HOLD: usize = 2 * crate::parse::LONGEST_LINE;

impl Cutter {
    /// A cutter for a text whose first block begins at this offset.
    pub fn at(place: u64) -> Cutter {
        Cutter { place, ..Cutter::default() }
    }

    /// The next block. What it completes goes to `out`.
    pub fn push(&mut self, block: &[u8], out: &mut dyn FnMut(Cut<'_>)) {
        let mut block = block;
        if self.behind_hole {
            let newline = memchr::memchr(b'\n', block);
            let (rest, lines) = block.split_at(newline.map_or(block.len(), |newline| newline + 1));
            self.dropped += rest.len() as u64;
            if newline.is_none() {
                return;
            }
            self.cut_off(out);
            block = lines;
        }
        if !self.held.is_empty() || self.dropped > 0 {
            let (head, tail) = match memchr::memchr(b'\n', block) {
                Some(newline) => block.split_at(newline + 1),
                None => (block, &[][..]),
            };
            self.grow(head);
            if head.last() != Some(&b'\n') {
                return;
            }
            self.flush(out);
            block = tail;
        }
        let whole = memchr::memrchr(b'\n', block).map_or(0, |newline| newline + 1);
        let (lines, rest) = block.split_at(whole);
        if !lines.is_empty() {
            out(Cut::Lines(lines, self.place));
            self.place += lines.len() as u64;
        }
        self.grow(rest);
    }

    fn grow(&mut self, bytes: &[u8]) {
        let room = HOLD.saturating_sub(self.held.len());
        let (kept, lost) = bytes.split_at(bytes.len().min(room));
        self.held.extend_from_slice(kept);
        self.dropped += lost.len() as u64;
    }

    fn flush(&mut self, out: &mut dyn FnMut(Cut<'_>)) {
        let bytes = self.held.len() as u64 + self.dropped;
        if self.dropped > 0 {
            out(Cut::TooLong(&self.held, bytes, self.place));
        } else if bytes > 0 {
            out(Cut::Lines(&self.held, self.place));
        }
        self.place += bytes;
        self.dropped = 0;
        self.held.clear();
    }

    /// Something is lost here, of which nobody knows how much: neither the line that has begun is whole, even if it looks so, nor
    /// the next one.
    pub fn hole(&mut self, out: &mut dyn FnMut(Cut<'_>)) {
        self.cut_off(out);
        self.behind_hole = true;
    }

    /// The rest of the text is lost.
    pub fn lost(&mut self, out: &mut dyn FnMut(Cut<'_>)) {
        self.cut_off(out);
    }

    fn cut_off(&mut self, out: &mut dyn FnMut(Cut<'_>)) {
        if let Some((bytes, place)) = self.begun() {
            out(Cut::CutOff(bytes, place));
            self.place += bytes;
        }
        self.held.clear();
        (self.dropped, self.behind_hole) = (0, false);
    }

    /// The line that has begun and not ended: its bytes so far, and its offset.
    pub fn begun(&self) -> Option<(u64, u64)> {
        let bytes = self.held.len() as u64 + self.dropped;
        (bytes > 0).then_some((bytes, self.place))
    }

    /// Whether a line has begun and not ended.
    pub fn is_inside_line(&self) -> bool {
        self.begun().is_some()
    }

    /// The text is over: a last line without newline goes to `out`.
    pub fn end(&mut self, out: &mut dyn FnMut(Cut<'_>)) {
        if self.behind_hole {
            return self.cut_off(out);
        }
        self.flush(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(blocks: &[&[u8]]) -> (Vec<u8>, Vec<(u64, usize)>, u64) {
        let mut cutter = Cutter::default();
        let (mut text, mut lines, mut long) = (Vec::new(), Vec::new(), 0);
        let mut out = |cut: Cut<'_>| match cut {
            Cut::Lines(block, place) => {
                lines.extend(Lines::new(block).map(|(at, line, _)| (place + at, line.len())));
                text.extend_from_slice(block);
            }
            Cut::TooLong(_, bytes, _) | Cut::CutOff(bytes, _) => long += bytes,
        };
        blocks.iter().for_each(|b| cutter.push(b, &mut out));
        cutter.end(&mut out);
        (text, lines, long)
    }

    #[test]
    fn any_blocks_give_the_same_lines() {
        let text = b"one\n\ntwo two\r\nthree";
        let expected = vec![(0, 3), (4, 0), (5, 8), (14, 5)];
        for size in 1..text.len() {
            let blocks: Vec<&[u8]> = text.chunks(size).collect();
            let (whole, lines, _) = cut(&blocks);
            assert_eq!((whole.as_slice(), &lines), (&text[..], &expected), "blocks of {size}");
        }
    }

    #[test]
    fn an_endless_line_is_counted_not_held() {
        let block = vec![b'x'; 1 << 16];
        let mut blocks: Vec<&[u8]> = vec![&block; 10];
        blocks.push(b"\nshort\n");
        let (text, lines, long) = cut(&blocks);
        assert_eq!((text.as_slice(), long), (&b"short\n"[..], 10 * (1 << 16) + 1));
        assert_eq!(lines, [(10 * (1 << 16) + 1, 5)]);
    }

    /// The lines before and behind a hole are cut off, whatever they look like, and every byte is told once.
    #[test]
    fn lines_around_holes_are_cut_off() {
        let cut = |blocks: &[&[u8]]| {
            let (mut cutter, mut cuts) = (Cutter::default(), Vec::new());
            let mut out = |cut: Cut<'_>| {
                cuts.push(match cut {
                    Cut::Lines(block, place) => (String::from_utf8(block.to_vec()).unwrap(), place),
                    Cut::CutOff(bytes, place) => (format!("-{bytes}"), place),
                    Cut::TooLong(..) => panic!("no long lines here"),
                });
            };
            for block in blocks {
                if block.is_empty() { cutter.hole(&mut out) } else { cutter.push(block, &mut out) }
            }
            cutter.end(&mut out);
            cuts
        };
        let told = |cuts: &[(&str, u64)]| cuts.iter().map(|(text, at)| ((*text).to_owned(), *at)).collect::<Vec<_>>();
        let hole = b"".as_slice();
        assert_eq!(
            cut(&[b"one\ntw", hole, b"o\nthree\n"]),
            told(&[("one\n", 0), ("-2", 4), ("-2", 6), ("three\n", 8)])
        );
        assert_eq!(cut(&[b"one\n", hole, b"two\nthree"]), told(&[("one\n", 0), ("-4", 4), ("three", 8)]));
        assert_eq!(cut(&[hole, b"a", b"b", hole, b"c"]), told(&[("-2", 0), ("-1", 2)]));
        assert_eq!(cut(&[hole, b"a\n", hole, hole]), told(&[("-2", 0)]));
    }
}
