//! Spans of a stream: its coverage, gaps (R9) and overlaps (R13).

use std::collections::{BTreeMap, BTreeSet};

use super::FileFacts;
use crate::model::{Instant, Stamp};
use crate::streams::StreamId;
use crate::trail::{Cell, FileId, StreamHours, Trail};

/// How far ahead a lone stamp is too far (R14), in seconds.
pub const FAR: Instant = 24 * 3600;
/// A silence this long is a gap (R9), in seconds.
const SILENCE: Instant = 3600;
/// If the median hour of the stream has this many lines (R9).
const BUSY: u64 = 100;
/// Files may overlap by this much, since lines of several processes are buffered (R13), in seconds.
const BUFFERED: Instant = 60;

/// Why there may be lines missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapWhy {
    /// Files with these sequence numbers are not there: first and last.
    Missing(u64, u64),
    /// A file could not be read to its end, or not in between.
    Damaged(FileId),
    /// Nothing was written, though the stream is busy.
    Silence,
}

impl GapWhy {
    /// For JSON: `missing-sequence`, `damaged` or `silence`.
    pub fn as_str(&self) -> &'static str {
        match self {
            GapWhy::Missing(..) => "missing-sequence",
            GapWhy::Damaged(_) => "damaged",
            GapWhy::Silence => "silence",
        }
    }
}

/// A span in which lines may be missing (R9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The last line before it.
    pub from: Instant,
    /// The first line behind it.
    pub to: Instant,
    /// Why.
    pub why: GapWhy,
}

/// A span that more than one file covers (R13). Both ends are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap {
    /// Its first moment.
    pub from: Instant,
    /// Its last moment.
    pub to: Instant,
    /// One file.
    pub one: FileId,
    /// Another.
    pub other: FileId,
}

/// The number in a name such as `imap.17.1559119496`: the word before it, the number, unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// `imap`
    pub service: String,
    /// 17
    pub number: u64,
    /// 1559119496, when the file was begun.
    pub created: Instant,
}

/// Reads `service.N.unixtime`, with whatever endings of compression behind it; other names have no sequence number.
pub fn parse_sequence(name: &str) -> Option<Sequence> {
    let mut parts = name.split('.');
    let service = parts.next().filter(|s| !s.is_empty())?;
    let digits =
        |part: Option<&str>| part.filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned);
    let number = digits(parts.next())?;
    let created = digits(parts.next()).filter(|t| (9..=11).contains(&t.len()))?;
    Some(Sequence { service: service.to_owned(), number: number.parse().ok()?, created: created.parse().ok()? })
}

/// One file's part of a stream, or of a file that has holes what lies between two.
#[derive(Clone, Debug)]
pub struct Part {
    file: FileId,
    section: u32,
    first: Instant,
    last: Instant,
    facts: FileFacts,
}

/// The files of a stream, by first stamp, then by sequence number.
pub(super) fn parts(trail: &Trail, facts: &BTreeMap<FileId, FileFacts>, id: StreamId) -> Vec<Part> {
    let mut parts: Vec<Part> = trail
        .files
        .iter()
        .flat_map(|(file, known)| known.sections(id).map(move |section| (*file, section)))
        .map(|(file, (section, first, last))| {
            let facts = facts.get(&file).cloned().unwrap_or_default();
            Part { file, section, first, last, facts }
        })
        .collect();
    parts.sort_by_key(|p| (p.first, p.last, p.facts.sequence.as_ref().map(|s| s.number), p.file, p.section));
    parts
}

/// First and last stamp of a stream, and the lone stamp that was left out (R14).
pub(super) fn coverage(hours: &StreamHours) -> Option<(Stamp, Stamp, Option<Instant>)> {
    let mut cells: Vec<(i16, &Cell)> = hours.cells.iter().map(|((_, offset), cell)| (*offset, cell)).collect();
    cells.sort_by_key(|(offset, cell)| (cell.last, *offset));
    let mut lone = None;
    if let [.., (_, before), (_, last)] = cells.as_slice()
        && last.lines() == 1
        && last.first > before.last.saturating_add(FAR)
    {
        lone = Some(last.first);
        cells.pop();
    }
    let (offset, last) = cells.last()?;
    let last = Stamp { at: last.last, offset: *offset };
    let (offset, first) = cells.iter().min_by_key(|(offset, cell)| (cell.first, *offset))?;
    Some((Stamp { at: first.first, offset: *offset }, last, lone))
}

