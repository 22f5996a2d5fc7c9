//! Parse: one line in, what it says out.
//!
//! The reader remembers what neighbouring lines share (the stamp's text, the origin's text), so that the grammar
//! reads each of them once; everything that it returns is a function of the line and of the file's [`Years`] alone.

mod connect;
mod markup;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

pub use self::connect::{Connect, connect};
use crate::grammar::{
    self, Basis, Digits, Envelope, Fields, Grammars, Kind, Meaning, Origin, Prefix, Process, SyslogDate, eight,
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
    #[inline]
    pub fn user<'a>(&self, uid: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
        let uid = if grammar::has_upper_case(uid) { lower_case(uid, scratch) } else { uid };
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
    names: &'g Names,
    streams: &'g Streams,
    /// The text of the last stamp, and what it says; at first a text that is no stamp.
    stamp_text: [u8; 26],
    stamp: Option<Stamp>,
    heads: Vec<Head>,
    /// Host and process as a line writes them, up to the bracket → number of the head.
    by_text: FxHashMap<Box<[u8]>, usize>,
    /// The head of the line before.
    last: usize,
    /// Every source, and by the low bits of its pid the one met last.
    sources: FxHashMap<(StreamId, u32), Source>,
    recent: Vec<Option<Source>>,
}

/// What a line has before its pid: host and process.
#[derive(Clone, Debug)]
struct Head {
    /// Its length, and its first bytes, four times eight as [`eight`] gives them, with which of their bits count.
    length: usize,
    words: [(u64, u64); 4],
    /// Where it is longer.
    rest: Box<[u8]>,
    process: Process,
    /// Of an access service: its stream.
    stream: Option<StreamId>,
    /// Of a multiplexor: the service that it stands before.
    multiplexed: Option<Service>,
}

impl Head {
    fn words(text: &[u8]) -> [(u64, u64); 4] {
        std::array::from_fn(|i| {
            let word = text.get(8 * i..).unwrap_or_default();
            let bits = 8 * word.len().min(8) as u32;
            let mask = !u64::MAX.checked_shl(bits).unwrap_or(0);
            (eight(word), mask)
        })
    }

    /// What stands behind it in a text that begins with it.
    #[inline(always)]
    fn behind<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        let first: &[u8; 32] = input.first_chunk()?;
        let (chunks, _) = first.as_chunks();
        let differs = |(chunk, (word, mask)): (&[u8; 8], &(u64, u64))| (u64::from_le_bytes(*chunk) ^ word) & mask;
        let differ = chunks.iter().zip(&self.words).map(differs).fold(0, |all, some| all | some);
        let behind = input.get(self.length..)?;
        (differ == 0 && (self.rest.is_empty() || input.get(32..self.length)? == &*self.rest)).then_some(behind)
    }
}

/// So many sources are found by the low bits of their pids.
const RECENT: usize = 1024;
/// So many heads are kept. A log has a few; if lines forge more, the next are learned anew.
const HEADS: usize = 4096;

