//! Behind a proxy: archives as if multiplexors had stood before their stores, against the same archives without.

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::proxied::{Logged, PROXIES, behind_proxies};
use common::{Dice, Run, run, write, write_all};
use serde_json::Value;
use sim::{Config, Level, simulate};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use tempfile::TempDir;

fn config(seed: u64) -> Config {
    let mut config = Config { seed, ..Config::default() };
    config.site.stores = 2;
    config.traffic.rate = 40.0;
    config.traffic.users = 80;
    config.traffic.ipv6 = 0.2;
    config
}

/// An archive, and the same behind proxies, in folders `direct` and `logs`.
fn laid(config: &Config, logged: Logged) -> TempDir {
    let files = simulate(config).files;
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_all(&folder.path().join("direct"), &files);
    write_all(&folder.path().join("logs"), &behind_proxies(&files, logged, &mut Dice(7)));
    folder
}

fn ask(folder: &Path, question: &[&str], more: &[&str]) -> Run {
    let args: Vec<&str> = question.iter().chain(more).copied().collect();
    run(folder, &args).exit(0)
}

fn rows(folder: &Path, question: &[&str], more: &[&str]) -> Vec<Value> {
    ask(folder, question, &[&["--format", "jsonl"], more].concat()).rows()
}

fn address(from: &Value) -> Option<IpAddr> {
    let from = from.as_str()?;
    let socket = from.parse().map(|socket: std::net::SocketAddr| socket.ip());
    Some(socket.ok().or_else(|| from.parse().ok()).unwrap_or_else(|| panic!("{from}")))
}

fn is_proxy(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [10, 0, 0],
        IpAddr::V6(ip) => ip.segments()[..4] == [0x2001, 0xdb8, 0xffff, 0],
    }
}

/// All of a row but where it comes from and what is said of that.
fn but_ends(row: &Value) -> String {
    let mut row = row.clone();
    let object = row.as_object_mut().expect("an object");
    ["from", "via", "from_source", "flags"].iter().for_each(|key| _ = object.shift_remove(*key));
    row.to_string()
}

const QUESTIONS: [&[&str]; 5] = [
    &["sessions"],
    &["sessions", "--status", "closed"],
    &["failures", "--kind", "refused,never-logged-in"],
    &["-c", "--at", "2019-05-29T12:00:00Z"],
    &["-c", "-s", "pop"],
];

#[test]
fn all_that_is_inferred_is_true_where_multiplexors_log_everything() {
    let mut inferred = 0;
    for (seed, level) in [(31, Level::Information), (32, Level::Information), (33, Level::Notice)] {
        let mut config = config(seed);
        config.site.level = level;
        let folder = laid(&config, Logged { lines: 100, others: 10 });
        for question in QUESTIONS {
            // Who came from where, of each row: rows may agree in all else.
            let mut truth: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
            for row in rows(folder.path(), question, &["direct"]) {
                truth.entry(but_ends(&row)).or_default().extend(address(&row["from"]));
            }
            for row in rows(folder.path(), question, &[&PROXIES[..], &["logs"]].concat()) {
                let (from, via) = (address(&row["from"]), address(&row["via"]));
                assert!(via.is_none_or(is_proxy) && !from.is_some_and(is_proxy), "{row}");
                let flags = row["flags"].as_array().expect("flags");
                let has = |flag: &str| flags.iter().any(|f| f == flag);
                let source = match (from, via) {
                    (Some(_), None) => "line".into(),
                    (Some(_), Some(_)) => "multiplexor".into(),
                    (None, _) => Value::Null,
                };
                assert_eq!(row["from_source"], source, "{row}");
                assert_eq!(has("from-inferred"), from.is_some() && via.is_some(), "{row}");
                assert!(!has("from-ambiguous") || from.is_none() && via.is_some(), "{row}");
                if let (Some(from), Some(of)) = (from, truth.get(&but_ends(&row))) {
                    assert!(of.contains(&from), "{row}: {of:?}");
                    inferred += u64::from(via.is_some());
                }
            }
        }
    }
    assert!(inferred > 500, "only {inferred} clients");
}

#[test]
fn rows_are_those_without_the_flag_but_for_their_ends() {
    let folder = laid(&config(34), Logged { lines: 80, others: 10 });
    for question in QUESTIONS {
        let plain = rows(folder.path(), question, &["logs"]);
        let proxied = rows(folder.path(), question, &[&PROXIES[..], &["logs"]].concat());
        assert_eq!(plain.len(), proxied.len());
        for (plain, proxied) in plain.iter().zip(&proxied) {
            assert_eq!(but_ends(plain), but_ends(proxied));
            let far_end = if proxied["via"].is_null() { &proxied["from"] } else { &proxied["via"] };
            assert_eq!(&plain["from"], far_end);
            assert!(plain.get("via").is_none() && plain.get("from_source").is_none());
        }
        let ended = ["from-ambiguous", "from-inferred"].map(|flag| {
            let has = |row: &&Value| row["flags"].as_array().is_some_and(|flags| flags.iter().any(|f| f == flag));
            proxied.iter().filter(has).count()
        });
        assert!(question[0] == "-c" || ended.iter().all(|count| *count > 0), "{question:?}: {ended:?}");
    }
}

