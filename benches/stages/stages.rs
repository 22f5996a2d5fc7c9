//! Every stage by itself, in bytes of log a second. See `benches/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::io::sink;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imstrail::answer::{At, ConnectedQuery, LastAccessRows, Rows, connected};
use imstrail::chunk::{Cut, Cutter, Lines};
use imstrail::columns::{pack, unpack};
use imstrail::fold::{Folder, Needs};
use imstrail::grammar::{Grammars, Kind};
use imstrail::model::{Doubt, Service, Stamp};
use imstrail::pair::{Behind, Session};
use imstrail::parse::{Line, Names, Reader, Years};
use imstrail::render::{Answer, Shape as Format, Summary, write};
use imstrail::resolve::resolve;
use imstrail::streams::Streams;
use imstrail::times::Zone;
use imstrail::trail::{FileId, LearnedAccess, Shown, Trail, kept};
use imstrail_stages::{Shape, bare, close, login, prefixed, session, text, trace, unknown, user};

/// A block as long as `read` reads it, in bytes; but it ends anywhere, as decoded ones do.
const BLOCK: usize = 128 << 10;

/// What reading needs, made once.
struct Desk {
    grammars: Grammars,
    names: Names,
    streams: Streams,
    years: Years,
}

impl Desk {
    fn new() -> Desk {
        let grammars = Grammars::new(&[]).expect("the built-in templates compile");
        let years = Years { given: None, anchors: vec![(0, Stamp { at: 1_559_116_800, offset: 120 })] };
        Desk { grammars, names: Names::default(), streams: Streams::default(), years }
    }

    /// The trail of a text: what `needs` asks of it.
    fn fold(&self, text: &[u8], needs: &Needs) -> Trail {
        let mut folder = Folder::new(needs, &self.grammars, &self.names, &self.streams);
        folder.begin(FileId(0), 0);
        let mut cutter = Cutter::default();
        let mut out = |cut: Cut<'_>| {
            if let Cut::Lines(block, place) = cut {
                folder.lines(block, place, &self.years);
            }
        };
        text.chunks(BLOCK).for_each(|block| cutter.push(block, &mut out));
        cutter.end(&mut out);
        folder.end();
        folder.finish()
    }
}

fn chunk(c: &mut Criterion) {
    let text = text(session);
    let mut group = c.benchmark_group("chunk");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("sessions", |b| {
        b.iter(|| {
            let (mut cutter, mut bytes) = (Cutter::default(), 0);
            let mut out = |cut: Cut<'_>| {
                if let Cut::Lines(block, _) = cut {
                    bytes += Lines::new(block).map(|(_, line, _)| line.len()).sum::<usize>();
                }
            };
            text.chunks(BLOCK).for_each(|block| cutter.push(block, &mut out));
            cutter.end(&mut out);
            black_box(bytes)
        });
    });
}

fn columns(c: &mut Criterion) {
    let text = text(session);
    let packed = pack(&text);
    let mut group = c.benchmark_group("columns");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("pack", |b| b.iter(|| black_box(pack(&text)).len()));
    group.bench_function("unpack", |b| {
        b.iter(|| {
            let mut out = Vec::new();
            unpack(&packed, &mut out).expect("what was packed");
            black_box(out).len()
        });
    });
}

/// A shape that is read as something else would measure nothing: every line must be of this kind, or unknown.
fn all_are(desk: &Desk, text: &[u8], kind: Option<Kind>) {
    let mut reader = Reader::new(&desk.grammars, &desk.names, &desk.streams);
    for (place, line, _) in Lines::new(text) {
        let got = match reader.read(line, &desk.years, place) {
            Line::Event(event) => Ok(Some(event.kind)),
            Line::Unknown(..) => Ok(None),
            Line::Around => Ok(Some(Kind::Known)),
            Line::Reject(why) => Err(why),
        };
        assert_eq!(got, Ok(kind), "{}", String::from_utf8_lossy(line));
    }
}

fn parse(c: &mut Criterion) {
    let desk = Desk::new();
    let shapes: [(&str, Shape, Option<Kind>); 6] = [
        ("login", login, Some(Kind::Login)),
        ("close", close, Some(Kind::Close)),
        ("trace", trace, Some(Kind::Append)),
        ("unknown", unknown, None),
        ("syslog-prefix", prefixed, Some(Kind::Login)),
        ("syslog-date", bare, Some(Kind::Login)),
    ];
    let mut group = c.benchmark_group("parse");
    for (name, shape, kind) in shapes {
        let text = text(shape);
        all_are(&desk, &text, kind);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(name), &text, |b, text| {
            let mut reader = Reader::new(&desk.grammars, &desk.names, &desk.streams);
            b.iter(|| {
                for (place, line, _) in Lines::new(text) {
                    let behind = &text[place as usize..];
                    let ordinary = reader.ordinary(behind).map(|line| Line::Event(line.event()));
                    black_box(&ordinary.unwrap_or_else(|| reader.read(line, &desk.years, place)));
                }
            });
        });
    }
}