impl<'g> Reader<'g> {
    /// A reader that has seen nothing.
    pub fn new(grammars: &'g Grammars, names: &'g Names, streams: &'g Streams) -> Reader<'g> {
        Reader {
            grammars,
            knows_xml: grammars.knows_xml(),
            names,
            streams,
            stamp_text: [0; 26],
            stamp: None,
            heads: Vec::new(),
            by_text: FxHashMap::default(),
            last: 0,
            sources: FxHashMap::default(),
            recent: vec![None; RECENT],
        }
    }

    /// What an ordinary login or close line says, the first `length` bytes of a text, if enough text stands behind it to
    /// read it the quick way: as [`Reader::read`], which takes any line.
    #[inline(always)]
    pub fn usual<'a>(&mut self, text: &'a [u8], length: usize) -> Option<Event<'a>> {
        let line = text.get(..length).filter(|_| length <= LONGEST_LINE)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (stamp, rest) = self.native_head(line)?;
        let (source, process, rest) = self.origin(rest)?;
        let message = usual_head(rest)?;
        let text = text.get(line.len() - message.len()..)?;
        let (Meaning { kind, basis }, fields) = self.grammars.usual(process, text, message.len())?;
        Some(Event { stamp, source, kind, inferred: basis == Basis::Inferred, fields, undated: false, message })
    }

    /// The service before which the multiplexor stands that wrote the line read last, if it was one.
    pub fn multiplexed(&self) -> Option<Service> {
        self.heads.get(self.last)?.multiplexed
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
                self.origin(rest).and_then(|(source, process, rest)| Some((source, process, behind_head(rest)?)));
            return match read {
                Some((source, process, message)) => self.message((stamp, false), source, process, message),
                None => Line::Reject(Why::NoEnvelope),
            };
        }
        self.behind_syslog(line, years, place)
    }

    /// `native-head`, read by the grammar only where its text is not the line before's.
    #[inline(always)]
    fn native_head<'a>(&mut self, line: &'a [u8]) -> Option<(Stamp, &'a [u8])> {
        let skip = usize::from(line.first() == Some(&b'['));
        let text: &[u8; 26] = line.get(skip..skip + 26)?.try_into().ok()?;
        if *text != self.stamp_text {
            let (_, stamp) = grammar::stamp(text).ok()?;
            self.stamp_text = *text;
            self.stamp = Some(stamp);
        }
        let rest = line.get(skip + 26..)?;
        let rest = rest.strip_prefix(b"]").unwrap_or(rest);
        Some((self.stamp?, rest.strip_prefix(b" ")?))
    }

    /// `origin`: host and process are read by the grammar only where their text was not seen before.
    #[inline(always)]
    fn origin<'a>(&mut self, input: &'a [u8]) -> Option<(Option<Source>, Process, &'a [u8])> {
        let behind = self.heads.get(self.last).and_then(|head| head.behind(input));
        let behind = behind.or_else(|| self.find_head(input))?;
        let digits = Digits::of(eight(behind));
        let (pid, rest) = match digits.count() {
            count @ 1..=7 => (digits.number(count), behind.get(count..)?.strip_prefix(b"]: ")?),
            // The grammar tells the numbers that are too great.
            _ => {
                let (rest, origin) = grammar::origin(input).ok()?;
                (origin.pid, rest)
            }
        };
        let Head { process, stream, .. } = *self.heads.get(self.last)?;
        Some((stream.map(|stream| self.source(stream, pid)), process, rest))
    }

    /// Looks for the head of a line among those that were seen; what stands behind it.
    #[inline(never)]
    fn find_head<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'[', input)? + 1;
        let (text, behind) = input.split_at_checked(end)?;
        self.last = match self.by_text.get(text) {
            Some(number) => *number,
            None => {
                let (_, origin) = grammar::origin(input).ok()?;
                self.keep(text, &origin)
            }
        };
        Some(behind)
    }

    /// Keeps a head under the text that it was read from; its number.
    fn keep(&mut self, text: &[u8], origin: &Origin<'_>) -> usize {
        if self.heads.len() >= HEADS {
            self.heads.clear();
            self.by_text.clear();
        }
        let service = Service::of_process(origin.process);
        let stream = service.map(|service| self.streams.id(self.names.store(origin.host), service));
        let number = self.heads.len();
        self.by_text.insert(text.into(), number);
        let rest = text.get(32..).unwrap_or_default().into();
        self.heads.push(Head {
            length: text.len(),
            words: Head::words(text),
            rest,
            process: self.grammars.process(origin.process),
            stream,
            multiplexed: Service::of_multiplexor(origin.process),
        });
        number
    }

    /// The source of a stream and a pid.
    #[inline]
    fn source(&mut self, stream: StreamId, pid: u32) -> Source {
        let place = pid as usize % RECENT;
        match self.recent.get(place) {
            Some(Some(source)) if source.pid == pid && source.stream == stream => *source,
            _ => self.find_source(stream, pid, place),
        }
    }

    #[inline(never)]
    fn find_source(&mut self, stream: StreamId, pid: u32, place: usize) -> Source {
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let new = Source { number, stream, pid };
        let source = *self.sources.entry((stream, pid)).or_insert(new);
        if let Some(recent) = self.recent.get_mut(place) {
            *recent = Some(source);
        }
        source
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
                let (source, process) = self.seen(&origin);
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
        let (source, process) = self.seen(&origin);
        self.message((stamp, undated), source, process, message)
    }

    /// Source and process of an origin whose text stands elsewhere in its line.
    fn seen(&mut self, origin: &Origin<'_>) -> (Option<Source>, Process) {
        let text = [origin.host, b" ", origin.process, b"["].concat();
        let known = self.by_text.get(text.as_slice()).copied();
        self.last = known.unwrap_or_else(|| self.keep(&text, origin));
        match self.heads.get(self.last) {
            Some(&Head { process, stream, .. }) => (stream.map(|stream| self.source(stream, origin.pid)), process),
            None => (None, self.grammars.process(origin.process)),
        }
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

/// The message behind the heads of account lines.
#[inline(always)]
fn usual_head(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b"Account Notice: ").or_else(|| rest.strip_prefix(b"Account Information: "))
}

/// The message behind `message-head`.
fn behind_head(rest: &[u8]) -> Option<&[u8]> {
    usual_head(rest).or_else(|| grammar::message(rest).ok().map(|(message, _)| message))
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
}
