//! Pair: logins and closes become sessions (R5, R6, R7).
//!
//! A [`PairTable`] is a bag of logins and closes, kept by peer. Its meaning does not depend on the order in which they were
//! put in: pairing looks at one peer's lines at a time, in the order of R5. [`PairTable::settle`] pairs early what no
//! line still to come can change, so that memory is bounded; a line that comes too late for that is told to the caller.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{BuildHasher, Hasher};

use crate::model::{Instant, Peer, Stamp};
use crate::streams::StreamId;

/// How long after the end of a session its login line may still be written (R5), in seconds.
pub const LOGIN_AFTER_END: Instant = 60;
/// How long after connect the login may be, where there is no port or the connect is in doubt (R5), in seconds.
pub const LOGIN_AFTER_CONNECT: u64 = 300;

/// A login or close line, for pairing.
#[derive(Clone, Copy, Debug)]
pub struct PairLine<'a> {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// The process.
    pub pid: u32,
    /// The far end.
    pub peer: Peer,
    /// The user (R2).
    pub user: &'a [u8],
    /// Of a login the mechanism; of a close the bytes behind the user, which order closes of one moment.
    pub rest: &'a [u8],
    /// The stamp: of a login its time, of a close the end.
    pub stamp: Stamp,
    /// What only a close has.
    pub close: Option<CloseLine>,
    /// Read by an inferred template.
    pub inferred: bool,
}

/// What only a close line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseLine {
    /// When the connection began (R4).
    pub connect: Stamp,
    /// `end − duration`, the second reading where R4 flags a mismatch.
    pub by_duration: Instant,
    /// Flag `duration-mismatch` (R4).
    pub mismatch: bool,
}

/// Flags of a session, as they appear in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionFlags {
    /// `ambiguous-pairing`: the close had more than one login to choose from (R5).
    pub ambiguous: bool,
    /// `duration-mismatch`: start field and duration disagree (R4).
    pub mismatch: bool,
    /// `inferred-format`: rests on a template that is a guess.
    pub inferred: bool,
    /// `user-differs`: the login line names another user (R5).
    pub user_differs: bool,
}

/// A session: closed where it has an end, else a login whose close was not found (R7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// The stream.
    pub stream: StreamId,
    /// The login: the login line's stamp, or the connect (R6).
    pub login: Stamp,
    /// The user: the close's where it differs.
    pub user: Vec<u8>,
    /// The far end.
    pub peer: Peer,
    /// The process.
    pub pid: u32,
    /// The mechanism, where a login line is known.
    pub mechanism: Option<Vec<u8>>,
    /// When the connection began, where a close line says so.
    pub connect: Option<Stamp>,
    /// The end, where a close line is known.
    pub end: Option<Stamp>,
    /// When the same peer logged in again, if a login without close was followed by one (R7).
    pub reused: Option<Instant>,
    /// What is to be known about it.
    pub flags: SessionFlags,
}

/// A session as pairing hands it out. Its times are at hand; its texts are fetched only if somebody asks, since most are of no interest.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// As in [`Session`].
    pub stream: StreamId,
    /// As in [`Session`].
    pub login: Stamp,
    /// As in [`Session`].
    pub connect: Option<Stamp>,
    /// As in [`Session`].
    pub end: Option<Stamp>,
    /// Whether a login line is known.
    pub has_login: bool,
    peer: Peer,
    ambiguous: bool,
    lines: (Option<Held>, Option<Held>),
    texts: &'a Texts,
}

impl<'a> Settled<'a> {
    fn new(key: &Key, texts: &'a Texts, login: Option<Held>, close: Option<Held>, ambiguous: bool) -> Settled<'a> {
        let connect = close.and_then(|c| c.close).map(|c| Stamp { at: c.connect, offset: c.offset });
        Settled {
            stream: key.stream,
            login: login.map(|l| l.stamp()).or(connect).unwrap_or_default(),
            connect,
            end: close.map(|c| c.stamp()),
            has_login: login.is_some(),
            peer: key.peer(),
            ambiguous,
            lines: (login, close),
            texts,
        }
    }

    /// The user: the close's where it differs.
    pub fn user(&self) -> &'a [u8] {
        let (login, close) = &self.lines;
        close.or(*login).map_or(&[], |held| self.texts.user(&held))
    }

