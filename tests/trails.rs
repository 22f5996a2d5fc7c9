//! Trail files: every question has the same answer from them as from the logs, alone, mixed and merged; and one that is not what was
//! written is refused.

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::pack::{Codec, gz, tar, zip};
use common::{Dice, Run, login, run, write, write_all};
use sim::{Config, Level, simulate};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

type Files = Vec<(String, Vec<u8>)>;

/// Every question, in formats that show all of it.
const QUESTIONS: &[&[&str]] = &[
    &["-a"],
    &["-a", "--format", "json"],
    &["-a", "-c", "--format", "json"],
    &["-c", "--at", "2019-05-29T09:30:00+02:00", "--format", "jsonl"],
    &["-a", "-u", "ed", "-u", "m.rossi1", "--format", "jsonl"],
    &["-a", "--since", "2019-05-29T08:00:00Z", "--until", "2019-05-29T12:00:00Z", "--format", "jsonl"],
    &["-a", "-c", "--evidence", "--format", "jsonl"],
    &["-a", "--default-domain", "example.org", "--store-alias", "store1=mail", "--format", "jsonl"],
    &["sessions", "--format", "json"],
    &["sessions", "--evidence", "--status", "lost,open"],
    &["failures", "--format", "json"],
    &["failures", "--findings"],
    &["messages", "--format", "jsonl"],
    &["coverage", "--format", "json"],
    &["explain", "-u", "ed"],
];

/// The answers of all questions about these paths.
fn answers(folder: &Path, paths: &[&str]) -> Vec<Run> {
    QUESTIONS.iter().map(|question| run(folder, &[question, paths].concat())).collect()
}

#[track_caller]
fn compare(shape: &str, expected: &[Run], got: &[Run]) {
    for ((question, expected), got) in QUESTIONS.iter().zip(expected).zip(got) {
        let name = format!("{shape}: {question:?}");
        assert_eq!(expected.out(), got.out(), "{name}");
        // Of logs such a question passes over lines that name nobody who is asked for, and says so.
        if !question.starts_with(&["-a", "-u"]) {
            assert_eq!(expected.err(), got.err(), "{name}");
        }
        assert_eq!(expected.code, got.code, "{name}");
    }
}

/// Makes a trail file; whether all could be read is not asked.
#[track_caller]
fn trail(folder: &Path, to: &str, from: &[&str]) {
    let made = run(folder, &[&["trail", "-o", to], from].concat());
    assert!(made.code == Some(0) || made.code == Some(1), "{}", made.err());
}

/// Lays an archive, and compares the answers from its logs with those from trail files in many shapes.
fn same_in_every_shape(files: &Files) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    write_all(&at.join("logs"), files);
    let expected = answers(at, &["logs"]);
    assert!(expected.iter().any(|run| run.out().lines().count() > 20), "the archive answers something");
    trail(at, "all.trail", &["logs"]);
    compare("one trail file", &expected, &answers(at, &["all.trail"]));
    trail(at, "again.trail", &["all.trail", "-j", "1"]);
    let bytes = |name: &str| fs::read(at.join(name)).expect("a trail file");
    assert!(bytes("all.trail") == bytes("again.trail"), "of a trail file there is the same trail file");
    let paths: Vec<String> = files.iter().map(|(path, _)| format!("logs/{path}")).collect();
    let all: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (some, others): (Vec<_>, Vec<_>) = all.iter().enumerate().partition(|(n, _)| n % 3 == 0);
    let [some, others] = [some, others].map(|part| part.into_iter().map(|(_, path)| *path).collect::<Vec<&str>>());
    let expected = answers(at, &all);
    trail(at, "some.trail", &some);
    trail(at, "others.trail", &others);
    compare("two trail files", &expected, &answers(at, &["others.trail", "some.trail"]));
    compare("a trail file and logs", &expected, &answers(at, &[&others[..], &["some.trail"]].concat()));
    run(at, &["merge", "-o", "merged.trail", "some.trail", "others.trail"]);
    compare("merged", &expected, &answers(at, &["merged.trail"]));
    run(at, &["merge", "-o", "twice.trail", "some.trail", "merged.trail", "others.trail"]);
    compare("merged, each twice", &expected, &answers(at, &["twice.trail"]));
    folder
}

