//! Login and close lines on their way to pairing: numbers, and where their texts are.

use super::key::{LongKeys, Packed, Sought};
use super::line::{CloseLine, NEAR, PairLine, Said, append, length};
use super::session::With;
use crate::model::{Doubt, Instant, Stamp};

/// Login and close lines of one block. Texts stay in the block, which must be at hand when they are taken out, unless the batch
/// was detached from it.
///
/// Logins stand by themselves, since which of the two comes next is by chance: whoever takes them out has no branch for it.
#[derive(Debug, Default)]
pub struct Batch {
    logins: Vec<Record>,
    closes: Vec<CloseRecord>,
    /// Keys that are too long for their records.
    keys: LongKeys,
    /// Texts that were copied: those of a detached batch, users with upper-case letters (R2), and those with which something comes.
    own: Vec<u8>,
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
    duration: u32,
    connect_offset: i16,
    mismatch: bool,
}

impl Record {
    /// Copies its texts.
    #[inline(always)]
    fn detach(&mut self, block: &[u8], own: &mut Vec<u8>) {
        let (user_end, end) = (self.user_place + u32::from(self.user), self.rest_place + u32::from(self.rest));
        if !self.own_user && !self.own_rest && user_end <= self.rest_place {
            // One behind the other, they are copied at once.
            let behind = self.rest_place - self.user_place;
            self.user_place = copy(own, block, self.user_place, end);
            self.rest_place = self.user_place.saturating_add(behind);
        } else {
            if !self.own_user {
                self.user_place = copy(own, block, self.user_place, user_end);
            }
            if !self.own_rest {
                self.rest_place = copy(own, block, self.rest_place, end);
            }
        }
        (self.own_user, self.own_rest) = (true, true);
    }
}

/// So many lines are looked up at once: enough to overlap their misses, few enough for all that they need to stay in the first cache.
const TOGETHER: usize = 64;

/// Texts up to this length are copied with what stands behind them, which takes no call.
const COPIED: usize = 64;

/// Copies a text of a block: its place.
#[inline(always)]
fn copy(own: &mut Vec<u8>, block: &[u8], from: u32, to: u32) -> u32 {
    let (place, text) = (own.len(), block.get(from as usize..).unwrap_or_default());
    append(own, text.get(..to.saturating_sub(from) as usize).unwrap_or_default(), text.first_chunk::<COPIED>());
    u32::try_from(place).unwrap_or(0)
}

/// Copies a text: its place.
#[inline(always)]
fn put(own: &mut Vec<u8>, text: &[u8]) -> u32 {
    let place = own.len();
    own.extend_from_slice(text);
    u32::try_from(place).unwrap_or(0)
}

impl Batch {
    /// Adds a line whose texts are parts of `block`, or else are copied, with what comes with it behind its rest.
    #[inline(always)]
    pub fn push(&mut self, block: &[u8], key: &Sought<'_>, line: &PairLine<'_>, with: Option<&With>) {
        let (user_place, own_user) = self.place_of(block, line.user);
        let mut rest = length(line.rest);
        let (rest_place, own_rest) = match with {
            None => self.place_of(block, line.rest),
            Some(With { behind, amounts, evidence }) => {
                let from = self.own.len();
                behind.put(line.rest, amounts.as_ref(), *evidence, &mut self.own);
                rest = length(self.own.get(from..).unwrap_or_default());
                (u32::try_from(from).unwrap_or(0), true)
            }
        };
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
            Some(CloseLine { connect, duration, mismatch }) => self.closes.push(CloseRecord {
                line: record,
                connect: connect.at,
                duration,
                connect_offset: connect.offset,
                mismatch,
            }),
        }
    }

    /// Where a text is: in the block, or else in `own`, and whether it is there.
    #[inline(always)]
    fn place_of(&mut self, block: &[u8], text: &[u8]) -> (u32, bool) {
        match place_in(block, text) {
            Some(place) => (place, false),
            None => (put(&mut self.own, text), true),
        }
    }

    /// Copies all texts, so that the block need not be at hand any more.
    pub fn detach(&mut self, block: &[u8]) {
        let Batch { logins, closes, own, .. } = self;
        logins.iter_mut().for_each(|record| record.detach(block, own));
        closes.iter_mut().for_each(|close| close.line.detach(block, own));
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

    /// The logins, so many of them at a time as are worth looking up at once.
    pub(super) fn logins(&self) -> impl Iterator<Item = SomeLogins<'_>> {
        self.logins.chunks(TOGETHER).map(|records| SomeLogins { batch: self, records })
    }

    /// The closes in the same way.
    pub(super) fn closes(&self) -> impl Iterator<Item = SomeCloses<'_>> {
        self.closes.chunks(TOGETHER).map(|records| SomeCloses { batch: self, records })
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

/// Some logins of a batch.
pub(super) struct SomeLogins<'a> {
    batch: &'a Batch,
    records: &'a [Record],
}

impl<'a> SomeLogins<'a> {
    /// The hashes of their keys.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> + Clone + use<'a> {
        self.records.iter().map(|login| login.hash)
    }

    /// They with their keys, in the order in which they came. `block` is the one that they were read from.
    #[inline]
    pub(super) fn lines(self, block: &'a [u8]) -> impl Iterator<Item = (Sought<'a>, Said<'a>)> {
        self.records.iter().map(move |record| self.batch.said(block, record, None))
    }
}

/// Some closes of a batch.
pub(super) struct SomeCloses<'a> {
    batch: &'a Batch,
    records: &'a [CloseRecord],
}

impl<'a> SomeCloses<'a> {
    /// The hashes of their keys.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u32> + Clone + use<'a> {
        self.records.iter().map(|close| close.line.hash)
    }

    /// As [`SomeLogins::lines`], each with what only a close has.
    #[inline]
    pub(super) fn lines(self, block: &'a [u8]) -> impl Iterator<Item = (Sought<'a>, Said<'a>, CloseLine)> {
        self.records.iter().map(move |record| {
            let connect = Stamp { at: record.connect, offset: record.connect_offset };
            let close = CloseLine { connect, duration: record.duration, mismatch: record.mismatch };
            let (key, line) = self.batch.said(block, &record.line, Some(close));
            (key, line, close)
        })
    }
}

/// A text of a block and what stands behind it there, if there are so many bytes.
#[inline(always)]
pub fn near_in<'a>(block: &'a [u8], text: &[u8]) -> Option<&'a [u8; NEAR]> {
    block.get(place_in(block, text)? as usize..)?.first_chunk()
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
        let copied = |detached: bool, line: &PairLine<'_>, with: Option<&With>| {
            let mut batch = Batch::default();
            batch.push(block, &Sought::key(&Key::of(line)), line, with);
            if detached {
                batch.detach(block);
            }
            let logins = batch.logins().next().unwrap();
            let (_, said) = logins.lines(if detached { b"" } else { block }).next().unwrap();
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
