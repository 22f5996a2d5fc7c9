//! A Parquet file: one table. Rows are gathered until they make a row group, of which every column is then encoded, side by side.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer};
use parquet::data_type::{ByteArray, ByteArrayType, DataType};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnDescPtr;
use rayon::prelude::*;

use super::Answer;
use super::cells::{Column, Kind};
use super::tables::{Kept, Place, TableRows, Tables, offset_of, write_tables};
use crate::model::Stamp;

/// A row group has at least so many rows, as DuckDB likes them.
const ROWS: usize = 122_880;
/// Or texts of so many bytes.
const BYTES: usize = 64 << 20;
/// The level of compression.
const ZSTD: i32 = 3;

/// Writes the rows of the only question.
///
/// # Errors
/// Those of the writer; and if more than one question was asked, since a file holds one table.
pub(super) fn write(answer: &Answer<'_>, out: &mut (dyn io::Write + Send)) -> io::Result<()> {
    let mut file = File { out: Some(out), table: None };
    write_tables(answer, &mut file)?;
    let Some(mut table) = file.table else { return Ok(()) };
    table.write_group().map_err(cause)?;
    table.writer.close().map_err(cause).map(drop)
}

/// The writer's own error, so that a full disk is known as one.
fn cause(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        other => io::Error::other(other),
    }
}

/// The file, and its table once there is one.
struct File<'a> {
    out: Option<&'a mut (dyn io::Write + Send)>,
    table: Option<Table<'a>>,
}

impl Tables for File<'_> {
    fn begin(&mut self, name: &'static str, columns: &[Column]) -> io::Result<()> {
        let out = self.out.take().ok_or_else(|| io::Error::other("a Parquet file holds one table"))?;
        self.table = Some(Table::new(name, columns, out).map_err(cause)?);
        Ok(())
    }

    fn rows(&mut self, rows: TableRows) -> io::Result<()> {
        self.table.as_mut().map_or(Ok(()), |table| table.take(rows))
    }
}

struct Table<'a> {
    writer: SerializedFileWriter<&'a mut (dyn io::Write + Send)>,
    /// By column of the file: the column that it is of, and what it has of it.
    parts: Vec<(usize, Part)>,
    /// The next row group.
    group: Vec<Held>,
    rows: usize,
    bytes: usize,
}

/// Rows that wait for others, with their texts as Parquet takes them.
struct Held {
    rows: TableRows,
    text: Bytes,
}

/// What a column of the file has of the cells of a column.
#[derive(Clone, Copy, Debug)]
enum Part {
    Text,
    Number,
    Instant,
    Offset,
    List,
}

/// The columns of the file that a column becomes.
fn parts(kind: Kind) -> &'static [Part] {
    match kind {
        Kind::Text => &[Part::Text],
        Kind::Number => &[Part::Number],
        Kind::Time => &[Part::Instant, Part::Offset],
        Kind::List => &[Part::List],
    }
}

/// The same, as a schema is written.
fn schema(table: &str, columns: &[Column]) -> String {
    let column = |(name, kind): &Column| match kind {
        Kind::Text => format!("optional byte_array {name} (string);"),
        Kind::Number => format!("optional int64 {name};"),
        Kind::Time => format!(
            "optional int64 {name} (timestamp(micros,true)); optional int32 {} (integer(16,true));",
            offset_of(name)
        ),
        Kind::List => format!(
            "optional group {name} (list) {{ repeated group list {{ required byte_array element (string); }} }}"
        ),
    };
    format!("message {table} {{ {} }}", columns.iter().map(column).collect::<String>())
}

