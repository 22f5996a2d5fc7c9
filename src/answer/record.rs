//! The fields of records, written so that the bytes of records sort as their rows do.

use std::borrow::Cow;

use crate::model::{Evidence, Instant, Stamp};

/// A text whose bytes sort as it does, also before others: a zero byte in it is followed by a one, two of them end it.
pub(super) fn put_text(record: &mut Vec<u8>, text: &[u8]) {
    let mut rest = text;
    while let Some(zero) = memchr::memchr(0, rest) {
        let (before, behind) = rest.split_at(zero + 1);
        record.extend_from_slice(before);
        record.push(1);
        rest = behind;
    }
    record.extend_from_slice(rest);
    record.extend([0, 0]);
}

pub(super) fn put_instant(record: &mut Vec<u8>, at: Instant) {
    record.extend((at ^ Instant::MIN).to_be_bytes());
}

/// None sorts before all others.
pub(super) fn put_stamp(record: &mut Vec<u8>, stamp: Option<Stamp>) {
    record.push(u8::from(stamp.is_some()));
    let Stamp { at, offset } = stamp.unwrap_or_default();
    put_instant(record, at);
    record.extend(offset.to_le_bytes());
}

/// How many bytes follow and one, and those: most numbers are small. None sorts before all others.
pub(super) fn put_number(record: &mut Vec<u8>, number: Option<u64>) {
    let Some(number) = number else { return record.push(0) };
    let zeros = number.leading_zeros() / 8;
    record.push(9 - zeros as u8);
    record.extend_from_slice(number.to_be_bytes().get(zeros as usize..).unwrap_or_default());
}

/// The end of a record: lines that it rests on, if evidence is asked for. Of records that are alike but for it, the one with the
/// smallest comes first.
pub(super) fn put_evidence<const N: usize>(record: &mut Vec<u8>, evidence: [Option<Evidence>; N]) {
    if evidence.iter().all(Option::is_none) {
        return;
    }
    for line in evidence {
        record.push(u8::from(line.is_some()));
        record.extend(line.map_or([0; Evidence::BYTES], Evidence::to_bytes));
    }
}

/// How many bytes [`put_evidence`] puts there.
pub(super) fn evidence_length<const N: usize>(evidence: [Option<Evidence>; N]) -> usize {
    if evidence.iter().all(Option::is_none) { 0 } else { N * (1 + Evidence::BYTES) }
}

/// The fields of a record that are left.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn of(record: &'a [u8]) -> Fields<'a> {
        Fields(record)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Their bytes.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        let mut text = Cow::Borrowed(&[][..]);
        loop {
            let zero = memchr::memchr(0, self.0)?;
            let (before, behind) = self.0.split_at(zero);
            let [_, mark, rest @ ..] = behind else { return None };
            self.0 = rest;
            if text.is_empty() && *mark == 0 {
                return Some(Cow::Borrowed(before));
            }
            text.to_mut().extend_from_slice(before);
            if *mark == 0 {
                return Some(text);
            }
            text.to_mut().push(0);
        }
    }

    pub(super) fn instant(&mut self) -> Option<Instant> {
        self.take().map(|bytes| Instant::from_be_bytes(bytes) ^ Instant::MIN)
    }

    pub(super) fn stamp(&mut self) -> Option<Option<Stamp>> {
        let there = self.byte()? != 0;
        let stamp = Stamp { at: self.instant()?, offset: i16::from_le_bytes(self.take()?) };
        Some(there.then_some(stamp))
    }

    /// Lines that come next, or none where something else does, which begins with another byte than 0 and 1.
    pub(super) fn evidence<const N: usize>(&mut self) -> Option<[Option<Evidence>; N]> {
        let mut evidence = [None; N];
        if self.0.first().is_some_and(|there| *there <= 1) {
            for line in &mut evidence {
                let there = self.byte()? != 0;
                let at = Evidence::of_bytes(self.take()?);
                *line = there.then_some(at);
            }
        }
        Some(evidence)
    }

    pub(super) fn number(&mut self) -> Option<Option<u64>> {
        let Some(length) = self.byte()?.checked_sub(1) else { return Some(None) };
        let (bytes, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        let mut number = [0; 8];
        number.get_mut(8_usize.checked_sub(bytes.len())?..)?.copy_from_slice(bytes);
        Some(Some(u64::from_be_bytes(number)))
    }
}