#[test]
fn rotated_logs() {
    same_in_every_shape(&simulate(&Config::troubled(51)).files);
}

#[test]
fn level_notice_without_ports() {
    let mut config = Config::troubled(51);
    config.site.level = Level::Notice;
    config.traffic.ports = false;
    same_in_every_shape(&simulate(&config).files);
}

#[test]
fn archives_copies_damage_and_what_is_no_log() {
    let files = simulate(&Config::troubled(51)).files;
    let mut all: Files = Vec::new();
    let mut rest = files.chunks(files.len() / 6);
    let mut next = || rest.next().expect("enough files").to_vec();
    all.push(("a.tar.gz".into(), gz(&tar(&next()))));
    all.push(("b.zip".into(), zip(&next())));
    let plain = next();
    all.extend(plain.iter().map(|(path, bytes)| (format!("plain/{path}"), bytes.clone())));
    // Copies: a whole one, a beginning, and one in an archive.
    all.push(("copy".into(), plain[0].1.clone()));
    all.push(("beginning".into(), plain[1].1[..plain[1].1.len() / 2].to_vec()));
    all.push(("c.tar".into(), tar(&plain[1..3])));
    // Damage: cut, holed, cut in a line.
    let joined = |files: &Files| files.iter().flat_map(|(_, bytes)| gz(bytes)).collect::<Vec<u8>>();
    let cut = joined(&next());
    all.push(("cut.gz".into(), cut[..cut.len() - 700].to_vec()));
    let mut holed = joined(&next());
    let middle = holed.len() / 2;
    holed[middle..middle + 900].fill(0xff);
    all.push(("holed.gz".into(), holed));
    let xz = Codec::Xz.compress(&next().iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<u8>>());
    all.push(("cut.xz".into(), xz[..xz.len() / 2].to_vec()));
    // What is no log: a picture, nothing, noise, a line without an end that is too long.
    all.push(("picture".into(), [&b"\x89PNG\r\n\x1a\n"[..], &Dice(3).bytes(9000)].concat()));
    all.push(("nothing".into(), Vec::new()));
    all.push(("noise".into(), Dice(4).bytes(200_000)));
    all.push((
        "long".into(),
        [login("10:00:00", 1, "ann").as_bytes(), &vec![b'x'; 3 << 20], b"\n", login("10:00:01", 2, "bob").as_bytes()]
            .concat(),
    ));
    all.push(("no-end".into(), login("11:00:00", 3, "cat").trim_end().into()));
    same_in_every_shape(&all);
}

#[test]
fn forged_lines_and_unknown_messages() {
    let refused =
        "[29/May/2019:10:00:10 +0200] store1 imapd[100]: Account Notice: badlogin: [192.0.2.9:4000] plaintext ";
    let mut text = login("10:00:00", 1, "ed");
    text += &format!("{refused}eve\n{}", login("10:00:11", 2, "m.rossi1"));
    text += "authentication failure\n";
    text +=
        "[29/May/2019:10:01:00 +0200] store1 imapd[100]: Account Notice: something new [192.0.2.9:4000] of 17 kinds\n";
    text += "[29/May/2019:10:01:01 +0200] store1 imapd[100]: General Notice: \x1b[2Jnot for a terminal\n";
    text += "no envelope\n";
    let mut files = simulate(&Config::troubled(51)).files;
    files.truncate(6);
    files.push(("forged".into(), text.into_bytes()));
    same_in_every_shape(&files);
}

