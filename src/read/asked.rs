//! Asked: whether a line can be a login or close of a user who is asked for, told without reading its message.
//!
//! In every built-in template of a login or a close the user is the word behind the first blank behind the peer's `]`. So a line tells
//! of a user only if behind some `] ` of it stands their name, as R2 compares names.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;
use wide::u8x16;

use crate::grammar::{ONES, eight};
use crate::parse::Names;

/// So many bits of a hash are kept of a name's first eight bytes.
const BITS: u32 = 16;
/// Of more users, nearly every word begins as one of their names does.
const MANY: usize = 1 << (BITS - 3);

/// A set of users.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Which hashes the beginnings of their names have: of nearly all other words, that is all that is looked at.
    places: Vec<u64>,
    users: FxHashSet<Vec<u8>>,
    names: Names,
}

impl Asked {
    /// Of the users as R2 has them; none where no user is named, or too many.
    pub(super) fn new(users: &BTreeSet<Vec<u8>>, names: &Names) -> Option<Asked> {
        if users.is_empty() || users.len() > MANY {
            return None;
        }
        let places = vec![0; 1 << (BITS - 6)];
        let mut asked = Asked { places, users: users.iter().cloned().collect(), names: names.clone() };
        for user in users {
            asked.add(&[user, &b" "[..]].concat());
            asked.add(&[user, &names.default_domain[..], b" "].concat());
        }
        Some(asked)
    }

    fn add(&mut self, text: &[u8]) {
        let place = place_of(text);
        if let Some(places) = self.places.get_mut(place / 64) {
            *places |= 1 << (place % 64);
        }
    }

    /// Where in a block their names stand behind a `] `, in order.
    pub(super) fn named_in(&self, block: &[u8]) -> Vec<usize> {
        let mut named = Vec::new();
        let mut words = Words { at: [0; ROOM], count: 0 };
        let (chunks, nexts) = (block.as_chunks().0, block.get(1..).unwrap_or_default().as_chunks().0);
        for (i, (chunk, next)) in chunks.iter().zip(nexts).enumerate() {
            if words.count > ROOM - 64 {
                self.look_at(&mut words, block, &mut named);
            }
            words.put(peer_ends(chunk, next), 64 * i);
        }
        self.look_at(&mut words, block, &mut named);
        // The last bytes are no chunk that has a next one.
        let rest = chunks.len().min(nexts.len()) * 64;
        let tail = block.get(rest..).unwrap_or_default();
        let behind = memchr::memmem::find_iter(tail, b"] ").map(|at| rest + at + 2);
        named.extend(behind.filter(|at| self.is_named(block, *at)));
        named
    }

    fn look_at(&self, words: &mut Words, block: &[u8], named: &mut Vec<usize>) {
        let found = words.at.get(..words.count).unwrap_or_default().iter().map(|at| *at as usize);
        named.extend(found.filter(|at| self.is_named(block, *at)));
        words.count = 0;
    }

    /// Whether the word that begins here is one of their names.
    #[inline]
    fn is_named(&self, block: &[u8], at: usize) -> bool {
        let text = block.get(at..).unwrap_or_default();
        let place = place_of(text);
        self.places.get(place / 64).is_some_and(|places| places >> (place % 64) & 1 == 1) && self.is_user(text)
    }

    #[inline(never)]
    fn is_user(&self, text: &[u8]) -> bool {
        let word = memchr::memchr(b' ', text).and_then(|end| text.get(..end));
        word.is_some_and(|word| self.users.contains(self.names.user(word, &mut Vec::new())))
    }
}

/// The hash of a word, without regard to case, from the first eight bytes up to the blank behind it.
#[inline]
fn place_of(text: &[u8]) -> usize {
    let text = eight(text);
    let others = text ^ (ONES * u64::from(b' '));
    // The lowest byte that is a blank has its highest bit here, and none below it has.
    let blank = others.wrapping_sub(ONES) & !others & (ONES << 7);
    let word = (text | (ONES * 0x20)) & (blank & blank.wrapping_neg()).wrapping_sub(1);
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS)) as usize
}

/// Where words begin. They are found before any is looked at, which leaves the processor no branch to mispredict.
#[derive(Debug)]
struct Words {
    at: [u32; ROOM],
    count: usize,
}

