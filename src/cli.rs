//! The command line: what the user may write, checked, as types.

mod completions;
mod explain;
mod failures;
mod format;
mod grammar;
mod help;
mod man;
mod messages;
mod report;
mod run;
mod settings;
mod trail;
mod verify;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

pub use self::failures::FailuresArgs;
pub use self::grammar::{CheckArgs, GrammarArgs, GrammarCommand, ListArgs, ListFormat, SuggestArgs, TryArgs};
pub use completions::{CompletionsArgs, ShellArg, completions};
pub use help::Help;
pub use verify::{VerifyArgs, VerifyFormat};

use crate::answer::Status;
use crate::model::Service;
use crate::times::{Time, Zone, parse_time, parse_zone};
pub use explain::ExplainArgs;
pub use format::Format;
pub use man::{ManArgs, Page, pages};
pub use messages::{ActionArg, MessagesArgs};
pub use report::ReportArgs;
pub use run::RunArgs;
pub use settings::{CONFIG, KEYS, Key, Setting, Source, from_environment, from_toml, over};
pub use trail::TrailArgs;

const EXAMPLES: &str = "\
Examples:
  imstrail -a logs/                                   last access of every user, over IMAP, HTTP and POP
  imstrail -c --at 2019-05-29T12:00:00+02:00 logs/    who was connected then
  imstrail -a --since 2019-05-29 --trust-order logs/  who came since; files of before are not even read
  imstrail -c -a -u ed -u ani store1.tar.gz store2/   both questions, two users, two stores
  zcat imap.*.gz | imstrail -a -f uids.txt --format jsonl - | jq .
  imstrail sessions -u ed --since 2019-05-29 logs/    each session of a user
  imstrail failures --from 203.0.113.0/24 logs/       refused logins
  imstrail sessions --proxy 10.0.0.0/28 logs/         sessions behind a multiplexor, with their clients where known
  imstrail messages -u ed logs/                       messages that a user read, stored, removed
  imstrail explain -u ed logs/                        all that is known of a user, and why
  imstrail coverage logs/                             what the logs cover, and what they lack
  imstrail report -o report.html logs/                all of that on one page
  imstrail -a -c --format sqlite -o now.db logs/      both answers as tables of a database
  imstrail -a --manifest case7.json logs/             what was read, and the answer's hash; see imstrail verify
  imstrail sessions --pseudonymize KEYFILE logs/      sessions without names, to be shared
  imstrail trail -o 2019.trail logs/2019/             all that later questions need, in a tenth of the space
  imstrail -a --cache /var/cache/imstrail logs/       the next time, only new logs are read
  imstrail -a -c --plan logs/                         what would be read, without reading it
  imstrail grammar suggest logs/                      a draft that teaches it what it cannot read

Exit status: 0 answered in full; 1 answered, but a file could not be read to its end;
2 wrong usage, or nothing could be opened.

Settings: imstrail.toml in $XDG_CONFIG_HOME or ~/.config, and variables such as IMSTRAIL_PATH=logs/store1:logs/store2
or IMSTRAIL_TZ=utc, under the names of the options; docs/config.md has all of them.

Access records are personal data: who may read them, and why, is a matter of law and of your
organisation's policy. Reading them against either may make you liable, so ask first, and
keep a note of why you looked.";

const SESSIONS_EXAMPLES: &str = "\
Examples:
  imstrail sessions -u ed logs/                             every session of a user
  imstrail sessions --status lost,open logs/                logins whose close is not in the logs
  imstrail sessions --from 192.0.2.0/24 --since 2019-05-29 --until 2019-05-30 logs/
  imstrail sessions --format jsonl logs/ | jq 'select(.bytes_out > 100000000)'

A session touches --since and --until if any part of it lies between them. Of more sessions than memory
holds some are kept in a file without a name under --tmpdir for the time being.";

const COVERAGE_EXAMPLES: &str = "\
Examples:
  imstrail coverage logs/                              each store and service, with a strip of its hours
  imstrail coverage -s pop logs/
  imstrail coverage --format jsonl logs/ | jq -c 'select(.missing_sequence != [])'

