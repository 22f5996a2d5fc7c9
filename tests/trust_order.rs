//! `--trust-order`: `-a` of a window does not read files that lie outside of it. That rows are the same where logs are in order is in
//! `window.rs`, for windows by the score.

mod common;

use common::{Run, run, run_with, write};
use std::path::Path;

/// A login of a day in May at ten.
fn login(day: u32, user: &str) -> String {
    format!(
        "[{day:02}/May/2019:10:00:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:{day}] {user} plaintext\n"
    )
}

const DAY: [&str; 8] =
    ["-a", "--format", "jsonl", "--since", "2019-05-15T00:00:00Z", "--until", "2019-05-16T00:00:00Z", "--trust-order"];

fn ask(folder: &Path, paths: &[&str]) -> Run {
    run(folder, &[&DAY[..], paths].concat()).exit(0)
}

fn users(run: &Run) -> Vec<String> {
    run.rows().iter().map(|row| row["user"].as_str().expect("a user").to_owned()).collect()
}

/// Twenty days, a file each.
fn days(folder: &Path) {
    for day in 5..25 {
        write(folder, &format!("logs/imap.{day:02}"), login(day, &format!("u{day}")));
        write(folder, &format!("packed/imap.{day:02}.gz"), common::pack::gz(login(day, &format!("u{day}")).as_bytes()));
    }
}

/// A day behind the window is read, for closes; a packed log may go on until the next one begins.
#[test]
fn files_outside_of_the_window_are_not_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    for (path, read) in [("logs", 15..=16), ("packed", 14..=16)] {
        let got = ask(at, &[path]);
        assert_eq!(users(&got), ["u15"]);
        let told = format!("{} of 20 files", 20 - read.clone().count());
        assert!(got.err().contains(&told), "{}", got.err());
        // Whatever cannot be opened would be told of, if it were read.
        for day in (5..25).filter(|day| !read.contains(day)) {
            let name = if path == "logs" { format!("logs/imap.{day:02}") } else { format!("packed/imap.{day:02}.gz") };
            let mut bytes = std::fs::read(at.join(&name)).expect("a log");
            bytes.extend(b"behind what a look at it shows\n".repeat(3));
            write(at, &name, bytes);
        }
        assert_eq!(ask(at, &[path]).out(), got.out());
    }
}

/// The last line of a plain file tells where it ends, whatever begins meanwhile.
#[test]
fn a_plain_file_that_reaches_into_the_window_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    write(at, "logs/month", (1..31).map(|day| login(day, &format!("m{day:02}"))).collect::<String>());
    assert_eq!(users(&ask(at, &["logs"])), ["m15", "u15"]);
    write(at, "until", (1..16).map(|day| login(day, &format!("n{day:02}"))).collect::<String>());
    assert_eq!(users(&ask(at, &["logs", "until"])), ["m15", "n15", "u15"]);
}

/// Why it must be asked for: lines out of order, and a late close without its login, are in the answer only without it.
#[test]
fn r11_what_is_missed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    let many = login(7, "u07").repeat(60);
    write(at, "logs/imap.07", format!("{many}{}{many}", login(15, "early")));
    let close = "[20/May/2019:10:00:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:1] late 2019/5/15 9:00:00 121:00:00 1 2 3\n";
    write(at, "logs/imap.20", format!("{}{close}", login(20, "u20")));
    let trusting = ask(at, &["logs"]);
    assert_eq!(users(&trusting), ["u15"]);
    let told =
        "a session that began in the window is missed if its login was not logged and its close is in one of them";
    assert!(trusting.err().contains(told), "{}", trusting.err());
    let all = run(at, &[&DAY[..7], &["logs"]].concat()).exit(0);
    assert_eq!(users(&all), ["early", "late", "u15"]);
}

/// What cannot be dated by a look, and what can be read but once, is read; so are trail files, which have dates of their own.
#[test]
fn what_is_not_dated_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    write(at, "other", format!("no stamp\n{}", login(15, "ed")));
    write(at, "syslog", format!("May  1 10:00:00 h t: {}{}", login(7, "x"), login(15, "cy")));
    assert_eq!(users(&ask(at, &["other", "syslog"])), ["cy", "ed"]);
    let piped = run_with(at, &[&DAY[..], &["-", "logs"]].concat(), (login(1, "a") + &login(15, "ann")).as_bytes());
    assert_eq!(users(&piped.exit(0)), ["ann", "u15"]);
    run(at, &["trail", "-o", "logs.trail", "logs"]).exit(0);
    let got = ask(at, &["logs.trail"]);
    assert_eq!(users(&got), ["u15"]);
    assert!(!got.err().contains("are not read, since none"), "{}", got.err());
}

