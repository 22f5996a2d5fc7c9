//! A database of SQLite: a table for each question.

use std::io;
use std::path::Path;

use rusqlite::types::Null;
use rusqlite::{Connection, Statement, ToSql};

use crate::render::{Answer, Column, Kind, TableRows, Tables, Value, offset_of, write_tables};
use crate::times::{Zone, rfc3339_of};

/// Fills an empty file. Nobody else knows of it yet, so that it needs neither a journal nor a lock.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(answer: &Answer<'_>, file: &Path) -> io::Result<()> {
    let connection = Connection::open(file).map_err(cause)?;
    let begin = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; BEGIN";
    connection.execute_batch(begin).map_err(cause)?;
    write_tables(answer, &mut Database { connection: &connection, columns: Vec::new(), insert: None })?;
    connection.execute_batch("COMMIT").map_err(cause)?;
    connection.close().map_err(|(_, error)| cause(error))
}

fn cause(error: rusqlite::Error) -> io::Error {
    io::Error::other(error)
}

struct Database<'a> {
    connection: &'a Connection,
    /// Those of the last table.
    columns: Vec<Kind>,
    /// What adds a row to the last table.
    insert: Option<Statement<'a>>,
}

impl Tables for Database<'_> {
    fn begin(&mut self, name: &'static str, columns: &[Column]) -> io::Result<()> {
        self.columns = columns.iter().map(|(_, kind)| *kind).collect();
        let columns: Vec<String> = columns.iter().flat_map(declared).collect();
        let create = format!("CREATE TABLE \"{name}\" (\n  {}\n)", columns.join(",\n  "));
        self.connection.execute_batch(&create).map_err(cause)?;
        let insert = format!("INSERT INTO \"{name}\" VALUES ({})", vec!["?"; columns.len()].join(", "));
        self.insert = Some(self.connection.prepare(&insert).map_err(cause)?);
        Ok(())
    }

    fn rows(&mut self, rows: TableRows) -> io::Result<()> {
        let Some(insert) = &mut self.insert else { return Ok(()) };
        rows.iter().try_for_each(|row| add(insert, self.columns.iter().zip(row))).map_err(cause)
    }
}

/// The columns that a column becomes, as SQL has them.
fn declared((name, kind): &Column) -> Vec<String> {
    let column = |name: &str, kind: &str| format!("\"{name}\" {kind}");
    match kind {
        Kind::Text | Kind::List => vec![column(name, "TEXT")],
        Kind::Number => vec![column(name, "INTEGER")],
        Kind::Time => vec![column(name, "TEXT"), column(&offset_of(name), "INTEGER")],
    }
}

/// Adds a row: times as text in UTC, which sorts and which SQLite's functions of time take, lists as JSON.
fn add<'a>(insert: &mut Statement<'_>, row: impl Iterator<Item = (&'a Kind, Value<'a>)>) -> rusqlite::Result<()> {
    let mut parameters = 1..;
    let mut bind = |value: &dyn ToSql| insert.raw_bind_parameter(parameters.next().unwrap_or_default(), value);
    for (kind, value) in row {
        match value {
            Value::Nothing if *kind == Kind::Time => [Null, Null].iter().try_for_each(|null| bind(null))?,
            Value::Nothing => bind(&Null)?,
            Value::Text(text) => bind(&text)?,
            Value::Number(number) => bind(&number)?,
            Value::Time(stamp) => {
                bind(&rfc3339_of(stamp, Zone::Utc))?;
                bind(&stamp.offset)?;
            }
            Value::List(words) => bind(&serde_json::json!(words).to_string())?,
        }
    }
    insert.raw_execute().map(drop)
}
