//! `-a` with a window passes over lines that cannot bear on it. It must answer as if it read them.
//!
//! The document of `--format json` tells of all lines, so for it nothing is passed over: its records are what the rows of the other
//! formats must be, in files as they are, in one file on standard input, and with all lines shuffled.
//!
//! `IMSTRAIL_CASES=200 cargo test --test window` asks 200 windows of each archive.

#![allow(clippy::print_stdout, reason = "the number of windows is the test's report")]

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::{Dice, Run, run, run_with, write, write_all};
use serde_json::Value;
use sim::{Config, Level, Zone, simulate};
use std::collections::BTreeMap;
use std::path::Path;

const DAY: u64 = 86_400;

/// Two weeks of two stores whose clocks differ and whose sessions last for hours, across the end of summer time.
fn two_weeks(seed: u64, level: Level) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.span.start = sim::parse_utc("2019-10-20T00:00:00Z").expect("a time");
    (config.span.seconds, config.span.warm) = (Some(14 * DAY), 2 * DAY);
    (config.site.stores, config.site.level) = (2, level);
    config.site.zones.push(("store2".into(), Zone::Fixed(-7 * 3600)));
    (config.traffic.users, config.traffic.rate, config.traffic.open) = (120, 4.0, 90.0);
    config.files.rotate_bytes = 20_000;
    config
}

/// Closes whose fields disagree: their connects lie where neither stamp nor start field would put them.
const ODD: &str = "\
[03/Nov/2019:10:00:00 +0100] store1 imapd[100]: Account Notice: close [192.0.2.7:1] odd1 2019/11/3 10:00:01 120:00:00 1 2 3
[02/Nov/2019:00:30:00 +0100] store1 imapd[100]: Account Notice: close [192.0.2.7:2] odd2 2019/11/4 0:00:00 99:00:00 1 2 3
[01/Nov/2019:10:00:00 +1545] store1 imapd[100]: Account Notice: close [192.0.2.7:3] odd3 2019/10/24 23:59:59 1:00:00 1 2 3
[03/Nov/2019:10:00:00 -1545] store1 imapd[100]: Protocol Debug: logout [[2001:db8::7]:4] odd4 2019/10/25 0:00:00 9:00:00 1 2 3
28/Oct/2019:10:00:00 +0100 store1 imapd[100]: Account Notice: close [192.0.2.7] odd5 2019/10/22 9:00:00 145:00:00 1 2 3
<38>Oct 23 10:00:00 store1 tag: [03/Nov/2019:10:00:00 +0100] store1 imapd[100]: Account Notice: close [192.0.2.7:6] odd6 2019/10/26 9:00:00 9:00:00 1 2 3
[23/Oct/2019:10:00:00 +0100] store1 imapd[100]: Account Information: login [192.0.2.7:7] odd7 plaintext
[01/Nov/2019:10:00:00 +0100] store1 imapd[100]: Account Notice: badlogin: [192.0.2.9:5] plaintext close [192.0.2.7:8] odd8 2019/10/23 9:00:00 9:00:00 1 2 3 authentication failure
";

/// A window as flags: with offset, as digits, as dates; open on one side or on none.
fn window(dice: &mut Dice) -> Vec<String> {
    let mut below = |n: u64| dice.next() % n;
    let from = 18 * DAY + below(17 * DAY);
    let to = from + 1 + below(3 * DAY);
    let form = below(4);
    let written = |at: u64| {
        let (day, clock) = (at / DAY, at % DAY);
        let date = if day > 31 { format!("2019-11-{:02}", day - 31) } else { format!("2019-10-{day:02}") };
        let (h, m, s) = (clock / 3600, clock / 60 % 60, clock % 60);
        match form {
            0 => date,
            1 => format!("{date}T{h:02}:{m:02}:{s:02}"),
            2 => format!("{date}T{h:02}:{m:02}:{s:02}Z"),
            _ => format!("{date}T{h:02}:{m:02}:{s:02}-11:30"),
        }
    };
    let to = if form == 0 { to + DAY } else { to };
    let (since, until) = (["--since".to_owned(), written(from)], ["--until".to_owned(), written(to)]);
    match below(4) {
        0 => since.to_vec(),
        1 => until.to_vec(),
        _ => [since, until].concat(),
    }
}

/// The rows of a run that passes lines over, and whether it did.
fn rows(run: &Run) -> (Option<i32>, Vec<Value>, bool) {
    (run.code, run.rows(), run.err().contains("passed over"))
}

