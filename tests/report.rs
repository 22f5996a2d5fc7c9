//! `imstrail report`: its numbers against those of the other answers, and the files that it writes.

mod common;
#[path = "report/counted.rs"]
mod counted;
#[path = "report/library.rs"]
mod library;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use std::fs;
use std::path::Path;

use chrono_tz::Tz;
use common::{IMSTRAIL, Run, clean, finish, login, run, run_with, write, write_all};
use counted::{Others, check};
use imstrail::answer::Filter;
use imstrail::answer::report::{Report, SpanKind};
use imstrail::fold::{Moment, Window};
use imstrail::model::Service;
use imstrail::times::Zone;
use library::{Asking, report};
use sim::{Config, Level, simulate};
use tempfile::TempDir;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files.iter().for_each(|(path, text)| write(folder.path(), path, text));
    folder
}

/// What the other questions answer, with these options.
fn others(cwd: &Path, tz: &str, options: &[&str]) -> Others {
    let rows = |question: &str, options: &[&str]| {
        let args = [&[question], options, &["--format", "jsonl", "--tz", tz, "logs"]].concat();
        run(cwd, &args).exit(0).rows()
    };
    let streams: Vec<&str> = if options.contains(&"-s") { options.to_vec() } else { Vec::new() };
    let access: Vec<&str> = if options.contains(&"--from") { Vec::new() } else { options.to_vec() };
    Others {
        sessions: rows("sessions", options),
        failures: rows("failures", options),
        access: rows("-a", &access),
        coverage: rows("coverage", &streams),
    }
}

/// A few days of two stores, in which files are missing, overlap, and one is there twice.
fn simulated(ports: bool) -> TempDir {
    let mut config = Config { seed: 11, ..Config::default() };
    config.traffic.ports = ports;
    config.span.seconds = Some(3 * 86_400);
    config.span.warm = 6 * 3600;
    config.site.stores = 2;
    config.site.levels = vec![("store2".to_owned(), Level::Notice)];
    config.traffic.rate = 30.0;
    config.traffic.open = 10.0;
    config.traffic.users = 20;
    config.traffic.refused = 0.1;
    config.traffic.ipv6 = 0.3;
    config.trouble.restarts = 3;
    config.trouble.marks = true;
    config.files.rotate_bytes = 30_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files: Vec<_> =
        simulate(&config).files.into_iter().map(|(path, text)| (format!("logs/{path}"), text)).collect();
    write_all(folder.path(), &files);
    let (path, text) = files.iter().max_by_key(|(_, text)| text.len()).expect("a file");
    write(folder.path(), &format!("{path}.copy"), text);
    let half = text.len() / 2 + text[text.len() / 2..].iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    write(folder.path(), "logs/overlap/some.log", &text[half..]);
    let (missing, _) = files.iter().find(|(path, _)| path.contains("store1/imap.3.")).expect("a file");
    fs::remove_file(folder.path().join(missing)).expect("a file can be removed");
    folder
}

#[test]
fn numbers_are_those_of_the_other_answers_without_ports() {
    let folder = simulated(false);
    check(&report(&folder.path().join("logs"), &Asking::default()), &others(folder.path(), "log", &[]));
}

#[test]
fn numbers_are_those_of_the_other_answers() {
    let folder = simulated(true);
    let logs = folder.path().join("logs");
    let paris: Tz = "Europe/Paris".parse().expect("a zone");
    for (tz, zone) in [("log", Zone::Log), ("utc", Zone::Utc), ("Europe/Paris", Zone::Named(paris))] {
        let asking = Asking { zone, ..Asking::default() };
        check(&report(&logs, &asking), &others(folder.path(), tz, &[]));
    }
    let all = Asking { top: 1000, rows: 1000, ..Asking::default() };
    let report = report(&logs, &all);
    assert_eq!((report.users.left_out, report.last_access.users.left_out), (0, 0));
    assert!(report.days.shown.iter().any(|day| day.has_gap) && report.days.shown.iter().all(|day| day.covered));
    let spans = || report.streams.shown.iter().flat_map(|stream| &stream.spans.shown);
    let has = |kind| spans().any(|span| span.kind == kind);
    assert!(has(SpanKind::Overlap) && has(SpanKind::Missing) && has(SpanKind::Unlogged));
    assert!(report.sections.iter().any(|section| section.timeline.left_out > 0), "nobody has many sessions");
    check(&report, &others(folder.path(), "log", &[]));
}