/// Nothing of the machine, the moment or the number of threads is in a file.
fn properties() -> Result<WriterProperties, ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by(concat!("imstrail version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD)?))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    Ok(properties.build())
}

impl<'a> Table<'a> {
    fn new(name: &str, columns: &[Column], out: &'a mut (dyn io::Write + Send)) -> Result<Table<'a>, ParquetError> {
        let schema = Arc::new(parse_message_type(&schema(name, columns))?);
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties()?))?;
        let of_column = |(column, (_, kind)): (usize, &Column)| parts(*kind).iter().map(move |part| (column, *part));
        let parts = columns.iter().enumerate().flat_map(of_column).collect();
        Ok(Table { writer, parts, group: Vec::new(), rows: 0, bytes: 0 })
    }

    /// Rows come by parts of the same size, whoever made them: so a row group ends where it would end on any machine.
    fn take(&mut self, mut rows: TableRows) -> io::Result<()> {
        let text = Bytes::from(std::mem::take(&mut rows.text));
        self.rows += rows.len();
        self.bytes += text.len();
        self.group.push(Held { rows, text });
        if self.rows >= ROWS || self.bytes >= BYTES { self.write_group().map_err(cause) } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::take(&mut self.group);
        if std::mem::take(&mut self.rows) == 0 {
            return Ok(());
        }
        self.bytes = 0;
        let (schema, properties) = (self.writer.schema_descr(), self.writer.properties());
        let encode = |(at, (column, part)): (usize, &(usize, Part))| {
            encode(&group, (*column, *part), schema.column(at), properties.clone())
        };
        let encoded: Vec<_> = self.parts.par_iter().enumerate().map(encode).collect::<Result<_, _>>()?;
        let mut out = self.writer.next_row_group()?;
        encoded.into_iter().try_for_each(|(bytes, closed)| out.append_column(&bytes, closed))?;
        out.close().map(drop)
    }
}

/// Encodes what a column of the file has of some rows.
fn encode(
    group: &[Held],
    (column, part): (usize, Part),
    described: ColumnDescPtr,
    properties: WriterPropertiesPtr,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut encoded = TrackedWrite::new(Vec::new());
    let pages = SerializedPageWriter::new(&mut encoded);
    let mut writer = get_column_writer(described, properties, Box::new(pages));
    for rows in group {
        let cells = rows.rows.column(column);
        match (part, &mut writer) {
            (Part::Text, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                put(writer, cells.map(|cell| if let Kept::Text(place) = cell { Some(rows.text(place)) } else { None }))
            }
            (Part::Number, ColumnWriter::Int64ColumnWriter(writer)) => {
                put(writer, cells.map(|cell| if let Kept::Number(number) = cell { Some(number) } else { None }))
            }
            (Part::Instant, ColumnWriter::Int64ColumnWriter(writer)) => {
                put(writer, cells.map(|cell| time(cell).map(|time| time.at.saturating_mul(1_000_000))))
            }
            (Part::Offset, ColumnWriter::Int32ColumnWriter(writer)) => {
                put(writer, cells.map(|cell| time(cell).map(|time| time.offset.into())))
            }
            (Part::List, ColumnWriter::ByteArrayColumnWriter(writer)) => put_lists(writer, rows, cells),
            _ => Err(ParquetError::General(format!("a column of other values than {part:?}"))),
        }?;
    }
    let closed = writer.close()?;
    Ok((encoded.into_inner()?.into(), closed))
}

fn time(cell: Kept) -> Option<Stamp> {
    if let Kept::Time(stamp) = cell { Some(stamp) } else { None }
}

impl Held {
    fn text(&self, place: Place) -> ByteArray {
        self.text.slice_ref(place.of(&self.text)).into()
    }
}

/// Appends values; level 0 says that there is none.
fn put<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let mut levels = Vec::new();
    let values: Vec<T::T> = cells.inspect(|cell| levels.push(i16::from(cell.is_some()))).flatten().collect();
    writer.write_batch(&values, Some(&levels), None).map(drop)
}

/// Appends lists: level 0 says that there is none, 1 that it is empty, 2 that there is a word, which belongs to the list before it
/// if it is repeated.
fn put_lists(
    writer: &mut ColumnWriterImpl<'_, ByteArrayType>,
    rows: &Held,
    cells: impl Iterator<Item = Kept>,
) -> Result<(), ParquetError> {
    let (mut levels, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        let words = if let Kept::List(words) = cell { Some(words.of(&rows.rows.words)) } else { None };
        if words.is_none_or(<[Place]>::is_empty) {
            levels.push(i16::from(words.is_some()));
            repeated.push(0);
        }
        for (nth, word) in words.unwrap_or_default().iter().enumerate() {
            levels.push(2);
            repeated.push(i16::from(nth > 0));
            values.push(rows.text(*word));
        }
    }
    writer.write_batch(&values, Some(&levels), Some(&repeated)).map(drop)
}
