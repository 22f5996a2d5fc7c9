//! `sessions`: what a record holds, how records sort, who is asked for.

use super::*;
use crate::fold::{Moment, Window};
use crate::model::{Doubt, FileId};
use crate::pair::SessionFlags;

fn stamp(at: Instant, offset: i16) -> Stamp {
    Stamp { at, offset }
}

fn row(user: &[u8], login: Instant) -> SessionRow<'static> {
    SessionRow {
        store: b"store1"[..].into(),
        service: Service::Imap,
        login: stamp(login, 120),
        user: user.to_vec().into(),
        from: b"192.0.2.7:40718"[..].into(),
        logout: None,
        status: Status::Open,
        connect: None,
        duration: None,
        auth: None,
        amounts: Amounts::default(),
        pid: 7,
        gone: None,
        messages: None,
        client: Client::Seen,
        far: Far::Client,
        flags: 0,
        evidence: [None; 2],
    }
}

fn line_at(place: u64) -> Evidence {
    Evidence { file: FileId(1), place, nth: 1 }
}

fn record(row: &SessionRow<'_>) -> Vec<u8> {
    let mut record = Vec::new();
    row.write(&mut record);
    record
}

#[test]
fn a_record_holds_all_of_a_row() {
    let full = SessionRow {
        service: Service::Pop,
        logout: Some(stamp(-5, -60)),
        status: Status::Closed,
        connect: Some(stamp(i64::MIN, 0)),
        duration: Some(-3),
        auth: Some(b"CRAM-MD5"[..].into()),
        amounts: Amounts { bytes_in: Some(0), bytes_out: Some(u64::MAX - 1), mailboxes: None },
        pid: u32::MAX,
        gone: Some(-1),
        flags: 0xff,
        evidence: [None, Some(line_at(7))],
        ..row(b"ed", i64::MAX)
    };
    let names = full.flags();
    assert!(names.is_sorted() && names.len() == FLAGS.len(), "{names:?}");
    let empty = SessionRow { auth: Some(b""[..].into()), ..row(b"", 0) };
    for row in [full, empty, row(b"\0", 1), row(b"a\0\0b\0", 1), row(b"\0\x01\xff", -1)] {
        let record = record(&row);
        let bare = SessionRow { evidence: [None; 2], ..row.clone() };
        let without = self::record(&bare);
        assert_eq!(SessionRow::read(&record), Some(row));
        for cut in 0..record.len() {
            let read = SessionRow::read(&record[..cut]);
            assert_eq!(read, (cut == without.len()).then(|| bare.clone()), "cut at {cut}");
        }
    }
}

#[test]
fn records_sort_by_store_service_login_user_from_and_logout() {
    let logout = |at| SessionRow { logout: Some(stamp(at, 0)), status: Status::Closed, ..row(b"b", 5) };
    let rows = [
        SessionRow { store: b"s"[..].into(), ..row(b"z", 9) },
        SessionRow { store: b"s\0"[..].into(), ..row(b"z", 9) },
        SessionRow { store: b"s\0a"[..].into(), ..row(b"z", 9) },
        SessionRow { store: b"s\x01"[..].into(), ..row(b"z", 9) },
        row(b"z", i64::MIN),
        row(b"z", -1),
        row(b"a", 5),
        row(b"a\0", 5),
        row(b"ab", 5),
        SessionRow { from: b"192.0.2.10:1"[..].into(), ..logout(7) },
        row(b"b", 5),
        logout(-1),
        logout(6),
        row(b"a", 6),
        SessionRow { service: Service::Http, ..row(b"a", 0) },
        SessionRow { service: Service::Pop, ..row(b"a", 0) },
    ];
    let records: Vec<Vec<u8>> = rows.iter().map(record).collect();
    for (one, pair) in records.windows(2).enumerate() {
        assert!(pair[0] < pair[1], "{:?} is not before {:?}", rows[one], rows[one + 1]);
    }
}

