mod keys;
mod sessions;
mod waiting;

use std::collections::BTreeMap;

use super::*;
use crate::model::{Doubt, Evidence, FileId, Peer, Stamp};
use crate::streams::StreamId;
use std::net::Ipv4Addr;

const GUESS: Doubt = Doubt { inferred: true, forged: false };

fn guess(inferred: bool) -> Doubt {
    Doubt { inferred, forged: false }
}
fn peer(port: Option<u16>) -> Peer {
    Peer::new(Ipv4Addr::new(192, 0, 2, 7).into(), port)
}
fn stamp(at: i64) -> Stamp {
    Stamp { at, offset: 0 }
}
fn login(at: i64, user: &str, port: Option<u16>) -> PairLine<'_> {
    let (stream, pid, peer) = (StreamId(0), 1, peer(port));
    PairLine {
        stream,
        pid,
        peer,
        user: user.as_bytes(),
        rest: b"plain",
        stamp: stamp(at),
        close: None,
        doubt: Doubt::default(),
    }
}
fn close(connect: i64, end: i64, user: &str, port: Option<u16>) -> PairLine<'_> {
    let duration = u32::try_from(end - connect).expect("connect before end");
    let close = CloseLine { connect: stamp(connect), duration, mismatch: false };
    PairLine { close: Some(close), rest: b"x", ..login(end, user, port) }
}
fn sessions(lines: &[PairLine<'_>]) -> Vec<(i64, Option<i64>, bool)> {
    let mut table = PairTable::default();
    lines.iter().for_each(|l| table.add(l, &mut |_| {}));
    let mut got = Vec::new();
    table.finish(&mut |s| got.push((s.login.at, s.end.map(|e| e.at), s.has_login)));
    got.sort();
    got
}

#[test]
fn r5_the_earliest_login_in_the_window() {
    let p = Some(1);
    assert_eq!(sessions(&[login(10, "ed", p), close(9, 50, "ed", p)]), [(10, Some(50), true)]);
    assert_eq!(sessions(&[login(8, "ed", p), close(9, 50, "ed", p)]), [(8, None, true), (9, Some(50), false)]);
    assert_eq!(sessions(&[login(110, "ed", p), close(9, 50, "ed", p)]), [(110, Some(50), true)]);
    assert_eq!(sessions(&[login(111, "ed", p), close(9, 50, "ed", p)]), [(9, Some(50), false), (111, None, true)]);
}

#[test]
fn r5_without_a_port_user_and_300_seconds() {
    assert_eq!(sessions(&[login(310, "ed", None), close(9, 900, "ed", None)]).len(), 2);
    assert_eq!(sessions(&[login(309, "ed", None), close(9, 900, "ed", None)]).len(), 1);
    assert_eq!(sessions(&[login(10, "ani", None), close(9, 900, "ed", None)]).len(), 2);
    assert_eq!(sessions(&[login(10, "ani", Some(1)), close(9, 900, "ed", Some(1))]).len(), 1);
}

#[test]
fn settling_early_changes_nothing() {
    let p = Some(1);
    let lines = [
        login(5, "ani", Some(2)),
        close(4, 7, "ani", Some(2)),
        login(10, "ed", p),
        login(30, "ed", p),
        close(9, 50, "ed", p),
        login(500, "ed", p),
        close(499, 600, "ed", p),
        login(610, "ed", p),
        close(650, 700, "ani", p),
        // More chains, so that they are looked through again.
        login(880, "bob", Some(3)),
        login(881, "bob", Some(3)),
        login(882, "cy", Some(4)),
        login(883, "cy", Some(4)),
    ];
    let mut table = PairTable::default();
    let mut got = Vec::new();
    let mut early = 0;
    for line in &lines {
        table.add(line, &mut |_| {});
        table.settle(&BTreeMap::from([(StreamId(0), line.stamp.at)]), None, &mut |s| {
            got.push(s.to_session(Behind::default()))
        });
        early = got.len();
    }
    assert_eq!(early, 4);
    table.finish(&mut |s| got.push(s.to_session(Behind::default())));
    got.sort();
    let mut whole = PairTable::default();
    lines.iter().for_each(|l| whole.add(l, &mut |_| {}));
    let mut expected = Vec::new();
    whole.finish(&mut |s| expected.push(s.to_session(Behind::default())));
    expected.sort();
    assert_eq!(got, expected);
    let reused = |login: i64| expected.iter().find(|s| s.login.at == login).unwrap().reused;
    assert_eq!([reused(30), reused(610), reused(881)], [Some(500), Some(650), None]);
}

#[test]
fn a_late_line_is_told() {
    let mut table = PairTable::default();
    table.add(&login(10, "ed", Some(1)), &mut |_| {});
    table.settle(&BTreeMap::from([(StreamId(0), 1000)]), None, &mut |_| {});
    table.add(&login(1000, "ed", Some(1)), &mut |_| {});
    assert!(table.late.is_empty());
    table.add(&close(9, 939, "ed", Some(1)), &mut |_| {});
    assert_eq!(table.late.len(), 1);
}
