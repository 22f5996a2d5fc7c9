//! Data for the page's script, as JSON inside of a script element.

use maud::PreEscaped;
use serde::Serialize;

/// A value as JSON that cannot end its element, begin a comment or break a line of script: what could is written as `\u003c`. Such
/// characters stand only inside of JSON's strings, where that means the same.
pub(super) fn embedded(value: &impl Serialize) -> PreEscaped<String> {
    let plain = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => text.push(c),
        }
    }
    PreEscaped(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_element() {
        let nasty = "</script><!--<script>&amp;\u{2028}\u{2029}\"\\";
        let PreEscaped(text) = embedded(&[nasty]);
        assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{text}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), [nasty]);
    }
}
