//! Index: from hashes to the numbers of things that lie elsewhere.
//!
//! A look-up of a large table is two cache misses, one here and one there, and whoever looks up many should let them overlap:
//! by looking at all places here first, then at all things there, and only then doing something.

/// Looks at things for no other reason than that the processor fetches what they lie in, side by side.
#[inline(always)]
pub fn touch<T: Into<u64>>(things: impl Iterator<Item = T>) {
    std::hint::black_box(things.fold(0, |all: u64, thing| all ^ thing.into()));
}

/// From a hash to the number of a thing. Open addressing: what is not at its place stands behind it, without a gap.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// A power of two, or none.
    slots: Vec<Slot>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    number: u32,
}

/// No number: nothing is there.
pub const NOBODY: u32 = u32::MAX;
const FREE: Slot = Slot { hash: 0, number: NOBODY };
/// So many slots there are at first.
const FIRST: usize = 16;

impl Index {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number that a hash finds first, which nearly always is the right one; [`NOBODY`] if the hash is not there.
    #[inline]
    pub fn first(&self, hash: u32) -> u32 {
        self.find(hash, |_| true).unwrap_or(NOBODY)
    }

    /// The number at the place of a hash, if it is there under it; [`NOBODY`] otherwise, although it may stand behind that place.
    /// No branch depends on what is there, so that the misses of many look-ups overlap.
    #[inline]
    pub fn fetch(&self, hash: u32) -> u32 {
        let slot = self.slots.get(self.home(hash)).copied().unwrap_or(FREE);
        if slot.hash == hash { slot.number } else { NOBODY }
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        hash as usize & self.slots.len().wrapping_sub(1)
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & self.slots.len().wrapping_sub(1)
    }

    /// The number with a hash that is the right one.
    #[inline]
    pub fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.seek(hash, is).1
    }

    /// Where a hash is looked for: the place of the number with that hash that is the right one, and that number; or the free place
    /// where it would stand. There must be room for one more. The place is that until something else changes.
    #[inline(always)]
    pub fn seek(&self, hash: u32, is: impl Fn(u32) -> bool) -> (usize, Option<u32>) {
        let mut at = self.home(hash);
        loop {
            // Half of the slots are free: the loop ends.
            match self.slots.get(at).copied().unwrap_or(FREE) {
                Slot { number: NOBODY, .. } => return (at, None),
                slot if slot.hash == hash && is(slot.number) => return (at, Some(slot.number)),
                _ => at = self.next(at),
            }
        }
    }

    /// Puts a number, which is not [`NOBODY`], at the place that [`Index::seek`] found for its hash.
    #[inline(always)]
    pub fn set(&mut self, at: usize, hash: u32, number: u32) {
        if let Some(slot) = self.slots.get_mut(at) {
            self.len += usize::from(slot.number == NOBODY);
            *slot = Slot { hash, number };
        }
    }

    /// Makes room for more numbers.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        if (self.len + more) * 2 > self.slots.len() {
            self.grow((self.len + more) * 2);
        }
    }

    #[cold]
    fn grow(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![FREE; slots.next_power_of_two().max(FIRST)]);
        self.len = 0;
        old.into_iter().filter(|slot| slot.number != NOBODY).for_each(|slot| self.add(slot.hash, slot.number));
    }

    /// Adds a number for which there is room.
    #[inline]
    fn add(&mut self, hash: u32, number: u32) {
        let (at, _) = self.seek(hash, |_| false);
        self.set(at, hash, number);
    }

    /// Adds a number, which is not there and not [`NOBODY`].
    #[inline]
    pub fn insert(&mut self, hash: u32, number: u32) {
        self.reserve(1);
        self.add(hash, number);
    }

    /// Where a number is, if it is there under this hash.
    #[inline]
    fn slot_of(&self, hash: u32, number: u32) -> Option<usize> {
        let (at, there) = self.seek(hash, |other| other == number);
        there.map(|_| at)
    }

    /// Puts another number in the place of one.
    #[inline]
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) {
        let slot = self.slot_of(hash, old).and_then(|at| self.slots.get_mut(at));
        if let Some(slot) = slot {
            slot.number = new;
        }
    }

    /// Takes out a number, if it is there under this hash.
    pub fn remove(&mut self, hash: u32, number: u32) {
        let Some(mut hole) = self.slot_of(hash, number) else { return };
        self.len -= 1;
        // What stands behind it moves up, unless that would be before its place.
        let mut at = self.next(hole);
        while let Some(slot) = self.slots.get(at).copied().filter(|slot| slot.number != NOBODY) {
            let distance = |from: usize| at.wrapping_sub(from) & self.slots.len().wrapping_sub(1);
            if distance(self.home(slot.hash)) >= distance(hole) {
                if let Some(place) = self.slots.get_mut(hole) {
                    *place = slot;
                }
                hole = at;
            }
            at = self.next(at);
        }
        if let Some(place) = self.slots.get_mut(hole) {
            *place = FREE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn as_a_map_does() {
        let mut random = 1_u64;
        let mut random = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        // Few hashes, so that there are long runs, and some that lie at the end of the slots.
        for hashes in [1, 3, 40, 4000] {
            let (mut index, mut map) = (Index::default(), BTreeMap::new());
            assert_eq!((index.find(7, |_| true), index.first(7)), (None, NOBODY));
            for _ in 0..20_000 {
                let number = random(300) as u32;
                let hash = |number: u32| ((u64::from(number) % hashes) as u32).wrapping_mul(0x9E37_79B1);
                match map.remove(&number) {
                    Some(()) => index.remove(hash(number), number),
                    None if number.is_multiple_of(2) => {
                        index.reserve(1);
                        let (at, there) = index.seek(hash(number), |other| other == number);
                        assert_eq!(there, None);
                        index.set(at, hash(number), number);
                        map.insert(number, ());
                    }
                    None => {
                        index.insert(hash(number), number);
                        map.insert(number, ());
                    }
                }
                index.replace(hash(number), number, number + 300);
                let (at, there) = index.seek(hash(number), |other| other == number + 300);
                assert_eq!(there.is_some(), map.contains_key(&number));
                if there.is_some() {
                    index.set(at, hash(number), number);
                }
                assert_eq!(index.len(), map.len());
                let other = random(300) as u32;
                index.remove(hash(other).wrapping_add(1), other);
                let there = map.contains_key(&other).then_some(other);
                assert_eq!(index.find(hash(other), |number| number == other), there);
                assert_eq!(index.find(hash(other), |_| true).is_some(), map.keys().any(|n| hash(*n) == hash(other)));
                let fetched = index.fetch(hash(other));
                assert!(fetched == NOBODY || (map.contains_key(&fetched) && hash(fetched) == hash(other)));
            }
        }
    }
}