Look here before you trust that somebody was not seen.";

/// Who was connected, when, from where: answers from archived Messaging Server logs.
#[derive(Debug, Parser)]
#[command(name = "imstrail", version, about, after_help = EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true, disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Who was connected: user, time, mechanism, address and port connected to and from
    #[arg(short = 'c')]
    pub connected: bool,
    /// Last access (log in or log out) of each user, over IMAP, HTTP and POP
    #[arg(short = 'a')]
    pub access: bool,
    /// Disconnecting users: refused, since logs cannot do that
    #[arg(short = 'k', hide = true)]
    pub kill: bool,
    /// The moment of -c [default: the end of each stream's coverage]
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Time")]
    pub at: Option<Time>,
    /// With -a alone: logs are in order of time, so that files outside of --since and --until need not be read
    #[arg(long, help_heading = "Time")]
    pub trust_order: bool,
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
    /// Other questions than imsconnutil's.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What holds of the settings, as nobody typed otherwise.
    #[arg(skip)]
    pub settings: Vec<Setting>,
}

/// Questions that have a name.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every session: who, from where, from when to when, how it ended
    #[command(version, after_help = SESSIONS_EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Sessions(SessionsArgs),
    /// Refused logins: who was tried, from where, why it was refused
    #[command(version, after_help = failures::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Failures(FailuresArgs),
    /// The message trace: what each user read, stored and removed, and in which session
    #[command(version, after_help = messages::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Messages(MessagesArgs),
    /// The story of one user: each session, how its times are known, and which lines say so
    #[command(version, after_help = explain::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Explain(ExplainArgs),
    /// What the logs cover: hours, what was logged, gaps, silences, restarts, clock jumps, copies
    #[command(version, after_help = COVERAGE_EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Coverage(CoverageArgs),
    /// All of an archive on one page of HTML: what it covers, who, when, from where, refusals, findings
    #[command(version, after_help = report::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Report(ReportArgs),
    /// All that later questions need of logs, in a tenth of their space: a trail file
    #[command(version, after_help = trail::TRAIL, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Trail(TrailArgs),
    /// Several trail files as one
    #[command(version, after_help = trail::MERGE, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Merge(TrailArgs),
    /// Whether what a manifest names is still the same
    #[command(version, after_help = verify::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Verify(VerifyArgs),
    /// Teaching it the messages of your own site: list what is known, check, try, suggest
    #[command(version, after_help = grammar::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Grammar(GrammarArgs),
    /// A script for your shell, which then completes commands, options and their values
    #[command(version, after_help = completions::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Completions(CompletionsArgs),
    /// Manual pages, of the program and of each command
    #[command(version, after_help = man::EXAMPLES, max_term_width = 100, disable_help_flag = true, disable_version_flag = true)]
    Man(ManArgs),
}

/// `imstrail coverage`
#[derive(Clone, Debug, Args)]
pub struct CoverageArgs {
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
}

/// `imstrail sessions`
#[derive(Clone, Debug, Args)]
pub struct SessionsArgs {
    /// Only sessions with this end; may be repeated, or several with commas
    #[arg(long, value_name = "STATUS", value_enum, value_delimiter = ',')]
    pub status: Vec<StatusArg>,
    /// Only sessions from this network, as 192.0.2.0/24, or address; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = network)]
    pub from: Vec<IpNet>,
    /// What every question may have.
    #[command(flatten)]
    pub common: Common,
}

