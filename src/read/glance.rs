//! Glance: the date of a line by its beginning, and lines that one look at is enough to pass over.
//!
//! Nearly all lines of a block begin as the line before does, but for the clock. So where one may be passed over, those behind it
//! that begin alike are gone through without being cut out first: where each ends is looked for in so many bytes at once as most
//! lines have. What is not that simple ends the look, and is left to the [`Sieve`](super::sieve::Sieve).

use std::ops::Range;

use wide::u8x16;

use crate::grammar::{self, Day};
use crate::kept::{Began, Bounds, When};
use crate::model::DAY;

/// The bytes of a stamp, without brackets, and where its clock stands.
pub(super) const STAMP: usize = 26;
const CLOCK: Range<usize> = 12..20;

/// Where the host stands in a line, behind `[`, the stamp and `] `.
pub(super) const HOST: usize = STAMP + 3;

/// So much of a line has its stamp and eight bytes of its host.
const HEAD: usize = 40;

/// So many bytes of a line that begins alike need no look: there is no newline among them, and no peer.
const BEGUN: usize = 32;

/// So many bytes behind those are looked at at once: most lines end there.
const LOOK: usize = 128;

/// What the beginnings of lines with one date, offset and host say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Such a beginning, and which bits of it must be the same: all but the clock, up to the host and the blank behind it.
    text: [u64; HEAD / 8],
    mask: [u64; HEAD / 8],
    pub(super) date: Date,
}

/// The date of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    /// The day by the clock, counted from 1970.
    pub(super) day: i64,
    /// The offset, in minutes.
    pub(super) offset: i16,
    /// Where its lines lie.
    pub(super) when: When,
}

impl Date {
    /// A start field, if it is not behind the end of its line. `day` is that of the one before.
    #[inline]
    pub(super) fn began(self, line: &[u8], start: &[u8], day: &mut Day) -> Option<Began> {
        let local = day.start(start)?.local;
        let (_, second) = grammar::time(clock(line)?).ok()?;
        (local <= self.day * DAY + i64::from(second)).then_some(Began::new(local, self.offset))
    }

    /// Of a line from behind a window: whether it is no close line, or its session began outside as well.
    #[inline]
    pub(super) fn tells_of_nothing_inside(self, line: &[u8], bounds: &Bounds, day: &mut Day) -> bool {
        start_in(line).is_none_or(|start| self.began_outside(line, start, bounds, day))
    }

    #[inline]
    fn began_outside(self, line: &[u8], start: &[u8], bounds: &Bounds, day: &mut Day) -> bool {
        self.began(line, start, day).is_some_and(|began| bounds.are_outside(began, began))
    }
}

impl Known {
    /// Of a line with a bracket before its stamp, or none, and with its host there, or the first bytes of it.
    pub(super) fn of(line: &[u8], bracket: usize, host: Range<usize>, date: Date) -> Option<Known> {
        let head = line.first_chunk::<HEAD>()?;
        let clock = bracket + CLOCK.start..bracket + CLOCK.end;
        let end = (host.end + 1).min(host.start + 8);
        let mask = std::array::from_fn(|i| if i >= end || clock.contains(&i) { 0 } else { u8::MAX });
        Some(Known { text: words(head), mask: words(&mask), date })
    }

    /// Whether a line begins alike.
    #[inline]
    pub(super) fn is_of(&self, head: &[u8; HEAD]) -> bool {
        let texts = words(head).into_iter().zip(self.text);
        let differ = texts.zip(self.mask).fold(0, |differ, ((one, other), mask)| differ | (one ^ other) & mask);
        differ == 0 && clock(head).is_some_and(grammar::is_clock)
    }

    /// How many bytes, and lines, at the beginning of a text a look at each is enough to pass over. It names no user who is asked for,
    /// if such lines may be of the window.
    pub(super) fn glance(&self, text: &[u8], bounds: &Bounds, day: &mut Day) -> (usize, u64) {
        // A host of one letter: what stands behind it may be anything.
        if self.mask.get(BEGUN / 8 - 1) != Some(&u64::MAX) {
            return (0, 0);
        }
        match self.date.when {
            When::Before | When::Around => self.run(text, |_, _| true),
            When::Behind => self.run(text, |line, length| self.tells_of_nothing(line, length, bounds, day)),
        }
    }

