//! Drafts: a template made out of one message that no template reads.
//!
//! Words that servers are known to say stay, everything else becomes a hole of the narrowest terminal that reads it. The
//! draft always fits the message that it was made of, and messages of one form give one draft, so that drafts can be counted.

use super::fields::{duration, number, start};
use super::hole::Fields;
use super::matcher::Program;
use super::peer::peer;
use super::shape::is_language;
use super::template::compile;

/// How many words of a message are looked at. What stands behind them is the rest.
const WORDS: usize = 24;
/// The longest name before a `=` that is taken for one, in bytes.
const KEY: usize = 24;

/// A template's text for messages like this one; none where nothing in it could be told from what varies.
pub fn draft(message: &[u8]) -> Option<String> {
    let of = |words: Words| {
        let text = text(&pieces(message, words));
        compile(&text).is_ok().then_some(text)
    };
    // Where no word is known, those that are nothing but letters must do.
    of(Words::Known).or_else(|| of(Words::OfLetters))
}

/// A template by itself, which can be tried.
#[derive(Clone, Debug)]
pub struct Pattern(Program);

impl Pattern {
    /// Of a template's text, if it compiles.
    pub fn new(text: &str) -> Option<Pattern> {
        compile(text).ok().map(|(ops, _)| Pattern(Program::new(&ops)))
    }

    /// Whether it fits a whole message. It knows no reasons.
    pub fn fits(&self, message: &[u8]) -> bool {
        self.0.run(message, &[], &mut Fields::default())
    }
}

/// Which words stay as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    Known,
    OfLetters,
}

/// A part of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Text that stays.
    Text(String),
    /// A hole that this terminal reads.
    Hole(&'static str),
    /// A run of words: any text.
    Run,
}

const WORD: Piece = Piece::Hole("word");

/// Bytes that part words from each other, and stay.
fn parts(byte: u8) -> bool {
    byte.is_ascii_punctuation()
        && !matches!(byte, b'.' | b'-' | b'_' | b'/' | b'@' | b'+' | b'#' | b':' | b'%' | b'&' | b'*')
}

/// A message in pieces.
fn pieces(message: &[u8], words: Words) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = message;
    for _ in 0..WORDS {
        let blanks = rest.iter().take_while(|b| **b == b' ').count();
        push_text(&mut pieces, &" ".repeat(blanks));
        rest = rest.get(blanks..).unwrap_or_default();
        if rest.is_empty() {
            return pieces;
        }
        if let Ok((behind, _)) = start(rest)
            && behind.first().is_none_or(|b| *b == b' ')
        {
            pieces.push(Piece::Hole("start"));
            rest = behind;
            continue;
        }
        let (word, behind) = rest.split_at(memchr::memchr(b' ', rest).unwrap_or(rest.len()));
        split(word, words, &mut pieces);
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Hole("rest"));
    }
    pieces
}

/// Splits a word at its punctuation.
fn split(word: &[u8], words: Words, pieces: &mut Vec<Piece>) {
    let mut rest = word;
    while let Some(first) = rest.first() {
        if let (b'[', Ok((behind, _))) = (first, peer(rest.get(1..).unwrap_or_default()))
            && behind.first() == Some(&b']')
        {
            push_text(pieces, "[");
            pieces.push(Piece::Hole("peer"));
            rest = behind;
        } else if parts(*first) {
            push_text(pieces, &char::from(*first).to_string());
            rest = rest.get(1..).unwrap_or_default();
        } else {
            let (chunk, behind) = rest.split_at(rest.iter().position(|b| parts(*b)).unwrap_or(rest.len()));
            chunk_of(chunk, behind.first() == Some(&b'='), words, pieces);
            rest = behind;
        }
    }
}

