//! Parse: one line in, what it says out.
//!
//! The reader remembers what neighbouring lines share (the stamp's text, the origin's text), so that the grammar
//! reads each of them once; everything that it returns is a function of the line and of the file's [`Years`] alone.

mod connect;
mod known;
mod markup;
mod openings;
mod origins;

use serde::{Deserialize, Serialize};

pub use self::connect::{Connect, connect};
use self::known::Known;
use self::openings::{Opening, Openings};
use self::origins::Origins;
use crate::grammar::{
    self, Basis, Day, Envelope, Fields, Grammars, Kind, Meaning, Ordinary, Origin, Prefix, Process, SyslogDate,
};
use crate::model::{Service, Stamp};
use crate::streams::{StreamId, Streams};

/// A line longer than this is a reject (R1), in bytes.
pub const LONGEST_LINE: usize = 64 * 1024;

/// Why a line is a reject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// No stamp, host, process, category and level as every line has them.
    NoEnvelope,
    /// `login `, `close ` or `badlogin: ` whose fields do not fit.
    Unfit,
    /// A refused login without a known reason: perhaps its user name holds a line break.
    BreaksOff,
    /// Over 64 KiB.
    TooLong,
    /// Only syslog's date, and no year to be had.
    NoYear,
    /// XML that is not well formed, or an entry that says too little.
    Markup,
}

impl Why {
    /// For notes: what is wrong with the line.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::NoEnvelope => "no envelope (date, host, process, category and level)",
            Why::Unfit => "a login, close or badlogin whose fields do not fit",
            Why::BreaksOff => "a badlogin without a known reason at its end (teach it by --grammar)",
            Why::TooLong => "longer than 64 KiB",
            Why::NoYear => "a syslog date without a year (give --year)",
            Why::Markup => "XML that is not well formed, or an entry without its time, process, pid or store",
        }
    }
}

/// Where the year of a syslog date comes from, for one file.
#[derive(Clone, Debug, Default)]
pub struct Years {
    /// `--year`.
    pub given: Option<u32>,
    /// Dated moments: byte offset in the decoded text, and the stamp. In order of the offsets.
    pub anchors: Vec<(u64, Stamp)>,
}

impl Years {
    /// Gives a date without year the year that brings it nearest to the nearest anchor, and that anchor's offset;
    /// with a given year, only the offset is the anchor's (UTC without one).
    fn resolve(&self, month: u32, day: u32, second: u32, place: u64) -> Option<Stamp> {
        let nearest = self.anchors.iter().min_by_key(|(at, _)| at.abs_diff(place)).map(|(_, stamp)| *stamp);
        let offset = nearest.map_or(0, |s| s.offset);
        let instant = |year: u32| {
            let local = grammar::days(year, month, day)? * 86_400 + i64::from(second);
            Some(Stamp { at: local - i64::from(offset) * 60, offset })
        };
        if let Some(year) = self.given {
            return instant(year);
        }
        let anchor = nearest?;
        let around = u32::try_from(1970 + anchor.local().div_euclid(31_556_952)).ok()?;
        (around.saturating_sub(1)..=around + 1).filter_map(instant).min_by_key(|s| s.at.abs_diff(anchor.at))
    }
}

/// An origin that belongs to an access service, numbered in the order in which this reader met them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The reader's own number for it.
    pub number: u32,
    /// The stream that its lines belong to.
    pub stream: StreamId,
    /// The process number.
    pub pid: u32,
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::large_enum_variant, reason = "lines are read one at a time, and never kept")]
pub enum Line<'a> {
    /// A template names it.
    Event(Event<'a>),
    /// A good envelope around a message that no template names.
    Unknown(Stamp, Option<Source>, &'a [u8]),
    /// What stands around the entries of an XML log, such as its declaration.
    Around,
    /// No line of ours.
    Reject(Why),
}

/// A line whose message a template names.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// When it was written.
    pub stamp: Stamp,
    /// By whom, if by an access service.
    pub source: Option<Source>,
    /// What it means.
    pub kind: Kind,
    /// Whether the template is a guess.
    pub inferred: bool,
    /// What its holes hold.
    pub fields: Fields<'a>,
    /// Whether its date was completed from elsewhere.
    pub undated: bool,
    /// The whole message.
    pub message: &'a [u8],
}

