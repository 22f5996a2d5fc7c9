//! `-a`: the last access of each user over each service (R11).

use std::collections::BTreeSet;
use std::ops::Range;

use super::flags_of;
use crate::model::{Doubt, Evidence, Service, Stamp};
use crate::streams::Streams;
use crate::trail::{Access, Accesses, Last, LastAccess, Sorted};

/// One user over one service. Most of it is only looked at where it is shown.
#[derive(Clone, Copy)]
pub struct ServiceAccess<'a> {
    access: Access,
    last: Last,
    stores: &'a [Vec<u8>],
}

impl<'a> ServiceAccess<'a> {
    fn new(access: Access, stores: &'a [Vec<u8>]) -> Option<ServiceAccess<'a>> {
        access.last().map(|last| ServiceAccess { access, last, stores })
    }

    fn both(&self) -> impl Iterator<Item = Last> {
        [self.access.login, self.access.logout].into_iter().flatten()
    }

    /// The latest login.
    pub fn last_login(&self) -> Option<Stamp> {
        self.access.login.map(|login| login.stamp)
    }

    /// The latest logout.
    pub fn last_logout(&self) -> Option<Stamp> {
        self.access.logout.map(|logout| logout.stamp)
    }

    /// The later of the two.
    pub fn last_access(&self) -> Stamp {
        self.last.stamp
    }

    /// `login` or `close`: which line the last login was read from.
    pub fn login_source(&self) -> Option<&'static str> {
        self.access.login.map(|login| if login.from_login { "login" } else { "close" })
    }

    /// The store of the last access, the smallest name where two tie.
    pub fn store(&self) -> &'a [u8] {
        let store = |last: Last| self.stores.get(last.stream.index()).map_or(&[][..], Vec::as_slice);
        self.both().filter(|last| last.stamp.at == self.last.stamp.at).map(store).min().unwrap_or_default()
    }

    /// The line of the latest login and that of the latest logout, if evidence is asked for.
    pub fn evidence(&self) -> [Option<Evidence>; 2] {
        [self.access.login, self.access.logout].map(|last| last.and_then(|last| last.evidence))
    }

    /// What is to be known about it.
    pub fn flags(&self) -> &'static [&'static str] {
        flags_of(self.both().fold(Doubt::default(), |all, last| all.of_both(last.doubt)))
    }
}

impl std::fmt::Debug for ServiceAccess<'_> {
    /// What it says, whatever the numbers of the streams.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAccess")
            .field("last_login", &self.last_login())
            .field("last_logout", &self.last_logout())
            .field("login_source", &self.login_source())
            .field("store", &self.store())
            .field("flags", &self.flags())
            .finish()
    }
}

/// One user.
#[derive(Clone, Copy, Debug)]
pub struct LastAccessRow<'a> {
    /// The user (R2).
    pub user: &'a [u8],
    accesses: Accesses<'a>,
    stores: &'a [Vec<u8>],
}

impl<'a> LastAccessRow<'a> {
    /// Over one service.
    pub fn over(&self, service: Service) -> Option<ServiceAccess<'a>> {
        ServiceAccess::new(self.accesses.over(service)?, self.stores)
    }

    /// When the last access over one service was, without what it rests on.
    pub fn last_over(&self, service: Service) -> Option<Stamp> {
        self.accesses.last_over(service)
    }

    /// By service, in the order of [`Service::ALL`].
    pub fn services(&self) -> [Option<ServiceAccess<'a>>; 3] {
        let [first, second, third] = Service::ALL;
        [self.over(first), self.over(second), self.over(third)]
    }

    /// Those that there are.
    pub fn accesses(&self) -> impl Iterator<Item = ServiceAccess<'a>> {
        self.accesses.iter().filter_map(|access| ServiceAccess::new(access, self.stores))
    }
}

/// The rows of `-a`, made one at a time: there may be millions.
#[derive(Debug)]
pub struct LastAccessRows<'a> {
    access: Sorted,
    asked: &'a BTreeSet<Vec<u8>>,
    /// By [`StreamId::index`](crate::streams::StreamId::index).
    stores: Vec<Vec<u8>>,
}

impl<'a> LastAccessRows<'a> {
    /// Of users asked for, seen or not; of all that were seen if none was asked for.
    pub fn new(access: LastAccess, streams: &Streams, asked: &'a BTreeSet<Vec<u8>>) -> LastAccessRows<'a> {
        LastAccessRows { access: access.sorted(), asked, stores: streams.stores() }
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

    /// The accesses in the rows of a part, without lines.
    pub fn accesses(&self, part: Range<usize>) -> impl Iterator<Item = ServiceAccess<'_>> {
        self.access.accesses(part).filter_map(|access| ServiceAccess::new(access, &self.stores))
    }

    /// The rows of a part, in the order of the users' bytes.
    pub fn rows(&self, part: Range<usize>) -> impl Iterator<Item = LastAccessRow<'_>> {
        let row = |(user, accesses)| LastAccessRow { user, accesses, stores: &self.stores };
        let mut seen = self.access.users(part).map(row).peekable();
        let mut asked = self.asked.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let Some(user) = asked.peek() else { return seen.next() };
                let Some(next) = seen.peek() else { return Some(row((asked.next()?, Accesses::default()))) };
                match next.user.cmp(user) {
                    std::cmp::Ordering::Less => return seen.next(),
                    std::cmp::Ordering::Equal => asked.next(),
                    std::cmp::Ordering::Greater => return Some(row((asked.next()?, Accesses::default()))),
                };
            }
        })
    }
}
