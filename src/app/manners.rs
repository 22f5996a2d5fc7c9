//! `completions` and `man`: what a packager installs beside the program.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::{Exit, Stop};
use crate::cli::{CompletionsArgs, ManArgs, Page, completions, pages};
use crate::note::cause;

/// Writes the script of a shell.
///
/// # Errors
/// Whoever read it went away.
pub(super) fn complete(args: &CompletionsArgs) -> Result<Exit, Stop> {
    io::stdout().write_all(&completions(args.shell))?;
    Ok(Exit::Answered)
}

/// Writes a page of the manual, or pages into a folder.
///
/// # Errors
/// There is no such command, a file exists already, or the place cannot be written.
pub(super) fn man(args: &ManArgs) -> Result<Exit, Stop> {
    let all = args.command.is_empty() && args.output.is_some();
    let mut pages = pages();
    pages.retain(|page| all || page.is_of(&args.command));
    if pages.is_empty() {
        let text = format!("there is no command {}; see imstrail --help", args.command.join(" "));
        return Err(Stop::Usage(text));
    }
    match &args.output {
        Some(folder) => into(folder, &pages, args.force)?,
        None => pages.iter().try_for_each(|page| page.write(&mut io::stdout().lock()))?,
    }
    Ok(Exit::Answered)
}

/// Writes pages into a folder, for all to read.
fn into(folder: &Path, pages: &[Page], force: bool) -> Result<(), Stop> {
    let named = |path: &Path, e: &io::Error| match e.kind() {
        io::ErrorKind::AlreadyExists => {
            Stop::Usage(format!("-o {}: exists already; give --force to replace it", path.display()))
        }
        _ => Stop::Usage(format!("-o {}: {}", path.display(), cause(e))),
    };
    fs::create_dir_all(folder).map_err(|e| named(folder, &e))?;
    for page in pages {
        let path = folder.join(page.file_name());
        let mut options = OpenOptions::new();
        let opened = options.write(true).truncate(true).create(true).create_new(!force).open(&path);
        let mut text = Vec::new();
        page.write(&mut text)?;
        opened.and_then(|mut file| file.write_all(&text)).map_err(|e| named(&path, &e))?;
    }
    Ok(())
}
