//! The trail: what was learned from any part of the input, a commutative monoid.
//!
//! `Trail::default()` knows nothing; [`Trail::merge`] knows what both know, in any order and any grouping. Workers fold
//! lines into trails; what a query needs is resolved from the one trail that is left at the end.

mod access;
mod coverage;
mod forgery;
pub mod kept;
mod merging;
mod tally;

use std::collections::BTreeMap;

pub use access::{Access, Accesses, Last, LastAccess, LearnedAccess, SharedAccess, Shown, Sorted};
pub use coverage::{Cell, Counts, Coverage, FullHours, Pending, ProcessHours, StreamHours, hour};
pub use forgery::Breaks;
pub use merging::Merging;
pub use tally::{Count, FileTally, Like, SHAPES, Sample, Sampled, Shape, Tally};

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

pub use crate::model::FileId;
use crate::model::Instant;
use crate::pair::{PairTable, Session};
use crate::streams::{StreamId, Streams};

/// A clock that went back (R14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Jump {
    /// At which byte of the decoded text the line stands that went back.
    pub place: u64,
    /// The stream of the process.
    pub stream: StreamId,
    /// The process.
    pub pid: u32,
    /// The stamp before.
    pub from: Instant,
    /// The stamp that went back.
    pub to: Instant,
}

/// How many clock jumps of one file are kept for the notes: the first ones.
pub const JUMPS: usize = 100;

/// What is known of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileTrail {
    /// Its lines.
    pub tally: FileTally,
    /// First and last stamp of each stream in it, of all of its lines, by section: damage divides a text into those that can be read.
    pub spans: BTreeMap<(StreamId, u32), (Instant, Instant)>,
    /// Clock jumps, in the order of their places.
    pub jumps: Vec<Jump>,
    /// Refused logins that seem to go over several lines.
    pub breaks: Breaks,
}

impl FileTrail {
    /// The spans of a stream, section by section.
    pub fn sections(&self, stream: StreamId) -> impl Iterator<Item = (u32, Instant, Instant)> {
        let all = self.spans.range((stream, 0)..=(stream, u32::MAX));
        all.map(|((_, section), (first, last))| (*section, *first, *last))
    }

    /// Widens a stream's span in one section.
    pub fn span(&mut self, stream: StreamId, section: u32, first: Instant, last: Instant) {
        let span = self.spans.entry((stream, section)).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    }

    /// Adds clock jumps; the first of the file stand.
    pub fn jumped(&mut self, jumps: impl IntoIterator<Item = Jump>) {
        self.jumps.extend(jumps);
        self.jumps.sort_unstable();
        self.jumps.truncate(JUMPS);
    }

    fn merge(&mut self, other: FileTrail) {
        self.tally.merge(other.tally);
        for ((stream, section), (first, last)) in other.spans {
            self.span(stream, section, first, last);
        }
        self.jumped(other.jumps);
        self.breaks.merge(other.breaks);
    }
}

/// Closes that had no login line, in one hour of their connects (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlogged {
    /// How many.
    pub closes: u64,
    /// The first connect.
    pub first: Instant,
    /// The last connect.
    pub last: Instant,
}

/// What a `-c` collects from sessions that are settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Closed sessions that may have been connected at the moment asked for, in no order.
    pub sessions: Vec<Session>,
    /// Closes without a login line, by stream and hour of their connects.
    pub unlogged: BTreeMap<(StreamId, i64), Unlogged>,
    /// A session that will be a row rests on a template that is a guess.
    pub inferred: bool,
    /// Lines of a peer without a port were paired.
    pub portless: bool,
}

impl Collected {
    /// Counts a close that had no login line.
    pub fn no_login(&mut self, stream: StreamId, connect: Instant) {
        self.unlogged_span(stream, Unlogged { closes: 1, first: connect, last: connect });
    }

    fn unlogged_span(&mut self, stream: StreamId, span: Unlogged) {
        let ours = self.unlogged.entry((stream, hour(span.first))).or_insert(Unlogged { closes: 0, ..span });
        ours.closes += span.closes;
        ours.first = ours.first.min(span.first);
        ours.last = ours.last.max(span.last);
    }

    /// What both collected.
    pub fn merge(mut self, mut other: Collected) -> Collected {
        self.sessions.append(&mut other.sessions);
        self.inferred |= other.inferred;
        self.portless |= other.portless;
        for ((stream, _), span) in other.unlogged {
            self.unlogged_span(stream, span);
        }
        self
    }
}

/// What `-a` learns from the message trace of access services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracedUsers {
    /// Lines within the window, whoever they name.
    pub lines: u64,
    /// The users asked for who are named, but for those of whom a login or a close tells as well.
    pub users: FxHashSet<Box<[u8]>>,
}

impl TracedUsers {
    /// Counts a line; its user is kept if asked for.
    pub fn add(&mut self, user: &[u8], asked: bool) {
        self.lines += 1;
        if asked && !self.users.contains(user) {
            self.users.insert(user.into());
        }
    }

    /// Forgets users who had access.
    pub fn without(&mut self, has: impl Fn(&[u8]) -> bool + Sync) {
        self.users = std::mem::take(&mut self.users).into_par_iter().filter(|user| !has(user)).collect();
    }

    fn merge(mut self, other: TracedUsers) -> TracedUsers {
        self.lines = self.lines.saturating_add(other.lines);
        self.users.extend(other.users);
        self
    }
}

/// What was learned from some part of the input.
#[derive(Debug, Default)]
pub struct Trail {
    /// Last logins and logouts (R11).
    pub access: LastAccess,
    /// Logins and closes that are not settled.
    pub pairs: PairTable,
    /// What settled sessions gave to the query.
    pub collected: Collected,
    /// Hours of streams and processes.
    pub coverage: Coverage,
    /// Users of the message trace.
    pub traced: TracedUsers,
    /// What became of every line.
    pub tally: Tally,
    /// What each file gave.
    pub files: BTreeMap<FileId, FileTrail>,
}

impl Trail {
    /// What both know.
    pub fn merge(self, other: Trail, streams: &Streams) -> Trail {
        let mut files = self.files;
        for (id, theirs) in other.files {
            files.entry(id).or_default().merge(theirs);
        }
        Trail {
            access: self.access.merge(other.access, streams),
            pairs: self.pairs.merge(other.pairs),
            collected: self.collected.merge(other.collected),
            coverage: self.coverage.merge(other.coverage),
            traced: self.traced.merge(other.traced),
            tally: self.tally.merge(other.tally),
            files,
        }
    }
}

#[cfg(test)]
mod tests;
