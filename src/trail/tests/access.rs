//! Last access (R11): the latest stands, ties have an order, names of any length are told apart.

use super::super::*;
use crate::model::{Doubt, Service, Stamp};

fn at(at: i64, stream: StreamId) -> Last {
    let doubt = Doubt::default();
    Last { stamp: Stamp { at, offset: 0 }, stream, from_login: true, doubt, evidence: None }
}

/// What is known of every user, in the order of the names, from parts of any size.
fn all(sorted: &Sorted, size: usize) -> Vec<(Vec<u8>, [Access; 3])> {
    let over_all = |accesses: Accesses<'_>| {
        let by_service = Service::ALL.map(|service| accesses.over(service).unwrap_or_default());
        assert_eq!(
            accesses.iter().collect::<Vec<_>>(),
            by_service.into_iter().filter(|a| *a != Access::default()).collect::<Vec<_>>()
        );
        by_service
    };
    let mut all = Vec::new();
    for part in sorted.parts(size) {
        let of_users = sorted.users(part.clone()).flat_map(|(_, accesses)| accesses.iter().collect::<Vec<_>>());
        assert!(sorted.accesses(part.clone()).eq(of_users));
        all.extend(sorted.users(part).map(|(user, accesses)| (user.to_vec(), over_all(accesses))));
    }
    all
}

/// What two accesses of one user come to, in one table and merged, in both orders.
fn both(streams: &Streams, one: [Option<Last>; 2], two: [Option<Last>; 2]) -> Access {
    let mut got = Vec::new();
    for (a, b) in [(one, two), (two, one)] {
        let add = |access: &mut LastAccess, [login, logout]: [Option<Last>; 2]| {
            access.add(b"ed", Service::Imap, [login, None], logout, streams);
        };
        let mut together = LastAccess::default();
        add(&mut together, a);
        add(&mut together, b);
        together.settle(streams);
        let (mut x, mut y) = (LastAccess::default(), LastAccess::default());
        add(&mut x, a);
        add(&mut y, b);
        got.extend([together, x.merge(y, streams)].into_iter().flat_map(|access| all(&access.sorted(), 1)));
    }
    assert_eq!(got.len(), 4);
    assert!(got.iter().all(|(user, accesses)| user == b"ed" && accesses == &got[0].1), "{got:?}");
    assert_eq!(got[0].1[1..], [Access::default(); 2]);
    got[0].1[0]
}

#[test]
fn r11_the_latest_login_and_the_latest_logout() {
    let streams = Streams::default();
    // The store that was met first has the greater name.
    let (b, a) = (streams.id(b"b", Service::Imap), streams.id(b"a", Service::Imap));
    let (early, late) = (at(10, a), at(20, b));
    let login = |login, logout| Access { login, logout };
    assert_eq!(both(&streams, [Some(early), None], [Some(late), None]), login(Some(late), None));
    assert_eq!(both(&streams, [None, Some(early)], [None, Some(late)]), login(None, Some(late)));
    assert_eq!(both(&streams, [Some(late), None], [None, Some(early)]), login(Some(late), Some(early)));
    assert_eq!(both(&streams, [Some(late), Some(early)], [Some(early), Some(late)]), login(Some(late), Some(late)));
    assert_eq!(both(&streams, [None, None], [None, Some(early)]), login(None, Some(early)));
    // Before 1970, too.
    let old = at(-5, a);
    assert_eq!(both(&streams, [Some(old), None], [None, Some(old)]), login(Some(old), Some(old)));
}

