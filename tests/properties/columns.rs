//! Blocks of columns give back the very bytes that were packed, and nothing else.

use std::cell::Cell;
use std::ops::Range;

use imstrail::columns::row::Said;
use imstrail::columns::{Row, pack, rows, unpack};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::check;
use super::sim::{Config, Level, simulate};

/// What stands before and behind what a block is unpacked to.
const BEFORE: &[u8] = b"before\n";

/// Packs and unpacks a text.
fn comes_back(text: &[u8]) -> Result<Vec<u8>, TestCaseError> {
    let packed = pack(text);
    let mut out = BEFORE.to_vec();
    prop_assert_eq!(unpack(&packed, &mut out), Ok(()));
    prop_assert!(out.strip_prefix(BEFORE) == Some(text), "{}", text.escape_ascii());
    let mut lines = 0;
    prop_assert_eq!(rows(&packed, |_| lines += 1), Ok(()));
    prop_assert_eq!(lines, text.split_inclusive(|b| *b == b'\n').count());
    Ok(packed)
}

/// One of a few ordinary texts, or, once in a while, one that is not.
fn mostly(
    ordinary: &'static [&'static str],
    odd: impl Strategy<Value = String> + 'static,
) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![12 => select(ordinary).prop_map(str::to_owned), 1 => odd].prop_map(String::into_bytes)
}

fn digits() -> impl Strategy<Value = String> {
    prop_oneof!["[0-9]{1,3}", "0[0-9]{0,4}", "[0-9]{15,24}", Just(u64::MAX.to_string()), Just(String::new())]
}

fn stamp() -> impl Strategy<Value = Vec<u8>> {
    let usual = &["29/May/2019:10:44:56", "29/May/2019:10:44:57", "29/May/2019:10:44:56", "30/May/2019:00:00:01"];
    let odd =
        select(&["31/Feb/2019:10:44:56", "29/May/0000:00:00:00", "31/Dec/9999:23:59:59", "1/May/2019:10:44:56", ""]);
    mostly(usual, prop_oneof![odd.prop_map(str::to_owned), "[0-3][0-9]/Feb/20[0-9]{2}:[0-2][0-9]:[0-6][0-9]:[0-9]{2}"])
}

fn peer() -> impl Strategy<Value = Vec<u8>> {
    let usual = &["192.0.2.7:40718", "192.0.2.7:40719", "10.0.255.1:1", "192.0.2.7", "2001:db8:0:a:0:0:1f:7:40718"];
    let odd = prop_oneof![
        "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}(:[0-9]{0,6})?",
        "[\\]\\[:.0-9a-f%]{0,30}",
        "\\[2001:db8::7\\]:[0-9]{2}"
    ];
    mostly(usual, odd)
}

fn user() -> impl Strategy<Value = Vec<u8>> {
    let usual = &["ed", "user12@siroe.example", "user13@siroe.example", "ann", "[unauthenticated]", "s0042"];
    mostly(usual, prop_oneof!["[a-z0-9@. ]{0,12}", "[0-9]{0,30}", ".{0,6}"])
}

/// The fields of a message, each of them perhaps odd.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let start = mostly(
        &["2019/5/29 10:44:56", "2019/5/29 10:44:55", "2019/5/29 9:44:56", "2019/5/28 23:59:59"],
        prop_oneof!["[0-9]{4}/[0-9]{1,2}/[0-9]{1,2} [0-9]{1,2}:[0-9]{2}:[0-9]{2}", ".{0,9}"],
    );
    let duration = mostly(&["0:00:00", "0:00:01", "1:00:00", "10:45:03"], "[0-9]{1,7}:[0-9]{2}:[0-9]{1,2}");
    let count = || mostly(&["0", "1", "12483", "52510", "4294967296"], digits());
    let more = || mostly(&["", "", "\r"], ".{0,9}");
    let who = || (peer(), user());
    let of = |parts: &[&[u8]]| parts.concat();
    let close = (who(), start, duration, (count(), count(), count()), more());
    let close = close.prop_map(move |((peer, user), start, duration, (a, b, c), more)| {
        of(&[b"close [", &peer, b"] ", &user, b" ", &start, b" ", &duration, b" ", &a, b" ", &b, b" ", &c, &more])
    });
    let word = || mostly(&["plaintext", "plaintext", "CRAM-MD5"], "[ -~]{0,9}");
    let login = (who(), word(), more())
        .prop_map(move |((peer, user), word, more)| of(&[b"login [", &peer, b"] ", &user, b" ", &word, &more]));
    let reason = mostly(&[" Authentication failed", " authentication failure"], ".{0,20}");
    let refused = (who(), word(), reason)
        .prop_map(move |((peer, user), word, reason)| of(&[b"badlogin: [", &peer, b"] ", &word, b" ", &user, &reason]));
    prop_oneof![5 => login, 5 => close, 1 => refused, 1 => ".{0,40}".prop_map(String::into_bytes)]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let zone = mostly(&[" +0200", " +0200", " +0100"], "[ -~]{0,6}");
    let source = mostly(&["] store1 imapd[", "] store1 imapd[", "] store2 popd["], "[ -~]{0,12}");
    let pid = mostly(&["100", "100", "4294967295"], digits());
    let level = mostly(&["]: Account Notice: ", "]: Account Information: ", "]: "], "[ -~]{0,50}");
    (stamp(), zone, source, pid, level, fields()).prop_map(|(stamp, zone, source, pid, level, fields)| {
        [b"[", &stamp[..], &zone, &source, &pid, &level, &fields].concat()
    })
}

