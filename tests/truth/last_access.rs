//! `-a` against the truth: every row, every user.

use crate::facts::instant;
use crate::sim::{Archive, Config, Service};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the lines prove of one user over one service (R11).
#[derive(Clone, Debug, Default)]
struct Access {
    /// Unix time, whether from a login line, and the store.
    login: Option<(i64, bool, String)>,
    logout: Option<(i64, String)>,
}

impl Access {
    fn login(&mut self, at: i64, from_line: bool, store: &str) {
        // A login line proves more than a connect of the same second.
        let better = self.login.as_ref().is_none_or(|(old, line, _)| (at, from_line) > (*old, *line));
        if better {
            self.login = Some((at, from_line, store.into()));
        }
    }

    fn logout(&mut self, at: i64, store: &str) {
        if self.logout.as_ref().is_none_or(|(old, _)| at > *old) {
            self.logout = Some((at, store.into()));
        }
    }
}

fn expected(archive: &Archive) -> BTreeMap<String, BTreeMap<Service, Access>> {
    let mut all: BTreeMap<String, BTreeMap<Service, Access>> = BTreeMap::new();
    for s in archive.truth.sessions.iter().filter(|s| s.login_logged || s.close_logged) {
        let access = all.entry(s.user.clone()).or_default().entry(s.service).or_default();
        if s.login_logged {
            access.login(s.login, true, &s.store);
        }
        if s.close_logged {
            access.login(s.connect, false, &s.store);
            access.logout(s.end.expect("a close has an end"), &s.store);
        }
    }
    all
}

/// Compares the rows of `-a`; how many there were.
pub(crate) fn check(config: &Config, archive: &Archive, rows: &[Value], errors: &mut Vec<String>) -> usize {
    let expected = expected(archive);
    let users: Vec<&str> = rows.iter().map(|row| row["user"].as_str().unwrap_or("(no user)")).collect();
    let known: Vec<&str> = expected.keys().map(String::as_str).collect();
    if users != known {
        let lost: Vec<_> = known.iter().filter(|u| !users.contains(u)).collect();
        let new: Vec<_> = users.iter().filter(|u| !known.contains(u)).collect();
        errors.push(format!("-a: users differ, or their order: without {lost:?}, unexpected {new:?}"));
    }
    for row in rows {
        let user = row["user"].as_str().unwrap_or("(no user)");
        for service in [Service::Imap, Service::Pop, Service::Http] {
            let access = expected.get(user).and_then(|services| services.get(&service));
            if let Some(what) = differs(config, access, &row[service.name()]) {
                errors.push(format!("-a: {user} over {}: {what}; the row: {row}", service.name()));
            }
        }
    }
    rows.len()
}

fn differs(config: &Config, expected: Option<&Access>, got: &Value) -> Option<String> {
    let Some(access) = expected else { return (!got.is_null()).then(|| "never used".to_string()) };
    let written = |store: &str, at: i64| (at, config.site.zone_of(store).offset(at));
    let login = access.login.as_ref().map(|(at, _, store)| written(store, *at));
    let logout = access.logout.as_ref().map(|(at, store)| written(store, *at));
    let latest = login.max(logout);
    let time = |key: &str| got[key].as_str().map(instant);
    for (key, expected) in [("last_login", login), ("last_logout", logout), ("last_access", latest)] {
        if time(key) != expected {
            return Some(format!("{key} (unix time, offset): expected {expected:?}, got {:?}", time(key)));
        }
    }
    let source = access.login.as_ref().map(|(_, line, _)| if *line { "login" } else { "close" });
    if got["login_source"].as_str() != source {
        return Some(format!("login_source: expected {source:?}"));
    }
    // A simulated user has one store.
    let store = access.login.as_ref().map(|(.., store)| store.as_str());
    (got["store"].as_str() != store).then(|| format!("store: expected {store:?}"))
}
