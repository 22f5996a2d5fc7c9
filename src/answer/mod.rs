//! Answer: the rows of a query, from what was resolved. Pure, ordered, and the same for any way of reading.

mod connected;
mod last_access;

pub use connected::{At, AtError, Connected, ConnectedQuery, collects, connected, moment};
pub use last_access::{LastAccessRow, LastAccessRows, ServiceAccess};

/// A row rests on a template that is a guess.
pub const INFERRED_FORMAT: &str = "inferred-format";

#[cfg(test)]
mod tests;
