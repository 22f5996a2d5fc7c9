//! Tables for people, as the vendor's tool prints them.
//!
//! Columns are as wide as their widest cell. Rows are written as they come, never held: an archive may have millions of users.

use std::fmt::Write;
use std::io;
use std::ops::Range;

use rayon::prelude::*;
use unicode_width::UnicodeWidthStr;

use super::ends;
use super::evidence::block;
use super::{Answer, findings, records_table, repeats, side_by_side, writer};
use crate::answer::{Connected, LastAccessRow, ServiceAccess};
use crate::model::{Service, Stamp};
use crate::quote::QuoteRows;
use crate::text::visible;
use crate::times::{log_offset, push_log_digits};

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

    /// Columns as wide as the wider ones of two.
    fn widest(mut self, other: Columns) -> Columns {
        other.widths.into_iter().enumerate().for_each(|(column, width)| self.widen(column, width));
        self
    }

    /// Writes the headings.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn head(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let headings: Vec<String> = self.headings.iter().map(|(h, _)| (*h).to_owned()).collect();
        self.row(out, &headings)
    }

    /// Writes one row; the last column is not padded.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn row<W: io::Write + ?Sized>(&self, out: &mut W, cells: &[String]) -> io::Result<()> {
        for (i, ((cell, width), (_, align))) in cells.iter().zip(&self.widths).zip(&self.headings).enumerate() {
            if i > 0 && i + 1 == cells.len() && cell.is_empty() {
                break;
            }
            let pad = width.saturating_sub(self::width(cell));
            let (before, behind) = match align {
                Align::Right => (pad, 0),
                Align::Left if i + 1 == cells.len() => (0, 0),
                Align::Left => (0, pad),
            };
            blanks(out, before + if i == 0 { 0 } else { 2 })?;
            out.write_all(cell.as_bytes())?;
            blanks(out, behind)?;
        }
        out.write_all(b"\n")
    }
}

/// How many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

fn blanks<W: io::Write + ?Sized>(out: &mut W, mut n: usize) -> io::Result<()> {
    const BLANKS: [u8; 32] = [b' '; 32];
    while n > 0 {
        let some = n.min(BLANKS.len());
        out.write_all(BLANKS.get(..some).unwrap_or_default())?;
        n -= some;
    }
    Ok(())
}

const NOT_RECORDED: &str = "---NOT-RECORDED---";

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

/// Appends a time as the vendor's tool writes it; with its offset where it would not be clear without.
pub(super) fn push_time(text: &mut String, answer: &Answer<'_>, stamp: Stamp, with_offset: bool) {
    let stamp = answer.zone.of(stamp);
    push_log_digits(text, stamp);
    if with_offset || repeats(answer.zone, answer.streams, stamp) {
        text.push(' ');
        text.push_str(&log_offset(stamp.offset));
    }
}

/// How many columns [`push_time`] takes.
fn time_width(answer: &Answer<'_>, stamp: Stamp, with_offset: bool) -> usize {
    let offset =
        if with_offset || repeats(answer.zone, answer.streams, answer.zone.of(stamp)) { " +0000".len() } else { 0 };
    "29/May/2019:12:00:00".len() + offset
}

fn connected(
    answer: &Answer<'_>,
    rows: &[Connected<'_>],
    services: &[Service],
    (with_offset, quotes): (bool, &mut Option<QuoteRows<'_>>),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let columns = || Columns::new(&["UID", "TIME", "AUTH", "TO", "FROM"].map(|h| (h, Align::Left)));
    let parts: Vec<&[Connected<'_>]> = rows.chunks(answer.at_once()).collect();
    let fitting = |part: &&[Connected<'_>]| {
        let mut columns = columns();
        each_connected(answer, part, with_offset, |_, cells| {
            columns.fit(cells);
            Ok(())
        })?;
        Ok(columns)
    };
    let widest = |a: Columns, b: Columns| Ok::<_, io::Error>(a.widest(b));
    let columns = parts.par_iter().map(fitting).try_reduce(columns, widest)?;
    columns.head(out)?;
    side_by_side(
        &parts,
        quotes,
        |part| part.len(),
        writer(out),
        |part, lines, text| {
            each_connected(answer, part, with_offset, |row, cells| {
                columns.row(text, cells)?;
                block(lines.row(row), text);
                Ok(())
            })
        },
    )?;
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

/// Does something with the number and the cells of each row.
fn each_connected(
    answer: &Answer<'_>,
    rows: &[Connected<'_>],
    with_offset: bool,
    mut work: impl FnMut(usize, &[String]) -> io::Result<()>,
) -> io::Result<()> {
    // The cells of a row are written into the same strings again and again.
    let mut cells: [String; 5] = Default::default();
    for (number, row) in rows.iter().enumerate() {
        cells.iter_mut().for_each(String::clear);
        let [user, since, auth, to, from] = &mut cells;
        user.push_str(&visible(row.user));
        push_time(since, answer, row.since, with_offset);
        auth.push_str(&row.auth.map_or("-".into(), visible));
        to.push_str(&visible(row.store));
        _ = write!(from, "{}", row.from);
        if row.client.is_behind_proxy() {
            *from = ends::shown(from.as_bytes(), &row.client);
        }
        if !row.certain {
            from.push_str(" (possible)");
        }
        work(number, &cells)?;
    }
    Ok(())
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
    let widest = |a: [usize; 4], b: [usize; 4]| std::array::from_fn(|i| a.get(i).max(b.get(i)).copied().unwrap_or(0));
    let widths = |part: &Range<usize>| {
        rows.rows(part.clone()).fold([0; 4], |widths, row| {
            let wide = |access: ServiceAccess<'_>| time_width(answer, access.last_access(), with_offset);
            let over = |service| row.over(service).map_or(NOT_RECORDED.len(), wide);
            let [imap, http, pop] = Service::ALL.map(over);
            widest(widths, [width(&visible(row.user)), imap, http, pop])
        })
    };
    let widths = parts.par_iter().map(widths).reduce(|| [0; 4], widest);
    widths.iter().enumerate().for_each(|(column, width)| columns.widen(column, *width));
    columns.head(out)?;
    let count = |part: &Range<usize>| rows.rows(part.clone()).count();
    side_by_side(&parts, quotes, count, writer(out), |part, lines, text| {
        // The cells of a row are written into the same four strings again and again.
        let mut cells: [String; 4] = Default::default();
        rows.rows(part.clone()).enumerate().try_for_each(|(number, row)| {
            access_cells(answer, &row, with_offset, &mut cells);
            columns.row(text, &cells)?;
            block(lines.row(number), text);
            Ok(())
        })
    })
}

fn access_cells(answer: &Answer<'_>, row: &LastAccessRow<'_>, with_offset: bool, cells: &mut [String; 4]) {
    let [user, services @ ..] = cells;
    user.clear();
    user.push_str(&visible(row.user));
    for (cell, access) in services.iter_mut().zip(row.services()) {
        cell.clear();
        match access {
            Some(access) => push_time(cell, answer, access.last_access(), with_offset),
            None => cell.push_str(NOT_RECORDED),
        }
    }
}
