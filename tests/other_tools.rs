//! Events for other tools are what those tools have published: every line is held against a committed list of their fields.
//!
//! `tests/schemas/` has the lists: names, types, values and what is required, with source, version and date in their heads. What no
//! list can show is not shown here: no line was loaded into a running Timesketch, Elasticsearch or lake of OCSF events.

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::proxied::{Logged, PROXIES, behind_proxies};
use common::{run, write, write_all};
use serde_json::Value;
use sim::{Config, Level, simulate};
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::LazyLock;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

static TIMESKETCH: LazyLock<toml::Table> = LazyLock::new(|| schema("timesketch.toml"));
static ECS: LazyLock<toml::Table> = LazyLock::new(|| schema("ecs.toml"));
static OCSF: LazyLock<toml::Table> = LazyLock::new(|| schema("ocsf.toml"));

fn schema(name: &str) -> toml::Table {
    let path = Path::new(ROOT).join("tests/schemas").join(name);
    fs::read_to_string(path).expect("a schema").parse().expect("TOML")
}

fn strings(list: Option<&toml::Value>) -> Vec<String> {
    let list = list.and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// `2019-05-29T10:00:00`, and then an offset.
fn is_time(value: &Value, offset: &str) -> bool {
    let digits = |text: &str| {
        text.len() == 19
            && text.bytes().zip(b"0000-00-00T00:00:00").all(|(a, b)| a == *b || a.is_ascii_digit() && *b == b'0')
    };
    value.as_str().is_some_and(|text| text.strip_suffix(offset).is_some_and(digits))
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok())
}

fn is_port(value: &Value) -> bool {
    value.as_u64().is_some_and(|port| port <= 65_535)
}

fn check_timesketch(event: &Value) {
    let list = &*TIMESKETCH;
    let fields = event.as_object().expect("an object");
    for key in strings(list.get("required")) {
        assert!(fields.contains_key(&key), "{key} is missing: {event}");
    }
    for (key, value) in fields {
        assert!(!key.starts_with('_') && key != "label", "{key}");
        assert!(!value.is_null() && !value.is_object(), "{key}: {value}");
    }
    assert!(event["message"].is_string() && event["timestamp_desc"].is_string());
    assert!(is_time(&event["datetime"], "+00:00"), "{event}");
    assert!(event["timestamp"].as_i64().is_some_and(|at| at % 1_000_000 == 0), "{event}");
}

/// The leaves of a document by their dotted names; `labels` is a leaf of its own.
fn leaves(path: &str, value: &Value, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) if path != "labels" => {
            for (key, value) in map {
                leaves(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, out);
            }
        }
        _ => out.push((path.to_owned(), value.clone())),
    }
}

fn is_of_ecs_type(kind: &str, value: &Value) -> bool {
    match (kind.strip_suffix("[]"), kind) {
        (Some(kind), _) => value.as_array().is_some_and(|list| list.iter().all(|one| is_of_ecs_type(kind, one))),
        (_, "date") => is_time(value, "Z"),
        (_, "long") => value.is_i64() || value.as_u64().is_some_and(|n| i64::try_from(n).is_ok()),
        (_, "ip") => is_address(value),
        (_, "keyword" | "match_only_text") => value.is_string(),
        (_, "object") => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
        _ => false,
    }
}

fn check_ecs(event: &Value) {
    let list = &*ECS;
    let mut found = Vec::new();
    leaves("", event, &mut found);
    for key in strings(list.get("required")) {
        assert!(found.iter().any(|(name, _)| *name == key), "{key} is missing: {event}");
    }
    assert_eq!(event["ecs"]["version"].as_str(), list["version"].as_str());
    for (name, value) in &found {
        let kind = list["fields"].get(name).unwrap_or_else(|| panic!("{name} is no field of ECS: {event}"));
        assert!(is_of_ecs_type(kind.as_str().expect("a type"), value), "{name}, {kind:?}: {value}");
        let allowed = strings(list["values"].get(name));
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        let known = |value: &Value| allowed.iter().any(|known| value.as_str() == Some(known));
        assert!(allowed.is_empty() || values.iter().all(known), "{name}: {value}");
    }
    for category in event["event"]["category"].as_array().expect("categories") {
        let types = strings(list["types_of"].get(category.as_str().expect("a category")));
        let is_expected = |kind: &Value| types.iter().any(|known| kind.as_str() == Some(known));
        assert!(event["event"]["type"].as_array().expect("types").iter().all(is_expected), "{event}");
    }
}

