//! Lives of processes (R8): when each began, when it last wrote, and whether it is known to have ended.

use std::collections::BTreeMap;

use super::span::{FAR, Gap};
use crate::model::Instant;
use crate::streams::StreamId;
use crate::trail::{ProcessHours, Trail, hour};

/// A silence longer than this, in which others wrote, parts two lives (R8), in seconds.
const SILENCE: Instant = 6 * 3600;
/// Lives that begin this soon after the logs do were there before (R8), in seconds.
const THERE_BEFORE: Instant = 3600;

/// How a life ended, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeEnd {
    /// Nothing speaks against its going on.
    NotKnown,
    /// It had ended at this moment.
    Ended(Instant),
    /// A takeover that proves nothing: it is doubtful after its last line.
    Doubtful,
}

/// A stretch of one pid's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// Its first line.
    pub first: Instant,
    /// Its last line.
    pub last: Instant,
    /// It began with a start mark.
    pub marked: bool,
    /// Its own stop mark.
    stopped: Option<Instant>,
    /// How it ended.
    pub end: LifeEnd,
}

/// The lives of a stream's processes, by pid, in order.
#[derive(Clone, Debug, Default)]
pub struct Lives {
    by_pid: BTreeMap<u32, Vec<Life>>,
}

impl Lives {
    pub(super) fn new(trail: &Trail, id: StreamId, covered: (Instant, Instant), gaps: &[Gap]) -> Lives {
        let processes: Vec<(u32, &ProcessHours)> =
            trail.coverage.processes.range((id, 0)..=(id, u32::MAX)).map(|((_, pid), p)| (*pid, p)).collect();
        let others = Others::new(&processes);
        let mut by_pid: BTreeMap<u32, Vec<Life>> = BTreeMap::new();
        for (pid, process) in &processes {
            let lives = lives_of(*pid, process, &others, covered.1);
            if !lives.is_empty() {
                by_pid.insert(*pid, lives);
            }
        }
        let births = Births::new(&by_pid, covered, gaps);
        for lives in by_pid.values_mut() {
            let next: Vec<Option<Instant>> = lives.iter().skip(1).map(|l| Some(l.first)).chain([None]).collect();
            for (life, next) in lives.iter_mut().zip(next) {
                life.end = births.end_of(life, next);
            }
        }
        Lives { by_pid }
    }

    /// The life of a pid in which it wrote at an instant.
    pub fn at(&self, pid: u32, at: Instant) -> Option<&Life> {
        self.by_pid.get(&pid)?.iter().rev().find(|life| life.first <= at && at <= life.last)
    }
}

/// Who wrote when, to tell whether others wrote during a silence.
struct Others {
    /// Hour → (pid, first, last).
    hours: BTreeMap<i64, Vec<(u32, Instant, Instant)>>,
}

impl Others {
    fn new(processes: &[(u32, &ProcessHours)]) -> Others {
        let mut hours: BTreeMap<i64, Vec<(u32, Instant, Instant)>> = BTreeMap::new();
        for (pid, process) in processes {
            for (hour, (first, last)) in &process.hours {
                hours.entry(*hour).or_default().push((*pid, *first, *last));
            }
        }
        Others { hours }
    }

    fn wrote(&self, pid: u32, from: Instant, to: Instant) -> bool {
        let inside = |at: Instant| from < at && at < to;
        self.hours
            .range(hour(from)..=hour(to))
            .flat_map(|(_, wrote)| wrote)
            .any(|(other, first, last)| *other != pid && (inside(*first) || inside(*last)))
    }
}

/// The stretches of a pid's lines, in order: single lines where the hour was kept in full, as is every hour that a mark divides
/// ([`super::hours_to_read_in_full`]), else first to last of an hour. Lines that do not cover, such as refused logins, count
/// behind the end of coverage as well, but not those of a clock far ahead (R14).
fn stretches(process: &ProcessHours, end: Instant) -> Vec<(Instant, Instant)> {
    let mut all = Vec::new();
    for (h, (first, last)) in &process.hours {
        let full = process.full.range(h * 3600..(h + 1) * 3600);
        let before = all.len();
        all.extend(full.map(|at| (*at, *at)));
        if all.len() == before {
            all.push((*first, *last));
        }
    }
    let far = end.saturating_add(FAR);
    all.retain(|(first, _)| *first <= far);
    all.iter_mut().for_each(|(_, last)| *last = far.min(*last));
    all
}

