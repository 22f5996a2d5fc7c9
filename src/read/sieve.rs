//! Sieve: lines that cannot bear on the question of `-a`, passed over by their dates and by whom they name.
//!
//! Nothing but a line itself tells when it was written, so every text is read; but of most lines the date is enough. A line from
//! before the window tells only of moments before it. A line from behind it tells of earlier ones if it is a close, by its start.
//! And where users are asked for, a line tells nothing of them that does not name one of them.

use std::collections::BTreeSet;
use std::ops::Range;

use super::asked::Asked;
use crate::chunk::Lines;
use crate::fold::{Moment, Window};
use crate::grammar::{self, eight};
use crate::kept::{Began, Bounds, Shown, When};
use crate::model::DAY;
use crate::parse::{LONGEST_LINE, Names};

/// Where users are asked for, so much of a text is read at its beginning and at its end whomever it names: for what it covers, and
/// whether logins are logged. In bytes.
pub(super) const EDGE: u64 = 16 << 10;

/// The bytes of a stamp, without brackets, and where its clock stands.
const STAMP: usize = 26;
const CLOCK: Range<usize> = 12..20;

/// Where the host stands in a line, behind `[`, the stamp and `] `.
const HOST: usize = STAMP + 3;

/// A part of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sifted<'a> {
    /// Whole lines that are to be read; the offset of the first in the block.
    Read(&'a [u8], u64),
    /// The same, but passed over; and how many they are.
    Passed(&'a [u8], u64, u64),
}

/// Where a block stands in its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// The offset of its first byte.
    pub(super) place: u64,
    /// Where the section of the text begins in which it stands: 0 if nothing is lost before it.
    pub(super) begin: u64,
    /// Where the section ends, as far as that is known.
    pub(super) end: Option<u64>,
}

/// What bears on the question, as far as lines show it before they are read.
#[derive(Clone, Debug, Default)]
pub struct Sieve {
    bounds: Bounds,
    asked: Option<Asked>,
    aliases: bool,
}

/// What the beginnings of lines with one date, offset and host say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Such a beginning, and which bits of it must be the same: all but the clock, up to the host and the blank behind it.
    text: [u64; HEAD / 8],
    mask: [u64; HEAD / 8],
    date: Date,
}

/// The date of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    /// The day by the clock, counted from 1970.
    pub(super) day: i64,
    /// The offset, in minutes.
    pub(super) offset: i16,
    when: When,
}

impl Date {
    /// A start field, if it is not behind the end of its line.
    #[inline]
    pub(super) fn began(self, line: &[u8], start: &[u8]) -> Option<Began> {
        let local = grammar::start(start).ok()?.1.local;
        let (_, second) = grammar::time(clock(line)?).ok()?;
        (local <= self.day * DAY + i64::from(second)).then_some(Began::new(local, self.offset))
    }
}

/// So much of a line has its stamp and eight bytes of its host.
const HEAD: usize = 40;

impl Known {
    fn new(head: &[u8; HEAD], clock: Range<usize>, end: usize, date: Date) -> Known {
        let mask = std::array::from_fn(|i| if i >= end || clock.contains(&i) { 0 } else { u8::MAX });
        Known { text: words(head), mask: words(&mask), date }
    }

    #[inline]
    fn is_of(&self, head: &[u8; HEAD]) -> bool {
        let texts = words(head).into_iter().zip(self.text);
        texts.zip(self.mask).fold(0, |differ, ((one, other), mask)| differ | (one ^ other) & mask) == 0
    }
}

#[inline]
fn words(bytes: &[u8; HEAD]) -> [u64; HEAD / 8] {
    let eights = bytes.as_chunks::<8>().0;
    std::array::from_fn(|i| eights.get(i).map_or(0, |eight| u64::from_le_bytes(*eight)))
}

impl Sieve {
    /// For a window, and for the users asked for, as R2 has them. None if nothing can be passed over.
    pub fn new(window: &Window, users: &BTreeSet<Vec<u8>>, names: &Names) -> Option<Sieve> {
        let value = |moment: Moment| match moment {
            Moment::Instant(at) => at,
            Moment::Local(digits) => digits,
        };
        let bounds = Bounds { since: window.since.map(value), until: window.until.map(value) };
        let sieve = Sieve { bounds, asked: Asked::new(users, names), aliases: !names.store_aliases.is_empty() };
        (bounds != Bounds::default() || sieve.asked.is_some()).then_some(sieve)
    }

    /// The window, as far as dates show it.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Whether lines are passed over that name no user who is asked for.
    pub fn is_by_users(&self) -> bool {
        self.asked.is_some()
    }

    /// The group of [`Shown::host`] that a store's lines are in.
    pub fn host_of(&self, store: &[u8]) -> u64 {
        if self.aliases { 0 } else { eight(store) }
    }

