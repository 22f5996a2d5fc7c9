//! Refused user names that hold line breaks: which lines may be forged is a matter of the text, not of how it was cut for reading.
//!
//! The refused login, the forged lines and the reason stand before, on and behind the edges of the stretches, blocks and pieces in which
//! texts are read, in a plain file and in a packed one, for several numbers of threads.

mod common;

use common::{Run, login, pack, run, write};
use std::path::Path;

const K: usize = 1024;

/// Lines up to this length, the last of them filling it up to the byte.
fn filled(text: &mut String, length: usize) {
    while text.len() + 400 < length {
        let n = text.len();
        text.push_str(&login("10:00:00", (n % 60_000) as u16 + 1, &format!("user{}", n % 97)));
    }
    let line = login("10:00:00", 1, "fill");
    let more = length - text.len() - line.len();
    text.push_str(&line.replace(" plaintext\n", &format!(" {}\n", "p".repeat(more + "plaintext".len()))));
}

/// A refused login that breaks off at `from`, a forged login somewhere behind it, and the reason at `to`.
fn archive(from: usize, forged: usize, to: usize) -> String {
    let mut text = String::new();
    filled(&mut text, from);
    text.push_str(
        "[29/May/2019:10:10:00 +0200] store1 imapd[100]: Account Notice: badlogin: [203.0.113.9:4000] plaintext evil\n",
    );
    filled(&mut text, forged);
    text.push_str(&login("10:09:00", 4711, "victim"));
    filled(&mut text, to);
    text.push_str("x authentication failure\n");
    let last = login("10:20:00", 4712, "victim2");
    // Two pieces of a plain file, each of 384 KiB.
    let end = text.len().next_multiple_of(768 * K) - last.len();
    filled(&mut text, end);
    text.push_str(&last);
    assert_eq!(text.len(), 768 * K);
    text
}

fn ask(folder: &Path, query: &[&str], more: &[&str]) -> Run {
    run(folder, &[query, &["--format", "jsonl"], more].concat()).exit(0)
}

/// Users with a flag.
fn flagged(run: &Run) -> Vec<String> {
    let is_flagged = |row: &&serde_json::Value| row.to_string().contains("possibly-forged");
    let user = |row: &serde_json::Value| row["user"].as_str().unwrap_or_default().to_owned();
    let mut users: Vec<String> = run.rows().iter().filter(is_flagged).map(user).collect();
    users.sort();
    users.dedup();
    users
}

#[test]
fn wherever_it_stands_and_however_it_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let piece = 384 * K;
    for (from, forged, to) in [
        (piece - 1000, piece, piece + 1000),
        (piece - 110, piece + 1000, piece + 2000),
        (256 * K - 1000, 256 * K + 500, 256 * K + 3000),
        (63 * K, 100 * K, 127 * K),
    ] {
        let text = archive(from, forged, to);
        assert!(text[from..].starts_with("[29/May/2019:10:10:00") && text[to..].starts_with("x auth"));
        write(folder.path(), "plain/imap", &text);
        write(folder.path(), "packed/imap.gz", pack::gz(text.as_bytes()));
        for query in [&["-a"][..], &["-c", "-a"], &["sessions"], &["-a", "-u", "victim"]] {
            let plain = ask(folder.path(), query, &["-j", "1", "plain"]);
            assert!(flagged(&plain).contains(&"victim".to_owned()), "{query:?} {from} {forged} {to}: {}", plain.err());
            assert!(!plain.out().contains(r#""user":"victim2""#) || !flagged(&plain).contains(&"victim2".to_owned()));
            for more in [["-j", "4", "plain"], ["-j", "2", "packed"]] {
                assert_eq!(
                    ask(folder.path(), query, &more).out(),
                    plain.out(),
                    "{query:?} {more:?} {from} {forged} {to}"
                );
            }
        }
    }
}

#[test]
fn too_far_apart_is_no_forgery() {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "imap", archive(63 * K, 100 * K, 129 * K));
    assert_eq!(flagged(&ask(folder.path(), &["-a"], &["imap"])), Vec::<String>::new());
}
