//! Things that are found by number until they are released.

use crate::index::{get_or_last, push};

/// Numbered things. Numbers of those that were released are given anew.
#[derive(Debug)]
pub(super) struct Slab<T> {
    things: Vec<T>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab { things: Vec::new(), free: Vec::new() }
    }
}

impl<T: Clone> Slab<T> {
    /// Becomes a copy of another.
    pub(super) fn copy_of(&mut self, other: &Slab<T>) {
        self.things.clone_from(&other.things);
        self.free.clone_from(&other.free);
    }
}

impl<T: Default> Slab<T> {
    /// Puts a thing to the others: its number.
    #[inline]
    pub(super) fn put(&mut self, thing: T) -> u32 {
        let number = self.add();
        if let Some(place) = self.get_mut(number) {
            *place = thing;
        }
        number
    }

    /// Adds a thing as it is by default: its number.
    #[inline]
    pub(super) fn add(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            push(&mut self.things, T::default());
            (self.things.len() - 1) as u32
        })
    }

    /// As [`get_or_last`] says.
    #[inline(always)]
    pub(super) fn get_or_last(&self, number: u32) -> Option<&T> {
        get_or_last(&self.things, number)
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.things.get(number as usize)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.things.get_mut(number as usize)
    }

    /// How many things there are that were not released.
    pub(super) fn len(&self) -> usize {
        self.things.len() - self.free.len()
    }

    /// All things; what was released is as by default.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.things.iter()
    }

    /// Forgets a thing.
    #[inline]
    pub(super) fn release(&mut self, number: u32) {
        if let Some(thing) = self.things.get_mut(number as usize) {
            *thing = T::default();
            self.free.push(number);
        }
    }

    /// Forgets all things.
    pub(super) fn clear(&mut self) {
        self.things.clear();
        self.free.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_takes_no_room() {
        let mut slab = Slab::default();
        assert_eq!([slab.put('a'), slab.put('b')], [0, 1]);
        slab.release(0);
        assert_eq!((slab.put('c'), slab.get(0)), (0, Some(&'c')));
        slab.release(1);
        slab.clear();
        assert_eq!((slab.get(0), slab.iter().count()), (None, 0));
        assert_eq!([slab.put('d'), slab.put('e')], [0, 1]);
    }
}
