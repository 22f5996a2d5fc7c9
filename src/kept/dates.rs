//! When the lines of a block were written and what they tell of began, as far as their dates show it: of most blocks that is enough to
//! know that a question about a window needs none of its lines.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::DAY;

/// No connect is further from its start field, if that is not behind its end, in seconds: R4 looks at offsets an hour to either side.
const SHIFT: i64 = 7200;

/// What a clock showed: which offset on which day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shown {
    /// The first eight bytes of the host; zero where hosts may be other stores (`--store-alias`).
    pub host: u64,
    /// The day, counted from 1970, by the clock.
    pub day: i64,
    /// The offset, in minutes.
    pub offset: i16,
}

/// When a session began, by its start field, in seconds since 1970: by the clock, and as an instant with the offset of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    /// By the clock.
    pub local: i64,
    /// As an instant.
    pub at: i64,
}

impl Began {
    /// At these digits of a clock with this offset, in minutes.
    pub fn new(local: i64, offset: i16) -> Began {
        Began { local, at: local.saturating_sub(i64::from(offset) * 60) }
    }
}

/// The dates of some lines, all of which begin with native stamps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dates {
    /// How many lines there are.
    pub lines: u64,
    /// The first and the last day on which they were written, counted from 1970, by their clocks.
    pub days: (i64, i64),
    /// The days on which sessions began, and the offsets of the lines that tell of it; nothing if one says so in no clear way, or to
    /// have begun behind its end.
    pub began: Option<BTreeSet<(i64, i16)>>,
}

/// Where the lines of a day by the clock lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before the window.
    Before,
    /// Inside, or too near to be known.
    Around,
    /// Behind the window.
    Behind,
}

/// A window in seconds since 1970, of instants or of the digits of each line's clock: a line that lies outside of it by both is outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The first moment inside.
    pub since: Option<i64>,
    /// The first moment behind.
    pub until: Option<i64>,
}

impl Bounds {
    /// Where the lines of a day lie, counted from 1970. A clock's digits are less than a day from its instants: any offset is smaller.
    pub fn when(&self, day: i64) -> When {
        let day = day.saturating_mul(DAY);
        if self.since.is_some_and(|since| day.saturating_add(2 * DAY) <= since) {
            When::Before
        } else if self.until.is_some_and(|until| day.saturating_sub(DAY) >= until) {
            When::Behind
        } else {
            When::Around
        }
    }

    /// Whether all that began between these two began outside.
    pub fn are_outside(&self, first: Began, last: Began) -> bool {
        let outside = |first: i64, last: i64| {
            self.since.is_some_and(|since| last.saturating_add(SHIFT) < since)
                || self.until.is_some_and(|until| first.saturating_sub(SHIFT) >= until)
        };
        outside(first.local, last.local) && outside(first.at, last.at)
    }

    /// Whether no line with these dates tells of a login or a logout inside: a line from before the window tells only of moments before
    /// it, and one from behind it of earlier ones only if it is a close.
    pub fn pass_over(&self, dates: &Dates) -> bool {
        let Dates { days: (first, last), began, .. } = dates;
        let are_outside = || began.as_ref().is_some_and(|days| days.iter().all(|day| self.is_outside(*day)));
        self.when(*last) == When::Before || self.when(*first) == When::Behind && are_outside()
    }

    /// Whether all that began on a day, by a clock with this offset, began outside.
    fn is_outside(&self, (day, offset): (i64, i16)) -> bool {
        let at = |second| Began::new(day.saturating_mul(DAY).saturating_add(second), offset);
        self.are_outside(at(0), at(DAY - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 29 May 2019, 00:00 to 24:00 UTC.
    const WINDOW: Bounds = Bounds { since: Some(1_559_088_000), until: Some(1_559_174_400) };
    /// 29 May 2019.
    const TODAY: i64 = 18_045;

    #[test]
    fn r11_days_outside_of_a_window() {
        for (day, when) in [(-2, When::Before), (-1, When::Around), (0, When::Around), (1, When::Around)] {
            assert_eq!(WINDOW.when(TODAY + day), when, "{day}");
        }
        assert_eq!(WINDOW.when(TODAY + 2), When::Behind);
        let open = Bounds { until: None, ..WINDOW };
        assert_eq!(open.when(TODAY + 1000), When::Around);
    }

    #[test]
    fn r4_beginnings_outside_of_a_window() {
        let began = |day: i64, hour: i64| Began::new((TODAY + day) * DAY + hour * 3600, 120);
        let is_outside = |day, hour| WINDOW.are_outside(began(day, hour), began(day, hour));
        // 24:00 UTC is 02:00 by this clock, and both may be meant.
        assert!(is_outside(1, 4) && !is_outside(1, 3) && !is_outside(0, 12));
        assert!(is_outside(-1, 21) && !is_outside(-1, 22));
        // One from before and one from behind have others between them.
        assert!(!WINDOW.are_outside(began(-3, 0), began(3, 0)));
    }

    #[test]
    fn lines_are_passed_over_by_what_each_may_tell() {
        for (days, began, passed) in [
            ((-9, -2), &[][..], true),
            ((-9, -1), &[], false),
            ((-9, 9), &[], false),
            ((2, 9), &[], true),
            ((2, 9), &[(9, 120), (2, 120), (-9, 120), (-2, 0)], true),
            ((2, 9), &[(9, 120), (1, 120)], false),
            // By either it is too near.
            ((2, 9), &[(1, -900)], false),
            ((2, 9), &[(-1, 120)], false),
            ((2, 9), &[(-1, 900)], false),
            // Whatever is said of it, nothing is told before the window of what is inside.
            ((-9, -2), &[(0, 0)], true),
        ] {
            let days = (TODAY + days.0, TODAY + days.1);
            let began = Some(began.iter().map(|(day, offset)| (TODAY + day, *offset)).collect());
            let dates = Dates { lines: 2, days, began };
            assert_eq!(WINDOW.pass_over(&dates), passed, "{dates:?}");
            let unclear = Dates { began: None, ..dates };
            assert_eq!(WINDOW.pass_over(&unclear), days.1 <= TODAY - 2, "{unclear:?}");
        }
    }
}
