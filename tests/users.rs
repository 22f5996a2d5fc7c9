//! `-a` with `-u` or `-f` passes over lines that name none of the users. It must answer as if it read them.
//!
//! With `--grammar` all lines are read, even if there is no template in the file: what comes out then, in any format, is what must come
//! out without, from files as they are, from packed ones, from standard input, and with all lines shuffled.
//!
//! `IMSTRAIL_CASES=200 cargo test --test users` asks for 200 sets of users of each archive.

#![allow(clippy::print_stdout, reason = "the number of questions is the test's report")]

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::{Dice, Run, pack, run, run_with, write, write_all};
use sim::{Config, Level, Zone, simulate};
use std::collections::BTreeSet;
use std::path::Path;

const DAY: u64 = 86_400;
/// So much at each end of a text is read in any case, in bytes.
const EDGE: usize = 16 << 10;
/// A file of templates without any.
const NO_TEMPLATE: &str = "dialect = \"none\"\n";

/// Ten days of two stores whose clocks differ, across the end of summer time.
fn ten_days(seed: u64, level: Level) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.span.start = sim::parse_utc("2019-10-20T00:00:00Z").expect("a time");
    (config.span.seconds, config.span.warm) = (Some(10 * DAY), DAY);
    (config.site.stores, config.site.level) = (2, level);
    config.site.zones.push(("store2".into(), Zone::Fixed(-7 * 3600)));
    (config.traffic.users, config.traffic.rate, config.traffic.open) = (120, 9.0, 60.0);
    (config.traffic.hosted, config.traffic.mixed_case, config.traffic.ipv6) = (0.3, 0.2, 0.2);
    config.files.rotate_bytes = 150_000;
    config
}

/// Lines that name `uid` somewhere, as a login, a close or something else.
fn odd_lines(uid: &str, dice: &mut Dice) -> String {
    let (day, minute) = (20 + dice.next() % 10, dice.next() % 60);
    let stamp = format!("[{day}/Oct/2019:10:{minute:02}:00 +0200]");
    let peer = "[192.0.2.9:40000]";
    let upper = uid.to_ascii_uppercase();
    let long = "x".repeat(if dice.next().is_multiple_of(8) { 70_000 } else { 7 });
    format!(
        "{stamp} {uid} imapd[7]: Account Information: login {peer} {uid}x plaintext
{stamp} store1 imapd[7]: Account Information: login {peer} x{uid} plaintext
{stamp} store1 imapd[7]: Account Information: login {peer} {upper}@Example.Org plaintext {long}
{stamp} store1 imapd[7]: Account Information: login {peer} {uid}
{stamp} store1 smtpd[7]: Account Information: login {peer} {uid} plaintext
{stamp} store1 imapd[7]: Account Notice: badlogin: {peer} plaintext {uid} authentication failure
{stamp} store1 imapd[7]: Account Notice: badlogin: {peer} plaintext x] {uid} authentication failure
{stamp} store1 ims_master[7]: Store Information:append:{uid}:user/{uid}:253:<a@b>
{stamp} store1 imapd[7]: General Notice: frobnicated [x] {uid} and {uid}
{stamp} store1 mshttpd[7]: Account Information: login {peer} {upper} plaintext
{stamp} store1 popd[7]: Account Notice: connect {peer} {uid} plaintext
{stamp} store1 popd[7]: Account Notice: logout [[2001:db8::7]:4] {uid} 2019/10/{day} 9:59:00 0:01:00 1 2 3
[{day}/Oct/2019:10:00:00 +1545] store9 imapd[7]: Account Notice: close [192.0.2.9] {uid} 2019/10/{day} 9:00:00 1:00:00 1 2 3
"
    )
}

