//! `imstrail trail` and `imstrail merge`: their arguments.

use std::path::PathBuf;

use clap::Args;

use super::{Common, Help, RunArgs, alias};

pub(super) const TRAIL: &str = "\
Examples:
  imstrail trail -o 2019.trail logs/2019/                  all that later questions need, in a tenth of the space
  imstrail -a -c 2019.trail                                and every question takes it in the place of the logs
  imstrail sessions -u ed 2019.trail logs/2020/            or beside logs
  imstrail trail -o all.trail 2019.trail logs/2020/        what is new beside what is kept
  imstrail trail --brief -o store1.trail logs/store1/      enough for -a, and small

The answers are the same bytes as from the logs themselves. Keep the logs: a trail file is no evidence by itself.";

pub(super) const MERGE: &str = "\
Examples:
  imstrail merge -o all.trail store1.trail store2.trail
  imstrail merge -o year.trail months/

The answers from the merged file are the same as from all of them together; a log that is in several counts once.";

/// `imstrail trail` and `imstrail merge`
#[derive(Clone, Debug, Args)]
pub struct TrailArgs {
    /// Files, directories, archives, trail files; - for standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The trail file to write, which must not exist
    #[arg(short = 'o', long, value_name = "FILE", required = true)]
    pub output: PathBuf,
    /// Let -o replace an existing file
    #[arg(long)]
    pub force: bool,
    /// Leave the lines out: the file then answers -a only
    #[arg(long)]
    pub brief: bool,
    /// Also read folders of snapshots and trash (.snapshot, @eaDir, lost+found)
    #[arg(long)]
    pub all: bool,
    /// Message templates of your own, tried before the built-in ones; may be repeated
    #[arg(long, value_name = "FILE")]
    pub grammar: Vec<PathBuf>,
    /// A host that was renamed: OLD=NEW; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = alias)]
    pub store_alias: Vec<(String, String)>,
    /// Users of this domain are those without a domain
    #[arg(long, value_name = "DOMAIN")]
    pub default_domain: Option<String>,
    /// The year of lines that have only syslog's date
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(u32).range(1970..=9999))]
    pub year: Option<u32>,
    /// A file that is damaged, as is known: no reason for exit status 1; may be repeated, * and ** stand for any part
    #[arg(long, value_name = "FILE[=SHA256]")]
    pub known_damage: Vec<PathBuf>,
    /// How the run is done.
    #[command(flatten)]
    pub run: RunArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

impl TrailArgs {
    /// Takes over what is read, and how.
    pub(super) fn settle(&self, common: &mut Common) {
        common.paths.clone_from(&self.paths);
        common.output = Some(self.output.clone());
        common.grammar.clone_from(&self.grammar);
        common.store_alias.clone_from(&self.store_alias);
        common.default_domain.clone_from(&self.default_domain);
        common.known_damage.clone_from(&self.known_damage);
        (common.force, common.all, common.year) = (self.force, self.all, self.year);
        self.run.settle(common);
    }
}
