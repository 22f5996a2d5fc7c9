//! `--manifest` and `verify`, through the binary.

mod common;

use common::pack::{Codec, gz, tar, zip};
use common::{IMSTRAIL, clean, finish, login, run, run_with, write};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, bytes) in files {
        write(folder.path(), path, bytes);
    }
    folder
}

fn ed() -> String {
    login("10:00:00", 40001, "ed")
}

fn ann() -> String {
    login("10:05:00", 40002, "ann")
}

fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn manifest(folder: &Path, file: &str) -> Value {
    let text = fs::read(folder.join(file)).expect("the manifest");
    serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&text)))
}

/// The input with this path and member.
fn input<'a>(manifest: &'a Value, path: &str, member: Option<&str>) -> &'a Value {
    let inputs = manifest["inputs"].as_array().expect("inputs");
    let found = inputs.iter().find(|input| input["path"] == path && input["member"].as_str() == member);
    found.unwrap_or_else(|| panic!("no {path} {member:?} in {manifest}"))
}

/// What `verify` says of each thing, as `status path!member`, sorted; `answer` for the answer.
fn verified(folder: &Path, args: &[&str], code: i32) -> Vec<String> {
    let args: Vec<&str> = ["verify", "--format", "jsonl"].iter().chain(args).copied().collect();
    let mut rows: Vec<String> = run(folder, &args).exit(code).rows().iter().map(told).collect();
    rows.sort();
    rows
}

fn told(row: &Value) -> String {
    assert_eq!(row["record"], "verified");
    let name = if row["kind"] == "answer" { "answer" } else { row["path"].as_str().expect("a path") };
    let member = row["member"].as_str().map(|member| format!("!{member}")).unwrap_or_default();
    format!("{} {name}{member}", row["status"].as_str().expect("a status"))
}

