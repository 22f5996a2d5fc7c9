//! `--format`

use clap::ValueEnum;

use super::Cli;

/// `--format`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// As the vendor's tool prints it
    Table,
    /// One document, with coverage, notes and tally
    Json,
    /// One object a row
    Jsonl,
    /// Comma-separated values
    Csv,
    /// Logins, logouts and refusals as JSON Lines for Timesketch; as the next two, of sessions and failures, in UTC
    Timesketch,
    /// The same as events of the Elastic Common Schema
    Ecs,
    /// The same as OCSF events of class 3002, Authentication
    Ocsf,
    /// A table for DuckDB and its like, in the file of -o
    Parquet,
    /// A database, in the file of -o, with a table for each question
    Sqlite,
}

impl Format {
    /// Whether it tells of events, which only sessions and failures are.
    pub(super) fn is_of_events(self) -> bool {
        matches!(self, Format::Timesketch | Format::Ecs | Format::Ocsf)
    }

    /// The name of the cargo feature that a format of databases needs, and whether this build has it.
    fn feature(self) -> Option<(&'static str, bool)> {
        match self {
            Format::Parquet => Some(("parquet", cfg!(feature = "parquet"))),
            Format::Sqlite => Some(("sqlite", cfg!(feature = "sqlite"))),
            _ => None,
        }
    }

    fn check_built(self) -> Result<(), String> {
        match self.feature() {
            Some((name, false)) => Err(format!(
                "--format {name} is not in this build of imstrail, which was made without its feature: build one with cargo build --release --features {name}, or take --format csv or jsonl"
            )),
            _ => Ok(()),
        }
    }
}

impl Cli {
    /// Whether the question has an answer in the format.
    pub(super) fn check_format(&self) -> Result<(), String> {
        let format = self.common.format;
        if format.is_of_events() && self.sessions().is_none() && self.failures().is_none() {
            return Err("--format timesketch, ecs and ocsf tell of logins, logouts and refusals: ask for sessions or failures, or take --format jsonl".to_owned());
        }
        format.check_built()?;
        if format == Format::Parquet && self.connected && self.access {
            return Err("--format parquet holds the answer to one question: ask -c and -a one after the other, or take --format sqlite, which has a table for each".to_owned());
        }
        Ok(())
    }

    /// Whether the answer can go to standard output.
    ///
    /// # Errors
    /// It must go to a file.
    pub fn check_stdout(&self) -> Result<(), String> {
        let format = self.common.format;
        format.check_built()?;
        match format.feature() {
            Some((name, _)) if !self.common.plan => Err(format!("--format {name} is no text: name the file with -o")),
            _ => Ok(()),
        }
    }
}
