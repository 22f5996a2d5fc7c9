//! `-a`: the last access of each user over each service (R11).

use std::collections::BTreeSet;

use super::INFERRED_FORMAT;
use crate::model::Stamp;
use crate::streams::Streams;
use crate::trail::{Access, Last, LastAccess};

/// One user over one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccess {
    /// The latest login.
    pub last_login: Option<Stamp>,
    /// The latest logout.
    pub last_logout: Option<Stamp>,
    /// The later of the two.
    pub last_access: Stamp,
    /// `login` or `close`: which line the last login was read from.
    pub login_source: Option<&'static str>,
    /// The store of the last access, the smallest name where two tie.
    pub store: Vec<u8>,
    /// What is to be known about it.
    pub flags: Vec<&'static str>,
}

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAccessRow {
    /// The user (R2).
    pub user: Vec<u8>,
    /// By service, in the order of [`crate::model::Service::ALL`].
    pub services: [Option<ServiceAccess>; 3],
}

/// The rows, in the order of the users' bytes: those asked for, seen or not, or all that were seen.
pub fn last_access(access: &LastAccess, streams: &Streams, asked: &BTreeSet<Vec<u8>>) -> Vec<LastAccessRow> {
    let row = |user: &[u8], services: &[Access; 3]| LastAccessRow {
        user: user.to_vec(),
        services: services.each_ref().map(|a| service_access(a, streams)),
    };
    let mut rows: Vec<LastAccessRow> = access.users().iter().map(|(user, services)| row(user, services)).collect();
    let seen: BTreeSet<&[u8]> = rows.iter().map(|r| r.user.as_slice()).collect();
    let unseen: Vec<_> = asked.iter().filter(|u| !seen.contains(u.as_slice())).map(|u| row(u, &Default::default())).collect();
    rows.extend(unseen);
    rows.sort_by(|a, b| a.user.cmp(&b.user));
    rows
}

fn service_access(access: &Access, streams: &Streams) -> Option<ServiceAccess> {
    let latest: &Last = match (&access.login, &access.logout) {
        (Some(login), Some(logout)) if login.stamp.at > logout.stamp.at => login,
        (_, Some(logout)) => logout,
        (Some(login), None) => login,
        (None, None) => return None,
    };
    let ties = [access.login, access.logout].into_iter().flatten().filter(|l| l.stamp.at == latest.stamp.at);
    let inferred = [access.login, access.logout].into_iter().flatten().any(|l| l.inferred);
    Some(ServiceAccess {
        last_login: access.login.map(|l| l.stamp),
        last_logout: access.logout.map(|l| l.stamp),
        last_access: latest.stamp,
        login_source: access.login.map(|l| if l.from_login { "login" } else { "close" }),
        store: ties.map(|l| streams.get(l.stream).0).min().unwrap_or_default(),
        flags: if inferred { vec![INFERRED_FORMAT] } else { Vec::new() },
    })
}
