//! `--evidence`: every row shows lines that are there, and say what it says. Without its evidence an answer is what it is without the
//! flag.

#![allow(clippy::print_stdout, reason = "the number of lines checked is the test's report")]

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::pack::{Codec, gz, tar, zip};
use common::{Run, login, run, run_with, write, write_all};
use imstrail::text::{exact, visible};
use serde_json::Value;
use sim::{Config, Level, simulate};
use std::collections::BTreeMap;
use std::path::Path;

/// The texts of an archive by path and member, decoded.
type Texts = BTreeMap<(String, Option<String>), Vec<u8>>;

fn config(seed: u64) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.site.stores = 2;
    (config.traffic.users, config.traffic.rate, config.traffic.open) = (40, 25.0, 20.0);
    config.span.seconds = Some(86_400);
    config.files.rotate_bytes = 30_000;
    config
}

const QUESTIONS: [&[&str]; 7] = [
    &["-c"],
    &["-c", "-a"],
    &["-a"],
    &["-a", "--since", "2019-05-28", "--until", "2019-05-29"],
    &["sessions"],
    &["sessions", "--status", "closed", "-s", "imap"],
    &["failures"],
];

fn ask(folder: &Path, question: &[&str], more: &[&str]) -> Run {
    let args: Vec<&str> = question.iter().chain(more).copied().collect();
    let run = run(folder, &args);
    assert!(run.code == Some(0), "{args:?}: {}", run.err());
    run
}

/// The rows of an answer, and their evidence.
fn parted(run: &Run) -> (Vec<Value>, Vec<Vec<Value>>) {
    let part = |mut row: Value| {
        let evidence = row.as_object_mut().and_then(|row| row.remove("evidence"));
        let evidence = evidence.unwrap_or_else(|| panic!("no evidence: {row}"));
        (row, evidence.as_array().expect("an array").clone())
    };
    run.rows().into_iter().map(part).unzip()
}

fn text_of<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// A time of an answer as the digits of its line.
fn digits(time: &str) -> String {
    let (year, month, day) = (&time[..4], time[5..7].parse::<usize>().expect("a month"), &time[8..10]);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    format!("[{day}/{}/{year}:{}", months[month - 1], &time[11..19])
}

/// The line of a text that evidence names; checks that it is where it is said to be.
fn found<'a>(texts: &'a Texts, line: &Value) -> &'a [u8] {
    let file = text_of(line, "file").to_owned();
    let member = line["member"].as_str().map(str::to_owned);
    let text = texts.get(&(file, member)).unwrap_or_else(|| panic!("no such text: {line}"));
    let number = |key: &str| line[key].as_u64().unwrap_or_else(|| panic!("no {key}: {line}")) as usize;
    let (from, length) = (number("offset"), number("length"));
    assert!(from == 0 || text[from - 1] == b'\n', "{line}");
    assert!(from + length == text.len() || text[from + length] == b'\n', "{line}");
    let before = memchr::memchr_iter(b'\n', &text[..from]).count();
    assert_eq!(number("line"), before + 1, "{line}");
    let found = &text[from..from + length];
    assert_eq!(exact(found), text_of(line, "text"), "{line}");
    found
}

/// That a line says what its row says.
fn check_meaning(row: &Value, line: &Value) {
    let text = text_of(line, "text").to_ascii_lowercase();
    assert!(
        text.contains(&format!(" {} ", text_of(row, "user"))) || text_of(row, "flags").contains("differs"),
        "{row}: {line}"
    );
    for shows in line["shows"].as_array().expect("an array") {
        let (word, time) = match (text_of(row, "record"), shows.as_str().expect("a text")) {
            ("session" | "connected", "login") => {
                ("login [", &row[if row["login"].is_null() { "since" } else { "login" }])
            }
            ("session", "close") => ("close [", &row["logout"]),
            ("connected", "close") => ("close [", &Value::Null),
            ("failure", "refusal") => ("badlogin: [", &row["time"]),
            ("last_access", shows) => {
                let (service, key) = shows.split_once('.').expect("a service");
                let by_login = key == "last_login" && row[service]["login_source"] == "login";
                let time = if key == "last_login" && !by_login { &Value::Null } else { &row[service][key] };
                (if by_login { "login [" } else { "close [" }, time)
            }
            other => panic!("{other:?}: {row}"),
        };
        assert!(text.contains(word), "{word}: {row}: {line}");
        let digits = time.as_str().map(digits).unwrap_or_default();
        assert!(text.starts_with(&digits.to_ascii_lowercase()), "{digits}: {row}: {line}");
    }
}

