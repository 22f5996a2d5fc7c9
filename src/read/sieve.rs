//! Sieve: lines that cannot bear on the question of `-a`, passed over by their dates and by whom they name.
//!
//! Nothing but a line itself tells when it was written, so every text is read; but of most lines the date is enough. A line from
//! before the window tells only of moments before it. A line from behind it tells of earlier ones if it is a close, by its start.
//! And where users are asked for, a line tells nothing of them that does not name one of them.

use std::collections::BTreeSet;

use super::asked::Asked;
use crate::chunk::Lines;
use crate::fold::{Moment, Window};
use crate::grammar::{self, eight};
use crate::parse::{LONGEST_LINE, Names};

/// More than any offset, and any shift of a start field (R4), in seconds: so far a clock's digits are from its instants at most.
const DAY: i64 = 86_400;
/// Where users are asked for, so much of a text is read at its beginning and at its end whomever it names: for what it covers, and
/// whether logins are logged. In bytes.
pub(super) const EDGE: u64 = 16 << 10;

/// What is known of all lines with one date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Before,
    Around,
    Behind,
}

/// A part of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sifted<'a> {
    /// Whole lines that are to be read; the offset of the first in the block.
    Read(&'a [u8], u64),
    /// So many lines, and their bytes, that are passed over.
    Passed(u64, u64),
}

/// Where a block stands in its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stand {
    /// The offset of its first byte.
    pub(super) place: u64,
    /// The length of the text, as far as it is known.
    pub(super) end: Option<u64>,
}

/// What a clock showed: which offset on which day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// The first eight bytes of the host; zero where hosts may be other stores (`--store-alias`).
    pub host: u64,
    /// The day, counted from 1970, by the clock.
    pub day: i64,
    /// The offset, in minutes.
    pub offset: i16,
}

/// What bears on the question, as far as lines show it before they are read.
#[derive(Clone, Debug)]
pub struct Sieve {
    since: Option<i64>,
    until: Option<i64>,
    asked: Option<Asked>,
    aliases: bool,
}

/// The beginning of a line: the texts of its date, its offset and its host, and what they mean.
#[derive(Clone, Copy, Debug)]
struct Known {
    date: [u8; 11],
    offset: [u8; 5],
    host: u64,
    /// The bits of eight bytes that are the host's.
    mask: u64,
    when: When,
    /// Where the day begins on the clock.
    day: i64,
}

impl Sieve {
    /// For a window, and for the users asked for, as R2 has them. None if nothing can be passed over.
    pub fn new(window: &Window, users: &BTreeSet<Vec<u8>>, names: &Names) -> Option<Sieve> {
        let value = |moment: Moment| match moment {
            Moment::Instant(at) => at,
            Moment::Local(digits) => digits,
        };
        let sieve = Sieve {
            since: window.since.map(value),
            until: window.until.map(value),
            asked: Asked::new(users, names),
            aliases: !names.store_aliases.is_empty(),
        };
        (sieve.since.is_some() || sieve.until.is_some() || sieve.asked.is_some()).then_some(sieve)
    }

    /// Whether lines are passed over that name no user who is asked for.
    pub fn is_by_users(&self) -> bool {
        self.asked.is_some()
    }

    /// The group of [`Shown::host`] that a store's lines are in.
    pub fn host_of(&self, store: &[u8]) -> u64 {
        if self.aliases { 0 } else { eight(store) }
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
        let (mut read, mut passed) = (0..0, (0, 0));
        let named = self.asked.as_ref().map(|asked| asked.named_in(block));
        let mut named = named.as_deref();
        let head = EDGE.saturating_sub(stand.place);
        let tail = stand.end.map_or(u64::MAX, |end| end.saturating_sub(EDGE).saturating_sub(stand.place));
        for (start, line, bytes) in Lines::new(block) {
            let from = usize::try_from(start).unwrap_or(block.len());
            let to = from + usize::try_from(bytes).unwrap_or(0);
            let is_named = named.as_mut().is_none_or(|named| name_before(named, to)) || start < head || start >= tail;
            if self.passes_over(line, is_named, &mut known, shown) {
                if !read.is_empty() {
                    out(Sifted::Read(block.get(read.clone()).unwrap_or_default(), read.start as u64));
                }
                read = to..to;
                passed = (passed.0 + 1, passed.1 + bytes);
            } else {
                if passed.0 > 0 {
                    out(Sifted::Passed(passed.0, passed.1));
                }
                (read.end, passed) = (to, (0, 0));
            }
        }
        if !read.is_empty() {
            out(Sifted::Read(block.get(read.clone()).unwrap_or_default(), read.start as u64));
        }
        if passed.0 > 0 {
            out(Sifted::Passed(passed.0, passed.1));
        }
    }

