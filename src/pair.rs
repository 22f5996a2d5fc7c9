//! Pair: logins and closes become sessions (R5, R6, R7).
//!
//! A [`PairTable`] is a bag of logins and closes, kept by peer. Its meaning does not depend on the order in which they were
//! put in: pairing looks at one peer's lines at a time, in the order of R5. [`PairTable::settle`] pairs early what no
//! line still to come can change, so that memory is bounded; a line that comes too late for that is told to the caller.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;
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

/// Whose lines are paired with each other: stream and peer; without a port, also pid and user (as a hash, compared again later).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    stream: StreamId,
    peer: Peer,
    portless: u64,
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
        let portless = if line.peer.has_port() { 0 } else { hash_bytes(line.user, u64::from(line.pid)) | 1 };
        Key { stream: line.stream, peer: line.peer, portless }
    }

    /// A hash of the key, good in all its bits.
    pub fn hash(&self) -> u64 {
        let (ip, port) = self.peer.bits();
        let low = (ip as u64) ^ ((ip >> 64) as u64).rotate_left(17);
        let mixed = low.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (u64::from(port) << 32 | u64::from(self.stream.0)) ^ self.portless;
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 32)
    }
}

/// No further line of this key.
const END: u32 = u32::MAX;

/// A line held for pairing; its texts lie in the table's `text`.
#[derive(Clone, Copy, Debug)]
struct Held {
    stamp: Stamp,
    close: Option<CloseLine>,
    reused: Instant,
    pid: u32,
    text: u32,
    user: u16,
    rest: u16,
    next: u32,
    inferred: bool,
}

const NOT_REUSED: Instant = Instant::MAX;

/// Logins and closes that are not settled yet.
#[derive(Debug, Default)]
pub struct PairTable {
    keys: HashTable<(Key, u32)>,
    held: Vec<Held>,
    text: Vec<u8>,
    /// Up to where each stream was settled.
    settled: BTreeMap<StreamId, Instant>,
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

    /// How many lines are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Adds a line.
    pub fn add(&mut self, line: &PairLine<'_>) {
        let key = Key::of(line);
        if !self.settled.is_empty() && self.is_late(&key, line) {
            self.late.insert(key);
        }
        let held = Held {
            stamp: line.stamp,
            close: line.close,
            reused: NOT_REUSED,
            pid: line.pid,
            text: 0,
            user: 0,
            rest: 0,
            next: END,
            inferred: line.inferred,
        };
        self.put(key, held, line.user, line.rest);
    }

    fn is_late(&self, key: &Key, line: &PairLine<'_>) -> bool {
        let needed_until = line.stamp.at + if line.close.is_some() { LOGIN_AFTER_END } else { 0 };
        self.settled.get(&line.stream).is_some_and(|&settled| needed_until < settled) && !self.hold.contains(key)
    }

