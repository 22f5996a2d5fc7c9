//! Tables for people, as the vendor's tool prints them.
//!
//! Columns are as wide as their widest cell. Rows are written as they come, never held: an archive may have millions of users.

use std::io::{self, Write};
use std::ops::Range;

use rayon::prelude::*;

use super::ends;
use super::evidence::block;
use super::{Answer, findings, records_table, repeats, side_by_side, writer};
use crate::answer::{Connected, LastAccessRow};
use crate::model::{Service, Stamp};
use crate::quote::QuoteRows;
use crate::text::{put_visible, visible_width, width};
use crate::times::{LOG_WIDTH, OFFSET_WIDTH, log_bytes, log_offset};

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// To the left.
    Left,
    /// To the right: numbers.
    Right,
}

/// Columns of a table: their headings, and how wide they must be.
#[derive(Debug)]
pub struct Columns {
    headings: Vec<(&'static str, Align)>,
    widths: Vec<usize>,
}

impl Columns {
    /// Columns as wide as their headings.
    pub fn new(headings: &[(&'static str, Align)]) -> Columns {
        Columns { widths: headings.iter().map(|(h, _)| width(h)).collect(), headings: headings.to_vec() }
    }

    /// Makes a column at least this wide.
    pub fn widen(&mut self, column: usize, width: usize) {
        if let Some(w) = self.widths.get_mut(column) {
            *w = width.max(*w);
        }
    }

    /// Makes all columns wide enough for a row.
    pub fn fit(&mut self, cells: &[String]) {
        for (i, cell) in cells.iter().enumerate() {
            self.widen(i, width(cell));
        }
    }

    /// Makes the first columns at least so wide.
    fn widen_all<const N: usize>(&mut self, widths: [usize; N]) {
        widths.into_iter().enumerate().for_each(|(column, width)| self.widen(column, width));
    }

    /// Writes the headings.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn head(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let headings: Vec<String> = self.headings.iter().map(|(h, _)| (*h).to_owned()).collect();
        self.write(out, &[headings])
    }

    /// Writes rows.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn io::Write, rows: &[impl AsRef<[String]>]) -> io::Result<()> {
        let mut text = Vec::new();
        rows.iter().for_each(|row| self.row(&mut text, row.as_ref()));
        out.write_all(&text)
    }

    /// Appends one row; the last column is not padded.
    pub fn row(&self, text: &mut Vec<u8>, cells: &[String]) {
        for (column, cell) in cells.iter().enumerate() {
            self.cell(column, text, |text| {
                text.extend_from_slice(cell.as_bytes());
                width(cell)
            });
        }
        text.push(b'\n');
    }

    /// Appends the next cell of a row, which `put` writes, and says how many columns of a terminal it takes. Nothing stands in the
    /// place of an empty last one.
    #[inline(always)]
    fn cell(&self, column: usize, text: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>) -> usize) {
        let (Some(wide), Some((_, align))) = (self.widths.get(column), self.headings.get(column)) else { return };
        let before = text.len();
        text.extend_from_slice(if column > 0 { b"  " } else { b"" });
        let begin = text.len();
        let takes = put(text);
        let is_last = column + 1 == self.headings.len();
        if is_last && column > 0 && text.len() == begin {
            return text.truncate(before);
        }
        let blanks = wide.saturating_sub(takes);
        match align {
            Align::Right => _ = text.splice(begin..begin, std::iter::repeat_n(b' ', blanks)),
            Align::Left if is_last => {}
            Align::Left => put_blanks(text, blanks),
        }
    }
}

/// Appends blanks: rather more than there are to be, which takes no loop, and so many of them cut off.
fn put_blanks(text: &mut Vec<u8>, count: usize) {
    const BLANKS: [u8; 32] = [b' '; 32];
    let end = text.len() + count;
    text.extend_from_slice(&BLANKS);
    text.resize(end, b' ');
}

const NOT_RECORDED: &[u8] = b"---NOT-RECORDED---";
/// In the place of a mechanism that is not known.
const NO_AUTH: &[u8] = b"-";

