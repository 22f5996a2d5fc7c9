//! The template language: literal text with typed holes, compiled to a short program.
//!
//! `login [{peer}] {user} {mechanism}{more}`: text stands for itself, `{name}` is a hole whose name says which
//! field it fills and, unless `{name:terminal}` says otherwise, which terminal reads it; `{{` and `}}` stand for braces.

use std::ops::Range;

use super::hole::Hole;
use crate::mistake::{Mistake, meant};

/// What reads a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// The address of a peer, up to the bracket that closes it; where there is none, up to the end of a word.
    Peer,
    /// Bytes up to a blank or the byte that the template has next; not empty.
    Word,
    /// Decimal digits, up to 2^64 − 1.
    Number,
    /// `H:MM:SS`
    Duration,
    /// `yyyy/m/d h:mm:ss`
    Start,
    /// Any bytes, perhaps none, up to the last place at which the rest of the template fits.
    Text,
    /// Any bytes, perhaps none, up to the first place at which the rest of the template fits.
    First,
    /// Any bytes to the end, perhaps none.
    Rest,
    /// One of the known reasons, the longest behind which the rest of the template fits.
    Reason,
    /// Further fields: the end of the line, or a blank and anything.
    More,
}

impl Terminal {
    const NAMED: [(&'static str, Terminal); 10] = [
        ("peer", Terminal::Peer),
        ("word", Terminal::Word),
        ("number", Terminal::Number),
        ("duration", Terminal::Duration),
        ("start", Terminal::Start),
        ("text", Terminal::Text),
        ("first", Terminal::First),
        ("rest", Terminal::Rest),
        ("reason", Terminal::Reason),
        ("more", Terminal::More),
    ];

    fn named(name: &str) -> Option<Terminal> {
        Self::NAMED.iter().find(|(n, _)| *n == name).map(|(_, terminal)| *terminal)
    }

    /// Its name, as templates write it.
    pub(super) fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, terminal)| *terminal == self).map_or("", |(name, _)| name)
    }

    /// What it reads, in words.
    pub(super) fn reads(self) -> &'static str {
        match self {
            Terminal::Peer => "an IPv4 or IPv6 address, perhaps with a port, before a ']'",
            Terminal::Word => "a word: one byte or more before a blank or the next text of the template",
            Terminal::Number => "decimal digits",
            Terminal::Duration => "a duration, H:MM:SS",
            Terminal::Start => "a date and a time, yyyy/m/d h:mm:ss",
            Terminal::Text => "any text, and the rest of the template behind it",
            Terminal::First => "any text, and the rest of the template behind it",
            Terminal::Rest => "anything",
            Terminal::Reason => "one of the known reasons (reasons = [...] in a grammar file adds more)",
            Terminal::More => "the end, or a blank and further fields",
        }
    }

    /// The terminals that may read a field, the usual one first.
    fn of(hole: Hole) -> &'static [Terminal] {
        use Terminal::{Duration, First, More, Number, Peer, Reason, Rest, Start, Text, Word};
        match hole {
            Hole::Peer => &[Peer],
            Hole::User | Hole::Mechanism => &[Word, Text, First, Rest],
            Hole::Folder => &[First, Word, Text, Rest],
            Hole::MessageId => &[Rest, Word, Text, First],
            Hole::Reason => &[Reason, Text, First, Rest],
            Hole::In | Hole::Out | Hole::Mailboxes | Hole::Size | Hole::Created => &[Number],
            Hole::Duration => &[Duration],
            Hole::Start => &[Start],
            Hole::More => &[More],
            Hole::Other => &[Word, Number, Text, First, Rest, Peer, Start, Duration],
        }
    }
}

/// One step of a compiled template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// These bytes.
    Literal(Box<[u8]>),
    /// A hole, the terminal that reads it, and the byte that ends a word besides the blank.
    Hole(Hole, Terminal, u8),
}

/// A template's text as steps, and where each stands in it.
pub(super) type Compiled = (Vec<Op>, Vec<Range<usize>>);

