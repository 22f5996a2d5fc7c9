//! A login or close line as pairing sees it.

use super::{LOGIN_AFTER_CONNECT, LOGIN_AFTER_END};
use crate::grammar::masks_by_length;
use crate::model::{Doubt, Instant, Peer, Stamp};
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
    /// What it is doubted for.
    pub doubt: Doubt,
}

/// What a line says, beside whose it is: that is known by its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) pid: u32,
    pub(super) user: &'a [u8],
    pub(super) rest: &'a [u8],
    pub(super) stamp: Stamp,
    pub(super) close: Option<CloseLine>,
    pub(super) doubt: Doubt,
    /// The user and what stands behind it where it lies, if there are so many bytes: they are copied and compared without a call.
    pub(super) near: Option<&'a [u8; NEAR]>,
}

/// So many bytes from a user on are copied and compared at once, as many as a login that waits has room for.
pub const NEAR: usize = 31;

impl<'a> Said<'a> {
    /// The user, one byte, and the rest, if they lie so one behind the other.
    #[inline(always)]
    pub(super) fn joined(&self) -> Option<&'a [u8; NEAR]> {
        let behind = self.user.as_ptr().addr().wrapping_add(self.user.len() + 1);
        self.near.filter(|_| self.rest.as_ptr().addr() == behind)
    }
}

/// Appends a text. Where what stands behind it is at hand, more is copied and cut off, which takes no call.
#[inline(always)]
pub(super) fn append<const N: usize>(to: &mut Vec<u8>, text: &[u8], with_behind: Option<&[u8; N]>) {
    match with_behind {
        Some(bytes) if text.len() <= N => {
            let end = to.len() + text.len();
            to.extend_from_slice(bytes);
            to.truncate(end);
        }
        _ => to.extend_from_slice(text),
    }
}

/// Where the words of eight bytes begin; the last two overlap.
const BEGINS: [usize; 4] = [0, 8, 16, 23];

/// Whether two texts are equal, of which these are the first bytes and what stands behind them, if those are at hand.
#[inline(always)]
pub(super) fn is_same(a: &[u8], b: &[u8], near: Option<(&[u8; NEAR], &[u8; NEAR])>) -> bool {
    /// Which bits of the words count, by the length.
    const MASKS: [[u64; 4]; NEAR + 1] = masks_by_length(BEGINS);
    if a.len() != b.len() {
        return false;
    }
    let (Some((near_a, near_b)), Some(masks)) = (near, MASKS.get(a.len())) else { return a == b };
    let word = |bytes: &[u8; NEAR], at: usize| {
        bytes.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u64::from_le_bytes(*b))
    };
    let differs = |(at, mask): (&usize, &u64)| (word(near_a, *at) ^ word(near_b, *at)) & mask;
    BEGINS.iter().zip(masks).fold(0, |all, word| all | differs(word)) == 0
}

impl<'a> PairLine<'a> {
    #[inline(always)]
    pub(super) fn said(&self) -> Said<'a> {
        let PairLine { pid, user, rest, stamp, close, doubt, .. } = *self;
        Said { pid, user, rest, stamp, close, doubt, near: None }
    }
}

/// What only a close line has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseLine {
    /// When the connection began (R4).
    pub connect: Stamp,
    /// How long it lasted, in seconds: end − duration is the second reading of when it began, where R4 flags a mismatch.
    pub duration: u32,
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
            soon_after(connect) || soon_after(end - i64::from(self.duration))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_the_same_whatever_stands_behind_them() {
        let text: [u8; NEAR] = std::array::from_fn(|i| b'a' + i as u8);
        for length in 0..=NEAR {
            for at in 0..NEAR {
                let mut other = text;
                other[at] = b'X';
                let same = |near| is_same(&text[..length], &other[..length], near);
                assert_eq!(same(Some((&text, &other))), at >= length, "{length} bytes, another at {at}");
                assert_eq!(same(None), at >= length, "{length} bytes, another at {at}");
                // Two bytes that differ by the same bit.
                other = text;
                other[at] ^= 1;
                other[(at + 8) % NEAR] ^= 1;
                let first = at.min((at + 8) % NEAR);
                assert_eq!(is_same(&text[..length], &other[..length], Some((&text, &other))), first >= length);
                assert!(length == 0 || !is_same(&text[..length], &other[..length - 1], Some((&text, &other))));
            }
        }
        let long = [b'x'; 2 * NEAR];
        assert!(is_same(&long, &long, Some((&[b'x'; NEAR], &[b'x'; NEAR]))));
        assert!(!is_same(&long, &[&long[1..], b"y"].concat(), Some((&[b'x'; NEAR], &[b'x'; NEAR]))));
    }
}
