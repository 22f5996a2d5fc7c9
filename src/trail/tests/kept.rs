//! Summaries: what is read is what was written, by names; what is damaged is refused.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::kept::{Corrupt, VERSION, read, write};
use super::super::*;
use crate::grammar::Kind;
use crate::model::{Doubt, Service, Stamp};
use crate::parse::Why;

/// A stream by its names.
type Named = (Vec<u8>, Service);
/// A login or logout, without the stream's number.
type Proof = (Stamp, Named, bool, Doubt);

/// The spans of a file, and its clock jumps.
type Spans = BTreeMap<(Named, u32), (Instant, Instant)>;
type Jumps = Vec<(u64, Named, u32)>;

/// What a trail knows, without numbers of streams.
#[derive(Debug, PartialEq)]
struct Known {
    users: Vec<(Vec<u8>, Service, [Option<Proof>; 2])>,
    streams: BTreeMap<Named, StreamHours>,
    processes: BTreeMap<(Named, u32), ProcessHours>,
    traced: (u64, Vec<Box<[u8]>>),
    tally: Tally,
    files: BTreeMap<FileId, (FileTally, Spans, Jumps, Breaks)>,
}

impl Known {
    fn of(trail: Trail, streams: &Streams) -> Known {
        let named = |id: StreamId| streams.get(id);
        let proof = |last: Last| (last.stamp, named(last.stream), last.from_login, last.doubt);
        let Trail { access, coverage, traced, tally, files, .. } = trail;
        let sorted = access.sorted();
        let mut users = Vec::new();
        for (user, accesses) in sorted.parts(3).into_iter().flat_map(|part| sorted.users(part)) {
            let over = |service| Some((user.to_vec(), service, accesses.over(service)?));
            let both = |access: Access| [access.login.map(proof), access.logout.map(proof)];
            users.extend(
                Service::ALL.into_iter().filter_map(over).map(|(user, service, access)| (user, service, both(access))),
            );
        }
        let mut traced = (traced.lines, traced.users.into_iter().collect::<Vec<_>>());
        traced.1.sort();
        let file = |file: FileTrail| {
            let spans =
                file.spans.iter().map(|((stream, section), span)| ((named(*stream), *section), *span)).collect();
            let jump = |jump: &Jump| (jump.place, named(jump.stream), jump.pid);
            (file.tally, spans, file.jumps.iter().map(jump).collect(), file.breaks)
        };
        Known {
            users,
            streams: coverage.streams.into_iter().map(|(id, hours)| (named(id), hours)).collect(),
            processes: coverage.processes.into_iter().map(|((id, pid), hours)| ((named(id), pid), hours)).collect(),
            traced,
            tally,
            files: files.into_iter().map(|(id, trail)| (id, file(trail))).collect(),
        }
    }
}

/// Something that a line tells, by the number of a store.
#[derive(Clone, Debug)]
enum Told {
    Access(Vec<u8>, usize, [Option<Said>; 3]),
    Line(usize, u32, Stamp, Option<Counts>),
    Full(usize, u32, Instant),
    Traced(Vec<u8>),
    Shape(Shape, u32, u64),
    Reject(u32, Why, u64),
    Event(Kind, u64),
    Span(u32, usize, u32, Instant),
    Jump(u32, u64, usize, u32),
    Break(u32, u64, bool),
    File(u32),
}

/// A stamp, whether of a login line, and its doubt.
type Said = (Stamp, bool, Doubt);

/// Streams that trails know; others number them otherwise.
const STORES: [(&[u8], Service); 5] = [
    (b"b", Service::Imap),
    (b"b", Service::Pop),
    (b"a", Service::Imap),
    (b"\xff\0store", Service::Http),
    (b"", Service::Imap),
];

fn moment() -> impl Strategy<Value = Instant> {
    let odd = vec![Instant::MIN + 1, Instant::MIN + 3600, -1, 0, 3599, 3600, Instant::MAX - 3600, Instant::MAX];
    prop_oneof![20 => 1_559_000_000..1_559_100_000_i64, 1 => select(odd)]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (moment(), select(vec![0, 120, -959, i16::MIN, i16::MAX])).prop_map(|(at, offset)| Stamp { at, offset })
}

