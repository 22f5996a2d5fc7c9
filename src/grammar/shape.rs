//! The shape of a message that no template names: its words, with everything that varies masked.

/// How many words of a message make its shape.
const WORDS: usize = 10;
/// A word longer than this is masked: it is more likely a name than language.
const LONGEST: usize = 18;

/// `Unable to open mailbox user/ed: 5` becomes `Unable to open mailbox # #`: only words of ASCII letters and
/// closing punctuation stay, so that no address, number or user name is in a shape.
pub fn shape(message: &[u8]) -> String {
    let mut words: Vec<&str> = message
        .split(|&b| b == b' ')
        .filter(|w| !w.is_empty())
        .take(WORDS)
        .map(|word| match std::str::from_utf8(word) {
            Ok(text) if is_language(text) => text,
            _ => "#",
        })
        .collect();
    words.dedup_by(|a, b| *a == "#" && *b == "#");
    words.join(" ")
}

fn is_language(word: &str) -> bool {
    let bare = word.trim_end_matches([',', ':', ';', '.', '!']).trim_start_matches('(').trim_end_matches(')');
    word.len() <= LONGEST && !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn shapes() {
        for (message, masked) in [
            ("Unable to open mailbox user/ed: Mailbox does not exist", "Unable to open mailbox # Mailbox does not exist"),
            ("(id 1019831) badguy 192.12.87.25 now", "(id # badguy # now"),
            ("\x1b[31m ed@example.com 7", "#"),
            ("", ""),
        ] {
            assert_eq!(shape(message.as_bytes()), masked, "{message:?}");
        }
    }
}
