//! One damaged archive, and what the program says about it.

use crate::common::{Run, run, write_all};
use crate::connected::{Asked, Count, at_all};
use crate::facts::{Facts, instant, rfc3339, spelled};
use crate::last_access;
use crate::packed::Packed;
use crate::proof::Proof;
use crate::sim::{Archive, Config, Log, Service, State, Wreck, simulate};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tempfile::TempDir;

/// What `-c` lists without `-s`.
const USUAL: [Service; 2] = [Service::Imap, Service::Http];

/// What was asserted, over all archives of a kind.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) archives: usize,
    /// Rows of `-a` and of `-c`, each held against the truth; of `-c` also those that are excused.
    pub(crate) last_access: usize,
    pub(crate) connected: Count,
    /// Certain rows of sessions that were over, but of whose end no line is left, and nothing shows that one is
    /// missing.
    pub(crate) nobody_knows: usize,
    pub(crate) gaps: usize,
    pub(crate) rejects: u64,
}

impl Report {
    /// How many rows were asserted.
    pub(crate) fn rows(&self) -> usize {
        self.last_access + self.connected.certain + self.connected.possible - self.connected.excused
    }
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.archives += other.archives;
        self.last_access += other.last_access;
        self.connected += other.connected;
        self.nobody_knows += other.nobody_knows;
        self.gaps += other.gaps;
        self.rejects += other.rejects;
    }
}

/// A damaged archive on disk.
pub(crate) struct Trial {
    name: String,
    config: Config,
    /// As it was before.
    original: Archive,
    proof: Proof,
    facts: Facts,
    /// What the files hold when they are unpacked, without copies.
    content: Vec<Vec<u8>>,
    /// More or fewer bytes of it may be read.
    vague: bool,
    exit: i32,
    has_debris: bool,
    pub(crate) folder: TempDir,
    errors: Vec<String>,
}

impl Trial {
    /// The files of the wreck as they are, all of them read to their ends.
    pub(crate) fn new(name: String, config: Config, original: Archive, wreck: &Wreck) -> Trial {
        let files = wreck.files();
        let content = files.iter().map(|(_, bytes)| bytes.clone()).collect();
        let packed = Packed { files, wreck: wreck.clone(), content, unreadable: BTreeSet::new(), vague: false };
        Trial::packed(name, config, original, &packed)
    }

    /// Files whose decoded content the wreck tells of.
    pub(crate) fn packed(name: String, config: Config, original: Archive, packed: &Packed) -> Trial {
        let Packed { files, wreck, content, vague, .. } = packed;
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_all(folder.path(), files);
        let proof = Proof::of(&config, &original, packed);
        let altered = |log: &Log| log.lines.iter().any(|line| line.state == State::Altered);
        Trial {
            name,
            facts: Facts::of(&proof.archive),
            config,
            original,
            proof,
            content: content.clone(),
            vague: *vague,
            exit: i32::from(!packed.unreadable.is_empty()),
            has_debris: wreck.logs.iter().any(altered),
            folder,
            errors: Vec::new(),
        }
    }

    /// What is read, where some of the files are copies of others, and what is proved, which is the same as before.
    pub(crate) fn with_copies(mut self, before: Trial) -> Trial {
        (self.content, self.proof, self.facts) = (before.content, before.proof, before.facts);
        self
    }

    pub(crate) fn ask(&self, args: &[&str]) -> Run {
        let args: Vec<&str> = args.iter().copied().chain(["."]).collect();
        let run = run(self.folder.path(), &args);
        assert!(!run.err().contains("panicked"), "{}: {args:?}: {}", self.name, run.err());
        run.exit(self.exit)
    }

    /// Everything that must hold.
    pub(crate) fn check(&mut self, report: &mut Report) {
        self.examine(report);
        let shown: Vec<&str> = self.errors.iter().take(6).map(String::as_str).collect();
        assert!(self.errors.is_empty(), "{}: {} differences\n{}", self.name, self.errors.len(), shown.join("\n"));
    }

