//! Lives of processes (R8).

use super::files::Covered;
use super::lines::{Line, Says};
use std::collections::BTreeMap;

const HOUR: i64 = 3600;
const LONG: i64 = 6 * HOUR;

/// A line so long behind coverage has the stamp of a clock that is far ahead (R14).
const DAY: i64 = 24 * HOUR;

#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) pid: u32,
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// Whether it began with its own start mark.
    marked: bool,
    /// By when it had ended, if it did.
    pub(crate) end: Option<i64>,
    /// Whether it may have ended.
    pub(crate) doubtful: bool,
}

/// The lives of a stream.
pub(crate) fn lives(covered: &Covered) -> Vec<Life> {
    let mut lives = Vec::new();
    let mut by_pid: BTreeMap<u32, Vec<&Line>> = BTreeMap::new();
    let Some((_, last)) = covered.span else { return lives };
    for line in covered.lines.iter().filter(|line| line.at <= last + DAY) {
        by_pid.entry(line.pid).or_default().push(line);
    }
    for (pid, mut lines) in by_pid {
        // Within a second: what still belongs to a life that ends then, its stop, a start, and what follows that.
        let starts: Vec<i64> = lines.iter().filter(|line| line.says == Says::Starting).map(|line| line.at).collect();
        let rank = |line: &&Line| match line.says {
            Says::Stopping => 2,
            Says::Starting => 1,
            _ if starts.contains(&line.at) => 3,
            _ => 0,
        };
        lines.sort_by_key(|line| (line.at, rank(line)));
        lives.extend(lives_of(covered, pid, &lines));
    }
    let all = lives.clone();
    for life in &mut lives {
        life.taken_over(covered, &all);
    }
    lives
}

/// The lives of one pid, each ended by its stop mark or by the next.
fn lives_of(covered: &Covered, pid: u32, lines: &[&Line]) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    let mut stopped = false;
    for line in lines {
        let starts = line.says == Says::Starting;
        // `shutting down` and `exiting` are both of one life.
        let stops = line.says == Says::Stopping;
        let begins = stopped && !stops || starts || lives.last().is_none_or(|life| covered.parted(life, line));
        if begins {
            if let Some(before) = lives.last_mut() {
                before.end = before.end.or(Some(line.at));
            }
            let life = Life { pid, first: line.at, last: line.at, marked: starts, end: None, doubtful: false };
            lives.push(life);
        }
        let Some(life) = lives.last_mut() else { continue };
        life.last = line.at;
        stopped = stops;
        if stopped {
            life.end = Some(line.at);
        }
    }
    lives
}

impl Covered {
    /// Whether a silence of over 6 h, in which others wrote, lies between a life and a line.
    fn parted(&self, life: &Life, line: &Line) -> bool {
        let others = |other: &Line| other.pid != life.pid && life.last < other.at && other.at < line.at;
        line.at - life.last > LONG && self.lines.iter().any(others)
    }

    /// Whether a life that begins now may have been there before: in the first hour, or the first behind a gap.
    fn early(&self, at: i64) -> bool {
        let begins = self.span.map(|(first, _)| first).into_iter().chain(self.gaps.iter().map(|gap| gap.1));
        begins.into_iter().any(|begin| begin <= at && at <= begin + HOUR)
    }
}

impl Life {
    /// Whether nothing shows that this life ended by a moment.
    fn outlives(&self, moment: i64, covered: &Covered, all: &[Life]) -> bool {
        let before: Vec<Life> = all.iter().filter(|other| other.first < moment).cloned().collect();
        let mut life = self.clone();
        life.taken_over(covered, &before);
        life.end.is_none_or(|end| end > moment)
    }

    /// Whether another life's first line shows that this one is over, or may be.
    fn taken_over(&mut self, covered: &Covered, all: &[Life]) {
        let takeovers = all.iter().filter(|other| {
            let newcomer = other.marked || !covered.early(other.first);
            other.pid != self.pid && other.first > self.last && newcomer
        });
        let mut ends: Vec<i64> = self.end.into_iter().collect();
        let mut doubt = false;
        for other in takeovers {
            let moment = other.first;
            let spans = |third: &Life| third.first < moment && moment < third.last;
            // Behind the end of coverage nobody is seen to write: whoever was there before may be there still.
            let at_the_end = covered.span.is_some_and(|(_, last)| moment >= last);
            let stays =
                |third: &Life| third.pid != self.pid && third.first < moment && third.outlives(moment, covered, all);
            let restarted = !all.iter().any(|third| spans(third) || at_the_end && stays(third));
            let goes_on = covered.span.is_some_and(|(_, last)| last - moment >= LONG);
            if restarted || goes_on {
                ends.push(moment);
            } else {
                doubt = true;
            }
        }
        self.end = ends.into_iter().min();
        self.doubtful = doubt && self.end.is_none();
    }
}
