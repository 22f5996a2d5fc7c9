//! The moments that `-c` asks for, and which sessions may be rows of it.

use super::*;
use crate::model::Evidence;
use crate::pair::{Carried, CloseLine, PairLine, PairTable};
use crate::resolve::ClockError;
use crate::streams::StreamId;

fn query(at: At, users: &[&str]) -> ConnectedQuery {
    let users = users.iter().map(|user| user.as_bytes().to_vec()).collect();
    ConnectedQuery { at, services: vec![Service::Imap], users, drift: 60, proxies: Default::default() }
}

/// Whether a session of ed is kept for a query; with a login line at 100 and a close of 90 to 200, if asked for; UTC + 1 h.
fn keeps(query: &ConnectedQuery, login: Option<i64>, close: Option<(i64, i64)>) -> bool {
    let stamp = |at| Stamp { at, offset: 60 };
    let peer = crate::model::Peer::new(std::net::Ipv4Addr::LOCALHOST.into(), Some(1));
    let line = PairLine {
        stream: StreamId(0),
        pid: 1,
        peer,
        user: b"ed",
        rest: b"plain",
        stamp: stamp(0),
        close: None,
        doubt: Doubt::default(),
    };
    let mut table = PairTable::default();
    if let Some(at) = login {
        table.add(&PairLine { stamp: stamp(at), ..line }, &mut |_| {});
    }
    if let Some((connect, end)) = close {
        let duration = u32::try_from(end - connect).expect("connect before end");
        let close = Some(CloseLine { connect: stamp(connect), duration, mismatch: false });
        table.add(&PairLine { stamp: stamp(end), close, ..line }, &mut |_| {});
    }
    let mut kept = Vec::new();
    table.finish(&mut |session| kept.push(collects(query, session)));
    assert_eq!(kept.len(), 1);
    kept[0]
}

#[test]
fn sessions_that_may_be_rows_are_kept() {
    let instant = |at| query(At::Instant(Stamp { at, offset: 0 }), &[]);
    let both = |query: &ConnectedQuery| keeps(query, Some(100), Some((90, 200)));
    // From the connect on: a copy of its close may have no login (R13).
    assert_eq!([89, 90, 100, 199, 200].map(|at| both(&instant(at))), [false, true, true, true, false]);
    assert_eq!([89, 90, 199, 200].map(|at| keeps(&instant(at), None, Some((90, 200)))), [false, true, true, false]);
    // One without a close always, a closed one never at the end of coverage.
    assert!(keeps(&instant(-1000), Some(100), None));
    assert!(keeps(&query(At::EndOfCoverage, &[]), Some(100), None));
    assert!(!both(&query(At::EndOfCoverage, &[])));
    // By digits: an hour of drift to either side. The session shows 3690 to 3800.
    let digits = |at| both(&query(At::Local(at), &[]));
    assert_eq!([89, 90, 3690, 3799, 7399, 7400].map(digits), [false, true, true, true, true, false]);
    // Of the users asked for.
    let users = |users: &[&str]| both(&query(At::Instant(Stamp { at: 150, offset: 0 }), users));
    assert!(users(&["ann", "ed"]));
    assert!(!users(&["ann"]));
    assert!(!keeps(&query(At::Instant(Stamp { at: 300, offset: 0 }), &["ed"]), Some(100), Some((90, 200))));
}

#[test]
fn r10_each_stream_at_its_own_moment() {
    let lines = ["10:00:00 100 login ed", "10:01:00 100 login ann", "10:30:00 100 close ann 10:00:59"];
    let known = read(&[(FileFacts::default(), &lines)]);
    assert_eq!(known.connected(At::EndOfCoverage), ["ed"]);
    assert_eq!(known.at("10:30:00"), ["ed"]);
    assert_eq!(known.at("10:30:01"), [""; 0], "behind the end of coverage there is no row");
    // The digits of the stream's own clock.
    assert_eq!(known.connected(At::Local(instant("10:29:59") + 7200)), ["ann", "ed"]);
    assert_eq!(known.connected(At::Local(instant("10:30:00") + 7200)), ["ed"]);
    // Users and services that are asked for.
    let ask = |query: &ConnectedQuery| connected(query, &known.resolved, &known.sessions).map(|rows| rows.len());
    let moment = At::Instant(at("10:10:00"));
    assert_eq!(ask(&query(moment, &[])), Ok(2));
    assert_eq!(ask(&query(moment, &["ann", "bob"])), Ok(1));
    assert_eq!(ask(&query(moment, &["bob"])), Ok(0));
    assert_eq!(ask(&ConnectedQuery { services: vec![Service::Pop], ..query(moment, &[]) }), Ok(0));
}

