//! The clock of a stream: which offset its lines showed when.

use crate::model::{DAY, Instant, Stamp};
use crate::trail::StreamHours;

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
    use crate::trail::{Cell, hour};

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
    /// Lines of a stream, by hours as the trail keeps them.
    fn by_hours(lines: &[(i64, i16)]) -> Clock {
        let mut hours = StreamHours::default();
        for (at, offset) in lines {
            let cell = Cell { first: *at, last: *at, logins: 1, closes: 0, marks: 0 };
            let cell = hours.cells.entry((hour(*at), *offset)).or_insert(cell);
            cell.first = cell.first.min(*at);
            cell.last = cell.last.max(*at);
        }
        Clock::new(&hours)
    }

    const HOUR: i64 = 3600;

    /// Back from +2 h to +1 h: lines to 100 s before the change and from 200 s behind it, which is at 10 h UTC.
    fn back() -> Clock {
        by_hours(&[(HOUR, 120), (5 * HOUR, 120), (10 * HOUR - 100, 120), (10 * HOUR + 200, 60), (20 * HOUR, 60)])
    }

    /// Ahead from +1 h to +2 h, as above.
    fn ahead() -> Clock {
        by_hours(&[(HOUR, 60), (10 * HOUR - 100, 60), (10 * HOUR + 200, 120), (20 * HOUR, 120)])
    }

    fn stamp(at: i64, offset: i16) -> Stamp {
        Stamp { at, offset }
    }

    #[test]
    fn digits_of_a_clock_that_went_back() {
        let clock = back();
        let twice = |digits: i64| ClockError::Twice(stamp(digits - 2 * HOUR, 120), stamp(digits - HOUR, 60));
        // Where it showed 12:00 it showed 11:00 again; in the 300 s without lines either may have been.
        assert_eq!(clock.instant(11 * HOUR - 101), Ok(stamp(9 * HOUR - 101, 120)));
        assert_eq!(clock.instant(11 * HOUR - 100), Ok(stamp(9 * HOUR - 100, 120)), "its last line is still +2 h");
        assert_eq!(clock.instant(11 * HOUR - 99), Err(twice(11 * HOUR - 99)));
        assert_eq!(clock.instant(11 * HOUR + 200), Err(twice(11 * HOUR + 200)));
        assert_eq!(clock.instant(12 * HOUR - 100), Err(twice(12 * HOUR - 100)));
        assert_eq!(clock.instant(12 * HOUR + 199), Err(twice(12 * HOUR + 199)));
        assert_eq!(clock.instant(12 * HOUR + 200), Ok(stamp(11 * HOUR + 200, 60)));
        // Outside of its lines it shows what the nearest of them do.
        assert_eq!(clock.instant(0), Ok(stamp(-2 * HOUR, 120)));
        assert_eq!(clock.instant(30 * HOUR), Ok(stamp(29 * HOUR, 60)));
        assert!(clock.is_repeated(stamp(9 * HOUR + 500, 120)));
        assert!(clock.is_repeated(stamp(10 * HOUR + 500, 60)));
        assert!(!clock.is_repeated(stamp(8 * HOUR, 120)));
        assert!(!clock.is_repeated(stamp(12 * HOUR, 60)));
    }

    #[test]
    fn digits_of_a_clock_that_went_ahead() {
        let clock = ahead();
        // It showed 11:00 and then 12:00; in the 300 s without lines it may have been either.
        let never = Err(ClockError::Never(stamp(10 * HOUR + 200, 120)));
        assert_eq!(clock.instant(11 * HOUR - 100), Ok(stamp(10 * HOUR - 100, 60)));
        assert_eq!(clock.instant(11 * HOUR + 199), Ok(stamp(10 * HOUR + 199, 60)));
        assert_eq!(clock.instant(11 * HOUR + 200), never);
        assert_eq!(clock.instant(12 * HOUR - 100), never);
        assert_eq!(clock.instant(12 * HOUR - 99), Ok(stamp(10 * HOUR - 99, 120)));
        assert_eq!(clock.instant(12 * HOUR + 200), Ok(stamp(10 * HOUR + 200, 120)));
        assert!(!clock.is_repeated(stamp(10 * HOUR - 200, 60)));
        assert_eq!(Clock::default().instant(0), Err(ClockError::Empty));
        // Of two such leaps each tells the moment behind it.
        let clock =
            by_hours(&[(HOUR, 60), (10 * HOUR - 1, 60), (10 * HOUR, 120), (20 * HOUR - 1, 120), (20 * HOUR, 180)]);
        let never = |at, offset| Err(ClockError::Never(stamp(at, offset)));
        assert_eq!(clock.instant(11 * HOUR + 100), never(10 * HOUR, 120));
        assert_eq!(clock.instant(22 * HOUR + 100), never(20 * HOUR, 180));
    }

    #[test]
    fn three_offsets() {
        // A year: +1 h, +2 h, +1 h. Offsets that never were nearby are no candidates.
        let day = 86_400;
        let clock = by_hours(&[(0, 60), (90 * day, 60), (91 * day, 120), (300 * day, 120), (301 * day, 60)]);
        assert_eq!(clock.offsets(), Some((60, 120)));
        assert_eq!(clock.instant(30 * day), Ok(stamp(30 * day - HOUR, 60)));
        assert_eq!(clock.instant(200 * day), Ok(stamp(200 * day - 2 * HOUR, 120)));
        assert_eq!(clock.instant(400 * day), Ok(stamp(400 * day - HOUR, 60)));
        assert_eq!(by_hours(&[(0, -300), (day, -240)]).offsets(), Some((-300, -240)));
        assert_eq!(Clock::default().offsets(), None);
    }

    #[test]
    fn the_offset_at_an_instant_is_that_of_the_nearest_lines() {
        let clock = back();
        assert_eq!([0, HOUR, 6 * HOUR, 10 * HOUR - 100].map(|at| clock.offset_at(at)), [120; 4]);
        assert_eq!([10 * HOUR + 200, 15 * HOUR, 30 * HOUR].map(|at| clock.offset_at(at)), [60; 3]);
        // Between the two: 100 s before the change and 200 s behind it lie the nearest.
        assert_eq!(clock.offset_at(10 * HOUR + 49), 120);
        assert_eq!(clock.offset_at(10 * HOUR + 51), 60);
        assert_eq!(Clock::default().offset_at(0), 0);
    }
}
