//! Filter: of which users, services, times and addresses rows are asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Client;
use super::record::Fields;
use crate::fold::Window;
use crate::model::{Peer, Service, Stamp};
use crate::proxies::Proxies;

/// Which rows are asked for; what is empty asks for all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Over which services.
    pub services: Vec<Service>,
    /// Of which users, as R2 has them.
    pub users: BTreeSet<Vec<u8>>,
    /// When.
    pub window: Window,
    /// From where.
    pub from: Vec<IpNet>,
    /// Which addresses are those of proxies.
    pub proxies: Proxies,
}

/// What the far end of a row is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Far {
    /// The client, as far as is known.
    #[default]
    Client,
    /// A proxy.
    Proxy,
    /// A proxy, and the row is asked for only if its client is.
    ProxyOnlyIf,
}

impl Far {
    /// That of a byte of a record.
    pub(super) fn of(byte: u8) -> Option<Far> {
        [Far::Client, Far::Proxy, Far::ProxyOnlyIf].get(usize::from(byte)).copied()
    }

    /// What is known of the client of a row, if nothing else is: `from` is the end of its record.
    pub(super) fn client(self, from: &mut Fields<'_>) -> Option<Client> {
        if self == Far::Client { Some(Client::Seen) } else { Client::read(from) }
    }
}

impl Filter {
    /// Whether a service is asked for.
    pub fn is_over(&self, service: Service) -> bool {
        self.services.is_empty() || self.services.contains(&service)
    }

    /// Whether a service and a user are asked for.
    pub(super) fn is_of(&self, service: Service, user: &[u8]) -> bool {
        self.is_over(service) && (self.users.is_empty() || self.users.contains(user))
    }

    /// Whether what this user did over this service from there is asked for, whenever it was; if it came through a proxy, perhaps.
    pub(super) fn asks_for(&self, service: Service, user: &[u8], peer: Option<Peer>) -> bool {
        self.is_of(service, user)
            && (self.is_from(peer.map(Peer::ip)) || peer.is_some_and(|peer| self.proxies.have(peer)))
    }

    fn is_from(&self, ip: Option<IpAddr>) -> bool {
        self.from.is_empty() || self.from.iter().any(|net| ip.is_some_and(|ip| net.contains(&ip)))
    }

    /// How the far end of a row is shown, and what is known of the client for that alone.
    pub(super) fn far_end(&self, peer: Peer) -> (Peer, Far) {
        match (self.proxies.have(peer), self.is_from(Some(peer.ip()))) {
            (false, _) => (peer, Far::Client),
            (true, true) => (self.proxies.shown(peer), Far::Proxy),
            (true, false) => (self.proxies.shown(peer), Far::ProxyOnlyIf),
        }
    }

    /// Whether any part of a span lies within the window; without an end it goes on.
    pub(super) fn is_touched(&self, from: Stamp, to: Option<Stamp>) -> bool {
        self.window.since.is_none_or(|since| to.is_none_or(|to| since.reached(to)))
            && self.window.until.is_none_or(|until| !until.reached(from))
    }
}