/// How an ordinary login or close line begins.
#[derive(Clone, Copy, Debug)]
pub struct Beginning<'a> {
    stamp: Stamp,
    opening: Opening,
    /// Its message, and what stands behind the line.
    text: &'a [u8],
    /// The bytes before the message.
    bytes: usize,
}

impl Beginning<'_> {
    /// Whether the line is a close.
    #[inline(always)]
    pub fn is_close(&self) -> bool {
        self.opening.usual.is_close()
    }
}

/// An ordinary login or close line of an access service.
#[derive(Clone, Copy, Debug)]
pub struct OrdinaryLine<'a> {
    /// When it was written.
    pub stamp: Stamp,
    /// By whom.
    pub source: Source,
    /// Whether the template is a guess.
    pub inferred: bool,
    /// Its message.
    pub message: Ordinary<'a>,
    /// Its bytes, with the end of the line.
    pub bytes: usize,
}

impl<'a> OrdinaryLine<'a> {
    /// The same as [`Reader::read`] gives it.
    pub fn event(&self) -> Event<'a> {
        let OrdinaryLine { stamp, source, inferred, message, .. } = *self;
        let kind = if message.closing.is_some() { Kind::Close } else { Kind::Login };
        let (fields, message) = (message.fields(), message.message);
        Event { stamp, source: Some(source), kind, inferred, fields, undated: false, message }
    }
}

impl<'a> Event<'a> {
    /// The bytes of the message behind the user: they order closes of one moment (R5).
    pub fn behind(&self, user: &[u8]) -> &'a [u8] {
        let end = user.as_ptr_range().end.addr();
        let from = end.wrapping_sub(self.message.as_ptr().addr());
        self.message.get(from..).unwrap_or(self.message)
    }
}

/// How names in lines become names in answers.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// `--store-alias OLD=NEW` (R1).
    pub store_aliases: Vec<(Vec<u8>, Vec<u8>)>,
    /// `--default-domain` (R2), in lower case, with its `@`.
    pub default_domain: Vec<u8>,
}

impl Names {
    /// The store of a host word.
    pub fn store<'a>(&'a self, host: &'a [u8]) -> &'a [u8] {
        self.store_aliases.iter().find(|(old, _)| old == host).map_or(host, |(_, new)| new)
    }

    /// The user of a uid (R2): ASCII lower case, without the default domain. Borrowed where nothing changes.
    #[inline(always)]
    pub fn user<'a>(&self, uid: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        self.bare(if grammar::has_capitals(uid) { lower_case(uid, scratch) } else { uid })
    }

    /// The user of a uid without capital letters (R2).
    #[inline(always)]
    pub fn bare<'a>(&self, uid: &'a [u8]) -> &'a [u8] {
        match self.default_domain.as_slice() {
            [] => uid,
            domain => uid.strip_suffix(domain).filter(|bare| !bare.is_empty()).unwrap_or(uid),
        }
    }
}

#[cold]
fn lower_case<'a>(uid: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    scratch.extend(uid.iter().map(u8::to_ascii_lowercase));
    scratch
}

/// Reads lines. One per worker; cheap to keep, warm for neighbouring lines.
#[derive(Debug)]
pub struct Reader<'g> {
    grammars: &'g Grammars,
    knows_xml: bool,
    /// The text of the last stamp, with what stands around it, and what it says.
    head: Known<2>,
    stamp: Stamp,
    origins: Origins<'g>,
    openings: Openings,
    /// The day of the start field read last.
    day: Day,
}