fn is_of_ocsf_type(list: &toml::Table, kind: &str, value: &Value) -> bool {
    if let Some(kind) = kind.strip_suffix("[]") {
        return value.as_array().is_some_and(|all| all.iter().all(|one| is_of_ocsf_type(list, kind, one)));
    }
    match kind {
        "any" => value.is_object(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        "long" | "timestamp" => value.is_i64() || value.as_u64().is_some_and(|n| i64::try_from(n).is_ok()),
        "ip" => is_address(value),
        "port" => is_port(value),
        _ => {
            let name = kind.strip_prefix("object ").expect("an object");
            check_ocsf_object(list, name, value);
            true
        }
    }
}

fn check_ocsf_object(list: &toml::Table, name: &str, value: &Value) {
    let object = list.get(name).unwrap_or_else(|| panic!("the list has no object {name}"));
    if let Some(same) = object.get("same_as").and_then(toml::Value::as_str) {
        return check_ocsf_object(list, same, value);
    }
    let fields = value.as_object().unwrap_or_else(|| panic!("{name}: {value}"));
    for key in strings(object.get("required")) {
        assert!(fields.contains_key(&key), "{key} of {name} is missing: {value}");
    }
    let one_of = strings(object.get("one_of"));
    assert!(one_of.is_empty() || one_of.iter().any(|key| fields.contains_key(key)), "{name} has none of {one_of:?}");
    for (key, value) in fields {
        let field = object["fields"].get(key).unwrap_or_else(|| panic!("{key} is no field of {name}"));
        assert!(is_of_ocsf_type(list, field["type"].as_str().expect("a type"), value), "{name}.{key}: {value}");
        if let Some(allowed) = field.get("values").and_then(toml::Value::as_array) {
            assert!(allowed.iter().any(|known| known.as_integer() == value.as_i64()), "{name}.{key}: {value}");
        }
    }
}

/// The caption of a value, which its sibling gives, by the names of both.
const CAPTIONS: [(&str, &str); 7] = [
    ("activity_id", "activity_name"),
    ("category_uid", "category_name"),
    ("class_uid", "class_name"),
    ("logon_type_id", "logon_type"),
    ("severity_id", "severity"),
    ("status_id", "status"),
    ("type_uid", "type_name"),
];

fn check_ocsf(event: &Value) {
    let list = &*OCSF;
    check_ocsf_object(list, "event", event);
    assert_eq!(event["metadata"]["version"].as_str(), list["version"].as_str());
    let caption = |field: &str| list["captions"][field].get(event[field].to_string()).and_then(toml::Value::as_str);
    for (field, name) in CAPTIONS {
        assert_eq!(event[name].as_str(), caption(field), "{field}: {event}");
    }
    // Of what the schema has no number for (99), the source's own name stands.
    match event["auth_protocol_id"].as_i64() {
        Some(99) => assert_eq!(event["auth_protocol"], event["unmapped"]["auth"], "{event}"),
        Some(0) => assert!(event.get("auth_protocol").is_none(), "{event}"),
        _ => assert_eq!(event["auth_protocol"].as_str(), caption("auth_protocol_id"), "{event}"),
    }
    assert_eq!(event["type_uid"].as_i64(), Some(300_200 + event["activity_id"].as_i64().expect("an activity")));
}

/// What an event tells in any of the formats: time in seconds, user, address, action, reason, bytes from the client.
type Told = (i64, Value, Value, &'static str, Value, Value);

fn seconds(text: &Value) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text.as_str().expect("a time")).expect("RFC 3339").timestamp()
}