/// Asks one question in every way; how many lines were passed over, and how many rows there are.
fn ask(folder: &Path, all: &[u8], window: &[String], shows_lines: bool) -> (bool, usize) {
    let args = |format: &str, path: &str| -> Vec<String> {
        let words = ["-a", "--format", format, path].map(str::to_owned);
        words.into_iter().chain(window.iter().cloned()).collect()
    };
    let document = run(folder, &args("json", "logs"));
    let expected = if document.code == Some(2) {
        Vec::new()
    } else {
        document.document()["records"].as_array().expect("rows").clone()
    };
    let logs = run(folder, &args("jsonl", "logs"));
    let (code, got, passed) = rows(&logs);
    assert_eq!((code, &got), (document.code, &expected), "{window:?}");
    // Of a trail file the same lines are passed over, whole blocks of them unread; and so with a cache, and where rows show their lines.
    let same = |expected: &Run, path: &str, more: &[&str]| {
        let words: Vec<String> =
            args("jsonl", path).into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect();
        let got = run(folder, &words);
        assert_eq!((got.code, got.out(), got.err()), (expected.code, expected.out(), expected.err()), "{words:?}");
    };
    same(&logs, "logs.trail", &[]);
    same(&logs, "logs", &["--cache", "cache"]);
    if shows_lines {
        let words: Vec<String> = args("jsonl", "logs").into_iter().chain(["--evidence".to_owned()]).collect();
        let shown = run(folder, &words);
        same(&shown, "logs.trail", &["--evidence"]);
        same(&shown, "logs", &["--evidence", "--cache", "cache"]);
    }
    for path in ["-", "shuffled"] {
        let run =
            if path == "-" { run_with(folder, &args("jsonl", path), all) } else { run(folder, &args("jsonl", path)) };
        let (code, got, _) = rows(&run);
        assert_eq!((code, &got), (document.code, &expected), "{window:?} {path}");
    }
    (passed, expected.len())
}

/// Asks one question of logs in order, and of those that reach into the window by their first and last lines; whether some did not.
fn ask_of_some(folder: &Path, window: &[String]) -> bool {
    let mut left_out = false;
    for path in ["files", "packed"] {
        let words: Vec<String> =
            ["-a", "--format", "jsonl", path].map(str::to_owned).into_iter().chain(window.iter().cloned()).collect();
        let all = run(folder, &words);
        let some = run(folder, &[&words[..], &["--trust-order".to_owned()]].concat());
        assert_eq!(some.code, all.code, "{words:?}");
        let accesses = |run: &Run| -> BTreeMap<String, Value> {
            let rows = run.rows().into_iter();
            let accesses = rows
                .flat_map(|row| ["imap", "http", "pop"].map(|of| (format!("{} {of}", row["user"]), row[of].clone())));
            accesses.filter(|(_, access)| !access.is_null()).collect()
        };
        let (all, seen) = (accesses(&all), accesses(&some));
        assert!(seen.keys().all(|of| all.contains_key(of)), "{words:?}");
        for (of, access) in all {
            // Of a session from before the logs nothing but its close tells, which may be far behind the window.
            assert!(seen.get(&of) == Some(&access) || access["login_source"] == "close", "{words:?} {of} {access}");
        }
        left_out |= some.err().contains("are not read, since none of their lines");
    }
    left_out
}

fn try_windows(config: &Config) {
    let cases = std::env::var("IMSTRAIL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files: Vec<_> =
        simulate(config).files.into_iter().map(|(path, bytes)| (format!("logs/{path}"), bytes)).collect();
    write_all(folder.path(), &files);
    write(folder.path(), "logs/odd", ODD);
    let all: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.clone()).chain(ODD.bytes()).collect();
    let mut dice = Dice(config.seed);
    let mut lines: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
    dice.shuffle(&mut lines);
    write(folder.path(), "shuffled", lines.concat());
    run(folder.path(), &["trail", "-o", "logs.trail", "logs"]).exit(0);
    for (path, bytes) in &files {
        write(folder.path(), &path.replacen("logs", "files", 1), bytes);
        write(folder.path(), &format!("{}.gz", path.replacen("logs", "packed", 1)), common::pack::gz(bytes));
    }
    let (mut passed, mut all_rows, mut left_out) = (0, 0, 0);
    for case in 0..cases {
        let window = window(&mut dice);
        let (did, rows) = ask(folder.path(), &all, &window, case % 4 == 0);
        passed += usize::from(did);
        // Where logins are not logged, a session may be told of by nothing but a close far behind the window.
        left_out += usize::from(config.site.level == Level::Information && ask_of_some(folder.path(), &window));
        all_rows += rows;
    }
    println!("{cases} windows, {passed} with lines passed over, {left_out} with files left out, {all_rows} rows");
    assert!(left_out > cases / 5 || config.site.level == Level::Notice, "{left_out} of {cases}");
    assert!(passed > cases / 5 && all_rows > 20 * cases, "{passed} of {cases}, {all_rows} rows");
}

