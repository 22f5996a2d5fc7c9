//! `failures`: logins that were refused (R1).
//!
//! As those of [`super::sessions`], their rows become records whose bytes are in the order of the answer: store, service, time,
//! user, from, mechanism, reason.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::clients::{Client, Moment};
use super::copies::Copies;
use super::filter::Far;
use super::origins::{Behind, OriginRows, Origins};
use super::record::{Fields, evidence_length, put_evidence, put_instant, put_text};
use super::{Armed, Events, Filter, Thresholds, flags_with};
use crate::fold::{LoggedIn, Refusal, Refused, Server};
use crate::model::{Doubt, Evidence, Service, Stamp};
use crate::proxies::Proxies;
use crate::resolve::Resolved;
use crate::runs::{Merged, Runs};
use crate::streams::StreamId;
use crate::trail::hour;

/// Which refusals are asked for.
#[derive(Clone, Debug, Default)]
pub struct FailuresQuery {
    /// Of whom, when, and from where; users as they were given.
    pub filter: Filter,
    /// What makes a finding.
    pub thresholds: Thresholds,
    /// Rows tell where their lines are.
    pub evidence: bool,
    /// Of which kinds.
    pub kinds: Vec<Refusal>,
}

/// Which logins findings may need.
#[derive(Debug, Default)]
pub struct LoginsQuery {
    /// Of which users and addresses.
    pub armed: Armed,
    /// In which hours of which streams logins were logged: there closes tell nothing that login lines do not.
    pub logged: HashSet<(StreamId, i64)>,
    /// Findings tell where their lines are.
    pub evidence: bool,
    /// Which addresses are those of proxies.
    pub proxies: Proxies,
}

impl LoginsQuery {
    /// Whether a login may be needed. Most are not, so this is asked of each before anything else is done.
    #[inline]
    pub fn needs(&self, login: &LoggedIn<'_>) -> bool {
        let is_armed = self.armed.has_address(login.peer)
            || self.armed.has_user(login.user, login.stamp.at)
            || self.armed.has_behind(login.user, login.stamp.at);
        is_armed && (!login.by_close || !self.logged.contains(&(login.stream, hour(login.stamp.at))))
    }

    /// Keeps a login that may be needed.
    pub fn keep(&self, login: &LoggedIn<'_>, store: &[u8], events: &mut Events) {
        events.logged_in(login, self.evidence.then_some(login.evidence), store, (&self.armed, &self.proxies));
    }
}

impl FailuresQuery {
    /// Appends the record of a refusal, if it is asked for; whether that rests on a template that is a guess.
    pub fn refused(&self, refused: &Refused<'_>, store: &[u8], record: &mut Vec<u8>) -> bool {
        let service = match refused.server {
            Server::Stream(stream) => stream.service(),
            Server::Proxy(_, service) => service,
        };
        let asked = self.kinds.contains(&refused.refusal)
            && self.filter.window.holds(refused.stamp)
            && self.filter.asks_for(service, refused.user, refused.peer);
        if asked {
            let far_end = refused.peer.map(|peer| self.filter.far_end(peer));
            let row = FailureRow {
                kind: refused.refusal,
                store: store.into(),
                service,
                time: refused.stamp,
                user: refused.user.into(),
                from: far_end.map_or_else(String::new, |(peer, _)| peer.text()).into_bytes().into(),
                far: far_end.map(|(_, far)| far).unwrap_or_default(),
                client: Client::Seen,
                auth: refused.mechanism.into(),
                reason: refused.reason.into(),
                pid: refused.pid,
                doubt: refused.doubt,
                evidence: self.evidence.then_some(refused.evidence),
            };
            row.write(record);
        }
        asked && refused.doubt.inferred
    }
}

const KINDS: [Refusal; 3] = [Refusal::Login, Refusal::Proxy, Refusal::NeverLoggedIn];

