//! A tour of bad input and of the command line's manners, through the binary.

mod common;

use common::pack::{Codec, gz, tar};
use common::{Dice, ENVIRONMENT, IMSTRAIL, clean, finish, login, run, run_with, write};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, bytes) in files {
        write(folder.path(), path, bytes);
    }
    folder
}

/// The users of `-a`.
fn users(folder: &Path, paths: &[&str], code: i32) -> (Vec<String>, String) {
    let args: Vec<&str> = ["-a", "--format", "jsonl"].iter().chain(paths).copied().collect();
    let got = run(folder, &args).exit(code);
    let user = |row: &serde_json::Value| row["user"].as_str().expect("a user").to_string();
    (got.rows().iter().map(user).collect(), got.err())
}

fn ed() -> String {
    login("10:00:00", 40001, "ed")
}

fn ann() -> String {
    login("10:05:00", 40002, "ann")
}

/// Logins of so many users, `u00000` and on.
fn many(count: usize) -> String {
    let clock = |n: usize| format!("{:02}:{:02}:{:02}", 10 + n / 3600, n / 60 % 60, n % 60);
    (0..count).map(|n| login(&clock(n), 1024 + n as u16, &format!("u{n:05}"))).collect()
}

// Damaged, strange and missing files

#[test]
fn a_truncated_file_gives_every_line_before_the_cut() {
    let text = many(3000);
    for codec in Codec::ALL {
        let packed = codec.compress(text.as_bytes());
        let cut = &packed[..packed.len() * 6 / 10];
        let name = format!("cut.{}", codec.extension());
        let folder = folder(&[(&name, cut), ("whole", ed().as_bytes())]);
        let (users, stderr) = users(folder.path(), &["."], 1);
        let read = readable(codec, cut);
        let lines = read.iter().filter(|b| **b == b'\n').count();
        assert!(codec == Codec::Bz2 || lines > 500, "{codec:?}: {lines}");
        let got = users.iter().filter(|u| u.starts_with('u')).count();
        assert!(got >= lines, "{codec:?}: of {lines} whole lines before the cut only {got} were read");
        let in_order = users.iter().filter(|u| u.starts_with('u')).enumerate();
        assert!(in_order.clone().all(|(n, user)| *user == format!("u{n:05}")), "{codec:?}: lines are missing");
        assert!(users.contains(&"ed".to_string()));
        let note = stderr.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("{name}: {stderr}"));
        let place = note.replace(&name, "");
        assert!(place.contains(|c: char| c.is_ascii_digit()), "no place in: {note}");
    }
}

/// What can be decoded of a damaged file, read byte by byte.
fn readable(codec: Codec, bytes: &[u8]) -> Vec<u8> {
    let mut reader: Box<dyn Read> = match codec {
        Codec::Gz => Box::new(flate2::read::GzDecoder::new(bytes)),
        Codec::Zst => Box::new(zstd::Decoder::new(bytes).expect("memory")),
        Codec::Bz2 => Box::new(bzip2::read::BzDecoder::new(bytes)),
        Codec::Xz => Box::new(liblzma::read::XzDecoder::new(bytes)),
    };
    let mut out = Vec::new();
    let mut byte = [0];
    while let Ok(1) = reader.read(&mut byte) {
        out.push(byte[0]);
    }
    out
}

#[test]
fn a_byte_changed_in_a_gzip_file_is_reported() {
    let mut packed = gz(many(3000).as_bytes());
    let end = packed.len();
    packed[end - 6] ^= 1; // its check sum
    let folder = folder(&[("changed.gz", &packed)]);
    let (users, stderr) = users(folder.path(), &["."], 1);
    assert_eq!(users.len(), 3000);
    assert!(stderr.contains("changed.gz"), "{stderr}");
}

#[test]
fn a_truncated_tar_gives_what_it_holds() {
    let files = [("imap.1.1".to_string(), many(300).into_bytes()), ("imap.2.2".to_string(), ed().into_bytes())];
    let packed = tar(&files);
    let folder = folder(&[("cut.tar", &packed[..20_000])]);
    let (users, stderr) = users(folder.path(), &["."], 1);
    assert!(users.len() > 100, "{}", users.len());
    assert!(stderr.contains("cut.tar"), "{stderr}");
}

