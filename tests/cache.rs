//! `--cache`: answers and notes are the same bytes as without, whatever is in the cache, and whatever becomes of the logs and of it.

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::pack::{Codec, gz, tar};
use common::{Dice, IMSTRAIL, Run, clean, finish, login, run, write, write_all};
use sim::{Config, simulate};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

type Files = Vec<(String, Vec<u8>)>;

/// Questions that rest on summaries, and such as rest on lines.
const QUESTIONS: &[&[&str]] = &[
    &["-a"],
    &["-a", "--format", "json"],
    &["-a", "-u", "ed", "-u", "user7", "--format", "json"],
    &["-a", "--default-domain", "example.org", "--store-alias", "store1=mail", "--format", "jsonl"],
    &["-a", "-c", "--format", "json"],
    &["-a", "--since", "2019-05-29T08:00:00Z", "--until", "2019-05-29T12:00:00Z", "--format", "jsonl"],
    &["-a", "-c", "--evidence", "--format", "jsonl"],
    &["sessions", "--format", "json"],
    &["failures", "--format", "json"],
    &["messages", "--format", "jsonl"],
    &["coverage", "--format", "json"],
    &["explain", "-u", "ed"],
];

/// A folder with logs in `logs`, and a cache in `cache`.
struct Place(TempDir);

impl Place {
    fn new(files: &Files) -> Place {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_all(&folder.path().join("logs"), files);
        Place(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, question: &[&str], more: &[&str]) -> Run {
        run(self.0.path(), &[question, more, &["logs"]].concat())
    }

    /// Runs a question with the cache and without; what was said with it beside what is said without.
    #[track_caller]
    fn same(&self, question: &[&str], more: &[&str]) -> Vec<String> {
        let expected = self.run(question, &[]);
        let got = self.run(question, &[&["--cache", "cache"], more].concat());
        let json = question.contains(&"json");
        if json && said(&expected) != said(&got) {
            let (mut one, mut other) = (expected.document(), got.document());
            one["notes"].take();
            other["notes"].take();
            assert_eq!(one, other, "{question:?}");
        } else {
            assert_eq!(expected.out(), got.out(), "{question:?}");
        }
        assert_eq!(expected.code, got.code, "{question:?}: {}", got.err());
        let (expected, got) = (said(&expected), said(&got));
        let missing: Vec<&String> = expected.iter().filter(|line| !got.contains(line)).collect();
        assert!(missing.is_empty(), "{question:?}: {missing:?} of {got:?}");
        got.into_iter().filter(|line| !expected.contains(line)).collect()
    }

    /// The same for all questions, and nothing more is said.
    #[track_caller]
    fn all_same(&self) {
        for question in QUESTIONS {
            assert_eq!(self.same(question, &[]), [""; 0], "{question:?}");
        }
    }

    /// The files in the cache, by how they end.
    fn kept(&self, ending: &str) -> Vec<PathBuf> {
        let folders = fs::read_dir(self.path("cache")).expect("a cache").map(|folder| folder.expect("a folder").path());
        let files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).expect("a folder"));
        let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
        files.retain(|path| path.to_string_lossy().ends_with(ending));
        files.sort();
        files
    }

    /// Entries and sets.
    fn entries_and_sets(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let is_set = |path: &PathBuf| path.parent().is_some_and(|folder| folder.ends_with("sets"));
        self.kept(".trail").into_iter().partition(|path| !is_set(path))
    }
}

fn said(run: &Run) -> Vec<String> {
    run.err().lines().map(str::to_owned).collect()
}

/// More logs than are asked one by one.
fn archive(stores: usize) -> Files {
    let mut config = Config { seed: 77, ..Config::default() };
    config.site.stores = stores;
    config.traffic.rate = 40.0;
    config.traffic.open = 30.0;
    config.traffic.users = 80;
    config.trouble.restarts = 2;
    config.trouble.crashes = 1;
    config.files.rotate_bytes = 7_000;
    simulate(&config).files
}

