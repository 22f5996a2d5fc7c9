//! The table of everything that waits: for a close, for the frontier, or for the bench.
//!
//! One index finds the entry of a key. An entry is a login that waits for its close; or a session that is closed, as long as a
//! line to come could change what it means; or it has a chain of lines, since its key is not that simple. Closed sessions
//! also stand in a queue, in the order in which their closes came, and leave it oldest first.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use super::batch::Batch;
use super::bench::{Bench, END, Held, Texts};
use super::entry::{Entry, LongTexts, State};
use super::line::{Key, PairLine};
use super::queue::{Queue, Queued};
use super::session::{Accessed, Settled};
use super::{LOGIN_AFTER_END, is_ready};
use crate::model::Instant;
use crate::streams::StreamId;

/// So many closed sessions may wait for a frontier that does not move.
const WAITING: usize = 4096;
/// This much text is not worth tidying up, in bytes.
const SPARE_TEXT: usize = 256 << 10;

/// Logins and closes that are not settled yet.
#[derive(Debug, Default)]
pub struct PairTable {
    index: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    long: LongTexts,
    queue: Queue,
    /// The lines of chains, and their texts.
    held: Vec<Held>,
    texts: Texts,
    /// Bytes of `texts` that are still needed.
    live: usize,
    /// The entries that have a chain.
    chained: Vec<u32>,
    /// With how many more than these they are paired next.
    patience: usize,
    /// Up to where each stream was settled, by its number.
    settled: Vec<Instant>,
    /// Keys that are never settled early, because a line of theirs came late.
    hold: BTreeSet<Key>,
    /// Keys of which a line came after it was needed.
    pub late: BTreeSet<Key>,
}

impl PairTable {
    /// An empty table that never settles these keys early.
    pub fn holding(hold: BTreeSet<Key>) -> PairTable {
        PairTable { hold, ..PairTable::default() }
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Adds a line. What it tells of its user goes to `accessed`, except that a login keeps it back as long as it waits
    /// for its close: [`PairTable::owed`].
    pub fn add(&mut self, line: &PairLine<'_>, accessed: &mut impl FnMut(&Accessed<'_>)) {
        self.put(&Key::of(line), line, accessed);
    }

    /// Adds a batch, read from `block`, as [`PairTable::add`] does.
    pub fn add_all(&mut self, batch: &Batch, block: &[u8], accessed: &mut impl FnMut(&Accessed<'_>)) {
        // Looking for all keys first makes the processor fetch their entries side by side.
        let there =
            batch.keys().filter(|key| self.index.find(key.hash(), |i| has(&self.entries, *i, key)).is_some()).count();
        let PairTable { index, entries, .. } = self;
        index.reserve(batch.len() - there, |i| hash_of(entries, *i));
        batch.lines(block).for_each(|(key, line)| self.put(key, &line, accessed));
    }

    #[inline]
    fn is_late(&self, key: &Key, line: &PairLine<'_>) -> bool {
        let needed_until = line.stamp.at + if line.close.is_some() { LOGIN_AFTER_END } else { 0 };
        needed_until < self.settled_until(line.stream) && !self.hold.contains(key)
    }

    #[inline]
    fn settled_until(&self, stream: StreamId) -> Instant {
        self.settled.get(stream.0 as usize).copied().unwrap_or(Instant::MIN)
    }

    /// Moves a stream's frontier ahead; whether it moved.
    fn settle_until(&mut self, stream: StreamId, at: Instant) -> bool {
        let index = stream.0 as usize;
        if index >= self.settled.len() {
            self.settled.resize(index + 1, Instant::MIN);
        }
        let Some(settled) = self.settled.get_mut(index) else { return false };
        let moved = at > *settled;
        *settled = at.max(*settled);
        moved
    }

    /// Puts a line to the others of its key.
    #[inline]
    fn put(&mut self, key: &Key, line: &PairLine<'_>, accessed: &mut impl FnMut(&Accessed<'_>)) {
        if self.is_late(key, line) {
            self.late.insert(*key);
        }
        let PairTable { index, entries, free, .. } = self;
        match index.entry(key.hash(), |i| has(entries, *i, key), |i| hash_of(entries, *i)) {
            Slot::Vacant(slot) => {
                let number = free.pop().unwrap_or_else(|| {
                    entries.push(Entry::default());
                    (entries.len() - 1) as u32
                });
                slot.insert(number);
                let Some(entry) = entries.get_mut(number as usize) else { return };
                entry.key = *key;
                entry.pid = line.pid;
                entry.has_login = false;
                match line.close {
                    None => entry.open(line, &mut self.long),
                    Some(close) => {
                        accessed(&Accessed::of(line));
                        if !entry.close(number, line, &close, &mut self.queue) {
                            self.chain(number, line);
                        }
                    }
                }
            }
            Slot::Occupied(slot) => {
                let number = *slot.get();
                let Some(entry) = entries.get_mut(number as usize) else { return };
                let fitting = line.close.filter(|close| entry.takes(close, line, &self.long));
                if let Some(close) = fitting
                    && entry.close(number, line, &close, &mut self.queue)
                {
                    let login = (entry.login_stamp(), entry.login_inferred);
                    let user = entry.login_words(&self.long).user;
                    if user == line.user {
                        accessed(&Accessed { login: Some(login), ..Accessed::of(line) });
                    } else {
                        accessed(&Accessed::of(line));
                        accessed(&Accessed { stream: line.stream, user, login: Some(login), close: None });
                    }
                } else {
                    accessed(&Accessed::of(line));
                    if entry.state == State::Open {
                        accessed(&entry.owes(&self.long));
                    }
                    self.chain(number, line);
                }
            }
        }
    }

