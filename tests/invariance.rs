//! The answer is a function of the lines, not of how they were read: one archive in many shapes, and one answer.

#![allow(clippy::print_stdout, reason = "the number of runs compared is the test's report")]

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::pack::{Codec, gz, tar, zip};
use common::proxied::{self, Logged, PROXIES};
use common::{Dice, Run, finish, run, write, write_all};
use serde_json::Value;
use sim::{Config, Level, Service, simulate};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

type Files = Vec<(String, Vec<u8>)>;

/// An archive in one shape: files, the arguments that name them, and standard input.
#[derive(Default)]
struct Shape {
    name: String,
    files: Files,
    args: Vec<String>,
    stdin: Option<Vec<u8>>,
}

impl Shape {
    /// Files in a folder that is named as a whole.
    fn folder(name: &str, files: Files) -> Shape {
        Shape { name: name.into(), files, args: vec!["logs".into()], stdin: None }
    }

    /// The same files, each named.
    fn listed(name: &str, files: Files) -> Shape {
        let args = files.iter().map(|(path, _)| format!("logs/{path}")).collect();
        Shape { args, ..Shape::folder(name, files) }
    }

    fn file(name: &str, path: &str, bytes: Vec<u8>) -> Shape {
        Shape::listed(name, vec![(path.into(), bytes)])
    }

    fn stdin(name: &str, bytes: Vec<u8>) -> Shape {
        Shape { name: name.into(), stdin: Some(bytes), ..Shape::default() }
    }

    fn with(mut self, args: &[&str]) -> Shape {
        self.args.extend(args.iter().map(|arg| arg.to_string()));
        self
    }
}

/// A shape on disk.
struct Laid {
    shape: Shape,
    folder: TempDir,
}

impl Laid {
    fn new(shape: Shape) -> Laid {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, bytes) in &shape.files {
            write(&folder.path().join("logs"), path, bytes);
        }
        Laid { shape, folder }
    }

    fn run(&self, query: &[&str]) -> Run {
        let mut command = common::clean(common::IMSTRAIL, self.folder.path());
        command.args(query).args(&self.shape.args);
        finish(&mut command, self.shape.stdin.as_deref()).exit(0)
    }
}

fn join<'a>(files: impl IntoIterator<Item = &'a (String, Vec<u8>)>) -> Vec<u8> {
    files.into_iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect()
}

fn compressed(files: &Files, codec: impl Fn(usize) -> Codec) -> Files {
    let pack = |(n, (path, bytes)): (usize, &(String, Vec<u8>))| {
        let codec = codec(n);
        (format!("{path}.{}", codec.extension()), codec.compress(bytes))
    };
    files.iter().enumerate().map(pack).collect()
}

/// Pieces of some kilobytes, cut behind lines, with names that say nothing.
fn pieces(files: &Files, dice: &mut Dice) -> Files {
    let mut all = Files::new();
    for (_, bytes) in files {
        let mut piece = Vec::new();
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            piece.extend_from_slice(line);
            if piece.len() > 3000 {
                all.push((format!("{:016x}", dice.next()), std::mem::take(&mut piece)));
            }
        }
        if !piece.is_empty() {
            all.push((format!("{:016x}", dice.next()), piece));
        }
    }
    all
}

/// All lines of all streams in the order of time, in one file.
fn interleaved(files: &Files) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = files.iter().flat_map(|(_, b)| b.split_inclusive(|b| *b == b'\n')).collect();
    let at = |line: &[u8]| {
        let stamp = String::from_utf8_lossy(&line[1..27]).into_owned();
        chrono::DateTime::parse_from_str(&stamp, "%d/%b/%Y:%H:%M:%S %z").expect("a stamp").timestamp()
    };
    lines.sort_by_cached_key(|line| at(line));
    lines.concat()
}

