//! The one place where the targets touch the library's grammar, times, columns and command line. `whole` does so for whole runs.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use imstrail::columns;
use imstrail::grammar::{Fields, GrammarError, Grammars, Kind, native_head};
use imstrail::model::{Service, Stamp};
use imstrail::parse::{Event, LONGEST_LINE, Line, Names, Reader, Years};
use imstrail::streams::Streams;
use imstrail::times::{self, Time, Zone};
use imstrail::trail::{FileId, kept};

/// The longest line that is read, in bytes.
pub const LONGEST: usize = LONGEST_LINE;

/// Templates, compiled.
pub struct Templates(Grammars);

impl Templates {
    /// The built-in ones, compiled once.
    pub fn built_in() -> &'static Templates {
        static BUILT_IN: OnceLock<Templates> = OnceLock::new();
        BUILT_IN.get_or_init(|| Templates(Grammars::new(&[]).expect("the built-in templates compile")))
    }

    /// A site's file before the built-in ones, or why it was refused.
    pub fn with_site(path: &str, text: &str) -> Result<Templates, String> {
        // Reading the built-in files takes far longer than refusing most of what is no dialect.
        GrammarError::in_file(path, text).map_err(|error| error.to_string())?;
        Grammars::new(&[(PathBuf::from(path), text.to_owned())]).map(Templates).map_err(|error| error.to_string())
    }

    /// Every sample of the site's templates, if those are asked first.
    pub fn samples(&self) -> Vec<Sample<'_>> {
        let is_site = |dialect: usize| self.0.dialects().get(dialect).is_some_and(|d| !d.built_in && !d.last);
        let site = self.0.templates().iter().filter(|t| is_site(t.dialect));
        let mut samples = Vec::new();
        for template in site {
            samples.extend(template.samples.iter().map(|sample| Sample {
                kind: kind_name(template.meaning.kind),
                line: &sample.line,
                expected: sample.expect.iter().map(|(field, text)| (field.as_str(), text.as_str())).collect(),
            }));
        }
        samples
    }

    pub(crate) fn grammars(&self) -> &Grammars {
        &self.0
    }
}

/// A sample of a template.
pub struct Sample<'t> {
    /// The kind of its template.
    pub kind: String,
    /// The line.
    pub line: &'t str,
    /// Field names, and what the fields must hold.
    pub expected: Vec<(&'t str, &'t str)>,
}

fn kind_name(kind: Kind) -> String {
    format!("{kind:?}").to_ascii_lowercase()
}

/// The class of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// A template of this kind names it; `known` is a kind of its own class.
    Event(String),
    /// A good envelope, and no template.
    Unknown,
    /// No line of ours, and why.
    Reject(&'static str),
}

/// What a line says. Fields that its template does not have are empty or zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// What it is.
    pub class: Class,
    /// Its instant and offset, if it has an envelope.
    pub stamp: Option<(i64, i16)>,
    /// Its service and pid, if an access service wrote it.
    pub origin: Option<(&'static str, u32)>,
    /// Whether its date was completed from elsewhere.
    pub undated: bool,
    /// The whole message.
    pub message: &'a [u8],
    /// What the message's holes held.
    pub fields: Held<'a>,
}

/// The fields of a message, by the names that templates use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held<'a> {
    /// `peer`
    pub peer: (IpAddr, Option<u16>),
    /// `user`
    pub user: &'a [u8],
    /// `mechanism`
    pub mechanism: &'a [u8],
    /// `reason`
    pub reason: &'a [u8],
    /// `folder`
    pub folder: &'a [u8],
    /// `message_id`
    pub message_id: &'a [u8],
    /// `more`
    pub more: &'a [u8],
    /// `start`, by the line's own clock.
    pub start: i64,
    /// `duration`, `in`, `out`, `mailboxes`, `size`, `created`.
    pub numbers: [u64; 6],
}

