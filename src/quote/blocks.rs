//! Lines of plain texts, found by their places. Rows come nearly in the order of the texts, so that a few blocks, kept until others are
//! needed more, hold nearly all of their lines.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustc_hash::FxHashMap;

use super::Shows;
use crate::model::{Evidence, FileId};
use crate::parse::LONGEST_LINE;
use crate::plan::Input;
use crate::read::{Numbers, read_some};

/// A part of a text, in bytes.
const PART: u64 = 16 << 10;
/// The end of the last line of a block lies behind it; mostly not farther than this.
const TAIL: usize = 512;
/// So much is held, in bytes: sessions last minutes to hours, and this is what a busy store writes in that time.
const HELD: usize = 112 << 20;
/// So many blocks are held.
const BLOCKS: usize = HELD / (PART as usize + TAIL);
/// So many of them, if rows have begun in them.
const PASSED: usize = 512;
/// So many files are kept open.
const OPEN: usize = 16;

/// A text and a part of it.
type Key = (FileId, u64);

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
    texts: BTreeMap<FileId, (Input, Numbers)>,
    held: Mutex<Held>,
    open: Mutex<Vec<(FileId, Arc<File>)>>,
}

/// The blocks that may be needed again.
#[derive(Debug, Default)]
struct Held {
    blocks: FxHashMap<Key, Slot>,
    /// Those that lines have led to by whose times rows are sorted, oldest first: what comes lies behind them.
    passed: VecDeque<Key>,
    /// Room of blocks that nobody needs any more.
    spare: Vec<Vec<u8>>,
    now: u64,
}

#[derive(Debug)]
struct Slot {
    block: Arc<Block>,
    /// When it was needed last.
    used: u64,
    passed: bool,
}

/// A part of a text and the end of its last line, which whoever needs it first reads; nothing if it cannot be read.
#[derive(Debug)]
struct Block {
    key: Key,
    bytes: OnceLock<Vec<u8>>,
    /// Room for it.
    room: Mutex<Vec<u8>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(line: Evidence) -> Key {
    (line.file, line.place / PART)
}

impl Blocks {
    /// Those of texts, with the numbers of their lines.
    pub(super) fn of(texts: BTreeMap<FileId, (Input, Numbers)>) -> Blocks {
        Blocks { texts, ..Blocks::default() }
    }

    /// Whether lines of a text are found here.
    pub(super) fn have(&self, text: FileId) -> bool {
        self.texts.contains_key(&text)
    }

    /// Hands out some lines with number and text; no number if one cannot be read again. Neighbours in one block cost one look-up.
    pub(super) fn find<S: Sought>(&self, sought: &[S], mut found: impl FnMut(&S, Option<u64>, &[u8])) {
        let mut parts: Vec<&[S]> = Vec::with_capacity(sought.len());
        parts.extend(sought.chunk_by(|a, b| key(a.line()) == key(b.line())));
        let blocks = lock(&self.held).blocks(&parts);
        let bytes: Vec<&[u8]> = blocks.iter().map(|block| self.bytes(block)).collect();
        // No line is in the cache: looked at all together, their misses overlap.
        let lines =
            parts.iter().zip(&bytes).flat_map(|(lines, bytes)| lines.iter().map(|line| behind(bytes, line.line())));
        let touched = lines.fold(0, |all, text| {
            [0, 64, 128].iter().filter_map(|at| text.get(*at)).fold(all, |all: u8, byte| all ^ byte)
        });
        std::hint::black_box(touched);
        for (lines, bytes) in parts.iter().zip(bytes) {
            let text = lines.first().and_then(|line| self.texts.get(&line.line().file));
            for line in *lines {
                let text_of = behind(bytes, line.line());
                let number = text.filter(|_| !text_of.is_empty()).and_then(|(_, numbers)| numbers.number(line.line()));
                let end = memchr::memchr(b'\n', text_of).unwrap_or(text_of.len());
                found(line, number, number.and_then(|_| text_of.get(..end)).unwrap_or_default());
            }
        }
    }

