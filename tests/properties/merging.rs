//! The trail is a commutative monoid, and an answer does not depend on where a text was cut.

use std::cell::RefCell;
use std::collections::BTreeMap;

use imstrail::model::Service;
use imstrail::streams::Streams;
use imstrail::trail::{Collected, FileId, Trail};
use proptest::prelude::*;

use super::answers::{Knowledge, Piece, Question, read, read_with};
use super::archive::{Archive, archive, pair_lines};
use super::check;
use super::common::Dice;

/// How often what should happen did happen, lest a property hold of nothing.
#[derive(Debug, Default)]
struct Met(BTreeMap<&'static str, usize>);

impl Met {
    fn add(&mut self, known: &Knowledge) {
        let mut met = |what, n: usize| *self.0.entry(what).or_default() += n;
        for session in &known.sessions {
            met("closed", usize::from(session.end.is_some()));
            met("paired", usize::from(session.end.is_some() && session.mechanism.is_some()));
            met("unclosed", usize::from(session.end.is_none()));
            met("reused", usize::from(session.reused.is_some()));
            met("ambiguous", usize::from(session.flags.ambiguous));
            met("mismatch", usize::from(session.flags.mismatch));
            met("user differs", usize::from(session.flags.user_differs));
        }
        let rows = known.answers.connected.iter().filter_map(|(_, rows)| rows.as_ref().ok()).flatten();
        for row in rows {
            met(if row.certain { "certain" } else { "possible" }, 1);
            row.flags.iter().for_each(|flag| met(flag, 1));
        }
        met("users", known.answers.access.len());
        met("jumps", known.files.values().map(|f| f.jumps.len()).sum());
        met("rejects", known.files.values().map(|f| f.tally.rejects.len()).sum());
        met("shapes", known.tally.shapes.len());
        met("lives by the line", known.coverage.processes.values().filter(|p| !p.full.is_empty()).count());
    }

    fn all(&self, what: &[&str]) {
        println!("met: {:?}", self.0);
        let never: Vec<_> = what.iter().filter(|what| self.0.get(**what).is_none_or(|n| *n == 0)).collect();
        assert!(never.is_empty(), "these never happened: {never:?}");
    }
}

const HAPPENS: [&str; 19] = [
    "closed",
    "paired",
    "unclosed",
    "reused",
    "ambiguous",
    "mismatch",
    "user differs",
    "certain",
    "possible",
    "lost",
    "doubtful-life",
    "peer-reused",
    "ambiguous-pairing",
    "inferred-format",
    "users",
    "jumps",
    "rejects",
    "shapes",
    "lives by the line",
];

/// Cuts a text at lines: at every one, or at some; into three at least, if there are three lines.
fn cut<'a>(archive: &Archive, text: &'a str, dice: &mut Dice) -> Vec<Piece<'a>> {
    let count = archive.lines.len();
    let rare = 1 + dice.next() % 4;
    let mut ends: Vec<usize> = (1..count).filter(|_| dice.next().is_multiple_of(rare)).collect();
    if ends.len() < 2 && count >= 3 {
        ends = vec![1 + (dice.next() % (count as u64 - 2)) as usize, count - 1];
    }
    ends.push(count);
    let mut pieces = Vec::new();
    let (mut line, mut at) = (0, 0);
    for end in ends {
        let length: usize = archive.lines[line..end].iter().map(|l| l.text.len()).sum();
        pieces.push(Piece { file: FileId(0), place: at as u64, text: &text.as_bytes()[at..at + length] });
        (line, at) = (end, at + length);
    }
    pieces
}

/// Streams of which some have their numbers already.
fn numbered(dice: &mut Dice) -> Streams {
    let mut all: Vec<(&[u8], Service)> = [&b"store2"[..], b"store1"]
        .into_iter()
        .flat_map(|store| Service::ALL.map(|service| (store, service)))
        .collect();
    dice.shuffle(&mut all);
    let streams = Streams::default();
    for (store, service) in all {
        streams.id(store, service);
    }
    streams
}