#[test]
fn what_else_is_asked_changes_no_client() {
    let folder = laid(&config(35), Logged { lines: 80, others: 10 });
    let all = rows(folder.path(), &["sessions"], &[&PROXIES[..], &["logs"]].concat());
    let of = |wanted: &dyn Fn(&Value) -> bool| all.iter().filter(|row| wanted(row)).cloned().collect::<Vec<_>>();
    let user =
        all.iter().find(|row| row["from_source"] == "multiplexor").expect("one")["user"].as_str().expect("a user");
    let with = |more: &[&str]| rows(folder.path(), &["sessions"], &[&PROXIES[..], more, &["logs"]].concat());
    assert_eq!(with(&["-u", user]), of(&|row| row["user"] == user));
    assert_eq!(with(&["-s", "pop"]), of(&|row| row["service"] == "pop"));
    assert_eq!(with(&["--status", "open,lost"]), of(&|row| row["status"] != "closed"));
    let within = |net: &str, ip: IpAddr| net.parse::<ipnet::IpNet>().expect("a network").contains(&ip);
    let inferred = all.iter().find(|row| row["from_source"] == "multiplexor").expect("one");
    let client = address(&inferred["from"]).expect("an address").to_string();
    for net in ["10.0.0.1/32", "2001:db8:ffff::/64", &format!("{client}/24")] {
        let is_from =
            |row: &Value| [&row["from"], &row["via"]].into_iter().filter_map(address).any(|ip| within(net, ip));
        let expected = of(&is_from);
        assert!(!expected.is_empty() && expected.len() < all.len(), "{net}");
        assert_eq!(with(&["--from", net]), expected, "{net}");
    }
    // -c and sessions say the same of the same session.
    let by: BTreeMap<String, &Value> =
        all.iter().map(|row| (format!("{} {} {}", row["user"], row["login"], row["via"]), row)).collect();
    let connected = rows(folder.path(), &["-c", "--at", "2019-05-29T12:00:00Z"], &[&PROXIES[..], &["logs"]].concat());
    assert!(!connected.is_empty());
    for row in connected {
        let same = by[&format!("{} {} {}", row["user"], row["since"], row["via"])];
        assert_eq!((&row["from"], &row["from_source"]), (&same["from"], &same["from_source"]), "{row}");
    }
}

#[test]
fn pseudonyms_tell_the_same_story() {
    let folder = laid(&config(36), Logged { lines: 80, others: 10 });
    write(folder.path(), "the.key", "a key of more than sixteen bytes");
    fn masked<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [more, &["--pseudonymize", "the.key", "logs"]].concat()
    }
    let ip = |row: &Value, key: &str| address(&row[key]);
    for question in [&["sessions"][..], &["failures"]] {
        let plain = rows(folder.path(), question, &[&PROXIES[..], &["logs"]].concat());
        let hidden = rows(folder.path(), question, &masked(&PROXIES));
        let unmarked = rows(folder.path(), question, &masked(&[]));
        assert!(hidden.iter().all(|row| {
            ["from", "via"].into_iter().filter_map(|key| ip(row, key)).all(|ip| ip.to_string().starts_with("fd"))
        }));
        // The same far ends have the same pseudonyms, whether they are known to be proxies or not.
        let far_end = |row: &Value| ip(row, "via").or_else(|| ip(row, "from"));
        let sorted = |mut all: Vec<Option<IpAddr>>| {
            all.sort();
            all
        };
        assert_eq!(sorted(hidden.iter().map(far_end).collect()), sorted(unmarked.iter().map(far_end).collect()));
        let known = |rows: &[Value]| {
            let known = |source: &str| rows.iter().filter(|row| row["from_source"] == source).count();
            (known("line"), known("multiplexor"), rows.iter().filter(|row| row["via"].is_string()).count())
        };
        assert_eq!(known(&plain), known(&hidden));
        let network = ["--from", "10.0.0.0/31"];
        let plain = rows(folder.path(), question, &[&PROXIES[..], &network, &["logs"]].concat());
        let hidden = rows(folder.path(), question, &masked(&[&PROXIES[..], &network].concat()));
        assert!(!plain.is_empty() && known(&plain) == known(&hidden), "{question:?}");
        assert!(hidden.iter().all(|row| far_end(row).is_some_and(|ip| ip.to_string().starts_with("fd"))));
        let document =
            ask(folder.path(), question, &masked(&[&PROXIES[..], &["--format", "json"]].concat())).document();
        assert_eq!(document["query"]["proxies"], serde_json::json!(["fd00::/8"]));
        assert!(!document.to_string().contains("10.0.0."));
    }
}
