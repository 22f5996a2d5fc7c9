//! `imstrail grammar`: its commands and their arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Color, Common, ConfigArgs, Help, RunArgs};

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail grammar list                           what is known of messages, with sample lines
  imstrail grammar suggest logs/ > site.toml      a draft for what is not
  imstrail grammar check site.toml                what is wrong with a file, and where
  imstrail grammar try site.toml 'LINE'           how a line is read, hole by hole

How such a file is written: grammars/README.md. How it is used: imstrail -a --grammar site.toml logs/";

const LIST: &str = "\
Examples:
  imstrail grammar list
  imstrail grammar list --grammar site.toml       a site's own before them, as they are tried
  imstrail grammar list --format json | jq -r '.dialects[].templates[].text'";

const CHECK: &str = "\
Examples:
  imstrail grammar check site.toml
  imstrail grammar check a.toml b.toml            as they would be used: --grammar a.toml --grammar b.toml

Every sample in a file is read, and what is expected of it compared.

Exit status: 0 the files can be used, be there warnings or not; 2 they cannot.";

const TRY: &str = "\
Examples:
  imstrail grammar try 'LINE'                     by the built-in templates alone
  imstrail grammar try site.toml 'LINE'           by those of a file first
  imstrail grammar try --grammar a.toml --grammar b.toml 'LINE'
  grep 'auth ok' logs/imap | head -n 5 | imstrail grammar try site.toml -

LINE is a whole line of a log, in quotes: [29/May/2019:08:39:42 +0200] store1 imapd[7]: Account ...";

const SUGGEST: &str = "\
Examples:
  imstrail grammar suggest logs/ > site.toml
  imstrail grammar suggest --grammar site.toml logs/ > more.toml      what site.toml does not read

The draft holds lines of the logs, and so personal data. Correct it by hand: as it is, what it reads counts as known and means
nothing. Messages that may tell of a login or a close stand in it switched off, until somebody says what they mean.";

/// `imstrail grammar`
#[derive(Clone, Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct GrammarArgs {
    /// What is to be done.
    #[command(subcommand)]
    pub command: GrammarCommand,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// What can be done with grammar files.
#[derive(Clone, Debug, Subcommand)]
pub enum GrammarCommand {
    /// The dialects that are built in: their templates, how sure they are, and samples
    #[command(version, after_help = LIST, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    List(ListArgs),
    /// Whether a grammar file can be used, and what is wrong with it
    #[command(version, after_help = CHECK, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Check(CheckArgs),
    /// How a line is read, hole by hole, or why it is not
    #[command(version, after_help = TRY, override_usage = "imstrail grammar try [OPTIONS] [FILE] [LINE]", max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Try(TryArgs),
    /// A draft of a grammar file for what no template reads
    #[command(version, after_help = SUGGEST, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Suggest(SuggestArgs),
}

/// `imstrail grammar list`
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// How the list is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ListFormat::Table)]
    pub format: ListFormat,
    /// Files of your own, listed before the built-in ones; may be repeated
    #[arg(long, value_name = "FILE")]
    pub grammar: Vec<PathBuf>,
    /// `--config` and `--no-config`.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// `--format` of `grammar list`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    Table,
    /// One document
    Json,
}

/// `imstrail grammar check`
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// The grammar files, in the order in which they would be given
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Colour of notes
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// `--config` and `--no-config`.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// `imstrail grammar try`
#[derive(Clone, Debug, Args)]
pub struct TryArgs {
    /// A whole line of a log, perhaps with a grammar file before it; - or nothing for lines of standard input
    #[arg(value_name = "LINE", num_args = 0..=2)]
    pub line: Vec<std::ffi::OsString>,
    /// Files of your own, tried before the built-in ones; may be repeated
    #[arg(long, value_name = "FILE")]
    pub grammar: Vec<PathBuf>,
    /// The year of lines that have only syslog's date
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(u32).range(1970..=9999))]
    pub year: Option<u32>,
    /// `--config` and `--no-config`.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// `imstrail grammar suggest`
#[derive(Clone, Debug, Args)]
pub struct SuggestArgs {
    /// Files, directories, archives; - for standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Files of your own, which read what they read already; may be repeated
    #[arg(long, value_name = "FILE")]
    pub grammar: Vec<PathBuf>,
    /// Write the draft to this file, which must not exist
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Let -o replace an existing file
    #[arg(long)]
    pub force: bool,
    /// The year of lines that have only syslog's date
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(u32).range(1970..=9999))]
    pub year: Option<u32>,
    /// Also read folders of snapshots and trash (.snapshot, @eaDir, lost+found)
    #[arg(long)]
    pub all: bool,
    /// How the run is done.
    #[command(flatten)]
    pub run: RunArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

impl GrammarArgs {
    /// Takes over what says how a run is done.
    pub(crate) fn settle(&self, common: &mut Common) {
        let config = match &self.command {
            GrammarCommand::List(ListArgs { config, .. })
            | GrammarCommand::Check(CheckArgs { config, .. })
            | GrammarCommand::Try(TryArgs { config, .. })
            | GrammarCommand::Suggest(SuggestArgs { run: RunArgs { config, .. }, .. }) => config,
        };
        common.config.clone_from(config);
        match &self.command {
            GrammarCommand::List(args) => common.grammar.clone_from(&args.grammar),
            GrammarCommand::Check(args) => {
                common.grammar.clone_from(&args.files);
                common.color = args.color;
            }
            GrammarCommand::Try(args) => {
                common.grammar.clone_from(&args.grammar);
                common.year = args.year;
            }
            GrammarCommand::Suggest(args) => {
                common.paths.clone_from(&args.paths);
                common.grammar.clone_from(&args.grammar);
                common.output.clone_from(&args.output);
                (common.force, common.all, common.year) = (args.force, args.all, args.year);
                args.run.settle(common);
            }
        }
    }
}