/// Every shape of the rotated files of an archive.
fn shapes(files: &Files) -> Vec<Shape> {
    let mut dice = Dice(42);
    let mut shuffled = files.clone();
    dice.shuffle(&mut shuffled);
    let mut all = vec![
        Shape::folder("a folder", files.clone()),
        Shape::folder("-j 1", files.clone()).with(&["-j", "1"]),
        Shape::folder("-j 2", files.clone()).with(&["-j", "2"]),
        Shape::folder("-j 5", files.clone()).with(&["-j", "5"]),
        Shape::listed("paths in order", files.clone()),
        Shape::listed("paths in any order", shuffled.clone()),
        Shape::listed("paths in any order, -j 5", shuffled.clone()).with(&["-j", "5"]),
        Shape::file("one file", "all", join(files)),
        Shape::file("one file, -j 5", "all", join(files)).with(&["-j", "5"]),
        Shape::file("one file in any order", "all", join(&shuffled)),
        Shape::file("one file, streams mixed", "all", interleaved(files)),
        Shape::folder("small pieces", pieces(files, &mut dice)),
        Shape::folder("codecs in turn", compressed(files, |n| Codec::ALL[n % 4])),
        Shape::file("one gzip file of many members", "all.gz", files.iter().flat_map(|(_, b)| gz(b)).collect()),
        Shape::file("tar", "all.tar", tar(files)),
        Shape::file("tar in any order", "all.tar", tar(&shuffled)),
        Shape::file("tar.gz", "all.tar.gz", gz(&tar(files))),
        Shape::file("tar of gz", "all.tar", tar(&compressed(files, |_| Codec::Gz))),
        Shape::file("zip", "all.zip", zip(files)),
        Shape::stdin("standard input", join(files)),
        Shape::stdin("standard input, -", join(files)).with(&["-"]),
        Shape::stdin("standard input in any order", join(&shuffled)),
        Shape::stdin("standard input, gz", gz(&join(files))),
    ];
    for codec in Codec::ALL {
        all.push(Shape::folder(codec.extension(), compressed(files, |_| codec)));
        let name = format!("one file, {}", codec.extension());
        all.push(Shape::file(&name, &format!("all.{}", codec.extension()), codec.compress(&join(files))));
    }
    all
}

fn one_answer(config: &Config, moments: &[&str]) {
    let files = simulate(config).files;
    assert!(files.len() > 8, "{} files are too few to shuffle", files.len());
    one_answer_of(&files, queries(moments));
}

fn queries<'a>(moments: &[&'a str]) -> Vec<Vec<&'a str>> {
    let mut queries: Vec<Vec<&str>> = vec![vec!["-a"], vec!["-c"], vec!["-c", "-s", "pop"]];
    queries.extend(moments.iter().map(|at| vec!["-c", "--at", at]));
    queries.extend([vec!["sessions"], vec!["failures"], vec!["messages"], vec!["sessions", "--status", "closed"]]);
    queries
}

fn one_answer_of(files: &Files, mut queries: Vec<Vec<&str>>) {
    for query in &mut queries {
        query.extend(["--format", "jsonl"]);
    }
    let laid: Vec<Laid> = shapes(files).into_iter().map(Laid::new).collect();
    let mut errors = Vec::new();
    let mut lines = 0;
    for query in &queries {
        let expected = laid[0].run(query);
        lines += expected.out().lines().count();
        for other in &laid[1..] {
            let got = other.run(query);
            if got.stdout != expected.stdout {
                errors.push(describe(&query.join(" "), &other.shape.name, &expected, &got));
            }
        }
    }
    assert!(errors.is_empty(), "{} answers differ from that for a folder\n{}", errors.len(), errors.join("\n"));
    assert!(lines > 100, "only {lines} rows");
    println!("{} queries in {} shapes, {lines} rows each", queries.len(), laid.len());
}

fn describe(query: &str, shape: &str, expected: &Run, got: &Run) -> String {
    let (expected, other) = (expected.out(), got.out());
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), other.lines().collect());
    let first = (0..).find(|n| old.get(*n) != new.get(*n)).unwrap_or_default();
    let line = |rows: &[&str]| rows.get(first).map_or("(nothing)".to_string(), |row| row.to_string());
    format!(
        "{query}, {shape}: {} rows and not {}; row {first}\n  - {}\n  + {}",
        new.len(),
        old.len(),
        line(&old),
        line(&new)
    )
}

#[test]
fn level_information_with_restarts() {
    let mut config = Config::troubled(21);
    config.trouble.marks = true;
    config.trouble.reuse_pids = true;
    one_answer(&config, &["2019-05-29T09:00:00+02:00", "2019-05-29T17:00:00"]);
}

