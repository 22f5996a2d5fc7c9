//! A second, slow reading of the rules R1 to R14, held against the tool on thousands of small archives.
//!
//! `second_opinion/` shares no code with `src/`: it has a parser of its own, holds everything in memory, and is written
//! from `docs/rules.md` alone. Both readers must give the same rows, byte for byte.
//!
//! Where the tool is known to differ, or the rules do not say, a named constant beside the place tells so:
//! `REJECTS_SHOW_LIFE`, `LONE_STAMPS_STRETCH_FILES`, `MARKS_WITHIN_A_SECOND_COMPARED`.
//!
//! `IMSTRAIL_CASES=100000` asks for more cases than the usual, `IMSTRAIL_SEED=7` for other ones.

#![allow(clippy::print_stdout, reason = "the number of cases compared is the test's report")]

#[path = "second_opinion/answer.rs"]
mod answer;
#[path = "second_opinion/calendar.rs"]
mod calendar;
mod common;
#[path = "second_opinion/compare.rs"]
mod compare;
#[path = "second_opinion/files.rs"]
mod files;
#[path = "second_opinion/generate.rs"]
mod generate;
#[path = "second_opinion/lines.rs"]
mod lines;
#[path = "second_opinion/lives.rs"]
mod lives;
#[path = "second_opinion/sessions.rs"]
mod sessions;
#[path = "../examples/simulate/sim.rs"]
mod sim;
#[path = "second_opinion/simulated.rs"]
mod simulated;

use compare::{Count, compare};
use generate::Case;
use std::sync::atomic::{AtomicU64, Ordering};

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Compares cases on two threads; the test fails with the first few differences.
fn check(what: &str, cases: u64, case: impl Fn(u64) -> Case + Sync) -> Count {
    let (next, first) = (AtomicU64::new(0), setting("IMSTRAIL_SEED", 1));
    let work = || {
        let (mut count, mut told) = (Count::default(), Vec::new());
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= cases || told.len() >= 5 {
                return (count, told);
            }
            let seed = first * 1_000_000_007 + n;
            match compare(&case(seed)) {
                Ok(compared) => count += compared,
                Err(difference) => told.push(format!("seed {seed}:\n{}", difference.told)),
            }
        }
    };
    let (count, told) = std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let mut all = (Count::default(), Vec::new());
        for thread in threads {
            let (count, told) = thread.join().expect("a thread ends");
            all.0 += count;
            all.1.extend(told);
        }
        all
    });
    println!("{what}: {count:?}");
    assert!(told.is_empty(), "{what}: {} differences after {count:?}\n{}", told.len(), told.join("\n"));
    count
}

#[test]
fn small_archives() {
    let cases = setting("IMSTRAIL_CASES", 140);
    let count = check("small archives", cases, generate::case);
    assert!(count.rows as u64 > cases && count.possible as u64 > cases / 10);
}

#[test]
fn simulated_archives() {
    let cases = setting("IMSTRAIL_CASES", 140) / 20;
    let count = check("simulated archives", cases, simulated::case);
    assert!(count.rows as u64 > 20 * cases && count.possible > 0);
}
