//! `grammar try`: how lines are read.

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::{Exit, Stop};
use super::grammars;
use crate::chunk::Lines;
use crate::cli::TryArgs;
use crate::parse::LONGEST_LINE;
use crate::render::reading;

/// So much of standard input is read, in bytes: a few lines to look at.
const LONGEST_INPUT: u64 = 1 << 20;

/// Shows how each line is read.
pub(super) fn run(args: &TryArgs) -> Result<Exit, Stop> {
    let mut files = args.grammar.clone();
    let line = match args.line.as_slice() {
        [] => None,
        [line] => Some(line),
        [file, line, ..] => {
            files.push(PathBuf::from(file));
            Some(line)
        }
    };
    let grammars = grammars(&files)?;
    let text = match line.map(|line| line.as_bytes()) {
        None | Some(b"-") => from_stdin(line.is_some())?,
        Some(line) => {
            let path = Path::new(std::ffi::OsStr::from_bytes(line));
            if line.len() < LONGEST_LINE && args.line.len() == 1 && path.is_file() {
                let path = path.display();
                return Err(Stop::Usage(format!("{path} is a file: give the line behind it, or - for standard input")));
            }
            line.to_vec()
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    for (i, (_, line, _)) in Lines::new(&text).filter(|(_, line, _)| !line.is_empty()).enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        reading(line, &grammars, args.year, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Answered)
}

/// The lines of standard input; `named` if it was asked for.
fn from_stdin(named: bool) -> Result<Vec<u8>, Stop> {
    if !named && io::stdin().is_terminal() {
        return Err(Stop::Usage(
            "give a whole line of a log, in quotes, or - to read lines from standard input".to_owned(),
        ));
    }
    let mut text = Vec::new();
    io::stdin().take(LONGEST_INPUT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST_INPUT {
        return Err(Stop::Usage("over 1 MiB on standard input: try takes a few lines, as head -n 20 gives".to_owned()));
    }
    Ok(text)
}
