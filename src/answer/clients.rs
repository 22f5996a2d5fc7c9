//! Clients behind proxies: where the far end of a row is a proxy, lines of multiplexors may tell who stood behind it.
//!
//! A line fits a row of the same service and user within [`WITHIN`] seconds: one of a login fits a session, one of a refusal a refusal.
//! If all lines that fit are of one address, that is the client's; if not, nobody's is. So what a row says depends on itself and the
//! lines alone, whatever else is asked for. Of both there may be more than memory holds: they become records and are merged.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;

use super::Filter;
use super::record::{Fields, put_instant, put_text};
use crate::fold::ClientLine;
use crate::model::{Doubt, Evidence, Instant, Peer, Service};
use crate::runs::{Head, Runs};

/// A line of a multiplexor lies so many seconds from a session's login, or from a refusal, at most.
pub const WITHIN: Instant = 5;

/// The client of a row is only inferred.
const FROM_INFERRED: &str = "from-inferred";
/// Lines of multiplexors fit a row that tell of several clients.
const FROM_AMBIGUOUS: &str = "from-ambiguous";

/// Whose clients are asked for.
#[derive(Clone, Debug, Default)]
pub struct ClientsQuery {
    /// Over which services, of which users, and from where: that of the rows.
    pub filter: Filter,
}

impl ClientsQuery {
    /// Appends the record of a line, if it may fit a row. A proxy is nobody's client.
    pub fn told(&self, line: &ClientLine<'_>, record: &mut Vec<u8>) {
        let ClientLine { service, refused, user, peer, stamp, doubt, evidence } = *line;
        let Filter { proxies, from, .. } = &self.filter;
        if proxies.have(peer) || !self.filter.is_of(service, user) {
            return;
        }
        put_moment(record, Moment { refused, service, user: user.into(), at: stamp.at });
        let asked = from.iter().any(|net| net.contains(&peer.ip()));
        Client::Inferred(Inferred { peer: proxies.shown(peer), asked, doubt, evidence }).write(record);
    }
}

/// What a row and the lines that fit it have in common.
pub(super) struct Moment<'a> {
    /// Whether it is of a refusal.
    pub(super) refused: bool,
    pub(super) service: Service,
    pub(super) user: Cow<'a, [u8]>,
    pub(super) at: Instant,
}

/// Begins a record, which sorts by whose it is and then by time.
pub(super) fn put_moment(record: &mut Vec<u8>, Moment { refused, service, user, at }: Moment<'_>) {
    record.extend([u8::from(refused), service as u8]);
    put_text(record, &user);
    put_instant(record, at);
}

/// Whose a record of [`put_moment`] is, when it was, and what stands behind that.
fn moment(record: &[u8]) -> Option<(&[u8], Instant, &[u8])> {
    let mut from = Fields::of(record);
    from.take::<2>()?;
    from.text()?;
    let whose = record.strip_suffix(from.rest())?;
    Some((whose, from.instant()?, from.rest()))
}

/// What is known of the client of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Client {
    /// It is the far end itself: that is no proxy, as far as is known.
    #[default]
    Seen,
    /// The far end is a proxy, and no line fits.
    Hidden,
    /// The far end is a proxy, and lines fit that tell of several clients.
    Several,
    /// The far end is a proxy, and all lines that fit tell of this client.
    Inferred(Inferred),
}

/// A client that lines of multiplexors tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inferred {
    /// Its address, with its port if all lines agree in it.
    pub peer: Peer,
    /// Whether its network is asked for by name.
    pub(super) asked: bool,
    /// What the lines are doubted for, unless one of them is not.
    pub doubt: Doubt,
    /// The first of them.
    pub evidence: Evidence,
}

/// Where a row comes from, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends<'a> {
    /// The client, where one is known.
    pub from: Option<Cow<'a, [u8]>>,
    /// The proxy, where the far end is one.
    pub via: Option<&'a [u8]>,
    /// Where the client is known from: `line`, the row's own, or `multiplexor`.
    pub source: Option<&'static str>,
}

impl Client {
    /// So many bytes [`Client::write`] writes.
    pub(super) const LENGTH: usize = 1 + 20 + Evidence::BYTES;
    /// Of what it writes the first byte; nothing else at the end of a record begins with such.
    const INFERRED: u8 = 16;
    const SEVERAL: u8 = 32;

    /// What two lines tell together.
    fn and(self, other: Client) -> Client {
        match (self, other) {
            (Client::Seen | Client::Hidden, known) | (known, Client::Seen | Client::Hidden) => known,
            (Client::Inferred(one), Client::Inferred(two)) if one.peer.ip() == two.peer.ip() => {
                let peer = if one.peer == two.peer { one.peer } else { Peer::new(one.peer.ip(), None) };
                let doubt = one.doubt.of_either(two.doubt);
                Client::Inferred(Inferred { peer, doubt, evidence: one.evidence.min(two.evidence), ..one })
            }
            _ => Client::Several,
        }
    }

    /// Whether the far end is a proxy.
    pub fn is_behind_proxy(&self) -> bool {
        *self != Client::Seen
    }