const ROOM: usize = 512;

impl Words {
    /// Adds those behind the ends of peers that 64 bytes from `from` on have.
    #[inline]
    fn put(&mut self, ends: u64, from: usize) {
        let from = from as u32 + 2;
        let mut rest = ends;
        // Two at a time, whether there are so many or not: one is usual.
        while let Some(two) = self.at.get_mut(self.count..).and_then(|free| free.first_chunk_mut::<2>()) {
            for at in two {
                *at = from + rest.trailing_zeros();
                self.count += usize::from(rest != 0);
                rest &= rest.wrapping_sub(1);
            }
            if rest == 0 {
                break;
            }
        }
    }
}

/// Which of 64 bytes are a `]` before a blank; `next` are the bytes from the second on.
#[inline]
fn peer_ends(chunk: &[u8; 64], next: &[u8; 64]) -> u64 {
    let pairs = chunk.as_chunks::<16>().0.iter().zip(next.as_chunks::<16>().0);
    pairs.enumerate().fold(0, |ends, (i, (chunk, next))| {
        let closed = u8x16::new(*chunk).cmp_eq(u8x16::splat(b']'));
        let blank = u8x16::new(*next).cmp_eq(u8x16::splat(b' '));
        ends | u64::from((closed & blank).move_mask() as u16) << (16 * i)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{Grammars, Kind};

    fn asked(users: &[&str], domain: &str) -> Asked {
        let users = users.iter().map(|u| u.as_bytes().to_vec()).collect();
        let names = Names { default_domain: domain.into(), ..Names::default() };
        Asked::new(&users, &names).unwrap()
    }

    #[test]
    fn every_template_has_its_user_behind_a_peer() {
        let grammars = Grammars::new(&[]).unwrap();
        let told = grammars.templates().iter().filter(|t| matches!(t.meaning.kind, Kind::Login | Kind::Close));
        let texts: Vec<&str> = told.map(|t| t.text.as_str()).collect();
        assert!(texts.len() >= 6, "{texts:?}");
        assert!(texts.iter().all(|text| text.contains("] {user} ")), "{texts:?}");
    }

    #[test]
    fn r2_names_as_they_are_compared() {
        let asked = asked(&["ed", "longer.than.eight", "é", "@example.com"], "@example.com");
        let is_named = |text: &str| !asked.named_in(text.as_bytes()).is_empty();
        for text in ["ed x", "ED x", "eD@Example.COM x", "Longer.Than.Eight x", "é x", "@example.com x", "ed 2019/5/29"]
        {
            assert!(is_named(&format!("login [192.0.2.7:1] {text}")), "{text}");
            assert!(is_named(&format!("x] x ] y] {text}")), "{text}");
        }
        for text in [
            "edward x",
            "e x",
            "d ed",
            "ed",
            "É x",
            "longer.than.nine x",
            "ed.x@example.com ",
            "[192.0.2.7:1]",
            "[192.0.2.7:1]  ed x",
        ] {
            assert!(!is_named(&format!("login [192.0.2.7:1] {text}")), "{text}");
        }
    }

    #[test]
    fn at_every_place_of_a_block() {
        let asked = asked(&["ed"], "");
        for length in 0..200 {
            for behind in 0..70 {
                let block = format!("{}] ed {}", "] a".repeat(70).get(..length).unwrap(), "x".repeat(behind));
                assert_eq!(asked.named_in(block.as_bytes()), [length + 2], "{block}");
            }
        }
        // More words than are found before they are looked at.
        let block = "] ed ] ann ".repeat(5000);
        let at: Vec<usize> = (0..5000).map(|i| 11 * i + 2).collect();
        assert_eq!(asked.named_in(block.as_bytes()), at);
        let block = "] ] ] ]".repeat(5000) + "] ed ";
        assert_eq!(asked.named_in(block.as_bytes()), [35_002]);
    }

    #[test]
    fn too_many_are_no_set() {
        let users = |n: usize| (0..n).map(|i| format!("user{i}").into_bytes()).collect();
        assert!(Asked::new(&users(0), &Names::default()).is_none());
        assert!(Asked::new(&users(MANY), &Names::default()).is_some());
        assert!(Asked::new(&users(MANY + 1), &Names::default()).is_none());
    }
}