/// A change: so many bytes from some place on are others.
type Change = (Index, usize, Vec<u8>);

fn changes(count: Range<usize>) -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec((any::<Index>(), 0..3_usize, prop::collection::vec(any::<u8>(), 0..3)), count)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for (at, length, other) in changes {
        let begin = at.index(bytes.len() + 1);
        let end = (begin + length).min(bytes.len());
        bytes.splice(begin..end, other.iter().copied());
    }
    bytes
}

/// Lines of logs, with a few bytes of them changed.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let end = select(vec![&b"\n"[..], b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b""]);
    let changes = prop_oneof![2 => Just(Vec::new()), 1 => changes(0..4)];
    (prop::collection::vec((line(), end), 0..20), changes).prop_map(|(lines, changes)| {
        let text = lines.iter().flat_map(|(line, end)| line.iter().chain(*end).copied()).collect();
        changed(text, &changes)
    })
}

#[test]
fn any_lines_come_back() {
    let (entries, fields, lines) = (Cell::new(0), Cell::new(0), Cell::new(0));
    check("lines", 3000, &text(), |text| {
        let packed = comes_back(&text)?;
        let told = rows(&packed, |row| match row {
            Row::Entry(entry) if !matches!(entry.said, Said::Message(_)) => fields.set(fields.get() + 1),
            Row::Entry(_) => entries.set(entries.get() + 1),
            Row::Text(_) => lines.set(lines.get() + 1),
        });
        prop_assert_eq!(told, Ok(()));
        Ok(())
    });
    println!("{} with fields, {} other entries, {} other lines", fields.get(), entries.get(), lines.get());
    assert!(fields.get() > 5000 && entries.get() > 2000 && lines.get() > 2000);
}

#[test]
fn any_bytes_come_back() {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        prop::collection::vec(select(b"[]: /0129\r\n".to_vec()), 0..300),
    ];
    check("bytes", 1000, &bytes, |bytes| comes_back(&bytes).map(|_| ()));
}

#[test]
fn what_is_changed_is_an_error_or_changes_nothing() {
    let refused = Cell::new(0);
    check("damage", 1500, &(text(), changes(1..4)), |(text, changes)| {
        let packed = changed(pack(&text), &changes);
        let mut out = BEFORE.to_vec();
        match unpack(&packed, &mut out) {
            Ok(()) => prop_assert!(out.strip_prefix(BEFORE) == Some(&text), "{}", text.escape_ascii()),
            Err(_) => {
                refused.set(refused.get() + 1);
                prop_assert_eq!(&out, BEFORE);
            }
        }
        Ok(())
    });
    println!("{} refused", refused.get());
    assert!(refused.get() > 1000);
}

#[test]
fn simulated_archives_come_back_in_blocks_of_any_length() {
    for (level, ipv6, ports) in
        [(Level::Information, 0.3, true), (Level::Notice, 0.0, true), (Level::Information, 0.0, false)]
    {
        let mut config = Config { seed: 11, ..Config::default() };
        config.span.seconds = Some(86_400 / 2);
        config.traffic.refused = 0.1;
        config.traffic.ipv6 = ipv6;
        config.site.level = level;
        config.traffic.ports = ports;
        for (path, text) in &simulate(&config).files {
            let mut others = 0;
            for block in [text.as_slice()].into_iter().chain(text.chunks(10_007)) {
                let packed = comes_back(block).unwrap_or_else(|e| panic!("{path}: {e}"));
                let told = rows(&packed, |row| others += usize::from(matches!(row, Row::Text(_))));
                assert_eq!(told, Ok(()), "{path}");
            }
            // Only where a block begins or ends within a line.
            assert!(others <= 2 * text.len().div_ceil(10_007), "{path}: {others} lines are no entries");
        }
    }
}
