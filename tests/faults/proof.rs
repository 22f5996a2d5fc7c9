//! What a damaged archive still proves: the simulator's truth, less all that only lost or damaged lines told.

use crate::facts::{Line, Stream, What, read};
use crate::packed::Packed;
use crate::sim::{Archive, Config, Log, Origin, Service, Session, State, Wreck, stamp};
use crate::wounds::{Doubtful, Span, Wounds};
use std::collections::{BTreeMap, BTreeSet};

/// A silence this long in a busy stream is a gap (R9).
const SILENCE: i64 = 3600;
/// So many lines in its median hour make a stream busy (R9).
const BUSY: usize = 100;
/// Without a port a login must lie so near to the connect (R5).
const NEAR: i64 = 300;
/// Files may have so much in common, since lines are buffered (R13).
const BUFFERED: i64 = 60;

pub(crate) struct Proof {
    /// Its files have the whole lines only; a session of its truth has the login and the close of which the lines are
    /// there, and the times that these give.
    pub(crate) archive: Archive,
    pub(crate) wounds: Wounds,
}

impl Proof {
    /// What files prove of which the wreck tells what they decode to.
    pub(crate) fn of(config: &Config, original: &Archive, packed: &Packed) -> Proof {
        let Packed { wreck, unreadable, vague, .. } = packed;
        let ports = config.traffic.ports;
        let mut wounds = Wounds::new(ports);
        let mut archive = original.clone();
        let (mut shifted, mut copied) = (BTreeMap::new(), BTreeSet::new());
        let lines: BTreeMap<Origin, State> = wreck
            .logs
            .iter()
            .flat_map(|log| &log.lines)
            .filter(|line| line.state != State::Altered)
            .map(|line| (line.origin, line.state))
            .collect();
        let mut times: BTreeMap<Origin, usize> = BTreeMap::new();
        wreck.logs.iter().flat_map(|log| &log.lines).for_each(|line| *times.entry(line.origin).or_default() += 1);
        for (origin, n, what) in told(original) {
            let session = &mut archive.truth.sessions[n];
            match (what, lines.get(&origin)) {
                (What::Login, Some(State::Shifted(seconds))) => session.login += seconds,
                (What::Login, None) => session.login_logged = false,
                (What::Close, Some(State::Shifted(seconds))) => shift_end(session, *seconds),
                (What::Close, None) => (session.end, session.close_logged) = (None, false),
                _ => {}
            }
            for _ in 1..times.get(&origin).copied().unwrap_or_default() {
                copied.insert(n);
                if what == What::Login {
                    wounds.add_copy(session);
                }
            }
            if let Some(State::Shifted(seconds)) = lines.get(&origin) {
                *shifted.entry(n).or_default() += if what == What::Close { *seconds } else { 0 };
            }
        }
        for log in &wreck.logs {
            // Lines that have run together are one.
            let debris: Vec<u8> =
                log.lines.iter().filter(|l| l.state == State::Altered).fold(Vec::new(), |mut all, l| {
                    all.extend_from_slice(&l.bytes);
                    all
                });
            debris.split(|b| *b == b'\n').for_each(|line| wounds.add_debris(line));
        }
        for n in unreadable.iter().filter(|_| *vague) {
            original.files[*n].1.split(|b| *b == b'\n').for_each(|line| wounds.add_debris(line));
        }
        archive.files = wreck.logs.iter().map(|log| (log.path.clone(), whole(log))).collect();
        if ports {
            shifted.keys().for_each(|n| wounds.add_session(&archive.truth.sessions[*n]));
            name_takers(&archive, &mut wounds);
        } else {
            name_neighbours(&archive, &shifted, &copied, &mut wounds);
        }
        let shown = Shown::of(wreck, unreadable);
        shown.gaps(&mut wounds, *vague);
        shown.overlaps(&mut wounds);
        Proof { archive, wounds }
    }
}

/// R5 lets a close that lacks its login line take the next one of its peer, up to 60 s behind: of such sessions nothing
/// is expected.
fn name_takers(archive: &Archive, wounds: &mut Wounds) {
    let mut logins: BTreeSet<(u32, &str, i64)> = BTreeSet::new();
    let sessions = &archive.truth.sessions;
    logins.extend(sessions.iter().filter(|s| s.login_logged).map(|s| (s.pid, s.from.as_str(), s.login)));
    for s in sessions.iter().filter(|s| s.close_logged && !s.login_logged) {
        let end = s.end.expect("a close has an end");
        if logins.range((s.pid, s.from.as_str(), s.connect)..=(s.pid, &s.from, end + BUFFERED)).next().is_some() {
            wounds.add_session(s);
        }
    }
}

/// Store, service, pid, peer and user: without ports, that is all that a login and its close have in common.
type Group<'a> = (&'a str, Service, u32, &'a str, &'a str);

