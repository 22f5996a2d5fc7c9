//! `failures --by`: counts as a table, JSON and CSV.

use std::io;

use super::cells::{Cell, Cells, Column, Kind};
use super::object::{Object, Word};
use super::records::{Recorded, Records, write_rows};
use super::records_table::{Tabled, several};
use super::{Align, Answer};
use crate::answer::{By, RefusedBy, RefusedByRow};
use crate::model::{Evidence, Service, Stamp};
use crate::runs::Merged;
use crate::text::visible;

impl Records for Merged<'_> {
    fn next(&mut self, work: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        Merged::next(self, work)
    }
}

impl Recorded for RefusedBy {
    type Row<'r> = RefusedByRow<'r>;
    type Lines = [Option<Evidence>; 0];

    fn rows(&self) -> io::Result<impl Records> {
        RefusedBy::rows(self)
    }

    fn read(record: &[u8]) -> Option<RefusedByRow<'_>> {
        RefusedByRow::read(record)
    }

    /// A count has none.
    fn lines(_: &RefusedByRow<'_>) -> [Option<Evidence>; 0] {
        []
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

const RECORD: &str = "refused_by";

/// Writes every row as an object, between two texts.
pub(super) fn write_json(
    answer: &Answer<'_>,
    (before, behind): (&[u8], &[u8]),
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let by = answer.rows.refused_by.as_ref().map_or(By::User, |counts| counts.by);
    write_rows(answer, answer.rows.refused_by.as_ref(), out, |row, _, text| {
        text.extend_from_slice(before);
        Object::new(answer.zone, text)
            .field("record", Word(RECORD))
            .field("by", Word(by.as_str()))
            .field("key", Some(&row.key).filter(|key| !key.is_empty()))
            .field("failures", row.failures)
            .field("users", row.users)
            .field("addresses", row.addresses)
            .field("first", row.first)
            .field("last", row.last)
            .end();
        text.extend_from_slice(behind);
        Ok(())
    })
}

/// A row in columns.
pub(super) struct CountedBy<'a> {
    pub(super) by: By,
    pub(super) row: &'a RefusedByRow<'a>,
}

const COUNTED: [Column; 7] = [
    ("by", Kind::Text),
    ("key", Kind::Text),
    ("failures", Kind::Number),
    ("users", Kind::Number),
    ("addresses", Kind::Number),
    ("first", Kind::Time),
    ("last", Kind::Time),
];

impl Cells for CountedBy<'_> {
    const RECORD: &'static str = RECORD;
    const COLUMNS: &'static [Column] = &COUNTED;

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let RefusedByRow { key, failures, users, addresses, first, last } = self.row;
        let cells: [Cell<'_>; COUNTED.len()] = [
            Cell::text(self.by.as_str()),
            Cell::told(key),
            Cell::number(*failures),
            Cell::number(*users),
            Cell::number(*addresses),
            Cell::maybe(*first, Cell::Time),
            Cell::maybe(*last, Cell::Time),
        ];
        cells.into_iter().for_each(put);
    }
}