/// Asks all questions of one archive in one shape; how many lines were looked at.
fn check(folder: &Path, texts: &Texts) -> usize {
    let mut lines = 0;
    for question in QUESTIONS {
        let plain = ask(folder, question, &["--format", "jsonl", "logs"]).rows();
        let with = ask(folder, question, &["--format", "jsonl", "--evidence", "-j", "1", "logs"]);
        let (rows, evidence) = parted(&with);
        assert_eq!(rows, plain, "{question:?}");
        for (row, of_row) in rows.iter().zip(&evidence) {
            let complete = row["record"] != "session" || row["status"] != "closed" || !of_row.is_empty();
            assert!(complete && !of_row.is_empty(), "{question:?}: {row}");
            for line in of_row {
                found(texts, line);
                check_meaning(row, line);
            }
            lines += of_row.len();
        }
        let side_by_side = ask(folder, question, &["--format", "jsonl", "--evidence", "-j", "4", "logs"]);
        assert_eq!(side_by_side.out(), with.out(), "{question:?}");
        check_tables(folder, texts, question, &evidence);
    }
    lines
}

/// Below each row of a table stand its lines, indented; a cell of the CSV says where they are.
fn check_tables(folder: &Path, texts: &Texts, question: &[&str], evidence: &[Vec<Value>]) {
    let without = ask(folder, question, &["logs"]).out();
    let table = ask(folder, question, &["--evidence", "logs"]).out();
    let (lines, rows): (Vec<&str>, Vec<&str>) = table.lines().partition(|line| line.starts_with("    "));
    assert_eq!(rows, without.lines().collect::<Vec<_>>(), "{question:?}");
    let place = |line: &Value| {
        let member = line["member"].as_str().map_or_else(String::new, |member| format!("!{member}"));
        format!("{}{member}:{}", text_of(line, "file"), line["line"])
    };
    let expected =
        evidence.iter().flatten().map(|line| format!("    {}: {}", place(line), visible(found(texts, line))));
    assert_eq!(lines, expected.collect::<Vec<_>>(), "{question:?}");
    let csv = ask(folder, question, &["--evidence", "--format", "csv", "logs"]).out();
    let cells = csv::Reader::from_reader(csv.as_bytes()).into_records().map(|record| {
        let record = record.expect("a record");
        record.get(record.len() - 1).expect("a cell").to_owned()
    });
    let places = evidence.iter().map(|lines| lines.iter().map(place).collect::<Vec<_>>().join("; "));
    assert_eq!(cells.collect::<Vec<_>>(), places.collect::<Vec<_>>(), "{question:?}");
}