#[test]
fn level_information() {
    try_windows(&two_weeks(31, Level::Information));
}

#[test]
fn level_notice() {
    try_windows(&two_weeks(32, Level::Notice));
}

/// The tally adds up, and what was passed over is in the note.
#[test]
fn lines_that_are_passed_over_are_counted() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let early =
        "[20/May/2019:10:00:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:1] ann plaintext\n";
    write(folder.path(), "imap", format!("{}{}", early.repeat(3), common::login("10:00:00", 2, "ed")));
    let run = run(folder.path(), &["-a", "--since", "2019-05-29T00:00:00Z", "--format", "jsonl", "imap"]).exit(0);
    let told = format!("3 lines ({} bytes) passed over", 3 * early.len());
    assert!(run.err().contains(&told), "{}", run.err());
    assert_eq!(run.rows().len(), 1);
}

/// Ten days, a file each, on the last of which the clock has another offset.
fn ten_days(folder: &Path) {
    for day in 10..20 {
        let offset = if day == 19 { "+0100" } else { "+0200" };
        let line = |n: u32| {
            format!(
                "[{day}/May/2019:10:00:{n:02} {offset}] store1 imapd[100]: Account Information: login [192.0.2.7:{day}{n:02}] user{n} plaintext\n"
            )
        };
        write(folder, &format!("logs/{day}"), (0..40).map(line).collect::<String>());
    }
}

const ONE_DAY: [&str; 7] =
    ["-a", "--format", "jsonl", "--since", "2019-05-15T00:00:00Z", "--until", "2019-05-16T00:00:00Z"];

/// The same in digits, for which the clocks of all lines are needed, since there are two.
const IN_DIGITS: [&str; 7] = ["-a", "--format", "jsonl", "--since", "2019-05-15", "--until", "2019-05-16"];

/// Days of a trail file that lie outside of the window are not looked at; every byte that is, is checked. What makes it necessary to
/// look at the others has them checked, too.
#[test]
fn blocks_outside_of_the_window_are_not_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    ten_days(at);
    run(at, &["trail", "-o", "logs.trail", "logs"]).exit(0);
    let expected = run(at, &[&ONE_DAY[..], &["logs"]].concat()).exit(0);
    assert!(expected.err().contains("280 lines") && expected.rows().len() == 40, "{}", expected.err());
    let whole = std::fs::read(at.join("logs.trail")).expect("a trail file");
    let (mut same, mut refused) = (0, 0);
    for flipped in (16..whole.len()).step_by(23) {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 0x10;
        write(at, "bad.trail", bytes);
        let got = run(at, &[&ONE_DAY[..], &["bad.trail"]].concat());
        if got.code == Some(0) {
            assert_eq!((got.out(), got.err()), (expected.out(), expected.err()));
            same += 1;
        }
        for (args, code) in [
            (&["sessions", "bad.trail"][..], 2),
            (&[&ONE_DAY[..], &["--evidence", "bad.trail"]].concat(), 2),
            (&[&IN_DIGITS[..], &["bad.trail"]].concat(), 2),
            // Whether one is a copy of the other, all of both tells.
            (&[&ONE_DAY[..], &["bad.trail", "logs/12"]].concat(), 1),
            (&[&IN_DIGITS[..], &["bad.trail", "-"]].concat(), 1),
        ] {
            // These are asked of some.
            if flipped % 5 == 1 || got.code != Some(0) && args[0] == "sessions" {
                let refused = run_with(at, args, b"").exit(code);
                assert!(refused.out().is_empty() || code == 1, "{args:?}: {}", refused.out());
                assert!(refused.err().contains("bad.trail: is a trail file that is"), "{args:?}: {}", refused.err());
            }
        }
        refused += usize::from(got.code == Some(2) && got.out().is_empty());
    }
    assert!(same > 10 && refused > 10 && same + refused == (whole.len() - 16).div_ceil(23), "{same} {refused}");
}

