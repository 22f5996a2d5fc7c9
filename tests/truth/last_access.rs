//! `-a` against the truth: every row, every user.

#![allow(dead_code, reason = "every test file uses its own part")]

use crate::facts::instant;
use crate::sim::{Archive, Config, Service};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

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
    check_others(config, archive, rows, &|_| false, errors)
}

/// Compares the rows of `-a` where lines are damaged: a user who is named in one of those may have more than what the
/// other lines prove, never less; nobody else has.
pub(crate) fn check_others(
    config: &Config,
    archive: &Archive,
    rows: &[Value],
    named: &dyn Fn(&str) -> bool,
    errors: &mut Vec<String>,
) -> usize {
    let expected = expected(archive);
    let users: Vec<&str> = rows.iter().map(|row| row["user"].as_str().unwrap_or("(no user)")).collect();
    // Ordered by bytes, which are not those of the text where that is an escaped one.
    let plain: Vec<&str> = users.iter().copied().filter(|user| !user.contains('\\')).collect();
    if plain.windows(2).any(|pair| pair[0] >= pair[1]) {
        errors.push("-a: users are out of order, or there twice".into());
    }
    let seen: BTreeSet<&str> = users.iter().copied().collect();
    let lost: Vec<_> = expected.keys().filter(|user| !seen.contains(user.as_str())).collect();
    let new: Vec<_> = users.iter().filter(|user| !expected.contains_key(**user) && !named(user)).collect();
    if !lost.is_empty() || !new.is_empty() {
        errors.push(format!("-a: users differ: without {lost:?}, unexpected {new:?}"));
    }
    for (user, row) in users.iter().zip(rows) {
        for service in [Service::Imap, Service::Pop, Service::Http] {
            let access = expected.get(*user).and_then(|services| services.get(&service));
            let got = &row[service.name()];
            let what = if named(user) { falls_short(access, got) } else { differs(config, access, got) };
            if let Some(what) = what {
                errors.push(format!("-a: {user} over {}: {what}; the row: {row}", service.name()));
            }
        }
    }
    rows.len()
}

/// Where a row says less than what is proved.
fn falls_short(expected: Option<&Access>, got: &Value) -> Option<String> {
    let access = expected?;
    let time = |key: &str| got[key].as_str().map(|text| instant(text).0);
    let login = access.login.as_ref().map(|(at, ..)| *at);
    let logout = access.logout.as_ref().map(|(at, _)| *at);
    let wanted = [("last_login", login), ("last_logout", logout), ("last_access", login.max(logout))];
    let short = wanted.into_iter().find(|(key, at)| time(key) < *at);
    short.map(|(key, at)| format!("{key} (unix time): expected {at:?} or later, got {:?}", time(key)))
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
