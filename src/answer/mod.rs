//! Answer: the rows of a query, from what was resolved. Pure, ordered, and the same for any way of reading.

mod activity;
mod clients;
mod connected;
mod copies;
mod coverage;
mod failures;
mod filter;
mod findings;
mod last_access;
mod messages;
mod origins;
mod record;
mod refused_by;
mod rows;
mod sessions;

pub use activity::{Activity, attributed};
pub use clients::{Client, ClientsQuery, Ends, Inferred, WITHIN};
pub use connected::{At, AtError, Connected, ConnectedQuery, MissingLines, collects, connected, moment};
pub use coverage::{Covered, Idle, StreamCoverage, Why, covered};
pub use failures::{FailureRow, FailureRows, Failures, FailuresQuery, LoginsQuery};
pub use filter::Filter;
pub use findings::{Armed, Event, Events, Finding, Findings, Rule, Side, Thresholds, findings};
pub use last_access::{LastAccessRow, LastAccessRows, ServiceAccess};
pub use messages::{MessageLines, MessageRow, MessageRows, TracesQuery};
pub use origins::{Origins, Proxied, behind_proxies};
pub use refused_by::{By, RefusedBy, RefusedByRow};
pub use rows::Rows;
pub use sessions::{Messages, SessionRow, SessionRows, Sessions, SessionsQuery, Status};

use crate::model::Doubt;

/// What is asked of sessions.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// Nothing.
    Nothing,
    /// `-c`
    Connected(&'a ConnectedQuery),
    /// `sessions`
    Sessions(&'a SessionsQuery),
    /// `failures`, which are none.
    Failures(&'a FailuresQuery),
    /// Nothing, but logins that findings of `failures` may need.
    Logins(&'a LoginsQuery),
}

/// A row rests on a template that is a guess.
pub const INFERRED_FORMAT: &str = "inferred-format";
/// A row rests on a line that may be a part of a refused user name.
pub const POSSIBLY_FORGED: &str = "possibly-forged";

/// What lines are doubted for, by name.
fn flags_of(doubt: Doubt) -> &'static [&'static str] {
    match (doubt.inferred, doubt.forged) {
        (false, false) => &[],
        (true, false) => &[INFERRED_FORMAT],
        (false, true) => &[POSSIBLY_FORGED],
        (true, true) => &[INFERRED_FORMAT, POSSIBLY_FORGED],
    }
}

/// What is to be known of a client, and what lines are doubted for, by name.
fn flags_with(client: &Client, doubt: Doubt) -> Vec<&'static str> {
    client.flag().into_iter().chain(flags_of(doubt.of_both(client.doubt())).iter().copied()).collect()
}

#[cfg(test)]
mod tests;
