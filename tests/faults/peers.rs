//! The same damage to archives whose peers have no port, and to such with IPv6 peers.
//!
//! Without ports a login is its session's by user, address and time (R5), so two sessions of one user from one address
//! may have each other's logins; there only this is known: both logins are rows. Of those that could do so and lack a
//! line, or have one twice, nothing is expected, nor of a user's sessions from an address if a damaged line names both. A login line that
//! is there twice may be two logins: where its close is there once, one possible row more is allowed, flag `overlap`, and
//! where two files have no more than a minute in common, of which R13 says nothing, a certain one: a ghost, counted.
//! Rows of which nothing is expected are counted as excused, and are not among those that were asserted.

use crate::kinds::{try_packed, try_same, try_with};
use crate::sim::{Config, Damage};
use crate::trial::{Report, cases_asked};

/// Few users with many sessions each, half of them from IPv6 addresses, and no ports.
pub(crate) fn without_ports(config: &mut Config) {
    (config.traffic.ports, config.traffic.ipv6, config.traffic.users) = (false, 0.5, 120);
}

/// Most users have IPv6 addresses.
pub(crate) fn ipv6(config: &mut Config) {
    config.traffic.ipv6 = 0.7;
}

/// All kinds in a long run, else the first few.
fn kinds<const N: usize>(usual: [Damage; N]) -> Vec<Damage> {
    if cases_asked().is_some() { Damage::ALL.to_vec() } else { usual.to_vec() }
}

fn try_kinds(peers: &str, base: u64, configure: fn(&mut Config), damage: &[Damage]) -> Report {
    let mut all = Report::default();
    for (n, damage) in damage.iter().enumerate() {
        let (name, base) = (format!("{peers}, {}", damage.name()), base + 100 * n as u64);
        let same = matches!(damage, Damage::RepeatFiles | Damage::SwapLines | Damage::Interleave);
        all +=
            if same { try_same(&name, base, configure, *damage) } else { try_with(&name, base, configure, &[*damage]) };
    }
    all
}

/// What only a long run tries: compressed files, deaths, and all at once.
fn try_more(peers: &str, base: u64, configure: fn(&mut Config)) {
    for (n, damage) in [Damage::Cut, Damage::Flip].into_iter().enumerate() {
        try_packed(&format!("{peers}, {}", damage.name()), base + 100 * n as u64, configure, damage);
    }
    let kill = |config: &mut Config| {
        configure(config);
        (config.trouble.crashes, config.trouble.restarts, config.site.pids) = (3, 2, 3);
        config.trouble.marks = config.seed.is_multiple_of(2);
    };
    try_with(&format!("{peers}, kill"), base + 200, kill, &[]);
    let reuse = |config: &mut Config| {
        configure(config);
        (config.trouble.crashes, config.trouble.restarts, config.trouble.marks) = (4, 4, true);
        config.trouble.few_pids = 9;
    };
    try_with(&format!("{peers}, reuse pids"), base + 300, reuse, &[]);
    let two = |config: &mut Config| {
        configure(config);
        config.site.stores = 2;
    };
    let several = [Damage::DropLines, Damage::JumpClock, Damage::Flip, Damage::DropFiles, Damage::SwapLines];
    try_with(&format!("{peers}, several at once"), base + 400, two, &several);
}

#[test]
fn peers_without_ports() {
    let report = try_kinds("no ports", 10_000, without_ports, &kinds([Damage::DropLines, Damage::DropFiles]));
    assert!(report.connected.possible > 0, "{report:?}");
    if cases_asked().is_some() {
        try_more("no ports", 12_000, without_ports);
    }
}

#[test]
fn ipv6_peers() {
    try_kinds("IPv6", 20_000, ipv6, &kinds([Damage::Flip, Damage::JumpClock]));
    if cases_asked().is_some() {
        try_more("IPv6", 22_000, ipv6);
    }
}