/// What every question may have.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Only this service [default: all; under -c imap and http]
    #[arg(short = 's', value_name = "SERVICE", ignore_case = true)]
    pub service: Option<ServiceArg>,
    /// Only this user; may be repeated
    #[arg(short = 'u', value_name = "UID", action = ArgAction::Append)]
    pub user: Vec<String>,
    /// Only the users in this file, one a line; - for standard input
    #[arg(short = 'f', value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Files, directories, archives; - for standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Only what lies at or after this time: logins and logouts of -a, sessions that touch it, failures
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Time")]
    pub since: Option<Time>,
    /// Only what lies before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Time")]
    pub until: Option<Time>,
    /// How times are shown: log (as written), utc, local, or a zone such as Europe/Paris
    #[arg(long, value_name = "ZONE", value_parser = parse_zone, default_value = "log", help_heading = "Time")]
    pub tz: Zone,
    /// The year of lines that have only syslog's date
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(u32).range(1970..=9999), help_heading = "Time")]
    pub year: Option<u32>,

    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,
    /// Write the answer to this file, which must not exist
    #[arg(short = 'o', long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Write to this file what was read and what came out of it, with hashes; it must not exist
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub manifest: Option<PathBuf>,
    /// Show for each row the log lines that it rests on, and where they are
    #[arg(long, help_heading = "Output")]
    pub evidence: bool,
    /// Let -o and --manifest replace an existing file
    #[arg(long, help_heading = "Output")]
    pub force: bool,
    /// Pseudonyms for users, addresses and file names, by a key: the bytes of this file, 16 or more
    #[arg(long, value_name = "KEYFILE", help_heading = "Output")]
    pub pseudonymize: Option<PathBuf>,
    /// A bar on the terminal while reading takes longer than half a second
    #[arg(long, value_enum, default_value_t = Progress::Auto, help_heading = "Output")]
    pub progress: Progress,
    /// Colour of notes
    #[arg(long, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,

    /// Also read folders of snapshots and trash (.snapshot, @eaDir, lost+found)
    #[arg(long, help_heading = "Input")]
    pub all: bool,
    /// List what would be read, in which order, and an estimate of the time
    #[arg(long, help_heading = "Input")]
    pub plan: bool,
    /// Message templates of your own, tried before the built-in ones; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub grammar: Vec<PathBuf>,
    /// A host that was renamed: OLD=NEW; may be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = alias, help_heading = "Input")]
    pub store_alias: Vec<(String, String)>,
    /// Addresses of multiplexors or other proxies before the stores, as 10.0.0.0/28, or one address: nobody's own; may be repeated
    #[arg(long, value_name = "CIDR", value_parser = network, help_heading = "Input")]
    pub proxy: Vec<IpNet>,
    /// Users of this domain are those without a domain
    #[arg(long, value_name = "DOMAIN", help_heading = "Input")]
    pub default_domain: Option<String>,
    /// A file that is damaged, as is known: no reason for exit status 1; may be repeated, * and ** stand for any part
    #[arg(long, value_name = "FILE[=SHA256]", help_heading = "Input")]
    pub known_damage: Vec<PathBuf>,
    /// Keep in this folder what is learned of logs, so that the next run reads new ones only
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub cache: Option<PathBuf>,
    /// How large that folder may become, in bytes, or as 500M or 20G
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "10G", help_heading = "Input")]
    pub cache_size: u64,
    /// Look whether logs are as they were by all of their bytes, and not by size, time, beginning and end
    #[arg(long, help_heading = "Input")]
    pub cache_verify: bool,
    /// Where standard input and nested zips are kept for the time being [default: the system's]
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub tmpdir: Option<PathBuf>,
    /// Worker threads [default: one a processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Input")]
    pub threads: Option<u16>,

    /// `--config` and `--no-config`.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// Where settings are.
#[derive(Clone, Debug, Args)]
pub struct ConfigArgs {
    /// The file of settings [default: imstrail.toml in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub config: Option<PathBuf>,
    /// Only what is typed counts: no file of settings, and no IMSTRAIL_ variables
    #[arg(long, conflicts_with = "config", help_heading = "Settings")]
    pub no_config: bool,
}

fn network(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map(|net| net.trunc())
        .map_err(|_| "expected a network such as 192.0.2.0/24 or 2001:db8::/32, or an address".to_owned())
}

/// So many bytes; K, M, G and T are powers of 1024.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => 0,
    };
    let size = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).filter(|size| *size > 0);
    size.ok_or_else(|| "expected a number of bytes, or one with K, M, G or T behind it, as 20G".to_owned())
}