fn told_by_timesketch(event: &Value) -> Told {
    let what = match event["data_type"].as_str() {
        Some("imstrail:login") => "login",
        Some("imstrail:logout") => "logout",
        Some("imstrail:refused") => "refused",
        other => panic!("{other:?}"),
    };
    let at = event["timestamp"].as_i64().expect("a time") / 1_000_000;
    assert_eq!(seconds(&event["datetime"]), at);
    let get = |key: &str| event.get(key).cloned().unwrap_or_default();
    (at, get("username"), get("source_ip"), what, get("reason"), get("bytes_in"))
}

fn told_by_ecs(event: &Value) -> Told {
    let what = match (event["event"]["action"].as_str(), event["event"]["outcome"].as_str()) {
        (Some("login"), Some("success")) => "login",
        (Some("logout"), Some("success")) => "logout",
        (Some("login"), Some("failure")) => "refused",
        other => panic!("{other:?}"),
    };
    let id = &event["user"]["id"];
    assert_eq!(event["related"]["user"], if id.is_null() { Value::Null } else { serde_json::json!([id]) });
    let reason = event["event"]["reason"].clone();
    (
        seconds(&event["@timestamp"]),
        event["user"]["id"].clone(),
        event["source"]["ip"].clone(),
        what,
        reason,
        event["source"]["bytes"].clone(),
    )
}

fn told_by_ocsf(event: &Value) -> Told {
    let what = match (event["activity_id"].as_i64(), event["status_id"].as_i64()) {
        (Some(1), Some(1)) => "login",
        (Some(2), Some(1)) => "logout",
        (Some(1), Some(2)) => "refused",
        other => panic!("{other:?}"),
    };
    let at = event["time"].as_i64().expect("a time") / 1000;
    let reason = event["status_detail"].clone();
    (
        at,
        event["user"]["uid"].clone(),
        event["src_endpoint"]["ip"].clone(),
        what,
        reason,
        event["unmapped"]["bytes_in"].clone(),
    )
}

/// What rows of JSON Lines tell, as events.
fn told_by_rows(rows: &[Value]) -> Vec<Told> {
    let mut told = Vec::new();
    for row in rows {
        let address = row["from"].as_str().map(|from| {
            from.parse::<std::net::SocketAddr>().map_or_else(|_| from.to_owned(), |socket| socket.ip().to_string())
        });
        let (user, address, none) = (row["user"].clone(), Value::from(address), Value::Null);
        if row["record"] == "failure" {
            told.push((seconds(&row["time"]), user, address, "refused", row["reason"].clone(), none));
            continue;
        }
        told.push((seconds(&row["login"]), user.clone(), address.clone(), "login", none.clone(), none.clone()));
        if !row["logout"].is_null() {
            told.push((seconds(&row["logout"]), user, address, "logout", none, row["bytes_in"].clone()));
        }
    }
    told
}

/// Every line of every format about what lies in a folder: valid, and the same as the rows of JSON Lines. How many there are.
fn check(folder: &Path, path: &str) -> usize {
    check_with(folder, path, &[])
}

