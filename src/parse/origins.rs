//! Who wrote a line: host, process and pid, of which neighbouring lines have the same few.

use rustc_hash::FxHashMap;

use super::known::Known;
use super::{Names, Source};
use crate::grammar::{self, Digits, Grammars, Origin, Process, eight};
use crate::model::Service;
use crate::streams::{StreamId, Streams};

/// The origins that a reader has met, each read by the grammar once.
#[derive(Debug)]
pub(super) struct Origins<'g> {
    grammars: &'g Grammars,
    names: &'g Names,
    streams: &'g Streams,
    heads: Vec<Head>,
    /// Host and process as a line writes them, up to the bracket → number of the head.
    by_text: FxHashMap<Box<[u8]>, usize>,
    /// The head of the line before.
    last: usize,
    sources: FxHashMap<(StreamId, u32), Source>,
}

/// What a line has before its pid: host and process.
#[derive(Clone, Debug)]
struct Head {
    text: Known<2>,
    process: Process,
    /// Of an access service: its stream.
    stream: Option<StreamId>,
    /// Of a multiplexor: the service that it stands before.
    multiplexed: Option<Service>,
}

/// So many heads are kept. A log has a few; if lines forge more, the next are learned anew.
const HEADS: usize = 4096;

impl<'g> Origins<'g> {
    /// None yet.
    pub(super) fn new(grammars: &'g Grammars, names: &'g Names, streams: &'g Streams) -> Origins<'g> {
        Origins {
            grammars,
            names,
            streams,
            heads: Vec::new(),
            by_text: FxHashMap::default(),
            last: 0,
            sources: FxHashMap::default(),
        }
    }

    /// The service before which the multiplexor stands that wrote the line read last, if it was one.
    pub(super) fn multiplexed(&self) -> Option<Service> {
        self.heads.get(self.last)?.multiplexed
    }

    /// Who wrote a line of an access service whose host and process are known, and what stands behind those and behind the pid.
    pub(super) fn met<'a>(&mut self, input: &'a [u8]) -> Option<(Source, Process, [&'a [u8]; 2])> {
        let behind = self.known_head(input)?;
        let (source, digits) = self.process(behind)?;
        Some((source?, self.heads.get(self.last)?.process, [behind, behind.get(digits..)?]))
    }

    /// `origin`: who wrote a line, and what stands behind that.
    pub(super) fn read<'a>(&mut self, input: &'a [u8]) -> Option<(Option<Source>, Process, &'a [u8])> {
        let behind = match self.known_head(input) {
            Some(behind) => behind,
            None => self.learn_head(input)?,
        };
        let (source, rest) = match self.process(behind) {
            Some((source, digits)) => (source, behind.get(digits..)?.strip_prefix(b"]: ")?),
            // The grammar tells the numbers that are too great.
            None => {
                let (rest, origin) = grammar::origin(input).ok()?;
                let stream = self.heads.get(self.last)?.stream;
                (stream.map(|stream| self.source(stream, origin.pid)), rest)
            }
        };
        Some((source, self.heads.get(self.last)?.process, rest))
    }

    /// Source and process of an origin whose text stands elsewhere in its line.
    pub(super) fn seen(&mut self, origin: &Origin<'_>) -> (Option<Source>, Process) {
        let text = [origin.host, b" ", origin.process, b"["].concat();
        let known = self.by_text.get(text.as_slice()).copied();
        self.last = known.unwrap_or_else(|| self.keep(&text, origin));
        match self.heads.get(self.last) {
            Some(&Head { process, stream, .. }) => (stream.map(|stream| self.source(stream, origin.pid)), process),
            None => (None, self.grammars.process(origin.process)),
        }
    }

    /// What stands behind the head of a line, if that was seen before.
    fn known_head<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        let behind = self.heads.get(self.last).and_then(|head| head.text.behind(input));
        behind.or_else(|| self.other_head(input))
    }

    /// The same, if it is not that of the line before.
    fn other_head<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'[', input)? + 1;
        let (text, behind) = input.split_at_checked(end)?;
        self.last = *self.by_text.get(text)?;
        Some(behind)
    }

    /// Reads the head of a line by the grammar, and keeps it; what stands behind it.
    fn learn_head<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'[', input)? + 1;
        let (text, behind) = input.split_at_checked(end)?;
        let (_, origin) = grammar::origin(input).ok()?;
        self.last = self.keep(text, &origin);
        Some(behind)
    }

    /// Who wrote a line, if it is an access service, by what stands behind its head: a pid of at most seven digits, and how many it has.
    fn process(&mut self, behind: &[u8]) -> Option<(Option<Source>, usize)> {
        let pid = Digits::of(eight(behind));
        let digits @ 1..=7 = pid.count() else { return None };
        let stream = self.heads.get(self.last)?.stream;
        Some((stream.map(|stream| self.source(stream, pid.number(digits))), digits))
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
        self.heads.push(Head {
            text: Known::of(text),
            process: self.grammars.process(origin.process),
            stream,
            multiplexed: Service::of_multiplexor(origin.process),
        });
        number
    }

    /// A process of a service, on a host.
    pub(super) fn of_service(&mut self, host: &[u8], service: Service, pid: u32) -> Source {
        let stream = self.streams.id(self.names.store(host), service);
        self.source(stream, pid)
    }

    /// The source of a stream and a pid.
    fn source(&mut self, stream: StreamId, pid: u32) -> Source {
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        *self.sources.entry((stream, pid)).or_insert(Source { number, stream, pid })
    }
}
