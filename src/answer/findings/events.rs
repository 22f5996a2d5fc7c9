//! Events: refused logins, and logins, as records in the order of their users or of their addresses.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::Armed;
use crate::answer::record::{Fields, put_evidence, put_instant, put_text};
use crate::answer::{FailureRow, flags_of};
use crate::fold::{LoggedIn, Refusal};
use crate::model::{Doubt, Evidence, Service, Stamp};
use crate::runs::{Merged, Runs};

/// What events are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// By the user; the other is the address.
    User,
    /// By the address; the other is the user.
    Address,
}

/// A login that was refused, or one that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    side: Side,
    /// The user or the address, as the side says.
    pub(super) group: Cow<'a, [u8]>,
    /// When: of a login whose line was not logged, the connect of its close.
    pub time: Stamp,
    /// Whether it succeeded.
    pub success: bool,
    pub(super) other: Cow<'a, [u8]>,
    /// The far end, as shown.
    pub from: Cow<'a, [u8]>,
    /// The reason of a refusal, the mechanism of a login.
    pub word: Cow<'a, [u8]>,
    /// The store.
    pub store: Cow<'a, [u8]>,
    /// The service.
    pub service: Service,
    doubt: Doubt,
    /// Its line, if evidence is asked for.
    pub evidence: Option<Evidence>,
}

impl<'a> Event<'a> {
    /// The user.
    pub fn user(&self) -> &[u8] {
        if self.side == Side::User { &self.group } else { &self.other }
    }

    /// What is to be known about its line, in the order of the names.
    pub fn flags(&self) -> &'static [&'static str] {
        flags_of(self.doubt)
    }

    /// Appends its record, which sorts by group, time, and refusals before logins.
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        put_text(record, &self.group);
        put_instant(record, self.time.at);
        record.push(u8::from(self.success));
        for text in [&self.other, &self.from, &self.word, &self.store] {
            put_text(record, text);
        }
        record.push(self.service as u8);
        record.extend(self.time.offset.to_le_bytes());
        record.push(u8::from(self.doubt.inferred) | u8::from(self.doubt.forged) << 1);
        put_evidence(record, [self.evidence]);
    }

    fn read(side: Side, record: &'a [u8]) -> Option<Event<'a>> {
        let mut fields = Fields::of(record);
        let (group, at, success) = (fields.text()?, fields.instant()?, fields.byte()? != 0);
        let (other, from, word, store) = (fields.text()?, fields.text()?, fields.text()?, fields.text()?);
        let service = fields.byte()?;
        let service = *Service::ALL.iter().find(|s| **s as u8 == service)?;
        let time = Stamp { at, offset: i16::from_le_bytes(fields.take()?) };
        let flags = fields.byte()?;
        let doubt = Doubt { inferred: flags & 1 != 0, forged: flags & 2 != 0 };
        let [evidence] = fields.evidence()?;
        Some(Event { side, group, time, success, other, from, word, store, service, doubt, evidence })
    }

    /// The same, with texts of its own.
    pub(super) fn read_owned(side: Side, record: &[u8]) -> Option<Event<'static>> {
        let read = Event::read(side, record)?;
        let Event { group, time, success, other, from, word, store, service, doubt, evidence, .. } = read;
        let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        let (group, other, from, word, store) = (own(group), own(other), own(from), own(word), own(store));
        Some(Event { side, group, time, success, other, from, word, store, service, doubt, evidence })
    }

    fn by(self, side: Side) -> Event<'a> {
        if self.side == side {
            return self;
        }
        Event { side, group: self.other, other: self.group, ..self }
    }
}

/// Hands each event to `work`, in order.
pub(super) fn each(side: Side, runs: &[Runs], mut work: impl FnMut(&Event<'_>)) -> io::Result<()> {
    let mut merged = Merged::of(runs)?;
    while merged.next(|record| Event::read(side, record).iter().for_each(&mut work))? {}
    Ok(())
}

/// Events on their way into both orders.
#[derive(Debug)]
pub struct Events {
    /// By user.
    pub by_user: Runs,
    /// By address.
    pub by_address: Runs,
}

impl Events {
    /// None; `tmpdir` is where they go if there are more than `limit` bytes in one order.
    pub fn new(tmpdir: &Path, limit: usize) -> Events {
        Events { by_user: Runs::new(tmpdir, limit), by_address: Runs::new(tmpdir, limit) }
    }

    /// Adds a refused login; what else is among the rows names no user, or no address.
    pub fn refused(&mut self, row: &FailureRow<'_>) {
        if row.kind != Refusal::Login {
            return;
        }
        let event = Event {
            side: Side::User,
            group: (&*row.user).into(),
            time: row.time,
            success: false,
            other: address(&row.from).into(),
            from: (&*row.from).into(),
            word: (&*row.reason).into(),
            store: (&*row.store).into(),
            service: row.service,
            doubt: row.doubt,
            evidence: row.evidence,
        };
        self.by_user.push(|record| event.write(record));
        self.by_address.push(|record| event.by(Side::Address).write(record));
    }

    /// Adds a login where it may be needed.
    pub fn logged_in(&mut self, login: &LoggedIn<'_>, evidence: Option<Evidence>, store: &[u8], armed: &Armed) {
        let ip = login.peer.ip();
        let (has_user, has_address) = (armed.has_user(login.user, login.stamp.at), armed.has_address(login.peer));
        let event = Event {
            side: Side::User,
            group: login.user.into(),
            time: login.stamp,
            success: true,
            other: ip.to_string().into_bytes().into(),
            from: login.peer.text().into_bytes().into(),
            word: login.mechanism.into(),
            store: store.into(),
            service: login.stream.service(),
            doubt: login.doubt,
            evidence,
        };
        if has_user {
            self.by_user.push(|record| event.write(record));
        }
        if has_address {
            self.by_address.push(|record| event.by(Side::Address).write(record));
        }
    }
}

/// The address of a far end as it is shown: without port and brackets.
fn address(from: &[u8]) -> &[u8] {
    let colon = |text: &[u8]| memchr::memrchr(b':', text);
    match from.strip_prefix(b"[") {
        Some(rest) => memchr::memchr(b']', rest).and_then(|end| rest.get(..end)).unwrap_or(rest),
        None if memchr::memchr(b':', from) == colon(from) => {
            colon(from).and_then(|end| from.get(..end)).unwrap_or(from)
        }
        None => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_their_ports() {
        for (from, expected) in [
            ("192.0.2.7:4", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::7]:4", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("", ""),
        ] {
            assert_eq!(address(from.as_bytes()), expected.as_bytes());
        }
    }
}
