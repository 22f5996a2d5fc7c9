//! Render: rows as a table, JSON or CSV, as columns of a database, or as events for other tools. Pure: everything is written to the writer that is given.

mod cells;
mod columns;
mod coverage;
mod csv;
mod dialects;
mod ecs;
mod ends;
mod events;
mod evidence;
mod explain;
mod findings;
mod json;
mod messages_table;
mod object;
mod ocsf;
#[cfg(feature = "parquet")]
mod parquet;
mod reading;
mod records;
mod records_table;
mod refused_by;
pub mod report;
mod strip;
mod table;
#[cfg(any(feature = "parquet", feature = "sqlite"))]
mod tables;
mod timesketch;

use std::io;
use std::ops::Range;

use rayon::prelude::*;

pub use cells::{Column, Kind};
pub use dialects::{dialects, dialects_json};
pub use json::{note, put};
pub use reading::reading;
pub use records::Recorded;
pub use records_table::{Fit, Tabled};
pub use table::{Align, Columns};
#[cfg(any(feature = "parquet", feature = "sqlite"))]
pub use tables::{TableRows, Tables, Value, offset_of, write_tables};

use crate::answer::{Connected, INFERRED_FORMAT, LastAccessRow, LastAccessRows, Rows};
use crate::model::Stamp;
use crate::note::Note;
use crate::quote::{Lines, QuoteRows, Quoted, Quotes};
use crate::resolve::Resolved;
use crate::times::Zone;
use crate::trail::Tally;

/// What a query answers.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The rows.
    pub rows: Rows<'a>,
    /// By service, what its logs lack: somebody who was not seen may have been there all the same.
    pub limits: [Option<String>; 3],
    /// The lines that the rows rest on, if they are asked for.
    pub quotes: Option<&'a Quotes>,
    /// What the logs cover.
    pub streams: &'a [Resolved],
    /// What is to be known beside the rows.
    pub notes: &'a [Note],
    /// What became of every line.
    pub tally: &'a Tally,
    /// Every text by its number, as shown.
    pub texts: &'a [&'a str],
    /// The question, for the JSON document.
    pub query: serde_json::Value,
    /// How times are shown.
    pub zone: Zone,
    /// What is to be known of all rows together.
    pub summary: Summary,
}

/// What is to be known of all rows together, found in one pass over them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// What a table of sessions or failures needs to know of them before it begins.
    pub fit: Option<Fit>,
    /// The offset that all times share, in minutes; `None` where they differ or there is none.
    pub shared_offset: Option<i16>,
    /// Whether a row rests on a template that is a guess.
    pub inferred: bool,
}

impl Summary {
    /// Of the rows of `-c` and of `-a`.
    pub fn of_accesses(connected: &[Connected<'_>], access: Option<&LastAccessRows<'_>>, zone: Zone) -> Summary {
        let mut seen = Seen::default();
        connected.iter().for_each(|row| seen.see(zone.of(row.since).offset, &row.flags));
        if let Some(rows) = access {
            let of_part = |part| {
                let mut seen = Seen::default();
                rows.accesses(part).for_each(|access| seen.see(zone.of(access.last_access()).offset, access.flags()));
                seen
            };
            let parts = rows.parts(ROWS).into_par_iter().map(of_part);
            seen = seen.merge(parts.reduce(Seen::default, Seen::merge));
        }
        Summary { shared_offset: seen.shared(), inferred: seen.inferred, fit: None }
    }

    /// Of all rows; of records as far as a table must know of them.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn of(rows: &Rows<'_>, shape: Shape, zone: Zone, streams: &[Resolved]) -> io::Result<Summary> {
        match rows {
            Rows { sessions: Some(sessions), .. } if shape == Shape::Table => {
                Summary::of_records(sessions, zone, streams)
            }
            Rows { failures: Some(failures), .. } if shape == Shape::Table => {
                Summary::of_records(failures, zone, streams)
            }
            Rows { messages: Some(messages), .. } if shape == Shape::Table => {
                Summary::of_records(messages, zone, streams)
            }
            Rows { refused_by: Some(counts), .. } if shape == Shape::Table => {
                Summary::of_records(counts, zone, streams)
            }
            Rows { connected, access, .. } => {
                let connected = connected.map_or(&[][..], |(rows, _)| rows);
                Ok(Summary::of_accesses(connected, access.as_ref(), zone))
            }
        }
    }

    fn of_records<K: Tabled>(records: &K, zone: Zone, streams: &[Resolved]) -> io::Result<Summary> {
        let (fit, seen) = records_table::fit(records, zone, streams)?;
        Ok(Summary { shared_offset: seen.shared(), inferred: seen.inferred, fit: Some(fit) })
    }
}