impl Refusal {
    /// The name in answers and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Refusal::Login => "refused",
            Refusal::Proxy => "proxy-refused",
            Refusal::NeverLoggedIn => "never-logged-in",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRow<'a> {
    /// What it is.
    pub kind: Refusal,
    /// The store, or the host of the multiplexor.
    pub store: Cow<'a, [u8]>,
    /// The service.
    pub service: Service,
    /// When.
    pub time: Stamp,
    /// The user as given, in lower case (R2): whatever stood between mechanism and reason; empty where none is told.
    pub user: Cow<'a, [u8]>,
    /// The far end, as shown, which may be a proxy; empty where none is told.
    pub from: Cow<'a, [u8]>,
    pub(super) far: Far,
    /// What is known of the client.
    pub client: Client,
    /// The mechanism; empty where none is told.
    pub auth: Cow<'a, [u8]>,
    /// The reason, as written.
    pub reason: Cow<'a, [u8]>,
    /// The process.
    pub pid: u32,
    /// What its line is doubted for.
    pub doubt: Doubt,
    /// Its line, if evidence is asked for.
    pub evidence: Option<Evidence>,
}

impl<'a> FailureRow<'a> {
    /// What is to be known about it, in the order of the names.
    pub fn flags(&self) -> Vec<&'static str> {
        flags_with(&self.client, self.doubt)
    }

    /// The lines that it rests on, if evidence is asked for: its own, and that of a multiplexor.
    pub fn lines(&self) -> [Option<Evidence>; 2] {
        [self.evidence, self.client.evidence()]
    }

    /// What a record says of the client, if its far end is a proxy. Only refused logins have a user whom others may know.
    fn behind(record: &[u8]) -> Option<Behind<'_>> {
        let row = FailureRow::read(record).filter(|row| row.far != Far::Client)?;
        let FailureRow { kind, service, user, time, far, .. } = row;
        let moment = Moment { refused: true, service, user, at: time.at };
        Some(Behind { moment: Some(moment).filter(|_| kind == Refusal::Login), only_if: far == Far::ProxyOnlyIf })
    }

    fn write(&self, record: &mut Vec<u8>) {
        put_text(record, &self.store);
        record.push(self.service as u8);
        put_instant(record, self.time.at);
        for text in [&self.user, &self.from, &self.auth, &self.reason] {
            put_text(record, text);
        }
        record.extend(self.time.offset.to_le_bytes());
        record.extend(self.pid.to_be_bytes());
        record.push(self.kind as u8);
        record.push(self.far as u8);
        record.push(u8::from(self.doubt.inferred) | u8::from(self.doubt.forged) << 1);
        put_evidence(record, [self.evidence]);
    }

    /// The row of a record; `None` for bytes that are none.
    pub fn read(record: &'a [u8]) -> Option<FailureRow<'a>> {
        let mut from = Fields::of(record);
        let (store, service, at) = (from.text()?, from.byte()?, from.instant()?);
        let (user, peer, auth, reason) = (from.text()?, from.text()?, from.text()?, from.text()?);
        let time = Stamp { at, offset: i16::from_le_bytes(from.take()?) };
        let (pid, kind, far) = (u32::from_be_bytes(from.take()?), from.byte()?, Far::of(from.byte()?)?);
        Some(FailureRow {
            kind: *KINDS.iter().find(|k| **k as u8 == kind)?,
            store,
            service: *Service::ALL.iter().find(|s| **s as u8 == service)?,
            time,
            user,
            from: peer,
            far,
            auth,
            reason,
            pid,
            doubt: from.byte().map(|flags| Doubt { inferred: flags & 1 != 0, forged: flags & 2 != 0 })?,
            evidence: from.evidence().map(|[line]| line)?,
            client: far.client(&mut from)?,
        })
    }
}

/// All refusals that were asked for.
#[derive(Clone, Copy, Debug)]
pub struct Failures<'a> {
    /// Over which services; empty for all.
    pub services: &'a [Service],
    /// Their records, all of them finished.
    pub runs: &'a [Runs],
    /// The streams, resolved.
    pub streams: &'a [Resolved],
    /// What lines of multiplexors add to them, if any of them may have come through a proxy.
    pub origins: Option<&'a Origins>,
}

