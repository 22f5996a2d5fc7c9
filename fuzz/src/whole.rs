//! Whole runs through the library, as the program makes them: from paths to the JSON document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use imstrail::answer::{Asked, AskedSessions, At, ConnectedQuery, LastAccessRows, Rows, connected};
use imstrail::discover::{self, discover};
use imstrail::fold::Needs;
use imstrail::model::{Service, Stamp};
use imstrail::note::Note;
use imstrail::open::{Damage, Kind, Member, Sink, WalkOptions, Want, walk_file};
use imstrail::parse::Names;
use imstrail::plan::{Leaf, Plan, PlanOptions, plan};
use imstrail::read::{Meter, Outcome, Reading, read};
use imstrail::remarks::{OnlyTraced, Remarks};
use imstrail::render::{Answer, Shape, Summary, write};
use imstrail::resolve::{FileFacts, resolve};
use imstrail::streams::Streams;
use imstrail::times::Zone;
use imstrail::trail::FileId;

use super::adapter::Templates;

/// What a run asks.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// `-c`, with `--at` or at the end of coverage.
    pub connected: Option<Option<i64>>,
    /// `-a`
    pub access: bool,
    /// `--year`
    pub year: u32,
}

/// What a run answered.
pub struct Answered {
    /// `--format json`: rows, coverage, notes, tally.
    pub document: String,
    /// `--format jsonl`: the rows alone.
    pub rows: String,
    /// Lines and bytes of all classes together.
    pub total: (u64, u64),
    /// Lines and bytes by class: events, known, unknown, rejects, passed over.
    pub classes: [(u64, u64); 5],
    /// Texts that are copies of others and were not read, as shown.
    pub copies: Vec<String>,
    /// Lines whose dates were completed from elsewhere.
    pub undated: u64,
}

/// A pool of so many threads; one of one and one of two are kept.
fn pool(threads: usize) -> &'static rayon::ThreadPool {
    static POOLS: OnceLock<[rayon::ThreadPool; 2]> = OnceLock::new();
    let new = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("threads start");
    let [one, two] = POOLS.get_or_init(|| [new(1), new(2)]);
    if threads == 1 { one } else { two }
}

/// Runs the stages over these paths, with one or two threads.
pub fn answer(paths: &[PathBuf], question: &Question, threads: usize) -> Answered {
    pool(threads).install(|| answer_here(paths, question))
}

fn answer_here(paths: &[PathBuf], question: &Question) -> Answered {
    let found = discover(paths, &discover::Options::default());
    let spool = question.connected.is_some();
    let options = PlanOptions { year: Some(question.year), spool, ..PlanOptions::default() };
    let plan = plan(&found, &options).expect("nothing comes from standard input");
    let streams = Streams::default();
    let needs = Needs { access: question.access, pairs: spool, ..Needs::default() };
    let query = question.connected.map(|at| ConnectedQuery {
        at: at.map_or(At::EndOfCoverage, |at| At::Instant(Stamp { at, offset: 0 })),
        services: Service::ALL.to_vec(),
        users: Default::default(),
        drift: 120,
        proxies: Default::default(),
    });
    let reading = Reading {
        needs: &needs,
        asked: Asked {
            sessions: query.as_ref().map_or(AskedSessions::Nothing, AskedSessions::Connected),
            ..Asked::default()
        },
        traces: None,
        clients: None,
        grammars: Templates::built_in().grammars(),
        names: &Names::default(),
        pseudonyms: None,
        walk: &options.walk,
        year: options.year,
        sieve: None,
        hashes: false,
        cites: false,
        meter: &Meter::default(),
    };
    let outcome = read(&plan, &streams, &reading);
    rendered(&plan, &streams, &needs, query.as_ref(), outcome)
}