/// What was seen of some rows.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    offset: Option<i16>,
    differ: bool,
    inferred: bool,
}

impl Seen {
    fn shared(&self) -> Option<i16> {
        self.offset.filter(|_| !self.differ)
    }

    fn see(&mut self, offset: i16, flags: &[&str]) {
        let inferred = flags.contains(&INFERRED_FORMAT);
        *self = self.merge(Seen { offset: Some(offset), differ: false, inferred });
    }

    fn merge(self, other: Seen) -> Seen {
        let apart = self.offset.zip(other.offset).is_some_and(|(a, b)| a != b);
        Seen {
            offset: self.offset.or(other.offset),
            differ: self.differ | other.differ | apart,
            inferred: self.inferred | other.inferred,
        }
    }
}

/// Whether the digits of a time of a zone were shown twice, so that it needs its offset.
fn repeats(zone: Zone, streams: &[Resolved], stamp: Stamp) -> bool {
    zone.repeats(stamp).unwrap_or_else(|| streams.iter().any(|s| s.clock.is_repeated(stamp)))
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As the vendor's tool prints it.
    Table,
    /// One document.
    Json,
    /// One object a row.
    JsonLines,
    /// Comma-separated values.
    Csv,
    /// Events of sessions and failures, as Timesketch takes them.
    Timesketch,
    /// The same in the Elastic Common Schema.
    Ecs,
    /// The same in the Open Cybersecurity Schema Framework.
    Ocsf,
    /// A story of one user in words.
    Words,
    /// A Parquet file: one table. Needs the feature `parquet`.
    Parquet,
    /// A database of SQLite, which is no stream of bytes: `write_tables` fills it. Needs the feature `sqlite`.
    Sqlite,
}

impl Shape {
    /// Whether it shows the lines of rows themselves, and not only where they are.
    pub fn shows_lines(self) -> bool {
        !matches!(self, Shape::Csv | Shape::Parquet | Shape::Sqlite)
    }
}

/// Writes an answer. As events, only sessions and failures have something to write; in Parquet only one question.
///
/// # Errors
/// Those of the writer; and the shape is none of a stream, or needs a feature that this build lacks.
pub fn write(answer: &Answer<'_>, shape: Shape, out: &mut (dyn io::Write + Send)) -> io::Result<()> {
    match shape {
        Shape::Table if answer.rows.covered.is_some() => coverage::write(answer, out),
        Shape::Table => table::write(answer, out),
        Shape::Json => json::write_document(answer, out),
        Shape::JsonLines => json::write_lines(answer, out),
        Shape::Csv => csv::write(answer, out),
        Shape::Timesketch => events::write(answer, timesketch::map, out),
        Shape::Ecs => events::write(answer, ecs::map, out),
        Shape::Ocsf => events::write(answer, ocsf::map, out),
        Shape::Words => explain::write(answer, out),
        #[cfg(feature = "parquet")]
        Shape::Parquet => parquet::write(answer, out),
        #[cfg(not(feature = "parquet"))]
        Shape::Parquet => Err(io::ErrorKind::Unsupported.into()),
        Shape::Sqlite => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// A record of the answer.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "records are made one at a time, and never kept")]
enum Record<'a> {
    Connected(&'a Connected<'a>),
    Access(LastAccessRow<'a>),
}

/// So many rows are rendered at a time by one worker.
const ROWS: usize = 1024;
/// So many, if each comes with its lines, which may be long.
const QUOTED: usize = 256;

impl Answer<'_> {
    /// So many rows are rendered at a time.
    fn at_once(&self) -> usize {
        if self.quotes.is_some() { QUOTED } else { ROWS }
    }

    /// The lines of all rows, if they are asked for.
    fn quote(&self) -> io::Result<Option<QuoteRows<'_>>> {
        self.quotes.map(Quotes::rows).transpose()
    }
}

/// The lines of the next rows, in the room of lines that nobody needs any more.
fn next_lines<'a>(
    quotes: &mut Option<QuoteRows<'a>>,
    rows: impl FnOnce() -> usize,
    room: Quoted<'_>,
) -> io::Result<Quoted<'a>> {
    quotes.as_mut().map_or_else(|| Ok(Quoted::default()), |quotes| quotes.take(rows(), room))
}

/// Writes what was made, and makes room for more.
fn writer(out: &mut dyn io::Write) -> impl FnMut(&mut Vec<u8>) -> io::Result<()> {
    |text| {
        out.write_all(text)?;
        text.clear();
        Ok(())
    }
}

