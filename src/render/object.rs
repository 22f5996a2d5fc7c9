//! An object in JSON, written field by field straight into a text: an answer may have millions of them.

use std::borrow::Cow;

use wide::u8x16;

use super::json::put;
use crate::model::Stamp;
use crate::text::exact;
use crate::times::{Zone, push_rfc3339};

/// An object on its way into a text.
pub(super) struct Object<'o> {
    zone: Zone,
    out: &'o mut Vec<u8>,
}

/// What can be the value of a field.
pub(super) trait Value {
    /// Appends it; times are shown in this zone.
    fn put(self, zone: Zone, out: &mut Vec<u8>);
}

impl<'o> Object<'o> {
    /// An object without a field.
    pub(super) fn new(zone: Zone, out: &'o mut Vec<u8>) -> Object<'o> {
        out.push(b'{');
        Object { zone, out }
    }

    /// Adds a field. Its key is one of ours, which needs no escapes.
    // With the key known to the compiler, it takes one or two instructions to write.
    #[inline(always)]
    pub(super) fn field(self, key: &'static str, value: impl Value) -> Object<'o> {
        let Object { zone, out } = self;
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        value.put(zone, out);
        Object { zone, out }
    }

    /// Adds a field, if there is a value.
    #[inline(always)]
    pub(super) fn field_if(self, key: &'static str, value: Option<impl Value>) -> Object<'o> {
        match value {
            Some(value) => self.field(key, value),
            None => self,
        }
    }

    /// Adds several fields, as `add` does.
    pub(super) fn with(self, add: impl FnOnce(Object<'o>) -> Object<'o>) -> Object<'o> {
        add(self)
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

/// Whether sixteen bytes are plain: of ASCII, seen, and neither a quote nor a backslash.
#[inline(always)]
fn are_plain(bytes: &[u8; 16]) -> bool {
    let bytes = u8x16::new(*bytes);
    let from_blank = bytes - u8x16::splat(b' ');
    let seen = from_blank.min(u8x16::splat(b'~' - b' ')).cmp_eq(from_blank);
    let escaped = bytes.cmp_eq(u8x16::splat(b'"')) | bytes.cmp_eq(u8x16::splat(b'\\'));
    seen.move_mask() & !escaped.move_mask() == 0xFFFF
}

/// Whether a text means itself in JSON and steers no terminal. Some of its bytes are looked at twice.
fn is_plain(text: &[u8]) -> bool {
    let mut both = [b' '; 16];
    let (first, last) = both.split_at_mut(8);
    if let Some(end) = text.last_chunk::<16>() {
        return text.as_chunks().0.iter().all(are_plain) && are_plain(end);
    } else if let (Some(head), Some(tail)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        first.copy_from_slice(head);
        last.copy_from_slice(tail);
    } else {
        first.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    }
    are_plain(&both)
}

#[inline(always)]
fn put_plain(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text);
    out.push(b'"');
}

#[cold]
fn put_escaped(text: &str, out: &mut Vec<u8>) {
    // A vector takes all.
    _ = put(&text, out);
}

impl Value for &[u8] {
    /// A text out of a log, as [`exact`] has it.
    fn put(self, _: Zone, out: &mut Vec<u8>) {
        if is_plain(self) { put_plain(self, out) } else { put_escaped(&exact(self), out) }
    }
}

impl Value for &str {
    /// As it is.
    fn put(self, _: Zone, out: &mut Vec<u8>) {
        if is_plain(self.as_bytes()) { put_plain(self.as_bytes(), out) } else { put_escaped(self, out) }
    }
}

/// A word of ours, which needs no escapes.
pub(super) struct Word(pub(super) &'static str);

impl Value for Word {
    // As with keys, one that the compiler knows takes few instructions to write.
    #[inline(always)]
    fn put(self, _: Zone, out: &mut Vec<u8>) {
        put_plain(self.0.as_bytes(), out);
    }
}

impl Value for &Cow<'_, [u8]> {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        self.as_ref().put(zone, out);
    }
}

impl Value for Stamp {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        out.push(b'"');
        push_rfc3339(out, self, zone);
        out.push(b'"');
    }
}

/// A number.
macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Value for $number {
            fn put(self, _: Zone, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(self).as_bytes());
            }
        }
    )*};
}

numbers!(u32 u64 i64 usize);

impl<V: Value> Value for Option<V> {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(zone, out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

/// Values one after another.
pub(super) struct List<I>(pub(super) I);

impl<I: Iterator<Item: Value>> Value for List<I> {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        out.push(b'[');
        for (number, value) in self.0.enumerate() {
            if number > 0 {
                out.push(b',');
            }
            value.put(zone, out);
        }
        out.push(b']');
    }
}

/// An object in a field.
pub(super) struct Nested<F>(F);

/// An object in a field: `fields` adds what it has.
pub(super) fn nested<F: FnOnce(Object<'_>) -> Object<'_>>(fields: F) -> Nested<F> {
    Nested(fields)
}

impl<F: FnOnce(Object<'_>) -> Object<'_>> Value for Nested<F> {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        (self.0)(Object::new(zone, out)).end();
    }
}

impl Value for &[&'static str] {
    fn put(self, zone: Zone, out: &mut Vec<u8>) {
        List(self.iter().copied().map(Word)).put(zone, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: impl Value) -> String {
        let mut out = Vec::new();
        value.put(Zone::Log, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn texts_are_escaped_as_elsewhere() {
        for length in 0..60 {
            let text = vec![b'x'; length];
            assert!(is_plain(&text), "{length} bytes");
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = text.clone();
                    text[at] = byte;
                    let plain = matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
                    assert_eq!(is_plain(&text), plain, "{byte} at {at} of {length}");
                }
            }
        }
        let long = "x".repeat(200);
        for text in [
            "",
            "ed",
            "a\"b",
            "a\\b",
            "a\\x41",
            "j\u{fc}rgen",
            "\u{202e}",
            "a\tb",
            "~\u{7f}",
            &long,
            &format!("{long}\n"),
        ] {
            let mut expected = Vec::new();
            put(&exact(text.as_bytes()), &mut expected).expect("a vector takes all");
            assert_eq!(shown(text.as_bytes()).as_bytes(), expected, "{text:?}");
            assert_eq!(serde_json::from_str::<String>(&shown(text)).ok().as_deref(), Some(text));
        }
        assert_eq!(shown(&b"\xff"[..]), r#""\\xff""#);
    }

    #[test]
    fn an_object() {
        let mut out = Vec::new();
        let stamp = Stamp { at: 1_559_124_000, offset: 120 };
        Object::new(Zone::Utc, &mut out)
            .field("time", stamp)
            .field("none", None::<u64>)
            .field_if("left_out", None::<u64>)
            .field("number", -7_i64)
            .field("list", List([1_u32, 2].into_iter()))
            .field("words", &["a", "b"][..])
            .field("empty", List(std::iter::empty::<u32>()))
            .field("nested", nested(|object| object.field("number", 1_u32)))
            .end();
        let expected = concat!(
            r#"{"time":"2019-05-29T10:00:00Z","none":null,"number":-7,"list":[1,2],"words":["a","b"],"empty":[],"#,
            r#""nested":{"number":1}}"#
        );
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
