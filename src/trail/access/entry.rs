//! What is kept of one user over one service: one cache line, and how it is found, compared and brought together with another.

use std::cmp::{Ordering, Reverse};
use std::hash::{BuildHasher, Hasher};

use super::{Access, Last};
use crate::grammar::{eight, masks_by_length};
use crate::index::folded;
use crate::model::{Doubt, Evidence, Instant, Service, Stamp};
use crate::pair::NEAR;
use crate::streams::{StreamId, Streams};

/// Packed [`Last`]: 16 bytes, `at == NEVER` for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed {
    pub(super) at: Instant,
    pub(super) stream: StreamId,
    pub(super) offset: i16,
    pub(super) flags: u8,
}

pub(super) const NEVER: Instant = Instant::MIN;
pub(super) const NONE: Packed = Packed { at: NEVER, stream: StreamId(0), offset: 0, flags: 0 };
pub(super) const EMPTY: Entry = Entry {
    name: [0; INLINE],
    login: NEVER,
    logout: NEVER,
    hash: 0,
    place: 0,
    login_stream: NONE.stream,
    logout_stream: NONE.stream,
    login_offset: 0,
    logout_offset: 0,
    length: 0,
    service: Service::Imap,
    flags: 0,
};

impl Packed {
    #[inline(always)]
    pub(super) fn of_line(stamp: Stamp, stream: StreamId, from_login: bool, doubt: Doubt) -> Packed {
        let flags = (u8::from(from_login) * FROM_LOGIN)
            | (u8::from(!doubt.inferred) * KNOWN_FORMAT)
            | (u8::from(!doubt.forged) * GENUINE);
        Packed { at: stamp.at, stream, offset: stamp.offset, flags }
    }

    pub(super) fn unpacked(self, evidence: Option<Evidence>) -> Option<Last> {
        let Packed { at, stream, offset, flags } = self;
        let doubt = Doubt { inferred: flags & KNOWN_FORMAT == 0, forged: flags & GENUINE == 0 };
        let from_login = flags & FROM_LOGIN != 0;
        (at != NEVER).then_some(Last { stamp: Stamp { at, offset }, stream, from_login, doubt, evidence })
    }

    /// The maximum of two; every field of equal instants has its own order, so that merging is commutative.
    #[inline(always)]
    pub(super) fn max(self, other: Packed, streams: &Streams) -> Packed {
        let max = self.max_of_stream(other);
        if self.at == other.at && self.stream != other.stream && self.at != NEVER {
            return Packed { stream: first(self.stream, other.stream, streams), ..max };
        }
        max
    }

    /// The maximum of two of one stream, or of none.
    #[inline(always)]
    pub(super) fn max_of_stream(self, other: Packed) -> Packed {
        // Whether a login and the connect of its close are of one second is by chance: no branch depends on it.
        let (max, is_tie) = (if self.at < other.at { other } else { self }, self.at == other.at);
        let offset = if is_tie { self.offset.min(other.offset) } else { max.offset };
        Packed { offset, flags: max.flags | if is_tie { other.flags } else { 0 }, ..max }
    }
}

/// Of two streams the one whose store has the smaller name.
#[cold]
pub(super) fn first(a: StreamId, b: StreamId, streams: &Streams) -> StreamId {
    if streams.get(b) < streams.get(a) { b } else { a }
}

/// So much of a name lies in the entry itself, in bytes.
pub(super) const INLINE: usize = 24;

/// One cache line: who, over what, and the last login and logout.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    /// The first bytes of the name, with zeros behind a shorter one.
    pub(super) name: [u8; INLINE],
    pub(super) login: Instant,
    pub(super) logout: Instant,
    pub(super) hash: u32,
    /// Where a longer name is, as a whole.
    pub(super) place: u32,
    pub(super) login_stream: StreamId,
    pub(super) logout_stream: StreamId,
    pub(super) login_offset: i16,
    pub(super) logout_offset: i16,
    pub(super) length: u16,
    pub(super) service: Service,
    pub(super) flags: u8,
}

/// The bits of [`Packed::flags`]: what some line shows. In [`Entry::flags`] those of the logout are so many higher.
pub(super) const FROM_LOGIN: u8 = 1;
pub(super) const KNOWN_FORMAT: u8 = 2;
pub(super) const GENUINE: u8 = 4;
pub(super) const ALL: u8 = FROM_LOGIN | KNOWN_FORMAT | GENUINE;
pub(super) const HIGHER: u32 = ALL.count_ones();

