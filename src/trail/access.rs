//! Last access of each user over each service (R11). Merges by maximum; pairing cannot change it.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use std::hash::{BuildHasher, Hasher};

use crate::model::{Instant, Service, Stamp};
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
    /// From an inferred template only.
    pub inferred: bool,
}

/// One user over one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The latest login line or connect.
    pub login: Option<Last>,
    /// The latest end.
    pub logout: Option<Last>,
}

/// Packed [`Last`]: 16 bytes, `at == NEVER` for none.
#[derive(Clone, Copy, Debug)]
struct Packed {
    at: Instant,
    stream: StreamId,
    offset: i16,
    from_login: bool,
    inferred: bool,
}

const NEVER: Instant = Instant::MIN;
const NONE: Packed = Packed { at: NEVER, stream: StreamId(0), offset: 0, from_login: false, inferred: true };

impl Packed {
    fn of(last: Last) -> Packed {
        let Last { stamp, stream, from_login, inferred } = last;
        Packed { at: stamp.at, stream, offset: stamp.offset, from_login, inferred }
    }

    fn unpacked(self) -> Option<Last> {
        let Packed { at, stream, offset, from_login, inferred } = self;
        (at != NEVER).then_some(Last { stamp: Stamp { at, offset }, stream, from_login, inferred })
    }

    /// The maximum of two; every field of equal instants has its own order, so that merging is commutative.
    #[inline]
    fn take(&mut self, other: Packed, streams: &Streams) {
        if other.at > self.at {
            *self = other;
        } else if other.at == self.at && other.at != NEVER {
            if other.stream != self.stream && streams.get(other.stream) < streams.get(self.stream) {
                self.stream = other.stream;
            }
            self.offset = self.offset.min(other.offset);
            self.from_login |= other.from_login;
            self.inferred &= other.inferred;
        }
    }
}

/// How many accesses are put aside: enough to overlap their misses, few enough to stay in the first cache.
const ASIDE: usize = 192;
/// Names up to this long lie in the entry itself.
const INLINE: usize = 22;

/// One cache line: who, over what, and the last login and logout.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Entry {
    login: Packed,
    logout: Packed,
    hash: u32,
    service: Service,
    length: u16,
    name: [u8; INLINE],
}

/// The table of last accesses: (user, service) → [`Access`].
///
/// Each look-up misses the cache. Accesses are therefore put aside and looked up many at a time, so that the misses overlap.
#[derive(Default)]
pub struct LastAccess {
    table: HashTable<Entry>,
    /// Accesses that are not in the table yet.
    aside: Vec<Entry>,
    /// Names that are longer than an entry holds; the entry then holds the place in here.
    long: Vec<u8>,
}

impl std::fmt::Debug for LastAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LastAccess({} entries)", self.table.len())
    }
}

fn hash_of(user: &[u8], service: Service) -> u64 {
    let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
    hasher.write(user);
    hasher.write_u8(service as u8);
    hasher.finish()
}

