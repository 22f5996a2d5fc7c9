//! Rows that are records, of `sessions`, `failures` and `messages`, which may be more than memory holds: some are rendered side by side while the
//! next are fetched.

use std::io;

use rayon::prelude::*;

use super::{Answer, ROWS, next_lines};
use crate::answer::{
    FailureRow, FailureRows, Failures, MessageLines, MessageRow, MessageRows, SessionRow, SessionRows, Sessions,
};
use crate::quote::{Lines, QuoteRows, Quoted};

/// Where records come from, in order.
pub trait Records: Send {
    /// Hands the next record to `work`; `false` if there is none.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    fn next(&mut self, work: &mut dyn FnMut(&[u8])) -> io::Result<bool>;
}

impl Records for SessionRows<'_> {
    fn next(&mut self, work: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        SessionRows::next(self, work)
    }
}

impl Records for FailureRows<'_> {
    fn next(&mut self, work: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        FailureRows::next(self, work)
    }
}

impl Records for MessageRows<'_> {
    fn next(&mut self, work: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        MessageRows::next(self, work)
    }
}

/// All rows of one kind.
pub trait Recorded {
    /// One of them.
    type Row<'r>;

    /// Their records, from the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    fn rows(&self) -> io::Result<impl Records>;

    /// The row of a record; `None` for bytes that are none.
    fn read(record: &[u8]) -> Option<Self::Row<'_>>;
}

impl Recorded for Sessions<'_> {
    type Row<'r> = SessionRow<'r>;

    fn rows(&self) -> io::Result<impl Records> {
        Sessions::rows(self)
    }

    fn read(record: &[u8]) -> Option<SessionRow<'_>> {
        SessionRow::read(record)
    }
}

impl Recorded for MessageLines<'_> {
    type Row<'r> = MessageRow<'r>;

    fn rows(&self) -> io::Result<impl Records> {
        MessageLines::rows(self)
    }

    fn read(record: &[u8]) -> Option<MessageRow<'_>> {
        MessageRow::read(record)
    }
}

impl Recorded for Failures<'_> {
    type Row<'r> = FailureRow<'r>;

    fn rows(&self) -> io::Result<impl Records> {
        Failures::rows(self)
    }

    fn read(record: &[u8]) -> Option<FailureRow<'_>> {
        FailureRow::read(record)
    }
}

/// Some records, one behind the other, with the lines that they rest on.
#[derive(Default)]
struct Chunk<'a> {
    text: Vec<u8>,
    ends: Vec<usize>,
    quoted: Quoted<'a>,
}

/// Records, so many of which are taken at a time, and the lines that they rest on, if those are asked for.
struct Rows<'a, R> {
    records: R,
    at_once: usize,
    quotes: Option<QuoteRows<'a>>,
}

impl<'a> Chunk<'a> {
    /// Takes the next records; `false` if there is none.
    fn fill(&mut self, rows: &mut Rows<'a, impl Records>) -> io::Result<bool> {
        self.text.clear();
        self.ends.clear();
        let Chunk { text, ends, quoted } = self;
        let mut more = true;
        while more && ends.len() < rows.at_once {
            more = rows.records.next(&mut |record| {
                text.extend_from_slice(record);
                ends.push(text.len());
            })?;
        }
        *quoted = next_lines(&mut rows.quotes, || ends.len())?;
        Ok(!ends.is_empty())
    }

    fn records(&self) -> impl Iterator<Item = (&[u8], Option<Lines<'a, '_>>)> {
        let from = std::iter::once(&0).chain(&self.ends);
        let records = from.zip(&self.ends).filter_map(|(from, to)| self.text.get(*from..*to));
        records.enumerate().map(|(row, record)| (record, self.quoted.row(row)))
    }
}

fn fill<'a>(chunks: &mut [Chunk<'a>], rows: &mut Rows<'a, impl Records>) -> io::Result<bool> {
    let mut any = false;
    for chunk in chunks {
        any |= chunk.fill(rows)?;
    }
    Ok(any)
}

/// Makes something of every record, many at a time, and hands what it came to on, in order.
fn each<T: Default + Send>(
    mut rows: Rows<'_, impl Records>,
    make: impl Fn(&[u8], Option<Lines<'_, '_>>, &mut T) -> io::Result<()> + Sync,
    mut out: impl FnMut(&mut T) -> io::Result<()>,
) -> io::Result<()> {
    let chunks = || (0..2 * rayon::current_num_threads()).map(|_| Chunk::default()).collect::<Vec<_>>();
    let (mut these, mut next) = (chunks(), chunks());
    let mut made: Vec<T> = these.iter().map(|_| T::default()).collect();
    let mut any = fill(&mut these, &mut rows)?;
    while any {
        let make_all = || {
            let parts = made.par_iter_mut().zip(&these);
            parts
                .try_for_each(|(made, chunk)| chunk.records().try_for_each(|(record, lines)| make(record, lines, made)))
        };
        let (filled, all) = rayon::join(|| fill(&mut next, &mut rows), make_all);
        all?;
        any = filled?;
        made.iter_mut().try_for_each(&mut out)?;
        std::mem::swap(&mut these, &mut next);
    }
    Ok(())
}

/// Writes every row by `render`, which appends it to a text.
pub(super) fn write_rows<K: Recorded>(
    answer: &Answer<'_>,
    all: Option<&K>,
    out: &mut dyn io::Write,
    render: impl Fn(&K::Row<'_>, Option<Lines<'_, '_>>, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let Some(all) = all else { return Ok(()) };
    let rows = Rows { records: all.rows()?, at_once: answer.at_once(), quotes: answer.quote()? };
    let render = |record: &[u8], lines: Option<Lines<'_, '_>>, text: &mut Vec<u8>| {
        K::read(record).map_or(Ok(()), |row| render(&row, lines, text))
    };
    each(rows, render, |text: &mut Vec<u8>| {
        out.write_all(text)?;
        text.clear();
        Ok(())
    })
}

/// Looks at every row.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn look_at_rows<K: Recorded, T: Default + Send>(
    all: &K,
    see: impl Fn(&K::Row<'_>, &mut T) + Sync,
    mut merge: impl FnMut(T),
) -> io::Result<()> {
    let rows = Rows { records: all.rows()?, at_once: ROWS, quotes: None };
    let see = |record: &[u8], _: Option<Lines<'_, '_>>, seen: &mut T| {
        K::read(record).iter().for_each(|row| see(row, seen));
        Ok(())
    };
    each(rows, see, |seen| {
        merge(std::mem::take(seen));
        Ok(())
    })
}
