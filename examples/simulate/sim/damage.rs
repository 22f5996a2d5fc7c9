//! What may happen to an archive after it was written: files are cut, bytes flip, lines and files are lost, repeated,
//! mixed up, or carry the stamps of a clock that jumped.
//!
//! Damage keeps account of every line: a [`Wreck`] says of each line that is still there whether it is whole, and
//! which lines are gone. So whoever knows what a line said knows what can still be proved.

use super::clockwork::{level_word, shift_stamp, stamp};
use super::rng::Rng;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Damage {
    /// Files end early, mostly inside a line.
    Cut,
    /// Single bytes are others.
    Flip,
    /// Lines are missing, one by one and by the dozen.
    DropLines,
    /// Files are missing: at the ends of a stream or between others.
    DropFiles,
    /// Files are there twice under other names, some of the copies only in part.
    RepeatFiles,
    /// A file has the end of one file and the beginning of the next, which are there as well.
    Overlap,
    /// Neighbouring lines have changed places.
    SwapLines,
    /// The files of two services are riffled into one.
    Interleave,
    /// A stretch of lines has the stamps of a clock that is some minutes off.
    JumpClock,
    /// From its middle on a stream logs at Notice, or until then.
    MixLevels,
}

impl Damage {
    pub(crate) const ALL: [Damage; 10] = [
        Damage::Cut,
        Damage::Flip,
        Damage::DropLines,
        Damage::DropFiles,
        Damage::RepeatFiles,
        Damage::Overlap,
        Damage::SwapLines,
        Damage::Interleave,
        Damage::JumpClock,
        Damage::MixLevels,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Damage::Cut => "cut",
            Damage::Flip => "flip",
            Damage::DropLines => "drop-lines",
            Damage::DropFiles => "drop-files",
            Damage::RepeatFiles => "repeat-files",
            Damage::Overlap => "overlap",
            Damage::SwapLines => "swap-lines",
            Damage::Interleave => "interleave",
            Damage::JumpClock => "jump-clock",
            Damage::MixLevels => "mix-levels",
        }
    }

    /// Whether it may hit a compressed file as well as a text.
    pub(crate) fn is_of_bytes(self) -> bool {
        matches!(self, Damage::Cut | Damage::Flip)
    }
}

/// Where a line stood: the number of its file and its own in there, both from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin {
    pub(crate) file: usize,
    pub(crate) line: usize,
}

/// What became of a line that is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Whole,
    /// Some of its bytes are gone or others, or it no longer begins or ends where a line does.
    Altered,
    /// Whole, but for its stamp, which is so many seconds later.
    Shifted(i64),
}

/// A line as it is now, its newline included if it still has one.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) origin: Origin,
    pub(crate) bytes: Vec<u8>,
    pub(crate) state: State,
}

/// A file as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) path: String,
    pub(crate) lines: Vec<Line>,
}

impl Log {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lines.iter().flat_map(|line| &line.bytes).copied().collect()
    }

    /// Lines that a lost newline has made one with their neighbours are not whole.
    fn mark_joined(&mut self) {
        for n in 1..self.lines.len() {
            if !self.lines[n - 1].bytes.ends_with(b"\n") {
                self.lines[n - 1].state = State::Altered;
                self.lines[n].state = State::Altered;
            }
        }
    }

    /// `store1/imap`, of the current file and of the rotated ones.
    fn stream(&self) -> &str {
        self.path.split('.').next().unwrap_or_default()
    }
}

/// An archive after the damage.
#[derive(Clone, Debug)]
pub(crate) struct Wreck {
    pub(crate) logs: Vec<Log>,
    /// Lines of which nothing is left, in order.
    pub(crate) gone: Vec<Origin>,
}

