//! `-a` (R11): what a row says, and the users that were asked for.

use super::*;
use crate::streams::StreamId;
use crate::trail::{Last, LastAccess};
use std::collections::BTreeSet;

fn last(at: i64, stream: StreamId, from_login: bool, inferred: bool) -> Option<Last> {
    let doubt = Doubt { inferred, forged: false };
    Some(Last { stamp: Stamp { at, offset: 0 }, stream, from_login, doubt, evidence: None })
}

#[test]
fn r11_the_later_of_login_and_logout_and_its_store() {
    let streams = Streams::default();
    let (b, a) = (streams.id(b"b", Service::Http), streams.id(b"a", Service::Http));
    let shown = |login: Option<Last>, logout: Option<Last>| {
        let mut access = LastAccess::default();
        access.add(b"ed", Service::Http, [login, None], logout, &streams);
        access.settle(&streams);
        let asked = BTreeSet::new();
        let rows = LastAccessRows::new(access, &streams, &asked);
        let row = rows.iter().next().expect("a row");
        assert_eq!(row.user, b"ed");
        assert!(row.over(Service::Imap).is_none() && row.over(Service::Pop).is_none());
        let service = row.over(Service::Http).expect("an access");
        let at = |stamp: Option<Stamp>| stamp.map(|stamp| stamp.at);
        let store = String::from_utf8_lossy(service.store()).into_owned();
        assert_eq!(
            (at(service.last_login()), at(service.last_logout())),
            (login.map(|l| l.stamp.at), logout.map(|l| l.stamp.at))
        );
        (service.last_access().at, store, service.login_source(), service.flags().to_vec())
    };
    let (login, close) = (Some("login"), Some("close"));
    assert_eq!(shown(last(20, a, true, false), last(10, b, false, false)), (20, "a".into(), login, vec![]));
    assert_eq!(shown(last(10, a, false, false), last(20, b, false, false)), (20, "b".into(), close, vec![]));
    // Where two tie, the smallest name.
    assert_eq!(shown(last(20, a, true, false), last(20, b, false, false)), (20, "a".into(), login, vec![]));
    assert_eq!(shown(last(20, b, true, false), last(20, a, false, false)), (20, "a".into(), login, vec![]));
    assert_eq!(shown(last(20, b, true, false), None), (20, "b".into(), login, vec![]));
    assert_eq!(shown(None, last(20, b, false, false)), (20, "b".into(), None, vec![]));
    let guess = vec![INFERRED_FORMAT];
    assert_eq!(shown(last(20, a, true, true), last(10, b, false, false)).3, guess);
    assert_eq!(shown(last(20, a, true, false), last(10, b, false, true)).3, guess);
}

#[test]
fn users_asked_for_have_a_row_each_in_order() {
    let streams = Streams::default();
    let id = streams.id(b"a", Service::Imap);
    let users = |asked: &[&str]| -> Vec<(String, bool)> {
        let mut access = LastAccess::default();
        for user in ["bob", "ed", "eve"] {
            access.add(user.as_bytes(), Service::Imap, [last(10, id, true, false), None], None, &streams);
        }
        access.settle(&streams);
        let asked: BTreeSet<Vec<u8>> = asked.iter().map(|user| user.as_bytes().to_vec()).collect();
        let rows = LastAccessRows::new(access, &streams, &asked);
        let row = |row: LastAccessRow<'_>| {
            (String::from_utf8_lossy(row.user).into_owned(), row.over(Service::Imap).is_some())
        };
        let all: Vec<_> = rows.iter().map(row).collect();
        let parts: Vec<_> = rows.parts(1).into_iter().flat_map(|part| rows.rows(part)).map(row).collect();
        assert_eq!(all, parts);
        assert_eq!(rows.parts(1).len(), if asked.is_empty() { 3 } else { 1 });
        all
    };
    let seen = [("bob".into(), true), ("ed".into(), true), ("eve".into(), true)];
    assert_eq!(users(&[]), seen);
    assert_eq!(users(&["ed"]), seen, "which users are kept is decided before");
    let with = |name: &str| [&seen[..], &[(name.to_owned(), false)]].concat();
    for name in ["ann", "cy", "edd", "zoe"] {
        let mut expected = with(name);
        expected.sort();
        assert_eq!(users(&["bob", name]), expected);
    }
}