    /// The session with texts of its own.
    pub fn to_session(&self) -> Session {
        let (login, close) = &self.lines;
        let flags = SessionFlags {
            ambiguous: self.ambiguous,
            mismatch: close.and_then(|c| c.close).is_some_and(|c| c.mismatch),
            inferred: login.is_some_and(|l| l.inferred) || close.is_some_and(|c| c.inferred),
            user_differs: login.zip(*close).is_some_and(|(l, c)| self.texts.user(&l) != self.texts.user(&c)),
        };
        let reused = login.filter(|l| close.is_none() && l.reused != NOT_REUSED).map(|l| l.reused);
        Session {
            stream: self.stream,
            login: self.login,
            user: self.user().to_vec(),
            peer: self.peer,
            pid: close.or(*login).map_or(0, |held| held.pid),
            mechanism: login.map(|l| self.texts.rest(&l).to_vec()),
            connect: self.connect,
            end: self.end,
            reused,
            flags,
        }
    }
}

/// Whose lines are paired with each other: stream and peer; without a port, also pid and user (as a hash, compared again later).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    ip: [u64; 2],
    portless: u64,
    port: u32,
    stream: StreamId,
}

fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
    hasher.write_u64(seed);
    hasher.write(bytes);
    hasher.finish()
}

impl Key {
    /// The key of a line.
    pub fn of(line: &PairLine<'_>) -> Key {
        let (ip, port) = line.peer.bits();
        let portless = if port == 0 { hash_bytes(line.user, u64::from(line.pid)) | 1 } else { 0 };
        Key { ip, portless, port, stream: line.stream }
    }

    fn peer(&self) -> Peer {
        Peer::from_bits((self.ip, self.port))
    }

    /// A hash of the key, good in all its bits.
    pub fn hash(&self) -> u64 {
        let [high, low] = self.ip;
        let mixed = (low ^ high.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ (u64::from(self.port) << 32 | u64::from(self.stream.0))
            ^ self.portless;
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 32)
    }
}

/// Login and close lines on their way to pairing, without the buffer that they came from.
#[derive(Debug, Default)]
pub struct Batch {
    lines: Vec<BatchLine>,
    text: Vec<u8>,
}

#[derive(Debug)]
struct BatchLine {
    stream: StreamId,
    pid: u32,
    peer: Peer,
    stamp: Stamp,
    close: Option<CloseLine>,
    inferred: bool,
    user: usize,
    rest: usize,
}

impl Batch {
    /// Adds a line.
    pub fn push(&mut self, line: &PairLine<'_>) {
        self.text.extend_from_slice(line.user);
        self.text.extend_from_slice(line.rest);
        let PairLine { stream, pid, peer, stamp, close, inferred, .. } = *line;
        let (user, rest) = (line.user.len(), line.rest.len());
        self.lines.push(BatchLine { stream, pid, peer, stamp, close, inferred, user, rest });
    }

    /// The lines, in the order in which they came.
    fn lines(&self) -> impl Iterator<Item = PairLine<'_>> {
        let mut text = self.text.as_slice();
        self.lines.iter().map(move |line| {
            let (user, tail) = text.split_at_checked(line.user).unwrap_or_default();
            let (rest, tail) = tail.split_at_checked(line.rest).unwrap_or_default();
            text = tail;
            let BatchLine { stream, pid, peer, stamp, close, inferred, .. } = *line;
            PairLine { stream, pid, peer, user, rest, stamp, close, inferred }
        })
    }
}

/// No further line of this key.
const END: u32 = u32::MAX;
const NOT_REUSED: Instant = Instant::MAX;

/// A line held for pairing, packed to a cache line; its texts lie in the table's `texts`.
#[derive(Clone, Copy, Debug)]
struct Held {
    at: Instant,
    close: Option<HeldClose>,
    reused: Instant,
    pid: u32,
    text: u32,
    next: u32,
    user: u16,
    rest: u16,
    offset: i16,
    inferred: bool,
}