#[test]
fn r11_ties_have_an_order() {
    let streams = Streams::default();
    let (b, a) = (streams.id(b"b", Service::Imap), streams.id(b"a", Service::Imap));
    let of = |stream, offset, from_login, inferred| {
        let doubt = Doubt { inferred, forged: false };
        Some(Last { stamp: Stamp { at: 10, offset }, stream, from_login, doubt, evidence: None })
    };
    // The smallest store, the smallest offset, a login line if there is one, a guess only if all are guesses.
    let ties = [
        (of(a, 0, true, false), of(b, 0, true, false), of(a, 0, true, false)),
        (of(b, 0, true, false), of(b, 0, true, false), of(b, 0, true, false)),
        (of(a, 60, true, false), of(b, -60, false, true), of(a, -60, true, false)),
        (of(b, 0, false, true), of(b, 0, false, true), of(b, 0, false, true)),
        (of(b, 0, true, true), of(b, 0, true, true), of(b, 0, true, true)),
        (of(b, 0, true, true), of(b, 0, false, false), of(b, 0, true, false)),
        (of(b, 0, false, false), of(b, 0, false, false), of(b, 0, false, false)),
    ];
    for (one, two, expected) in ties {
        assert_eq!(both(&streams, [one, None], [two, None]), Access { login: expected, logout: None });
        assert_eq!(both(&streams, [None, one], [None, two]), Access { login: None, logout: expected });
        // A login line and the connect of a close at once.
        let mut access = LastAccess::default();
        access.add(b"ed", Service::Imap, [one, two], None, &streams);
        access.settle(&streams);
        assert_eq!(all(&access.sorted(), 1)[0].1[0].login, expected);
    }
    // A line that is sound stands for all.
    let forged = |forged| of(a, 0, true, false).map(|last| Last { doubt: Doubt { inferred: false, forged }, ..last });
    for (one, two) in [(false, true), (true, false), (true, true), (false, false)] {
        let both_of = [forged(one), forged(two)];
        assert_eq!(both(&streams, both_of, [None, None]), Access { login: both_of[0], logout: both_of[1] });
        assert_eq!(both(&streams, [both_of[0], None], [both_of[1], None]).login, forged(one && two));
    }
    // Flags of the login are none of the logout, and the other way about.
    for (login, logout) in
        [((true, false), (false, true)), ((false, true), (true, false)), ((true, true), (false, false))]
    {
        let both_of = [of(a, 0, login.0, login.1), of(b, 0, logout.0, logout.1)];
        assert_eq!(both(&streams, both_of, [None, None]), Access { login: both_of[0], logout: both_of[1] });
    }
}

#[test]
fn r11_services_are_apart() {
    let streams = Streams::default();
    let ids = Service::ALL.map(|service| streams.id(b"a", service));
    let mut access = LastAccess::default();
    for (n, id) in (0..).zip(ids) {
        access.add(b"ed", id.service(), [Some(at(n, id)), None], None, &streams);
    }
    access.settle(&streams);
    let got = all(&access.sorted(), 1);
    let expected = [0, 1, 2].map(|n| Access { login: Some(at(n as i64, ids[n])), logout: None });
    assert_eq!(got, [(b"ed".to_vec(), expected)]);
}

