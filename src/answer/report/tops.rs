//! Tops: who had most sessions, in bounded memory.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::Ipv6Addr;
use std::path::Path;

use rustc_hash::FxHashMap;

use super::{Cut, Top};
use crate::answer::record::{Fields, put_stamp, put_text};
use crate::model::Stamp;
use crate::runs::{Merged, Runs};
use crate::text::visible;

/// So many names are counted in memory; what was counted is then put aside, to be added up in the end.
const NAMES: usize = 1 << 17;
/// Of the addresses of one user only so many are counted.
const DISTINCT: usize = 1 << 20;
/// So much of what was put aside is held, in bytes.
const HELD: usize = 8 << 20;

/// The greatest of what it was given, at most so many.
#[derive(Clone, Debug)]
pub(super) struct Greatest<T> {
    limit: usize,
    heap: BinaryHeap<Reverse<T>>,
    /// How many it was given.
    given: u64,
}

impl<T: Ord> Greatest<T> {
    pub(super) fn new(limit: usize) -> Greatest<T> {
        Greatest { limit, heap: BinaryHeap::new(), given: 0 }
    }

    /// Takes one that `make` gives; it need not be made where it `cannot` be among the greatest, being less than their least.
    pub(super) fn offer(&mut self, cannot: impl FnOnce(&T) -> bool, make: impl FnOnce() -> T) {
        self.given += 1;
        let is_full = self.heap.len() >= self.limit;
        if is_full && self.heap.peek().is_none_or(|Reverse(least)| cannot(least)) {
            return;
        }
        self.heap.push(Reverse(make()));
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    /// What both were given.
    pub(super) fn merge(mut self, other: Greatest<T>) -> Greatest<T> {
        let given = self.given + other.given;
        other.heap.into_iter().for_each(|Reverse(one)| self.offer(|_| false, || one));
        Greatest { given, ..self }
    }

    /// The greatest first.
    pub(super) fn finish(self) -> Cut<T> {
        // A `Reverse` that is less is one of something greater.
        let shown: Vec<T> = self.heap.into_sorted_vec().into_iter().map(|Reverse(one)| one).collect();
        Cut { left_out: self.given - shown.len() as u64, shown }
    }
}

/// What is counted of an address or a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) sessions: u64,
    users: u64,
    /// The number of the first user, and that of the last: users come one behind the other.
    first_user: u64,
    last_user: u64,
    last: Stamp,
}

impl Count {
    /// Takes sessions of a user; whether these are its first here.
    fn add(&mut self, user: u64, sessions: u64, last: Stamp) -> bool {
        let is_new = self.sessions == 0 || self.last_user != user;
        if self.sessions == 0 {
            *self = Count { first_user: user, last, ..Count::default() };
        }
        self.sessions += sessions;
        self.users += u64::from(is_new);
        self.last_user = user;
        self.last = later(self.last, last);
        is_new
    }
}

/// The later of two, of one instant that with the greater offset.
pub(super) fn later(one: Stamp, other: Stamp) -> Stamp {
    if (other.at, other.offset) > (one.at, one.offset) { other } else { one }
}

/// Sessions by name: of one part, whose users come one behind the other.
#[derive(Debug)]
pub(super) struct Counts<K> {
    names: FxHashMap<K, Count>,
    /// Which part, and how often something was put aside.
    part: u8,
    times: u32,
    aside: Runs,
}

/// What sessions are counted by.
pub(super) trait Name: Eq + std::hash::Hash {
    /// As bytes.
    fn put(&self, record: &mut Vec<u8>);
}

impl Name for Vec<u8> {
    fn put(&self, record: &mut Vec<u8>) {
        put_text(record, self);
    }
}

/// The high and the low half of an address, as of a [`crate::model::Peer`].
impl Name for [u64; 2] {
    fn put(&self, record: &mut Vec<u8>) {
        let [high, low] = self.map(u128::from);
        let ip = Ipv6Addr::from(high << 64 | low).to_canonical();
        put_text(record, ip.to_string().as_bytes());
    }
}

impl<K: Name> Counts<K> {
    /// Of a part; `tmpdir` is where too many of them go.
    pub(super) fn new(part: usize, tmpdir: &Path) -> Counts<K> {
        let part = u8::try_from(part).unwrap_or(u8::MAX);
        Counts { names: FxHashMap::default(), part, times: 0, aside: Runs::new(tmpdir, HELD) }
    }

    /// Counts sessions of a user, by their number; whether these are the first of this user here, `known` being how many names of theirs
    /// there were before.
    pub(super) fn add(&mut self, name: K, (user, known): (u64, u64), sessions: u64, last: Stamp) -> bool {
        let is_new = self.names.entry(name).or_default().add(user, sessions, last);
        if self.names.len() >= DISTINCT {
            self.put_aside();
        }
        is_new && known < DISTINCT as u64
    }

    /// A user is over.
    pub(super) fn pause(&mut self) {
        if self.names.len() >= NAMES {
            self.put_aside();
        }
    }

