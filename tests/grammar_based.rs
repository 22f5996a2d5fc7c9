//! Lines made from the grammar: from `grammars/envelope.abnf`, and from the templates of `grammars/*.toml`. Each must be read as
//! what it was made to be, and a message printed from nothing but its fields must give these fields again.
//!
//! The lines are the same at every run. `IMSTRAIL_CASES=n` makes so many of each production and of each template;
//! `IMSTRAIL_SEED=n` takes others.

#![allow(clippy::print_stdout, reason = "the number of lines is the test's report")]

#[path = "grammar_based/abnf.rs"]
mod abnf;
#[allow(dead_code, unreachable_pub, reason = "of the fuzz targets, which use all of it")]
#[path = "../fuzz/src/adapter.rs"]
mod adapter;
mod common;
#[path = "grammar_based/limits.rs"]
mod limits;
#[path = "grammar_based/outside.rs"]
mod outside;
#[path = "grammar_based/templates.rs"]
mod templates;

use std::collections::{BTreeMap, BTreeSet};

use abnf::{Abnf, Maker, Node};
use adapter::{Class, Desk, Held, Templates};
use common::{Dice, run, write};
use templates::{Template, Value, Values};

/// Lines of each production and of each template, if nobody says otherwise.
const CASES: usize = 150;
const SERVICES: [&str; 4] = ["imapd", "popd", "httpd", "mshttpd"];

fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|e| panic!("{variable}={text}: {e}")))
}

fn cases() -> usize {
    number("IMSTRAIL_CASES").unwrap_or(CASES)
}

fn dice() -> Dice {
    Dice(20_190_529 + number("IMSTRAIL_SEED").unwrap_or(0) as u64)
}

fn grammar() -> Abnf {
    Abnf::read(include_str!("../grammars/envelope.abnf"))
}

/// A line shown so that it can be typed again.
fn shown(line: &[u8]) -> String {
    line.escape_ascii().to_string()
}

