//! `-c` against the truth, at one moment.

use crate::facts::{Facts, Stream, instant, since, spelled};
use crate::sim::{Archive, Config, Service, Session};
use crate::wounds::{Doubt, Wounds};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a session is at a moment T, by the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// Later, over by its own close, or without a line: no row.
    Absent,
    /// Open, and its close is in the archive: a certain row.
    Closes,
    /// Open, and no close: a row.
    Open,
    /// Its process dies in the very second of T: a row or none.
    Dying,
    /// Its process had died before: perhaps a possible row.
    Lost,
    /// Open, but the lines show its peer again later, so it ended at some time before: a possible row (R7, R10).
    Reused,
    /// Open, but its process died, and then its peer came back: a row, certain if the lines tell one from the other.
    Either,
    /// A damaged line names its peer: a row or none.
    Named,
}

/// What a session is, with the next login of its peer (R7) where it has no close itself.
fn is(session: &Session, at: i64, reused: Option<i64>) -> Is {
    if let Some(reused) = reused
        && since(session).is_some_and(|since| since <= at)
    {
        return match session.lost_at {
            Some(lost) if lost < reused && at < lost => Is::Either,
            Some(lost) if lost < reused => Is::Lost,
            _ if reused <= at => Is::Absent,
            _ => Is::Reused,
        };
    }
    match (since(session), session.end, session.lost_at) {
        (Some(since), Some(end), _) if since <= at && at < end => Is::Closes,
        (Some(since), None, lost) if since <= at => match lost {
            Some(lost) if lost < at => Is::Lost,
            Some(lost) if lost == at => Is::Dying,
            _ => Is::Open,
        },
        _ => Is::Absent,
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) certain: usize,
    pub(crate) possible: usize,
    /// Certain rows of sessions whose process had died without any trace, as R10 permits.
    pub(crate) traceless: usize,
    /// Rows that have another's login, where peers have no port (R5 `ambiguous-pairing`).
    pub(crate) swapped: usize,
    /// Possible rows of logins that are there twice, in an overlap, where peers have no port.
    pub(crate) copies: usize,
    /// Certain rows of such logins, where files have no more than the minute in common that R13 takes for buffered lines.
    pub(crate) ghosts: usize,
    /// Rows of which nothing was expected, since a damaged line may be theirs.
    pub(crate) excused: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.certain += other.certain;
        self.possible += other.possible;
        self.traceless += other.traceless;
        self.swapped += other.swapped;
        self.copies += other.copies;
        self.ghosts += other.ghosts;
        self.excused += other.excused;
    }
}

/// A question of `-c` and all that is needed to judge the answer.
pub(crate) struct Asked<'a> {
    pub(crate) config: &'a Config,
    pub(crate) archive: &'a Archive,
    pub(crate) facts: &'a Facts,
    pub(crate) wounds: &'a Wounds,
    /// T in each of the streams asked about.
    pub(crate) moments: BTreeMap<Stream, i64>,
}

/// Service, store, user, from, since: what tells rows apart.
type Key = (Service, String, String, String, i64);

/// Stream and peer, and when it logged in.
type Reuses<'a> = BTreeMap<(Stream, &'a str), BTreeSet<i64>>;

struct Row<'a> {
    key: Key,
    certain: bool,
    json: &'a Value,
}