/// A line as other hands write it: cut off, through syslog, with other ends.
fn rough(line: &[u8], dice: &mut Dice) -> Vec<u8> {
    let text = String::from_utf8_lossy(line).trim_end().to_owned();
    let (stamp, rest) = text.split_once("] ").expect("a stamp");
    // Where a refused login breaks off, or its reason is not known, all lines are read.
    let kind = dice.next() % 40;
    let text = match kind {
        4 | 5 if text.contains("badlogin") => text,
        0 => format!("{text}\r"),
        1 => format!("{} {rest}", stamp.trim_start_matches('[')),
        2 => format!("<38>{} 10:00:00 store1 tag: {text}", "Oct 23"),
        3 => format!("{} {} {} {rest}", &stamp[4..7], &stamp[1..3], &stamp[13..21]),
        4 => text[..dice.next() as usize % text.len()].to_owned(),
        5 => format!("{text} and more"),
        _ => text,
    };
    (text + "\n").into_bytes()
}

/// The lines of an archive, file by file, as other hands write them.
fn roughened(config: &Config, dice: &mut Dice) -> Vec<(String, Vec<u8>)> {
    let files = simulate(config).files.into_iter().map(|(path, bytes)| {
        let lines = bytes.split_inclusive(|b| *b == b'\n').flat_map(|line| {
            let odd = dice.next().is_multiple_of(100);
            let odd = if odd { odd_lines(&format!("odd{}", dice.next() % 20), dice) } else { String::new() };
            [odd.into_bytes(), rough(line, dice)].concat()
        });
        (format!("logs/{path}"), lines.collect::<Vec<u8>>())
    });
    files.collect()
}

/// The words behind the peers of a line, in lower case.
fn named(line: &[u8]) -> Vec<String> {
    let behind_the_stamp = line.get("[29/May/2019:12:00:00 +0200] ".len()..).unwrap_or_default();
    let text = String::from_utf8_lossy(behind_the_stamp).to_ascii_lowercase();
    let words = text.split("] ").skip(1).filter_map(|behind| Some(behind.split_once(' ')?.0.to_owned()));
    words.collect()
}

/// Some users as flags: of the logs, or like them, in any case.
fn users(folder: &Path, uids: &[String], dice: &mut Dice) -> Vec<String> {
    let count = [1, 1, 2, 3, 20, 60][dice.next() as usize % 6];
    let mut users: Vec<String> = Vec::new();
    while users.len() < count {
        let uid = uids[dice.next() as usize % uids.len()].clone();
        users.push(match dice.next() % 12 {
            0 => uid.chars().take(2).collect(),
            1 => "store1".to_owned(),
            2 => uid.to_ascii_uppercase(),
            3 => uid.replace("@example.org", ""),
            4 => format!("odd{}", dice.next() % 20),
            5 => format!("ODD{}@example.org", dice.next() % 20),
            _ => uid,
        });
    }
    if dice.next().is_multiple_of(3) {
        write(folder, "uids", users.join("\n"));
        return vec!["-f".to_owned(), "uids".to_owned()];
    }
    users.into_iter().flat_map(|uid| ["-u".to_owned(), uid]).collect()
}

