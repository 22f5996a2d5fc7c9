//! Rows that are records, of `sessions`, `failures` and `messages`, which may be more than memory holds: some are rendered side by side while the
//! next are fetched.

use std::io;

use rayon::prelude::*;

use super::{Answer, ROWS, next_lines, writer};
use crate::answer::{
    FailureRow, FailureRows, Failures, MessageLines, MessageRow, MessageRows, SessionRow, SessionRows, Sessions,
};
use crate::model::Evidence;
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
    /// The lines that one rests on.
    type Lines: AsRef<[Option<Evidence>]>;

    /// Their records, from the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    fn rows(&self) -> io::Result<impl Records>;

    /// The row of a record; `None` for bytes that are none.
    fn read(record: &[u8]) -> Option<Self::Row<'_>>;

    /// The lines that a row rests on, if evidence is asked for.
    fn lines(row: &Self::Row<'_>) -> Self::Lines;
}

impl Recorded for Sessions<'_> {
    type Row<'r> = SessionRow<'r>;
    type Lines = [Option<Evidence>; 3];

    fn rows(&self) -> io::Result<impl Records> {
        Sessions::rows(self)
    }

    fn read(record: &[u8]) -> Option<SessionRow<'_>> {
        SessionRow::read(record)
    }

    fn lines(row: &SessionRow<'_>) -> [Option<Evidence>; 3] {
        row.lines()
    }
}

impl Recorded for MessageLines<'_> {
    type Row<'r> = MessageRow<'r>;
    type Lines = [Option<Evidence>; 4];

    fn rows(&self) -> io::Result<impl Records> {
        MessageLines::rows(self)
    }

    fn read(record: &[u8]) -> Option<MessageRow<'_>> {
        MessageRow::read(record)
    }

    fn lines(row: &MessageRow<'_>) -> [Option<Evidence>; 4] {
        row.lines()
    }
}

impl Recorded for Failures<'_> {
    type Row<'r> = FailureRow<'r>;
    type Lines = [Option<Evidence>; 2];

    fn rows(&self) -> io::Result<impl Records> {
        Failures::rows(self)
    }

    fn read(record: &[u8]) -> Option<FailureRow<'_>> {
        FailureRow::read(record)
    }

    fn lines(row: &FailureRow<'_>) -> [Option<Evidence>; 2] {
        row.lines()
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
        *quoted = next_lines(&mut rows.quotes, || ends.len(), std::mem::take(quoted))?;
        Ok(!ends.is_empty())
    }

    /// Makes something of every row.
    fn make<K: Recorded, T>(
        &mut self,
        make: impl Fn(&K::Row<'_>, Option<Lines<'_, '_>>, &mut T) -> io::Result<()>,
        made: &mut T,
    ) -> io::Result<()> {
        let Chunk { text, ends, quoted } = self;
        let from = std::iter::once(&0).chain(&*ends);
        let records = from.zip(&*ends).filter_map(|(from, to)| text.get(*from..*to));
        let rows: Vec<K::Row<'_>> = records.filter_map(K::read).collect();
        quoted.find(rows.iter().map(K::lines));
        let all = rows.iter().enumerate().try_for_each(|(number, row)| make(row, quoted.row(number), made));
        // Blocks that nobody holds any more make room for others.
        quoted.let_go();
        all
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
fn each<K: Recorded, T: Default + Send>(
    mut rows: Rows<'_, impl Records>,
    make: impl Fn(&K::Row<'_>, Option<Lines<'_, '_>>, &mut T) -> io::Result<()> + Sync,
    mut out: impl FnMut(&mut T) -> io::Result<()>,
) -> io::Result<()> {
    // They are small, and several for each worker, so that nobody waits long for the last.
    let chunks = || (0..8 * rayon::current_num_threads()).map(|_| Chunk::default()).collect::<Vec<_>>();
    let (mut these, mut next) = (chunks(), chunks());
    let mut made: Vec<T> = these.iter().map(|_| T::default()).collect();
    let mut any = fill(&mut these, &mut rows)?;
    while any {
        let make_all = || {
            let parts = made.par_iter_mut().zip(&mut these);
            parts.try_for_each(|(made, chunk)| chunk.make::<K, T>(&make, made))
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
    all.map_or(Ok(()), |all| make_of_rows(answer, all, render, writer(out)))
}

/// Makes something of every row, many at a time, and hands what it came to on, in order; `out` leaves nothing in it.
pub(super) fn make_of_rows<K: Recorded, T: Default + Send>(
    answer: &Answer<'_>,
    all: &K,
    make: impl Fn(&K::Row<'_>, Option<Lines<'_, '_>>, &mut T) -> io::Result<()> + Sync,
    out: impl FnMut(&mut T) -> io::Result<()>,
) -> io::Result<()> {
    let rows = Rows { records: all.rows()?, at_once: answer.at_once(), quotes: answer.quote()? };
    each::<K, _>(rows, make, out)
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
    let see = |row: &K::Row<'_>, _: Option<Lines<'_, '_>>, seen: &mut T| {
        see(row, seen);
        Ok(())
    };
    each::<K, _>(rows, see, |seen| {
        merge(std::mem::take(seen));
        Ok(())
    })
}
