//! The tally: what became of every line.

use super::super::*;
use crate::grammar::Kind;
use crate::parse::Why;

fn count(lines: u64, bytes: u64) -> Count {
    Count { lines, bytes }
}

fn sample(file: u32, place: u64) -> Sample {
    Sample::of(FileId(file), place, format!("{file}:{place}").as_bytes())
}

#[test]
fn a_sample_is_a_lines_beginning() {
    let line: Vec<u8> = (0..200).collect();
    let of = |length: usize| Sample::of(FileId(3), 7, &line[..length]);
    assert_eq!(of(160), Sample { file: FileId(3), place: 7, text: line[..160].to_vec() });
    assert_eq!(of(159).text, line[..159]);
    assert_eq!(of(161).text, line[..160]);
}

#[test]
fn the_classes_add_up() {
    let mut tally = Tally::default();
    for (times, class) in [
        (1, &mut tally.event),
        (2, &mut tally.known),
        (4, &mut tally.unknown),
        (8, &mut tally.reject),
        (16, &mut tally.passed_over),
    ] {
        (0..times).for_each(|_| class.add(100));
    }
    assert_eq!(tally.total(), count(31, 3100));
    tally.kinds = [(Kind::Login, 3), (Kind::Close, 2)].into();
    let other = Tally { event: count(5, 50), kinds: [(Kind::Login, 4), (Kind::Start, 1)].into(), ..Tally::default() };
    for both in [tally.clone().merge(other.clone()), other.merge(tally)] {
        assert_eq!(both.total(), count(36, 3150));
        assert_eq!([both.event, both.known, both.unknown], [count(6, 150), count(2, 200), count(4, 400)]);
        assert_eq!([both.reject, both.passed_over], [count(8, 800), count(16, 1600)]);
        assert_eq!(both.kinds, [(Kind::Login, 7), (Kind::Close, 2), (Kind::Start, 1)].into());
    }
}

#[test]
fn shapes_are_counted_with_their_first_sample() {
    let (mut one, mut two) = (Tally::default(), Tally::default());
    let like = |like, text: &str| Shape { like, text: text.to_owned() };
    let of = |text: &str| like(Like::Other, text);
    for place in [50, 20, 30] {
        one.shape(of("a"), sample(1, place));
    }
    two.shape(of("a"), sample(1, 40));
    two.shape(of("a"), sample(0, 90));
    two.shape(like(Like::Account, "b"), sample(2, 10));
    assert_eq!(one.shapes, [(of("a"), Sampled { count: 3, sample: sample(1, 20) })].into());
    let a = Sampled { count: 5, sample: sample(0, 90) };
    let b = Sampled { count: 1, sample: sample(2, 10) };
    for both in [one.clone().merge(two.clone()), two.merge(one)] {
        assert_eq!(both.shapes, [(like(Like::Account, "b"), b.clone()), (of("a"), a.clone())].into());
    }
}

#[test]
fn the_smallest_shapes_are_kept() {
    let shape = |n: usize| Shape { like: Like::Other, text: format!("{n:05}") };
    let tally = |numbers: &mut dyn Iterator<Item = usize>| {
        let mut tally = Tally::default();
        numbers.for_each(|n| tally.shape(shape(n), sample(0, n as u64)));
        tally
    };
    let names = |tally: &Tally| tally.shapes.keys().cloned().collect::<Vec<_>>();
    let first: Vec<Shape> = (0..SHAPES).map(shape).collect();
    assert_eq!(names(&tally(&mut (0..SHAPES))), first, "as many as that are kept");
    assert_eq!(names(&tally(&mut (0..SHAPES + 20))), first);
    assert_eq!(names(&tally(&mut (0..SHAPES + 20).rev())), first);
    let even = tally(&mut (0..SHAPES + 20).step_by(2));
    let odd = tally(&mut (1..SHAPES + 20).step_by(2));
    assert_eq!(names(&even.clone().merge(odd.clone())), first);
    assert_eq!(names(&odd.merge(even)), first);
    let half = tally(&mut (0..SHAPES / 2));
    let rest = tally(&mut (SHAPES / 2..SHAPES));
    assert_eq!(names(&half.merge(rest)), first);
}

#[test]
fn a_file_counts_its_lines() {
    let (mut one, mut two) = (FileTally::default(), FileTally::default());
    one.all.add(10);
    (one.enveloped, one.undated, one.passed_over) = (2, 3, 5);
    one.reject(Why::Unfit, sample(1, 9));
    one.reject(Why::Unfit, sample(1, 4));
    assert_eq!((one.of_a_log(), one.rejected()), (7, 0));
    assert_eq!(FileTally { all: count(9, 90), ..one.clone() }.rejected(), 2);
    two.all.add(20);
    (two.enveloped, two.undated, two.passed_over) = (10, 20, 40);
    two.reject(Why::Unfit, sample(1, 6));
    two.reject(Why::TooLong, sample(1, 8));
    for (mut both, other) in [(one.clone(), two.clone()), (two, one)] {
        both.merge(other);
        assert_eq!((both.all, both.enveloped, both.undated, both.passed_over), (count(2, 30), 12, 23, 45));
        let unfit = Sampled { count: 3, sample: sample(1, 4) };
        let long = Sampled { count: 1, sample: sample(1, 8) };
        assert_eq!(both.rejects, [(Why::Unfit, unfit), (Why::TooLong, long)].into());
    }
}
