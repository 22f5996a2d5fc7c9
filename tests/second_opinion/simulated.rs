//! Larger archives, of the simulator, and moments to ask about.

use super::answer::Question;
use super::common::Dice;
use super::generate::Case;
use super::sim::{Config, Level, Service, Span, Zone, parse_utc, simulate};

/// The case of a seed: one or two stores with restarts, at either level, in quiet and in busy hours.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..4 {
        dice.next();
    }
    let mut one_in = |count: u64| dice.next().is_multiple_of(count);
    let mut config = Config { seed, ..Config::default() };
    config.span = Span { seconds: Some(if one_in(2) { 3 * 3600 } else { 20 * 3600 }), ..Span::default() };
    if one_in(3) {
        let night = if one_in(2) { "2019-10-26T20:00:00Z" } else { "2019-03-30T20:00:00Z" };
        config.span.start = parse_utc(night).expect("a time");
    }
    config.site.stores = if one_in(3) { 2 } else { 1 };
    config.site.services = vec![Service::Imap, Service::Pop, Service::Http];
    config.site.pids = if one_in(2) { 3 } else { 2 };
    config.site.mshttpd = one_in(2);
    config.site.level = if one_in(4) { Level::Notice } else { Level::Information };
    config.site.zones = if one_in(3) { vec![("store2".to_owned(), Zone::Fixed(-18_000))] } else { Vec::new() };
    config.traffic.users = 20;
    config.traffic.rate = if one_in(4) { 400.0 } else { 30.0 };
    config.traffic.open = if one_in(2) { 10.0 } else { 60.0 };
    config.traffic.ports = !one_in(4);
    config.traffic.ipv6 = 0.2;
    config.traffic.mixed_case = 0.2;
    config.traffic.unauthenticated = 0.1;
    config.trouble.restarts = if one_in(2) { 3 } else { 0 };
    config.trouble.crashes = if one_in(2) { 3 } else { 0 };
    config.trouble.marks = one_in(2);
    config.trouble.reuse_pids = one_in(2);
    config.files.rotate_bytes = if one_in(3) { 4000 } else { 20_000 };
    let archive = simulate(&config);
    let mut files = archive.files;
    if one_in(2) && files.len() > 3 {
        // A file is missing.
        files.remove(files.len() / 3);
    }
    let length = archive.truth.summary.end - config.span.start;
    let mut questions = vec![
        Question { connected: true, last_access: true, ..Question::default() },
        Question { connected: true, pop: true, ..Question::default() },
    ];
    for n in 0..6 {
        let at = config.span.start + (dice.next() % (length as u64 + 60)) as i64;
        let at = Some((at, i64::from(config.site.zone_of("store1").offset(at))));
        questions.push(Question { connected: true, at, pop: n == 5, ..Question::default() });
    }
    files.sort();
    Case { files, questions }
}