impl Wreck {
    /// An archive without any damage.
    pub(crate) fn new(files: &[(String, Vec<u8>)]) -> Wreck {
        let log = |(file, (path, bytes)): (usize, &(String, Vec<u8>))| {
            let line = |(line, bytes): (usize, &[u8])| Line {
                origin: Origin { file, line },
                bytes: bytes.to_vec(),
                state: State::Whole,
            };
            Log { path: path.clone(), lines: bytes.split_inclusive(|b| *b == b'\n').enumerate().map(line).collect() }
        };
        Wreck { logs: files.iter().enumerate().map(log).collect(), gone: Vec::new() }
    }

    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.logs.iter().map(|log| (log.path.clone(), log.bytes())).collect()
    }

    /// Does the damage, the same for the same seed.
    pub(crate) fn suffer(&mut self, damage: Damage, seed: u64) {
        let mut rng = Rng::new(seed ^ 0xda_3a6e);
        match damage {
            Damage::Cut => self.cut(&mut rng),
            Damage::Flip => self.flip(&mut rng),
            Damage::DropLines => self.drop_lines(&mut rng),
            Damage::DropFiles => self.drop_files(&mut rng),
            Damage::RepeatFiles => self.repeat_files(&mut rng),
            Damage::Overlap => self.overlap(),
            Damage::SwapLines => self.swap_lines(&mut rng),
            Damage::Interleave => self.interleave(&mut rng),
            Damage::JumpClock => self.jump_clock(&mut rng),
            Damage::MixLevels => self.mix_levels(&mut rng),
        }
        self.gone.sort_unstable();
        self.logs.iter_mut().for_each(Log::mark_joined);
    }

    /// Cuts a third of all files, at least one.
    fn cut(&mut self, rng: &mut Rng) {
        for n in some(self.logs.len(), 3, rng) {
            let length = self.logs[n].bytes().len() as u64;
            self.cut_at(n, rng.below(length) as usize);
        }
    }

    /// Cuts one file behind so many bytes.
    pub(crate) fn cut_at(&mut self, n: usize, length: usize) {
        let lines = &mut self.logs[n].lines;
        let mut left = length;
        let keep = lines.iter().take_while(|line| {
            let fits = line.bytes.len() <= left;
            left -= if fits { line.bytes.len() } else { 0 };
            fits
        });
        let keep = keep.count();
        let mut gone = lines.split_off(keep);
        if left > 0 {
            let mut line = gone.remove(0);
            // Without its newline alone it still says all that it said.
            if left + 1 < line.bytes.len() {
                line.state = State::Altered;
            }
            line.bytes.truncate(left);
            lines.push(line);
        }
        self.gone.extend(gone.iter().map(|line| line.origin));
    }

    /// A byte of every fortieth line, about; it may be the newline.
    fn flip(&mut self, rng: &mut Rng) {
        for line in self.logs.iter_mut().flat_map(|log| &mut log.lines) {
            if rng.below(40) == 0 {
                let at = rng.below(line.bytes.len() as u64) as usize;
                line.bytes[at] ^= 1 << rng.below(8);
                line.state = State::Altered;
            }
        }
    }

    fn drop_lines(&mut self, rng: &mut Rng) {
        let Wreck { logs, gone } = self;
        for log in logs {
            let mut burst = 0;
            log.lines.retain(|line| {
                burst = match rng.below(1000) {
                    0..=29 => 1,
                    30..=32 => rng.range(5, 25),
                    _ => burst,
                };
                let dropped = burst > 0;
                burst = burst.saturating_sub(1);
                if dropped {
                    gone.push(line.origin);
                }
                !dropped
            });
        }
    }

    /// A fifth of all files, at least one.
    fn drop_files(&mut self, rng: &mut Rng) {
        let chosen = some(self.logs.len(), 5, rng);
        for n in chosen.into_iter().rev() {
            self.drop_file(n);
        }
    }

    pub(crate) fn drop_file(&mut self, n: usize) {
        let log = self.logs.remove(n);
        self.gone.extend(log.lines.iter().map(|line| line.origin));
    }

    fn repeat_files(&mut self, rng: &mut Rng) {
        for n in some(self.logs.len(), 2, rng) {
            let mut copy = self.logs[n].clone();
            copy.path = match rng.below(3) {
                0 => format!("backup/{}", copy.path),
                1 => format!("{}.orig", copy.path),
                _ => format!("again/{}.{n}", copy.path.rsplit('/').next().unwrap_or_default()),
            };
            let index = self.logs.len();
            self.logs.push(copy);
            if rng.below(2) == 0 {
                let length = self.logs[index].bytes().len() as u64;
                // What the copy lacks is not gone.
                let gone = std::mem::take(&mut self.gone);
                self.cut_at(index, rng.range(length / 8, length) as usize);
                self.gone = gone;
            }
        }
    }

    fn overlap(&mut self) {
        for n in 0..self.logs.len().saturating_sub(1) {
            let Some(next) = (n + 1..self.logs.len()).find(|m| self.logs[*m].stream() == self.logs[n].stream()) else {
                continue;
            };
            let (one, two) = (&self.logs[n].lines, &self.logs[next].lines);
            let end = one[one.len() - one.len() / 3..].iter();
            let lines = end.chain(&two[..two.len() / 3]).cloned().collect();
            self.logs.push(Log { path: format!("kept/{}-{n}", self.logs[n].stream()), lines });
        }
    }

    fn swap_lines(&mut self, rng: &mut Rng) {
        for log in &mut self.logs {
            let mut at = 1;
            while at < log.lines.len() {
                if rng.below(6) == 0 {
                    log.lines.swap(at - 1, at);
                    at += 1;
                }
                at += 1;
            }
        }
    }

    /// Each file with the like one of another stream, as long as there are such.
    fn interleave(&mut self, rng: &mut Rng) {
        let mut streams: Vec<Vec<Log>> = Vec::new();
        for log in std::mem::take(&mut self.logs) {
            match streams.iter_mut().find(|logs| logs[0].stream() == log.stream()) {
                Some(logs) => logs.push(log),
                None => streams.push(vec![log]),
            }
        }
        while streams.len() > 1 {
            let (one, two) = (streams.remove(0), streams.remove(0));
            let (mut one, mut two) = (one.into_iter(), two.into_iter());
            loop {
                match (one.next(), two.next()) {
                    (Some(a), Some(b)) => self.logs.push(riffle(a, b, rng)),
                    (Some(log), None) | (None, Some(log)) => self.logs.push(log),
                    (None, None) => break,
                }
            }
        }
        self.logs.extend(streams.into_iter().flatten());
    }

    /// In every file a stretch of a tenth of its lines, three to twenty minutes off, either way.
    fn jump_clock(&mut self, rng: &mut Rng) {
        for log in &mut self.logs {
            let length = (log.lines.len() / 10).max(1);
            let from = rng.below((log.lines.len() - length + 1) as u64) as usize;
            let seconds = rng.range(183, 1203) as i64 * if rng.below(2) == 0 { 1 } else { -1 };
            for line in &mut log.lines[from..from + length] {
                shift_stamp(&mut line.bytes, seconds);
                if line.state == State::Whole {
                    line.state = State::Shifted(seconds);
                }
            }
        }
    }

    fn mix_levels(&mut self, rng: &mut Rng) {
        let mut names: Vec<String> = self.logs.iter().map(|log| log.stream().to_string()).collect();
        names.dedup();
        for name in names {
            let own = |log: &&mut Log| log.stream() == name;
            let stamps = || self.logs.iter().filter(|log| log.stream() == name).flat_map(|log| &log.lines);
            let mut stamps: Vec<i64> = stamps().filter_map(|line| stamp(&line.bytes)).collect();
            stamps.sort_unstable();
            let middle = stamps.get(stamps.len() / 2).copied().unwrap_or_default();
            let later = rng.below(2) == 0;
            for log in self.logs.iter_mut().filter(own) {
                let gone = &mut self.gone;
                log.lines.retain(|line| {
                    let silent = stamp(&line.bytes).is_some_and(|at| (at >= middle) == later);
                    let dropped = silent && level_word(&line.bytes) == b"Information";
                    if dropped {
                        gone.push(line.origin);
                    }
                    !dropped
                });
            }
        }
    }
}