#[test]
fn numbers_are_those_of_the_other_answers_where_less_is_asked() {
    let folder = simulated(true);
    let logs = folder.path().join("logs");
    let pop = Asking { services: vec![Service::Pop], ..Asking::default() };
    check(&report(&logs, &pop), &others(folder.path(), "log", &["-s", "pop"]));
    let from = vec!["10.0.0.0/8".parse().expect("a network")];
    let near = Asking { filter: Filter { from, ..Filter::default() }, ..Asking::default() };
    check(&report(&logs, &near), &others(folder.path(), "log", &["--from", "10.0.0.0/8"]));
    let day = |day: i64| Some(Moment::Instant(1_559_088_000 + day * 86_400));
    let window = Window { since: day(1), until: day(2) };
    let asking = Asking { zone: Zone::Utc, filter: Filter { window, ..Filter::default() }, ..Asking::default() };
    let report = report(&logs, &asking);
    assert!(report.days.shown.len() == 1 && report.days.outside > 0, "{:?}", report.days);
    let times = ["--since", "2019-05-30T00:00:00Z", "--until", "2019-05-31T00:00:00Z"];
    let mut others = others(folder.path(), "utc", &times);
    // Lines of a stream are not those of a window.
    others.coverage.clear();
    check(&Report { streams: Default::default(), ..report }, &others);
}

#[test]
fn numbers_of_the_samples_are_those_of_the_other_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    std::os::unix::fs::symlink(&samples, folder.path().join("logs")).expect("a link");
    check(&report(&samples, &Asking::default()), &others(folder.path(), "log", &[]));
}

/// Runs `report -o report.html`.
fn page(cwd: &Path, args: &[&str]) -> Run {
    run(cwd, &[&["report", "-o", "report.html"], args].concat())
}

