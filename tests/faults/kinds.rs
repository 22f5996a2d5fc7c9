//! The kinds of damage, each over some archives.

use crate::common::pack::Codec;
use crate::common::{Run, login, run, write};
use crate::packed::Packed;
use crate::peers::{ipv6, without_ports};
use crate::sim::{Config, Damage, Wreck};
use crate::trial::{ENOUGH, Report, Trial, cases_asked, simulated, some_hours, try_seeds};
use serde_json::json;

/// Prints what was asserted, which must be enough.
fn tell(name: &str, report: &Report) {
    println!("{name}: {} rows asserted: {report:?}", report.rows());
    assert!(report.rows() >= ENOUGH, "{name}: {report:?}");
}

/// Archives of this configuration, damaged.
pub(crate) fn try_with(name: &str, base: u64, configure: impl Fn(&mut Config), damage: &[Damage]) -> Report {
    let report = try_seeds(base, |seed, report| {
        let mut config = some_hours(seed);
        configure(&mut config);
        let (config, archive) = simulated(config);
        let mut wreck = Wreck::new(&archive.files);
        damage.iter().for_each(|damage| wreck.suffer(*damage, seed));
        Trial::new(format!("{name} {seed}"), config, archive, &wreck).check(report);
    });
    tell(name, &report);
    report
}

fn try_all(damage: Damage, base: u64) -> Report {
    try_with(damage.name(), base, |_| {}, &[damage])
}

fn try_same_all(damage: Damage, base: u64) {
    try_same(damage.name(), base, |_| {}, damage);
}

/// Damage that changes no answer: it is not only right, it is the same.
pub(crate) fn try_same(name: &str, base: u64, configure: impl Fn(&mut Config), damage: Damage) -> Report {
    let report = try_seeds(base, |seed, report| {
        let mut config = some_hours(seed);
        configure(&mut config);
        let (config, archive) = simulated(config);
        let whole = Wreck::new(&archive.files);
        let mut wreck = whole.clone();
        wreck.suffer(damage, seed);
        let before = Trial::new("before".into(), config.clone(), archive.clone(), &whole);
        let mut after = Trial::new(format!("{name} {seed}"), config, archive, &wreck);
        let questions =
            [&["-a", "-c", "--format", "jsonl"][..], &["-c", "--at", "2019-05-29T06:00:00", "--format", "jsonl"]];
        for args in questions {
            assert_eq!(before.ask(args).out(), after.ask(args).out(), "{name} {seed}: {args:?}");
        }
        if damage == Damage::RepeatFiles {
            // Copies and beginnings of others are not read.
            after = after.with_copies(before);
        }
        after.check(report);
    });
    tell(name, &report);
    report
}

pub(crate) fn try_packed(name: &str, base: u64, configure: impl Fn(&mut Config), damage: Damage) {
    let mut unreadable = 0;
    let report = try_seeds(base, |seed, report| {
        for codec in Codec::ALL {
            let mut config = some_hours(seed);
            configure(&mut config);
            let (config, archive) = simulated(config);
            let packed = Packed::new(&archive, codec, damage, seed);
            unreadable += packed.unreadable.len();
            Trial::packed(format!("{name} {codec:?} {seed}"), config, archive, &packed).check(report);
        }
    });
    assert!(unreadable > 4, "{unreadable}");
    tell(&format!("{name} of compressed bytes, {unreadable} files unreadable"), &report);
}

#[test]
fn nothing() {
    let mut report = Report::default();
    let (config, archive) = simulated(some_hours(99));
    let wreck = Wreck::new(&archive.files);
    Trial::new("nothing".into(), config, archive, &wreck).check(&mut report);
    println!("nothing: {report:?}");
}