/// A text with damage cannot be read in blocks apart: all of it is checked.
#[test]
fn what_is_read_from_its_beginning_is_checked_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let line = |day: u32, n: u32| {
        format!(
            "[{day}/May/2019:10:00:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:{n}] u{n} plaintext\n"
        )
    };
    let text = (0..12_000).map(|n| line(10, n)).chain((0..40).map(|n| line(15, n))).collect::<String>();
    write(at, "imap", &text);
    let packed = common::pack::gz(text.as_bytes());
    write(at, "imap.gz", &packed[..packed.len() - 20]);
    for (log, code) in [("imap", 0), ("imap.gz", 1)] {
        run(at, &["trail", "-o", "imap.trail", "--force", log]).exit(code);
        let mut bytes = std::fs::read(at.join("imap.trail")).expect("a trail file");
        assert!(run(at, &[&ONE_DAY[..], &["imap.trail"]].concat()).exit(code).rows().len() > 30);
        bytes[50] ^= 1;
        write(at, "bad.trail", bytes);
        let got = run(at, &[&ONE_DAY[..], &["bad.trail"]].concat());
        assert_eq!(got.code, Some(2 * code), "{}", got.err());
    }
}

/// What is damaged in a cache is made again where it is needed, and not looked at where it is not; all lines are read of the logs.
#[test]
fn entries_of_a_cache_outside_of_the_window_are_not_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    ten_days(at);
    for (question, made_again) in [(ONE_DAY, 3), (IN_DIGITS, 0)] {
        let expected = run(at, &[&question[..], &["logs"]].concat()).exit(0);
        let ask = || run(at, &[&question[..], &["--cache", "cache", "logs"]].concat()).exit(0);
        assert_eq!((ask().out(), ask().err()), (expected.out(), expected.err()));
        let folders = std::fs::read_dir(at.join("cache")).expect("a cache").map(|folder| folder.expect("one").path());
        let folders = folders.filter(|path| path.is_dir());
        let entries = folders.flat_map(|folder| std::fs::read_dir(folder).expect("a folder"));
        let entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        assert_eq!(entries.len(), 10);
        for entry in &entries {
            let mut bytes = std::fs::read(entry).expect("an entry");
            bytes[20] ^= 1;
            std::fs::write(entry, bytes).expect("an entry");
        }
        let got = ask();
        assert_eq!(got.out(), expected.out());
        assert_eq!(got.err().matches("the cache has it made again").count(), made_again, "{}", got.err());
    }
}

/// An archive without anything in it is no pipe.
#[test]
fn an_empty_archive_changes_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let forged = "\
[20/May/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: badlogin: [192.0.2.9:5] plaintext eve
[29/May/2019:10:00:00 +0200] store1 imapd[1]: Account Information: login [192.0.2.6:6] forged plaintext authentication failure
[29/May/2019:11:00:00 +0200] store1 imapd[1]: Account Information: login [192.0.2.7:7] ed plaintext
";
    write(at, "logs/imap", forged);
    let question = ["-a", "--format", "jsonl", "--since", "2019-05-29T00:00:00Z"];
    let expected = run(at, &[&question[..], &["logs"]].concat()).exit(0);
    assert!(expected.out().contains("possibly-forged"), "{}", expected.out());
    write(at, "logs/empty.tar", [0; 1024]);
    write(at, "logs/empty.zip", [&b"PK\x05\x06"[..], &[0; 18]].concat());
    assert_eq!(run(at, &[&question[..], &["logs"]].concat()).exit(0).out(), expected.out());
    run(at, &["trail", "-o", "logs.trail", "logs"]).exit(0);
    assert_eq!(run(at, &[&question[..], &["logs.trail"]].concat()).exit(0).out(), expected.out());
}

/// A line is read once, however often it says `badlogin`.
#[test]
fn a_line_that_says_badlogin_ten_thousand_times() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let line = format!(
        "[20/May/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: badlogin: [192.0.2.7:1] plaintext {}\n",
        "badlogin: [".repeat(5900)
    );
    write(at, "imap", line.repeat(100));
    run(at, &["-a", "--since", "2019-05-29T00:00:00Z", "imap"]).exit(0);
    run(at, &["trail", "-o", "imap.trail", "imap"]).exit(0);
}
