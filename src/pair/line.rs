//! A login or close line as pairing sees it.

use super::{LOGIN_AFTER_CONNECT, LOGIN_AFTER_END};
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
}

impl<'a> PairLine<'a> {
    #[inline(always)]
    pub(super) fn said(&self) -> Said<'a> {
        let PairLine { pid, user, rest, stamp, close, doubt, .. } = *self;
        Said { pid, user, rest, stamp, close, doubt }
    }
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