/// What is in an archive is read, and that files between are left out is no gap.
#[test]
fn archives() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let sequenced = |day: u32| format!("imap.{day}.15{day:08}");
    let tar = |days: [u32; 2]| {
        let members: Vec<_> = days.iter().map(|day| (sequenced(*day), login(*day, "ed").into_bytes())).collect();
        common::pack::tar(&members)
    };
    write(at, "logs/some.tar", tar([5, 15]));
    let packed = |day: u32| common::pack::gz(login(day, "cy").as_bytes());
    write(
        at,
        "logs/nested.tar",
        common::pack::tar(&[("imap.25".into(), login(25, "x").into_bytes()), ("imap.15.gz".into(), packed(15))]),
    );
    for day in (6..15).chain(16..20) {
        write(at, &format!("logs/{}", sequenced(day)), login(day, &format!("u{day}")));
    }
    for format in ["json", "jsonl"] {
        let all = run(at, &["-a", "--format", format, DAY[3], DAY[4], DAY[5], DAY[6], "logs"]).exit(0);
        let got = run(at, &["-a", "--format", format, DAY[3], DAY[4], DAY[5], DAY[6], DAY[7], "logs"]).exit(0);
        assert!(!got.err().contains("missing") && !got.out().contains("missing-sequence"), "{}", got.err());
        assert!(got.err().contains("12 of 15 files"), "{}", got.err());
        if format == "json" {
            assert_eq!(got.document()["records"], all.document()["records"]);
        } else {
            assert_eq!(got.out(), all.out());
        }
    }
}

/// Where one packed log ends, only the next of its own series tells: others may go beside it.
#[test]
fn packed_logs_beside_others_of_their_stream() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let packed = |path: &str, days: std::ops::Range<u32>, who: &str| {
        let text: String = days.map(|day| login(day, &format!("{who}{day:02}"))).collect();
        write(at, path, common::pack::gz(text.as_bytes()));
    };
    days(at);
    packed("packed/month.gz", 1..31, "m");
    assert_eq!(users(&ask(at, &["packed"])), ["m15", "u15"]);
    for (n, days) in [(1, 1..8), (2, 8..20), (3, 20..28)] {
        packed(&format!("two/a/imap.{n}.gz"), days, "a");
    }
    for (n, days) in [(1, 5..11), (2, 11..14), (3, 14..28)] {
        packed(&format!("two/b/imap.{n}.gz"), days, "b");
    }
    assert_eq!(users(&ask(at, &["two"])), ["a15", "b15"]);
    // In one folder, and a month among days: their numbers do not count steadily.
    for (n, days, who) in [("1-a.1", 1..8, "a"), ("1-a.2", 8..20, "a"), ("1-a.3", 20..28, "a")] {
        packed(&format!("one/node{n}.gz"), days.clone(), who);
    }
    for (n, days, who) in [("2-a.1", 5..11, "b"), ("2-a.2", 11..14, "b"), ("2-a.3", 14..28, "b")] {
        packed(&format!("one/node{n}.gz"), days.clone(), who);
    }
    assert_eq!(users(&ask(at, &["one"])), ["a15", "b15"]);
    packed("months/imap-201905.gz", 1..31, "m");
    (3..8).for_each(|day| packed(&format!("months/imap-201905{day:02}.gz"), day..day + 1, "d"));
    assert_eq!(users(&ask(at, &["months"])), ["m15"]);
}