/// Folding, of which parsing is a part: with nothing asked, with last access, and with pairing to the last session.
fn fold(c: &mut Criterion) {
    let (desk, text) = (Desk::new(), text(session));
    let mut group = c.benchmark_group("fold");
    group.throughput(Throughput::Bytes(text.len() as u64));
    let none = Needs::default();
    let access = Needs { access: true, ..Needs::default() };
    let pairs = Needs { pairs: true, ..Needs::default() };
    group.bench_function("nothing", |b| b.iter(|| desk.fold(&text, &none).coverage));
    group.bench_function("access", |b| b.iter(|| desk.fold(&text, &access).access.len()));
    let (mut whole, mut all) = (0, 0);
    desk.fold(&text, &pairs).pairs.finish(&mut |s| {
        all += 1;
        whole += u64::from(s.has_login && s.end.is_some());
    });
    assert!(whole * 2 > all, "of {all} sessions {whole} have both of their lines");
    group.bench_function("pair", |b| {
        b.iter(|| {
            let mut sessions = 0_u64;
            desk.fold(&text, &pairs).pairs.finish(&mut |_| sessions += 1);
            black_box(sessions)
        });
    });
}

fn answer(c: &mut Criterion) {
    let (desk, text) = (Desk::new(), text(session));
    let mut trail = desk.fold(&text, &Needs { access: true, pairs: true, ..Needs::default() });
    let mut sessions: Vec<Session> = Vec::new();
    std::mem::take(&mut trail.pairs).finish(&mut |session| sessions.push(session.to_session(Behind::default())));
    let query = ConnectedQuery {
        at: At::EndOfCoverage,
        services: Service::ALL.to_vec(),
        users: BTreeSet::new(),
        drift: 120,
        proxies: Default::default(),
    };
    let resolved = resolve(&trail, &desk.streams, &BTreeMap::new());
    let users = BTreeSet::new();
    let rows = || connected(&query, &resolved, &sessions).expect("the end of coverage is a moment");
    let mut group = c.benchmark_group("answer");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("resolve", |b| b.iter(|| resolve(&trail, &desk.streams, &BTreeMap::new())));
    group.bench_function("connected", |b| b.iter(rows));
    for (name, format) in [("table", Format::Table), ("jsonl", Format::JsonLines), ("csv", Format::Csv)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let rows = rows();
                let access = Some(LastAccessRows::new(trail.access.clone(), &desk.streams, &users));
                let rows = Rows { connected: Some((&rows, &Service::ALL)), access, ..Rows::default() };
                let summary = Summary::of(&rows, format, Zone::Log, &resolved).expect("nothing was put aside");
                let answer = Answer {
                    rows,
                    limits: Default::default(),
                    quotes: None,
                    streams: &resolved,
                    notes: &[],
                    tally: &trail.tally,
                    texts: &[],
                    query: Default::default(),
                    zone: Zone::Log,
                    summary,
                };
                write(&answer, format, &mut sink()).expect("nothing is written anywhere")
            });
        });
    }
}

/// So many users a trail has.
const USERS: u64 = 200_000;

/// A trail that knows the last access of users; `n` makes it another, two thirds of whose users are in the next one as well.
fn users(n: u64, streams: &Streams) -> Trail {
    let mut access = LearnedAccess::new(None);
    let of_store: Vec<_> = (0..20).map(|store| streams.id(format!("store{store}").as_bytes(), Service::Imap)).collect();
    for number in 0..USERS {
        let (name, time, store) = user(number + n * USERS / 3);
        let stream = of_store[store as usize % of_store.len()];
        let at = |at: u64| Some((Stamp { at: 1_500_000_000 + at as i64, offset: 120 }, Doubt::default()));
        let login = time + 86_400 * n;
        let shown = Shown { login: at(login), connect: None, end: at(login + time % 2000), evidence: None };
        access.learn((name.as_bytes(), None), stream, &shown, streams);
    }
    Trail { access: access.finish(streams), ..Trail::default() }
}

/// Summaries of trails: in entries, one for each user and service.
fn summary(c: &mut Criterion) {
    let streams = Streams::default();
    let (trail, other) = (users(0, &streams), users(1, &streams));
    let text_of = |file: FileId| Some(file.0);
    let file_of = |text: u32| Some(FileId(text));
    let write = |trail: &Trail| kept::write(trail, &streams, &text_of).expect("there is memory");
    let read = |bytes: &[u8]| kept::read(bytes, &streams, &file_of).expect("it is as it was written");
    let (bytes, others) = (write(&trail), write(&other));
    let in_order = read(&bytes);
    println!("a summary of {USERS} users has {} bytes", bytes.len());
    let mut group = c.benchmark_group("summary");
    group.throughput(Throughput::Elements(USERS));
    group.bench_function("write", |b| b.iter(|| write(&trail)));
    group.bench_function("write-in-order", |b| b.iter(|| write(&in_order)));
    group.bench_function("read", |b| b.iter(|| read(&bytes)));
    group.throughput(Throughput::Elements(2 * USERS));
    group.bench_function("merge", |b| b.iter(|| write(&read(&bytes).merge(read(&others), &streams))));
}

criterion_group!(stages, chunk, columns, parse, fold, answer, summary);
criterion_main!(stages);
