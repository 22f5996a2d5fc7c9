//! `--format parquet` and `--format sqlite`: every value is that of JSON Lines, and the bytes are always the same.

mod common;
#[path = "tables/read.rs"]
mod read;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::{IMSTRAIL, Run, clean, finish, login, run, write, write_all};
use read::{Table, of_json};
use serde_json::Value;
use sim::{Config, Level, simulate};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every question with rows of its own, and the records that answer it.
const QUESTIONS: [(&[&str], &str); 10] = [
    (&["-a"], "last_access"),
    (&["-c"], "connected"),
    (&["sessions"], "session"),
    (&["failures"], "failure"),
    (&["failures", "--kind", "refused,proxy-refused,never-logged-in"], "failure"),
    (&["failures", "--findings", "--many-users", "2", "--run", "2"], "finding"),
    (&["failures", "--by", "address"], "refused_by"),
    (&["failures", "--by", "hour"], "refused_by"),
    (&["messages"], "message"),
    (&["coverage"], "coverage"),
];

/// Answers a question into a file outside of the folder.
fn ask(folder: &Path, question: &[&str], format: &str, rest: &[&str]) -> (tempfile::TempDir, PathBuf, Run) {
    let out = tempfile::tempdir().expect("a temporary folder");
    let file = out.path().join("answer");
    let name = file.to_str().expect("a name").to_owned();
    let args = [question, &["--format", format, "-o", &name], rest].concat();
    let got = run(folder, &args);
    (out, file, got)
}

fn parquet(folder: &Path, question: &[&str], rest: &[&str]) -> Table {
    let (_out, file, got) = ask(folder, question, "parquet", rest);
    got.exit(0);
    read::parquet(&file)
}

fn sqlite(folder: &Path, question: &[&str], rest: &[&str]) -> BTreeMap<String, Table> {
    let (_out, file, got) = ask(folder, question, "sqlite", rest);
    got.exit(0);
    read::sqlite(&file)
}

/// Both formats hold what the rows of JSON Lines do, in that order. How many rows that are.
#[track_caller]
fn check(folder: &Path, question: &[&str], record: &str, rest: &[&str]) -> usize {
    let rows = run(folder, &[question, &["--format", "jsonl"], rest].concat()).exit(0).rows();
    let rows: Vec<&Value> = rows.iter().filter(|row| row["record"] == record).collect();
    let table = parquet(folder, question, rest);
    assert_eq!(table.rows.len(), rows.len(), "{question:?} {rest:?}");
    for (cells, row) in table.rows.iter().zip(&rows) {
        let named: BTreeMap<_, _> = table.columns.iter().cloned().zip(cells.iter().cloned()).collect();
        assert_eq!(named, of_json(row, &table.columns), "{question:?} {rest:?}: {row}");
    }
    let (len, expected) = (table.rows.len(), BTreeMap::from([(record.to_owned(), table)]));
    assert_eq!(sqlite(folder, question, rest), expected, "{question:?} {rest:?}");
    len
}

#[test]
fn every_value_of_the_samples() {
    let root = Path::new(ROOT);
    for (question, record) in QUESTIONS {
        assert!(check(root, question, record, &["samples"]) > 0, "{question:?}");
    }
    for rest in [
        &["--tz", "utc", "samples"][..],
        &["--tz", "America/New_York", "samples"],
        &["-u", "ed", "-u", "nobody", "samples"],
        &["-s", "pop", "samples"],
    ] {
        check(root, &["sessions"], "session", rest);
        assert!(check(root, &["-a"], "last_access", rest) > 0);
    }
    let window = ["--since", "2019-05-29T10:00:00+02:00", "--until", "2019-05-29T11:00:00+02:00", "samples"];
    assert!(check(root, &["sessions", "--status", "closed"], "session", &window) > 0);
    let moment = ["-c", "--at", "2019-05-29T12:00:00+02:00"];
    assert!(check(root, &moment, "connected", &["samples"]) > 0);
    for (question, record) in [(&["-a"][..], "last_access"), (&["sessions"], "session"), (&["messages"], "message")] {
        assert!(check(root, question, record, &["--evidence", "samples"]) > 0);
    }
}

#[test]
fn every_value_behind_proxies() {
    let root = Path::new(ROOT);
    for (question, record) in QUESTIONS {
        check(root, question, record, &["--proxy", "10.0.0.0/8", "samples"]);
    }
    let table = parquet(root, &["messages"], &["--proxy", "10.0.0.0/8", "samples"]);
    assert!(table.columns.ends_with(&["session_via".to_owned(), "session_from_source".to_owned()]));
    assert!(check(root, &["sessions"], "session", &["--proxy", "10.0.0.0/8", "--evidence", "samples"]) > 0);
}

