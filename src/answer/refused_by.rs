//! `failures --by`: how many refusals there are of each user, address, reason, hour or day.
//!
//! A client can make up any number of users. So refusals become records once more, sorted by what they are counted by, and only the
//! group at hand is in memory.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use super::failures::{FailureRow, Failures};
use super::record::{Fields, put_number, put_stamp, put_text};
use crate::model::{DAY, Stamp};
use crate::runs::{Merged, Runs};
use crate::times::{Zone, rfc3339_of};

/// So much is held in memory in each order, in bytes.
const HELD: usize = 16 << 20;

/// What refusals are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The user as given.
    User,
    /// The address, without its port.
    Address,
    /// The reason, as written.
    Reason,
    /// The hour, by the clock of the store.
    Hour,
    /// The day, by the clock of the store.
    Day,
}

impl By {
    /// The name in answers and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            By::User => "user",
            By::Address => "address",
            By::Reason => "reason",
            By::Hour => "hour",
            By::Day => "day",
        }
    }

    fn is_time(self) -> bool {
        matches!(self, By::Hour | By::Day)
    }

    /// What a refusal is counted under.
    fn key<'a>(self, row: &'a FailureRow<'_>) -> Cow<'a, [u8]> {
        let since = |seconds: i64| {
            let Stamp { at, offset } = row.time;
            let begin = Stamp { at: at - row.time.local().rem_euclid(seconds), offset };
            rfc3339_of(begin, Zone::Log).into_bytes().into()
        };
        match self {
            By::User => (&*row.user).into(),
            By::Address => address_of(row),
            By::Reason => (&*row.reason).into(),
            By::Hour => since(3600),
            By::Day => since(DAY),
        }
    }
}

/// The address of the client; empty where none is known.
fn address_of<'a>(row: &'a FailureRow<'_>) -> Cow<'a, [u8]> {
    match row.client.ends(&row.from).from {
        Some(Cow::Borrowed(from)) => address(from).into(),
        Some(Cow::Owned(from)) => address(&from).to_vec().into(),
        None => (&[]).into(),
    }
}

/// A far end as shown without its port.
fn address(from: &[u8]) -> &[u8] {
    if let Some(inside) = from.strip_prefix(b"[") {
        return inside.split(|byte| *byte == b']').next().unwrap_or(inside);
    }
    // IPv6 without a port has no brackets, and more than one colon.
    match (memchr::memchr(b':', from), memchr::memrchr(b':', from)) {
        (Some(first), Some(last)) if first == last => from.get(..first).unwrap_or(from),
        _ => from,
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedByRow<'a> {
    /// What its refusals have in common: a text, or when the hour or the day began.
    pub key: Cow<'a, [u8]>,
    /// How many there are.
    pub failures: u64,
    /// Of how many users, as they were given.
    pub users: u64,
    /// From how many addresses.
    pub addresses: u64,
    /// The first.
    pub first: Option<Stamp>,
    /// The last.
    pub last: Option<Stamp>,
}

impl<'a> RefusedByRow<'a> {
    /// Appends its record: those with most refusals come first, hours and days in their order.
    fn write(&self, by: By, record: &mut Vec<u8>) {
        let rank = if by.is_time() { 0 } else { u64::MAX - self.failures };
        record.extend(rank.to_be_bytes());
        put_text(record, &self.key);
        [self.failures, self.users, self.addresses].into_iter().for_each(|number| put_number(record, Some(number)));
        [self.first, self.last].into_iter().for_each(|stamp| put_stamp(record, stamp));
    }

    /// The row of a record; `None` for bytes that are none.
    pub fn read(record: &'a [u8]) -> Option<RefusedByRow<'a>> {
        let mut from = Fields::of(record);
        let _: [u8; 8] = from.take()?;
        let key = from.text()?;
        let [failures, users, addresses] = [from.number()??, from.number()??, from.number()??];
        Some(RefusedByRow { key, failures, users, addresses, first: from.stamp()?, last: from.stamp()? })
    }
}

/// Refusals, counted.
#[derive(Debug)]
pub struct RefusedBy {
    /// What they are counted by.
    pub by: By,
    runs: Vec<Runs>,
}

impl RefusedBy {
    /// Counts refusals; `tmpdir` is where too many of them go.
    ///
    /// # Errors
    /// Those of putting records aside, and of reading them back.
    pub fn of(failures: &Failures<'_>, by: By, tmpdir: &Path) -> io::Result<RefusedBy> {
        let [mut users, mut addresses, mut counted] = [(); 3].map(|()| Runs::new(tmpdir, HELD));
        let mut rows = failures.rows()?;
        while rows.next(|record| {
            let Some(row) = FailureRow::read(record) else { return };
            let key = by.key(&row);
            users.push(|record| {
                put_text(record, &key);
                put_text(record, &row.user);
                put_stamp(record, Some(row.time));
            });
            addresses.push(|record| {
                put_text(record, &key);
                put_text(record, &address_of(&row));
            });
        })? {}
        users.finish()?;
        addresses.finish()?;
        let mut addresses = Groups::of(&addresses)?;
        let mut users = Groups::of(&users)?;
        // Both have the same keys in the same order.
        while let (Some(group), Some(of_addresses)) = (users.next()?, addresses.next()?) {
            let Group { key, members, count, first, last } = group;
            let row = RefusedByRow {
                key: key.into(),
                failures: count,
                users: members,
                addresses: of_addresses.members,
                first,
                last,
            };
            counted.push(|record| row.write(by, record));
        }
        counted.finish()?;
        Ok(RefusedBy { by, runs: vec![counted] })
    }

    /// The records of the rows, from the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub fn rows(&self) -> io::Result<Merged<'_>> {
        Merged::of(&self.runs)
    }
}

/// Neighbouring records with one key.
#[derive(Default)]
struct Group {
    key: Vec<u8>,
    /// How many different second texts they have, neither of them empty.
    members: u64,
    count: u64,
    first: Option<Stamp>,
    last: Option<Stamp>,
}

/// The groups of records, in order.
struct Groups<'a> {
    merged: Merged<'a>,
    /// The first record of the next group.
    next: Vec<u8>,
}

