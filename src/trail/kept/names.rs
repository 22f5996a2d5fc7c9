//! Names in order as columns: how many bytes each has in common with the one before it, how many follow, and those.

use std::cmp::Ordering;

use super::numbers::{self, Column, Numbers};

/// Names on their way into columns.
#[derive(Default)]
pub(in crate::trail) struct Packing {
    shared: Vec<u64>,
    lengths: Vec<u64>,
    text: Vec<u8>,
}

impl Packing {
    /// Adds a name, which stands behind `before` or is the same.
    #[inline]
    pub(in crate::trail) fn push(&mut self, name: &[u8], before: &[u8]) {
        let shared = name.iter().zip(before).take_while(|(a, b)| a == b).count();
        let rest = name.get(shared..).unwrap_or_default();
        self.shared.push(shared as u64);
        self.lengths.push(rest.len() as u64);
        self.text.extend_from_slice(rest);
    }

    /// How long they are, without what they have in common.
    pub(in crate::trail) fn len(&self) -> usize {
        self.text.len()
    }

    /// How many there are.
    pub(in crate::trail) fn count(&self) -> usize {
        self.shared.len()
    }

    /// Appends the columns.
    pub(in crate::trail) fn put(&self, out: &mut Vec<u8>) {
        numbers::put(out, &self.shared);
        numbers::put(out, &self.lengths);
        out.extend_from_slice(&self.text);
    }
}

/// Names that are read.
pub(in crate::trail) struct Names<'a> {
    shared: Column<'a>,
    lengths: Column<'a>,
    text: &'a [u8],
    /// The last one.
    name: Vec<u8>,
}

impl<'a> Names<'a> {
    /// So many names, which take all that is left of a text.
    pub(in crate::trail) fn of(mut text: &'a [u8], count: usize) -> Option<Names<'a>> {
        let shared = Column::of(Numbers::take(&mut text, count)?);
        let lengths = Column::of(Numbers::take(&mut text, count)?);
        Some(Names { shared, lengths, text, name: Vec::new() })
    }

    /// The next name, and whether it stands behind the one before it (`Greater`) or is the same.
    ///
    /// None where it would stand before it, shares more than there is or is longer than any name, or where the text has ended.
    #[inline]
    pub(in crate::trail) fn next(&mut self) -> Option<(&[u8], Ordering)> {
        let shared = usize::try_from(self.shared.next()).ok()?;
        let length = usize::try_from(self.lengths.next()).ok()?;
        let (rest, text) = self.text.split_at_checked(length)?;
        self.text = text;
        let order = match (self.name.get(shared), rest.first()) {
            (None, None) if shared == self.name.len() => Ordering::Equal,
            (None, Some(_)) if shared == self.name.len() => Ordering::Greater,
            (Some(before), Some(next)) if next > before => Ordering::Greater,
            _ => return None,
        };
        self.name.truncate(shared);
        self.name.extend_from_slice(rest);
        (self.name.len() <= usize::from(u16::MAX)).then_some((&self.name, order))
    }

    /// Whether nothing is left.
    pub(in crate::trail) fn are_over(&self) -> bool {
        self.text.is_empty()
    }
}