/// Lays out an archive in each shape, and checks it.
fn check_shapes(config: &Config) {
    let files = simulate(config).files;
    let text = |path: String, member: Option<String>, bytes: &[u8]| ((path, member), bytes.to_vec());
    let plain = tempfile::tempdir().expect("a temporary folder");
    write_all(&plain.path().join("logs"), &files);
    let texts = files.iter().map(|(path, bytes)| text(format!("logs/{path}"), None, bytes)).collect();
    let lines = check(plain.path(), &texts);

    let packed = tempfile::tempdir().expect("a temporary folder");
    let mut texts = Texts::new();
    for (i, (path, bytes)) in files.iter().enumerate() {
        let codec = Codec::ALL[i % Codec::ALL.len()];
        let name = format!("logs/{path}.{}", codec.extension());
        write(packed.path(), &name, codec.compress(bytes));
        texts.extend([text(name, None, bytes)]);
    }
    assert_eq!(check(packed.path(), &texts), lines);

    for (name, bytes) in [("logs/all.tar.gz", gz(&tar(&files))), ("logs/all.zip", zip(&files))] {
        let archive = tempfile::tempdir().expect("a temporary folder");
        write(archive.path(), name, bytes);
        let texts = files.iter().map(|(path, bytes)| text(name.into(), Some(path.clone()), bytes)).collect();
        assert_eq!(check(archive.path(), &texts), lines);
    }
    // Rows whose login line must be unpacked, and whose close line need not be.
    let mixed = tempfile::tempdir().expect("a temporary folder");
    let mut texts = Texts::new();
    for (i, (path, bytes)) in files.iter().enumerate() {
        let (name, packed) = match i % 2 {
            0 => (format!("logs/{path}"), bytes.clone()),
            _ => (format!("logs/{path}.gz"), gz(bytes)),
        };
        write(mixed.path(), &name, packed);
        texts.extend([text(name, None, bytes)]);
    }
    assert_eq!(check(mixed.path(), &texts), lines);
    println!("{lines} lines checked in each of five shapes");
    assert!(lines > 1000, "{lines}");
}

#[test]
fn every_row_shows_lines_that_say_what_it_says() {
    check_shapes(&config(1));
}

#[test]
fn every_row_shows_lines_at_level_notice_without_ports() {
    let mut config = config(2);
    config.site.level = Level::Notice;
    config.traffic.ports = false;
    check_shapes(&config);
}

/// A text of which several workers read pieces.
#[test]
fn lines_of_a_long_text_have_their_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let time = |n: usize| format!("{:02}:{:02}:{:02}", 10 + n / 3600, n / 60 % 60, n % 60);
    let lines: Vec<String> = (0..15_000).map(|n| login(&time(n), n as u16, "ed")).collect();
    let text = lines.concat();
    assert!(text.len() > 3 << 19, "{}", text.len());
    write(folder.path(), "imap", text);
    let (_, evidence) = parted(&ask(folder.path(), &["sessions"], &["--evidence", "--format", "jsonl", "imap"]));
    assert_eq!(evidence.len(), lines.len());
    let mut offset = 0;
    for ((number, text), found) in (1..).zip(&lines).zip(evidence.iter().flatten()) {
        let place = [&found["line"], &found["offset"]].map(Value::as_u64);
        assert_eq!((place, text_of(found, "text")), ([Some(number), Some(offset)], text.trim_end()));
        offset += text.len() as u64;
    }
}

/// Of equal lines in files that overlap, the first by path and place stands for all, whichever is read first.
#[test]
fn of_copies_the_first_is_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (one, two, three) = (login("10:00:00", 1, "ann"), login("10:01:00", 2, "ed"), login("10:02:00", 3, "bob"));
    let close = "[29/May/2019:10:30:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:2] ed 2019/5/29 10:01:00 0:29:00 1 2 3\n";
    write(folder.path(), "logs/a", format!("{one}{two}{close}"));
    write(folder.path(), "logs/b", format!("{two}{three}{close}"));
    for question in [&["sessions", "-u", "ed"][..], &["-c", "-u", "ed", "--at", "2019-05-29T10:20:00+02:00"]] {
        for paths in [["logs/a", "logs/b"], ["logs/b", "logs/a"]] {
            let run = ask(folder.path(), question, &["--evidence", "--format", "jsonl", paths[0], paths[1]]);
            let (rows, evidence) = parted(&run);
            assert_eq!(rows.len(), 1, "{question:?}");
            let places = evidence[0].iter().map(|line| (text_of(line, "file"), line["line"].as_u64()));
            assert_eq!(places.collect::<Vec<_>>(), [("logs/a", Some(2)), ("logs/a", Some(3))], "{question:?}");
        }
    }
}