/// A [`CloseLine`], packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct HeldClose {
    connect: Instant,
    by_duration: Instant,
    offset: i16,
    mismatch: bool,
}

impl Held {
    fn of(line: &PairLine<'_>) -> Held {
        let close = line.close.map(|CloseLine { connect, by_duration, mismatch }| HeldClose {
            connect: connect.at,
            by_duration,
            offset: connect.offset,
            mismatch,
        });
        let (at, offset) = (line.stamp.at, line.stamp.offset);
        let (pid, inferred) = (line.pid, line.inferred);
        Held { at, close, reused: NOT_REUSED, pid, text: 0, next: END, user: 0, rest: 0, offset, inferred }
    }

    fn stamp(&self) -> Stamp {
        Stamp { at: self.at, offset: self.offset }
    }

    fn text_length(&self) -> usize {
        usize::from(self.user) + usize::from(self.rest)
    }
}

/// The texts of held lines.
#[derive(Debug, Default)]
struct Texts(Vec<u8>);

impl Texts {
    /// Puts a line's texts at the end, and their place into the line.
    fn put(&mut self, held: &mut Held, user: &[u8], rest: &[u8]) {
        let length = |text: &[u8]| u16::try_from(text.len()).unwrap_or(u16::MAX);
        (held.text, held.user, held.rest) = (place(self.0.len()), length(user), length(rest));
        self.0.extend_from_slice(user);
        self.0.extend_from_slice(rest);
    }

    fn user(&self, held: &Held) -> &[u8] {
        self.slice(held.text, 0, held.user)
    }

    fn rest(&self, held: &Held) -> &[u8] {
        self.slice(held.text, held.user, held.rest)
    }

    fn slice(&self, text: u32, skip: u16, length: u16) -> &[u8] {
        let from = usize::try_from(text).unwrap_or(usize::MAX).saturating_add(usize::from(skip));
        self.0.get(from..).and_then(|tail| tail.get(..usize::from(length))).unwrap_or_default()
    }
}

fn place(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(END)
}

/// What is held of one key. Nearly always that is a login, a close, or the two of one session: those lie here. Anything else is
/// a chain of lines in the table's `held`. Two cache lines: a login touches the first alone.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Slot {
    key: Key,
    chain: u32,
    pid: u32,
    login: SlotLine,
    close: SlotLine,
    times: HeldClose,
}

/// A line that lies in its slot; `there` says whether it does.
#[derive(Clone, Copy, Debug, Default)]
struct SlotLine {
    at: Instant,
    text: u32,
    user: u16,
    rest: u16,
    offset: i16,
    inferred: bool,
    there: bool,
}

impl SlotLine {
    fn of(held: &Held) -> SlotLine {
        let Held { at, text, user, rest, offset, inferred, .. } = *held;
        SlotLine { at, text, user, rest, offset, inferred, there: true }
    }

    fn text_length(&self) -> usize {
        if self.there { usize::from(self.user) + usize::from(self.rest) } else { 0 }
    }
}

/// Logins and closes that are not settled yet.
#[derive(Debug, Default)]
pub struct PairTable {
    slots: HashTable<Slot>,
    held: Vec<Held>,
    texts: Texts,
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
        self.slots.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds a line.
    pub fn add(&mut self, line: &PairLine<'_>) {
        let key = Key::of(line);
        if self.is_late(&key, line) {
            self.late.insert(key);
        }
        let mut held = Held::of(line);
        self.texts.put(&mut held, line.user, line.rest);
        self.put(key, held);
    }

    /// Adds a batch and empties it.
    pub fn add_all(&mut self, batch: &mut Batch) {
        // Asking for all keys first makes the processor fetch them side by side.
        let there = batch.lines().filter(|line| {
            let key = Key::of(line);
            self.slots.find(key.hash(), |slot| slot.key == key).is_some()
        });
        let new = batch.lines.len() - there.count();
        self.slots.reserve(new, |slot| slot.key.hash());
        batch.lines().for_each(|line| self.add(&line));
        batch.lines.clear();
        batch.text.clear();
    }