fn said() -> impl Strategy<Value = Option<Said>> {
    let doubt = (any::<bool>(), any::<bool>()).prop_map(|(inferred, forged)| Doubt { inferred, forged });
    proptest::option::weighted(0.8, (stamp(), any::<bool>(), doubt))
}

/// Names that share their beginnings, of any length about the 24 bytes that an entry holds, with zeros too.
fn user() -> impl Strategy<Value = Vec<u8>> {
    let long = (20..50_usize, vec(select(b"\0ax\xff".to_vec()), 0..3)).prop_map(|(length, end)| {
        let mut name = vec![b'x'; length];
        name.extend(end);
        name
    });
    prop_oneof![4 => vec(select(b"\0ax\xff".to_vec()), 0..6), 2 => long, 1 => (250..700_usize).prop_map(|n| vec![b'x'; n])]
}

fn told() -> impl Strategy<Value = Told> {
    let stream = 0..STORES.len();
    let (file, pid, place) = (0..3_u32, 1..3_u32, 0..200_000_u64);
    let counts = select(vec![None, Some(Counts::Login), Some(Counts::Close), Some(Counts::Start), Some(Counts::Stop)]);
    let whys = vec![Why::NoEnvelope, Why::Unfit, Why::BreaksOff, Why::TooLong, Why::NoYear, Why::Markup];
    let shape = (select(vec![Like::Account, Like::Unfit, Like::Other]), "[a-cé]{0,3}");
    let shape = shape.prop_map(|(like, text)| Shape { like, text });
    prop_oneof![
        8 => (user(), stream.clone(), [said(), said(), said()]).prop_map(|(a, b, c)| Told::Access(a, b, c)),
        4 => (stream.clone(), pid.clone(), stamp(), counts).prop_map(|(a, b, c, d)| Told::Line(a, b, c, d)),
        1 => (stream.clone(), pid.clone(), moment()).prop_map(|(a, b, c)| Told::Full(a, b, c)),
        1 => user().prop_map(Told::Traced),
        1 => (shape, file.clone(), place.clone()).prop_map(|(a, b, c)| Told::Shape(a, b, c)),
        1 => (file.clone(), select(whys), place.clone()).prop_map(|(a, b, c)| Told::Reject(a, b, c)),
        1 => (select(vec![Kind::Login, Kind::Close, Kind::Known]), place.clone()).prop_map(|(a, b)| Told::Event(a, b)),
        2 => (file.clone(), stream.clone(), pid.clone(), moment()).prop_map(|(a, b, c, d)| Told::Span(a, b, c, d)),
        1 => (file.clone(), place.clone(), stream, pid).prop_map(|(a, b, c, d)| Told::Jump(a, b, c, d)),
        1 => (file.clone(), place, any::<bool>()).prop_map(|(a, b, c)| Told::Break(a, b, c)),
        1 => file.prop_map(Told::File),
    ]
}

