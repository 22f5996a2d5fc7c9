//! The tool held against simulated truth, through the binary: last accesses, who was connected, sessions, failures.
//!
//! The simulator knows what really happened, and how much of it was logged. At level Notice a login leaves no line:
//! a session is then known by its close line only, its login is its connect (R6), and one that was not closed is not
//! there at all. "Open at T" means: that login was at T or before, and neither a close nor the death of the process
//! was.
//!
//! A certain row is never wrong, with one exception that R10 permits: if a process dies and the lines show nothing of
//! it (no stop mark, no later life that takes over), its sessions still count as open. Such rows are counted apart,
//! and the tests hold only as many as they say.

#![allow(clippy::print_stdout, reason = "the number of rows compared is the test's report")]

mod common;
#[path = "truth/connected.rs"]
mod connected;
#[path = "truth/facts.rs"]
mod facts;
#[path = "truth/last_access.rs"]
mod last_access;
#[path = "truth/messages.rs"]
mod messages;
#[path = "truth/sessions.rs"]
mod sessions;
#[path = "../examples/simulate/sim.rs"]
mod sim;
#[path = "truth/wounds.rs"]
mod wounds;

use common::{run, write_all};
use connected::{Asked, Count, at_all};
use facts::{Facts, Stream, rfc3339};
use serde_json::Value;
use sim::{Archive, Config, Level, Service, Zone, parse_utc, simulate};
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;
use wounds::Wounds;

/// A simulated archive on disk, and what is wrong with the tool's answers about it.
struct Trial {
    name: &'static str,
    config: Config,
    archive: Archive,
    facts: Facts,
    folder: TempDir,
    services: BTreeSet<Service>,
    rows: usize,
    connected: Count,
    errors: Vec<String>,
}

/// What `-c` lists without `-s`.
const USUAL: [Service; 2] = [Service::Imap, Service::Http];

impl Trial {
    fn new(name: &'static str, config: Config) -> Trial {
        let archive = simulate(&config);
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_all(folder.path(), &archive.files);
        Trial {
            name,
            facts: Facts::of(&archive),
            services: config.site.services.iter().copied().collect(),
            config,
            archive,
            folder,
            rows: 0,
            connected: Count::default(),
            errors: Vec::new(),
        }
    }

    fn rows(&self, args: &[&str]) -> Vec<Value> {
        let args: Vec<&str> = args.iter().copied().chain(["--format", "jsonl", "."]).collect();
        run(self.folder.path(), &args).exit(0).rows()
    }

    /// Everything that does not depend on a moment.
    fn check_all(&mut self) -> &mut Trial {
        let rows = self.rows(&["-a"]);
        self.rows += last_access::check(&self.config, &self.archive, &rows, &mut self.errors);
        let rows = self.rows(&["failures"]);
        self.rows += sessions::check_failures(&self.config, &self.archive, &rows, &mut self.errors);
        if self.config.traffic.ports {
            let rows = self.rows(&["sessions"]);
            self.rows += sessions::check(&self.config, &self.archive, &self.facts, &rows, &mut self.errors);
        }
        let last = |stream: &Stream| self.facts.coverage[stream].last;
        let streams = self.facts.coverage.keys().filter(|(_, s)| USUAL.contains(s));
        self.ask(&[], streams.map(|stream| (stream.clone(), last(stream))).collect());
        self
    }

    /// `-c` at an instant, over imap and http, and over pop where there is any.
    fn check_at(&mut self, at: i64) -> &mut Trial {
        let text = rfc3339(&self.config, "store1", at);
        self.ask(&["--at", &text], at_all(&self.facts, &USUAL.into(), at));
        if self.services.contains(&Service::Pop) {
            self.ask(&["--at", &text, "-s", "pop"], at_all(&self.facts, &[Service::Pop].into(), at));
        }
        self
    }

