//! Pairing depends on the lines alone: not on their order, nor on what was settled before the rest came.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use imstrail::model::Instant;
use imstrail::pair::{Behind, Key, LOGIN_AFTER_END, PairTable, Session};
use imstrail::streams::StreamId;
use proptest::prelude::*;

use super::answers::sessions;
use super::archive::{Archive, PairText, archive, pair_lines};
use super::check;
use super::common::Dice;

fn whole(lines: &[PairText]) -> Vec<Session> {
    let mut table = PairTable::default();
    lines.iter().for_each(|line| table.add(&line.line(), &mut |_| {}));
    sessions(table)
}

/// Which key a session belongs to.
fn key(session: &Session) -> Key {
    let Session { stream, pid, peer, .. } = *session;
    let (user, stamp) = (session.user.clone(), session.login);
    Key::of(&PairText { stream, pid, peer, user, rest: Vec::new(), stamp, close: None, inferred: false }.line())
}

/// Frontiers to settle at, one map or none after each line.
type Frontiers = Vec<Option<BTreeMap<StreamId, Instant>>>;

/// For each stream bounds that no line still to come lies before, sometimes as tight as can be.
fn true_bounds(lines: &[PairText], dice: &mut Dice) -> Frontiers {
    let streams: BTreeSet<StreamId> = lines.iter().map(|line| line.stream).collect();
    let mut reached: BTreeMap<StreamId, Instant> = BTreeMap::new();
    let mut bounds = Vec::new();
    for n in 1..=lines.len() {
        for stream in &streams {
            let rest = lines[n..].iter().filter(|line| line.stream == *stream).map(|line| line.stamp.at).min();
            let bound = rest.unwrap_or(i64::MAX) - [0, 0, 1, 59, 60, 61, 1000][(dice.next() % 7) as usize];
            if !dice.next().is_multiple_of(4) {
                let reached = reached.entry(*stream).or_insert(bound);
                *reached = bound.max(*reached);
            }
        }
        bounds.push((!dice.next().is_multiple_of(3)).then(|| reached.clone()));
    }
    bounds
}

/// Bounds that go forward and may be wrong.
fn any_bounds(lines: &[PairText], dice: &mut Dice) -> Frontiers {
    let mut reached: BTreeMap<StreamId, Instant> = BTreeMap::new();
    let mut bounds = Vec::new();
    for line in lines {
        let bound = line.stamp.at + [-600, -61, -60, 0, 1, 60, 61, 62, 300][(dice.next() % 9) as usize];
        let reached_here = reached.entry(line.stream).or_insert(bound);
        *reached_here = bound.max(*reached_here);
        bounds.push((!dice.next().is_multiple_of(3)).then(|| reached.clone()));
    }
    bounds
}

/// What settling on the way gave.
struct Settled {
    sessions: Vec<Session>,
    late: BTreeSet<Key>,
    early: usize,
}

fn settled(lines: &[PairText], bounds: &Frontiers, hold: BTreeSet<Key>) -> Settled {
    let mut table = PairTable::holding(hold);
    let mut all = Vec::new();
    for (line, bound) in lines.iter().zip(bounds) {
        table.add(&line.line(), &mut |_| {});
        if let Some(bound) = bound {
            table.settle(bound, None, &mut |session| all.push(session.to_session(Behind::default())));
        }
    }
    let (late, early) = (table.late.clone(), all.len());
    all.extend(sessions(table));
    all.sort();
    Settled { sessions: all, late, early }
}

/// Lines as they are, in the order of time, or in any order.
fn ordered(archive: &Archive, dice: &mut Dice) -> Vec<PairText> {
    let mut lines = pair_lines(archive);
    match dice.next() % 4 {
        0 => dice.shuffle(&mut lines),
        1 => lines.sort_by_key(|line| line.stamp.at),
        _ => {}
    }
    lines
}