/// Compiles a template's text.
///
/// # Errors
/// Says what is wrong, and where in the text.
pub(super) fn compile(text: &str) -> Result<Compiled, Vec<Mistake>> {
    let mut steps = Steps::default();
    let mut mistakes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        if rest.starts_with("{{") || rest.starts_with("}}") {
            steps.literal(at, &[c as u8], 2);
            rest = rest.get(2..).unwrap_or_default();
        } else if c == '}' {
            mistakes.push(Mistake::new(at..at + 1, "a lone '}'", "write '}}' for a brace"));
            rest = rest.get(1..).unwrap_or_default();
        } else if let Some(inner) = rest.strip_prefix('{') {
            let Some((hole, after)) = inner.split_once('}') else {
                mistakes.push(Mistake::new(at..text.len(), "'{' without its '}'", "write '{{' for a brace"));
                break;
            };
            let place = at..text.len() - after.len();
            match parse_hole(hole, &place) {
                Ok((hole, terminal)) => steps.hole(place, Op::Hole(hole, terminal, b' ')),
                Err(mistake) => mistakes.push(mistake),
            }
            rest = after;
        } else {
            steps.literal(at, rest.get(..c.len_utf8()).unwrap_or_default().as_bytes(), c.len_utf8());
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    let (mut ops, places) = (steps.ops, steps.places);
    set_stops(&mut ops);
    if mistakes.is_empty() {
        mistakes = check(&ops, &places, text.len());
    }
    if mistakes.is_empty() { Ok((ops, places)) } else { Err(mistakes) }
}

/// The steps so far.
#[derive(Default)]
struct Steps {
    ops: Vec<Op>,
    places: Vec<Range<usize>>,
}

impl Steps {
    /// Bytes that stand for themselves, written in so many bytes of the text.
    fn literal(&mut self, at: usize, bytes: &[u8], length: usize) {
        if let (Some(Op::Literal(before)), Some(place)) = (self.ops.last_mut(), self.places.last_mut()) {
            *before = [before, bytes].concat().into_boxed_slice();
            place.end = at + length;
        } else {
            self.ops.push(Op::Literal(bytes.into()));
            self.places.push(at..at + length);
        }
    }

    fn hole(&mut self, place: Range<usize>, hole: Op) {
        self.ops.push(hole);
        self.places.push(place);
    }
}

fn parse_hole(text: &str, place: &Range<usize>) -> Result<(Hole, Terminal), Mistake> {
    let (name, wanted) = match text.split_once(':') {
        Some((name, wanted)) => (name, Some(wanted)),
        None => (text, None),
    };
    let unknown = |what: &str, name: &str, names: Vec<&'static str>| {
        let perhaps =
            meant(name, names.iter().copied()).map_or(String::new(), |name| format!("did you mean '{name}'? "));
        let listed = names.join(", ");
        Mistake::new(
            place.clone(),
            format!("no {what} is called '{name}'"),
            format!("{perhaps}the {what}s are {listed}"),
        )
    };
    let hole = Hole::named(name).ok_or_else(|| unknown("field", name, Hole::names().collect()))?;
    let fit = Terminal::of(hole);
    let terminal = match wanted {
        None => fit.first().copied(),
        Some(wanted) => Some(
            Terminal::named(wanted)
                .ok_or_else(|| unknown("terminal", wanted, Terminal::NAMED.iter().map(|(name, _)| *name).collect()))?,
        ),
    };
    terminal.filter(|terminal| fit.contains(terminal)).map(|terminal| (hole, terminal)).ok_or_else(|| {
        let listed = fit.iter().map(|t| t.name()).collect::<Vec<_>>().join(", ");
        let what = format!("the field '{name}' cannot be read by that terminal, only by {listed}");
        let remedy = if hole == Hole::Other { "" } else { "or read it with {_} and do not use it" };
        Mistake::new(place.clone(), what, remedy)
    })
}

/// A word ends at a blank, or at the first byte of the literal behind it.
fn set_stops(ops: &mut [Op]) {
    let next: Vec<Option<u8>> = ops
        .iter()
        .skip(1)
        .map(|op| if let Op::Literal(l) = op { l.first().copied() } else { None })
        .chain([None])
        .collect();
    for (op, next) in ops.iter_mut().zip(next) {
        if let (Op::Hole(_, _, stop), Some(byte)) = (op, next) {
            *stop = byte;
        }
    }
}

/// What is wrong with the steps of a template, whose text is so long.
fn check(ops: &[Op], places: &[Range<usize>], length: usize) -> Vec<Mistake> {
    if ops.is_empty() {
        return vec![Mistake::new(0..length, "the template is empty", "write the message, with holes for what varies")];
    }
    if !ops.iter().any(|op| matches!(op, Op::Literal(l) if l.iter().any(u8::is_ascii_alphanumeric))) {
        let what = "the template has no text of its own, so it would match everything";
        return vec![Mistake::new(0..length, what, "write the words that every such message has")];
    }
    let mut mistakes = Vec::new();
    let mut texts = 0;
    for (i, (op, place)) in ops.iter().zip(places).enumerate() {
        let Op::Hole(hole, terminal, _) = op else { continue };
        let mut wrong = |what: String, remedy: &str| mistakes.push(Mistake::new(place.clone(), what, remedy));
        let behind = ops.get(i + 1..).unwrap_or_default();
        let literal = match behind.first() {
            Some(Op::Literal(literal)) => Some(literal),
            _ => None,
        };
        let before = ops.get(..i).unwrap_or_default();
        if *hole != Hole::Other && before.iter().any(|op| matches!(op, Op::Hole(other, ..) if other == hole)) {
            wrong(format!("the field '{}' is there twice", hole.name()), "read the other with {_}");
        }
        match terminal {
            Terminal::Text | Terminal::First => {
                texts += 1;
                if literal.is_none() {
                    let what = format!("a {} hole needs literal text behind it", terminal.name());
                    wrong(what, "use 'rest' at the end");
                }
                if texts > 1 {
                    let what = "only one text hole is allowed, the place of a second would be a guess";
                    wrong(what.to_owned(), "let 'word' read it");
                }
            }
            Terminal::Peer if !ends_a_peer(behind.first()) => {
                let what = "a peer needs a byte behind it that no peer has, such as ']' or a blank";
                wrong(what.to_owned(), "write [{peer}], as most lines have it");
            }
            Terminal::Rest | Terminal::More if !behind.is_empty() => {
                wrong("'rest' and 'more' stand at the end".to_owned(), "use 'word' or 'text' here");
            }
            _ => {}
        }
    }
    mistakes
}

