//! The shell around the core: reads the command line, runs the stages, writes answer and notes, says how it went.

mod activity;
mod again;
mod ask;
mod bar;
mod cache;
mod findings;
mod grammar;
mod known;
mod manifest;
mod manners;
mod mask;
mod origins;
mod output;
mod planning;
mod report;
mod settings;
mod show_plan;
#[cfg(feature = "sqlite")]
mod sqlite;
mod trail;
mod trusted;
mod verify;

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::CommandFactory;

use crate::answer::{
    AtError, Connected, Failures, Findings, LastAccessRows, MessageLines, RefusedBy, Rows, Sessions, connected, covered,
};
use crate::cli::{Cli, Color, Command};
use crate::discover::{self, Discovered, discover};
use crate::hash::Hashed;
use crate::manifest::Facts;
use crate::model::Service;
use crate::note::{Note, NoteKind};
use crate::plan::{Leaf, Plan, PlanOptions};
use crate::pseudonym::Pseudonyms;
use crate::quote::{Cited, Quotes};
use crate::read::Outcome;
use crate::remarks::{Remarks, Sieved};
use crate::render::{Answer, Shape, Summary};
use crate::resolve::{ClockError, Resolved};
use crate::runs::Runs;
use crate::streams::{StreamId, Streams};
use crate::text::visible;
use crate::times::{Zone, written};
use ask::Ask;
use output::Output;
use planning::{Planning, Read};

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Answered in full.
    Answered,
    /// Answered, but a file or member could not be read to its end.
    Partly,
    /// Wrong usage, or nothing could be opened.
    Usage,
}

impl Exit {
    /// That of an answer with these notes.
    fn of(told: &[Note]) -> Exit {
        if told.iter().any(Note::fails) { Exit::Partly } else { Exit::Answered }
    }

    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Exit::Answered => 0,
            Exit::Partly => 1,
            Exit::Usage => 2,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a run ended without an answer.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// What was asked cannot be asked so.
    #[error("{0}")]
    Usage(String),
    /// A file of settings has mistakes: pictures of them, fit to be shown.
    #[error("mistakes in a file")]
    Pictures(Vec<String>),
    /// Whoever read the answer went away.
    #[error("closed pipe")]
    Closed,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        if error.kind() == io::ErrorKind::BrokenPipe { Stop::Closed } else { Stop::Usage(error.to_string()) }
    }
}

/// Runs the program with this process's arguments.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let typed = match Cli::read(&arguments, Vec::new()) {
        Ok(cli) => cli,
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Answered };
            drop(error.print());
            return exit.into();
        }
    };
    let notes = Notes::new(typed.common.color);
    let ended = settings::applied(typed, &arguments).and_then(|(cli, of_run)| {
        let notes = Notes::new(cli.common.color);
        notes.tell(&of_run);
        run(&cli, &notes)
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(Stop::Closed) => Exit::Answered.into(),
        Err(Stop::Usage(text)) => {
            notes.error(&text);
            Exit::Usage.into()
        }
        Err(Stop::Pictures(pictures)) => {
            pictures.iter().for_each(|picture| notes.picture(picture));
            Exit::Usage.into()
        }
    }
}

/// The program: a question, whether a manifest still holds, or grammar files.
fn run(cli: &Cli, notes: &Notes) -> Result<Exit, Stop> {
    match &cli.command {
        Some(Command::Verify(args)) => verify::run(args, cli, notes),
        Some(Command::Trail(args) | Command::Merge(args)) => trail::run(args, cli, notes),
        Some(Command::Grammar(args)) => grammar::run(args, cli, notes),
        Some(Command::Completions(args)) => manners::complete(args),
        Some(Command::Man(args)) => manners::man(args),
        _ => query(cli, &mut Output::new(cli)?, notes).map(|(exit, _)| exit),
    }
}

fn threads(cli: &Cli) -> Result<rayon::ThreadPool, Stop> {
    let threads = usize::from(cli.common.threads.unwrap_or(0));
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|e| Stop::Usage(e.to_string()))
}

