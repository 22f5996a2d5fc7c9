//! How far each text is read, and so how far each stream: the frontier.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::fold::{PieceSource, jump_between};
use crate::model::Instant;
use crate::plan::{Group, Plan, earliest};
use crate::streams::StreamId;
use crate::trail::{FileId, Jump};

/// Lines of several processes are buffered before they are written; this much disorder holds nothing up, in seconds.
const HOLD_BACK: Instant = 180;

/// How far one text is read: pieces may be done out of order.
#[derive(Debug, Default)]
struct Text {
    group: Option<usize>,
    /// The earliest stamp of the last piece before the first that is not done.
    reached: Instant,
    next: u64,
    pieces: Option<u64>,
    done: BTreeMap<u64, Vec<PieceSource>>,
    last: HashMap<(StreamId, u32), PieceSource>,
}

/// How far everything is read.
#[derive(Debug, Default)]
pub(super) struct Progress {
    texts: HashMap<FileId, Text>,
    /// For each group, its texts that are not read to their ends, by what they have reached.
    open: Vec<BTreeSet<(Instant, FileId)>>,
    /// Before which moment a stream has nothing more to say, as far as order tells.
    pub(super) frontier: BTreeMap<StreamId, Instant>,
    /// Clock jumps between pieces.
    pub(super) jumps: BTreeMap<FileId, Vec<Jump>>,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Progress {
        let mut progress = Progress::default();
        let mut groups: BTreeMap<&Group, usize> = BTreeMap::new();
        for leaf in plan.leaves.iter().filter(|l| l.copy_of.is_none()) {
            let Some(group) = &leaf.group else { continue };
            let new = groups.len();
            let group = *groups.entry(group).or_insert(new);
            progress.open.resize(groups.len(), BTreeSet::new());
            let reached = earliest(leaf);
            if let Some(open) = progress.open.get_mut(group) {
                open.insert((reached, leaf.id));
            }
            progress.texts.insert(leaf.id, Text { group: Some(group), reached, ..Text::default() });
        }
        progress
    }

    /// A piece of a text is done; `pieces` is how many the text has, once that is known.
    pub(super) fn done(&mut self, file: FileId, piece: u64, pieces: Option<u64>, sources: Vec<PieceSource>) {
        let text = self.texts.entry(file).or_default();
        text.pieces = text.pieces.or(pieces);
        text.done.insert(piece, sources);
        let mut touched = BTreeSet::new();
        let before = text.reached;
        while let Some(sources) = text.done.remove(&text.next) {
            text.next += 1;
            for source in &sources {
                touched.insert(source.stream);
                if let Some(jump) = text.last.get(&(source.stream, source.pid)).and_then(|l| jump_between(l, source)) {
                    self.jumps.entry(file).or_default().push(jump);
                }
                text.last.insert((source.stream, source.pid), *source);
            }
            text.reached = sources.iter().map(|s| s.earliest).min().unwrap_or(text.reached);
        }
        let over = text.pieces == Some(text.next);
        let Some(open) = text.group.and_then(|g| self.open.get_mut(g)) else { return };
        open.remove(&(before, file));
        if !over {
            open.insert((text.reached, file));
        }
        let Some((reached, _)) = open.first() else { return };
        for stream in touched {
            let frontier = self.frontier.entry(stream).or_insert(Instant::MIN);
            *frontier = (*frontier).max(reached.saturating_sub(HOLD_BACK));
        }
        if over {
            self.texts.remove(&file);
        }
    }

    /// A text ended; it had so many pieces.
    pub(super) fn ended(&mut self, file: FileId, pieces: u64) {
        let text = self.texts.entry(file).or_default();
        text.pieces = Some(pieces);
        if text.next == pieces {
            let (group, reached) = (text.group, text.reached);
            self.texts.remove(&file);
            if let Some(open) = group.and_then(|g| self.open.get_mut(g)) {
                open.remove(&(reached, file));
            }
        }
    }
}