#[test]
fn what_was_read_is_named_and_counted() {
    let noise = "[29/May/2019:10:07:00 +0200] store1 imapd[100]: General Notice: something new happened\n";
    let log = ed() + "no line of a log\n" + noise + &ann();
    let folder = folder(&[("logs/imap", log.as_bytes())]);
    let out = run(folder.path(), &["-a", "--format", "jsonl", "--manifest", "m.json", "logs"]).exit(0);
    let manifest = manifest(folder.path(), "m.json");
    assert_eq!(manifest["manifest"], 1);
    assert!(manifest["unsigned"].as_str().expect("a sentence").contains("not signed"));
    let item = input(&manifest, "logs/imap", None);
    assert_eq!(item["size"], log.len());
    assert_eq!(item["sha256"], sha(log.as_bytes()));
    assert_eq!((&item["first"], &item["last"]), (&"2019-05-29T08:00:00Z".into(), &"2019-05-29T08:07:00Z".into()));
    assert_eq!((&item["lines"], &item["events"], &item["rejects"]), (&4.into(), &2.into(), &1.into()));
    assert_eq!((&item["state"], &item["repeatable"]), (&"read".into(), &true.into()));
    assert_eq!(manifest["output"]["sha256"], sha(&out.stdout));
    assert_eq!((&manifest["output"]["size"], &manifest["output"]["exit"]), (&out.stdout.len().into(), &0.into()));
    let args = ["-a", "--format", "jsonl", "--manifest", "m.json", "logs"];
    assert_eq!(manifest["arguments"], Value::from(args.to_vec()));
    let here = folder.path().canonicalize().expect("a folder");
    assert_eq!(manifest["directory"], here.to_str().expect("text"));
    assert_eq!(manifest["roots"][0]["path"], here.join("logs").to_str().expect("text"));
    let tool = &manifest["tool"];
    assert_eq!(tool["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(tool["binary_sha256"], sha(&fs::read(IMSTRAIL).expect("the binary")));
    assert_eq!(tool["zone_data"], chrono_tz::IANA_TZDB_VERSION);
    assert!(tool["grammars"].as_array().is_some_and(|grammars| grammars.len() == 3));
    assert!(tool["commit"].as_str().is_some_and(|commit| !commit.is_empty()));
}

#[test]
fn what_was_not_read_is_named_with_the_reason() {
    let picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR";
    let whole = (0..3000).map(|n| login("10:00:00", 1024 + n, "u")).collect::<String>();
    let cut = gz(whole.as_bytes());
    let log = ed() + &ann();
    let files: [(&str, &[u8]); 6] = [
        ("logs/a", log.as_bytes()),
        ("logs/b.gz", &gz(ed().as_bytes())),
        ("logs/cut.gz", &cut[..cut.len() / 2]),
        ("logs/empty", b""),
        ("logs/picture.png", picture),
        ("logs/text", b"some words\n"),
    ];
    let folder = folder(&files);
    run(folder.path(), &["-a", "--manifest", "m.json", "logs"]).exit(1);
    let manifest = manifest(folder.path(), "m.json");
    let states: BTreeMap<&str, &str> = manifest["inputs"]
        .as_array()
        .expect("inputs")
        .iter()
        .map(|item| (item["path"].as_str().expect("a path"), item["state"].as_str().expect("a state")))
        .collect();
    let expected = [
        ("logs/a", "read"),
        ("logs/b.gz", "copy"),
        ("logs/cut.gz", "damaged"),
        ("logs/empty", "empty"),
        ("logs/picture.png", "not-a-log"),
        ("logs/text", "not-a-log"),
    ];
    assert_eq!(states, BTreeMap::from(expected));
    let copy = input(&manifest, "logs/b.gz", None);
    assert!(copy["why"].as_str().is_some_and(|why| why.contains("logs/a")), "{copy}");
    assert_eq!((&copy["lines"], &copy["decoded_sha256"]), (&Value::Null, &sha(ed().as_bytes()).into()));
    assert_eq!(input(&manifest, "logs/text", None)["rejects"], 1);
    assert_eq!(manifest["output"]["exit"], 1);
    assert!(manifest["notes"].as_array().is_some_and(|notes| notes.iter().any(|note| note["kind"] == "damaged")));
    assert!(verified(folder.path(), &["--answer", "m.json"], 0).iter().all(|row| row.starts_with("same ")));
}

#[test]
fn files_are_the_same_changed_missing_or_added() {
    let folder = folder(&[("logs/a", ed().as_bytes()), ("logs/b", ann().as_bytes()), ("logs/c", b"x\n")]);
    run(folder.path(), &["-a", "--manifest", "m.json", "logs"]).exit(0);
    assert_eq!(verified(folder.path(), &["m.json"], 0), ["same logs/a", "same logs/b", "same logs/c"]);
    let table = run(folder.path(), &["verify", "m.json"]).exit(0);
    assert!(table.out().contains("logs/a") && table.out().ends_with("3 same.\n"), "{}", table.out());
    assert!(table.err().contains("not signed"), "{}", table.err());
    // A file that was not there then changes nothing of what was.
    write(folder.path(), "logs/d", ed());
    let d = folder.path().canonicalize().expect("a folder").join("logs/d");
    let added = format!("added {}", d.display());
    assert_eq!(verified(folder.path(), &["m.json"], 0), [&added, "same logs/a", "same logs/b", "same logs/c"]);
    fs::remove_file(d).expect("a file");
    write(folder.path(), "logs/a", ed() + "more\n");
    fs::remove_file(folder.path().join("logs/b")).expect("a file");
    write(folder.path(), "logs/c", "y\n");
    let got = run(folder.path(), &["verify", "m.json"]).exit(1).out();
    assert!(got.contains("grown") && got.ends_with("0 same, 2 changed, 1 missing.\n"), "{got}");
    assert_eq!(verified(folder.path(), &["m.json"], 1), ["changed logs/a", "changed logs/c", "missing logs/b"]);
    fs::remove_dir_all(folder.path().join("logs")).expect("a folder");
    assert_eq!(verified(folder.path(), &["m.json"], 1), ["missing logs/a", "missing logs/b", "missing logs/c"]);
}

#[test]
fn members_of_archives_are_told_apart() {
    let files = |third: &str| -> Vec<(String, Vec<u8>)> {
        vec![
            ("a/imap".to_owned(), ed().into_bytes()),
            ("a/imap.gz".to_owned(), gz(ann().as_bytes())),
            ("a/pop".to_owned(), login("10:06:00", 40003, third).into_bytes()),
        ]
    };
    type Pack = fn(&[(String, Vec<u8>)]) -> Vec<u8>;
    let packers: [(&str, Pack); 3] = [("x.tar", tar), ("x.tar.gz", |files| gz(&tar(files))), ("x.zip", zip)];
    for (name, pack) in packers {
        let folder = folder(&[(name, &pack(&files("cy")))]);
        run(folder.path(), &["-a", "--manifest", "m.json", name]).exit(0);
        let manifest = manifest(folder.path(), "m.json");
        assert_eq!(input(&manifest, name, None)["state"], "archive");
        assert_eq!(input(&manifest, name, None)["sha256"], sha(&pack(&files("cy"))));
        let member = input(&manifest, name, Some("a/imap.gz"));
        assert_eq!((&member["sha256"], &member["events"]), (&sha(ann().as_bytes()).into(), &1.into()), "{name}");
        assert_eq!(member["size"], ann().len());
        let of = |statuses: [&str; 4]| {
            let names = ["", "!a/imap", "!a/imap.gz", "!a/pop"];
            let mut rows: Vec<String> =
                statuses.iter().zip(names).map(|(status, member)| format!("{status} {name}{member}")).collect();
            rows.sort();
            rows
        };
        assert_eq!(verified(folder.path(), &["m.json"], 0), of(["same"; 4]), "{name}");
        write(folder.path(), name, pack(&files("di")));
        assert_eq!(verified(folder.path(), &["m.json"], 1), of(["changed", "same", "same", "changed"]), "{name}");
        write(folder.path(), name, pack(&files("di")[..2]));
        assert_eq!(verified(folder.path(), &["m.json"], 1), of(["changed", "same", "same", "missing"]), "{name}");
        fs::remove_file(folder.path().join(name)).expect("a file");
        assert_eq!(verified(folder.path(), &["m.json"], 1), of(["missing"; 4]), "{name}");
    }
}

#[test]
fn a_file_packed_anew_is_changed_and_its_text_the_same() {
    let folder = folder(&[("imap.gz", &gz(ed().as_bytes()))]);
    run(folder.path(), &["-a", "--manifest", "m.json", "imap.gz"]).exit(0);
    write(folder.path(), "imap.gz", Codec::Xz.compress(ed().as_bytes()));
    let got = run(folder.path(), &["verify", "--answer", "m.json"]).exit(1).out();
    assert!(got.contains("the text in it is the same") && got.ends_with("1 same, 1 changed.\n"), "{got}");
}

#[test]
fn an_answer_is_given_again() {
    let all = ed() + &ann() + &login("10:06:00", 40003, "cy");
    let folder = folder(&[("imap", all.as_bytes())]);
    run(folder.path(), &["-a", "--manifest", "m.json", "imap"]).exit(0);
    assert_eq!(verified(folder.path(), &["--answer", "m.json"], 0), ["same answer", "same imap"]);
    // The mechanism is no part of this answer.
    write(folder.path(), "imap", all.replacen("plaintext", "plainTEXT", 1));
    assert_eq!(verified(folder.path(), &["--answer", "m.json"], 1), ["changed imap", "same answer"]);
    write(folder.path(), "imap", all.replacen(" cy ", " di ", 1));
    assert_eq!(verified(folder.path(), &["--answer", "m.json"], 1), ["changed answer", "changed imap"]);
    fs::remove_file(folder.path().join("imap")).expect("a file");
    assert_eq!(verified(folder.path(), &["--answer", "m.json"], 1), ["changed answer", "missing imap"]);
}

#[test]
fn every_question_in_every_format() {
    let close = "[29/May/2019:10:20:00 +0200] store1 imapd[100]: Account Information: close [192.0.2.7:40001] ed 2019/5/29 10:00:00 0:20:00 100 200 1\n";
    let refused = "[29/May/2019:10:21:00 +0200] store1 imapd[100]: Account Notice: badlogin: [192.0.2.9:40009] plaintext bob authentication failure\n";
    let log = ed() + &ann() + close + refused;
    let folder = folder(&[("logs/imap", log.as_bytes()), ("logs/more.gz", &gz(&Sha256::digest(b"x")))]);
    for query in [&["-a"][..], &["-c"], &["-c", "-a"], &["sessions"], &["failures"], &["coverage"]] {
        for format in ["table", "json", "jsonl", "csv"] {
            let args = [query, &["--format", format, "--manifest", "m.json", "--force", "logs"]].concat();
            let got = run(folder.path(), &args).exit(0);
            assert!(!got.stdout.is_empty(), "{args:?}");
            let without = run(folder.path(), &[query, &["--format", format, "logs"]].concat());
            assert_eq!((got.out(), got.err()), (without.out(), without.err()), "{args:?}");
            assert_eq!(manifest(folder.path(), "m.json")["output"]["sha256"], sha(&got.stdout), "{args:?}");
            let rows = verified(folder.path(), &["--answer", "m.json"], 0);
            assert!(rows.iter().all(|row| row.starts_with("same ")) && rows.len() == 3, "{args:?}: {rows:?}");
        }
    }
}

#[test]
fn two_runs_differ_in_their_time_alone() {
    let (log, packed) = (ed(), zip(&[("pop".to_owned(), ann().into_bytes())]));
    let files: [(&str, &[u8]); 3] = [("logs/imap", log.as_bytes()), ("logs/x.zip", &packed), ("logs/empty", b"")];
    let folder = folder(&files);
    let text = |threads: &str| {
        run(folder.path(), &["-a", "-c", "--manifest", "m.json", "--force", "-j", threads, "logs"]).exit(0);
        let text = fs::read_to_string(folder.path().join("m.json")).expect("the manifest");
        let lines = |begin: &str| text.lines().filter(|line| line.starts_with(begin)).count();
        assert_eq!((lines("\"run\":"), lines("\"arguments\":")), (1, 1), "{text}");
        text
    };
    let without = |text: &str, part: &str| -> String {
        text.lines().filter(|line| !line.starts_with(part)).map(|line| format!("{line}\n")).collect()
    };
    let (one, other) = (text("2"), text("2"));
    assert_eq!(without(&one, "\"run\":"), without(&other, "\"run\":"));
    let third = text("1");
    let bare = |text: &str| without(&without(text, "\"run\":"), "\"arguments\":");
    assert_eq!(bare(&one), bare(&third));
    let run = &manifest(folder.path(), "m.json")["run"];
    assert!(run["started"].as_str() <= run["ended"].as_str() && run["started"].is_string(), "{run}");
}

#[test]
fn standard_input_and_pipes_are_hashed_and_cannot_be_repeated() {
    let folder = folder(&[("imap", ed().as_bytes())]);
    let args = ["-a", "--format", "jsonl", "--manifest", "m.json", "--force"];
    let out = run_with(folder.path(), &args, ed().as_bytes()).exit(0);
    assert_eq!(out.rows().len(), 1);
    let read = manifest(folder.path(), "m.json");
    let item = input(&read, "-", None);
    assert_eq!((&item["sha256"], &item["repeatable"]), (&sha(ed().as_bytes()).into(), &false.into()));
    assert_eq!(item["events"], 1);
    let cannot = ["not-repeatable -", "not-repeatable answer"];
    assert_eq!(verified(folder.path(), &["--answer", "m.json"], 1), cannot);
    let script = "cat imap | \"$0\" -a --format jsonl --manifest m.json --force /dev/stdin imap";
    let got = finish(clean("/bin/sh", folder.path()).args(["-c", script, IMSTRAIL]), None).exit(0);
    assert_eq!(got.rows().len(), 1);
    let item = input(&manifest(folder.path(), "m.json"), "/dev/stdin", None).clone();
    assert_eq!((&item["sha256"], &item["repeatable"]), (&sha(ed().as_bytes()).into(), &false.into()));
    let rows = verified(folder.path(), &["--answer", "m.json"], 1);
    assert_eq!(rows, ["not-repeatable /dev/stdin", "not-repeatable answer", "same imap"]);
    // The users are as much a part of the question.
    let args = ["-a", "-f", "-", "--manifest", "m.json", "--force", "imap"];
    run_with(folder.path(), &args, b"ed\n").exit(0);
    let rows = verified(folder.path(), &["--answer", "m.json"], 1);
    assert_eq!(rows, ["not-repeatable -", "not-repeatable answer", "same imap"]);
}

#[test]
fn files_beside_the_logs_and_the_output_are_items() {
    let templates = "dialect = \"site\"\n[[template]]\nkind = \"known\"\nbasis = \"observed\"\ntext = \"noise\"\n[[template.sample]]\nline = \"[29/May/2019:10:00:00 +0200] store1 imapd[1]: General Notice: noise\"\n";
    let folder = folder(&[("imap", ed().as_bytes()), ("uids", b"ed\n"), ("site.toml", templates.as_bytes())]);
    let args = ["-a", "-f", "uids", "--grammar", "site.toml", "-o", "out", "--manifest", "m.json", "imap"];
    run(folder.path(), &args).exit(0);
    let read = manifest(folder.path(), "m.json");
    let aside: Vec<(&Value, &Value)> =
        read["aside"].as_array().expect("files").iter().map(|f| (&f["given"], &f["sha256"])).collect();
    let expected = [("uids".into(), sha(b"ed\n").into()), ("site.toml".into(), sha(templates.as_bytes()).into())];
    assert_eq!(aside, expected.iter().map(|(a, b)| (a, b)).collect::<Vec<(&Value, &Value)>>());
    let answer = fs::read(folder.path().join("out")).expect("the answer");
    assert_eq!(read["output"]["sha256"], sha(&answer));
    let out = read["output"]["path"].as_str().expect("a path").to_owned();
    let rows = |statuses: [&str; 5]| {
        let names = ["answer", "imap", "uids", "site.toml", out.as_str()];
        let mut rows: Vec<String> = statuses.iter().zip(names).map(|(s, n)| format!("{s} {n}")).collect();
        rows.sort();
        rows
    };
    assert_eq!(verified(folder.path(), &["--answer", "m.json"], 0), rows(["same"; 5]));
    // To verify writes nothing, so the answer is still the one that was written.
    write(folder.path(), "out", "mine");
    write(folder.path(), "uids", "ann\n");
    let got = verified(folder.path(), &["--answer", "m.json"], 1);
    assert_eq!(got, rows(["changed", "same", "changed", "same", "changed"]));
    assert_eq!(fs::read(folder.path().join("out")).expect("the file"), b"mine");
}

#[test]
fn what_was_moved_is_found_by_its_new_root() {
    let case = folder(&[("case/logs/imap", ed().as_bytes()), ("case/uids", b"ed\n")]);
    let run_in = case.path().join("case");
    run(&run_in, &["-a", "-f", "uids", "--format", "json", "--manifest", "m.json", "logs"]).exit(0);
    let all = ["same answer", "same logs/imap", "same uids"];
    // From elsewhere, by the roots as recorded.
    assert_eq!(verified(Path::new("/"), &["--answer", run_in.join("m.json").to_str().expect("text")], 0), all);
    let from = run_in.canonicalize().expect("a folder");
    fs::rename(&run_in, case.path().join("moved")).expect("a folder");
    let here = ["--answer", "moved/m.json"];
    assert_eq!(verified(case.path(), &here, 1), ["changed answer", "missing logs/imap", "missing uids"]);
    let root = format!("{}=moved", from.display());
    assert_eq!(verified(case.path(), &["--root", &root, "--answer", "moved/m.json"], 0), all);
    for bad in ["x", "=x", "x="] {
        run(case.path(), &["verify", "--root", bad, "moved/m.json"]).exit(2);
    }
}

#[test]
fn a_manifest_is_written_once() {
    let folder = folder(&[("imap", ed().as_bytes()), ("m.json", b"mine")]);
    let args = ["-a", "--manifest", "m.json", "imap"];
    let refused = run(folder.path(), &args).exit(2);
    assert!(refused.err().contains("m.json") && refused.err().contains("--force"), "{}", refused.err());
    assert_eq!(fs::read(folder.path().join("m.json")).expect("the file"), b"mine");
    run(folder.path(), &[&args[..], &["--force"]].concat()).exit(0);
    assert_eq!(manifest(folder.path(), "m.json")["manifest"], 1);
    for more in [&["--plan"][..], &["-o", "m.json"], &["-o", "./m.json"]] {
        run(folder.path(), &[&args[..], &["--force"], more].concat()).exit(2);
    }
    run(folder.path(), &["-a", "--manifest", "nowhere/m.json", "imap"]).exit(2);
    // Nothing to answer from, nothing to tell of.
    run(folder.path(), &["-a", "--manifest", "n.json", "nowhere"]).exit(2);
    assert!(!folder.path().join("n.json").exists());
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 2, "temporary files stay behind: {left:?}");
}

#[test]
fn what_is_no_manifest_is_refused() {
    let folder = folder(&[("imap", ed().as_bytes()), ("empty", b""), ("new", b"{\"manifest\": 2, \"x\": []}")]);
    run(folder.path(), &["-a", "--manifest", "m.json", "imap"]).exit(0);
    write(folder.path(), "json", "{\"records\":[]}");
    let whole = fs::read(folder.path().join("m.json")).expect("the manifest");
    write(folder.path(), "cut", &whole[..whole.len() / 2]);
    for bad in ["imap", "empty", "json", "cut", "nowhere", "."] {
        for args in [&["verify", bad][..], &["verify", "--answer", bad]] {
            let got = run(folder.path(), args).exit(2);
            assert!(got.stdout.is_empty() && got.err().contains(bad), "{bad}: {}", got.err());
        }
    }
    assert!(run(folder.path(), &["verify", "imap"]).err().contains("not a manifest"));
    let later = run(folder.path(), &["verify", "new"]).exit(2).err();
    assert!(later.contains("version 2") && later.contains("later"), "{later}");
    run(folder.path(), &["verify"]).exit(2);
    assert!(run(folder.path(), &["--help"]).exit(0).out().contains("--manifest"));
    assert!(run(folder.path(), &["verify", "--help"]).exit(0).out().contains("--answer"));
}

#[test]
fn a_manifest_that_lies_does_no_harm() {
    let folder = folder(&[("imap", ed().as_bytes())]);
    run(folder.path(), &["-a", "--manifest", "m.json", "imap"]).exit(0);
    let text = fs::read_to_string(folder.path().join("m.json")).expect("the manifest");
    let path = manifest(folder.path(), "m.json")["roots"][0]["path"].as_str().expect("a path").to_owned();
    // What never ends is not read.
    write(folder.path(), "endless", text.replace(&path, "/dev/zero"));
    assert_eq!(verified(folder.path(), &["--answer", "endless"], 1), ["changed answer", "changed imap"]);
    let again = text.replace("[\"-a\",\"--manifest\",\"m.json\",\"imap\"]", "[\"verify\",\"--answer\",\"again\"]");
    assert_ne!(again, text);
    write(folder.path(), "again", again);
    assert_eq!(verified(folder.path(), &["--answer", "again"], 1), ["changed answer", "same imap"]);
    write(folder.path(), "lost", text.replace("\"given\":\"imap\"", "\"given\":\"pop\""));
    let rows = verified(folder.path(), &["lost"], 1);
    assert!(rows.contains(&"missing imap".to_owned()), "{rows:?}");
    write(folder.path(), "steers", text.replace("\"path\":\"imap\"", "\"path\":\"imap\\u001b[31m\""));
    let shown = run(folder.path(), &["verify", "steers"]).exit(1);
    assert!(!shown.stdout.contains(&0x1b) && shown.out().contains("\\x1b"), "{}", shown.out());
}

#[test]
fn names_that_are_no_text_can_be_had_back() {
    let folder = folder(&[]);
    let name = OsStr::from_bytes(b"im\xffap\\x");
    fs::write(folder.path().join(name), ed()).expect("a file");
    let args = [OsStr::new("-a"), OsStr::new("--manifest"), OsStr::new("m.json"), name];
    run(folder.path(), &args).exit(0);
    let rows = verified(folder.path(), &["--answer", "m.json"], 0);
    assert_eq!(rows, ["same answer", "same im\\xffap\\\\x"]);
}

#[test]
fn the_zone_of_this_machine_is_kept() {
    let folder = folder(&[("imap", ed().as_bytes())]);
    let args = ["-a", "--tz", "local", "--format", "jsonl", "--manifest", "m.json", "imap"];
    for zone in ["America/New_York", "UTC"] {
        let args = [&args[..], &["--force"]].concat();
        finish(clean(IMSTRAIL, folder.path()).env("TZ", zone).args(args), None).exit(0);
        assert_eq!(manifest(folder.path(), "m.json")["environment"]["TZ"], zone);
        let args = ["verify", "--answer", "--format", "jsonl", "m.json"];
        let got = finish(clean(IMSTRAIL, folder.path()).env("TZ", "Asia/Tokyo").args(args), None).exit(0);
        assert_eq!(got.rows().iter().map(told).collect::<Vec<_>>(), ["same imap", "same answer"], "{zone}");
    }
    run(folder.path(), &["-a", "--manifest", "m.json", "--force", "imap"]).exit(0);
    assert_eq!(manifest(folder.path(), "m.json")["environment"], serde_json::json!({}));
}

#[test]
fn a_closed_pipe_leaves_no_manifest() {
    let log: String = (0..30_000).map(|n| login("10:00:00", 1024 + n, &format!("u{n:05}"))).collect();
    let folder = folder(&[("imap", log.as_bytes())]);
    let mut command = clean(IMSTRAIL, folder.path());
    let mut child = command.args(["-a", "--manifest", "m.json", "imap"]).spawn().expect("the program starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("manifest is not written"));
    assert!(!folder.path().join("m.json").exists());
}

#[test]
fn lines_that_are_passed_over_are_counted() {
    let many: String = (0..3000).map(|n| login("10:05:00", 1024 + n, "ann")).collect();
    let folder = folder(&[("imap", (ed() + &many).as_bytes())]);
    run(folder.path(), &["-a", "-u", "ed", "--manifest", "m.json", "imap"]).exit(0);
    let read = manifest(folder.path(), "m.json");
    let item = input(&read, "imap", None);
    let count = |key: &str| item[key].as_u64().expect("a number");
    assert_eq!((count("lines"), count("rejects")), (3001, 0));
    assert!(count("passed_over") > 2000 && count("events") + count("passed_over") == 3001, "{item}");
}

#[test]
fn a_copy_in_an_archive_is_hashed_as_well() {
    let files = [("a".to_owned(), ed().into_bytes()), ("b".to_owned(), ann().into_bytes())];
    let folder = folder(&[("imap", (ed() + "more\n").as_bytes()), ("x.tar", &tar(&files))]);
    run(folder.path(), &["-a", "--manifest", "m.json", "imap", "x.tar"]).exit(0);
    let read = manifest(folder.path(), "m.json");
    let told = |member| {
        let item = input(&read, "x.tar", Some(member));
        (item["state"].as_str().expect("a state").to_owned(), item["sha256"].as_str().expect("a hash").to_owned())
    };
    assert_eq!(told("a"), ("copy".to_owned(), sha(ed().as_bytes())));
    assert_eq!(told("b"), ("read".to_owned(), sha(ann().as_bytes())));
}