#[test]
fn random_bytes_and_pictures_beside_logs_change_nothing() {
    let mut random = vec![b'Q'];
    random.extend(Dice(5).bytes(200_000));
    let mut picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR".to_vec();
    picture.extend(Dice(6).bytes(30_000));
    let log = ed() + &ann();
    let files = [("logs/imap", log.as_bytes()), ("logs/random", &random), ("logs/picture.png", &picture)];
    let folder = folder(&files);
    let (users, stderr) = users(folder.path(), &["logs"], 0);
    assert_eq!(users, ["ann", "ed"]);
    assert!(stderr.contains("picture.png") && stderr.contains("random"), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn an_empty_file_is_no_failure() {
    let folder = folder(&[("logs/imap", b""), ("logs/pop", ed().as_bytes())]);
    assert_eq!(users(folder.path(), &["logs"], 0).0, ["ed"]);
    assert_eq!(users(folder.path(), &["logs/imap"], 0).0, [] as [&str; 0]);
    assert_eq!(run_with(folder.path(), &["-a", "--format", "jsonl"], b"").exit(0).out(), "");
}

#[test]
fn a_folder_without_logs_is_no_failure() {
    let folder = folder(&[("photos/a.png", b"\x89PNG\r\n\x1a\n")]);
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    for path in ["photos", "empty"] {
        let (users, stderr) = users(folder.path(), &[path], 0);
        assert_eq!(users, [] as [&str; 0]);
        assert!(!stderr.trim().is_empty(), "{path}: an empty answer without a word of why");
    }
}

#[test]
fn a_dangling_link_inside_a_walked_folder_is_a_note() {
    let folder = folder(&[("logs/imap", ed().as_bytes())]);
    symlink("nowhere", folder.path().join("logs/dangling")).expect("a link");
    let (users, stderr) = users(folder.path(), &["logs"], 0);
    assert_eq!(users, ["ed"]);
    assert!(stderr.contains("dangling"), "{stderr}");
}

#[test]
fn a_dangling_link_given_by_name_is_missing() {
    let folder = folder(&[("imap", ed().as_bytes())]);
    symlink("nowhere", folder.path().join("dangling")).expect("a link");
    let (users, stderr) = users(folder.path(), &["dangling", "imap"], 1);
    assert_eq!(users, ["ed"]);
    assert!(stderr.contains("dangling"), "{stderr}");
}

#[test]
fn a_missing_path_fails_and_ends_nothing() {
    let folder = folder(&[("imap", ed().as_bytes())]);
    let (with_another, stderr) = users(folder.path(), &["nowhere/imap", "imap"], 1);
    assert_eq!(with_another, ["ed"]);
    assert!(stderr.contains("nowhere/imap"), "{stderr}");
    let plan = run(folder.path(), &["-a", "--plan", "nowhere/imap", "imap"]).exit(1);
    assert!(plan.out().contains("1 file") && plan.err().contains("nowhere/imap"), "{}", plan.err());
    let alone = run(folder.path(), &["-a", "nowhere/imap"]).exit(2);
    assert!(alone.stdout.is_empty() && alone.err().contains("nowhere/imap"), "{}", alone.err());
    // Behind an option a command is a path like others.
    let command = run(folder.path(), &["-c", "sessions", "imap"]).exit(1);
    assert!(command.err().contains("sessions: no such file or folder"), "{}", command.err());
    assert!(command.err().contains("if the command is meant, it stands first"), "{}", command.err());
    write(folder.path(), "sessions", ed());
    assert!(!run(folder.path(), &["-c", "sessions", "imap"]).exit(0).err().contains("command"));
}

#[test]
fn links_in_circles_end() {
    let folder = folder(&[("logs/a/imap", ed().as_bytes())]);
    let logs = folder.path().join("logs");
    symlink("..", logs.join("a/up")).expect("a link");
    symlink(".", logs.join("a/here")).expect("a link");
    symlink("itself", logs.join("itself")).expect("a link");
    symlink("other", logs.join("one")).expect("a link");
    symlink("one", logs.join("other")).expect("a link");
    let got = run(folder.path(), &["-c", "--format", "jsonl", "logs"]);
    assert_eq!(got.rows().len(), 1, "{}", got.err());
    // A link to itself leads nowhere, as a dangling one.
    got.exit(0);
}

#[test]
fn a_file_given_twice_is_read_once() {
    let folder = folder(&[("logs/imap", (ed() + &ann()).as_bytes())]);
    symlink("imap", folder.path().join("logs/link")).expect("a link");
    fs::hard_link(folder.path().join("logs/imap"), folder.path().join("logs/hard")).expect("a link");
    let once = run(folder.path(), &["-c", "--format", "jsonl", "logs/imap"]).exit(0);
    assert_eq!(once.rows().len(), 2);
    for paths in [vec!["logs/imap", "logs/imap"], vec!["logs/imap", "./logs/../logs/imap"], vec!["logs", "logs/imap"]] {
        let args: Vec<&str> = ["-c", "--format", "jsonl"].into_iter().chain(paths).collect();
        assert_eq!(run(folder.path(), &args).exit(0).out(), once.out(), "{args:?}");
    }
}

#[test]
fn an_unreadable_file_ends_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[("logs/imap", ed().as_bytes()), ("logs/secret", ann().as_bytes())]);
    let secret = folder.path().join("logs/secret");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::File::open(&secret).is_ok() {
        return; // root reads everything
    }
    let (users, stderr) = users(folder.path(), &["logs"], 1);
    assert_eq!(users, ["ed"]);
    assert!(stderr.contains("secret"), "{stderr}");
}

