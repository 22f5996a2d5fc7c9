//! Tables for databases: rows in typed columns, some thousands at a time.

use std::io;

use super::cells::{self, Cell, Cells, Column, Kind, Shown, each_cell};
use super::columns::{self, Columnar};
use super::{Answer, evidence};
use crate::model::Stamp;
use crate::quote::Lines;
use crate::text::harmless;
use crate::times::Zone;

/// A database in the making, or a file with one table.
pub trait Tables {
    /// Rows of this kind come next.
    ///
    /// # Errors
    /// The table cannot be made.
    fn begin(&mut self, name: &'static str, columns: &[Column]) -> io::Result<()>;

    /// Takes the next rows.
    ///
    /// # Errors
    /// They cannot be written.
    fn rows(&mut self, rows: TableRows) -> io::Result<()>;
}

/// The column that says with which offset, in minutes east of UTC, the times of a column are shown.
pub fn offset_of(column: &str) -> String {
    format!("{column}_offset")
}

/// Hands all rows of an answer to a database.
///
/// # Errors
/// Those of the database, and of reading back what was put aside.
pub fn write_tables(answer: &Answer<'_>, to: &mut dyn Tables) -> io::Result<()> {
    columns::write(answer, &mut Filler(to))
}

struct Filler<'a>(&'a mut dyn Tables);

impl Columnar for Filler<'_> {
    type Part = TableRows;

    fn begin<R: Cells>(&mut self, shown: Shown) -> io::Result<()> {
        let evidence = shown.evidence.then_some((evidence::COLUMN, Kind::List));
        let columns: Vec<Column> = cells::columns::<R>(shown).chain(evidence).collect();
        self.0.begin(R::RECORD, &columns)
    }

    fn add<R: Cells>(part: &mut TableRows, row: &R, shown: Shown, lines: Option<Lines<'_, '_>>) -> io::Result<()> {
        each_cell(row, shown, &mut |cell| part.push(cell, shown.zone));
        if let Some(places) = evidence::places(lines) {
            part.push(Cell::List(&places.iter().map(String::as_str).collect::<Vec<_>>()), shown.zone);
        }
        part.rows += 1;
        Ok(())
    }

    fn write(&mut self, part: &mut TableRows) -> io::Result<()> {
        self.0.rows(std::mem::take(part))
    }
}

/// Some rows of a table: their cells, one behind the other.
#[derive(Debug, Default)]
pub struct TableRows {
    cells: Vec<Kept>,
    rows: usize,
    /// The texts of all cells, one behind the other.
    pub(super) text: String,
    /// The words of lists, as places in the text.
    pub(super) words: Vec<Place>,
}

/// A part of the text, or some of the words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    from: usize,
    length: u32,
}

impl Place {
    pub(super) fn of<T>(self, all: &[T]) -> &[T] {
        self.from.checked_add(self.length as usize).and_then(|to| all.get(self.from..to)).unwrap_or_default()
    }
}

/// A cell as it is kept: two words.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kept {
    Nothing,
    Text(Place),
    Number(i64),
    Time(Stamp),
    List(Place),
}

/// The value of a cell.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    /// Unknown, or not there.
    Nothing,
    /// A text, harmless on a terminal.
    Text(&'a str),
    /// A number; one that 64 bits cannot hold is the largest, or smallest, that they can.
    Number(i64),
    /// A time: the instant, and the offset with which other formats show it.
    Time(Stamp),
    /// Some texts.
    List(Vec<&'a str>),
}

impl TableRows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    fn columns(&self) -> usize {
        self.cells.len().checked_div(self.rows).unwrap_or(0).max(1)
    }

    /// The values of each row, in the order of the columns.
    pub fn iter(&self) -> impl Iterator<Item = impl Iterator<Item = Value<'_>>> {
        self.cells.chunks(self.columns()).map(|row| row.iter().map(|cell| self.value(*cell)))
    }

    /// The cells of one column.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Kept> {
        self.cells.iter().skip(column).step_by(self.columns()).copied()
    }

    fn value(&self, cell: Kept) -> Value<'_> {
        match cell {
            Kept::Nothing => Value::Nothing,
            Kept::Text(place) => Value::Text(self.text(place)),
            Kept::Number(number) => Value::Number(number),
            Kept::Time(stamp) => Value::Time(stamp),
            Kept::List(words) => Value::List(words.of(&self.words).iter().map(|word| self.text(*word)).collect()),
        }
    }

    fn text(&self, place: Place) -> &str {
        std::str::from_utf8(place.of(self.text.as_bytes())).unwrap_or_default()
    }

    fn push(&mut self, cell: Cell<'_>, zone: Zone) {
        let kept = match cell {
            Cell::Nothing => Kept::Nothing,
            Cell::Text(text) => Kept::Text(self.push_text(&harmless(&text))),
            Cell::Number(number) => {
                Kept::Number(i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX }))
            }
            Cell::Time(stamp) => Kept::Time(Stamp { at: stamp.at, offset: zone.of(stamp).offset }),
            Cell::List(words) => {
                let place = Place { from: self.words.len(), length: words.len() as u32 };
                words.iter().for_each(|word| {
                    let place = self.push_text(word);
                    self.words.push(place);
                });
                Kept::List(place)
            }
        };
        self.cells.push(kept);
    }

    fn push_text(&mut self, text: &str) -> Place {
        let place = Place { from: self.text.len(), length: text.len() as u32 };
        self.text.push_str(text);
        place
    }
}
