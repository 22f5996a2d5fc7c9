//! Lines of plain texts, found by their places while rows are rendered: rows come nearly in the order of the files, so that a few
//! blocks, kept until others were needed more often, hold nearly all of their lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustc_hash::FxHashMap;

use crate::model::{Evidence, FileId};
use crate::parse::LONGEST_LINE;
use crate::plan::Input;
use crate::read::{Newlines, PART, read_some};

/// So much is held, in bytes: sessions last minutes to hours, and this is what a busy store writes in that time.
const HELD: usize = 96 << 20;
/// The end of the last line of a block lies behind it; mostly not farther than this.
const TAIL: usize = 1 << 10;
/// So many blocks are held, which are as long as parts of [`Newlines`].
const BLOCKS: usize = HELD / (PART as usize + TAIL);
/// In a block, newlines are counted by steps of so many bytes.
const STEP: usize = 64;
/// So many files are kept open.
const OPEN: usize = 16;

/// A text and a part of it.
type Key = (FileId, u64);

/// The plain texts.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    texts: BTreeMap<FileId, (Input, Newlines)>,
    held: Mutex<Held>,
    open: Mutex<Vec<(FileId, Arc<File>)>>,
}

/// The blocks that were needed last, and when.
#[derive(Debug, Default)]
struct Held {
    blocks: FxHashMap<Key, (Arc<Block>, u64)>,
    now: u64,
}

/// A part of a text, which whoever needs it first reads.
#[derive(Debug)]
pub(super) struct Block {
    key: Key,
    filled: OnceLock<Filled>,
}

/// What a block holds.
#[derive(Debug)]
struct Filled {
    /// The part, and the end of its last line.
    bytes: Vec<u8>,
    /// How many lines end before the part, if that is known.
    before: Option<u64>,
    /// How many lines end in it before each step.
    steps: [u16; PART as usize / STEP],
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many lines end in a step.
fn newlines(bytes: &[u8]) -> u8 {
    // So few bytes are counted faster so than by a call that is made for many.
    bytes.iter().map(|byte| u8::from(*byte == b'\n')).sum()
}

impl Blocks {
    /// Those of texts whose newlines are known.
    pub(super) fn of(texts: BTreeMap<FileId, (Input, Newlines)>) -> Blocks {
        Blocks { texts, ..Blocks::default() }
    }

    /// Whether lines of a text are found here.
    pub(super) fn have(&self, text: FileId) -> bool {
        self.texts.contains_key(&text)
    }

    /// The blocks of some lines, each once; of each line the number of its block is set.
    pub(super) fn with<'n>(&self, lines: impl Iterator<Item = (Evidence, &'n mut usize)>) -> Vec<Arc<Block>> {
        let most = lines.size_hint().1.unwrap_or(0);
        let mut numbers = FxHashMap::with_capacity_and_hasher(most, Default::default());
        let (mut keys, mut places) = (Vec::with_capacity(most), Vec::with_capacity(most));
        for (line, number) in lines {
            let key = (line.file, line.place / PART);
            *number = *numbers.entry(key).or_insert_with(|| {
                keys.push(key);
                keys.len() - 1
            });
            places.push((*number, (line.place % PART) as usize));
        }
        let mut held = lock(&self.held);
        held.now += 1;
        let blocks: Vec<Arc<Block>> = keys.into_iter().map(|key| held.block(key)).collect();
        drop(held);
        let filled: Vec<&[u8]> = blocks.iter().map(|block| &self.filled(block).bytes[..]).collect();
        // No line is in the cache: looked at all together, their misses overlap.
        let touched = places.iter().filter_map(|(number, at)| filled.get(*number)?.get(*at..)).fold(0, |all, text| {
            [0, 64, 128].iter().filter_map(|at| text.get(*at)).fold(all, |all: u8, byte| all ^ byte)
        });
        std::hint::black_box(touched);
        blocks
    }

    /// Number and text of a line in its block; no number if it cannot be read again.
    pub(super) fn line<'b>(&self, line: Evidence, block: &'b Block) -> (Option<u64>, &'b [u8]) {
        let found = self.filled(block).line((line.place % PART) as usize);
        found.map_or((None, b""), |(number, text)| (Some(number), text))
    }

    fn filled<'b>(&self, block: &'b Block) -> &'b Filled {
        block.filled.get_or_init(|| self.fill(block.key).unwrap_or_default())
    }

    fn fill(&self, (id, part): Key) -> Option<Filled> {
        let (input, newlines) = self.texts.get(&id)?;
        let file = self.file(id, input)?;
        Some(Filled::of(read(&file, part * PART)?, newlines.before(part)))
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
    fn block(&mut self, key: Key) -> Arc<Block> {
        let Held { blocks, now } = self;
        if let Some((block, used)) = blocks.get_mut(&key) {
            *used = *now;
            return Arc::clone(block);
        }
        if blocks.len() >= BLOCKS {
            // Those that nobody needed for longest: an eighth, so that it need not be done for each.
            let mut used: Vec<u64> = blocks.values().map(|(_, used)| *used).collect();
            let (_, eighth, _) = used.select_nth_unstable(BLOCKS / 8);
            let eighth = *eighth;
            blocks.retain(|_, (_, used)| *used > eighth);
        }
        let block = Arc::new(Block { key, filled: OnceLock::new() });
        blocks.insert(key, (Arc::clone(&block), *now));
        block
    }
}

