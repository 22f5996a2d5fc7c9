//! Parts of an archive.

use crate::sim::{Log, State, Wreck};
use std::collections::BTreeMap;

/// An archive that lacks some of another's lines.
pub(crate) struct Part {
    pub(crate) what: &'static str,
    pub(crate) wreck: Wreck,
}

/// Every kind of part whose loss shows as a gap, or lies at an end.
pub(crate) fn parts_of(whole: &Wreck, seed: u64) -> Vec<Part> {
    let part = |what: &'static str, choose: &dyn Fn(&[usize]) -> Vec<usize>| {
        let mut wreck = whole.clone();
        let mut dropped: Vec<usize> = streams(whole).values().flat_map(|files| choose(files)).collect();
        dropped.sort_unstable();
        dropped.into_iter().rev().for_each(|n| wreck.drop_file(n));
        Part { what, wreck }
    };
    // A middle file has numbered neighbours: the last of a stream is the current file, which has no number.
    let middle = |files: &[usize], skip: usize, count: usize| -> Vec<usize> {
        let inner = files.get(1..files.len().saturating_sub(2)).unwrap_or_default();
        inner.iter().skip(skip % inner.len().max(1)).take(count).copied().collect()
    };
    let shift = seed as usize;
    vec![
        part("without the current files", &|files| files[files.len() - 1..].to_vec()),
        part("without the second half", &|files| files[files.len().div_ceil(2)..].to_vec()),
        part("without the first files", &|files| files[..1].to_vec()),
        part("without the first half", &|files| files[..files.len() / 2].to_vec()),
        part("without a file between", &|files| middle(files, shift, 1)),
        part("without files between", &|files| middle(files, 1, 3)),
        part("without every second file", &|files| {
            let inner = middle(files, 0, files.len());
            inner.into_iter().step_by(2).collect()
        }),
        Part { what: "the last files cut between lines", wreck: cut(whole, |log| lines_of(log, log.lines.len() / 3)) },
        Part { what: "the last files cut", wreck: cut(whole, |log| log.bytes().len() * (seed as usize % 7 + 1) / 9) },
    ]
}

/// The files of each stream, by their numbers in the archive, in order; the current one is the last.
fn streams(wreck: &Wreck) -> BTreeMap<String, Vec<usize>> {
    let mut streams: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (n, log) in wreck.logs.iter().enumerate() {
        let stream = log.path.split('.').next().unwrap_or_default();
        streams.entry(stream.into()).or_default().push(n);
    }
    streams
}

fn cut(whole: &Wreck, length: impl Fn(&Log) -> usize) -> Wreck {
    let mut wreck = whole.clone();
    for files in streams(whole).values() {
        let last = files[files.len() - 1];
        wreck.cut_at(last, length(&whole.logs[last]));
    }
    wreck
}

fn lines_of(log: &Log, count: usize) -> usize {
    log.lines[..count].iter().map(|line| line.bytes.len()).sum()
}

/// Lines of the whole that the part lacks, or has in part only.
pub(crate) fn lacking(files: &[(String, Vec<u8>)], wreck: &Wreck) -> Vec<Vec<u8>> {
    let altered = wreck.logs.iter().flat_map(|log| &log.lines).filter(|line| line.state == State::Altered);
    let mut origins: Vec<_> = wreck.gone.iter().copied().chain(altered.map(|line| line.origin)).collect();
    origins.sort_unstable();
    let lines: Vec<Vec<&[u8]>> =
        files.iter().map(|(_, bytes)| bytes.split_inclusive(|b| *b == b'\n').collect()).collect();
    origins.iter().map(|origin| lines[origin.file][origin.line].to_vec()).collect()
}
