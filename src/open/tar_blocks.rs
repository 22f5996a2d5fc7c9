//! The blocks of a tar, and what becomes of them where its input has a hole.

use super::input::{Broken, Hole, read_on, read_up_to};
use super::kind::checksum_fits;
use std::io::{self, Read};

pub(super) const BLOCK: usize = 512;

/// The offset of the first whole header with a right checksum and the mark that all but the oldest tars have.
pub(super) fn find_header(bytes: &[u8]) -> Option<usize> {
    let mut starts = memchr::memmem::find_iter(bytes, MARK).filter_map(|mark| mark.checked_sub(MARK_AT));
    let is_header = |at: &usize| {
        let block = bytes.get(*at..).and_then(|rest| rest.first_chunk::<BLOCK>());
        block.is_some_and(|block| block[0] != 0 && checksum_fits(block))
    };
    starts.find(is_header)
}

const MARK: &[u8] = b"ustar";
const MARK_AT: usize = 257;
/// How far the next header is looked for at a time.
const SEARCHED: usize = 64 << 10;

/// Why the next bytes cannot be had.
pub(super) enum Stop {
    /// Something is missing before them.
    Hole(Hole),
    /// There are none.
    Broken(Broken),
}

impl Stop {
    fn error(self) -> io::Error {
        match self {
            Stop::Hole(hole) => hole.error(),
            Stop::Broken(broken) => broken.error(),
        }
    }
}

/// The input, its place, and its failure once it has failed.
pub(super) struct Blocks<'r> {
    input: &'r mut dyn Read,
    pub(super) at: u64,
    pub(super) broken: Option<Broken>,
    /// Behind a hole, and not yet at the next header.
    pub(super) adrift: bool,
    /// What was read beforehand to find it, and how much of that was taken; the error that lies behind it.
    held: Vec<u8>,
    held_at: usize,
    error: Option<io::Error>,
    /// So many of the next bytes are no header; whether one begins behind them.
    sure: usize,
    found: bool,
    /// The last hole, and how many there were.
    pub(super) hole: Option<Hole>,
    pub(super) holes: u64,
    /// The end mark lay behind a hole.
    pub(super) end_mark: bool,
    /// Zeros behind a hole, not yet handed out: those before a header or the end are padding.
    zeros: u64,
}

impl<'r> Blocks<'r> {
    pub(super) fn new(input: &'r mut dyn Read) -> Self {
        Self {
            input,
            at: 0,
            broken: None,
            adrift: false,
            held: Vec::new(),
            held_at: 0,
            error: None,
            sure: 0,
            found: false,
            hole: None,
            holes: 0,
            end_mark: false,
            zeros: 0,
        }
    }

    /// The next block; `None` at the end.
    pub(super) fn header(&mut self) -> Result<Option<[u8; BLOCK]>, Stop> {
        let mut block = [0; BLOCK];
        let mut len = 0;
        while len < BLOCK {
            match self.read(&mut block[len..])? {
                0 if len == 0 => return Ok(None),
                0 => return Err(Stop::Broken(Broken(format!("tar archive cut short at byte {}", self.at)))),
                n => len += n,
            }
        }
        Ok(Some(block))
    }

