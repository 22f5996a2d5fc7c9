//! The columns of a block, and how they lie one behind the other.
//!
//! The first byte says whether the last line has an end. A column of numbers is their count and their width in bytes, then the lowest bytes of all of them, then the next higher ones, up
//! to the width. A column of texts is its length, then its texts, each with a newline behind it. Counts and lengths are written as LEB128.

use memchr::memchr;

/// The columns of numbers, in the order in which they lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    /// Of each row its frame.
    Frame,
    /// Of each new frame its shape, and the words before and behind the pid.
    Shape,
    Before,
    Behind,
    /// Of each entry the digits' difference to those of the entry before, as [`signed`] has it.
    Digits,
    /// Of each entry the pid.
    Pid,
    /// Of each who the user.
    User,
    /// Of each new user the words before and behind the number, and the number + 1, or 0 where there is none.
    Head,
    Middle,
    Tail,
    /// Of each who [`PORT`], [`TEXT`] and [`HOME`] in one.
    Form,
    /// Of each address of its own that is no text, its octets.
    Octets,
    /// Of each address of its own that is a text, a word.
    Spelling,
    /// Of each port the port.
    Port,
    /// Of each login what follows the user, a word.
    LoginMore,
    /// Of each refused login its mechanism, a word.
    Mechanism,
    /// Of each refused login what follows the user's first word, a word.
    RefusedMore,
    /// Of each close how many logins back the one is that it ends, 0 for one that is not in the block.
    Back,
    /// Of each close its start, as difference to what is expected.
    Start,
    /// Of each close with its login in the block its duration, as difference to what is expected.
    Slip,
    /// Of each other close its duration.
    Duration,
    /// Of each close its numbers.
    BytesIn,
    BytesOut,
    Mailboxes,
    /// Of each close what follows, a word.
    CloseMore,
}

/// How many columns of numbers there are.
const NUMBERS: usize = Number::CloseMore as usize + 1;

/// The columns of texts, in the order in which they lie, behind those of numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text {
    /// All words, in the order in which they first come.
    Words,
    /// What entries without fields say.
    Messages,
    /// Lines that are no entries.
    Lines,
}

/// How many columns of texts there are.
const TEXTS: usize = Text::Lines as usize + 1;

/// A peer has a port.
pub(super) const PORT: u64 = 1;
/// Its address is a text.
pub(super) const TEXT: u64 = 2;
/// Its address is that of the same user before.
pub(super) const HOME: u64 = 4;

/// A difference as a small number: 0, −1, 1, −2, 2 …
pub(super) fn signed(difference: i64) -> u64 {
    (difference << 1 ^ difference >> 63) as u64
}

/// The difference of such a number.
pub(super) fn difference(signed: u64) -> i64 {
    (signed >> 1) as i64 ^ -((signed & 1) as i64)
}

/// Columns to be written.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Whether the last line has no newline.
    pub(super) is_open: bool,
    numbers: [Vec<u64>; NUMBERS],
    texts: [Vec<u8>; TEXTS],
}

impl Columns {
    pub(super) fn number(&mut self, column: Number, n: u64) {
        self.numbers[column as usize].push(n);
    }

    pub(super) fn text(&mut self, column: Text, text: &[u8]) {
        let column = &mut self.texts[column as usize];
        column.extend_from_slice(text);
        column.push(b'\n');
    }

    /// All of them as bytes, and where among these something begins that is not like what is before it.
    pub(super) fn write(&self) -> (Vec<u8>, Vec<usize>) {
        let mut out = vec![u8::from(self.is_open)];
        let mut seams = Vec::new();
        let widths = self.numbers.each_ref().map(|numbers| {
            let all = numbers.iter().fold(0, |all, n| all | n);
            all.checked_ilog2().map_or(0, |bit| bit / 8 + 1)
        });
        for (numbers, width) in self.numbers.iter().zip(widths) {
            length(numbers.len(), &mut out);
            out.push(width as u8);
        }
        self.texts.iter().for_each(|text| length(text.len(), &mut out));
        for (numbers, width) in self.numbers.iter().zip(widths) {
            for plane in 0..width {
                seams.push(out.len());
                out.extend(numbers.iter().map(|n| (n >> (8 * plane)) as u8));
            }
        }
        for text in &self.texts {
            seams.push(out.len());
            out.extend_from_slice(text);
        }
        (out, seams)
    }
}

/// A length as LEB128.
pub(super) fn length(length: usize, out: &mut Vec<u8>) {
    let mut rest = length;
    while rest > 0x7F {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A length of at most 32 bits from the beginning of some bytes, and what follows it.
pub(super) fn read_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (n, byte) in bytes.iter().enumerate().take(5) {
        length |= u64::from(byte & 0x7F) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(length).ok().filter(|l| u32::try_from(*l).is_ok())?, bytes.get(n + 1..)?));
        }
    }
    None
}

/// Columns to be read.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    /// Whether the last line has no newline.
    pub(super) is_open: bool,
    numbers: [Numbers<'a>; NUMBERS],
    texts: [&'a [u8]; TEXTS],
}

/// What is left of a column of numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Numbers<'a> {
    planes: &'a [u8],
    count: usize,
    next: usize,
}

impl<'a> Reading<'a> {
    /// Of the bytes that [`Columns::write`] gave. `None` where they do not add up.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Reading<'a>> {
        let mut sizes = [(0, 0); NUMBERS];
        let mut lengths = [0; TEXTS];
        let (is_open @ 0..=1, mut rest) = bytes.split_first()? else { return None };
        for (count, planes) in &mut sizes {
            (*count, rest) = read_length(rest)?;
            let (width @ 0..=8, behind) = rest.split_first()? else { return None };
            (*planes, rest) = (count.checked_mul(usize::from(*width))?, behind);
        }
        for length in &mut lengths {
            (*length, rest) = read_length(rest)?;
        }
        let mut numbers = [Numbers::default(); NUMBERS];
        for (numbers, (count, size)) in numbers.iter_mut().zip(sizes) {
            let planes;
            (planes, rest) = rest.split_at_checked(size)?;
            *numbers = Numbers { planes, count, next: 0 };
        }
        let mut texts = [&b""[..]; TEXTS];
        for (text, length) in texts.iter_mut().zip(lengths) {
            (*text, rest) = rest.split_at_checked(length)?;
        }
        rest.is_empty().then_some(Reading { is_open: *is_open == 1, numbers, texts })
    }

    /// Whether a column of numbers has no more.
    pub(super) fn is_over(&self, column: Number) -> bool {
        let numbers = &self.numbers[column as usize];
        numbers.next == numbers.count
    }

    /// The next number of a column.
    #[inline]
    pub(super) fn number(&mut self, column: Number) -> Option<u64> {
        let numbers = &mut self.numbers[column as usize];
        if numbers.next == numbers.count {
            return None;
        }
        let (mut at, mut shift, mut number) = (numbers.next, 0, 0);
        while let Some(byte) = numbers.planes.get(at) {
            number |= u64::from(*byte) << shift;
            at += numbers.count;
            shift += 8;
        }
        numbers.next += 1;
        Some(number)
    }

    /// The next text of a column.
    pub(super) fn text(&mut self, column: Text) -> Option<&'a [u8]> {
        let column = &mut self.texts[column as usize];
        let (text, rest) = column.split_at_checked(memchr(b'\n', column)?)?;
        *column = rest.get(1..)?;
        Some(text)
    }
}
