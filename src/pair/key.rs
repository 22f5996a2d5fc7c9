//! Whose lines are paired with each other.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::ops::RangeInclusive;

use super::line::PairLine;
use super::slab::Slab;
use crate::index::folded;
use crate::model::{Instant, Peer};
use crate::streams::StreamId;

/// Whose lines are paired with each other: stream and peer; without a port, also pid and user (as a hash, compared again later).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    ip: [u64; 2],
    portless: u64,
    port: u32,
    stream: StreamId,
}

/// Spans of streams that more than one file covers (R13), both ends inside.
pub type Overlaps = BTreeMap<StreamId, Vec<RangeInclusive<Instant>>>;

/// What the upper half of an IPv4 address is, written as IPv6.
const MAPPED: u64 = 0xffff;
/// Bits of a short key: address, port, stream.
const IP: u32 = 32;
const PORT: u32 = 17;
const STREAM: u32 = 14;
const NO_KEY: Key = Key { ip: [0; 2], portless: 0, port: 0, stream: StreamId(0) };

fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
    hasher.write_u64(seed);
    hasher.write(bytes);
    hasher.finish()
}

#[inline]
fn mixed(bits: u64) -> u64 {
    folded(bits ^ 0x9E37_79B9_7F4A_7C15, 0xBF58_476D_1CE4_E5B9)
}

impl Key {
    /// The key of a line.
    #[inline]
    pub fn of(line: &PairLine<'_>) -> Key {
        let (ip, port) = line.peer.bits();
        let portless = if port == 0 { hash_bytes(line.user, u64::from(line.pid)) | 1 } else { 0 };
        Key { ip, portless, port, stream: line.stream }
    }

    pub(super) fn peer(&self) -> Peer {
        Peer::from_bits((self.ip, self.port))
    }

    pub(super) fn stream(&self) -> StreamId {
        self.stream
    }

    /// Whether its peer has a port: then the user need not agree (R5).
    pub fn has_port(&self) -> bool {
        self.port != 0
    }

    #[inline]
    fn of_short(short: u64) -> Key {
        let bits = |from: u32, count: u32| short >> from & ((1 << count) - 1);
        Key {
            ip: [0, MAPPED << IP | bits(0, IP)],
            portless: 0,
            port: bits(IP, PORT) as u32,
            stream: StreamId(bits(IP + PORT, STREAM) as u32),
        }
    }

    /// A hash, good in all its bits.
    fn hash(&self) -> u32 {
        let [high, low] = self.ip;
        let place = u64::from(self.port) << 32 | u64::from(self.stream.0);
        mixed(mixed(low ^ high.rotate_left(17)) ^ place ^ self.portless) as u32
    }
}

/// A key as one number that is not zero, if it is that of an IPv4 peer with a port in one of the first streams.
#[inline(always)]
fn short(stream: StreamId, peer: Peer) -> Option<u64> {
    let ([high, low], port) = peer.bits();
    let fits = (high, low >> IP) == (0, MAPPED) && port != 0 && stream.0 >> STREAM == 0;
    let ip = low & ((1 << IP) - 1);
    fits.then_some(ip | u64::from(port) << IP | u64::from(stream.0) << (IP + PORT))
}

/// A key that is looked for, as it is looked for: nearly always by a short number and its hash.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    short: u64,
    hash: u32,
    /// Where it is not that simple: then there is no short number.
    long: Option<&'a Key>,
}

