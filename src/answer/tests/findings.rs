//! Findings against a slow reading of their rules, which looks at every window.

use super::*;
use crate::answer::FailureRow;
use crate::fold::{LoggedIn, Refusal};
use crate::model::{Doubt, Evidence, FileId, Instant, Peer, Service};
use crate::random::Random;
use crate::streams::StreamId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Try {
    at: Instant,
    success: bool,
    user: usize,
    address: u8,
}

const USERS: [&str; 6] = ["ann", "bob", "cyd", "dee", "ed", "fay"];
const MEASURE: Thresholds = Thresholds { many_users: 3, many_addresses: 3, run: 3, within: 100 };

/// The events of tries, refusals first, as they come; logins only where they are armed.
fn events(tries: &[Try]) -> (Vec<Runs>, Vec<Runs>) {
    let folder = std::env::temp_dir();
    let stamp = |at| Stamp { at, offset: 0 };
    let peer = |address| Peer::new([192, 0, 2, address].into(), Some(7));
    let mut refused = Events::new(&folder, usize::MAX);
    for one in tries.iter().filter(|one| !one.success) {
        refused.refused(&FailureRow {
            kind: Refusal::Login,
            store: b"s"[..].into(),
            service: Service::Imap,
            time: stamp(one.at),
            user: USERS[one.user].as_bytes().into(),
            from: peer(one.address).to_string().into_bytes().into(),
            far: Default::default(),
            client: Default::default(),
            auth: b"plain"[..].into(),
            reason: b"no"[..].into(),
            pid: 1,
            doubt: Doubt::default(),
            evidence: None,
        });
    }
    let (mut by_user, mut by_address) = (vec![refused.by_user], vec![refused.by_address]);
    by_user.iter_mut().chain(&mut by_address).for_each(|runs| runs.finish().unwrap());
    let armed = Armed::new(&by_user, &by_address, &MEASURE).unwrap();
    let mut logins = Events::new(&folder, usize::MAX);
    for one in tries.iter().filter(|one| one.success) {
        let login = LoggedIn {
            stream: StreamId(0),
            peer: peer(one.address),
            user: USERS[one.user].as_bytes(),
            mechanism: b"plain",
            stamp: stamp(one.at),
            by_close: false,
            doubt: Doubt::default(),
            evidence: Evidence { file: FileId(0), place: 0, nth: 1 },
        };
        logins.logged_in(&login, None, b"s", (&armed, &Default::default()));
    }
    by_user.push(logins.by_user);
    by_address.push(logins.by_address);
    by_user.iter_mut().chain(&mut by_address).for_each(|runs| runs.finish().unwrap());
    (by_user, by_address)
}

type Told = (Rule, Option<String>, Option<String>, u64, u64, Instant, Instant);

fn told(tries: &[Try]) -> Vec<Told> {
    let folder = std::env::temp_dir();
    let (by_user, by_address) = events(tries);
    let of = |side, events: &[Runs]| findings(side, events, &MEASURE, (&folder, usize::MAX)).unwrap();
    let runs = [of(Side::User, &by_user), of(Side::Address, &by_address)];
    let mut all = Vec::new();
    let text = |text: &Option<Cow<'_, [u8]>>| text.as_deref().map(|t| String::from_utf8(t.to_vec()).unwrap());
    let found = Findings { runs: &runs, thresholds: MEASURE };
    found
        .each(|f| {
            let distinct = if f.rule == Rule::ManyAddresses { f.addresses } else { f.users };
            all.push((f.rule, text(&f.user), text(&f.address), distinct, f.failures, f.from.at, f.to.at));
            Ok(())
        })
        .unwrap();
    assert_eq!(found.count().unwrap(), all.len() as u64);
    all.sort();
    all
}

/// Spans of a rule that is about many different ones: refusals in any window that has enough of them, joined where windows overlap.
fn slow_many(refused: &[(Instant, usize)], many: usize) -> Vec<(u64, u64, Instant, Instant)> {
    let within = |to: Instant| refused.iter().filter(move |(at, _)| (to - MEASURE.within..=to).contains(at));
    let distinct = |all: &[&(Instant, usize)]| all.iter().map(|(_, o)| *o).collect::<HashSet<_>>().len();
    let mut spans: Vec<(Instant, Instant)> = Vec::new();
    for (to, _) in refused {
        if distinct(&within(*to).collect::<Vec<_>>()) >= many {
            match spans.last_mut() {
                Some(last) if to - MEASURE.within <= last.1 => last.1 = *to,
                _ => spans.push((to - MEASURE.within, *to)),
            }
        }
    }
    let of_span = |(from, to): (Instant, Instant)| {
        let inside: Vec<_> = refused.iter().filter(|(at, _)| (from..=to).contains(at)).collect();
        (distinct(&inside) as u64, inside.len() as u64, inside[0].0, to)
    };
    spans.into_iter().map(of_span).collect()
}

