//! The message trace: brings its lines and sessions together, for `messages` and for the counts of `sessions`.

use std::collections::BTreeSet;

use super::ask::Ask;
use super::{Stop, by_id};
use crate::answer::{Activity, Origins, Sessions, attributed};
use crate::cli::Cli;
use crate::model::Service;
use crate::read::Outcome;
use crate::remarks::OnlyTraced;
use crate::resolve::Resolved;
use crate::runs::Runs;
use crate::streams::Streams;
use crate::trail::{LastAccess, TracedUsers};

/// What came of the message trace.
#[derive(Debug, Default)]
pub(super) struct Traced {
    /// What it adds to sessions, if it has lines of any stream.
    pub(super) sessions: Option<Activity>,
    /// The lines of `messages`, each with the session that it fits.
    pub(super) messages: Option<[Runs; 1]>,
}

/// Brings lines and sessions together, if that is asked.
///
/// # Errors
/// Records could not be put aside.
pub(super) fn of(
    outcome: &mut Outcome,
    (runs, resolved, streams): (&[Runs], &[Resolved], &Streams),
    origins: Option<&Origins>,
    cli: &Cli,
    ask: &Ask,
) -> Result<Traced, Stop> {
    let tmpdir = &ask.walk.tmpdir;
    outcome.traces.iter_mut().try_for_each(Runs::finish)?;
    let sessions = |runs| Sessions { services: &[], runs, streams: resolved, activity: None, origins: None };
    if cli.messages().is_some() {
        let messages = Some(attributed(&outcome.traces, &Sessions { origins, ..sessions(runs) }, tmpdir)?);
        return Ok(Traced { messages, ..Traced::default() });
    }
    if cli.sessions().is_none() || outcome.traced.is_empty() {
        return Ok(Traced::default());
    }
    let (asked, others) = fitting(outcome, resolved, ask)?;
    let traced: BTreeSet<(Vec<u8>, Service)> = outcome.traced.iter().map(|stream| streams.get(*stream)).collect();
    let sessions = Activity::new(&outcome.traces, traced, (&sessions(&asked), &others), tmpdir)?;
    Ok(Traced { sessions: Some(sessions), ..Traced::default() })
}

/// Sessions that lines may fit: those that are asked for, and others. Which session a line belongs to can be said only beside all
/// that it fits.
fn fitting(outcome: &mut Outcome, resolved: &[Resolved], ask: &Ask) -> Result<(Vec<Runs>, Vec<Runs>), Stop> {
    let (mut asked, mut others) = (std::mem::take(&mut outcome.fitting), std::mem::take(&mut outcome.others));
    if let (Some(query), Some(owners)) = (&ask.sessions, &outcome.owners) {
        let mut unclosed = [false, true].map(|is_other| (is_other, Runs::new(&ask.walk.tmpdir, usize::MAX)));
        let streams = by_id(resolved);
        for session in outcome.sessions.iter().flatten().filter(|session| owners.has(session.owner())) {
            let Some(stream) = streams.get(&session.stream) else { continue };
            for (is_other, runs) in &mut unclosed {
                runs.push(|record| _ = query.unclosed(session, stream, *is_other, record));
            }
        }
        let [(_, own), (_, other)] = unclosed;
        asked.push(own);
        others.push(other);
    }
    asked.iter_mut().chain(&mut others).try_for_each(Runs::finish)?;
    Ok((asked, others))
}

/// Users of `-a` who have no login or close, and how many of those asked for have no line of the message trace either.
pub(super) fn only_traced(access: &LastAccess, traced: &mut TracedUsers, asked: &BTreeSet<Vec<u8>>) -> OnlyTraced {
    traced.without(|user| access.has(user));
    let is_unseen = |user: &&Vec<u8>| !access.has(user) && !traced.users.contains(user.as_slice());
    let unseen = if traced.lines > 0 { asked.iter().filter(is_unseen).count() } else { 0 };
    OnlyTraced { users: traced.users.iter().map(|user| user.to_vec()).collect(), unseen }
}