    /// What clocks showed, in the groups of this sieve.
    pub(super) fn grouped<'a>(&self, shown: impl IntoIterator<Item = &'a Shown>) -> impl Iterator<Item = Shown> {
        shown.into_iter().map(|shown| Shown { host: if self.aliases { 0 } else { shown.host }, ..*shown })
    }

    /// Parts the lines of a block. What clocks showed goes to `shown`.
    pub(super) fn sift<'a>(
        &self,
        block: &'a [u8],
        stand: Stand,
        shown: &mut BTreeSet<Shown>,
        out: &mut dyn FnMut(Sifted<'a>),
    ) {
        let mut known: Option<Known> = None;
        let (mut read, mut passed, mut lines) = (0..0, 0..0, 0);
        let named = self.asked.as_ref().map(|asked| asked.named_in(block));
        let mut named = named.as_deref();
        let head = stand.begin.saturating_add(EDGE).saturating_sub(stand.place);
        let tail = stand.end.map_or(u64::MAX, |end| end.saturating_sub(EDGE).saturating_sub(stand.place));
        for (start, line, bytes) in Lines::new(block) {
            let from = usize::try_from(start).unwrap_or(block.len());
            let to = from + usize::try_from(bytes).unwrap_or(0);
            let is_named =
                named.as_mut().is_none_or(|named| is_name_in(named, from..to)) || start < head || start >= tail;
            if self.passes_over(line, is_named, &mut known, shown) {
                if !read.is_empty() {
                    out(Sifted::Read(block.get(read.clone()).unwrap_or_default(), read.start as u64));
                }
                read = to..to;
                (passed.end, lines) = (to, lines + 1);
            } else {
                if lines > 0 {
                    out(Sifted::Passed(block.get(passed.clone()).unwrap_or_default(), passed.start as u64, lines));
                }
                (read.end, passed, lines) = (to, to..to, 0);
            }
        }
        if !read.is_empty() {
            out(Sifted::Read(block.get(read.clone()).unwrap_or_default(), read.start as u64));
        }
        if lines > 0 {
            out(Sifted::Passed(block.get(passed.clone()).unwrap_or_default(), passed.start as u64, lines));
        }
    }

    /// Whether a line cannot bear on the question; `named` says whether it may name a user who is asked for. What does not begin with
    /// a native stamp is read.
    #[inline]
    fn passes_over(&self, line: &[u8], named: bool, known: &mut Option<Known>, shown: &mut BTreeSet<Shown>) -> bool {
        let Some(date) = self.date(line, known, shown) else { return false };
        match date.when {
            When::Before => true,
            When::Around => !named && line.len() <= LONGEST_LINE,
            When::Behind => !named || self.tells_of_nothing_inside(line, date),
        }
    }

    /// The date of a line, if it begins with a native stamp; it is then known for the lines to come.
    #[inline]
    pub(super) fn date(&self, line: &[u8], known: &mut Option<Known>, shown: &mut BTreeSet<Shown>) -> Option<Date> {
        let head = line.first_chunk::<HEAD>();
        match (&*known, head) {
            (Some(known), Some(head)) if known.is_of(head) && clock(head).is_some_and(grammar::is_clock) => {
                Some(known.date)
            }
            _ => self.know(line, head, known, shown),
        }
    }

    #[inline(never)]
    fn know(
        &self,
        line: &[u8],
        head: Option<&[u8; HEAD]>,
        known: &mut Option<Known>,
        shown: &mut BTreeSet<Shown>,
    ) -> Option<Date> {
        let bracket = usize::from(line.first() == Some(&b'['));
        let (_, stamp) = grammar::stamp(line.get(bracket..bracket + STAMP)?).ok()?;
        let day = stamp.local().div_euclid(DAY);
        // Behind the stamp `] `; either bracket may be missing.
        let end = bracket + STAMP;
        let host_at = end + usize::from(line.get(end) == Some(&b']')) + 1;
        let host = line.get(host_at..).unwrap_or_default();
        let host = host.get(..8).unwrap_or(host);
        let host = host.split(|byte| *byte == b' ').next().unwrap_or_default();
        shown.insert(Shown { host: self.host_of(host), day, offset: stamp.offset });
        let date = Date { day, offset: stamp.offset, when: self.bounds.when(day) };
        if let Some(head) = head {
            let (clock, end) =
                (bracket + CLOCK.start..bracket + CLOCK.end, (host_at + host.len() + 1).min(host_at + 8));
            *known = Some(Known::new(head, clock, end, date));
        }
        Some(date)
    }

    /// Of a line from behind the window: whether it is no close line, or its session began outside as well.
    fn tells_of_nothing_inside(&self, line: &[u8], date: Date) -> bool {
        let outside = |start| date.began(line, start).is_some_and(|began| self.bounds.are_outside(began, began));
        start_in(line).is_none_or(outside)
    }
}

