//! Last accesses as columns: a stretch of entries in the order of the names, each field apart from the others.
//!
//! A stamp is held by how far it lies from the earliest, a logout by how far it lies from the login of the same user, whatever else it has by
//! what differs from that of the login. Where there is no login or no logout, a column has whatever makes it short.

use std::cmp::Ordering;
use std::ops::Range;

use super::LastAccess;
use super::entry::{ALL, EMPTY, Entry, HIGHER, NEVER, NONE, Packed, inline, words_of};
use crate::model::{Instant, Service};
use crate::streams::StreamId;
use crate::trail::kept::names::{Names, Packing};
use crate::trail::kept::numbers::{self, Column, Numbers, zagzig, zigzag};

/// Bits of the column that says over which service an entry is, and what there is of it: the service, a login, a logout.
const SERVICE: u64 = 3;
const LOGIN: u64 = 4;
const LOGOUT: u64 = 8;

/// The columns behind the names' two, in their order.
const COLUMNS: usize = 8;

/// An instant as a number that sorts as it does.
fn number(at: Instant) -> u64 {
    (at ^ Instant::MIN) as u64
}

fn instant(number: u64) -> Instant {
    number as i64 ^ Instant::MIN
}

/// What a column has where a login has nothing: the number before, so that no other number becomes larger by it.
struct Like {
    at: u64,
    offset: u64,
}

impl Like {
    /// The columns of one entry.
    #[inline]
    fn columns(&mut self, entry: &Entry, number_of: &impl Fn(StreamId) -> u64) -> [u64; COLUMNS] {
        let (login, logout) = (entry.login(), entry.logout());
        let there = entry.service as u64
            | if login.at == NEVER { 0 } else { LOGIN }
            | if logout.at == NEVER { 0 } else { LOGOUT };
        let stream = if login.at == NEVER { 0 } else { number_of(login.stream) };
        if login.at != NEVER {
            (self.at, self.offset) = (number(login.at), u64::from(login.offset as u16));
        }
        let [at, behind, offset] = if logout.at == NEVER {
            [0; 3]
        } else {
            let offset = u64::from((logout.offset as u16).wrapping_sub(self.offset as u16));
            [zigzag(self.at, number(logout.at)), number_of(logout.stream) ^ stream, offset]
        };
        [there, u64::from(entry.flags), self.at, at, stream, behind, self.offset, offset]
    }
}

/// Appends entries as columns, but none whose names begin behind so many bytes of names; how many these are. The table must be in order.
pub(in crate::trail) fn pack(
    access: &LastAccess,
    range: Range<usize>,
    most_text: usize,
    number_of: &impl Fn(StreamId) -> u64,
    out: &mut Vec<u8>,
) -> usize {
    let entries = access.entries.get(range).unwrap_or_default();
    let mut names = Packing::default();
    let mut columns = [(); COLUMNS].map(|()| Vec::with_capacity(entries.len()));
    let first = entries.iter().find(|entry| entry.login != NEVER).map_or(NONE, Entry::login);
    let mut like = Like { at: number(first.at), offset: u64::from(first.offset as u16) };
    let mut before: &[u8] = &[];
    for entry in entries {
        if names.len() >= most_text {
            break;
        }
        let name = entry.name(&access.long);
        names.push(name, before);
        before = name;
        for (column, number) in columns.iter_mut().zip(like.columns(entry, number_of)) {
            column.push(number);
        }
    }
    let count = columns.first().map_or(0, Vec::len);
    out.extend((count as u32).to_le_bytes());
    columns.iter().for_each(|column| numbers::put(out, column));
    names.put(out);
    count
}

/// Entries that were read.
pub(in crate::trail) struct Chunk {
    entries: Vec<Entry>,
    long: Vec<u8>,
}

