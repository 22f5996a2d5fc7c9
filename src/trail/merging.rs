//! Many trails, merged as they come, with one or two of them in memory beside what they come to.

use super::{LastAccess, Trail};
use crate::streams::Streams;

/// Trails that are merged one after another.
///
/// What is known of users goes through memory in order. A list of a hundred million users would go through it once for each trail, so lists
/// wait until others of their length have come: each entry is gone through so many times as the number of trails has binary digits.
#[derive(Debug, Default)]
pub struct Merging {
    trail: Trail,
    /// Last accesses in order, each more than twice as long as the next.
    waiting: Vec<LastAccess>,
    /// Memory for the next list: to ask for it anew takes longer than to merge.
    spare: LastAccess,
}

/// Lists of more entries are given back, not kept.
const SPARE: usize = 1 << 20;

impl Merging {
    /// Takes one more trail.
    pub fn add(&mut self, mut trail: Trail, streams: &Streams) {
        let mut access = std::mem::take(&mut trail.access);
        self.trail = std::mem::take(&mut self.trail).merge(trail, streams);
        access.settle(streams);
        access.put_in_order();
        while let Some(last) = self.waiting.pop_if(|last| last.len() <= 2 * access.len()) {
            let mut both = std::mem::take(&mut self.spare);
            both.become_both(&last, &access, streams);
            access = both;
            if last.len() <= SPARE {
                self.spare = last;
            }
        }
        if !access.is_empty() {
            self.waiting.push(access);
        }
    }

    /// What all of them know.
    pub fn finish(self, streams: &Streams) -> Trail {
        let Merging { mut trail, waiting, .. } = self;
        trail.access = waiting.into_iter().rev().fold(LastAccess::default(), |few, many| many.merge(few, streams));
        trail
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Doubt, Service, Stamp};
    use crate::trail::Last;

    /// Each list that waits is more than twice as long as the next, whatever comes: so there are few of them.
    #[test]
    fn few_lists_wait() {
        let (streams, mut merging) = (Streams::default(), Merging::default());
        let stream = streams.id(b"store1", Service::Imap);
        let stamp = Stamp { at: 1_559_000_000, offset: 120 };
        let last = Some(Last { stamp, stream, from_login: true, doubt: Doubt::default(), evidence: None });
        let mut users = 0;
        for n in 0..200_u64 {
            let mut trail = Trail::default();
            for _ in 0..n * 7 % 23 {
                users += 1;
                let name = format!("user{users}");
                trail.access.add(name.as_bytes(), Service::Imap, [last, None], None, &streams);
            }
            merging.add(trail, &streams);
            let lengths: Vec<usize> = merging.waiting.iter().map(LastAccess::len).collect();
            assert!(lengths.windows(2).all(|two| two[0] > 2 * two[1]), "{lengths:?}");
            assert_eq!(lengths.iter().sum::<usize>(), users);
        }
        assert_eq!(merging.finish(&streams).access.len(), users);
    }
}
