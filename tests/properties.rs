//! Properties that hold for any archive: the answer is a function of the lines, not of how they were read.
//!
//! The archives are small and made to collide. The cases are the same at every run; `PROPTEST_RNG_SEED=n` takes others, and
//! `PROPTEST_CASES=n` another number of them.

#![allow(clippy::print_stdout, reason = "the number of cases is the test's report")]

#[path = "properties/answers.rs"]
mod answers;
#[path = "properties/archive.rs"]
mod archive;
#[path = "properties/binary.rs"]
mod binary;
#[path = "properties/chunks.rs"]
mod chunks;
#[path = "properties/columns.rs"]
mod columns;
mod common;
#[path = "properties/merging.rs"]
mod merging;
#[path = "properties/pairing.rs"]
mod pairing;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use std::sync::OnceLock;

use imstrail::grammar::Grammars;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestRunner};

/// The built-in templates, compiled once.
fn grammars() -> &'static Grammars {
    static GRAMMARS: OnceLock<Grammars> = OnceLock::new();
    GRAMMARS.get_or_init(archive::built_in)
}

/// Runs so many cases, and says how many they were. A case that fails is made smaller and shown.
fn check<S: Strategy>(what: &str, cases: u32, strategy: &S, test: impl Fn(S::Value) -> TestCaseResult) {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 1000, ..Config::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = RngSeed::Fixed(20_190_529);
    }
    let cases = config.cases;
    if let Err(error) = TestRunner::new(config).run(strategy, test) {
        panic!("{what}\n{error}");
    }
    println!("{what}: {cases} cases");
}
