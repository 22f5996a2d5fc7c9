//! Pair: logins and closes become sessions (R5, R6, R7).
//!
//! A [`PairTable`] is a bag of logins and closes, kept by peer. Its meaning does not depend on the order in which they were
//! put in: pairing looks at one peer's lines at a time, in the order of R5. [`PairTable::settle`] pairs early what no
//! line still to come can change, so that memory is bounded; a line that comes too late for that is told to the caller.
//!
//! Nearly every session is one login and then one close of its peer: `table` holds those in entries of one cache line.
//! Whatever else happens to a peer becomes a chain of lines, which `bench` lays out and pairs by R5 in full.

mod batch;
mod bench;
mod entry;
mod key;
mod line;
mod queue;
mod session;
mod slab;
mod table;

pub use batch::{Batch, near_in};
pub use key::{Key, Overlaps, Sought};
pub use line::{CloseLine, NEAR, PairLine};
pub use session::{Accessed, Amounts, Behind, Carried, Session, SessionFlags, Settled, Whole, With};
pub use table::PairTable;

use crate::model::Instant;

/// How long after the end of a session its login line may still be written (R5), in seconds.
pub const LOGIN_AFTER_END: Instant = 60;
/// How long after connect the login may be, where there is no port or the connect is in doubt (R5), in seconds.
pub const LOGIN_AFTER_CONNECT: u64 = 300;

/// When the close of a session is settled: its end must be so long behind.
fn is_ready(end: Instant, until: Instant) -> bool {
    end.saturating_add(LOGIN_AFTER_END) < until
}

#[cfg(test)]
mod tests;