#[test]
fn more_files_than_may_be_open() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for n in 0..400 {
        let line = login("10:00:00", 1024 + n, &format!("u{n:05}"));
        let (name, bytes) = match n % 3 {
            0 => (format!("logs/{n}.gz"), gz(line.as_bytes())),
            1 => (format!("logs/{n}.zst"), Codec::Zst.compress(line.as_bytes())),
            _ => (format!("logs/{n}"), line.into_bytes()),
        };
        write(folder.path(), &name, bytes);
    }
    for query in ["-a", "-c"] {
        let script = format!("ulimit -n 128 && exec \"$0\" {query} -j 8 --format jsonl logs");
        let got = finish(clean("/bin/sh", folder.path()).args(["-c", &script, IMSTRAIL]), None).exit(0);
        assert_eq!(got.rows().len(), 400, "{}", got.err());
    }
}

// Strange lines

#[test]
fn a_line_without_end_takes_no_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = clean(IMSTRAIL, folder.path());
    command.args(["-a", "-j", "2", "--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let block = [b'x'; 1 << 16];
    pipe.write_all(ed().as_bytes()).expect("a reader");
    for _ in 0..1600 {
        pipe.write_all(&block).expect("a reader");
    }
    // All but the pipe's own buffer has been read by now; what was kept is still held.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
    pipe.write_all(format!("\n{}", ann()).as_bytes()).expect("a reader");
    drop(pipe);
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document");
    assert_eq!(document["records"].as_array().map(Vec::len), Some(2));
    let reject = &document["tally"]["reject"];
    assert_eq!((reject["lines"].as_u64(), reject["bytes"].as_u64()), (Some(1), Some(1600 * 65_536 + 1)), "{reject}");
    if let Ok(status) = status {
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        let peak: u64 = line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
        assert!(peak < 200_000, "a peak of {peak} kB");
    }
}

#[test]
fn impossible_dates_are_rejects() {
    let bad = [
        "[31/Feb/2019:10:00:00 +0200]",
        "[29/Feb/2019:10:00:00 +0200]",
        "[00/Jan/2019:10:00:00 +0200]",
        "[32/Jan/2019:10:00:00 +0200]",
        "[29/Mai/2019:10:00:00 +0200]",
        "[29/May/2019:24:00:00 +0200]",
        "[29/May/2019:10:60:00 +0200]",
        "[29/May/2019:10:00:61 +0200]",
        "[29/May/2019:10:00:00 +9900]",
        "[29/May/-019:10:00:00 +0200]",
        "[29/May/2019:10:00:00]",
    ];
    let tail = " store1 imapd[100]: Account Information: login [192.0.2.7:1] ghost plaintext\n";
    let starts =
        ["2019/13/1 9:00:00 0:30:00", "2019/2/30 9:00:00 0:30:00", "2019/5/29 25:00:00 0:30:00", "x y 0:30:00"];
    let close = |start: &str| {
        format!(
            "[29/May/2019:10:00:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:1] ghost {start} 1 2 3\n"
        )
    };
    let mut text = ed();
    text.extend(bad.iter().map(|stamp| format!("{stamp}{tail}")));
    text.extend(starts.iter().map(|start| close(start)));
    let folder = folder(&[("imap", text.as_bytes())]);
    let document = run(folder.path(), &["-a", "--format", "json", "imap"]).exit(0).document();
    let users: Vec<_> = document["records"].as_array().expect("records").iter().map(|r| r["user"].as_str()).collect();
    assert_eq!(users, [Some("ed")]);
    let rejects = bad.len() + starts.len();
    assert_eq!(document["tally"]["reject"]["lines"].as_u64(), Some(rejects as u64), "{}", document["tally"]);
}

#[test]
fn the_ends_of_time_are_read_without_a_fall() {
    let line = |stamp: &str, user: &str| {
        format!("[{stamp}] store1 imapd[100]: Account Information: login [192.0.2.7:1] {user} plaintext\n")
    };
    let close = "[01/Jan/1970:00:00:00 +0000] store1 imapd[100]: Account Notice: \
                 close [192.0.2.7:1] old 1970/1/1 0:00:00 999999999:00:00 1 2 3\n";
    let huge = "[01/Jan/1970:00:00:00 +0000] store1 imapd[100]: Account Notice: close [192.0.2.7:1] big \
                1970/1/1 0:00:00 0:00:00 99999999999999999999999 18446744073709551615 3\n";
    let text = line("01/Jan/0001:00:00:00 +0000", "first") + &line("31/Dec/9999:23:59:59 -0959", "last") + close + huge;
    let folder = folder(&[("imap", text.as_bytes())]);
    let queries = [
        vec!["-a"],
        vec!["-c"],
        vec!["sessions"],
        vec!["coverage"],
        vec!["messages"],
        vec!["-a", "--tz", "Asia/Tokyo"],
    ];
    for args in queries {
        for format in ["table", "json", "jsonl", "csv"] {
            let args: Vec<&str> = args.iter().copied().chain(["--format", format, "imap"]).collect();
            let got = run(folder.path(), &args).exit(0);
            assert!(!got.err().contains("panicked"), "{args:?}: {}", got.err());
        }
    }
}

#[test]
fn nul_bytes_and_invalid_utf8_do_not_hide_the_lines_beside_them() {
    let mut text = ed().into_bytes();
    text.extend([0u8; 5000]);
    text.push(b'\n');
    text.extend(ann().bytes());
    text.extend(b"\xff\xfe\xfd\n");
    text.extend(login("10:10:00", 40003, "bob").bytes());
    text.extend(b"[29/May/2019:10:11:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:5] \xc3\xa9\xff plaintext\n");
    text.extend(login("10:12:00", 40004, "cy").trim_end().replace('\n', "").bytes());
    text.extend(b"\r\n");
    let folder = folder(&[("imap", &text)]);
    let got = run(folder.path(), &["-a", "--format", "jsonl", "imap"]).exit(0);
    assert!(String::from_utf8(got.stdout.clone()).is_ok(), "stdout is no UTF-8");
    let users: Vec<_> = got.rows().iter().map(|row| row["user"].as_str().expect("a user").to_string()).collect();
    assert_eq!(users.len(), 5, "{users:?}");
    for user in ["ann", "bob", "cy", "ed"] {
        assert!(users.iter().any(|u| u == user), "{users:?}");
    }
}

#[test]
fn text_out_of_a_log_never_reaches_a_terminal_raw() {
    let names: [&[u8]; 7] = [
        b"\x1b[31mred",
        b"\x1b]0;owned\x07",
        b"a\tb\x08\x7f",
        b"\x9b31m",
        b"\xc2\x9b31m",
        b"\xc2\x85next",
        b"\x00\x01\r",
    ];
    let mut text = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let head = format!("[29/May/2019:10:00:{n:02} +0200] store1 imapd[100]: Account");
        for (what, tail) in [
            ("Information: login [192.0.2.7:1] ", " plaintext"),
            ("Notice: badlogin: [192.0.2.7:1] plaintext ", " authentication failure"),
        ] {
            text.extend(format!("{head} {what}").bytes());
            text.extend(*name);
            text.extend(tail.bytes());
            text.push(b'\n');
        }
        // As the store, the mechanism, an unknown message and a reject.
        for (before, after) in [
            (
                &b"[29/May/2019:10:01:00 +0200] s"[..],
                &b" imapd[100]: Account Information: login [192.0.2.7:1] eve plaintext\n"[..],
            ),
            (b"[29/May/2019:10:01:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:1] eve ", b"\n"),
            (b"[29/May/2019:10:01:00 +0200] store1 imapd[100]: General Notice: frob ", b"\n"),
            (b"[29/May/2019:10:01:00 +0200] store1 imapd[100]: Store Information:fetch:ed:user/", b":<\x1b[32m@x>\n"),
            (b"reject ", b"\n"),
        ] {
            text.extend(before);
            text.extend(*name);
            text.extend(after);
        }
    }
    let folder = folder(&[("imap\x1b[31m", &text), ("imap.1\n2", b"reject\n")]);
    let queries: [&[&str]; 7] =
        [&["-a"], &["-c"], &["-a", "-u", "\x1b[31mred"], &["sessions"], &["failures"], &["coverage"], &["messages"]];
    let mut errors = Vec::new();
    for query in queries {
        for format in ["", "table", "json", "jsonl", "csv"] {
            let format: &[&str] = if format.is_empty() { &[] } else { &["--format", format] };
            let args: Vec<&str> = query.iter().chain(format).copied().chain(["."]).collect();
            let got = run(folder.path(), &args);
            if got.code != Some(0) {
                errors.push(format!("{args:?}: exit {:?}: {}", got.code, got.err()));
            }
            for (name, bytes) in [("stdout", got.stdout), ("stderr", got.stderr)] {
                match String::from_utf8(bytes) {
                    Ok(shown) => {
                        let raw = shown.split('\n').filter(|line| line.contains(char::is_control));
                        errors.extend(raw.map(|line| format!("{args:?}: {name}: {line:?}")));
                    }
                    Err(e) => errors.push(format!("{args:?}: {name} is no UTF-8: {e}")),
                }
            }
        }
    }
    assert!(errors.is_empty(), "control characters:\n{}", errors.join("\n"));
}

