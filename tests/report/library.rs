//! A report by the library: the stages as the program runs them, without its page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use imstrail::answer::report::{About, PARTS, Report, Sources, part_of};
use imstrail::answer::{
    Asked, AskedSessions, Failures, FailuresQuery, Filter, Findings, LastAccessRows, SessionsQuery, Thresholds, covered,
};
use imstrail::discover::{self, discover};
use imstrail::fold::{Needs, Refusal};
use imstrail::grammar::Grammars;
use imstrail::model::Service;
use imstrail::open::WalkOptions;
use imstrail::pair::{Behind, Overlaps};
use imstrail::parse::Names;
use imstrail::plan::{Leaf, PlanOptions, plan};
use imstrail::read::{Meter, Outcome, Reading, read};
use imstrail::resolve::{FileFacts, Resolved, resolve};
use imstrail::runs::Runs;
use imstrail::streams::Streams;
use imstrail::times::Zone;

/// How a report is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) zone: Zone,
    pub(crate) services: Vec<Service>,
    pub(crate) top: usize,
    pub(crate) rows: usize,
    /// Sessions and refusals.
    pub(crate) filter: Filter,
}

impl Default for Asking {
    fn default() -> Asking {
        Asking { zone: Zone::Log, services: Vec::new(), top: 5, rows: 7, filter: Filter::default() }
    }
}

/// A report without findings.
pub(crate) fn report(folder: &Path, asking: &Asking) -> Report {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("threads");
    pool.install(|| report_here(folder, asking))
}

fn report_here(folder: &Path, asking: &Asking) -> Report {
    let found = discover(&[PathBuf::from(folder)], &discover::Options::default());
    let walk = WalkOptions::default();
    let plan =
        plan(&found, &PlanOptions { walk: walk.clone(), spool: true, ..PlanOptions::default() }).expect("a plan");
    let streams = Streams::default();
    let filter = Filter { services: asking.services.clone(), ..asking.filter.clone() };
    let behind = Behind { amounts: true, evidence: false };
    let window = filter.window;
    let needs = Needs { access: true, pairs: true, behind, window, ..Needs::default() };
    let query = SessionsQuery { filter: filter.clone(), ..SessionsQuery::default() };
    let kinds = vec![Refusal::Login, Refusal::Proxy];
    let refusals = FailuresQuery { filter, kinds, ..FailuresQuery::default() };
    let reading = Reading {
        needs: &needs,
        asked: Asked { sessions: AskedSessions::ByUser(&query), failures: Some(&refusals), logins: None },
        traces: None,
        clients: None,
        cites: false,
        grammars: &Grammars::new(&[]).expect("the built-in templates"),
        names: &Names::default(),
        pseudonyms: None,
        walk: &walk,
        year: None,
        sieve: None,
        hashes: false,
        meter: &Meter::default(),
    };
    let leaves: Vec<&Leaf> = plan.leaves.iter().collect();
    let read = |needs: &Needs| {
        let outcome = read(&plan, &streams, &Reading { needs, ..reading });
        let resolved = resolve(&outcome.trail, &streams, &facts(&leaves, &outcome));
        (outcome, resolved)
    };
    let (mut outcome, mut resolved) = read(&needs);
    // R13: of peers without a port, files that overlap have lines twice. That is known when all has been read.
    if outcome.trail.collected.portless {
        let spans = |stream: &Resolved| stream.overlaps.iter().map(|overlap| overlap.from..=overlap.to).collect();
        let overlaps: Overlaps = resolved.iter().map(|stream| (stream.id, spans(stream))).collect();
        let behind = Behind { evidence: true, ..behind };
        (outcome, resolved) = read(&Needs { overlaps: overlaps.into(), behind, ..needs.clone() });
    }
    let visits = visits(&mut outcome, &resolved, &query);
    let mut refused = std::mem::take(&mut outcome.refused);
    refused.iter_mut().for_each(|runs| runs.finish().expect("memory"));
    let failures = Failures { services: &asking.services, runs: &refused, streams: &resolved, origins: None };
    let (nobody, accesses) = (BTreeSet::new(), std::mem::take(&mut outcome.trail.access));
    Report::of(&Sources {
        about: &About::default(),
        zone: asking.zone,
        window: &window,
        visits: &visits,
        failures: &failures,
        findings: &Findings { runs: &[], thresholds: Thresholds::default() },
        access: &LastAccessRows::new(accesses, &streams, &nobody),
        limits: &Default::default(),
        covered: &covered(&resolved, &outcome.trail, &leaves, &asking.services),
        trail: &outcome.trail,
        leaves: &leaves,
        damaged: &outcome.damaged,
        notes: &[],
        top: asking.top,
        rows: asking.rows,
        beside: Some("beside.csv"),
        tmpdir: &std::env::temp_dir(),
    })
    .expect("a report")
}

fn visits(outcome: &mut Outcome, streams: &[Resolved], query: &SessionsQuery) -> [Vec<Runs>; PARTS] {
    let mut visits = std::mem::take(&mut outcome.visits);
    for session in outcome.sessions.iter().flatten() {
        let stream = streams.iter().find(|stream| stream.id == session.stream).expect("a stream");
        let mut runs = Runs::new(&std::env::temp_dir(), 1 << 20);
        runs.push(|record| _ = query.unclosed_visit(session, stream, record));
        visits[part_of(&session.user)].push(runs);
    }
    visits.iter_mut().flatten().for_each(|runs| runs.finish().expect("memory"));
    visits
}

fn facts(leaves: &[&Leaf], outcome: &Outcome) -> BTreeMap<imstrail::model::FileId, FileFacts> {
    let of_leaf = |leaf: &&Leaf| {
        let end = leaf.shown.rfind(['/', '!']).unwrap_or(0);
        let folder = leaf.shown[..end].to_owned();
        let holes = outcome.holes.get(&leaf.id).copied().unwrap_or(0);
        let damaged = outcome.damaged.contains(&leaf.id);
        (leaf.id, FileFacts { sequence: leaf.sequence.clone(), folder, damaged, holes })
    };
    leaves.iter().map(of_leaf).collect()
}
