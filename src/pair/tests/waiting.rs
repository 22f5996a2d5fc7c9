//! What waits, and how long: settling early, lines that come late, tables that are merged, batches.

use super::*;
use std::collections::BTreeSet;

const P: Option<u16> = Some(1);
const STREAM: StreamId = StreamId(0);

fn table(lines: &[PairLine<'_>]) -> PairTable {
    let mut table = PairTable::default();
    lines.iter().for_each(|line| table.add(line, &mut |_| {}));
    table
}

/// Users and logins of the sessions that are settled when a stream is read up to a moment.
fn settle(table: &mut PairTable, stream: StreamId, until: i64) -> Vec<(String, i64)> {
    let mut got = Vec::new();
    let user = |session: &Settled<'_>| String::from_utf8_lossy(session.user()).into_owned();
    table.settle(&BTreeMap::from([(stream, until)]), None, &mut |session| got.push((user(session), session.login.at)));
    got
}

fn finish(table: PairTable) -> Vec<Session> {
    let mut got = Vec::new();
    table.finish(&mut |session| got.push(session.to_session(Behind::default())));
    got.sort();
    got
}

fn of_port(line: PairLine<'_>, port: u16) -> PairLine<'_> {
    PairLine { peer: peer(Some(port)), ..line }
}

#[test]
fn r5_a_close_waits_for_a_login_of_60_s_after_its_end() {
    let closed = close(9, 50, "ed", P);
    // An entry, and chains of two kinds: with a login that may be taken, and without any.
    let entry: &[PairLine<'_>] = &[closed];
    let logins: &[PairLine<'_>] = &[login(10, "ed", P), closed, login(11, "ed", P)];
    let closes: &[PairLine<'_>] = &[closed, close(8, 50, "ann", P)];
    for lines in [entry, logins, closes] {
        let settled = |stream, until| settle(&mut table(lines), stream, until);
        assert!(settled(STREAM, 110).is_empty(), "a login at 110 may still be its own: {lines:?}");
        assert!(settled(StreamId(4), 1000).is_empty(), "another stream's frontier");
        assert!(!settled(STREAM, 111).is_empty(), "{lines:?}");
    }
    let mut waits = table(&[closed]);
    settle(&mut waits, STREAM, 110);
    waits.add(&login(110, "ed", P), &mut |_| {});
    assert!(waits.late.is_empty());
    assert_eq!(finish(waits)[0].login.at, 110);
}

#[test]
fn who_asks_for_long_sessions_is_not_handed_short_ones() {
    let lines = [
        // 41 s from the connect, though the login came a second later.
        login(10, "ed", P),
        close(9, 50, "ed", P),
        of_port(login(10, "ann", P), 2),
        of_port(close(9, 51, "ann", P), 2),
        of_port(close(9, 50, "bob", P), 3),
    ];
    for (than, users) in [
        (None, &["ann", "bob", "ed"][..]),
        (Some(40), &["ann", "bob", "ed"]),
        (Some(41), &["ann", "bob"]),
        (Some(42), &["bob"]),
        (Some(i64::MAX), &["bob"]),
    ] {
        let (mut waits, mut got) = (table(&lines), Vec::new());
        let user = |session: &Settled<'_>| String::from_utf8_lossy(session.user()).into_owned();
        waits.settle(&BTreeMap::from([(STREAM, 1000)]), than, &mut |session| got.push(user(session)));
        got.sort();
        assert_eq!(got, users, "{than:?}");
        assert!(waits.is_empty(), "they are settled all the same");
    }
}

#[test]
fn r5_a_close_that_may_leave_its_login_waits_for_the_next() {
    // The only login lies behind the end: whose it is hangs on the next close, which is not read before 1861.
    let lines = [close(0, 600, "ann", P), login(620, "ed", P), close(619, 1800, "ed", P)];
    assert!(settle(&mut table(&lines[..2]), STREAM, 1000).is_empty());
    assert!(settle(&mut table(&lines), STREAM, 1860).is_empty());
    let mut waits = table(&lines);
    assert_eq!(settle(&mut waits, STREAM, 1861), [("ann".into(), 0), ("ed".into(), 620)]);
    assert!(waits.is_empty());
    // A login before the end is its own, whatever comes next.
    assert_eq!(settle(&mut table(&[close(0, 600, "ann", P), login(600, "ed", P)]), STREAM, 661).len(), 1);
}

#[test]
fn what_is_settled_is_held_no_longer() {
    let mut waits = table(&[login(10, "ed", P), close(9, 50, "ed", P), of_port(login(20, "ann", P), 2)]);
    assert_eq!((waits.len(), waits.is_empty()), (2, false));
    assert_eq!(settle(&mut waits, STREAM, 500), [("ed".into(), 10)]);
    assert_eq!((waits.len(), waits.is_empty()), (1, false));
    // The peer begins anew.
    waits.add(&login(510, "bob", P), &mut |_| {});
    waits.add(&close(509, 550, "bob", P), &mut |_| {});
    waits.add(&of_port(close(19, 560, "ann", P), 2), &mut |_| {});
    assert_eq!(settle(&mut waits, STREAM, 1000), [("bob".into(), 510), ("ann".into(), 20)]);
    assert_eq!((waits.len(), waits.is_empty()), (0, true));
    assert_eq!(finish(waits), []);
}

#[test]
fn a_chain_with_one_login_left_goes_on_as_an_entry() {
    let mut waits = table(&[login(10, "ed", P), close(9, 50, "ed", P), login(300, "ann", P)]);
    assert_eq!(settle(&mut waits, STREAM, 301), [("ed".into(), 10)]);
    let mut owed = Vec::new();
    waits.owed(&mut |accessed| owed.push((accessed.user.to_vec(), accessed.login)));
    assert_eq!(owed, [(b"ann".to_vec(), Some((stamp(300), Doubt::default())))]);
    waits.add(&PairLine { pid: 2, ..close(299, 350, "ann", P) }, &mut |_| {});
    waits.add(&close(299, 400, "ann", P), &mut |_| {});
    let got = finish(waits);
    assert_eq!(got.iter().filter(|s| s.mechanism.is_some()).map(|s| s.pid).collect::<Vec<_>>(), [1]);
}

#[test]
fn r7_that_a_peer_came_back_is_not_forgotten_when_its_other_session_is_settled() {
    let lines = [login(10, "ed", P), login(30, "ann", P), close(29, 50, "ann", P)];
    let mut waits = table(&lines);
    assert_eq!(settle(&mut waits, STREAM, 1000), [("ann".into(), 30)]);
    assert_eq!(waits.len(), 1);
    waits.add(&login(2000, "bob", P), &mut |_| {});
    let got = finish(waits);
    assert_eq!(got.iter().map(|s| (s.login.at, s.reused)).collect::<Vec<_>>(), [(10, Some(30)), (2000, None)]);
}

#[test]
fn a_line_is_late_if_it_was_needed_before_the_frontier() {
    let late = |line: PairLine<'_>| {
        let mut waits = PairTable::default();
        settle(&mut waits, STREAM, 1000);
        waits.add(&line, &mut |_| {});
        waits.late == BTreeSet::from([Key::of(&line)])
    };
    assert!(late(login(999, "ed", P)));
    assert!(!late(login(1000, "ed", P)));
    assert!(late(close(9, 939, "ed", P)));
    assert!(!late(close(9, 940, "ed", P)));
    // A frontier never goes back, and is that of its own stream.
    let mut waits = PairTable::default();
    settle(&mut waits, StreamId(8), 1000);
    settle(&mut waits, StreamId(8), 500);
    waits.add(&PairLine { stream: StreamId(8), ..login(999, "ed", P) }, &mut |_| {});
    assert_eq!(waits.late.len(), 1);
    waits.add(&PairLine { stream: StreamId(4), ..login(999, "ed", P) }, &mut |_| {});
    waits.add(&PairLine { stream: StreamId(12), ..login(-999, "ed", P) }, &mut |_| {});
    assert_eq!(waits.late.len(), 1, "streams that were not settled");
}

#[test]
fn keys_that_are_held_wait_for_the_end_and_hold_up_nobody() {
    let lines = [
        login(10, "ed", P),
        close(9, 50, "ed", P),
        of_port(close(20, 60, "ann", P), 2),
        of_port(login(70, "bob", P), 3),
        of_port(login(71, "bob", P), 3),
        of_port(close(69, 80, "bob", P), 3),
    ];
    let held: BTreeSet<Key> = [&lines[0], &lines[3]].map(Key::of).into();
    let mut waits = PairTable::holding(held);
    lines.iter().for_each(|line| waits.add(line, &mut |_| {}));
    assert_eq!(settle(&mut waits, STREAM, 10_000), [("ann".into(), 20)]);
    waits.add(&login(9, "ed", P), &mut |_| {});
    assert!(waits.late.is_empty(), "what is held is never late");
    let got: Vec<_> = finish(waits).iter().map(|s| (s.login.at, s.end.is_some(), s.flags.ambiguous)).collect();
    assert_eq!(got, [(9, true, true), (10, false, false), (70, true, true), (71, false, false)]);
}

#[test]
fn a_stream_whose_frontier_stays_holds_up_others_for_a_while_only() {
    let other = |line: PairLine<'static>| PairLine { stream: StreamId(4), ..line };
    let mut waits = table(&[other(login(10, "ed", P)), other(close(9, 50, "ed", P))]);
    let mut got = 0;
    for port in 0..20_000 {
        let at = i64::from(port);
        waits.add(&of_port(login(at, "ann", P), port), &mut |_| {});
        waits.add(&of_port(close(at, at + 1, "ann", P), port), &mut |_| {});
        got += settle(&mut waits, STREAM, at).len();
    }
    got += settle(&mut waits, STREAM, 30_000).len();
    assert_eq!((got, waits.len()), (20_000, 1));
    assert_eq!(finish(waits).iter().map(|s| (s.stream, s.login.at)).collect::<Vec<_>>(), [(StreamId(4), 10)]);
}

#[test]
fn texts_of_any_length_come_out_as_they_went_in() {
    let name = |n: i64| format!("{n}{}", "x".repeat((n * 7 % 60) as usize));
    let rest = |n: i64| "y".repeat((n * 11 % 50) as usize);
    let (mut waits, mut got) = (PairTable::default(), Vec::new());
    let mut expected = Vec::new();
    for n in 0..4000 {
        let (user, rest, port) = (name(n), rest(n), u16::try_from(n).ok());
        let closes = PairLine { rest: rest.as_bytes(), ..close(n, n + 200, &user, port) };
        let logs_in = PairLine { rest: rest.as_bytes(), ..login(n, &user, port) };
        // Most have one login and one close, in this order or the other; some a second login; some no close.
        let lines: &[PairLine<'_>] = match n % 8 {
            0 => &[closes, logs_in],
            1 => &[logs_in],
            2 => &[logs_in, PairLine { stamp: stamp(n + 1), ..logs_in }, closes],
            _ => &[logs_in, closes],
        };
        lines.iter().for_each(|line| waits.add(line, &mut |_| {}));
        expected.push((n, user.clone(), rest.clone(), n % 8 != 1));
        if n % 8 == 2 {
            expected.push((n + 1, user.clone(), rest.clone(), false));
        }
        waits.settle(&BTreeMap::from([(STREAM, n)]), None, &mut |session| {
            got.push(session.to_session(Behind::default()))
        });
    }
    assert!(waits.late.is_empty());
    assert!(got.len() > 3000, "{} of them early", got.len());
    got.extend(finish(waits));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown =
        |s: &Session| (s.login.at, text(&s.user), text(s.mechanism.as_deref().unwrap_or(b"none")), s.end.is_some());
    let mut got: Vec<_> = got.iter().map(shown).collect();
    got.sort();
    expected.sort();
    assert_eq!(got, expected);
}

#[test]
fn a_user_is_told_of_every_line() {
    let long = "x".repeat(50);
    let lines = [
        login(10, "ed", P),
        close(9, 50, "ed", P),
        of_port(login(20, "admin", P), 2),
        of_port(close(19, 60, "ann", P), 2),
        of_port(login(30, &long, P), 3),
        of_port(login(40, "bob", P), 4),
        of_port(login(41, "cy", P), 4),
        of_port(PairLine { doubt: GUESS, ..close(45, 70, "dee", P) }, 5),
        of_port(PairLine { doubt: GUESS, ..login(48, "eve", P) }, 6),
        of_port(close(47, 70, "eve", P), 6),
        of_port(login(49, "flo", P), 7),
        of_port(close(50, 70, "flo", P), 7),
    ];
    let mut logins = BTreeSet::new();
    let mut closes = BTreeSet::new();
    let mut told = |accessed: &Accessed<'_>| {
        let user = String::from_utf8_lossy(accessed.user).into_owned();
        assert_eq!(accessed.stream, STREAM);
        logins.extend(accessed.login.map(|(at, doubt)| (user.clone(), at.at, doubt)));
        closes.extend(accessed.close.map(|(connect, end, doubt)| (user, connect.at, end.at, doubt)));
    };
    let mut waits = PairTable::default();
    lines.iter().for_each(|line| waits.add(line, &mut told));
    waits.owed(&mut told);
    let expected = lines.iter().filter(|line| line.close.is_none());
    let user = |line: &PairLine<'_>| String::from_utf8_lossy(line.user).into_owned();
    assert_eq!(logins, expected.map(|line| (user(line), line.stamp.at, line.doubt)).collect());
    let of_close = |line: &PairLine<'_>| line.close.map(|c| (user(line), c.connect.at, line.stamp.at, line.doubt));
    assert_eq!(closes, lines.iter().filter_map(of_close).collect());
}

#[test]
fn two_tables_hold_what_both_hold() {
    let long = "x".repeat(50);
    let lines = [
        login(10, "ed", P),
        close(9, 50, "ed", P),
        of_port(close(19, 60, "ann", P), 2),
        of_port(login(20, &long, P), 3),
        of_port(login(30, "bob", P), 4),
        of_port(login(31, "bob", P), 4),
        of_port(close(29, 90, "bob", P), 4),
        login(100, "dee", None),
        close(99, 150, "dee", None),
    ];
    let expected = finish(table(&lines));
    assert_eq!(expected.len(), 6);
    for cut in 0..=lines.len() {
        let (front, back) = lines.split_at(cut);
        assert_eq!(finish(table(front).merge(table(back))), expected, "cut at {cut}");
        assert_eq!(finish(table(back).merge(table(front))), expected, "cut at {cut}");
    }
    // What was settled, what is late and what is held is known to both.
    for swapped in [false, true] {
        let mut one = table(&lines[..2]);
        settle(&mut one, STREAM, 40);
        one.add(&of_port(login(39, "late", P), 9), &mut |_| {});
        let late = one.late.clone();
        assert_eq!(late.len(), 1);
        let two = PairTable::holding([Key::of(&lines[0])].into());
        let mut both = if swapped { two.merge(one) } else { one.merge(two) };
        assert_eq!(both.late, late);
        both.add(&of_port(login(39, "late", P), 10), &mut |_| {});
        assert_eq!(both.late.len(), 2);
        assert!(settle(&mut both, STREAM, 1000).is_empty(), "ed is held");
    }
}

#[test]
fn batches_bring_lines_as_they_are() {
    // What is no part of the block lies right before it, right behind it, and further behind.
    let all = b"lower|first ed plain, then ann long|elsewhere|further".as_slice();
    let block = all.get(5..36).expect("a block");
    let text = |word: &[u8]| {
        let at = all.windows(word.len()).position(|w| w == word).expect("a word");
        &all[at..at + word.len()]
    };
    assert!(all[36..].starts_with(b"elsewhere"));
    let lines = [
        PairLine { user: text(b"ed"), rest: text(b"plain"), ..login(10, "", P) },
        PairLine { user: text(b"ed"), rest: text(b"long"), ..close(9, 50, "", P) },
        PairLine { user: text(b"first"), rest: text(b"elsewhere"), ..of_port(login(20, "", P), 2) },
        PairLine { user: text(b"lower"), rest: text(b"long"), doubt: GUESS, ..of_port(close(30, 60, "", P), 3) },
        PairLine { user: text(b"ann"), rest: b"", ..of_port(login(40, "", P), 4) },
        PairLine { user: text(b"further"), rest: text(b"further"), ..of_port(login(50, "", P), 5) },
    ];
    let expected = finish(table(&lines));
    assert_eq!(expected.len(), 5);
    for detached in [false, true] {
        let mut batch = Batch::default();
        assert!(batch.is_empty());
        let mut waits = PairTable::default();
        for part in lines.chunks(3) {
            part.iter().for_each(|line| batch.push(block, &Sought::key(&Key::of(line)), line, None));
            assert_eq!((batch.len(), batch.is_empty()), (part.len(), false));
            if detached {
                batch.detach(block);
            }
            waits.add_all(&batch, if detached { b"" } else { block }, &mut |_| {});
            batch.clear();
            assert_eq!((batch.len(), batch.is_empty()), (0, true));
        }
        assert_eq!(finish(waits), expected, "detached: {detached}");
    }
}

/// As in logs, where a login's user and mechanism lie one behind the other.
#[test]
fn texts_of_any_length_that_lie_together_in_a_block() {
    let lengths = (0..40_usize).flat_map(|user| (0..40_usize).map(move |rest| (user, rest)));
    let texts = lengths.map(|(user, rest)| ("u".repeat(user) + &user.to_string(), "r".repeat(rest)));
    let texts: Vec<(String, String)> = texts.collect();
    let block = texts.iter().map(|(user, rest)| format!("{user} {rest}\n")).collect::<String>() + &"z".repeat(40);
    let mut place = 0;
    let mut lines = Vec::new();
    for (n, (user, rest)) in (1..).zip(&texts) {
        let text = |from: usize, length: usize| &block.as_bytes()[from..from + length];
        let (of_user, of_rest) = (text(place, user.len()), text(place + user.len() + 1, rest.len()));
        place += user.len() + 1 + rest.len() + 1;
        lines.push(PairLine { user: of_user, rest: of_rest, ..of_port(login(20, "", P), n) });
        if n % 2 == 0 {
            lines.push(PairLine { user: of_user, ..of_port(close(19, 60, "", P), n) });
        }
    }
    let apart: Vec<(Vec<u8>, Vec<u8>)> = lines.iter().map(|line| (line.user.to_vec(), line.rest.to_vec())).collect();
    let apart = lines.iter().zip(&apart).map(|(line, (user, rest))| PairLine { user, rest, ..*line });
    let expected = finish(table(&apart.collect::<Vec<_>>()));
    for detached in [false, true] {
        let (mut batch, mut waits) = (Batch::default(), PairTable::default());
        for line in &lines {
            batch.push(block.as_bytes(), &Sought::key(&Key::of(line)), line, None);
        }
        if detached {
            batch.detach(block.as_bytes());
        }
        waits.add_all(&batch, if detached { b"" } else { block.as_bytes() }, &mut |_| {});
        let got = finish(waits);
        assert!(got == expected && got.len() == texts.len(), "detached: {detached}");
    }
}

#[test]
fn memory_is_that_of_what_waits() {
    // Thousands of sessions, a few of which are open at a time: by entries with short and with long texts, and by chains.
    let long = "x".repeat(60);
    for (user, rest, logins) in [("ed", long.as_str(), 1), (&long, "plain", 1), ("ed", &long, 2)] {
        let (mut waits, mut settled, mut most) = (PairTable::default(), 0, 0);
        for n in 0..20_000 {
            let port = n as u16;
            let (user, rest) = (format!("{n}{user}"), format!("{rest}{n}"));
            for again in 0..logins {
                let logs_in = of_port(login(n + again, &user, P), port);
                waits.add(&PairLine { rest: rest.as_bytes(), ..logs_in }, &mut |_| {});
            }
            for connect in 0..logins {
                let closes = of_port(close(n - connect, n + 10, &user, P), port);
                waits.add(&PairLine { rest: rest.as_bytes(), ..closes }, &mut |_| {});
            }
            waits.settle(&BTreeMap::from([(STREAM, n)]), None, &mut |session| {
                settled += 1;
                let got = session.to_session(Behind::default());
                let n = session.to_session(Behind::default()).peer.port().unwrap_or_default();
                assert!(got.user.starts_with(n.to_string().as_bytes()), "{got:?}");
                assert!(got.mechanism.is_some_and(|mechanism| mechanism.ends_with(n.to_string().as_bytes())));
            });
            most = most.max(waits.len());
        }
        assert!(settled > 19_000 * logins, "{settled}");
        assert!(most < 500, "{most} keys at a time");
        // All that it holds, as it shows itself: some bytes of text make one byte here, what is free included.
        let held = format!("{waits:?}").len();
        assert!(held < 2_000_000, "{held} bytes for {logins} logins of {user}");
    }
}

/// The texts of few sessions may be long.
#[test]
fn memory_is_not_that_of_long_texts_that_are_settled() {
    let (mut waits, long, mut settled) = (PairTable::default(), "x".repeat(20_000), 0);
    for n in 0..300 {
        let user = format!("{n}{long}");
        waits.add(&of_port(login(n, &user, P), n as u16), &mut |_| {});
        waits.add(&of_port(close(n, n + 10, &user, P), n as u16), &mut |_| {});
        waits.settle(&BTreeMap::from([(STREAM, n)]), None, &mut |session| {
            settled += 1;
            assert!(session.user().starts_with((settled - 1).to_string().as_bytes()));
        });
    }
    assert!(settled > 200, "{settled}");
    let held = format!("{waits:?}").len();
    assert!(held < 12_000_000, "{held} bytes");
}
