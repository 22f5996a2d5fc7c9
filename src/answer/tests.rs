//! From lines to rows, by what R8 to R14 say. Lines are written in a short form: `10:00:00 100 login ed` is a login of ed at
//! 10:00:00 by process 100; `31/10:00:00` is one of 31 May instead of 29 May 2019.

mod gaps;
mod last_access;
mod lives;
mod moments;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::*;
use crate::fold::{Folder, Needs};
use crate::grammar::Grammars;
use crate::model::{Instant, Service, Stamp};
use crate::pair::Session;
use crate::parse::{Names, Years};
use crate::resolve::{FileFacts, Resolved, hours_to_read_in_full, resolve};
use crate::streams::Streams;
use crate::trail::{FileId, Trail};

/// 29 May 2019, 00:00:00 +0200.
const DAY: Instant = 1_559_080_800;

fn grammars() -> &'static Grammars {
    static GRAMMARS: OnceLock<Grammars> = OnceLock::new();
    GRAMMARS.get_or_init(|| Grammars::new(&[]).expect("the built-in grammars"))
}

/// The instant of `10:00:00` or `31/10:00:00`.
fn instant(time: &str) -> Instant {
    let (day, time) = time.split_once('/').unwrap_or(("29", time));
    let numbers = time.split(':').map(|n| n.parse::<i64>().expect("a number"));
    let seconds = numbers.fold(0, |all, n| all * 60 + n);
    DAY + (day.parse::<i64>().expect("a day") - 29) * 86_400 + seconds
}

fn at(time: &str) -> Stamp {
    Stamp { at: instant(time), offset: 120 }
}

/// A line in full. A user's port is his own unless the line gives one.
fn line(short: &str) -> String {
    let words: Vec<&str> = short.split(' ').collect();
    let [time, pid, rest @ ..] = words.as_slice() else { panic!("{short}") };
    let (day, clock) = time.split_once('/').unwrap_or(("29", time));
    let message = match rest {
        ["login", user, port] => format!("Account Information: login [192.0.2.7:{port}] {user} plaintext"),
        ["login", user] => format!("Account Information: login [192.0.2.7:{}] {user} plaintext", port(user)),
        ["close", user, from, port @ ..] => {
            let seconds = instant(time) - instant(from);
            let (from_day, from) = from.split_once('/').unwrap_or(("29", from));
            let duration = format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
            let number = port.first().map_or_else(|| port_of(user), |p| (*p).to_owned());
            format!("Account Notice: close [192.0.2.7:{number}] {user} 2019/5/{from_day} {from} {duration} 1 2 1")
        }
        ["start"] => "General Notice: imapd starting up".to_owned(),
        ["stop"] => "General Notice: imapd shutting down".to_owned(),
        ["refused"] => "Account Notice: badlogin: [192.0.2.9:50000] plaintext x authentication failure".to_owned(),
        // A connection that never logged in.
        ["shows"] => format!("Account Notice: close [192.0.2.9] [unauthenticated] 2019/5/{day} {clock} 0:00:00 0 1 0"),
        _ => panic!("{short}"),
    };
    format!("[{day}/May/2019:{clock} +0200] store1 imapd[{pid}]: {message}\n")
}

fn port(user: &str) -> u64 {
    user.bytes().fold(0, |port, byte| (port * 31 + u64::from(byte)) % 50_000) + 1000
}

fn port_of(user: &str) -> String {
    port(user).to_string()
}

/// A file: what is known of it beside its lines, and those.
type Text<'a> = (FileFacts, &'a [&'a str]);

/// What is known of an archive in the end.
struct Known {
    resolved: Vec<Resolved>,
    sessions: Vec<Session>,
}

fn read(files: &[Text<'_>]) -> Known {
    let (streams, names) = (Streams::default(), Names::default());
    let mut needs = Needs { pairs: true, ..Needs::default() };
    let fold = |needs: &Needs| -> Trail {
        let mut folder = Folder::new(needs, grammars(), &names, &streams);
        for (number, (_, lines)) in (0..).zip(files) {
            for (section, lines) in (0..).zip(lines.split(|short| *short == "hole")) {
                let text: String = lines.iter().map(|short| line(short)).collect();
                folder.begin(FileId(number), section);
                folder.lines(text.as_bytes(), 0, &Years::default());
                folder.end();
            }
        }
        folder.finish()
    };
    let mut trail = fold(&needs);
    needs.full = hours_to_read_in_full(&trail);
    if !needs.full.is_empty() {
        trail = fold(&needs);
    }
    let mut sessions = Vec::new();
    let Trail { pairs, collected, .. } = &mut trail;
    std::mem::take(pairs).finish(&mut |session| {
        if let (false, Some(connect)) = (session.has_login, session.connect) {
            collected.no_login(session.stream, connect.at);
        }
        sessions.push(session.to_session(crate::pair::Behind::default()));
    });
    let facts: BTreeMap<FileId, FileFacts> = (0..).map(FileId).zip(files.iter().map(|(f, _)| f.clone())).collect();
    Known { resolved: resolve(&trail, &streams, &facts), sessions }
}

impl Known {
    /// Who was connected: `ed` for certain, `ed gap` possibly, with the reasons.
    fn connected(&self, at: At) -> Vec<String> {
        let query = ConnectedQuery {
            at,
            services: vec![Service::Imap],
            users: [].into(),
            drift: 60,
            proxies: Default::default(),
        };
        let rows = connected(&query, &self.resolved, &self.sessions).expect("one instant");
        let mut shown: Vec<String> = rows
            .iter()
            .map(|row| {
                assert_eq!(row.certain, row.flags.is_empty(), "{row:?}");
                let user = String::from_utf8_lossy(row.user).into_owned();
                [vec![user.as_str()], row.flags.clone()].concat().join(" ")
            })
            .collect();
        shown.sort();
        shown
    }

    fn at(&self, time: &str) -> Vec<String> {
        self.connected(At::Instant(at(time)))
    }
}

/// Asserts who was connected at some moments, from the lines of one file.
#[track_caller]
fn check(lines: &[&str], moments: &[(&str, &[&str])]) {
    check_files(&[(FileFacts::default(), lines)], moments);
}

#[track_caller]
fn check_files(files: &[Text<'_>], moments: &[(&str, &[&str])]) {
    let known = read(files);
    for (time, expected) in moments {
        assert_eq!(known.at(time), *expected, "at {time}");
    }
}
