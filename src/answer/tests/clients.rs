//! Clients behind proxies, against a comparison of each row with each line.

use super::*;
use crate::model::{FileId, Stamp};
use crate::random::Random;

/// A line of ed, over IMAP unless said otherwise.
fn line(at: Instant, peer: Peer) -> ClientLine<'static> {
    ClientLine {
        service: Service::Imap,
        refused: false,
        user: b"ed",
        peer,
        stamp: Stamp { at, offset: 0 },
        doubt: Doubt::default(),
        evidence: Evidence { file: FileId(0), place: 0, nth: 1 },
    }
}

fn peer(last: u8, port: u16) -> Peer {
    Peer::new([192, 0, 2, last].into(), Some(port))
}

fn runs(lines: &[ClientLine<'_>]) -> [Runs; 1] {
    let mut runs = Runs::new(&std::env::temp_dir(), 200);
    let query = ClientsQuery::default();
    lines.iter().for_each(|line| runs.push(|record| query.told(line, record)));
    runs.finish().unwrap();
    [runs]
}

/// What lines tell of rows, which are told apart by their numbers.
fn told(lines: &[ClientLine<'_>], rows: &[(bool, Service, &[u8], Instant)]) -> Vec<Client> {
    let mut keyed = Runs::new(&std::env::temp_dir(), 100);
    for (number, (refused, service, user, at)) in rows.iter().enumerate() {
        keyed.push(|record| {
            put_moment(record, Moment { refused: *refused, service: *service, user: (*user).into(), at: *at });
            record.extend((number as u32).to_be_bytes());
        });
    }
    keyed.finish().unwrap();
    let mut all = vec![Client::Seen; rows.len()];
    join(&runs(lines), &[keyed], |number, client| {
        all[u32::from_be_bytes(number.try_into().unwrap()) as usize] = client;
    })
    .unwrap();
    all
}

/// Addresses and ports of clients.
fn ends(clients: &[Client]) -> Vec<String> {
    let end = |client: &Client| match client {
        Client::Seen => panic!("a row was passed over"),
        Client::Hidden => "-".to_owned(),
        Client::Several => "several".to_owned(),
        Client::Inferred(inferred) => inferred.peer.to_string(),
    };
    clients.iter().map(end).collect()
}

#[test]
fn lines_fit_within_five_seconds_on_either_side() {
    let rows: Vec<_> = (90..112).map(|at| (false, Service::Imap, &b"ed"[..], at)).collect();
    let clients = told(&[line(100, peer(7, 5))], &rows);
    for (client, (.., at)) in ends(&clients).iter().zip(&rows) {
        assert_eq!(*client == "192.0.2.7:5", (95..=105).contains(at), "{at}: {client}");
    }
    let far = [(false, Service::Imap, &b"ed"[..], Instant::MIN), (false, Service::Imap, b"ed", Instant::MAX)];
    assert_eq!(ends(&told(&[line(Instant::MAX, peer(7, 5))], &far)), ["-", "192.0.2.7:5"]);
}

#[test]
fn only_lines_of_the_same_user_service_and_kind_fit() {
    let one = line(100, peer(7, 5));
    for (other, fits) in [
        (one, true),
        (ClientLine { user: b"e", ..one }, false),
        (ClientLine { user: b"edd", ..one }, false),
        (ClientLine { service: Service::Pop, ..one }, false),
        (ClientLine { refused: true, ..one }, false),
    ] {
        let client = told(&[other], &[(false, Service::Imap, b"ed", 100)]);
        assert_eq!(client[0].evidence().is_some(), fits, "{other:?}");
    }
}

#[test]
fn a_port_is_known_only_if_all_lines_agree_in_it() {
    let row = [(false, Service::Imap, &b"ed"[..], 100)];
    let of = |peers: &[Peer]| {
        let lines: Vec<_> = peers.iter().enumerate().map(|(n, peer)| line(98 + n as i64 % 3, *peer)).collect();
        ends(&told(&lines, &row)).remove(0)
    };
    assert_eq!(of(&[peer(7, 5), peer(7, 5)]), "192.0.2.7:5");
    assert_eq!(of(&[peer(7, 5), peer(7, 6)]), "192.0.2.7");
    assert_eq!(of(&[peer(7, 5), peer(7, 6), peer(7, 5)]), "192.0.2.7");
    assert_eq!(of(&[peer(7, 5), peer(8, 5)]), "several");
    assert_eq!(of(&[peer(7, 5), peer(8, 5), peer(7, 5)]), "several");
}

#[test]
fn one_sound_line_is_enough() {
    let doubt = |inferred, forged| Doubt { inferred, forged };
    let row = [(false, Service::Imap, &b"ed"[..], 100)];
    let of = |doubts: &[Doubt]| {
        let lines: Vec<_> = doubts.iter().map(|doubt| ClientLine { doubt: *doubt, ..line(100, peer(7, 5)) }).collect();
        told(&lines, &row)[0].doubt()
    };
    assert_eq!(of(&[doubt(true, true)]), doubt(true, true));
    assert_eq!(of(&[doubt(true, true), doubt(true, false)]), doubt(true, false));
    assert_eq!(of(&[doubt(true, false), doubt(false, true)]), doubt(false, false));
}

#[test]
fn a_proxy_is_nobodys_client() {
    let proxies = crate::proxies::Proxies::new(vec!["192.0.2.0/29".parse().unwrap()]);
    let query = ClientsQuery { filter: Filter { proxies, ..Filter::default() } };
    let mut record = Vec::new();
    query.told(&line(100, peer(7, 5)), &mut record);
    assert!(record.is_empty());
    query.told(&line(100, peer(8, 5)), &mut record);
    assert!(!record.is_empty());
}

#[test]
fn a_record_holds_all_of_a_client() {
    let doubt = Doubt { inferred: false, forged: true };
    let evidence = Evidence { file: FileId(7), place: u64::MAX, nth: u32::MAX };
    let v6 = Peer::new("2001:db8::7".parse().unwrap(), None);
    for client in [
        Client::Hidden,
        Client::Several,
        Client::Inferred(Inferred { peer: peer(7, 65_535), asked: true, doubt, evidence }),
        Client::Inferred(Inferred { peer: v6, asked: false, doubt: Doubt::default(), evidence }),
    ] {
        let mut record = Vec::new();
        client.write(&mut record);
        assert_eq!(Client::read(&mut Fields::of(&record)), Some(client));
        for cut in 1..record.len() {
            assert_eq!(Client::read(&mut Fields::of(&record[..cut])), None, "cut at {cut}");
        }
        let mut other = record.clone();
        if let Some(mark) = other.first_mut() {
            *mark = 3;
            assert_eq!(Client::read(&mut Fields::of(&other)), None);
        }
    }
}

#[test]
fn as_each_line_held_against_each_row() {
    let mut random = Random(5);
    let users: [&[u8]; 3] = [b"", b"a\0", b"ed"];
    for round in 0..200 {
        let lines: Vec<ClientLine<'_>> = (0..random.below(40))
            .map(|n| ClientLine {
                service: if random.below(4) == 0 { Service::Pop } else { Service::Imap },
                refused: random.below(4) == 0,
                user: users[random.below(3) as usize],
                evidence: Evidence { file: FileId(0), place: n, nth: 1 },
                doubt: Doubt { inferred: random.below(2) == 0, forged: random.below(2) == 0 },
                ..line(random.below(120) as i64, peer(random.below(3) as u8, random.below(2) as u16))
            })
            .collect();
        let rows: Vec<(bool, Service, &[u8], Instant)> = (0..40)
            .map(|_| (random.below(4) == 0, Service::Imap, users[random.below(3) as usize], random.below(130) as i64))
            .collect();
        let slowly = |(refused, service, user, at): &(bool, Service, &[u8], Instant)| {
            let fits = |line: &&ClientLine<'_>| {
                (line.refused, line.service, line.user) == (*refused, *service, *user)
                    && line.stamp.at.abs_diff(*at) <= WITHIN.unsigned_abs()
            };
            let fitting: Vec<_> = lines.iter().filter(fits).collect();
            let Some(first) = fitting.first() else { return Client::Hidden };
            if fitting.iter().any(|line| line.peer.ip() != first.peer.ip()) {
                return Client::Several;
            }
            let one_port = fitting.iter().all(|line| line.peer == first.peer);
            Client::Inferred(Inferred {
                peer: Peer::new(first.peer.ip(), first.peer.port().filter(|_| one_port)),
                asked: false,
                doubt: Doubt {
                    inferred: fitting.iter().all(|line| line.doubt.inferred),
                    forged: fitting.iter().all(|line| line.doubt.forged),
                },
                evidence: fitting.iter().map(|line| line.evidence).min().unwrap(),
            })
        };
        assert_eq!(told(&lines, &rows), rows.iter().map(slowly).collect::<Vec<_>>(), "round {round}");
    }
}
