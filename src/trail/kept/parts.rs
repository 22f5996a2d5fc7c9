//! What of a trail is small, as records: what each file, hour and process gave. A trail is what its records come to, merged in any order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::grammar::Kind;
use crate::model::{FileId, Instant};
use crate::streams::StreamId;
use crate::trail::{Cell, Count, Coverage, FileTrail, Jump, ProcessHours, Sampled, Shape, StreamHours, Tally, Trail};

/// A record. Its form is that of these types, of their fields and of the order of both: whoever changes any changes
/// [`VERSION`](super::VERSION).
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Part {
    /// Lines by what became of them, in the order of the fields of [`Tally`], and events by kind.
    Tally([Count; 5], BTreeMap<Kind, u64>),
    /// A shape of unknown messages.
    Shape(Shape, Sampled),
    /// Lines of the message trace.
    Traced(u64),
    /// Hours of a stream: hours since the one before, offset; first and last line from the hour's beginning on; logins, closes, marks.
    Stream(StreamId, Vec<(i64, i16, Span, [u64; 3])>),
    /// Hours of a process: hours since the one before; first and last line from the hour's beginning on.
    Process(StreamId, u32, Vec<(i64, Span)>),
    /// Marks of a process, and lines of hours that are known in full: seconds since the one before.
    Marks(StreamId, u32, Vec<(Instant, bool)>, Vec<Instant>),
    /// What a file gave.
    File(FileId, Box<FileTrail>),
}

/// Two moments, in seconds from the beginning of an hour.
type Span = (i64, i64);

/// The number of no file.
pub(super) const NO_FILE: FileId = FileId(u32::MAX);
/// So many hours, spans, marks are in one record at most.
const MANY: usize = 4096;

/// The numbers that others know streams or files by. None: it has none.
pub(super) struct Numbers<'a> {
    pub(super) stream: &'a dyn Fn(StreamId) -> Option<StreamId>,
    pub(super) file: &'a dyn Fn(FileId) -> Option<FileId>,
}

impl Numbers<'_> {
    /// A part with other numbers. None if any has none.
    pub(super) fn renumbered(&self, part: Part) -> Option<Part> {
        Some(match part {
            Part::Tally(..) | Part::Traced(_) => part,
            Part::Shape(shape, sampled) => Part::Shape(shape, self.sampled(sampled)?),
            Part::Stream(stream, hours) => Part::Stream((self.stream)(stream)?, hours),
            Part::Process(stream, pid, hours) => Part::Process((self.stream)(stream)?, pid, hours),
            Part::Marks(stream, pid, marks, full) => Part::Marks((self.stream)(stream)?, pid, marks, full),
            Part::File(file, trail) => Part::File((self.file)(file)?, Box::new(self.of_file(*trail)?)),
        })
    }

    fn sampled(&self, mut sampled: Sampled) -> Option<Sampled> {
        sampled.sample.file = (self.file)(sampled.sample.file)?;
        Some(sampled)
    }

    fn of_file(&self, file: FileTrail) -> Option<FileTrail> {
        let FileTrail { mut tally, spans, jumps, breaks } = file;
        let rejects = std::mem::take(&mut tally.rejects).into_iter();
        tally.rejects = rejects.map(|(why, seen)| Some((why, self.sampled(seen)?))).collect::<Option<_>>()?;
        let span = |((stream, section), span)| Some((((self.stream)(stream)?, section), span));
        let spans = spans.into_iter().map(span).collect::<Option<_>>()?;
        let jump = |jump: Jump| Some(Jump { stream: (self.stream)(jump.stream)?, ..jump });
        let mut jumps = jumps.into_iter().map(jump).collect::<Option<Vec<_>>>()?;
        jumps.sort_unstable();
        Some(FileTrail { tally, spans, jumps, breaks })
    }
}

/// Hands on all of a trail that is no name of a user, by other numbers and in the order of these.
pub(super) fn each<E>(
    trail: &Trail,
    numbers: &Numbers<'_>,
    out: &mut impl FnMut(Part) -> Result<(), E>,
) -> Result<(), E> {
    let Tally { event, known, unknown, reject, passed_over, kinds, shapes } = &trail.tally;
    out(Part::Tally([event, known, unknown, reject, passed_over].map(|count| *count), kinds.clone()))?;
    out(Part::Traced(trail.traced.lines))?;
    let shape = |(shape, seen): (&Shape, &Sampled)| Some(Part::Shape(shape.clone(), numbers.sampled(seen.clone())?));
    shapes.iter().filter_map(shape).try_for_each(&mut *out)?;
    of_streams(&trail.coverage, numbers, out)?;
    of_processes(&trail.coverage, numbers, out)?;
    let file = |(id, file): (&FileId, &FileTrail)| Some(((numbers.file)(*id)?, numbers.of_file(file.clone())?));
    trail
        .files
        .iter()
        .filter_map(file)
        .filter(|(id, _)| *id != NO_FILE)
        .try_for_each(|(id, file)| of_file(id, file, out))
}

fn of_file<E>(id: FileId, file: FileTrail, out: &mut impl FnMut(Part) -> Result<(), E>) -> Result<(), E> {
    let FileTrail { tally, spans, jumps, breaks } = file;
    let mut spans = spans.into_iter();
    let first = spans.by_ref().take(MANY).collect();
    out(Part::File(id, Box::new(FileTrail { tally, spans: first, jumps, breaks })))?;
    while spans.len() > 0 {
        let spans = spans.by_ref().take(MANY).collect();
        out(Part::File(id, Box::new(FileTrail { spans, ..FileTrail::default() })))?;
    }
    Ok(())
}