#[test]
fn digits_that_a_clock_showed_never_are_an_error() {
    let lines = ["10:00:00 100 login ed", "10:30:00 100 shows"];
    let mut known = read(&[(FileFacts::default(), &lines)]);
    known.resolved[0].clock = Default::default();
    let got = connected(&query(At::Local(0), &[]), &known.resolved, &known.sessions);
    let error = AtError { store: b"store1".to_vec(), service: Service::Imap, clock: ClockError::Empty };
    assert_eq!(got, Err(error));
}

#[test]
fn flags_of_certain_rows_are_no_doubts() {
    let lines =
        ["10:00:00 100 login ed", "10:00:10 100 login ed", "10:30:00 100 close ed 10:00:00", "11:00:00 100 shows"];
    let mut known = read(&[(FileFacts::default(), &lines)]);
    known.sessions.retain(|session| session.end.is_some());
    let flags = |known: &Known| {
        let rows = connected(&query(At::Instant(at("10:20:00")), &[]), &known.resolved, &known.sessions);
        rows.map(|rows| rows.into_iter().map(|row| (row.certain, row.flags)).collect::<Vec<_>>())
    };
    assert_eq!(flags(&known), Ok(vec![(true, vec!["ambiguous-pairing"])]));
    let all = crate::pair::SessionFlags {
        ambiguous: true,
        mismatch: true,
        doubt: Doubt { inferred: true, forged: true },
        user_differs: true,
    };
    known.sessions[0].flags = all;
    let names = vec!["ambiguous-pairing", "duration-mismatch", "inferred-format", "possibly-forged", "user-differs"];
    assert_eq!(flags(&known), Ok(vec![(true, names)]));
    known.sessions[0].flags = Default::default();
    assert_eq!(flags(&known), Ok(vec![(true, vec![])]));
}

/// By moment, user, process; and what is equal in all that is shown, by where its lines are, whatever the order of the sessions.
#[test]
fn rows_stand_in_one_order() {
    let known = read(&[(FileFacts::default(), &["10:00:00 7 login ed", "10:30:00 7 login ann"])]);
    let of = |user: &str| known.sessions.iter().find(|s| s.user == user.as_bytes()).cloned().expect("a session");
    let (ed, ann) = (of("ed"), of("ann"));
    let line = |place| Some(Evidence { file: FileId(0), place, nth: 1 });
    let carried = |place| Some(Box::new(Carried { evidence: [line(place), None], ..Carried::default() }));
    let tied = |user: &str, pid: u32, place: u64| Session {
        user: user.as_bytes().to_vec(),
        pid,
        carried: carried(place),
        ..ed.clone()
    };
    let mut sessions = vec![tied("bob", 8, 1), tied("bob", 7, 2), tied("bob", 7, 1), ann, tied("al", 9, 3), ed.clone()];
    let shown = |sessions: &[Session]| {
        let rows = connected(&query(At::EndOfCoverage, &[]), &known.resolved, sessions).expect("one instant");
        let place = |row: &Connected<'_>| row.evidence()[0].map_or(0, |line| line.place);
        let row = |row: &Connected<'_>| format!("{} {} {}", String::from_utf8_lossy(row.user), row.pid, place(row));
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let expected = ["al 9 3", "bob 7 1", "bob 7 2", "bob 8 1", "ed 7 0", "ann 7 0"];
    for turn in 0..sessions.len() {
        sessions.rotate_left(1);
        assert_eq!(shown(&sessions), expected, "{turn}");
    }
}
