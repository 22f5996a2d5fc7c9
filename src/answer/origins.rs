//! Origins: what lines of multiplexors add to rows that came through proxies.

use std::io;
use std::path::Path;

use super::Connected;
use super::clients::{Client, Inferred, Moment, join, put_moment};
use crate::runs::{Head, Runs};

/// So much of the records of rows is held in memory, in bytes.
const HELD: usize = 32 << 20;

/// How many rows have a proxy as their far end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proxied {
    /// Rows of the answer.
    pub rows: u64,
    /// Those of them whose client is inferred.
    pub inferred: u64,
    /// Those of them that lines of several clients fit.
    pub several: u64,
    /// Rows that are none of the answer: only those from some networks are asked for, and whose client theirs was is not known.
    pub left_out: u64,
    /// Whether a client is inferred by a template that is a guess.
    pub by_guess: bool,
}

impl Proxied {
    /// Counts a row of the answer.
    fn count(&mut self, client: &Client) {
        self.inferred += u64::from(client.evidence().is_some());
        self.several += u64::from(*client == Client::Several);
        self.by_guess |= client.doubt().inferred;
    }
}

/// What the record of a row says of its client.
pub(super) struct Behind<'a> {
    /// Which lines may fit it, if any.
    pub(super) moment: Option<Moment<'a>>,
    /// Whether it is asked for only if its client is.
    pub(super) only_if: bool,
}

/// What a record says of the client of its row, if its far end is a proxy.
type ReadBehind = fn(&[u8]) -> Option<Behind<'_>>;

/// What lines of multiplexors add to the records of rows.
#[derive(Debug)]
pub struct Origins {
    /// Records, and behind each what is added.
    added: [Runs; 1],
    read: ReadBehind,
    /// Whether there are records that are asked for only if their clients are.
    has_doubtful: bool,
    /// How many there are.
    pub proxied: Proxied,
}

impl Origins {
    /// Of rows, each of whose records `next` hands out, in order, until it says that there are no more.
    ///
    /// # Errors
    /// Those of putting records aside, and of reading them back.
    pub(super) fn of(
        lines: &[Runs],
        mut next: impl FnMut(&mut dyn FnMut(&[u8])) -> io::Result<bool>,
        read: ReadBehind,
        tmpdir: &Path,
    ) -> io::Result<Origins> {
        let [mut rows, mut added] = [(); 2].map(|()| Runs::new(tmpdir, HELD));
        let (mut proxied, mut has_doubtful) = (Proxied::default(), false);
        let has_lines = lines.iter().any(|runs| !runs.is_empty());
        while next(&mut |record| {
            let Some(Behind { moment, only_if }) = read(record) else { return };
            has_doubtful |= only_if;
            *if only_if { &mut proxied.left_out } else { &mut proxied.rows } += 1;
            let Some(moment) = moment.filter(|_| has_lines) else { return };
            rows.push(|row| {
                put_moment(row, moment);
                row.push(u8::from(only_if));
                row.extend_from_slice(record);
            });
        })? {}
        rows.finish()?;
        join(lines, &[rows], |row, client| {
            let Some((only_if, record)) = row.split_first() else { return };
            if *only_if != 0 {
                let Client::Inferred(Inferred { asked, .. }) = client else { return };
                proxied.left_out -= 1;
                if !asked {
                    return;
                }
                proxied.rows += 1;
            }
            proxied.count(&client);
            if !matches!(client, Client::Seen | Client::Hidden) {
                added.push(|text| {
                    text.extend_from_slice(record);
                    client.write(text);
                });
            }
        })?;
        added.finish()?;
        Ok(Origins { added: [added], read, has_doubtful, proxied })
    }

    /// From the beginning.
    ///
    /// # Errors
    /// Those of reading back what was put aside.
    pub(super) fn rows(&self) -> io::Result<OriginRows<'_>> {
        Ok(OriginRows { added: Head::of(&self.added)?, read: self.read, has_doubtful: self.has_doubtful })
    }
}

/// What is added to records, in their order.
pub(super) struct OriginRows<'a> {
    added: Head<'a>,
    read: ReadBehind,
    has_doubtful: bool,
}

impl std::fmt::Debug for OriginRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OriginRows").finish_non_exhaustive()
    }
}

impl OriginRows<'_> {
    /// Whether something is added to this record, or else, whether it is of the answer as it is.
    fn has(&self, record: &[u8]) -> (bool, bool) {
        let own = self.added.record.len().checked_sub(Client::LENGTH).and_then(|end| self.added.record.get(..end));
        let is_next = self.added.there && own == Some(record);
        let is_doubtful = || self.has_doubtful && (self.read)(record).is_some_and(|behind| behind.only_if);
        (is_next, is_next || !is_doubtful())
    }

    /// Hands `record` to `work`, to which `more` was added by others, with what is added to it; nothing, if it is not of the answer.
    pub(super) fn add(&mut self, record: &[u8], more: &[u8], work: impl FnOnce(&[u8])) -> io::Result<()> {
        let (is_next, is_asked) = self.has(record);
        if !is_next {
            if is_asked {
                work(more);
            }
            return Ok(());
        }
        let client = self.added.record.get(record.len()..).unwrap_or_default();
        work(&[more, client].concat());
        self.added.advance()
    }
}

/// Says of rows of `-c` who their clients are.
///
/// # Errors
/// Those of putting records aside, and of reading them back.
pub fn behind_proxies(rows: &mut [Connected<'_>], lines: &[Runs], tmpdir: &Path) -> io::Result<Proxied> {
    let mut keyed = Runs::new(tmpdir, HELD);
    let mut proxied = Proxied::default();
    for (number, row) in rows.iter().enumerate().filter(|(_, row)| row.client.is_behind_proxy()) {
        proxied.rows += 1;
        keyed.push(|record| {
            put_moment(
                record,
                Moment { refused: false, service: row.service, user: row.user.into(), at: row.since.at },
            );
            record.extend((number as u64).to_be_bytes());
        });
    }
    keyed.finish()?;
    join(lines, &[keyed], |number, client| {
        let number = number.first_chunk().map_or(usize::MAX, |bytes| u64::from_be_bytes(*bytes) as usize);
        if let Some(row) = rows.get_mut(number) {
            proxied.count(&client);
            row.is_of(client);
        }
    })?;
    Ok(proxied)
}
