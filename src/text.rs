//! Text that came out of a log, made fit to be shown.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// Whether a character could steer a terminal or mislead an eye: controls, and marks that turn the direction of text.
pub(crate) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether a text is printable ASCII, and so shown as it is, one column a byte.
pub(crate) fn is_printable(bytes: &[u8]) -> bool {
    /// Of every byte of eight.
    const HIGHEST_BIT: u64 = u64::from_ne_bytes([0x80; 8]);
    const BLANK: u64 = u64::from_ne_bytes([b' '; 8]);
    const ONE: u64 = u64::from_ne_bytes([1; 8]);
    // Only of a byte before the blank, or behind the tilde, one of these has the highest bit; or of one behind such a byte.
    let others = |eight: &[u8; 8]| {
        let eight = u64::from_le_bytes(*eight);
        (eight | eight.wrapping_sub(BLANK) | eight.wrapping_add(ONE)) & HIGHEST_BIT
    };
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().fold(others(last), |all, eight| all | others(eight)) == 0,
        None => bytes.iter().fold(true, |all, b| all & (b' '..=b'~').contains(b)),
    }
}

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// How many columns of a terminal [`visible`] takes.
pub fn visible_width(bytes: &[u8]) -> usize {
    if is_printable(bytes) { bytes.len() } else { width(&visible(bytes)) }
}

/// Appends what [`visible`] gives; how many columns of a terminal it takes.
pub fn put_visible(text: &mut Vec<u8>, bytes: &[u8]) -> usize {
    if is_printable(bytes) {
        text.extend_from_slice(bytes);
        return bytes.len();
    }
    let shown = visible(bytes);
    text.extend_from_slice(shown.as_bytes());
    width(&shown)
}

/// Text for a terminal: control bytes as `\x1b`, characters that steer as `\u{202e}`, bytes that are no UTF-8 as `\xff`.
pub fn visible(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && (is_printable(bytes) || !text.chars().any(steers))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push_visible(&mut shown, c));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    Cow::Owned(shown)
}

fn push_visible(shown: &mut String, c: char) {
    match u32::from(c) {
        code if steers(c) && code < 0x80 => _ = write!(shown, "\\x{code:02x}"),
        code if steers(c) => _ = write!(shown, "\\u{{{code:x}}}"),
        _ => shown.push(c),
    }
}

/// Text for JSON, exact: UTF-8 as it is. Where bytes are no UTF-8, or the text has `\x` in it, backslashes are doubled and bytes that are no
/// UTF-8 are written as `\xff`; so two texts never look the same, and the bytes can be had back.
pub fn exact(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && (memchr::memchr(b'\\', bytes).is_none() || !text.contains("\\x"))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        shown.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    Cow::Owned(shown)
}

/// Text for databases, exact as well, and harmless where it is printed as it is: what [`visible`] writes otherwise is written so. Where
/// that is needed, or the text has `\x` or `\u{` in it, backslashes are doubled; so two texts never look the same.
pub fn harmless(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && ((is_printable(bytes) && !bytes.contains(&b'\\'))
            || !(text.chars().any(steers) || text.contains("\\x") || text.contains("\\u{")))
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                shown.push(c);
            }
            push_visible(&mut shown, c);
        }
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    Cow::Owned(shown)
}

/// The bytes that [`exact`] wrote so.
pub fn exact_bytes(text: &str) -> Vec<u8> {
    if !text.contains("\\x") {
        return text.as_bytes().to_vec();
    }
    let digit = |b: u8| match b {
        b'0'..=b'9' => b - b'0',
        _ => (b | 0x20).wrapping_sub(b'a') + 10,
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [b'\\', b'\\', after @ ..] => {
                bytes.push(b'\\');
                after
            }
            [b'\\', b'x', a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                bytes.push(digit(*a) * 16 + digit(*b));
                after
            }
            [first, after @ ..] => {
                bytes.push(*first);
                after
            }
            [] => return bytes,
        };
    }
}

/// So many of something, in a sentence.
pub fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_raw_reaches_a_terminal() {
        assert_eq!(visible(b"\x1b[31med\x07\xff"), "\\x1b[31med\\x07\\xff");
        assert_eq!(visible("a\u{9b}b\u{202e}c".as_bytes()), "a\\u{9b}b\\u{202e}c");
        assert_eq!(visible("\u{7f}\u{80}".as_bytes()), "\\x7f\\u{80}");
        assert_eq!(visible("jürgen".as_bytes()), "jürgen");
    }

    /// What is appended and measured by a shorter way is what [`visible`] gives.
    #[test]
    fn the_short_way_shows_the_same() {
        for bytes in
            [&b""[..], b"ed", b" ~", b"\x1b[31med", b"\x7f", b"\xff", "j\u{fc}rgen".as_bytes(), "\u{4e2d}".as_bytes()]
        {
            let mut text = b"before ".to_vec();
            let takes = put_visible(&mut text, bytes);
            assert_eq!(text, [b"before ", visible(bytes).as_bytes()].concat());
            assert_eq!([takes, visible_width(bytes)], [width(&visible(bytes)); 2]);
        }
        assert_eq!(["j\u{fc}", "\u{4e2d}\u{4e2d}", "\x1b"].map(|text| visible_width(text.as_bytes())), [2, 4, 4]);
    }

    #[test]
    fn every_byte_at_every_place() {
        for length in 1..20 {
            for byte in 0..=u8::MAX {
                for (place, others) in (0..length).flat_map(|place| [(place, b' '), (place, b'~')]) {
                    let mut text = vec![others; length];
                    text[place] = byte;
                    assert_eq!(is_printable(&text), (b' '..=b'~').contains(&byte), "{byte} at {place} of {length}");
                    // Whatever it does to the byte behind it.
                    let behind = (place + 1) % length;
                    text[behind] = byte;
                    assert_eq!(is_printable(&text), (b' '..=b'~').contains(&byte), "two of {byte} at {place}");
                }
            }
        }
        assert!(is_printable(b""));
    }

    #[test]
    fn text_in_databases_is_harmless_and_exact() {
        assert_eq!(harmless(b"a\\b"), "a\\b");
        assert_eq!(harmless(b"a\\b\x1b"), "a\\\\b\\x1b");
        assert_eq!(harmless("j\u{fc}rgen".as_bytes()), "j\u{fc}rgen");
        assert_eq!(harmless("\u{fc}\u{202e}".as_bytes()), "\u{fc}\\u{202e}");
        assert_eq!(harmless(b"\\u{202e}"), "\\\\u{202e}");
        assert_eq!(harmless("\u{9b}".as_bytes()), "\\u{9b}");
        assert_eq!(harmless(b"\x9b"), "\\x9b");
        assert_eq!(harmless(b"\\x9b"), "\\\\x9b");
    }

    #[test]
    fn exact_text() {
        assert_eq!(exact(b"a\\b\x1b"), "a\\b\x1b");
        assert_eq!(exact(b"a\\b\xff"), "a\\\\b\\xff");
        assert_eq!(exact(b"a\\xff"), "a\\\\xff");
        for bytes in [&b"a\\b\x1b"[..], b"a\\b\xff", b"a\\xff", b"\\\\x\xfe\\x41", b"", "j\u{fc}\u{202e}".as_bytes()] {
            assert_eq!(exact_bytes(&exact(bytes)), bytes);
        }
        assert_eq!(exact_bytes("\\x4"), b"\\x4");
    }
}
