//! Records in order, more of them than memory holds: sorted runs, which go to a temporary file, and are merged in the end.
//!
//! A record is bytes, and their order is its own. What is never more than a few megabytes never sees the disk.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::index::touch;

/// So much of each run is read at a time, in bytes.
const BLOCK: usize = 64 << 10;
/// So many records are looked at ahead.
const AHEAD: usize = 16;

/// Records on their way into order.
#[derive(Debug, Default)]
pub struct Runs {
    folder: PathBuf,
    /// So many bytes are held at most.
    limit: usize,
    text: Vec<u8>,
    places: Vec<Place>,
    /// What all records begin with that were put in order.
    common: Option<Vec<u8>>,
    /// Runs that are over, one behind the other.
    file: Option<File>,
    runs: Vec<Range<u64>>,
    /// Why the file could not be written.
    failed: Option<io::Error>,
}

/// Where a record lies, and what it is sorted by first.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Eight of its bytes, behind those that all begin with.
    key: u64,
    at: usize,
    length: u32,
}

impl Place {
    fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.at..self.at + self.length as usize).unwrap_or_default()
    }
}

/// How many bytes two begin with alike.
fn alike(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The first bytes of a record behind so many, as a number that sorts as they do.
fn first_bytes(record: &[u8], common: usize) -> u64 {
    let record = record.get(common..).unwrap_or_default();
    record.first_chunk().map_or_else(
        || record.iter().chain(&[0; 8]).take(8).fold(0, |all, byte| all << 8 | u64::from(*byte)),
        |bytes| u64::from_be_bytes(*bytes),
    )
}

impl Runs {
    /// No records; `folder` is where runs go that are longer than `limit` bytes, in a file without a name.
    pub fn new(folder: &Path, limit: usize) -> Runs {
        Runs { folder: folder.to_path_buf(), limit, ..Runs::default() }
    }

    /// Adds the record that `write` appends to a text, unless it appends nothing.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let from = self.text.len();
        write(&mut self.text);
        if self.text.len() == from {
            return;
        }
        let length = u32::try_from(self.text.len() - from).unwrap_or(u32::MAX);
        self.places.push(Place { key: 0, at: from, length });
        let held = self.text.len() + self.places.len() * size_of::<Place>();
        if held >= self.limit && self.failed.is_none() {
            self.failed = self.spill().err();
        }
        if self.failed.is_some() {
            self.clear();
        }
    }

    /// Where runs go that are too long to be held.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether no record was added.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty() && self.runs.is_empty()
    }

    fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
    }

    /// Puts what is held in order. Side by side only where nobody holds a lock: a worker that waits for others may take up their work.
    fn sort(&mut self, side_by_side: bool) {
        let Runs { text, places, .. } = self;
        // All begin with the same store and the same high bytes of their times: what comes then tells most of them apart.
        let Some(first) = places.first().map(|place| place.of(text)) else { return };
        let common = places.iter().map(|place| place.of(text)).fold(first, |common, record| {
            if record.starts_with(common) { common } else { common.get(..alike(common, record)).unwrap_or_default() }
        });
        let before = self.common.as_deref().unwrap_or(common);
        let of_all = before.get(..alike(before, common)).unwrap_or_default().to_vec();
        for place in places.iter_mut() {
            place.key = first_bytes(place.of(text), common.len());
        }
        let order = |a: &Place, b: &Place| a.key.cmp(&b.key).then_with(|| a.of(text).cmp(b.of(text)));
        if side_by_side {
            places.par_sort_unstable_by(order)
        } else {
            places.sort_unstable_by(order)
        }
        self.common = Some(of_all);
    }

    fn records(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.places.len()).map_while(|number| self.record(number))
    }

    /// The record of a number in their order, if all before it were asked for.
    fn record(&self, number: usize) -> Option<&[u8]> {
        let Runs { text, places, .. } = self;
        if number.is_multiple_of(AHEAD) {
            // They lie anywhere: looked at all together, their misses overlap.
            let next = places.iter().skip(number).take(AHEAD).map(|place| place.of(text));
            touch(next.flat_map(|record| record.iter().step_by(64).take(4).copied()));
        }
        places.get(number).map(|place| place.of(text))
    }

    /// Writes what is held as one run.
    fn spill(&mut self) -> io::Result<()> {
        self.sort(false);
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile_in(&self.folder)?);
        }
        let Some(file) = &self.file else { return Ok(()) };
        let from = self.runs.last().map_or(0, |run| run.end);
        let mut to = from;
        let mut out = BufWriter::with_capacity(BLOCK, file);
        for record in self.records() {
            let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
            out.write_all(&length.to_le_bytes())?;
            out.write_all(record)?;
            to += 4 + u64::from(length);
        }
        out.flush()?;
        drop(out);
        self.runs.push(from..to);
        self.clear();
        Ok(())
    }

    /// No more records will come.
    ///
    /// # Errors
    /// Some of them could not be put aside.
    pub fn finish(&mut self) -> io::Result<()> {
        self.sort(true);
        self.failed.take().map_or(Ok(()), |cause| {
            let text = format!("{}: {cause}; name a folder with more room by --tmpdir", self.folder.display());
            Err(io::Error::new(cause.kind(), text))
        })
    }
}

/// All records of some finished [`Runs`], in order. Can be made more than once.
#[derive(Debug)]
pub struct Merged<'a> {
    sources: Vec<Source<'a>>,
    /// So many bytes all records begin with alike.
    common: usize,
    /// The next record of each source that has one, with the first bytes behind those, which tell most of them apart.
    heads: BinaryHeap<Reverse<(u64, Vec<u8>, usize)>>,
}

