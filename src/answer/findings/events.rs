//! Events: refused logins, and logins, as records in the order of their users or of their addresses.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::Armed;
use crate::answer::clients::{Moment, join, put_moment};
use crate::answer::record::{Fields, put_evidence, put_instant, put_text};
use crate::answer::{Client, FailureRow, flags_with};
use crate::fold::{LoggedIn, Refusal};
use crate::model::{Doubt, Evidence, Service, Stamp};
use crate::proxies::Proxies;
use crate::runs::{Merged, Runs};

/// So much of the logins through proxies is held in memory, in bytes.
const HELD: usize = 16 << 20;

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
    /// Of an address, which is empty where it is not known.
    pub(super) other: Cow<'a, [u8]>,
    /// The far end, as shown, which may be a proxy.
    pub from: Cow<'a, [u8]>,
    /// What is known of the client.
    pub client: Client,
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

    /// Whether it may have come from any address: it came through a proxy, and its client is not known.
    pub(super) fn is_from_anywhere(&self) -> bool {
        self.side == Side::User && self.other.is_empty()
    }

    /// What is to be known about its line, in the order of the names.
    pub fn flags(&self) -> Vec<&'static str> {
        flags_with(&self.client, self.doubt)
    }

    /// The lines that it rests on, if evidence is asked for: its own, and that of a multiplexor.
    pub fn lines(&self) -> [Option<Evidence>; 2] {
        [self.evidence, self.client.evidence()]
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
        let marks = [self.doubt.inferred, self.doubt.forged, self.client.is_behind_proxy()];
        record.push(marks.iter().rev().fold(0, |byte, mark| byte << 1 | u8::from(*mark)));
        put_evidence(record, [self.evidence]);
        self.client.write(record);
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
        let client = if flags & 4 != 0 { Client::read(&mut fields)? } else { Client::Seen };
        Some(Event { side, group, time, success, other, from, client, word, store, service, doubt, evidence })
    }

    /// The same, with texts of its own.
    pub(super) fn read_owned(side: Side, record: &[u8]) -> Option<Event<'static>> {
        let read = Event::read(side, record)?;
        let own = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        let Event { group, other, from, word, store, .. } = read;
        let (group, other, from, word, store) = (own(group), own(other), own(from), own(word), own(store));
        let Event { time, success, client, service, doubt, evidence, .. } = read;
        Some(Event { side, group, time, success, other, from, client, word, store, service, doubt, evidence })
    }

    fn by(self, side: Side) -> Event<'a> {
        if self.side == side {
            return self;
        }
        Event { side, group: self.other, other: self.group, ..self }
    }

    /// The same, of a user, with what is known of its client.
    fn of_client(self, client: Client) -> Event<'a> {
        let other = client.ends(&self.from).from.map(|from| address(&from).to_vec()).unwrap_or_default();
        Event { other: other.into(), client, ..self }
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
    /// By address; those whose client is not known are not there.
    pub by_address: Runs,
    /// Logins through proxies, by user, until their clients are known as far as they are.
    pub proxied: Runs,
}

impl Events {
    /// None; `tmpdir` is where they go if there are more than `limit` bytes in one order.
    pub fn new(tmpdir: &Path, limit: usize) -> Events {
        let runs = || Runs::new(tmpdir, limit);
        Events { by_user: runs(), by_address: runs(), proxied: runs() }
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
            other: (&[]).into(),
            from: (&*row.from).into(),
            client: row.client,
            word: (&*row.reason).into(),
            store: (&*row.store).into(),
            service: row.service,
            doubt: row.doubt,
            evidence: row.evidence,
        };
        let event = match row.client {
            Client::Seen => Event { other: address(&row.from).into(), ..event },
            client => event.of_client(client),
        };
        self.by_user.push(|record| event.write(record));
        if !event.other.is_empty() {
            self.by_address.push(|record| event.by(Side::Address).write(record));
        }
    }

    /// Adds a login where it may be needed; `proxies` says which far ends are nobody's own.
    pub fn logged_in(
        &mut self,
        login: &LoggedIn<'_>,
        evidence: Option<Evidence>,
        store: &[u8],
        (armed, proxies): (&Armed, &Proxies),
    ) {
        let (peer, is_proxied) = (proxies.shown(login.peer), proxies.have(login.peer));
        let (has_user, has_address) = (armed.has_user(login.user, login.stamp.at), armed.has_address(login.peer));
        let event = Event {
            side: Side::User,
            group: login.user.into(),
            time: login.stamp,
            success: true,
            other: peer.ip().to_string().into_bytes().into(),
            from: peer.to_string().into_bytes().into(),
            client: if is_proxied { Client::Hidden } else { Client::Seen },
            word: login.mechanism.into(),
            store: store.into(),
            service: login.stream.service(),
            doubt: login.doubt,
            evidence,
        };
        if is_proxied {
            return self.proxied.push(|record| event.write(record));
        }
        if has_user {
            self.by_user.push(|record| event.write(record));
        }
        if has_address {
            self.by_address.push(|record| event.by(Side::Address).write(record));
        }
    }
}

impl Events {
    /// Adds logins through proxies where they may be needed, by what lines of multiplexors tell of their clients.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn behind_proxies(&mut self, logins: &[Runs], lines: &[Runs], armed: &Armed) -> io::Result<()> {
        let mut keyed = Runs::new(self.by_user.folder(), HELD);
        each(Side::User, logins, |event| {
            keyed.push(|record| {
                let user = (&*event.group).into();
                put_moment(record, Moment { refused: false, service: event.service, user, at: event.time.at });
                event.write(record);
            });
        })?;
        keyed.finish()?;
        join(lines, &[keyed], |record, client| {
            let Some(event) = Event::read(Side::User, record) else { return };
            let event = event.of_client(client);
            if armed.has_user(&event.group, event.time.at) {
                self.by_user.push(|record| event.write(record));
            }
            if matches!(client, Client::Inferred(inferred) if armed.has_address(inferred.peer)) {
                self.by_address.push(|record| event.by(Side::Address).write(record));
            }
        })
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
