//! Tables for people, as the vendor's tool prints them.
//!
//! Columns are as wide as their widest cell. Rows are written as they come, never held: an archive may have millions of users.

use std::io;

use unicode_width::UnicodeWidthStr;

use super::Answer;
use crate::answer::Connected;
use crate::model::{Service, Stamp};
use crate::text::visible;
use crate::times::{log_digits, log_offset};

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
        Columns { widths: headings.iter().map(|(h, _)| h.width()).collect(), headings: headings.to_vec() }
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
            self.widen(i, cell.width());
        }
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
    pub fn row(&self, out: &mut dyn io::Write, cells: &[String]) -> io::Result<()> {
        for (i, ((cell, width), (_, align))) in cells.iter().zip(&self.widths).zip(&self.headings).enumerate() {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            let gap = if i == 0 { "" } else { "  " };
            match align {
                Align::Right => write!(out, "{gap}{pad}{cell}")?,
                Align::Left if i + 1 == cells.len() => write!(out, "{gap}{cell}")?,
                Align::Left => write!(out, "{gap}{cell}{pad}")?,
            }
        }
        writeln!(out)
    }
}

const NOT_RECORDED: &str = "---NOT-RECORDED---";

pub(super) fn write(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let all_offsets = answer.shared_offset().is_none();
    if let Some((rows, services)) = answer.connected {
        connected(answer, rows, services, all_offsets, out)?;
        if answer.access.is_some() {
            writeln!(out)?;
        }
    }
    access(answer, all_offsets, out)
}

/// A time as the vendor's tool writes it; with its offset where it would not be clear without.
fn time(answer: &Answer<'_>, stamp: Stamp, with_offset: bool) -> String {
    let stamp = answer.zone.of(stamp);
    let digits = log_digits(stamp);
    if with_offset || answer.repeats(stamp) { format!("{digits} {}", log_offset(stamp.offset)) } else { digits }
}

fn connected(
    answer: &Answer<'_>,
    rows: &[Connected],
    services: &[Service],
    with_offset: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let cells = |row: &Connected| {
        let auth = row.auth.as_deref().map_or("-".into(), visible);
        let doubt = if row.certain { "" } else { " (possible)" };
        [
            visible(&row.user).into_owned(),
            time(answer, row.since, with_offset),
            auth.into_owned(),
            visible(&row.store).into_owned(),
            format!("{}{doubt}", row.from),
        ]
    };
    let mut columns = Columns::new(&["UID", "TIME", "AUTH", "TO", "FROM"].map(|h| (h, Align::Left)));
    rows.iter().for_each(|row| columns.fit(&cells(row)));
    columns.head(out)?;
    rows.iter().try_for_each(|row| columns.row(out, &cells(row)))?;
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

fn access(answer: &Answer<'_>, with_offset: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(rows) = &answer.access else { return Ok(()) };
    let headings = ["UID", "IMAP last access", "HTTP last access", "POP last access"];
    let mut columns = Columns::new(&headings.map(|h| (h, Align::Left)));
    for row in rows.iter() {
        columns.widen(0, visible(row.user).width());
        for (i, access) in row.services.iter().enumerate() {
            let width = access.map_or(NOT_RECORDED.len(), |a| time(answer, a.last_access, with_offset).len());
            columns.widen(i + 1, width);
        }
    }
    columns.head(out)?;
    for row in rows.iter() {
        let shown = row.services.map(|access| {
            access.map_or_else(|| NOT_RECORDED.to_owned(), |a| time(answer, a.last_access, with_offset))
        });
        let [imap, http, pop] = shown;
        columns.row(out, &[visible(row.user).into_owned(), imap, http, pop])?;
    }
    Ok(())
}
