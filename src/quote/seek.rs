//! Looking for lines by their places, and counting the lines before them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::{Quote, Shows};
use crate::model::{Evidence, FileId};
use crate::note::Note;
use crate::open::{Damage, Member, Sink, WalkOptions, Want};
use crate::parse::LONGEST_LINE;
use crate::plan::{self, Input, Unit};
use crate::runs::Runs;

/// So many lines of one file are looked for at a time: more where each time it must be unpacked from its beginning.
const AT_ONCE: usize = 1 << 20;
const AT_ONCE_PLAIN: usize = 1 << 17;
/// The part of a plain file that one worker looks at, in bytes.
const PIECE: u64 = 1 << 20;
/// The block that is read at a time, in bytes: it stays in the second cache.
const BLOCK: usize = 128 << 10;

/// A line that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) line: Evidence,
    pub(super) row: u64,
    pub(super) shows: Shows,
}

impl Wanted {
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        record.extend(self.line.to_bytes());
        record.extend(self.row.to_be_bytes());
        record.push(self.shows);
    }

    pub(super) fn read(record: &[u8]) -> Option<Wanted> {
        let (line, rest) = record.split_first_chunk()?;
        let (row, rest) = rest.split_first_chunk()?;
        let shows = *rest.first()?;
        Some(Wanted { line: Evidence::of_bytes(*line), row: u64::from_be_bytes(*row), shows })
    }

    /// Its line as it was found; without a number if it was not.
    fn quote<'a>(&self, line: Option<u64>, text: &'a [u8]) -> Quote<'a> {
        Quote { shows: self.shows, at: self.line, line, text }
    }
}

/// Where found lines go.
pub(super) struct Out {
    /// For each worker apart.
    pub(super) runs: Vec<Mutex<Runs>>,
    /// Whether their texts are wanted.
    pub(super) texts: bool,
}

/// Tells of lines, which nobody else does meanwhile.
fn tell_all<'a>(out: &Out, found: impl Iterator<Item = (&'a Wanted, Option<u64>, &'a [u8])>) {
    let worker = rayon::current_thread_index().unwrap_or(0) % out.runs.len().max(1);
    let Some(runs) = out.runs.get(worker) else { return };
    let mut runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
    found.for_each(|(wanted, line, text)| {
        let text = if out.texts { text } else { &[] };
        runs.push(|record| wanted.quote(line, text).write(wanted.row, record));
    });
}

fn tell(out: &Out, wanted: &Wanted, line: Option<u64>, text: &[u8]) {
    tell_all(out, std::iter::once((wanted, line, text)));
}

/// Where in a text, and how many lines end before.
#[derive(Clone, Copy, Debug, Default)]
struct Stand {
    place: u64,
    lines: u64,
}

/// The texts of one file, and the lines that are looked for in them, in order.
pub(super) struct Texts<'a> {
    unit: Option<&'a Unit>,
    pub(super) wanted: Vec<Wanted>,
    /// How far a plain file is done.
    stand: Stand,
}