/// Silences of an hour or more in a stream whose median hour is busy.
pub(super) fn silences(hours: &StreamHours, end: Instant) -> Vec<Gap> {
    let mut by_hour: BTreeMap<i64, (Instant, Instant, u64)> = BTreeMap::new();
    for ((hour, _), cell) in &hours.cells {
        if cell.first <= end {
            let all = by_hour.entry(*hour).or_insert((cell.first, cell.last, 0));
            *all = (all.0.min(cell.first), all.1.max(cell.last), all.2 + cell.lines());
        }
    }
    let mut counts: Vec<u64> = by_hour.values().map(|(_, _, lines)| *lines).collect();
    counts.sort_unstable();
    if counts.get(counts.len() / 2).is_none_or(|median| *median < BUSY) {
        return Vec::new();
    }
    let spans: Vec<(Instant, Instant)> = by_hour.values().map(|(first, last, _)| (*first, *last)).collect();
    spans
        .iter()
        .zip(spans.iter().skip(1))
        .filter(|((_, last), (first, _))| first - last >= SILENCE)
        .map(|((_, last), (first, _))| Gap { from: *last, to: *first, why: GapWhy::Silence })
        .collect()
}

/// Numbers that are there: folder, service word and number of every file that is read, or a copy, or has nothing to say, or is
/// damaged.
pub(super) fn present(facts: &BTreeMap<FileId, FileFacts>) -> BTreeSet<(&str, &str, u64)> {
    let numbered = facts.values().filter_map(|f| Some((f, f.sequence.as_ref()?)));
    numbered.map(|(f, s)| (f.folder.as_str(), s.service.as_str(), s.number)).collect()
}

/// Damaged files with a number, of which not one line says anything.
pub(super) fn unread<'a>(trail: &Trail, facts: &'a BTreeMap<FileId, FileFacts>) -> Vec<(FileId, &'a FileFacts)> {
    let is_mute = |id: &FileId| trail.files.get(id).is_none_or(|f| f.spans.is_empty());
    let mute = facts.iter().filter(|(id, facts)| facts.is_damaged() && facts.sequence.is_some() && is_mute(id));
    mute.map(|(id, facts)| (*id, facts)).collect()
}

/// Missing sequence numbers between neighbouring files.
pub(super) fn missing(parts: &[Part], present: &BTreeSet<(&str, &str, u64)>) -> Vec<Gap> {
    let numbered: Vec<(&Part, &Sequence)> =
        parts.iter().filter_map(|p| Some((p, p.facts.sequence.as_ref()?))).collect();
    // Files of the stream itself are there wherever they lie; they need not be neighbours by their stamps.
    let own: BTreeSet<(&str, u64, Instant)> =
        numbered.iter().map(|(_, s)| (s.service.as_str(), s.number, s.created)).collect();
    let mut gaps = Vec::new();
    for pair in numbered.windows(2) {
        let [(before, a), (after, b)] = pair else { continue };
        if a.service != b.service {
            continue;
        }
        let there = |folder| {
            let known = present
                .range((folder, a.service.as_str(), a.number)..=(folder, a.service.as_str(), b.number.max(a.number)));
            known.map(|(_, _, number)| *number)
        };
        let elsewhere = own
            .range((a.service.as_str(), a.number, Instant::MIN)..=(&b.service, b.number.max(a.number), Instant::MAX))
            .filter(|(_, _, created)| (a.created..=b.created).contains(created))
            .map(|(_, number, _)| *number);
        let known: BTreeSet<u64> =
            there(&before.facts.folder).chain(there(&after.facts.folder)).chain(elsewhere).collect();
        let known: Vec<u64> = [a.number].into_iter().chain(known).chain([b.number]).collect();
        for numbers in known.windows(2) {
            if let [low, high] = *numbers
                && high > low + 1
            {
                let why = GapWhy::Missing(low + 1, high - 1);
                gaps.push(Gap { from: before.last, to: after.first.max(before.last), why });
            }
        }
    }
    gaps
}