    /// `-c` at digits without an offset: in each stream the instant at which its clock shows them.
    fn check_digits(&mut self, digits: &str) -> &mut Trial {
        let local = parse_utc(&format!("{digits}Z")).expect("a time");
        let instant = |store: &str| {
            let zone = self.config.site.zone_of(store);
            let shown = |offset: i32| zone.offset(local - i64::from(offset)) == offset;
            local - i64::from([0, 3600, 7200].into_iter().find(|o| shown(*o)).expect("a known offset"))
        };
        let streams = self.facts.coverage.keys().filter(|(_, s)| USUAL.contains(s));
        self.ask(&["--at", digits], streams.map(|stream| (stream.clone(), instant(&stream.0))).collect());
        self
    }

    /// The usual moments: early, in the middle, late, and the last at which every stream is still covered.
    fn check_moments(&mut self) -> &mut Trial {
        let (start, end) = (self.config.span.start, self.archive.truth.summary.end);
        let all_covered = self.facts.coverage.values().map(|c| c.last).min().expect("a stream");
        for at in [start + 600, start + (end - start) / 3, start + (end - start) * 4 / 5, all_covered, end - 5] {
            self.check_at(at);
        }
        self
    }

    /// Around the deaths of processes: in that second, a little later, and when others have taken over.
    fn check_deaths(&mut self) -> &mut Trial {
        let deaths: BTreeSet<i64> = self.archive.truth.sessions.iter().filter_map(|s| s.lost_at).collect();
        assert!(deaths.len() > 1, "{}: {deaths:?}", self.name);
        for (n, at) in deaths.into_iter().enumerate() {
            self.check_at(at + [0, 2, 20, 900][n % 4]);
        }
        self
    }

    fn ask(&mut self, args: &[&str], moments: BTreeMap<Stream, i64>) {
        let args: Vec<&str> = ["-c"].iter().chain(args).copied().collect();
        let rows = self.rows(&args);
        let asked = Asked {
            config: &self.config,
            archive: &self.archive,
            facts: &self.facts,
            wounds: &Wounds::new(self.config.traffic.ports),
            moments,
        };
        let mut errors = Vec::new();
        self.connected += asked.check(&rows, &mut errors);
        self.rows += rows.len();
        self.errors.extend(errors.into_iter().map(|e| format!("{}: {e}", args.join(" "))));
    }

    /// Ends the trial: nothing may be wrong, and so many rows may rest on a death without a trace.
    fn finish(&self, traceless: usize) {
        let shown: Vec<&str> = self.errors.iter().take(12).map(String::as_str).collect();
        assert!(self.errors.is_empty(), "{}: {} differences\n{}", self.name, self.errors.len(), shown.join("\n"));
        println!("{}: {} rows compared; of -c {:?}", self.name, self.rows, self.connected);
        assert!(self.connected.certain > 20, "{}: {:?}", self.name, self.connected);
        assert_eq!(self.connected.traceless, traceless, "{}", self.name);
    }
}

#[test]
fn wrong_rows_are_noticed() {
    let trial = Trial::new("wrong rows", day(13));
    let at = trial.config.span.start + 40_000;
    let text = rfc3339(&trial.config, "store1", at);
    let moments = at_all(&trial.facts, &USUAL.into(), at);
    let wounds = Wounds::default();
    let asked = Asked { config: &trial.config, archive: &trial.archive, facts: &trial.facts, wounds: &wounds, moments };
    let connected = trial.rows(&["-c", "--at", &text]);
    let last = trial.rows(&["-a"]);
    let complaints = |connected: &[Value], last: &[Value]| {
        let mut errors = Vec::new();
        asked.check(connected, &mut errors);
        last_access::check(&trial.config, &trial.archive, last, &mut errors);
        errors.len()
    };
    assert_eq!(complaints(&connected, &last), 0);
    assert!(connected.len() > 10 && last.len() > 10);
    // Each row in turn is missing, there twice, or wrong in one value.
    for n in 0..10 {
        let changed = |rows: &[Value], change: &dyn Fn(&mut Vec<Value>)| {
            let mut rows = rows.to_vec();
            change(&mut rows);
            rows
        };
        let later = |value: &mut Value| {
            let (at, _) = facts::instant(value.as_str().expect("a time"));
            *value = rfc3339(&trial.config, "store1", at + 1).into();
        };
        for wrong in [
            changed(&connected, &|rows| drop(rows.remove(n))),
            changed(&connected, &|rows| rows.insert(n, rows[n].clone())),
            changed(&connected, &|rows| rows.swap(n, n + 1)),
            changed(&connected, &|rows| later(&mut rows[n]["since"])),
            changed(&connected, &|rows| rows[n]["user"] = "nobody".into()),
            changed(&connected, &|rows| rows[n]["from"] = "192.0.2.1:1".into()),
            changed(&connected, &|rows| rows[n]["auth"] = "none".into()),
            changed(&connected, &|rows| rows[n]["certainty"] = "possible".into()),
        ] {
            assert!(complaints(&wrong, &last) > 0, "{n}");
        }
        for wrong in [
            changed(&last, &|rows| drop(rows.remove(n))),
            changed(&last, &|rows| rows.swap(n, n + 1)),
            changed(&last, &|rows| rows[n]["imap"] = Value::Null),
            changed(&last, &|rows| later(&mut rows[n]["imap"]["last_login"])),
            changed(&last, &|rows| rows[n]["imap"]["last_logout"] = Value::Null),
            changed(&last, &|rows| rows[n]["imap"]["login_source"] = "guess".into()),
        ] {
            assert!(last[n]["imap"].is_null() || complaints(&connected, &wrong) > 0, "{n}");
        }
    }
}