/// Names as rotation gives them.
#[test]
fn common_layouts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    for day in 1..31 {
        let packed = common::pack::gz(login(day, &format!("u{day:02}")).as_bytes());
        write(at, &format!("counting/imap.{}.gz", 31 - day), &packed);
        write(at, &format!("dated/imap-201905{day:02}.gz"), &packed);
        write(at, &format!("vendor/imap.{day}.{}", 1_556_600_000 + 86_400 * day), login(day, &format!("u{day:02}")));
        // Of other programs first, so that no beginning shows which store it is of.
        let others = format!("[{day:02}/May/2019:00:00:00 +0200] host cron[1]: General Notice: nothing\n");
        write(at, &format!("central/log-201905{day:02}"), others.repeat(100) + &login(day, &format!("u{day:02}")));
    }
    for day in 1..31 {
        let text = login(day, &format!("u{day:02}"));
        write(at, &format!("days/2019-05-{day:02}/imap"), &text);
        write(at, &format!("stores/s1-imap.{day}.gz"), common::pack::gz(text.as_bytes()));
        let other = text.replace("store1", "store2").replace(" u", " v");
        write(at, &format!("stores/s2-imap.{day}.gz"), common::pack::gz(other.as_bytes()));
    }
    let got = ask(at, &["stores"]);
    assert_eq!(users(&got), ["u15", "v15"]);
    assert!(got.err().contains("54 of 60 files"), "{}", got.err());
    let digits = ["-a", "--format", "jsonl", "--since", "2019-05-15", "--until", "2019-05-16", "--trust-order", "days"];
    let got = run(at, &digits).exit(0);
    assert_eq!(users(&got), ["u15"]);
    assert!(got.err().contains("14 of 30 files"), "{}", got.err());
    for (layout, left_out) in [("counting", 27), ("dated", 27), ("vendor", 28), ("central", 27)] {
        let got = ask(at, &[layout]);
        assert_eq!(users(&got), ["u15"], "{layout}");
        assert!(got.err().contains(&format!("{left_out} of 30 files")), "{layout}: {}", got.err());
    }
}

/// Lines whose dates lack the year say nothing of when they were written.
#[test]
fn dates_without_a_year() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let undated = |day: u32, user: &str| {
        login(day, user).replacen(&format!("[{day:02}/May/2019:10:00:00 +0200]"), &format!("May {day:2} 10:00:00"), 1)
    };
    write(at, "behind/log.1", undated(15, "ed") + &login(18, "x") + &login(19, "x"));
    write(at, "before/log.1", login(5, "x") + &login(7, "x") + &undated(12, "x") + &undated(15, "ed"));
    write(at, "before/log.2", login(25, "x"));
    for path in ["behind", "before"] {
        let got = ask(at, &[path]);
        assert_eq!(users(&got), ["ed"], "{path}: {}", got.err());
    }
}

/// What was left out is not missing: neither logins that are logged there, nor damage that is known.
#[test]
fn nothing_is_said_of_what_is_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    let close = "[15/May/2019:11:00:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:15] u15 2019/5/15 10:00:00 1:00:00 1 2 3\n";
    write(at, "logs/imap.15", close);
    write(at, "logs/imap.16", close.replace("15/May", "16/May"));
    let got = ask(at, &["logs"]);
    assert!(got.err().contains("no login is among the lines read"), "{}", got.err());
    let cut = common::pack::gz(login(7, "u7").repeat(50).as_bytes());
    write(at, "packed/imap.07.gz", &cut[..cut.len() - 4]);
    let got = ask(at, &["--known-damage", "packed/imap.07.gz", "packed"]);
    assert!(!got.err().contains("names nothing"), "{}", got.err());
}

/// One stamp says little: one that a client put there, one of a clock that was not set yet, one of far ahead, the end of a long line.
#[test]
fn one_stamp_leaves_nothing_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let early = "[01/May/2019:00:00:00 +0200] x y[1]: z Authentication failed\n";
    let lone = login(7, "x").replace("2019", "2038");
    let long = format!("{}{}", login(15, "ed"), login(15, &"x".repeat(9000)).replace("xplaintext", early.trim_end()));
    for (name, text) in [
        ("forged", format!("{}{}{early}", login(7, "x"), login(15, "ed"))),
        ("past", format!("{}{}{}", login(7, "x"), login(15, "ed"), login(1, "x").replace("May/2019", "Jan/1970"))),
        ("lone", format!("{lone}{}", login(15, "ed"))),
        ("cut", format!("{}{}", login(7, "x"), long)),
    ] {
        for (kind, bytes) in [("plain", text.clone().into_bytes()), ("packed", common::pack::gz(text.as_bytes()))] {
            write(at, &format!("{name}.{kind}/imap.1"), bytes);
            write(at, &format!("{name}.{kind}/imap.2"), login(16, "next"));
            let got = ask(at, &[&format!("{name}.{kind}")]);
            assert!(users(&got).contains(&"ed".to_owned()), "{name} {kind}: {}", got.err());
        }
    }
}

