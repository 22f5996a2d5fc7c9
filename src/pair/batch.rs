//! Login and close lines on their way to pairing: numbers, and where their texts are.

use std::ops::Range;

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
    user_place: Place,
    rest_place: Place,
    user: u16,
    rest: u16,
    offset: i16,
    doubt: Doubt,
}

/// Where a text is: so far from the beginning of the block or, by its highest bit, of `own`. Both are far shorter than the 2 GiB that are left
/// to say so: a block is a piece, and what is copied of it is less than a few times as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const OWN: u32 = 1 << 31;

    /// The place of what is put behind so many bytes of `own`.
    #[inline(always)]
    fn in_own(behind: usize) -> Place {
        Place(Place::OWN | behind as u32)
    }

    #[inline(always)]
    fn is_own(self) -> bool {
        self.0 & Place::OWN != 0
    }

    #[inline(always)]
    fn begin(self) -> usize {
        (self.0 & !Place::OWN) as usize
    }
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
        let (user, rest) = (self.user_place, self.rest_place);
        let (user_end, end) = (user.begin() + usize::from(self.user), rest.begin() + usize::from(self.rest));
        if !user.is_own() && !rest.is_own() && user_end <= rest.begin() {
            // One behind the other, they are copied at once.
            let behind = rest.begin() - user.begin();
            self.user_place = copy(own, block, user.begin()..end);
            self.rest_place = Place(self.user_place.0 + behind as u32);
        } else {
            if !user.is_own() {
                self.user_place = copy(own, block, user.begin()..user_end);
            }
            if !rest.is_own() {
                self.rest_place = copy(own, block, rest.begin()..end);
            }
        }
    }
}

/// So many lines are looked up at once: enough to overlap their misses, few enough for all that they need to stay in the first cache.
const TOGETHER: usize = 64;

/// Texts up to this length are copied with what stands behind them, which takes no call.
const COPIED: usize = 64;

/// Copies a text of a block: its place.
#[inline(always)]
fn copy(own: &mut Vec<u8>, block: &[u8], text: Range<usize>) -> Place {
    let (place, from) = (Place::in_own(own.len()), block.get(text.start..).unwrap_or_default());
    append(own, from.get(..text.len()).unwrap_or_default(), from.first_chunk::<COPIED>());
    place
}

/// Copies a text: its place.
#[inline(always)]
fn put(own: &mut Vec<u8>, text: &[u8]) -> Place {
    let place = Place::in_own(own.len());
    own.extend_from_slice(text);
    place
}

impl Batch {
    /// Adds a line whose texts are parts of `block`, or else are copied, with what comes with it behind its rest.
    #[inline(always)]
    pub fn push(&mut self, block: &[u8], key: &Sought<'_>, line: &PairLine<'_>, with: Option<&With>) {
        let user_place = self.place_of(block, line.user);
        let mut rest = length(line.rest);
        let rest_place = match with {
            None => self.place_of(block, line.rest),
            Some(With { behind, amounts, evidence }) => {
                let from = self.own.len();
                behind.put(line.rest, amounts.as_ref(), *evidence, &mut self.own);
                rest = length(self.own.get(from..).unwrap_or_default());
                Place::in_own(from)
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

    /// Where a text is: in the block, or else in `own`.
    #[inline(always)]
    fn place_of(&mut self, block: &[u8], text: &[u8]) -> Place {
        place_in(block, text).map_or_else(|| put(&mut self.own, text), Place)
    }

    /// Copies all texts, so that the block need not be at hand any more.
    pub fn detach(&mut self, block: &[u8]) {
        let Batch { logins, closes, own, .. } = self;
        logins.iter_mut().for_each(|record| record.detach(block, own));
        closes.iter_mut().for_each(|close| close.line.detach(block, own));
    }

    /// Becomes a copy of another, which is detached.
    ///
    /// Whoever writes to memory that another processor has read last waits for it with every line of it, unless many are written at once.
    pub fn copy_of(&mut self, other: &Batch) {
        self.logins.clone_from(&other.logins);
        self.closes.clone_from(&other.closes);
        self.keys.copy_of(&other.keys);
        self.own.clone_from(&other.own);
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
        let from = |place: Place| {
            let texts = if place.is_own() { self.own.as_slice() } else { block };
            texts.get(place.begin()..).unwrap_or_default()
        };
        let text = |place, length: u16| from(place).get(..usize::from(length)).unwrap_or_default();
        let line = Said {
            pid: record.pid,
            user: text(record.user_place, record.user),
            rest: text(record.rest_place, record.rest),
            stamp: Stamp { at: record.at, offset: record.offset },
            close,
            doubt: record.doubt,
            near: from(record.user_place).first_chunk(),
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

    #[test]
    fn a_copy_holds_the_same_lines() {
        let block = b"ann plain bob digest 7 ann plain".as_slice();
        let line = |ip: &str, user, rest, end: Option<Instant>| PairLine {
            stream: StreamId(0),
            pid: 1,
            peer: Peer::new(ip.parse().unwrap(), Some(1)),
            user,
            rest,
            stamp: Stamp { at: 9, offset: 60 },
            close: end.map(|at| CloseLine { connect: Stamp { at, offset: 0 }, duration: 3, mismatch: true }),
            doubt: Doubt { inferred: false, forged: true },
        };
        let lines = [
            line("192.0.2.1", &block[..3], &block[4..9], None),
            line("2001:db8::1", &block[10..13], &block[14..20], None),
            line("2001:db8::2", b"not of the block", &block[21..22], Some(5)),
            line("192.0.2.2", &block[23..26], &block[10..13], Some(6)),
        ];
        let mut batch = Batch::default();
        lines.iter().for_each(|line| batch.push(block, &Sought::key(&Key::of(line)), line, None));
        let said = |batch: &Batch, block: &[u8]| {
            let logins = batch.logins().flat_map(|some| some.lines(block));
            let closes = batch.closes().flat_map(|some| some.lines(block)).map(|(key, line, _)| (key, line));
            let all =
                logins.chain(closes).map(|(key, line)| (key.to_key(), format!("{:?}", Said { near: None, ..line })));
            all.collect::<Vec<_>>()
        };
        let expected: Vec<_> = lines.iter().map(|line| (Key::of(line), format!("{:?}", line.said()))).collect();
        assert_eq!(said(&batch, block), expected);
        batch.detach(block);
        // Whatever was there before.
        let mut copy = Batch::default();
        copy.push(block, &Sought::key(&Key::of(&lines[1])), &lines[1], None);
        copy.copy_of(&batch);
        assert_eq!(said(&copy, b""), expected);
        assert_eq!(copy.len(), 4);
        batch.clear();
        assert!(batch.is_empty());
        assert_eq!(said(&copy, b""), expected);
    }
}
