//! Rows of `sessions`, which may be more than memory holds: some are rendered side by side while the next are fetched.

use std::io;

use rayon::prelude::*;

use super::{Answer, ROWS};
use crate::answer::{SessionRow, SessionRows, Sessions};

/// Some records, one behind the other.
#[derive(Default)]
struct Chunk {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Chunk {
    /// Takes the next records; `false` if there is none.
    fn fill(&mut self, rows: &mut SessionRows<'_>) -> io::Result<bool> {
        self.text.clear();
        self.ends.clear();
        let Chunk { text, ends } = self;
        let mut more = true;
        while more && ends.len() < ROWS {
            more = rows.next(|record| {
                text.extend_from_slice(record);
                ends.push(text.len());
            })?;
        }
        Ok(!ends.is_empty())
    }

    fn rows(&self) -> impl Iterator<Item = SessionRow<'_>> {
        let from = std::iter::once(&0).chain(&self.ends);
        from.zip(&self.ends).filter_map(|(from, to)| SessionRow::read(self.text.get(*from..*to)?))
    }
}

fn fill(chunks: &mut [Chunk], rows: &mut SessionRows<'_>) -> io::Result<bool> {
    let mut any = false;
    for chunk in chunks {
        any |= chunk.fill(rows)?;
    }
    Ok(any)
}

/// Makes something of every row, many at a time, and hands what it came to on, in order.
fn each<T: Default + Send>(
    sessions: &Sessions<'_>,
    make: impl Fn(SessionRow<'_>, &mut T) -> io::Result<()> + Sync,
    mut out: impl FnMut(&mut T) -> io::Result<()>,
) -> io::Result<()> {
    let mut rows = sessions.rows()?;
    let chunks = || (0..2 * rayon::current_num_threads()).map(|_| Chunk::default()).collect::<Vec<_>>();
    let (mut these, mut next) = (chunks(), chunks());
    let mut made: Vec<T> = these.iter().map(|_| T::default()).collect();
    let mut any = fill(&mut these, &mut rows)?;
    while any {
        let make_all = || {
            let parts = made.par_iter_mut().zip(&these);
            parts.try_for_each(|(made, chunk)| chunk.rows().try_for_each(|row| make(row, made)))
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
pub(super) fn write_rows(
    answer: &Answer<'_>,
    out: &mut dyn io::Write,
    render: impl Fn(&SessionRow<'_>, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let Some(sessions) = &answer.sessions else { return Ok(()) };
    each(
        sessions,
        |row, text: &mut Vec<u8>| render(&row, text),
        |text| {
            out.write_all(text)?;
            text.clear();
            Ok(())
        },
    )
}

/// Looks at every row.
///
/// # Errors
/// Those of reading back what was put aside.
pub(super) fn look<T: Default + Send>(
    sessions: &Sessions<'_>,
    see: impl Fn(&SessionRow<'_>, &mut T) + Sync,
    mut merge: impl FnMut(T),
) -> io::Result<()> {
    let see = |row: SessionRow<'_>, seen: &mut T| {
        see(&row, seen);
        Ok(())
    };
    each(sessions, see, |seen| {
        merge(std::mem::take(seen));
        Ok(())
    })
}
