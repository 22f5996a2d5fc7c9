//! The kinds of damage, each over some archives.

use crate::sim::{Damage, Wreck};
use crate::trial::{Report, Trial, cases, half_a_day, simulated};

/// Prints what was asserted, which must be enough.
fn tell(name: &str, report: &Report) {
    println!("{name}: {} rows asserted: {report:?}", report.rows());
    assert!(report.rows() >= 1000, "{name}: {report:?}");
}

fn try_all(damage: Damage, base: u64) {
    let mut report = Report::default();
    for seed in base..base + cases(2) {
        let (config, archive) = simulated(half_a_day(seed));
        let mut wreck = Wreck::new(&archive.files);
        wreck.suffer(damage, seed);
        Trial::new(format!("{} {seed}", damage.name()), config, archive, &wreck).check(&mut report);
    }
    tell(damage.name(), &report);
}

#[test]
fn nothing() {
    let mut report = Report::default();
    let (config, archive) = simulated(half_a_day(99));
    let wreck = Wreck::new(&archive.files);
    Trial::new("nothing".into(), config, archive, &wreck).check(&mut report);
    println!("nothing: {report:?}");
}

#[test]
fn cut() {
    try_all(Damage::Cut, 100);
}

#[test]
fn flip() {
    try_all(Damage::Flip, 200);
}

#[test]
fn drop_lines() {
    try_all(Damage::DropLines, 300);
}

#[test]
fn drop_files() {
    try_all(Damage::DropFiles, 400);
}

#[test]
fn overlap() {
    try_all(Damage::Overlap, 600);
}

#[test]
fn jump_clock() {
    try_all(Damage::JumpClock, 900);
}

#[test]
fn mix_levels() {
    try_all(Damage::MixLevels, 1000);
}