impl Chunk {
    /// That of a text, of at most so many entries; `streams` are those that its numbers stand for. None if it is not as
    /// [`pack`] writes it.
    pub(in crate::trail) fn unpack(mut text: &[u8], most: usize, streams: &[StreamId]) -> Option<Chunk> {
        let (count, rest) = text.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok().filter(|count| *count <= most)?;
        text = rest;
        let mut columns = [Numbers::default(); COLUMNS];
        for column in &mut columns {
            *column = Numbers::take(&mut text, count)?;
        }
        let mut columns = columns.map(Column::of);
        let mut names = Names::of(text, count)?;
        let mut chunk = Chunk { entries: Vec::with_capacity(count), long: Vec::new() };
        for _ in 0..count {
            let (name, order) = names.next()?;
            chunk.push(name, order, entry(columns.each_mut().map(Column::next), streams)?)?;
        }
        names.are_over().then_some(chunk)
    }

    /// How many there are.
    pub(in crate::trail) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds an entry without its name. None if it does not stand behind the last one.
    #[inline]
    fn push(&mut self, name: &[u8], order: Ordering, mut entry: Entry) -> Option<()> {
        if order == Ordering::Equal && self.entries.last().is_some_and(|last| last.service >= entry.service) {
            return None;
        }
        entry.name = inline(words_of(name));
        entry.length = u16::try_from(name.len()).ok()?;
        if entry.is_long() {
            entry.place = u32::try_from(self.long.len()).ok()?;
            self.long.extend_from_slice(name);
        }
        self.entries.push(entry);
        Some(())
    }
}

/// The entry of some columns, without its name.
#[inline]
fn entry(numbers: [u64; COLUMNS], streams: &[StreamId]) -> Option<Entry> {
    let [there, flags, login, logout, stream, other, offset, behind] = numbers;
    let service = *Service::ALL.get((there & SERVICE) as usize)?;
    let flags = u8::try_from(flags).ok().filter(|flags| flags >> (2 * HIGHER) == 0)?;
    let packed = |at: u64, stream: u64, offset: u64, flags: u8| {
        let stream = *streams.get(usize::try_from(stream).ok()?)?;
        let at = Some(instant(at)).filter(|at| *at != NEVER)?;
        Some(Packed { at, stream, offset: offset as u16 as i16, flags })
    };
    let none = Some(NONE);
    let mut entry = Entry { service, ..EMPTY };
    let last_login = if there & LOGIN == 0 { none } else { packed(login, stream, offset, flags & ALL) };
    let last_logout = if there & LOGOUT == 0 {
        none
    } else {
        packed(zagzig(login, logout), other ^ stream, offset.wrapping_add(behind), flags >> HIGHER)
    };
    entry.set(last_login?, last_logout?);
    Some(entry)
}

impl LastAccess {
    /// The streams of all entries.
    pub(in crate::trail) fn streams(&self) -> impl Iterator<Item = StreamId> {
        let mut met: Vec<Option<StreamId>> = Vec::new();
        for packed in self.entries.iter().flat_map(|entry| [entry.login(), entry.logout()]) {
            let index = packed.stream.index();
            if met.len() <= index {
                met.resize(index + 1, None);
            }
            if let Some(met) = met.get_mut(index).filter(|_| packed.at != NEVER) {
                *met = Some(packed.stream);
            }
        }
        met.into_iter().flatten()
    }

    /// Makes room for more entries.
    pub(in crate::trail) fn reserve(&mut self, more: usize) {
        self.entries.reserve(more);
    }

    /// Puts a chunk behind a table that is in order. None if it does not belong there.
    pub(in crate::trail) fn append_chunk(&mut self, chunk: &Chunk) -> Option<()> {
        let long = u32::try_from(self.long.len()).ok()?;
        u32::try_from(self.long.len() + chunk.long.len()).ok()?;
        if let (Some(last), Some(first)) = (self.entries.last(), chunk.entries.first())
            && last.order(first, (&self.long, &chunk.long)) != Ordering::Less
        {
            return None;
        }
        let begin = self.entries.len();
        self.entries.extend_from_slice(&chunk.entries);
        if !chunk.long.is_empty() {
            self.long.extend_from_slice(&chunk.long);
            let new = self.entries.get_mut(begin..).unwrap_or_default();
            new.iter_mut().filter(|entry| entry.is_long()).for_each(|entry| entry.place += long);
        }
        Some(())
    }
}