/// The judge can fail: the answers about an undamaged archive are wrong for a damaged one, and the other way round.
#[test]
fn answers_about_another_archive_are_noticed() {
    let peers: &[fn(&mut Config)] = if cases_asked().is_some() { &[|_| {}, without_ports, ipv6] } else { &[|_| {}] };
    for configure in peers {
        for damage in [Damage::Cut, Damage::DropLines, Damage::DropFiles, Damage::MixLevels] {
            let mut config = some_hours(5);
            configure(&mut config);
            let (config, archive) = simulated(config);
            let whole = Wreck::new(&archive.files);
            let mut wreck = whole.clone();
            wreck.suffer(damage, 5);
            let mut before = Trial::new("before".into(), config.clone(), archive.clone(), &whole);
            let mut after = Trial::new("after".into(), config, archive, &wreck);
            std::mem::swap(&mut before.folder, &mut after.folder);
            for (trial, told) in [(&mut before, "undamaged"), (&mut after, "damaged")] {
                let errors = trial.examine(&mut Report::default());
                for part in ["tally:", "-a:", "-c --at"] {
                    let noticed = errors.iter().any(|error| error.starts_with(part));
                    assert!(noticed, "{}: nothing wrong with {part} of the {told}: {errors:?}", damage.name());
                }
            }
        }
    }
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
    let report = try_all(Damage::DropFiles, 405);
    assert!(report.gaps > 0 && report.connected.possible > 0, "{report:?}");
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

#[test]
fn repeat_files() {
    try_same_all(Damage::RepeatFiles, 500);
}

#[test]
fn swap_lines() {
    try_same_all(Damage::SwapLines, 700);
}

#[test]
fn interleave() {
    try_same_all(Damage::Interleave, 800);
}

#[test]
fn cut_compressed() {
    try_packed("cut", 1100, |_| {}, Damage::Cut);
}

#[test]
fn flip_compressed() {
    try_packed("flip", 1200, |_| {}, Damage::Flip);
}

#[test]
fn kill_with_marks() {
    let kill = |config: &mut Config| {
        (config.trouble.crashes, config.trouble.restarts, config.trouble.marks) = (3, 2, true);
    };
    let report = try_with("kill, with marks", 1300, kill, &[]);
    assert!(report.connected.possible > 0, "{report:?}");
}

#[test]
fn kill_without_marks() {
    let kill = |config: &mut Config| {
        (config.trouble.crashes, config.trouble.restarts, config.site.pids) = (3, 2, 3);
    };
    let report = try_with("kill, without marks", 1400, kill, &[]);
    assert!(report.connected.possible > 0, "{report:?}");
}

#[test]
fn reuse_pids() {
    let reuse = |config: &mut Config| {
        (config.trouble.crashes, config.trouble.restarts, config.trouble.marks) = (4, 4, true);
        config.trouble.few_pids = 9;
    };
    try_with("reuse pids", 1500, reuse, &[]);
}

#[test]
fn reuse_ports() {
    let reuse = |config: &mut Config| config.traffic.few_ports = 2;
    let report = try_with("reuse ports, drop lines", 1600, reuse, &[Damage::DropLines]);
    assert!(report.connected.possible > 0, "{report:?}");
    let kill = |config: &mut Config| {
        (config.traffic.few_ports, config.trouble.crashes) = (2, 4);
    };
    try_with("reuse ports, kill", 1650, kill, &[]);
}

#[test]
fn several_at_once() {
    let two = |config: &mut Config| config.site.stores = 2;
    let all = [Damage::DropLines, Damage::JumpClock, Damage::Flip, Damage::DropFiles, Damage::SwapLines];
    try_with("several at once", 1700, two, &all);
}

/// A compressed file of which nothing at all can be decoded, because it is cut before its first block ends, is damaged
/// and not empty, and what it hides is a gap behind the file with the number before, also where it is the last one.
#[test]
fn a_file_cut_before_its_first_line() {
    for codec in Codec::ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), "imap.1.1559116800", login("10:00:00", 40_718, "ed"));
        let name = format!("imap.2.1559117400.{}", codec.extension());
        let packed = codec.compress(login("10:10:00", 40_719, "ann").as_bytes());
        write(folder.path(), &name, &packed[..11]);
        let ask = |args: &[&str]| run(folder.path(), args).exit(1);
        let gap = |run: &Run| run.document()["coverage"][0]["gaps"].clone();
        let alone = ask(&["-a", "--format", "json", "."]);
        assert!(!alone.err().contains("empty") && alone.err().contains("another copy"), "{name}: {}", alone.err());
        let at = |clock: &str| format!("2019-05-29T{clock}+02:00");
        let from = |clock: &str| json!([{"from": at("10:00:00"), "to": at(clock), "why": "damaged"}]);
        assert_eq!(gap(&alone), from("10:00:00"), "{name}");
        write(folder.path(), "imap", login("10:20:00", 40_720, "bob"));
        let with_current = ask(&["-a", "-c", "--format", "json", "."]);
        assert_eq!(gap(&with_current), from("10:20:00"), "{name}");
        let certain: Vec<_> = with_current.document()["records"].as_array().expect("rows")[..2]
            .iter()
            .map(|row| (row["user"].clone(), row["certainty"].clone()))
            .collect();
        let rows = [("ed", "possible"), ("bob", "certain")].map(|(user, certain)| (json!(user), json!(certain)));
        assert_eq!(certain, rows, "{name}: bob logged in behind the gap");
    }
}

/// The line that damage cuts off is told once, with the damage, and counted once.
#[test]
fn a_line_that_damage_cuts_off() {
    let lines: String = (0..400).map(|n| login(&format!("10:{:02}:{:02}", n / 60, n % 60), 1024 + n, "ed")).collect();
    for (codec, at) in [(Codec::Gz, 3), (Codec::Gz, 5), (Codec::Gz, 2)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let packed = codec.compress(lines.as_bytes());
        write(folder.path(), "imap.gz", &packed[..packed.len() - packed.len() / at]);
        let run = run(folder.path(), &["-a", "--format", "json", "imap.gz"]).exit(1);
        let document = run.document();
        let count = |class: &str, what: &str| document["tally"][class][what].as_u64().expect("a count");
        let bytes = document["tally"]["bytes"].as_u64().expect("a count");
        let whole = lines[..bytes as usize].matches('\n').count() as u64;
        let cut = lines[..bytes as usize].rsplit('\n').next().expect("a last line").len() as u64;
        assert!(cut > 0, "the damage lies inside a line");
        assert_eq!((count("event", "lines"), count("reject", "lines"), count("reject", "bytes")), (whole, 1, cut));
        let told = format!("the line at byte {} is cut off", bytes - cut);
        assert_eq!((run.err().matches("reject").count(), run.err().contains(&told)), (1, true), "{}", run.err());
    }
}
