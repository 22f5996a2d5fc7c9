//! Clients behind proxies (`--proxy`): what lines of multiplexors tell of the rows that have addresses.

use super::Stop;
use super::ask::Ask;
use crate::answer::{Connected, Failures, Origins, Proxied, Sessions, behind_proxies};
use crate::cli::Cli;
use crate::read::Outcome;
use crate::resolve::Resolved;
use crate::runs::Runs;

/// What lines tell.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of sessions.
    pub(super) sessions: Option<Origins>,
    /// Of refusals.
    pub(super) failures: Option<Origins>,
}

/// What lines tell of the records that were read.
///
/// # Errors
/// Records could not be put aside.
pub(super) fn of(outcome: &mut Outcome, (runs, streams): (&[Runs], &[Resolved]), ask: &Ask) -> Result<Told, Stop> {
    if ask.proxies.are_none() {
        return Ok(Told::default());
    }
    outcome.clients.iter_mut().try_for_each(Runs::finish)?;
    let (lines, tmpdir) = (&outcome.clients, &ask.walk.tmpdir);
    let sessions = ask.sessions.as_ref().map(|_| {
        let sessions = Sessions { services: &[], runs, streams, activity: None, origins: None };
        sessions.origins(lines, tmpdir)
    });
    let failures = ask.failures.as_ref().map(|_| {
        let failures = Failures { services: &[], runs, streams, origins: None };
        failures.origins(lines, tmpdir)
    });
    let told = Told { sessions: sessions.transpose()?, failures: failures.transpose()? };
    Ok(told)
}

/// How many rows came through proxies, of each question that has rows with addresses; those of `-c` learn of their clients.
///
/// # Errors
/// Records could not be put aside.
pub(super) fn count(
    told: &Told,
    connected: Option<&mut Vec<Connected<'_>>>,
    outcome: &Outcome,
    (cli, ask): (&Cli, &Ask),
) -> Result<Vec<(&'static str, Proxied)>, Stop> {
    let mut counts = Vec::new();
    if ask.proxies.are_none() {
        return Ok(counts);
    }
    if let Some(rows) = connected {
        counts.push(("connected session", behind_proxies(rows, &outcome.clients, &ask.walk.tmpdir)?));
    }
    // Sessions that lines of the message trace may fit are no rows, and there may be more of them than need be.
    let sessions = told.sessions.as_ref().filter(|_| cli.messages().is_none());
    for (what, origins) in [("session", sessions), ("refusal", told.failures.as_ref())] {
        counts.extend(origins.map(|origins| (what, origins.proxied)));
    }
    Ok(counts)
}
