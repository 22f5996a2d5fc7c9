//! Armed: of which users and addresses a login that succeeds may make a finding.

use std::hash::{BuildHasher, Hash};
use std::io;

use super::{Event, Side, Thresholds, events};
use crate::model::{Instant, Peer};
use crate::runs::Runs;

/// So many bits there are for each entry at least.
const BITS: usize = 16;
/// So many words of bits at most: 16 MiB. If that is too few, more logins are kept than need be, and the findings are the same.
const WORDS: usize = 1 << 21;

/// A set of users, each within some time, and of addresses. It may say yes to others, never no to these.
#[derive(Debug, Default)]
pub struct Armed {
    bits: Vec<u64>,
    within: Instant,
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
        let words = (keys.len() * BITS / 64).next_power_of_two().clamp(64, WORDS);
        let mut armed = Armed { bits: if keys.is_empty() { Vec::new() } else { vec![0; words] }, within };
        for key in keys {
            for place in armed.places(key) {
                if let Some(word) = armed.bits.get_mut(place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
        }
        Ok(armed)
    }

    /// Whether nobody is armed: then no login makes a finding.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    fn places(&self, key: u64) -> [usize; 2] {
        let mask = self.bits.len() * 64 - 1;
        [key as usize & mask, (key >> 32) as usize & mask]
    }

    fn has(&self, key: u64) -> bool {
        !self.is_empty()
            && self
                .places(key)
                .iter()
                .all(|place| self.bits.get(place / 64).is_some_and(|w| w >> (place % 64) & 1 == 1))
    }

    /// Whether a login of a user at a moment may be needed.
    pub fn has_user(&self, user: &[u8], at: Instant) -> bool {
        !self.is_empty() && self.has(of_user(user, at.div_euclid(self.within)))
    }

    /// Whether a login from an address may be needed, whenever it was.
    pub fn has_address(&self, peer: Peer) -> bool {
        !self.is_empty() && self.has(of_peer(peer))
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
