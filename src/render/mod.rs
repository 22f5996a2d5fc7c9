//! Render: rows as a table, JSON or CSV. Pure: everything is written to the writer that is given.

mod csv;
mod json;
mod table;

use std::io;

pub use table::{Align, Columns};

use crate::answer::{Connected, INFERRED_FORMAT, LastAccessRow, LastAccessRows};
use crate::model::{Service, Stamp};
use crate::note::Note;
use crate::resolve::Resolved;
use crate::times::Zone;
use crate::trail::Tally;

/// What a query answers.
#[derive(Debug)]
pub struct Answer<'a> {
    /// `-c`: the rows, and the services asked for.
    pub connected: Option<(&'a [Connected], &'a [Service])>,
    /// `-a`
    pub access: Option<LastAccessRows<'a>>,
    /// What the logs cover.
    pub streams: &'a [Resolved],
    /// What is to be known beside the rows.
    pub notes: &'a [Note],
    /// What became of every line.
    pub tally: &'a Tally,
    /// The question, for the JSON document.
    pub query: serde_json::Value,
    /// How times are shown.
    pub zone: Zone,
    /// What is to be known of all rows together.
    pub summary: Summary,
}

/// What is to be known of all rows together, found in one pass over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The offset that all times share, in minutes; `None` where they differ or there is none.
    pub shared_offset: Option<i16>,
    /// Whether a row rests on a template that is a guess.
    pub inferred: bool,
}

impl Summary {
    /// Of the rows of `-c` and of `-a`.
    pub fn new(connected: &[Connected], access: Option<&LastAccessRows<'_>>, zone: Zone) -> Summary {
        let (mut shared, mut differ, mut inferred) = (None, false, false);
        let mut see = |stamp: Stamp, flags: &[&str]| {
            let offset = zone.of(stamp).offset;
            differ |= shared.is_some_and(|s| s != offset);
            shared = Some(offset);
            inferred |= flags.contains(&INFERRED_FORMAT);
        };
        connected.iter().for_each(|row| see(row.since, &row.flags));
        if let Some(rows) = access {
            rows.iter().for_each(|row| row.services.iter().flatten().for_each(|s| see(s.last_access, s.flags)));
        }
        Summary { shared_offset: shared.filter(|_| !differ), inferred }
    }
}

impl Answer<'_> {
    /// Whether the digits of a time were shown twice, so that it needs its offset.
    fn repeats(&self, stamp: Stamp) -> bool {
        self.zone.repeats(stamp).unwrap_or_else(|| self.streams.iter().any(|s| s.clock.is_repeated(stamp)))
    }
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
}

/// Writes an answer.
///
/// # Errors
/// Those of the writer.
pub fn write(answer: &Answer<'_>, shape: Shape, out: &mut dyn io::Write) -> io::Result<()> {
    match shape {
        Shape::Table => table::write(answer, out),
        Shape::Json => json::write_document(answer, out),
        Shape::JsonLines => json::write_lines(answer, out),
        Shape::Csv => csv::write(answer, out),
    }
}

/// A record of the answer.
#[derive(Debug)]
enum Record<'a> {
    Connected(&'a Connected),
    Access(&'a LastAccessRow<'a>),
}

/// Every record in the order of the answer: connected rows first.
fn each_record(answer: &Answer<'_>, mut each: impl FnMut(&Record<'_>) -> io::Result<()>) -> io::Result<()> {
    if let Some((rows, _)) = answer.connected {
        rows.iter().try_for_each(|row| each(&Record::Connected(row)))?;
    }
    if let Some(rows) = &answer.access {
        rows.iter().try_for_each(|row| each(&Record::Access(&row)))?;
    }
    Ok(())
}
