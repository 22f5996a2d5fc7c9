//! What readers of inputs share: their errors, the bottom of every chain, and a beginning that was looked at.

use crate::note::cause;
use std::io::{self, Read};

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
        let inner = error.get_ref();
        match (inner.and_then(|inner| inner.downcast_ref::<Broken>()), Hole::of(error)) {
            (Some(broken), _) => broken.clone(),
            (None, Some(hole)) => Broken(hole.0.clone()),
            (None, None) => Broken(format!("could not be read further than {at} bytes ({})", cause(error))),
        }
    }

    pub(crate) fn error(&self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self.clone())
    }
}

/// Something was lost here, and reading goes on behind it: an error that is given once. What it says travels unchanged through
/// the readers above; those that cannot go on make it [`Broken`].
#[derive(Clone, Debug)]
pub(crate) struct Hole(pub(crate) String);

impl std::fmt::Display for Hole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Hole {}

impl Hole {
    /// The hole that an error is, if it is one.
    pub(crate) fn of(error: &io::Error) -> Option<&Hole> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Hole>())
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

pub(super) fn is_interrupted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

/// Reads some bytes; a signal in between does not end it.
pub(super) fn read_on(input: &mut (impl Read + ?Sized), out: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(out) {
            Err(e) if is_interrupted(&e) => {}
            read => return read,
        }
    }
}

/// The beginning of an input, which was looked at, and then the rest of it; errors come where they came.
pub(crate) struct Begun<'i> {
    input: &'i mut dyn Read,
    before: Option<io::Error>,
    head: Vec<u8>,
    at: usize,
    behind: Option<io::Error>,
}

impl<'i> Begun<'i> {
    /// Reads until `limit` bytes are there, or the end, or an error, but for a hole before the first byte.
    pub(crate) fn read(input: &'i mut dyn Read, limit: usize) -> Self {
        let (mut head, mut behind) = read_up_to(input, limit);
        let mut before = None;
        while head.is_empty()
            && let Some(hole) = behind.take_if(|e| Hole::of(e).is_some())
        {
            before = Some(before.unwrap_or(hole));
            (head, behind) = read_up_to(input, limit);
        }
        Self { input, before, head, at: 0, behind }
    }

    /// What was read of it.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether reading failed before the first byte.
    pub(crate) fn fails_at_once(&self) -> bool {
        self.head.is_empty() && (self.before.is_some() || self.behind.is_some())
    }

    /// Whether something is lost before the first byte.
    pub(crate) fn begins_with_hole(&self) -> bool {
        self.before.is_some()
    }

    /// Reads on until the head has `limit` bytes.
    pub(crate) fn widen(&mut self, limit: usize) {
        if self.behind.is_none() {
            let (more, behind) = read_up_to(self.input, limit.saturating_sub(self.head.len()));
            self.head.extend_from_slice(&more);
            self.behind = behind;
        }
    }
}

impl Read for Begun<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.before.take() {
            return Err(error);
        }
        let rest = self.head.get(self.at..).unwrap_or_default();
        if !rest.is_empty() {
            let n = rest.len().min(out.len());
            out[..n].copy_from_slice(&rest[..n]);
            self.at += n;
            return Ok(n);
        }
        match self.behind.take() {
            Some(error) => Err(error),
            None => self.input.read(out),
        }
    }
}

/// Reads until `limit` bytes are there, or the end, or an error; the bytes are kept in any case.
pub(crate) fn read_up_to(input: &mut (impl Read + ?Sized), limit: usize) -> (Vec<u8>, Option<io::Error>) {
    let mut head = vec![0; limit];
    let mut len = 0;
    let mut error = None;
    while len < limit {
        match read_on(input, &mut head[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) => {
                error = Some(e);
                break;
            }
        }
    }
    head.truncate(len);
    (head, error)
}
