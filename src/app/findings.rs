//! Findings of `failures`: what the refusals show together, and the logins behind them, for which all is read once more.

use std::collections::HashSet;
use std::io;

use rayon::prelude::*;

use super::{Ask, Stop, bar};
use crate::answer::{Armed, Asked, Events, FailureRow, Failures, LoginsQuery, Side, Thresholds, findings};
use crate::cli::Cli;
use crate::fold::Needs;
use crate::plan::Plan;
use crate::read::{Meter, Outcome, Reading, forged, read};
use crate::runs::Runs;
use crate::streams::Streams;

/// So much of events in one order, and of findings, is held in memory, in bytes.
const HELD: usize = 16 << 20;

/// All findings of the refusals that were read, if they are wanted, and what was asked of them.
///
/// # Errors
/// Those of putting aside what is too much, and of reading it back.
pub(super) fn find(
    cli: &Cli,
    ask: &Ask,
    (plan, streams): (&Plan, &Streams),
    outcome: &Outcome,
    failures: Option<&Failures<'_>>,
) -> Result<Option<(Vec<Runs>, Thresholds)>, Stop> {
    let thresholds = ask.failures.as_ref().map(|query| query.thresholds).filter(|_| cli.finds());
    let (Some(thresholds), Some(failures)) = (thresholds, failures) else { return Ok(None) };
    let mut events = Events::new(&ask.walk.tmpdir, HELD);
    let mut rows = failures.rows()?;
    while rows.next(|record| FailureRow::read(record).iter().for_each(|row| events.refused(row)))? {}
    let Events { by_user, by_address, .. } = events;
    let (mut by_user, mut by_address) = (vec![by_user], vec![by_address]);
    finish(&mut by_user, &mut by_address)?;
    let armed = Armed::new(&by_user, &by_address, &thresholds)?;
    if !armed.is_empty() {
        let armed = armed.behind_proxies(&outcome.clients)?;
        let (logins, armed) = logins(cli, ask, (plan, streams), outcome, armed);
        let mut proxied = Vec::new();
        for events in logins {
            by_user.push(events.by_user);
            by_address.push(events.by_address);
            proxied.push(events.proxied);
        }
        if !ask.proxies.are_none() {
            proxied.iter_mut().try_for_each(Runs::finish)?;
            let mut events = Events::new(&ask.walk.tmpdir, HELD);
            events.behind_proxies(&proxied, &outcome.clients, &armed)?;
            by_user.push(events.by_user);
            by_address.push(events.by_address);
        }
        finish(&mut by_user, &mut by_address)?;
    }
    let of = |side, events: &[Runs]| findings(side, events, &thresholds, (&ask.walk.tmpdir, HELD));
    let (users, addresses) = rayon::join(|| of(Side::User, &by_user), || of(Side::Address, &by_address));
    Ok(Some((vec![users?, addresses?], thresholds)))
}

/// Puts all events into their orders.
fn finish(by_user: &mut [Runs], by_address: &mut [Runs]) -> io::Result<()> {
    by_user.par_iter_mut().chain(by_address).try_for_each(Runs::finish)
}

/// The logins that may make findings, and who is armed.
fn logins(
    cli: &Cli,
    ask: &Ask,
    (plan, streams): (&Plan, &Streams),
    outcome: &Outcome,
    armed: Armed,
) -> (Vec<Events>, Armed) {
    let mut logged = HashSet::new();
    for (stream, hours) in &outcome.trail.coverage.streams {
        let with_logins = hours.cells.iter().filter(|(_, cell)| cell.logins > 0);
        logged.extend(with_logins.map(|((hour, _), _)| (*stream, *hour)));
    }
    let needs = Needs { forged: forged(&outcome.trail), ..Needs::default() };
    let meter = Meter { hidden: ask.pseudonyms.is_some().into(), ..Meter::default() };
    let query = LoginsQuery { armed, logged, evidence: cli.common.evidence, proxies: ask.proxies.clone() };
    let reading = Reading {
        needs: &needs,
        asked: Asked::Logins(&query),
        traces: None,
        clients: None,
        grammars: &ask.grammars,
        names: &ask.names,
        pseudonyms: ask.pseudonyms.as_ref(),
        hashes: false,
        walk: &ask.walk,
        year: cli.common.year,
        sieve: None,
        meter: &meter,
    };
    let logins = bar::show(cli.common.progress, plan.bytes(), &meter, || read(plan, streams, &reading).logins);
    (logins, query.armed)
}