/// The same with these arguments.
fn check_with(folder: &Path, path: &str, with: &[&str]) -> usize {
    type Format = (&'static str, fn(&Value), fn(&Value) -> Told);
    let formats: [Format; 3] = [
        ("timesketch", check_timesketch, told_by_timesketch),
        ("ecs", check_ecs, told_by_ecs),
        ("ocsf", check_ocsf, told_by_ocsf),
    ];
    let mut lines = 0;
    for question in ["sessions", "failures"] {
        let base = |format| [&[question, "--format", format, path], with].concat();
        let rows = run(folder, &base("jsonl")).exit(0).rows();
        let expected = told_by_rows(&rows);
        for (format, check, told) in formats {
            for more in [&[][..], &["--evidence"]] {
                let args = [&base(format)[..], more].concat();
                let events = run(folder, &args).exit(0).rows();
                events.iter().for_each(check);
                assert!(events.iter().map(told).eq(expected.iter().cloned()), "{args:?}");
                lines += events.len();
            }
        }
    }
    lines
}

#[test]
fn events_of_the_samples_are_valid() {
    assert!(check(Path::new(ROOT), "samples") > 600);
}

#[test]
fn events_of_simulated_archives_are_valid() {
    for (seed, level, ports) in
        [(11, Level::Information, true), (12, Level::Notice, true), (13, Level::Information, false)]
    {
        let mut config = Config { seed, ..Config::default() };
        config.span.seconds = Some(3 * 3600);
        (config.site.stores, config.site.level) = (2, level);
        (config.traffic.users, config.traffic.refused, config.traffic.ports) = (60, 0.2, ports);
        (config.traffic.hosted, config.traffic.mixed_case, config.traffic.ipv6) = (0.3, 0.2, 0.3);
        let folder = tempfile::tempdir().expect("a temporary folder");
        write_all(folder.path(), &simulate(&config).files);
        let lines = check(folder.path(), ".");
        assert!(lines > 300, "{lines}");
    }
}

#[test]
fn events_behind_proxies_are_valid_and_name_both_ends() {
    let mut config = Config { seed: 14, ..Config::default() };
    config.span.seconds = Some(3 * 3600);
    (config.traffic.users, config.traffic.refused, config.traffic.ipv6) = (60, 0.2, 0.3);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let logged = Logged { lines: 80, others: 10 };
    write_all(folder.path(), &behind_proxies(&simulate(&config).files, logged, &mut common::Dice(3)));
    assert!(check_with(folder.path(), ".", &PROXIES) > 300);
    let ask =
        |format| run(folder.path(), &[&["sessions", "--format", format, "."], &PROXIES[..]].concat()).exit(0).rows();
    let address = |end: &Value| {
        let ip =
            |end: &str| end.parse::<std::net::SocketAddr>().map_or_else(|_| end.to_owned(), |end| end.ip().to_string());
        end.as_str().map(ip)
    };
    let rows: Vec<_> =
        ask("jsonl").iter().map(|row| (address(&row["via"]), row["from_source"] == "multiplexor")).collect();
    let starts =
        |events: Vec<Value>, is_login: fn(&Value) -> bool| events.into_iter().filter(is_login).collect::<Vec<_>>();
    let timesketch = starts(ask("timesketch"), |event| event["data_type"] == "imstrail:login");
    let ecs = starts(ask("ecs"), |event| event["event"]["type"][0] == "start");
    let ocsf = starts(ask("ocsf"), |event| event["activity_id"] == 1);
    assert!([timesketch.len(), ecs.len(), ocsf.len()] == [rows.len(); 3]);
    for (((row, timesketch), ecs), ocsf) in rows.into_iter().zip(timesketch).zip(ecs).zip(ocsf) {
        let (via, is_inferred) = row;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        assert_eq!(text(&timesketch["via_ip"]), via);
        assert_eq!(address(&ecs["labels"]["via"]), via);
        assert_eq!(text(&ocsf["src_endpoint"]["proxy_endpoint"]["ip"]), via);
        for source in [&timesketch["from_source"], &ecs["labels"]["from_source"], &ocsf["unmapped"]["from_source"]] {
            assert_eq!(source == "multiplexor", is_inferred);
        }
    }
}

#[test]
fn whatever_clients_send_stays_valid() {
    let head = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account";
    let mut text = Vec::new();
    for user in ["", "a@b", "a@b@c", "a b@c", "@", "\u{1b}[31mred", "\\xff", "\"quoted\"", "{\"a\":1}", "ü@é"] {
        text.extend(
            format!("{head} Notice: badlogin: [192.0.2.7:1] plaintext {user} authentication failure\n").bytes(),
        );
        text.extend(format!("{head} Notice: badlogin: [2001:db8::7] {user} {user} access denied\n").bytes());
        text.extend(format!("{head} Information: login [[2001:db8::7]:9] {user} GSSAPI\n").bytes());
        text.extend(format!("{head} Information: login [192.0.2.9] {user} {user}\n").bytes());
    }
    text.extend_from_slice(head.as_bytes());
    text.extend_from_slice(b" Notice: badlogin: [192.0.2.7:1] plain\xfftext \xff\xfe\x00 authentication failure\n");
    for (start, duration) in
        [("2019/5/29 9:00:00", "999999999:00:00"), ("1/1/1 0:00:00", "0:00:01"), ("9999/12/31 23:59:59", "0:00:00")]
    {
        let numbers = "18446744073709551615 99999999999999999999 7";
        text.extend(format!("{head} Notice: close [192.0.2.7:2] ed {start} {duration} {numbers}\n").bytes());
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", text);
    let lines = check(folder.path(), "imap");
    assert!(lines > 60, "{lines}");
}

#[test]
fn mechanisms_that_ocsf_numbers() {
    let line = |n: usize, auth: &str| {
        format!(
            "[29/May/2019:10:00:{n:02} +0200] store1 imapd[7]: Account Information: login [192.0.2.7:{}] ed {auth}\n",
            40_000 + n
        )
    };
    let names = ["plaintext", "NTLM", "gssapi", "DIGEST-MD5", "XOAUTH2", "CRAM-MD5"];
    let text: String = names.iter().enumerate().map(|(n, auth)| line(n, auth)).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", text);
    let events = run(folder.path(), &["sessions", "--format", "ocsf", "imap"]).exit(0).rows();
    let numbers: Vec<i64> = events.iter().filter_map(|event| event["auth_protocol_id"].as_i64()).collect();
    assert_eq!(numbers, [99, 1, 2, 3, 6, 99]);
}

#[test]
fn other_questions_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", common::login("10:00:00", 1, "ed"));
    for format in ["timesketch", "ecs", "ocsf"] {
        for question in [&["-a"][..], &["-c"], &["-a", "-c"], &["coverage"]] {
            let args: Vec<&str> = question.iter().copied().chain(["--format", format, "imap"]).collect();
            let got = run(folder.path(), &args).exit(2);
            assert!(got.out().is_empty() && got.err().contains("ask for sessions or failures"), "{}", got.err());
        }
    }
}

/// File, number and text of the line that an event rests on, as each format has them.
fn line_of(format: &str, event: &Value) -> (String, u64, String) {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("a text: {event}")).to_owned();
    match format {
        "timesketch" => (text(&event["file"]), event["line"].as_u64().expect("a number"), text(&event["original"])),
        "ecs" => {
            let number = text(&event["labels"]["line"]).parse().expect("a number");
            (text(&event["log"]["file"]["path"]), number, text(&event["event"]["original"]))
        }
        _ => {
            let more = &event["unmapped"];
            (text(&more["file"]), more["line"].as_u64().expect("a number"), text(&event["raw_data"]))
        }
    }
}

