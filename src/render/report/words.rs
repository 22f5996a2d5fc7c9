//! Numbers, times and names, as the page writes them.

use maud::{Markup, html};

use crate::model::{Service, Stamp};
use crate::times::{Zone, log_offset, rfc3339_of};

/// A number as people read it: 1,234,567.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 session`, `2 sessions`.
pub(super) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(parts: &[impl AsRef<str>]) -> String {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    match parts.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

/// Bytes in the unit that suits them.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    match UNITS.iter().find(|(_, size)| n >= *size) {
        Some((unit, size)) => format!("{:.1} {unit}", n as f64 / *size as f64),
        None => count(n, "byte", "bytes"),
    }
}

/// A span of time in its two largest units.
pub(super) fn long(seconds: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)];
    let seconds = seconds.max(0);
    let first = UNITS.iter().position(|(_, size)| seconds >= *size).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (unit, size) in UNITS.iter().skip(first).take(2) {
        if rest / size > 0 || parts.is_empty() {
            parts.push(format!("{} {unit}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

/// How times are shown: without their offset, where that is the usual one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    zone: Zone,
    usual: i16,
}

impl Times {
    /// In a zone, with the offset of the report's first moment as the usual one.
    pub(super) fn new(zone: Zone, first: Option<Stamp>) -> Times {
        Times { zone, usual: first.map_or(0, |first| zone.of(first).offset) }
    }

    /// The offset that is not written, as `+0200`.
    pub(super) fn usual(self) -> String {
        log_offset(self.usual)
    }

    /// The same in minutes.
    pub(super) fn usual_minutes(self) -> i16 {
        self.usual
    }

    /// The offset in minutes that is shown with a stamp.
    pub(super) fn offset(self, stamp: Stamp) -> i16 {
        self.zone.of(stamp).offset
    }

    /// `2019-05-29 12:00:00`, with the offset if it is not the usual one.
    pub(super) fn show(self, stamp: Stamp) -> String {
        let shown = self.zone.of(stamp);
        let mut text = rfc3339_of(stamp, self.zone).replacen('T', " ", 1);
        text.truncate("2019-05-29 12:00:00".len());
        if shown.offset != self.usual {
            text.push(' ');
            text.push_str(&log_offset(shown.offset));
        }
        text
    }

    /// `2019-05-29 12:00`, for prose.
    pub(super) fn minute(self, stamp: Stamp) -> String {
        let text = rfc3339_of(stamp, self.zone).replacen('T', " ", 1);
        text.get(..16).unwrap_or(&text).to_owned()
    }

    /// The digits that the clock of the report shows, as seconds since 1970 on it: places on an axis of time.
    pub(super) fn digits(self, stamp: Stamp) -> i64 {
        self.zone.of(stamp).local()
    }

    /// A time as an element, which says the instant to programs.
    pub(super) fn element(self, stamp: Stamp) -> Markup {
        html! { time datetime=(rfc3339_of(stamp, self.zone)) { (self.show(stamp)) } }
    }
}

/// The name of a service, as people write it.
pub(super) fn service(service: Service) -> &'static str {
    match service {
        Service::Imap => "IMAP",
        Service::Http => "HTTP",
        Service::Pop => "POP",
    }
}

/// A name out of a log, or a word for one that is empty.
pub(super) fn name(text: &str, empty: &'static str) -> Markup {
    html! { @if text.is_empty() { span.none { (empty) } } @else { (text) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(count(1, "byte", "bytes"), "1 byte");
        assert_eq!([12, 1500, 2_340_000_000].map(bytes), ["12 bytes", "1.5 kB", "2.3 GB"]);
        assert_eq!([0, 59, 60, 3601, 90_000, 86_400 * 9].map(long), ["0 s", "59 s", "1 min", "1 h", "1 d 1 h", "9 d"]);
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&[""; 0]), "");
    }

    #[test]
    fn times_with_another_offset_say_so() {
        let at = |offset| Stamp { at: 1_559_124_000, offset };
        let times = Times::new(Zone::Log, Some(at(120)));
        assert_eq!(times.usual(), "+0200");
        assert_eq!(times.show(at(120)), "2019-05-29 12:00:00");
        assert_eq!(times.show(at(60)), "2019-05-29 11:00:00 +0100");
        assert_eq!(times.minute(at(120)), "2019-05-29 12:00");
        assert_eq!(Times::new(Zone::Log, Some(at(-210))).usual(), "-0330");
        assert_eq!(Times::new(Zone::Utc, None).show(at(120)), "2019-05-29 10:00:00");
    }
}
