//! The parts of a trail: what each keeps, and that merging asks neither for order nor for grouping.

mod access;
mod coverage;
mod forgery;
mod kept;
mod tally;

use super::*;
use crate::model::Doubt;

const IMAP: StreamId = StreamId(0);
const POP: StreamId = StreamId(2);

#[test]
fn r13_the_span_of_a_file_is_from_its_first_stamp_to_its_last() {
    let mut file = FileTrail::default();
    file.span(IMAP, 0, 20, 30);
    file.span(IMAP, 0, 25, 28);
    file.span(POP, 0, 5, 6);
    let mut other = FileTrail::default();
    other.span(IMAP, 0, 10, 22);
    other.span(POP, 0, 6, 9);
    for (mut one, two) in [(file.clone(), other.clone()), (other, file)] {
        one.merge(two);
        assert_eq!(one.spans, BTreeMap::from([((IMAP, 0), (10, 30)), ((POP, 0), (5, 9))]));
    }
}

#[test]
fn r9_the_sections_of_a_file_have_spans_of_their_own() {
    let mut file = FileTrail::default();
    file.span(IMAP, 0, 20, 30);
    file.span(IMAP, 2, 50, 60);
    file.span(POP, 1, 5, 6);
    let mut other = FileTrail::default();
    other.span(IMAP, 2, 40, 55);
    file.merge(other);
    assert_eq!(file.sections(IMAP).collect::<Vec<_>>(), [(0, 20, 30), (2, 40, 60)]);
    assert_eq!(file.sections(POP).collect::<Vec<_>>(), [(1, 5, 6)]);
}

#[test]
fn r14_the_first_clock_jumps_of_a_file_stand() {
    let jump = |place| Jump { place, stream: IMAP, pid: 1, from: 100, to: 10 };
    let (mut one, mut two) = (FileTrail::default(), FileTrail::default());
    one.jumped([jump(7), jump(3)]);
    two.jumped((0..JUMPS as u64 - 1).map(|n| jump(5 + 10 * n)));
    assert_eq!(one.jumps, [jump(3), jump(7)]);
    let mut expected = vec![jump(3), jump(5), jump(7)];
    expected.extend((1..JUMPS as u64 - 2).map(|n| jump(5 + 10 * n)));
    assert_eq!(expected.len(), JUMPS);
    for (mut into, from) in [(one.clone(), two.clone()), (two, one)] {
        into.merge(from);
        assert_eq!(into.jumps, expected);
    }
}

#[test]
fn r12_closes_without_a_login_by_the_hours_of_their_connects() {
    let (mut one, mut two) = (Collected::default(), Collected::default());
    for connect in [3700, 3601, 7199] {
        one.no_login(IMAP, connect);
    }
    one.no_login(POP, 3650);
    two.no_login(IMAP, 3600);
    two.no_login(IMAP, 3599);
    let spans = |closes, first, last| Unlogged { closes, first, last };
    assert_eq!(one.unlogged, BTreeMap::from([((IMAP, 1), spans(3, 3601, 7199)), ((POP, 1), spans(1, 3650, 3650))]));
    let expected = BTreeMap::from([
        ((IMAP, 0), spans(1, 3599, 3599)),
        ((IMAP, 1), spans(4, 3600, 7199)),
        ((POP, 1), spans(1, 3650, 3650)),
    ]);
    assert_eq!(one.clone().merge(two.clone()).unlogged, expected);
    assert_eq!(two.merge(one).unlogged, expected);
}

#[test]
fn a_trail_merges_all_of_its_parts() {
    let streams = Streams::default();
    let id = streams.id(b"store1", crate::model::Service::Imap);
    let part = |n: i64| {
        let mut trail = Trail::default();
        let stamp = crate::model::Stamp { at: n, offset: 0 };
        let last = Last { stamp, stream: id, from_login: true, doubt: Doubt::default(), evidence: None };
        trail.access.add(format!("user{n}").as_bytes(), id.service(), [Some(last), None], None, &streams);
        trail.access.settle(&streams);
        trail.collected.no_login(id, n * 3600);
        Pending::default().count(stamp, Some(Counts::Start), id, 1, &mut trail.coverage);
        trail.tally.event.add(10);
        trail.files.entry(FileId(n as u32)).or_default().tally.all.add(10);
        trail.files.entry(FileId(0)).or_default().tally.all.add(5);
        trail
    };
    let both = part(1).merge(part(2), &streams);
    assert_eq!(both.access.len(), 2);
    assert_eq!(both.collected.unlogged.len(), 2);
    assert_eq!(both.coverage.processes.get(&(id, 1)).map(|p| p.marks.len()), Some(2));
    assert_eq!(both.tally.event, Count { lines: 2, bytes: 20 });
    let files: Vec<_> = both.files.iter().map(|(file, known)| (file.0, known.tally.all.lines)).collect();
    assert_eq!(files, [(0, 2), (1, 1), (2, 1)]);
}
