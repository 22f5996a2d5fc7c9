//! Pair: logins and closes become sessions (R5, R6, R7).
//!
//! A [`PairTable`] is a bag of logins and closes, kept by peer. Its meaning does not depend on the order in which they were
//! put in: pairing looks at one peer's lines at a time, in the order of R5. [`PairTable::settle`] pairs early what no
//! line still to come can change, so that memory is bounded; a line that comes too late for that is told to the caller.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

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

/// A login that waits for its close, or a chain of whatever else was seen of a key. One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Open {
    key: Key,
    chain: u32,
    pid: u32,
    login: HeldText,
}

/// When a line was written and where its texts are; `there` says whether there is one.
#[derive(Clone, Copy, Debug, Default)]
struct HeldText {
    at: Instant,
    text: u32,
    user: u16,
    rest: u16,
    offset: i16,
    inferred: bool,
    there: bool,
}

impl HeldText {
    fn of(held: &Held) -> HeldText {
        let Held { at, text, user, rest, offset, inferred, .. } = *held;
        HeldText { at, text, user, rest, offset, inferred, there: true }
    }

    fn held(&self, pid: u32, close: Option<HeldClose>) -> Option<Held> {
        let HeldText { at, text, user, rest, offset, inferred, there } = *self;
        let held = Held { at, close, reused: NOT_REUSED, pid, text, next: END, user, rest, offset, inferred };
        there.then_some(held)
    }
}

impl Open {
    fn new(key: Key, pid: u32) -> Open {
        Open { key, chain: END, pid, login: HeldText::default() }
    }

    fn login(&self) -> Option<Held> {
        self.login.held(self.pid, None)
    }

    /// Every line of the key.
    fn lines<'a>(&self, chains: &'a [Held]) -> impl Iterator<Item = Held> + use<'a> {
        let get = |index: u32| chains.get(usize::try_from(index).ok()?);
        let chain = std::iter::successors(get(self.chain), move |held| get(held.next));
        self.login().into_iter().chain(chain.copied())
    }

    /// Adds lines to the chain; a login that lies here goes there too.
    fn link(&mut self, lines: impl IntoIterator<Item = Held>, chains: &mut Vec<Held>) {
        let login = self.login();
        self.login.there = false;
        for mut line in login.into_iter().chain(lines) {
            line.next = std::mem::replace(&mut self.chain, place(chains.len()));
            chains.push(line);
        }
    }

    /// Keeps what the bench left, with the chain in a new place; `false` if nothing is left.
    fn relay(&mut self, bench: &Bench, chains: &mut Vec<Held>) -> bool {
        let mut left = bench.logins_left().chain(&bench.closes).copied();
        let Some(one) = left.next() else { return false };
        let two = left.next();
        *self = Open::new(self.key, one.pid);
        if two.is_none() && one.close.is_none() && one.reused == NOT_REUSED {
            self.login = HeldText::of(&one);
        } else {
            self.link([Some(one), two].into_iter().flatten().chain(left), chains);
        }
        true
    }
}

/// A session that is closed, or a close alone, as long as a line to come could change what it means.
#[derive(Clone, Copy, Debug)]
struct Closed {
    key: Key,
    pid: u32,
    login: HeldText,
    close: HeldText,
    times: HeldClose,
}

impl Closed {
    fn new(key: Key, login: HeldText, close: &Held, times: HeldClose) -> Closed {
        Closed { key, pid: close.pid, login, close: HeldText::of(close), times }
    }

    fn login(&self) -> Option<Held> {
        self.login.held(self.pid, None)
    }

    fn close(&self) -> Option<Held> {
        self.close.held(self.pid, Some(self.times))
    }

    fn lines(&self) -> impl Iterator<Item = Held> + use<> {
        self.login().into_iter().chain(self.close())
    }
}

/// Closed sessions in the order in which their closes came, found by their keys.
#[derive(Debug, Default)]
struct Recent {
    queue: VecDeque<Closed>,
    /// The number of the first in the queue.
    first: u64,
    /// Hash of a key → number.
    index: HashTable<(u64, u64)>,
}

impl Recent {
    fn push(&mut self, hash: u64, closed: Closed) {
        let number = self.first + self.queue.len() as u64;
        self.index.insert_unique(hash, (hash, number), |(hash, _)| *hash);
        self.queue.push_back(closed);
    }

    /// Takes out the session of a key.
    fn take(&mut self, hash: u64, key: &Key) -> Option<Closed> {
        let Recent { queue, first, index } = self;
        let at = |number: u64| usize::try_from(number - *first).unwrap_or(usize::MAX);
        let same = |(h, number): &(u64, u64)| *h == hash && queue.get(at(*number)).is_some_and(|c| c.key == *key);
        let ((_, number), _) = index.find_entry(hash, same).ok()?.remove();
        let found = queue.get_mut(at(number))?;
        let taken = *found;
        found.close.there = false;
        Some(taken)
    }