/// Every `share`-th of so many, by chance, at least one; in order.
fn some(count: usize, share: usize, rng: &mut Rng) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    let wanted = (count / share).max(1).min(count);
    while all.len() > wanted {
        all.remove(rng.below(all.len() as u64) as usize);
    }
    all
}

/// Lines of both in one file, each in its own order.
fn riffle(one: Log, two: Log, rng: &mut Rng) -> Log {
    let mut lines = Vec::with_capacity(one.lines.len() + two.lines.len());
    let (mut a, mut b) = (one.lines.into_iter(), two.lines.into_iter());
    while a.len() + b.len() > 0 {
        let first = rng.below((a.len() + b.len()) as u64) < a.len() as u64;
        lines.extend(if first { a.next() } else { b.next() });
    }
    Log { path: one.path, lines }
}

/// Flips bits of compressed bytes, or cuts them; what this does to lines is for a decoder to say.
pub(crate) fn wound_bytes(bytes: &mut Vec<u8>, damage: Damage, seed: u64) {
    let mut rng = Rng::new(seed ^ 0xb17e5);
    let at = rng.range(bytes.len() as u64 / 20, bytes.len() as u64) as usize;
    match damage {
        Damage::Cut => bytes.truncate(at),
        _ => bytes[at] ^= 1 << rng.below(8),
    }
}
