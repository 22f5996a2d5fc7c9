//! The table of everything that waits: for a close, for the frontier, or for the bench.
//!
//! One index finds what there is of a key. That is an entry: a login that waits for its close, or a chain of lines, since its key
//! is not that simple; or a session that is closed, and waits in a queue as long as a line to come could change what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::batch::Batch;
use super::bench::{Bench, END, Held, Texts};
use super::entry::{Entry, Outside, State};
use super::key::{Key, Overlaps, Packed, Sought};
use super::line::{CloseLine, PairLine, Said};
use super::queue::{Closed, NUMBERS, Queue};
use super::session::{Accessed, Behind, Settled};
use super::slab::Slab;
use super::{LOGIN_AFTER_END, is_ready};
use crate::index::{Index, touch};
use crate::model::Instant;
use crate::streams::StreamId;

/// So many closed sessions may wait for a frontier that does not move.
const WAITING: usize = 16 << 10;
/// The bit that tells the numbers of closed sessions from those of entries.
const CLOSED: u32 = NUMBERS + 1;
/// This much text is not worth tidying up, in bytes.
const SPARE_TEXT: usize = 256 << 10;

/// Logins and closes that are not settled yet.
#[derive(Debug, Default)]
pub struct PairTable {
    index: Index,
    entries: Slab<Entry>,
    /// Where some closes seem to belong.
    numbers: Vec<u32>,
    outside: Outside,
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
    /// The furthest of these.
    furthest: Option<Instant>,
    /// Keys that are never settled early, because a line of theirs came late.
    hold: BTreeSet<Key>,
    /// Where files overlap: there lines without a port count as often as one file has them.
    overlaps: Arc<Overlaps>,
    /// Keys of which a line came after it was needed.
    pub late: BTreeSet<Key>,
}

impl PairTable {
    /// An empty table that never settles these keys early.
    pub fn holding(hold: BTreeSet<Key>) -> PairTable {
        PairTable { hold, ..PairTable::default() }
    }

    /// The same table, empty, for lines with which this comes.
    pub fn carrying(self, behind: Behind) -> PairTable {
        PairTable { texts: Texts::new(behind), ..self }
    }

    /// The same table, empty, of files that overlap there; lines must come with their places.
    pub fn overlapping(self, overlaps: Arc<Overlaps>) -> PairTable {
        PairTable { overlaps, ..self }
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.entries.len() + self.queue.iter().count()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a line. What it tells of its user goes to `accessed`, except that a login keeps it back as long as it waits
    /// for its close: [`PairTable::owed`].
    pub fn add(&mut self, line: &PairLine<'_>, accessed: &mut impl FnMut(&Accessed<'_>)) {
        self.put(&Sought::key(&Key::of(line)), &line.said(), accessed);
    }