/// Names that are hard to tell apart: each a beginning of others, or different in one place only, about the 24 bytes that
/// an entry holds.
fn names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = (1..70).map(|length| vec![b'x'; length]).collect();
    for length in [1, 2, 8, 23, 24, 25, 26, 33, 60] {
        for place in [0, 7, 8, 16, 22, 23, 24, 25, 40, 59] {
            for byte in [0, b'a', b'z', 0xff] {
                let mut name = vec![b'x'; length];
                if let Some(differs) = name.get_mut(place) {
                    *differs = byte;
                    names.push(name);
                }
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

#[test]
fn names_of_any_length_are_told_apart_and_sorted_by_their_bytes() {
    let streams = Streams::default();
    let ids = [streams.id(b"a", Service::Imap), streams.id(b"a", Service::Pop)];
    let names = names();
    assert!(names.len() > 250, "more than are put aside at a time");
    let mut tables = [LastAccess::default(), LastAccess::default()];
    // Every name twice, in another order than theirs; the second time later.
    for (time, number) in (0..2 * names.len()).map(|n| (n / names.len(), n * 89 % names.len())) {
        for id in ids {
            let last = Some(at((1000 * time + number) as i64, id));
            let table = if number % 5 == 0 { &mut tables[1] } else { &mut tables[0] };
            table.add(&names[number], id.service(), [last, None], None, &streams);
        }
    }
    let access = |number: usize, id| Access { login: Some(at(1000 + number as i64, id)), logout: None };
    let expected: Vec<(Vec<u8>, [Access; 3])> = (0..)
        .zip(&names)
        .map(|(n, name)| (name.clone(), [access(n, ids[0]), Access::default(), access(n, ids[1])]))
        .collect();
    let [one, two] = tables;
    let merged = one.merge(two, &streams);
    assert_eq!((merged.len(), merged.is_empty()), (2 * names.len(), false));
    let mut logins: Vec<_> = merged.accesses().map(|access| access.login).collect();
    let mut all_logins: Vec<_> = expected.iter().flat_map(|(_, [imap, _, pop])| [imap.login, pop.login]).collect();
    for logins in [&mut logins, &mut all_logins] {
        logins.sort_unstable_by_key(|login| login.map(|login| (login.stamp.at, login.stream.0)));
    }
    assert_eq!(logins, all_logins, "in no order");
    let sorted = merged.sorted();
    for size in [1, 2, 3, 7, 100, usize::MAX] {
        let got = all(&sorted, size);
        assert!(got == expected, "in parts of {size}");
    }
    assert_eq!(sorted.parts(usize::MAX), std::slice::from_ref(&(0..2 * names.len())));
    assert_eq!(sorted.parts(1).len(), names.len(), "no user in two parts");
    assert_eq!(sorted.parts(3).len(), names.len().div_ceil(2), "a part ends with its last user's last entry");
    assert_eq!(sorted.parts(4).len(), names.len().div_ceil(2));
}

#[test]
fn only_the_users_asked_for_are_kept() {
    let streams = Streams::default();
    let id = streams.id(b"store1", Service::Imap);
    let long = "a-name-that-is-longer-than-an-entry-has-room-for";
    let mut access = LastAccess::default();
    for name in ["ann", "ed", long, &format!("{long}er")] {
        access.add(name.as_bytes(), Service::Imap, [Some(at(5, id)), None], None, &streams);
    }
    access.settle(&streams);
    access.put_in_order();
    access.retain(|user| user == b"ed" || user == long.as_bytes());
    let names: Vec<_> = all(&access.sorted(), 10).into_iter().map(|(user, _)| user).collect();
    assert_eq!(names, [long.as_bytes(), b"ed"]);
}

#[test]
fn nobody_is_one_empty_part() {
    let access = LastAccess::default();
    assert_eq!((access.len(), access.is_empty()), (0, true));
    let sorted = access.sorted();
    assert_eq!(sorted.parts(10), std::slice::from_ref(&(0..0)));
    assert_eq!(all(&sorted, 10), []);
}

#[test]
fn many_names_are_told_apart_whatever_their_hashes() {
    // Of so many, some have the hash of another: names of one length, some in their entries, some with equal beginnings outside.
    let streams = Streams::default();
    let id = streams.id(b"a", Service::Imap);
    let mut access = LastAccess::default();
    let prefix = "x".repeat(24);
    let name = |n: i64| if n % 2 == 0 { format!("u{n:07}") } else { format!("{prefix}{n:07}") };
    let count = 240_000;
    for n in 0..count {
        access.add(name(n).as_bytes(), Service::Imap, [Some(at(n, id)), None], None, &streams);
    }
    access.settle(&streams);
    assert_eq!(access.len(), count as usize);
    let expected = (0..count).step_by(2).chain((1..count).step_by(2));
    let sorted = access.sorted();
    let mut users = sorted.parts(1000).into_iter().flat_map(|part| sorted.users(part));
    for n in expected {
        let Some((user, accesses)) = users.next() else { panic!("no user {n}") };
        let login = accesses.over(Service::Imap).and_then(|imap| imap.login);
        assert_eq!((user, login), (name(n).as_bytes(), Some(at(n, id))));
    }
    assert!(users.next().is_none());
}