    fn put(&mut self, key: Key, mut held: Held, user: &[u8], rest: &[u8]) {
        let length = |text: &[u8]| u16::try_from(text.len()).unwrap_or(u16::MAX);
        let place = |n: usize| u32::try_from(n).unwrap_or(END);
        (held.text, held.user, held.rest) = (place(self.text.len()), length(user), length(rest));
        self.text.extend_from_slice(user);
        self.text.extend_from_slice(rest);
        let index = place(self.held.len());
        match self.keys.entry(key.hash(), |(k, _)| *k == key, |(k, _)| k.hash()) {
            hashbrown::hash_table::Entry::Occupied(mut found) => {
                held.next = std::mem::replace(&mut found.get_mut().1, index);
            }
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert((key, index));
            }
        }
        self.held.push(held);
    }

    /// Everything that either holds.
    pub fn merge(mut self, mut other: PairTable) -> PairTable {
        if self.held.len() < other.held.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for (key, head) in &other.keys {
            for held in other.lines(*head) {
                self.put(*key, *held, other.user(held), other.rest(held));
            }
        }
        self.hold.extend(other.hold);
        self.late.extend(other.late);
        for (stream, settled) in other.settled {
            let ours = self.settled.entry(stream).or_insert(settled);
            *ours = (*ours).max(settled);
        }
        self
    }

    fn lines(&self, head: u32) -> impl Iterator<Item = &Held> {
        let get = |index: u32| self.held.get(usize::try_from(index).ok()?);
        std::iter::successors(get(head), move |held| get(held.next))
    }

    fn user(&self, held: &Held) -> &[u8] {
        self.slice(held.text, 0, held.user)
    }

    fn rest(&self, held: &Held) -> &[u8] {
        self.slice(held.text, held.user, held.rest)
    }

    fn slice(&self, text: u32, skip: u16, length: u16) -> &[u8] {
        let from = usize::try_from(text).unwrap_or(usize::MAX).saturating_add(usize::from(skip));
        self.text.get(from..).and_then(|tail| tail.get(..usize::from(length))).unwrap_or_default()
    }

    /// Pairs every close that no line at or after `frontier` of its stream can concern any more, and hands out the
    /// sessions. Streams without a frontier are left alone.
    pub fn settle(&mut self, frontier: &BTreeMap<StreamId, Instant>, out: &mut dyn FnMut(Session)) {
        let [hold, late] = [&mut self.hold, &mut self.late].map(std::mem::take);
        let settled = std::mem::take(&mut self.settled);
        let old = std::mem::replace(self, PairTable { hold, late, settled, ..PairTable::default() });
        for (stream, at) in frontier {
            let ours = self.settled.entry(*stream).or_insert(*at);
            *ours = (*ours).max(*at);
        }
        let mut bench = Bench::default();
        for (key, head) in &old.keys {
            let until = match self.settled.get(&key.stream) {
                Some(until) if !self.hold.contains(key) => *until,
                _ => Instant::MIN,
            };
            bench.load(&old, *head);
            bench.settle(&old, key, until, out);
            for held in bench.left() {
                self.put(*key, *held, old.user(held), old.rest(held));
            }
        }
    }

    /// Pairs all that is there: nothing more will come. Logins without a close are handed out without an end.
    pub fn finish(self, out: &mut dyn FnMut(Session)) {
        let mut bench = Bench::default();
        for (key, head) in &self.keys {
            bench.load(&self, *head);
            bench.settle(&self, key, Instant::MAX, out);
            bench.unclosed(&self, key, out);
        }
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
    /// Takes up the lines of a key, in the order of R5.
    fn load(&mut self, table: &PairTable, head: u32) {
        self.logins.clear();
        self.closes.clear();
        for held in table.lines(head) {
            if held.close.is_some() { &mut self.closes } else { &mut self.logins }.push(*held);
        }
        let texts = |held: &Held| (table.rest(held), table.user(held));
        self.logins.sort_by(|a, b| (a.stamp.at, texts(a), a.stamp.offset).cmp(&(b.stamp.at, texts(b), b.stamp.offset)));
        let connect = |held: &Held| held.close.map(|c| c.connect.at);
        self.closes.sort_by(|a, b| {
            let key = |h| (table.user(h), table.rest(h));
            (a.stamp.at, connect(a), key(a), a.stamp.offset).cmp(&(b.stamp.at, connect(b), key(b), b.stamp.offset))
        });
        self.taken.clear();
        self.taken.resize(self.logins.len(), false);
    }

    /// R5 for every close whose pairing cannot change any more: those that ended over 60 s before `until`.
    fn settle(&mut self, table: &PairTable, key: &Key, until: Instant, out: &mut dyn FnMut(Session)) {
        let ready = self.closes.partition_point(|c| c.stamp.at.saturating_add(LOGIN_AFTER_END) < until);
        for close in self.closes.drain(..ready) {
            let mut fitting = (0..self.logins.len()).filter(|i| {
                let free = self.taken.get(*i) == Some(&false);
                free && self.logins.get(*i).is_some_and(|login| fits(table, login, &close, key.peer.has_port()))
            });
            let first = fitting.next();
            let ambiguous = fitting.next().is_some();
            let login = first.and_then(|i| self.logins.get(i));
            out(closed(table, key, &close, login, ambiguous));
            if let Some(taken) = first.and_then(|i| self.taken.get_mut(i)) {
                *taken = true;
            }
        }
        self.mark_reuse(key.peer.has_port());
    }

    /// R7: a login is followed by another of the same peer. Must be noted before the later one is let go.
    fn mark_reuse(&mut self, has_port: bool) {
        let mut later = NOT_REUSED;
        let mut same = NOT_REUSED;
        if has_port {
            for login in self.logins.iter_mut().rev() {
                if login.stamp.at < same {
                    later = same;
                    same = login.stamp.at;
                }
                login.reused = login.reused.min(later);
            }
        }
    }

    /// The lines that stay unsettled.
    fn left(&self) -> impl Iterator<Item = &Held> {
        let free = self.logins.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(login, _)| login);
        self.closes.iter().chain(free)
    }

    fn unclosed(&self, table: &PairTable, key: &Key, out: &mut dyn FnMut(Session)) {
        for login in self.left().filter(|held| held.close.is_none()) {
            out(Session {
                stream: key.stream,
                login: login.stamp,
                user: table.user(login).to_vec(),
                peer: key.peer,
                pid: login.pid,
                mechanism: Some(table.rest(login).to_vec()),
                connect: None,
                end: None,
                reused: (login.reused != NOT_REUSED).then_some(login.reused),
                flags: SessionFlags { inferred: login.inferred, ..SessionFlags::default() },
            });
        }
    }
}