#[test]
fn nothing_kept_all_kept_and_what_changes_between() {
    let mut files = archive(1);
    assert!(files.len() > 30, "{} logs", files.len());
    let last = files.pop().expect("a log");
    let packed: Files = files.split_off(files.len() - 6);
    files.push(("some.tar.gz".into(), gz(&tar(&packed[..3]))));
    files.extend(packed[3..5].iter().map(|(path, bytes)| (format!("{path}.gz"), gz(bytes))));
    files.extend(packed[5..].iter().map(|(path, bytes)| (format!("{path}.xz"), Codec::Xz.compress(bytes))));
    let cut = gz(&last.1);
    files.push(("cut.gz".into(), cut[..cut.len() / 2].to_vec()));
    files.push(("picture".into(), [&b"\x89PNG\r\n\x1a\n"[..], &Dice(3).bytes(9000)].concat()));
    files.push(("noise".into(), Dice(4).bytes(70_000)));
    let logs = files.len();
    // Of these there is nothing to keep.
    files.push(("nothing".into(), Vec::new()));
    files.push(("broken.zip".into(), b"PK\x03\x04 is all".to_vec()));
    let place = Place::new(&files);
    place.all_same();
    let (entries, sets) = place.entries_and_sets();
    assert_eq!((entries.len(), sets.len()), (logs, 2), "one entry a log, a set for each way to read");
    place.all_same();
    assert_eq!(place.entries_and_sets(), (entries.clone(), sets));
    // One is new.
    write(&place.path("logs"), &last.0, &last.1);
    place.all_same();
    assert_eq!(place.entries_and_sets().0.len(), entries.len() + 1);
    // One is gone.
    fs::remove_file(place.path("logs").join(&files[3].0)).expect("a log");
    place.all_same();
    // One grew.
    let grown = [&files[5].1[..], login("23:00:00", 7, "late").as_bytes()].concat();
    write(&place.path("logs"), &files[5].0, grown);
    place.all_same();
    place.all_same();
}

#[test]
fn a_set_is_merged_with_what_is_new() {
    let mut files = archive(2);
    let new = files.split_off(files.len() - 3);
    let place = Place::new(&files);
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    let (entries, sets) = place.entries_and_sets();
    assert_eq!((entries.len(), sets.len()), (files.len(), 1));
    // Without entries, only the set can answer.
    entries.iter().for_each(|entry| fs::remove_file(entry).expect("an entry"));
    write_all(&place.path("logs"), &new);
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    assert_eq!(place.entries_and_sets().0.len(), new.len(), "of new logs alone entries were made");
    assert_eq!(place.entries_and_sets().1, sets);
    // A log that is written to leaves the others together.
    write(&place.path("logs"), &files[0].0, [&files[0].1[..], login("23:00:00", 7, "late").as_bytes()].concat());
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    assert_eq!(place.entries_and_sets().1.len(), 2);
    let entries = place.entries_and_sets().0;
    entries.iter().for_each(|entry| fs::remove_file(entry).expect("an entry"));
    write(&place.path("logs"), &files[0].0, [&files[0].1[..], login("23:30:00", 7, "late").as_bytes()].concat());
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    assert_eq!(place.entries_and_sets().0.len(), new.len() + 1);
}

