//! A part and its whole, asked the same.

use crate::common::{run, write_all};
use crate::facts::{Line, Stream, What, instant, read, read_any, rfc3339};
use crate::part::lacking;
use crate::sim::{Archive, Config, Service, Session, State, Wreck};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tempfile::TempDir;

/// What a line of B that A lacks does to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// It is the session's login.
    LoginLine,
    /// It is the login of the session before or behind, of the same peer: in the part a close took the wrong login
    /// (R5).
    NeighboursLogin,
    /// It is the session's close.
    CloseLine,
    /// It is the session's close, in the very second in which the part ends.
    SameSecond,
    /// It was written at T or later: T is covered, as it is not in the part.
    Covers,
    /// It lies in a gap of A between login and T.
    GapFilled,
    /// It is a later login of the same peer.
    PeerAgain,
    /// The session's process wrote it: it was alive.
    ProcessWrote,
    /// A process that had been there before wrote it: so it was not the whole service that was restarted, and the
    /// session's process is only doubtful (R8).
    OthersWroteOn,
    /// It shows that the session's process had ended: its stop mark, or a line of another that took over.
    ProcessEnded,
    /// It was written before the session's process died, and not by the process that came then, which therefore had
    /// not been there before (R8: it would not take over).
    NotThereBefore,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    OnlyInPart,
    OnlyInWhole,
    CertainInPart,
    CertainInWhole,
    /// Its login time, its mechanism, or its flags.
    Otherwise,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) parts: usize,
    /// Rows of closed sessions that are the same in both.
    pub(crate) closed: usize,
    /// Rows of closed sessions of which nothing is expected, see `NeighboursLogin`.
    contested: usize,
    rows: usize,
    accesses: usize,
    /// Differences, how many, and one of each kind; the flag says whether the part has a certain row, the whole none.
    named: BTreeMap<(How, Why, bool), (usize, String)>,
}

impl Report {
    pub(crate) fn differences(&self) -> impl Iterator<Item = Why> {
        self.named.keys().map(|(_, why, _)| *why)
    }

    /// Why certain rows of a part are none of the whole.
    pub(crate) fn retracted(&self) -> impl Iterator<Item = Why> {
        self.named.keys().filter(|(.., retracted)| *retracted).map(|(_, why, _)| *why)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { parts, closed, contested, rows, accesses, named } = self;
        write!(f, "{parts} parts, {rows} rows compared, {accesses} last accesses; of closed sessions {closed} rows, ")?;
        write!(f, "{contested} more with a contested login")?;
        for ((how, why, retracted), (count, sample)) in named {
            let certain = if *retracted { ", certain in the part only" } else { "" };
            write!(f, "\n  {count} × {how:?}, {why:?}{certain}: {sample}")?;
        }
        Ok(())
    }
}

/// Stream, peer and user; and the login where it is not the latest of these.
type Key = (Stream, String, String, Option<i64>);
type Rows = BTreeMap<Key, Value>;

/// A session, and whether its login line and its close line are in the part.
type Seen<'a> = (&'a Session, bool, bool);

/// An archive, and what it says at the moments that all its parts are asked about.
pub(crate) struct Whole<'a> {
    config: &'a Config,
    archive: &'a Archive,
    folder: TempDir,
    moments: BTreeMap<i64, Rows>,
    accesses: BTreeMap<String, Value>,
}

impl<'a> Whole<'a> {
    pub(crate) fn new(config: &'a Config, archive: &'a Archive) -> Whole<'a> {
        let folder = folder(&archive.files);
        let accesses = last_accesses(&folder);
        let accesses =
            accesses.into_iter().map(|row| (row["user"].as_str().expect("a user").to_string(), row)).collect();
        let moments = moments(config, archive).into_iter().map(|at| (at, connected(config, &folder, at))).collect();
        Whole { config, archive, folder, moments, accesses }
    }
}

/// At logins, and just before ends, of closed sessions; just after a death; and some others.
fn moments(config: &Config, archive: &Archive) -> Vec<i64> {
    let usual = archive.truth.sessions.iter().filter(|s| s.service != Service::Pop && s.end > Some(s.login));
    let mut times: Vec<(i64, i64)> = usual.filter_map(|s| Some((s.login, s.end? - 1))).collect();
    times.sort_unstable();
    let part = |n: usize| times[times.len() * n / 9];
    let (start, end) = (config.span.start, archive.truth.summary.end);
    let deaths: BTreeSet<i64> = archive.truth.sessions.iter().filter_map(|s| s.lost_at).collect();
    let dead = deaths.iter().nth(deaths.len() / 2).map(|at| at + 5);
    [part(1).1, part(3).0, part(5).1, part(7).0, start + (end - start) / 2, end - 30].into_iter().chain(dead).collect()
}