#[test]
fn settling_early_changes_nothing() {
    let early = Cell::new(0);
    check("settling early", 1024, &(archive(1..24), any::<u64>()), |(archive, seed)| {
        let mut dice = Dice(seed | 1);
        let lines = ordered(&archive, &mut dice);
        let bounds = true_bounds(&lines, &mut dice);
        let got = settled(&lines, &bounds, BTreeSet::new());
        prop_assert_eq!(&got.late, &BTreeSet::new(), "{:#?}\n{:?}", lines, bounds);
        prop_assert_eq!(&got.sessions, &whole(&lines), "{:#?}\n{:?}", lines, bounds);
        early.set(early.get() + got.early);
        Ok(())
    });
    println!("{} sessions were settled early", early.get());
    assert!(early.get() > 1000);
}

#[test]
fn a_line_that_comes_too_late_is_told() {
    let (late, wrong) = (Cell::new(0), Cell::new(0));
    check("late lines", 1024, &(archive(1..24), any::<u64>()), |(archive, seed)| {
        let mut dice = Dice(seed | 1);
        let lines = ordered(&archive, &mut dice);
        let bounds = any_bounds(&lines, &mut dice);
        let got = settled(&lines, &bounds, BTreeSet::new());
        let expected = whole(&lines);

        // Every line behind the frontier is told: a close, once no login can be its own any more.
        let mut frontier = BTreeMap::new();
        for (line, bound) in lines.iter().zip(&bounds) {
            let needed = line.stamp.at + if line.close.is_some() { LOGIN_AFTER_END } else { 0 };
            if frontier.get(&line.stream).is_some_and(|frontier| needed < *frontier) {
                prop_assert!(
                    got.late.contains(&Key::of(&line.line())),
                    "{:#?}\n{:?}\nlate: {:#?}",
                    lines,
                    bounds,
                    line
                );
            }
            frontier.extend(bound.iter().flatten());
        }

        // Whatever is wrong was told.
        let others = |all: &[Session]| {
            let in_time = all.iter().filter(|session| !got.late.contains(&key(session)));
            in_time.cloned().collect::<Vec<Session>>()
        };
        prop_assert_eq!(others(&got.sessions), others(&expected), "{:#?}\n{:?}", lines, bounds);
        late.set(late.get() + got.late.len());
        wrong.set(wrong.get() + usize::from(got.sessions != expected));

        // The second time, with those held back, nothing is.
        let again = settled(&lines, &bounds, got.late.clone());
        prop_assert_eq!(&again.late, &BTreeSet::new(), "{:#?}\n{:?}", lines, bounds);
        prop_assert_eq!(&again.sessions, &expected, "{:#?}\n{:?}", lines, bounds);
        Ok(())
    });
    println!("{} keys were late, {} answers would have been wrong", late.get(), wrong.get());
    assert!(late.get() > 1000 && wrong.get() > 100);
}

#[test]
fn any_batches_in_any_order_give_the_same_sessions() {
    check("batches", 1024, &(archive(1..24), any::<u64>()), |(archive, seed)| {
        let mut dice = Dice(seed | 1);
        let mut lines = pair_lines(&archive);
        let expected = whole(&lines);
        dice.shuffle(&mut lines);
        prop_assert_eq!(&whole(&lines), &expected, "one table, {:#?}", lines);
        let count = 1 + dice.next() % 5;
        let mut tables: Vec<PairTable> = (0..count).map(|_| PairTable::default()).collect();
        for line in &lines {
            tables[(dice.next() % count) as usize].add(&line.line(), &mut |_| {});
        }
        while tables.len() > 1 {
            let mut take = || tables.swap_remove((dice.next() % tables.len() as u64) as usize);
            let both = take().merge(take());
            tables.push(both);
        }
        let got = tables.pop().map(sessions).unwrap_or_default();
        prop_assert_eq!(&got, &expected, "{} tables, {:#?}", count, lines);
        Ok(())
    });
}