#[test]
fn each_event_shows_the_line_that_it_rests_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let close = "[29/May/2019:11:00:00 +0200] store1 imapd[100]: Account Notice: close [192.0.2.7:1] ed 2019/5/29 10:00:00 1:00:00 1 2 3\n";
    let lines = common::login("10:00:00", 1, "ed") + close;
    write(folder.path(), "imap", &lines);
    let lines: Vec<&str> = lines.lines().collect();
    for format in ["timesketch", "ecs", "ocsf"] {
        let events = run(folder.path(), &["sessions", "--evidence", "--format", format, "imap"]).exit(0).rows();
        let found: Vec<_> = events.iter().map(|event| line_of(format, event)).collect();
        let expected = [1, 2].map(|n: usize| ("imap".to_owned(), n as u64, lines[n - 1].to_owned()));
        assert_eq!(found, expected, "{format}");
    }
}

#[test]
fn an_answer_without_a_row_is_empty() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "imap", common::login("10:00:00", 1, "ed"));
    for format in ["timesketch", "ecs", "ocsf"] {
        let got = run(folder.path(), &["failures", "--format", format, "imap"]).exit(0);
        assert_eq!(got.out(), "");
    }
}

#[test]
fn lists_have_a_source() {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/schemas")).expect("schemas") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a text");
        let head: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(head.contains("Source: https://github.com/") && head.contains("taken on 20"), "{}", path.display());
        names.insert(path.file_name().expect("a name").to_string_lossy().into_owned());
    }
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["ecs.toml", "ocsf.toml", "timesketch.toml"]);
}
