//! Armed: of which users and addresses a login that succeeds may make a finding.

use std::hash::{BuildHasher, Hash};
use std::io;

use super::{Event, Side, Thresholds, events};
use crate::answer::clients::{WITHIN, each_login};
use crate::model::{Instant, Peer};
use crate::runs::Runs;

/// So many bits there are for each entry at least.
const BITS: usize = 16;
/// So many words of bits at most: 16 MiB. If that is too few, more logins are kept than need be, and the findings are the same.
const WORDS: usize = 1 << 21;

/// A set of users, each within some time, and of addresses. It may say yes to others, never no to these.
#[derive(Debug, Default)]
pub struct Armed {
    own: Bits,
    /// Users who logged in from such an address through a multiplexor.
    behind: Bits,
    within: Instant,
}

/// A set of hashes, which may say yes to others.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Room for so many.
    fn with_room(count: usize) -> Bits {
        let words = (count * BITS / 64).next_power_of_two().clamp(64, WORDS);
        Bits(if count == 0 { Vec::new() } else { vec![0; words] })
    }

    fn places(&self, key: u64) -> [usize; 2] {
        let mask = self.0.len() * 64 - 1;
        [key as usize & mask, (key >> 32) as usize & mask]
    }

    fn add(&mut self, key: u64) {
        for place in self.places(key) {
            if let Some(word) = self.0.get_mut(place / 64) {
                *word |= 1 << (place % 64);
            }
        }
    }

    fn has(&self, key: u64) -> bool {
        let is_set = |place: &usize| self.0.get(place / 64).is_some_and(|w| w >> (place % 64) & 1 == 1);
        !self.0.is_empty() && self.places(key).iter().all(is_set)
    }
}

impl Armed {
    /// Those with as many refusals within the window as must stand before a success; `by_user` and `by_address` are all refusals.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn new(by_user: &[Runs], by_address: &[Runs], thresholds: &Thresholds) -> io::Result<Armed> {
        let within = thresholds.within.max(1);
        let users = || {
            let mut keys = Vec::new();
            runs_of(Side::User, by_user, thresholds, |event, first| {
                // From the first of these refusals until the window is over: a login between them ends the run.
                let bucket = first.div_euclid(within);
                keys.extend([bucket, bucket + 1].map(|bucket| of_user(&event.group, bucket)));
                let known = keys.len().checked_sub(4).is_some_and(|at| keys.get(at..at + 2) == keys.get(at + 2..));
                keys.truncate(if known { keys.len() - 2 } else { keys.len() });
            })?;
            Ok::<_, io::Error>(keys)
        };
        let addresses = || {
            let mut keys = Vec::new();
            runs_of(Side::Address, by_address, thresholds, |event, _| {
                let key = of_address(&event.group);
                keys.extend((keys.last() != Some(&key)).then_some(key));
            })?;
            Ok::<_, io::Error>(keys)
        };
        let (users, addresses) = rayon::join(users, addresses);
        let keys = [users?, addresses?].concat();
        let mut own = Bits::with_room(keys.len());
        keys.into_iter().for_each(|key| own.add(key));
        Ok(Armed { own, behind: Bits::default(), within })
    }

    /// The same, with users whom lines of multiplexors show to have logged in from such an address.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn behind_proxies(mut self, lines: &[Runs]) -> io::Result<Armed> {
        let mut count = 0;
        self.each_behind(lines, |_| count += 1)?;
        let mut behind = Bits::with_room(count);
        self.each_behind(lines, |key| behind.add(key))?;
        self.behind = behind;
        Ok(self)
    }

    /// Hands each user, and time around a login, to `work`.
    fn each_behind(&self, lines: &[Runs], mut work: impl FnMut(u64)) -> io::Result<()> {
        each_login(lines, |user, at, peer| {
            if self.has_address(peer) {
                let bucket = |at: Instant| at.div_euclid(self.within);
                let buckets = bucket(at.saturating_sub(WITHIN))..=bucket(at.saturating_add(WITHIN));
                buckets.for_each(|bucket| work(of_user(user, bucket)));
            }
        })
    }

    /// Whether nobody is armed: then no login makes a finding.
    pub fn is_empty(&self) -> bool {
        self.own.0.is_empty()
    }

    /// Whether a login of a user at a moment may be needed.
    pub fn has_user(&self, user: &[u8], at: Instant) -> bool {
        !self.is_empty() && self.own.has(of_user(user, at.div_euclid(self.within)))
    }

    /// Whether a login from an address may be needed, whenever it was.
    pub fn has_address(&self, peer: Peer) -> bool {
        !self.is_empty() && self.own.has(of_peer(peer))
    }

    /// Whether a login of a user at a moment may be needed if it came through a proxy, for the client behind that.
    pub fn has_behind(&self, user: &[u8], at: Instant) -> bool {
        !self.behind.0.is_empty() && self.behind.has(of_user(user, at.div_euclid(self.within)))
    }
}

/// Each refusal that has enough others of its group before it within the window, and when the first of these was.
fn runs_of(
    side: Side,
    runs: &[Runs],
    thresholds: &Thresholds,
    mut found: impl FnMut(&Event<'_>, Instant),
) -> io::Result<()> {
    let mut recent = super::bursts::Recent::default();
    let mut group = Vec::new();
    events::each(side, runs, |event| {
        if group != *event.group {
            group.clear();
            group.extend_from_slice(&event.group);
            recent.clear();
        }
        recent.add(event.time.at, thresholds.run);
        if let Some(first) = recent.first_within(event.time.at, thresholds) {
            found(event, first);
        }
    })
}

fn mixed(value: impl Hash) -> u64 {
    let hash = rustc_hash::FxBuildHasher.hash_one(value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ hash >> 29
}

fn of_user(user: &[u8], bucket: i64) -> u64 {
    mixed((user, bucket))
}

fn of_peer(peer: Peer) -> u64 {
    let (address, _) = peer.bits();
    mixed(address)
}

/// Of an address as a text; those that are none are in no login line.
fn of_address(text: &[u8]) -> u64 {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map_or(0, |ip| of_peer(Peer::new(ip, None)))
}