impl<'a> Texts<'a> {
    pub(super) fn of(unit: Option<&'a Unit>, first: Wanted) -> Texts<'a> {
        Texts { unit, wanted: vec![first], stand: Stand::default() }
    }

    /// Whether they are those of a file.
    pub(super) fn is_of(&self, unit: Option<&Unit>) -> bool {
        self.unit.zip(unit).is_some_and(|(a, b)| std::ptr::eq(a, b))
    }

    /// Goes on where others of the same file ended.
    pub(super) fn go_on_from(&mut self, before: &Texts<'_>) {
        if self.is_of(before.unit) {
            self.stand = before.stand;
        }
    }

    /// Whether no more should be looked for at a time.
    pub(super) fn are_enough(&self) -> bool {
        let is_plain = self.unit.is_some_and(|unit| unit.plain && unit.leaves.len() == 1);
        self.wanted.len() >= if is_plain { AT_ONCE_PLAIN } else { AT_ONCE }
    }

    /// Tells all lines that are looked for.
    pub(super) fn seek(&mut self, walk: &WalkOptions, out: &Out) {
        let wanted = std::mem::take(&mut self.wanted);
        match self.unit {
            Some(unit) if unit.plain && unit.leaves.len() == 1 => self.seek_plain(unit, &wanted, out),
            Some(unit) if !matches!(unit.input, Input::Stream) => {
                let mut sink =
                    SeekSink { unit, next: 0, wanted: &wanted, seeker: Seeker::new(&[], Stand::default()), out };
                plan::walk(&unit.input, &unit.path, walk, &mut sink);
                sink.skip_to(None);
            }
            _ => wanted.iter().for_each(|wanted| tell(out, wanted, None, b"")),
        }
    }

    /// The lines of a plain file, many pieces side by side.
    fn seek_plain(&mut self, unit: &Unit, wanted: &[Wanted], out: &Out) {
        let file = match &unit.input {
            Input::Path(path) => File::open(path).map(Arc::new).ok(),
            Input::Spooled(file) => Some(Arc::clone(file)),
            Input::Stream | Input::Trail(..) => None,
        };
        let end = wanted.last().map_or(0, |last| last.line.place + 1);
        let mut rest = wanted;
        while let Some(first) = rest.first() {
            let Some(file) = file.as_deref().filter(|_| first.line.place >= self.stand.place) else {
                rest.iter().for_each(|wanted| tell(out, wanted, None, b""));
                return;
            };
            let workers = rayon::current_num_threads().max(1) as u64;
            let mut pieces = Vec::new();
            let mut from = self.stand.place;
            for _ in 0..4 * workers {
                let to = (from + PIECE).min(end);
                let (these, others) = rest.split_at(rest.partition_point(|wanted| wanted.line.place < to));
                pieces.push((from, to, these));
                rest = others;
                from = to;
                if from >= end {
                    break;
                }
            }
            let found: Vec<Found> =
                pieces.par_iter().map(|(from, to, wanted)| seek_piece(file, *from..*to, wanted)).collect();
            let before = found.iter().map(|found| {
                self.stand.lines += found.ended;
                self.stand.lines - found.ended
            });
            let before: Vec<u64> = before.collect();
            pieces.par_iter().zip(&found).zip(before).for_each(|(((_, _, wanted), found), before)| {
                let lines = found.lines().map(|(line, text)| (line.map(|line| line + before), text));
                tell_all(out, wanted.iter().zip(lines).map(|(wanted, (line, text))| (wanted, line, text)));
            });
            self.stand.place = from;
        }
    }
}

/// What was found in a piece of a file.
#[derive(Default)]
struct Found {
    /// How many lines end there.
    ended: u64,
    /// Of each line that was looked for its number, if it was found, counted from where looking began, and where its text ends.
    lines: Vec<(Option<u64>, usize)>,
    texts: Vec<u8>,
}

impl Found {
    /// Number and text of each line that was looked for.
    fn lines(&self) -> impl Iterator<Item = (Option<u64>, &[u8])> {
        let from = std::iter::once(0).chain(self.lines.iter().map(|(_, end)| *end));
        from.zip(&self.lines).map(|(from, (line, to))| (*line, self.texts.get(from..*to).unwrap_or_default()))
    }
}

/// How many lines end in a range of a file, and those that are looked for, in order.
fn seek_piece(file: &File, range: std::ops::Range<u64>, wanted: &[Wanted]) -> Found {
    let mut block = vec![0; BLOCK];
    let mut seeker = Seeker::new(wanted, Stand { place: range.start, lines: 0 });
    let mut found = Found { lines: Vec::with_capacity(wanted.len()), ..Found::default() };
    let mut take = |_: &Wanted, line: Option<u64>, text: &[u8]| {
        found.texts.extend_from_slice(text);
        found.lines.push((line, found.texts.len()));
    };
    let mut at = range.start;
    while at < range.end || seeker.is_inside_line() {
        let left = if at < range.end { range.end - at } else { BLOCK as u64 };
        let want = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let got = match file.read_at(block.get_mut(..want).unwrap_or_default(), at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(n) if n > 0 => n,
            _ => break,
        };
        let bytes = block.get(..got).unwrap_or_default();
        if at < range.end {
            seeker.feed(bytes, &mut take);
        } else {
            seeker.end_line(bytes, &mut take);
        }
        at += got as u64;
    }
    let ended = seeker.stand.lines;
    seeker.finish(&mut take);
    Found { ended, ..found }
}

/// Finds lines in a text that comes in blocks.
struct Seeker<'w> {
    /// Those that are not found yet.
    wanted: &'w [Wanted],
    stand: Stand,
    /// The line that has begun, and its number.
    begun: Option<(u64, Vec<u8>)>,
}

/// Takes each line that was looked for, in their order: its number, if it was found, and its text.
type Take<'t> = &'t mut dyn FnMut(&Wanted, Option<u64>, &[u8]);

