//! `-c`: who was connected at a moment (R10).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{Client, INFERRED_FORMAT, POSSIBLY_FORGED};
use crate::model::{Evidence, Instant, Peer, Service, Stamp};
use crate::pair::{Carried, Session, Settled};
use crate::proxies::Proxies;
use crate::resolve::{ClockError, Gap, LifeEnd, Resolved};
use crate::streams::StreamId;

/// The moment that `-c` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// For each stream the end of its coverage.
    EndOfCoverage,
    /// An instant, with the offset that it was written with.
    Instant(Stamp),
    /// Digits of each stream's own clock.
    Local(i64),
}

/// What `-c` asks.
#[derive(Clone, Debug)]
pub struct ConnectedQuery {
    /// When.
    pub at: At,
    /// Over which services.
    pub services: Vec<Service>,
    /// Which users; empty for all.
    pub users: BTreeSet<Vec<u8>>,
    /// How far a stream's clock may differ from a line's, in minutes, where digits are asked for.
    pub drift: i64,
    /// Which addresses are those of proxies.
    pub proxies: Proxies,
}

/// Digits that a stream's clock showed twice, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtError {
    /// The store.
    pub store: Vec<u8>,
    /// The service.
    pub service: Service,
    /// What its clock did.
    pub clock: ClockError,
}

/// One row: a session that was open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected<'a> {
    /// The service.
    pub service: Service,
    /// The login.
    pub since: Stamp,
    /// The user (R2).
    pub user: &'a [u8],
    /// The store.
    pub store: &'a [u8],
    /// The far end, which may be a proxy; a port tells sessions apart.
    pub from: Peer,
    /// What is known of the client, if the far end is a proxy; of most rows nothing, so that it lies elsewhere.
    behind: Option<Box<Client>>,
    /// The mechanism, if a login line is known.
    pub auth: Option<&'a [u8]>,
    /// Certain, or only possible.
    pub certain: bool,
    /// The moment asked about, for this stream.
    pub at: Stamp,
    /// Reasons why it is only possible, and what else is to be known.
    pub flags: Vec<&'static str>,
    /// The process.
    pub pid: u32,
    /// The first gap between login and moment for which it is only possible (R9).
    pub gap: Option<Box<MissingLines>>,
    /// What came with its lines, if anything did.
    pub carried: Option<&'a Carried>,
}

/// A span in which lines may be missing (R9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingLines {
    /// The last line before.
    pub from: Stamp,
    /// The first line behind.
    pub to: Stamp,
    /// Why they may be missing, as in JSON.
    pub why: &'static str,
}

impl<'a> Connected<'a> {
    /// Its login line, its close line, and that of a multiplexor, if evidence is asked for.
    pub fn evidence(&self) -> [Option<Evidence>; 3] {
        let [login, close] = self.carried.map_or([None; 2], |carried| carried.evidence);
        [login, close, self.client().evidence()]
    }

    /// What is known of the client.
    pub fn client(&self) -> Client {
        self.behind.as_deref().copied().unwrap_or_default()
    }

    /// Lines of multiplexors tell this of its client.
    pub(super) fn is_of(&mut self, client: Client) {
        self.behind = Some(Box::new(client));
        let doubt = client.doubt();
        let doubts = [(doubt.inferred, INFERRED_FORMAT), (doubt.forged, POSSIBLY_FORGED)];
        self.flags.extend(client.flag());
        self.flags.extend(doubts.into_iter().filter(|(is, _)| *is).map(|(_, name)| name));
        self.flags.sort_unstable();
        self.flags.dedup();
    }

    /// Service, instant of the login, user, store, from as it is shown; then whatever else may differ.
    fn order(&self, other: &Connected<'a>) -> Ordering {
        let first = |row: &Self| (row.service, row.since.at, row.user, row.store);
        let rest = |row: &Self| (row.since.offset, row.pid, row.from, row.auth, row.certain);
        first(self)
            .cmp(&first(other))
            .then_with(|| self.from.to_string().cmp(&other.from.to_string()))
            .then_with(|| rest(self).cmp(&rest(other)))
            .then_with(|| self.flags.cmp(&other.flags))
            .then_with(|| self.evidence().cmp(&other.evidence()))
    }
}

/// Whether a closed session that is settled early may be a row.
pub fn collects(query: &ConnectedQuery, session: &Settled<'_>) -> bool {
    let Some(end) = session.end else { return true };
    let in_time = match query.at {
        // But for one, of which only that end shows whether it is: whoever collects keeps that.
        At::EndOfCoverage => false,
        At::Instant(at) => session.began().at <= at.at && at.at < end.at,
        At::Local(digits) => {
            let drift = query.drift * 60;
            session.began().local() <= digits + drift && digits - drift < end.local()
        }
    };
    in_time && (query.users.is_empty() || query.users.contains(session.user()))
}