pub(super) fn write(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let all_offsets = answer.summary.shared_offset.is_none();
    let mut quotes = answer.quote()?;
    if let Some((rows, services)) = answer.rows.connected {
        connected(answer, rows, services, (all_offsets, &mut quotes), out)?;
        if answer.rows.access.is_some() {
            writeln!(out)?;
        }
    }
    access(answer, (all_offsets, &mut quotes), out)?;
    records_table::write(answer, answer.rows.sessions.as_ref(), all_offsets, out)?;
    records_table::write(answer, answer.rows.failures.as_ref(), all_offsets, out)?;
    records_table::write(answer, answer.rows.messages.as_ref(), all_offsets, out)?;
    records_table::write(answer, answer.rows.refused_by.as_ref(), all_offsets, out)?;
    let Some(findings) = &answer.rows.findings else { return Ok(()) };
    if answer.rows.failures.is_none() {
        return findings::write_table(answer, findings, out);
    }
    match findings.count()? {
        0 => Ok(()),
        1 => writeln!(out, "1 finding; --findings shows it."),
        count => writeln!(out, "{count} findings; --findings shows them."),
    }
}

/// Writes a time as the vendor's tool writes it; with its offset where it would not be clear without. How many columns it takes.
pub(super) fn put_time(answer: &Answer<'_>, stamp: Stamp, with_offset: bool, mut put: impl FnMut(&[u8])) -> usize {
    let stamp = answer.zone.of(stamp);
    put(&log_bytes(stamp));
    if !needs_offset(answer, stamp, with_offset) {
        return LOG_WIDTH;
    }
    put(b" ");
    put(log_offset(stamp.offset).as_bytes());
    LOG_WIDTH + 1 + OFFSET_WIDTH
}

/// Whether a time, in the zone in which it is shown, would not be clear without its offset.
fn needs_offset(answer: &Answer<'_>, stamp: Stamp, with_offset: bool) -> bool {
    with_offset || repeats(answer.zone, answer.streams, stamp)
}

/// How many columns [`put_time`] takes.
fn time_width(answer: &Answer<'_>, stamp: Stamp, with_offset: bool) -> usize {
    let is_long = needs_offset(answer, answer.zone.of(stamp), with_offset);
    LOG_WIDTH + if is_long { 1 + OFFSET_WIDTH } else { 0 }
}

/// How wide columns are where each is as wide as in one of two rows or parts.
fn widest<const N: usize>(a: [usize; N], b: [usize; N]) -> [usize; N] {
    std::array::from_fn(|i| a.get(i).max(b.get(i)).copied().unwrap_or(0))
}

