//! `--help` and `--version`, which every command has.

use clap::{ArgAction, Args};

/// The two that print and end the program.
#[derive(Clone, Debug, Args)]
pub struct Help {
    /// Print help
    #[arg(short = 'h', long, alias = "h", action = ArgAction::Help)]
    help: Option<bool>,
    /// Print version
    #[arg(short = 'V', long, alias = "v", action = ArgAction::Version)]
    version: Option<bool>,
}