    fn put_aside(&mut self) {
        for (name, count) in self.names.drain() {
            self.aside.push(|record| {
                name.put(record);
                record.push(self.part);
                record.extend(self.times.to_be_bytes());
                for number in [count.sessions, count.users, count.first_user, count.last_user] {
                    record.extend(number.to_be_bytes());
                }
                put_stamp(record, Some(count.last));
            });
        }
        self.times += 1;
    }

    /// All that was counted.
    ///
    /// # Errors
    /// Some of it could not be put aside.
    pub(super) fn finish(mut self) -> io::Result<Runs> {
        self.put_aside();
        self.aside.finish()?;
        Ok(self.aside)
    }
}

/// A name with what was counted of it: more sessions make it greater, then a smaller name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    sessions: u64,
    name: Reverse<Vec<u8>>,
    users: u64,
    last: Stamp,
}

/// A name as it is put together from its records.
#[derive(Debug)]
struct Group {
    ranked: Ranked,
    /// The part and the last user of its last record.
    end: (u8, u64),
}

impl Group {
    /// Takes the next record of the name. A user who is the last of one record and the first of the next counts once.
    fn take(&mut self, part: u8, count: &Count) {
        let both = u64::from(self.end == (part, count.first_user));
        self.ranked.sessions += count.sessions;
        self.ranked.users += count.users - both;
        self.ranked.last = later(self.ranked.last, count.last);
        self.end = (part, count.last_user);
    }
}

/// The names with most sessions, from what was counted of all parts.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn tops(counted: &[Runs], limit: usize) -> io::Result<Cut<Top>> {
    let mut greatest = Greatest::new(limit);
    let mut over = |group: Option<Group>| {
        if let Some(Group { ranked, .. }) = group {
            greatest.offer(|least: &Ranked| ranked.sessions <= least.sessions, || ranked.clone());
        }
    };
    let mut group: Option<Group> = None;
    let mut merged = Merged::of(counted)?;
    while merged.next(|record| {
        let Some((name, part, count)) = read(record) else { return };
        match &mut group {
            Some(group) if group.ranked.name.0 == *name => group.take(part, &count),
            _ => {
                let Count { sessions, users, last_user, last, .. } = count;
                let ranked = Ranked { sessions, name: Reverse(name.into_owned()), users, last };
                over(group.replace(Group { ranked, end: (part, last_user) }));
            }
        }
    })? {}
    over(group);
    let Cut { shown, left_out } = greatest.finish();
    let top = |Ranked { sessions, name: Reverse(name), users, last }: Ranked| Top {
        name: visible(&name).into_owned(),
        sessions,
        others: users,
        last,
    };
    Ok(Cut { shown: shown.into_iter().map(top).collect(), left_out })
}

/// Name, part and count of a record.
fn read(record: &[u8]) -> Option<(Cow<'_, [u8]>, u8, Count)> {
    let mut from = Fields::of(record);
    let (name, part) = (from.text()?, from.byte()?);
    let _: [u8; 4] = from.take()?;
    let mut number = || from.take().map(u64::from_be_bytes);
    let (sessions, users, first_user, last_user) = (number()?, number()?, number()?, number()?);
    Some((name, part, Count { sessions, users, first_user, last_user, last: from.stamp()?? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_of_many() {
        let numbers = [5, 1, 9, 9, 3, 7];
        let of = |numbers: &[i32]| {
            let mut greatest = Greatest::new(3);
            numbers.iter().for_each(|n| greatest.offer(|least| n < least, || *n));
            greatest
        };
        let expected = Cut { shown: vec![9, 9, 7], left_out: 3 };
        assert_eq!(of(&numbers).finish(), expected);
        assert_eq!(of(&numbers[..2]).merge(of(&numbers[2..])).finish(), expected);
        assert_eq!(Greatest::<i32>::new(0).merge(of(&[])).finish(), Cut::default());
        let mut none = Greatest::new(0);
        none.offer(|_| false, || 1);
        assert_eq!(none.finish(), Cut { shown: Vec::new(), left_out: 1 });
    }

    #[test]
    fn names_are_counted_over_parts_and_what_was_put_aside() {
        let stamp = |at| Stamp { at, offset: 0 };
        let name = |text: &str| text.as_bytes().to_vec();
        let mut parts = [0, 1].map(|part| Counts::<Vec<u8>>::new(part, &std::env::temp_dir()));
        let [one, other] = &mut parts;
        assert!(one.add(name("a"), (1, 0), 2, stamp(7)));
        assert!(!one.add(name("a"), (1, 1), 1, stamp(5)));
        one.put_aside();
        // The same user once more, and another.
        one.add(name("a"), (1, 1), 1, stamp(6));
        one.add(name("a"), (2, 0), 1, stamp(3));
        one.add(name("b"), (2, 1), 4, stamp(3));
        // A user of the other part has a number of this one.
        other.add(name("a"), (2, 0), 1, stamp(9));
        other.add(name("c"), (2, 1), 4, stamp(3));
        let counted = parts.map(|part| part.finish().unwrap());
        let top = |name: &str, sessions, others, at| Top { name: name.to_owned(), sessions, others, last: stamp(at) };
        let shown = vec![top("a", 6, 3, 9), top("b", 4, 1, 3)];
        assert_eq!(tops(&counted, 2).unwrap(), Cut { shown, left_out: 1 });
    }
}
