//! Refused logins over several lines: where they begin and end.

use crate::trail::Breaks;

fn breaks(begins: &[u64], ends: &[u64]) -> Breaks {
    let mut all = Breaks::default();
    begins.iter().for_each(|place| all.begins(*place));
    ends.iter().for_each(|place| all.ends(*place));
    all
}

fn spans(begins: &[u64], ends: &[u64]) -> Vec<(u64, u64)> {
    breaks(begins, ends).spans().into_iter().map(|span| (span.start, span.end)).collect()
}

const K64: u64 = 65_536;

#[test]
fn from_the_first_begin_to_the_last_end_within_two_stretches() {
    assert_eq!(spans(&[100], &[200]), [(100, 200)]);
    assert_eq!(spans(&[100, 150], &[120, 300, 200]), [(100, 300)]);
    assert_eq!(spans(&[100], &[50, 100]), []);
    assert_eq!(spans(&[100], &[]), []);
    assert_eq!(spans(&[], &[100]), []);
    assert_eq!(spans(&[100], &[2 * K64 - 1]), [(100, 2 * K64 - 1)]);
    assert_eq!(spans(&[100], &[2 * K64]), []);
    assert_eq!(spans(&[100], &[200, K64 + 7]), [(100, K64 + 7)]);
}

#[test]
fn spans_that_touch_are_one() {
    assert_eq!(spans(&[100, K64 + 1], &[K64 + 5, 2 * K64]), [(100, 2 * K64)]);
    assert_eq!(spans(&[100, K64 + 9], &[K64 + 5, 2 * K64]), [(100, K64 + 5), (K64 + 9, 2 * K64)]);
}

#[test]
fn what_is_known_does_not_depend_on_the_order() {
    let marks: Vec<u64> = (0..20_000).map(|i| (i * 7919) % 20_000 * 2 * K64 + i).collect();
    let (one, two) = marks.split_at(7_000);
    let all = |begins: &[u64]| breaks(begins, &begins.iter().map(|b| b + 9).collect::<Vec<_>>());
    let mut forth = all(one);
    forth.merge(all(two));
    let mut back = all(two);
    back.merge(all(one));
    assert_eq!(forth, back);
    assert_eq!(forth, all(&marks));
    assert!(forth.is_full() && forth.any() && forth.spans().len() == 10_000);
    assert!(!breaks(&[], &marks).is_full() && !breaks(&[1], &[2]).is_full());
}