impl Asked<'_> {
    /// T of a stream that gives rows: one that was asked about, and whose coverage had not ended (R10).
    fn moment(&self, stream: &Stream) -> Option<i64> {
        let at = *self.moments.get(stream)?;
        self.facts.coverage.get(stream).is_some_and(|c| at <= c.last).then_some(at)
    }

    fn key(&self, session: &Session, since: i64) -> Key {
        let from = spelled(&session.from, self.config.traffic.ports);
        (session.service, session.store.clone(), session.user.clone(), from, since)
    }

    /// Compares the rows.
    pub(crate) fn check(&self, json: &[Value], errors: &mut Vec<String>) -> Count {
        let rows: Vec<Row<'_>> = json.iter().filter_map(|row| read(row, errors)).collect();
        check_order(&rows, errors);
        let reuses = self.reuses();
        let mut sessions: BTreeMap<Key, Vec<(&Session, Is)>> = BTreeMap::new();
        for session in &self.archive.truth.sessions {
            let stream = (session.store.clone(), session.service);
            if let (Some(since), Some(at)) = (since(session), self.moment(&stream)) {
                let next = |logins: &BTreeSet<i64>| logins.range(since + 1..).next().copied();
                let peer = (stream, session.from.as_str());
                let is = if self.wounds.names_session(session) {
                    Is::Named
                } else {
                    is(session, at, reuses.get(&peer).filter(|_| session.end.is_none()).and_then(next))
                };
                sessions.entry(self.key(session, since)).or_default().push((session, is));
            }
        }
        let mut count = Count::default();
        let mut strangers = Vec::new();
        // Where a login is there twice, the session that is known for certain is its own row.
        for row in rows.iter().filter(|row| row.certain).chain(rows.iter().filter(|row| !row.certain)) {
            let candidates = sessions.get_mut(&row.key);
            let taken = candidates.and_then(|candidates| {
                let fit = |(_, is): &(&Session, Is)| match is {
                    Is::Absent => None,
                    Is::Closes => Some(if row.certain { 0 } else { 3 }),
                    Is::Open | Is::Reused | Is::Either => Some(1),
                    Is::Dying | Is::Lost | Is::Named => Some(2),
                };
                let best = (0..candidates.len()).filter(|n| fit(&candidates[*n]).is_some());
                let best = best.min_by_key(|n| fit(&candidates[*n]))?;
                Some(candidates.remove(best))
            });
            count.certain += usize::from(row.certain);
            count.possible += usize::from(!row.certain);
            match taken {
                Some((session, is)) => self.judge(row, session, is, &mut count, errors),
                None => strangers.push(row),
            }
        }
        let left = sessions
            .into_values()
            .flatten()
            .filter(|(_, is)| matches!(is, Is::Closes | Is::Open | Is::Reused | Is::Either));
        self.settle(&strangers, left.map(|(session, _)| session).collect(), &mut count, errors);
        count
    }

    /// When every peer that has a port logged in by the lines: by login lines, or by closes alone.
    fn reuses(&self) -> Reuses<'_> {
        let mut logins = Reuses::new();
        let sessions = self.archive.truth.sessions.iter().filter(|_| self.config.traffic.ports);
        for (session, since) in sessions.filter_map(|session| Some((session, since(session)?))) {
            let stream = (session.store.clone(), session.service);
            logins.entry((stream, &session.from)).or_default().insert(since);
        }
        logins
    }

    /// A row whose session is known.
    fn judge(&self, row: &Row<'_>, session: &Session, is: Is, count: &mut Count, errors: &mut Vec<String>) {
        let stream = (session.store.clone(), session.service);
        let at = self.moment(&stream).expect("only streams that give rows have candidates");
        let mut wrong =
            |what: String| errors.push(format!("-c: {what}; the row: {}; the session: {session:?}", row.json));
        let doubt = self.wounds.doubt(&stream, since(session).unwrap_or_default(), at);
        match is {
            Is::Named => {
                count.excused += 1;
                return;
            }
            Is::Closes if !row.certain => wrong("it closed after T, so it is certain".into()),
            Is::Open if !row.certain && doubt == Doubt::None && self.facts.wrote_after(session, at) => {
                wrong("its process wrote at or after T, so it is certain".into());
            }
            Is::Open | Is::Either | Is::Lost if row.certain && doubt == Doubt::Sure => {
                wrong("lines are missing, or there twice, between login and T, so it is only possible".into());
            }
            Is::Reused if row.certain => wrong("its peer logged in again, so it is only possible".into()),
            Is::Lost if row.certain && self.facts.end_left_a_trace(session) => {
                wrong("a false certain row: its process was dead".into());
            }
            Is::Lost if row.certain => count.traceless += 1,
            _ => {}
        }
        let zone = self.config.site.zone_of(&session.store);
        let offset = |key: &str| row.json[key].as_str().map(instant);
        if offset("since").is_some_and(|(since, offset)| offset != zone.offset(since)) {
            wrong("since has not the offset of the log".into());
        }
        if offset("at").map(|(t, _)| t) != Some(at) {
            wrong(format!("at is not {at}"));
        }
        if row.json["to"] != row.json["store"] {
            wrong("to is not the store".into());
        }
        if self.config.traffic.ports {
            let auth = session.login_logged.then_some(session.auth);
            if row.json["auth"].as_str() != auth {
                wrong(format!("auth is not {auth:?}"));
            }
            let flags = row.json["flags"].as_array().cloned().unwrap_or_default();
            // A port that comes back within 60 s has more than one login for a close to choose from (R5).
            let neutral = |flag: &Value| {
                flag == "inferred-format" || flag == "ambiguous-pairing" && self.config.traffic.few_ports > 0
            };
            if row.certain != flags.iter().all(neutral) {
                wrong("a certain row has no other flag than inferred-format, a possible one has".into());
            }
        }
    }

    /// Rows without a session of their login, and sessions without a row. Without ports two sessions of one user from
    /// one address have been told apart by time alone, so one may have the other's login.
    fn settle(&self, strangers: &[&Row<'_>], mut left: Vec<&Session>, count: &mut Count, errors: &mut Vec<String>) {
        let mut logins: BTreeMap<(Key, u32), usize> = BTreeMap::new();
        for session in &self.archive.truth.sessions {
            if let Some(since) = since(session) {
                *logins.entry((self.key(session, since), session.pid)).or_default() += 1;
            }
        }
        let mut copies = self.wounds.copies.clone();
        for row in strangers {
            let (service, store, user, from, at) = &row.key;
            let is_overlap = |flag: &Value| flag == "overlap";
            let told = row.json["flags"].as_array().is_some_and(|flags| flags.iter().any(is_overlap));
            let told = told || self.wounds.doubt(&(store.clone(), *service), *at, *at) < Doubt::Sure;
            if let Some(left) = copies.get_mut(&(user.clone(), from.clone(), *at)).filter(|left| **left > 0 && told) {
                *left -= 1;
                count.copies += usize::from(!row.certain);
                count.ghosts += usize::from(row.certain);
                continue;
            }
            if self.wounds.name(user, from, *at) {
                count.excused += 1;
                continue;
            }
            let twin = left.iter().position(|session| {
                let since = since(session).unwrap_or_default();
                let (s_service, s_store, s_user, s_from, _) = self.key(session, since);
                (service, store, user, from) == (&s_service, &s_store, &s_user, &s_from)
                    && at.abs_diff(since) <= 300
                    && logins.contains_key(&(row.key.clone(), session.pid))
            });
            match twin {
                Some(n) if !self.config.traffic.ports => {
                    left.swap_remove(n);
                    count.swapped += 1;
                }
                _ => errors.push(format!("-c: no session is open at T for the row {}", row.json)),
            }
        }
        errors.extend(left.iter().map(|session| format!("-c: no row for {session:?}")));
    }
}