/// R5: whether a login can be the one of a close.
fn fits(table: &PairTable, login: &Held, close: &Held, has_port: bool) -> bool {
    let Some(line) = close.close else { return false };
    let at = login.stamp.at;
    let soon_after = |connect: Instant| at >= connect && at.abs_diff(connect) <= LOGIN_AFTER_CONNECT;
    let in_time = if line.mismatch {
        soon_after(line.connect.at) || soon_after(line.by_duration)
    } else {
        at >= line.connect.at && (has_port || soon_after(line.connect.at))
    };
    login.pid == close.pid
        && in_time
        && at <= close.stamp.at.saturating_add(LOGIN_AFTER_END)
        && (has_port || table.user(login) == table.user(close))
}

fn closed(table: &PairTable, key: &Key, close: &Held, login: Option<&Held>, ambiguous: bool) -> Session {
    let line = close.close.unwrap_or(CloseLine { connect: close.stamp, by_duration: close.stamp.at, mismatch: false });
    Session {
        stream: key.stream,
        login: login.map_or(line.connect, |l| l.stamp),
        user: table.user(close).to_vec(),
        peer: key.peer,
        pid: close.pid,
        mechanism: login.map(|l| table.rest(l).to_vec()),
        connect: Some(line.connect),
        end: Some(close.stamp),
        reused: None,
        flags: SessionFlags {
            ambiguous,
            mismatch: line.mismatch,
            inferred: close.inferred || login.is_some_and(|l| l.inferred),
            user_differs: login.is_some_and(|l| table.user(l) != table.user(close)),
        },
    }
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
        PairLine { stream, pid, peer, user: user.as_bytes(), rest: b"plain", stamp: stamp(at), close: None, inferred: false }
    }
    fn close(connect: i64, end: i64, user: &str, port: Option<u16>) -> PairLine<'_> {
        let close = CloseLine { connect: stamp(connect), by_duration: connect, mismatch: false };
        PairLine { close: Some(close), rest: b"x", ..login(end, user, port) }
    }
    fn sessions(lines: &[PairLine<'_>]) -> Vec<(i64, Option<i64>, bool)> {
        let mut table = PairTable::default();
        lines.iter().for_each(|l| table.add(l));
        let mut got = Vec::new();
        table.finish(&mut |s| got.push((s.login.at, s.end.map(|e| e.at), s.mechanism.is_some())));
        got.sort();
        got
    }

    #[test]
    fn r5_the_earliest_login_in_the_window() {
        let p = Some(1);
        assert_eq!(sessions(&[login(10, "ed", p), close(9, 50, "ed", p)]), [(10, Some(50), true)]);
        assert_eq!(sessions(&[login(8, "ed", p), close(9, 50, "ed", p)]), [(8, None, true), (9, Some(50), false)]);
        assert_eq!(sessions(&[login(110, "ed", p), close(9, 50, "ed", p)]), [(110, Some(50), true)].map(|x| x));
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
        let lines = [login(10, "ed", p), login(30, "ed", p), close(9, 50, "ed", p), login(500, "ed", p), close(499, 600, "ed", p)];
        let mut table = PairTable::default();
        let mut got = Vec::new();
        let mut early = 0;
        for line in &lines {
            table.add(line);
            table.settle(&BTreeMap::from([(StreamId(0), line.stamp.at)]), &mut |s| got.push(s));
            early = got.len();
        }
        assert_eq!(early, 1);
        table.finish(&mut |s| got.push(s));
        got.sort();
        let mut whole = PairTable::default();
        lines.iter().for_each(|l| whole.add(l));
        let mut expected = Vec::new();
        whole.finish(&mut |s| expected.push(s));
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
