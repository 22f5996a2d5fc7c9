//! Keys that a hash does not tell apart, and what is kept outside of entries and batches.

use super::*;
use std::collections::HashMap;

/// Two peers in one place of the index, under one hash.
fn twins() -> (Peer, Peer) {
    let mut seen: HashMap<u32, Peer> = HashMap::new();
    let peers = (1..=u16::MAX).flat_map(|port| (0..16).map(move |n| (Ipv4Addr::new(192, 0, 2, n), port)));
    for (ip, port) in peers {
        let peer = Peer::new(ip.into(), Some(port));
        let key = Key::of(&PairLine { peer, ..login(0, "ed", None) });
        if let Some(other) = seen.insert(Sought::key(&key).hash(), peer) {
            return (other, peer);
        }
    }
    panic!("a million peers, and no two with one hash");
}

fn pairs(lines: &[PairLine<'_>]) -> Vec<(Peer, i64, Option<i64>)> {
    let mut table = PairTable::default();
    lines.iter().for_each(|line| table.add(line, &mut |_| {}));
    let mut got = Vec::new();
    table.finish(&mut |session| {
        let session = session.to_session(Behind::default());
        got.push((session.peer, session.login.at, session.end.map(|end| end.at)));
    });
    got.sort();
    got
}

#[test]
fn peers_with_one_hash_are_two() {
    let (one, two) = twins();
    let (of_one, of_two) = (|line| PairLine { peer: one, ..line }, |line| PairLine { peer: two, ..line });
    let (logs_in, closes) = (login(10, "ed", None), close(9, 50, "ed", None));
    let mut apart = [(one, 10, None), (two, 9, Some(50))];
    apart.sort();
    assert_eq!(pairs(&[of_one(logs_in), of_two(closes)]), apart);
    let mut both = [(one, 10, Some(50)), (two, 10, Some(50))];
    both.sort();
    assert_eq!(pairs(&[of_one(logs_in), of_two(logs_in), of_two(closes), of_one(closes)]), both);
}

#[test]
fn r5_users_without_a_port_and_with_one_hash_are_two() {
    // As if the hash of ann and her pid were that of ed.
    let (logs_in, closes) = (login(10, "ann", None), close(9, 50, "ed", None));
    let key = Key::of(&closes);
    let mut batch = Batch::default();
    [logs_in, closes].iter().for_each(|line| batch.push(b"", &Sought::key(&key), line, None));
    batch.detach(b"");
    let mut table = PairTable::default();
    table.add_all(&batch, b"", &mut |_| {});
    let mut got = Vec::new();
    table.finish(&mut |session| got.push((session.user().to_vec(), session.login.at, session.has_login)));
    got.sort();
    assert_eq!(got, [(b"ann".to_vec(), 10, true), (b"ed".to_vec(), 9, false)]);
}

#[test]
fn a_chain_gives_back_the_long_text_of_its_login_once() {
    let (one, two) = ("x".repeat(50), "y".repeat(50));
    let mut table = PairTable::default();
    // The second login of the peer makes a chain; then the text of another's login comes into the place of the first.
    for line in [
        login(10, &one, Some(1)),
        login(20, &one, Some(1)),
        login(30, &two, Some(2)),
        close(9, 15, &one, Some(1)),
        close(19, 25, &one, Some(1)),
    ] {
        table.add(&line, &mut |_| {});
    }
    let mut settled = 0;
    table.settle(&BTreeMap::from([(StreamId(0), 1000)]), None, &mut |_| settled += 1);
    assert_eq!((settled, table.len()), (2, 1));
    let mut left = Vec::new();
    table.finish(&mut |session| left.push(session.user().to_vec()));
    assert_eq!(left, [two.as_bytes()]);
}