/// Without ports, only time tells the sessions of one user from one address apart (R5). Of those that could take each
/// other's logins nothing is expected unless each of them has both its lines, where they belong, and each once: the copy of
/// a close takes the next login.
fn name_neighbours(archive: &Archive, shifted: &BTreeMap<usize, i64>, copied: &BTreeSet<usize>, wounds: &mut Wounds) {
    let mut groups: BTreeMap<Group<'_>, Vec<(bool, Known<'_>)>> = BTreeMap::new();
    for (n, s) in archive.truth.sessions.iter().enumerate().filter(|(_, s)| s.login_logged || s.close_logged) {
        let whole = s.login_logged && s.close_logged && !shifted.contains_key(&n) && !copied.contains(&n);
        if shifted.contains_key(&n) {
            wounds.add_session(s);
        }
        let known = (s, shifted.get(&n).copied().unwrap_or_default());
        groups.entry((&s.store, s.service, s.pid, &s.from, &s.user)).or_default().push((whole, known));
    }
    for group in groups.values() {
        // Who is reached from a session that lacks a line, or from one that was reached.
        let mut reached: Vec<bool> = group.iter().map(|_| false).collect();
        let mut next: Vec<usize> = (0..group.len()).filter(|n| !group[*n].0).collect();
        while let Some(one) = next.pop() {
            for two in (0..group.len()).filter(|two| *two != one) {
                if (may_take(group[one].1, group[two].1) || may_take(group[two].1, group[one].1)) && !reached[two] {
                    (reached[one], reached[two]) = (true, true);
                    next.push(two);
                }
            }
        }
        let reached = group.iter().zip(reached).filter(|(_, reached)| *reached);
        reached.for_each(|((_, (session, _)), _)| wounds.add_session(session));
    }
}

/// A session, and how far its close was shifted.
type Known<'a> = (&'a Session, i64);

/// Whether a close may take another's login, where there is no port: near to either reading of its connect (R5).
fn may_take((close, shift): Known<'_>, (login, _): Known<'_>) -> bool {
    let last = |connect: i64| close.end.map(|end| (end + BUFFERED).min(connect + NEAR));
    let reads = |connect: i64| last(connect).is_some_and(|last| (connect..=last).contains(&login.login));
    close.close_logged && login.login_logged && (reads(close.connect) || reads(close.connect + shift))
}

/// R4, for a close whose stamp moved while start and duration stayed.
fn shift_end(session: &mut Session, seconds: i64) {
    let end = session.end.expect("a close has an end");
    let duration = end - session.connect;
    let shifted = end + seconds;
    session.end = Some(shifted);
    if session.connect > shifted {
        session.connect = shifted - duration;
    }
}

/// Stream, peer, user, pid, time: what a login or close line says.
type Said = (Stream, String, String, u32, i64, What);

/// Every login and close line of the archive with the number of its session.
fn told(archive: &Archive) -> Vec<(Origin, usize, What)> {
    // Without ports a user may do the same thing twice in one second: which line is whose makes no difference.
    let mut sessions: BTreeMap<Said, Vec<usize>> = BTreeMap::new();
    for (n, s) in archive.truth.sessions.iter().enumerate() {
        let mut add = |at: i64, what: What| {
            let stream = (s.store.clone(), s.service);
            sessions.entry((stream, s.from.clone(), s.user.clone(), s.pid, at, what)).or_default().push(n);
        };
        if s.login_logged {
            add(s.login, What::Login);
        }
        if s.close_logged {
            add(s.end.expect("a close has an end"), What::Close);
        }
    }
    let mut told = Vec::new();
    for (file, (_, bytes)) in archive.files.iter().enumerate() {
        for (line, bytes) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            let Some(said) = read(bytes.trim_ascii_end()) else { continue };
            let same = sessions.get_mut(&(said.stream, said.peer, said.user, said.pid, said.at, said.what));
            told.extend(same.and_then(Vec::pop).map(|n| (Origin { file, line }, n, said.what)));
        }
    }
    assert!(sessions.values().all(Vec::is_empty), "every login and close of the truth has its line");
    told
}

/// The lines of a file that are whole, perhaps with another stamp.
fn whole(log: &Log) -> Vec<u8> {
    let lines = log.lines.iter().filter(|line| line.state != State::Altered);
    lines.flat_map(|line| [line.bytes.trim_ascii_end(), b"\n"].concat()).collect()
}

/// Whether a file has no login, close or mark that is whole.
fn says_nothing(log: &Log) -> bool {
    whole(log).split(|b| *b == b'\n').all(|line| read(line).is_none())
}

/// One file's part of a stream.
struct Part {
    /// First and last login, close or mark of the stream.
    own: Span,
    /// First and last stamp in the file, whatever the line says, damaged lines included.
    any: Span,
    number: Option<u64>,
    /// The file behind it is there, but no line of it can be decoded.
    before_unread: bool,
    unreadable: bool,
    /// Lines that are not whole may have moved what the file shows as its last line.
    debris: bool,
}

