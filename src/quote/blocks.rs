//! Lines of plain texts, found by their places. Rows come nearly in the order of the texts, so that a few blocks, kept until others are
//! needed more, hold nearly all of their lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::Shows;
use crate::index::touch;
use crate::model::{Evidence, FileId};
use crate::parse::LONGEST_LINE;
use crate::plan::Input;
use crate::read::{Numbers, read_some};

/// A part of a text, in bytes.
const PART: u64 = 8 << 10;
/// The end of the last line of a block lies behind it; mostly not farther than this.
const TAIL: usize = 512;
/// Lines that begin less far from each other, in bytes, are read at once where none is looked for again: to read what lies between them
/// takes no longer than to read once more.
const NEAR: u64 = 4 << 10;
/// So much is held, in bytes: sessions last minutes to hours, and this is what a busy store writes in that time.
const HELD: usize = 112 << 20;
/// A part is held in one of so many places, whatever else is held.
const WAYS: usize = 4;
/// So many parts that follow each other are held in different places.
const SETS: usize = HELD / (PART as usize + TAIL) / WAYS;
/// So many files are kept open.
const OPEN: usize = 16;

/// A line that is looked for.
pub(super) trait Sought {
    /// Where it is.
    fn line(&self) -> Evidence;

    /// What it shows of its row.
    fn shows(&self) -> Shows;
}

/// The plain texts.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// By their numbers.
    texts: Vec<Option<Text>>,
    held: Mutex<Held>,
    open: Mutex<Vec<(FileId, Arc<File>)>>,
}

#[derive(Debug)]
struct Text {
    input: Input,
    numbers: Numbers,
    /// The number of its first part.
    first: u64,
}

/// The blocks that may be needed again, each in the set that the number of its part says.
#[derive(Debug, Default)]
struct Held {
    sets: Vec<[Slot; WAYS]>,
    now: u32,
}

#[derive(Debug)]
struct Slot {
    block: Arc<Block>,
    /// The number of its part, of those of all texts.
    part: u64,
    /// Whether a line has led to it by whose time rows are sorted: what comes lies behind it.
    passed: bool,
    /// When it was needed last.
    used: u32,
}

impl Default for Slot {
    /// One that nobody needs.
    fn default() -> Slot {
        Slot { block: Arc::default(), part: u64::MAX, passed: true, used: 0 }
    }
}

/// A part of a text and the end of its last line, which whoever needs it first reads; nothing if it cannot be read.
#[derive(Debug, Default)]
pub(super) struct Block {
    bytes: OnceLock<Vec<u8>>,
    /// Room for it.
    room: Mutex<Vec<u8>>,
}

impl Block {
    fn new(room: Vec<u8>) -> Block {
        Block { bytes: OnceLock::new(), room: Mutex::new(room) }
    }

    /// Its room, for another.
    fn room(self) -> Option<Vec<u8>> {
        let Block { bytes, room } = self;
        bytes.into_inner().or_else(|| room.into_inner().ok())
    }

    /// The text of a line in it.
    pub(super) fn text(&self, at: Range<usize>) -> &[u8] {
        self.bytes.get().and_then(|bytes| bytes.get(at)).unwrap_or_default()
    }
}

/// A line that was found.
pub(super) struct Found<'b> {
    /// Its number in its text.
    pub(super) number: u64,
    /// The number of its block, among all that were needed.
    pub(super) block: usize,
    /// Where it is in the block.
    pub(super) at: Range<usize>,
    pub(super) text: &'b [u8],
}

