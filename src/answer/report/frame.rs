//! The frame: which days, hours and buckets of time a report counts in.

use super::{Connected, Day, Days, Slot, Strip};
use crate::fold::{Moment, Window};
use crate::model::{DAY, Instant, Service, Stamp};
use crate::resolve::Resolved;
use crate::times::{Zone, rfc3339_of};
use crate::trail::{StreamHours, hour};

/// At most so many days, or spans of days, are shown.
const DAYS: i64 = 1000;
/// At most so many buckets of connected users.
const BUCKETS: i64 = 1000;
/// At most so many columns of a stream's lines.
const COLUMNS: i64 = 300;
/// How wide buckets are, in seconds: the first that is wide enough, or so many whole days.
const WIDTHS: [i64; 12] = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200];
/// The weekday of 1970-01-01, a Thursday, where Monday is 0.
const THURSDAY: i64 = 3;

/// Which days and buckets there are: those of the streams' coverage that lie within the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) zone: Zone,
    /// The first and the last moment.
    pub(super) from: Stamp,
    pub(super) to: Stamp,
    first_day: i64,
    day_width: i64,
    days: usize,
    first_bucket: Instant,
    bucket_width: i64,
    buckets: usize,
}

/// Where a moment falls, by the clock of the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) hour_of_week: usize,
    pub(super) hour_of_day: usize,
    /// `None` for a moment outside of the frame.
    pub(super) day: Option<usize>,
}

/// A bound of a window as an instant of a stream.
fn instant(moment: Moment, stream: &Resolved) -> Instant {
    match moment {
        Moment::Instant(at) => at,
        Moment::Local(digits) => match stream.clock.instant(digits) {
            Ok(stamp) => stamp.at,
            Err(_) => digits - i64::from(stream.clock.offset_at(digits)) * 60,
        },
    }
}

/// The part of a stream's coverage that lies within a window.
fn covered(stream: &Resolved, window: &Window) -> Option<(Stamp, Stamp)> {
    let within = |at: Instant| Stamp { at, offset: stream.clock.offset_at(at) };
    let since = window.since.map_or(stream.first.at, |since| instant(since, stream));
    let until = window.until.map_or(stream.last.at, |until| instant(until, stream) - 1);
    let from = if since > stream.first.at { within(since) } else { stream.first };
    let to = if until < stream.last.at { within(until) } else { stream.last };
    (from.at <= to.at).then_some((from, to))
}

impl Frame {
    /// Of some streams, as far as they lie within the window, and of the span of the refusals, which lies there. Of all that the streams
    /// cover, if nothing does. `None` where there is nothing.
    pub(super) fn of(
        streams: &[&Resolved],
        window: &Window,
        refusals: Option<(Stamp, Stamp)>,
        zone: Zone,
    ) -> Option<Frame> {
        let of_window = |window: &Window| {
            let spans = || streams.iter().filter_map(|stream| covered(stream, window)).chain(refusals);
            let from = spans().map(|(from, _)| from).min_by_key(|from| (from.at, from.offset))?;
            let to = spans().map(|(_, to)| to).max_by_key(|to| (to.at, to.offset))?;
            Some(Frame::between(from, to, zone))
        };
        of_window(window).or_else(|| of_window(&Window::default()))
    }

    /// From one moment to another.
    pub(super) fn between(from: Stamp, to: Stamp, zone: Zone) -> Frame {
        let day = |stamp: Stamp| zone.of(stamp).local().div_euclid(DAY);
        let (first_day, last_day) = (day(from), day(to).max(day(from)));
        let day_width = (last_day - first_day) / DAYS + 1;
        let length = to.at - from.at;
        // One more than its length in buckets, since it begins within one.
        let is_wide = |width: &i64| length / width + 2 <= BUCKETS;
        let whole_days = DAY * (length / DAY / (BUCKETS - 2) + 1);
        let bucket_width = WIDTHS.into_iter().find(is_wide).unwrap_or(whole_days);
        let first_bucket = from.at - zone.of(from).local().rem_euclid(bucket_width);
        Frame {
            zone,
            from,
            to,
            first_day,
            day_width,
            days: usize::try_from((last_day - first_day) / day_width + 1).unwrap_or(1),
            first_bucket,
            bucket_width,
            buckets: usize::try_from((to.at - first_bucket) / bucket_width + 1).unwrap_or(1),
        }
    }

    /// How many days, or spans of days, there are.
    pub(super) fn days(&self) -> usize {
        self.days
    }

    /// How many buckets there are.
    pub(super) fn buckets(&self) -> usize {
        self.buckets
    }