/// Copies (R13) in every relation to a set.
#[test]
fn copies() {
    let files = archive(1);
    let whole = |n: usize| files[n].1.clone();
    let begins = |n: usize| files[n].1[..files[n].1.len() / 2].to_vec();
    let mut old: Files = files[4..].to_vec();
    assert!(old.len() > 20);
    // Among the old ones, and inside of an archive.
    old.push(("a-copy".into(), whole(6)));
    old.push(("a-beginning".into(), begins(7)));
    old.push(("z.tar".into(), tar(&[("x".into(), whole(8)), ("y".into(), whole(8)), ("z".into(), begins(9))])));
    let new: &[(&str, Vec<u8>)] = &[
        ("new-copy", whole(10)),
        ("0-new-copy-that-comes-first", whole(11)),
        ("new-beginning", begins(12)),
        ("of-which-an-old-one-is-the-beginning", [&whole(13)[..], login("23:00:00", 7, "late").as_bytes()].concat()),
        ("a-copy-of-a-copy", whole(6)),
        ("new-and-no-copy", whole(0)),
        ("new.gz", gz(&whole(14))),
    ];
    for (name, bytes) in new {
        let place = Place::new(&old);
        assert_eq!(place.same(&["-a"], &[]), [""; 0], "{name}: before");
        assert_eq!(place.same(&["-a", "--format", "json"], &[]), [""; 0], "{name}: before");
        write(&place.path("logs"), name, bytes);
        for _ in 0..2 {
            assert_eq!(place.same(&["-a"], &[]), [""; 0], "{name}");
            assert_eq!(place.same(&["-a", "--format", "json"], &[]), [""; 0], "{name}");
        }
        fs::remove_file(place.path("logs").join(&old[6].0)).expect("a log");
        assert_eq!(place.same(&["-a", "--format", "json"], &[]), [""; 0], "{name}: one went");
        assert_eq!(place.same(&["sessions", "--format", "json"], &[]), [""; 0], "{name}");
    }
}

#[test]
fn beside_trail_files_and_standard_input() {
    let files = archive(1);
    let place = Place::new(&files);
    let at = place.0.path();
    let mut made = vec!["trail", "-o", "some.trail"];
    let paths: Vec<String> = files.iter().take(3).map(|(path, _)| format!("logs/{path}")).collect();
    made.extend(paths.iter().map(String::as_str));
    run(at, &made).exit(0);
    let stdin = login("09:00:00", 4, "piped");
    let ask = |more: &[&str]| {
        let mut command = clean(IMSTRAIL, at);
        finish(
            command.args([&["-a", "--format", "json", "logs", "some.trail", "-"], more].concat()),
            Some(stdin.as_bytes()),
        )
    };
    let expected = ask(&[]).exit(0);
    for _ in 0..3 {
        let got = ask(&["--cache", "cache"]).exit(0);
        assert_eq!((expected.out(), expected.err()), (got.out(), got.err()));
    }
}

#[test]
fn what_is_damaged_is_made_again_and_said() {
    let mut files = archive(1);
    let last = files.pop().expect("a log");
    files.push((format!("{}.xz", last.0), Codec::Xz.compress(&last.1)));
    let place = Place::new(&files);
    for question in [&["-a"][..], &["sessions"]] {
        assert_eq!(place.same(question, &[]), [""; 0]);
        assert_eq!(place.same(question, &[]), [""; 0]);
    }
    let damage = |path: &Path, flip: usize, cut: bool| {
        let mut bytes = fs::read(path).expect("a trail file");
        let at = flip * (bytes.len() - 1) / 8;
        if cut {
            bytes.truncate(at)
        } else {
            bytes[at] ^= 4
        }
        fs::write(path, bytes).expect("can be written");
    };
    let of_xz = || {
        let is_of_xz = |path: &PathBuf| {
            run(place.0.path(), &["sessions", "--plan", &*path.to_string_lossy()]).out().contains(".xz")
        };
        place.entries_and_sets().0.into_iter().find(is_of_xz).expect("the entry of a packed log")
    };
    for (flip, cut) in [(0, false), (3, false), (8, false), (0, true), (5, true), (8, true)] {
        let set = place.entries_and_sets().1.pop().expect("a set");
        damage(&set, flip, cut);
        let said = place.same(&["-a"], &[]);
        assert_eq!(said.len(), 1, "{flip} {cut}: {said:?}");
        let name = set.strip_prefix(place.0.path()).expect("a path in it").to_string_lossy().into_owned();
        assert!(said[0].contains(&name) && said[0].ends_with("the cache has it made again"), "{said:?}");
        assert_eq!(place.same(&["-a"], &[]), [""; 0], "{flip} {cut}");
        let entry = of_xz();
        damage(&entry, flip, cut);
        let said = place.same(&["sessions"], &[]);
        assert!(
            said.len() == 1 && said[0].ends_with(&format!("the cache has it made again from logs/{}.xz", last.0)),
            "{said:?}"
        );
        assert_eq!(place.same(&["sessions"], &[]), [""; 0], "{flip} {cut}");
    }
    // A set under the name of another, and an entry of another log.
    let (entries, sets) = place.entries_and_sets();
    fs::copy(&entries[0], &sets[0]).expect("a copy");
    fs::copy(&entries[0], &entries[1]).expect("a copy");
    assert_eq!(place.same(&["-a"], &[]).len(), 2);
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    // A list without its set, and lists that are none.
    for list in place.kept(".keys") {
        fs::write(&list, b"no list").expect("can be written");
    }
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
}