impl Text {
    /// A line of it, which begins so far behind the beginning of these bytes; `None` if that is behind their end.
    fn found<'b>(&self, line: Evidence, block: usize, bytes: &'b [u8], from: u64) -> Option<Found<'b>> {
        let from = from as usize;
        let text = bytes.get(from..).filter(|text| !text.is_empty())?;
        let text = text.get(..memchr::memchr(b'\n', text).unwrap_or(text.len()))?;
        Some(Found { number: self.numbers.number(line)?, block, at: from..from + text.len(), text })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Blocks {
    /// Those of texts, with the numbers of their lines.
    pub(super) fn of(texts: BTreeMap<FileId, (Input, Numbers)>) -> Blocks {
        let mut blocks = Blocks::default();
        let mut first = 0;
        for (FileId(id), (input, numbers)) in texts {
            let parts = numbers.bytes().div_ceil(PART);
            blocks.texts.resize_with(id as usize, || None);
            blocks.texts.push(Some(Text { input, numbers, first }));
            first += parts;
        }
        blocks
    }

    fn text(&self, text: FileId) -> Option<&Text> {
        self.texts.get(text.0 as usize)?.as_ref()
    }

    /// Whether lines of a text are found here.
    pub(super) fn have(&self, text: FileId) -> bool {
        self.text(text).is_some()
    }

    /// Hands out some lines as they are found; `None` if one cannot be read again. Gives their blocks. Neighbours in one block cost one
    /// look-up.
    pub(super) fn find<S: Sought>(
        &self,
        sought: &[S],
        mut found: impl FnMut(&S, Option<Found<'_>>),
    ) -> Vec<Arc<Block>> {
        let same = |a: &S, b: &S| {
            let (a, b) = (a.line(), b.line());
            a.file == b.file && a.place / PART == b.place / PART
        };
        let mut parts: Vec<(&Text, &[S])> = Vec::with_capacity(sought.len());
        for lines in sought.chunk_by(same) {
            // A part of which no line has a number was not read, and has none itself.
            let of_line = |line: Evidence| self.text(line.file).filter(|text| text.numbers.number(line).is_some());
            match lines.iter().find_map(|line| of_line(line.line())) {
                Some(text) => parts.push((text, lines)),
                None => lines.iter().for_each(|line| found(line, None)),
            }
        }
        let blocks = lock(&self.held).blocks(&parts);
        let bytes: Vec<&[u8]> =
            blocks.iter().zip(&parts).map(|(block, (text, lines))| self.bytes(block, text, lines)).collect();
        // No line is in the cache: looked at all together, their misses overlap.
        let lines = parts
            .iter()
            .zip(&bytes)
            .flat_map(|((_, lines), bytes)| lines.iter().map(|line| behind(bytes, line.line())));
        touch(lines.flat_map(|text| [0, 64, 128].into_iter().filter_map(|at| text.get(at).copied())));
        for (block, ((text, lines), bytes)) in parts.iter().zip(bytes).enumerate() {
            for line in *lines {
                found(line, text.found(line.line(), block, bytes, line.line().place % PART));
            }
        }
        blocks
    }

    /// The same of lines of one text in their order, of which none is looked for again.
    pub(super) fn sweep<S: Sought>(&self, sought: &[S], mut found: impl FnMut(&S, Option<Found<'_>>)) {
        let mut bytes = Vec::new();
        for lines in sought.chunk_by(|a, b| b.line().place - a.line().place < NEAR) {
            let (Some(first), Some(last)) = (lines.first().map(S::line), lines.last().map(S::line)) else { continue };
            let text = self.text(first.file);
            let file = text.and_then(|text| self.file(first.file, &text.input));
            let part = (last.place - first.place) as usize + 1;
            let there = file.and_then(|file| read(&file, first.place, part, &mut bytes));
            let text = text.filter(|_| there.is_some());
            for line in lines {
                let of_line = |text: &Text| text.found(line.line(), 0, &bytes, line.line().place - first.place);
                found(line, text.and_then(of_line));
            }
        }
    }

    /// What a block has, of the part that lines are in.
    fn bytes<'b>(&self, block: &'b Block, text: &Text, lines: &[impl Sought]) -> &'b [u8] {
        block.bytes.get_or_init(|| {
            let mut bytes = std::mem::take(&mut *lock(&block.room));
            let read = lines.first().and_then(|line| {
                let Evidence { file, place, .. } = line.line();
                read(&*self.file(file, &text.input)?, place / PART * PART, PART as usize, &mut bytes)
            });
            if read.is_none() {
                bytes.clear();
            }
            bytes
        })
    }

    fn file(&self, id: FileId, input: &Input) -> Option<Arc<File>> {
        let path = match input {
            Input::Spooled(file) => return Some(Arc::clone(file)),
            Input::Path(path) => path,
            Input::Stream | Input::Trail(..) => return None,
        };
        let mut open = lock(&self.open);
        if let Some((_, file)) = open.iter().find(|(of, _)| *of == id) {
            return Some(Arc::clone(file));
        }
        let file = Arc::new(File::open(path).ok()?);
        if open.len() >= OPEN {
            open.remove(0);
        }
        open.push((id, Arc::clone(&file)));
        Some(file)
    }
}

