//! More lines, more knowledge: where archive A is a part of archive B, what A proves B proves as well.
//!
//! A lacks files of B at the beginning or the end of the streams, or between others, where their numbers show it
//! (R9), or has a beginning of B's last files only. Asked at the same moment T:
//!
//! - A closed session of A, one whose close line is there, is a certain row of both from its login up to its end, the
//!   same in every byte; unless B has the login line that A lacks, which says when it began, and how.
//! - No user's last login or logout is later in A than in B.
//! - Where a row is there in one only, or certain in one only, a line of B that A lacks says why. It is found by what
//!   the rules make of such lines, and named: the first of every kind is printed.
//! - A never has a certain row that B does not have, or has as possible, but for what a line in B adds, and these are
//!   counted by kind: a login that came a moment behind the connect (R6); a close in the very second in which A ends; a
//!   peer that logged in again (R7); a process that had ended (R8), of which A could not know. Without deaths of
//!   processes there are none but the first two.
//!
//! `IMSTRAIL_CASES=100 cargo test --test monotone` tries 100 archives of each kind.

#![allow(clippy::print_stdout, reason = "the number of rows compared is the test's report")]

mod common;
#[path = "monotone/compare.rs"]
mod compare;
#[path = "truth/facts.rs"]
mod facts;
#[path = "monotone/part.rs"]
mod part;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use compare::{Pair, Report, Whole, Why};
use part::{Part, parts_of};
use sim::{Config, Wreck, simulate};

fn day(seed: u64) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.span.seconds = Some(8 * 3600);
    config.traffic.users = 200;
    config.traffic.rate = 140.0;
    config.traffic.open = 80.0;
    config.files.rotate_bytes = 20_000;
    config
}

/// Compares all parts of some archives with the whole of each.
fn compare(name: &str, base: u64, configure: impl Fn(&mut Config)) -> Report {
    let cases = std::env::var("IMSTRAIL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut report = Report::default();
    for seed in base..base + cases {
        let mut config = day(seed);
        configure(&mut config);
        let archive = simulate(&config);
        let whole = Whole::new(&config, &archive);
        for Part { what, wreck } in parts_of(&Wreck::new(&archive.files), seed) {
            Pair::new(format!("{name} {seed}, {what}"), &whole, &wreck).check(&mut report);
        }
    }
    println!("{name}: {report}");
    assert!(report.closed > 500 && report.parts >= 6, "{name}: {report}");
    report
}

#[test]
fn no_process_dies() {
    let report = compare("no process dies", 1, |_| {});
    let known = [Why::LoginLine, Why::CloseLine, Why::SameSecond, Why::Covers, Why::GapFilled];
    assert!(report.differences().all(|why| known.contains(&why)), "{report}");
    assert!(report.retracted().all(|why| [Why::LoginLine, Why::SameSecond].contains(&why)), "{report}");
    assert!(report.differences().count() >= 3, "{report}");
}

#[test]
fn processes_die_with_marks() {
    let report = compare("processes die, with marks", 21, |config| {
        (config.trouble.crashes, config.trouble.restarts, config.trouble.marks) = (4, 3, true);
    });
    assert!(report.differences().any(|why| why == Why::ProcessEnded), "{report}");
}

#[test]
fn processes_die_without_marks() {
    compare("processes die, without marks", 41, |config| {
        (config.trouble.crashes, config.trouble.restarts, config.site.pids) = (6, 2, 3);
        // Long enough for lives that end by silence, too.
        (config.span.seconds, config.traffic.rate) = (Some(13 * 3600), 100.0);
    });
}

#[test]
fn ports_come_back() {
    let report = compare("ports come back", 61, |config| {
        (config.trouble.crashes, config.traffic.few_ports) = (6, 1);
    });
    assert!(report.differences().any(|why| why == Why::PeerAgain), "{report}");
}