#[test]
fn a_trail_file_that_is_not_what_was_written_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let text: String = (0..40).map(|n| login(&format!("10:00:{n:02}"), 1000 + n, &format!("user{n}"))).collect();
    write(at, "imap", &text);
    trail(at, "whole.trail", &["imap"]);
    let whole = fs::read(at.join("whole.trail")).expect("a trail file");
    let refused = |bytes: &[u8], says: &str| {
        write(at, "bad.trail", bytes);
        for question in [&["-a"][..], &["-a", "-c"], &["sessions"], &["trail", "-o", "new.trail"]] {
            let alone = run(at, &[question, &["bad.trail"]].concat()).exit(2);
            assert!(alone.out().is_empty() && alone.err().contains(says), "{question:?}: {}", alone.err());
        }
        let beside = run(at, &["-a", "-c", "bad.trail", "imap"]).exit(1);
        assert!(beside.err().contains(says), "{}", beside.err());
        assert_eq!(beside.out(), run(at, &["-a", "-c", "imap"]).exit(0).out());
    };
    for cut in [whole.len() - 1, whole.len() / 2, 20, 9] {
        refused(&whole[..cut], "cut short or damaged");
    }
    let mut later = whole.clone();
    later[8] = 9;
    refused(&later, "is a trail file of format 9, and this program reads format 2");
    for flipped in (9..whole.len()).filter(|at| *at != 8).step_by(7) {
        let mut bytes = whole.clone();
        bytes[flipped] ^= 0x10;
        write(at, "bad.trail", &bytes);
        let got = run(at, &["sessions", "--format", "jsonl", "bad.trail"]);
        assert!(got.code == Some(2) && got.out().is_empty(), "byte {flipped}: {:?} {}", got.code, got.err());
    }
}

#[test]
fn what_cannot_be_made_is_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    write(at, "imap", login("10:00:00", 1, "ed"));
    trail(at, "a.trail", &["imap"]);
    for (args, says) in [
        (&["trail", "-o", "a.trail", "imap"][..], "exists already"),
        (&["trail", "-o", "a.trail", "--force", "a.trail"], "is a file that is to be read"),
        (&["merge", "-o", "b.trail", "a.trail", "imap"], "imap: is no trail file"),
        (&["trail", "-o", "b.trail", "missing"], "none of the paths could be opened"),
        (&["trail", "imap"], "--output <FILE>"),
        (&["trail", "-o", "no/such/folder/b.trail", "imap"], "no/such/folder/b.trail"),
    ] {
        let got = run(at, args).exit(2);
        assert!(got.err().contains(says), "{args:?}: {}", got.err());
        assert!(!at.join("b.trail").exists());
    }
    write(at, "logs.tar", tar(&[("a.trail".into(), fs::read(at.join("a.trail")).expect("a trail file"))]));
    let inside = run(at, &["-a", "logs.tar"]).exit(1);
    assert!(inside.err().contains("a trail file is read only as a file of its own"), "{}", inside.err());
}

