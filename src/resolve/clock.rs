//! The clock of a stream: which offset its lines showed when.

use crate::model::{Instant, Stamp};
use crate::trail::StreamHours;

/// In seconds.
const DAY: Instant = 86_400;

/// A stretch in which the lines had one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    first: Instant,
    last: Instant,
    offset: i16,
}

/// The offsets of a stream's lines, in time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    stretches: Vec<Stretch>,
}

/// Why digits are no single instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// The clock went back: it showed, or may have shown, these digits twice.
    Twice(Stamp, Stamp),
    /// The clock went forward: it never showed them. The moment after them that it did show.
    Never(Stamp),
    /// The stream has no line.
    Empty,
}

impl Clock {
    /// From the hours of a stream.
    pub fn new(hours: &StreamHours) -> Clock {
        let mut cells: Vec<Stretch> = hours
            .cells
            .iter()
            .map(|((_, offset), cell)| Stretch { first: cell.first, last: cell.last, offset: *offset })
            .collect();
        cells.sort_by_key(|s| (s.first, s.last, s.offset));
        let mut stretches: Vec<Stretch> = Vec::new();
        for cell in cells {
            match stretches.last_mut() {
                Some(last) if last.offset == cell.offset => last.last = last.last.max(cell.last),
                _ => stretches.push(cell),
            }
        }
        Clock { stretches }
    }

    /// The instant at which the stream's own lines show these digits.
    ///
    /// # Errors
    /// Where the clock showed them twice or never, or there is no line.
    pub fn instant(&self, local: i64) -> Result<Stamp, ClockError> {
        let mut shown = self.shown(local);
        match (shown.next(), shown.next()) {
            (Some(only), None) => Ok(only),
            (Some(a), Some(b)) => Err(ClockError::Twice(a.min(b), a.max(b))),
            (None, _) => Err(self.never(local)),
        }
    }

    /// The instants at which the clock may have shown these digits, those of the higher offsets first.
    fn shown(&self, local: i64) -> impl Iterator<Item = Stamp> {
        let mut offsets: Vec<i16> = self.stretches.iter().map(|s| s.offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        let stamp = move |offset: i16| Stamp { at: local - i64::from(offset) * 60, offset };
        offsets.into_iter().rev().map(stamp).filter(|s| self.may_show(*s))
    }

    /// Whether the lines on either side of a stamp allow its offset.
    fn may_show(&self, stamp: Stamp) -> bool {
        let inside = self.stretches.iter().filter(|s| s.first <= stamp.at && stamp.at <= s.last);
        let mut inside = inside.peekable();
        if inside.peek().is_some() {
            return inside.any(|s| s.offset == stamp.offset);
        }
        let before = self.stretches.iter().filter(|s| s.last < stamp.at).max_by_key(|s| s.last);
        let after = self.stretches.iter().filter(|s| s.first > stamp.at).min_by_key(|s| s.first);
        before.is_some_and(|s| s.offset == stamp.offset) || after.is_some_and(|s| s.offset == stamp.offset)
    }

    fn never(&self, local: i64) -> ClockError {
        let later = self.stretches.iter().find(|s| s.first + i64::from(s.offset) * 60 > local);
        match later.or(self.stretches.last()) {
            Some(s) => ClockError::Never(Stamp { at: s.first, offset: s.offset }),
            None => ClockError::Empty,
        }
    }

    /// Whether the stream's clock showed the digits of this stamp a second time, with another offset, and lines within a day of either
    /// have that offset. (Of a change that nobody wrote near to, nothing is known.)
    pub fn is_repeated(&self, stamp: Stamp) -> bool {
        let within_a_day =
            |at: Instant, s: &Stretch| s.first.saturating_sub(DAY) <= at && at <= s.last.saturating_add(DAY);
        let is_near =
            |shown: &Stamp| self.stretches.iter().any(|s| s.offset == shown.offset && within_a_day(shown.at, s));
        self.stretches.len() > 1 && self.shown(stamp.local()).filter(is_near).count() > 1
    }

    /// The lowest and the highest offset, in minutes.
    pub fn offsets(&self) -> Option<(i16, i16)> {
        let offsets = self.stretches.iter().map(|s| s.offset);
        Some((offsets.clone().min()?, offsets.max()?))
    }

    /// The offset that the stream's lines had at an instant, or nearest to it.
    pub fn offset_at(&self, at: Instant) -> i16 {
        let distance = |s: &&Stretch| {
            if at < s.first {
                s.first.abs_diff(at)
            } else if at > s.last {
                at.abs_diff(s.last)
            } else {
                0
            }
        };
        self.stretches.iter().min_by_key(distance).map_or(0, |s| s.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(lines: &[(i64, i16)]) -> Clock {
        let stretches = lines.iter().map(|(at, offset)| Stretch { first: *at, last: *at, offset: *offset });
        let mut clock = Clock::default();
        for s in stretches {
            match clock.stretches.last_mut() {
                Some(last) if last.offset == s.offset => last.last = s.last,
                _ => clock.stretches.push(s),
            }
        }
        clock
    }

    #[test]
    fn one_offset() {
        let clock = clock(&[(0, 120), (10_000, 120)]);
        assert_eq!(clock.instant(7200 + 5), Ok(Stamp { at: 5, offset: 120 }));
        assert_eq!(clock.instant(7200 - 500), Ok(Stamp { at: -500, offset: 120 }));
    }

    #[test]
    fn a_change_that_nobody_wrote_near_to() {
        // From +2 h to +1 h, somewhere between the lines.
        let day = |behind: i64| clock(&[(0, 120), (behind, 60)]).is_repeated(Stamp { at: 0, offset: 120 });
        assert!(day(3600 + 86_400));
        assert!(!day(3600 + 86_401));
    }

    #[test]
    fn an_hour_twice_and_an_hour_never() {
        // Back from +2 h to +1 h at 3600 UTC; lines every 10 minutes.
        let back: Vec<(i64, i16)> = (0..14).map(|i| (i * 600, if i < 6 { 120 } else { 60 })).collect();
        let twice = clock(&back).instant(9000);
        assert_eq!(twice, Err(ClockError::Twice(Stamp { at: 1800, offset: 120 }, Stamp { at: 5400, offset: 60 })));
        assert_eq!(clock(&back).instant(11_400), Ok(Stamp { at: 7800, offset: 60 }));
        let ahead: Vec<(i64, i16)> = (0..14).map(|i| (i * 600, if i < 6 { 60 } else { 120 })).collect();
        assert!(matches!(clock(&ahead).instant(8700), Err(ClockError::Never(_))));
        assert_eq!(clock(&ahead).instant(10_900), Ok(Stamp { at: 3700, offset: 120 }));
    }
}