/// The kind of the template that a production of `event` or `known` stands for, and the processes that write it; none
/// where any process does.
fn meaning(production: &str) -> (&'static str, &'static [&'static str]) {
    match production {
        "login" | "connect" => ("login", &[]),
        "close" | "logout" => ("close", &[]),
        "logout-short" => ("close", &["httpd", "mshttpd"]),
        "refused" => ("refused", &[]),
        "created-mark" => ("created", &[]),
        "start-mark" => ("start", &[]),
        "stop-mark" => ("stop", &[]),
        "append" => ("append", &[]),
        "fetch" => ("fetch", &[]),
        "expunge" => ("expunge", &[]),
        "badguy" | "connection-limit" | "negotiation" | "no-domain" | "user-status" => ("denied", &[]),
        "message-created" => ("known", &["httpd", "mshttpd"]),
        "cgi-function" | "purge-lock" | "mailbox-unopened" | "mailbox-invalid" | "alarm" | "client-socket"
        | "imap-server" => ("known", &[]),
        other => panic!("what does the production {other} mean?"),
    }
}

/// The productions of messages: all that `event` offers, those of `known` instead of it, and `unknown`.
fn messages(abnf: &Abnf) -> Vec<String> {
    let events = abnf.offered("event").into_iter().filter(|rule| rule != "known");
    events.chain(abnf.offered("known")).chain(["unknown".to_owned()]).collect()
}

/// A line of the whole grammar whose message is of one production.
fn line_of(maker: &mut Maker<'_>, message: &str) -> Vec<u8> {
    let rule = |name: &str| Node::Rule(name.to_owned());
    let processes: &[&str] = if message == "unknown" { &[] } else { meaning(message).1 };
    let either =
        |names: &[&str]| Node::Either(names.iter().map(|n| Node::Text(n.as_bytes().to_vec(), false)).collect());
    maker.instead.clear();
    maker.instead.insert("message", Node::Each(vec![rule("message-head"), rule(message)]));
    if !processes.is_empty() {
        maker.instead.insert("process", either(processes));
    } else if maker.up_to(2) > 0 {
        maker.instead.insert("process", either(&SERVICES));
    }
    let whole = ["line", "syslog-line"][maker.up_to(1)];
    let mut line = maker.rule(whole);
    // One carriage return at the end is dropped, so that a line that ends in one needs another.
    if line.last() == Some(&b'\r') || maker.up_to(3) == 0 {
        line.push(b'\r');
    }
    line
}

#[test]
fn lines_of_the_abnf() {
    let (abnf, limits) = (grammar(), limits::limits());
    let mut maker = Maker { abnf: &abnf, limits: &limits, instead: BTreeMap::new(), dice: dice() };
    let desk = Desk::new(Templates::built_in(), Some(limits::YEAR as u32));
    let mut archive = Archive::default();
    for message in messages(&abnf) {
        let expected = match message.as_str() {
            "unknown" => Class::Unknown,
            event => Class::Event(meaning(event).0.to_owned()),
        };
        for n in 0..cases() {
            let line = line_of(&mut maker, &message);
            let told = desk.reader().read(&line);
            assert_eq!(told.class, expected, "line {n} of {message}:\n{}", shown(&line));
            archive.add(&line, &told.class);
        }
    }
    let lines = archive.check();
    println!("abnf: {} rules, {lines} lines of {} messages", abnf.rules.len(), messages(&abnf).len());
}

#[test]
fn lines_just_outside_of_the_abnf() {
    let (abnf, limits) = (grammar(), limits::limits());
    let mut maker = Maker { abnf: &abnf, limits: &limits, instead: BTreeMap::new(), dice: dice() };
    let desk = Desk::new(Templates::built_in(), Some(limits::YEAR as u32));
    let mut archive = Archive::default();
    let rule = |name: &str| Node::Rule(name.to_owned());
    let fixed = |text: &str| Node::Text(text.as_bytes().to_vec(), false);
    for (production, message, whole, texts) in outside::OUTSIDE {
        maker.instead = BTreeMap::from([
            ("message", Node::Each(vec![rule("message-head"), rule(message)])),
            ("whole", outside::whole(&abnf, whole)),
            // Right ones around the one that is wrong.
            ("digits", Node::Each(vec![fixed("29/May/2019:"), rule("time")])),
            ("timestamp", Node::Each(vec![fixed("2019-05-29T10:00:00"), rule("zone-offset")])),
        ]);
        let inside = (0..50).any(|_| matches!(desk.reader().read(&maker.rule("whole")).class, Class::Event(_)));
        assert!(inside, "{production}: without what is wrong the line is no event either");
        for (text, _) in texts.iter().flat_map(|text| (0..cases().div_ceil(10)).map(move |n| (text, n))) {
            maker.instead.insert(production, fixed(text));
            let line = maker.rule("whole");
            let told = desk.reader().read(&line);
            assert!(matches!(told.class, Class::Reject(_)), "{production} {text:?}: {told:?}\n{}", shown(&line));
            archive.add(&line, &told.class);
        }
    }
    println!("abnf: {} lines just outside, all rejected", archive.check());
}

/// How an address can be written, all for the same peer.
fn spellings(ip: std::net::Ipv6Addr, port: Option<u16>) -> Vec<String> {
    let groups = ip.segments().map(|s| format!("{s:x}")).join(":");
    let padded = ip.segments().map(|s| format!("{s:04X}")).join(":");
    let mut all = match port {
        None => vec![ip.to_string(), groups, padded, format!("IPv6:{ip}"), format!("[{ip}]"), format!("[{ip}%eth0]")],
        // Eight groups and one more can only be an address and a port.
        Some(port) => vec![
            format!("[{ip}]:{port}"),
            format!("{groups}:{port}"),
            format!("IPv6:{padded}:{port}"),
            format!("[{ip}%1]:{port}"),
            format!("[{ip}]:{port:05}"),
        ],
    };
    if let Some(v4) = ip.to_ipv4_mapped() {
        all.push(port.map_or(v4.to_string(), |port| format!("{v4}:{port}")));
        all.push(port.map_or(format!("[{v4}]"), |port| format!("[{v4}]:{port}")));
    }
    all
}

#[test]
fn all_spellings_of_a_peer_are_one() {
    let desk = Desk::new(Templates::built_in(), None);
    let mut dice = dice();
    let mut read = 0;
    for n in 0..cases() {
        let bits = u128::from(dice.next()) << 64 | u128::from(dice.next());
        let ip = match n % 3 {
            0 => std::net::Ipv4Addr::from(bits as u32).to_ipv6_mapped(),
            // An address whose end says that it is one: no part of it can be taken for a port.
            1 => std::net::Ipv6Addr::from(bits | 0xffff),
            _ => std::net::Ipv6Addr::from(bits & !(0xffff_ffff_ffff << 16)),
        };
        for port in [None, Some(0), Some(u16::MAX), Some(dice.next() as u16)] {
            for spelt in spellings(ip, port) {
                let line = format!(
                    "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Notice: login [{spelt}] ed plaintext"
                );
                let told = desk.reader().read(line.as_bytes());
                assert_eq!(told.class, Class::Event("login".to_owned()), "{line}");
                assert_eq!(told.fields.peer, (ip.to_canonical(), port), "{line}");
                read += 1;
            }
        }
    }
    println!("peers: {read} spellings");
}

#[test]
fn every_rule_of_the_abnf_is_used_and_every_limit_is_kept() {
    let (abnf, limits) = (grammar(), limits::limits());
    let unkept: Vec<_> = abnf.limited.iter().filter(|rule| !limits.contains_key(rule.as_str())).collect();
    assert!(unkept.is_empty(), "rules with a limit that tests/grammar_based/limits.rs does not know: {unkept:?}");
    let gone: Vec<_> = limits.keys().filter(|rule| !abnf.rules.contains_key(**rule)).collect();
    assert!(gone.is_empty(), "limits of rules that are not there: {gone:?}");
    let mut reached = BTreeSet::new();
    let mut next = vec!["log-line".to_owned()];
    while let Some(rule) = next.pop() {
        if reached.insert(rule.clone()) {
            next.extend(abnf::names(&abnf.rules[&rule]).into_iter().cloned());
        }
    }
    let lost: Vec<_> = abnf.rules.keys().filter(|rule| !reached.contains(*rule)).collect();
    assert!(lost.is_empty(), "rules that no line uses: {lost:?}");
    println!("abnf: {} rules, {} limits", abnf.rules.len(), limits.len());
}

#[test]
fn messages_printed_from_their_fields() {
    let (all, reasons) = templates::built_in();
    let desk = Desk::new(Templates::built_in(), None);
    let mut dice = dice();
    let mut archive = Archive::default();
    for template in &all {
        for _ in 0..cases() {
            let values = template.values(&reasons, &mut dice);
            let line = enveloped(template, &template.print(&values), &mut dice);
            let told = desk.reader().read(&line);
            let told_of = || format!("{}: {:?}\n{}", template.file, template.text, shown(&line));
            assert_eq!(told.class, Class::Event(template.kind.clone()), "{}", told_of());
            let read = values_of(template, &told.fields);
            assert_eq!(read, values, "{}", told_of());
            assert!(others_are_empty(template, &told.fields), "{}", told_of());
            // And from what was read, printed once more.
            assert_eq!(template.print(&read), told.message, "{}", told_of());
            archive.add(&line, &told.class);
        }
    }
    let lines = archive.check();
    println!("templates: {lines} lines of {} templates, {} reasons", all.len(), reasons.len());
}

/// The message as a line of a process that the template is for.
fn enveloped(template: &Template, message: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut one_of = |all: &[&str]| all[(dice.next() >> 11) as usize % all.len()].to_owned();
    let own: Vec<&str> = template.processes.iter().map(String::as_str).collect();
    let process = if own.is_empty() { one_of(&["ims_master", "smtpd", "ImapProxy", "otherd"]) } else { one_of(&own) };
    let stamp = one_of(&["29/May/2019:10:00:00 +0200", "29/Feb/2004:23:59:59 -0700", "01/Jan/1998:00:00:00 +0530"]);
    let head = one_of(&["Account Notice", "Account Information", "General Debug", "Store Emergency"]);
    let pid = one_of(&["100", "0", "4294967295"]);
    [format!("[{stamp}] store1 {process}[{pid}]: {head}: ").as_bytes(), message].concat()
}

/// What was read, by the fields of the template.
fn values_of(template: &Template, held: &Held<'_>) -> Values {
    let [duration, bytes_in, bytes_out, mailboxes, size, created] = held.numbers;
    let value = |field: &str| match field {
        "peer" => Value::Peer(held.peer.0, held.peer.1),
        "start" => Value::Start(held.start),
        "duration" => Value::Duration(duration),
        "in" => Value::Number(bytes_in),
        "out" => Value::Number(bytes_out),
        "mailboxes" => Value::Number(mailboxes),
        "size" => Value::Number(size),
        "created" => Value::Number(created),
        _ => {
            let text = held.texts().into_iter().find(|(name, _)| *name == field);
            Value::Text(text.unwrap_or_else(|| panic!("no field is called {field}")).1.to_vec())
        }
    };
    template.fields().map(|field| (field.to_owned(), value(field))).collect()
}

/// Whether the fields that a template does not have hold nothing.
fn others_are_empty(template: &Template, held: &Held<'_>) -> bool {
    let has = |field: &str| template.fields().any(|f| f == field);
    let texts = held.texts().into_iter().all(|(field, text)| has(field) || text.is_empty());
    let numbers = ["duration", "in", "out", "mailboxes", "size", "created"];
    texts
        && numbers.iter().zip(held.numbers).all(|(field, n)| has(field) || n == 0)
        && (has("start") || held.start == 0)
}

/// Lines on their way through the program, and what it must count.
#[derive(Default)]
struct Archive {
    text: Vec<u8>,
    /// Lines and bytes by class.
    classes: BTreeMap<&'static str, (u64, u64)>,
}

impl Archive {
    fn add(&mut self, line: &[u8], class: &Class) {
        let class = match class {
            Class::Event(kind) if kind == "known" => "known",
            Class::Event(_) => "event",
            Class::Unknown => "unknown",
            Class::Reject(_) => "reject",
        };
        assert!(!line.contains(&b'\n'));
        let count = self.classes.entry(class).or_default();
        *count = (count.0 + 1, count.1 + line.len() as u64 + 1);
        self.text.extend(line);
        self.text.push(b'\n');
    }

    /// Has the program read all lines, and compares what it counts; says how many they were.
    fn check(&self) -> u64 {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path(), "imap", &self.text);
        let document = run(folder.path(), &["-a", "--year", "2020", "--format", "json", "imap"]).exit(0).document();
        let count = |value: &serde_json::Value| (value["lines"].as_u64(), value["bytes"].as_u64());
        for class in ["event", "known", "unknown", "reject", "passed_over"] {
            let (lines, bytes) = self.classes.get(class).copied().unwrap_or_default();
            assert_eq!(count(&document["tally"][class]), (Some(lines), Some(bytes)), "{class}");
        }
        self.classes.values().map(|count| count.0).sum()
    }
}
