//! What the files of an archive cover: copies, coverage, gaps, overlaps (R9, R13, R14).

use super::lines::{Line, Stream, of_file};
use std::collections::{BTreeMap, BTreeSet};

/// A span of time, both ends in it.
pub(crate) type Span = (i64, i64);

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Files may overlap by so much, since lines are buffered.
const BUFFERED: i64 = 60;

/// Whether the one stamp that is far ahead counts for the span of its file, which then overlaps with all that are between.
/// The rules do not say; the tool says yes, and claims less by that.
const LONE_STAMPS_STRETCH_FILES: bool = true;

/// The lines of a stream and what they cover.
#[derive(Debug, Default)]
pub(crate) struct Covered {
    /// Sorted by time.
    pub(crate) lines: Vec<Line>,
    /// From the first line to the last; none without a line that covers.
    pub(crate) span: Option<Span>,
    /// The one stamp that is too far ahead.
    pub(crate) lone: Option<i64>,
    pub(crate) gaps: Vec<Span>,
    pub(crate) overlaps: Vec<Span>,
}

/// Files by path, of which copies and beginnings of others are left out.
fn without_copies(files: &[(String, Vec<u8>)]) -> Vec<&(String, Vec<u8>)> {
    let copied = |(path, bytes): &(String, Vec<u8>)| {
        files.iter().any(|(other, text)| {
            let longer = text.len() > bytes.len() && text.starts_with(bytes);
            longer || text == bytes && other < path
        })
    };
    files.iter().filter(|file| !copied(file)).collect()
}

/// `logs/imap.5.1559116800` and the like: the folder, what is before the number, the number, and the time.
fn sequence(path: &str) -> Option<(&str, &str, u64, u64)> {
    let path = [".gz", ".zst", ".bz2", ".xz"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let (rest, time) = path.rsplit_once('.')?;
    let (before, number) = rest.rsplit_once('.')?;
    let (folder, name) = before.rsplit_once('/').unwrap_or(("", before));
    Some((folder, name, number.parse().ok()?, time.parse().ok()?))
}

/// All streams of an archive.
pub(crate) fn cover(files: &[(String, Vec<u8>)]) -> BTreeMap<Stream, Covered> {
    let read = without_copies(files);
    let mut streams: BTreeMap<Stream, Covered> = BTreeMap::new();
    for (number, (_, bytes)) in read.iter().enumerate() {
        for line in of_file(bytes, number) {
            streams.entry(line.stream.clone()).or_default().lines.push(line);
        }
    }
    for covered in streams.values_mut() {
        covered.lines.sort_by_key(|line| line.at);
        covered.measure();
        let spans = covered.spans_of_files();
        covered.gaps = missing_numbers(&spans, &read, files);
        covered.gaps.extend(covered.silences());
        covered.overlaps = overlaps(&spans);
    }
    streams
}

impl Covered {
    /// The lines that cover, but for one lone stamp.
    fn covering(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.says.covers() && Some(line.at) != self.lone)
    }

    fn measure(&mut self) {
        let stamps: Vec<i64> = self.covering().map(|line| line.at).collect();
        if let [.., before, last] = stamps[..] {
            self.lone = (last - before > DAY).then_some(last);
        }
        let stamps = stamps.iter().filter(|at| Some(**at) != self.lone);
        self.span = stamps.clone().min().copied().zip(stamps.max().copied());
    }

    /// From the first line to the last of each file, of whatever kind.
    fn spans_of_files(&self) -> BTreeMap<usize, Span> {
        let mut spans: BTreeMap<usize, Span> = BTreeMap::new();
        let lone = |line: &&Line| !LONE_STAMPS_STRETCH_FILES && Some(line.at) == self.lone;
        for line in self.lines.iter().filter(|line| !lone(line)) {
            let span = spans.entry(line.file).or_insert((line.at, line.at));
            *span = (span.0.min(line.at), span.1.max(line.at));
        }
        spans
    }

    /// An hour or more without a line, where the median hour has a hundred.
    fn silences(&self) -> Vec<Span> {
        let stamps: Vec<i64> = self.covering().map(|line| line.at).collect();
        let mut hours: BTreeMap<i64, usize> = BTreeMap::new();
        stamps.iter().for_each(|at| *hours.entry(at.div_euclid(HOUR)).or_default() += 1);
        let mut counts: Vec<usize> = hours.into_values().collect();
        counts.sort_unstable();
        if counts.get(counts.len() / 2).is_none_or(|median| *median < 100) {
            return Vec::new();
        }
        let silent = stamps.windows(2).filter(|two| two[1] - two[0] >= HOUR);
        silent.map(|two| (two[0], two[1])).collect()
    }
}

/// Where sequence numbers are missing between files that are neighbours in a stream.
fn missing_numbers(spans: &BTreeMap<usize, Span>, read: &[&(String, Vec<u8>)], all: &[(String, Vec<u8>)]) -> Vec<Span> {
    let there: BTreeSet<(&str, &str, u64)> = all
        .iter()
        .filter_map(|(path, _)| sequence(path))
        .map(|(folder, name, number, _)| (folder, name, number))
        .collect();
    let numbered = spans.iter().filter_map(|(file, span)| {
        let (folder, name, number, created) = sequence(&read[*file].0)?;
        Some((name, *span, number, folder, created))
    });
    // The files of a stream are in the order of their first stamps, and only then of their numbers.
    let mut numbered: Vec<(&str, Span, u64, &str, u64)> = numbered.collect();
    numbered.sort_unstable();
    let neighbours = numbered.windows(2).filter_map(|two| {
        let [(name, (_, last), low, folder, begun), (same, (next, _), high, other, ended)] = two else { return None };
        // In the folder of either, or anywhere if it is of the stream and was begun between.
        let elsewhere = |number| {
            let fits = |(_, _, n, _, at): &&(&str, Span, u64, &str, u64)| *n == number && begun <= at && at <= ended;
            numbered.iter().filter(|file| file.0 == *name).find(fits).is_some()
        };
        let here =
            |number| [folder, other].iter().any(|folder| there.contains(&(folder, name, number))) || elsewhere(number);
        let missing = name == same && (low + 1..*high).any(|number| !here(number));
        // Without time between them the missing lines lie where the first one ends.
        missing.then_some((*last, *next.max(last)))
    });
    neighbours.collect()
}

/// What two files have in common, if it is more than buffering explains.
fn overlaps(spans: &BTreeMap<usize, Span>) -> Vec<Span> {
    let mut found = Vec::new();
    for (one, span) in spans {
        for (_, other) in spans.range(one + 1..) {
            let common = (span.0.max(other.0), span.1.min(other.1));
            if common.1 - common.0 > BUFFERED {
                found.push(common);
            }
        }
    }
    found
}