    /// What is wrong with the program's answers.
    pub(crate) fn examine(&mut self, report: &mut Report) -> &[String] {
        let document = self.ask(&["-a", "--format", "json"]).document();
        self.check_tally(&document["tally"], report);
        self.check_gaps(&document["coverage"], report);
        let rows = document["records"].as_array().cloned().unwrap_or_default();
        let named = |user: &str| self.proof.wounds.names_user(user);
        report.last_access +=
            last_access::check_others(&self.config, &self.proof.archive, &rows, &named, &mut self.errors);
        let moments = self.moments();
        self.check_at(moments[2], &[Service::Pop], report);
        for at in moments {
            self.check_at(at, &USUAL, report);
        }
        if !self.has_debris {
            self.check_end(report);
        }
        report.archives += 1;
        &self.errors
    }

    /// Promise 1.
    fn check_tally(&mut self, tally: &Value, report: &mut Report) {
        let count = |class: &Value, what: &str| class[what].as_u64().expect("a count");
        let classes = ["event", "known", "unknown", "reject", "passed_over"];
        let lines_of = |bytes: &Vec<u8>| bytes.split_inclusive(|b| *b == b'\n').count() as u64;
        let wanted = [
            ("bytes", self.content.iter().map(|bytes| bytes.len() as u64).sum::<u64>()),
            ("lines", self.content.iter().map(lines_of).sum()),
        ];
        for (what, wanted) in wanted {
            let sum: u64 = classes.iter().map(|class| count(&tally[class], what)).sum();
            let all = count(tally, what);
            if sum != all || all != wanted && !self.vague {
                self.errors.push(format!("tally: {wanted} {what} are there, {sum} in all classes: {tally}"));
            }
        }
        let rejects = count(&tally["reject"], "lines");
        report.rejects += rejects;
        let whole: u64 = self.proof.archive.files.iter().map(|(_, bytes)| lines_of(bytes)).sum();
        if rejects > count(tally, "lines").saturating_sub(whole.min(count(tally, "lines"))) {
            self.errors.push(format!("tally: {rejects} lines are rejected, {whole} are whole: {tally}"));
        }
    }

    /// Every gap that shows is told, with `-a` as well.
    fn check_gaps(&mut self, coverage: &Value, report: &mut Report) {
        for row in coverage.as_array().expect("an array") {
            let text = |value: &Value| value.as_str().expect("a text").to_string();
            let told = row["gaps"].as_array().expect("an array").iter();
            let told: Vec<(i64, i64)> =
                told.map(|gap| (instant(&text(&gap["from"])).0, instant(&text(&gap["to"])).0)).collect();
            let service = [Service::Imap, Service::Pop, Service::Http];
            let service = service.into_iter().find(|s| s.name() == row["service"]).expect("a service");
            for (from, to) in self.proof.wounds.sure_gaps(&(text(&row["store"]), service)) {
                report.gaps += 1;
                if !told.iter().any(|gap| gap.0 <= from && to <= gap.1) {
                    self.errors.push(format!("coverage: no gap from {from} to {to}: {row}"));
                }
            }
        }
    }

    /// Some moments within all coverage, among them the last seconds of sessions with a whole close.
    pub(crate) fn moments(&self) -> Vec<i64> {
        let usual = || self.facts.coverage.iter().filter(|((_, service), _)| USUAL.contains(service));
        let first = usual().map(|(_, c)| c.first).max().expect("a stream");
        let last = usual().map(|(_, c)| c.last).min().expect("a stream");
        let ends: BTreeSet<i64> = self.proof.archive.truth.sessions.iter().filter_map(|s| s.end).collect();
        let end =
            |part: i64| ends.range(first + (last - first) * part / 8..).next().map_or(first, |at| (*at).min(last));
        let part = |part: i64| first + (last - first) * part / 16;
        vec![part(1), end(3) - 1, part(7), end(4), part(11), end(6) - 1, part(15), last]
    }