#[test]
fn a_log_that_looks_the_same_is_found_out_by_all_of_its_bytes() {
    let mut files = archive(1);
    let middle: String = (0..6000).map(|n| login(&format!("12:{:02}:{:02}", n / 60 % 60, n % 60), n, "ann")).collect();
    files.push(("large".into(), middle.clone().into_bytes()));
    let place = Place::new(&files);
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    assert_eq!(place.same(&["-a"], &["--cache-verify"]), [""; 0]);
    let log = place.path("logs/large");
    let before = fs::metadata(&log).expect("a log").modified().expect("a time");
    let half = middle.len() / 2;
    let changed = format!("{}{}", &middle[..half], &middle[half..].replacen(" ann ", " eve ", 1));
    fs::write(&log, changed).expect("can be written");
    fs::File::open(&log).and_then(|file| file.set_modified(before)).expect("a time can be set");
    let quick = place.run(&["-a"], &["--cache", "cache"]);
    assert!(!quick.out().contains("eve"), "this is what --cache-verify is for");
    let said = place.same(&["-a"], &["--cache-verify"]);
    assert!(said.len() == 1 && said[0].contains("logs/large: was changed, though not in its size"), "{said:?}");
    assert_eq!(place.same(&["-a"], &["--cache-verify"]), [""; 0]);
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
}

#[test]
fn it_stays_below_its_size() {
    let files = archive(2);
    let place = Place::new(&files);
    let size = || place.kept("").iter().map(|path| fs::metadata(path).expect("a file").len()).sum::<u64>();
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    let whole = size();
    let limit = whole / 2;
    assert_eq!(place.same(&["-a"], &["--cache-size", &limit.to_string()]), [""; 0]);
    assert!(size() <= limit && size() > limit / 2, "{} of {limit}", size());
    assert_eq!(place.entries_and_sets().1.len(), 1, "what answers stays");
    // What was not used for the longest time goes first.
    let old = place.entries_and_sets().0[2].clone();
    fs::File::open(&old)
        .and_then(|file| file.set_modified(SystemTime::now() - Duration::from_secs(999)))
        .expect("a time");
    let others: Files =
        archive(1).into_iter().take(12).map(|(path, bytes)| (path, [&bytes[..], b"x\n"].concat())).collect();
    fs::remove_dir_all(place.path("logs")).expect("logs");
    write_all(&place.path("logs"), &others);
    assert_eq!(place.same(&["-a"], &["--cache-size", &limit.to_string()]), [""; 0]);
    assert!(size() <= limit && !old.exists());
    // Too small for one run.
    let said = place.same(&["-a", "--default-domain", "example.com"], &["--cache-size", "9K"]);
    assert!(said.iter().all(|line| line.contains("have no room in the cache")), "{said:?}");
    assert!(size() <= 9 << 10, "{}", size());
}

