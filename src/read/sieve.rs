//! Sieve: lines that cannot bear on the window of `-a`, passed over by their dates.
//!
//! Nothing but a line itself tells when it was written, so every text is read; but of most lines the date is enough. A line from
//! before the window tells only of moments before it. A line from behind it tells of earlier ones if it is a close, by its start.

use std::collections::BTreeSet;

use crate::chunk::Lines;
use crate::fold::{Moment, Window};
use crate::grammar;

/// More than any offset, and any shift of a start field (R4), in seconds: so far a clock's digits are from its instants at most.
const DAY: i64 = 86_400;

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

/// The window, as far as dates can be held against it.
#[derive(Clone, Copy, Debug)]
pub struct Sieve {
    since: Option<i64>,
    until: Option<i64>,
}

/// The text of a date, and that of an offset; what they mean, and where the day begins on the clock.
type Known = ([u8; 11], [u8; 5], When, i64);

impl Sieve {
    /// For a window; none if it is open on both sides.
    pub fn new(window: &Window) -> Option<Sieve> {
        let value = |moment: Moment| match moment {
            Moment::Instant(at) => at,
            Moment::Local(digits) => digits,
        };
        let sieve = Sieve { since: window.since.map(value), until: window.until.map(value) };
        (sieve.since.is_some() || sieve.until.is_some()).then_some(sieve)
    }

    /// Parts the lines of a block. The offsets of those that are passed over go to `offsets`.
    pub(super) fn sift<'a>(&self, block: &'a [u8], offsets: &mut BTreeSet<i16>, out: &mut dyn FnMut(Sifted<'a>)) {
        let mut known: Option<Known> = None;
        let (mut read, mut passed) = (0..0, (0, 0));
        for (start, line, bytes) in Lines::new(block) {
            let from = usize::try_from(start).unwrap_or(block.len());
            let to = from + usize::try_from(bytes).unwrap_or(0);
            if self.passes_over(line, &mut known, offsets) {
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

    /// Whether a line cannot bear on the window. What does not begin with a native stamp is read.
    #[inline]
    fn passes_over(&self, line: &[u8], known: &mut Option<Known>, offsets: &mut BTreeSet<i16>) -> bool {
        let skip = usize::from(line.first() == Some(&b'['));
        let Some(text) = line.get(skip..).and_then(|rest| rest.first_chunk::<26>()) else { return false };
        let [date @ .., _, _, _, _, _, _, _, _, _, _, o1, o2, o3, o4, o5] = text;
        let offset = [*o1, *o2, *o3, *o4, *o5];
        let (when, day) = match known {
            Some((d, o, when, day)) if d == date && *o == offset => (*when, *day),
            _ => {
                let Ok((_, stamp)) = grammar::stamp(text) else { return false };
                let day = stamp.local().div_euclid(DAY) * DAY;
                let when = self.when(day);
                *known = Some((*date, offset, when, day));
                if when != When::Around {
                    offsets.insert(stamp.offset);
                }
                (when, day)
            }
        };
        match when {
            When::Before => true,
            When::Around => false,
            When::Behind => self.tells_of_nothing_inside(line, day + clock(text)),
        }
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
        let sieve = Sieve { since: Some(1_559_088_000), until: Some(1_559_174_400) };
        let passes = |line: &str| sieve.passes_over(line.as_bytes(), &mut None, &mut BTreeSet::new());
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
