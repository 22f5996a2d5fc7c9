//! Login and close lines on their way to pairing: numbers, and where their texts are.

use super::key::{LongKeys, Packed, Sought};
use super::line::{CloseLine, PairLine, Said, length};
use super::session::With;
use crate::model::{Doubt, Instant, Stamp};

/// Login and close lines of one block. Texts stay in the block, which must be at hand when they are taken out, unless the batch
/// is to be [`Batch::apart`] from it.
///
/// Logins stand by themselves, since which of the two comes next is by chance: whoever takes them out has no branch for it.
#[derive(Debug, Default)]
pub struct Batch {
    logins: Vec<Record>,
    closes: Vec<CloseRecord>,
    /// Keys that are too long for their records.
    keys: LongKeys,
    /// Texts that were copied: those of a batch apart, users with upper-case letters (R2), and those with which something comes.
    own: Vec<u8>,
    /// Every text is copied.
    pub apart: bool,
}

/// A line. Every field is written and read as it is, never as part of a wider copy: the processor would have to wait until
/// the narrow writes reached the cache.
#[derive(Clone, Copy, Debug)]
struct Record {
    key: Packed,
    at: Instant,
    hash: u32,
    pid: u32,
    user_place: u32,
    rest_place: u32,
    user: u16,
    rest: u16,
    offset: i16,
    doubt: Doubt,
    /// The texts are in `own`, not in the block.
    own_user: bool,
    own_rest: bool,
}

/// A close line.
#[derive(Clone, Copy, Debug)]
struct CloseRecord {
    line: Record,
    connect: Instant,
    by_duration: Instant,
    connect_offset: i16,
    mismatch: bool,
}

impl Batch {
    /// Adds a line whose texts are parts of `block`, or else are copied, with what comes with it behind its rest.
    #[inline(always)]
    pub fn push(&mut self, block: &[u8], key: &Sought<'_>, line: &PairLine<'_>, with: Option<&With>) {
        let places = (place_in(block, line.user), place_in(block, line.rest));
        let own_user = self.apart || places.0.is_none();
        let own_rest = self.apart || places.1.is_none() || with.is_some();
        let (mut user_place, mut rest_place) = (places.0.unwrap_or(0), places.1.unwrap_or(0));
        let mut rest = length(line.rest);
        let to = rest_place as usize + line.rest.len();
        match block.get(user_place as usize..to).filter(|text| text.len() >= line.user.len() + line.rest.len()) {
            // One behind the other, they are copied at once.
            Some(both) if self.apart && places.0.is_some() && places.1.is_some() && with.is_none() => {
                let behind = rest_place - user_place;
                user_place = self.put(both);
                rest_place = user_place.saturating_add(behind);
            }
            _ => {
                if own_user {
                    user_place = self.put(line.user);
                }
                if let Some(With { behind, amounts, evidence }) = with {
                    let from = self.own.len();
                    rest_place = u32::try_from(from).unwrap_or(0);
                    behind.put(line.rest, amounts.as_ref(), *evidence, &mut self.own);
                    rest = length(self.own.get(from..).unwrap_or_default());
                } else if own_rest {
                    rest_place = self.put(line.rest);
                }
            }
        }
        let record = Record {
            key: Packed::of(key, &mut self.keys),
            at: line.stamp.at,
            hash: key.hash(),
            pid: line.pid,
            user_place,
            rest_place,
            user: length(line.user),
            rest,
            offset: line.stamp.offset,
            doubt: line.doubt,
            own_user,
            own_rest,
        };
        match line.close {
            None => self.logins.push(record),
            Some(CloseLine { connect, by_duration, mismatch }) => self.closes.push(CloseRecord {
                line: record,
                connect: connect.at,
                by_duration,
                connect_offset: connect.offset,
                mismatch,
            }),
        }
    }

