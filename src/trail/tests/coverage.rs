//! Coverage: hours of streams and of processes.

use super::super::*;
use super::{IMAP, POP};
use crate::model::Stamp;

fn cell(first: i64, last: i64, [logins, closes, marks]: [u64; 3]) -> Cell {
    Cell { first, last, logins, closes, marks }
}

/// Lines of one process as they come, and what they leave.
fn coverage(stream: StreamId, pid: u32, lines: &[(i64, i16, Option<Counts>)]) -> Coverage {
    let (mut coverage, mut pending) = (Coverage::default(), Pending::default());
    for (at, offset, counts) in lines {
        pending.count(Stamp { at: *at, offset: *offset }, *counts, stream, pid, &mut coverage);
    }
    pending.flush(stream, pid, &mut coverage);
    coverage
}

const LOGIN: Option<Counts> = Some(Counts::Login);
const CLOSE: Option<Counts> = Some(Counts::Close);

#[test]
fn an_hour_is_a_whole_one_of_utc() {
    assert_eq!([0, 3599, 3600, -1, -3600, -3601].map(hour), [0, 0, 1, -1, -1, -2]);
}

#[test]
fn every_line_of_an_hour_is_counted() {
    let three = cell(1, 2, [3, 5, 7]);
    assert_eq!(three.lines(), 15);
    let lines = [
        (100, 60, LOGIN),
        (90, 60, CLOSE),
        (95, 60, CLOSE),
        (80, 60, None),
        (200, 60, None),
        (110, 60, Some(Counts::Start)),
        (120, 60, Some(Counts::Stop)),
        (115, 60, Some(Counts::Stop)),
        // Another offset, another hour, the first one again, and an hour in which nothing covers.
        (130, 120, LOGIN),
        (131, 120, LOGIN),
        (3600, 60, CLOSE),
        (70, 60, LOGIN),
        (7300, 60, None),
    ];
    let got = coverage(IMAP, 5, &lines);
    let cells = BTreeMap::from([
        ((0, 60), cell(70, 120, [2, 2, 3])),
        ((0, 120), cell(130, 131, [2, 0, 0])),
        ((1, 60), cell(3600, 3600, [0, 1, 0])),
    ]);
    assert_eq!(got.streams, BTreeMap::from([(IMAP, StreamHours { cells })]));
    let hours = BTreeMap::from([(0, (70, 200)), (1, (3600, 3600)), (2, (7300, 7300))]);
    let marks = [(110, true), (115, false), (120, false)].into();
    assert_eq!(got.processes, BTreeMap::from([((IMAP, 5), ProcessHours { hours, marks, full: [].into() })]));
}

#[test]
fn the_first_and_the_last_line_since_the_last_time() {
    let (mut coverage, mut pending) = (Coverage::default(), Pending::default());
    let mut span = |lines: &[(i64, Option<Counts>)]| {
        for (at, counts) in lines {
            pending.count(Stamp { at: *at, offset: 60 }, *counts, IMAP, 5, &mut coverage);
        }
        pending.flush(IMAP, 5, &mut coverage)
    };
    assert_eq!(span(&[]), None);
    // Over several hours, by lines of either kind.
    assert_eq!(span(&[(4000, LOGIN), (90, None), (8000, CLOSE), (7990, LOGIN)]), Some((90, 8000)));
    assert_eq!(span(&[]), None);
    assert_eq!(span(&[(5000, None)]), Some((5000, 5000)));
}

#[test]
fn merging_is_the_union() {
    let one = coverage(IMAP, 5, &[(100, 60, LOGIN), (110, 60, Some(Counts::Start)), (3600, 60, CLOSE)]);
    let mut two = coverage(IMAP, 5, &[(50, 60, CLOSE), (90, 60, CLOSE), (95, 0, Some(Counts::Stop))]);
    two = two.merge(coverage(IMAP, 6, &[(20, 60, LOGIN)])).merge(coverage(POP, 5, &[(30, 60, CLOSE)]));
    two.processes.entry((IMAP, 5)).or_default().full.insert(50);
    let imap = StreamHours {
        cells: BTreeMap::from([
            ((0, 0), cell(95, 95, [0, 0, 1])),
            ((0, 60), cell(20, 110, [2, 2, 1])),
            ((1, 60), cell(3600, 3600, [0, 1, 0])),
        ]),
    };
    let pop = StreamHours { cells: BTreeMap::from([((0, 60), cell(30, 30, [0, 1, 0]))]) };
    let process =
        |hours: &[(i64, (i64, i64))]| ProcessHours { hours: hours.iter().copied().collect(), ..<_>::default() };
    let marks = [(95, false), (110, true)].into();
    let expected = Coverage {
        streams: BTreeMap::from([(IMAP, imap), (POP, pop)]),
        processes: BTreeMap::from([
            ((IMAP, 5), ProcessHours { marks, full: [50].into(), ..process(&[(0, (50, 110)), (1, (3600, 3600))]) }),
            ((IMAP, 6), process(&[(0, (20, 20))])),
            ((POP, 5), process(&[(0, (30, 30))])),
        ]),
    };
    assert_eq!(one.clone().merge(two.clone()), expected);
    assert_eq!(two.merge(one), expected);
}