/// A question: discover, plan, read, resolve, answer, render. The hash of what was written, if that is wanted.
fn query(cli: &Cli, output: &mut Output, notes: &Notes) -> Result<(Exit, Option<Hashed>), Stop> {
    let ask = Ask::new(cli)?;
    let pool = threads(cli)?;
    let found = discovered(cli, &ask, notes)?;
    output.is_none_of(&found.files)?;
    let found = if cli.trust_order { trusted::left(cli, &ask, found, &pool)? } else { found };
    let again = ask.failures.is_some() || cli.common.evidence || output.manifest.is_some();
    let spool = ask.needs.pairs || again;
    pool.install(|| output.manifest.iter_mut().for_each(|manifest| manifest.saw(&found)));
    let summaries = ask.rests_on_summaries(cli).then(|| trail::how(cli)).transpose()?;
    let options = PlanOptions { spool, summaries, ..ask.plan_options(cli) };
    let planning = Planning { cli, ask: &ask, found, options, pool: &pool };
    if cli.common.plan {
        return planning.show(output, notes).map(|exit| (exit, None));
    }
    let streams = Streams::default();
    let (plan, cache, read) = planning.read(&streams, notes)?;
    let answered = pool.install(|| match cli.report() {
        Some(args) => report::answer((cli, args), &ask, (&plan, &streams), read, output, notes),
        None => answer(cli, &ask, &plan, &streams, read, output, notes),
    });
    if let Some(cache) = cache {
        notes.tell(&mask::notes(ask.pseudonyms.as_ref(), cache.end()));
    }
    answered
}

/// What is said of a path that is missing, and has the name of a command: behind options, words are paths.
fn command_meant(note: Note) -> Note {
    let is_command = || Cli::command().get_subcommands().any(|command| command.get_name() == note.path);
    if note.kind == NoteKind::Missing && is_command() {
        return note.adding("; if the command is meant, it stands first, without -a and -c");
    }
    note
}

/// What is found of the paths.
///
/// # Errors
/// None of them can be opened.
fn discovered(cli: &Cli, ask: &Ask, notes: &Notes) -> Result<Discovered, Stop> {
    let mut found = discover(&ask.paths, &discover::Options { all: cli.common.all });
    found.notes = found.notes.into_iter().map(command_meant).collect();
    if !found.openable {
        notes.tell(&[mask::notes(ask.pseudonyms.as_ref(), found.notes), ask.settings.clone()].concat());
        return Err(Stop::Usage("none of the paths could be opened".to_owned()));
    }
    Ok(found)
}

/// Checks that there is something to read, where trail files were given.
///
/// # Errors
/// None of them is what was written.
fn is_believed(plan: &Plan, pseudonyms: Option<&Pseudonyms>, notes: &Notes) -> Result<(), Stop> {
    if !plan.is_refused() {
        return Ok(());
    }
    notes.tell(&mask::notes(pseudonyms, plan.notes.clone()));
    Err(Stop::Usage("none of the trail files can be used".to_owned()))
}