fn of_streams<E>(
    coverage: &Coverage,
    numbers: &Numbers<'_>,
    out: &mut impl FnMut(Part) -> Result<(), E>,
) -> Result<(), E> {
    let number = |(stream, hours): (&StreamId, _)| Some(((numbers.stream)(*stream)?, hours));
    let streams: BTreeMap<StreamId, &StreamHours> = coverage.streams.iter().filter_map(number).collect();
    for (stream, hours) in streams {
        let cells: Vec<_> = hours.cells.iter().collect();
        for cells in some_at_a_time(&cells) {
            let mut before = 0;
            let row = |((hour, offset), cell): &(&(i64, i16), &Cell)| {
                let counts = [cell.logins, cell.closes, cell.marks];
                (since(&mut before, *hour), *offset, within(*hour, (cell.first, cell.last)), counts)
            };
            out(Part::Stream(stream, cells.iter().map(row).collect()))?;
        }
    }
    Ok(())
}

fn of_processes<E>(
    coverage: &Coverage,
    numbers: &Numbers<'_>,
    out: &mut impl FnMut(Part) -> Result<(), E>,
) -> Result<(), E> {
    let number = |((stream, pid), process): (&(StreamId, u32), _)| Some((((numbers.stream)(*stream)?, *pid), process));
    let processes: BTreeMap<(StreamId, u32), &ProcessHours> = coverage.processes.iter().filter_map(number).collect();
    for ((stream, pid), process) in processes {
        let hours: Vec<_> = process.hours.iter().collect();
        for hours in some_at_a_time(&hours) {
            let mut before = 0;
            let row = |(hour, span): &(&i64, &(Instant, Instant))| (since(&mut before, **hour), within(**hour, **span));
            out(Part::Process(stream, pid, hours.iter().map(row).collect()))?;
        }
        let (mut marks, mut full) = (process.marks.iter(), process.full.iter());
        while marks.len() + full.len() > 0 {
            let (mut of_mark, mut of_line) = (0, 0);
            let mark = |(at, start): &(Instant, bool)| (since(&mut of_mark, *at), *start);
            let marks = marks.by_ref().take(MANY).map(mark).collect();
            let full = full.by_ref().take(MANY).map(|at| since(&mut of_line, *at)).collect();
            out(Part::Marks(stream, pid, marks, full))?;
        }
    }
    Ok(())
}

/// Parts of what may be too much for one record; one part at least.
fn some_at_a_time<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    let nothing = all.is_empty().then_some(all);
    nothing.into_iter().chain(all.chunks(MANY))
}

fn since(before: &mut i64, now: i64) -> i64 {
    now.wrapping_sub(std::mem::replace(before, now))
}

fn after(before: &mut i64, since: i64) -> i64 {
    *before = before.wrapping_add(since);
    *before
}

fn within(hour: i64, (first, last): (Instant, Instant)) -> Span {
    let begin = hour.wrapping_mul(3600);
    (first.wrapping_sub(begin), last.wrapping_sub(begin))
}

fn from_within(hour: i64, (first, last): Span) -> (Instant, Instant) {
    let begin = hour.wrapping_mul(3600);
    (first.wrapping_add(begin), last.wrapping_add(begin))
}

impl Trail {
    /// Merges what a record says.
    pub(super) fn take(&mut self, part: Part) {
        match part {
            Part::Tally([event, known, unknown, reject, passed_over], kinds) => {
                let shapes = BTreeMap::new();
                let tally = Tally { event, known, unknown, reject, passed_over, kinds, shapes };
                self.tally = std::mem::take(&mut self.tally).merge(tally);
            }
            Part::Shape(shape, seen) => self.tally.shapes(shape, seen),
            Part::Traced(lines) => self.traced.lines = self.traced.lines.saturating_add(lines),
            Part::Stream(stream, rows) => {
                let mut before = 0;
                let cell = |(since, offset, span, [logins, closes, marks]): (i64, i16, Span, [u64; 3])| {
                    let hour = after(&mut before, since);
                    let (first, last) = from_within(hour, span);
                    ((hour, offset), Cell { first, last, logins, closes, marks })
                };
                let cells = rows.into_iter().map(cell).collect();
                self.coverage.add_stream(stream, StreamHours { cells });
            }
            Part::Process(stream, pid, rows) => {
                let mut before = 0;
                let hour = |(since, span)| {
                    let hour = after(&mut before, since);
                    (hour, from_within(hour, span))
                };
                let hours = rows.into_iter().map(hour).collect();
                self.coverage.add_process((stream, pid), ProcessHours { hours, ..ProcessHours::default() });
            }
            Part::Marks(stream, pid, marks, full) => {
                let (mut of_mark, mut of_line) = (0, 0);
                let marks = marks.into_iter().map(|(since, start)| (after(&mut of_mark, since), start)).collect();
                let full = full.into_iter().map(|since| after(&mut of_line, since)).collect();
                self.coverage.add_process((stream, pid), ProcessHours { marks, full, ..ProcessHours::default() });
            }
            Part::File(id, file) => self.files.entry(id).or_default().merge(*file),
        }
    }
}
