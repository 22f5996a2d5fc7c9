//! `imstrail man`: manual pages, one for the program and one for each of its commands, out of what `--help` says.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Cli, Help};

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail man | man -l -                  read the page of the program
  imstrail man sessions | man -l -         that of a command
  imstrail man -o /usr/local/share/man/man1 --force";

/// `imstrail man`
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// The command whose page it is [default: the program itself; with -o all of them]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages into this folder, each as imstrail-COMMAND.1
    #[arg(short = 'o', long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Let -o replace existing files
    #[arg(long, requires = "output")]
    pub force: bool,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// A page of the manual.
#[derive(Debug)]
pub struct Page {
    command: Command,
    /// Of the commands that it is a part of, and of its own.
    related: Vec<String>,
}

/// All pages of the manual, the program's first.
pub fn pages() -> Vec<Page> {
    let mut program = Cli::command();
    program.build();
    let mut pages = Vec::new();
    collect(&program, &[], &mut pages);
    pages
}

fn collect(command: &Command, above: &[String], pages: &mut Vec<Page>) {
    let name = |command: &Command| command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let below: Vec<&Command> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
    let related = above.iter().cloned().chain(below.iter().map(|below| name(below))).collect();
    pages.push(Page::new(command.clone(), related));
    let above = [above, &[name(command)]].concat();
    below.iter().for_each(|command| collect(command, &above, pages));
}

impl Page {
    fn new(command: Command, related: Vec<String>) -> Page {
        let usage = match command.get_subcommands().next() {
            Some(_) if command.get_name() == "imstrail" => USAGE.to_owned(),
            _ => {
                let usage = command.clone().render_usage().to_string();
                let name = command.get_display_name().unwrap_or_default();
                usage.trim_start_matches("Usage: ").replacen(name, command.get_bin_name().unwrap_or(name), 1)
            }
        };
        Page { command: command.override_usage(usage), related }
    }

    /// Its name, as `imstrail-sessions`.
    fn name(&self) -> &str {
        self.command.get_display_name().unwrap_or_else(|| self.command.get_name())
    }

    /// The name of its file, as `imstrail-sessions.1`.
    pub fn file_name(&self) -> String {
        format!("{}.1", self.name())
    }

    /// Whether it is that of the command which is called so behind the program's name.
    pub fn is_of(&self, words: &[String]) -> bool {
        self.command.get_bin_name().unwrap_or_default().split(' ').skip(1).eq(words)
    }

    /// Writes it, as roff.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let man = Man::new(self.command.clone())
            .title(self.name().to_uppercase())
            .date(env!("CARGO_PKG_VERSION"))
            .source("imstrail")
            .manual("imstrail manual");
        man.render_title(out)?;
        man.render_name_section(out)?;
        man.render_synopsis_section(out)?;
        man.render_description_section(out)?;
        man.render_options_section(out)?;
        if self.command.has_subcommands() {
            man.render_subcommands_section(out)?;
        }
        let mut roff = Roff::default();
        let help = self.command.get_after_help().map(ToString::to_string).unwrap_or_default();
        help.split("\n\n").for_each(|block| section(block, &mut roff));
        let related: Vec<String> = self.related.iter().map(|name| format!("{name}(1)")).collect();
        if !related.is_empty() {
            roff.control("SH", ["SEE ALSO"]);
            roff.text([roman(related.join(", "))]);
        }
        roff.to_writer(out)
    }
}

/// How the program is called.
const USAGE: &str = "\
imstrail -c | -a [-s SERVICE] [-u UID]... [-f FILE] [OPTIONS] [PATH]...
imstrail COMMAND [OPTIONS] [PATH]...";

/// A part of what stands behind the help, parts being told from each other by an empty line: examples line by line, all else as text.
fn section(block: &str, roff: &mut Roff) {
    let (head, body) = block.split_once('\n').unwrap_or((block, ""));
    if head == "Examples:" {
        roff.control("SH", ["EXAMPLES"]);
        roff.control("nf", []);
        for line in body.lines() {
            let line = line.strip_prefix("  ").unwrap_or(line);
            roff.text([if line.starts_with("imstrail") { bold(line) } else { roman(line) }]);
        }
        roff.control("fi", []);
        return;
    }
    let titles = [("Exit status:", "EXIT STATUS"), ("Settings:", "ENVIRONMENT AND FILES"), ("", "NOTES")];
    let titled = |(start, title)| Some((title, block.strip_prefix(start)?.trim_start()));
    let Some((title, text)) = titles.into_iter().find_map(titled) else { return };
    if !text.is_empty() {
        roff.control("SH", [title]);
        text.lines().for_each(|line| _ = roff.text([roman(line)]));
    }
}