    /// Copies a text: its place.
    #[inline]
    fn put(&mut self, text: &[u8]) -> u32 {
        let place = self.own.len();
        self.own.extend_from_slice(text);
        u32::try_from(place).unwrap_or(0)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.logins.len() + self.closes.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all lines.
    pub fn clear(&mut self) {
        self.logins.clear();
        self.closes.clear();
        self.keys.clear();
        self.own.clear();
    }

    /// The hashes of the logins' keys.
    pub(super) fn login_hashes(&self) -> impl Iterator<Item = u32> {
        self.logins.iter().map(|login| login.hash)
    }

    /// The hashes of the closes' keys.
    pub(super) fn close_hashes(&self) -> impl Iterator<Item = u32> {
        self.closes.iter().map(|close| close.line.hash)
    }

    /// The logins with their keys, in the order in which they came. `block` is the one that they were read from.
    #[inline]
    pub(super) fn logins<'a>(&'a self, block: &'a [u8]) -> impl Iterator<Item = (Sought<'a>, Said<'a>)> {
        self.logins.iter().map(move |record| self.said(block, record, None))
    }

    /// The closes in the same way, each with what only a close has.
    #[inline]
    pub(super) fn closes<'a>(&'a self, block: &'a [u8]) -> impl Iterator<Item = (Sought<'a>, Said<'a>, CloseLine)> {
        self.closes.iter().map(move |record| {
            let connect = Stamp { at: record.connect, offset: record.connect_offset };
            let close = CloseLine { connect, by_duration: record.by_duration, mismatch: record.mismatch };
            let (key, line) = self.said(block, &record.line, Some(close));
            (key, line, close)
        })
    }

    #[inline(always)]
    fn said<'a>(&'a self, block: &'a [u8], record: &Record, close: Option<CloseLine>) -> (Sought<'a>, Said<'a>) {
        let texts = |own: bool| if own { self.own.as_slice() } else { block };
        let text = |own: bool, place: u32, length: u16| {
            texts(own).get(place as usize..place as usize + usize::from(length)).unwrap_or_default()
        };
        let line = Said {
            pid: record.pid,
            user: text(record.own_user, record.user_place, record.user),
            rest: text(record.own_rest, record.rest_place, record.rest),
            stamp: Stamp { at: record.at, offset: record.offset },
            close,
            doubt: record.doubt,
            near: texts(record.own_user).get(record.user_place as usize..).and_then(|text| text.first_chunk()),
        };
        (record.key.sought_by(record.hash, &self.keys), line)
    }
}

/// Where a text begins in a block, if it is a part of it.
#[inline]
fn place_in(block: &[u8], text: &[u8]) -> Option<u32> {
    let place = text.as_ptr().addr().wrapping_sub(block.as_ptr().addr());
    (place < block.len()).then(|| u32::try_from(place).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Evidence, FileId, Peer};
    use crate::pair::{Behind, Key};
    use crate::streams::StreamId;
    use std::net::Ipv4Addr;

    #[test]
    fn texts_of_the_block_are_not_copied() {
        let block = b"ed plain".as_slice();
        let (user, rest) = (&block[..2], &block[3..]);
        let peer = Peer::new(Ipv4Addr::LOCALHOST.into(), Some(1));
        let line = PairLine {
            stream: StreamId(0),
            pid: 1,
            peer,
            user,
            rest,
            stamp: Stamp::default(),
            close: None,
            doubt: Doubt::default(),
        };
        let copied = |apart: bool, line: &PairLine<'_>, with: Option<&With>| {
            let mut batch = Batch { apart, ..Batch::default() };
            batch.push(block, &Sought::key(&Key::of(line)), line, with);
            let (_, said) = batch.logins(block).next().unwrap();
            assert_eq!(said.user, line.user);
            assert!(said.rest.starts_with(line.rest));
            batch.own
        };
        assert_eq!(copied(false, &line, None), b"");
        // With what stands between them.
        assert_eq!(copied(true, &line, None), b"ed plain");
        assert_eq!(copied(false, &PairLine { user: b"ann", ..line }, None), b"ann");
        let behind = Behind { evidence: true, ..Behind::default() };
        let with = With { behind, amounts: None, evidence: Evidence { file: FileId(1), place: 2, nth: 3 } };
        assert_eq!(copied(false, &line, Some(&with)), b"plain\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\x03");
    }
}
