//! A login or close line as pairing sees it, and the key that says whose lines belong together.

use std::hash::{BuildHasher, Hasher};

use super::{LOGIN_AFTER_CONNECT, LOGIN_AFTER_END};
use crate::model::{Instant, Peer, Stamp};
use crate::streams::StreamId;

/// A login or close line, for pairing.
#[derive(Clone, Copy, Debug)]
pub struct PairLine<'a> {
    /// The stream that it belongs to.
    pub stream: StreamId,
    /// The process.
    pub pid: u32,
    /// The far end.
    pub peer: Peer,
    /// The user (R2).
    pub user: &'a [u8],
    /// Of a login the mechanism; of a close the bytes behind the user, which order closes of one moment.
    pub rest: &'a [u8],
    /// The stamp: of a login its time, of a close the end.
    pub stamp: Stamp,
    /// What only a close has.
    pub close: Option<CloseLine>,
    /// Read by an inferred template.
    pub inferred: bool,
}

/// What only a close line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseLine {
    /// When the connection began (R4).
    pub connect: Stamp,
    /// `end − duration`, the second reading where R4 flags a mismatch.
    pub by_duration: Instant,
    /// Flag `duration-mismatch` (R4).
    pub mismatch: bool,
}

impl CloseLine {
    /// R5: whether a login can be the one of the session that this closed at `end`, as far as times tell.
    #[inline]
    pub(super) fn takes(&self, login: Instant, end: Instant, has_port: bool) -> bool {
        let soon_after = |connect: Instant| login >= connect && login.abs_diff(connect) <= LOGIN_AFTER_CONNECT;
        let connect = self.connect.at;
        let in_time = if self.mismatch {
            soon_after(connect) || soon_after(self.by_duration)
        } else {
            login >= connect && (has_port || soon_after(connect))
        };
        in_time && login <= end.saturating_add(LOGIN_AFTER_END)
    }
}

/// The length of a line's text, which is at most 64 KiB long.
#[inline]
pub(super) fn length(text: &[u8]) -> u16 {
    u16::try_from(text.len()).unwrap_or(u16::MAX)
}

/// Whose lines are paired with each other: stream and peer; without a port, also pid and user (as a hash, compared again later).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    ip: [u64; 2],
    portless: u64,
    port: u32,
    stream: StreamId,
}

fn hash_bytes(bytes: &[u8], seed: u64) -> u64 {
    let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
    hasher.write_u64(seed);
    hasher.write(bytes);
    hasher.finish()
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
    pub(super) fn has_port(&self) -> bool {
        self.port != 0
    }

    /// A hash of the key, good in all its bits.
    #[inline]
    pub fn hash(&self) -> u64 {
        let [high, low] = self.ip;
        let mixed = (low ^ high.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ (u64::from(self.port) << 32 | u64::from(self.stream.0))
            ^ self.portless;
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 32)
    }
}
