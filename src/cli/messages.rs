//! `imstrail messages`

use clap::{Args, ValueEnum};

use super::Common;
use crate::fold::Action;

/// Behind the help of `messages`.
pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail messages -u ed --since 2019-05-29 logs/         what a user read, stored and removed, and in which session
  imstrail messages -u ed --action fetch logs/
  imstrail messages --format jsonl logs/ | jq -r 'select(.flags | index(\"trace-only\")) | .user' | sort | uniq -c

Stores write these lines only if message tracing was switched on (local.msgtrace.active).";

/// `imstrail messages`
#[derive(Clone, Debug, Args)]
pub struct MessagesArgs {
    /// Only what was done so; may be repeated, or several with commas
    #[arg(long, value_name = "ACTION", value_enum, value_delimiter = ',')]
    pub action: Vec<ActionArg>,
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
}

/// `--action`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ActionArg {
    /// A message was stored
    Append,
    /// It was read
    Fetch,
    /// It was removed
    Expunge,
}

impl From<ActionArg> for Action {
    fn from(arg: ActionArg) -> Action {
        match arg {
            ActionArg::Append => Action::Append,
            ActionArg::Fetch => Action::Fetch,
            ActionArg::Expunge => Action::Expunge,
        }
    }
}
