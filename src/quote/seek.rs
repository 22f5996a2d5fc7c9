//! Looking for many lines of a text at a time; where it must be unpacked, the lines before them are counted.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::blocks::{Blocks, Found, Sought};
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
/// So many of these one worker looks for.
const PIECE: usize = 1 << 9;

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
    pub(super) fn quote<'a>(&self, line: Option<u64>, text: &'a [u8]) -> Quote<'a> {
        Quote { shows: self.shows, at: self.line, line, text }
    }
}

impl Sought for Wanted {
    fn line(&self) -> Evidence {
        self.line
    }

    fn shows(&self) -> Shows {
        self.shows
    }
}

/// Where found lines go.
pub(super) struct Out {
    /// For each worker apart.
    pub(super) runs: Vec<Mutex<Runs>>,
    /// Whether their texts are wanted.
    pub(super) texts: bool,
}

impl Out {
    /// Takes lines, as nobody else does meanwhile on this worker.
    fn take<T>(&self, work: impl FnOnce(&mut dyn FnMut(&Wanted, Option<u64>, &[u8])) -> T) -> Option<T> {
        let worker = rayon::current_thread_index().unwrap_or(0) % self.runs.len().max(1);
        let mut runs = self.runs.get(worker)?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(work(&mut |wanted, line, text| {
            let text = if self.texts { text } else { &[] };
            runs.push(|record| wanted.quote(line, text).write(wanted.row, record));
        }))
    }
}

fn tell(out: &Out, wanted: &Wanted, line: Option<u64>, text: &[u8]) {
    out.take(|take| take(wanted, line, text));
}

/// The texts of one file, and the lines that are looked for in them, in order.
pub(super) struct Texts<'a> {
    unit: Option<&'a Unit>,
    /// They are one text, whose lines are in these blocks.
    plain: Option<&'a Blocks>,
    pub(super) wanted: Vec<Wanted>,
}

impl<'a> Texts<'a> {
    pub(super) fn of(unit: Option<&'a Unit>, blocks: &'a Blocks, first: Wanted) -> Texts<'a> {
        Texts { unit, plain: Some(blocks).filter(|blocks| blocks.have(first.line.file)), wanted: vec![first] }
    }

    /// Whether they are those of a file.
    pub(super) fn is_of(&self, unit: Option<&Unit>) -> bool {
        self.unit.zip(unit).is_some_and(|(a, b)| std::ptr::eq(a, b))
    }

    /// Whether no more should be looked for at a time.
    pub(super) fn are_enough(&self) -> bool {
        self.wanted.len() >= if self.plain.is_some() { AT_ONCE_PLAIN } else { AT_ONCE }
    }

    /// Tells all lines that are looked for.
    pub(super) fn seek(&self, walk: &WalkOptions, out: &Out) {
        let wanted = &self.wanted;
        match (self.plain, self.unit) {
            (Some(blocks), _) => {
                wanted.par_chunks(PIECE).for_each(|wanted| {
                    out.take(|take| {
                        blocks.sweep(wanted, |wanted, found| match found {
                            Some(Found { number, text, .. }) => take(wanted, Some(number), text),
                            None => take(wanted, None, b""),
                        });
                    });
                });
            }
            (None, Some(unit)) if !matches!(unit.input, Input::Stream) => {
                let mut sink = SeekSink { unit, next: 0, wanted, seeker: Seeker::new(&[]), out };
                plan::walk(&unit.input, &unit.path, walk, &mut sink);
                sink.skip_to(None);
            }
            _ => wanted.iter().for_each(|wanted| tell(out, wanted, None, b"")),
        }
    }
}

/// Finds lines in a text that comes in blocks.
struct Seeker<'w> {
    /// Those that are not found yet.
    wanted: &'w [Wanted],
    /// How far the text has come, and how many lines end there.
    place: u64,
    lines: u64,
    /// The line that has begun, and its number.
    begun: Option<(u64, Vec<u8>)>,
}

/// Takes each line that was looked for, in their order: its number, if it was found, and its text.
type Take<'t> = &'t mut dyn FnMut(&Wanted, Option<u64>, &[u8]);

impl<'w> Seeker<'w> {
    fn new(wanted: &'w [Wanted]) -> Seeker<'w> {
        Seeker { wanted, place: 0, lines: 0, begun: None }
    }

    /// Takes the next bytes.
    fn feed(&mut self, bytes: &[u8], take: Take<'_>) {
        self.end_line(bytes, take);
        let mut counted = 0;
        while let Some(next) = self.wanted.first().filter(|_| self.begun.is_none()) {
            let Some(ahead) = next.line.place.checked_sub(self.place) else {
                self.tell(None, b"", take);
                continue;
            };
            let at = usize::try_from(ahead).unwrap_or(usize::MAX);
            let Some((before, line)) = bytes.split_at_checked(at).filter(|(_, line)| !line.is_empty()) else { break };
            self.lines += newlines(before.get(counted..).unwrap_or_default());
            counted = at;
            let number = self.lines + 1;
            match memchr::memchr(b'\n', line) {
                Some(end) => self.tell(Some(number), line.get(..end).unwrap_or_default(), take),
                None => self.begun = Some((number, line.to_vec())),
            }
        }
        self.lines += newlines(bytes.get(counted..).unwrap_or_default());
        self.place += bytes.len() as u64;
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
        self.seeker = Seeker::new(these);
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
        let seeker = std::mem::replace(&mut self.seeker, Seeker::new(&[]));
        seeker.finish(&mut |wanted, line, text| tell(out, wanted, line, text));
    }

    fn note(&mut self, _: Note) {}
}