#[test]
fn any_cutting_and_any_merging_give_the_same() {
    let met = RefCell::new(Met::default());
    check("any cutting", 768, &(archive(1..16), any::<u64>()), |(archive, seed)| {
        let mut dice = Dice(seed | 1);
        let text = archive.text();
        let question = Question::new(&archive.moments(), &mut dice);
        let streams = numbered(&mut dice);
        let whole = [Piece { file: FileId(0), place: 0, text: text.as_bytes() }];
        let expected = read(&whole, &[0], &question, &streams, &mut dice);
        met.borrow_mut().add(&expected);

        let pieces = cut(&archive, &text, &mut dice);
        let each: Vec<usize> = (0..pieces.len()).collect();
        let got = read(&pieces, &each, &question, &streams, &mut dice);
        prop_assert_eq!(&got, &expected, "{} pieces, a folder each", pieces.len());

        let few: Vec<usize> = pieces.iter().map(|_| (dice.next() % 3) as usize).collect();
        let got = read(&pieces, &few, &question, &streams, &mut dice);
        prop_assert_eq!(&got, &expected, "{} pieces, three folders", pieces.len());

        let got = read(&pieces, &each, &question, &numbered(&mut dice), &mut dice);
        prop_assert_eq!(&got.answers, &expected.answers, "streams numbered otherwise");
        Ok(())
    });
    met.borrow().all(&HAPPENS);
}

/// Lines dealt out to three trails, whatever their order.
fn dealt<'a>(archive: &Archive, text: &'a str, dice: &mut Dice) -> (Vec<Piece<'a>>, Vec<usize>) {
    let mut at = 0;
    let mut pieces = Vec::new();
    for line in &archive.lines {
        let to = at + line.text.len();
        // Also two files, which must be known apart.
        let file = FileId((dice.next() % 2) as u32);
        pieces.push(Piece { file, place: at as u64, text: &text.as_bytes()[at..to] });
        at = to;
    }
    let mut workers: Vec<usize> = pieces.iter().map(|_| (dice.next() % 3) as usize).collect();
    // A last piece without lines, so that there are three trails.
    pieces.push(Piece { file: FileId(0), place: at as u64, text: b"" });
    workers.push(2);
    (pieces, workers)
}

#[test]
fn merging_is_associative_and_commutative_and_nothing_is_neutral() {
    check("merging", 512, &(archive(1..12), any::<u64>()), |(archive, seed)| {
        let mut dice = Dice(seed | 1);
        let text = archive.text();
        let question = Question::new(&archive.moments(), &mut dice);
        let streams = Streams::default();
        let (pieces, workers) = dealt(&archive, &text, &mut dice);
        let read = |merge: &dyn Fn([Trail; 3]) -> Trail| {
            read_with(&pieces, &workers, &question, &streams, |trails| merge(trails.try_into().expect("three trails")))
        };
        let expected = read(&|[a, b, c]| a.merge(b, &streams).merge(c, &streams));
        let got = read(&|[a, b, c]| a.merge(b.merge(c, &streams), &streams));
        prop_assert_eq!(&got, &expected, "a(bc)");
        let got = read(&|[a, b, c]| b.merge(a, &streams).merge(c, &streams));
        prop_assert_eq!(&got, &expected, "(ba)c");
        let got = read(&|[a, b, c]| c.merge(b.merge(a, &streams), &streams));
        prop_assert_eq!(&got, &expected, "c(ba)");
        let none = Trail::default;
        let got = read(&|[a, b, c]| {
            let a = none().merge(a, &streams).merge(none(), &streams);
            let bc = b.merge(none(), &streams).merge(none().merge(c, &streams), &streams);
            none().merge(a.merge(bc, &streams), &streams)
        });
        prop_assert_eq!(&got, &expected, "with nothing");
        Ok(())
    });
}

#[test]
fn what_is_collected_from_sessions_merges_in_any_order() {
    check("collecting", 256, &(archive(1..24), any::<u64>()), |(archive, seed)| {
        let mut dice = Dice(seed | 1);
        let closes: Vec<_> =
            pair_lines(&archive).into_iter().filter_map(|line| Some((line.stream, line.close?))).collect();
        let mut whole = Collected::default();
        closes.iter().for_each(|(stream, close)| whole.no_login(*stream, close.connect.at));
        let mut parts = vec![Collected::default(), Collected::default()];
        for (stream, close) in &closes {
            let mut one = Collected::default();
            one.no_login(*stream, close.connect.at);
            parts.push(one);
        }
        while parts.len() > 1 {
            let mut take = || parts.swap_remove((dice.next() % parts.len() as u64) as usize);
            let both = take().merge(take());
            parts.push(both);
        }
        prop_assert_eq!(parts.pop(), Some(whole));
        Ok(())
    });
}
