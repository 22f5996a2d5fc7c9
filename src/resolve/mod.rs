//! Resolve: what the one trail means. Lives, gaps, ends of coverage, and which sessions were open at a moment.

mod clock;
mod drift;
mod lives;
mod rhythm;
mod span;

use std::collections::{BTreeMap, BTreeSet};

pub use clock::{Clock, ClockError};
pub use drift::ClosesStopped;
pub use lives::{Life, LifeEnd, Lives};
pub use rhythm::Silence;
pub use span::{FAR, Gap, GapWhy, Overlap, Part, Sequence, parse_sequence};

use crate::model::{Instant, Service, Stamp};
use crate::streams::{StreamId, Streams};
use crate::trail::{FileId, FullHours, StreamHours, Trail};

/// What resolving must know of a file beside its lines.
#[derive(Clone, Debug, Default)]
pub struct FileFacts {
    /// The sequence number of its name, if it has one (R9).
    pub sequence: Option<Sequence>,
    /// The folder or archive that it lies in.
    pub folder: String,
    /// It could not be read to its end.
    pub damaged: bool,
    /// How many holes it has, behind which reading went on.
    pub holes: u32,
}

impl FileFacts {
    /// Something of it is lost.
    pub fn is_damaged(&self) -> bool {
        self.damaged || self.holes > 0
    }
}

/// One stream, resolved.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its number.
    pub id: StreamId,
    /// Its store.
    pub store: Vec<u8>,
    /// Its service.
    pub service: Service,
    /// First line of the coverage, as written.
    pub first: Stamp,
    /// Last line of the coverage, as written, a lone stamp over 24 h ahead left out (R14).
    pub last: Stamp,
    /// Login lines in all.
    pub logins: u64,
    /// Close lines in all.
    pub closes: u64,
    /// Lines in all: logins, closes, marks.
    pub lines: u64,
    /// The offsets that its clock showed.
    pub clock: Clock,
    /// Gaps (R9), in order.
    pub gaps: Vec<Gap>,
    /// Silences against its own rhythm, in order.
    pub silences: Vec<Silence>,
    /// Start marks of its processes, in order.
    pub starts: Vec<Instant>,
    /// Stop marks, as those.
    pub stops: Vec<Instant>,
    /// Spans that more than one file covers (R13), in order.
    pub overlaps: Vec<Overlap>,
    /// Lives of its processes (R8).
    pub lives: Lives,
    /// A lone stamp that does not extend the coverage (R14).
    pub lone: Option<Instant>,
    /// Closes that no longer appear while logins go on.
    pub closes_stopped: Option<ClosesStopped>,
    /// Spans in which logins were not logged (R12): first and last connect, closes.
    pub unlogged: Vec<Unlogged>,
}

impl Resolved {
    /// What was logged, as far as the lines show, in words.
    pub fn level(&self) -> &'static str {
        match (self.logins, self.unlogged.is_empty()) {
            (0, _) if self.closes > 0 => "logins are not logged (level Notice)",
            (0, _) => "neither logins nor closes",
            (_, true) => "logins are logged (level Information)",
            (_, false) => "logins are logged at times",
        }
    }
}

/// A span in which closes had no login line (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlogged {
    /// The first connect.
    pub from: Instant,
    /// The last connect.
    pub to: Instant,
    /// How many closes.
    pub closes: u64,
}

/// Resolves every stream that has a line, in the order of store and service.
pub fn resolve(trail: &Trail, streams: &Streams, facts: &BTreeMap<FileId, FileFacts>) -> Vec<Resolved> {
    let known = streams.all();
    known.into_iter().filter_map(|(store, service, id)| stream(trail, facts, store, service, id)).collect()
}

fn stream(
    trail: &Trail,
    facts: &BTreeMap<FileId, FileFacts>,
    store: Vec<u8>,
    service: Service,
    id: StreamId,
) -> Option<Resolved> {
    let hours = trail.coverage.streams.get(&id)?;
    let clock = Clock::new(hours);
    let (first, last, lone) = span::coverage(hours)?;
    let parts = span::parts(trail, facts, id);
    let mut gaps = span::silences(hours, last.at);
    gaps.extend(span::missing(&parts, &span::present(facts)));
    gaps.extend(span::damaged(&parts, &span::unread(trail, facts), last.at));
    gaps.sort();
    let processes = || trail.coverage.processes.range((id, 0)..=(id, u32::MAX));
    let marks = |start: bool| {
        let all = processes().flat_map(|(_, process)| &process.marks);
        let mut marks: Vec<Instant> = all.filter(|(_, is_start)| *is_start == start).map(|(at, _)| *at).collect();
        marks.sort_unstable();
        marks
    };
    let (starts, stops) = (marks(true), marks(false));
    let lives = Lives::new(trail, id, (first.at, last.at), &gaps);
    let sum = |count: fn(&crate::trail::Cell) -> u64| hours.cells.values().map(count).sum();
    let unlogged = unlogged(trail, hours, id, first.at, &gaps);
    let overlaps = span::overlaps(&parts);
    let (logins, closes, lines) = (sum(|c| c.logins), sum(|c| c.closes), sum(|c| c.lines()));
    Some(Resolved {
        id,
        store,
        service,
        first,
        last,
        logins,
        closes,
        lines,
        clock,
        silences: rhythm::silences(hours, last.at),
        closes_stopped: drift::closes_stopped(hours, last.at),
        gaps,
        starts,
        stops,
        overlaps,
        lives,
        lone,
        unlogged,
    })
}

/// R12: closes whose connect lies 60 s or more behind the beginning of coverage, outside of gaps, and that have no login line. Hours
/// of them join to a span as long as no login was logged between.
fn unlogged(trail: &Trail, hours: &StreamHours, id: StreamId, first: Instant, gaps: &[Gap]) -> Vec<Unlogged> {
    let logged = |from: i64, to: i64| hours.cells.range((from, i16::MIN)..(to, i16::MIN)).any(|(_, c)| c.logins > 0);
    let mut spans: Vec<Unlogged> = Vec::new();
    for ((_, hour), seen) in trail.collected.unlogged.range((id, i64::MIN)..=(id, i64::MAX)) {
        let from = seen.first.max(first.saturating_add(60));
        let hidden = gaps.iter().any(|g| g.from < seen.last && seen.first < g.to.saturating_add(60));
        if seen.last < from || hidden {
            continue;
        }
        match spans.last_mut() {
            Some(last) if !logged(crate::trail::hour(last.to) + 1, *hour) => {
                last.to = seen.last;
                last.closes += seen.closes;
            }
            _ => spans.push(Unlogged { from, to: seen.last, closes: seen.closes }),
        }
    }
    spans
}

/// The end of each stream's coverage (R14).
pub fn coverage_end(trail: &Trail) -> BTreeMap<StreamId, Instant> {
    let ends = trail.coverage.streams.iter().filter_map(|(id, hours)| Some((*id, span::coverage(hours)?.1.at)));
    ends.collect()
}

/// Hours of processes in which a mark divides lines, so that every line of them is needed (R8).
pub fn hours_to_read_in_full(trail: &Trail) -> FullHours {
    let mut wanted = BTreeSet::new();
    for ((stream, pid), process) in &trail.coverage.processes {
        for (at, is_start) in &process.marks {
            let hour = crate::trail::hour(*at);
            let Some((first, last)) = process.hours.get(&hour) else { continue };
            let divides = if *is_start { first < at } else { last > at };
            if divides {
                wanted.insert((*stream, *pid, hour));
            }
        }
    }
    wanted
}