    fn is_late(&self, key: &Key, line: &PairLine<'_>) -> bool {
        let needed_until = line.stamp.at + if line.close.is_some() { LOGIN_AFTER_END } else { 0 };
        needed_until < self.settled_until(line.stream) && !self.hold.contains(key)
    }

    fn settled_until(&self, stream: StreamId) -> Instant {
        let index = usize::try_from(stream.0).unwrap_or(usize::MAX);
        self.settled.get(index).copied().unwrap_or(Instant::MIN)
    }

    fn settle_until(&mut self, stream: StreamId, at: Instant) {
        let Ok(index) = usize::try_from(stream.0) else { return };
        if index >= self.settled.len() {
            self.settled.resize(index + 1, Instant::MIN);
        }
        if let Some(settled) = self.settled.get_mut(index) {
            *settled = at.max(*settled);
        }
    }

    /// Puts a line whose texts are in place into the slot of its key.
    fn put(&mut self, key: Key, held: Held) {
        let PairTable { slots, held: chains, texts, .. } = self;
        match slots.entry(key.hash(), |slot| slot.key == key, |slot| slot.key.hash()) {
            Entry::Vacant(free) => {
                free.insert(Slot::of(key, &held));
            }
            Entry::Occupied(mut found) => found.get_mut().take(&held, chains, texts),
        }
    }

    /// Everything that either holds.
    pub fn merge(mut self, mut other: PairTable) -> PairTable {
        if self.slots.len() < other.slots.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for slot in &other.slots {
            for line in slot.lines(&other.held) {
                let mut held = Held { next: END, ..line };
                self.texts.put(&mut held, other.texts.user(&line), other.texts.rest(&line));
                self.put(slot.key, held);
            }
        }
        self.hold.extend(other.hold);
        self.late.extend(other.late);
        for (stream, at) in (0..).map(StreamId).zip(other.settled) {
            self.settle_until(stream, at);
        }
        self
    }

    /// Pairs every close that no line at or after `frontier` of its stream can concern any more, and hands out the
    /// sessions. Streams without a frontier are left alone.
    pub fn settle(&mut self, frontier: &BTreeMap<StreamId, Instant>, out: &mut dyn FnMut(&Settled<'_>)) {
        for (stream, at) in frontier {
            self.settle_until(*stream, *at);
        }
        let (old_held, mut slots) = (std::mem::take(&mut self.held), std::mem::take(&mut self.slots));
        let mut bench = Bench::default();
        let mut live = 0;
        slots.retain(|slot| {
            let held_back = !self.hold.is_empty() && self.hold.contains(&slot.key);
            let until = if held_back { Instant::MIN } else { self.settled_until(slot.key.stream) };
            let stays = if slot.chain != END {
                bench.settle_slot(slot, &old_held, &self.texts, until, out);
                slot.relay(&bench, &mut self.held)
            } else if slot.is_ready(until) {
                out(&Settled::new(&slot.key, &self.texts, slot.login(), slot.close(), false));
                false
            } else {
                true
            };
            if stays {
                live += slot.login.text_length() + slot.close.text_length();
            }
            stays
        });
        self.slots = slots;
        live += self.held.iter().map(Held::text_length).sum::<usize>();
        if self.texts.0.len() > 3 * live + SPARE_TEXT {
            self.compact();
        }
    }

    /// Writes the texts that are still needed anew, without the others.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.texts);
        let PairTable { slots, held, texts, .. } = self;
        let mut relay = |line: Held| {
            let mut moved = line;
            texts.put(&mut moved, old.user(&line), old.rest(&line));
            moved
        };
        for slot in slots.iter_mut() {
            for line in [slot.login(), slot.close()].into_iter().flatten() {
                let moved = relay(line);
                slot.lay(&moved);
            }
        }
        held.iter_mut().for_each(|line| *line = relay(*line));
    }

