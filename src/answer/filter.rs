//! Filter: of which users, services, times and addresses rows are asked for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::fold::Window;
use crate::model::{Service, Stamp};

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

    /// Whether what this user did over this service from there is asked for, whenever it was.
    pub(super) fn asks_for(&self, service: Service, user: &[u8], ip: Option<IpAddr>) -> bool {
        self.is_of(service, user)
            && (self.from.is_empty() || self.from.iter().any(|net| ip.is_some_and(|ip| net.contains(&ip))))
    }

    /// Whether any part of a span lies within the window; without an end it goes on.
    pub(super) fn is_touched(&self, from: Stamp, to: Option<Stamp>) -> bool {
        self.window.since.is_none_or(|since| to.is_none_or(|to| since.reached(to)))
            && self.window.until.is_none_or(|until| !until.reached(from))
    }
}