impl<'a> Groups<'a> {
    fn of(runs: &'a Runs) -> io::Result<Groups<'a>> {
        let mut merged = Merged::of(std::slice::from_ref(runs))?;
        let mut next = Vec::new();
        merged.next(|record| next.extend_from_slice(record))?;
        Ok(Groups { merged, next })
    }

    fn next(&mut self) -> io::Result<Option<Group>> {
        let mut group = Group::default();
        let mut member: Option<Vec<u8>> = None;
        loop {
            let mut fields = Fields::of(&self.next);
            let (Some(key), Some(text)) = (fields.text(), fields.text()) else { break };
            if group.count > 0 && group.key != *key {
                break;
            }
            if group.count == 0 {
                group.key = key.into_owned();
            }
            if member.as_deref() != Some(&*text) {
                group.members += u64::from(!text.is_empty());
                member = Some(text.into_owned());
            }
            let time = fields.stamp().flatten();
            let order = |stamp: &Stamp| (stamp.at, stamp.offset);
            group.first = group.first.into_iter().chain(time).min_by_key(order);
            group.last = group.last.into_iter().chain(time).max_by_key(order);
            group.count += 1;
            let next = &mut self.next;
            next.clear();
            if !self.merged.next(|record| next.extend_from_slice(record))? {
                break;
            }
        }
        Ok((group.count > 0).then_some(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_no_ports() {
        for (from, expected) in [
            ("192.0.2.7:40718", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::7]:40718", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("", ""),
        ] {
            assert_eq!(address(from.as_bytes()), expected.as_bytes(), "{from}");
        }
    }

    #[test]
    fn a_record_holds_all_of_a_row() {
        let stamp = |at| Some(Stamp { at, offset: 120 });
        let row =
            RefusedByRow { key: b"a\0b"[..].into(), failures: 3, users: 0, addresses: 2, first: stamp(-1), last: None };
        for by in [By::User, By::Hour] {
            let mut record = Vec::new();
            row.write(by, &mut record);
            assert_eq!(RefusedByRow::read(&record), Some(row.clone()));
            for cut in 0..record.len() {
                assert_eq!(RefusedByRow::read(&record[..cut]), None, "cut at {cut}");
            }
        }
    }
}