impl<'g> Reader<'g> {
    /// A reader that has seen nothing.
    pub fn new(grammars: &'g Grammars, names: &'g Names, streams: &'g Streams) -> Reader<'g> {
        Reader {
            grammars,
            knows_xml: grammars.knows_xml(),
            head: Known::nothing(),
            stamp: Stamp::default(),
            origins: Origins::new(grammars, names, streams),
            openings: Openings::default(),
            day: Day::default(),
        }
    }

    /// The ordinary login or close line of an access service with which a text begins, whose lines end in newlines, if enough
    /// stands behind it to read it the quick way: as [`Reader::read`], which takes any line. So far it is known by its beginning.
    #[inline(always)]
    pub fn beginning<'a>(&mut self, whole: &'a [u8]) -> Option<Beginning<'a>> {
        let (stamp, rest) = self.native_head(whole)?;
        let opening = self.openings.of(rest, &mut self.origins, self.grammars)?;
        let text = rest.get(opening.message..)?;
        Some(Beginning { stamp, opening, text, bytes: whole.len() - text.len() })
    }

    /// The whole of it. `IS_CLOSE` is what [`Beginning::is_close`] says.
    #[inline(always)]
    pub fn whole<'a, const IS_CLOSE: bool>(&mut self, begins: &Beginning<'a>) -> Option<OrdinaryLine<'a>> {
        let Beginning { stamp, opening: Opening { source, inferred, usual, .. }, text, bytes } = *begins;
        let message = usual.read::<IS_CLOSE>(text, &mut self.day)?;
        Some(OrdinaryLine { stamp, source, inferred, message, bytes: bytes + message.bytes })
    }

    /// Both at once, for whoever takes logins and closes alike.
    pub fn ordinary<'a>(&mut self, text: &'a [u8]) -> Option<OrdinaryLine<'a>> {
        let begins = self.beginning(text)?;
        if begins.is_close() { self.whole::<true>(&begins) } else { self.whole::<false>(&begins) }
    }

    /// Where among whole lines refused logins stand that break off, and may be followed by forged lines; the text is at this place.
    pub fn breaking_off(&mut self, text: &[u8], place: u64, years: &Years) -> impl Iterator<Item = u64> {
        let refused = memchr::memmem::Finder::new(b"badlogin: [");
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = from + refused.find(text.get(from..)?)?;
            let line = memchr::memrchr(b'\n', text.get(from..found)?).map_or(from, |newline| from + newline + 1);
            let end = memchr::memchr(b'\n', text.get(found..)?).map_or(text.len(), |newline| found + newline);
            // A line is read once, however often it says so.
            from = end + 1;
            let at = place + line as u64;
            let read = self.read(text.get(line..end)?, years, at);
            Some(matches!(read, Line::Reject(Why::BreaksOff)).then_some(at))
        })
        .flatten()
    }

    /// The service before which the multiplexor stands that wrote the line read last, if it was one.
    pub fn multiplexed(&self) -> Option<Service> {
        self.origins.multiplexed()
    }

    /// Whether a text ends in a reason of a refusal.
    pub fn ends_in_reason(&self, text: &[u8]) -> bool {
        self.grammars.ends_in_reason(text)
    }

    /// What a line says. It has no newline; `place` is its offset in the decoded text.
    #[inline(never)]
    pub fn read<'a>(&mut self, line: &'a [u8], years: &Years, place: u64) -> Line<'a> {
        if line.len() > LONGEST_LINE {
            return Line::Reject(Why::TooLong);
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some((stamp, rest)) = self.native_head(line) {
            let read =
                self.origins.read(rest).and_then(|(source, process, rest)| Some((source, process, behind_head(rest)?)));
            return match read {
                Some((source, process, message)) => self.message((stamp, false), source, process, message),
                None => Line::Reject(Why::NoEnvelope),
            };
        }
        self.behind_syslog(line, years, place)
    }

    /// `native-head`, read by the grammar only where its text is not the line before's.
    #[inline(always)]
    fn native_head<'a>(&mut self, text: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        match self.head.behind(text) {
            Some(rest) => Some((self.stamp, rest)),
            None => self.other_head(text),
        }
    }

    /// The same of another one, which is kept.
    #[inline(never)]
    fn other_head<'a>(&mut self, text: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        let (rest, stamp) = grammar::native_head(text).ok()?;
        self.head = Known::of(text.get(..text.len() - rest.len())?);
        self.stamp = stamp;
        Some((stamp, rest))
    }

    /// What the message of a line says.
    fn message<'a>(
        &self,
        (stamp, undated): (Stamp, bool),
        source: Option<Source>,
        process: Process,
        message: &'a [u8],
    ) -> Line<'a> {
        match self.grammars.read(process, message) {
            Some((Meaning { kind, basis }, fields)) => {
                Line::Event(Event { stamp, source, kind, inferred: basis == Basis::Inferred, fields, undated, message })
            }
            None if self.grammars.must_fit(message) => {
                let breaks_off = self.grammars.breaks_off(process, message);
                Line::Reject(if breaks_off { Why::BreaksOff } else { Why::Unfit })
            }
            None => Line::Unknown(stamp, source, message),
        }
    }

    /// A line that does not begin as a native one: perhaps a syslog prefix stands before it, or in its place.
    #[inline(never)]
    fn behind_syslog<'a>(&mut self, line: &'a [u8], years: &Years, place: u64) -> Line<'a> {
        let (date, origin, body) = match grammar::syslog(line) {
            Ok((_, Prefix::Native(native))) => {
                let Ok((_, Envelope { stamp, origin, .. })) = grammar::envelope(native) else {
                    return Line::Reject(Why::NoEnvelope);
                };
                let head = memchr::memmem::find(native, b"]: ").map_or(native.len(), |at| at + 3);
                let (source, process) = self.origins.seen(&origin);
                let Some(message) = behind_head(native.get(head..).unwrap_or_default()) else {
                    return Line::Reject(Why::NoEnvelope);
                };
                return self.message((stamp, false), source, process, message);
            }
            Ok((_, Prefix::Bare(date, origin, body))) => (date, origin, body),
            Err(_) => return Line::Reject(Why::NoEnvelope),
        };
        let Some(message) = behind_head(body) else { return Line::Reject(Why::NoEnvelope) };
        let (stamp, undated) = match date {
            SyslogDate::Whole(stamp) => (Some(stamp), false),
            SyslogDate::NoYear { month, day, second } => (years.resolve(month, day, second, place), true),
        };
        let Some(stamp) = stamp else {
            // With a year at hand, it is the day that is wrong.
            let no_year = years.given.is_none() && years.anchors.is_empty();
            return Line::Reject(if no_year { Why::NoYear } else { Why::NoEnvelope });
        };
        let (source, process) = self.origins.seen(&origin);
        self.message((stamp, undated), source, process, message)
    }
}

