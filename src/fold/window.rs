//! A window of time, by instants or by the digits of each stream's own clock.

use crate::kept::Bounds;
use crate::model::{Instant, Stamp};

/// A bound of a window: an instant, or digits of each stream's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    Instant(Instant),
    /// Seconds since 1970 on the clock of the stream.
    Local(i64),
}

impl Moment {
    /// Whether a stamp is at or after this moment.
    pub fn reached(self, stamp: Stamp) -> bool {
        match self {
            Moment::Instant(at) => stamp.at >= at,
            Moment::Local(digits) => stamp.local() >= digits,
        }
    }
}

/// since ≤ t < until.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The first moment inside.
    pub since: Option<Moment>,
    /// The first moment behind.
    pub until: Option<Moment>,
}

impl Window {
    /// Whether a stamp lies inside.
    #[inline]
    pub fn holds(&self, stamp: Stamp) -> bool {
        self.since.is_none_or(|m| m.reached(stamp)) && self.until.is_none_or(|m| !m.reached(stamp))
    }

    /// The same as far as dates show it, which tell digits and instants only a day apart.
    pub fn bounds(&self) -> Bounds {
        let value = |moment: Moment| match moment {
            Moment::Instant(at) => at,
            Moment::Local(digits) => digits,
        };
        Bounds { since: self.since.map(value), until: self.until.map(value) }
    }

    /// The same, so many seconds wider on either side.
    pub fn widened(&self, by: i64) -> Window {
        let moved = |moment: Moment, by: i64| match moment {
            Moment::Instant(at) => Moment::Instant(at.saturating_add(by)),
            Moment::Local(digits) => Moment::Local(digits.saturating_add(by)),
        };
        Window { since: self.since.map(|m| moved(m, -by)), until: self.until.map(|m| moved(m, by)) }
    }
}