    /// Where a moment falls.
    pub(super) fn place(&self, stamp: Stamp) -> Place {
        let local = self.zone.of(stamp).local();
        let (day, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (weekday, hour) = ((day + THURSDAY).rem_euclid(7), second / 3600);
        Place {
            hour_of_week: usize::try_from(weekday * 24 + hour).unwrap_or(0),
            hour_of_day: usize::try_from(hour).unwrap_or(0),
            day: self.day(day),
        }
    }

    /// The slot of a day, by its number since 1970-01-01.
    fn day(&self, day: i64) -> Option<usize> {
        let slot = usize::try_from((day - self.first_day).div_euclid(self.day_width)).ok();
        slot.filter(|slot| *slot < self.days)
    }

    /// The buckets that a span touches, first and last.
    pub(super) fn touched(&self, from: Instant, to: Instant) -> Option<(usize, usize)> {
        let bucket = |at: Instant| at.saturating_sub(self.first_bucket).div_euclid(self.bucket_width);
        let last = i64::try_from(self.buckets).unwrap_or(i64::MAX) - 1;
        let (from, to) = (bucket(from), bucket(to.max(from)));
        if to < 0 || from > last {
            return None;
        }
        Some((usize::try_from(from.max(0)).ok()?, usize::try_from(to.min(last)).ok()?))
    }

    /// The days that some instants with offsets touch, first and last slot; nothing outside of the frame.
    fn touched_days(&self, from: Stamp, to: Stamp) -> std::ops::Range<usize> {
        let slot = |stamp: Stamp| {
            let day = self.zone.of(stamp).local().div_euclid(DAY);
            (day - self.first_day).div_euclid(self.day_width)
        };
        let (from, to) = (slot(from).max(0), slot(to).min(i64::try_from(self.days).unwrap_or(0) - 1));
        if from > to {
            return 0..0;
        }
        usize::try_from(from).unwrap_or(0)..usize::try_from(to).unwrap_or(0) + 1
    }

    /// The days, with what happened in each.
    pub(super) fn days_of(&self, slots: &[Slot], failures: Vec<Vec<u64>>, streams: &[&Resolved]) -> Days {
        let day = |(number, slot): (i64, &Slot)| {
            let day = self.first_day + number * self.day_width;
            let text = rfc3339_of(Stamp { at: day.saturating_mul(DAY), offset: 0 }, Zone::Log);
            Day {
                date: text.get(..10).unwrap_or_default().to_owned(),
                weekday: u8::try_from((day + THURSDAY).rem_euclid(7)).unwrap_or(0),
                slot: *slot,
                failures: Vec::new(),
                covered: false,
                has_gap: false,
            }
        };
        let mut shown: Vec<Day> = (0..).zip(slots).map(day).collect();
        shown.iter_mut().zip(failures).for_each(|(day, failures)| day.failures = failures);
        for stream in streams {
            let stamp = |at: Instant| Stamp { at, offset: stream.clock.offset_at(at) };
            let covered = self.touched_days(stream.first, stream.last);
            shown.get_mut(covered).into_iter().flatten().for_each(|day| day.covered = true);
            let gaps = stream.gaps.iter().map(|gap| (gap.from, gap.to));
            for (from, to) in gaps.chain(stream.silences.iter().map(|silence| (silence.from, silence.to))) {
                let lacking = self.touched_days(stamp(from), stamp(to));
                shown.get_mut(lacking).into_iter().flatten().for_each(|day| day.has_gap = true);
            }
        }
        Days { width: u32::try_from(self.day_width).unwrap_or(u32::MAX), shown, outside: 0 }
    }

    /// Users connected, from their numbers by bucket: those with a session that was closed, and all of them.
    pub(super) fn connected(&self, certain: &[u64], all: &[u64]) -> Connected {
        let bucket = |(certain, all): (&u64, &u64)| super::Bucket { certain: *certain, possible: all - certain };
        Connected {
            from: self.zone.of(Stamp { at: self.first_bucket, ..self.from }),
            width: self.bucket_width,
            buckets: certain.iter().zip(all).map(bucket).collect(),
        }
    }

    /// The lines of a stream over time.
    pub(super) fn strip(&self, hours: Option<&StreamHours>) -> Strip {
        let (first, last) = (hour(self.from.at), hour(self.to.at));
        let width = (last - first) / COLUMNS + 1;
        let mut lines = vec![0; usize::try_from((last - first) / width + 1).unwrap_or(1)];
        for ((hour, _), cell) in hours.into_iter().flat_map(|hours| hours.cells.range((first, i16::MIN)..)) {
            let column = usize::try_from((hour - first) / width).ok().and_then(|column| lines.get_mut(column));
            column.into_iter().for_each(|column| *column += cell.lines());
        }
        Strip { from: Stamp { at: first * 3600, ..self.from }, width: width * 3600, lines }
    }
}

/// The place of a service in [`Service::ALL`].
pub(super) fn number(service: Service) -> usize {
    Service::ALL.iter().position(|other| *other == service).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(from: Instant, to: Instant) -> Frame {
        let stamp = |at| Stamp { at, offset: 120 };
        Frame::between(stamp(from), stamp(to), Zone::Log)
    }

    #[test]
    fn buckets_and_days_are_bounded_and_hold_all() {
        let begin = 1_559_080_800;
        for length in [0, 1, 59, 60, 3600, 86_399, 86_400, 40 * DAY, 999 * DAY, 3000 * DAY, 400_000 * DAY] {
            for from in [begin, begin + 1, begin - 4000] {
                let frame = frame(from, from + length);
                assert!(frame.buckets() <= 1000 && frame.days() <= 1001, "{frame:?}");
                assert_eq!(frame.touched(from, from + length), Some((0, frame.buckets() - 1)), "{frame:?}");
                assert_eq!(frame.touched(from - 86_400 * 2000, from - frame.bucket_width), None);
                assert_eq!(frame.touched(from + length + frame.bucket_width, i64::MAX), None);
                assert_eq!(frame.place(Stamp { at: from, offset: 120 }).day, Some(0));
                let last = frame.place(Stamp { at: from + length, offset: 120 }).day;
                assert_eq!(last, Some(frame.days() - 1));
            }
        }
    }

    #[test]
    fn places_are_by_the_clock_of_the_zone() {
        // 2019-05-29T00:30:00+02:00, a Wednesday.
        let stamp = Stamp { at: 1_559_082_600, offset: 120 };
        let place = frame(stamp.at, stamp.at).place(stamp);
        assert_eq!(place, Place { hour_of_week: 48, hour_of_day: 0, day: Some(0) });
        let utc = Frame { zone: Zone::Utc, ..frame(stamp.at, stamp.at + DAY) }.place(stamp);
        assert_eq!((utc.hour_of_week, utc.hour_of_day), (24 + 22, 22));
    }
}