/// Digits that the clock may have shown twice are refused, however far the lines lie that show it.
#[test]
fn digits_of_a_repeated_hour() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let line = |at: &str, user: &str| {
        format!("[{at}] store1 imapd[100]: Account Information: login [192.0.2.7:1] {user} plaintext\n")
    };
    write(at, "logs/0", line("01/Oct/2019:10:00:00 +0200", "z"));
    write(at, "logs/1", line("18/Oct/2019:10:00:00 +0200", "a"));
    write(at, "logs/2", line("27/Oct/2019:02:30:00 +0200", "b"));
    write(at, "logs/3", line("04/Nov/2019:10:00:00 +0100", "c"));
    write(at, "logs/4", line("24/Nov/2019:10:00:00 +0100", "d"));
    let repeated = ["-a", "--since", "27/Oct/2019:02:30:00", "--until", "27/Oct/2019:12:00:00", "logs"];
    let refused = run(at, &repeated).exit(2);
    assert_eq!(run(at, &[&repeated[..], &["--trust-order"]].concat()).exit(2).err(), refused.err());
    // Others are answered, and a table has the same digits.
    let clear = ["-a", "--since", "17/Oct/2019:00:00:00", "--until", "19/Oct/2019:00:00:00", "logs"];
    let got = run(at, &[&clear[..], &["--trust-order"]].concat()).exit(0);
    assert_eq!(got.out(), run(at, &clear).exit(0).out());
    assert!(got.err().contains("2 of 5 files"), "{}", got.err());
    // Of instants a table needs six days to either side.
    let instants = ["-a", "--since", "2019-10-26T00:00:00Z", "--until", "2019-10-28T00:00:00Z", "logs"];
    let got = run(at, &[&instants[..], &["--trust-order"]].concat()).exit(0);
    assert_eq!(got.out(), run(at, &instants).exit(0).out());
    assert!(got.err().contains("4 of 5 files"), "{}", got.err());
}

/// What is empty or cut off, where it lies outside: the one is told of as always, the other not seen.
#[test]
fn empty_and_damaged_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    write(at, "packed/empty.gz", common::pack::gz(b""));
    let cut = common::pack::gz(login(7, "u7").repeat(50).as_bytes());
    write(at, "packed/imap.07.gz", &cut[..cut.len() - 4]);
    let got = ask(at, &["packed"]);
    assert!(got.err().contains("empty.gz: empty") && !got.err().contains("imap.07"), "{}", got.err());
    let again = run(at, &[&DAY[..], &["--cache", "cache", "packed"]].concat()).exit(0);
    assert_eq!(again.out(), got.out());
}

/// Without any file that reaches into the window there is an answer, and it says why it is empty.
#[test]
fn nothing_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    days(at);
    let window = ["-a", "-u", "ed", "--since", "2030-01-01T00:00:00Z", "--trust-order", "logs"];
    let got = run(at, &window).exit(0);
    assert!(got.out().contains("ed") && got.out().contains("NOT-RECORDED"), "{}", got.out());
    assert!(got.err().contains("20 of 20 files"), "{}", got.err());
    let plan = run(at, &[&DAY[..], &["--plan", "logs"]].concat()).exit(0);
    assert!(plan.out().contains(" 2 files"), "{}", plan.out());
    let document = ["-a", "--format", "json", "--since", "2030-01-01T00:00:00Z", "--trust-order", "logs"];
    assert_eq!(run(at, &document).exit(0).document()["query"]["trust_order"], true);
}

#[test]
fn only_for_a_window_of_last_access() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for args in [
        &["-a", "--trust-order", "."][..],
        &["-c", "--trust-order", "--since", "2019-05-15", "."],
        &["-a", "-c", "--trust-order", "--since", "2019-05-15", "."],
        &["sessions", "--trust-order", "--since", "2019-05-15", "."],
        &["-a", "--trust-order", "--since", "2019-05-15", "--manifest", "m", "."],
    ] {
        assert!(run(folder.path(), args).exit(2).err().contains("--trust-order"), "{args:?}");
    }
}
