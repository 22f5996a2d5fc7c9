//! Index: from hashes to the numbers of things that lie elsewhere.
//!
//! A look-up of a large table is two cache misses, one here and one there, and whoever looks up many should let them overlap:
//! by looking at all places here first, then at all things there, and only then doing something.

use wide::{CmpEq, i32x8};

/// Looks at things for no other reason than that the processor fetches what they lie in, side by side.
#[inline(always)]
pub fn touch<T: Into<u64>>(things: impl Iterator<Item = T>) {
    std::hint::black_box(things.fold(0, |all: u64, thing| all ^ thing.into()));
}

/// A thing by its number, or the last one where there is none of this number: to look at many so takes no branch.
#[inline(always)]
pub fn get_or_last<T>(things: &[T], number: u32) -> Option<&T> {
    things.get((number as usize).min(things.len().wrapping_sub(1)))
}

/// Puts a thing to others. Where there is no room left, few things get room for eight times as many: memory that nobody has written to
/// costs nothing, but to move all things whenever they are twice as many costs as much again as to write them. Many get room for as
/// many again, since memory may be limited even where nobody writes to it.
#[inline(always)]
pub fn push<T>(things: &mut Vec<T>, thing: T) {
    const AT_LEAST: usize = 512;
    const MANY: usize = 1 << 14;
    if things.len() == things.capacity() {
        let len = things.len();
        things.reserve_exact(if len < MANY { 7 * len.max(AT_LEAST) } else { len });
    }
    things.push(thing);
}

/// A product whose upper half is folded into the lower: all bits of both numbers are in all of its.
#[inline(always)]
pub fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// So many slots a bucket has: one cache line of them.
const SLOTS: usize = 8;
/// So many slots of a bucket are taken on average at most, so that few are full.
const TAKEN: usize = 5;

/// From a hash to the number of a thing. Each hash has a bucket, all of which is looked at without a branch; only what finds its bucket
/// full stands in one behind it, and every bucket in between is full.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// A power of two, or none.
    buckets: Vec<Bucket>,
    len: usize,
}

/// The slots of one bucket: those that are taken stand before the free ones, whose number is [`NOBODY`].
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Bucket {
    hashes: [u32; SLOTS],
    numbers: [u32; SLOTS],
}

/// No number: nothing is there.
pub const NOBODY: u32 = u32::MAX;
const FREE: Bucket = Bucket { hashes: [0; SLOTS], numbers: [NOBODY; SLOTS] };

/// Which of some values are this one, as bits.
#[inline(always)]
fn equal(values: &[u32; SLOTS], to: u32) -> u32 {
    let all = |values: [u32; SLOTS]| i32x8::new(values.map(u32::cast_signed));
    all(*values).cmp_eq(all([to; SLOTS])).move_mask().cast_unsigned()
}

/// Which slots something is true of, as bits.
#[inline(always)]
fn bits(slots: [bool; SLOTS]) -> u32 {
    i32x8::new(slots.map(|is| -i32::from(is))).move_mask().cast_unsigned()
}

/// The places of bits.
#[inline(always)]
fn places(bits: u32) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)))
        .take_while(|bits| *bits != 0)
        .map(|bits| bits.trailing_zeros() as usize)
}

impl Bucket {
    /// How many slots are taken.
    #[inline(always)]
    fn taken(&self) -> usize {
        (equal(&self.numbers, NOBODY) | 1 << SLOTS).trailing_zeros() as usize
    }

    /// Keeps the slots of these bits, and frees all others. No branch depends on it, since which of them stay is by chance.
    #[inline(always)]
    fn retain(&mut self, stays: u32) {
        let Bucket { hashes, numbers } = *self;
        self.numbers = [NOBODY; SLOTS];
        let mut len = 0;
        for (slot, (hash, number)) in hashes.into_iter().zip(numbers).enumerate() {
            let stays = stays >> slot & 1;
            // What does not stay leaves nobody, in whose place the next may stand.
            if let (Some(of_hash), Some(of_number)) =
                (self.hashes.get_mut(len % SLOTS), self.numbers.get_mut(len % SLOTS))
            {
                (*of_hash, *of_number) = (hash, number | stays.wrapping_sub(1));
            }
            len += stays as usize;
        }
    }

    /// What is there, by hash and number.
    fn all(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        self.hashes.into_iter().zip(self.numbers).take_while(|(_, number)| *number != NOBODY)
    }

