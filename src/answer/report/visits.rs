//! Visits: the sessions of `sessions` as small records, in the order of their users and then of their logins.
//!
//! All sessions of a user lie in one part, so that parts can be gone through side by side, and what is counted in each can be added up.

use std::borrow::Cow;
use std::hash::Hasher;
use std::io;
use std::net::IpAddr;

use crate::answer::filter::Far;
use crate::answer::record::{Fields, put_instant, put_number, put_text};
use crate::answer::sessions::{marks, names, unclosed};
use crate::answer::{SessionsQuery, Status};
use crate::model::{Instant, Peer, Service, Stamp};
use crate::pair::{Behind, Session, Settled, Whole};
use crate::resolve::Resolved;
use crate::runs::{Merged, Runs};

/// So many parts there are, for any number of threads: what is counted must not depend on that.
pub const PARTS: usize = 4;

/// The part of a user.
pub fn part_of(user: &[u8]) -> usize {
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(user);
    (hasher.finish() >> 32) as usize % PARTS
}

impl SessionsQuery {
    /// Appends the record of a closed session, if it is asked for; whether that rests on a template that is a guess.
    pub fn visited(&self, session: &Settled<'_>, behind: Behind, store: &[u8], record: &mut Vec<u8>) -> bool {
        if !self.asks_for_closed(session) {
            return false;
        }
        let Whole { user, peer, mechanism, flags, .. } = session.whole(behind);
        let (peer, far) = self.filter.far_end(peer);
        if far == Far::ProxyOnlyIf {
            // Whose it is, only lines of multiplexors may tell.
            return false;
        }
        let visit = Visit {
            user: user.into(),
            login: session.login,
            store: store.into(),
            service: session.stream.service(),
            peer,
            via: far == Far::Proxy,
            logout: session.end,
            status: Status::Closed,
            connect: session.connect,
            auth: mechanism.map(Cow::Borrowed),
            until: None,
            flags: marks(flags),
        };
        visit.write(record);
        flags.doubt.inferred
    }

    /// The same of a session without a close.
    pub fn unclosed_visit(&self, session: &Session, stream: &Resolved, record: &mut Vec<u8>) -> bool {
        let (status, flags, gone) = unclosed(session, stream);
        let asked = self.asks_for(stream.service, &session.user, session.peer, (session.login, None));
        let (peer, far) = self.filter.far_end(session.peer);
        if !asked || !self.has(status) || far == Far::ProxyOnlyIf {
            return false;
        }
        let visit = Visit {
            user: Cow::Borrowed(&session.user),
            login: session.login,
            store: Cow::Borrowed(&stream.store),
            service: stream.service,
            peer,
            via: far == Far::Proxy,
            logout: None,
            status,
            connect: session.connect,
            auth: session.mechanism.as_deref().map(Cow::Borrowed),
            until: Some(gone.unwrap_or(stream.last.at)),
            flags: flags | marks(session.flags),
        };
        visit.write(record);
        session.flags.doubt.inferred
    }
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Visit<'a> {
    pub(super) user: Cow<'a, [u8]>,
    pub(super) login: Stamp,
    pub(super) store: Cow<'a, [u8]>,
    pub(super) service: Service,
    pub(super) peer: Peer,
    /// The peer is a proxy: the client's address is not known.
    pub(super) via: bool,
    pub(super) logout: Option<Stamp>,
    pub(super) status: Status,
    pub(super) connect: Option<Stamp>,
    /// The mechanism, where a login line is known.
    pub(super) auth: Option<Cow<'a, [u8]>>,
    /// Without a close: by when it was gone, or the end of coverage.
    pub(super) until: Option<Instant>,
    pub(super) flags: u8,
}

const HAS_AUTH: u8 = 1;
const HAS_PORT: u8 = 2;
const IS_V6: u8 = 4;
/// Connect and end have the offset of the login, as nearly all have.
const ONE_OFFSET: u8 = 8;
const VIA: u8 = 16;

impl<'a> Visit<'a> {
    /// Until when it may have lasted at most, as far as is known.
    pub(super) fn until(&self) -> Stamp {
        self.logout.unwrap_or(Stamp { at: self.until.unwrap_or(self.login.at).max(self.login.at), ..self.login })
    }