fn alias(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("expected OLD=NEW, the host word in the logs and the store's name".to_owned()),
    }
}

/// `-s`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServiceArg {
    /// IMAP
    Imap,
    /// Webmail
    Http,
    /// POP
    Pop,
}

impl From<ServiceArg> for Service {
    fn from(arg: ServiceArg) -> Service {
        match arg {
            ServiceArg::Imap => Service::Imap,
            ServiceArg::Http => Service::Http,
            ServiceArg::Pop => Service::Pop,
        }
    }
}

/// `--status`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusArg {
    /// Its close line is there
    Closed,
    /// A login without a close
    Open,
    /// The same, but its process ended or its peer came back
    Lost,
}

impl From<StatusArg> for Status {
    fn from(arg: StatusArg) -> Status {
        match arg {
            StatusArg::Closed => Status::Closed,
            StatusArg::Open => Status::Open,
            StatusArg::Lost => Status::Lost,
        }
    }
}

/// `--progress`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Progress {
    /// On a terminal
    Auto,
    /// Not at all
    Never,
}

/// `--color`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Cli {
    /// The command line with what stands behind a command's name in its place.
    pub fn settled(mut self) -> Cli {
        match &self.command {
            Some(
                Command::Sessions(SessionsArgs { common, .. })
                | Command::Explain(ExplainArgs { common, .. })
                | Command::Failures(FailuresArgs { common, .. })
                | Command::Messages(MessagesArgs { common, .. })
                | Command::Coverage(CoverageArgs { common })
                | Command::Report(ReportArgs { common, .. }),
            ) => self.common = common.clone(),
            Some(Command::Trail(args) | Command::Merge(args)) => args.settle(&mut self.common),
            Some(Command::Verify(args)) => args.settle(&mut self.common),
            Some(Command::Grammar(args)) => args.settle(&mut self.common),
            Some(Command::Completions(_) | Command::Man(_)) | None => {}
        }
        if let Some(Command::Explain(explain)) = &self.command {
            (self.at, self.connected, self.access) = (explain.at, explain.at.is_some(), explain.at.is_none());
            self.common.evidence = true;
        }
        self
    }

    /// `sessions`, if that is asked.
    pub fn sessions(&self) -> Option<&SessionsArgs> {
        if let Some(Command::Sessions(sessions)) = &self.command { Some(sessions) } else { None }
    }

    /// `explain`, if that is asked.
    pub fn explain(&self) -> Option<&ExplainArgs> {
        if let Some(Command::Explain(explain)) = &self.command { Some(explain) } else { None }
    }

    /// `failures`, if that is asked.
    pub fn failures(&self) -> Option<&FailuresArgs> {
        if let Some(Command::Failures(failures)) = &self.command { Some(failures) } else { None }
    }

    /// `messages`, if that is asked.
    pub fn messages(&self) -> Option<&MessagesArgs> {
        if let Some(Command::Messages(messages)) = &self.command { Some(messages) } else { None }
    }

    /// `report`, if that is asked.
    pub fn report(&self) -> Option<&ReportArgs> {
        if let Some(Command::Report(report)) = &self.command { Some(report) } else { None }
    }

    /// The networks that `--from` names.
    pub fn networks(&self) -> &[IpNet] {
        match &self.command {
            Some(Command::Sessions(SessionsArgs { from, .. })) => from,
            Some(Command::Failures(FailuresArgs { from, .. })) => from,
            Some(Command::Report(ReportArgs { from, .. })) => from,
            _ => &[],
        }
    }

    /// `verify`, if that is asked.
    pub fn verify(&self) -> Option<&VerifyArgs> {
        if let Some(Command::Verify(verify)) = &self.command { Some(verify) } else { None }
    }

    /// `grammar`, if that is asked.
    pub fn grammar(&self) -> Option<&GrammarArgs> {
        if let Some(Command::Grammar(grammar)) = &self.command { Some(grammar) } else { None }
    }

    /// Whether findings are to be told, or counted.
    pub fn finds(&self) -> bool {
        let of_failures =
            |asked: &FailuresArgs| asked.findings || (asked.by.is_none() && self.common.format == Format::Table);
        self.report().is_some() || self.failures().is_some_and(of_failures)
    }

    /// Whether `coverage` is asked.
    pub fn coverage(&self) -> bool {
        matches!(self.command, Some(Command::Coverage(_)))
    }

    /// What clap cannot check by itself.
    ///
    /// # Errors
    /// What is wrong and what was expected.
    pub fn check(&self) -> Result<(), String> {
        if self.kill {
            return Err("-k is refused: imstrail reads archived logs and cannot disconnect anybody; use imsconnutil -k on the store".to_owned());
        }
        self.explain().map_or(Ok(()), ExplainArgs::check)?;
        self.failures().map_or(Ok(()), FailuresArgs::check)?;
        self.report().map_or(Ok(()), ReportArgs::check)?;
        let Common { user, file, since, until, .. } = &self.common;
        if self.coverage() && (!user.is_empty() || file.is_some() || since.is_some() || until.is_some()) {
            return Err("coverage tells of all lines: leave out -u, -f, --since and --until".to_owned());
        }
        if self.common.pseudonymize.is_some() && self.common.manifest.is_some() {
            return Err(
                "--manifest names the files and their hashes, which --pseudonymize is to hide: leave out one of them"
                    .to_owned(),
            );
        }
        if self.coverage() && self.common.evidence {
            return Err(
                "coverage rests on all lines: --evidence is for -c, -a, sessions, failures and messages".to_owned()
            );
        }
        if !self.connected && !self.access && self.command.is_none() {
            return Err("say what you ask: -c (who was connected) or -a (last access of each user), or both; or sessions, failures, messages, coverage, explain or report; see --help".to_owned());
        }
        if self.at.is_some() && !self.connected {
            return Err("--at is the moment of -c: add -c, or use --since and --until with -a".to_owned());
        }
        if self.trust_order && (self.connected || since.is_none() && until.is_none()) {
            return Err("--trust-order leaves out files outside of a window: give -a one with --since or --until, and ask -c apart, \
                        which needs what was before"
                .to_owned());
        }
        if self.trust_order && self.common.manifest.is_some() {
            return Err("--manifest names all files that an answer rests on, and --trust-order leaves some of them unread: leave out \
                        one of the two"
                .to_owned());
        }
        self.check_format()?;
        self.common.check()
    }

    /// The services of `-c`: imsconnutil's, unless one is named.
    pub fn services(&self) -> Vec<Service> {
        let usual = if self.explain().is_some() { &Service::ALL[..] } else { &crate::fold::CONNECTED };
        self.common.service.map_or_else(|| usual.to_vec(), |s| vec![s.into()])
    }
}

impl Common {
    fn check(&self) -> Result<(), String> {
        let stdin_paths = self.paths.iter().filter(|p| p.as_os_str() == "-").count();
        if let (Some(since), Some(until)) = (self.since, self.until)
            && !since.is_before(until)
        {
            return Err("--since is not before --until: the window is since ≤ t < until".to_owned());
        }
        if self.file.as_ref().is_some_and(|f| f.as_os_str() == "-") && stdin_paths > 0 {
            return Err("standard input cannot be both the list of users (-f -) and a log (-)".to_owned());
        }
        if self.manifest.is_some() && self.plan {
            return Err("--manifest tells of an answer, and --plan gives none: leave out one of them".to_owned());
        }
        if self.cache_verify && self.cache.is_none() {
            return Err("--cache-verify looks at a cache: name it with --cache DIR".to_owned());
        }
        if stdin_paths > 1 {
            return Err("standard input (-) can be named only once".to_owned());
        }
        Ok(())
    }

    /// The users that `-u` names.
    pub fn users(&self) -> BTreeSet<&str> {
        self.user.iter().map(String::as_str).collect()
    }
}
