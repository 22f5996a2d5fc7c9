//! `report`: everything on one page, and beside it a file for what the page has no room for.

mod about;

use std::collections::BTreeSet;
use std::fs;

use rayon::prelude::*;

use super::ask::Ask;
use super::output::{Output, Place};
use super::{Exit, Notes, Stop, activity, all_notes, by_id, documented, findings, mask, origins, refused};
use crate::answer::report::{PARTS, Report, Sources, part_of};
use crate::answer::{Failures, Findings, LastAccessRows, Rows, covered};
use crate::cli::{Cli, ReportArgs};
use crate::hash::Hashed;
use crate::model::Service;
use crate::note::{Note, NoteKind};
use crate::plan::{Leaf, Plan};
use crate::read::{Outcome, Sieve};
use crate::remarks::Remarks;
use crate::render::{self, Answer, Shape, Summary};
use crate::resolve::Resolved;
use crate::runs::Runs;
use crate::streams::Streams;
use crate::trail::FileId;

/// What was read as a report, written.
///
/// # Errors
/// A place cannot be written, or too much for memory could not be put aside.
pub(super) fn answer(
    (cli, args): (&Cli, &ReportArgs),
    ask: &Ask,
    (plan, streams): (&Plan, &Streams),
    (mut outcome, resolved, _): (Outcome, Vec<Resolved>, Option<Sieve>),
    output: &Output,
    notes: &Notes,
) -> Result<(Exit, Option<Hashed>), Stop> {
    ask.check_window(&resolved)?;
    let visits = visits(&mut outcome, &resolved, ask)?;
    let refused = refused(&mut outcome)?;
    let only: Vec<Service> = cli.common.service.map(Service::from).into_iter().collect();
    // Sessions are not joined with lines of multiplexors: those through proxies say so.
    let told = origins::of(&mut outcome, (&[], &refused), &resolved, ask)?;
    let told = origins::Told { sessions: None, ..told };
    let proxied = origins::count(&told, None, &outcome, (cli, ask))?;
    let origins = told.failures.as_ref();
    let failures = Failures { services: &only, runs: &refused, streams: &resolved, origins };
    let found = findings::find(cli, ask, (plan, streams), &outcome, Some(&failures))?;
    let (found, thresholds) = found.unwrap_or_default();
    let accesses = std::mem::take(&mut outcome.trail.access);
    let only_traced = activity::only_traced(&accesses, &mut outcome.trail.traced, &ask.needs.users);
    let access = LastAccessRows::new(accesses, streams, &ask.needs.users);
    let texts: Vec<&Leaf> = plan.leaves.iter().chain(&outcome.unplanned).collect();
    let renamed = ask.pseudonyms.as_ref().map(|pseudonyms| mask::leaves(pseudonyms, &texts));
    let leaves: Vec<&Leaf> = renamed.as_ref().map_or_else(|| texts.clone(), |renamed| renamed.iter().collect());
    let summary = Summary::of_accesses(&[], Some(&access), cli.common.tz);
    let remarks = Remarks {
        leaves: &leaves,
        trail: &outcome.trail,
        streams: &resolved,
        connected: None,
        access: true,
        sessions: ask.sessions.as_ref(),
        once: !outcome.unplanned.is_empty(),
        sieved: None,
        inferred: summary.inferred || outcome.trail.collected.inferred,
        guesses: ask.grammars.guesses(),
        only_traced: &only_traced,
        proxied: &proxied,
        no_traces: false,
    };
    let all = all_notes(cli, ask, plan, &outcome, &remarks);
    let limits = remarks.limits(ask.narrow());
    let damaged: BTreeSet<FileId> = outcome.damaged.iter().chain(outcome.holes.keys()).copied().collect();
    let beside = args.beside().and_then(|file| Some(file.file_name()?.to_string_lossy().into_owned()));
    let report = Report::of(&Sources {
        about: &about::about(cli, args, ask),
        zone: cli.common.tz,
        window: &ask.needs.window,
        visits: &visits,
        failures: &failures,
        findings: &Findings { runs: &found, thresholds },
        access: &access,
        limits: &limits,
        covered: &covered(&resolved, &outcome.trail, &leaves, &only),
        trail: &outcome.trail,
        leaves: &leaves,
        damaged: &damaged,
        notes: &all,
        top: args.top.into(),
        rows: args.last_access as usize,
        beside: beside.as_deref(),
        tmpdir: &ask.walk.tmpdir,
    })?;
    let names: Vec<&str> = leaves.iter().map(|leaf| leaf.shown.as_str()).collect();
    let table = Answer {
        rows: Rows { access: Some(access), ..Rows::default() },
        limits,
        quotes: None,
        streams: &resolved,
        notes: &all,
        tally: &outcome.trail.tally,
        texts: &names,
        query: ask.as_json(cli),
        zone: cli.common.tz,
        summary,
    };
    let written = write(&report, &table, output)?;
    notes.tell(&all);
    notes.tell(&beside_note(&report, output));
    let exit = documented(cli, ask, plan, &outcome, output, notes, (&all, written))?;
    Ok((exit, written))
}

/// All sessions that were asked for, by part; those without a close, too, which only now can be told from each other.
fn visits(outcome: &mut Outcome, streams: &[Resolved], ask: &Ask) -> Result<[Vec<Runs>; PARTS], Stop> {
    let mut visits = std::mem::take(&mut outcome.visits);
    let mut unclosed = [(); PARTS].map(|()| Runs::new(&ask.walk.tmpdir, usize::MAX));
    let streams = by_id(streams);
    for session in outcome.sessions.iter().flatten() {
        let (Some(query), Some(stream)) = (&ask.sessions, streams.get(&session.stream)) else { continue };
        let Some(runs) = unclosed.get_mut(part_of(&session.user)) else { continue };
        runs.push(|record| outcome.trail.collected.inferred |= query.unclosed_visit(session, stream, record));
    }
    outcome.sessions = Vec::new();
    visits.iter_mut().zip(unclosed).for_each(|(part, runs)| part.push(runs));
    visits.par_iter_mut().flatten().try_for_each(Runs::finish)?;
    Ok(visits)
}

/// Writes the page, and the table beside it if the page has no room for it: neither has its name before both are whole.
fn write(report: &Report, table: &Answer<'_>, output: &Output) -> Result<Option<Hashed>, Stop> {
    let mut page = output.open()?;
    render::report::write(report, &mut page)?;
    let beside = output.beside.as_ref().filter(|_| report.last_access.users.left_out > 0);
    let Some(beside) = beside else { return page.finish() };
    let mut file = beside.open()?;
    render::write(table, Shape::Csv, &mut file)?;
    beside.keep(file)?;
    let written = page.finish();
    if written.is_err() {
        // Without its page it is half an answer.
        drop(fs::remove_file(&beside.file));
    }
    written
}

/// Where the last access of all users is, or that a file with that name is of an earlier report.
fn beside_note(report: &Report, output: &Output) -> Vec<Note> {
    let Some(Place { file, .. }) = &output.beside else { return Vec::new() };
    let (file, users) = (file.display().to_string(), &report.last_access.users);
    let text = if users.left_out > 0 {
        format!("has the last access of all {} users; the page lists the latest {}", users.total(), users.shown.len())
    } else if output.beside.as_ref().is_some_and(|place| place.file.exists()) {
        "is of an earlier report: this one has the last access of all users on its page".to_owned()
    } else {
        return Vec::new();
    };
    vec![Note::new(file, NoteKind::Info, text)]
}
