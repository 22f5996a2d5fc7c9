//! Closed sessions on their way out, in the order in which their closes came.

use std::collections::VecDeque;

use super::session::Words;

/// A closed session in the queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queued {
    pub(super) entry: u32,
    /// Bytes of its texts.
    text: u32,
}

/// Closed sessions in the order in which their closes came, and the texts of the closes.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) sessions: VecDeque<Queued>,
    /// The number of the first; numbers begin again behind the last.
    pub(super) first: u32,
    texts: Vec<u8>,
    /// What counts as the place of the first text; places begin again behind the last.
    base: u32,
    /// Bytes of texts that nobody needs any more.
    over: usize,
}

impl Queue {
    /// Puts a session at the end: its number, and the place of its texts.
    #[inline]
    pub(super) fn push(&mut self, entry: u32, user: &[u8], rest: &[u8]) -> (u32, u32) {
        let number = self.first.wrapping_add(self.sessions.len() as u32);
        let place = self.base.wrapping_add(self.texts.len() as u32);
        self.texts.extend_from_slice(user);
        self.texts.extend_from_slice(rest);
        self.sessions.push_back(Queued { entry, text: (user.len() + rest.len()) as u32 });
        (number, place)
    }

    pub(super) fn pop(&mut self) {
        let Some(oldest) = self.sessions.pop_front() else { return };
        self.first = self.first.wrapping_add(1);
        self.over += oldest.text as usize;
        if self.over > 1 << 16 && self.over * 2 > self.texts.len() {
            self.texts.drain(..self.over);
            self.base = self.base.wrapping_add(self.over as u32);
            self.over = 0;
        }
    }

    pub(super) fn words(&self, place: u32, user: u16, rest: u16) -> Words<'_> {
        let from = place.wrapping_sub(self.base) as usize;
        Words::of(self.texts.get(from..).unwrap_or_default(), user, rest)
    }
}