/// Writes every record in the order of the answer, connected rows first. `render` appends one to a text, with its lines.
fn write_records(
    answer: &Answer<'_>,
    out: &mut dyn io::Write,
    render: impl Fn(&Record<'_>, Option<Lines<'_, '_>>, &mut Vec<u8>) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let mut quotes = answer.quote()?;
    let connected = |row: &Connected<'_>, lines: Option<Lines<'_, '_>>, text: &mut Vec<u8>| {
        render(&Record::Connected(row), lines, text)
    };
    make_of_connected(answer, &mut quotes, connected, writer(out))?;
    let access = |row: LastAccessRow<'_>, lines: Option<Lines<'_, '_>>, text: &mut Vec<u8>| {
        render(&Record::Access(row), lines, text)
    };
    make_of_access(answer, &mut quotes, access, writer(out))
}

/// Makes something of every row of `-c`, many at a time, and hands what it came to on, in order.
fn make_of_connected<M: Default + Send>(
    answer: &Answer<'_>,
    quotes: &mut Option<QuoteRows<'_>>,
    make: impl Fn(&Connected<'_>, Option<Lines<'_, '_>>, &mut M) -> io::Result<()> + Sync,
    out: impl FnMut(&mut M) -> io::Result<()>,
) -> io::Result<()> {
    let rows = answer.rows.connected.map_or(&[][..], |(rows, _)| rows);
    let parts: Vec<&[Connected<'_>]> = rows.chunks(answer.at_once()).collect();
    side_by_side(
        &parts,
        quotes,
        |part| part.len(),
        out,
        |part, lines, made| part.iter().enumerate().try_for_each(|(number, row)| make(row, lines.row(number), made)),
    )
}

/// The same of `-a`.
fn make_of_access<M: Default + Send>(
    answer: &Answer<'_>,
    quotes: &mut Option<QuoteRows<'_>>,
    make: impl Fn(LastAccessRow<'_>, Option<Lines<'_, '_>>, &mut M) -> io::Result<()> + Sync,
    out: impl FnMut(&mut M) -> io::Result<()>,
) -> io::Result<()> {
    let Some(access) = &answer.rows.access else { return Ok(()) };
    let count = |part: &Range<usize>| access.rows(part.clone()).count();
    side_by_side(&access.parts(answer.at_once()), quotes, count, out, |part, lines, made| {
        let mut rows = access.rows(part.clone()).enumerate();
        rows.try_for_each(|(number, row)| make(row, lines.row(number), made))
    })
}

/// Fetches the lines of parts.
fn fetch<'a, T, M>(
    quotes: &mut Option<QuoteRows<'a>>,
    parts: &[T],
    rows: &impl Fn(&T) -> usize,
    made: &mut [(M, Quoted<'a>)],
) -> io::Result<()> {
    made.iter_mut().zip(parts).try_for_each(|((_, lines), part)| {
        *lines = next_lines(quotes, || rows(part), std::mem::take(lines))?;
        Ok(())
    })
}

/// Makes something of parts side by side, some of them at a time, and hands what it came to to `out`, one after another, which leaves
/// nothing in it. `quotes` has the lines of all rows, `rows` says how many a part has.
fn side_by_side<T: Sync, M: Default + Send>(
    parts: &[T],
    quotes: &mut Option<QuoteRows<'_>>,
    rows: impl Fn(&T) -> usize,
    mut out: impl FnMut(&mut M) -> io::Result<()>,
    make: impl Fn(&T, &Quoted<'_>, &mut M) -> io::Result<()> + Sync,
) -> io::Result<()> {
    // While something is made of some, those before them are written, and the lines of those behind them are fetched.
    // Several for each worker: whoever writes makes fewer of them.
    let at_once = 4 * rayon::current_num_threads();
    let all: Vec<&[T]> = parts.chunks(at_once).collect();
    let room = || (0..at_once).map(|_| <(M, Quoted<'_>)>::default()).collect::<Vec<_>>();
    let (mut these, mut others) = (room(), room());
    fetch(quotes, all.first().map_or(&[], |parts| parts), &rows, &mut these)?;
    let mut before = 0;
    for (number, parts) in all.iter().enumerate() {
        let mut done = Ok(());
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| {
                let each = these.par_iter_mut().zip(*parts);
                done = each.try_for_each(|((made, lines), part)| make(part, lines, made));
            });
            others.iter_mut().take(before).try_for_each(|(made, _)| out(made))?;
            fetch(quotes, all.get(number + 1).map_or(&[], |parts| parts), &rows, &mut others)
        })?;
        done?;
        before = parts.len();
        std::mem::swap(&mut these, &mut others);
    }
    others.iter_mut().take(before).try_for_each(|(made, _)| out(made))
}