    /// Goes through lines that begin alike for as long as they are what this says, by what is looked at of each and its length.
    #[inline(always)]
    fn run(&self, text: &[u8], mut passes: impl FnMut(&[u8; BEGUN + LOOK], usize) -> bool) -> (usize, u64) {
        // Behind a stamp, the peer of a close line has its bracket no sooner.
        const { assert!(BEGUN <= STAMP + b"close ".len()) }
        let (mut at, mut lines) = (0, 0);
        while let Some(line) = text.get(at..).and_then(<[u8]>::first_chunk)
            && line.first_chunk().is_some_and(|head| self.is_of(head))
        {
            let newlines = places(line, b'\n');
            let length = BEGUN + newlines.trailing_zeros() as usize;
            if newlines == 0 || !passes(line, length) {
                break;
            }
            (at, lines) = (at + length + 1, lines + 1);
        }
        (at, lines)
    }

    /// As [`Date::tells_of_nothing_inside`], of a line of this length.
    #[inline(always)]
    fn tells_of_nothing(&self, line: &[u8; BEGUN + LOOK], length: usize, bounds: &Bounds, day: &mut Day) -> bool {
        let mut peers = places(line, b'[') & before(length);
        while peers != 0 {
            let peer = BEGUN + peers.trailing_zeros() as usize;
            if line.get(..peer).is_some_and(is_close) {
                let behind_peer = places(line, b' ') & !before(peer);
                let behind_user = behind_peer & behind_peer.wrapping_sub(1);
                let start = BEGUN + behind_user.trailing_zeros() as usize + 1;
                return line.get(start..length).is_some_and(|start| self.date.began_outside(line, start, bounds, day));
            }
            peers &= peers - 1;
        }
        true
    }
}

/// Where the start field of a line must be, if it can be a close line; of one without, nothing stands there.
#[inline]
pub(super) fn start_in(line: &[u8]) -> Option<&[u8]> {
    let close = memchr::memchr_iter(b'[', line).find(|at| line.get(..*at).is_some_and(is_close))?;
    let behind_blank = |text: &[u8]| memchr::memchr(b' ', text).map(|blank| blank + 1);
    let peer = line.get(close..).unwrap_or_default();
    let user = peer.get(behind_blank(peer).unwrap_or(peer.len())..).unwrap_or_default();
    Some(user.get(behind_blank(user).unwrap_or(user.len())..).unwrap_or_default())
}

/// Whether a peer behind this is one of a close line.
#[inline]
fn is_close(before: &[u8]) -> bool {
    before.ends_with(b"close ") || before.ends_with(b"logout ")
}

/// The clock of a stamp, with its bracket or without.
#[inline]
fn clock(line: &[u8]) -> Option<&[u8; 8]> {
    let bracket = usize::from(line.first() == Some(&b'['));
    line.get(bracket + CLOCK.start..)?.first_chunk()
}

#[inline]
fn words(bytes: &[u8; HEAD]) -> [u64; HEAD / 8] {
    let eights = bytes.as_chunks::<8>().0;
    std::array::from_fn(|i| eights.get(i).map_or(0, |eight| u64::from_le_bytes(*eight)))
}

/// Where a byte stands in a line, behind what needs no look: bit n belongs to the n-th byte there.
#[inline(always)]
fn places(line: &[u8; BEGUN + LOOK], byte: u8) -> u128 {
    let (chunks, _) = line.as_chunks::<16>();
    let (_, looked_at) = chunks.split_at(BEGUN / 16);
    let at = |(i, chunk): (usize, &[u8; 16])| {
        u128::from(u8x16::new(*chunk).cmp_eq(u8x16::splat(byte)).move_mask() as u16) << (16 * i)
    };
    looked_at.iter().enumerate().map(at).fold(0, |places, some| places | some)
}

/// The bits of [`places`] before this byte of a line, which is one that is looked at.
#[inline(always)]
fn before(byte: usize) -> u128 {
    (1 << ((byte - BEGUN) % LOOK)) - 1
}