    /// Passes over so many bytes.
    pub(super) fn skip(&mut self, mut left: u64) -> Result<(), Stop> {
        let mut scratch = [0; 16 << 10];
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(scratch.len()).min(scratch.len());
            let n = self.read(&mut scratch[..want])?;
            if n == 0 {
                return Err(Stop::Broken(Broken(format!("tar archive cut short at byte {}", self.at))));
            }
            left -= n as u64;
        }
        Ok(())
    }

    /// The bytes that follow, where the input is whole.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Stop> {
        let held = self.held.get(self.held_at..).unwrap_or_default();
        if !held.is_empty() {
            let n = held.len().min(out.len());
            out[..n].copy_from_slice(&held[..n]);
            self.held_at += n;
            self.at += n as u64;
            return Ok(n);
        }
        if let Some(error) = self.error.take() {
            return Err(self.failed(&error));
        }
        match read_on(&mut self.input, out) {
            Ok(n) => {
                self.at += n as u64;
                Ok(n)
            }
            Err(e) => Err(self.failed(&e)),
        }
    }

    fn failed(&mut self, error: &io::Error) -> Stop {
        if let Some(hole) = Hole::of(error) {
            self.adrift = true;
            self.holes += 1;
            self.hole = Some(hole.clone());
            return Stop::Hole(hole.clone());
        }
        let broken = Broken::below(error, self.at);
        self.broken = Some(broken.clone());
        Stop::Broken(broken)
    }

    /// Bytes behind a hole, up to the next header or the end; none, and no longer adrift, when that is reached.
    pub(super) fn stray(&mut self, out: &mut [u8]) -> Result<usize, Stop> {
        loop {
            if self.sure == 0 {
                if !self.found {
                    self.search();
                }
                if self.sure == 0 {
                    return self.landed();
                }
            }
            let n = self.sure.min(out.len());
            let stray = self.held.get(self.held_at..self.held_at + n).unwrap_or_default();
            match stray.iter().rposition(|b| *b != 0) {
                None => {
                    self.zeros += n as u64;
                    self.take_stray(n);
                }
                Some(_) if self.zeros > 0 => {
                    let n = usize::try_from(self.zeros).unwrap_or(out.len()).min(out.len());
                    out[..n].fill(0);
                    self.zeros -= n as u64;
                    return Ok(n);
                }
                Some(last) => {
                    out[..=last].copy_from_slice(&stray[..=last]);
                    self.take_stray(last + 1);
                    return Ok(last + 1);
                }
            }
        }
    }

    fn take_stray(&mut self, n: usize) {
        self.held_at += n;
        self.sure -= n;
        self.at += n as u64;
    }

    /// All before a header, a further hole, a failure or the end was handed out.
    fn landed(&mut self) -> Result<usize, Stop> {
        self.end_mark = !self.found && self.zeros >= BLOCK as u64;
        self.zeros = 0;
        if !self.found
            && let Some(error) = self.error.take()
        {
            return Err(self.failed(&error));
        }
        (self.adrift, self.found) = (false, false);
        Ok(0)
    }

    /// Reads on, and looks for a header.
    fn search(&mut self) {
        self.held.drain(..self.held_at);
        self.held_at = 0;
        let room = SEARCHED.saturating_sub(self.held.len());
        let mut ended = self.error.is_some();
        if !ended {
            let (more, error) = read_up_to(self.input, room);
            ended = more.len() < room;
            self.held.extend_from_slice(&more);
            self.error = error;
        }
        let found = find_header(&self.held);
        self.found = found.is_some();
        let no_header = if ended { self.held.len() } else { self.held.len().saturating_sub(BLOCK - 1) };
        self.sure = found.unwrap_or(no_header);
    }
}

/// The content of one entry.
pub(super) struct Content<'b, 'r> {
    pub(super) blocks: &'b mut Blocks<'r>,
    pub(super) left: u64,
}

impl Read for Content<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = &self.blocks.broken {
            return Err(broken.error());
        }
        if self.blocks.adrift && !out.is_empty() {
            // The header that is found begins the next entry.
            self.left = 0;
            return self.blocks.stray(out).map_err(Stop::error);
        }
        if self.left == 0 || out.is_empty() {
            return Ok(0);
        }
        let want = usize::try_from(self.left).unwrap_or(out.len()).min(out.len());
        match self.blocks.read(&mut out[..want]) {
            Ok(0) => {
                let text = format!("tar archive cut short, {} bytes before the end of this entry", self.left);
                let broken = Broken(text);
                self.blocks.broken = Some(broken.clone());
                Err(broken.error())
            }
            Ok(n) => {
                self.left -= n as u64;
                Ok(n)
            }
            Err(stop) => Err(stop.error()),
        }
    }
}