/// The part of a hash that an entry keeps: enough to grow the table and to tell most names apart.
fn kept(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The hash that the table sees, made of the kept part so that growing needs no names.
fn spread(kept: u32) -> u64 {
    u64::from(kept).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn name_of<'a>(entry: &'a Entry, long: &'a [u8]) -> &'a [u8] {
    let length = usize::from(entry.length);
    if length <= INLINE {
        return entry.name.get(..length).unwrap_or_default();
    }
    let place = entry.name.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
    let place = usize::try_from(place).unwrap_or(usize::MAX);
    long.get(place..).and_then(|tail| tail.get(..length)).unwrap_or_default()
}

impl LastAccess {
    /// A login of a user: a login line's stamp, or the connect that a close line gives.
    pub fn login(&mut self, user: &[u8], service: Service, last: Last, streams: &Streams) {
        self.put_aside(user, service, Packed::of(last), NONE, streams);
    }

    /// A logout of a user: the end of a session.
    pub fn logout(&mut self, user: &[u8], service: Service, last: Last, streams: &Streams) {
        self.put_aside(user, service, NONE, Packed::of(last), streams);
    }

    /// A close line of a user: its connect and its end, with one look-up. Either may lie outside of the window.
    pub fn session(
        &mut self,
        user: &[u8],
        service: Service,
        connect: Option<Last>,
        end: Option<Last>,
        streams: &Streams,
    ) {
        self.put_aside(user, service, connect.map_or(NONE, Packed::of), end.map_or(NONE, Packed::of), streams);
    }

    #[inline]
    fn put_aside(&mut self, user: &[u8], service: Service, login: Packed, logout: Packed, streams: &Streams) {
        if user.len() > INLINE {
            let entry = self.entry(user, service);
            entry.login.take(login, streams);
            entry.logout.take(logout, streams);
            return;
        }
        let hash = kept(hash_of(user, service));
        self.aside.push(Entry { login, logout, ..new_entry(user, service, hash, &mut Vec::new()) });
        if self.aside.len() >= ASIDE {
            self.settle(streams);
        }
    }

    /// Brings what was put aside into the table.
    pub fn settle(&mut self, streams: &Streams) {
        let LastAccess { table, aside, .. } = self;
        // Asking for all of them first makes the processor fetch them side by side.
        let there = aside.iter().filter(|e| table.find(spread(e.hash), |t| t.hash == e.hash).is_some()).count();
        table.reserve(aside.len() - there, |e| spread(e.hash));
        for new in aside.drain(..) {
            let same = |e: &Entry| {
                e.hash == new.hash && e.service == new.service && e.length == new.length && e.name == new.name
            };
            match table.entry(spread(new.hash), same, |e| spread(e.hash)) {
                Slot::Occupied(found) => {
                    let entry = found.into_mut();
                    entry.login.take(new.login, streams);
                    entry.logout.take(new.logout, streams);
                }
                Slot::Vacant(free) => drop(free.insert(new)),
            }
        }
    }

    #[inline]
    fn entry(&mut self, user: &[u8], service: Service) -> &mut Entry {
        let hash = kept(hash_of(user, service));
        let LastAccess { table, long, .. } = self;
        let same = |e: &Entry| e.hash == hash && e.service == service && name_of(e, long) == user;
        match table.entry(spread(hash), same, |e| spread(e.hash)) {
            Slot::Occupied(found) => found.into_mut(),
            Slot::Vacant(free) => free.insert(new_entry(user, service, hash, long)).into_mut(),
        }
    }

    /// What both know.
    pub fn merge(mut self, mut other: LastAccess, streams: &Streams) -> LastAccess {
        self.settle(streams);
        other.settle(streams);
        if self.table.len() < other.table.len() {
            std::mem::swap(&mut self, &mut other);
        }
        for theirs in &other.table {
            let entry = self.entry(name_of(theirs, &other.long), theirs.service);
            entry.login.take(theirs.login, streams);
            entry.logout.take(theirs.logout, streams);
        }
        self
    }

    /// The entries, in the order of the users' bytes.
    pub fn sorted(&self) -> Sorted<'_> {
        let mut entries: Vec<(u64, &Entry)> = self.table.iter().map(|e| (leading(self.name(e)), e)).collect();
        entries.sort_unstable_by(|(a, x), (b, y)| a.cmp(b).then_with(|| self.name(x).cmp(self.name(y))));
        Sorted { long: &self.long, entries }
    }

    fn name<'a>(&'a self, entry: &'a Entry) -> &'a [u8] {
        name_of(entry, &self.long)
    }

    /// How many (user, service) pairs are known.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

/// The first eight bytes of a name as a number that sorts as they do.
fn leading(name: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(first)
}

/// The entries of a [`LastAccess`] in the order of the users' bytes.
pub struct Sorted<'a> {
    long: &'a [u8],
    entries: Vec<(u64, &'a Entry)>,
}

impl std::fmt::Debug for Sorted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sorted({} entries)", self.entries.len())
    }
}

impl Sorted<'_> {
    /// Every user with their accesses by [`Service`].
    pub fn users(&self) -> impl Iterator<Item = (&[u8], [Access; 3])> {
        let mut entries = self.entries.iter().map(|(_, e)| (name_of(e, self.long), *e)).peekable();
        std::iter::from_fn(move || {
            let (name, _) = *entries.peek()?;
            let mut accesses = <[Access; 3]>::default();
            while let Some((_, entry)) = entries.next_if(|(n, _)| *n == name) {
                if let Some(access) = accesses.get_mut(entry.service as usize) {
                    *access = Access { login: entry.login.unpacked(), logout: entry.logout.unpacked() };
                }
            }
            Some((name, accesses))
        })
    }
}

fn new_entry(user: &[u8], service: Service, hash: u32, long: &mut Vec<u8>) -> Entry {
    let mut name = [0; INLINE];
    if let Some(head) = name.get_mut(..user.len()) {
        head.copy_from_slice(user);
    } else if let Some(place) = name.first_chunk_mut::<8>() {
        *place = (long.len() as u64).to_le_bytes();
        long.extend_from_slice(user);
    }
    let length = u16::try_from(user.len()).unwrap_or(u16::MAX);
    Entry { login: NONE, logout: NONE, hash, service, length, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(at: i64, stream: StreamId) -> Last {
        Last { stamp: Stamp { at, offset: 0 }, stream, from_login: true, inferred: false }
    }

    #[test]
    fn an_entry_is_a_cache_line() {
        assert_eq!(size_of::<Entry>(), 64);
    }

    #[test]
    fn r11_the_latest_stands() {
        let streams = Streams::default();
        let a = streams.id(b"a", Service::Imap);
        let b = streams.id(b"b", Service::Imap);
        let long = vec![b'x'; 500];
        let mut one = LastAccess::default();
        one.login(b"ed", Service::Imap, last(10, b), &streams);
        one.login(&long, Service::Imap, last(10, b), &streams);
        let mut two = LastAccess::default();
        two.login(b"ed", Service::Imap, last(10, a), &streams);
        two.logout(b"ed", Service::Pop, last(7, a), &streams);
        let both = one.merge(two, &streams);
        let sorted = both.sorted();
        let users: Vec<_> = sorted.users().collect();
        assert_eq!(users.len(), 2);
        assert_eq!(users[0].0, b"ed");
        assert_eq!(users[0].1[0].login, Some(last(10, a)), "of equal instants the smallest store");
        assert_eq!(users[0].1[2].logout, Some(last(7, a)));
        assert_eq!(users[1].0, long);
    }
}