fn connected(
    answer: &Answer<'_>,
    rows: &[Connected<'_>],
    services: &[Service],
    (with_offset, quotes): (bool, &mut Option<QuoteRows<'_>>),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut columns = Columns::new(&["UID", "TIME", "AUTH", "TO", "FROM"].map(|h| (h, Align::Left)));
    let parts: Vec<&[Connected<'_>]> = rows.chunks(answer.at_once()).collect();
    // The last column is as wide as it may be.
    let widths = |part: &&[Connected<'_>]| {
        part.iter().fold([0; 4], |widths, row| {
            let since = time_width(answer, row.since, with_offset);
            let auth = visible_width(row.auth.unwrap_or(NO_AUTH));
            widest(widths, [visible_width(row.user), since, auth, visible_width(row.store)])
        })
    };
    columns.widen_all(parts.par_iter().map(widths).reduce(|| [0; 4], widest));
    columns.head(out)?;
    let count = |part: &&[Connected<'_>]| part.len();
    side_by_side(&parts, quotes, count, writer(out), |part, lines, text| {
        for (number, row) in part.iter().enumerate() {
            connected_row(answer, row, with_offset, &columns, text);
            block(lines.row(number), text);
        }
        Ok(())
    })?;
    for service in services {
        let name = service.as_str();
        if !answer.streams.iter().any(|s| s.service == *service) {
            writeln!(out, "No {name} log was read.")?;
            continue;
        }
        let of_service = || rows.iter().filter(|r| r.service == *service);
        let possible = of_service().filter(|r| !r.certain).count();
        let doubt = if possible > 0 { format!(" ({possible} possibly)") } else { String::new() };
        writeln!(out, "{} users were logged in to {name}{doubt}.", of_service().count())?;
    }
    Ok(())
}

fn connected_row(answer: &Answer<'_>, row: &Connected<'_>, with_offset: bool, columns: &Columns, text: &mut Vec<u8>) {
    columns.cell(0, text, |text| put_visible(text, row.user));
    columns.cell(1, text, |text| put_time(answer, row.since, with_offset, |part| text.extend_from_slice(part)));
    columns.cell(2, text, |text| put_visible(text, row.auth.unwrap_or(NO_AUTH)));
    columns.cell(3, text, |text| put_visible(text, row.store));
    columns.cell(4, text, |text| {
        let begin = text.len();
        if row.client().is_behind_proxy() {
            text.extend_from_slice(ends::shown(row.from.to_string().as_bytes(), &row.client()).as_bytes());
        } else {
            _ = write!(text, "{}", row.from);
        }
        if !row.certain {
            text.extend_from_slice(b" (possible)");
        }
        text.len() - begin
    });
    text.push(b'\n');
}

fn access(
    answer: &Answer<'_>,
    (with_offset, quotes): (bool, &mut Option<QuoteRows<'_>>),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(rows) = &answer.rows.access else { return Ok(()) };
    let headings = ["UID", "IMAP last access", "HTTP last access", "POP last access"];
    let mut columns = Columns::new(&headings.map(|h| (h, Align::Left)));
    let parts = rows.parts(answer.at_once());
    let widths = |part: &Range<usize>| {
        rows.rows(part.clone()).fold([0; 4], |widths, row| {
            let wide = |stamp: Stamp| time_width(answer, stamp, with_offset);
            let [imap, http, pop] = Service::ALL.map(|service| row.last_over(service).map_or(NOT_RECORDED.len(), wide));
            widest(widths, [visible_width(row.user), imap, http, pop])
        })
    };
    columns.widen_all(parts.par_iter().map(widths).reduce(|| [0; 4], widest));
    columns.head(out)?;
    let count = |part: &Range<usize>| rows.rows(part.clone()).count();
    side_by_side(&parts, quotes, count, writer(out), |part, lines, text| {
        for (number, row) in rows.rows(part.clone()).enumerate() {
            access_row(answer, &row, with_offset, &columns, text);
            block(lines.row(number), text);
        }
        Ok(())
    })
}

fn access_row(answer: &Answer<'_>, row: &LastAccessRow<'_>, with_offset: bool, columns: &Columns, text: &mut Vec<u8>) {
    columns.cell(0, text, |text| put_visible(text, row.user));
    for (column, service) in (1..).zip(Service::ALL) {
        columns.cell(column, text, |text| match row.last_over(service) {
            Some(last) => put_time(answer, last, with_offset, |part| text.extend_from_slice(part)),
            None => {
                text.extend_from_slice(NOT_RECORDED);
                NOT_RECORDED.len()
            }
        });
    }
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_padded_by_what_a_terminal_shows() {
        let mut columns = Columns::new(&[("WHO", Align::Left), ("N", Align::Right), ("WHY", Align::Left)]);
        let rows = [["j\u{fc}rgen", "7", ""], ["\u{4e2d}", "1000", "late"]].map(|row| row.map(str::to_owned));
        rows.iter().for_each(|row| columns.fit(row));
        let mut text = Vec::new();
        columns.head(&mut text).expect("memory");
        columns.write(&mut text, &rows).expect("memory");
        let lines = ["WHO        N  WHY\n", "j\u{fc}rgen     7\n", "\u{4e2d}      1000  late\n"];
        assert_eq!(String::from_utf8_lossy(&text), lines.concat());
    }
}