    fn bytes<'b>(&self, block: &'b Block) -> &'b [u8] {
        block.bytes.get_or_init(|| {
            let mut bytes = std::mem::take(&mut *lock(&block.room));
            if self.read(block.key, &mut bytes).is_none() {
                bytes.clear();
            }
            bytes
        })
    }

    fn read(&self, (id, part): Key, bytes: &mut Vec<u8>) -> Option<()> {
        let (input, _) = self.texts.get(&id)?;
        read(&*self.file(id, input)?, part * PART, bytes)
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

impl Slot {
    fn new(key: Key, room: Vec<u8>) -> Slot {
        let block = Block { key, bytes: OnceLock::new(), room: Mutex::new(room) };
        Slot { block: Arc::new(block), used: 0, passed: false }
    }

    /// Its room, unless somebody needs it yet.
    fn room(self) -> Option<Vec<u8>> {
        let Block { bytes, room, .. } = Arc::into_inner(self.block)?;
        bytes.into_inner().or_else(|| room.into_inner().ok())
    }
}

impl Held {
    /// The blocks of lines, of one block each.
    fn blocks<S: Sought>(&mut self, parts: &[&[S]]) -> Vec<Arc<Block>> {
        self.now += 1;
        let leads = |lines: &[S]| lines.iter().any(|line| line.shows() & 1 != 0);
        parts.iter().filter_map(|lines| Some(self.block(key(lines.first()?.line()), leads(lines)))).collect()
    }

    /// A block; whether a line has led to it by whose time rows are sorted.
    fn block(&mut self, key: Key, leads: bool) -> Arc<Block> {
        let Held { blocks, passed, spare, now } = self;
        let slot = blocks.entry(key).or_insert_with(|| Slot::new(key, spare.pop().unwrap_or_default()));
        slot.used = *now;
        if leads && !slot.passed {
            slot.passed = true;
            passed.push_back(key);
        }
        let block = Arc::clone(&slot.block);
        if passed.len() > PASSED {
            let gone = passed.pop_front().and_then(|key| blocks.remove(&key));
            spare.extend(gone.and_then(Slot::room));
        }
        if blocks.len() > BLOCKS {
            self.let_go();
        }
        block
    }

    /// Lets blocks go that nobody needed for longest: an eighth, so that it need not be done for each.
    fn let_go(&mut self) {
        let mut used: Vec<u64> = self.blocks.values().map(|slot| slot.used).collect();
        let (_, eighth, _) = used.select_nth_unstable(BLOCKS / 8);
        let eighth = *eighth;
        let gone = self.blocks.extract_if(|_, slot| slot.used <= eighth);
        self.spare.extend(gone.filter_map(|(_, slot)| slot.room()));
    }
}

/// What a block has from the beginning of a line on.
fn behind(bytes: &[u8], line: Evidence) -> &[u8] {
    bytes.get((line.place % PART) as usize..).unwrap_or_default()
}

/// Reads a part of a file, and what comes behind it up to the end of the last line, as far as a line may be read.
fn read(file: &File, from: u64, bytes: &mut Vec<u8>) -> Option<()> {
    let part = PART as usize;
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
            bytes.resize(length + LONGEST_LINE, 0);
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
            blocks.find(&sought, |_, number, text| {
                let (line, (_, of_line)) = expected.next().unwrap();
                assert_eq!((number, text), (Some(line), &of_line[..]), "line {line}");
            });
            assert!(expected.next().is_none());
        }
        let gone = [(Evidence { file: id, place: text.len() as u64, nth: 1 }, 1)];
        blocks.find(&gone, |_, number, text| assert_eq!((number, text), (None, &b""[..])));
        assert!(blocks.have(id) && !blocks.have(FileId(4)));
    }

    #[test]
    fn few_blocks_are_held() {
        let mut held = Held::default();
        for part in 0..3 * BLOCKS as u64 {
            held.now += 1;
            held.block((FileId(0), 0), false);
            held.block((FileId(0), part), false);
            assert!(held.blocks.len() <= BLOCKS);
        }
        assert!(held.blocks.contains_key(&(FileId(0), 0)), "what is needed always stays");
        assert!(held.blocks.len() > BLOCKS / 2);
    }

    #[test]
    fn blocks_behind_rows_go_first() {
        let mut held = Held::default();
        for part in 0..3 * PASSED as u64 {
            held.now += 1;
            held.block((FileId(0), part), true);
            held.block((FileId(0), 4 * PASSED as u64), false);
        }
        assert!(held.blocks.len() <= PASSED + 1);
        assert!(held.blocks.contains_key(&(FileId(0), 4 * PASSED as u64)), "it lies ahead");
    }
}
