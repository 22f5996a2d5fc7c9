//! `imstrail verify`: its arguments.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Common, Help, RunArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail -a --manifest case7.json -o case7.txt logs/       answers, and notes what it read
  imstrail verify case7.json                                 is all of that still the same?
  imstrail verify --answer case7.json                        and does it still give the same answer?
  imstrail verify --root /evidence/7=/mnt/copy case7.json    the archive lies elsewhere now

Exit status: 0 all is the same; 1 something is not, or cannot be repeated; 2 not a manifest, or of a later version.

A manifest is not signed: whoever can change a log can write a new manifest. Keep it, or its SHA-256, where they cannot.";

/// `imstrail verify`
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The manifest
    #[arg(value_name = "FILE")]
    pub manifest: PathBuf,
    /// Run the recorded arguments again, and compare what comes out
    #[arg(long)]
    pub answer: bool,
    /// What lay under OLD lies under NEW now; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = root)]
    pub root: Vec<(PathBuf, PathBuf)>,
    /// How the result is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = VerifyFormat::Table)]
    pub format: VerifyFormat,
    /// How the run is done.
    #[command(flatten)]
    pub run: RunArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

impl VerifyArgs {
    /// Takes over what says how a run is done, not what it answers.
    pub(crate) fn settle(&self, common: &mut Common) {
        self.run.settle(common);
    }
}

/// `--format` of `verify`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// A line for each item
    Table,
    /// One object for each item
    Jsonl,
}

fn root(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.into(), new.into())),
        _ => Err("expected OLD=NEW, two folders: where it lay, and where it lies now".to_owned()),
    }
}
