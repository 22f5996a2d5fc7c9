//! What is a session (R5, R6, R7, R13), with every field of it; by entries as well as by chains of lines.

use super::*;

fn whole(lines: &[PairLine<'_>]) -> Vec<Session> {
    let mut table = PairTable::default();
    lines.iter().for_each(|line| table.add(line, &mut |_| {}));
    let mut got = Vec::new();
    table.finish(&mut |session| got.push(session.to_session(Behind::default())));
    got.sort();
    got
}

/// As [`whole`], with lines of the same peers long after, so that no key is simple: their sessions are left out.
fn by_chains(lines: &[PairLine<'_>]) -> Vec<Session> {
    let far = |line: &PairLine<'static>, at| PairLine { stamp: stamp(at), close: None, ..*line };
    let mut more = lines.to_vec();
    for line in lines {
        let line = PairLine { user: b"later", rest: b"later", ..*line };
        more.extend([far(&line, FAR), far(&line, FAR + 1)]);
    }
    let mut got = whole(&more);
    got.retain(|session| session.login.at < FAR);
    // That the peer logged in again long after is of those lines.
    got.iter_mut().for_each(|session| session.reused = session.reused.filter(|at| *at < FAR));
    got
}

const FAR: i64 = 1_000_000;

fn ends(lines: &[PairLine<'_>]) -> Vec<(i64, Option<i64>)> {
    let simple = whole(lines).iter().map(|s| (s.login.at, s.end.map(|end| end.at))).collect();
    let chains: Vec<_> = by_chains(lines).iter().map(|s| (s.login.at, s.end.map(|end| end.at))).collect();
    assert_eq!(chains, simple, "by chains, {lines:?}");
    simple
}

const P: Option<u16> = Some(1);

#[test]
fn r5_a_session_has_all_that_its_lines_say() {
    let east = |at| Stamp { at, offset: 120 };
    let west = |at| Stamp { at, offset: -60 };
    let login = PairLine { stamp: east(10), rest: b"CRAM-MD5", pid: 7, doubt: GUESS, ..login(10, "ed", P) };
    let times = CloseLine { connect: west(9), duration: 42, mismatch: true };
    let close = PairLine { stamp: west(50), close: Some(times), pid: 7, ..close(9, 50, "ann", P) };
    let flags = SessionFlags { ambiguous: false, mismatch: true, doubt: GUESS, user_differs: true };
    let expected = Session {
        stream: StreamId(0),
        login: east(10),
        user: b"ann".to_vec(),
        peer: peer(P),
        pid: 7,
        mechanism: Some(b"CRAM-MD5".to_vec()),
        connect: Some(west(9)),
        end: Some(west(50)),
        duration: Some(42),
        reused: None,
        flags,
        carried: None,
    };
    for lines in [[login, close], [close, login]] {
        assert_eq!(whole(&lines), vec![expected.clone()]);
        assert_eq!(by_chains(&lines), vec![expected.clone()]);
    }

    // R6: the close alone.
    let flags = SessionFlags { mismatch: true, ..SessionFlags::default() };
    let alone = Session { login: west(9), mechanism: None, flags, ..expected.clone() };
    assert_eq!(whole(&[close]), vec![alone.clone()]);
    assert_eq!(by_chains(&[close]), [alone]);

    // R7: the login alone.
    let flags = SessionFlags { doubt: GUESS, ..SessionFlags::default() };
    let alone = Session { user: b"ed".to_vec(), connect: None, end: None, duration: None, flags, ..expected };
    assert_eq!(whole(&[login]), vec![alone.clone()]);
    assert_eq!(by_chains(&[login]), [alone]);
}

#[test]
fn doubted_if_either_line_is() {
    let forged = |forged: bool| Doubt { inferred: false, forged };
    for (l, c) in [(false, false), (true, false), (false, true), (true, true)] {
        for doubt in [guess, forged] {
            let login = PairLine { doubt: doubt(l), ..login(10, "ed", P) };
            let lines = [login, PairLine { doubt: doubt(c), ..close(9, 50, "ed", P) }];
            for got in [whole(&lines), by_chains(&lines)] {
                let flags = SessionFlags { doubt: doubt(l || c), ..SessionFlags::default() };
                assert_eq!(got.iter().map(|s| s.flags).collect::<Vec<_>>(), [flags]);
            }
            assert_eq!(whole(&lines[..1])[0].flags.doubt, doubt(l));
            assert_eq!(whole(&lines[1..])[0].flags.doubt, doubt(c));
        }
    }
}

#[test]
fn of_equal_lines_the_one_that_is_not_forged_stands() {
    let forged = Doubt { inferred: false, forged: true };
    let lines = [login(10, "ed", P), close(9, 50, "ed", P)];
    let copies = lines.map(|line| PairLine { doubt: forged, ..line });
    for lines in [[copies[0], lines[0], copies[1], lines[1]], [lines[1], copies[1], lines[0], copies[0]]] {
        let got = whole(&lines);
        assert_eq!(
            got.iter().map(|s| (s.end.is_some(), s.flags.doubt)).collect::<Vec<_>>(),
            [(true, Doubt::default())]
        );
    }
}

#[test]
fn r5_where_start_and_duration_disagree_either_may_be_the_connect() {
    let times = CloseLine { connect: stamp(1000), duration: 3000, mismatch: true };
    let close = PairLine { close: Some(times), ..close(1000, 5000, "ed", P) };
    for (at, paired) in [
        (999, false),
        (1000, true),
        (1300, true),
        (1301, false),
        (1999, false),
        (2000, true),
        (2300, true),
        (2301, false),
        (4999, false),
    ] {
        let expected = if paired { 1 } else { 2 };
        assert_eq!(ends(&[login(at, "ed", P), close]).len(), expected, "{at}");
    }
    // The end bounds this, too.
    let times = CloseLine { connect: stamp(4000), duration: 100, mismatch: true };
    let close = PairLine { close: Some(times), ..close };
    assert_eq!(ends(&[login(5060, "ed", P), close]), [(5060, Some(5000))]);
    assert_eq!(ends(&[login(5061, "ed", P), close]), [(4000, Some(5000)), (5061, None)]);
}

#[test]
fn r5_store_service_pid_and_peer_agree() {
    let one = login(10, "ed", P);
    let close = close(9, 50, "ed", P);
    assert_eq!(ends(&[one, close]), [(10, Some(50))]);
    let other = |line: PairLine<'static>| assert_eq!(ends(&[line, close]), [(9, Some(50)), (10, None)], "{line:?}");
    other(PairLine { pid: 2, ..one });
    other(PairLine { stream: StreamId(4), ..one });
    other(PairLine { peer: peer(Some(2)), ..one });
    other(PairLine { peer: peer(None), ..one });
    other(PairLine { peer: Peer::new(Ipv4Addr::new(192, 0, 2, 8).into(), P), ..one });
    let v6 = |text: &str| Peer::new(text.parse().expect("an address"), P);
    let close = PairLine { peer: v6("2001:db8::7"), ..close };
    assert_eq!(ends(&[PairLine { peer: v6("2001:db8:0:0::7"), ..one }, close]), [(10, Some(50))]);
    assert_eq!(ends(&[PairLine { peer: v6("2001:db9::7"), ..one }, close]).len(), 2);
    // Without a port the pid and the user must agree, too.
    let close = PairLine { peer: peer(None), ..close };
    let one = PairLine { peer: peer(None), ..one };
    assert_eq!(ends(&[one, close]), [(10, Some(50))]);
    assert_eq!(ends(&[PairLine { pid: 2, ..one }, close]).len(), 2);
    assert_eq!(ends(&[PairLine { user: b"ann", ..one }, close]).len(), 2);
}

#[test]
fn r5_of_logins_at_one_instant_the_smaller_mechanism() {
    let plain = login(10, "ed", P);
    let cram = PairLine { rest: b"CRAM-MD5", ..plain };
    for lines in [[plain, cram, close(9, 50, "ed", P)], [cram, close(9, 50, "ed", P), plain]] {
        let got = whole(&lines);
        let closed: Vec<_> = got.iter().filter(|s| s.end.is_some()).collect();
        assert_eq!(closed.len(), 1);
        assert_eq!(closed[0].mechanism.as_deref(), Some(&b"CRAM-MD5"[..]));
        assert!(closed[0].flags.ambiguous);
        let open: Vec<_> = got.iter().filter(|s| s.end.is_none()).collect();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].mechanism.as_deref(), Some(&b"plain"[..]));
        assert_eq!(open[0].reused, None, "the same instant is not later");
        assert!(!open[0].flags.ambiguous);
    }
}

#[test]
fn r5_closes_in_the_order_of_end_connect_and_bytes() {
    let login = login(10, "ed", P);
    let users = |lines: &[PairLine<'_>]| -> Vec<(Vec<u8>, i64, bool)> {
        whole(lines).into_iter().map(|s| (s.user, s.end.map_or(0, |e| e.at), s.mechanism.is_some())).collect()
    };
    let sorted = |a: PairLine<'_>, b: PairLine<'_>| {
        let mut one = users(&[login, a, b]);
        let mut two = users(&[b, login, a]);
        one.sort();
        two.sort();
        assert_eq!(one, two);
        one
    };
    // The earlier end takes it, though its connect is later and its user greater.
    let got = sorted(close(9, 50, "zoe", P), close(8, 51, "ann", P));
    assert_eq!(got, [(b"ann".to_vec(), 51, false), (b"zoe".to_vec(), 50, true)]);
    // Of equal ends the earlier connect, though its user is greater.
    let got = sorted(close(8, 50, "zoe", P), close(9, 50, "ann", P));
    assert_eq!(got, [(b"ann".to_vec(), 50, false), (b"zoe".to_vec(), 50, true)]);
    // Then the bytes.
    let got = sorted(close(9, 50, "zoe", P), close(9, 50, "ann", P));
    assert_eq!(got, [(b"ann".to_vec(), 50, true), (b"zoe".to_vec(), 50, false)]);
}

#[test]
fn r5_a_login_behind_the_end_is_left_to_the_close_that_comes_next() {
    let first = close(0, 600, "ann", P);
    let second = close(619, 1800, "ed", P);
    let alone = (0, Some(600));
    assert_eq!(ends(&[first, login(620, "ed", P), second]), [alone, (620, Some(1800))]);
    // Not if it is not the next's: before its connect, of another process, behind its end.
    assert_eq!(ends(&[first, login(618, "ed", P), second]), [(618, Some(600)), (619, Some(1800))]);
    let process = PairLine { pid: 2, ..second };
    assert_eq!(ends(&[first, login(620, "ed", P), process]), [(619, Some(1800)), (620, Some(600))]);
    // Another process's close between the two is not the next.
    let between = PairLine { pid: 2, ..close(601, 700, "cy", P) };
    let lines = [first, login(620, "ed", P), between, second];
    assert_eq!(ends(&lines), [alone, (601, Some(700)), (620, Some(1800))]);
    let behind = close(605, 615, "ed", P);
    assert_eq!(ends(&[first, login(620, "ed", P), behind]), [(605, Some(615)), (620, Some(600))]);
    let until = close(605, 620, "ed", P);
    assert_eq!(ends(&[first, login(620, "ed", P), until]), [alone, (620, Some(620))]);
    // Not if it is not the only one that fits the next.
    let lines = [first, login(620, "ed", P), login(640, "ed", P), second];
    assert_eq!(ends(&lines), [(620, Some(600)), (640, Some(1800))]);
    // Nor if one lies before the end.
    let lines = [first, login(600, "ed", P), login(620, "ed", P), close(600, 1800, "ed", P)];
    assert_eq!(ends(&lines), [(600, Some(600)), (620, Some(1800))]);
    // It takes the others that are left: the first is the only one up to the next's end.
    let lines = [first, login(620, "ed", P), login(640, "ed", P), close(605, 630, "ed", P)];
    assert_eq!(ends(&lines), [(620, Some(630)), (640, Some(600))]);
    let got = whole(&lines);
    assert!(got.iter().all(|s| !s.flags.ambiguous), "one to choose from, each: {got:?}");
}

#[test]
fn r5_without_a_port_a_login_behind_the_end_is_left_to_the_users_next_close() {
    let first = close(400, 600, "ed", None);
    let lines = [first, login(620, "ed", None), close(619, 1800, "ed", None)];
    assert_eq!(ends(&lines), [(400, Some(600)), (620, Some(1800))]);
    // Another user's close, or another process's, is not the next.
    let of_ann = close(619, 1800, "ann", None);
    assert_eq!(ends(&[first, login(620, "ed", None), of_ann]), [(619, Some(1800)), (620, Some(600))]);
}

#[test]
fn r7_a_peer_with_a_port_that_logs_in_again() {
    let reused = |lines: &[PairLine<'_>]| -> Vec<(i64, Option<i64>)> {
        whole(lines).iter().filter(|s| s.end.is_none()).map(|s| (s.login.at, s.reused)).collect()
    };
    assert_eq!(reused(&[login(10, "ed", P)]), [(10, None)]);
    assert_eq!(reused(&[login(30, "cy", P), login(10, "ed", P)]), [(10, Some(30)), (30, None)]);
    let three = [login(30, "cy", P), login(10, "ed", P), login(20, "ed", P)];
    assert_eq!(reused(&three), [(10, Some(20)), (20, Some(30)), (30, None)]);
    // By a login that has its close, and by a close without a login, at its connect.
    assert_eq!(reused(&[login(10, "ed", P), login(30, "cy", P), close(29, 50, "cy", P)]), [(10, Some(30))]);
    assert_eq!(reused(&[login(10, "ed", P), close(29, 50, "cy", P)]), [(10, Some(29))]);
    assert_eq!(reused(&[login(90, "ed", P), close(9, 20, "cy", P)]), [(90, None)]);
    // Another process, too: the port is one connection.
    let other = PairLine { pid: 2, ..login(30, "cy", P) };
    assert_eq!(reused(&[login(10, "ed", P), other]), [(10, Some(30)), (30, None)]);
    // Without a port the same address proves nothing.
    assert_eq!(reused(&[login(10, "ed", None), login(30, "ed", None)]), [(10, None), (30, None)]);
}

#[test]
fn r13_a_line_of_a_peer_with_a_port_counts_once() {
    let (one, end) = (login(10, "ed", P), close(9, 50, "ed", P));
    let both = |line| whole(&[one, line, end]);
    assert_eq!(both(one), whole(&[one, end]));
    assert!(!both(one)[0].flags.ambiguous);
    assert_eq!(whole(&[one, end, end]), whole(&[one, end]));
    assert_eq!(whole(&[end, one, end, one, one]), whole(&[one, end]));
    // Whatever differs makes two lines, and so two sessions.
    for other in [
        PairLine { stamp: Stamp { at: 10, offset: 60 }, ..one },
        PairLine { rest: b"other", ..one },
        PairLine { user: b"ann", ..one },
        PairLine { pid: 2, ..one },
        PairLine { doubt: GUESS, ..one },
        login(11, "ed", P),
    ] {
        assert_eq!(both(other).len(), 2, "{other:?}");
    }
    let times = end.close.expect("a close");
    for other in [
        PairLine { stamp: Stamp { at: 50, offset: 60 }, ..end },
        PairLine { rest: b"other", ..end },
        PairLine { user: b"ann", ..end },
        PairLine { pid: 2, ..end },
        PairLine { doubt: GUESS, ..end },
        PairLine { close: Some(CloseLine { mismatch: true, ..times }), ..end },
        PairLine { close: Some(CloseLine { connect: Stamp { at: 9, offset: 60 }, ..times }), ..end },
        close(8, 50, "ed", P),
        close(9, 51, "ed", P),
    ] {
        assert_eq!(whole(&[one, end, other]).len(), 2, "{other:?}");
    }
    // Without a port two equal logins are two clients of one address.
    let (one, end) = (login(10, "ed", None), close(9, 50, "ed", None));
    assert_eq!(whole(&[one, one, end]).len(), 2);
    assert_eq!(whole(&[one, one, end, end]).iter().filter(|s| s.end.is_some() && s.mechanism.is_some()).count(), 2);
}

#[test]
fn r13_without_a_port_lines_of_an_overlap_are_as_many_as_one_file_has() {
    let behind = Behind { evidence: true, ..Behind::default() };
    // Which file each line is of; all stand in the same second.
    let shown_of = |line: PairLine<'static>, overlap: std::ops::RangeInclusive<i64>, files: &[u32]| {
        let overlaps = Overlaps::from([(StreamId(0), vec![overlap])]);
        let mut table = PairTable::default().carrying(behind).overlapping(overlaps.into());
        let mut batch = Batch::default();
        for (place, file) in (0..).zip(files) {
            let with = With { behind, amounts: None, evidence: Evidence { file: FileId(*file), place, nth: 1 } };
            batch.push(b"", &Sought::key(&Key::of(&line)), &line, Some(&with));
        }
        table.add_all(&batch, b"", &mut |_| {});
        let mut found = Vec::new();
        table.finish(&mut |session| found.extend(session.to_session(behind).carried().evidence.into_iter().flatten()));
        found.into_iter().map(|line| (line.file.0, line.place)).collect::<Vec<_>>()
    };
    let shown = |overlap: std::ops::RangeInclusive<i64>, files: &[u32]| {
        let of_logins = shown_of(login(10, "ed", None), overlap.clone(), files);
        assert_eq!(shown_of(close(9, 10, "ed", None), overlap, files), of_logins, "closes");
        of_logins
    };
    assert_eq!(shown(10..=10, &[3, 5]), [(3, 0)]);
    assert_eq!(shown(10..=10, &[5, 3]), [(3, 1)]);
    assert_eq!(shown(0..=20, &[3, 5, 5, 3, 5, 4]), [(5, 1), (5, 2), (5, 4)]);
    assert_eq!(shown(10..=10, &[3, 3]), [(3, 0), (3, 1)]);
    assert_eq!(shown(11..=20, &[3, 5]), [(3, 0), (5, 1)]);
    assert_eq!(shown(0..=9, &[3, 5]), [(3, 0), (5, 1)]);
}