/// A word without punctuation that parts it; `names` if a `=` stands behind it.
fn chunk_of(chunk: &[u8], names: bool, words: Words, pieces: &mut Vec<Piece>) {
    // What ends a sentence stays, if it stands nowhere else.
    let end = chunk.last().filter(|end| matches!(end, b'.' | b':') && chunk.iter().filter(|b| b == end).count() == 1);
    let (chunk, end) = match end {
        Some(end) if chunk.len() > 1 => {
            (chunk.get(..chunk.len() - 1).unwrap_or_default(), char::from(*end).to_string())
        }
        _ => (chunk, String::new()),
    };
    let text = std::str::from_utf8(chunk).unwrap_or_default();
    let is_name = |longest: usize| {
        let is_letter = |b: &u8| b.is_ascii_alphabetic() || (names && matches!(b, b'_' | b'-'));
        chunk.len() <= longest && chunk.iter().all(is_letter)
    };
    let whole = |read: Option<&[u8]>| read == Some(&[]);
    if chunk.iter().all(u8::is_ascii_punctuation)
        || (!text.is_empty() && is_language(text))
        || ((names || words == Words::OfLetters) && is_name(KEY))
    {
        push_text(pieces, text);
    } else if whole(number(chunk).ok().map(|(rest, _)| rest)) {
        pieces.push(Piece::Hole("number"));
    } else if whole(duration(chunk).ok().map(|(rest, _)| rest)) {
        pieces.push(Piece::Hole("duration"));
    } else {
        pieces.push(WORD);
    }
    push_text(pieces, &end);
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

/// The template. Several words of which nothing is known, one behind the other, are one hole: the rest, or one text.
fn text(pieces: &[Piece]) -> String {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        let is_run = |piece: &Piece| *piece == WORD || *piece == Piece::Run;
        if *piece == WORD
            && let [.., before, Piece::Text(blank)] = joined.as_slice()
            && is_run(before)
            && blank == " "
        {
            joined.truncate(joined.len() - 2);
            joined.push(Piece::Run);
        } else {
            joined.push(piece.clone());
        }
    }
    if joined.last() == Some(&Piece::Run) {
        joined.pop();
        joined.push(Piece::Hole("rest"));
    }
    let mut text = String::new();
    let mut texts = 0;
    for (i, piece) in joined.iter().enumerate() {
        match piece {
            Piece::Text(literal) => text.push_str(&literal.replace('{', "{{").replace('}', "}}")),
            Piece::Hole("word") => text.push_str("{_}"),
            Piece::Hole(terminal) => text.push_str(&format!("{{_:{terminal}}}")),
            // Of a second run nobody could say where it ends: from there on all is the rest.
            Piece::Run if texts > 0 || !matches!(joined.get(i + 1), Some(Piece::Text(_))) => {
                text.push_str("{_:rest}");
                break;
            }
            Piece::Run => {
                texts += 1;
                text.push_str("{_:text}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn drafts() {
        for (message, expected) in [
            (
                "Unable to open mailbox user/ed: Mailbox does not exist",
                "Unable to open mailbox {_}: Mailbox does not exist",
            ),
            (
                "(id 1019831) badguy 192.12.87.25 now has 3 badness",
                "({_} {_:number}) badguy {_} now has {_:number} badness",
            ),
            ("Quota exceeded for ann (over limit).", "Quota exceeded for {_} (over limit)."),
            ("auth ok [192.0.2.77:40718] uid=bo mech=CRAM-MD5 tls=1.2", "auth ok [{_:peer}] uid={_} mech={_} tls={_}"),
            ("ed logged in from Den Haag by IMAP", "{_} logged in from {_:text} by IMAP"),
            ("user ed smith jones", "user {_:rest}"),
            ("user x y to z w to v u", "user {_:text} to {_:rest}"),
            ("alarm=disk|value=8|time=11/Jun/2019:15:15:01 +0200", "alarm=disk|value={_:number}|time={_:rest}"),
            ("close 2019/5/29 8:39:42 0:06:35  7", "close {_:start} {_:duration}  {_:number}"),
            ("frobnicated 17 widgets", "frobnicated {_:number} widgets"),
            ("error {1}", "error {{{_:number}}}"),
            ("error ", "error "),
            ("error 18446744073709551616", "error {_}"),
        ] {
            assert_eq!(draft(message.as_bytes()).as_deref(), Some(expected), "{message}");
        }
        for message in ["", "17", "17 42", "...", "\u{1b}[31m7", "user7"] {
            assert_eq!(draft(message.as_bytes()), None, "{message}");
        }
    }

    #[test]
    fn a_draft_fits_its_message() {
        let words: [&[u8]; 24] = [
            b"error",
            b"login",
            b"ed",
            b"a:b:",
            b"x=",
            b"=",
            b"[192.0.2.7:1]",
            b"[1]",
            b"7",
            b"{",
            b"}}",
            b"2019/5/29",
            b"8:39:42",
            b"",
            b" ",
            b"\xff\xfe",
            b"(over",
            b"limit).",
            b"a|b=c",
            b"<i@j>",
            b"0:00:01.",
            b"\x1b[0m",
            b"::",
            b"of.",
        ];
        let mut random = Random(20_190_529);
        let mut dice = |sides| random.place(sides);
        for _ in 0..20_000 {
            let count = dice(32);
            let message: Vec<u8> = (0..count)
                .flat_map(|_| [words[dice(words.len())], if dice(4) > 0 { b" " } else { b"" }].concat())
                .collect();
            let Some(text) = draft(&message) else { continue };
            assert!(Pattern::new(&text).unwrap().fits(&message), "{text}: {}", message.escape_ascii());
            assert_eq!(draft(&message).as_deref(), Some(text.as_str()));
        }
    }
}
