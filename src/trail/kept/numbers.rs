//! Columns of numbers: the smallest, and what the others have above it, byte by byte apart, so that like bytes stand together.
//!
//! A column whose numbers are all the same takes nine bytes, however many they are.

/// Appends a column.
pub(in crate::trail) fn put(out: &mut Vec<u8>, numbers: &[u64]) {
    let smallest = numbers.iter().copied().min().unwrap_or_default();
    let largest = numbers.iter().copied().max().unwrap_or_default();
    let planes = (u64::BITS - (largest - smallest).leading_zeros()).div_ceil(8);
    out.extend(smallest.to_le_bytes());
    out.push(planes as u8);
    for plane in 0..planes {
        out.extend(numbers.iter().map(|number| ((number - smallest) >> (8 * plane)) as u8));
    }
}

/// A column that is read.
#[derive(Clone, Copy, Default)]
pub(in crate::trail) struct Numbers<'a> {
    smallest: u64,
    count: usize,
    planes: &'a [u8],
}

impl<'a> Numbers<'a> {
    /// Takes a column of so many numbers off the front of a text.
    pub(in crate::trail) fn take(text: &mut &'a [u8], count: usize) -> Option<Numbers<'a>> {
        let (smallest, rest) = text.split_first_chunk()?;
        let (planes, rest) = rest.split_first()?;
        let length = usize::from(*planes).checked_mul(count).filter(|_| *planes <= 8)?;
        let (planes, rest) = rest.split_at_checked(length)?;
        *text = rest;
        Some(Numbers { smallest: u64::from_le_bytes(*smallest), count, planes })
    }

    /// The numbers from one on, as many as there is room for and at most to the end.
    #[inline]
    pub(in crate::trail) fn fill(&self, from: usize, numbers: &mut [u64]) {
        numbers.fill(self.smallest);
        for (plane, shift) in self.planes.chunks_exact(self.count.max(1)).zip((0..).step_by(8)) {
            let bytes = plane.get(from..).unwrap_or_default();
            for (number, byte) in numbers.iter_mut().zip(bytes) {
                *number = number.wrapping_add(u64::from(*byte) << shift);
            }
        }
    }
}

/// So many numbers are made at a time: few enough for those of all columns to stay in the first cache.
const BLOCK: usize = 128;

/// A column whose numbers are taken one after another.
pub(in crate::trail) struct Column<'a> {
    numbers: Numbers<'a>,
    next: usize,
    block: [u64; BLOCK],
}

impl<'a> Column<'a> {
    pub(in crate::trail) fn of(numbers: Numbers<'a>) -> Column<'a> {
        Column { numbers, next: 0, block: [0; BLOCK] }
    }

    /// The next number; behind the last one, any.
    #[inline]
    pub(in crate::trail) fn next(&mut self) -> u64 {
        let place = self.next % BLOCK;
        if place == 0 {
            self.numbers.fill(self.next, &mut self.block);
        }
        self.next += 1;
        self.block.get(place).copied().unwrap_or_default()
    }
}

/// A difference as a number that is small if it is.
#[inline]
pub(in crate::trail) fn zigzag(from: u64, to: u64) -> u64 {
    let difference = to.wrapping_sub(from) as i64;
    ((difference << 1) ^ (difference >> 63)) as u64
}

/// What [`zigzag`] came from.
#[inline]
pub(in crate::trail) fn zagzig(from: u64, zigzag: u64) -> u64 {
    from.wrapping_add((zigzag >> 1) ^ (zigzag & 1).wrapping_neg())
}