#[test]
fn users_of_different_bytes_are_shown_differently() {
    let mut text = login("10:00:00", 40001, "a\\xff").into_bytes();
    text.extend(
        b"[29/May/2019:10:00:01 +0200] store1 imapd[100]: Account Information: login [192.0.2.7:2] a\xff plaintext\n",
    );
    let folder = folder(&[("imap", &text)]);
    let (users, _) = users(folder.path(), &["imap"], 0);
    assert_eq!(users.len(), 2);
    assert_ne!(users[0], users[1], "nobody can tell whose row is whose");
}

#[test]
fn rows_of_one_instant_are_ordered_by_user_whatever_the_offset() {
    let line = |stamp: &str, store: &str, user: &str| {
        format!("[{stamp}] {store} imapd[100]: Account Information: login [192.0.2.7:1] {user} plaintext\n")
    };
    let text =
        line("29/May/2019:08:00:00 +0000", "store2", "zed") + &line("29/May/2019:10:00:00 +0200", "store1", "ann");
    let folder = folder(&[("imap", text.as_bytes())]);
    for tz in ["log", "utc"] {
        let got = run(folder.path(), &["-c", "--tz", tz, "--format", "jsonl", "imap"]).exit(0);
        let users: Vec<_> = got.rows().iter().map(|row| row["user"].clone()).collect();
        assert_eq!(users, ["ann", "zed"], "--tz {tz}");
    }
}