impl<'a> Held<'a> {
    fn of(f: &Fields<'a>) -> Held<'a> {
        Held {
            peer: (f.peer.ip(), f.peer.port()),
            user: f.user,
            mechanism: f.mechanism,
            reason: f.reason,
            folder: f.folder,
            message_id: f.message_id,
            more: f.more,
            start: f.start.local,
            numbers: [
                u64::from(f.duration),
                f.bytes_in.unwrap_or_default(),
                f.bytes_out.unwrap_or_default(),
                f.mailboxes.unwrap_or_default(),
                f.size.unwrap_or_default(),
                f.created,
            ],
        }
    }

    /// The texts among them, with their names.
    pub fn texts(&self) -> [(&'static str, &'a [u8]); 6] {
        [
            ("user", self.user),
            ("mechanism", self.mechanism),
            ("reason", self.reason),
            ("folder", self.folder),
            ("message_id", self.message_id),
            ("more", self.more),
        ]
    }

    /// A field as a sample writes it.
    pub fn text(&self, field: &str) -> Option<String> {
        let number = |n: usize| self.numbers.get(n).map(u64::to_string);
        match field {
            "peer" => Some(shown(self.peer)),
            "start" => Some(self.start.to_string()),
            "duration" => number(0),
            "in" => number(1),
            "out" => number(2),
            "mailboxes" => number(3),
            "size" => number(4),
            "created" => number(5),
            _ => {
                let held = self.texts().into_iter().find(|(name, _)| *name == field);
                held.map(|(_, text)| String::from_utf8_lossy(text).into_owned())
            }
        }
    }
}

/// A peer as answers show it.
pub fn shown((ip, port): (IpAddr, Option<u16>)) -> String {
    match (ip, port) {
        (ip, None) => ip.to_string(),
        (IpAddr::V4(ip), Some(port)) => format!("{ip}:{port}"),
        (IpAddr::V6(ip), Some(port)) => format!("[{ip}]:{port}"),
    }
}

/// What readers of one run share.
pub struct Desk<'g> {
    templates: &'g Templates,
    names: Names,
    streams: Streams,
    years: Years,
}

impl<'g> Desk<'g> {
    /// A desk; `year` is that of dates which have none.
    pub fn new(templates: &'g Templates, year: Option<u32>) -> Desk<'g> {
        let years = Years { given: year, anchors: Vec::new() };
        Desk { templates, names: Names::default(), streams: Streams::default(), years }
    }

    /// A reader that has seen nothing.
    pub fn reader(&self) -> LineReader<'_> {
        LineReader { reader: Reader::new(self.templates.grammars(), &self.names, &self.streams), years: &self.years }
    }
}

/// Reads lines, and remembers what neighbouring ones share.
pub struct LineReader<'d> {
    reader: Reader<'d>,
    years: &'d Years,
}

impl LineReader<'_> {
    /// What a line says; it has no newline. What stands behind it in its block must not change that.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Told<'a> {
        let read = self.reader.read(line, self.years, 0);
        for behind in [&b"\n"[..], b"0123456789", b"\n[29/May/2019:08:39:42 +0200] ", b" 1:2.3/", b"]]]]]]]]"] {
            let text = [line, b"\n", &behind.repeat(200)].concat();
            if let Some(ordinary) = self.reader.ordinary(&text).filter(|_| !line.contains(&b'\n')) {
                assert_eq!(told_of(Line::Event(ordinary.event())), told_of(read), "with {behind:?} behind it");
                assert_eq!(ordinary.bytes, line.len() + 1, "with {behind:?} behind it");
            }
        }
        told_of(read)
    }
}

