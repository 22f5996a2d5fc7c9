//! Last access of each user over each service (R11). Merges by maximum; pairing cannot change it.

mod chunk;
mod in_order;

pub(super) use chunk::{Chunk, pack};

use std::cmp::{Ordering, Reverse};
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use crate::grammar::eight;
use crate::index::{Index, NOBODY};
use crate::model::{Doubt, Evidence, Instant, Service, Stamp};
use crate::streams::{StreamId, Streams};

/// What the last login or the last logout of a user rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// When; the smallest offset where lines of that instant differ.
    pub stamp: Stamp,
    /// In which stream; of equal instants the store with the smallest name.
    pub stream: StreamId,
    /// From a login line (else from a close line).
    pub from_login: bool,
    /// What every line that proves it is doubted for.
    pub doubt: Doubt,
    /// The line, if evidence is asked for: of several of that instant a login line, and of those the smallest.
    pub evidence: Option<Evidence>,
}

/// One user over one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The latest login line or connect.
    pub login: Option<Last>,
    /// The latest end.
    pub logout: Option<Last>,
}

impl Access {
    /// The later of the two, the logout where they tie.
    #[inline]
    pub fn last(&self) -> Option<Last> {
        match (self.login, self.logout) {
            (Some(login), Some(logout)) if login.stamp.at > logout.stamp.at => Some(login),
            (login, logout) => logout.or(login),
        }
    }
}

/// Packed [`Last`]: 16 bytes, `at == NEVER` for none.
#[derive(Clone, Copy, Debug)]
struct Packed {
    at: Instant,
    stream: StreamId,
    offset: i16,
    flags: u8,
}

const NEVER: Instant = Instant::MIN;
const NONE: Packed = Packed { at: NEVER, stream: StreamId(0), offset: 0, flags: 0 };
const EMPTY: Entry = Entry {
    name: [0; INLINE],
    login: NEVER,
    logout: NEVER,
    hash: 0,
    place: 0,
    login_stream: NONE.stream,
    logout_stream: NONE.stream,
    login_offset: 0,
    logout_offset: 0,
    length: 0,
    service: Service::Imap,
    flags: 0,
};

impl Packed {
    fn of(last: Last) -> Packed {
        let Last { stamp, stream, from_login, doubt, .. } = last;
        let flags = (u8::from(from_login) * FROM_LOGIN)
            | (u8::from(!doubt.inferred) * KNOWN_FORMAT)
            | (u8::from(!doubt.forged) * GENUINE);
        Packed { at: stamp.at, stream, offset: stamp.offset, flags }
    }

    fn unpacked(self, evidence: Option<Evidence>) -> Option<Last> {
        let Packed { at, stream, offset, flags } = self;
        let doubt = Doubt { inferred: flags & KNOWN_FORMAT == 0, forged: flags & GENUINE == 0 };
        let from_login = flags & FROM_LOGIN != 0;
        (at != NEVER).then_some(Last { stamp: Stamp { at, offset }, stream, from_login, doubt, evidence })
    }

    /// The maximum of two; every field of equal instants has its own order, so that merging is commutative.
    #[inline(always)]
    fn max(self, other: Packed, streams: &Streams) -> Packed {
        match self.at.cmp(&other.at) {
            Ordering::Less => other,
            Ordering::Greater => self,
            Ordering::Equal if self.at == NEVER => self,
            Ordering::Equal => Packed {
                at: self.at,
                stream: if self.stream == other.stream {
                    self.stream
                } else {
                    first(self.stream, other.stream, streams)
                },
                offset: self.offset.min(other.offset),
                flags: self.flags | other.flags,
            },
        }
    }
}

/// Of two streams the one whose store has the smaller name.
#[cold]
fn first(a: StreamId, b: StreamId, streams: &Streams) -> StreamId {
    if streams.get(b) < streams.get(a) { b } else { a }
}

/// How many accesses are put aside: enough to overlap their misses, few enough to stay in the first cache.
const ASIDE: usize = 192;
/// So much of a name lies in the entry itself, in bytes.
const INLINE: usize = 24;