/// What `app` does with what was read.
fn rendered(
    plan: &Plan,
    streams: &Streams,
    needs: &Needs,
    query: Option<&ConnectedQuery>,
    mut outcome: Outcome,
) -> Answered {
    let leaves: Vec<&Leaf> = plan.leaves.iter().chain(&outcome.unplanned).collect();
    let resolved = resolve(&outcome.trail, streams, &facts(&leaves, &outcome));
    let rows =
        query.map(|q| connected(q, &resolved, outcome.sessions.iter().flatten()).expect("an instant can be asked for"));
    let accesses = std::mem::take(&mut outcome.trail.access);
    let access = needs.access.then(|| LastAccessRows::new(accesses, streams, &needs.users));
    let rows = Rows { connected: rows.as_deref().zip(query.map(|q| q.services.as_slice())), access, ..Rows::default() };
    let summary = Summary::of(&rows, Shape::Json, Zone::Log, &resolved).expect("nothing was put aside");
    let remarks = Remarks {
        leaves: &leaves,
        trail: &outcome.trail,
        streams: &resolved,
        connected: query,
        access: needs.access,
        sessions: None,
        sieved: None,
        once: false,
        inferred: summary.inferred,
        guesses: false,
        only_traced: &OnlyTraced::default(),
        proxied: &[],
        no_traces: false,
    };
    let mut notes: Vec<Note> = [plan.notes.clone(), outcome.notes.clone(), remarks.notes()].concat();
    notes.sort();
    notes.dedup();
    let tally = &outcome.trail.tally;
    let answer = Answer {
        rows,
        limits: remarks.limits(None),
        quotes: None,
        streams: &resolved,
        notes: &notes,
        tally,
        texts: &leaves.iter().map(|leaf| leaf.shown.as_str()).collect::<Vec<_>>(),
        query: serde_json::Value::Null,
        zone: Zone::Log,
        summary,
    };
    let text = |shape| {
        let mut text = Vec::new();
        write(&answer, shape, &mut text).expect("memory can be written");
        String::from_utf8(text).expect("answers are UTF-8")
    };
    // Tables and CSV must be written without a panic; what stands in them is the same rows.
    text(Shape::Table);
    text(Shape::Csv);
    let count = |count: imstrail::trail::Count| (count.lines, count.bytes);
    Answered {
        document: text(Shape::Json),
        rows: text(Shape::JsonLines),
        total: count(tally.total()),
        classes: [tally.event, tally.known, tally.unknown, tally.reject, tally.passed_over].map(count),
        copies: leaves.iter().filter(|l| l.copy_of.is_some()).map(|l| l.shown.clone()).collect(),
        undated: outcome.trail.files.values().map(|f| f.tally.undated).sum(),
    }
}

fn facts(leaves: &[&Leaf], outcome: &Outcome) -> BTreeMap<FileId, FileFacts> {
    let of_leaf = |leaf: &&Leaf| {
        let end = leaf.shown.rfind(['/', '!']).unwrap_or(0);
        let folder = leaf.shown.get(..end).unwrap_or_default().to_owned();
        let holes = outcome.holes.get(&leaf.id).copied().unwrap_or(0);
        let damaged = outcome.damaged.contains(&leaf.id);
        (leaf.id, FileFacts { sequence: leaf.sequence.clone(), folder, damaged, holes })
    };
    leaves.iter().map(of_leaf).collect()
}

/// A text that was found by walking alone.
pub struct Decoded {
    /// As notes show it.
    pub shown: String,
    /// Whether its first bytes are those of a text.
    pub plain: bool,
    /// Whether it could not be decoded to its end.
    pub damaged: bool,
    /// All of its bytes that could be decoded.
    pub bytes: Vec<u8>,
    /// Where among them something is lost.
    pub holes: Vec<usize>,
}

/// Everything that lies in a file, decoded.
pub fn decoded(path: &Path) -> Vec<Decoded> {
    let mut all = All::default();
    walk_file(path, &WalkOptions::default(), &mut all);
    all.texts
}

#[derive(Default)]
struct All {
    texts: Vec<Decoded>,
}

impl Sink for All {
    fn begin(&mut self, member: &Member<'_>) -> Want {
        let shown = imstrail::plan::shown(member.path, member.member);
        let plain = matches!(member.kind, Kind::Plain);
        self.texts.push(Decoded { shown, plain, damaged: false, bytes: Vec::new(), holes: Vec::new() });
        Want::All
    }
    fn data(&mut self, bytes: &[u8]) {
        self.texts.last_mut().expect("a text began").bytes.extend_from_slice(bytes);
    }
    fn hole(&mut self, _: Damage) {
        let text = self.texts.last_mut().expect("a text began");
        text.holes.push(text.bytes.len());
    }
    fn end(&mut self, damage: Option<Damage>) {
        self.texts.last_mut().expect("a text began").damaged |= damage.is_some();
    }
    fn note(&mut self, _: Note) {}
}