/// Whether a peer is over where a template goes on so.
fn ends_a_peer(next: Option<&Op>) -> bool {
    match next {
        None | Some(Op::Hole(_, Terminal::More, _)) => true,
        Some(Op::Literal(text)) => text.first().is_some_and(|b| !b.is_ascii_alphanumeric() && !b":.[%".contains(b)),
        Some(Op::Hole(..)) => false,
    }
}

/// The fields that a template fills.
pub(super) fn holes(ops: &[Op]) -> impl Iterator<Item = Hole> {
    ops.iter().filter_map(|op| match op {
        Op::Hole(hole, ..) if *hole != Hole::Other => Some(*hole),
        _ => None,
    })
}

/// The byte with which every message of this template begins, if it begins with text.
pub(super) fn first_byte(ops: &[Op]) -> Option<u8> {
    match ops.first() {
        Some(Op::Literal(literal)) => literal.first().copied(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled() {
        let (ops, places) = compile("login [{peer}] {user} x{{}}{more}").unwrap();
        assert_eq!((&places[1], &places[4]), (&(7..13), &(21..27)));
        assert_eq!(ops.len(), 6);
        assert_eq!(ops[2], Op::Literal(b"] "[..].into()));
        assert_eq!(ops[4], Op::Literal(b" x{}"[..].into()));
        assert_eq!(first_byte(&ops), Some(b'l'));
        assert_eq!(first_byte(&compile("{_}: x").unwrap().0), None);
        assert!(holes(&ops).eq([Hole::Peer, Hole::User, Hole::More]));
    }

    #[test]
    fn all_mistakes_at_once_and_where_they_stand() {
        let places = |text: &str| -> Vec<String> {
            compile(text).unwrap_err().into_iter().map(|m| text[m.at].to_owned()).collect()
        };
        assert_eq!(places("ü {usr} } {user:wrd} {user"), ["{usr}", "}", "{user:wrd}", "{user"]);
        assert_eq!(places("a {user} {user} {peer} {more} x"), ["{user}", "{more}"]);
        assert_eq!(places(""), [""]);
        assert!(compile("a {usr}").unwrap_err()[0].remedy.starts_with("did you mean 'user'?"));
    }

    #[test]
    fn mistakes() {
        for (text, said) in [
            ("", "empty"),
            ("{user} {more}", "match everything"),
            ("login {nobody}", "no field is called 'nobody'"),
            ("login {user:wrd}", "no terminal is called 'wrd'"),
            ("login {user", "without its"),
            ("login }", "lone"),
            ("login {more} x", "at the end"),
            ("login {user:text}{more}", "a text hole needs literal text"),
            ("login {user:first}{more}", "a first hole needs literal text"),
            ("a {user:text} b {folder} c", "only one text"),
            ("close {start:word}", "cannot be read by that terminal, only by start"),
            ("a {user:number}", "only by word, text, first, rest"),
            ("a {mechanism:reason}", "cannot be read"),
            ("a {folder:number}", "cannot be read"),
            ("a [{message_id:peer}]", "cannot be read"),
            ("a {reason:word}", "only by reason, text, first, rest"),
            ("a {size:word}", "only by number"),
            ("a {more:rest}", "only by more"),
            ("a {_:reason}", "cannot be read"),
            ("a {_:more}", "cannot be read"),
            ("a {user} {user}", "'user' is there twice"),
            ("a [{peer}] {_} {_} [{peer}]", "'peer' is there twice"),
            ("a {peer}:{size}", "that no peer has"),
            ("a {peer}{user}", "that no peer has"),
            ("a {_:peer}.", "that no peer has"),
            ("a {peer}x", "that no peer has"),
        ] {
            let error = compile(text).unwrap_err()[0].sentence();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