/// One cache line: who, over what, and the last login and logout.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Entry {
    /// The first bytes of the name, with zeros behind a shorter one.
    name: [u8; INLINE],
    login: Instant,
    logout: Instant,
    hash: u32,
    /// Where a longer name is, as a whole.
    place: u32,
    login_stream: StreamId,
    logout_stream: StreamId,
    login_offset: i16,
    logout_offset: i16,
    length: u16,
    service: Service,
    flags: u8,
}

/// The bits of [`Packed::flags`]: what some line shows. In [`Entry::flags`] those of the logout are so many higher.
const FROM_LOGIN: u8 = 1;
const KNOWN_FORMAT: u8 = 2;
const GENUINE: u8 = 4;
const ALL: u8 = FROM_LOGIN | KNOWN_FORMAT | GENUINE;
const HIGHER: u32 = ALL.count_ones();

impl Entry {
    /// Of a user over a service, with no access yet.
    #[inline(always)]
    fn of(user: &[u8], service: Service) -> Entry {
        let words = words_of(user);
        let rest = user.get(INLINE..).unwrap_or_default();
        // A user is part of a line, which is at most 64 KiB long.
        let length = u16::try_from(user.len()).unwrap_or(u16::MAX);
        let hash = hash_of(words, rest, length, service);
        Entry { name: inline(words), hash, length, service, ..EMPTY }
    }

    fn login(&self) -> Packed {
        Packed { at: self.login, stream: self.login_stream, offset: self.login_offset, flags: self.flags & ALL }
    }

    fn logout(&self) -> Packed {
        let flags = self.flags >> HIGHER;
        Packed { at: self.logout, stream: self.logout_stream, offset: self.logout_offset, flags }
    }

    #[inline]
    fn set(&mut self, login: Packed, logout: Packed) {
        self.login = login.at;
        self.login_stream = login.stream;
        self.login_offset = login.offset;
        self.logout = logout.at;
        self.logout_stream = logout.stream;
        self.logout_offset = logout.offset;
        self.flags = login.flags | (logout.flags << HIGHER);
    }

    /// The maximum of two of one user.
    #[inline]
    fn take(&mut self, other: &Entry, streams: &Streams) {
        let login = self.login().max(other.login(), streams);
        let logout = self.logout().max(other.logout(), streams);
        self.set(login, logout);
    }

    fn is_long(&self) -> bool {
        usize::from(self.length) > INLINE
    }

    fn name<'a>(&'a self, long: &'a [u8]) -> &'a [u8] {
        let text = if self.is_long() { long.get(self.place as usize..).unwrap_or_default() } else { &self.name };
        text.get(..usize::from(self.length)).unwrap_or_default()
    }

    #[inline]
    fn access(&self, lines: Option<&Lines>) -> Access {
        let login = self.login().unpacked(lines.map(|lines| lines.login));
        Access { login, logout: self.logout().unpacked(lines.map(|lines| lines.logout)) }
    }

    /// Whether two are of one user and service.
    #[inline]
    fn is(&self, other: &Entry, (long, others): (&[u8], &[u8])) -> bool {
        self.hash == other.hash
            && self.name == other.name
            && self.length == other.length
            && self.service == other.service
            && (!self.is_long() || self.name(long) == other.name(others))
    }

    /// The first bytes of the name as a number that sorts as they do.
    fn leading(&self) -> u128 {
        self.name.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
    }

    /// The order of the names' bytes, then of the services.
    #[inline]
    fn order(&self, other: &Entry, (long, others): (&[u8], &[u8])) -> Ordering {
        let behind = |entry: &Entry| (entry.length, entry.service);
        let inline = || self.name.cmp(&other.name);
        let whole = || {
            if self.is_long() || other.is_long() { self.name(long).cmp(other.name(others)) } else { Ordering::Equal }
        };
        self.leading()
            .cmp(&other.leading())
            .then_with(inline)
            .then_with(whole)
            .then_with(|| behind(self).cmp(&behind(other)))
    }
}

/// The lines of an entry, in one cache line; what there is no line for is not looked at.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Lines {
    login: Evidence,
    logout: Evidence,
}

