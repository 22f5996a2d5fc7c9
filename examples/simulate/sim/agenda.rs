//! What will happen, in the order of time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Something that will happen, at a time in unix milliseconds. Events of one millisecond happen in
/// the order in which they were planned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event {
    pub(super) at: u64,
    pub(super) turn: u64,
    pub(super) what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A client connects to a stream.
    Connect(u32),
    /// A stream logs something else.
    Noise(u32),
    /// The connection in a slot does its next step.
    Step(u32),
    /// A store is restarted.
    Restart(u32),
    /// A process of a store crashes.
    Crash(u32),
    /// A process comes back: stream and its number there.
    Up(u32, u32),
}

/// All events to come. Only those of the nearest minute are kept in a heap, so that the heap stays
/// small however many sessions are open.
#[derive(Default)]
pub(super) struct Agenda {
    turn: u64,
    /// Events before this time are in `near`.
    horizon: u64,
    near: BinaryHeap<Reverse<Event>>,
    /// By minute.
    far: BTreeMap<u64, Vec<Event>>,
}

const MINUTE: u64 = 60_000;

impl Agenda {
    /// Notes an event, and returns its turn.
    pub(super) fn push(&mut self, at: u64, what: What) -> u64 {
        self.turn += 1;
        let event = Event { at, turn: self.turn, what };
        if at < self.horizon {
            self.near.push(Reverse(event));
        } else {
            self.far.entry(at / MINUTE).or_default().push(event);
        }
        self.turn
    }

    /// The next event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        while self.near.is_empty() {
            let (minute, events) = self.far.pop_first()?;
            self.horizon = (minute + 1) * MINUTE;
            self.near.extend(events.into_iter().map(Reverse));
        }
        self.near.pop().map(|event| event.0)
    }
}