impl Entry {
    /// Of a user over a service, with no access yet.
    #[inline(always)]
    pub(super) fn of(user: &[u8], service: Service) -> Entry {
        Entry::new(&NameKey::of(user, None, service), 0, NONE, NONE)
    }

    /// What a user did, whose name is there if it is a longer one.
    #[inline(always)]
    pub(super) fn new(key: &NameKey<'_>, place: u32, login: Packed, logout: Packed) -> Entry {
        let NameKey { words, length, hash, service, .. } = *key;
        Entry {
            name: inline(words),
            login: login.at,
            logout: logout.at,
            hash,
            place,
            login_stream: login.stream,
            logout_stream: logout.stream,
            login_offset: login.offset,
            logout_offset: logout.offset,
            length,
            service,
            flags: login.flags | (logout.flags << HIGHER),
        }
    }

    pub(super) fn login(&self) -> Packed {
        Packed { at: self.login, stream: self.login_stream, offset: self.login_offset, flags: self.flags & ALL }
    }

    pub(super) fn logout(&self) -> Packed {
        let flags = self.flags >> HIGHER;
        Packed { at: self.logout, stream: self.logout_stream, offset: self.logout_offset, flags }
    }

    #[inline]
    pub(super) fn set(&mut self, login: Packed, logout: Packed) {
        self.login = login.at;
        self.login_stream = login.stream;
        self.login_offset = login.offset;
        self.logout = logout.at;
        self.logout_stream = logout.stream;
        self.logout_offset = logout.offset;
        self.flags = login.flags | (logout.flags << HIGHER);
    }

    /// The maximum of two of one user.
    #[inline]
    pub(super) fn take(&mut self, other: &Entry, streams: &Streams) {
        let login = self.login().max(other.login(), streams);
        let logout = self.logout().max(other.logout(), streams);
        self.set(login, logout);
    }

    pub(super) fn is_long(&self) -> bool {
        usize::from(self.length) > INLINE
    }

    pub(super) fn name<'a>(&'a self, long: &'a [u8]) -> &'a [u8] {
        let text = if self.is_long() { long.get(self.place as usize..).unwrap_or_default() } else { &self.name };
        text.get(..usize::from(self.length)).unwrap_or_default()
    }

    #[inline]
    pub(super) fn access(&self, lines: Option<&Lines>) -> Access {
        let login = self.login().unpacked(lines.map(|lines| lines.login));
        Access { login, logout: self.logout().unpacked(lines.map(|lines| lines.logout)) }
    }

    /// When the later of login and logout was: the stamp of [`Access::last`].
    #[inline]
    pub(super) fn last(&self) -> Option<Stamp> {
        let login_is_last = self.login > self.logout;
        let at = self.login.max(self.logout);
        let offset = if login_is_last { self.login_offset } else { self.logout_offset };
        (at != NEVER).then_some(Stamp { at, offset })
    }

    /// Whether two are of one user and service.
    #[inline]
    pub(super) fn is(&self, other: &Entry, (long, others): (&[u8], &[u8])) -> bool {
        self.hash == other.hash
            && self.name == other.name
            && self.length == other.length
            && self.service == other.service
            && (!self.is_long() || self.name(long) == other.name(others))
    }

    /// The first bytes of the name as a number that sorts as they do.
    pub(super) fn leading(&self) -> u128 {
        self.name.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
    }

    /// The order of the names' bytes, then of the services.
    #[inline]
    pub(super) fn order(&self, other: &Entry, (long, others): (&[u8], &[u8])) -> Ordering {
        let behind = |entry: &Entry| (entry.length, entry.service);
        let inline = || self.name.cmp(&other.name);
        let whole = || {
            if self.is_long() || other.is_long() { self.name(long).cmp(other.name(others)) } else { Ordering::Equal }
        };
        self.leading()
            .cmp(&other.leading())
            .then_with(inline)
            .then_with(whole)
            .then_with(|| behind(self).cmp(&behind(other)))
    }
}