// Manners

/// Wrong usage: exit 2, nothing on standard output, and on standard error all of these.
#[track_caller]
fn refused(args: &[&str], has: &[&str]) {
    let folder = folder(&[("imap", ed().as_bytes())]);
    let args: Vec<&str> = args.iter().copied().chain(["imap"]).collect();
    let got = run(folder.path(), &args);
    let stderr = got.err();
    assert_eq!(got.code, Some(2), "{args:?}: {stderr}");
    assert!(got.stdout.is_empty(), "{args:?}: {}", got.out());
    for part in has {
        assert!(stderr.to_lowercase().contains(&part.to_lowercase()), "{args:?}: no {part:?} in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[cfg(not(any(feature = "parquet", feature = "sqlite")))]
#[test]
fn formats_that_were_left_out_say_how_to_get_them() {
    for format in ["parquet", "sqlite"] {
        let feature = format!("--features {format}");
        refused(&["-a", "--format", format, "samples"], &[&feature, "--format csv"]);
        refused(&["-a", "--format", format, "-o", "nowhere/answer", "samples"], &[&feature, "--format csv"]);
    }
}

#[test]
fn wrong_usage_says_what_was_expected() {
    refused(&["-a", "--bogus"], &["--bogus", "--help"]);
    refused(&["-a", "--sicne", "2019-05-29"], &["--since"]);
    refused(&["-c", "-s", "ftp"], &["ftp", "imap", "http", "pop"]);
    refused(&["-c", "--at", "yesterday"], &["yesterday", "RFC 3339", "/May/2019"]);
    refused(&["-c", "--at", "2019-02-30T00:00:00Z"], &["2019-02-30"]);
    refused(&["-a", "--since", "29/Mai/2019:10:00:00"], &["29/Mai/2019", "/May/2019"]);
    refused(&["-a", "--until", "2019-05-29T25:00:00"], &["2019-05-29T25:00:00"]);
    refused(&["-a", "--tz", "Mars/Olympus"], &["Mars/Olympus", "log", "utc", "local"]);
    refused(&["-a", "--format", "xml"], &["xml", "table", "json", "jsonl", "csv"]);
    refused(&["-a", "-j", "0"], &["0"]);
    refused(&["-a", "-j", "many"], &["many"]);
    refused(&["-a", "--color", "blue"], &["auto", "always", "never"]);
    refused(&["-a", "--progress", "always"], &["auto", "never"]);
    refused(&["-a", "--grammar", "nowhere.toml"], &["nowhere.toml"]);
    refused(&["-a", "-f", "nowhere.txt"], &["nowhere.txt"]);
    refused(&["-a", "--at", "2019-05-29T10:00:00Z"], &["--at", "-c"]);
    refused(&["-a", "--store-alias", "store1"], &["OLD=NEW"]);
    refused(&[], &["-a", "-c"]);
}

#[test]
fn disconnecting_is_refused_with_a_reason() {
    for args in [&["-k"][..], &["-k", "-u", "ed"], &["-c", "-k"]] {
        refused(args, &["-k", "imsconnutil"]);
    }
}

#[test]
fn help_has_examples() {
    let folder = folder(&[]);
    let help = run(folder.path(), &["--help"]).exit(0);
    let text = help.out();
    assert!(text.to_lowercase().contains("examples"), "{text}");
    assert!(text.lines().any(|line| line.trim_start().trim_start_matches("$ ").starts_with("imstrail -")), "{text}");
    assert!(help.stderr.is_empty() && text.lines().all(|line| line.chars().count() <= 120), "{text}");
    for option in ["--at", "--since", "--until", "--tz", "--format", "--threads", "--grammar", "--store-alias", "-u"] {
        assert!(text.contains(option), "{option}");
    }
    let short = run(folder.path(), &["-h"]).exit(0).out();
    assert!(short.contains("--at"), "{short}");
    for command in ["sessions", "failures", "coverage", "messages", "report"] {
        assert!(text.contains(command), "{command}");
        assert!(run(folder.path(), &[command, "--help"]).exit(0).out().contains("PATH"), "{command}");
    }
}

#[test]
fn one_wording_on_the_law() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = include_str!("../README.md");
    let (_, law) = readme.split_once("## The law\n").expect("a chapter");
    let law = words(law.split("\n\n").next().expect("a paragraph"));
    assert!(law.contains("personal data") && law.contains("liable") && law.matches(". ").count() == 1, "{law}");
    let help = run(folder(&[]).path(), &["--help"]).exit(0).out();
    assert!(words(&help).contains(&law), "{help}");
    assert_eq!(imstrail::answer::report::LAW, law);
}

#[test]
fn the_version_is_the_crates() {
    let folder = folder(&[]);
    let expected = concat!("imstrail ", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-V"] {
        let text = run(folder.path(), &[flag]).exit(0).out();
        assert!(text.trim_end().starts_with(expected), "{text}");
    }
}

#[test]
fn shortened_options_name_the_whole_ones() {
    let folder = folder(&[]);
    for (short, whole) in [("--h", "--help"), ("--v", "--version")] {
        let got = run(folder.path(), &[short]);
        let text = got.out() + &got.err();
        assert!(got.code == Some(0) || (got.code == Some(2) && text.contains(whole)), "{short}: {:?} {text}", got.code);
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let folder = folder(&[("imap", many(30_000).as_bytes())]);
    let mut errors = Vec::new();
    for query in [["-a", "jsonl"], ["-a", "table"], ["-a", "csv"], ["-c", "csv"], ["-c", "json"], ["sessions", "jsonl"]]
    {
        let mut command = clean(IMSTRAIL, folder.path());
        let mut child = command.args([query[0], "--format", query[1], "imap"]).spawn().expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert!(!line.is_empty());
        let output = child.wait_with_output().expect("the program ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let loud = ["panic", "error", "broken pipe"].iter().any(|word| stderr.to_lowercase().contains(word));
        // 0, or ended by SIGPIPE as other tools are.
        if loud || !matches!(output.status.code(), Some(0) | None) {
            errors.push(format!("{query:?}: {:?}: {stderr}", output.status));
        }
    }
    assert!(errors.is_empty(), "not quiet:\n{}", errors.join("\n"));
}

#[test]
fn a_closed_standard_error_stops_nothing() {
    let folder = folder(&[("imap", (ed() + "reject\n").as_bytes())]);
    let script = "exec \"$0\" -a --format jsonl imap nowhere 2>&-";
    let got = finish(clean("/bin/sh", folder.path()).args(["-c", script, IMSTRAIL]), None);
    assert_eq!((got.code, got.rows().len()), (Some(1), 1));
}

#[test]
fn a_full_disk_is_an_error() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = folder(&[("imap", many(3000).as_bytes())]);
    for query in ["-a", "-c"] {
        let script = format!("exec \"$0\" {query} --format jsonl imap >/dev/full");
        let got = finish(clean("/bin/sh", folder.path()).args(["-c", &script, IMSTRAIL]), None);
        assert!(got.code.is_some_and(|code| code != 0), "{query}: {:?}", got.code);
        assert!(!got.stderr.is_empty() && !got.err().contains("panicked"), "{}", got.err());
    }
}

#[test]
fn the_callers_terminal_and_colours_change_nothing() {
    let folder = folder(&[("imap", (ed() + "reject\n").as_bytes())]);
    let plain = run(folder.path(), &["-c", "-a", "imap"]).exit(0);
    for (name, value) in
        [("TERM", "xterm-256color"), ("COLUMNS", "20"), ("CLICOLOR_FORCE", ""), ("LC_ALL", "de_DE.UTF-8")]
    {
        let got = finish(clean(IMSTRAIL, folder.path()).args(["-c", "-a", "imap"]).env(name, value), None).exit(0);
        assert_eq!((got.out(), got.err()), (plain.out(), plain.err()), "{name}={value}");
    }
    let never = run(folder.path(), &["-c", "-a", "--color", "never", "--progress", "never", "imap"]).exit(0);
    assert_eq!((never.out(), never.err()), (plain.out(), plain.err()));
    assert_eq!(ENVIRONMENT[0], ("TZ", "UTC"));
}

#[test]
fn an_answer_is_written_to_a_file_once() {
    let folder = folder(&[("imap", ed().as_bytes())]);
    let stdout = run(folder.path(), &["-a", "--format", "jsonl", "imap"]).exit(0).out();
    let args = ["-a", "--format", "jsonl", "-o", "out.jsonl", "imap"];
    assert_eq!(run(folder.path(), &args).exit(0).out(), "");
    let written = || fs::read_to_string(folder.path().join("out.jsonl")).expect("the file");
    assert_eq!(written(), stdout);
    fs::write(folder.path().join("out.jsonl"), "mine").expect("a file");
    let refused = run(folder.path(), &args).exit(2);
    assert!(refused.err().contains("out.jsonl") && refused.err().contains("--force"), "{}", refused.err());
    assert_eq!(written(), "mine");
    let forced: Vec<&str> = args.iter().copied().chain(["--force"]).collect();
    run(folder.path(), &forced).exit(0);
    assert_eq!(written(), stdout);
}

/// `-o` takes the place of nothing but a regular file, and never of a log that is to be read, `--force` or not.
#[test]
fn an_answer_replaces_no_device_and_no_log() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = common::login("10:00:00", 1, "ed");
    write(folder.path(), "imap", &text);
    for option in ["-o", "--manifest"] {
        for (place, why) in
            [("/dev/null", "is no regular file"), (".", "is no regular file"), ("./imap", "is to be read")]
        {
            let run = run(folder.path(), &["-a", option, place, "--force", "imap"]).exit(2);
            assert!(run.err().contains(why) && run.err().contains(option), "{option} {place}: {}", run.err());
        }
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("imap")).expect("the log"), text);
}