    /// Whether a line cannot bear on the question; `named` says whether it may name a user who is asked for. What does not begin with
    /// a native stamp is read.
    #[inline]
    fn passes_over(&self, line: &[u8], named: bool, known: &mut Option<Known>, shown: &mut BTreeSet<Shown>) -> bool {
        let skip = usize::from(line.first() == Some(&b'['));
        let Some(text) = line.get(skip..).and_then(|rest| rest.first_chunk::<26>()) else { return false };
        let [date @ .., _, _, _, _, _, _, _, _, _, _, o1, o2, o3, o4, o5] = text;
        let offset = [*o1, *o2, *o3, *o4, *o5];
        // Behind the stamp `] `.
        let host = eight(line.get(skip + 27 + skip..).unwrap_or_default());
        let Known { when, day, .. } = match known {
            Some(known) if known.date == *date && known.offset == offset && (known.host ^ host) & known.mask == 0 => {
                *known
            }
            _ => {
                let Some(new) = self.know(text, host, shown) else { return false };
                *known.insert(new)
            }
        };
        match when {
            When::Before => true,
            When::Around => !named && line.len() <= LONGEST_LINE,
            When::Behind => !named || self.tells_of_nothing_inside(line, day + clock(text)),
        }
    }

    /// What the beginning of a line means.
    #[inline(never)]
    fn know(&self, text: &[u8; 26], host: u64, shown: &mut BTreeSet<Shown>) -> Option<Known> {
        let [date @ .., _, _, _, _, _, _, _, _, _, _, o1, o2, o3, o4, o5] = text;
        let (_, stamp) = grammar::stamp(text).ok()?;
        let local = stamp.local().div_euclid(DAY);
        let length = host.to_le_bytes().iter().take_while(|b| **b != b' ').count();
        // With the blank behind it.
        let mask = u64::MAX >> (64 - 8 * (length + 1).min(8));
        let group = if self.aliases || length == 0 { 0 } else { host & u64::MAX >> (64 - 8 * length) };
        shown.insert(Shown { host: group, day: local, offset: stamp.offset });
        let (when, day) = (self.when(local * DAY), local * DAY);
        Some(Known { date: *date, offset: [*o1, *o2, *o3, *o4, *o5], host, mask, when, day })
    }

    fn when(&self, day: i64) -> When {
        if self.since.is_some_and(|since| day + 2 * DAY <= since) {
            When::Before
        } else if self.until.is_some_and(|until| day - DAY >= until) {
            When::Behind
        } else {
            When::Around
        }
    }

    /// Of a line from behind the window: whether it is no close line, or its start lies outside as well.
    fn tells_of_nothing_inside(&self, line: &[u8], end: i64) -> bool {
        let close = memchr::memchr_iter(b'[', line).find(|at| {
            let before = line.get(..*at).unwrap_or_default();
            before.ends_with(b"close ") || before.ends_with(b"logout ")
        });
        let Some(peer) = close.and_then(|at| line.get(at..)) else { return true };
        self.starts_outside(peer, end).unwrap_or(false)
    }

    /// Of a close line, from its peer on: whether its connect (R4), which is within two hours of its start field if that is not
    /// behind its end, lies outside of the window.
    fn starts_outside(&self, peer: &[u8], end: i64) -> Option<bool> {
        let user = peer.get(memchr::memchr(b' ', peer)? + 1..)?;
        let start = user.get(memchr::memchr(b' ', user)? + 1..)?;
        let start = grammar::start(start).ok()?.1.local;
        let before = self.since.is_some_and(|since| start + 2 * DAY <= since);
        let behind = self.until.is_some_and(|until| start - 2 * DAY >= until);
        Some(start <= end && (before || behind))
    }
}

/// Whether a name stands before this place; if so, goes on behind it.
#[inline]
fn name_before(named: &mut &[usize], place: usize) -> bool {
    let before = named.iter().take_while(|at| **at < place).count();
    *named = named.get(before..).unwrap_or_default();
    before > 0
}

/// The second of the day of a stamp. A text that is no clock belongs to a line that says nothing.
fn clock(stamp: &[u8; 26]) -> i64 {
    let [.., h1, h2, _, m1, m2, _, s1, s2, _, _, _, _, _, _] = stamp;
    let two = |a: &u8, b: &u8| i64::from(a.wrapping_sub(b'0')) * 10 + i64::from(b.wrapping_sub(b'0'));
    two(h1, h2) * 3600 + two(m1, m2) * 60 + two(s1, s2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r11_what_cannot_bear_on_a_window() {
        // 29 May 2019, 00:00 to 24:00 UTC.
        let sieve = Sieve { since: Some(1_559_088_000), until: Some(1_559_174_400), asked: None, aliases: false };
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
        for start in ["2019/6/5 9:59:00 0:01:00", "2019/6/1 0:00:00 1:00:00", "2019/5/26 9:00:00 9:00:00"] {
            assert!(passes(&close(start)), "{start}");
        }
        // Inside, near, behind its own end, and none that can be read.
        for start in
            ["2019/5/29 9:00:00 1:00:00", "2019/5/31 9:00:00 1:00:00", "2019/6/5 10:00:01 168:00:00", "2019/6/5"]
        {
            assert!(!passes(&close(start)), "{start}");
        }
        assert!(!passes(&format!("<13>May 26 10:00:00 h t: {}", login("26/May/2019:10:00:00 +0200"))));
    }
}