impl Lines {
    /// Of logins, one of which is the latest, and a logout.
    fn of([line, connect]: [Option<Last>; 2], end: Option<Last>) -> Option<Lines> {
        let login = line.filter(|line| connect.is_none_or(|connect| connect.stamp.at <= line.stamp.at)).or(connect);
        let (login, logout) = (login.map(|last| last.evidence), end.map(|last| last.evidence));
        let any = login.or(logout)??;
        Some(Lines { login: login.flatten().unwrap_or(any), logout: logout.flatten().unwrap_or(any) })
    }

    /// Takes another's where it shows more: a later moment, or the same by a login line, or by one further ahead.
    fn take(&mut self, ours: &Entry, theirs: &Entry, lines: Lines) {
        let order = |packed: Packed, line: Evidence| (packed.at, packed.flags & FROM_LOGIN, Reverse(line));
        if order(theirs.login(), lines.login) > order(ours.login(), self.login) {
            self.login = lines.login;
        }
        if order(theirs.logout(), lines.logout) > order(ours.logout(), self.logout) {
            self.logout = lines.logout;
        }
    }
}

/// The table of last accesses: (user, service) → [`Access`].
///
/// Each look-up misses the cache. Accesses are therefore put aside and looked up many at a time, so that the misses overlap.
///
/// What comes out of a trail file is in the order of the names, and stays so, without an index, until something is added.
#[derive(Clone, Default)]
pub struct LastAccess {
    /// Of all entries, or of none: then they are in order.
    index: Index,
    entries: Vec<Entry>,
    /// Accesses that are not in the table yet.
    aside: Vec<Entry>,
    /// Where they seem to be in the table.
    numbers: Vec<u32>,
    /// Names that are longer than an entry holds: of the table, and of those aside.
    long: Vec<u8>,
    aside_long: Vec<u8>,
    /// If evidence is asked for: the lines of the entries, and of those aside.
    lines: Vec<Lines>,
    aside_lines: Vec<Lines>,
}

impl std::fmt::Debug for LastAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LastAccess({} entries)", self.entries.len())
    }
}

/// The hash of a name and a service; half of a good one, which is enough to tell most names apart.
#[inline]
fn hash_of([a, b, c]: [u64; 3], rest: &[u8], length: u16, service: Service) -> u32 {
    let mix = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let mut last = u64::from(length) << 8 | service as u64;
    if !rest.is_empty() {
        let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
        hasher.write(rest);
        last ^= hasher.finish();
    }
    let hash = mix(a ^ 0x9E37_79B9_7F4A_7C15, b ^ 0xBF58_476D_1CE4_E5B9);
    (mix(hash ^ c ^ 0x94D0_49BB_1331_11EB, last ^ 0xD6E8_FEB8_6659_FD93) >> 32) as u32
}

/// The first bytes of a name, with zeros behind a shorter one, eight by eight.
#[inline(always)]
fn words_of(name: &[u8]) -> [u64; 3] {
    let from = |at: usize| eight(name.get(at..).unwrap_or_default());
    [eight(name), from(8), from(16)]
}

/// The same as an entry has them.
#[inline(always)]
fn inline(words: [u64; 3]) -> [u8; INLINE] {
    let mut name = [0; INLINE];
    for (chunk, word) in name.as_chunks_mut().0.iter_mut().zip(words) {
        *chunk = word.to_le_bytes();
    }
    name
}

impl LastAccess {
    /// Takes note of a user's logins (a login line's stamp, the connect that a close line gives) and of a logout (the end
    /// of a session), over one service. Any of them may lie outside of the window.
    #[inline]
    pub fn add(
        &mut self,
        user: &[u8],
        service: Service,
        [line, connect]: [Option<Last>; 2],
        end: Option<Last>,
        streams: &Streams,
    ) {
        let login = line.map_or(NONE, Packed::of).max(connect.map_or(NONE, Packed::of), streams);
        let mut entry = Entry::of(user, service);
        entry.set(login, end.map_or(NONE, Packed::of));
        self.put_aside(entry, user, Lines::of([line, connect], end), streams);
    }

    #[inline]
    fn put_aside(&mut self, mut entry: Entry, name: &[u8], lines: Option<Lines>, streams: &Streams) {
        self.aside_lines.extend(lines);
        if entry.is_long() {
            entry.place = u32::try_from(self.aside_long.len()).unwrap_or(u32::MAX);
            self.aside_long.extend_from_slice(name);
        }
        self.aside.push(entry);
        if self.aside.len() >= ASIDE {
            self.settle(streams);
        }
    }