    /// Where a row comes from whose far end is this as shown; it is empty where the line tells of none.
    pub fn ends<'a>(&self, far_end: &'a [u8]) -> Ends<'a> {
        let told = Some(far_end).filter(|text| !text.is_empty());
        match self {
            Client::Seen => Ends { from: told.map(Cow::Borrowed), via: None, source: told.map(|_| "line") },
            Client::Hidden | Client::Several => Ends { from: None, via: told, source: None },
            Client::Inferred(Inferred { peer, .. }) => {
                let from = Some(peer.to_string().into_bytes().into());
                Ends { from, via: told, source: Some("multiplexor") }
            }
        }
    }

    /// What is to be known about it.
    pub fn flag(&self) -> Option<&'static str> {
        match self {
            Client::Seen | Client::Hidden => None,
            Client::Several => Some(FROM_AMBIGUOUS),
            Client::Inferred(_) => Some(FROM_INFERRED),
        }
    }

    /// What it is doubted for.
    pub(super) fn doubt(&self) -> Doubt {
        if let Client::Inferred(inferred) = self { inferred.doubt } else { Doubt::default() }
    }

    /// The line that tells of it.
    pub fn evidence(&self) -> Option<Evidence> {
        if let Client::Inferred(inferred) = self { Some(inferred.evidence) } else { None }
    }

    /// Appends it to a record, if there is more to it than the record itself tells.
    pub(super) fn write(&self, record: &mut Vec<u8>) {
        match self {
            Client::Seen | Client::Hidden => {}
            Client::Several => record.extend([[Client::SEVERAL].as_slice(), &[0; Client::LENGTH - 1]].concat()),
            Client::Inferred(Inferred { peer, asked, doubt, evidence }) => {
                let marks = [doubt.inferred, doubt.forged, *asked].map(u8::from);
                let [inferred, forged, asked] = marks;
                record.push(Client::INFERRED | inferred | forged << 1 | asked << 2);
                let ([high, low], port) = peer.bits();
                record.extend(high.to_be_bytes());
                record.extend(low.to_be_bytes());
                record.extend(port.to_be_bytes());
                record.extend(evidence.to_bytes());
            }
        }
    }

    /// That of a record whose far end is a proxy: what is written there, or else nothing is known.
    pub(super) fn read(from: &mut Fields<'_>) -> Option<Client> {
        let Some(mark) = from.rest().first().copied() else { return Some(Client::Hidden) };
        from.byte()?;
        let ip = [u64::from_be_bytes(from.take()?), u64::from_be_bytes(from.take()?)];
        let peer = Peer::from_bits((ip, u32::from_be_bytes(from.take()?)));
        let evidence = Evidence::of_bytes(from.take()?);
        let doubt = Doubt { inferred: mark & 1 != 0, forged: mark & 2 != 0 };
        match mark & (Client::INFERRED | Client::SEVERAL) {
            Client::SEVERAL => Some(Client::Several),
            Client::INFERRED => Some(Client::Inferred(Inferred { peer, asked: mark & 4 != 0, doubt, evidence })),
            _ => None,
        }
    }
}

/// What the lines around a moment tell, of one user over one service.
#[derive(Default)]
struct Window {
    whose: Vec<u8>,
    /// What those of each second tell together: there are as many as [`WITHIN`] lets in, however many lines there are.
    seconds: VecDeque<(Instant, Client)>,
}

impl Window {
    fn add(&mut self, at: Instant, client: Client) {
        match self.seconds.back_mut() {
            Some((last, known)) if *last == at => *known = known.and(client),
            _ => self.seconds.push_back((at, client)),
        }
    }

    /// What is known at a moment.
    fn at(&mut self, at: Instant) -> Client {
        while self.seconds.front().is_some_and(|(second, _)| *second < at.saturating_sub(WITHIN)) {
            self.seconds.pop_front();
        }
        self.seconds.iter().fold(Client::Hidden, |all, (_, client)| all.and(*client))
    }
}

/// Says of each row what lines tell of its client. Rows are records of [`put_moment`], of which `found` gets what stands behind.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn join(lines: &[Runs], rows: &[Runs], mut found: impl FnMut(&[u8], Client)) -> io::Result<()> {
    let (mut lines, mut rows) = (Head::of(lines)?, Head::of(rows)?);
    let mut window = Window::default();
    while rows.there {
        if let Some((whose, at, rest)) = moment(&rows.record) {
            if window.whose != whose {
                window = Window { whose: whose.to_vec(), ..Window::default() };
            }
            while lines.there {
                let Some((of, second, client)) = moment(&lines.record) else { break };
                if of > whose || (of == whose && second > at.saturating_add(WITHIN)) {
                    break;
                }
                if let Some(client) = Client::read(&mut Fields::of(client)).filter(|_| of == whose) {
                    window.add(second, client);
                }
                lines.advance()?;
            }
            found(rest, window.at(at));
        }
        rows.advance()?;
    }
    Ok(())
}

/// Users who logged in through a multiplexor from some addresses, and when: hands each to `work`.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn each_login(lines: &[Runs], mut work: impl FnMut(&[u8], Instant, Peer)) -> io::Result<()> {
    let mut lines = Head::of(lines)?;
    while lines.there {
        if let Some((whose, at, client)) = moment(&lines.record)
            && let Some(Client::Inferred(inferred)) = Client::read(&mut Fields::of(client))
        {
            let mut from = Fields::of(whose);
            if let (Some([0, _]), Some(user)) = (from.take(), from.text()) {
                work(&user, at, inferred.peer);
            }
        }
        lines.advance()?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests/clients.rs"]
mod tests;
