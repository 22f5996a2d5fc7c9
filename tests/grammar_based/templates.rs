//! Message templates, read here anew out of `grammars/*.toml`, and the printer: a message from its template and the values of
//! its fields.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use serde::Deserialize;

use super::common::Dice;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    template: Vec<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    kind: String,
    text: String,
    #[serde(default)]
    processes: Vec<String>,
}

/// A part of a template's text.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    /// A field and the terminal that reads it.
    Hole(String, String),
}

/// A message template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) file: String,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) processes: Vec<String>,
    parts: Vec<Part>,
}

/// All built-in templates, and all reasons.
pub(crate) fn built_in() -> (Vec<Template>, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammars");
    let (mut templates, mut reasons) = (Vec::new(), Vec::new());
    for name in ["account.toml", "http.toml", "general.toml"] {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        // Counted by hand as well: no template may get lost in the reading.
        let heads = text.lines().filter(|line| line.trim_end() == "[[template]]").count();
        assert_eq!(file.template.len(), heads, "{name}");
        reasons.extend(file.reasons);
        templates.extend(file.template.into_iter().map(|raw| Template {
            file: name.to_owned(),
            kind: raw.kind,
            parts: parts(&raw.text),
            text: raw.text,
            processes: raw.processes,
        }));
    }
    (templates, reasons)
}

/// What usually reads a field, as `grammars/README.md` has it.
fn usual(field: &str) -> &'static str {
    match field {
        "peer" => "peer",
        "user" | "mechanism" | "_" => "word",
        "reason" => "reason",
        "start" => "start",
        "duration" => "duration",
        "in" | "out" | "mailboxes" | "size" | "created" => "number",
        "folder" => "first",
        "message_id" => "rest",
        "more" => "more",
        other => panic!("no field is called {other}"),
    }
}

fn parts(text: &str) -> Vec<Part> {
    assert!(!text.contains("{{") && !text.contains("}}"), "no built-in template has braces of its own: {text}");
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, behind)) = rest.split_once('{') {
        let (hole, behind) = behind.split_once('}').expect("a hole ends");
        let (field, terminal) = hole.split_once(':').unwrap_or((hole, usual(hole.split(':').next().unwrap_or(hole))));
        parts.extend((!literal.is_empty()).then(|| Part::Text(literal.to_owned())));
        parts.push(Part::Hole(field.to_owned(), terminal.to_owned()));
        rest = behind;
    }
    parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
    parts
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Vec<u8>),
    Number(u64),
    Peer(IpAddr, Option<u16>),
    /// Seconds since 1970 by the line's own clock.
    Start(i64),
    /// Seconds.
    Duration(u64),
}

impl Value {
    /// As a line writes it.
    fn print(&self, line: &mut Vec<u8>) {
        let text = match self {
            Value::Text(bytes) => return line.extend(bytes),
            Value::Number(n) => n.to_string(),
            Value::Peer(ip, None) => ip.to_string(),
            Value::Peer(IpAddr::V4(ip), Some(port)) => format!("{ip}:{port}"),
            Value::Peer(IpAddr::V6(ip), Some(port)) => format!("[{ip}]:{port}"),
            Value::Duration(s) => format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60),
            Value::Start(at) => {
                let t = DateTime::from_timestamp(*at, 0).expect("a time of the calendar").naive_utc();
                let (hour, minute, second) = (t.hour(), t.minute(), t.second());
                format!("{:04}/{}/{} {hour}:{minute:02}:{second:02}", t.year(), t.month(), t.day())
            }
        };
        line.extend(text.bytes());
    }
}

/// The values of a message, by field.
pub(crate) type Values = BTreeMap<String, Value>;

impl Template {
    /// The fields that it fills.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(field, _) if field != "_" => Some(field.as_str()),
            _ => None,
        })
    }

    /// The message of these values; what is not used is filled with something that its terminal reads.
    pub(crate) fn print(&self, values: &Values) -> Vec<u8> {
        let mut line = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => line.extend(text.bytes()),
                Part::Hole(field, terminal) if field == "_" => line.extend(filler(terminal).bytes()),
                Part::Hole(field, _) => values.get(field).expect("every field has a value").print(&mut line),
            }
        }
        // An id is kept without the bracket that ends it.
        if values.contains_key("message_id") {
            line.push(b'>');
        }
        line
    }

    /// Values for all of its fields.
    pub(crate) fn values(&self, reasons: &[String], dice: &mut Dice) -> Values {
        let mut values = Values::new();
        for (n, part) in self.parts.iter().enumerate() {
            let Part::Hole(field, terminal) = part else { continue };
            if field != "_" {
                let literal = match self.parts.get(n + 1) {
                    Some(Part::Text(text)) => text.as_str(),
                    _ => " ",
                };
                values.insert(field.clone(), value(terminal, field, literal, reasons, dice));
            }
        }
        values
    }
}

fn filler(terminal: &str) -> &'static str {
    match terminal {
        "word" => "something",
        "text" | "first" | "rest" => "one thing or another",
        other => panic!("nothing fills a hole of {other}"),
    }
}