impl Held {
    /// The blocks of lines, of one part each.
    fn blocks<S: Sought>(&mut self, parts: &[(&Text, &[S])]) -> Vec<Arc<Block>> {
        self.now = self.now.wrapping_add(1);
        let part = |(text, lines): &(&Text, &[S])| Some(text.first + lines.first()?.line().place / PART);
        // Looked at all together, as far as they are there, their misses overlap.
        let there = parts.iter().filter_map(part).filter_map(|part| self.there(part));
        touch(there.map(|slot| Arc::strong_count(&slot.block) as u64));
        let mut blocks = Vec::with_capacity(parts.len());
        let leads = |lines: &[S]| lines.iter().any(|line| line.shows() & 1 != 0);
        blocks.extend(parts.iter().filter_map(|of| self.block(part(of)?, leads(of.1))));
        blocks
    }

    /// That of a part, if it is held.
    fn there(&self, part: u64) -> Option<&Slot> {
        let set = self.sets.get((part % SETS as u64) as usize)?;
        set.iter().find(|slot| slot.part == part)
    }

    /// The block of a part; whether a line has led to it by whose time rows are sorted. It comes into the place of one that was passed or,
    /// if none was, of the one that was needed longest ago.
    fn block(&mut self, part: u64, leads: bool) -> Option<Arc<Block>> {
        if self.sets.is_empty() {
            self.sets.resize_with(SETS, Default::default);
        }
        let set = self.sets.get_mut((part % SETS as u64) as usize)?;
        let slot = match set.iter().position(|slot| slot.part == part) {
            Some(there) => set.get_mut(there),
            None => {
                let oldest = set.iter_mut().min_by_key(|slot| (!slot.passed, slot.used))?;
                let room = std::mem::take(&mut oldest.block);
                // Unless somebody needs it yet.
                let room = Arc::into_inner(room).and_then(Block::room).unwrap_or_default();
                *oldest = Slot { block: Arc::new(Block::new(room)), part, passed: false, used: 0 };
                Some(oldest)
            }
        }?;
        slot.used = self.now;
        slot.passed |= leads;
        Some(Arc::clone(&slot.block))
    }
}

/// What a block has from the beginning of a line on.
fn behind(bytes: &[u8], line: Evidence) -> &[u8] {
    bytes.get((line.place % PART) as usize..).unwrap_or_default()
}