impl<'w> Seeker<'w> {
    fn new(wanted: &'w [Wanted], stand: Stand) -> Seeker<'w> {
        Seeker { wanted, stand, begun: None }
    }

    fn is_inside_line(&self) -> bool {
        self.begun.is_some()
    }

    /// Takes the next bytes.
    fn feed(&mut self, bytes: &[u8], take: Take<'_>) {
        self.end_line(bytes, take);
        let mut counted = 0;
        while let Some(next) = self.wanted.first().filter(|_| self.begun.is_none()) {
            let Some(ahead) = next.line.place.checked_sub(self.stand.place) else {
                self.tell(None, b"", take);
                continue;
            };
            let at = usize::try_from(ahead).unwrap_or(usize::MAX);
            let Some((before, line)) = bytes.split_at_checked(at).filter(|(_, line)| !line.is_empty()) else { break };
            self.stand.lines += newlines(before.get(counted..).unwrap_or_default());
            counted = at;
            let number = self.stand.lines + 1;
            match memchr::memchr(b'\n', line) {
                Some(end) => self.tell(Some(number), line.get(..end).unwrap_or_default(), take),
                None => self.begun = Some((number, line.to_vec())),
            }
        }
        self.stand.lines += newlines(bytes.get(counted..).unwrap_or_default());
        self.stand.place += bytes.len() as u64;
    }

    /// Ends the line that has begun, as far as the next bytes do.
    fn end_line(&mut self, bytes: &[u8], take: Take<'_>) {
        let Some((number, mut text)) = self.begun.take() else { return };
        let end = memchr::memchr(b'\n', bytes);
        text.extend_from_slice(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
        match end {
            // A longer one is none of the lines that were read.
            None if text.len() <= LONGEST_LINE => self.begun = Some((number, text)),
            _ => self.tell(Some(number), &text, take),
        }
    }

    /// Hands out the next line that was looked for, as often as it was.
    fn tell(&mut self, line: Option<u64>, text: &[u8], take: Take<'_>) {
        let Some(first) = self.wanted.first() else { return };
        let same = self.wanted.iter().take_while(|wanted| wanted.line == first.line).count();
        let (these, others) = self.wanted.split_at(same);
        these.iter().for_each(|wanted| take(wanted, line, text));
        self.wanted = others;
    }

    /// The text has ended.
    fn finish(mut self, take: Take<'_>) {
        if let Some((number, text)) = self.begun.take() {
            self.tell(Some(number), &text, take);
        }
        while !self.wanted.is_empty() {
            self.tell(None, b"", take);
        }
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// Looks for lines in all texts of a file that must be unpacked.
struct SeekSink<'w> {
    unit: &'w Unit,
    /// The next text of the file.
    next: usize,
    /// Lines of that text and of those behind it.
    wanted: &'w [Wanted],
    seeker: Seeker<'w>,
    out: &'w Out,
}

impl<'w> SeekSink<'w> {
    /// Passes over lines of texts before this one, which are not there any more; over all if there is none.
    fn skip_to(&mut self, file: Option<FileId>) {
        let before = self.wanted.partition_point(|wanted| file.is_none_or(|file| wanted.line.file < file));
        let (gone, rest) = self.wanted.split_at(before);
        gone.iter().for_each(|wanted| tell(self.out, wanted, None, b""));
        self.wanted = rest;
    }
}

impl Sink for SeekSink<'_> {
    fn begin(&mut self, _: &Member<'_>) -> Want {
        let file = self.unit.leaves.get(self.next).copied();
        self.next += 1;
        self.skip_to(file);
        let of_this = self.wanted.partition_point(|wanted| file.is_some_and(|file| wanted.line.file <= file));
        let (these, others) = self.wanted.split_at(of_this);
        self.wanted = others;
        self.seeker = Seeker::new(these, Stand::default());
        match these.last().map(|last| usize::try_from(last.line.place).unwrap_or(usize::MAX)) {
            Some(last) => Want::Head(last.saturating_add(LONGEST_LINE + 1)),
            None => Want::Skip,
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        let out = self.out;
        self.seeker.feed(bytes, &mut |wanted, line, text| tell(out, wanted, line, text));
    }

    /// Lines that a hole cuts off are never looked for, and places and numbers go on behind it.
    fn hole(&mut self, _: Damage) {}

    fn end(&mut self, _: Option<Damage>) {
        let out = self.out;
        let seeker = std::mem::replace(&mut self.seeker, Seeker::new(&[], Stand::default()));
        seeker.finish(&mut |wanted, line, text| tell(out, wanted, line, text));
    }

    fn note(&mut self, _: Note) {}
}