#[test]
fn behind_proxies() {
    let logged = Logged { lines: 80, others: 10 };
    let files = proxied::behind_proxies(&simulate(&Config::troubled(21)).files, logged, &mut Dice(5));
    let mut queries = queries(&["2019-05-29T12:00:00Z"]);
    queries.retain(|query| query != &["-a"]);
    queries.push(vec!["failures", "--findings", "--many-users", "2", "--many-addresses", "2", "--run", "2"]);
    queries.push(vec!["failures", "--by", "address"]);
    queries.push(vec!["sessions", "--from", "10.0.0.1"]);
    queries.iter_mut().for_each(|query| query.extend(PROXIES));
    one_answer_of(&files, queries);
}

#[test]
fn crashes_without_marks() {
    one_answer(&Config::troubled(21), &["2019-05-29T12:00:00Z"]);
}

#[test]
fn level_notice_without_ports() {
    let mut config = Config { seed: 22, ..Config::default() };
    config.site.level = Level::Notice;
    config.span.start = sim::parse_utc("2019-10-26T14:00:00Z").expect("a time");
    config.span.warm = 6 * 3600;
    config.traffic.ports = false;
    config.traffic.rate = 80.0;
    config.files.rotate_bytes = 20_000;
    one_answer(&config, &["2019-10-27T02:30:00+02:00", "2019-10-27T02:30:00+01:00"]);
}

#[test]
fn no_ports_and_many_sessions_of_few_users() {
    let mut config = Config { seed: 23, ..Config::default() };
    config.site.services = vec![Service::Imap];
    config.traffic.ports = false;
    config.traffic.users = 5;
    config.traffic.rate = 60.0;
    config.traffic.open = 60.0;
    config.files.rotate_bytes = 20_000;
    one_answer(&config, &["2019-05-29T12:00:00Z"]);
}

/// Sums over the parts of the tally.
fn sums(tally: &Value) -> (u64, u64) {
    let part = |name: &str, what: &str| {
        tally[name][what].as_u64().unwrap_or_else(|| panic!("the tally has no {name}.{what}: {tally}"))
    };
    let sum = |what| ["event", "known", "unknown", "reject", "passed_over"].iter().map(|name| part(name, what)).sum();
    (sum("bytes"), sum("lines"))
}

#[test]
fn the_tally_adds_up_to_the_input() {
    let mut files = simulate(&Config::troubled(21)).files;
    // Beside logs what lies beside logs: an odd line, one without its end, no UTF-8, and nothing.
    files.push(("store1/odd".into(), b"no envelope\n\n\xff\xfe\x00\n[29/May/2019:10:00:00 +0200] cut off".to_vec()));
    files.push(("store1/empty".into(), Vec::new()));
    let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let lines: usize = files.iter().map(|(_, b)| b.split_inclusive(|b| *b == b'\n').count()).sum();
    let forms = [
        Shape::folder("a folder", files.clone()),
        Shape::folder("-j 5", files.clone()).with(&["-j", "5"]),
        Shape::folder("gz", compressed(&files, |_| Codec::Gz)),
        Shape::file("tar", "all.tar", tar(&files)),
        Shape::file("zip", "all.zip", zip(&files)),
    ];
    let mut kinds = BTreeMap::new();
    for laid in forms.into_iter().map(Laid::new) {
        let queries =
            [vec!["-a"], vec!["-c"], vec!["-a", "-u", "nobody"], vec!["sessions"], vec!["failures"], vec!["messages"]];
        for query in queries {
            let query: Vec<&str> = query.into_iter().chain(["--format", "json"]).collect();
            let document = laid.run(&query).document();
            let tally = &document["tally"];
            let place = format!("{} {}: {tally}", laid.shape.name, query.join(" "));
            let total = (tally["bytes"].as_u64().unwrap_or_default(), tally["lines"].as_u64().unwrap_or_default());
            assert_eq!(total, (bytes as u64, lines as u64), "the input, {place}");
            assert_eq!(sums(tally), total, "the sum of the parts, {place}");
            let numbers: Vec<_> = ["event", "known", "unknown", "reject"].iter().map(|k| tally[*k].clone()).collect();
            assert_eq!(kinds.entry(query.join(" ")).or_insert_with(|| numbers.clone()), &numbers, "{place}");
        }
    }
}

