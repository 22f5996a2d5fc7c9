//! The stamps and levels of written lines, for damage that needs to know them.

use super::time::{Zone, days, push_stamp};

const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// The instant and the offset of a line that begins with `[29/May/2019:10:44:56 +0200]`.
fn read_stamp(line: &[u8]) -> Option<(i64, i32)> {
    let text = line.get(..28).filter(|head| head[0] == b'[' && head[27] == b']').map(|head| &head[1..27])?;
    let number = |from: usize, to: usize| -> Option<i64> { std::str::from_utf8(&text[from..to]).ok()?.parse().ok() };
    let month = MONTHS.chunks(3).position(|name| name == &text[3..6])? as u32 + 1;
    let day = days(number(7, 11)?, month, number(0, 2)? as u32);
    let clock = (number(12, 14)? * 60 + number(15, 17)?) * 60 + number(18, 20)?;
    let offset = (number(22, 24)? * 60 + number(24, 26)?) * if text[21] == b'-' { -60 } else { 60 };
    Some((day * 86_400 + clock - offset, offset as i32))
}

/// The instant of a line's stamp.
pub(crate) fn stamp(line: &[u8]) -> Option<i64> {
    read_stamp(line).map(|(at, _)| at)
}

/// Writes another stamp in its place, so many seconds later.
pub(super) fn shift_stamp(line: &mut [u8], seconds: i64) {
    if let Some((at, offset)) = read_stamp(line) {
        let mut out = Vec::with_capacity(26);
        push_stamp(&mut out, at + seconds, Zone::Fixed(offset));
        line[1..27].copy_from_slice(&out);
    }
}

/// `Information`, in `… imapd[17849]: Account Information: login …`; nothing where there is none.
pub(super) fn level_word(line: &[u8]) -> &[u8] {
    let head = line.windows(3).position(|w| w == b"]: ").map_or(&[][..], |at| &line[at + 3..]);
    let category = head.split(|b| *b == b':').next().unwrap_or_default();
    category.rsplit(|b| *b == b' ').next().unwrap_or_default()
}