#[test]
fn where_it_cannot_be_the_run_goes_without() {
    let place = Place::new(&archive(1));
    write(place.0.path(), "file", "no folder");
    for cache in ["file", "file/in/it", "/proc/none", ".", "logs"] {
        let expected = place.run(&["-a"], &[]);
        let got = place.run(&["-a"], &["--cache", cache]).exit(0);
        assert_eq!(expected.out(), got.out());
        let note = format!("imstrail: note: {cache}: cannot be used as a cache (");
        assert!(got.err().contains(&note) && got.err().contains("name another folder with --cache"), "{}", got.err());
    }
    let got = place.run(&["-a"], &["--cache-verify"]).exit(2);
    assert!(got.err().contains("--cache-verify looks at a cache: name it with --cache DIR"), "{}", got.err());
    for size in ["", "x", "0", "12Q", "99999999999T", "-1"] {
        place.run(&["-a"], &["--cache", "cache", &format!("--cache-size={size}")]).exit(2);
    }
    place.run(&["-a"], &["--cache", "cache", "--cache-size", "3M"]).exit(0);
}

#[test]
fn its_folder_is_no_log_and_pseudonyms_hide_it() {
    let place = Place::new(&archive(1));
    write(place.0.path(), "key", [7; 32]);
    let inside = &["--cache", "logs/secret"];
    let expected = place.run(&["-a", "--format", "json"], &[]);
    for _ in 0..2 {
        let got = place.run(&["-a", "--format", "json"], inside);
        assert_eq!((expected.out(), expected.err()), (got.out(), got.err()));
    }
    fs::remove_dir_all(place.path("logs/secret")).expect("a cache");
    let masked = &["-a", "--format", "json", "--pseudonymize", "key"];
    assert_eq!(place.same(masked, &[]), [""; 0]);
    assert_eq!(place.same(&["-a", "--format", "json"], &[]), [""; 0]);
    for file in place.kept(".trail") {
        fs::write(file, b"damaged").expect("can be written");
    }
    let got = place.run(&["-a", "--pseudonymize", "key"], &["--cache", "cache"]).exit(0);
    assert!(!got.err().contains("logs/") && !got.err().contains("cache/"), "{}", got.err());
}

#[test]
fn a_manifest_and_a_plan_tell_of_the_logs() {
    let place = Place::new(&archive(1));
    assert_eq!(place.same(&["-a"], &[]), [""; 0]);
    assert_eq!(place.same(&["-a", "--plan"], &[]), [""; 0]);
    let args = ["-a", "--cache", "cache", "--manifest", "case.json", "-o", "case.txt", "logs"];
    run(place.0.path(), &args).exit(0);
    let verified = run(place.0.path(), &["verify", "--answer", "case.json"]).exit(0);
    assert!(verified.out().contains("the answer"), "{}", verified.out());
    let manifest = fs::read_to_string(place.path("case.json")).expect("a manifest");
    assert!(!manifest.contains(".trail"));
}

#[test]
fn two_runs_at_once() {
    let place = Place::new(&archive(2));
    let expected = place.run(&["-a"], &[]);
    for limit in ["10G", "60K"] {
        let runs: Vec<_> = (0..4)
            .map(|_| {
                let mut command = clean(IMSTRAIL, place.0.path());
                command.args(["-a", "--cache", "cache", "--cache-size", limit, "logs"]);
                command.spawn().expect("the program starts")
            })
            .collect();
        for child in runs {
            let output = child.wait_with_output().expect("the program ends");
            assert_eq!(expected.out(), String::from_utf8_lossy(&output.stdout));
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let more: Vec<&str> = said.lines().filter(|line| !expected.err().contains(line)).collect();
            assert!(more.iter().all(|line| line.contains("have no room in the cache")), "{more:?}");
            assert_eq!(output.status.code(), Some(0));
        }
        assert_eq!(place.same(&["-a"], &[]), [""; 0]);
        assert!(place.kept("").iter().all(|path| path.extension().is_some()));
    }
}