/// Reads a part of a file, and what comes behind it up to the end of the last line, as far as a line may be read.
fn read(file: &File, from: u64, part: usize, bytes: &mut Vec<u8>) -> Option<()> {
    bytes.resize(part + TAIL, 0);
    let mut length = 0;
    loop {
        let got = read_some(file, bytes.get_mut(length..)?, from + length as u64).ok()?.len();
        let behind = length.max(part - 1);
        length += got;
        let end = bytes.get(behind..length).and_then(|tail| memchr::memchr(b'\n', tail)).map(|end| behind + end + 1);
        if end.is_some() || got == 0 || length > part + LONGEST_LINE {
            bytes.truncate(end.unwrap_or(length));
            return Some(());
        }
        if length == bytes.len() {
            bytes.resize(length + (length - part), 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    impl Sought for (Evidence, Shows) {
        fn line(&self) -> Evidence {
            self.0
        }

        fn shows(&self) -> Shows {
            self.1
        }
    }

    /// A text with short lines, long ones, empty ones, and one without an end; its lines by their places.
    fn text() -> (Vec<u8>, Vec<(u64, Vec<u8>)>) {
        let (mut text, mut lines) = (Vec::new(), Vec::new());
        for n in 0..9000_usize {
            let length = if n % 2000 == 1999 { LONGEST_LINE } else { n * 37 % 150 };
            lines.push((text.len() as u64, vec![b'a' + (n % 26) as u8; length]));
            text.extend_from_slice(&lines[n].1);
            text.extend_from_slice(if n == 8999 { b"" } else { b"\n" });
        }
        (text, lines)
    }

    #[test]
    fn every_line_is_found_with_its_number() {
        let (text, lines) = text();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        let id = FileId(3);
        let places: Vec<u64> = lines.iter().map(|(place, _)| *place).collect();
        let (numbers, sought) = Numbers::of_lines(id, &places);
        let blocks = Blocks::of(BTreeMap::from([(id, (Input::Spooled(Arc::new(file)), numbers))]));
        for shows in [1, 2] {
            let sought: Vec<(Evidence, Shows)> = sought.iter().map(|line| (*line, shows)).collect();
            let mut expected = (1..).zip(&lines);
            let mut places = Vec::new();
            let held = blocks.find(&sought, |_, found| {
                let (line, (_, of_line)) = expected.next().unwrap();
                let Found { number, block, at, text } = found.unwrap();
                assert_eq!((number, text), (line, &of_line[..]), "line {line}");
                places.push((block, at));
            });
            assert!(expected.next().is_none());
            for ((block, at), (_, of_line)) in places.into_iter().zip(&lines) {
                assert_eq!(held[block].text(at), of_line);
            }
        }
        let third: Vec<(Evidence, Shows)> = sought.iter().step_by(3).map(|line| (*line, 1)).collect();
        let mut expected = (1..).zip(&lines).step_by(3);
        blocks.sweep(&third, |_, found| {
            let (line, (_, of_line)) = expected.next().unwrap();
            let Found { number, text, .. } = found.unwrap();
            assert_eq!((number, text), (line, &of_line[..]), "line {line}");
        });
        assert!(expected.next().is_none());
        for gone in
            [Evidence { file: id, place: text.len() as u64, nth: 1 }, Evidence { file: FileId(4), place: 0, nth: 1 }]
        {
            let mut asked = 0;
            blocks.find(&[(gone, 1)], |_, found| {
                assert!(found.is_none());
                asked += 1;
            });
            blocks.sweep(&[(gone, 1)], |_, found| {
                assert!(found.is_none());
                asked += 1;
            });
            assert_eq!(asked, 2);
        }
        assert!(blocks.have(id) && !blocks.have(FileId(4)) && !blocks.have(FileId(2)));
    }

    #[test]
    fn lines_without_a_number_are_not_taken_for_those_of_the_next_text() {
        let texts = [b"one\n", b"two\n"].map(|text| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text).unwrap();
            Input::Spooled(Arc::new(file))
        });
        let [a, b] = [FileId(0), FileId(1)];
        let (numbers, lines) = Numbers::of_lines(b, &[0]);
        let [of_a, of_b] = texts;
        let blocks = Blocks::of(BTreeMap::from([(a, (of_a, Numbers::default())), (b, (of_b, numbers))]));
        let mut got = Vec::new();
        for line in [Evidence { file: a, ..lines[0] }, lines[0]] {
            blocks.find(&[(line, 1)], |_, found| got.push(found.map(|found| found.text.to_vec())));
        }
        assert_eq!(got, [None, Some(b"two".to_vec())]);
    }

    /// Of two lines of one part, the first as they are asked for stands in a piece that was not read.
    #[test]
    fn a_part_may_lie_in_two_pieces() {
        let file = FileId(0);
        let mut text = tempfile::tempfile().unwrap();
        text.write_all(&b"12345678 12345\n".repeat(8000)).unwrap();
        let (all, _) = Numbers::of_lines(file, &[0]);
        let (edge, places) = (all.bytes(), (0..8000).map(|n| n * 15));
        assert_ne!(edge % PART, 0);
        let read: Vec<u64> = places.filter(|place| *place < edge).collect();
        let (numbers, lines) = Numbers::of_lines(file, &read);
        let known = *lines.last().unwrap();
        let unknown = Evidence { place: known.place + 15, nth: 1, ..known };
        assert_eq!((known.place / PART, unknown.place / PART), (edge / PART, edge / PART));
        let blocks = Blocks::of(BTreeMap::from([(file, (Input::Spooled(Arc::new(text)), numbers))]));
        let mut got = Vec::new();
        blocks.find(&[(unknown, 1), (known, 2)], |_, found| {
            got.push(found.map(|found| (found.number, found.text.len())))
        });
        assert_eq!(got, [None, Some((lines.len() as u64, 14))]);
    }

    #[test]
    fn what_is_needed_always_stays() {
        let mut held = Held::default();
        let mut need = |part, leads| {
            held.now += 1;
            held.block(part, leads).unwrap()
        };
        let first = need(0, false);
        for part in 1..(3 * WAYS * SETS) as u64 {
            assert!(Arc::ptr_eq(&first, &need(0, false)), "part {part}");
            need(part, false);
        }
        assert!(Arc::strong_count(&need(1, false)) == 2 && Arc::strong_count(&first) == 2);
    }

    #[test]
    fn blocks_behind_rows_go_first() {
        let mut held = Held::default();
        let mut need = |part, leads| {
            held.now += 1;
            held.block(part, leads).unwrap()
        };
        let ahead = need(0, false);
        for part in 1..(3 * WAYS * SETS) as u64 {
            need(part, true);
        }
        assert!(Arc::ptr_eq(&ahead, &need(0, false)), "it lies ahead");
    }

    #[test]
    fn parts_that_follow_each_other_are_held_together() {
        let mut held = Held::default();
        let many: Vec<Arc<Block>> = (7..).take(WAYS * SETS).filter_map(|part| held.block(part, false)).collect();
        assert!((7..).zip(&many).all(|(part, block)| Arc::ptr_eq(block, &held.block(part, false).unwrap())));
    }
}