fn trail(all: &[Told], streams: &Streams) -> Trail {
    let mut trail = Trail::default();
    let id = |number: usize| streams.id(STORES[number].0, STORES[number].1);
    for told in all {
        let file = |trail: &mut Trail, file: u32| std::mem::take(trail.files.entry(FileId(file)).or_default());
        match told.clone() {
            Told::Access(user, stream, said) => {
                let stream = id(stream);
                let last = |(stamp, from_login, doubt)| Last { stamp, stream, from_login, doubt, evidence: None };
                let [line, connect, end] = said.map(|said| said.map(last));
                trail.access.add(&user, stream.service(), [line, connect], end, streams);
            }
            Told::Line(stream, pid, stamp, counts) => {
                let mut pending = Pending::default();
                pending.count(stamp, counts, id(stream), pid, &mut trail.coverage);
                pending.flush(id(stream), pid, &mut trail.coverage);
            }
            Told::Full(stream, pid, at) => {
                trail.coverage.processes.entry((id(stream), pid)).or_default().full.insert(at);
            }
            Told::Traced(user) => trail.traced.add(&user, true),
            Told::Shape(shape, file, place) => {
                trail.tally.unknown.add(place);
                trail.tally.shape(shape, Sample::of(FileId(file), place, b"a line"));
            }
            Told::Reject(number, why, place) => {
                let mut changed = file(&mut trail, number);
                changed.tally.all.add(place);
                changed.tally.reject(why, Sample::of(FileId(number), place, b"\0\xff"));
                trail.files.insert(FileId(number), changed);
                trail.tally.reject.add(place);
            }
            Told::Event(kind, bytes) => {
                trail.tally.event.add(bytes);
                *trail.tally.kinds.entry(kind).or_default() += 1;
            }
            Told::Span(number, stream, section, at) => {
                let mut changed = file(&mut trail, number);
                changed.span(id(stream), section, at, at.saturating_add(7));
                trail.files.insert(FileId(number), changed);
            }
            Told::Jump(number, place, stream, pid) => {
                let mut changed = file(&mut trail, number);
                changed.jumped([Jump { place, stream: id(stream), pid, from: 100, to: 10 }]);
                trail.files.insert(FileId(number), changed);
            }
            Told::Break(number, place, begins) => {
                let mut changed = file(&mut trail, number);
                if begins {
                    changed.breaks.begins(place)
                } else {
                    changed.breaks.ends(place)
                }
                trail.files.insert(FileId(number), changed);
            }
            Told::File(number) => _ = trail.files.entry(FileId(number)).or_default(),
        }
    }
    trail.access.settle(streams);
    trail
}

fn text_of(file: FileId) -> Option<u32> {
    Some(1000 - 7 * file.0)
}

fn file_of(text: u32) -> Option<FileId> {
    (text <= 1000).then(|| FileId((1000 - text) / 7))
}

fn written(trail: &Trail, streams: &Streams) -> Vec<u8> {
    write(trail, streams, &text_of).unwrap()
}

/// Streams that were met in another order, and others as well.
fn other_streams() -> Streams {
    let streams = Streams::default();
    streams.id(b"elsewhere", Service::Pop);
    STORES.iter().rev().for_each(|(store, service)| _ = streams.id(store, *service));
    streams
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_was_written(all in vec(told(), 0..60)) {
        let (streams, others) = (Streams::default(), other_streams());
        let bytes = written(&trail(&all, &streams), &streams);
        let got = read(&bytes, &others, &file_of).unwrap();
        prop_assert_eq!(&written(&got, &others), &bytes, "the same bytes, whatever the numbers of the streams");
        prop_assert_eq!(Known::of(got, &others), Known::of(trail(&all, &streams), &streams));
    }

    #[test]
    fn merging_what_is_read_is_merging(one in vec(told(), 0..40), two in vec(told(), 0..40), three in vec(told(), 0..40)) {
        let (streams, others) = (Streams::default(), other_streams());
        let again = |all: &[Told]| read(&written(&trail(all, &streams), &streams), &others, &file_of).unwrap();
        let expected = trail(&one, &streams).merge(trail(&two, &streams), &streams).merge(trail(&three, &streams), &streams);
        let expected = Known::of(expected, &streams);
        let mut merging = Merging::default();
        for all in [&one, &two, &three, &two] {
            merging.add(again(all), &others);
        }
        prop_assert_eq!(Known::of(merging.finish(&others), &others).users, Known::of(trail(&[&one[..], &two, &three].concat(), &streams), &streams).users);
        prop_assert_eq!(&Known::of(again(&one).merge(again(&two), &others).merge(again(&three), &others), &others), &expected);
        // With what was not written, from either side, and with what is added to it.
        let mut mixed = trail(&two, &others).merge(again(&one), &others);
        mixed = again(&three).merge(mixed, &others);
        let mut last = None;
        if let Some(Told::Access(user, ..)) = one.iter().chain(&two).chain(&three).find(|told| matches!(told, Told::Access(..))) {
            last = Some(user.clone());
            prop_assert!(mixed.access.has(user), "{user:?}");
        }
        prop_assert_eq!(mixed.access.has(b"nobody"), false);
        if let Some(user) = last {
            let id = others.id(b"late", Service::Pop);
            let late = Last { stamp: Stamp { at: Instant::MAX, offset: 0 }, stream: id, from_login: true, doubt: Doubt::default(), evidence: None };
            let before = mixed.access.len();
            mixed.access.add(&user, Service::Pop, [Some(late), None], None, &others);
            mixed.access.settle(&others);
            prop_assert!(mixed.access.len() <= before + 1);
            let known = Known::of(mixed, &others);
            let of_user = known.users.iter().find(|(name, service, _)| *name == user && *service == Service::Pop);
            prop_assert_eq!(of_user.and_then(|(_, _, [login, _])| login.as_ref()).map(|login| login.0.at), Some(Instant::MAX));
            let rest = |known: &Known| known.users.iter().filter(|(name, service, _)| *name != user || *service != Service::Pop).cloned().collect::<Vec<_>>();
            prop_assert_eq!(rest(&known), rest(&expected));
        } else {
            prop_assert_eq!(&Known::of(mixed, &others), &expected);
        }
    }
}