fn lives_of(pid: u32, process: &ProcessHours, others: &Others, end: Instant) -> Vec<Life> {
    let mark = |at: Instant, start: bool| process.marks.contains(&(at, start));
    let mut lives: Vec<Life> = Vec::new();
    for (first, last) in stretches(process, end) {
        let starts = mark(first, true);
        let is_stop = first == last && mark(first, false);
        let goes_on = lives.last().is_some_and(|life| {
            let silent = first - life.last > SILENCE && others.wrote(pid, life.last, first);
            let over = life.stopped.is_some() && !is_stop;
            !(starts || silent || over)
        });
        let stopped = process.marks.range((first, false)..=(last, true)).rev().find(|(_, s)| !s).map(|(at, _)| *at);
        match lives.last_mut() {
            Some(life) if goes_on => {
                life.last = last;
                life.stopped = stopped.or(life.stopped);
            }
            _ => lives.push(Life { first, last, marked: starts, stopped, end: LifeEnd::NotKnown }),
        }
    }
    lives
}

/// The moments at which lives began that may have taken over from others.
struct Births {
    all: Vec<Instant>,
    /// Those that prove that everything before has ended.
    proofs: Vec<Instant>,
}

impl Births {
    fn new(by_pid: &BTreeMap<u32, Vec<Life>>, covered: (Instant, Instant), gaps: &[Gap]) -> Births {
        let lives = by_pid.values().flatten();
        let behind = |edge: Instant, at: Instant| edge <= at && at <= edge.saturating_add(THERE_BEFORE);
        let there_before = |life: &Life| {
            !life.marked && (behind(covered.0, life.first) || gaps.iter().any(|gap| behind(gap.to, life.first)))
        };
        let mut all: Vec<Instant> = lives.clone().filter(|l| !there_before(l)).map(|l| l.first).collect();
        all.sort_unstable();
        all.dedup();
        let mut firsts: Vec<Instant> = lives.clone().map(|l| l.first).collect();
        let mut ended: Vec<(Instant, Instant)> = lives.map(|l| (l.last, l.first)).collect();
        firsts.sort_unstable();
        ended.sort_unstable();
        // How many lives wrote both before and after a moment: begun before it, less those that also ended by it.
        let spanning = |at: Instant| {
            let begun = firsts.partition_point(|first| *first < at);
            let over = ended.partition_point(|(last, _)| *last <= at);
            let over_at_once = ended
                .get(..over)
                .unwrap_or_default()
                .iter()
                .rev()
                .take_while(|(last, _)| *last == at)
                .filter(|(_, first)| *first == at)
                .count();
            begun + over_at_once - over.min(begun + over_at_once)
        };
        let (inside, edge) = all.split_at(all.partition_point(|at| *at < covered.1));
        let proves = |at: &Instant| spanning(*at) == 0 || covered.1 >= at + SILENCE;
        let mut births = Births { proofs: inside.iter().copied().filter(proves).collect(), all: Vec::new() };
        // Where coverage ends, nobody can have written after a moment: it proves something only if nobody else was there.
        for at in edge {
            let there = by_pid.values().filter(|lives| births.is_there(lives, *at)).count();
            if spanning(*at) == 0 && there <= 1 {
                births.proofs.push(*at);
            }
        }
        Births { all, ..births }
    }

    /// Whether a pid had a life before a moment that is not known to have ended by then.
    fn is_there(&self, lives: &[Life], at: Instant) -> bool {
        let before = lives.partition_point(|life| life.first <= at);
        lives.get(..before).and_then(<[Life]>::last).is_some_and(|life| {
            let taken_over = self.proofs.last().is_some_and(|proof| *proof > life.last);
            life.first < at && life.stopped.is_none() && !taken_over
        })
    }

    fn end_of(&self, life: &Life, next_of_pid: Option<Instant>) -> LifeEnd {
        if let Some(at) = life.stopped {
            return LifeEnd::Ended(at);
        }
        let after = |moments: &[Instant]| moments.get(moments.partition_point(|at| *at <= life.last)).copied();
        match (after(&self.proofs), next_of_pid) {
            (Some(a), Some(b)) => LifeEnd::Ended(a.min(b)),
            (Some(at), None) | (None, Some(at)) => LifeEnd::Ended(at),
            (None, None) if after(&self.all).is_some() => LifeEnd::Doubtful,
            (None, None) => LifeEnd::NotKnown,
        }
    }
}
