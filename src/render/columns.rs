//! All rows of an answer in columns, for whoever writes them so.

use std::io;

use super::cells::{Cells, Shown};
use super::findings::FindingRow;
use super::records::{Recorded, make_of_rows};
use super::refused_by::CountedBy;
use super::{Answer, make_of_access, make_of_connected};
use crate::answer::{Connected, LastAccessRow, RefusedByRow, StreamCoverage};
use crate::quote::Lines;

/// Writes rows in columns.
pub(super) trait Columnar {
    /// Some rows, made ready on any thread.
    type Part: Default + Send;

    /// Rows of this kind come next, with these of their columns.
    fn begin<R: Cells>(&mut self, shown: Shown) -> io::Result<()>;

    /// Adds a row to some.
    fn add<R: Cells>(part: &mut Self::Part, row: &R, shown: Shown, lines: Option<Lines<'_, '_>>) -> io::Result<()>;

    /// Writes some rows, and leaves nothing in them.
    fn write(&mut self, part: &mut Self::Part) -> io::Result<()>;
}

/// Writes all rows, kind by kind.
pub(super) fn write<W: Columnar>(answer: &Answer<'_>, to: &mut W) -> io::Result<()> {
    let (rows, shown) = (&answer.rows, Shown::of(answer));
    let bare = Shown { evidence: false, ..shown };
    if let Some(covered) = &rows.covered {
        to.begin::<StreamCoverage<'_>>(bare)?;
        let mut part = W::Part::default();
        covered.streams.iter().try_for_each(|row| W::add(&mut part, row, shown, None))?;
        to.write(&mut part)?;
    }
    if let Some(counts) = &rows.refused_by {
        to.begin::<CountedBy<'_>>(bare)?;
        let add = |row: &RefusedByRow<'_>, _: Option<Lines<'_, '_>>, part: &mut W::Part| {
            W::add(part, &CountedBy { by: counts.by, row }, shown, None)
        };
        make_of_rows(answer, counts, add, |part| to.write(part))?;
    }
    if let Some(findings) = rows.only_findings() {
        to.begin::<FindingRow<'_>>(bare)?;
        let (mut part, thresholds) = (W::Part::default(), &findings.thresholds);
        findings.each(|finding| W::add(&mut part, &FindingRow { finding, thresholds }, shown, None))?;
        to.write(&mut part)?;
    }
    write_rows(answer, rows.failures.as_ref(), to)?;
    write_rows(answer, rows.messages.as_ref(), to)?;
    write_rows(answer, rows.sessions.as_ref(), to)?;
    let mut quotes = answer.quote()?;
    if rows.connected.is_some() {
        to.begin::<Connected<'_>>(shown)?;
        let add =
            |row: &Connected<'_>, lines: Option<Lines<'_, '_>>, part: &mut W::Part| W::add(part, row, shown, lines);
        make_of_connected(answer, &mut quotes, add, |part| to.write(part))?;
    }
    if rows.access.is_some() {
        to.begin::<LastAccessRow<'_>>(shown)?;
        let add =
            |row: LastAccessRow<'_>, lines: Option<Lines<'_, '_>>, part: &mut W::Part| W::add(part, &row, shown, lines);
        make_of_access(answer, &mut quotes, add, |part| to.write(part))?;
    }
    Ok(())
}

fn write_rows<K: Recorded, W: Columnar>(answer: &Answer<'_>, all: Option<&K>, to: &mut W) -> io::Result<()>
where
    for<'r> K::Row<'r>: Cells,
{
    let Some(all) = all else { return Ok(()) };
    to.begin::<K::Row<'_>>(Shown::of(answer))?;
    let add = |row: &K::Row<'_>, lines: Option<Lines<'_, '_>>, part: &mut W::Part| {
        W::add(part, row, Shown::of(answer), lines)
    };
    make_of_rows(answer, all, add, |part| to.write(part))
}
