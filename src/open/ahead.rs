//! Input that can be looked ahead in, for whoever searches behind damage. It holds nothing as long as nobody does.

use super::input::is_interrupted;
use std::io::{self, BufRead};

/// An input, its place, and what was read of it beforehand.
pub(super) struct Ahead<R> {
    inner: R,
    held: Vec<u8>,
    at: usize,
    /// The error that lies behind what is held.
    error: Option<io::Error>,
    ended: bool,
    /// Offset of the next byte.
    pub(super) place: u64,
    /// What was consumed last: a decoder that was led astray has often taken what follows the damage.
    recent: Vec<u8>,
    most: usize,
}

impl<R: BufRead> Ahead<R> {
    /// The last `recent` bytes that were consumed can be had back.
    pub(super) fn new(inner: R, recent: usize) -> Self {
        let (held, recent, most) = (Vec::new(), Vec::new(), recent);
        Self { inner, held, at: 0, error: None, ended: false, place: 0, recent, most }
    }

    /// What is held of the input, from the next byte on.
    pub(super) fn held(&self) -> &[u8] {
        self.held.get(self.at..).unwrap_or_default()
    }

    /// The next bytes; none at the end.
    pub(super) fn fill(&mut self) -> io::Result<&[u8]> {
        if self.at < self.held.len() {
            return Ok(self.held.get(self.at..).unwrap_or_default());
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(e) if is_interrupted(&e) => {}
                Err(e) => return Err(e),
            }
        }
        // Asked twice because the borrow of the first answer would outlive the loop; the second is answered at once.
        self.inner.fill_buf()
    }

    pub(super) fn consume(&mut self, n: usize) {
        self.place += n as u64;
        if self.at < self.held.len() {
            let taken = self.held.get(self.at..self.at + n).unwrap_or_default();
            remember(&mut self.recent, self.most, taken);
            self.at += n;
            if self.at >= self.held.len() {
                self.held.clear();
                self.at = 0;
            }
            return;
        }
        if let Ok(taken) = self.inner.fill_buf() {
            remember(&mut self.recent, self.most, taken.get(..n).unwrap_or_default());
        }
        self.inner.consume(n);
    }

    /// Holds the next `n` bytes, or all that come before an error or the end; whether there is more behind them.
    pub(super) fn look(&mut self, n: usize) -> bool {
        if self.held().len() < n && self.at > 0 && self.error.is_none() && !self.ended {
            self.held.drain(..self.at);
            self.at = 0;
        }
        while self.held.len() - self.at < n && self.error.is_none() && !self.ended {
            match self.inner.fill_buf() {
                Ok([]) => self.ended = true,
                Ok(bytes) => {
                    let more = bytes.len();
                    self.held.extend_from_slice(bytes);
                    self.inner.consume(more);
                }
                Err(e) if is_interrupted(&e) => {}
                Err(e) => self.error = Some(e),
            }
        }
        self.held().len() > n || (self.error.is_none() && !self.ended)
    }

    /// How many bytes could be given back that do not lie before `place`.
    pub(super) fn behind(&self, place: u64) -> usize {
        let most = usize::try_from(self.place.saturating_sub(place)).unwrap_or(usize::MAX);
        self.recent.len().min(most)
    }

    /// Gives back so many of the bytes that were consumed last.
    pub(super) fn step_back(&mut self, back: usize) {
        let back = back.min(self.recent.len());
        let bytes = self.recent.split_off(self.recent.len() - back);
        self.held.splice(..self.at, bytes);
        self.at = 0;
        self.place -= back as u64;
        self.recent.clear();
    }

    /// Forgets what was consumed: what lies behind an error does not follow on it.
    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }
}

/// Keeps what was taken; twice as much as needed, so that little is moved.
fn remember(recent: &mut Vec<u8>, most: usize, taken: &[u8]) {
    let taken = taken.get(taken.len().saturating_sub(most)..).unwrap_or_default();
    if recent.len() + taken.len() > 2 * most {
        recent.drain(..recent.len().saturating_sub(most - taken.len()));
    }
    recent.extend_from_slice(taken);
}