    /// Brings what was put aside into the table.
    pub fn settle(&mut self, streams: &Streams) {
        if self.aside.is_empty() {
            return;
        }
        self.find_by_hash();
        let LastAccess { index, entries, aside, numbers, long, aside_long, lines, aside_lines } = self;
        // Looking at all of them first makes the processor fetch them side by side.
        numbers.clear();
        numbers.extend(aside.iter().map(|new| index.first(new.hash)));
        let entry = |number: u32| entries.get(number as usize);
        let there = numbers.iter().filter(|number| entry(**number).is_some_and(|entry| entry.length > 0)).count();
        if !lines.is_empty() {
            // The same of what lies elsewhere.
            let line = |number: &u32| lines.get(*number as usize).map_or(0, |line| line.login.place);
            std::hint::black_box(numbers.iter().map(line).fold(0, |all, place| all ^ place));
        }
        index.reserve(aside.len() - there);
        let mut new_lines = aside_lines.drain(..);
        for (new, first) in aside.drain(..).zip(numbers) {
            let new_lines = new_lines.next();
            let is = |number: u32| entries.get(number as usize).is_some_and(|e| e.is(&new, (long, aside_long)));
            let number = if is(*first) { Some(*first) } else { index.find(new.hash, is) };
            let number = number.map(|number| number as usize);
            if let Some((number, entry)) = number.and_then(|number| Some((number, entries.get_mut(number)?))) {
                if let Some((ours, theirs)) = new_lines.and_then(|new| Some((lines.get_mut(number)?, new))) {
                    ours.take(entry, &new, theirs);
                }
                entry.take(&new, streams);
                continue;
            }
            let place = u32::try_from(long.len()).unwrap_or(u32::MAX);
            if new.is_long() {
                long.extend_from_slice(new.name(aside_long));
            }
            index.insert(new.hash, u32::try_from(entries.len()).unwrap_or(NOBODY));
            entries.push(Entry { place, ..new });
            lines.extend(new_lines);
        }
        aside_long.clear();
    }

    /// Whether a user had access over any service. What was put aside does not count yet.
    pub fn has(&self, user: &[u8]) -> bool {
        if self.is_in_order() {
            return self.has_in_order(user);
        }
        let over = |service: Service| {
            let sought = Entry::of(user, service);
            let entry = |number: u32| self.entries.get(number as usize);
            self.index
                .find(sought.hash, |number| entry(number).is_some_and(|e| e.is(&sought, (&self.long, user))))
                .is_some()
        };
        Service::ALL.into_iter().any(over)
    }

    /// What both know.
    pub fn merge(mut self, mut other: LastAccess, streams: &Streams) -> LastAccess {
        self.settle(streams);
        other.settle(streams);
        if self.is_empty() || other.is_empty() {
            return if self.is_empty() { other } else { self };
        }
        if self.is_in_order() || other.is_in_order() {
            return self.merge_in_order(other, streams);
        }
        if self.len() < other.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for (number, theirs) in other.entries.iter().enumerate() {
            self.put_aside(*theirs, theirs.name(&other.long), other.lines.get(number).copied(), streams);
        }
        self.settle(streams);
        self
    }

    /// All accesses, in no order. All that was put aside must be settled.
    pub fn accesses(&self) -> impl Iterator<Item = Access> {
        self.entries.iter().map(|entry| entry.access(None))
    }

    /// The entries, in the order of the users' bytes. All that was put aside must be settled.
    pub fn sorted(mut self) -> Sorted {
        self.put_in_order();
        let LastAccess { entries, long, lines, .. } = self;
        Sorted { long, entries, lines }
    }

    /// How many (user, service) pairs are known.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The entries of a [`LastAccess`] in the order of the users' bytes.
pub struct Sorted {
    long: Vec<u8>,
    entries: Vec<Entry>,
    /// The lines of the entries, if evidence is asked for.
    lines: Vec<Lines>,
}

impl std::fmt::Debug for Sorted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sorted({} entries)", self.entries.len())
    }
}