#[test]
fn messages_and_their_sessions() {
    let mut config = day(16);
    config.span.seconds = Some(8 * 3600);
    config.span.warm = 3600;
    config.site.stores = 2;
    config.site.pids = 1;
    config.site.levels.push(("store2".into(), Level::Notice));
    config.traffic.users = 24;
    config.traffic.rate = 120.0;
    config.traffic.open = 20.0;
    config.traffic.noise = 0.4;
    config.traffic.hosted = 0.3;
    config.traffic.mixed_case = 0.3;
    let trial = Trial::new("messages", config);
    let expected = messages::expected(&trial.archive);
    let rows = trial.rows(&["messages"]);
    let mut errors = messages::compare(&expected, &rows);
    assert!((0..3).all(|fits| rows.iter().filter(|row| row["fits"] == fits).count() > 20), "{}", rows.len());
    let sessions = trial.rows(&["sessions"]);
    errors.extend(messages::compare_counts(&expected, &sessions));
    // Whoever asks for less gets the same of what is left.
    let user = "chen1";
    let of_user = |rows: &[Value]| rows.iter().filter(|row| row["user"] == user).cloned().collect::<Vec<_>>();
    assert!(of_user(&rows).len() > 10);
    assert_eq!(of_user(&rows), trial.rows(&["messages", "-u", user]));
    let closed: Vec<Value> = sessions.iter().filter(|row| row["status"] == "closed").cloned().collect();
    assert_eq!(closed, trial.rows(&["sessions", "--status", "closed"]));
    let since = rfc3339(&trial.config, "store1", trial.config.span.start + 4 * 3600);
    let late: Vec<Value> = trial.rows(&["sessions", "--since", &since]);
    assert!(late.len() > 50 && late.iter().all(|row| sessions.contains(row)));
    let shown: Vec<&str> = errors.iter().take(12).map(String::as_str).collect();
    assert!(errors.is_empty(), "{} differences\n{}", errors.len(), shown.join("\n"));
}

fn day(seed: u64) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.traffic.users = 150;
    config
}

/// A night in which the clocks of Berlin change.
fn night(seed: u64, start: &str) -> Config {
    let mut config = day(seed);
    config.span.start = parse_utc(start).expect("a time");
    config.span.seconds = Some(10 * 3600);
    config.traffic.rate = 400.0;
    config.traffic.open = 200.0;
    config
}

#[test]
fn a_quiet_day() {
    let mut config = day(1);
    config.files.rotate_bytes = 60_000;
    Trial::new("a quiet day", config).check_all().check_moments().finish(0);
}

#[test]
fn notice_has_no_logins() {
    let mut config = day(2);
    config.site.level = Level::Notice;
    config.span.warm = 6 * 3600;
    Trial::new("notice", config).check_all().check_moments().finish(0);
}