    /// What stands in a slot, by hash and number.
    fn get(&self, slot: usize) -> Option<(u32, u32)> {
        self.hashes.get(slot).copied().zip(self.numbers.get(slot).copied())
    }

    fn is_full(&self) -> bool {
        self.numbers.last().is_some_and(|last| *last != NOBODY)
    }
}

/// Where a number is, or would be: its bucket, and its slot in it.
pub type Place = (usize, usize);

impl Index {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Something of a hash's bucket: looking at that of many makes the processor fetch them side by side.
    #[inline(always)]
    pub fn glance(&self, hash: u32) -> u32 {
        self.buckets.get(self.home(hash)).map_or(0, |bucket| bucket.hashes.first().copied().unwrap_or(0))
    }

    /// The first number under a hash in its bucket, which nearly always is the right one; [`NOBODY`] if there is none, although one may
    /// stand in a bucket behind that. No branch depends on what is there, so that the misses of many look-ups overlap.
    #[inline]
    pub fn fetch(&self, hash: u32) -> u32 {
        let bucket = self.buckets.get(self.home(hash)).unwrap_or(&FREE);
        let found = equal(&bucket.hashes, hash);
        let number = bucket.numbers.get(found.trailing_zeros() as usize % SLOTS).copied().unwrap_or(NOBODY);
        if found == 0 { NOBODY } else { number }
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        hash as usize & self.buckets.len().wrapping_sub(1)
    }

    fn next(&self, bucket: usize) -> usize {
        (bucket + 1) & self.buckets.len().wrapping_sub(1)
    }