    /// What is to be known about it, in the order of the names.
    pub(super) fn flags(&self) -> Vec<&'static str> {
        names(self.flags)
    }

    /// Whether there is anything that is to be known about it, or its close line is not there.
    pub(super) fn is_doubtful(&self) -> bool {
        self.flags != 0 || self.status != Status::Closed
    }

    /// Appends its record.
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        let stamps = [self.connect, self.logout];
        let one_offset = stamps.iter().flatten().all(|stamp| stamp.offset == self.login.offset);
        let ip = self.peer.ip();
        put_text(record, &self.user);
        put_instant(record, self.login.at);
        put_text(record, &self.store);
        record.push(self.service as u8);
        record.push(self.status as u8);
        record.push(
            flag(self.auth.is_some(), HAS_AUTH)
                | flag(self.peer.has_port(), HAS_PORT)
                | flag(ip.is_ipv6(), IS_V6)
                | flag(one_offset, ONE_OFFSET)
                | flag(self.via, VIA),
        );
        match ip {
            IpAddr::V4(ip) => record.extend(ip.octets()),
            IpAddr::V6(ip) => record.extend(ip.octets()),
        }
        if let Some(port) = self.peer.port() {
            record.extend(port.to_be_bytes());
        }
        record.extend(self.login.offset.to_le_bytes());
        for stamp in stamps {
            // Most lie near the login, before or behind it: small numbers take few bytes.
            put_number(record, stamp.map(|stamp| zigzag(stamp.at.wrapping_sub(self.login.at))));
            if let Some(stamp) = stamp.filter(|_| !one_offset) {
                record.extend(stamp.offset.to_le_bytes());
            }
        }
        if let Some(auth) = &self.auth {
            put_text(record, auth);
        }
        put_number(record, self.until.map(zigzag));
        record.push(self.flags);
    }

    /// The visit of a record; `None` for bytes that are none.
    pub(super) fn read(record: &'a [u8]) -> Option<Visit<'a>> {
        let mut from = Fields::of(record);
        let (user, login, store) = (from.text()?, from.instant()?, from.text()?);
        let (service, status, has) = (from.byte()?, Status::of(from.byte()?)?, from.byte()?);
        let ip = match has & IS_V6 {
            0 => from.take::<4>().map(IpAddr::from)?,
            _ => from.take::<16>().map(IpAddr::from)?,
        };
        let port = if has & HAS_PORT == 0 { None } else { Some(u16::from_be_bytes(from.take()?)) };
        let login = Stamp { at: login, offset: i16::from_le_bytes(from.take()?) };
        let mut stamp = || {
            let Some(behind) = from.number()? else { return Some(None) };
            let offset = if has & ONE_OFFSET == 0 { i16::from_le_bytes(from.take()?) } else { login.offset };
            Some(Some(Stamp { at: login.at.wrapping_add(unzigzag(behind)), offset }))
        };
        let (connect, logout) = (stamp()?, stamp()?);
        let auth = if has & HAS_AUTH == 0 { None } else { Some(from.text()?) };
        Some(Visit {
            user,
            login,
            store,
            service: *Service::ALL.iter().find(|s| **s as u8 == service)?,
            peer: Peer::new(ip, port),
            via: has & VIA != 0,
            logout,
            status,
            connect,
            auth,
            until: from.number()?.map(unzigzag),
            flags: from.byte()?,
        })
    }
}

/// Numbers near zero as small ones.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

/// Hands each visit of a part to `work`, with its record.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn each(runs: &[Runs], mut work: impl FnMut(&Visit<'_>, &[u8])) -> io::Result<()> {
    let mut merged = Merged::of(runs)?;
    while merged.next(|record| Visit::read(record).iter().for_each(|visit| work(visit, record)))? {}
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::answer::report) fn visit() -> Visit<'static> {
        let stamp = |at, offset| Some(Stamp { at, offset });
        Visit {
            user: b"e\0d"[..].into(),
            login: Stamp { at: 1_559_080_800, offset: 120 },
            store: b"store1"[..].into(),
            service: Service::Pop,
            peer: Peer::new("192.0.2.7".parse().unwrap(), Some(0)),
            via: true,
            logout: stamp(1_559_080_900, 120),
            status: Status::Closed,
            connect: stamp(1_559_080_799, 120),
            auth: Some(b"plaintext"[..].into()),
            until: None,
            flags: 129,
        }
    }

    #[test]
    fn a_record_holds_all_of_a_visit() {
        let stamp = |at, offset| Some(Stamp { at, offset });
        let others = [
            visit(),
            Visit { connect: stamp(-9_000_000_000, -60), logout: None, until: Some(-5), ..visit() },
            Visit { auth: None, status: Status::Lost, ..visit() },
            Visit { peer: Peer::new("2001:db8::7".parse().unwrap(), None), ..visit() },
            Visit { login: Stamp { at: i64::MIN, offset: 0 }, logout: stamp(i64::MAX, 0), ..visit() },
        ];
        for visit in others {
            let mut record = Vec::new();
            visit.write(&mut record);
            assert_eq!(Visit::read(&record), Some(visit));
            for cut in 0..record.len() {
                assert_eq!(Visit::read(&record[..cut]), None, "cut at {cut}");
            }
        }
    }

    #[test]
    fn visits_sort_by_user_and_login() {
        let record = |user: &'static [u8], at: i64| {
            let mut record = Vec::new();
            Visit { user: user.into(), login: Stamp { at, offset: 0 }, ..visit() }.write(&mut record);
            record
        };
        let sorted = [
            record(b"a", 5),
            record(b"a", 6),
            record(b"a\0", -7),
            record(b"a\0", 1),
            record(b"ab", 0),
            record(b"b", -1),
        ];
        assert!(sorted.is_sorted());
    }
}