    /// Pairs all that is there: nothing more will come. Logins without a close are handed out without an end.
    pub fn finish(self, out: &mut dyn FnMut(&Settled<'_>)) {
        let mut bench = Bench::default();
        for slot in &self.slots {
            bench.settle_slot(slot, &self.held, &self.texts, Instant::MAX, out);
            bench.unclosed(&slot.key, &self.texts, out);
        }
    }
}

/// This much text is not worth tidying up, in bytes.
const SPARE_TEXT: usize = 256 << 10;

impl Slot {
    fn of(key: Key, held: &Held) -> Slot {
        let empty = SlotLine::default();
        let times = HeldClose { connect: 0, by_duration: 0, offset: 0, mismatch: false };
        let mut slot = Slot { key, chain: END, pid: held.pid, login: empty, close: empty, times };
        slot.lay(held);
        slot
    }

    /// Lays a line into its place.
    fn lay(&mut self, held: &Held) {
        match held.close {
            Some(times) => (self.close, self.times) = (SlotLine::of(held), times),
            None => self.login = SlotLine::of(held),
        }
    }

    fn held(&self, line: &SlotLine, close: Option<HeldClose>) -> Option<Held> {
        let SlotLine { at, text, user, rest, offset, inferred, there } = *line;
        let held = Held { at, close, reused: NOT_REUSED, pid: self.pid, text, next: END, user, rest, offset, inferred };
        there.then_some(held)
    }

    /// The login that lies here.
    fn login(&self) -> Option<Held> {
        self.held(&self.login, None)
    }

    /// The close that lies here.
    fn close(&self) -> Option<Held> {
        self.held(&self.close, Some(self.times))
    }

    /// Every line of the slot.
    fn lines<'a>(&self, chains: &'a [Held]) -> impl Iterator<Item = Held> + use<'a> {
        let get = |index: u32| chains.get(usize::try_from(index).ok()?);
        let chain = std::iter::successors(get(self.chain), move |held| get(held.next));
        self.login().into_iter().chain(self.close()).chain(chain.copied())
    }

    /// Takes one more line: the close of the login that lies here, or else all of them become a chain.
    fn take(&mut self, held: &Held, chains: &mut Vec<Held>, texts: &Texts) {
        let has_port = self.key.port != 0;
        let fitting = self.chain == END && held.close.is_some() && !self.close.there;
        if fitting && self.login().is_some_and(|login| fits(texts, &login, held, has_port)) {
            self.lay(held);
            return;
        }
        for mut line in [self.login(), self.close(), Some(*held)].into_iter().flatten() {
            line.next = std::mem::replace(&mut self.chain, place(chains.len()));
            chains.push(line);
        }
        (self.login.there, self.close.there) = (false, false);
    }

    /// Whether the close that lies here cannot be changed any more by a line to come.
    fn is_ready(&self, until: Instant) -> bool {
        self.close.there && self.close.at.saturating_add(LOGIN_AFTER_END) < until
    }

    /// Keeps what the bench left, with chains in new places; `false` if nothing is left.
    fn relay(&mut self, bench: &Bench, chains: &mut Vec<Held>) -> bool {
        let mut left = bench.logins_left().chain(&bench.closes).copied();
        let Some(one) = left.next() else { return false };
        *self = Slot::of(self.key, &one);
        let two = left.next();
        if two.is_some() || one.reused != NOT_REUSED {
            (self.login.there, self.close.there) = (false, false);
            for mut held in [Some(one), two].into_iter().flatten().chain(left) {
                held.next = std::mem::replace(&mut self.chain, place(chains.len()));
                chains.push(held);
            }
        }
        true
    }
}

/// Where the lines of one key are laid out and paired.
#[derive(Debug, Default)]
struct Bench {
    logins: Vec<Held>,
    closes: Vec<Held>,
    taken: Vec<bool>,
}

