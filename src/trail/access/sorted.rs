//! Last accesses as rows are made of them: in the order of the users' bytes.

use std::ops::Range;

use super::Access;
use super::entry::{Entry, Lines};
use crate::model::{Service, Stamp};

/// The entries of a [`LastAccess`](super::LastAccess) in the order of the users' bytes.
pub struct Sorted {
    pub(super) long: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    /// The lines of the entries, if evidence is asked for.
    pub(super) lines: Vec<Lines>,
}

impl std::fmt::Debug for Sorted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sorted({} entries)", self.entries.len())
    }
}

impl Sorted {
    /// Where to cut into parts of about so many entries, no user being in two parts. One part at least.
    pub fn parts(&self, size: usize) -> Vec<Range<usize>> {
        let name = |at: usize| self.entries.get(at).map(|entry| entry.name(&self.long));
        let mut parts = Vec::new();
        let mut from = 0;
        while from < self.entries.len() {
            let mut to = from.saturating_add(size.max(1)).min(self.entries.len());
            while to < self.entries.len() && name(to) == name(to - 1) {
                to += 1;
            }
            parts.push(from..to);
            from = to;
        }
        if parts.is_empty() {
            parts.push(Range::default());
        }
        parts
    }

    /// The accesses of a part, whosever they are, without lines.
    pub fn accesses(&self, part: Range<usize>) -> impl Iterator<Item = Access> {
        self.entries.get(part).unwrap_or_default().iter().map(|entry| entry.access(None))
    }

    /// The users of a part, with their accesses.
    pub fn users(&self, part: Range<usize>) -> impl Iterator<Item = (&[u8], Accesses<'_>)> {
        let same = |a: &Entry, b: &Entry| a.name == b.name && a.name(&self.long) == b.name(&self.long);
        let mut lines = self.lines.get(part.clone()).unwrap_or_default();
        let of_user = self.entries.get(part).unwrap_or_default().chunk_by(same);
        of_user.filter_map(move |entries| {
            let (ours, others) = lines.split_at_checked(entries.len()).unwrap_or_default();
            lines = others;
            Some((entries.first()?.name(&self.long), Accesses { entries, lines: ours }))
        })
    }
}

/// The accesses of one user, over one service each.
#[derive(Clone, Copy, Default)]
pub struct Accesses<'a> {
    pub(super) entries: &'a [Entry],
    /// Of each entry, or none.
    pub(super) lines: &'a [Lines],
}

impl std::fmt::Debug for Accesses<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Accesses<'_> {
    /// That over a service.
    #[inline]
    pub fn over(&self, service: Service) -> Option<Access> {
        let (number, entry) = self.entries.iter().enumerate().find(|(_, entry)| entry.service == service)?;
        Some(entry.access(self.lines.get(number)))
    }

    /// When the last of that over a service was.
    #[inline]
    pub fn last_over(&self, service: Service) -> Option<Stamp> {
        self.entries.iter().find(|entry| entry.service == service).and_then(Entry::last)
    }

    /// All of them, in the order of the services.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Access> {
        self.entries.iter().enumerate().map(|(number, entry)| entry.access(self.lines.get(number)))
    }
}