/// What was read, and its rows, written.
fn answer(
    cli: &Cli,
    ask: &Ask,
    plan: &Plan,
    streams: &Streams,
    (mut outcome, resolved, sieve): Read,
    output: &Output,
    notes: &Notes,
) -> Result<(Exit, Option<Hashed>), Stop> {
    let runs = runs(&mut outcome, &resolved, ask)?;
    let refused = refused(&mut outcome)?;
    let told = origins::of(&mut outcome, (&runs, &refused), &resolved, ask)?;
    let activity = activity::of(&mut outcome, (&runs, &resolved, streams), told.sessions.as_ref(), cli, ask)?;
    let accesses = std::mem::take(&mut outcome.trail.access);
    let only_traced = activity::only_traced(&accesses, &mut outcome.trail.traced, &ask.needs.users);
    let connected = || {
        let sessions = outcome.sessions.iter().flatten();
        ask.connected.as_ref().map(|query| connected(query, &resolved, sessions)).transpose()
    };
    let access = || cli.access.then(|| LastAccessRows::new(accesses, streams, &ask.needs.users));
    let (connected, access) = rayon::join(connected, access);
    let mut connected: Option<Vec<Connected<'_>>> = connected.map_err(|e| twice("--at", &e))?;
    let proxied = origins::count(&told, connected.as_mut(), &outcome, (cli, ask))?;
    ask.check_window(&resolved)?;
    let only: Vec<Service> = cli.common.service.map(Service::from).into_iter().collect();
    let failures = ask.failures.as_ref().map(|_| Failures {
        services: &only,
        runs: &refused,
        streams: &resolved,
        origins: told.failures.as_ref(),
    });
    let by = cli.failures().and_then(|asked| asked.by).zip(failures.as_ref());
    let refused_by = by.map(|(by, failures)| RefusedBy::of(failures, by.into(), &ask.walk.tmpdir)).transpose()?;
    let found = findings::find(cli, ask, (plan, streams), &outcome, failures.as_ref())?;
    let texts: Vec<&Leaf> = plan.leaves.iter().chain(&outcome.unplanned).collect();
    let renamed = ask.pseudonyms.as_ref().map(|pseudonyms| mask::leaves(pseudonyms, &texts));
    let leaves: Vec<&Leaf> = renamed.as_ref().map_or_else(|| texts.clone(), |renamed| renamed.iter().collect());
    let only_findings = cli.failures().is_some_and(|asked| asked.findings);
    let rows = Rows {
        connected: connected.as_deref().zip(ask.connected.as_ref().map(|q| q.services.as_slice())),
        access,
        sessions: ask.sessions.as_ref().filter(|_| cli.messages().is_none()).map(|_| Sessions {
            services: &only,
            runs: &runs,
            streams: &resolved,
            activity: activity.sessions.as_ref(),
            origins: told.sessions.as_ref(),
        }),
        failures: failures.filter(|_| !only_findings && refused_by.is_none()),
        messages: activity.messages.as_ref().map(|runs| MessageLines { services: &only, runs, streams: &resolved }),
        refused_by,
        findings: found.as_ref().map(|(runs, thresholds)| Findings { runs, thresholds: *thresholds }),
        covered: cli.coverage().then(|| covered(&resolved, &outcome.trail, &leaves, &only)),
        with_proxies: !ask.proxies.are_none(),
    };
    let summary = Summary::of(&rows, output.shape(), cli.common.tz, &resolved)?;
    let numbers = std::mem::take(&mut outcome.numbers);
    let quotes = || {
        let mut cited = Cited::new(plan, &texts, numbers, &ask.walk, output.shape().shows_lines());
        cited.take(&rows)?;
        let quotes = cited.read()?;
        Ok::<Quotes, Stop>(match &ask.pseudonyms {
            Some(pseudonyms) => quotes.masked(pseudonyms),
            None => quotes,
        })
    };
    let quotes = cli.common.evidence.then(quotes).transpose()?;
    let remarks = Remarks {
        leaves: &leaves,
        trail: &outcome.trail,
        streams: &resolved,
        connected: ask.connected.as_ref(),
        access: cli.access,
        sessions: ask.sessions.as_ref(),
        once: !outcome.unplanned.is_empty(),
        sieved: sieve
            .filter(|_| outcome.trail.tally.passed_over.lines > 0)
            .map(|sieve| sieve.is_by_users())
            .or(cli.trust_order.then_some(false))
            .map(|by_users| Sieved { window: ask.needs.window, by_users }),
        inferred: summary.inferred || outcome.trail.collected.inferred,
        guesses: ask.grammars.guesses(),
        only_traced: &only_traced,
        proxied: &proxied,
        no_traces: cli.messages().is_some() && outcome.traces.iter().all(Runs::is_empty),
    };
    let all = all_notes(cli, ask, plan, &outcome, &remarks);
    let texts: Vec<&str> = leaves.iter().map(|leaf| leaf.shown.as_str()).collect();
    let answer = Answer {
        rows,
        limits: if cli.access { remarks.limits(ask.narrow()) } else { Default::default() },
        quotes: quotes.as_ref(),
        streams: &resolved,
        notes: &all,
        tally: &outcome.trail.tally,
        texts: &texts,
        query: ask.as_json(cli),
        zone: cli.common.tz,
        summary,
    };
    let written = match output.write(&answer) {
        Err(Stop::Closed) if output.manifest.is_some() => return Ok((manifest::cut_short(notes), None)),
        written => written?,
    };
    notes.tell(&all);
    if let (Shape::Table, Some(offset)) = (output.shape(), summary.shared_offset) {
        notes.zone(cli.common.tz, offset);
    }
    drop(answer);
    // The process ends: to give all that back piece by piece would only take time.
    drop(connected);
    let exit = documented(cli, ask, plan, &outcome, output, notes, (&all, written))?;
    std::mem::forget((outcome.sessions, outcome.trail));
    Ok((exit, written))
}

/// All notes of a run, in order.
fn all_notes(cli: &Cli, ask: &Ask, plan: &Plan, outcome: &Outcome, remarks: &Remarks<'_>) -> Vec<Note> {
    let of_files = [plan.notes.as_slice(), &outcome.notes].concat();
    let count = of_files.len();
    let mut of_files = known::marked(&cli.common.known_damage, of_files);
    if cli.trust_order {
        // What is damaged may be among what was left out.
        of_files.truncate(count);
    }
    let of_files = mask::notes(ask.pseudonyms.as_ref(), of_files);
    let mut all = [of_files, remarks.notes(), ask.echoes(remarks.streams)].concat();
    all.sort();
    all.dedup();
    all
}

/// How the run ends; before that its manifest is written, if one is wanted.
fn documented(
    cli: &Cli,
    ask: &Ask,
    plan: &Plan,
    outcome: &Outcome,
    output: &Output,
    notes: &Notes,
    (told, written): (&[Note], Option<Hashed>),
) -> Result<Exit, Stop> {
    let exit = Exit::of(told);
    let (Some(manifest), Some(written)) = (&output.manifest, written) else { return Ok(exit) };
    let (trail, damaged, hashed) = (&outcome.trail, &outcome.damaged, &outcome.hashed);
    let facts = Facts { plan, trail, damaged, hashed, walk: &ask.walk, before: manifest.before() };
    let changed = manifest.write(cli, ask, &facts, manifest::Given { notes: told, written, exit })?;
    notes.tell(&changed);
    Ok(if changed.is_empty() { exit } else { Exit::Partly })
}