/// A trail with a little of everything.
fn small(streams: &Streams) -> Trail {
    let stamp = Stamp { at: 1_559_000_000, offset: 120 };
    let said = Some((stamp, true, Doubt::default()));
    let shape = Shape { like: Like::Other, text: "what".to_owned() };
    let all = [
        Told::Access(b"ed".to_vec(), 0, [said, None, said]),
        Told::Access(vec![b'x'; 40], 1, [None, said, None]),
        Told::Line(0, 7, stamp, Some(Counts::Start)),
        Told::Full(0, 7, 1_559_000_000),
        Told::Traced(b"traced".to_vec()),
        Told::Shape(shape, 0, 10),
        Told::Reject(0, Why::Unfit, 90),
        Told::Event(Kind::Login, 100),
        Told::Span(1, 0, 0, 1_559_000_000),
        Told::Jump(1, 50, 0, 7),
        Told::Break(1, 60, true),
    ];
    trail(&all, streams)
}

#[test]
fn many_trails_merged_as_they_come_are_all_of_them_merged() {
    let (streams, stamp) = (Streams::default(), Stamp { at: 1_559_000_000, offset: 120 });
    let part = |n: u32| {
        let said = Some((Stamp { at: stamp.at + i64::from(n), ..stamp }, true, Doubt::default()));
        let of = |user: u32| Told::Access(format!("user{user:05}").into_bytes(), 0, [said, None, None]);
        let users = (0..1 + n % 7).map(|k| of(n * 31 % 97 + 13 * k));
        trail(&users.chain([Told::Event(Kind::Login, 100), Told::File(n)]).collect::<Vec<_>>(), &streams)
    };
    let (mut merging, mut expected) = (Merging::default(), Trail::default());
    for n in 0..100 {
        merging.add(part(n), &streams);
        expected = expected.merge(part(n), &streams);
    }
    let got = Known::of(merging.finish(&streams), &streams);
    assert_eq!((got.tally.event.lines, got.files.len()), (100, 100));
    assert_eq!(got, Known::of(expected, &streams));
    assert_eq!(Known::of(Merging::default().finish(&streams), &streams), Known::of(Trail::default(), &streams));
}

