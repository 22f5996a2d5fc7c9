//! `-a`: the last access of each user over each service (R11).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::INFERRED_FORMAT;
use crate::model::Stamp;
use crate::streams::{StreamId, Streams};
use crate::trail::{Access, Last, LastAccess, Sorted};

/// One user over one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceAccess<'a> {
    /// The latest login.
    pub last_login: Option<Stamp>,
    /// The latest logout.
    pub last_logout: Option<Stamp>,
    /// The later of the two.
    pub last_access: Stamp,
    /// `login` or `close`: which line the last login was read from.
    pub login_source: Option<&'static str>,
    /// The store of the last access, the smallest name where two tie.
    pub store: &'a [u8],
    /// What is to be known about it.
    pub flags: &'static [&'static str],
}

/// One user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastAccessRow<'a> {
    /// The user (R2).
    pub user: &'a [u8],
    /// By service, in the order of [`Service::ALL`](crate::model::Service::ALL).
    pub services: [Option<ServiceAccess<'a>>; 3],
}

/// The rows of `-a`, made one at a time: there may be millions.
#[derive(Debug)]
pub struct LastAccessRows<'a> {
    access: Sorted<'a>,
    asked: &'a BTreeSet<Vec<u8>>,
    stores: BTreeMap<StreamId, Vec<u8>>,
}

impl<'a> LastAccessRows<'a> {
    /// Of users asked for, seen or not; of all that were seen if none was asked for.
    pub fn new(access: &'a LastAccess, streams: &Streams, asked: &'a BTreeSet<Vec<u8>>) -> LastAccessRows<'a> {
        let stores = streams.all().into_iter().map(|(store, _, id)| (id, store)).collect();
        LastAccessRows { access: access.sorted(), asked, stores }
    }

    /// Parts of about so many rows, which can be made side by side.
    pub fn parts(&self, size: usize) -> Vec<Range<usize>> {
        // Users asked for may have to stand anywhere between those that were seen, and are few.
        self.access.parts(if self.asked.is_empty() { size } else { usize::MAX })
    }

    /// All rows, in the order of the users' bytes.
    pub fn iter(&self) -> impl Iterator<Item = LastAccessRow<'_>> {
        self.parts(usize::MAX).into_iter().flat_map(|part| self.rows(part))
    }

    /// The rows of a part, in the order of the users' bytes.
    pub fn rows(&self, part: Range<usize>) -> impl Iterator<Item = LastAccessRow<'_>> {
        let mut seen = self.access.users(part).map(|(user, services)| self.row(user, &services)).peekable();
        let mut asked = self.asked.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let (Some(row), Some(user)) = (seen.peek(), asked.peek()) else {
                    return seen.next().or_else(|| Some(self.row(asked.next()?, &Default::default())));
                };
                match row.user.cmp(user) {
                    std::cmp::Ordering::Less => return seen.next(),
                    std::cmp::Ordering::Equal => asked.next(),
                    std::cmp::Ordering::Greater => return Some(self.row(asked.next()?, &Default::default())),
                };
            }
        })
    }

    fn row<'s>(&'s self, user: &'s [u8], services: &[Access; 3]) -> LastAccessRow<'s> {
        LastAccessRow { user, services: services.each_ref().map(|access| self.service(access)) }
    }

    fn service(&self, access: &Access) -> Option<ServiceAccess<'_>> {
        let latest: &Last = match (&access.login, &access.logout) {
            (Some(login), Some(logout)) if login.stamp.at > logout.stamp.at => login,
            (_, Some(logout)) => logout,
            (Some(login), None) => login,
            (None, None) => return None,
        };
        let both = || [access.login, access.logout].into_iter().flatten();
        let ties = both().filter(|l| l.stamp.at == latest.stamp.at);
        Some(ServiceAccess {
            last_login: access.login.map(|l| l.stamp),
            last_logout: access.logout.map(|l| l.stamp),
            last_access: latest.stamp,
            login_source: access.login.map(|l| if l.from_login { "login" } else { "close" }),
            store: ties.map(|l| self.store(l.stream)).min().unwrap_or_default(),
            flags: if both().any(|l| l.inferred) { &[INFERRED_FORMAT] } else { &[] },
        })
    }

    fn store(&self, stream: StreamId) -> &[u8] {
        self.stores.get(&stream).map_or(&[], Vec::as_slice)
    }
}