/// What stands around the message of a line that was read.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// By which program on which host.
    pub origin: Origin<'a>,
    /// The category.
    pub category: &'a [u8],
    /// The message.
    pub message: &'a [u8],
}

/// Who wrote a line, and as what, in whichever form it comes: for the few lines of which that is asked.
pub fn written(line: &[u8]) -> Option<Written<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let native = match grammar::syslog(line) {
        Ok((_, Prefix::Bare(_, origin, body))) => {
            let (message, (category, _)) = grammar::message(body).ok()?;
            return Some(Written { origin, category, message });
        }
        Ok((_, Prefix::Native(native))) => native,
        Err(_) => line,
    };
    let (_, Envelope { origin, category, message, .. }) = grammar::envelope(native).ok()?;
    Some(Written { origin, category, message })
}

/// The message behind `message-head`.
fn behind_head(rest: &[u8]) -> Option<&[u8]> {
    grammar::message(rest).ok().map(|(message, _)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_users() {
        let names = Names { default_domain: b"@example.com".to_vec(), ..Names::default() };
        let mut scratch = Vec::new();
        assert_eq!(names.user(b"Ed@Example.COM", &mut scratch), b"ed");
        assert_eq!(names.user(b"ed@example.org", &mut scratch), b"ed@example.org");
        assert_eq!(names.user(b"@example.com", &mut scratch), b"@example.com");
    }

    #[test]
    fn heads_of_any_length() {
        let (grammars, names) = (Grammars::new(&[]).unwrap(), Names::default());
        for length in 1..80 {
            let streams = Streams::default();
            let mut reader = Reader::new(&grammars, &names, &streams);
            let store = "s".repeat(length);
            // Stores that differ in one letter, each met again while the head of another is the last.
            let stores: Vec<String> = (0..length).map(|at| format!("{}t{}", &store[..at], &store[at + 1..])).collect();
            let mut read = |store: &String| {
                let line = format!("[29/May/2019:10:00:00 +0200] {store} imapd[7]: Account Notice: nothing");
                let Line::Unknown(_, Some(source), b"nothing") = reader.read(line.as_bytes(), &Years::default(), 0)
                else {
                    panic!("{line}")
                };
                String::from_utf8(streams.get(source.stream).0).unwrap()
            };
            for store in stores.iter().chain([&store]).chain(&stores) {
                assert_eq!(&read(store), store);
                assert_eq!(&read(store), store);
            }
        }
    }

    /// What the quick way says of a line is what [`Reader::read`] says, and where it says nothing, there is a reason.
    #[test]
    fn ordinary_lines_are_read_as_any() {
        let (grammars, names, streams) = (Grammars::new(&[]).unwrap(), Names::default(), Streams::default());
        let login = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Notice: login [192.0.2.7:4001] ed plaintext";
        let close = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Information: close [192.0.2.7:4001] ed 2019/5/29 9:53:25 0:06:35 12 345678 3";
        let mut cases: Vec<(String, bool)> = [login, close].map(|line| (line.to_owned(), true)).into();
        for line in [login, close] {
            cases.extend([
                (format!("{line} more words"), true),
                (format!("{line}\r"), true),
                (format!("{line} more\r"), true),
            ]);
            let odd = [
                ("192.0.2.7:4001", "192.0.2.7"),
                (" ed ", " e\td "),
                (" ed ", " [ed] "),
                (" ed ", "  ed "),
                ("imapd[7]", "imapd[12345678]"),
                ("192.0.2.7:", "2001:db8::7:"),
                ("store1", "a-store-whose-name-is-longer-than-32-bytes"),
                ("[29", "29"),
                ("00] ", "00 "),
                ("[29", " 29"),
                ("00] ", "00]  "),
            ];
            for (from, to) in odd {
                let is_ordinary =
                    ["192.0.2.7", "a-store-whose-name-is-longer-than-32-bytes", "29", "00 "].contains(&to);
                cases.push((line.replace(from, to), is_ordinary));
            }
            cases.extend([
                (format!("{line}\t"), false),
                (format!("{line}\r\r"), false),
                (format!("{line}\x00 more"), false),
            ]);
        }
        // Clocks at the edge, and with a digit too much.
        let clocks = [
            ("9:53:25", "23:53:25", true),
            ("9:53:25", "24:53:25", false),
            ("9:53:25", "9:53:255", false),
            ("0:06:35", "0:06:355", false),
            ("0:06:35", "1:06:35", true),
            ("0:06:35", "12:34:56", true),
        ];
        cases.extend(clocks.map(|(from, to, is_ordinary)| (close.replace(from, to), is_ordinary)));
        // Days that are none.
        let days =
            ["2019-5-29", "2019/5-29", "2019-5/29", "2x19/5/29", "2019/005/29", "2019/5/029", "2019//29", "2019/5/"];
        cases.extend(days.map(|day| (close.replace("2019/5/29", day), false)));
        // Numbers of as many digits as are read at once.
        let numbers = ["12345678 345678 3", "12 12345678 3", "12 345678 12345678", "12345678 12345678 12345678"];
        cases.extend(numbers.map(|numbers| (close.replace("12 345678 3", numbers), true)));
        // A blank that is none.
        cases.extend(["2019", "9:53", "0:06", "12 ", "345678", "3"].map(|field| {
            let (from, to) = (format!(" {field}"), format!("\t{field}"));
            (close.replacen(&from, &to, 1), false)
        }));
        // No mechanism, and one that reaches beyond what is looked at.
        cases.extend(["", &"x".repeat(80)].map(|mechanism| (login.replace("plaintext", mechanism), false)));
        for from in ["2019/5/29", "9:53:25", "0:06:35", " 12 ", " 345678 "] {
            cases.extend(
                ["2019/5/30", "2019/13/1", "x", " 123456789 ", " - "]
                    .map(|to| (close.replace(from, to), (from, to) == ("2019/5/29", "2019/5/30"))),
            );
        }
        for (line, is_ordinary) in cases {
            let mut reader = Reader::new(&grammars, &names, &streams);
            let read = format!("{:?}", reader.read(line.as_bytes(), &Years::default(), 0));
            for behind in ["", "\n", login, close, "4 5 6 "] {
                let text = format!("{line}\n{}", behind.repeat(200));
                let ordinary = reader.ordinary(text.as_bytes());
                assert_eq!(ordinary.is_some(), is_ordinary && !behind.is_empty(), "{line:?}, then {behind:?}");
                if let Some(ordinary) = ordinary {
                    assert_eq!(format!("{:?}", Line::Event(ordinary.event())), read, "{line:?}, then {behind:?}");
                    assert_eq!(ordinary.bytes, line.len() + 1, "{line:?}");
                }
            }
        }
    }

    /// The day of a start field is known again only where it is the same, whatever the days before.
    #[test]
    fn r4_days_of_start_fields() {
        let (grammars, names, streams) = (Grammars::new(&[]).unwrap(), Names::default(), Streams::default());
        let mut reader = Reader::new(&grammars, &names, &streams);
        for day in ["2019/5/29", "2019/5/28", "2019/5/9", "2018/5/9", "2019/12/29", "2018/12/29", "2019/5/29"].repeat(2)
        {
            let line = format!(
                "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Information: close [192.0.2.7:4001] ed {day} 9:53:25 0:06:35 1 2 3"
            );
            let read = format!("{:?}", reader.read(line.as_bytes(), &Years::default(), 0));
            let text = format!("{line}\n").repeat(3);
            let ordinary = reader.ordinary(text.as_bytes()).expect("an ordinary close");
            assert_eq!(format!("{:?}", Line::Event(ordinary.event())), read, "{day}");
        }
    }

    #[test]
    fn r2_capital_letters_of_ordinary_lines() {
        let (grammars, names, streams) = (Grammars::new(&[]).unwrap(), Names::default(), Streams::default());
        let mut reader = Reader::new(&grammars, &names, &streams);
        let mut is_lower = |user: &str| {
            let line = format!(
                "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Notice: login [192.0.2.7:4001] {user} X\n"
            );
            let text = line.repeat(3);
            // Its process becomes known.
            _ = reader.read(line.trim_end().as_bytes(), &Years::default(), 0);
            reader.ordinary(text.as_bytes()).map(|line| line.message.is_lower)
        };
        for length in 1..40 {
            assert_eq!(is_lower(&"a".repeat(length)), Some(true), "{length}");
            for at in 0..length {
                for (letter, is) in [("A", false), ("Z", false), ("@", true), ("`", true), ("\u{c4}", true)] {
                    let user = format!("{}{letter}{}", "a".repeat(at), "a".repeat(length - at - 1));
                    assert_eq!(is_lower(&user), Some(is), "{user}");
                }
            }
        }
    }
}