impl Sorted {
    /// Where to cut into parts of about so many entries, no user being in two parts. One part at least.
    pub fn parts(&self, size: usize) -> Vec<Range<usize>> {
        let name = |at: usize| self.entries.get(at).map(|entry| entry.name(&self.long));
        let mut parts = Vec::new();
        let mut from = 0;
        while from < self.entries.len() {
            let mut to = from.saturating_add(size.max(1)).min(self.entries.len());
            while to < self.entries.len() && name(to) == name(to - 1) {
                to += 1;
            }
            parts.push(from..to);
            from = to;
        }
        if parts.is_empty() {
            parts.push(Range::default());
        }
        parts
    }

    /// The users of a part, with their accesses.
    pub fn users(&self, part: Range<usize>) -> impl Iterator<Item = (&[u8], Accesses<'_>)> {
        let same = |a: &Entry, b: &Entry| a.name == b.name && a.name(&self.long) == b.name(&self.long);
        let mut lines = self.lines.get(part.clone()).unwrap_or_default();
        let of_user = self.entries.get(part).unwrap_or_default().chunk_by(same);
        of_user.filter_map(move |entries| {
            let (ours, others) = lines.split_at_checked(entries.len()).unwrap_or_default();
            lines = others;
            Some((entries.first()?.name(&self.long), Accesses { entries, lines: ours }))
        })
    }
}

/// The accesses of one user, over one service each.
#[derive(Clone, Copy, Default)]
pub struct Accesses<'a> {
    entries: &'a [Entry],
    /// Of each entry, or none.
    lines: &'a [Lines],
}

impl std::fmt::Debug for Accesses<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Accesses<'_> {
    /// That over a service.
    #[inline]
    pub fn over(&self, service: Service) -> Option<Access> {
        let (number, entry) = self.entries.iter().enumerate().find(|(_, entry)| entry.service == service)?;
        Some(entry.access(self.lines.get(number)))
    }

    /// All of them, in the order of the services.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Access> {
        self.entries.iter().enumerate().map(|(number, entry)| entry.access(self.lines.get(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(at: i64, stream: StreamId) -> Last {
        let doubt = Doubt::default();
        Last { stamp: Stamp { at, offset: 0 }, stream, from_login: true, doubt, evidence: None }
    }

    #[test]
    fn an_entry_is_a_cache_line() {
        assert_eq!((size_of::<Entry>(), size_of::<Lines>()), (64, 32));
    }

    #[test]
    fn r11_where_login_and_logout_tie_the_logout_is_last() {
        let [login, logout] = [true, false].map(|from_login| Some(Last { from_login, ..last(5, StreamId(0)) }));
        assert_eq!(Access { login, logout }.last(), logout);
        let later = Some(last(6, StreamId(0)));
        assert_eq!(Access { login: later, logout }.last(), later);
        assert_eq!(Access { login, logout: later }.last(), later);
        assert_eq!((Access { login, logout: None }.last(), Access::default().last()), (login, None));
    }

    #[test]
    fn r11_the_latest_stands() {
        let streams = Streams::default();
        let a = streams.id(b"a", Service::Imap);
        let b = streams.id(b"b", Service::Imap);
        let long = vec![b'x'; 500];
        let mut one = LastAccess::default();
        one.add(b"ed", Service::Imap, [Some(last(10, b)), Some(last(9, b))], None, &streams);
        one.add(&long, Service::Imap, [Some(last(10, b)), None], None, &streams);
        let mut two = LastAccess::default();
        two.add(b"ed", Service::Imap, [None, Some(last(10, a))], None, &streams);
        two.add(b"ed", Service::Pop, [None; 2], Some(last(7, a)), &streams);
        let both = one.merge(two, &streams);
        let sorted = both.sorted();
        let users: Vec<_> = sorted.parts(1).into_iter().flat_map(|part| sorted.users(part)).collect();
        assert_eq!(users.len(), 2);
        assert_eq!(users[0].0, b"ed");
        assert_eq!(
            users[0].1.over(Service::Imap).unwrap().login,
            Some(last(10, a)),
            "of equal instants the smallest store"
        );
        assert_eq!(users[0].1.over(Service::Pop).unwrap().logout, Some(last(7, a)));
        assert_eq!(users[1].0, long);
    }
}