impl Bench {
    /// R5 for one slot; what is not ready stays on the bench.
    fn settle_slot(
        &mut self,
        slot: &Slot,
        chains: &[Held],
        texts: &Texts,
        until: Instant,
        out: &mut dyn FnMut(&Settled<'_>),
    ) {
        self.load(slot, chains, texts);
        self.settle(&slot.key, texts, until, out);
    }

    /// Takes up the lines of a slot, in the order of R5. Equal lines of a peer with a port are one line, read twice (R13).
    fn load(&mut self, slot: &Slot, chains: &[Held], texts: &Texts) {
        self.logins.clear();
        self.closes.clear();
        self.taken.clear();
        for held in slot.lines(chains) {
            if held.close.is_some() { &mut self.closes } else { &mut self.logins }.push(held);
        }
        if slot.chain != END {
            let login = |h: &Held| (h.at, h.pid, h.offset, h.inferred);
            let order = |h: &Held| (h.at, h.close, h.pid, h.offset, h.inferred);
            let same = |a: &Held, b: &Held| texts.rest(a) == texts.rest(b) && texts.user(a) == texts.user(b);
            self.logins.sort_by(|a, b| {
                let text = |h| (texts.rest(h), texts.user(h));
                a.at.cmp(&b.at).then_with(|| text(a).cmp(&text(b))).then_with(|| login(a).cmp(&login(b)))
            });
            self.closes.sort_by(|a, b| {
                let key = |h: &Held| (h.at, h.close.map(|c| c.connect));
                let text = |h| (texts.user(h), texts.rest(h));
                key(a).cmp(&key(b)).then_with(|| text(a).cmp(&text(b))).then_with(|| order(a).cmp(&order(b)))
            });
            if slot.key.peer().has_port() {
                self.logins.dedup_by(|a, b| login(a) == login(b) && same(a, b));
                self.closes.dedup_by(|a, b| order(a) == order(b) && same(a, b));
            }
        }
        self.taken.resize(self.logins.len(), false);
    }

    /// R5 for every close whose pairing cannot change any more: those that ended over 60 s before `until`.
    fn settle(&mut self, key: &Key, texts: &Texts, until: Instant, out: &mut dyn FnMut(&Settled<'_>)) {
        let ready = self.closes.partition_point(|c| c.at.saturating_add(LOGIN_AFTER_END) < until);
        if ready == 0 {
            return;
        }
        let has_port = key.peer().has_port();
        for close in self.closes.drain(..ready) {
            let mut fitting = (0..self.logins.len()).filter(|i| {
                let free = self.taken.get(*i) == Some(&false);
                free && self.logins.get(*i).is_some_and(|login| fits(texts, login, &close, has_port))
            });
            let first = fitting.next();
            let ambiguous = fitting.next().is_some();
            let login = first.and_then(|i| self.logins.get(i));
            out(&Settled::new(key, texts, login.copied(), Some(close), ambiguous));
            if let Some(taken) = first.and_then(|i| self.taken.get_mut(i)) {
                *taken = true;
            }
        }
        self.mark_reuse(has_port);
    }

    /// R7: a login is followed by another of the same peer. Must be noted before the later one is let go.
    fn mark_reuse(&mut self, has_port: bool) {
        let mut later = NOT_REUSED;
        let mut same = NOT_REUSED;
        if has_port {
            for login in self.logins.iter_mut().rev() {
                if login.at < same {
                    later = same;
                    same = login.at;
                }
                login.reused = login.reused.min(later);
            }
        }
    }

    /// The logins that no close took.
    fn logins_left(&self) -> impl Iterator<Item = &Held> + Clone {
        self.logins.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(login, _)| login)
    }

    fn unclosed(&mut self, key: &Key, texts: &Texts, out: &mut dyn FnMut(&Settled<'_>)) {
        self.mark_reuse(key.peer().has_port());
        for login in self.logins_left() {
            out(&Settled::new(key, texts, Some(*login), None, false));
        }
    }
}

/// R5: whether a login can be the one of a close.
fn fits(texts: &Texts, login: &Held, close: &Held, has_port: bool) -> bool {
    let Some(line) = close.close else { return false };
    let at = login.at;
    let soon_after = |connect: Instant| at >= connect && at.abs_diff(connect) <= LOGIN_AFTER_CONNECT;
    let in_time = if line.mismatch {
        soon_after(line.connect) || soon_after(line.by_duration)
    } else {
        at >= line.connect && (has_port || soon_after(line.connect))
    };
    login.pid == close.pid
        && in_time
        && at <= close.at.saturating_add(LOGIN_AFTER_END)
        && (has_port || texts.user(login) == texts.user(close))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn peer(port: Option<u16>) -> Peer {
        Peer::new(Ipv4Addr::new(192, 0, 2, 7).into(), port)
    }
    fn stamp(at: i64) -> Stamp {
        Stamp { at, offset: 0 }
    }
    fn login(at: i64, user: &str, port: Option<u16>) -> PairLine<'_> {
        let (stream, pid, peer) = (StreamId(0), 1, peer(port));
        PairLine {
            stream,
            pid,
            peer,
            user: user.as_bytes(),
            rest: b"plain",
            stamp: stamp(at),
            close: None,
            inferred: false,
        }
    }
    fn close(connect: i64, end: i64, user: &str, port: Option<u16>) -> PairLine<'_> {
        let close = CloseLine { connect: stamp(connect), by_duration: connect, mismatch: false };
        PairLine { close: Some(close), rest: b"x", ..login(end, user, port) }
    }
    fn sessions(lines: &[PairLine<'_>]) -> Vec<(i64, Option<i64>, bool)> {
        let mut table = PairTable::default();
        lines.iter().for_each(|l| table.add(l));
        let mut got = Vec::new();
        table.finish(&mut |s| got.push((s.login.at, s.end.map(|e| e.at), s.has_login)));
        got.sort();
        got
    }

    #[test]
    fn r5_the_earliest_login_in_the_window() {
        let p = Some(1);
        assert_eq!(sessions(&[login(10, "ed", p), close(9, 50, "ed", p)]), [(10, Some(50), true)]);
        assert_eq!(sessions(&[login(8, "ed", p), close(9, 50, "ed", p)]), [(8, None, true), (9, Some(50), false)]);
        assert_eq!(sessions(&[login(110, "ed", p), close(9, 50, "ed", p)]), [(110, Some(50), true)]);
        assert_eq!(sessions(&[login(111, "ed", p), close(9, 50, "ed", p)]), [(9, Some(50), false), (111, None, true)]);
    }

    #[test]
    fn r5_without_a_port_user_and_300_seconds() {
        assert_eq!(sessions(&[login(310, "ed", None), close(9, 900, "ed", None)]).len(), 2);
        assert_eq!(sessions(&[login(309, "ed", None), close(9, 900, "ed", None)]).len(), 1);
        assert_eq!(sessions(&[login(10, "ani", None), close(9, 900, "ed", None)]).len(), 2);
        assert_eq!(sessions(&[login(10, "ani", Some(1)), close(9, 900, "ed", Some(1))]).len(), 1);
    }

    #[test]
    fn settling_early_changes_nothing() {
        let p = Some(1);
        let lines = [
            login(10, "ed", p),
            login(30, "ed", p),
            close(9, 50, "ed", p),
            login(500, "ed", p),
            close(499, 600, "ed", p),
        ];
        let mut table = PairTable::default();
        let mut got = Vec::new();
        let mut early = 0;
        for line in &lines {
            table.add(line);
            table.settle(&BTreeMap::from([(StreamId(0), line.stamp.at)]), &mut |s| got.push(s.to_session()));
            early = got.len();
        }
        assert_eq!(early, 1);
        table.finish(&mut |s| got.push(s.to_session()));
        got.sort();
        let mut whole = PairTable::default();
        lines.iter().for_each(|l| whole.add(l));
        let mut expected = Vec::new();
        whole.finish(&mut |s| expected.push(s.to_session()));
        expected.sort();
        assert_eq!(got, expected);
        assert_eq!(expected[1].reused, Some(500));
    }

    #[test]
    fn a_late_line_is_told() {
        let mut table = PairTable::default();
        table.add(&login(10, "ed", Some(1)));
        table.settle(&BTreeMap::from([(StreamId(0), 1000)]), &mut |_| {});
        table.add(&login(1000, "ed", Some(1)));
        assert!(table.late.is_empty());
        table.add(&close(9, 939, "ed", Some(1)));
        assert_eq!(table.late.len(), 1);
    }
}