/// What whole lines show of every stream: the parts that lie in files, in order, and all stamps.
struct Shown {
    parts: BTreeMap<Stream, Vec<Part>>,
    lines: BTreeMap<Stream, Vec<i64>>,
}

impl Shown {
    fn of(wreck: &Wreck, unreadable: &BTreeSet<usize>) -> Shown {
        let mut shown = Shown { parts: BTreeMap::new(), lines: BTreeMap::new() };
        let name = |log: &Log| log.path.split('.').next().map(str::to_string);
        let next = |n: usize, log: &Log| (n + 1..wreck.logs.len()).find(|n| name(&wreck.logs[*n]) == name(log));
        for (n, log) in wreck.logs.iter().enumerate() {
            let stamps = || log.lines.iter().filter_map(|line| stamp(&line.bytes));
            let mut own: BTreeMap<Stream, Vec<i64>> = BTreeMap::new();
            for Line { stream, at, .. } in whole(log).split(|b| *b == b'\n').filter_map(read) {
                own.entry(stream).or_default().push(at);
            }
            let unread = next(n, log).filter(|n| unreadable.contains(n) && says_nothing(&wreck.logs[*n]));
            let altered = |log: &Log| log.lines.iter().any(|line| line.state == State::Altered);
            for (stream, lines) in own {
                let span = (*lines.iter().min().expect("a line"), *lines.iter().max().expect("a line"));
                let part = Part {
                    own: span,
                    any: (stamps().min().unwrap_or(span.0), stamps().max().unwrap_or(span.1)),
                    number: log.path.split('.').nth(1).and_then(|number| number.parse().ok()),
                    before_unread: unread.is_some(),
                    unreadable: unreadable.contains(&n),
                    debris: altered(log) || unread.is_some_and(|n| altered(&wreck.logs[n])),
                };
                shown.parts.entry(stream.clone()).or_default().push(part);
                shown.lines.entry(stream).or_default().extend(lines);
            }
        }
        shown.parts.values_mut().for_each(|parts| parts.sort_by_key(|part| part.own));
        shown.lines.values_mut().for_each(|lines| lines.sort_unstable());
        shown
    }

    /// R9: missing numbers, damaged files, silences. Where it is vague what a decoder gives of a damaged file, its
    /// gap is.
    fn gaps(&self, wounds: &mut Wounds, vague: bool) {
        for (stream, parts) in &self.parts {
            for (n, one) in parts.iter().enumerate() {
                let two = parts.get(n + 1);
                let last = self.lines[stream].last().copied().unwrap_or(i64::MAX);
                let perhaps = (one.own.1, two.map_or(last, |two| two.own.0));
                let sure = (one.any.1, two.map_or(last, |two| two.any.0));
                let lacks = |two: &Part| two.number.zip(one.number).is_some_and(|(two, one)| two > one + 1);
                let known = two.is_some_and(lacks) || one.unreadable || one.before_unread;
                let sure = (known && !one.debris && !vague && sure.0 < sure.1).then_some(sure);
                // A file whose successor is the current one may have lost others behind it: nothing shows that. And
                // a cut text is no damaged file.
                if known && perhaps.0 < perhaps.1 {
                    wounds.add_gap(stream, Doubtful { sure, perhaps });
                }
                if known && parts.iter().any(|part| part.debris) {
                    // A damaged stamp may have put the files in another order, and a missing number elsewhere.
                    wounds.add_gap(stream, Doubtful { sure: None, perhaps: (i64::MIN, i64::MAX) });
                }
            }
        }
        for (stream, lines) in &self.lines {
            let mut hours: BTreeMap<i64, usize> = BTreeMap::new();
            lines.iter().for_each(|at| *hours.entry(at.div_euclid(3600)).or_default() += 1);
            let mut counts: Vec<usize> = hours.into_values().collect();
            counts.sort_unstable();
            let median = counts[counts.len() / 2];
            // Damaged lines may have broken a silence, or made the stream a busy one.
            let broken = vague || self.parts[stream].iter().any(|part| part.debris);
            let busy = if broken { BUSY * 9 / 10 } else { BUSY };
            let silent = lines.windows(2).filter(|pair| pair[1] - pair[0] >= SILENCE && median >= busy);
            for pair in silent {
                let span = (pair[0], pair[1]);
                wounds.add_gap(stream, Doubtful { sure: (!broken).then_some(span), perhaps: span });
            }
        }
    }

    /// R13: spans that two files have in common.
    fn overlaps(&self, wounds: &mut Wounds) {
        let common = |one: Span, two: Span| (one.0.max(two.0), one.1.min(two.1));
        for (stream, parts) in &self.parts {
            for (n, one) in parts.iter().enumerate() {
                for two in &parts[n + 1..] {
                    let (own, any) = (common(one.own, two.own), common(one.any, two.any));
                    if any.0 <= any.1 {
                        let sure = (own.1 - own.0 > BUFFERED).then_some(own);
                        wounds.add_overlap(stream, Doubtful { sure, perhaps: any });
                    }
                }
            }
        }
    }
}