#[test]
fn every_value_of_simulated_archives() {
    for (seed, level, ports) in
        [(21, Level::Information, true), (22, Level::Notice, true), (23, Level::Information, false)]
    {
        let mut config = Config { seed, ..Config::default() };
        config.span.seconds = Some(3 * 3600);
        (config.site.stores, config.site.level) = (2, level);
        (config.traffic.users, config.traffic.refused, config.traffic.ports) = (60, 0.2, ports);
        (config.traffic.hosted, config.traffic.mixed_case, config.traffic.ipv6) = (0.3, 0.2, 0.3);
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_all(folder.path(), &simulate(&config).files);
        let lines: usize = QUESTIONS.iter().map(|(asked, record)| check(folder.path(), asked, record, &["."])).sum();
        assert!(lines > 300, "{lines}");
    }
}

/// What attackers write, and numbers and times at their ends.
fn odd() -> Vec<u8> {
    let head = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account";
    let mut text = Vec::new();
    for user in
        ["", "a@b", "a b@c", "\u{1b}[31mred", "\\x1b", "\u{202e}abc", "\\u{202e}", "'; DROP TABLE x", "ü@é", "=1"]
    {
        text.extend(
            format!("{head} Notice: badlogin: [192.0.2.7:1] plaintext {user} authentication failure\n").bytes(),
        );
        text.extend(format!("{head} Information: login [[2001:db8::7]:9] {user} {user}\n").bytes());
    }
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(b" Notice: badlogin: [192.0.2.7:1] plain\xfftext \xff\xfe\x00 authentication failure\n");
    for (start, duration) in
        [("2019/5/29 9:00:00", "999999999:00:00"), ("1/1/1 0:00:00", "0:00:01"), ("9999/12/31 23:59:59", "0:00:00")]
    {
        let numbers = "18446744073709551615 9223372036854775808 7";
        text.extend(format!("{head} Notice: close [192.0.2.7:2] ed {start} {duration} {numbers}\n").bytes());
    }
    text
}

#[test]
fn whatever_clients_send() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", odd());
    for (question, record) in QUESTIONS {
        check(folder.path(), question, record, &["imap"]);
    }
    assert!(check(folder.path(), &["failures"], "failure", &["--evidence", "imap"]) > 9);
    let (_out, file, got) = ask(folder.path(), &["failures"], "sqlite", &["imap"]);
    got.exit(0);
    let bytes = fs::read(file).expect("a file");
    let steers = |bytes: &[u8]| bytes == b"\x1b[31" || bytes == "\u{202e}a".as_bytes();
    assert!(!bytes.windows(4).any(steers), "a database shell may print a text as it is");
}

#[test]
fn pseudonyms_are_those_of_the_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "the.key", "0123456789abcdef");
    write(folder.path(), "logs/imap", odd());
    for (question, record) in QUESTIONS {
        check(folder.path(), question, record, &["--pseudonymize", "the.key", "logs"]);
    }
    let (_out, file, got) = ask(folder.path(), &["-a"], "sqlite", &["--pseudonymize", "the.key", "logs"]);
    got.exit(0);
    let bytes = fs::read(file).expect("a file");
    assert!(!bytes.windows(3).any(|bytes| bytes == b"a@b" || bytes == b"31m"));
}

/// More sessions than a row group has.
fn many() -> String {
    (0..130_000_u32)
        .map(|n| {
            let (second, user) = (n / 20, n % 997);
            let clock = format!("{:02}:{:02}:{:02}", 2 + second / 3600, second / 60 % 60, second % 60);
            let from = format!("192.0.2.{}:{}", n % 200, 1024 + n / 200);
            format!("[29/May/2019:{clock} +0200] store1 imapd[7]: Account Notice: close [{from}] u{user} 2019/5/29 {clock} 0:00:00 {n} 2 1\n")
        })
        .collect()
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = many();
    write(folder.path(), "whole/imap", &text);
    let (one, other) = text.split_at(text.len() / 2 + text[text.len() / 2..].find('\n').expect("a line") + 1);
    write(folder.path(), "parts/imap.2.2", other);
    write(folder.path(), "parts/imap.1.1", one);
    for format in ["parquet", "sqlite"] {
        let bytes = |question: &[&str], threads: &str, path: &str| {
            let (_out, file, got) = ask(folder.path(), question, format, &["-j", threads, path]);
            got.exit(0);
            fs::read(file).expect("a file")
        };
        let expected = bytes(&["sessions"], "1", "whole");
        assert!(expected == bytes(&["sessions"], "3", "parts"), "{format}");
        assert!(bytes(&["-a"], "1", "whole") == bytes(&["-a"], "3", "parts"), "{format}");
    }
    let (_out, file, got) = ask(folder.path(), &["sessions"], "parquet", &["whole"]);
    got.exit(0);
    let table = read::parquet(&file);
    assert_eq!(table.rows.len(), 130_000);
    let at = table.columns.iter().position(|column| column == "bytes_in").expect("a column");
    let mut numbers: Vec<&read::Cell> = table.rows.iter().filter_map(|row| row.get(at)).collect();
    numbers.sort_by_key(|cell| if let read::Cell::Number(number) = cell { *number } else { -1 });
    assert!(numbers.iter().enumerate().all(|(n, cell)| **cell == read::Cell::Number(n as i64)));
}