fn read<'a>(json: &'a Value, errors: &mut Vec<String>) -> Option<Row<'a>> {
    let text = |key: &str| json[key].as_str().map(String::from);
    let row = || {
        let service = match json["service"].as_str()? {
            "imap" => Service::Imap,
            "pop" => Service::Pop,
            "http" => Service::Http,
            _ => return None,
        };
        let certain = match json["certainty"].as_str()? {
            "certain" => true,
            "possible" => false,
            _ => return None,
        };
        let since = instant(&text("since")?).0;
        let key = (service, text("store")?, text("user")?, text("from")?, since);
        (json["record"] == "connected").then_some(Row { key, certain, json })
    };
    let row = row();
    if row.is_none() {
        errors.push(format!("-c: not a row of -c: {json}"));
    }
    row
}

/// Rows come by service (imap, http, pop), since, user, store, from.
fn check_order(rows: &[Row<'_>], errors: &mut Vec<String>) {
    let order = |row: &Row<'_>| {
        let (service, store, user, from, since) = row.key.clone();
        let service = [Service::Imap, Service::Http, Service::Pop].iter().position(|s| *s == service);
        (service, since, user, store, from)
    };
    // The order is that of bytes, not of texts that show such as are no UTF-8.
    let plain: Vec<&Row<'_>> =
        rows.iter().filter(|row| !row.key.1.contains('\\') && !row.key.2.contains('\\')).collect();
    if let Some(pair) = plain.windows(2).find(|pair| order(pair[0]) > order(pair[1])) {
        errors.push(format!("-c: out of order: {} before {}", pair[0].json, pair[1].json));
    }
}

/// The moments of a question with one T for all, without `-s` (imap and http) or with it.
pub(crate) fn at_all(facts: &Facts, services: &BTreeSet<Service>, at: i64) -> BTreeMap<Stream, i64> {
    facts.coverage.keys().filter(|(_, s)| services.contains(s)).map(|stream| (stream.clone(), at)).collect()
}