impl<'a> Sought<'a> {
    /// The key of a stream and a peer, if it is a short one.
    #[inline(always)]
    pub fn short(stream: StreamId, peer: Peer) -> Option<Sought<'a>> {
        short(stream, peer).map(|short| Sought { short, hash: mixed(short) as u32, long: None })
    }

    /// A key that [`Sought::short`] does not take.
    pub fn long(key: &'a Key) -> Sought<'a> {
        Sought { short: 0, hash: key.hash(), long: Some(key) }
    }

    /// Any key.
    pub(super) fn key(key: &'a Key) -> Sought<'a> {
        Sought::short(key.stream, key.peer()).unwrap_or_else(|| Sought::long(key))
    }

    /// Which of some shards, a power of two, it belongs to; by other bits than those that a table sees.
    #[inline(always)]
    pub fn shard(&self, shards: usize) -> usize {
        self.hash.rotate_left(8) as usize & shards.wrapping_sub(1)
    }

    #[inline(always)]
    pub(super) fn hash(&self) -> u32 {
        self.hash
    }

    #[inline(always)]
    pub(super) fn stream(&self) -> StreamId {
        self.long.map_or(StreamId((self.short >> (IP + PORT)) as u32), |key| key.stream)
    }

    #[inline(always)]
    pub(super) fn has_port(&self) -> bool {
        self.long.is_none_or(Key::has_port)
    }

    pub(super) fn to_key(self) -> Key {
        self.long.copied().unwrap_or_else(|| Key::of_short(self.short))
    }
}

/// A key in eight bytes: the key itself where it fits, or else its number in [`LongKeys`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed(u64);

/// Keys that do not fit into eight bytes.
pub(super) type LongKeys = Slab<Key>;

/// The bit that no short key has.
const LONG: u64 = 1 << 63;

impl Packed {
    #[inline(always)]
    pub(super) fn of(sought: &Sought<'_>, long: &mut LongKeys) -> Packed {
        Packed(sought.long.map_or(sought.short, |key| LONG | u64::from(long.put(*key))))
    }

    #[inline(always)]
    fn number(self) -> Option<u32> {
        (self.0 & LONG != 0).then_some(self.0 as u32)
    }

    pub(super) fn key(self, long: &LongKeys) -> Key {
        self.sought(long).to_key()
    }

    #[inline(always)]
    pub(super) fn sought(self, long: &LongKeys) -> Sought<'_> {
        match self.number() {
            None => Sought { short: self.0, hash: mixed(self.0) as u32, long: None },
            Some(number) => Sought::long(long.get(number).unwrap_or(&NO_KEY)),
        }
    }

    /// The same, where its hash is known.
    #[inline(always)]
    pub(super) fn sought_by(self, hash: u32, long: &LongKeys) -> Sought<'_> {
        Sought { hash, ..self.sought(long) }
    }

    /// Whether it is this key.
    #[inline(always)]
    pub(super) fn is(self, sought: &Sought<'_>, long: &LongKeys) -> bool {
        match sought.long {
            None => self.0 == sought.short,
            Some(key) => self.number().is_some_and(|number| long.get(number) == Some(key)),
        }
    }

    /// Gives back what it takes outside.
    #[inline(always)]
    pub(super) fn release(self, long: &mut LongKeys) {
        if let Some(number) = self.number() {
            long.release(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn a_packed_key_is_the_key() {
        let mut long = LongKeys::default();
        let mut all = Vec::new();
        for ip in ["0.0.0.0", "192.0.2.7", "255.255.255.255", "::1", "2001:db8::7"] {
            let ip: IpAddr = ip.parse().unwrap();
            for port in [None, Some(0), Some(1), Some(65_535)] {
                for stream in [0, 1, (1 << STREAM) - 1, 1 << STREAM, u32::MAX] {
                    let (ip, port) = Peer::new(ip, port).bits();
                    let portless = if port == 0 { 3 } else { 0 };
                    all.push(Key { ip, portless, port, stream: StreamId(stream) });
                }
            }
        }
        let packed: Vec<Packed> = all.iter().map(|key| Packed::of(&Sought::key(key), &mut long)).collect();
        assert_eq!(packed.iter().filter(|packed| packed.number().is_none()).count(), 3 * 3 * 3);
        for (i, packed) in packed.iter().enumerate() {
            assert_eq!(packed.key(&long), all[i]);
            assert_eq!(packed.sought(&long).hash, Sought::key(&all[i]).hash);
            for (j, key) in all.iter().enumerate() {
                assert_eq!(packed.is(&Sought::key(key), &long), i == j, "{key:?}");
            }
        }
        packed.iter().for_each(|packed| packed.release(&mut long));
        assert!(packed.iter().all(|packed| packed.number().is_none() || packed.key(&long) == Key::default()));
    }
}
