//! `imstrail explain`

use clap::Args;

use super::Common;
use crate::times::{Time, parse_time};

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail explain -u ed logs/                                   all that the logs know of a user
  imstrail explain -u ed --at 2019-05-29T12:00:00+02:00 logs/    was ed connected then, and how is that known

Each time is told with the rule by which it is known (R1 to R14 of docs/rules.md) and the log lines that
say so. For programs: imstrail sessions --evidence --format jsonl.";

/// `imstrail explain`
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// Only sessions that may have been open then, and whether they were
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Time")]
    pub at: Option<Time>,
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
}

impl ExplainArgs {
    /// What clap cannot check by itself.
    ///
    /// # Errors
    /// What is wrong and what was expected.
    pub(super) fn check(&self) -> Result<(), String> {
        let Common { user, file, since, until, format, .. } = &self.common;
        if user.len() != 1 || file.is_some() {
            return Err("explain tells of one user: name it with -u".to_owned());
        }
        if since.is_some() || until.is_some() {
            return Err("explain has no window: leave out --since and --until, or name a moment with --at".to_owned());
        }
        if *format != super::Format::Table {
            return Err("explain speaks in words: for other formats use sessions --evidence".to_owned());
        }
        Ok(())
    }
}