/// Other flags: what else is asked, and how the answer is written.
fn flags(dice: &mut Dice) -> Vec<String> {
    let mut one = |of: &[&'static str]| of[dice.next() as usize % of.len()];
    let text = [
        one(&["table", "table", "jsonl", "csv"]),
        one(&["", "", "--tz utc", "--tz Europe/Berlin"]),
        one(&["", "", "--default-domain example.org"]),
        one(&["", "", "", "--since 2019-10-24T00:00:00+02:00", "--since 2019-10-23", "--since 2019-10-22T07:00:00Z"]),
        one(&["", "", "", "--until 2019-10-27T03:30:00+02:00", "--until 2019-10-26"]),
        one(&["-j1", "-j3"]),
        one(&["", "", "-s imap"]),
        one(&["", "", "--store-alias store2=store1"]),
    ]
    .join(" ");
    format!("-a --format {text}").split_whitespace().map(str::to_owned).collect()
}

fn passes_over(run: &Run) -> bool {
    run.err().contains("passed over")
}

/// Asks one question, and the same with all lines read; whether lines were passed over.
fn ask(folder: &Path, args: &[String], stdin: Option<&[u8]>) -> bool {
    let all: Vec<String> = args.iter().cloned().chain(["--grammar".to_owned(), "none.toml".to_owned()]).collect();
    let go = |args: &[String]| stdin.map_or_else(|| run(folder, args), |stdin| run_with(folder, args, stdin));
    let (got, expected) = (go(args), go(&all));
    assert!(!passes_over(&expected), "{}", expected.err());
    assert_eq!((got.code, got.out()), (expected.code, expected.out()), "{args:?}\n{}\n{}", got.err(), expected.err());
    let first = |run: &Run| run.err().lines().filter(|line| line.contains("times are")).map(str::to_owned).collect();
    let (got_offset, expected_offset): (Vec<String>, Vec<String>) = (first(&got), first(&expected));
    assert_eq!(got_offset, expected_offset, "{args:?}");
    passes_over(&got)
}

fn try_users(config: &Config) {
    let cases = std::env::var("IMSTRAIL_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let mut dice = Dice(config.seed);
    let files = roughened(config, &mut dice);
    write_all(folder, &files);
    write(folder, "none.toml", NO_TEMPLATE);
    let packed: Vec<_> = files.iter().map(|(path, bytes)| (format!("{path}.gz"), pack::gz(bytes))).collect();
    write(folder, "packed.tar", pack::tar(&packed));
    let all: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let mut lines: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
    let uids: Vec<String> = lines.iter().flat_map(|line| named(line)).collect::<BTreeSet<_>>().into_iter().collect();
    dice.shuffle(&mut lines);
    write(folder, "shuffled", lines.concat());
    let mut passed = 0;
    for _ in 0..cases {
        let path = ["logs", "-", "packed.tar", "shuffled"][dice.next() as usize % 4];
        let args = [flags(&mut dice), users(folder, &uids, &mut dice), vec![path.to_owned()]].concat();
        passed += usize::from(ask(folder, &args, (path == "-").then_some(all.as_slice())));
    }
    println!("{cases} questions, {passed} with lines passed over, of {} lines", lines.len());
    assert!(passed > cases / 4, "{passed} of {cases}");
    passed_over_lines_are_counted(folder, &all, &uids);
}

/// The note has every line that is native, names no user, and is not near an end of the text; and its bytes. That hangs on
/// the text alone, not on how it is cut: of texts of any length.
fn passed_over_lines_are_counted(folder: &Path, all: &[u8], uids: &[String]) {
    let odd = uids.iter().filter(|uid| uid.starts_with("odd")).cycle();
    for (uid, length) in odd.zip((0..22).map(|i| 300_000 + 12_000 * i).chain([all.len()])) {
        let text = &all[..length];
        let (count, bytes) = passed_over(text, uid);
        let told = format!("{count} lines ({bytes} bytes) passed over, as they name no user who is asked for");
        write(folder, "one", text);
        write(folder, "one.gz", pack::gz(text));
        for path in ["one", "one.gz", "-"] {
            let run = run_with(folder, &["-a", "-u", uid, "--format", "jsonl", path], text);
            assert!(run.err().contains(&told), "{path}: {told}\n{}", run.err());
        }
    }
}

/// The lines and bytes of a text that are to be passed over.
fn passed_over(text: &[u8], uid: &String) -> (usize, usize) {
    let native = |line: &[u8]| {
        let text = line.strip_prefix(b"[").unwrap_or(line);
        let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
        is(2, b'/') && is(6, b'/') && is(11, b':') && is(20, b' ') && text.len() > 26 && text[25].is_ascii_digit()
    };
    let (mut place, mut count, mut bytes) = (0, 0, 0);
    for line in text.split_inclusive(|b| *b == b'\n') {
        let inside = place >= EDGE && place + EDGE < text.len();
        if inside && native(line) && line.len() <= 64 << 10 && !named(line).contains(uid) {
            (count, bytes) = (count + 1, bytes + line.len());
        }
        place += line.len();
    }
    (count, bytes)
}

#[test]
fn level_information() {
    try_users(&ten_days(41, Level::Information));
}

#[test]
fn level_notice() {
    try_users(&ten_days(42, Level::Notice));
}

/// Files that are missing, damaged, or copies, and a level at which logins are not logged, are told of in any case.
#[test]
fn notes_of_files_stay() {
    for (level, seed) in [(Level::Information, 43), (Level::Notice, 44)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = ten_days(seed, level);
        (config.site.stores, config.traffic.noise) = (1, 0.0);
        (config.traffic.rate, config.files.rotate_bytes) = (40.0, 60_000);
        let mut files = simulate(&config).files;
        files.sort();
        files.remove(3);
        files.remove(6);
        files.push((format!("copy/{}", files[1].0), files[1].1.clone()));
        for (i, (path, bytes)) in files.iter().enumerate() {
            let packed = pack::gz(bytes);
            // Damaged in its middle.
            let bytes = if i == 4 { &packed[..packed.len() / 2] } else { &packed };
            write(folder.path(), &format!("logs/{path}.gz"), bytes);
        }
        write(folder.path(), "none.toml", NO_TEMPLATE);
        let notes = |more: &[&str]| -> (Option<i32>, Vec<String>) {
            let run = run(folder.path(), &[&["-a", "-u", "nobody", "logs"], more].concat());
            assert_eq!(passes_over(&run), more.is_empty(), "{}", run.err());
            let differs = |line: &&str| line.contains("passed over") || line.contains("no line for an hour");
            (run.code, run.err().lines().filter(|line| !differs(line)).map(str::to_owned).collect())
        };
        let (code, all) = notes(&["--grammar", "none.toml"]);
        let told = all.join("\n");
        for what in ["is missing", "is damaged", "copy"] {
            assert!(told.contains(what), "{what}: {told}");
        }
        let unlogged = |text: &str| text.contains("logins were not logged");
        assert_eq!(unlogged(&told), level == Level::Notice, "{told}");
        let (sieved_code, sieved) = notes(&[]);
        assert_eq!((sieved_code, code), (Some(1), Some(1)));
        let (blind, others): (Vec<_>, Vec<_>) = sieved.into_iter().partition(|line| unlogged(line));
        assert_eq!(blind.len(), usize::from(level == Level::Notice), "{blind:?}");
        assert_eq!(others, all.into_iter().filter(|line| !unlogged(line)).collect::<Vec<_>>());
    }
}

/// A table shows the offset of a time that a clock showed twice, which lines of others prove.
#[test]
fn a_repeated_hour_shows_by_lines_of_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let line = |day: u64, clock: &str, offset: &str, uid: &str| {
        format!(
            "[{day}/Oct/2019:{clock} {offset}] store1 imapd[100]: Account Information: login [192.0.2.7:1] {uid} plaintext\n"
        )
    };
    let filler = |day: u64, offset: &str| (0..400).map(|_| line(day, "02:00:00", offset, "other")).collect::<String>();
    let text = [
        filler(17, "+0200"),
        line(17, "02:30:00", "+0200", "ann"),
        filler(17, "+0200"),
        filler(27, "+0200"),
        line(27, "02:30:00", "+0200", "ed"),
        line(27, "02:59:00", "+0100", "other"),
        filler(27, "+0200"),
    ];
    write(folder.path(), "imap", text.concat());
    let table = |uid: &str| run(folder.path(), &["-a", "-u", uid, "imap"]).exit(0);
    let ed = table("ed");
    assert!(ed.out().contains("27/Oct/2019:02:30:00 +0200"), "{}", ed.out());
    assert!(!passes_over(&ed), "{}", ed.err());
    let ann = table("ann");
    assert!(ann.out().contains("17/Oct/2019:02:30:00  "), "{}", ann.out());
    assert!(passes_over(&ann), "{}", ann.err());
}
