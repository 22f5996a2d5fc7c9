//! `coverage`: what the logs cover, and what they lack, stream by stream.

use crate::model::{Instant, Service};
use crate::open::Kind;
use crate::plan::Leaf;
use crate::resolve::Resolved;
use crate::text::visible;
use crate::trail::{FileId, Jump, StreamHours, Trail};

/// What the logs cover.
#[derive(Debug)]
pub struct Covered<'a> {
    /// The streams that were asked for, in the order of store and service.
    pub streams: Vec<StreamCoverage<'a>>,
    /// Texts that gave nothing, in the order of their names.
    pub idle: Vec<Idle<'a>>,
}

/// One stream.
#[derive(Debug)]
pub struct StreamCoverage<'a> {
    /// What is known of it.
    pub stream: &'a Resolved,
    /// Its hours.
    pub hours: Option<&'a StreamHours>,
    /// Clock jumps (R14) with the file of each, in the order of files and places.
    pub jumps: Vec<(&'a str, Jump)>,
    /// Spans that two files cover (R13): from, to, and both of them.
    pub overlaps: Vec<(Instant, Instant, &'a str, &'a str)>,
}

/// A text that gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Idle<'a> {
    /// Its name.
    pub file: &'a str,
    /// Why.
    pub why: Why<'a>,
}

/// Why a text gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why<'a> {
    /// It is a copy, or the beginning, of this one (R13), and was not read.
    Copy(&'a str),
    /// It has no byte.
    Empty,
    /// It has no line of a log.
    NotALog,
    /// None of its lines is an access service's.
    NoService,
}

impl Why<'_> {
    /// The name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::Copy(_) => "copy",
            Why::Empty => "empty",
            Why::NotALog => "not-a-log",
            Why::NoService => "no-service",
        }
    }

    /// The same in words, for people.
    pub fn text(&self) -> String {
        match self {
            Why::Copy(other) => format!("the same as {}, or its beginning", visible(other.as_bytes())),
            Why::Empty => "empty".to_owned(),
            Why::NotALog => "no line of a log".to_owned(),
            Why::NoService => "no line of imapd, popd or httpd".to_owned(),
        }
    }
}

/// What is covered over some services; none named means all.
pub fn covered<'a>(
    streams: &'a [Resolved],
    trail: &'a Trail,
    leaves: &[&'a Leaf],
    services: &[Service],
) -> Covered<'a> {
    let shown = |id: FileId| {
        let leaf = usize::try_from(id.0).ok().and_then(|i| leaves.get(i));
        leaf.map_or("", |leaf| leaf.shown.as_str())
    };
    let asked = streams.iter().filter(|stream| services.is_empty() || services.contains(&stream.service));
    let of_stream = |stream: &'a Resolved| {
        let all = trail.files.iter().flat_map(|(id, file)| file.jumps.iter().map(|jump| (shown(*id), *jump)));
        let mut jumps: Vec<(&str, Jump)> = all.filter(|(_, jump)| jump.stream == stream.id).collect();
        jumps.sort();
        StreamCoverage {
            stream,
            hours: trail.coverage.streams.get(&stream.id),
            jumps,
            overlaps: stream.overlaps.iter().map(|o| (o.from, o.to, shown(o.one), shown(o.other))).collect(),
        }
    };
    let why = |leaf: &&'a Leaf| {
        let file = trail.files.get(&leaf.id);
        let why = match leaf.copy_of {
            Some(other) => Some(Why::Copy(shown(other))),
            None if leaf.kind == Kind::Empty => Some(Why::Empty),
            None if file.is_none_or(|file| file.tally.of_a_log() == 0) => Some(Why::NotALog),
            None if file.is_none_or(|file| file.spans.is_empty()) => Some(Why::NoService),
            None => None,
        };
        why.map(|why| Idle { file: leaf.shown.as_str(), why })
    };
    let mut idle: Vec<Idle<'_>> = leaves.iter().filter_map(why).collect();
    idle.sort();
    Covered { streams: asked.map(of_stream).collect(), idle }
}