#[test]
fn several_questions_are_tables_of_one_database() {
    let root = Path::new(ROOT);
    let both = sqlite(root, &["-c", "-a"], &["samples"]);
    let each = [sqlite(root, &["-c"], &["samples"]), sqlite(root, &["-a"], &["samples"])];
    assert_eq!(both, each.into_iter().flatten().collect());
    let (_out, file, got) = ask(root, &["-c", "-a"], "parquet", &["samples"]);
    assert!(got.exit(2).err().contains("ask -c and -a one after the other, or take --format sqlite"));
    assert!(!file.exists());
}

#[test]
fn an_answer_without_rows_has_columns() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", login("10:00:00", 1, "ed"));
    for (question, record) in QUESTIONS {
        let table = parquet(folder.path(), question, &["-s", "pop", "imap"]);
        assert!(table.columns.len() > 5, "{question:?}");
        check(folder.path(), question, record, &["-s", "pop", "imap"]);
    }
}

#[test]
fn a_file_is_asked_for_and_never_replaced_unasked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", login("10:00:00", 1, "ed"));
    write(folder.path(), "answer", "mine");
    for format in ["parquet", "sqlite"] {
        let got = run(folder.path(), &["-a", "--format", format, "imap"]).exit(2);
        assert!(got.stdout.is_empty() && got.err().contains("name the file with -o"), "{}", got.err());
        run(folder.path(), &["-a", "--format", format, "--plan", "imap"]).exit(0);
        let got = run(folder.path(), &["-a", "--format", format, "-o", "answer", "imap"]).exit(2);
        assert!(got.err().contains("give --force"), "{}", got.err());
        assert_eq!(fs::read(folder.path().join("answer")).expect("a file"), b"mine");
        let got = run(folder.path(), &["-a", "--format", format, "-o", "no/folder", "imap"]).exit(2);
        assert!(got.err().contains("-o no/folder: "), "{}", got.err());
    }
    for format in ["parquet", "sqlite"] {
        run(folder.path(), &["-a", "--format", format, "--force", "-o", "answer", "imap"]).exit(0);
    }
    assert_eq!(read::sqlite(&folder.path().join("answer")).len(), 1);
}

#[test]
fn no_half_file_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lines: String =
        (1..5000).map(|n| login(&format!("10:{:02}:{:02}", n / 60 % 60, n % 60), n, &format!("u{n}"))).collect();
    write(folder.path(), "logs/imap", lines);
    fs::create_dir(folder.path().join("out")).expect("a folder");
    for format in ["parquet", "sqlite"] {
        // No file may have more than 16 KiB: what a full disk does, but to this process alone.
        let limited = "trap '' XFSZ; ulimit -f 32; exec \"$@\"";
        let args = ["-c", limited, "sh", IMSTRAIL, "sessions", "--format", format, "-o", "out/answer", "logs"];
        let got = finish(clean("sh", folder.path()).args(args), None).exit(2);
        assert!(got.err().contains("error: "), "{}", got.err());
        assert_eq!(fs::read_dir(folder.path().join("out")).expect("a folder").count(), 0, "{format}");
    }
}

#[test]
fn a_manifest_has_their_hashes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", odd());
    for format in ["parquet", "sqlite"] {
        let args = ["sessions", "--format", format, "-o", format, "--manifest", "m.json", "--force", "imap"];
        run(folder.path(), &args).exit(0);
        let got = run(folder.path(), &["verify", "--answer", "m.json"]).exit(0).out();
        assert!(got.ends_with("3 same.\n"), "{got}");
        write(folder.path(), format, "something else");
        run(folder.path(), &["verify", "--answer", "m.json"]).exit(1);
    }
}
