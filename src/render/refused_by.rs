//! `failures --by`: counts as a table, JSON and CSV.

use std::io;

use serde::Serialize;

use super::csv::{cause, safe};
use super::json::put;
use super::records::{Recorded, Records, write_rows};
use super::records_table::{Tabled, several};
use super::{Align, Answer};
use crate::answer::{By, RefusedBy, RefusedByRow};
use crate::model::{Service, Stamp};
use crate::runs::Merged;
use crate::text::{exact, visible};
use crate::times::rfc3339_of;

impl Records for Merged<'_> {
    fn next(&mut self, work: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        Merged::next(self, work)
    }
}

impl Recorded for RefusedBy {
    type Row<'r> = RefusedByRow<'r>;

    fn rows(&self) -> io::Result<impl Records> {
        RefusedBy::rows(self)
    }

    fn read(record: &[u8]) -> Option<RefusedByRow<'_>> {
        RefusedByRow::read(record)
    }
}

impl Tabled for RefusedBy {
    /// The key may be whatever a client sent, of any length, and is therefore last.
    const COLUMNS: &'static [(&'static str, Align)] = &[
        ("REFUSED", Align::Right),
        ("USERS", Align::Right),
        ("ADDRESSES", Align::Right),
        ("FIRST", Align::Left),
        ("LAST", Align::Left),
        ("OF", Align::Left),
    ];
    const TIMES: &'static [usize] = &[3, 4];

    fn cells(row: &RefusedByRow<'_>, cells: &mut [String], time: &mut dyn FnMut(&mut String, Stamp)) {
        let [failures, users, addresses, first, last, key] = cells else { return };
        for (cell, number) in [(failures, row.failures), (users, row.users), (addresses, row.addresses)] {
            cell.push_str(&number.to_string());
        }
        for (cell, stamp) in [(first, row.first), (last, row.last)] {
            stamp.into_iter().for_each(|stamp| time(cell, stamp));
        }
        key.push_str(&if row.key.is_empty() { "-".into() } else { visible(&row.key) });
    }

    fn counted(_: &RefusedByRow<'_>) -> Option<(Service, usize)> {
        None
    }

    fn flags(_: &RefusedByRow<'_>) -> Vec<&'static str> {
        Vec::new()
    }

    fn services(&self) -> &[Service] {
        &[]
    }

    fn count(_: Service, _: [u64; 3]) -> Option<String> {
        None
    }

    fn others(count: u64) -> String {
        format!("{}.", several(count, "row"))
    }
}

#[derive(Serialize)]
struct Line<'a> {
    record: &'static str,
    by: &'static str,
    key: Option<&'a str>,
    failures: u64,
    users: u64,
    addresses: u64,
    first: Option<String>,
    last: Option<String>,
}

/// Writes every row as an object, between two texts.
pub(super) fn write_json(
    answer: &Answer<'_>,
    (before, behind): (&[u8], &[u8]),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let by = answer.rows.refused_by.as_ref().map_or(By::User, |counts| counts.by);
    write_rows(answer, answer.rows.refused_by.as_ref(), out, |row, _, text| {
        let time = |stamp: Option<Stamp>| stamp.map(|stamp| rfc3339_of(stamp, answer.zone));
        let key = exact(&row.key);
        let RefusedByRow { failures, users, addresses, .. } = *row;
        text.extend_from_slice(before);
        let line = Line {
            record: "refused_by",
            by: by.as_str(),
            key: Some(&*key).filter(|key| !key.is_empty()),
            failures,
            users,
            addresses,
            first: time(row.first),
            last: time(row.last),
        };
        put(&line, text)?;
        text.extend_from_slice(behind);
        Ok(())
    })
}

/// Writes every row as a line of CSV.
pub(super) fn write_csv(answer: &Answer<'_>, counts: &RefusedBy, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(b"record,by,key,failures,users,addresses,first,last\n")?;
    write_rows(answer, Some(counts), out, |row, _, text| {
        let time = |stamp: Option<Stamp>| stamp.map_or_else(String::new, |stamp| rfc3339_of(stamp, answer.zone));
        let mut writer = csv::WriterBuilder::new().from_writer(text);
        let numbers = [row.failures, row.users, row.addresses].map(|number| number.to_string());
        let cells = ["refused_by".to_owned(), counts.by.as_str().to_owned(), safe(visible(&row.key))];
        let times = [time(row.first), time(row.last)];
        writer.write_record(cells.into_iter().chain(numbers).chain(times)).map_err(cause)?;
        writer.flush()
    })
}
