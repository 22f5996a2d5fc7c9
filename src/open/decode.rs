//! Readers that decode: every stream of a concatenation, every byte before an error, and one sentence about the error.

use super::codec::{Codec, Format};
use crate::note::cause;
use std::io::{self, BufRead, Read};

/// Why a reader cannot go on, in one sentence without a full stop. It travels unchanged through the readers above.
#[derive(Clone, Debug)]
pub(crate) struct Broken(pub(crate) String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl Broken {
    /// The error of a reader below, kept if it is one of ours, else told with the place.
    pub(crate) fn below(error: &io::Error, at: u64) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Broken>()) {
            Some(broken) => broken.clone(),
            None => Broken(format!("could not be read further than {at} bytes ({})", cause(error))),
        }
    }

    pub(crate) fn error(&self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self.clone())
    }
}

/// The bottom of every chain: a file or a pipe, whose first error stays its last word.
pub(crate) struct Source<R> {
    inner: R,
    at: u64,
    broken: Option<Broken>,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, at: 0, broken: None }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = &self.broken {
            return Err(broken.error());
        }
        match read_on(&mut self.inner, out) {
            Ok(n) => {
                self.at += n as u64;
                Ok(n)
            }
            Err(e) => {
                let broken = Broken::below(&e, self.at);
                let error = broken.error();
                self.broken = Some(broken);
                Err(error)
            }
        }
    }
}

/// Reads some bytes; a signal in between does not end it.
pub(super) fn read_on(input: &mut (impl Read + ?Sized), out: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(out) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Decodes the streams of one format that lie one behind the other in `input`.
///
/// Everything that can be decoded is handed out before the error, and the error is repeated if asked again.
/// Zero bytes behind a stream are padding; anything else that starts no new stream is an error.
pub(crate) struct Decoder<R> {
    input: R,
    format: Format,
    codec: Option<Box<dyn Codec>>,
    phase: Phase,
    /// Whether to stop behind the first stream, leaving the rest of the input alone.
    single: bool,
    produced: u64,
    streams: u64,
    produced_in_stream: u64,
}

enum Phase {
    Inside,
    Between,
    Done,
    Failed(Broken),
}

impl<R: BufRead> Decoder<R> {
    pub(crate) fn new(format: Format, input: R) -> Self {
        let (codec, phase) = match format.codec() {
            Ok(codec) => (Some(codec), Phase::Inside),
            Err(text) => (None, Phase::Failed(Broken(format!("{} data could not be read ({text})", format.name())))),
        };
        Self { input, format, codec, phase, single: false, produced: 0, streams: 0, produced_in_stream: 0 }
    }

    /// Decodes the first stream only; the input then stands right behind it.
    pub(crate) fn single(mut self) -> Self {
        self.single = true;
        self
    }

    fn fail(&mut self, cause: &str) {
        let (name, n) = (self.format.name(), self.produced);
        self.phase = Phase::Failed(Broken(if n == 0 {
            format!("{name} data damaged before anything can be decoded ({cause}); look for another copy of it")
        } else {
            format!("{name} data damaged after {n} decoded bytes ({cause}); what came before was read")
        }));
    }

    /// Passes padding over and begins the next stream, if there is one.
    fn begin_next(&mut self) {
        if self.single {
            self.phase = Phase::Done;
            return;
        }
        match fill(&mut self.input) {
            Err(e) => self.phase = Phase::Failed(Broken::below(&e, self.produced)),
            Ok([]) => self.phase = Phase::Done,
            Ok(bytes) => {
                let zeros = bytes.iter().take_while(|b| **b == 0).count();
                let more = zeros < bytes.len();
                self.input.consume(zeros);
                if more {
                    self.restart();
                }
            }
        }
    }

    fn restart(&mut self) {
        self.produced_in_stream = 0;
        self.phase = Phase::Inside;
        if let Some(Err(text)) = self.codec.as_mut().map(|codec| codec.restart()) {
            self.fail(&text);
        }
    }

    /// One step of the codec; gives the number of bytes put into `out`.
    fn advance(&mut self, out: &mut [u8]) -> usize {
        let Some(codec) = self.codec.as_mut() else { return 0 };
        let input = match fill(&mut self.input) {
            Ok(input) => input,
            Err(e) => {
                self.phase = Phase::Failed(Broken::below(&e, self.produced));
                return 0;
            }
        };
        let at_end = input.is_empty();
        let step = codec.step(input, out);
        self.input.consume(step.consumed);
        self.produced += step.produced as u64;
        self.produced_in_stream += step.produced as u64;
        match step.ended {
            Ok(true) => {
                self.streams += 1;
                self.phase = Phase::Between;
            }
            Ok(false) if step.produced > 0 => {}
            Ok(false) if at_end => self.fail("unexpected end of file"),
            Ok(false) if step.consumed == 0 => self.fail("the decoder makes no progress"),
            Ok(false) => {}
            Err(_) if self.streams > 0 && self.produced_in_stream == 0 => {
                let what = format!("what follows is no {} data", self.format.name());
                self.fail(&what);
            }
            Err(text) => self.fail(&text),
        }
        step.produced
    }
}

fn fill<R: BufRead>(input: &mut R) -> io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    // Asked twice because the borrow of the first answer would outlive the loop; the second is answered at once.
    input.fill_buf()
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match &self.phase {
                Phase::Done => return Ok(0),
                Phase::Failed(broken) => return Err(broken.error()),
                Phase::Between => self.begin_next(),
                Phase::Inside => {
                    let n = self.advance(out);
                    if n > 0 {
                        return Ok(n);
                    }
                }
            }
        }
    }
}

/// Reads until `limit` bytes are there, or the end, or an error; the bytes are kept in any case. Readers here repeat
/// their errors, so the caller meets it again.
pub(crate) fn read_up_to(input: &mut dyn Read, limit: usize) -> Vec<u8> {
    let mut head = vec![0; limit];
    let mut len = 0;
    while len < limit {
        match read_on(input, &mut head[len..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => len += n,
        }
    }
    head.truncate(len);
    head
}
