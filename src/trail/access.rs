//! Last access of each user over each service (R11). Merges by maximum; pairing cannot change it.

mod chunk;
mod entry;
mod in_order;
mod shared;
mod sorted;

pub(super) use chunk::{Chunk, pack};
pub use shared::{LearnedAccess, SharedAccess, Shown};
pub use sorted::{Accesses, Sorted};

use crate::index::{Index, NOBODY, get_or_last, push, touch};
use crate::model::{Doubt, Evidence, Service, Stamp};
use crate::streams::{StreamId, Streams};
use entry::{Entry, INLINE, Lines, NameKey, Packed};

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

/// How many accesses are put aside: enough to overlap their misses, few enough for twice as many to stay in the first cache.
const ASIDE: usize = 192;
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
    /// Names that are longer than an entry holds.
    long: Vec<u8>,
    /// If evidence is asked for: the lines of the entries.
    lines: Vec<Lines>,
    aside: Aside,
}

/// Accesses that are not in a table yet.
#[derive(Clone, Debug, Default)]
struct Aside {
    entries: Vec<Entry>,
    /// Where they seem to be in the table.
    numbers: Vec<u32>,
    /// As those of the table.
    long: Vec<u8>,
    lines: Vec<Lines>,
}

impl Aside {
    /// Puts an access to the others: what it comes to, and its lines.
    #[inline(always)]
    fn put(&mut self, key: NameKey<'_>, (login, logout): (Packed, Packed), lines: Option<Lines>) {
        if let Some(lines) = lines {
            self.lines.push(lines);
        }
        let is_long = usize::from(key.length) > INLINE;
        let place = if is_long { self.put_long(key.name) } else { 0 };
        self.entries.push(Entry::new(&key, place, login, logout));
    }

    #[inline(never)]
    fn put_long(&mut self, name: &[u8]) -> u32 {
        let place = u32::try_from(self.long.len()).unwrap_or(u32::MAX);
        self.long.extend_from_slice(name);
        place
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= ASIDE
    }

    /// Whether it may still hold more.
    fn has_room(&self) -> bool {
        self.entries.len() < 2 * ASIDE
    }
}

impl std::fmt::Debug for LastAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LastAccess({} entries)", self.entries.len())
    }
}

impl LastAccess {
    fn put_aside(&mut self, key: NameKey<'_>, access: (Packed, Packed), lines: Option<Lines>, streams: &Streams) {
        self.aside.put(key, access, lines);
        if self.aside.is_full() {
            self.settle(streams);
        }
    }

    /// Brings what was put aside into the table.
    pub fn settle(&mut self, streams: &Streams) {
        let mut aside = std::mem::take(&mut self.aside);
        self.take(&mut aside, streams);
        self.aside = aside;
    }

    /// Brings into the table what was put aside.
    fn take(&mut self, aside: &mut Aside, streams: &Streams) {
        if aside.entries.is_empty() {
            return;
        }
        self.find_by_hash();
        let LastAccess { index, entries, long, lines, .. } = self;
        let Aside { entries: aside, numbers, long: aside_long, lines: aside_lines } = aside;
        // Looking at all of them first makes the processor fetch them side by side.
        touch(aside.iter().map(|new| index.glance(new.hash)));
        numbers.clear();
        numbers.extend(aside.iter().map(|new| index.fetch(new.hash)));
        let entry = |number: &u32| get_or_last(entries, *number);
        touch(numbers.iter().map(|number| entry(number).map_or(0, |entry| entry.length)));
        // The same of what lies elsewhere: long names, and lines.
        let long_name = |number: &u32| {
            let entry = entry(number).filter(|entry| entry.is_long());
            entry.and_then(|entry| long.get(entry.place as usize)).copied().unwrap_or(0)
        };
        touch(numbers.iter().map(long_name));
        if !lines.is_empty() {
            let line = |number: &u32| lines.get(*number as usize).map_or(0, |line| line.login.place);
            touch(numbers.iter().map(line));
        }
        index.reserve(aside.len());
        let mut new_lines = aside_lines.iter();
        for (new, first) in aside.iter().zip(numbers) {
            let new_lines = new_lines.next().copied();
            let is = |number: u32| entries.get(number as usize).is_some_and(|e| e.is(new, (long, aside_long)));
            let number = if is(*first) { Some(*first) } else { index.find(new.hash, is) };
            let number = number.map(|number| number as usize);
            if let Some((number, entry)) = number.and_then(|number| Some((number, entries.get_mut(number)?))) {
                if let Some((ours, theirs)) = new_lines.and_then(|new| Some((lines.get_mut(number)?, new))) {
                    ours.take(entry, new, theirs);
                }
                entry.take(new, streams);
                continue;
            }
            let place = u32::try_from(long.len()).unwrap_or(u32::MAX);
            if new.is_long() {
                long.extend_from_slice(new.name(aside_long));
            }
            index.insert(new.hash, u32::try_from(entries.len()).unwrap_or(NOBODY));
            push(entries, Entry { place, ..*new });
            lines.extend(new_lines);
        }
        aside.clear();
        aside_long.clear();
        aside_lines.clear();
    }

    /// Whether a user had access over any service. What was put aside does not count yet.
    pub fn has(&self, user: &[u8]) -> bool {
        if self.is_in_order() {
            return self.has_in_order(user);
        }
        Service::ALL.into_iter().any(|service| self.is_there(&Entry::of(user, service), user))
    }

    /// Whether there is an access of a user over the service of an entry, if there is an index.
    fn is_there(&self, sought: &Entry, user: &[u8]) -> bool {
        let is = |number: u32| self.entries.get(number as usize).is_some_and(|e| e.is(sought, (&self.long, user)));
        self.index.find(sought.hash, is).is_some()
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
        let LastAccess { entries, long, lines, .. } = other;
        self.take(&mut Aside { entries, long, lines, ..Aside::default() }, streams);
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

/// What only tests of other modules need: accesses of several streams at once.
#[cfg(test)]
impl LastAccess {
    /// Takes note of a user's logins (a login line's stamp, the connect that a close line gives) and of a logout (the end
    /// of a session), over one service.
    pub fn add(
        &mut self,
        user: &[u8],
        service: Service,
        [line, connect]: [Option<Last>; 2],
        end: Option<Last>,
        streams: &Streams,
    ) {
        let packed = |last: Option<Last>| {
            last.map_or(entry::NONE, |last| Packed::of_line(last.stamp, last.stream, last.from_login, last.doubt))
        };
        let access = (packed(line).max(packed(connect), streams), packed(end));
        let login = line.filter(|line| connect.is_none_or(|connect| connect.stamp.at <= line.stamp.at)).or(connect);
        let [login, logout] = [login, end].map(|last| last.and_then(|last| last.evidence));
        let lines = login.or(logout).map(|any| Lines { login: login.unwrap_or(any), logout: logout.unwrap_or(any) });
        self.put_aside(NameKey::of(user, None, service), access, lines, streams);
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
    fn r11_when_the_last_was() {
        for (login, logout) in [(None, None), (Some(5), None), (None, Some(5)), (Some(5), Some(5)), (Some(6), Some(5))]
        {
            let packed = |at: Option<i64>, offset| {
                let stamp = at.map(|at| Stamp { at, offset });
                stamp.map_or(entry::NONE, |stamp| Packed::of_line(stamp, StreamId(0), true, Doubt::default()))
            };
            let mut entry = Entry::of(b"ed", Service::Imap);
            entry.set(packed(login, 60), packed(logout, 120));
            assert_eq!(entry.last(), entry.access(None).last().map(|last| last.stamp));
        }
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
