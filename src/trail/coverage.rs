//! What the logs cover: for each stream its hours, and for each process of it the hours in which it wrote.
//!
//! "Lines" of a stream are its login and close lines, and the start and stop marks of its own processes (R8, R9). A process
//! lives as long as it writes anything: a refused login shows that as well as a close does.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Instant, Stamp};
use crate::streams::StreamId;

/// The hour of an instant: whole hours since 1970 UTC.
pub fn hour(at: Instant) -> i64 {
    at.div_euclid(3600)
}

/// One hour of one stream, as written with one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The first line of the hour.
    pub first: Instant,
    /// The last line of the hour.
    pub last: Instant,
    /// Login lines.
    pub logins: u64,
    /// Close lines, those of connections that never logged in included.
    pub closes: u64,
    /// Start and stop marks.
    pub marks: u64,
}

impl Cell {
    /// Every line of the hour.
    pub fn lines(&self) -> u64 {
        self.logins.saturating_add(self.closes).saturating_add(self.marks)
    }

    fn add(&mut self, other: &Cell) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.logins = self.logins.saturating_add(other.logins);
        self.closes = self.closes.saturating_add(other.closes);
        self.marks = self.marks.saturating_add(other.marks);
    }
}

/// The hours of one stream, by (hour, offset in minutes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamHours {
    /// Hour and offset → what was written.
    pub cells: BTreeMap<(i64, i16), Cell>,
}

/// What one process left: its hours with their first and last line, and its marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessHours {
    /// Hour → first and last line of that hour.
    pub hours: BTreeMap<i64, (Instant, Instant)>,
    /// Marks: when, and whether a start (else a stop).
    pub marks: BTreeSet<(Instant, bool)>,
    /// Every line of the hours that were asked for in full (R8: a mark inside an hour divides it).
    pub full: BTreeSet<Instant>,
}

/// Hours of processes of which every line is kept: (stream, pid, hour).
pub type FullHours = BTreeSet<(StreamId, u32, i64)>;

/// Coverage of all streams and lives of all processes. Merges by union.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// By stream.
    pub streams: BTreeMap<StreamId, StreamHours>,
    /// By stream and pid.
    pub processes: BTreeMap<(StreamId, u32), ProcessHours>,
}

/// What a line counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// A login line.
    Login,
    /// A close line.
    Close,
    /// A start mark.
    Start,
    /// A stop mark.
    Stop,
}

impl Coverage {
    /// Adds one hour and offset of one process: its first and last line of any kind, and what counts for the stream.
    pub fn add(&mut self, stream: StreamId, pid: u32, key: (i64, i16), wrote: (Instant, Instant), cell: Option<Cell>) {
        if let Some(cell) = cell {
            let cells = &mut self.streams.entry(stream).or_default().cells;
            cells.entry(key).and_modify(|c| c.add(&cell)).or_insert(cell);
        }
        let hours = &mut self.processes.entry((stream, pid)).or_default().hours;
        let (first, last) = hours.entry(key.0).or_insert(wrote);
        *first = (*first).min(wrote.0);
        *last = (*last).max(wrote.1);
    }

    /// What both know.
    pub fn merge(mut self, other: Coverage) -> Coverage {
        for (stream, theirs) in other.streams {
            self.add_stream(stream, theirs);
        }
        for (key, theirs) in other.processes {
            self.add_process(key, theirs);
        }
        self
    }

    /// Adds what another knows of a stream.
    pub(super) fn add_stream(&mut self, stream: StreamId, theirs: StreamHours) {
        let ours = self.streams.entry(stream).or_default();
        if ours.cells.is_empty() {
            *ours = theirs;
            return;
        }
        for (key, cell) in theirs.cells {
            ours.cells.entry(key).and_modify(|c| c.add(&cell)).or_insert(cell);
        }
    }

    /// Adds what another knows of a process.
    pub(super) fn add_process(&mut self, key: (StreamId, u32), theirs: ProcessHours) {
        let ours = self.processes.entry(key).or_default();
        if ours.hours.is_empty() {
            ours.hours = theirs.hours;
        } else {
            for (hour, (first, last)) in theirs.hours {
                let mine = ours.hours.entry(hour).or_insert((first, last));
                *mine = (mine.0.min(first), mine.1.max(last));
            }
        }
        ours.marks.extend(theirs.marks);
        ours.full.extend(theirs.full);
    }
}

/// Collects the lines of one source, an hour at a time, before they go to the [`Coverage`].
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// The hour, and with which offset it is written.
    hour: i64,
    offset: i16,
    /// The lines that are among [`Counts`]: the first and the last, and how many there are.
    cell: Cell,
    /// The first and the last line of any other kind.
    others: (Instant, Instant),
    /// Those of all hours that were handed over since the last [`Pending::flush`].
    all: (Instant, Instant),
}

/// No line at all: what comes is earlier and later.
const NEVER: (Instant, Instant) = (Instant::MAX, Instant::MIN);

impl Default for Pending {
    fn default() -> Self {
        let (first, last) = NEVER;
        let cell = Cell { first, last, logins: 0, closes: 0, marks: 0 };
        Pending { hour: hour(Instant::MIN), offset: 0, cell, others: NEVER, all: NEVER }
    }
}

impl Pending {
    /// Counts a line of a process; a finished hour goes to the coverage. A line that is none of [`Counts`] shows that its
    /// process lived, and no more.
    #[inline(always)]
    pub fn count(&mut self, stamp: Stamp, counts: Option<Counts>, stream: StreamId, pid: u32, coverage: &mut Coverage) {
        let second = stamp.at.wrapping_sub(self.hour.wrapping_mul(3600));
        if !(0..3600).contains(&second) || stamp.offset != self.offset {
            self.hand_over(stream, pid, coverage);
            (self.hour, self.offset) = (hour(stamp.at), stamp.offset);
        }
        let Some(counts) = counts else {
            self.others = both(self.others, (stamp.at, stamp.at));
            return;
        };
        let cell = &mut self.cell;
        cell.first = cell.first.min(stamp.at);
        cell.last = cell.last.max(stamp.at);
        match counts {
            Counts::Login => cell.logins += 1,
            Counts::Close => cell.closes += 1,
            Counts::Start | Counts::Stop => {
                cell.marks += 1;
                let marks = &mut coverage.processes.entry((stream, pid)).or_default().marks;
                marks.insert((stamp.at, counts == Counts::Start));
            }
        }
    }

    #[inline(never)]
    fn hand_over(&mut self, stream: StreamId, pid: u32, coverage: &mut Coverage) {
        let Pending { hour, offset, cell, others, all } = std::mem::take(self);
        let wrote = both(others, (cell.first, cell.last));
        if wrote != NEVER {
            coverage.add(stream, pid, (hour, offset), wrote, (cell.lines() > 0).then_some(cell));
        }
        self.all = both(all, wrote);
    }

    /// Hands over what was collected: the first and the last line since the last time, if there was any.
    pub fn flush(&mut self, stream: StreamId, pid: u32, coverage: &mut Coverage) -> Option<(Instant, Instant)> {
        self.hand_over(stream, pid, coverage);
        let all = std::mem::replace(&mut self.all, NEVER);
        (all != NEVER).then_some(all)
    }
}

/// What holds both spans.
fn both(a: (Instant, Instant), b: (Instant, Instant)) -> (Instant, Instant) {
    (a.0.min(b.0), a.1.max(b.1))
}
