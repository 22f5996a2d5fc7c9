//! `--pseudonymize`: nothing of what it replaces is in any answer, and what stands in its place tells the same story.
//!
//! Everything that names somebody or something is collected from archives, every question is asked in every format, and what comes out,
//! on standard output, on standard error and in the file of `-o`, is searched for every original. Then answers with pseudonyms are
//! compared with those without, row by row, by a second way of making them.

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::pack::{gz, tar};
use common::{run, write, write_all};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use sim::{Archive, Config, Level, simulate};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use tempfile::TempDir;

const KEY: &[u8] = b"a key of more than sixteen bytes";

/// Words that are names of files or users, but of services and stores too, which stay, or words of the program's own.
const STAY: [&str; 7] = ["imap", "http", "pop", "store1", "store2", "info", "test"];

/// A folder with a key, in a file that only its owner may read.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_key(folder.path(), KEY);
    folder
}

fn write_key(folder: &Path, key: &[u8]) {
    let path = folder.join("the.key");
    fs::write(&path, key).expect("a key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
}

/// What must not come out: of each text that has three characters or more, in lower case.
#[derive(Default)]
struct Originals(BTreeSet<String>);

impl Originals {
    fn add(&mut self, text: &str) {
        let text = text.to_lowercase();
        if text.chars().count() >= 3 && !STAY.contains(&text.as_str()) {
            self.0.insert(text);
        }
    }

    /// The address of a peer as shown.
    fn add_peer(&mut self, from: &str) {
        self.add(&address_of(from).to_string());
    }

    /// A path, and the names in it.
    fn add_path(&mut self, path: &str) {
        self.add(path);
        path.split(['/', '!']).for_each(|name| self.add(name));
    }

    /// A line of the message trace: `verb:user:folder:size:<id>`.
    fn add_trace(&mut self, line: &str) {
        for verb in ["append:", "fetch:", "expunge:"] {
            let Some((_, rest)) = line.split_once(&format!("Information:{verb}")) else { continue };
            rest.trim_end().split(':').filter(|part| part.parse::<u64>().is_err()).for_each(|part| self.add(part));
        }
    }

    /// Those that stand in a text as whole words.
    fn found_in(&self, text: &str) -> Vec<&str> {
        let text = text.to_lowercase();
        let is_whole = |at: usize, length: usize| {
            let (before, behind) = (text[..at].chars().next_back(), text[at + length..].chars().next());
            !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
        };
        // Most are told to be missing by one of their words.
        let words: HashSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let may_be_there = |word: &&String| {
            word.split(|c: char| !c.is_alphanumeric()).all(|part| words.contains(part) || part.is_empty())
        };
        let is_there = |word: &&String| text.match_indices(word.as_str()).any(|(at, word)| is_whole(at, word.len()));
        self.0.iter().filter(may_be_there).filter(is_there).map(String::as_str).collect()
    }
}

/// The address of a peer as shown, or as lines may write it: IPv6 without brackets, with its port behind it.
fn address_of(from: &str) -> IpAddr {
    let socket = from.parse().map(|socket: SocketAddr| socket.ip());
    let bare = || from.parse().ok().or_else(|| from.rsplit_once(':')?.0.parse().ok());
    socket.ok().or_else(bare).unwrap_or_else(|| panic!("{from}"))
}

/// Every question, in every format; `user` and `network` are those that are asked for.
fn questions(user: &str, network: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for question in ["-a", "-c", "sessions", "failures", "messages", "coverage"] {
        let is_of_events = matches!(question, "sessions" | "failures");
        let events = if is_of_events { &["timesketch", "ecs", "ocsf"][..] } else { &[] };
        for format in ["table", "json", "jsonl", "csv"].iter().chain(events) {
            let words = |more: &str| -> Vec<String> {
                let more = more.replace("USER", user).replace("NETWORK", network);
                let base = format!("{question} --format {format} {more}");
                base.split_whitespace().map(str::to_owned).collect()
            };
            all.push(words(""));
            // Events have no evidence, and coverage has none to show.
            if matches!(*format, "table" | "json" | "csv") && question != "coverage" {
                all.push(words("--evidence"));
            }
            if question != "coverage" {
                all.push(words("-u USER -u never.seen.before"));
            }
            if is_of_events {
                all.push(words("--from NETWORK"));
            }
        }
    }
    all.push(["-a", "-c"].map(str::to_owned).into());
    all.push(["explain", "-u", user].map(str::to_owned).into());
    all.push(["-a", "--plan"].map(str::to_owned).into());
    all
}

/// Asks everything, with the answer on standard output and in a file; nothing that comes out may have an original in it. How many
/// bytes came out.
fn search(folder: &Path, paths: &[&str], originals: &Originals, (user, network): (&str, &str), code: i32) -> usize {
    assert!(!originals.0.is_empty());
    let mut bytes = 0;
    for question in questions(user, network) {
        let common = ["--pseudonymize", "the.key"];
        let args = || question.iter().map(String::as_str).chain(common).chain(paths.iter().copied());
        let got = run(folder, &args().collect::<Vec<_>>()).exit(code);
        let all = [got.out(), got.err()].concat();
        let found = originals.found_in(&all);
        let shown = || all.lines().take(40).collect::<Vec<_>>().join("\n");
        assert!(found.is_empty(), "{question:?} tells of {found:?}:\n{}", shown());
        bytes += all.len();
        if question.iter().any(|word| word == "jsonl" || word == "csv") {
            continue;
        }
        let out = folder.join("answer.out");
        let to_file = run(folder, &args().chain(["-o", "answer.out"]).collect::<Vec<_>>()).exit(code);
        let written = fs::read(&out).expect("an answer");
        fs::remove_file(out).expect("the answer is there");
        assert!(written == got.stdout && to_file.stdout.is_empty(), "{question:?}");
        assert_eq!(to_file.stderr, got.stderr, "{question:?}");
    }
    bytes
}

/// The same names by a second way: what docs/output.md says of them.
fn hash(kind: &str, text: &[u8]) -> Vec<u8> {
    let mut hash = Hmac::<Sha256>::new_from_slice(KEY).expect("any length");
    hash.update(&[kind.as_bytes(), b"\0", text].concat());
    hash.finalize().into_bytes().to_vec()
}

/// The bytes of a text in JSON: where it has `\x`, backslashes are doubled and bytes that are no UTF-8 escaped.
fn bytes_of(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((before, behind)) = rest.split_once('\\').filter(|_| text.contains("\\x")) {
        bytes.extend_from_slice(before.as_bytes());
        match behind.strip_prefix('x') {
            Some(digits) => bytes.push(u8::from_str_radix(&digits[..2], 16).expect("two digits")),
            None => bytes.push(b'\\'),
        }
        rest = &behind[if behind.starts_with('x') { 3 } else { 1 }..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

fn masked_user(user: &str) -> String {
    let digits: String = hash("u-", &bytes_of(user)).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("u-{digits}")
}

fn masked_from(from: &str) -> String {
    let octets = match address_of(from) {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let hash: Vec<u8> = [0xfd].into_iter().chain(hash("address", &octets)).take(16).collect();
    let masked = Ipv6Addr::from(<[u8; 16]>::try_from(hash).expect("16 bytes"));
    from.parse::<SocketAddr>().map_or_else(|_| masked.to_string(), |socket| format!("[{masked}]:{}", socket.port()))
}

/// Rows without pseudonyms, given them by the second way.
fn masked_rows(rows: Vec<Value>) -> BTreeSet<String> {
    let masked = |mut row: Value| {
        if let Some(user) = row["user"].as_str() {
            row["user"] = masked_user(user).into();
        }
        if let Some(from) = row["from"].as_str() {
            row["from"] = masked_from(from).into();
        }
        row.to_string()
    };
    rows.into_iter().map(masked).collect()
}

/// Answers with pseudonyms have the rows of those without, all of them.
fn compare(folder: &Path, path: &str, (user, network): (&str, &str)) -> usize {
    let mut compared = 0;
    for question in ["-a", "-c", "sessions", "failures"] {
        for more in [vec![], vec!["-u", user], vec!["--from", network]] {
            if more.contains(&"--from") && question.starts_with('-') {
                continue;
            }
            let args: Vec<&str> = [question, "--format", "jsonl", path].into_iter().chain(more).collect();
            let rows = run(folder, &args).exit(0).rows();
            let with = run(folder, &args.iter().copied().chain(["--pseudonymize", "the.key"]).collect::<Vec<_>>())
                .exit(0)
                .rows();
            assert_eq!(rows.len(), with.len(), "{args:?}");
            let with: BTreeSet<String> = with.iter().map(Value::to_string).collect();
            compared += rows.len();
            assert_eq!(masked_rows(rows), with, "{args:?}");
        }
    }
    compared
}

/// A small archive with something of everything.
fn small(seed: u64, level: Level, ports: bool) -> Archive {
    let mut config = Config { seed, ..Config::default() };
    config.span.seconds = Some(2 * 3600);
    (config.site.stores, config.site.level) = (2, level);
    (config.traffic.users, config.traffic.refused, config.traffic.noise) = (40, 0.2, 0.5);
    (config.traffic.hosted, config.traffic.mixed_case, config.traffic.ipv6) = (0.3, 0.2, 0.3);
    config.traffic.ports = ports;
    config.files.rotate_bytes = 60_000;
    simulate(&config)
}

fn originals_of(archive: &Archive) -> Originals {
    let mut originals = Originals::default();
    for session in &archive.truth.sessions {
        originals.add(&session.user);
        originals.add_peer(&session.from);
    }
    for failure in &archive.truth.failures {
        originals.add(&String::from_utf8_lossy(&failure.user));
        originals.add_peer(&failure.from);
    }
    for (path, bytes) in &archive.files {
        originals.add_path(path);
        String::from_utf8_lossy(bytes).lines().for_each(|line| originals.add_trace(line));
    }
    originals
}

#[test]
fn simulated_archives() {
    let (mut bytes, mut compared) = (0, 0);
    for (seed, level, ports) in [(31, Level::Information, true), (32, Level::Notice, false)] {
        let archive = small(seed, level, ports);
        let originals = originals_of(&archive);
        let folder = folder();
        write_all(&folder.path().join("Aktenzeichen"), &archive.files);
        let user = archive.truth.sessions[0].user.to_lowercase();
        let network = format!(
            "{}/8",
            archive.truth.sessions.iter().map(|s| address_of(&s.from)).find(IpAddr::is_ipv4).expect("IPv4")
        );
        assert!(originals.0.len() > 100, "{}", originals.0.len());
        // At level Notice there is no message trace.
        let has = |start: &str| level == Level::Notice || originals.0.iter().any(|text| text.starts_with(start));
        assert!(has("user/") && has("<"));
        bytes += search(folder.path(), &["Aktenzeichen"], &originals, (&user, &network), 0);
        compared += compare(folder.path(), "Aktenzeichen", (&user, &network));
    }
    assert!(bytes > 1_000_000 && compared > 2000, "{bytes} {compared}");
}

#[test]
fn samples() {
    let folder = folder();
    symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"), folder.path().join("samples")).expect("a link");
    let mut originals = Originals::default();
    for question in ["sessions", "failures"] {
        for row in run(folder.path(), &[question, "--format", "jsonl", "samples"]).exit(0).rows() {
            originals.add(row["user"].as_str().expect("a user"));
            originals.add_peer(row["from"].as_str().expect("an address"));
        }
    }
    for store in ["store1", "store2"] {
        for entry in fs::read_dir(folder.path().join("samples").join(store)).expect("a folder") {
            let path = entry.expect("a file").path();
            originals.add(&path.file_name().expect("a name").to_string_lossy());
            if let Ok(text) = fs::read_to_string(&path) {
                text.lines().for_each(|line| originals.add_trace(line));
            }
        }
    }
    let plan = run(folder.path(), &["-a", "--plan", "samples"]).exit(0).out();
    plan.lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with("samples/")))
        .for_each(|path| originals.add_path(path));
    assert!(originals.0.contains("rotated.tar.gz") && originals.0.len() > 80, "{:?}", originals.0);
    let asked = ("chen1", "198.51.100.0/24");
    assert!(search(folder.path(), &["samples"], &originals, asked, 0) > 500_000);
    assert!(compare(folder.path(), "samples", asked) > 1000);
}

/// Lines that put names where none are expected, and what must not come out of them.
fn hostile(day: u32) -> (Vec<u8>, Vec<&'static str>) {
    let head = format!("[{day:02}/May/2019:10:00:00 +0200] store1");
    let peer = "[203.0.113.77:40000]";
    let text = format!(
        "{head} imapd[7]: Account Information: login {peer} Zebulon plaintext
{head} imapd[7]: Account Information: login [203.0.113.78:1] quirinus@secret.example zebulon
{head} imapd[7]: Account Information: login [[2001:db8::77]:2] hesekiel {peer}
{head} imapd[7]: Account Notice: close [203.0.113.79:3] Quirinus@Secret.Example 2019/5/{day} 9:59:00 0:01:00 1 2 3
{head} imapd[7]: Account Notice: badlogin: {peer} plaintext Wrong Horse Battery authentication failure
{head} imapd[7]: Account Notice: badlogin: {peer} zebulon hesekiel AUTHENTICATION failure
{head} imapd[7]: Account Notice: badlogin: {peer} plaintext hesekiel for a reason that nobody knows, zebulon
{head} imapd[7]: Account Notice: badlogin: nobody zebulon
{head} imapd[7]: Account Information: login {peer}
{head} imapd[7]: Account Information: auth ok {peer} uid=zebulon mech=CRAM-MD5
{head} imapd[7]: General Error: zebulon could not open user/zebulon/Privatissima
{head} imapd[7]: General Error: Mailbox user/quirinus/Urlaubsfotos of Hesekiel is Corrupt
{head} ims_master[9]: Store Information:append:zebulon:user/zebulon/Privatissima:253:<geheim.4711@secret.example>
{head} imapd[7]: Store Information:fetch:zebulon:user/zebulon/Privatissima:<geheim.4712@secret.example>
zebulon wrote this line from 203.0.113.80
[{day:02}/May/2019:09:00:00 +0200] store1 imapd[7]: Account Information: login [203.0.113.81:5] Zebulon plaintext
"
    );
    let mut text = text.into_bytes();
    text.extend_from_slice(
        format!("{head} imapd[7]: Account Notice: zebulon {}\n", "hesekiel ".repeat(9000)).as_bytes(),
    );
    text.extend_from_slice(
        format!("{head} imapd[7]: Account Notice: badlogin: {peer} plain\u{fc} zebulon\u{1b}[31m access denied\n")
            .as_bytes(),
    );
    let originals = vec![
        "zebulon",
        "quirinus",
        "quirinus@secret.example",
        "secret.example",
        "hesekiel",
        "horse",
        "battery",
        "wrong horse battery",
        "203.0.113.77",
        "203.0.113.78",
        "203.0.113.79",
        "203.0.113.80",
        "203.0.113.81",
        "2001:db8::77",
        "privatissima",
        "urlaubsfotos",
        "user/zebulon/privatissima",
        "geheim.4711",
        "geheim.4712",
        "<geheim.4711@secret.example>",
        "nobody knows",
    ];
    (text, originals)
}

#[test]
fn names_where_none_are_expected() {
    let folder = folder();
    let root = folder.path();
    let (text, words) = hostile(29);
    let (other, _) = hostile(30);
    write(root, "Aktenzeichen/mandant.log", &text);
    write(root, "Aktenzeichen/abschrift.log", &text);
    write(root, "Aktenzeichen/anders.log", [&text[..], &other].concat());
    write(root, "Aktenzeichen/leer.log", b"");
    write(root, "Aktenzeichen/bild.png", b"\x89PNG\r\n\x1a\n zebulon");
    write(root, "Aktenzeichen/brief.txt", b"Dear Zebulon, 203.0.113.80 is mine.\n");
    write(root, "Aktenzeichen/.snapshot/gestern.log", &text);
    write(root, "Aktenzeichen/service.3.1559059259", &other);
    write(root, "Aktenzeichen/service.5.1559159259", b"[31/May/2019:10:00:00 +0200] store1 imapd[7]: Account Information: login [203.0.113.81:5] Zebulon plaintext\n");
    let packed = gz(&text);
    write(root, "Aktenzeichen/kaputt.gz", &packed[..packed.len() / 2]);
    let inside = [("inneres/blatt.log".to_owned(), other.clone()), (".snapshot/vorgestern.log".to_owned(), other)];
    write(root, "sammlung.tar", tar(&inside));
    write(
        root,
        "jahrlos.log",
        b"May 29 10:00:00 store1 imapd[7]: Account Information: login [203.0.113.81:5] Zebulon plaintext\n",
    );
    fs::hard_link(root.join("Aktenzeichen/mandant.log"), root.join("Aktenzeichen/zweitname.log")).expect("a link");
    symlink(root.join("Aktenzeichen"), root.join("Umweg")).expect("a link");
    symlink("nirgendwo.log", root.join("Aktenzeichen/verwaist.log")).expect("a link");
    let mut originals = Originals::default();
    words.iter().for_each(|word| originals.add(word));
    for path in [
        "Aktenzeichen/mandant.log",
        "abschrift.log",
        "anders.log",
        "leer.log",
        "bild.png",
        "brief.txt",
        ".snapshot/gestern.log",
        "service.3.1559059259",
        "service.5.1559159259",
        "kaputt.gz",
        "sammlung.tar!inneres/blatt.log",
        "vorgestern.log",
        "jahrlos.log",
        "zweitname.log",
        "Umweg",
        "verwaist.log",
        "nirgendwo.log",
        "verschwunden.log",
        &root.to_string_lossy(),
    ] {
        originals.add_path(path);
    }
    for part in ["tmp", "var"] {
        originals.0.remove(part);
    }
    let paths = ["Aktenzeichen", "Umweg", "sammlung.tar", "jahrlos.log", "verschwunden.log"];
    let notes = run(root, &["-a", "--format", "json"].iter().chain(&paths).collect::<Vec<_>>()).exit(1).document();
    let kinds: BTreeSet<&str> =
        notes["notes"].as_array().expect("notes").iter().filter_map(|note| note["kind"].as_str()).collect();
    for kind in [
        "skipped",
        "missing",
        "damaged",
        "empty",
        "dangling-link",
        "not-a-log",
        "reject",
        "clock-jump",
        "overlap",
        "copy",
        "sequence",
        "format",
    ] {
        assert!(kinds.contains(kind), "no note of kind {kind}: {kinds:?}");
    }
    assert!(search(root, &paths, &originals, ("zebulon", "203.0.113.77"), 1) > 100_000);
    let with_domain = ["--default-domain", "secret.example", "Aktenzeichen"];
    search(root, &with_domain, &originals, ("Quirinus@Secret.example", "203.0.113.0/24"), 1);
    // The same two users with and without their domain.
    let users = |more: &[&str]| {
        let args: Vec<&str> = ["-a", "--format", "jsonl", "--pseudonymize", "the.key", "Aktenzeichen"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        run(root, &args)
            .exit(1)
            .rows()
            .iter()
            .map(|row| row["user"].as_str().expect("a user").to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert!(users(&[]).contains(&masked_user("quirinus@secret.example")));
    assert!(users(&with_domain[..2]).contains(&masked_user("quirinus")));
}

#[test]
fn the_search_finds_what_is_there() {
    let mut originals = Originals::default();
    ["ed", "ann", "Anna", "b.okoro11@siroe.example", "<a.b@c>", "2001:db8::7"]
        .iter()
        .for_each(|text| originals.add(text));
    assert_eq!(originals.found_in("joanna, ann"), ["ann"]);
    assert_eq!(
        originals.found_in("x\"B.OKORO11@siroe.example\" [2001:DB8::7]:4"),
        ["2001:db8::7", "b.okoro11@siroe.example"]
    );
    assert_eq!(originals.found_in("id <a.b@c>,anna-x"), ["<a.b@c>", "anna"]);
    assert!(originals.found_in("xanna annax an.na ed 2001:db8::77 a.b@c").is_empty());
}

#[test]
fn nothing_could_be_opened() {
    let folder = folder();
    let got = run(folder.path(), &["-a", "--pseudonymize", "the.key", "verschwunden.log"]).exit(2);
    assert!(!got.err().contains("verschwunden") && got.err().contains("no such file"), "{}", got.err());
}

#[test]
fn one_key_one_answer() {
    let archive = small(34, Level::Information, true);
    let folder = folder();
    write_all(&folder.path().join("logs"), &archive.files);
    let ask = |question: &str, threads: &str| {
        run(folder.path(), &[question, "--format", "json", "--pseudonymize", "the.key", "-j", threads, "logs"]).exit(0)
    };
    for question in ["-a", "-c", "sessions", "failures", "coverage"] {
        write_key(folder.path(), KEY);
        let (one, four) = (ask(question, "1"), ask(question, "4"));
        assert!(one.stdout == four.stdout && one.stderr == four.stderr, "{question}");
        write_key(folder.path(), b"another key, of sixteen bytes or more");
        let other = ask(question, "1");
        let words = |text: String| -> BTreeSet<String> {
            let is_hash = |word: &&str| word.starts_with("u-") || word.starts_with("[fd") || word.starts_with("file-");
            text.split(['"', ' ', '!']).filter(is_hash).map(str::to_owned).collect()
        };
        let (words, others) = (words(one.out()), words(other.out()));
        assert!(words.is_disjoint(&others), "{question}");
        assert_eq!(words.len(), others.len(), "{question}");
        // Files are told of where there is something to tell.
        assert!(matches!(question, "-c" | "coverage") || words.len() > 10, "{question}: {words:?}");
    }
}

#[test]
fn from_standard_input() {
    let folder = folder();
    let text = common::login("10:00:00", 1, "zebulon");
    let got = common::run_with(folder.path(), &["-c", "--pseudonymize", "the.key", "-"], text.as_bytes()).exit(0);
    assert!(got.out().contains(&masked_user("zebulon")) && !got.err().contains("file-"), "{}{}", got.out(), got.err());
}

#[test]
fn keys() {
    let folder = folder();
    write(folder.path(), "imap", common::login("10:00:00", 1, "ed"));
    let ask = |key: &str| run(folder.path(), &["-a", "--pseudonymize", key, "imap"]);
    assert!(!ask("the.key").exit(0).err().contains("chmod"));
    fs::set_permissions(folder.path().join("the.key"), fs::Permissions::from_mode(0o640)).expect("permissions");
    assert!(ask("the.key").exit(0).err().contains("chmod 600"));
    write(folder.path(), "short.key", b"fifteen bytes..");
    let short = ask("short.key").exit(2);
    assert!(
        short.err().contains("15 bytes is too short") && short.err().contains("head -c 32 /dev/urandom > KEYFILE"),
        "{}",
        short.err()
    );
    write(folder.path(), "sixteen.key", b"sixteen bytes...");
    ask("sixteen.key").exit(0);
    assert!(ask("/dev/zero").exit(2).err().contains("over 1 MiB"));
    assert!(ask("no.key").exit(2).err().contains("--pseudonymize no.key: "));
}