/// From the last readable stamp of a damaged file to the next file, and over the holes of files. A file without any belongs behind the one of its folder
/// with the number before.
pub(super) fn damaged(parts: &[Part], unread: &[(FileId, &FileFacts)], end: Instant) -> Vec<Gap> {
    let next = |part: &Part| parts.iter().map(|p| p.first).filter(|first| *first > part.last).min();
    let gap = |part: &Part, file| Gap {
        from: part.last,
        to: next(part).unwrap_or(end).max(part.last),
        why: GapWhy::Damaged(file),
    };
    // Of a file with holes: its last section with a line of the stream, if behind that something is lost.
    let is_last = |p: &&Part| !parts.iter().any(|other| other.file == p.file && other.section > p.section);
    let damaged = parts.iter().filter(|p| p.facts.is_damaged()).filter(is_last);
    let own = damaged.filter(|p| p.facts.damaged || p.section < p.facts.holes).map(|p| gap(p, p.file));
    let behind = unread.iter().filter_map(|(file, facts)| {
        let Sequence { service, number, .. } = facts.sequence.as_ref()?;
        let number_of = |p: &Part| p.facts.sequence.as_ref().filter(|s| s.service == *service).map(|s| s.number);
        let is_before = |p: &&Part| p.facts.folder == facts.folder && number_of(p).is_some_and(|n| n < *number);
        let before = parts.iter().filter(is_before).max_by_key(|p| number_of(p))?;
        Some(gap(before, *file))
    });
    own.chain(behind).chain(holes(parts)).collect()
}

/// From the last stamp before a hole to the first behind it. Lines of one second lie on either side, so that a gap has a second at
/// least. If the hole comes before the file's first stamp, the last stamp of another file is the one before.
fn holes(parts: &[Part]) -> Vec<Gap> {
    let behind_hole = parts.iter().filter(|p| p.section > 0);
    let gap = |part: &Part| {
        let sections = parts.iter().filter(|p| p.file == part.file && p.section < part.section);
        let before = sections.max_by_key(|p| p.section).map(|p| p.last);
        let elsewhere = parts.iter().filter(|p| p.file != part.file && p.first <= part.first);
        let from = before.or_else(|| elsewhere.map(|p| p.last.min(part.first)).max())?;
        Some(Gap { from, to: part.first.max(from.saturating_add(1)), why: GapWhy::Damaged(part.file) })
    };
    behind_hole.filter_map(gap).collect()
}

/// Spans in which files overlap by more than what buffering explains.
pub(super) fn overlaps(parts: &[Part]) -> Vec<Overlap> {
    let mut found = Vec::new();
    let mut longest: Option<&Part> = None;
    for part in parts {
        if let Some(before) = longest
            && part.file != before.file
            && part.first.saturating_add(BUFFERED) < part.last.min(before.last)
        {
            let to = part.last.min(before.last);
            found.push(Overlap { from: part.first, to, one: before.file, other: part.file });
        }
        if longest.is_none_or(|l| part.last > l.last) {
            longest = Some(part);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_names_with_a_sequence_number() {
        let got = parse_sequence("imap.17.1559119496.gz").unwrap();
        assert_eq!((got.service.as_str(), got.number, got.created), ("imap", 17, 1_559_119_496));
        for name in [
            "imap",
            "imap.1.gz",
            "imap.1",
            "imap.17.xyz",
            ".17.1559119496",
            "imap..1559119496",
            "imap.+17.1559119496",
            "imap.17.+155911949",
            "imap.17.-155911949",
            "imap.17.15591194",
            "imap.17.155911949612",
        ] {
            assert_eq!(parse_sequence(name), None, "{name}");
        }
    }
    #[test]
    fn r9_each_kind_of_gap_has_its_word() {
        let words = [GapWhy::Missing(1, 2), GapWhy::Damaged(FileId(0)), GapWhy::Silence].map(|why| why.as_str());
        assert_eq!(words, ["missing-sequence", "damaged", "silence"]);
    }
}