    /// The number with a hash that is the right one.
    #[inline]
    pub fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.seek(hash, is).1
    }

    /// Where a hash is looked for: the place of the number with that hash that is the right one, and that number; or the free place
    /// where it would stand. There must be room for one more. The place is that until something else changes.
    #[inline(always)]
    pub fn seek(&self, hash: u32, is: impl Fn(u32) -> bool) -> (Place, Option<u32>) {
        let mut at = self.home(hash);
        loop {
            // More slots are free than one: the loop ends.
            let bucket = self.buckets.get(at).unwrap_or(&FREE);
            for place in places(equal(&bucket.hashes, hash)) {
                match bucket.numbers.get(place) {
                    Some(number) if *number != NOBODY && is(*number) => return ((at, place), Some(*number)),
                    _ => {}
                }
            }
            if !bucket.is_full() {
                return ((at, bucket.taken()), None);
            }
            at = self.next(at);
        }
    }

    /// Puts a number, which is not [`NOBODY`], at the place that [`Index::seek`] found for its hash.
    #[inline(always)]
    pub fn set(&mut self, (bucket, place): Place, hash: u32, number: u32) {
        let Some(bucket) = self.buckets.get_mut(bucket) else { return };
        if let (Some(of_hash), Some(of_number)) = (bucket.hashes.get_mut(place), bucket.numbers.get_mut(place)) {
            self.len += usize::from(*of_number == NOBODY);
            (*of_hash, *of_number) = (hash, number);
        }
    }

    /// Makes room for more numbers.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        self.make_room(more, |_| true);
    }

    /// Makes room for more numbers. If there is none, numbers that need not stay are forgotten: to leave them there until then takes
    /// less time than to look each of them up in order to take it out. What `stays` says of [`NOBODY`] counts for nothing.
    #[inline(always)]
    pub fn make_room(&mut self, more: usize, stays: impl Fn(u32) -> bool) {
        if self.len + more > self.buckets.len() * TAKEN {
            self.grow(more, stays);
        }
    }

    #[cold]
    fn grow(&mut self, more: usize, stays: impl Fn(u32) -> bool) {
        let elsewhere = self.sweep(stays);
        // A quarter is left for those that come next: so often it is swept at most.
        let staying = self.len + elsewhere.len();
        let buckets = (staying + staying / 3 + more).div_ceil(TAKEN).next_power_of_two();
        if buckets > self.buckets.len() {
            let old = std::mem::replace(&mut self.buckets, vec![FREE; buckets]);
            self.len = 0;
            old.iter().flat_map(Bucket::all).for_each(|(hash, number)| self.add(hash, number));
        }
        elsewhere.into_iter().for_each(|(hash, number)| self.add(hash, number));
    }

    /// Takes out what need not stay, and, since that makes room in buckets that were full, what stands in another bucket than its own:
    /// those.
    fn sweep(&mut self, stays: impl Fn(u32) -> bool) -> Vec<(u32, u32)> {
        let mut elsewhere = Vec::new();
        let own = self.buckets.len().wrapping_sub(1) as u32;
        for (at, bucket) in (0..).zip(&mut self.buckets) {
            let staying = bits(bucket.numbers.map(&stays)) & !equal(&bucket.numbers, NOBODY);
            let home = bits(bucket.hashes.map(|hash| hash & own == at));
            let strays = staying & !home;
            elsewhere.extend(places(strays).filter_map(|slot| bucket.get(slot)));
            self.len -= bucket.taken() - (staying & home).count_ones() as usize;
            bucket.retain(staying & home);
        }
        elsewhere
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

    /// Puts another number in the place of one, if that is there under this hash.
    pub fn replace(&mut self, hash: u32, old: u32, new: u32) {
        if let (at, Some(_)) = self.seek(hash, |other| other == old) {
            self.set(at, hash, new);
        }
    }

    /// Takes out a number, if it is there under this hash.
    #[inline]
    pub fn remove(&mut self, hash: u32, number: u32) {
        if let (place, Some(_)) = self.seek(hash, |other| other == number)
            && self.free(place)
        {
            self.fill(place.0);
        }
    }

    /// Frees a place, which the last of its bucket takes; whether that was full.
    #[inline]
    fn free(&mut self, (bucket, place): Place) -> bool {
        let Some(bucket) = self.buckets.get_mut(bucket) else { return false };
        self.len -= 1;
        let last = bucket.taken().saturating_sub(1);
        let moved = (bucket.hashes.get(last).copied(), bucket.numbers.get(last).copied());
        if let ((Some(hash), Some(number)), Some(of_hash), Some(of_number)) =
            (moved, bucket.hashes.get_mut(place), bucket.numbers.get_mut(place))
        {
            (*of_hash, *of_number) = (hash, number);
        }
        if let Some(of_last) = bucket.numbers.get_mut(last) {
            *of_last = NOBODY;
        }
        last + 1 == SLOTS
    }

    /// What stands behind a bucket that was full moves up into it, unless that would be before its own.
    #[cold]
    fn fill(&mut self, mut hole: usize) {
        let mut at = self.next(hole);
        while at != hole {
            let bucket = self.buckets.get(at).copied().unwrap_or(FREE);
            let moves = bucket.all().enumerate().find(|(_, (hash, _))| self.may_move(*hash, at, hole));
            if let Some((place, (hash, number))) = moves {
                self.free((at, place));
                self.set((hole, SLOTS - 1), hash, number);
                hole = at;
            }
            if !bucket.is_full() {
                return;
            }
            at = self.next(at);
        }
    }

    /// Whether a hash may move from one bucket to another before it: its own does not stand between the two.
    fn may_move(&self, hash: u32, from: usize, to: usize) -> bool {
        let behind = |bucket: usize| from.wrapping_sub(bucket) & self.buckets.len().wrapping_sub(1);
        behind(self.home(hash)) >= behind(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    /// Numbers that need not stay go when there is no room for others, and all others are found, also where buckets are full.
    #[test]
    fn what_need_not_stay_takes_no_room() {
        for hashes in [1, 7, u32::MAX] {
            let hash = |number: u32| (number % hashes).wrapping_mul(0x9E37_79B1);
            let mut index = Index::default();
            for number in 0..3000_u32 {
                let stays = |other: u32| other.saturating_add(100) > number;
                index.make_room(1, stays);
                let (at, there) = index.seek(hash(number), |other| other == number);
                assert_eq!(there, None);
                index.set(at, hash(number), number);
                let is_there = |other: u32| index.find(hash(other), |found| found == other) == Some(other);
                assert!((number.saturating_sub(99)..=number).all(is_there), "{number} of {hashes} hashes");
                assert!((100..200).contains(&index.len()) || number < 100, "{}", index.len());
                assert!(index.buckets.len() <= 32);
            }
        }
    }

    #[test]
    fn as_a_map_does() {
        let mut random = Random(1);
        // Few hashes, so that there are long runs, and some that lie at the end of the slots.
        for hashes in [1, 3, 40, 4000] {
            let (mut index, mut map) = (Index::default(), BTreeMap::new());
            assert_eq!((index.find(7, |_| true), index.fetch(7)), (None, NOBODY));
            for _ in 0..20_000 {
                let number = random.below(300) as u32;
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
                let other = random.below(300) as u32;
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