/// Bytes that are no UTF-8 and escapes: exact in JSON, harmless in a table. A line without its newline at the end is whole.
#[test]
fn odd_bytes_are_shown_safely() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let line = b"[29/May/2019:10:00:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:1] \x1b[31m\xffed plaintext";
    write(folder.path(), "imap", line);
    let (_, evidence) = parted(&ask(folder.path(), &["-a"], &["--evidence", "--format", "jsonl", "imap"]));
    let text = "[29/May/2019:10:00:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:1] \u{1b}[31m\\xffed plaintext";
    assert_eq!(evidence[0][0]["text"], text);
    assert_eq!(
        (evidence[0][0]["length"].as_u64(), evidence[0][0]["line"].as_u64()),
        (Some(line.len() as u64), Some(1))
    );
    let table = ask(folder.path(), &["-a"], &["--evidence", "imap"]).out();
    assert!(table.contains(r"    imap:1: [29/May/2019:10:00:00 +0200] store1") && !table.contains('\u{1b}'), "{table}");
}

/// Standard input is kept, so that its lines can be read again.
#[test]
fn lines_of_standard_input_are_shown() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = login("10:00:00", 1, "ann") + &login("10:01:00", 2, "ed");
    for bytes in [text.clone().into_bytes(), gz(text.as_bytes())] {
        let run = run_with(folder.path(), &["-a", "--evidence", "-u", "ed", "--format", "jsonl", "-"], &bytes).exit(0);
        let (_, evidence) = parted(&run);
        assert_eq!((text_of(&evidence[0][0], "file"), evidence[0][0]["line"].as_u64()), ("-", Some(2)));
        assert_eq!(text_of(&evidence[0][0], "text"), login("10:01:00", 2, "ed").trim_end());
    }
}

/// A user who was never seen has a row, and no line to show.
#[test]
fn a_user_who_was_never_seen_has_no_evidence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", login("10:00:00", 1, "ann"));
    let run = ask(folder.path(), &["-a", "-u", "nobody", "-u", "ann"], &["--evidence", "--format", "jsonl", "imap"]);
    let (rows, evidence) = parted(&run);
    assert_eq!(rows.iter().map(|row| text_of(row, "user")).collect::<Vec<_>>(), ["ann", "nobody"]);
    assert_eq!(evidence.iter().map(Vec::len).collect::<Vec<_>>(), [1, 0]);
}