#[test]
fn notes_and_tally_are_the_same_for_any_threads_and_order_of_paths() {
    let mut files = simulate(&Config::troubled(21)).files;
    files.retain(|(path, _)| !path.contains("imap.2.")); // a gap
    files.push(("store1/odd".into(), b"no envelope\nnor here\n".to_vec()));
    files.push(("store1/random".into(), Dice(7).bytes(50_000)));
    let (_, copy) = files[0].clone();
    files.push(("copy".into(), copy));
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_all(folder.path(), &files);
    let mut paths: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    let answer = |paths: &[String], threads: &str, format: &str| -> (Value, String) {
        let args = ["-c", "-a", "--format", format, "-j", threads].map(String::from);
        let got = run(folder.path(), &args.into_iter().chain(paths.iter().cloned()).collect::<Vec<_>>()).exit(0);
        let mut document = if format == "json" { got.document() } else { got.out().into() };
        if let Some(object) = document.as_object_mut() {
            // The query may well repeat the command line.
            object.remove("query");
        }
        (document, got.err())
    };
    let mut dice = Dice(3);
    for format in ["json", "jsonl", "table", "csv"] {
        let expected = answer(&paths, "1", format);
        assert!(expected.1.contains("copy"), "no note of the copy: {}", expected.1);
        for threads in ["1", "2", "5"] {
            dice.shuffle(&mut paths);
            assert_eq!(answer(&paths, threads, format), expected, "{format} -j {threads}");
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_gives_the_same() {
    let mut config = Config { seed: 24, ..Config::default() };
    config.site.services = vec![Service::Imap];
    config.span.seconds = Some(4 * 3600);
    config.traffic.rate = 60.0;
    let whole = join(&simulate(&config).files);
    let query = ["-c", "-a", "--format", "jsonl"];
    let answer = |folder: &Path| run(folder, &query.iter().chain(&["."]).copied().collect::<Vec<_>>()).exit(0).out();
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", &whole);
    let expected = answer(folder.path());
    assert!(expected.lines().count() > 20);
    let ends: Vec<usize> = (0..whole.len()).filter(|n| whole[*n] == b'\n').map(|n| n + 1).collect();
    for n in 1..16 {
        let cut = ends[n * (ends.len() - 1) / 16];
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), "b", &whole[..cut]);
        write(folder.path(), "a", &whole[cut..]);
        assert_eq!(answer(folder.path()), expected, "cut at {cut}");
    }
}

/// A line of the message trace may stand hours behind its session, which is settled by then.
#[test]
fn lines_of_the_message_trace_may_come_late() {
    let stamp = |seconds: usize| {
        format!("29/May/2019:{:02}:{:02}:{:02} +0200", seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    let session = |at: usize, user: &str, port: usize| {
        let (login, close) = (stamp(at), stamp(at + 5));
        let (hour, minute, second) = (at / 3600, at / 60 % 60, at % 60);
        format!(
            "[{login}] store1 imapd[100]: Account Information: login [10.0.0.1:{port}] {user} plaintext\n\
             [{close}] store1 imapd[100]: Account Notice: close [10.0.0.1:{port}] {user} 2019/5/29 {hour}:{minute:02}:{second:02} 0:00:05 1 2 0\n"
        )
    };
    let append =
        |at: usize| format!("[{}] store1 imapd[100]: Store Information:append:ed:user/ed:5:<a{at}@x>\n", stamp(at));
    let (first, last) = (3600, 20 * 3600);
    let mut log = session(first, "ed", 2000).into_bytes();
    for at in (first + 10..last).step_by(5) {
        log.extend(session(at, "ann", 3000 + at % 9000).into_bytes());
    }
    assert!(log.len() > 2 << 20, "several pieces");
    log.extend(session(last, "ed", 2000).into_bytes());
    // The first of the lines is late, and so are the others of the same session.
    for at in [first, first + 5, last + 1] {
        log.extend(append(at).into_bytes());
    }
    let fits = |rows: &str| {
        let rows = rows.lines().map(|row| serde_json::from_str::<Value>(row).expect("JSON"));
        rows.map(|row| row["session"]["login"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let login = |at: usize| Some(format!("2019-05-29T{:02}:00:00+02:00", at / 3600));
    for threads in ["1", "2"] {
        let shape = Shape::file("late", "imap", log.clone());
        let laid = Laid::new(shape);
        let run = laid.run(&["messages", "--format", "jsonl", "--threads", threads]);
        assert_eq!(fits(&run.out()), [login(first), login(first), login(last)], "{threads} threads");
        let args =
            ["sessions", "-u", "ed", "--since", "2019-05-29T12:00:00+02:00", "--format", "jsonl", "--threads", threads];
        let run = laid.run(&args);
        let out = run.out();
        let rows: Vec<Value> = out.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["messages"]["append"], 1);
    }
}
