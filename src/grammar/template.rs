//! The template language: literal text with typed holes, compiled to a short program.
//!
//! `login [{peer}] {user} {mechanism}{more}`: text stands for itself, `{name}` is a hole whose name says which
//! field it fills and, unless `{name:terminal}` says otherwise, which terminal reads it; `{{` and `}}` stand for braces.

use super::matcher::Hole;

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

    fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, terminal)| *terminal == self).map_or("", |(name, _)| name)
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

/// Compiles a template's text.
///
/// # Errors
/// Says what is wrong and at which byte of the text.
pub(super) fn compile(text: &str) -> Result<Vec<Op>, String> {
    let mut ops = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
            literal.push(if c == '{' { b'{' } else { b'}' });
            rest = after;
        } else if c == '}' {
            return Err(format!("byte {at}: a lone '}}'; write '}}}}' for a brace"));
        } else if let Some(inner) = rest.strip_prefix('{') {
            let Some((hole, after)) = inner.split_once('}') else {
                return Err(format!("byte {at}: '{{' without its '}}'"));
            };
            flush(&mut literal, &mut ops);
            let (hole, terminal) = parse_hole(hole).map_err(|e| format!("byte {at}: {e}"))?;
            ops.push(Op::Hole(hole, terminal, b' '));
            rest = after;
        } else {
            literal.extend_from_slice(rest.get(..c.len_utf8()).unwrap_or_default().as_bytes());
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    flush(&mut literal, &mut ops);
    set_stops(&mut ops);
    check(&ops)?;
    Ok(ops)
}

fn flush(literal: &mut Vec<u8>, ops: &mut Vec<Op>) {
    if !literal.is_empty() {
        ops.push(Op::Literal(std::mem::take(literal).into_boxed_slice()));
    }
}

fn parse_hole(text: &str) -> Result<(Hole, Terminal), String> {
    let (name, wanted) = match text.split_once(':') {
        Some((name, wanted)) => (name, Some(wanted)),
        None => (text, None),
    };
    let hole =
        Hole::named(name).ok_or_else(|| format!("no field is called '{name}'; the fields are {}", Hole::names()))?;
    let fit = Terminal::of(hole);
    let terminal = match wanted {
        None => fit.first().copied(),
        Some(wanted) => Some(Terminal::named(wanted).ok_or_else(|| {
            let all = Terminal::NAMED.map(|(_, terminal)| terminal);
            format!("no terminal is called '{wanted}'; they are {}", listed(&all))
        })?),
    };
    terminal
        .filter(|terminal| fit.contains(terminal))
        .map(|terminal| (hole, terminal))
        .ok_or_else(|| format!("the field '{name}' cannot be read by that terminal, only by {}", listed(fit)))
}

fn listed(terminals: &[Terminal]) -> String {
    terminals.iter().map(|t| t.name()).collect::<Vec<_>>().join(", ")
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

fn check(ops: &[Op]) -> Result<(), String> {
    if ops.is_empty() {
        return Err("the template is empty".to_owned());
    }
    if !ops.iter().any(|op| matches!(op, Op::Literal(l) if l.iter().any(u8::is_ascii_alphanumeric))) {
        return Err("the template has no text of its own, so it would match everything".to_owned());
    }
    let mut texts = 0;
    for (i, op) in ops.iter().enumerate() {
        let Op::Hole(hole, terminal, _) = op else { continue };
        let behind = ops.get(i + 1..).unwrap_or_default();
        let literal = match behind.first() {
            Some(Op::Literal(literal)) => Some(literal),
            _ => None,
        };
        let again = |op: &Op| matches!(op, Op::Hole(other, ..) if other == hole);
        if *hole != Hole::Other && behind.iter().any(again) {
            return Err(format!("the field '{}' is there twice", hole.name()));
        }
        match terminal {
            Terminal::Text | Terminal::First => {
                texts += 1;
                if literal.is_none() {
                    return Err(format!(
                        "a {} hole needs literal text behind it; use 'rest' at the end",
                        terminal.name()
                    ));
                }
            }
            Terminal::Peer if !ends_a_peer(behind.first()) => {
                return Err("a peer needs a byte behind it that no peer has, such as ']' or a blank".to_owned());
            }
            Terminal::Rest | Terminal::More if !behind.is_empty() => {
                return Err("'rest' and 'more' stand at the end".to_owned());
            }
            _ => {}
        }
    }
    if texts > 1 {
        return Err("only one text hole is allowed, the place of a second would be a guess".to_owned());
    }
    Ok(())
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
        let ops = compile("login [{peer}] {user} x{{}}{more}").unwrap();
        assert_eq!(ops.len(), 6);
        assert_eq!(ops[2], Op::Literal(b"] "[..].into()));
        assert_eq!(ops[4], Op::Literal(b" x{}"[..].into()));
        assert_eq!(first_byte(&ops), Some(b'l'));
        assert_eq!(first_byte(&compile("{_}: x").unwrap()), None);
        assert!(holes(&ops).eq([Hole::Peer, Hole::User, Hole::More]));
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
            let error = compile(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