#[test]
fn who_is_asked_for() {
    let peer = Peer::new("192.0.2.7".parse().unwrap(), Some(1));
    let asks = |query: &SessionsQuery, to: Option<Instant>| {
        query.asks_for(Service::Imap, b"ed", peer, (stamp(100, 120), to.map(|at| stamp(at, 120))))
    };
    let all = SessionsQuery::default();
    let only = |filter| SessionsQuery { filter, ..SessionsQuery::default() };
    assert!(asks(&all, Some(200)) && asks(&all, None));
    let net = |text: &str| only(Filter { from: vec![text.parse().unwrap()], ..Filter::default() });
    assert!(asks(&net("192.0.2.0/24"), None) && !asks(&net("198.51.100.0/24"), None) && !asks(&net("::/0"), None));
    let users = |user: &[u8]| only(Filter { users: [user.to_vec()].into(), ..Filter::default() });
    assert!(asks(&users(b"ed"), None) && !asks(&users(b"ann"), None));
    let services = |service| only(Filter { services: vec![service], ..Filter::default() });
    assert!(asks(&services(Service::Imap), None) && !asks(&services(Service::Pop), None));
    // Those that touch the window: since ≤ t < until, both by instant and by the digits of the line.
    let within = |since, until| only(Filter { window: Window { since, until }, ..Filter::default() });
    let (since, until) = (|moment| within(Some(moment), None), |moment| within(None, Some(moment)));
    assert!(asks(&since(Moment::Instant(200)), Some(200)) && !asks(&since(Moment::Instant(201)), Some(200)));
    assert!(asks(&since(Moment::Instant(201)), None), "without a close nobody knows when it ended");
    assert!(!asks(&until(Moment::Instant(100)), Some(200)) && asks(&until(Moment::Instant(101)), Some(200)));
    assert!(asks(&since(Moment::Local(7400)), Some(200)) && !asks(&since(Moment::Local(7401)), Some(200)));
    let lost = SessionsQuery { statuses: vec![Status::Lost], ..all };
    assert!(lost.has(Status::Lost) && !lost.has(Status::Open) && !lost.has(Status::Closed));
}

#[test]
fn what_comes_with_lines_comes_through_pairing() {
    let both = Behind { amounts: true, evidence: true };
    for behind in [Behind::default(), Behind { evidence: false, ..both }, Behind { amounts: false, ..both }, both] {
        comes_through_pairing(behind);
    }
}

fn comes_through_pairing(behind: Behind) {
    let mut text = b"before".to_vec();
    for amounts in [
        Amounts::default(),
        Amounts { bytes_in: Some(1), bytes_out: Some(u64::MAX - 1), mailboxes: Some(0) },
        Amounts { bytes_in: None, bytes_out: Some(7), mailboxes: None },
    ] {
        for rest in [&b""[..], b" 2019/5/29 10:00:00 0:30:00 1 2 3", &[b'x'; 70_000]] {
            text.clear();
            behind.put(rest, Some(&amounts), line_at(1 << 40), &mut text);
            assert!(text.len() <= usize::from(u16::MAX) && text.starts_with(&rest[..rest.len().min(60_000)]));
            let peer = crate::model::Peer::new("192.0.2.7".parse().unwrap(), Some(1));
            let close = crate::pair::CloseLine { connect: stamp(1, 0), duration: 1, mismatch: false };
            let line = crate::pair::PairLine {
                stream: crate::streams::StreamId(0),
                pid: 1,
                peer,
                user: b"ed",
                rest: &text,
                stamp: stamp(2, 0),
                close: Some(close),
                doubt: Doubt::default(),
            };
            let mut table = crate::pair::PairTable::default().carrying(behind);
            table.add(&line, &mut |_| {});
            let mut seen = 0;
            table.finish(&mut |session| {
                seen += 1;
                let session = session.to_session(behind);
                let Carried { amounts: counted, evidence } = session.carried();
                assert_eq!(counted, if behind.amounts { amounts } else { Amounts::default() });
                assert_eq!(evidence, [None, behind.evidence.then_some(line_at(1 << 40))]);
                assert_eq!(session.flags, SessionFlags::default());
                assert_eq!((session.peer, session.duration), (peer, Some(1)));
            });
            assert_eq!(seen, 1);
        }
    }
}
