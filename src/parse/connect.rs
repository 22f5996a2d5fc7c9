//! When a session connected (R4): the start field of its close line has no offset.

use crate::model::{Instant, Stamp};

/// R4: when a session connected, from its close line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The moment, with the offset by which the start field was read.
    pub stamp: Stamp,
    /// Start field and duration are more than 2 s apart: flag `duration-mismatch`.
    pub mismatch: bool,
}

/// R4: of the line's offset and those an hour or half an hour to either side, the one that brings the start field nearest
/// to `end − duration`; the line's own on a tie, and where they are over 300 s apart. Never later than the end.
#[inline]
pub fn connect(end: Stamp, start: i64, duration: u32) -> Connect {
    let by_duration: Instant = end.at - i64::from(duration);
    let read = |shift: i16| Stamp { at: start - i64::from(end.offset + shift) * 60, offset: end.offset + shift };
    let mut best = read(0);
    // The other readings are half an hour away or more: within a quarter of an hour none of them is nearer.
    if best.at.abs_diff(by_duration) > 900 {
        for shift in [-30, 30, -60, 60] {
            let other = read(shift);
            if other.at.abs_diff(by_duration) < best.at.abs_diff(by_duration) {
                best = other;
            }
        }
    }
    let apart = best.at.abs_diff(by_duration);
    if apart > 300 {
        best = read(0);
    }
    if best.at > end.at {
        best = Stamp { at: by_duration.min(end.at), offset: end.offset };
    }
    Connect { stamp: best, mismatch: apart > 2 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar;

    fn at(text: &str) -> Stamp {
        grammar::stamp(text.as_bytes()).unwrap().1
    }
    fn start(text: &str) -> i64 {
        grammar::start(text.as_bytes()).unwrap().1.local
    }

    #[test]
    fn r4_connect_by_the_lines_own_offset() {
        let got = connect(at("29/May/2019:08:46:17 +0200"), start("2019/5/29 8:39:42"), 395);
        assert_eq!(got, Connect { stamp: at("29/May/2019:08:39:42 +0200"), mismatch: false });
    }

    #[test]
    fn r4_connect_before_the_clocks_went_back() {
        let got = connect(at("27/Oct/2019:03:10:00 +0100"), start("2019/10/27 2:30:00"), 6000);
        assert_eq!(got, Connect { stamp: at("27/Oct/2019:02:30:00 +0200"), mismatch: false });
    }

    #[test]
    fn r4_clocks_that_were_set_by_an_hour_or_half_an_hour() {
        let cases = [
            ("31/Mar/2019:03:10:00 +0200", "2019/3/31 1:30:00", 2400, "31/Mar/2019:01:30:00 +0100"),
            ("06/Oct/2019:02:40:00 +1100", "2019/10/6 1:30:00", 2400, "06/Oct/2019:01:30:00 +1030"),
            ("07/Apr/2019:02:10:00 +1030", "2019/4/7 1:50:00", 3000, "07/Apr/2019:01:50:00 +1100"),
        ];
        for (end, begun, duration, connected) in cases {
            let expected = Connect { stamp: at(connected), mismatch: false };
            assert_eq!(connect(at(end), start(begun), duration), expected, "{end}");
        }
    }

    #[test]
    fn r4_at_the_edges() {
        let end = at("31/Mar/2019:03:10:00 +0200");
        let connected = |duration| connect(end, start("2019/3/31 1:30:00"), duration).stamp;
        assert_eq!(connected(2100), at("31/Mar/2019:01:30:00 +0100"));
        assert_eq!(connected(2099), at("31/Mar/2019:01:30:00 +0200"));
        // As late as the end is not later.
        assert_eq!(connect(end, start("2019/3/31 3:10:00"), 2), Connect { stamp: end, mismatch: false });
    }

    #[test]
    fn r4_mismatches() {
        let end = at("29/May/2019:09:00:00 +0200");
        assert!(!connect(end, start("2019/5/29 8:50:02"), 600).mismatch);
        assert!(connect(end, start("2019/5/29 8:50:03"), 600).mismatch);
        let far = connect(end, start("2019/5/29 8:30:00"), 600);
        assert_eq!(far, Connect { stamp: at("29/May/2019:08:30:00 +0200"), mismatch: true });
        let late = connect(end, start("2019/5/29 9:10:00"), 30);
        assert_eq!(late, Connect { stamp: at("29/May/2019:08:59:30 +0200"), mismatch: true });
    }
}