    /// Adds a batch, read from `block`, as [`PairTable::add`] does.
    pub fn add_all(&mut self, batch: &Batch, block: &[u8], accessed: &mut impl FnMut(&Accessed<'_>)) {
        self.make_room(batch.len());
        // Looking for many keys first makes the processor fetch what is there of them side by side: of logins nearly always nothing.
        for logins in batch.logins() {
            touch(logins.hashes().map(|hash| self.index.glance(hash)));
            logins.lines(block).for_each(|(key, line)| self.put_login(&key, &line, accessed));
        }
        // A close that came before a login of its key comes behind it so: then there are more lines than a login and its close, and
        // the bench does not ask which came first.
        for closes in batch.closes() {
            self.fetch(closes.hashes());
            closes.lines(block).for_each(|(key, line, close)| self.put_close(&key, &line, &close, accessed));
        }
    }

    /// Makes the processor fetch what there is of some keys.
    #[inline(always)]
    fn fetch(&mut self, hashes: impl Iterator<Item = u32> + Clone) {
        touch(hashes.clone().map(|hash| self.index.glance(hash)));
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        numbers.extend(hashes.map(|hash| self.index.fetch(hash)));
        let state = |number: &u32| self.entries.get_or_last(*number).map_or(State::Free, |entry| entry.state) as u8;
        touch(numbers.iter().map(state));
        if self.texts.come_with_places() {
            // The same of the texts of logins, most of which are too long for their entries then.
            let text = |number: &u32| self.open(*number).map_or(0, |entry| entry.touch_text(&self.outside));
            touch(numbers.iter().map(text));
        }
        self.numbers = numbers;
    }

    #[inline]
    fn is_late(&self, key: &Sought<'_>, line: &Said<'_>) -> bool {
        let needed_until = line.stamp.at + if line.close.is_some() { LOGIN_AFTER_END } else { 0 };
        // Nearly no line is, of whatever stream.
        Some(needed_until) < self.furthest
            && needed_until < self.settled_until(key.stream())
            && !self.hold.contains(&key.to_key())
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
        self.furthest = self.furthest.max(Some(at));
        moved
    }

    /// Makes room for more keys. Those of sessions that are settled stay in the index as long as there is room.
    #[inline(always)]
    fn make_room(&mut self, keys: usize) {
        let queue = &self.queue;
        self.index.make_room(keys, |number| (number & CLOSED == 0) | queue.holds(number & NUMBERS));
    }

    /// Puts a line to the others of its key.
    fn put(&mut self, key: &Sought<'_>, line: &Said<'_>, accessed: &mut impl FnMut(&Accessed<'_>)) {
        self.make_room(1);
        match &line.close {
            None => self.put_login(key, line, accessed),
            Some(close) => self.put_close(key, line, close, accessed),
        }
    }

    /// Puts a login to the other lines of its key, for which there is room: nearly always it is the first.
    #[inline(always)]
    fn put_login(&mut self, key: &Sought<'_>, line: &Said<'_>, accessed: &mut impl FnMut(&Accessed<'_>)) {
        self.note_late(key, line);
        let hash = key.hash();
        match self.index.seek(hash, |number| self.is_of(number, key)) {
            (at, None) => {
                let number = self.entries.add();
                self.index.set(at, hash, number);
                if let Some(entry) = self.entries.get_mut(number) {
                    entry.key = Packed::of(key, &mut self.outside.keys);
                    entry.open(line, &mut self.outside);
                }
            }
            (_, Some(number)) => self.put_to_others(number, key, line, accessed),
        }
    }

    /// Puts a close to the other lines of its key, for which there is room: nearly always it is the second.
    #[inline(always)]
    fn put_close(
        &mut self,
        key: &Sought<'_>,
        line: &Said<'_>,
        close: &CloseLine,
        accessed: &mut impl FnMut(&Accessed<'_>),
    ) {
        self.note_late(key, line);
        let hash = key.hash();
        match self.index.seek(hash, |number| self.is_of(number, key)) {
            (at, None) => {
                accessed(&Accessed::of_said(key.stream(), line));
                let packed = Packed::of(key, &mut self.outside.keys);
                let closed = self.queue.push(packed, None, line, close);
                self.index.set(at, hash, CLOSED | closed);
            }
            (at, Some(number)) => match self.close(number, key, line, close, accessed) {
                Some(closed) => self.index.set(at, hash, CLOSED | closed),
                None => self.put_to_others(number, key, line, accessed),
            },
        }
    }

    /// Notes the key of a line that comes late.
    #[inline(always)]
    fn note_late(&mut self, key: &Sought<'_>, line: &Said<'_>) {
        if self.is_late(key, line) {
            self.late.insert(key.to_key());
        }
    }

    /// Puts a line to what there is of its key already, which is not that simple then.
    #[inline(never)]
    fn put_to_others(
        &mut self,
        number: u32,
        key: &Sought<'_>,
        line: &Said<'_>,
        accessed: &mut impl FnMut(&Accessed<'_>),
    ) {
        accessed(&Accessed::of_said(key.stream(), line));
        if let Some(entry) = self.open(number) {
            accessed(&entry.owes(&self.outside));
        }
        self.chain(number, line);
    }

    /// Closes the session of a login that waits: its number in the queue; `None` where that is not to be.
    #[inline(always)]
    fn close(
        &mut self,
        number: u32,
        key: &Sought<'_>,
        line: &Said<'_>,
        close: &CloseLine,
        accessed: &mut impl FnMut(&Accessed<'_>),
    ) -> Option<u32> {
        let entry = self.entries.get_mut(number)?;
        if !entry.takes(close, line, key.has_port(), &self.outside) {
            return None;
        }
        let login = entry.login(&self.outside);
        let (words, same_user) = (login.words, login.is_of(line));
        let closed = self.queue.push(entry.key, Some((&login, same_user)), line, close);
        let of_login = Some((login.stamp, login.doubt));
        let of_close = Some((close.connect, line.stamp, line.doubt));
        let (stream, login_rest, close_rest) = (key.stream(), words.rest, line.rest);
        if same_user {
            let Said { user, near, .. } = *line;
            accessed(&Accessed { stream, user, near, login: of_login, close: of_close, login_rest, close_rest });
        } else {
            accessed(&Accessed::of_said(stream, line));
            let (user, near) = (words.user, login.near);
            accessed(&Accessed { stream, user, near, login: of_login, close: None, login_rest, close_rest });
        }
        entry.release_text(&mut self.outside);
        self.entries.release(number);
        Some(closed)
    }

    /// An entry that is a login without its close.
    #[inline]
    fn open(&self, number: u32) -> Option<&Entry> {
        self.entries.get(number).filter(|entry| entry.state == State::Open)
    }

    /// The closed session of a number of the index, if it is the number of one.
    #[inline]
    fn closed(&self, number: u32) -> Option<&Closed> {
        if number & CLOSED == 0 { None } else { self.queue.get(number & NUMBERS) }
    }

    /// Whether a number of the index is that of a key.
    #[inline]
    fn is_of(&self, number: u32, key: &Sought<'_>) -> bool {
        let packed = match self.entries.get(number) {
            Some(entry) => Some(entry.key),
            None => self.closed(number).map(|closed| closed.key),
        };
        packed.is_some_and(|packed| packed.is(key, &self.outside.keys))
    }

    /// Tells what waiting logins have kept back of their users.
    pub fn owed(&self, accessed: &mut impl FnMut(&Accessed<'_>)) {
        let open = self.entries.iter().filter(|entry| entry.state == State::Open);
        open.for_each(|entry| accessed(&entry.owes(&self.outside)));
    }

    /// Makes a chain of what there is of a key, and adds a line to it.
    #[cold]
    fn chain(&mut self, number: u32, line: &Said<'_>) {
        let number = self.unravel(number);
        self.link(number, line);
    }

    /// Makes a chain of what there is of a key; the number of its entry.
    fn unravel(&mut self, number: u32) -> u32 {
        if let Some(closed) = self.closed(number).copied() {
            let lines = self.queue.lines(&closed).map(|line| line.map(|line| Held::of(&line, &mut self.texts)));
            self.queue.let_go(number & NUMBERS);
            let entry = self.entries.put(Entry::of(closed.key));
            self.index.replace(closed.key.sought(&self.outside.keys).hash(), number, entry);
            self.begin_chain(entry, lines.into_iter().flatten());
            return entry;
        }
        if let Some(entry) = self.entries.get(number).filter(|entry| entry.state != State::Chain) {
            let login = entry.login_line(&self.outside).map(|line| Held::of(&line, &mut self.texts));
            entry.release_text(&mut self.outside);
            self.begin_chain(number, login.into_iter());
        }
        number
    }

    fn begin_chain(&mut self, number: u32, lines: impl Iterator<Item = Held>) {
        if let Some(entry) = self.entries.get_mut(number) {
            entry.state = State::Chain;
            entry.link = END;
        }
        self.chained.push(number);
        lines.for_each(|held| self.link_held(number, held));
    }

    fn link(&mut self, number: u32, line: &Said<'_>) {
        let held = Held::of(line, &mut self.texts);
        self.link_held(number, held);
    }

    fn link_held(&mut self, number: u32, mut held: Held) {
        let Some(entry) = self.entries.get_mut(number) else { return };
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
        for closed in other.queue.iter() {
            let key = closed.key.key(&other.outside.keys);
            let lines = other.queue.lines(closed);
            lines.iter().flatten().for_each(|line| self.put(&Sought::key(&key), line, &mut |_| {}));
        }
        for entry in other.entries.iter() {
            let key = entry.key.key(&other.outside.keys);
            let chain = entry.chain(&other.held).map(|held| held.line(&other.texts));
            for line in entry.login_line(&other.outside).into_iter().chain(chain) {
                self.put(&Sought::key(&key), &line, &mut |_| {});
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
    /// sessions. Streams without a frontier are left alone. Of sessions with both their lines that lasted no longer than `longer_than`
    /// seconds, most are not handed out: whoever gives it asks for none of them.
    pub fn settle(
        &mut self,
        frontier: &BTreeMap<StreamId, Instant>,
        longer_than: Option<i64>,
        out: &mut dyn FnMut(&Settled<'_>),
    ) {
        let moved: Vec<StreamId> = frontier
            .iter()
            .filter(|(stream, at)| self.settle_until(**stream, **at))
            .map(|(stream, _)| *stream)
            .collect();
        while let Some((number, oldest)) = self.queue.oldest() {
            if oldest.is_gone() {
                self.queue.pop();
                continue;
            }
            let (key, packed) = (oldest.key.sought(&self.outside.keys), oldest.key);
            let held_back = !self.hold.is_empty() && self.hold.contains(&key.to_key());
            if !held_back && is_ready(oldest.end, self.settled_until(key.stream())) {
                if longer_than.is_none_or(|seconds| !oldest.is_whole_within(seconds)) {
                    out(&self.queue.settled(oldest, &self.outside.keys));
                }
                if !key.has_port() {
                    // It comes again and again, and each time would walk over all that were settled since there was no room.
                    self.index.remove(key.hash(), CLOSED | number);
                }
                packed.release(&mut self.outside.keys);
            } else if held_back || (self.queue.len() > WAITING && !moved.contains(&key.stream())) {
                // It would hold up the others: it waits with the chains.
                self.unravel(CLOSED | number);
            } else {
                break;
            }
            self.queue.pop();
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
        let Some(entry) = self.entries.get_mut(number) else { return };
        let hash = entry.key.sought(&self.outside.keys).hash();
        self.index.remove(hash, number);
        entry.key.release(&mut self.outside.keys);
        entry.release_text(&mut self.outside);
        self.entries.release(number);
    }

    /// Pairs the lines of chains, as far as they are ready.
    fn settle_chains(&mut self, out: &mut dyn FnMut(&Settled<'_>)) {
        let (old_lines, chained) = (std::mem::take(&mut self.held), std::mem::take(&mut self.chained));
        let mut bench = Bench::default();
        for number in chained {
            let key = self.entries.get(number).map(|entry| entry.key.key(&self.outside.keys));
            let Some(key) = key else { continue };
            let until = if self.hold.contains(&key) { Instant::MIN } else { self.settled_until(key.stream()) };
            let Some(entry) = self.entries.get_mut(number) else { continue };
            self.live -= entry.chain(&old_lines).map(|line| line.text_length()).sum::<usize>();
            bench.load(&key, entry.chain(&old_lines).copied(), &self.texts, &self.overlaps);
            bench.settle(&key, &self.texts, until, out);
            entry.link = END;
            let mut left = bench.logins_left().chain(&bench.closes);
            match (left.next(), left.next()) {
                (None, _) => self.remove(number),
                (Some(one), None) if one.close.is_none() && !one.is_reused() => {
                    entry.open(&one.line(&self.texts), &mut self.outside);
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
        let old = self.texts.take();
        self.held.iter_mut().for_each(|held| self.texts.relay(held, &old));
    }

    /// Pairs all that is there: nothing more will come. Logins without a close are handed out without an end.
    pub fn finish(self, out: &mut dyn FnMut(&Settled<'_>)) {
        let mut bench = Bench::default();
        self.queue.iter().for_each(|closed| out(&self.queue.settled(closed, &self.outside.keys)));
        for entry in self.entries.iter() {
            let key = entry.key.key(&self.outside.keys);
            match entry.state {
                State::Free => {}
                State::Open => out(&entry.unclosed(key, &self.outside)),
                State::Chain => {
                    bench.load(&key, entry.chain(&self.held).copied(), &self.texts, &self.overlaps);
                    bench.settle(&key, &self.texts, Instant::MAX, out);
                    bench.unclosed(&key, &self.texts, out);
                }
            }
        }
    }
}