/// Where the start field of a line must be, if it can be a close line; of one without, nothing stands there.
#[inline]
pub(super) fn start_in(line: &[u8]) -> Option<&[u8]> {
    let close = memchr::memchr_iter(b'[', line).find(|at| {
        let before = line.get(..*at).unwrap_or_default();
        before.ends_with(b"close ") || before.ends_with(b"logout ")
    })?;
    let behind_blank = |text: &[u8]| memchr::memchr(b' ', text).map(|blank| blank + 1);
    let peer = line.get(close..).unwrap_or_default();
    let user = peer.get(behind_blank(peer).unwrap_or(peer.len())..).unwrap_or_default();
    Some(user.get(behind_blank(user).unwrap_or(user.len())..).unwrap_or_default())
}

/// Whether a name stands in this line, behind what may be its host; the names go on behind the line.
#[inline]
fn is_name_in(named: &mut &[usize], line: Range<usize>) -> bool {
    let mut found = false;
    while let [at, rest @ ..] = named
        && *at < line.end
    {
        found |= *at > line.start + HOST;
        *named = rest;
    }
    found
}

/// The clock of a stamp, with its bracket or without.
#[inline]
fn clock(line: &[u8]) -> Option<&[u8; 8]> {
    let bracket = usize::from(line.first() == Some(&b'['));
    line.get(bracket + CLOCK.start..)?.first_chunk()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_behind_stamps_of_any_form() {
        for stamp in [
            "[20/May/2019:10:00:00 +0200]",
            "[20/May/2019:10:00:00 +0200",
            "20/May/2019:10:00:00 +0200]",
            "20/May/2019:10:00:00 +0200",
        ] {
            let line = format!("{stamp} store1 imapd[1]: Account Information: login [192.0.2.7:1] ed plaintext");
            let mut shown = BTreeSet::new();
            assert!(Sieve::default().date(line.as_bytes(), &mut None, &mut shown).is_some(), "{stamp}");
            assert_eq!(shown.into_iter().map(|shown| shown.host).collect::<Vec<_>>(), [eight(b"store1")], "{stamp}");
        }
    }

    #[test]
    fn r11_what_cannot_bear_on_a_window() {
        // 29 May 2019, 00:00 to 24:00 UTC.
        let bounds = Bounds { since: Some(1_559_088_000), until: Some(1_559_174_400) };
        let sieve = Sieve { bounds, asked: None, aliases: false };
        let passes = |line: &str| sieve.passes_over(line.as_bytes(), true, &mut None, &mut BTreeSet::new());
        let login =
            |stamp: &str| format!("[{stamp}] store1 imapd[1]: Account Information: login [192.0.2.7:1] ed plaintext");
        let close = |start: &str| {
            format!(
                "[05/Jun/2019:10:00:00 +0200] store1 imapd[1]: Account Notice: close [192.0.2.7:1] ed {start} 1 2 3"
            )
        };
        for stamp in ["27/May/2019:23:59:59 +0200", "26/May/2019:00:00:00 -1500", "31/May/2019:00:00:00 +0000"] {
            assert!(passes(&login(stamp)), "{stamp}");
        }
        for stamp in ["28/May/2019:00:00:00 +0200", "29/May/2019:12:00:00 +0200", "30/May/2019:23:59:59 +1500", "no"] {
            assert!(!passes(&login(stamp)), "{stamp}");
        }
        for start in ["2019/6/5 9:59:00 0:01:00", "2019/5/30 4:00:00 1:00:00", "2019/5/28 21:59:59 9:00:00"] {
            assert!(passes(&close(start)), "{start}");
        }
        // A clock that is none, though its neighbour's is one.
        let mut known = None;
        let mut after = |line: &str| sieve.passes_over(line.as_bytes(), true, &mut known, &mut BTreeSet::new());
        assert!(after(&login("20/May/2019:10:00:00 +0200")) && !after(&login("20/May/2019:24:00:00 +0200")));
        assert!(after(&login("20/May/2019:23:59:59 +0200")));
        // Inside, near, behind its own end, and none that can be read.
        for start in [
            "2019/5/29 9:00:00 1:00:00",
            "2019/5/30 3:59:59 1:00:00",
            "2019/5/28 22:00:00 9:00:00",
            "2019/6/5 10:00:01 168:00:00",
            "2019/6/5",
        ] {
            assert!(!passes(&close(start)), "{start}");
        }
        assert!(!passes(&format!("<13>May 26 10:00:00 h t: {}", login("26/May/2019:10:00:00 +0200"))));
    }
}