/// The rows of [`Failures`] in order, once.
#[derive(Debug)]
pub struct FailureRows<'a> {
    merged: Merged<'a>,
    copies: Copies<'a>,
    origins: Option<OriginRows<'a>>,
}

impl<'a> Failures<'a> {
    /// The rows, from the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn rows(&self) -> io::Result<FailureRows<'a>> {
        let origins = self.origins.map(Origins::rows).transpose()?;
        Ok(FailureRows { merged: Merged::of(self.runs)?, copies: Copies::of(self.streams), origins })
    }

    /// What lines of multiplexors, which are finished, tell of the clients of those that came through proxies.
    ///
    /// # Errors
    /// Those of putting records aside, and of reading them back.
    pub fn origins(&self, lines: &[Runs], tmpdir: &Path) -> io::Result<Origins> {
        let mut rows = Failures { origins: None, ..*self }.rows()?;
        Origins::of(lines, |work| rows.next(work), FailureRow::behind, tmpdir)
    }
}

impl FailureRows<'_> {
    /// Hands the next record to `work`, or nothing where it is a copy: where files overlap, equal refusals count once (R13). `false`
    /// if there is none.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn next(&mut self, work: impl FnOnce(&[u8])) -> io::Result<bool> {
        let FailureRows { merged, copies, origins } = self;
        let mut found = Ok(());
        let work = |record: &[u8]| match origins {
            None => work(record),
            Some(origins) => found = origins.add(record, record, work),
        };
        let more = merged.next(|record| {
            if copies.are_none() {
                return work(record);
            }
            let Some(row) = FailureRow::read(record) else { return };
            // All but what it is doubted for and the evidence, which come last: one that is not possibly forged comes first, and stays.
            let but_doubt = record.get(..record.len() - 1 - evidence_length([row.evidence])).unwrap_or_default();
            if !copies.has((&row.store, row.service, row.time.at), but_doubt) {
                work(record);
            }
        })?;
        found.map(|()| more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::Window;
    use crate::model::{FileId, Peer};

    #[test]
    fn a_record_holds_all_of_a_refusal_that_is_asked_for() {
        let peer = Peer::new("192.0.2.7".parse().unwrap(), Some(1));
        let stamp = Stamp { at: 100, offset: -60 };
        let doubt = Doubt { inferred: true, forged: true };
        let refused = Refused {
            refusal: Refusal::Login,
            server: Server::Stream(StreamId(2)),
            pid: 7,
            peer: Some(peer),
            user: b"x\0 y",
            mechanism: b"plaintext",
            reason: b"authentication failure",
            stamp,
            doubt,
            evidence: Evidence { file: FileId(3), place: 17, nth: 2 },
        };
        let mut record = Vec::new();
        assert!(FailuresQuery { kinds: KINDS.to_vec(), ..FailuresQuery::default() }.refused(
            &refused,
            b"store1",
            &mut record
        ));
        let row = FailureRow::read(&record).unwrap();
        assert_eq!(
            (&*row.user, &*row.from, row.service, row.time),
            (&b"x\0 y"[..], &b"192.0.2.7:1"[..], Service::Pop, stamp)
        );
        assert_eq!((&*row.auth, &*row.reason, row.pid, row.doubt), (refused.mechanism, refused.reason, 7, doubt));
        for cut in 0..record.len() {
            assert_eq!(FailureRow::read(&record[..cut]), None, "cut at {cut}");
        }
        let not = |filter: Filter| {
            let mut record = Vec::new();
            let query = FailuresQuery { filter, kinds: KINDS.to_vec(), ..FailuresQuery::default() };
            assert!(!query.refused(&refused, b"store1", &mut record) && record.is_empty(), "{query:?}");
        };
        not(Filter { services: vec![Service::Imap], ..Filter::default() });
        not(Filter { users: [b"x".to_vec()].into(), ..Filter::default() });
        not(Filter { from: vec!["198.51.100.0/24".parse().unwrap()], ..Filter::default() });
        let until = Some(crate::fold::Moment::Instant(100));
        not(Filter { window: Window { since: None, until }, ..Filter::default() });
    }
}