    /// Takes out the oldest.
    fn pop(&mut self) {
        if let Some(oldest) = self.queue.pop_front() {
            if oldest.close.there {
                let hash = oldest.key.hash();
                if let Ok(found) = self.index.find_entry(hash, |(_, number)| *number == self.first) {
                    found.remove();
                }
            }
            self.first += 1;
        }
    }
}

/// Logins and closes that are not settled yet.
#[derive(Debug, Default)]
pub struct PairTable {
    open: HashTable<Open>,
    /// Lines of the chains.
    held: Vec<Held>,
    /// The keys that have a chain.
    chained: Vec<Key>,
    /// With how many more than these they are paired next.
    patience: usize,
    recent: Recent,
    texts: Texts,
    /// Bytes of `texts` that are still needed.
    live: usize,
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
        self.open.len() + self.recent.index.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a line.
    pub fn add(&mut self, line: &PairLine<'_>) {
        let key = Key::of(line);
        if self.is_late(&key, line) {
            self.late.insert(key);
        }
        let mut held = Held::of(line);
        self.texts.put(&mut held, line.user, line.rest);
        self.put(key, &held);
    }

    /// Adds a batch and empties it.
    pub fn add_all(&mut self, batch: &mut Batch) {
        // Asking for all keys first makes the processor fetch them side by side.
        let there = batch.lines().filter(|line| {
            let key = Key::of(line);
            self.open.find(key.hash(), |open| open.key == key).is_some()
        });
        let new = batch.lines.len() - there.count();
        self.open.reserve(new, |open| open.key.hash());
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

    /// Moves a stream's frontier ahead; whether it moved.
    fn settle_until(&mut self, stream: StreamId, at: Instant) -> bool {
        let Ok(index) = usize::try_from(stream.0) else { return false };
        if index >= self.settled.len() {
            self.settled.resize(index + 1, Instant::MIN);
        }
        let Some(settled) = self.settled.get_mut(index) else { return false };
        let moved = at > *settled;
        *settled = at.max(*settled);
        moved
    }

    /// Puts a line whose texts are in place to the others of its key.
    fn put(&mut self, key: Key, held: &Held) {
        let PairTable { open, held: lines, chained, recent, texts, live, .. } = self;
        *live += held.text_length();
        let hash = key.hash();
        match open.entry(hash, |o| o.key == key, |o| o.key.hash()) {
            Entry::Occupied(mut found) => {
                let waiting = found.get_mut();
                let login = waiting.login().filter(|_| waiting.chain == END);
                match (held.close, login) {
                    (Some(times), Some(login)) if fits(texts, &login, held, key.port != 0) => {
                        let closed = Closed::new(key, waiting.login, held, times);
                        found.remove();
                        recent.push(hash, closed);
                    }
                    _ => {
                        if waiting.chain == END {
                            chained.push(key);
                        }
                        waiting.link([*held], lines);
                    }
                }
            }
            Entry::Vacant(free) => match (recent.take(hash, &key), held.close) {
                (Some(closed), _) => {
                    let mut waiting = Open::new(key, held.pid);
                    waiting.link(closed.lines().chain([*held]), lines);
                    chained.push(key);
                    free.insert(waiting);
                }
                (None, None) => {
                    let login = HeldText::of(held);
                    free.insert(Open { login, ..Open::new(key, held.pid) });
                }
                (None, Some(times)) => recent.push(hash, Closed::new(key, HeldText::default(), held, times)),
            },
        }
    }

    /// Everything that either holds.
    pub fn merge(mut self, mut other: PairTable) -> PairTable {
        if self.len() < other.len() {
            std::mem::swap(&mut self, &mut other);
        }
        let closed = other.recent.queue.iter().filter(|closed| closed.close.there);
        let closed = closed.flat_map(|closed| closed.lines().map(|line| (closed.key, line)));
        let open = other.open.iter().flat_map(|open| open.lines(&other.held).map(|line| (open.key, line)));
        for (key, line) in open.chain(closed) {
            let mut held = Held { next: END, ..line };
            self.texts.put(&mut held, other.texts.user(&line), other.texts.rest(&line));
            self.put(key, &held);
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
        let moved: Vec<StreamId> = frontier
            .iter()
            .filter(|(stream, at)| self.settle_until(**stream, **at))
            .map(|(stream, _)| *stream)
            .collect();
        while let Some(&oldest) = self.recent.queue.front() {
            let held_back = !self.hold.is_empty() && self.hold.contains(&oldest.key);
            if !oldest.close.there {
                self.recent.pop();
            } else if !held_back && self.is_ready(&oldest) {
                out(&Settled::new(&oldest.key, &self.texts, oldest.login(), oldest.close(), false));
                self.live -= oldest.lines().map(|line| line.text_length()).sum::<usize>();
                self.recent.pop();
            } else if held_back || (self.recent.queue.len() > WAITING && !moved.contains(&oldest.key.stream)) {
                // It would hold up the others: it waits with the chains.
                self.recent.pop();
                let mut waiting = Open::new(oldest.key, oldest.pid);
                waiting.link(oldest.lines(), &mut self.held);
                self.chained.push(oldest.key);
                self.open.insert_unique(oldest.key.hash(), waiting, |open| open.key.hash());
            } else {
                break;
            }
        }
        if self.chained.len() > self.patience {
            self.settle_chains(out);
        }
        if self.texts.0.len() > 2 * self.live + SPARE_TEXT {
            self.compact();
        }
    }

    fn is_ready(&self, closed: &Closed) -> bool {
        closed.close.at.saturating_add(LOGIN_AFTER_END) < self.settled_until(closed.key.stream)
    }

    /// Pairs the lines of chains, as far as they are ready.
    fn settle_chains(&mut self, out: &mut dyn FnMut(&Settled<'_>)) {
        let (old_lines, chained) = (std::mem::take(&mut self.held), std::mem::take(&mut self.chained));
        let length = |lines: &mut dyn Iterator<Item = Held>| lines.map(|line| line.text_length()).sum::<usize>();
        let mut bench = Bench::default();
        for key in chained {
            let held_back = !self.hold.is_empty() && self.hold.contains(&key);
            let until = if held_back { Instant::MIN } else { self.settled_until(key.stream) };
            let Ok(mut found) = self.open.find_entry(key.hash(), |open| open.key == key) else { continue };
            let waiting = found.get_mut();
            self.live -= length(&mut waiting.lines(&old_lines));
            bench.load(&key, waiting.lines(&old_lines), &self.texts);
            bench.settle(&key, &self.texts, until, out);
            if waiting.relay(&bench, &mut self.held) {
                self.live += length(&mut waiting.lines(&self.held));
                if waiting.chain != END {
                    self.chained.push(key);
                }
            } else {
                found.remove();
            }
        }
        self.patience = self.chained.len() * 2;
    }

    /// Writes the texts that are still needed anew, without the others.
    fn compact(&mut self) {
        let old = std::mem::take(&mut self.texts);
        let PairTable { open, held, recent, texts, .. } = self;
        let mut relay = |line: Held| {
            let mut moved = line;
            texts.put(&mut moved, old.user(&line), old.rest(&line));
            moved
        };
        for waiting in open.iter_mut() {
            if let Some(login) = waiting.login() {
                waiting.login = HeldText::of(&relay(login));
            }
        }
        for closed in recent.queue.iter_mut().filter(|closed| closed.close.there) {
            if let Some(login) = closed.login() {
                closed.login = HeldText::of(&relay(login));
            }
            if let Some(close) = closed.close() {
                closed.close = HeldText::of(&relay(close));
            }
        }
        held.iter_mut().for_each(|line| *line = relay(*line));
    }

    /// Pairs all that is there: nothing more will come. Logins without a close are handed out without an end.
    pub fn finish(self, out: &mut dyn FnMut(&Settled<'_>)) {
        for closed in self.recent.queue.iter().filter(|closed| closed.close.there) {
            out(&Settled::new(&closed.key, &self.texts, closed.login(), closed.close(), false));
        }
        let mut bench = Bench::default();
        for waiting in &self.open {
            bench.load(&waiting.key, waiting.lines(&self.held), &self.texts);
            bench.settle(&waiting.key, &self.texts, Instant::MAX, out);
            bench.unclosed(&waiting.key, &self.texts, out);
        }
    }
}

/// So many closed sessions may wait for a frontier that does not move.
const WAITING: usize = 4096;
/// This much text is not worth tidying up, in bytes.
const SPARE_TEXT: usize = 256 << 10;

/// Where the lines of one key are laid out and paired.
#[derive(Debug, Default)]
struct Bench {
    logins: Vec<Held>,
    closes: Vec<Held>,
    taken: Vec<bool>,
}

impl Bench {
    /// Takes up the lines of a key, in the order of R5. Equal lines of a peer with a port are one line, read twice (R13).
    fn load(&mut self, key: &Key, lines: impl Iterator<Item = Held>, texts: &Texts) {
        self.logins.clear();
        self.closes.clear();
        self.taken.clear();
        for held in lines {
            if held.close.is_some() { &mut self.closes } else { &mut self.logins }.push(held);
        }
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
        if key.port != 0 {
            self.logins.dedup_by(|a, b| login(a) == login(b) && same(a, b));
            self.closes.dedup_by(|a, b| order(a) == order(b) && same(a, b));
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
            login(5, "ani", Some(2)),
            close(4, 7, "ani", Some(2)),
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
        assert_eq!(expected[2].reused, Some(500));
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