/// Streams by their numbers.
fn by_id(streams: &[Resolved]) -> HashMap<StreamId, &Resolved> {
    streams.iter().map(|stream| (stream.id, stream)).collect()
}

/// All records that were asked for; of sessions those without a close too, which only now can be told from each other.
fn runs(outcome: &mut Outcome, streams: &[Resolved], ask: &Ask) -> Result<Vec<Runs>, Stop> {
    let mut runs = std::mem::take(&mut outcome.runs);
    if let Some(query) = &ask.sessions {
        let mut unclosed = Runs::new(&ask.walk.tmpdir, usize::MAX);
        let streams = by_id(streams);
        for session in outcome.sessions.iter().flatten() {
            let Some(stream) = streams.get(&session.stream) else { continue };
            let owners = outcome.owners.as_ref().filter(|_| query.only_traced);
            unclosed.push(|record| {
                let from = record.len();
                outcome.trail.collected.inferred |= query.unclosed(session, stream, false, record);
                if owners.is_some_and(|owners| !owners.has(session.owner())) {
                    record.truncate(from);
                }
            });
        }
        runs.push(unclosed);
    }
    runs.iter_mut().try_for_each(Runs::finish)?;
    Ok(runs)
}

/// All refusals that were asked for.
fn refused(outcome: &mut Outcome) -> Result<Vec<Runs>, Stop> {
    let mut refused = std::mem::take(&mut outcome.refused);
    refused.iter_mut().try_for_each(Runs::finish)?;
    Ok(refused)
}

/// Digits that are no single instant: both candidates, or the moment that can be asked for.
fn twice(flag: &str, error: &AtError) -> Stop {
    let stream = format!("{} {}", visible(&error.store), error.service.as_str());
    Stop::Usage(match error.clock {
        ClockError::Twice(a, b) => {
            format!("{flag}: the clock of {stream} showed this time twice; say which: {} or {}", written(a), written(b))
        }
        ClockError::Never(next) => {
            format!("{flag}: the clock of {stream} never showed this time; its next is {}", written(next))
        }
        ClockError::Empty => format!("{flag}: {stream} has no line"),
    })
}

/// Writes notes and errors to stderr.
struct Notes {
    color: bool,
    /// Nothing is told.
    quiet: bool,
}

/// How many notes of one kind are told; the JSON document has them all.
const TOLD: usize = 20;

impl Notes {
    fn new(color: Color) -> Notes {
        let auto = || io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Notes { color: color == Color::Always || (color == Color::Auto && auto()), quiet: false }
    }

    fn line(&self, label: &str, code: &str, text: &str) {
        if self.quiet {
            return;
        }
        let mut err = io::stderr().lock();
        let text = visible(text.as_bytes());
        drop(if self.color {
            writeln!(err, "imstrail: \x1b[{code}m{label}\x1b[0m: {text}")
        } else {
            writeln!(err, "imstrail: {label}: {text}")
        });
    }

    fn error(&self, text: &str) {
        self.line("error", "31", text);
    }

    /// An error that takes several lines; nothing in it steers a terminal.
    fn picture(&self, text: &str) {
        let label = if self.color { "\x1b[31merror\x1b[0m" } else { "error" };
        drop(write!(io::stderr().lock(), "imstrail: {label}: {text}"));
    }

    fn zone(&self, zone: Zone, offset: i16) {
        let of = if zone == Zone::Log { ", as the logs write it" } else { "" };
        self.line("note", "36", &format!("times are {}{of}", crate::times::log_offset(offset)));
    }

    fn tell(&self, notes: &[Note]) {
        let mut told: std::collections::BTreeMap<crate::note::NoteKind, usize> = std::collections::BTreeMap::new();
        for note in notes {
            let n = told.entry(note.kind).or_default();
            *n += 1;
            if *n <= TOLD {
                let (label, code) = if note.fails() { ("warning", "33") } else { ("note", "36") };
                let place = match note.path.as_str() {
                    "" => String::new(),
                    "-" => "standard input: ".to_owned(),
                    path => format!("{path}: "),
                };
                self.line(label, code, &format!("{place}{}", note.text));
            }
        }
        for (kind, n) in told.into_iter().filter(|(_, n)| *n > TOLD) {
            self.line(
                "note",
                "36",
                &format!("{} more notes of this kind ({}); --format json has all", n - TOLD, kind.as_str()),
            );
        }
    }
}
