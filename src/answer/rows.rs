//! The rows of all questions that were asked.

use super::{Connected, Covered, Failures, Findings, LastAccessRows, MessageLines, RefusedBy, Sessions};
use crate::model::Service;

/// The rows of all questions that were asked; of the others there is nothing.
#[derive(Debug, Default)]
pub struct Rows<'a> {
    /// `-c`: the rows, and the services asked for.
    pub connected: Option<(&'a [Connected<'a>], &'a [Service])>,
    /// `-a`
    pub access: Option<LastAccessRows<'a>>,
    /// `sessions`
    pub sessions: Option<Sessions<'a>>,
    /// `failures`
    pub failures: Option<Failures<'a>>,
    /// `messages`
    pub messages: Option<MessageLines<'a>>,
    /// How many refusals there are by what is asked for, in place of them.
    pub refused_by: Option<RefusedBy>,
    /// What the refusals show together: in place of them, or else a table counts them behind the rows.
    pub findings: Option<Findings<'a>>,
    /// `coverage`
    pub covered: Option<Covered<'a>>,
    /// Proxies are known, so that rows with an address say whether it is one's.
    pub with_proxies: bool,
}

impl<'a> Rows<'a> {
    /// The findings, if they are asked for in place of rows.
    pub fn only_findings(&self) -> Option<&Findings<'a>> {
        self.findings.as_ref().filter(|_| self.failures.is_none())
    }
}
