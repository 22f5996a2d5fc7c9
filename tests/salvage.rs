//! Damaged files from outside: what lies behind the damage is read, the loss is told with its bytes, and no row over it is certain.

mod common;

use common::pack::{Codec, gz, tar};
use common::{Run, login, run, write};
use serde_json::{Value, json};

/// Logins of 50 users, a second each, from a minute on.
fn part(minute: usize, user: &str) -> String {
    let clock = |n: usize| format!("{:02}:{:02}:{n:02}", 10 + minute / 60, minute % 60);
    (0..50)
        .map(|n| login(&clock(n), u16::try_from(1024 + minute * 60 + n).expect("a port"), &format!("{user}{n:02}")))
        .collect()
}

/// The parts, compressed one behind the other; all of the one in the middle but its first bytes is damaged. And where it begins and ends.
fn holed(compress: impl Fn(&[u8]) -> Vec<u8>) -> (Vec<u8>, usize, usize) {
    let [a, b, c] = [part(0, "ann"), part(10, "bob"), part(60, "cat")].map(|text| compress(text.as_bytes()));
    let (from, to) = (a.len(), a.len() + b.len());
    let mut all = [a, b, c].concat();
    all[from + 10..to].fill(0xff);
    (all, from, to)
}

/// The answer to `-a -c`, which is the same for any number of threads.
fn ask(folder: &std::path::Path, path: &str) -> Run {
    let ask = |threads| run(folder, &["-a", "-c", "--format", "json", "--threads", threads, path]).exit(1);
    let (one, two) = (ask("1"), ask("2"));
    assert_eq!(one.out(), two.out());
    one
}

/// Users of `-c` with their certainty, and users of `-a`.
fn rows(document: &Value) -> (Vec<(String, String, Value)>, usize) {
    let records = document["records"].as_array().expect("rows");
    let (connected, access): (Vec<&Value>, Vec<&Value>) = records.iter().partition(|row| row["record"] == "connected");
    let text = |row: &Value, key: &str| row[key].as_str().expect("a text").to_owned();
    (
        connected.iter().map(|row| (text(row, "user"), text(row, "certainty"), row["flags"].clone())).collect(),
        access.len(),
    )
}

/// What the run accounts for, in all and by class.
fn adds_up(document: &Value) -> (u64, u64) {
    let tally = &document["tally"];
    let number = |value: &Value| value.as_u64().expect("a count");
    let classes: Vec<&Value> = tally.as_object().expect("a tally").values().filter(|v| v["bytes"].is_u64()).collect();
    for what in ["lines", "bytes"] {
        assert_eq!(
            classes.iter().map(|class| number(&class[what])).sum::<u64>(),
            number(&tally[what]),
            "{what}: {tally}"
        );
    }
    (number(&tally["bytes"]), number(&tally["reject"]["lines"]))
}

#[test]
fn lines_behind_the_damage_are_read_and_nothing_over_it_is_certain() {
    for codec in Codec::ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (packed, from, to) = holed(|text| codec.compress(text));
        let name = format!("imap.{}", codec.extension());
        write(folder.path(), &name, &packed);
        let run = ask(folder.path(), &name);
        let document = run.document();
        let (connected, access) = rows(&document);
        // The line behind the hole may have begun before it.
        let expected: Vec<(String, String, Value)> = (0..50)
            .map(|n| (format!("ann{n:02}"), "possible".to_owned(), json!(["gap"])))
            .chain((1..50).map(|n| (format!("cat{n:02}"), "certain".to_owned(), json!([]))))
            .collect();
        assert_eq!(connected, expected, "{codec:?}");
        assert_eq!(access, 99, "{codec:?}");
        let gap = json!([{"from": "2019-05-29T10:00:49+02:00", "to": "2019-05-29T11:00:01+02:00", "why": "damaged"}]);
        assert_eq!(document["coverage"][0]["gaps"], gap, "{codec:?}");
        let read = part(0, "ann").len() + part(60, "cat").len();
        assert_eq!(adds_up(&document), (read as u64, 1), "{codec:?}");
        let notes = document["notes"].as_array().expect("notes");
        let damage: Vec<&Value> = notes.iter().filter(|note| note["kind"] == "damaged").collect();
        let [note] = damage[..] else { panic!("{codec:?}: {damage:?}") };
        assert_eq!((&note["path"], &note["place"]), (&json!(name), &json!(part(0, "ann").len())));
        // A block of bzip2 begins behind the header of its stream.
        let to = if codec == Codec::Bz2 { to + 4 } else { to };
        let range = format!("in compressed bytes {from} to {to}, ");
        let text = note["text"].as_str().expect("a text");
        assert!(text.contains(&range) && text.contains("another copy"), "{codec:?}: {text}, not {range}");
    }
}