/// The rows at the moment asked for, in the order of service, since, user, store and from.
///
/// # Errors
/// Where the digits asked for are no single instant on the clock of a stream.
pub fn connected<'a>(
    query: &ConnectedQuery,
    streams: &'a [Resolved],
    sessions: impl IntoIterator<Item = &'a Session>,
) -> Result<Vec<Connected<'a>>, AtError> {
    let mut moments: BTreeMap<StreamId, (&'a Resolved, Stamp)> = BTreeMap::new();
    for stream in streams.iter().filter(|s| query.services.contains(&s.service)) {
        let at = moment(query.at, stream)?;
        if at.at <= stream.last.at {
            moments.insert(stream.id, (stream, at));
        }
    }
    // Rows are large: what nearly always says their order is sorted first, and each row is made where it belongs.
    let is_asked = |s: &&Session| query.users.is_empty() || query.users.contains(&s.user);
    let mut places: Vec<(Service, Instant, &Session)> =
        sessions.into_iter().filter(is_asked).map(|s| (s.stream.service(), s.login.at, s)).collect();
    places.par_sort_unstable_by_key(|(service, since, _)| (*service, *since));
    let row_of = |(_, _, session): &(Service, Instant, &'a Session)| {
        let (stream, at) = moments.get(&session.stream)?;
        row(session, stream, *at, &query.proxies)
    };
    let rows: Vec<Option<Connected<'_>>> = places.par_iter().map(row_of).collect();
    #[expect(clippy::filter_map_identity, reason = "this stays in the same memory, which `flatten` does not")]
    let mut rows: Vec<Connected<'_>> = rows.into_iter().filter_map(|row| row).collect();
    let same = |a: &Connected<'_>, b: &Connected<'_>| (a.service, a.since.at) == (b.service, b.since.at);
    rows.par_chunk_by_mut(same).for_each(|of_second| of_second.sort_unstable_by(Connected::order));
    Ok(rows)
}

/// The instant that is asked for in a stream.
///
/// # Errors
/// As [`connected`].
pub fn moment(at: At, stream: &Resolved) -> Result<Stamp, AtError> {
    let instant = |digits| {
        let error = |clock| AtError { store: stream.store.clone(), service: stream.service, clock };
        stream.clock.instant(digits).map_err(error)
    };
    match at {
        At::EndOfCoverage => Ok(stream.last),
        At::Instant(stamp) => Ok(stamp),
        At::Local(digits) => instant(digits),
    }
}

/// The row of a session that was open at a moment, if it was.
fn row<'a>(session: &'a Session, stream: &'a Resolved, at: Stamp, proxies: &Proxies) -> Option<Connected<'a>> {
    if session.login.at > at.at {
        return None;
    }
    let reasons = match session.end {
        Some(end) if end.at <= at.at => return None,
        Some(_) => Vec::new(),
        None => doubts(session, stream, at.at)?,
    };
    let marks = [
        (session.flags.ambiguous, "ambiguous-pairing"),
        (session.flags.mismatch, "duration-mismatch"),
        (session.flags.doubt.inferred, INFERRED_FORMAT),
        (session.flags.doubt.forged, POSSIBLY_FORGED),
        (session.flags.user_differs, "user-differs"),
    ];
    let mut flags = reasons.clone();
    flags.extend(marks.iter().filter(|(set, _)| *set).map(|(_, name)| *name));
    flags.sort_unstable();
    Some(Connected {
        service: stream.service,
        since: session.login,
        user: &session.user,
        store: &stream.store,
        from: proxies.shown(session.peer),
        behind: proxies.have(session.peer).then(|| Box::new(Client::Hidden)),
        auth: session.mechanism.as_deref(),
        certain: reasons.is_empty(),
        at,
        flags,
        pid: session.pid,
        gap: gap(session, stream, at.at).filter(|_| reasons.contains(&GAP)).map(|gap| {
            let stamp = |at| Stamp { at, offset: stream.clock.offset_at(at) };
            Box::new(MissingLines { from: stamp(gap.from), to: stamp(gap.to), why: gap.why.as_str() })
        }),
        carried: session.carried.as_deref(),
    })
}

/// Lines may be missing between login and moment.
const GAP: &str = "gap";

/// The first gap between a session's login and a moment (R9).
fn gap<'a>(session: &Session, stream: &'a Resolved, at: Instant) -> Option<&'a Gap> {
    stream.gaps.iter().find(|gap| gap.from < at && session.login.at < gap.to)
}

/// Why a session without a close is only possible at a moment; `None` where it had ended by then.
fn doubts(session: &Session, stream: &Resolved, at: Instant) -> Option<Vec<&'static str>> {
    let login = session.login.at;
    let mut reasons = Vec::new();
    let life = stream.lives.at(session.pid, login);
    let ended = life.and_then(|l| if let LifeEnd::Ended(at) = l.end { Some(at) } else { None });
    // A peer that came back after the process had ended says nothing of when the session did.
    let until = ended.unwrap_or(stream.last.at);
    if let Some(reused) = session.reused.filter(|r| *r <= until && *r <= stream.last.at) {
        if reused <= at {
            return None;
        }
        reasons.push("peer-reused");
    }
    if let Some(life) = life {
        match life.end {
            LifeEnd::Ended(ended) if ended <= at => return None,
            _ if life.last >= at => {}
            LifeEnd::Ended(_) => reasons.push("lost"),
            LifeEnd::Doubtful => reasons.push("doubtful-life"),
            LifeEnd::NotKnown => {}
        }
    }
    if gap(session, stream, at).is_some() {
        reasons.push(GAP);
    }
    if stream.overlaps.iter().any(|o| o.from <= login && login <= o.to) {
        reasons.push("overlap");
    }
    Some(reasons)
}
