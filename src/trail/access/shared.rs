//! Last accesses that several workers learn at once: one table for all of them, in parts by the hashes of the names.
//!
//! A table for each worker would have each name as often as there are workers, which no cache has room for, and which must be
//! brought together in the end.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use super::entry::{Entry, Lines, NONE, NameKey, Packed};
use super::{Aside, LastAccess};
use crate::model::{Doubt, Evidence, Service, Stamp};
use crate::pair::NEAR;
use crate::streams::{StreamId, Streams};

/// So many parts there are for each worker: few of them are wanted by two at once.
const PARTS: usize = 4;

/// The table, in parts.
#[derive(Debug)]
pub struct SharedAccess {
    /// A power of two, at least one.
    parts: Vec<Mutex<LastAccess>>,
}

impl SharedAccess {
    /// For so many workers.
    pub fn new(workers: usize) -> SharedAccess {
        let parts = (PARTS * workers).next_power_of_two();
        SharedAccess { parts: (0..parts).map(|_| Mutex::default()).collect() }
    }

    /// All parts as one, in the order of the names. All workers must have finished.
    pub fn finish(self) -> LastAccess {
        let parts = self.parts.into_iter().map(|part| part.into_inner().unwrap_or_else(PoisonError::into_inner));
        LastAccess::of_parts(parts.collect())
    }

    /// Whether a user had access over any service. What workers put aside does not count yet.
    pub fn has(&self, user: &[u8]) -> bool {
        self.has_in(user, |part| Some(lock(part)))
    }

    /// The same of the parts that this way leads into.
    fn has_in<'a>(
        &'a self,
        user: &[u8],
        way: impl Fn(&'a Mutex<LastAccess>) -> Option<MutexGuard<'a, LastAccess>>,
    ) -> bool {
        let over = |service: Service| {
            let sought = Entry::of(user, service);
            let table = self.parts.get(self.part_of(sought.hash)).and_then(&way);
            table.is_some_and(|table| table.is_there(&sought, user))
        };
        Service::ALL.into_iter().any(over)
    }

    /// The part of a hash, by other bits than those that tables see.
    #[inline]
    fn part_of(&self, hash: u32) -> usize {
        (hash >> 24) as usize & (self.parts.len() - 1)
    }
}

/// What a login line, a close line, or both lines of a session show of their user.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// The stamp of a login line, and what that is doubted for.
    pub login: Option<(Stamp, Doubt)>,
    /// The connect that a close line gives, in the same way.
    pub connect: Option<(Stamp, Doubt)>,
    /// The end, in the same way.
    pub end: Option<(Stamp, Doubt)>,
    /// Where the login line and the close line are, if evidence is asked for; of two that are one line, that.
    pub evidence: Option<[Evidence; 2]>,
}

impl Shown {
    /// The login and the logout that it comes to.
    #[inline(always)]
    fn packed(&self, stream: StreamId) -> (Packed, Packed) {
        let packed = |shown: Option<(Stamp, Doubt)>, from_login: bool| match shown {
            Some((stamp, doubt)) => Packed::of_line(stamp, stream, from_login, doubt),
            None => NONE,
        };
        (packed(self.login, true).max_of_stream(packed(self.connect, false)), packed(self.end, false))
    }

    #[inline(always)]
    fn lines(&self) -> Option<Lines> {
        let [of_login, of_close] = self.evidence?;
        let by_login =
            self.login.is_some_and(|(login, _)| self.connect.is_none_or(|(connect, _)| connect.at <= login.at));
        Some(Lines { login: if by_login { of_login } else { of_close }, logout: of_close })
    }
}

/// A worker's way into the table, or into one of its own.
#[derive(Debug)]
pub struct LearnedAccess<'a> {
    shared: Option<&'a SharedAccess>,
    /// What it puts aside, by part.
    asides: Vec<Aside>,
    own: LastAccess,
}

