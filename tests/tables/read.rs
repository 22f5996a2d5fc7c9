//! Parquet files and databases of SQLite, read back by their own crates into one form, and rows of JSON brought into the same.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::basic::LogicalType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use imstrail::text::{exact_bytes, harmless};

/// A cell, whichever format it is from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Nothing,
    Text(String),
    Number(i64),
    /// Microseconds since 1970 UTC.
    Time(i64),
    List(Vec<String>),
}

/// A table: its columns, and its rows.
#[derive(Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

pub(crate) fn parquet(file: &Path) -> Table {
    let reader = SerializedFileReader::new(File::open(file).expect("a file")).expect("a Parquet file");
    let schema = reader.metadata().file_metadata().schema_descr().root_schema_ptr();
    let columns = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    for field in schema.get_fields() {
        let is_offset = field.name().ends_with("_offset");
        match field.get_basic_info().logical_type_ref() {
            Some(LogicalType::Timestamp(time)) => assert!(time.is_adjusted_to_u_t_c && !is_offset, "{field:?}"),
            Some(LogicalType::Integer(integer)) => assert!(integer.bit_width == 16 && is_offset, "{field:?}"),
            Some(LogicalType::String | LogicalType::List) | None => assert!(!is_offset, "{field:?}"),
            other => panic!("{other:?}"),
        }
    }
    let cell = |field: &Field| match field {
        Field::Null => Cell::Nothing,
        Field::Str(text) => Cell::Text(text.clone()),
        Field::Short(number) => Cell::Number((*number).into()),
        Field::Long(number) => Cell::Number(*number),
        Field::TimestampMicros(at) => Cell::Time(*at),
        Field::ListInternal(list) => Cell::List(list.elements().iter().map(word).collect()),
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).expect("rows");
    let rows = rows.map(|row| row.expect("a row").get_column_iter().map(|(_, field)| cell(field)).collect());
    Table { columns, rows: rows.collect() }
}

fn word(field: &Field) -> String {
    if let Field::Str(text) = field { text.clone() } else { panic!("{field:?}") }
}

/// The tables of a database, by their names.
pub(crate) fn sqlite(file: &Path) -> BTreeMap<String, Table> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    let mut names = database.prepare("SELECT name FROM sqlite_master ORDER BY rowid").expect("a statement");
    let names = names.query_map([], |row| row.get::<_, String>(0)).expect("names");
    names.map(|name| name.expect("a name")).map(|name| (name.clone(), table(&database, &name))).collect()
}

fn table(database: &Connection, name: &str) -> Table {
    let mut all = database.prepare(&format!("SELECT * FROM \"{name}\" ORDER BY rowid")).expect("a statement");
    let columns: Vec<String> = all.column_names().into_iter().map(str::to_owned).collect();
    let is_time = |column: &str| columns.iter().any(|other| *other == format!("{column}_offset"));
    let cell = |column: &str, value: ValueRef<'_>| match value {
        ValueRef::Null => Cell::Nothing,
        ValueRef::Integer(number) => Cell::Number(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).expect("UTF-8");
            match column {
                _ if is_time(column) => {
                    assert!(text.len() == 20 && text.ends_with('Z'), "{text}");
                    Cell::Time(stamp(text).0)
                }
                _ if column.ends_with("flags") || column == "evidence" => {
                    Cell::List(serde_json::from_str(text).expect("a list"))
                }
                _ => Cell::Text(text.to_owned()),
            }
        }
        other => panic!("{other:?}"),
    };
    let mut rows = Vec::new();
    let mut found = all.query([]).expect("rows");
    while let Some(row) = found.next().expect("a row") {
        let cells = columns.iter().enumerate();
        rows.push(cells.map(|(at, column)| cell(column, row.get_ref(at).expect("a cell"))).collect());
    }
    drop(found);
    Table { columns, rows }
}

/// The instant in microseconds, and the offset in minutes.
fn stamp(text: &str) -> (i64, i64) {
    let time = chrono::DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    (time.timestamp_micros(), i64::from(time.offset().local_minus_utc() / 60))
}

/// What of a record in JSON has no column.
const LEFT_OUT: [&str; 5] = ["record", "never", "gap", "hours", "events"];

/// A row of JSON by the names of columns. Which of those are times, the columns of a table say: each has another for its offset.
pub(crate) fn of_json(row: &Value, columns: &[String]) -> BTreeMap<String, Cell> {
    let mut cells = Cells { columns, cells: BTreeMap::new() };
    let kind = row["record"].as_str().expect("a record");
    for (key, value) in row.as_object().expect("an object") {
        match (kind, key.as_str(), value) {
            (_, key, _) if LEFT_OUT.contains(&key) => {}
            ("last_access", "imap" | "http" | "pop", over) => {
                for name in ["last_login", "last_logout", "last_access", "login_source", "store", "flags"] {
                    cells.put(&format!("{key}_{name}"), &over[name]);
                }
            }
            ("session", "messages", counts) => {
                ["append", "fetch", "expunge"].iter().for_each(|name| cells.put(name, &counts[name]));
            }
            ("message", "session", session) => {
                let names = columns.iter().filter_map(|name| name.strip_prefix("session_"));
                let names = names.filter(|name| !name.ends_with("_offset"));
                names.for_each(|name| cells.put(&format!("session_{name}"), &session[name]));
            }
            (_, "evidence", lines) => {
                let place = |line: &Value| {
                    let member = line["member"].as_str().map(|member| format!("!{member}")).unwrap_or_default();
                    format!("{}{member}:{}", line["file"].as_str().expect("a file"), line["line"])
                };
                let places = lines.as_array().expect("lines").iter().map(place).collect();
                cells.cells.insert(key.clone(), Cell::List(places));
            }
            ("coverage", key, Value::Array(list)) => cells.put(key, &list.len().into()),
            (_, key, value) => cells.put(key, value),
        }
    }
    cells.cells
}

struct Cells<'a> {
    columns: &'a [String],
    cells: BTreeMap<String, Cell>,
}

impl Cells<'_> {
    fn put(&mut self, name: &str, value: &Value) {
        let offset = format!("{name}_offset");
        let is_time = self.columns.contains(&offset);
        let cell = match value {
            Value::Null => Cell::Nothing,
            Value::String(text) if is_time => {
                let (at, minutes) = stamp(text);
                self.cells.insert(offset.clone(), Cell::Number(minutes));
                Cell::Time(at)
            }
            Value::String(text) => Cell::Text(harmless(&exact_bytes(text)).into_owned()),
            Value::Number(number) => Cell::Number(number.as_i64().unwrap_or(i64::MAX)),
            Value::Array(words) => {
                Cell::List(words.iter().map(|word| word.as_str().expect("a word").to_owned()).collect())
            }
            other => panic!("{name}: {other}"),
        };
        if is_time && value.is_null() {
            self.cells.insert(offset, Cell::Nothing);
        }
        self.cells.insert(name.to_owned(), cell);
    }
}