/// The lines of an entry, in one cache line; what there is no line for is not looked at.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
pub(super) struct Lines {
    pub(super) login: Evidence,
    pub(super) logout: Evidence,
}

impl Lines {
    /// Takes another's where it shows more: a later moment, or the same by a login line, or by one further ahead.
    pub(super) fn take(&mut self, ours: &Entry, theirs: &Entry, lines: Lines) {
        let order = |packed: Packed, line: Evidence| (packed.at, packed.flags & FROM_LOGIN, Reverse(line));
        if order(theirs.login(), lines.login) > order(ours.login(), self.login) {
            self.login = lines.login;
        }
        if order(theirs.logout(), lines.logout) > order(ours.logout(), self.logout) {
            self.logout = lines.logout;
        }
    }
}

/// A user over a service, as tables look for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameKey<'a> {
    pub(super) name: &'a [u8],
    /// Its first bytes.
    pub(super) words: [u64; 3],
    pub(super) length: u16,
    pub(super) hash: u32,
    pub(super) service: Service,
}

impl<'a> NameKey<'a> {
    #[inline(always)]
    pub(super) fn of(name: &'a [u8], near: Option<&[u8; NEAR]>, service: Service) -> NameKey<'a> {
        let words = near.map_or_else(|| words_of(name), |near| words_near(near, name.len()));
        // A user is part of a line, which is at most 64 KiB long.
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let hash = hash_of(words, name.get(INLINE..).unwrap_or_default(), length, service);
        NameKey { name, words, length, hash, service }
    }
}

/// The hash of a name and a service; half of a good one, which is enough to tell most names apart.
#[inline]
pub(super) fn hash_of([a, b, c]: [u64; 3], rest: &[u8], length: u16, service: Service) -> u32 {
    let mut last = u64::from(length) << 8 | service as u64;
    if !rest.is_empty() {
        let mut hasher = rustc_hash::FxBuildHasher.build_hasher();
        hasher.write(rest);
        last ^= hasher.finish();
    }
    let hash = folded(a ^ 0x9E37_79B9_7F4A_7C15, b ^ 0xBF58_476D_1CE4_E5B9);
    (folded(hash ^ c ^ 0x94D0_49BB_1331_11EB, last ^ 0xD6E8_FEB8_6659_FD93) >> 32) as u32
}

/// The first bytes of a name, with zeros behind a shorter one, eight by eight.
#[inline(always)]
pub(super) fn words_of(name: &[u8]) -> [u64; 3] {
    let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) else { return [eight(name), 0, 0] };
    let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    // What of the last eight bytes stands behind so many.
    let behind = |bytes: usize| last.checked_shr(8 * (8 + bytes).saturating_sub(name.len()) as u32).unwrap_or(0);
    match name.len() {
        ..16 => [first, behind(8), 0],
        16..24 => [first, eight(name.get(8..).unwrap_or_default()), behind(16)],
        _ => [first, eight(name.get(8..).unwrap_or_default()), eight(name.get(16..).unwrap_or_default())],
    }
}

/// The same of a name of this length, by these bytes, with which it begins: names are so unlike in length that each branch for it costs.
#[inline(always)]
fn words_near(near: &[u8; NEAR], length: usize) -> [u64; 3] {
    /// Which bits of the words count, by the length.
    const MASKS: [[u64; 3]; INLINE + 1] = masks_by_length([0, 8, 16]);
    let masks = MASKS.get(length).unwrap_or(&[u64::MAX; 3]);
    std::array::from_fn(|i| {
        let word = near.as_chunks().0.get(i).map_or(0, |word| u64::from_le_bytes(*word));
        word & masks.get(i).copied().unwrap_or(0)
    })
}

/// The same as an entry has them.
#[inline(always)]
pub(super) fn inline(words: [u64; 3]) -> [u8; INLINE] {
    let mut name = [0; INLINE];
    for (chunk, word) in name.as_chunks_mut().0.iter_mut().zip(words) {
        *chunk = word.to_le_bytes();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_names_of_any_length() {
        let text: [u8; NEAR] = std::array::from_fn(|i| b'a' + i as u8);
        for length in 0..=NEAR {
            assert_eq!(words_near(&text, length), words_of(&text[..length]), "{length}");
        }
        assert_eq!(words_near(&text, 500), words_of(&text));
    }
}