fn told_of(line: Line<'_>) -> Told<'_> {
    let told = |class, stamp: Option<Stamp>, source: Option<imstrail::parse::Source>, undated, message| Told {
        class,
        stamp: stamp.map(|s| (s.at, s.offset)),
        origin: source.map(|s| (Service::as_str(s.stream.service()), s.pid)),
        undated,
        message,
        fields: Held::of(&Fields::default()),
    };
    match line {
        Line::Event(Event { kind, stamp, source, undated, message, fields, .. }) => Told {
            fields: Held::of(&fields),
            ..told(Class::Event(kind_name(kind)), Some(stamp), source, undated, message)
        },
        Line::Unknown(stamp, source, message) => told(Class::Unknown, Some(stamp), source, false, message),
        Line::Around => told(Class::Event("known".to_owned()), None, None, false, &[]),
        Line::Reject(why) => told(Class::Reject(why.as_str()), None, None, false, &[]),
    }
}

/// The version of summaries.
pub const SUMMARY: u32 = kept::VERSION;

/// The summary of what a summary says, if it is one.
pub fn summary(bytes: &[u8]) -> Option<Vec<u8>> {
    let streams = Streams::default();
    let trail = kept::read(bytes, &streams, &|text| Some(FileId(text))).ok()?;
    // With itself, it is what it was, but for what is counted.
    let other = kept::read(bytes, &streams, &|text| Some(FileId(text))).expect("it was read before");
    let len = trail.access.len();
    let both = other.merge(kept::read(bytes, &streams, &|text| Some(FileId(text))).expect("and again"), &streams);
    assert_eq!(both.access.len(), len);
    Some(kept::write(&trail, &streams, &|file| Some(file.0)).expect("there is memory"))
}

/// Whether a line begins as a native one.
pub fn is_native(line: &[u8]) -> bool {
    native_head(line).is_ok()
}

/// The shape of an unknown message.
pub fn shape(message: &[u8]) -> String {
    imstrail::grammar::shape(message)
}

/// Text made fit for a terminal.
pub fn visible(text: &[u8]) -> String {
    imstrail::text::visible(text).into_owned()
}

/// A text as a block of columns.
pub fn pack(text: &[u8]) -> Vec<u8> {
    columns::pack(text)
}

/// The text of a block, if it is not damaged. What was there before stays, and an error leaves nothing else.
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut out = b"before".to_vec();
    let unpacked = columns::unpack(packed, &mut out);
    let text = out.strip_prefix(b"before").expect("what was there").to_vec();
    assert!(unpacked.is_ok() || text.is_empty(), "an error, and a text");
    let given = columns::rows(packed, |_| ());
    assert!(unpacked.is_err() || given.is_ok(), "a text, but no rows");
    unpacked.is_ok().then_some(text)
}

/// A time of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Seconds since 1970, and minutes east.
    Instant(i64, i16),
    /// Seconds since 1970 on a clock of no known offset; whether it was a bare date.
    Digits(i64, bool),
}

fn moment(time: Time) -> Moment {
    match time {
        Time::Instant(stamp) => Moment::Instant(stamp.at, stamp.offset),
        Time::Digits(digits, bare) => Moment::Digits(digits, bare),
    }
}

/// Reads a time.
pub fn time(text: &str) -> Result<Moment, String> {
    times::parse_time(text).map(moment)
}

/// A zone of `--tz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownIn(Zone);

/// Reads a zone.
pub fn zone(text: &str) -> Result<ShownIn, String> {
    times::parse_zone(text).map(ShownIn)
}

impl ShownIn {
    /// As each line wrote it.
    pub const LOG: ShownIn = ShownIn(Zone::Log);

    /// The zone's own name.
    pub fn name(self) -> String {
        match self.0 {
            Zone::Log => "log".to_owned(),
            Zone::Utc => "utc".to_owned(),
            Zone::Local => "local".to_owned(),
            Zone::Named(zone) => zone.name().to_owned(),
        }
    }

    /// An instant as JSON shows it in this zone.
    pub fn rfc3339(self, (at, offset): (i64, i16)) -> String {
        times::rfc3339_of(Stamp { at, offset }, self.0)
    }

    /// An instant as a table shows it in this zone, with its offset.
    pub fn log_form(self, (at, offset): (i64, i16)) -> String {
        let stamp = self.0.of(Stamp { at, offset });
        format!("{} {}", times::log_digits(stamp), times::log_offset(stamp.offset))
    }

    /// Whether digits were shown twice; it must only not panic.
    pub fn repeats(self, (at, offset): (i64, i16)) -> Option<bool> {
        self.0.repeats(Stamp { at, offset })
    }
}

/// What the command line makes of a time and a zone: `--at`, `--since`, `--until`, or that it refuses them.
pub fn command_line(time: &str, zone: &str) -> Option<([Option<Moment>; 3], ShownIn)> {
    let args = ["imstrail", "-c", "-a", "--at", time, "--since", time, "--until", time, "--tz", zone, "x"];
    let cli = <imstrail::cli::Cli as clap::Parser>::try_parse_from(args).ok()?;
    Some(([cli.at, cli.common.since, cli.common.until].map(|t| t.map(moment)), ShownIn(cli.common.tz)))
}