/// `explain` tells each session with its rule and its lines, and what a moment needs.
#[test]
fn a_story_tells_how_each_time_is_known() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let close = "[29/May/2019:10:30:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:2] ed 2019/5/29 10:00:58 0:29:02 11 22 3\n";
    let alone = "[29/May/2019:10:40:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:4] ed 2019/5/29 10:35:00 0:05:00 1 2 3\n";
    let logins = [login("10:01:00", 2, "ed"), login("10:31:00", 3, "\u{1b}[31med"), login("10:32:00", 3, "ed")];
    write(folder.path(), "imap", format!("{}{close}{}{}{alone}", logins[0], logins[1], logins[2]));
    let story = ask(folder.path(), &["explain", "-u", "ed"], &["imap"]).out();
    let expected = [
        "ed was last seen (R11):",
        "  over imap: logged in 29/May/2019:10:35:00 +0200, the start of a session, as its close line gives it (R4); logged out 29/May/2019:10:40:00 +0200, a close line; on store1",
        "  over http: not seen",
        "1. A session over imap on store1 from 192.0.2.7:2, process 100",
        "  Logged in 29/May/2019:10:01:00 +0200: its login line was written then, authenticated by plaintext.",
        "    imap:1: [29/May/2019:10:01:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:2] ed plaintext",
        "  Logged out 29/May/2019:10:30:00 +0200: its close line was written then (R3), after 1742 s, 11 bytes from the client, 22 bytes to the client. It had connected 29/May/2019:10:00:58 +0200 (R4).",
        "2. A session over imap on store1 from 192.0.2.7:3, process 100",
        "  It has no close line, and nothing shows that it ended: open where the logs end (R7).",
        "3. A session over imap on store1 from 192.0.2.7:4, process 100",
        "  Logged in 29/May/2019:10:35:00 +0200: no login line is there; its close line says that it began then (R4, R6).",
    ];
    for line in expected {
        assert!(story.lines().any(|told| told == line), "{line}\n{story}");
    }
    let at = |moment: &str, user: &str| ask(folder.path(), &["explain", "-u", user, "--at", moment], &["imap"]).out();
    let open = at("2019-05-29T10:20:00+02:00", "ed");
    assert!(
        open.starts_with("ed was connected over imap to store1 from 192.0.2.7:2 at 29/May/2019:10:20:00 +0200.\n"),
        "{open}"
    );
    assert!(open.contains("  Certain: the session was closed later (R10).\n    imap:2: "), "{open}");
    let open = at("2019-05-29T10:36:00+02:00", "ed");
    assert!(open.contains("Certain: no close line is there, its process was there"), "{open}");
    assert!(at("2019-05-29T10:00:00+02:00", "ed").starts_with("No session is known to have been open"));
    // A peer that was used again; and nothing of it steers a terminal.
    let reused = at("2019-05-29T10:31:30+02:00", "\u{1b}[31med");
    assert!(reused.contains("Only possible (R10):\n  peer-reused: ") && !reused.contains('\u{1b}'), "{reused}");
    for wrong in [
        &["explain", "imap"][..],
        &["explain", "-u", "a", "-u", "b", "imap"],
        &["explain", "-u", "a", "--format", "json", "imap"],
    ] {
        assert!(run(folder.path(), wrong).exit(2).err().contains("explain "), "{wrong:?}");
    }
}

/// Not seen is not the same as never: what the logs lack stands beside it.
#[test]
fn never_is_limited_by_what_the_logs_lack() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let close = "[29/May/2019:10:30:00 +0200] store2 popd[100]: Account Notice: close [192.0.2.7:2] bob 2019/5/29 10:00:58 0:29:02 11 22 3\n";
    write(folder.path(), "imap.1.1559116800", login("10:00:00", 1, "ann"));
    write(folder.path(), "imap.4.1559120400", login("12:00:00", 2, "ed"));
    write(folder.path(), "pop", close);
    let paths = ["imap.1.1559116800", "imap.4.1559120400", "pop"];
    let rows = |args: &[&str]| ask(folder.path(), args, &paths).rows();
    let gap = "no imap log of store1 from 29/May/2019:10:00:00 +0200 to 29/May/2019:12:00:00 +0200";
    let all = rows(&["-a", "--format", "jsonl"]);
    let never: Vec<&Value> = all.iter().map(|row| &row["never"]).collect();
    let pop = "store2 did not log logins over pop, only sessions that were closed are seen";
    let http = "no http log was read";
    let seen = serde_json::json!({"http": http, "pop": pop});
    assert_eq!(never, [&seen, &serde_json::json!({"imap": gap, "http": http}), &seen]);
    // Of one user or a window only missing files are told of, since other lines are passed over.
    let bob = rows(&["-a", "-u", "bob", "--format", "jsonl"]);
    assert_eq!(bob[0]["never"], serde_json::json!({"imap": gap}));
    let before = rows(&["-a", "-u", "bob", "--until", "2019-05-29T11:00", "--format", "jsonl"]);
    assert_eq!(before[0]["never"], Value::Null);
    assert!(rows(&["-a", "-u", "ann", "-u", "ed", "--format", "jsonl"]).iter().all(|row| row["never"].is_null()));
}