impl<'a> LearnedAccess<'a> {
    /// Into a table that others share, if there is one.
    pub fn new(shared: Option<&'a SharedAccess>) -> LearnedAccess<'a> {
        let parts = shared.map_or(0, |shared| shared.parts.len());
        LearnedAccess { shared, asides: vec![Aside::default(); parts], own: LastAccess::default() }
    }

    /// Takes note of what a user did, whose name is given with what stands behind it where it lies, if that is at hand.
    #[inline(always)]
    pub fn learn(
        &mut self,
        (user, near): (&[u8], Option<&[u8; NEAR]>),
        stream: StreamId,
        shown: &Shown,
        streams: &Streams,
    ) {
        let key = NameKey::of(user, near, stream.service());
        let (aside, table) = match self.shared {
            None => return self.own.put_aside(key, shown.packed(stream), shown.lines(), streams),
            Some(shared) => {
                let part = shared.part_of(key.hash);
                (self.asides.get_mut(part), shared.parts.get(part))
            }
        };
        if let (Some(aside), Some(table)) = (aside, table) {
            aside.put(key, shown.packed(stream), shown.lines());
            if aside.is_full() {
                take(table, aside, streams);
            }
        }
    }

    /// Whether it is known that a user had access over any service. What was put aside does not count yet, nor what lies where
    /// another worker is just now.
    pub fn knows(&self, user: &[u8]) -> bool {
        self.shared.map_or_else(|| self.own.has(user), |shared| shared.has_in(user, |part| part.try_lock().ok()))
    }

    /// Settles what was put aside; what is not shared.
    pub fn finish(mut self, streams: &Streams) -> LastAccess {
        let parts = self.shared.map_or(&[][..], |shared| &shared.parts);
        parts.iter().zip(&mut self.asides).for_each(|(part, aside)| lock(part).take(aside, streams));
        self.own.settle(streams);
        self.own
    }
}

/// Brings into a part what a worker put aside. While another is at it, there is a little more to put aside: to be woken up takes
/// longer than what one waits for.
#[inline(never)]
fn take(part: &Mutex<LastAccess>, aside: &mut Aside, streams: &Streams) {
    match part.try_lock() {
        Err(TryLockError::WouldBlock) if aside.has_room() => {}
        Ok(mut table) => table.take(aside, streams),
        Err(_) => lock(part).take(aside, streams),
    }
}

fn lock(part: &Mutex<LastAccess>) -> MutexGuard<'_, LastAccess> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LastAccess {
    /// All entries of tables that have none in common, and have settled theirs, in the order of the names.
    fn of_parts(parts: Vec<LastAccess>) -> LastAccess {
        let len = parts.iter().map(LastAccess::len).sum::<usize>();
        let mut parts = parts.into_iter();
        // The others are put behind the first, which mostly can stay where it is.
        let LastAccess { entries, long, lines, .. } = parts.next().unwrap_or_default();
        let mut all = LastAccess { entries, long, lines, ..LastAccess::default() };
        all.entries.reserve_exact(len - all.len());
        for mut part in parts {
            let place = u32::try_from(all.long.len()).unwrap_or(u32::MAX);
            part.entries
                .iter_mut()
                .filter(|entry| entry.is_long())
                .for_each(|entry| entry.place = entry.place.saturating_add(place));
            all.entries.append(&mut part.entries);
            all.long.append(&mut part.long);
            all.lines.append(&mut part.lines);
        }
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FileId;
    use crate::trail::Access;

    /// What two workers learn together is what one learns alone, with names and lines, wherever they lie.
    #[test]
    fn workers_share_what_they_learn() {
        let streams = Streams::default();
        let id = streams.id(b"store1", Service::Imap);
        let line = |place: u64| Evidence { file: FileId(0), place, nth: 1 };
        let shown = |n: u32| {
            let stamp = |at: u32| Some((Stamp { at: i64::from(at), offset: 60 }, Doubt::default()));
            let evidence = Some([line(u64::from(n)), line(u64::from(n) + 1_000_000)]);
            // A login, a close, or both, whose connect may be the later.
            let (login, close) = (!n.is_multiple_of(3), n % 3 != 1);
            let of_close = |at: u32| stamp(at).filter(|_| close);
            Shown { login: stamp(n).filter(|_| login), connect: of_close(n / 7 * 8), end: of_close(n + 5), evidence }
        };
        // Some names are longer than an entry has room for, and alike in what it has.
        let name =
            |n: u32| format!("{}{}", if n.is_multiple_of(3) { "a-long-name-of-a-user-with-" } else { "u" }, n % 997);
        let shared = SharedAccess::new(2);
        let mut workers = [LearnedAccess::new(Some(&shared)), LearnedAccess::new(Some(&shared))];
        let mut alone = LearnedAccess::new(None);
        for n in 0..20_000 {
            let name = name(n);
            let text = format!("{name} plain, and whatever stands behind");
            let near = text.as_bytes().first_chunk().filter(|_| n.is_multiple_of(2));
            workers[n as usize / 7 % 2].learn((name.as_bytes(), near), id, &shown(n), &streams);
            alone.learn((name.as_bytes(), None), id, &shown(n), &streams);
        }
        assert!(workers[0].knows(name(1).as_bytes()) && alone.knows(name(1).as_bytes()));
        assert!(!workers[0].knows(b"nobody") && !alone.knows(b"nobody"));
        let alone = alone.finish(&streams);
        workers.into_iter().for_each(|worker| assert!(worker.finish(&streams).is_empty()));
        assert!((0..997).all(|n| shared.has(name(n).as_bytes())) && !shared.has(b"u997"));
        let all = |access: LastAccess| -> Vec<(Vec<u8>, Vec<Access>)> {
            let sorted = access.sorted();
            let parts = sorted.parts(100);
            parts
                .into_iter()
                .flat_map(|part| sorted.users(part).map(|(n, a)| (n.to_vec(), a.iter().collect())).collect::<Vec<_>>())
                .collect()
        };
        let (together, alone) = (all(shared.finish()), all(alone));
        assert_eq!(alone.len(), 1994);
        assert_eq!(together, alone);
        assert!(alone.iter().all(|(_, accesses)| accesses[0].login.is_some_and(|last| last.evidence.is_some())));
    }

    /// Where another worker is at a part, there is room to put more aside, and what lies there counts as unknown.
    #[test]
    fn nobody_waits_for_another_worker() {
        let streams = Streams::default();
        let id = streams.id(b"store1", Service::Imap);
        let at = |at: i64| Some((Stamp { at, offset: 0 }, Doubt::default()));
        let shown = |n: i64| Shown { login: at(n), connect: None, end: None, evidence: None };
        let shared = SharedAccess::new(1);
        let mut worker = LearnedAccess::new(Some(&shared));
        let most = 2 * super::super::ASIDE as i64 - 1;
        let others: Vec<_> = shared.parts.iter().map(lock).collect();
        (0..most).for_each(|n| worker.learn((b"ed", None), id, &shown(n), &streams));
        assert!(!worker.knows(b"ed"));
        drop(others);
        assert!(!worker.knows(b"ed"));
        worker.learn((b"ed", None), id, &shown(most), &streams);
        assert!(worker.knows(b"ed") && worker.asides.iter().all(|aside| aside.entries.is_empty()));
        assert!(shared.has(b"ed") && !shared.has(b"eddie"));
        let last = shared.finish().accesses().next().and_then(|access| access.login);
        assert_eq!(last.map(|last| last.stamp.at), Some(most));
    }

    /// A login rests on its own line, unless the connect that the close tells is later.
    #[test]
    fn r11_the_line_of_a_login() {
        let streams = Streams::default();
        let id = streams.id(b"store1", Service::Imap);
        let line = |place: u64| Evidence { file: FileId(0), place, nth: 1 };
        let shown = |login: Option<i64>, connect: Option<i64>, place: u64| {
            let at = |at: Option<i64>| at.map(|at| (Stamp { at, offset: 0 }, Doubt::default()));
            let evidence = Some([line(place), line(place + 1)]);
            Shown { login: at(login), connect: at(connect), end: at(Some(9)), evidence }
        };
        let lines_of = |shown: &[Shown]| {
            let mut access = LearnedAccess::new(None);
            shown.iter().for_each(|shown| access.learn((b"ed", None), id, shown, &streams));
            let sorted = access.finish(&streams).sorted();
            let part = sorted.parts(1).remove(0);
            let access =
                sorted.users(part).next().and_then(|(_, accesses)| accesses.over(Service::Imap)).expect("ed's");
            [access.login, access.logout].map(|last| last.and_then(|last| last.evidence).map(|line| line.place))
        };
        let lines = |login, connect| lines_of(&[shown(login, connect, 1)]);
        assert_eq!(lines(Some(5), Some(4)), [Some(1), Some(2)]);
        assert_eq!(lines(Some(5), Some(5)), [Some(1), Some(2)]);
        assert_eq!(lines(Some(5), None), [Some(1), Some(2)]);
        assert_eq!(lines(Some(4), Some(5)), [Some(2), Some(2)]);
        assert_eq!(lines(None, Some(5)), [Some(2), Some(2)]);
        assert_eq!(lines(None, None), [None, Some(2)]);
        // Of several at one moment, a login line, and of these the one further ahead.
        let (close, login, other) = (shown(None, Some(5), 1), shown(Some(5), None, 5), shown(Some(5), None, 7));
        for order in [[close, login, other], [other, close, login], [login, other, close], [other, login, close]] {
            assert_eq!(lines_of(&order), [Some(5), Some(2)]);
        }
    }
}