fn last_accesses(folder: &TempDir) -> Vec<Value> {
    run(folder.path(), &["-a", "--format", "jsonl", "."]).exit(0).rows()
}

fn connected(config: &Config, folder: &TempDir, at: i64) -> Rows {
    let text = rfc3339(config, "store1", at);
    let mut rows = Rows::new();
    for row in run(folder.path(), &["-c", "--at", &text, "--format", "jsonl", "."]).exit(0).rows() {
        let word = |key: &str| row[key].as_str().expect("a text").to_string();
        let service = if row["service"] == "imap" { Service::Imap } else { Service::Http };
        let mut key = ((word("store"), service), word("from"), word("user"), None);
        // Rows come in the order of their logins.
        if let Some(earlier) = rows.insert(key.clone(), row) {
            key.3 = Some(time(&earlier, "since"));
            rows.insert(key, earlier);
        }
    }
    rows
}

pub(crate) struct Pair<'a> {
    name: String,
    whole: &'a Whole<'a>,
    part: TempDir,
    /// Lines that the part lacks, with their texts, in the order of time.
    lacks: Vec<(Line, String)>,
    sessions: BTreeMap<(Stream, &'a str), Vec<Seen<'a>>>,
    /// The last login, close or mark of each stream of the part.
    ends: BTreeMap<Stream, i64>,
}