#[test]
fn a_level_and_a_zone_for_each_store() {
    let mut config = day(3);
    config.site.stores = 2;
    config.site.levels.push(("store2".into(), Level::Notice));
    config.site.zones.push(("store2".into(), Zone::Fixed(0)));
    config.site.mshttpd = true;
    config.span.warm = 6 * 3600;
    config.traffic.mixed_case = 0.3;
    config.traffic.hosted = 0.5;
    config.traffic.ipv6 = 0.4;
    config.files.rotate_bytes = 100_000;
    let mut trial = Trial::new("levels and zones", config);
    trial.check_all().check_moments().check_digits("2019-05-29T12:00:00").finish(0);
}

#[test]
fn restarts_and_crashes_with_marks() {
    let mut config = day(4);
    config.site.stores = 2;
    config.trouble.restarts = 3;
    config.trouble.crashes = 3;
    config.trouble.marks = true;
    config.trouble.reuse_pids = true;
    Trial::new("marks", config).check_all().check_moments().check_deaths().finish(0);
}

#[test]
fn restarts_and_crashes_without_marks() {
    let mut config = day(5);
    config.site.pids = 3;
    config.trouble.restarts = 4;
    config.trouble.crashes = 4;
    config.files.rotate_bytes = 80_000;
    Trial::new("no marks", config).check_all().check_moments().check_deaths().finish(0);
}

#[test]
fn a_death_without_a_trace() {
    // In the first hour, without marks: R8 takes the new process for one that was there before.
    let mut config = day(15);
    config.site.services = vec![Service::Imap];
    config.span.seconds = Some(2 * 3600);
    config.traffic.rate = 400.0;
    config.traffic.open = 100.0;
    config.trouble.crashes = 1;
    let mut trial = Trial::new("no trace", config);
    let death = trial.archive.truth.sessions.iter().find_map(|s| s.lost_at).expect("a crash");
    let start = trial.config.span.start;
    assert!(death < start + 3500, "{}", death - start);
    trial.check_at(start + 2 * 3600 - 60).finish(22);
}

#[test]
fn restarts_at_level_notice() {
    let mut config = day(6);
    config.site.level = Level::Notice;
    config.trouble.restarts = 3;
    config.trouble.crashes = 2;
    Trial::new("restarts at notice", config).check_all().check_moments().finish(0);
}

#[test]
fn peers_without_ports() {
    let mut config = day(7);
    config.traffic.ports = false;
    config.traffic.users = 40;
    config.traffic.ipv6 = 0.3;
    config.trouble.crashes = 3;
    Trial::new("no ports", config).check_all().check_moments().check_deaths().finish(0);
}

#[test]
fn peers_without_ports_at_level_notice() {
    let mut config = day(8);
    config.traffic.ports = false;
    config.site.level = Level::Notice;
    config.span.warm = 6 * 3600;
    Trial::new("no ports at notice", config).check_all().check_moments().finish(0);
}

#[test]
fn an_hour_twice() {
    for (seed, level) in [(9, Level::Information), (10, Level::Notice)] {
        let mut config = night(seed, "2019-10-26T20:00:00Z");
        config.site.level = level;
        let mut trial = Trial::new("October", config);
        trial.check_all().check_moments();
        // 02:30 +02:00, 02:30 +01:00, and the seconds around the change.
        for text in ["2019-10-27T00:30:00Z", "2019-10-27T01:30:00Z", "2019-10-27T00:59:59Z", "2019-10-27T01:00:00Z"] {
            trial.check_at(parse_utc(text).expect("a time"));
        }
        trial.check_digits("2019-10-27T01:30:00").check_digits("2019-10-27T03:30:00").finish(0);
    }
}

#[test]
fn an_hour_never() {
    for (seed, level) in [(11, Level::Information), (12, Level::Notice)] {
        let mut config = night(seed, "2019-03-30T20:00:00Z");
        config.site.level = level;
        let mut trial = Trial::new("March", config);
        trial.check_all().check_moments();
        for text in ["2019-03-31T00:59:59Z", "2019-03-31T01:00:00Z", "2019-03-31T01:30:00Z"] {
            trial.check_at(parse_utc(text).expect("a time"));
        }
        trial.check_digits("2019-03-31T01:30:00").check_digits("2019-03-31T03:30:00").finish(0);
    }
}