/// A part of a file, and what comes behind it up to the end of the last line, as far as a line may be read.
fn read(file: &File, from: u64) -> Option<Vec<u8>> {
    let part = PART as usize;
    let mut bytes = vec![0; part + TAIL];
    let mut length = 0;
    loop {
        let got = read_some(file, bytes.get_mut(length..)?, from + length as u64).ok()?.len();
        let behind = length.max(part - 1);
        length += got;
        let end = bytes.get(behind..length).and_then(|tail| memchr::memchr(b'\n', tail)).map(|end| behind + end + 1);
        if end.is_some() || got == 0 || length > part + LONGEST_LINE {
            bytes.truncate(end.unwrap_or(length));
            return Some(bytes);
        }
        if length == bytes.len() {
            bytes.resize(length + LONGEST_LINE, 0);
        }
    }
}

impl Default for Filled {
    fn default() -> Filled {
        Filled { bytes: Vec::new(), before: None, steps: [0; PART as usize / STEP] }
    }
}

impl Filled {
    fn of(bytes: Vec<u8>, before: Option<u64>) -> Filled {
        let mut filled = Filled { bytes, before, ..Filled::default() };
        let mut count = 0;
        for (step, bytes) in filled.steps.iter_mut().zip(filled.bytes.chunks(STEP)) {
            *step = count;
            count += u16::from(newlines(bytes));
        }
        filled
    }

    /// Number and text of the line that begins there.
    fn line(&self, at: usize) -> Option<(u64, &[u8])> {
        let text = self.bytes.get(at..).filter(|text| !text.is_empty())?;
        let text = text.get(..memchr::memchr(b'\n', text).unwrap_or(text.len()))?;
        let (step, from) = (*self.steps.get(at / STEP)?, at / STEP * STEP);
        let ended = u64::from(step) + u64::from(newlines(self.bytes.get(from..at)?));
        Some((self.before? + ended + 1, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

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
        let blocks = Blocks::of(BTreeMap::from([(id, (Input::Spooled(Arc::new(file)), Newlines::of_text(&text)))]));
        let mut places: Vec<(Evidence, usize)> =
            lines.iter().map(|(place, _)| (Evidence { file: id, place: *place }, 0)).collect();
        let held = blocks.with(places.iter_mut().map(|(line, number)| (*line, number)));
        for ((line, at), (number, (_, text))) in places.iter().zip((1..).zip(&lines)) {
            assert_eq!(blocks.line(*line, &held[*at]), (Some(number), &text[..]), "line {number}");
        }
        let behind = Evidence { file: id, place: text.len() as u64 };
        let held = blocks.with(std::iter::once((behind, &mut 0)));
        assert_eq!(blocks.line(behind, &held[0]), (None, &b""[..]));
        assert!(blocks.have(id) && !blocks.have(FileId(4)));
    }

    #[test]
    fn few_blocks_are_held() {
        let mut held = Held::default();
        for part in 0..3 * BLOCKS as u64 {
            held.now += 1;
            held.block((FileId(0), 0));
            held.block((FileId(0), part));
            assert!(held.blocks.len() <= BLOCKS);
        }
        assert!(held.blocks.contains_key(&(FileId(0), 0)), "what is needed always stays");
        assert!(held.blocks.len() > BLOCKS / 2);
    }
}