fn read(folder: &TempDir, file: &str) -> String {
    fs::read_to_string(folder.path().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Names of all files of a folder but the logs.
fn written(folder: &TempDir) -> Vec<String> {
    let files = fs::read_dir(folder.path()).expect("a folder");
    let mut names: Vec<String> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("a name")).collect();
    names.retain(|name| name != "logs");
    names.sort();
    names
}

#[test]
fn the_same_page_for_any_threads_and_any_order_of_paths() {
    let folder = simulated(true);
    let mut pages = Vec::new();
    for args in [
        vec!["-j", "1", "logs/store1", "logs/store2", "logs/overlap"],
        vec!["-j", "3", "logs/overlap", "logs/store2", "logs/store1"],
        vec!["-j", "8", "--tmpdir", "/tmp", "logs/store2", "logs/store1", "logs/overlap"],
    ] {
        let args = [&["--force", "--top", "7", "--last-access", "10"], &*args].concat();
        assert!(page(folder.path(), &args).exit(0).stdout.is_empty());
        pages.push((read(&folder, "report.html"), read(&folder, "report-last-access.csv")));
    }
    assert!(pages.windows(2).all(|two| two[0] == two[1]), "pages differ");
}

#[test]
fn the_table_beside_a_page_is_that_of_all_users() {
    let folder = simulated(true);
    let got = page(folder.path(), &["--last-access", "10", "logs"]).exit(0);
    let table = run(folder.path(), &["-a", "--format", "csv", "logs"]).exit(0).out();
    assert_eq!(read(&folder, "report-last-access.csv"), table);
    let users = table.lines().count() - 1;
    assert!(
        got.err().contains(&format!("report-last-access.csv: has the last access of all {users} users")),
        "{}",
        got.err()
    );
    assert!(read(&folder, "report.html").contains("report-last-access.csv"));
    // Where all have room, there is none; one of an earlier report stays, which is said.
    let got = page(folder.path(), &["--force", "logs"]).exit(0);
    assert!(got.err().contains("is of an earlier report"), "{}", got.err());
    assert!(!read(&folder, "report.html").contains("report-last-access.csv"));
    fs::remove_file(folder.path().join("report-last-access.csv")).expect("a file");
    assert!(!page(folder.path(), &["--force", "logs"]).exit(0).err().contains("last-access"));
    assert_eq!(written(&folder), ["report.html"]);
}

#[test]
fn a_place_is_needed_and_nothing_is_replaced() {
    let folder = folder(&[("logs/imap", &login("10:00:00", 1, "ed"))]);
    let got = run(folder.path(), &["report", "logs"]).exit(2);
    assert!(got.err().contains("-o report.html"), "{}", got.err());
    page(folder.path(), &["logs"]).exit(0);
    assert_eq!(written(&folder), ["report.html"]);
    let before = read(&folder, "report.html");
    write(folder.path(), "logs/imap", login("10:00:00", 1, "ann"));
    let got = page(folder.path(), &["logs"]).exit(2);
    assert!(got.err().contains("-o report.html: exists already") && got.err().contains("--force"), "{}", got.err());
    assert_eq!(read(&folder, "report.html"), before);
    page(folder.path(), &["--force", "logs"]).exit(0);
    assert_ne!(read(&folder, "report.html"), before);
    write(folder.path(), "other-last-access.csv", "mine");
    let got = run(folder.path(), &["report", "-o", "other.html", "logs"]).exit(2);
    assert!(got.err().contains("-o (its table) other-last-access.csv: exists already"), "{}", got.err());
    assert_eq!(written(&folder), ["other-last-access.csv", "report.html"]);
}

#[test]
fn a_log_is_not_replaced_by_a_page_or_its_table() {
    let folder =
        folder(&[("logs/imap", &login("10:00:00", 1, "ed")), ("logs/a-last-access.csv", &login("10:00:00", 2, "x"))]);
    for (place, named) in [("logs/imap", "-o logs/imap"), ("logs/a.html", "logs/a-last-access.csv")] {
        let got = run(folder.path(), &["report", "--force", "-o", place, "logs"]).exit(2);
        assert!(got.err().contains(named) && got.err().contains("is to be read"), "{}", got.err());
    }
    assert_eq!(read(&folder, "logs/imap"), login("10:00:00", 1, "ed"));
    let both = ["report", "-o", "a.html", "--manifest", "a-last-access.csv", "logs"];
    assert!(run(folder.path(), &both).exit(2).err().contains("--manifest"));
    assert_eq!(written(&folder), [""; 0]);
}

#[test]
fn a_report_that_fails_leaves_nothing() {
    let folder = folder(&[("logs/imap", &login("10:00:00", 1, "ed"))]);
    let nowhere = ["report", "-o", "nowhere/report.html", "logs"];
    assert!(run(folder.path(), &nowhere).exit(2).err().contains("nowhere/report.html"));
    page(folder.path(), &["missing"]).exit(2);
    page(folder.path(), &["--format", "json", "logs"]).exit(2);
    page(folder.path(), &["--evidence", "logs"]).exit(2);
    assert_eq!(written(&folder), [""; 0]);
}

#[test]
fn a_page_that_cannot_be_written_to_its_end_is_not_there() {
    let folder = simulated(true);
    // Files may have a kilobyte, and whoever writes more is told so.
    let shell = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let args = ["-c", shell, "sh", IMSTRAIL, "report", "-o", "report.html", "--last-access", "5", "logs"];
    let got = finish(clean("/bin/sh", folder.path()).args(args), None).exit(2);
    assert!(got.err().to_lowercase().contains("too large"), "{}", got.err());
    assert_eq!(written(&folder), [""; 0]);
}

#[test]
fn what_could_not_be_read_is_told() {
    let folder = folder(&[("logs/imap", &login("10:00:00", 1, "ed"))]);
    let got = page(folder.path(), &["logs", "missing"]).exit(1);
    assert!(got.err().contains("missing") && read(&folder, "report.html").contains("missing"), "{}", got.err());
}

#[test]
fn last_access_over_all_services_is_told_to_rest_on_a_guess() {
    let http = login("10:00:00", 1, "ed").replace("imapd", "httpd");
    let folder = folder(&[("logs/http", &http), ("logs/imap", &login("10:00:00", 2, "ann"))]);
    let got = page(folder.path(), &["-s", "imap", "logs"]).exit(0);
    assert!(got.err().contains("inferred-format"), "{}", got.err());
}

#[test]
fn standard_input_makes_a_page() {
    let folder = folder(&[("logs/imap", &login("10:00:00", 1, "ed"))]);
    let log = read(&folder, "logs/imap");
    let got = run_with(folder.path(), &["report", "-o", "report.html", "-"], log.as_bytes()).exit(0);
    assert!(got.stdout.is_empty() && read(&folder, "report.html").contains("ed"), "{}", got.err());
    let plan = run(folder.path(), &["report", "--plan", "logs"]).exit(0);
    assert!(plan.out().contains("logs/imap"), "{}", plan.out());
}

#[test]
fn a_page_without_an_event_says_so() {
    for text in ["", "not a log\n"] {
        let folder = folder(&[("logs/imap", text)]);
        page(folder.path(), &["logs"]).exit(0);
        assert!(read(&folder, "report.html").contains("imap"), "the file that gave nothing is named");
        assert_eq!(written(&folder), ["report.html"]);
    }
    let folder = folder(&[("logs/imap", "")]);
    let report = report(&folder.path().join("logs"), &Asking::default());
    assert!(report.period.is_none() && report.streams.shown.is_empty() && report.days.shown.is_empty());
    assert_eq!((report.idle.total(), report.totals.sessions), (1, 0));
}

#[test]
fn refused_logins_alone_are_events() {
    let text = "[29/May/2019:10:00:00 +0200] store1 imapd[100]: Account Notice: badlogin: [192.0.2.7:1] plaintext ed authentication failure\n";
    let folder = folder(&[("logs/imap", text)]);
    let report = report(&folder.path().join("logs"), &Asking::default());
    assert_eq!((report.totals.failures, report.failures.users.shown[0].name.as_str()), (1, "ed"));
    assert_eq!((report.days.shown[0].date.as_str(), report.days.shown[0].slot.failures), ("2019-05-29", 1));
    assert!(report.period.is_some());
}

#[test]
fn names_are_harmless_on_the_page_and_in_the_table() {
    let names =
        ["<script>alert(1)</script>", "=cmd|'/c", "\x1b[31mred", "+1", "@sum(1)", "\"><img/src=x/onerror=alert(1)>"];
    let text: String = (1..).zip(names).map(|(port, name)| login("10:00:00", port, name)).collect();
    let folder = folder(&[("logs/imap", &text)]);
    page(folder.path(), &["--last-access", "1", "logs"]).exit(0);
    let page = read(&folder, "report.html");
    assert!(!page.contains("<script>alert") && !page.contains("<img/src") && !page.contains('\x1b'), "{page}");
    assert!(page.contains("alert(1)"), "it is there as text");
    let table = read(&folder, "report-last-access.csv");
    assert!(!table.contains('\x1b'), "{table}");
    for row in csv::Reader::from_reader(table.as_bytes()).records() {
        let row = row.expect("a row");
        assert!(row.iter().all(|cell| !cell.starts_with(['=', '+', '-', '@'])), "{row:?}");
    }
    assert!(table.contains("'=cmd|"), "{table}");
}

#[test]
fn with_pseudonyms_no_name_is_told() {
    let bad = "[29/May/2019:10:01:00 +0200] store1 imapd[100]: Account Notice: badlogin: [198.51.100.9:1] plaintext mallory authentication failure\n";
    let text = login("10:00:00", 1, "edward@hidden.invalid") + bad + &login("10:02:00", 2, "annabelle");
    let folder = folder(&[("logs/secret-folder/imap", &text), ("key", "0123456789abcdef")]);
    let options =
        ["--pseudonymize", "key", "--default-domain", "hidden.invalid", "--from", "192.0.0.0/8", "--last-access", "1"];
    page(folder.path(), &[&options[..], &["-u", "edward@hidden.invalid", "-u", "annabelle", "logs"]].concat()).exit(0);
    for file in ["report.html", "report-last-access.csv"] {
        let text = read(&folder, file);
        for name in ["edward", "annabelle", "mallory", "192.0.", "198.51", "secret-folder", "hidden.invalid"] {
            assert!(!text.contains(name), "{name} in {file}");
        }
        assert!(text.contains("u-"), "{file}");
    }
}

#[test]
fn findings_are_those_of_failures() {
    let bad = |second: u32, user: &str| {
        format!(
            "[29/May/2019:10:00:{second:02} +0200] store1 imapd[100]: Account Notice: badlogin: [198.51.100.9:1] plaintext {user} authentication failure\n"
        )
    };
    let text: String = (0..12).map(|n| bad(n, &format!("user{n}"))).collect();
    let text = text + &(20..26).map(|n| bad(n, "victim")).collect::<String>();
    let success = "[29/May/2019:10:00:30 +0200] store1 imapd[100]: Account Information: login [198.51.100.9:77] victim plaintext\n";
    let folder = folder(&[("logs/imap", &(text + success))]);
    page(folder.path(), &["logs"]).exit(0);
    let page = read(&folder, "report.html");
    let rows = run(folder.path(), &["failures", "--findings", "--format", "jsonl", "logs"]).exit(0).rows();
    assert!(rows.len() >= 3, "{rows:?}");
    for row in rows {
        let thresholds = imstrail::answer::Thresholds::default();
        let rule = imstrail::answer::Rule::ALL.into_iter().find(|rule| row["rule"] == rule.as_str());
        let text = thresholds.text(rule.unwrap_or_else(|| panic!("{row}")));
        assert!(page.contains(&text), "{text}");
    }
}

#[test]
fn a_manifest_and_verify_know_a_page() {
    let folder = simulated(true);
    let args = ["--manifest", "case.json", "--last-access", "3", "--tz", "utc", "logs"];
    page(folder.path(), &args).exit(0);
    let got = run(folder.path(), &["verify", "--answer", "case.json"]).exit(0).out();
    assert!(got.contains("report.html") && got.contains("the answer") && !got.contains("changed"), "{got}");
}
