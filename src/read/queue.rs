//! Pieces of decoded text on their way from a worker that decodes to workers that have nothing else to do.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use super::lock;
use super::sieve::Stand;
use crate::parse::Years;
use crate::trail::FileId;

/// Whole lines of one text.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) file: FileId,
    /// Which piece of its text this is, from 0.
    pub(super) number: u64,
    /// How many holes precede it.
    pub(super) section: u32,
    /// Where it stands in the decoded text.
    pub(super) stand: Stand,
    pub(super) text: Vec<u8>,
    pub(super) years: Years,
}

/// So many pieces may wait for each worker that helps: enough that none of them is ever idle, and few, since what lies here while
/// the later pieces of its text are done holds up the frontier.
const WAITING: usize = 2;

/// Hands pieces to workers that have no claims of their own.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Piece>,
    /// Texts of pieces that are done, to be used again.
    spare: Vec<Vec<u8>>,
    /// Workers that may still decode.
    busy: usize,
    /// Workers that help.
    helping: usize,
}

impl Queue {
    /// A worker begins with claims of its own.
    pub(super) fn begin(&self) {
        lock(&self.state).busy += 1;
    }

    /// A worker has no more claims of its own: from now on it helps.
    pub(super) fn end(&self) {
        let mut state = lock(&self.state);
        state.busy -= 1;
        state.helping += 1;
        drop(state);
        self.changed.notify_all();
    }

    /// Hands on a piece. If enough of them wait already, or nobody helps, the oldest comes back: whoever decodes is to do it.
    pub(super) fn offer(&self, piece: Piece) -> Option<Piece> {
        let mut state = lock(&self.state);
        state.pieces.push_back(piece);
        if state.pieces.len() > WAITING * state.helping {
            return state.pieces.pop_front();
        }
        drop(state);
        self.changed.notify_one();
        None
    }

    /// The next piece; `None` when nobody will offer any more.
    pub(super) fn wait(&self) -> Option<Piece> {
        let mut state = lock(&self.state);
        loop {
            if let Some(piece) = state.pieces.pop_front() {
                return Some(piece);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives back the text of a piece that is done.
    pub(super) fn done(&self, mut text: Vec<u8>) {
        text.clear();
        let mut state = lock(&self.state);
        if state.spare.len() <= WAITING * state.helping {
            state.spare.push(text);
        }
    }

    /// An empty text for the next piece.
    pub(super) fn empty(&self) -> Vec<u8> {
        lock(&self.state).spare.pop().unwrap_or_default()
    }
}