#[test]
fn without_lines_last_access_can_be_asked_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let mut files = simulate(&Config::troubled(51)).files;
    let last = files.pop().expect("a file").1;
    files.push(("cut.gz".into(), gz(&last)[..900].to_vec()));
    write_all(&at.join("logs"), &files);
    let of = |stores: &str| -> Vec<String> {
        let paths = files.iter().map(|(path, _)| format!("logs/{path}"));
        paths.filter(|path| path.contains(stores)).collect()
    };
    let [one, two, cut] = ["store1", "store2", "cut"].map(of);
    for (name, paths) in [("one.trail", &one), ("two.trail", &two), ("cut.trail", &cut)] {
        let args: Vec<&str> = paths.iter().map(String::as_str).collect();
        trail(at, name, &[&["--brief"], &args[..]].concat());
        assert!(fs::metadata(at.join(name)).expect("a trail file").len() < 60_000);
    }
    let kept = ["cut.trail", "two.trail", "one.trail"];
    trail(at, "all.trail", &kept);
    for question in
        [&["-a"][..], &["-a", "--format", "json"], &["-a", "-u", "user7", "-u", "nobody", "--format", "jsonl"]]
    {
        let expected = run(at, &[question, &["logs"]].concat()).exit(1);
        for paths in [&kept[..], &["all.trail"], &["two.trail", "one.trail", "logs/cut.gz"]] {
            let got = run(at, &[question, paths].concat()).exit(1);
            assert_eq!(expected.out(), got.out(), "{question:?} {paths:?}");
            // A question about single users passes over lines of logs, and says so.
            assert!(question.contains(&"-u") || expected.err() == got.err(), "{}\n{}", expected.err(), got.err());
        }
    }
    for question in [&["-c"][..], &["sessions"], &["coverage"], &["-a", "--since", "2019-05-29"], &["-a", "--evidence"]]
    {
        let got = run(at, &[question, &["all.trail"]].concat()).exit(2);
        assert!(got.out().is_empty() && got.err().contains("was made with --brief"), "{question:?}: {}", got.err());
    }
    let other = run(at, &["-a", "--default-domain", "example.org", "all.trail"]).exit(2);
    assert!(other.err().contains("with other --grammar, --store-alias, --default-domain or --year"), "{}", other.err());
    let twice = run(at, &["-a", "--format", "jsonl", "all.trail", "one.trail"]).exit(1);
    assert_eq!(twice.out(), run(at, &["-a", "--format", "jsonl", "all.trail"]).exit(1).out());
    trail(at, "half.trail", &["--brief", &one[0], &two[0]]);
    let shares = run(at, &["-a", "half.trail", "one.trail"]).exit(2);
    assert!(shares.err().contains("shares logs with another trail file"), "{}", shares.err());
}

#[test]
fn a_manifest_names_trail_files_and_the_logs_in_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    write_all(&at.join("logs"), &simulate(&Config::troubled(51)).files[..4]);
    trail(at, "kept.trail", &["logs"]);
    run(at, &["-a", "-c", "--manifest", "case.json", "-o", "answer", "kept.trail"]).exit(0);
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(at.join("case.json")).expect("a manifest")).expect("JSON");
    let inputs = manifest["inputs"].as_array().expect("inputs");
    assert_eq!((inputs.len(), &inputs[0]["path"], &inputs[0]["state"]), (5, &"kept.trail".into(), &"archive".into()));
    assert!(inputs[1..].iter().all(|item| {
        let member = item["member"].as_str().expect("a log");
        let bytes = fs::read(at.join(member)).expect("the log");
        item["size"] == bytes.len() && item["lines"].as_u64().is_some_and(|lines| lines > 0)
    }));
    let same = run(at, &["verify", "--answer", "case.json"]).exit(0);
    assert!(same.out().ends_with("7 same.\n"), "{}", same.out());
    write(at, "kept.trail", [&fs::read(at.join("kept.trail")).expect("a trail file")[..], b"x"].concat());
    let changed = run(at, &["verify", "case.json"]).exit(1);
    assert!(changed.out().starts_with("changed"), "{}", changed.out());
}

#[test]
fn archives_that_suffered_damage() {
    for (seed, damage) in (60..).zip(sim::Damage::ALL) {
        let mut wreck = sim::Wreck::new(&simulate(&Config::troubled(seed)).files);
        wreck.suffer(damage, seed);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        write_all(&at.join("logs"), &wreck.files());
        let expected = answers(at, &["logs"]);
        let folders: BTreeSet<String> =
            wreck.files().iter().filter_map(|(path, _)| path.split('/').next().map(str::to_owned)).collect();
        let trails: Vec<String> = folders.iter().map(|folder| format!("{folder}.trail")).collect();
        for (folder, to) in folders.iter().zip(&trails) {
            trail(at, to, &[&format!("logs/{folder}")]);
        }
        let merge = ["merge", "-o", "merged"].into_iter().chain(trails.iter().rev().map(String::as_str));
        assert_ne!(run(at, &merge.collect::<Vec<_>>()).code, Some(2));
        compare(damage.name(), &expected, &answers(at, &["merged"]));
    }
}