fn slow(tries: &[Try]) -> Vec<Told> {
    let mut all = Vec::new();
    let name = |user: usize| Some(USERS[user].to_owned());
    let ip = |address: u8| Some(format!("192.0.2.{address}"));
    for user in 0..USERS.len() {
        let of_user: Vec<Try> = tries.iter().filter(|one| one.user == user).copied().collect();
        let refused: Vec<_> = of_user.iter().filter(|t| !t.success).map(|t| (t.at, usize::from(t.address))).collect();
        for (n, failures, from, to) in slow_many(&refused, MEASURE.many_addresses) {
            all.push((Rule::ManyAddresses, name(user), None, n, failures, from, to));
        }
        for login in of_user.iter().filter(|one| one.success) {
            let last = of_user.iter().filter(|one| one.success && *one < login).map(|one| one.at).max();
            let before = |t: &&&Try| {
                !t.success && *t < &login && t.at >= login.at - MEASURE.within && last.is_none_or(|last| t.at > last)
            };
            let run: Vec<_> = of_user.iter().collect::<Vec<_>>();
            let run: Vec<_> = run.iter().filter(before).collect();
            if run.len() >= MEASURE.run {
                let (n, from) = (1, run.iter().map(|t| t.at).min().unwrap());
                all.push((
                    Rule::SuccessAfterFailures,
                    name(user),
                    ip(login.address),
                    n,
                    run.len() as u64,
                    from,
                    login.at,
                ));
            }
        }
    }
    for address in 0..6 {
        let of_address: Vec<Try> = tries.iter().filter(|one| one.address == address).copied().collect();
        let refused: Vec<_> = of_address.iter().filter(|t| !t.success).map(|t| (t.at, t.user)).collect();
        for (n, failures, from, to) in slow_many(&refused, MEASURE.many_users) {
            all.push((Rule::ManyUsers, None, ip(address), n, failures, from, to));
        }
        for login in of_address.iter().filter(|one| one.success) {
            let is_first = !of_address.iter().any(|one| one.success && one.user == login.user && one.at < login.at);
            let before: Vec<_> =
                refused.iter().filter(|(at, _)| (login.at - MEASURE.within..=login.at).contains(at)).collect();
            if is_first && before.len() >= MEASURE.run {
                let users = before.iter().map(|(_, user)| *user).collect::<HashSet<_>>().len() as u64;
                let (user, from) = (name(login.user), before.iter().map(|(at, _)| *at).min().unwrap());
                all.push((Rule::FirstSuccess, user, ip(address), users, before.len() as u64, from, login.at));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn all_rules_as_a_slow_reading_has_them() {
    let mut random = Random(7);
    let mut next = |n| random.below(n);
    let mut rules = HashSet::new();
    for round in 0..300 {
        let (span, successes) = (100 + 300 * (round % 4), 2 + round % 5);
        let mut tries: Vec<Try> = (0..40)
            .map(|_| Try {
                at: next(span) as Instant,
                success: next(successes) == 0,
                user: next(6) as usize,
                address: next(6) as u8,
            })
            .collect();
        tries.sort();
        // One moment has one try of a user, and one from an address: what comes first at one instant is another test's.
        let mut taken = HashSet::new();
        tries.retain(|one| taken.insert((one.at, one.user, 9)) & taken.insert((one.at, 9, one.address)));
        let expected = slow(&tries);
        assert_eq!(told(&tries), expected, "{tries:#?}");
        rules.extend(expected.iter().map(|told| told.0 as u8));
    }
    assert_eq!(rules.len(), 4);
}

#[test]
fn at_one_instant_refusals_come_before_a_login() {
    let one = |at, success| Try { at, success, user: 0, address: 1 };
    let rules = |tries: &[Try]| told(tries).into_iter().map(|told| told.0).collect::<Vec<_>>();
    let both = [Rule::SuccessAfterFailures, Rule::FirstSuccess];
    assert_eq!(rules(&[one(5, false), one(5, true), one(5, false), one(5, false)]), both);
    assert_eq!(rules(&[one(5, false), one(5, false), one(105, false), one(105, true)]), both);
    assert_eq!(rules(&[one(5, false), one(5, false), one(5, false), one(106, true)]), []);
}

#[test]
fn evidence_is_bounded() {
    let tries: Vec<Try> = (0..50).map(|at| Try { at, success: false, user: at as usize % 6, address: 1 }).collect();
    let (_, by_address) = events(&tries);
    let runs = [findings(Side::Address, &by_address, &MEASURE, (&std::env::temp_dir(), usize::MAX)).unwrap()];
    Findings { runs: &runs, thresholds: MEASURE }
        .each(|f| {
            assert_eq!((f.failures, f.left_out, f.users), (50, 30, 6));
            let times: Vec<Instant> = f.events.iter().map(|event| event.time.at).collect();
            assert_eq!(times, (0..10).chain(40..50).collect::<Vec<_>>());
            Ok(())
        })
        .unwrap();
}
