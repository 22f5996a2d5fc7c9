//! Comma-separated values, safe for spreadsheets.

use std::borrow::Cow;
use std::io;

use csv::{ByteRecord, Writer};

use super::cells::{self, Cell, Cells, Shown, each_cell};
use super::columns::{self, Columnar};
use super::{Answer, evidence, make_of_access, make_of_connected};
use crate::answer::{Connected, LastAccessRow};
use crate::quote::Lines;
use crate::text::visible;
use crate::times::{Zone, rfc3339_of};

/// A cell that a spreadsheet would run as a formula is led by an apostrophe.
fn safe(cell: Cow<'_, str>) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.into_owned() }
}

fn text(cell: Cell<'_>, zone: Zone) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => safe(visible(&text)),
        Cell::Number(number) => number.to_string(),
        Cell::Time(stamp) => rfc3339_of(stamp, zone),
        Cell::List(words) => words.join(" "),
    }
}

/// Cells of a line that its row knows nothing of: how many behind its first cell, and behind its last.
#[derive(Clone, Copy, Default)]
struct Blank {
    between: usize,
    behind: usize,
}

/// Lines in the making.
struct Sheet {
    writer: Writer<Vec<u8>>,
    line: ByteRecord,
}

impl Default for Sheet {
    fn default() -> Sheet {
        Sheet { writer: Writer::from_writer(Vec::new()), line: ByteRecord::new() }
    }
}

impl Sheet {
    /// Appends the names of columns; the last, if lines are asked for, says where they are.
    fn head(&mut self, columns: impl Iterator<Item = &'static str>, evidence: bool) -> io::Result<()> {
        let line = std::iter::once("record").chain(columns).chain(evidence.then_some(evidence::COLUMN));
        self.writer.write_record(line).map_err(cause)
    }

    /// Appends a row.
    fn row<R: Cells>(&mut self, row: &R, shown: Shown, lines: Option<Lines<'_, '_>>, blank: Blank) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.push_field(R::RECORD.as_bytes());
        let mut between = blank.between;
        each_cell(row, shown, &mut |cell| {
            line.push_field(text(cell, shown.zone).as_bytes());
            (0..std::mem::take(&mut between)).for_each(|_| line.push_field(b""));
        });
        (0..blank.behind).for_each(|_| line.push_field(b""));
        if let Some(places) = evidence::places(lines) {
            line.push_field(safe(places.join("; ").into()).as_bytes());
        }
        self.writer.write_byte_record(line).map_err(cause)
    }

    /// Writes what there is, and leaves nothing.
    fn write(&mut self, out: &mut dyn io::Write) -> io::Result<()> {
        let text = std::mem::take(self).writer.into_inner();
        out.write_all(&text.map_err(|e| e.into_error())?)
    }
}

/// The writer's own error, so that a closed pipe is known as one.
fn cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn names<R: Cells>(shown: Shown) -> impl Iterator<Item = &'static str> {
    cells::columns::<R>(shown).map(|(name, _)| name)
}

struct Csv<'a>(&'a mut dyn io::Write);

impl Columnar for Csv<'_> {
    type Part = Sheet;

    fn begin<R: Cells>(&mut self, shown: Shown) -> io::Result<()> {
        let mut head = Sheet::default();
        head.head(names::<R>(shown), shown.evidence)?;
        head.write(self.0)
    }

    fn add<R: Cells>(part: &mut Sheet, row: &R, shown: Shown, lines: Option<Lines<'_, '_>>) -> io::Result<()> {
        part.row(row, shown, lines, Blank::default())
    }

    fn write(&mut self, part: &mut Sheet) -> io::Result<()> {
        part.write(self.0)
    }
}

pub(super) fn write(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    if answer.rows.connected.is_some() && answer.rows.access.is_some() {
        return write_both(answer, out);
    }
    columns::write(answer, &mut Csv(out))
}

/// Rows of `-c`, and behind them those of `-a`: the user, the columns of the one, the columns of the other.
fn write_both(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let shown = Shown::of(answer);
    let (of_connected, of_access) =
        (names::<Connected<'_>>(shown).count() - 1, names::<LastAccessRow<'_>>(shown).count() - 1);
    let mut head = Sheet::default();
    head.head(names::<Connected<'_>>(shown).chain(names::<LastAccessRow<'_>>(shown).skip(1)), shown.evidence)?;
    head.write(out)?;
    let mut quotes = answer.quote()?;
    let connected = |row: &Connected<'_>, lines: Option<Lines<'_, '_>>, sheet: &mut Sheet| {
        sheet.row(row, shown, lines, Blank { between: 0, behind: of_access })
    };
    make_of_connected(answer, &mut quotes, connected, |sheet| sheet.write(out))?;
    let access = |row: LastAccessRow<'_>, lines: Option<Lines<'_, '_>>, sheet: &mut Sheet| {
        sheet.row(&row, shown, lines, Blank { between: of_connected, behind: 0 })
    };
    make_of_access(answer, &mut quotes, access, |sheet| sheet.write(out))
}