    /// Tells what waiting logins have kept back of their users.
    pub fn owed(&self, accessed: &mut impl FnMut(&Accessed<'_>)) {
        let open = self.entries.iter().filter(|entry| entry.state == State::Open);
        open.for_each(|entry| accessed(&entry.owes(&self.long)));
    }

    /// Makes a chain of what an entry has, and adds a line to it.
    #[cold]
    fn chain(&mut self, number: u32, line: &PairLine<'_>) {
        self.unravel(number);
        self.link(number, line);
    }

    /// Makes a chain of what an entry has.
    fn unravel(&mut self, number: u32) {
        let Some(entry) = self.entries.get(number as usize).copied() else { return };
        if entry.state == State::Chain {
            return;
        }
        let login = entry.login_line(&self.long).map(|line| Held::of(&line, &mut self.texts));
        let close = entry.close_line(&self.queue).map(|line| Held::of(&line, &mut self.texts));
        if let Some(entry) = self.entries.get_mut(number as usize) {
            entry.release_text(&mut self.long);
            entry.state = State::Chain;
            entry.has_login = false;
            entry.link = END;
        }
        self.chained.push(number);
        [login, close].into_iter().flatten().for_each(|held| self.link_held(number, held));
    }

    fn link(&mut self, number: u32, line: &PairLine<'_>) {
        let held = Held::of(line, &mut self.texts);
        self.link_held(number, held);
    }

    fn link_held(&mut self, number: u32, mut held: Held) {
        let Some(entry) = self.entries.get_mut(number as usize) else { return };
        held.next = std::mem::replace(&mut entry.link, u32::try_from(self.held.len()).unwrap_or(END));
        self.live += held.text_length();
        self.held.push(held);
    }

    /// Everything that either holds.
    pub fn merge(mut self, mut other: PairTable) -> PairTable {
        if self.len() < other.len() {
            std::mem::swap(&mut self, &mut other);
        }
        let late = std::mem::take(&mut self.late);
        for entry in &other.entries {
            let (login, close) = (entry.login_line(&other.long), entry.close_line(&other.queue));
            let chain = entry.chain(&other.held).map(|held| held.line(&entry.key, &other.texts));
            for line in login.into_iter().chain(close).chain(chain) {
                self.put(&entry.key, &line, &mut |_| {});
            }
        }
        self.hold.extend(other.hold);
        // What was late is known; what comes from a table is not.
        self.late = late;
        self.late.extend(other.late);
        for (stream, at) in (0..).map(StreamId).zip(other.settled) {
            self.settle_until(stream, at);
        }
        self
    }

    /// Pairs every close that no line at or after `frontier` of its stream can concern any more, and hands out the
    /// sessions. Streams without a frontier are left alone.
    pub fn settle(&mut self, frontier: &BTreeMap<StreamId, Instant>, out: &mut dyn FnMut(&Settled<'_>)) {
        let moved: Vec<StreamId> = frontier
            .iter()
            .filter(|(stream, at)| self.settle_until(**stream, **at))
            .map(|(stream, _)| *stream)
            .collect();
        while let Some(&Queued { entry: number, .. }) = self.queue.sessions.front() {
            let Some(oldest) = self.entries.get(number as usize) else { break };
            if oldest.state != State::Closed || oldest.link != self.queue.first {
                self.queue.pop();
                continue;
            }
            let held_back = !self.hold.is_empty() && self.hold.contains(&oldest.key);
            if !held_back && is_ready(oldest.end, self.settled_until(oldest.key.stream())) {
                out(&oldest.settled(&self.long, &self.queue));
                self.remove(number);
                self.queue.pop();
            } else if held_back || (self.queue.sessions.len() > WAITING && !moved.contains(&oldest.key.stream())) {
                // It would hold up the others: it waits with the chains.
                self.unravel(number);
                self.queue.pop();
            } else {
                break;
            }
        }
        if self.chained.len() > self.patience {
            self.settle_chains(out);
        }
        if self.texts.len() > 2 * self.live + SPARE_TEXT {
            self.compact();
        }
    }

    /// Takes an entry out of the index and frees it.
    fn remove(&mut self, number: u32) {
        let Some(entry) = self.entries.get_mut(number as usize) else { return };
        if let Ok(found) = self.index.find_entry(entry.key.hash(), |i| *i == number) {
            found.remove();
        }
        entry.release_text(&mut self.long);
        entry.state = State::Free;
        entry.has_login = false;
        self.free.push(number);
    }

    /// Pairs the lines of chains, as far as they are ready.
    fn settle_chains(&mut self, out: &mut dyn FnMut(&Settled<'_>)) {
        let (old_lines, chained) = (std::mem::take(&mut self.held), std::mem::take(&mut self.chained));
        let mut bench = Bench::default();
        for number in chained {
            let Some(key) = self.entries.get(number as usize).map(|entry| entry.key) else { continue };
            let until = if self.hold.contains(&key) { Instant::MIN } else { self.settled_until(key.stream()) };
            let Some(entry) = self.entries.get_mut(number as usize) else { continue };
            self.live -= entry.chain(&old_lines).map(|line| line.text_length()).sum::<usize>();
            bench.load(&key, entry.chain(&old_lines).copied(), &self.texts);
            bench.settle(&key, &self.texts, until, out);
            entry.link = END;
            let mut left = bench.logins_left().chain(&bench.closes);
            match (left.next(), left.next()) {
                (None, _) => self.remove(number),
                (Some(one), None) if one.close.is_none() && !one.is_reused() => {
                    let line = one.line(&key, &self.texts);
                    entry.pid = line.pid;
                    entry.open(&line, &mut self.long);
                }
                _ => {
                    let left: Vec<Held> = bench.logins_left().chain(&bench.closes).copied().collect();
                    left.into_iter().for_each(|held| self.link_held(number, held));
                    self.chained.push(number);
                }
            }
        }
        self.patience = self.chained.len() * 2;
    }

    /// Writes the texts that are still needed anew, without the others.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.texts);
        self.held.iter_mut().for_each(|held| self.texts.relay(held, &old));
    }

    /// Pairs all that is there: nothing more will come. Logins without a close are handed out without an end.
    pub fn finish(self, out: &mut dyn FnMut(&Settled<'_>)) {
        let mut bench = Bench::default();
        for entry in &self.entries {
            match entry.state {
                State::Free => {}
                State::Open | State::Closed => out(&entry.settled(&self.long, &self.queue)),
                State::Chain => {
                    bench.load(&entry.key, entry.chain(&self.held).copied(), &self.texts);
                    bench.settle(&entry.key, &self.texts, Instant::MAX, out);
                    bench.unclosed(&entry.key, &self.texts, out);
                }
            }
        }
    }
}

#[inline]
fn has(entries: &[Entry], number: u32, key: &Key) -> bool {
    entries.get(number as usize).is_some_and(|entry| entry.key == *key)
}

#[inline]
fn hash_of(entries: &[Entry], number: u32) -> u64 {
    entries.get(number as usize).map_or(0, |entry| entry.key.hash())
}
