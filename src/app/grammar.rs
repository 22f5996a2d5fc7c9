//! `grammar`: what is known of messages, and teaching more of them.

mod check;
mod suggest;
mod try_line;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::ask::grammar_texts;
use super::{Exit, Notes, Stop, settings};
use crate::cli::{Cli, GrammarArgs, GrammarCommand, ListArgs, ListFormat};
use crate::grammar::Grammars;
use crate::render::{dialects, dialects_json};

/// Does what is asked.
pub(super) fn run(args: &GrammarArgs, cli: &Cli, notes: &Notes) -> Result<Exit, Stop> {
    notes.tell(&settings::notes(cli));
    match &args.command {
        GrammarCommand::List(args) => list(args),
        GrammarCommand::Check(args) => check::run(&args.files, notes),
        GrammarCommand::Try(args) => try_line::run(args),
        GrammarCommand::Suggest(_) => suggest::run(cli, notes),
    }
}

fn list(args: &ListArgs) -> Result<Exit, Stop> {
    let grammars = grammars(&args.grammar)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        ListFormat::Table => dialects(&grammars, &mut out)?,
        ListFormat::Json => dialects_json(&grammars, &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Answered)
}

/// The templates in these files, before the built-in ones.
fn grammars(files: &[PathBuf]) -> Result<Grammars, Stop> {
    Grammars::new(&grammar_texts(files)?).map_err(|e| Stop::Usage(format!("--grammar {e}")))
}