#[derive(Debug)]
enum Source<'a> {
    Held(&'a Runs, usize),
    Spilled(BufReader<Part<'a>>),
}

/// A part of a file, which others read as well.
#[derive(Debug)]
struct Part<'a> {
    file: &'a File,
    left: Range<u64>,
}

impl Read for Part<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let room = out.len().min(left);
        let got = self.file.read_at(out.get_mut(..room).unwrap_or_default(), self.left.start)?;
        self.left.start += got as u64;
        Ok(got)
    }
}

impl Source<'_> {
    /// Puts the next record in the place of what `record` is; `false` if there is none.
    fn next(&mut self, record: &mut Vec<u8>) -> io::Result<bool> {
        record.clear();
        match self {
            Source::Held(runs, at) => {
                let Some(next) = runs.record(*at) else { return Ok(false) };
                *at += 1;
                record.extend_from_slice(next);
            }
            Source::Spilled(input) => {
                if input.fill_buf()?.is_empty() {
                    return Ok(false);
                }
                let mut length = [0; 4];
                input.read_exact(&mut length)?;
                record.resize(u32::from_le_bytes(length) as usize, 0);
                input.read_exact(record)?;
            }
        }
        Ok(true)
    }
}

impl<'a> Merged<'a> {
    /// The records of all.
    ///
    /// # Errors
    /// A run cannot be read again.
    pub fn of(all: &'a [Runs]) -> io::Result<Merged<'a>> {
        let held = all.iter().map(|runs| Source::Held(runs, 0));
        let spilled = all.iter().flat_map(|runs| {
            let part = |run: &Range<u64>| Some(Part { file: runs.file.as_ref()?, left: run.clone() });
            runs.runs.iter().filter_map(part).map(|part| Source::Spilled(BufReader::with_capacity(BLOCK, part)))
        });
        let mut starts = all.iter().filter_map(|runs| runs.common.as_deref());
        let first = starts.next().unwrap_or_default();
        let common = starts.map(|start| alike(first, start)).fold(first.len(), usize::min);
        let mut merged = Merged { sources: held.chain(spilled).collect(), common, heads: BinaryHeap::new() };
        for (number, source) in merged.sources.iter_mut().enumerate() {
            let mut record = Vec::new();
            if source.next(&mut record)? {
                merged.heads.push(Reverse((first_bytes(&record, common), record, number)));
            }
        }
        Ok(merged)
    }

    /// Hands the next record to `work`; `false` if there is none.
    ///
    /// # Errors
    /// A run cannot be read again.
    pub fn next(&mut self, work: impl FnOnce(&[u8])) -> io::Result<bool> {
        let Some(mut first) = self.heads.peek_mut() else { return Ok(false) };
        let Reverse((bytes, record, number)) = &mut *first;
        work(record);
        let more = self.sources.get_mut(*number).map_or(Ok(false), |source| source.next(record))?;
        *bytes = first_bytes(record, self.common);
        if !more {
            PeekMut::pop(first);
        }
        Ok(true)
    }
}

/// The next record of some finished [`Runs`].
#[derive(Debug)]
pub struct Head<'a> {
    merged: Merged<'a>,
    /// It; empty if there is none.
    pub record: Vec<u8>,
    /// Whether there is one.
    pub there: bool,
}

impl<'a> Head<'a> {
    /// The first one.
    ///
    /// # Errors
    /// A run cannot be read again.
    pub fn of(runs: &'a [Runs]) -> io::Result<Head<'a>> {
        let mut head = Head { merged: Merged::of(runs)?, record: Vec::new(), there: false };
        head.advance()?;
        Ok(head)
    }

    /// Goes on to the next.
    ///
    /// # Errors
    /// A run cannot be read again.
    pub fn advance(&mut self) -> io::Result<()> {
        let Head { merged, record, there } = self;
        record.clear();
        *there = merged.next(|next| record.extend_from_slice(next))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn all(runs: &[Runs]) -> Vec<Vec<u8>> {
        let mut merged = Merged::of(runs).unwrap();
        let mut all = Vec::new();
        while merged.next(|record| all.push(record.to_vec())).unwrap() {}
        all
    }

    #[test]
    fn any_runs_give_all_in_order() {
        let mut random = Random(7);
        let mut below = |n| random.place(n);
        let records: Vec<Vec<u8>> = (0..2000).map(|_| vec![b'a' + below(3) as u8; 1 + below(30)]).collect();
        let mut expected = records.clone();
        expected.sort();
        for limit in [0, 100, 4000, usize::MAX] {
            let mut runs: Vec<Runs> = (0..3).map(|_| Runs::new(&std::env::temp_dir(), limit)).collect();
            for record in &records {
                runs[below(3)].push(|text| text.extend_from_slice(record));
                runs[below(3)].push(|_| ());
            }
            runs.iter_mut().for_each(|runs| runs.finish().unwrap());
            assert_eq!(runs.iter().any(|runs| runs.file.is_some()), limit < usize::MAX);
            assert_eq!(all(&runs), expected, "runs of {limit} bytes");
            assert_eq!(all(&runs), expected, "a second time");
        }
        assert_eq!(all(&[]), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_of() {
        let mut runs = Runs::new(Path::new("/nowhere"), 10);
        (0..100).for_each(|n| runs.push(|text| text.extend_from_slice(&[n; 20])));
        let error = runs.finish().unwrap_err().to_string();
        assert!(error.starts_with("/nowhere: ") && error.contains("--tmpdir"), "{error}");
        assert!(runs.text.is_empty());
    }
}