/// A session that began before the hole and is closed behind it is as certain as ever; and a moment before the hole knows nothing of it.
#[test]
fn what_is_closed_behind_the_hole_is_certain() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let close = "[29/May/2019:11:30:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:1024] ann00 2019/5/29 10:00:00 1:30:00 1 2 3\n";
    let (mut packed, ..) = holed(gz);
    packed.extend(gz(close.as_bytes()));
    write(folder.path(), "imap.gz", &packed);
    let at = |clock: &str| run(folder.path(), &["-c", "--at", clock, "--format", "json", "imap.gz"]).exit(1).document();
    let (behind, _) = rows(&at("2019-05-29T11:15:00+02:00"));
    assert_eq!(behind[0], ("ann00".to_owned(), "certain".to_owned(), json!([])));
    assert_eq!(behind[1], ("ann01".to_owned(), "possible".to_owned(), json!(["gap"])));
    let (before, _) = rows(&at("2019-05-29T10:00:10+02:00"));
    assert!(before.len() == 11 && before.iter().all(|(_, certainty, _)| certainty == "certain"), "{before:?}");
}

#[test]
fn members_behind_a_hole_in_an_archive_are_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [("a/imap", part(0, "ann")), ("b/imap", part(10, "bob")), ("c/imap", part(60, "cat"))];
    let whole = tar(&files.map(|(name, text)| (name.to_owned(), text.into_bytes())));
    // A hole in the middle of the second, in a file of several gzip members.
    let second = 512 + part(0, "ann").len().next_multiple_of(512);
    let (from, to) = (second + 1000, second + 1700);
    let mut lost = gz(&whole[from..to]);
    lost[10..].fill(0xff);
    write(folder.path(), "logs.tgz", [gz(&whole[..from]), lost, gz(&whole[to..])].concat());
    let run = ask(folder.path(), "logs.tgz");
    let document = run.document();
    let (connected, _) = rows(&document);
    let count = |user: &str| connected.iter().filter(|(name, ..)| name.starts_with(user)).count();
    assert_eq!((count("ann"), count("cat")), (50, 50));
    assert!((35..45).contains(&count("bob")), "{}", count("bob"));
    let (bytes, rejects) = adds_up(&document);
    assert_eq!((bytes, rejects), (files_len(&["ann", "bob", "cat"]) - 700, 2));
    assert!(run.err().contains("logs.tgz!b/imap") && run.err().contains("reading went on"), "{}", run.err());
}

fn files_len(users: &[&str]) -> u64 {
    users.iter().map(|user| part(0, user).len() as u64).sum()
}

/// A whole file and its damaged copy: every session counts once, none is taken for lost.
#[test]
fn a_damaged_copy_of_a_whole_file_changes_no_row() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let whole = [part(0, "ann"), part(10, "bob"), part(60, "cat")].concat();
    write(folder.path(), "one/imap.gz", gz(whole.as_bytes()));
    let access = |code: i32| run(folder.path(), &["-a", "--format", "jsonl", "."]).exit(code).out();
    let before = access(0);
    write(folder.path(), "two/imap.gz", holed(gz).0);
    assert_eq!(access(1), before);
    let (connected, _) = rows(&ask(folder.path(), ".").document());
    assert_eq!(connected.len(), 150);
}