impl<'a> Pair<'a> {
    pub(crate) fn new(name: String, whole: &'a Whole<'a>, wreck: &Wreck) -> Pair<'a> {
        let (part, archive) = (folder(&wreck.files()), whole.archive);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
        let lacks = lacking(&archive.files, wreck);
        let lacks = lacks.iter().filter_map(|bytes| Some((read_any(bytes.trim_ascii_end())?, text(bytes))));
        let mut lacks: Vec<(Line, String)> = lacks.collect();
        lacks.sort_by_key(|(line, _)| line.at);
        let lost: BTreeSet<(&Stream, &str, i64, What)> =
            lacks.iter().map(|(line, _)| (&line.stream, line.peer.as_str(), line.at, line.what)).collect();
        let mut sessions: BTreeMap<(Stream, &str), Vec<Seen<'_>>> = BTreeMap::new();
        for s in &archive.truth.sessions {
            let stream = (s.store.clone(), s.service);
            let has = |at: i64, what: What| !lost.contains(&(&stream, s.from.as_str(), at, what));
            let login = s.login_logged && has(s.login, What::Login);
            let close = s.end.is_some_and(|end| s.close_logged && has(end, What::Close));
            sessions.entry((stream, &s.from)).or_default().push((s, login, close));
        }
        let mut ends: BTreeMap<Stream, i64> = BTreeMap::new();
        let kept = wreck.logs.iter().flat_map(|log| &log.lines).filter(|line| line.state == State::Whole);
        for line in kept.filter_map(|line| read(line.bytes.trim_ascii_end())) {
            let end = ends.entry(line.stream).or_insert(line.at);
            *end = line.at.max(*end);
        }
        Pair { name, whole, part, lacks, sessions, ends }
    }

    pub(crate) fn check(&self, report: &mut Report) {
        self.check_last_access(report);
        for (at, whole) in &self.whole.moments {
            self.check_at(*at, whole, report);
        }
        // The moment up to which all of the part is covered.
        let usual = self.ends.iter().filter(|((_, service), _)| *service != Service::Pop);
        if let Some(at) = usual.map(|(_, at)| *at).min() {
            self.check_at(at, &connected(self.whole.config, &self.whole.folder, at), report);
        }
        report.parts += 1;
    }

    fn check_at(&self, at: i64, whole: &Rows, report: &mut Report) {
        let part = connected(self.whole.config, &self.part, at);
        self.check_closed(at, &part, whole, report);
        for key in part.keys().chain(whole.keys()).collect::<BTreeSet<_>>() {
            report.rows += 1;
            self.check_row(at, key, part.get(key), whole.get(key), report);
        }
    }

    /// Closed sessions of the part are rows of both up to their ends, the same in every byte, and then of neither.
    fn check_closed(&self, at: i64, part: &Rows, whole: &Rows, report: &mut Report) {
        let asked = |stream: &Stream| stream.1 != Service::Pop && self.ends.get(stream).is_some_and(|end| at <= *end);
        for ((stream, from), sessions) in self.sessions.iter().filter(|((stream, _), _)| asked(stream)) {
            for (s, login, _) in sessions.iter().filter(|(.., close)| *close) {
                let key = (stream.clone(), from.to_string(), s.user.clone(), None);
                let own = |rows: &Rows| {
                    let began = |row: &&Value| (s.connect..=s.login).contains(&time(row, "since"));
                    rows.get(&key).filter(began).cloned()
                };
                let (a, b) = (own(part), own(whole));
                let complaint = || format!("{} at {at}: {s:?}\npart: {a:?}\nwhole: {b:?}", self.name);
                let certain = |row: &Option<Value>| row.as_ref().is_some_and(|row| row["certainty"] == "certain");
                let (since, end) = (if *login { s.login } else { s.connect }, s.end.expect("closed"));
                if self.is_contested(s, sessions) {
                    report.contested += 1;
                    continue;
                }
                if at < since || end <= at {
                    // A session of one second may begin where another of its peer ends.
                    let other = |row: &Option<Value>| row.as_ref().is_some_and(|row| time(row, "since") != end);
                    let early = *login && at < since;
                    assert!(early || !other(&a) && !other(&b), "a row at the wrong time: {}", complaint());
                    continue;
                }
                assert!(certain(&a), "no certain row in the part: {}", complaint());
                // Without its login line a session begins a moment early in the part.
                let same = *login || !s.login_logged;
                assert!(certain(&b) || !same && at < s.login, "no certain row in the whole: {}", complaint());
                assert!(a == b || !same, "not the same: {}", complaint());
                report.closed += 1;
            }
        }
    }

    /// Whether R5 may have given a login to the wrong close: a close takes the earliest login up to 60 s behind it,
    /// so if its own is not in the part, that of the same peer's next session.
    fn is_contested(&self, session: &Session, of_peer: &[Seen<'_>]) -> bool {
        let takes = |one: &Seen<'_>, two: &Seen<'_>| {
            let (close, login) = (one.0.end.unwrap_or(i64::MAX), two.0.login);
            one.2 && !one.1 && two.1 && one.0.connect <= login && login <= close.saturating_add(60)
        };
        let own = |seen: &Seen<'_>| std::ptr::eq(seen.0, session);
        of_peer
            .iter()
            .any(|one| of_peer.iter().any(|two| (own(one) || own(two)) && !(own(one) && own(two)) && takes(one, two)))
    }

    /// Where a row differs, a line that the part lacks says why.
    fn check_row(&self, at: i64, key: &Key, a: Option<&Value>, b: Option<&Value>, report: &mut Report) {
        let certain = |row: Option<&Value>| row.is_some_and(|row| row["certainty"] == "certain");
        let how = match (a, b) {
            _ if a == b => return,
            (Some(_), None) => How::OnlyInPart,
            (None, _) => How::OnlyInWhole,
            _ if certain(a) && !certain(b) => How::CertainInPart,
            _ if certain(b) && !certain(a) => How::CertainInWhole,
            _ => How::Otherwise,
        };
        let Some((why, text)) = self.explain(how, at, key, a, b) else {
            panic!("{}: no line of the whole says why, at {at}:\npart: {a:?}\nwhole: {b:?}", self.name)
        };
        let sample =
            || format!("{}\n      part:  {}\n      whole: {}\n      line:  {text}", self.name, shown(a), shown(b));
        let named = report.named.entry((how, why, certain(a) && !certain(b)));
        named.or_insert_with(|| (0, sample())).0 += 1;
    }

    fn explain(&self, how: How, at: i64, key: &Key, a: Option<&Value>, b: Option<&Value>) -> Option<(Why, &str)> {
        let (stream, from, user, _) = key;
        let since = |row: Option<&Value>| row.map(|row| time(row, "since"));
        let began = since(b).or(since(a))?;
        let own = self.sessions.get(&(stream.clone(), from.as_str()))?;
        let (session, ..) = own.iter().find(|(s, ..)| s.user == *user && (s.connect..=s.login).contains(&began))?;
        let find = |why: Why, fits: &dyn Fn(&Line) -> bool| {
            let found = self.lacks.iter().find(|(line, _)| line.stream == *stream && fits(line));
            found.map(|(_, text)| (why, text.as_str()))
        };
        let of_peer = |line: &Line, what: What| line.what == what && line.peer == *from;
        let login = || find(Why::LoginLine, &|l| of_peer(l, What::Login) && l.at == session.login);
        let neighbours = || {
            let contested = self.is_contested(session, own);
            find(Why::NeighboursLogin, &|l| of_peer(l, What::Login) && contested && l.at != session.login)
        };
        let close = || find(Why::CloseLine, &|l| of_peer(l, What::Close) && Some(l.at) == session.end);
        let covers = || find(Why::Covers, &|l| l.at >= at && l.what != What::Other);
        let end = self.ends.get(stream).copied();
        let same_second = || close().filter(|_| Some(at) == end && session.end == end).map(|c| (Why::SameSecond, c.1));
        let again = || find(Why::PeerAgain, &|l| of_peer(l, What::Login) && l.at > session.login);
        let gap = || find(Why::GapFilled, &|l| l.at >= began);
        let wrote = || find(Why::ProcessWrote, &|l| l.pid == session.pid && l.at >= at);
        let others = || find(Why::OthersWroteOn, &|l| l.pid != session.pid && l.at >= at);
        let ended = || self.explain_death(session, at);
        let had = |row: Option<&Value>, flag: &str| {
            row.and_then(|row| row["flags"].as_array()).is_some_and(|flags| flags.iter().any(|f| f == flag))
        };
        match how {
            How::OnlyInPart if since(a) < Some(session.login) => login().or_else(close),
            How::OnlyInPart => same_second().or_else(close).or_else(ended).or_else(again),
            How::OnlyInWhole if end.is_none_or(|end| end < at) => covers(),
            How::OnlyInWhole => login().or_else(neighbours).or_else(close).or_else(wrote).or_else(others),
            How::CertainInWhole => close().or_else(|| gap().filter(|_| had(a, "gap"))).or_else(wrote).or_else(ended),
            How::CertainInPart if had(b, "peer-reused") => again(),
            How::CertainInPart => ended(),
            How::Otherwise if since(a) != since(b) => login().or_else(neighbours),
            How::Otherwise if a.map(|a| &a["auth"]) != b.map(|b| &b["auth"]) => login().or_else(neighbours),
            How::Otherwise if had(a, "gap") && !had(b, "gap") => gap(),
            How::Otherwise => ended().or_else(again).or_else(others),
        }
    }

    /// A stop mark, or a line of a process that came when the session's had died, up to T; or a line of the hour
    /// before that came, which shows that it had not been there before; or a later line of it, which proves the
    /// takeover.
    fn explain_death(&self, session: &Session, at: i64) -> Option<(Why, &str)> {
        let died = session.lost_at?;
        let lives = self.whole.archive.truth.lives.iter();
        let ours = lives.filter(|life| (&life.store, life.service) == (&session.store, session.service));
        let came: BTreeMap<u32, i64> = ours.filter_map(|l| Some((l.pid, l.start?))).filter(|l| l.1 >= died).collect();
        let born = came.values().min().copied().unwrap_or(died);
        let find = |why: Why, fits: &dyn Fn(&Line) -> bool| {
            let own = |line: &Line| (&line.stream.0, line.stream.1) == (&session.store, session.service);
            let found = self.lacks.iter().find(|(line, _)| own(line) && fits(line));
            found.map(|(_, text)| (why, text.as_str()))
        };
        let tells = |line: &Line| match line.what {
            What::Stop => line.pid == session.pid && line.at >= session.login,
            _ => line.at >= died && came.contains_key(&line.pid),
        };
        find(Why::ProcessEnded, &|line| tells(line) && line.at <= at)
            .or_else(|| find(Why::NotThereBefore, &|line| (born - 3600..=born).contains(&line.at)))
            .or_else(|| find(Why::ProcessEnded, &tells))
            .or_else(|| find(Why::NotThereBefore, &|line| line.at <= born))
    }

    /// No last login or logout is later in the part.
    fn check_last_access(&self, report: &mut Report) {
        for row in last_accesses(&self.part) {
            let other = &self.whole.accesses[row["user"].as_str().expect("a user")];
            for service in ["imap", "http", "pop"] {
                for what in ["last_login", "last_logout", "last_access"] {
                    let at = |row: &Value| row[service][what].as_str().map(|text| instant(text).0);
                    assert!(at(&row) <= at(other), "{}: {service} {what}: {row} but {other}", self.name);
                }
            }
            report.accesses += 1;
        }
    }
}

fn folder(files: &[(String, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_all(folder.path(), files);
    folder
}

fn time(row: &Value, key: &str) -> i64 {
    instant(row[key].as_str().expect("a time")).0
}

fn shown(row: Option<&Value>) -> String {
    row.map_or("no row".into(), Value::to_string)
}