/// A value that the terminal reads, before some literal text.
fn value(terminal: &str, field: &str, literal: &str, reasons: &[String], dice: &mut Dice) -> Value {
    let stop = literal.as_bytes()[0];
    match terminal {
        "peer" => peer(dice),
        "number" => Value::Number(extreme(u64::MAX, dice)),
        "duration" => Value::Duration(extreme(999_999 * 3600 + 3599, dice)),
        "start" => Value::Start(start(dice)),
        "word" if field == "user" && one_in(20, dice) => Value::Text(b"[unauthenticated]".to_vec()),
        "word" => Value::Text(bytes(1, dice, |b| b != b' ' && b != stop)),
        // A text goes to the last place at which the rest fits: it may have all of the rest inside.
        "text" if one_in(3, dice) => {
            let reason = if field == "user" { &reasons[below(reasons.len() as u64, dice) as usize] } else { "" };
            let (before, behind) = (bytes(0, dice, |_| true), bytes(0, dice, |_| true));
            Value::Text([&before, literal.as_bytes(), reason.as_bytes(), b" ", &behind].concat())
        }
        "text" => Value::Text(bytes(0, dice, |_| true)),
        // Its end is the first place at which the rest fits: none inside.
        "first" => Value::Text(bytes(0, dice, |b| b != b'<')),
        // An id loses the brackets around it: it has none of its own in front.
        "rest" => {
            let decoy: &[u8] = if one_in(3, dice) { b"i:7:<" } else { b"i" };
            Value::Text([decoy, &bytes(0, dice, |_| true)].concat())
        }
        "more" if one_in(2, dice) => Value::Text(Vec::new()),
        // What stands behind is no further number and no longer reason.
        "more" => Value::Text([b" sid=".to_vec(), bytes(0, dice, |b| b != b'\r' && b != b' ')].concat()),
        "reason" => {
            let reason = &reasons[below(reasons.len() as u64, dice) as usize];
            let reason = if one_in(3, dice) { reason.to_ascii_uppercase() } else { reason.clone() };
            Value::Text(reason.into_bytes())
        }
        other => panic!("no terminal is called {other}"),
    }
}

fn below(n: u64, dice: &mut Dice) -> u64 {
    (dice.next() >> 11) % n
}

fn one_in(n: u64, dice: &mut Dice) -> bool {
    below(n, dice) == 0
}

/// Any number up to the greatest, often a small one, or one at an edge.
fn extreme(most: u64, dice: &mut Dice) -> u64 {
    match below(8, dice) {
        0 => 0,
        1 => most,
        2 => most - 1,
        3 => (dice.next() >> below(64, dice)) % most,
        _ => below(100_000, dice),
    }
}

/// Any bytes of a line that fit, mostly letters. A carriage return is never the last: at the end of a line it would be dropped.
fn bytes(least: usize, dice: &mut Dice, fits: impl Fn(u8) -> bool) -> Vec<u8> {
    let length = least as u64 + if one_in(20, dice) { below(400, dice) } else { below(12, dice) };
    let mut text = Vec::new();
    while (text.len() as u64) < length {
        let byte = match below(6, dice) {
            0 => below(256, dice) as u8,
            1 => b"[]:<>{}() .,@-_='\"\\/|"[below(21, dice) as usize],
            _ => b'a' + below(26, dice) as u8,
        };
        if byte != b'\n' && fits(byte) {
            text.push(byte);
        }
    }
    if text.last() == Some(&b'\r') {
        text.push(b'r');
    }
    text
}

fn peer(dice: &mut Dice) -> Value {
    let v4 = match below(5, dice) {
        0 => Ipv4Addr::UNSPECIFIED,
        1 => Ipv4Addr::BROADCAST,
        _ => Ipv4Addr::from(dice.next() as u32),
    };
    let v6 = match below(6, dice) {
        0 => Ipv6Addr::UNSPECIFIED,
        1 => Ipv6Addr::LOCALHOST,
        2 => Ipv6Addr::from(u128::MAX),
        // Many zeros, which are left out where an address is written.
        3 => Ipv6Addr::from(u128::from(dice.next()) << 64 | u128::from(dice.next() & 0xffff)),
        _ => Ipv6Addr::from(u128::from(dice.next()) << 64 | u128::from(dice.next())),
    };
    let ip = if one_in(2, dice) { IpAddr::V4(v4) } else { IpAddr::V6(v6) };
    // An address that only embeds an IPv4 one is that one.
    let port = match below(5, dice) {
        0 | 1 => None,
        2 => Some(0),
        3 => Some(u16::MAX),
        _ => Some(below(65_536, dice) as u16),
    };
    Value::Peer(ip.to_canonical(), port)
}

/// A start from the year 1000 to the end of 9999, often at an edge.
fn start(dice: &mut Dice) -> i64 {
    let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).expect("a day");
    let (first, last) = (day(1000, 1, 1), day(9999, 12, 31));
    let date = match below(8, dice) {
        0 => first,
        1 => last,
        2 => day(2000, 2, 29),
        3 => day(2019, 12, 31),
        4 => day(2020, 1, 1),
        _ => day(2019, 1, 1) + chrono::Days::new(below(366, dice)),
    };
    let second = match below(4, dice) {
        0 => 0,
        1 => 86_399,
        _ => below(86_400, dice) as i64,
    };
    date.signed_duration_since(NaiveDate::default()).num_days() * 86_400 + second
}