#[test]
fn damage_is_never_believed() {
    let streams = Streams::default();
    let bytes = written(&small(&streams), &streams);
    let got = |bytes: &[u8]| read(bytes, &Streams::default(), &file_of).map(|_| ());
    assert_eq!(got(&bytes), Ok(()));
    for length in 0..bytes.len() {
        let error = got(&bytes[..length]);
        assert_eq!(error, Err(Corrupt::Short), "cut at {length}");
    }
    for (place, bit) in (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, 1 << bit))) {
        let mut flipped = bytes.clone();
        flipped[place] ^= bit;
        let error = got(&flipped).expect_err("a flip is an error");
        assert_eq!(matches!(error, Corrupt::Version(_)), place < 4, "at {place}: {error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(got(&longer), Err(Corrupt::Damaged(_))));
    let twice = [&bytes[..], &bytes[4..]].concat();
    assert!(matches!(got(&twice), Err(Corrupt::Damaged(_))), "something behind the end");
}

#[test]
fn another_version_is_refused_with_both_named() {
    let streams = Streams::default();
    let mut bytes = written(&small(&streams), &streams);
    bytes[0] += 1;
    let error = read(&bytes, &streams, &file_of).unwrap_err();
    assert_eq!(error, Corrupt::Version(VERSION + 1));
    let expected = format!("version {}, and this program reads version {VERSION}", VERSION + 1);
    assert!(error.to_string().contains(&expected), "{error}");
    // Whatever follows.
    assert_eq!(read(&bytes[..4], &streams, &file_of).map(|_| ()), Err(error));
}

#[test]
fn files_without_a_number() {
    let streams = Streams::default();
    let trail = small(&streams);
    let only = |file: FileId| (file.0 == 1).then_some(5);
    let bytes = write(&trail, &streams, &only).unwrap();
    let got = read(&bytes, &streams, &|text| (text == 5).then_some(FileId(1))).unwrap();
    assert_eq!(got.files.keys().collect::<Vec<_>>(), [&FileId(1)]);
    let samples: Vec<FileId> = got.tally.shapes.values().map(|seen| seen.sample.file).collect();
    assert_eq!(samples, [FileId(u32::MAX)], "it is counted, and belongs to no file");
    assert_eq!((got.tally.event, got.tally.unknown), (trail.tally.event, trail.tally.unknown));
    let unknown = read(&bytes, &streams, &|_| None).map(|_| ());
    assert!(matches!(unknown, Err(Corrupt::Damaged(_))), "a text that is not there");
}

#[test]
fn more_than_one_section_holds() {
    let streams = Streams::default();
    let ids = [streams.id(b"a", Service::Imap), streams.id(b"a", Service::Pop)];
    let last = |at, stream| {
        Some(Last { stamp: Stamp { at, offset: 0 }, stream, from_login: true, doubt: Doubt::default(), evidence: None })
    };
    let mut trail = Trail::default();
    // Many names, in no order, and some as long as names can be, so that sections end for either reason.
    for n in 0..40_000_i64 {
        let name = format!("user{}", n * 7919 % 40_000);
        for id in ids {
            trail.access.add(name.as_bytes(), id.service(), [last(n, id), None], last(n + 1, id), &streams);
        }
        trail.traced.add(format!("traced{name}").as_bytes(), true);
    }
    for n in 0..40_u8 {
        let name = [&[n][..], &vec![b'x'; 65_000]].concat();
        trail.access.add(&name, Service::Imap, [last(7, ids[0]), None], None, &streams);
        trail.traced.add(&name, true);
    }
    trail.access.settle(&streams);
    let (file, process) = (trail.files.entry(FileId(3)).or_default(), (ids[0], 7));
    for n in 0..10_000_i64 {
        file.span(ids[0], n as u32, n, n + 1);
        let cell = Cell { first: n * 3600, last: n * 3600 + 9, logins: n as u64, closes: 1, marks: 0 };
        trail.coverage.add(process.0, process.1, (n, 60), (n * 3600, n * 3600 + 9), Some(cell));
        let hours = trail.coverage.processes.entry(process).or_default();
        hours.full.insert(n);
        hours.marks.insert((n, n % 2 == 0));
    }
    let bytes = written(&trail, &streams);
    let got = read(&bytes, &streams, &file_of).unwrap();
    assert!(Known::of(got, &streams) == Known::of(trail, &streams));
}