    fn check_at(&mut self, at: i64, services: &[Service], report: &mut Report) {
        let text = rfc3339(&self.config, "store1", at);
        let pop = ["-s", "pop"];
        let only: &[&str] = if services == [Service::Pop] { &pop } else { &[] };
        let args: Vec<&str> = ["-c", "--at", &text, "--format", "jsonl"].iter().chain(only).copied().collect();
        let rows = self.ask(&args).rows();
        let moments = at_all(&self.facts, &services.iter().copied().collect(), at);
        self.judge(&args.join(" "), rows, moments, report);
    }

    /// Without `--at`: each stream at the end of its coverage.
    fn check_end(&mut self, report: &mut Report) {
        let rows = self.ask(&["-c", "--format", "jsonl"]).rows();
        let usual = self.facts.coverage.iter().filter(|((_, service), _)| USUAL.contains(service));
        let moments = usual.map(|(stream, c)| (stream.clone(), c.last)).collect();
        self.judge("-c", rows, moments, report);
    }

    fn judge(
        &mut self,
        args: &str,
        mut rows: Vec<Value>,
        moments: BTreeMap<(String, Service), i64>,
        report: &mut Report,
    ) {
        if self.has_debris {
            // A damaged stamp may have moved the end of coverage: whether a later T gives rows is not to be known.
            let ended = |row: &Value| {
                let stream = moments.keys().find(|(store, s)| row["store"] == *store && row["service"] == s.name());
                stream.is_some_and(|stream| moments[stream] > self.facts.coverage[stream].last)
            };
            rows.retain(|row| !ended(row));
        }
        let mut errors = Vec::new();
        let asked = Asked {
            config: &self.config,
            archive: &self.proof.archive,
            facts: &self.facts,
            wounds: &self.proof.wounds,
            moments,
        };
        report.connected += asked.check(&rows, &mut errors);
        report.nobody_knows += self.were_over(&rows);
        self.errors.extend(errors.into_iter().map(|e| format!("{args}: {e}")));
    }

    /// How many certain rows are of sessions that were over by T, in truth.
    fn were_over(&self, rows: &[Value]) -> usize {
        let certain = rows.iter().filter(|row| row["certainty"] == "certain");
        let mut peers: BTreeMap<&str, Vec<(&Value, bool)>> = BTreeMap::new();
        for row in certain {
            peers.entry(row["from"].as_str().unwrap_or_default()).or_default().push((row, true));
        }
        for s in &self.original.truth.sessions {
            let from = spelled(&s.from, self.config.traffic.ports);
            for (row, over) in peers.get_mut(from.as_str()).into_iter().flatten() {
                let at = instant(row["at"].as_str().expect("a time")).0;
                let open = s.connect <= at && s.end.or(s.lost_at).is_none_or(|end| at < end);
                *over &= !(open && row["user"] == s.user && row["service"] == s.service.name());
            }
        }
        peers.values().flatten().filter(|(_, over)| *over).count()
    }
}

/// Some hours of a store with rotated files.
pub(crate) fn some_hours(seed: u64) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.span.seconds = Some(7 * 3600);
    config.traffic.users = 420;
    config.traffic.rate = 220.0;
    config.traffic.open = 130.0;
    config.files.rotate_bytes = 25_000;
    config
}

pub(crate) fn simulated(config: Config) -> (Config, Archive) {
    let archive = simulate(&config);
    (config, archive)
}

/// How many archives a long run is to try.
pub(crate) fn cases_asked() -> Option<u64> {
    std::env::var("IMSTRAIL_CASES").ok().and_then(|text| text.parse().ok())
}

/// Tries archives by their seeds: as many as are asked for, and until enough rows are asserted.
pub(crate) fn try_seeds(base: u64, mut try_one: impl FnMut(u64, &mut Report)) -> Report {
    let cases = cases_asked().unwrap_or(1);
    let mut report = Report::default();
    let mut tried = 0;
    while tried < cases || report.rows() < ENOUGH && tried < 10 {
        try_one(base + tried, &mut report);
        tried += 1;
    }
    report
}

/// So many rows are asserted for every kind of damage, at the least.
pub(crate) const ENOUGH: usize = 1000;
