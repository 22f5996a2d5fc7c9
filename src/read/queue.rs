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
    /// Where it stands in the decoded text.
    pub(super) stand: Stand,
    pub(super) text: Vec<u8>,
    pub(super) years: Years,
}

/// Hands pieces to idle workers. A piece is taken only if somebody waits for it, so that none is left lying while its
/// text's later pieces are done: that would hold up the frontier.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Piece>,
    /// Workers that may still decode.
    busy: usize,
    /// Workers that wait.
    idle: usize,
}

impl Queue {
    /// A worker begins with claims of its own.
    pub(super) fn begin(&self) {
        lock(&self.state).busy += 1;
    }

    /// A worker has no more claims of its own.
    pub(super) fn end(&self) {
        lock(&self.state).busy -= 1;
        self.changed.notify_all();
    }

    /// Gives a piece to an idle worker; gives it back if there is none.
    pub(super) fn offer(&self, piece: Piece) -> Option<Piece> {
        let mut state = lock(&self.state);
        if state.pieces.len() >= state.idle {
            return Some(piece);
        }
        state.pieces.push_back(piece);
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
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
