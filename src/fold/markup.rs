//! Lines of XML: each may hold several entries.

use super::Folder;
use crate::grammar::markup;

impl Folder<'_> {
    /// Folds a line of XML. Each of its entries counts as a line, and all of them are found where it begins.
    pub(super) fn markup(&mut self, block: &[u8], line: &[u8], bytes: u64, place: u64) {
        let parts = markup(line);
        let mut begin = 0;
        for (i, (end, part)) in parts.iter().enumerate() {
            let raw = line.get(begin..*end).unwrap_or_default();
            let is_last = i + 1 == parts.len();
            let own = if is_last { bytes.saturating_sub(begin as u64) } else { raw.len() as u64 };
            self.tally.all.lines += u64::from(!is_last);
            let read = self.reader.markup(part, raw);
            self.take(block, raw, read, own, place);
            begin = *end;
        }
    }
}
