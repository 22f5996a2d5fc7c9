//! The template language: literal text with typed holes, compiled to a short program.
//!
//! `login [{peer}] {user} {mechanism}{more}`: text stands for itself, `{name}` is a hole whose name says which
//! field it fills and, unless `{name:terminal}` says otherwise, which terminal reads it; `{{` and `}}` stand for braces.

use super::matcher::Hole;

/// What reads a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Terminal {
    /// The address of a peer, up to the bracket that closes it.
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
    /// Any bytes to the end, perhaps none.
    Rest,
    /// One of the dialect's known reasons, the longest that fits.
    Reason,
    /// Further fields: the end of the line, or a blank and anything.
    More,
}

impl Terminal {
    fn named(name: &str) -> Option<Terminal> {
        Some(match name {
            "peer" => Terminal::Peer,
            "word" => Terminal::Word,
            "number" => Terminal::Number,
            "duration" => Terminal::Duration,
            "start" => Terminal::Start,
            "text" => Terminal::Text,
            "rest" => Terminal::Rest,
            "reason" => Terminal::Reason,
            "more" => Terminal::More,
            _ => return None,
        })
    }

    fn usual(hole: Hole) -> Terminal {
        match hole {
            Hole::Peer => Terminal::Peer,
            Hole::User | Hole::Mechanism | Hole::Other => Terminal::Word,
            Hole::In | Hole::Out | Hole::Mailboxes | Hole::Size | Hole::Created => Terminal::Number,
            Hole::Duration => Terminal::Duration,
            Hole::Start => Terminal::Start,
            Hole::Folder => Terminal::Text,
            Hole::MessageId => Terminal::Rest,
            Hole::Reason => Terminal::Reason,
            Hole::More => Terminal::More,
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
    let (name, terminal) = match text.split_once(':') {
        Some((name, terminal)) => (name, Some(terminal)),
        None => (text, None),
    };
    let hole = Hole::named(name)
        .ok_or_else(|| format!("no field is called '{name}'; the fields are {}", Hole::names()))?;
    let terminal = match terminal {
        None => Terminal::usual(hole),
        Some(t) => Terminal::named(t).ok_or_else(|| {
            format!("no terminal is called '{t}'; they are peer, word, number, duration, start, text, rest, reason, more")
        })?,
    };
    let fits = match hole {
        Hole::Peer => terminal == Terminal::Peer,
        Hole::Start => terminal == Terminal::Start,
        Hole::Duration => terminal == Terminal::Duration,
        Hole::In | Hole::Out | Hole::Mailboxes | Hole::Size | Hole::Created => terminal == Terminal::Number,
        Hole::More => terminal == Terminal::More,
        _ => !matches!(terminal, Terminal::More),
    };
    if fits { Ok((hole, terminal)) } else { Err(format!("the field '{name}' cannot be read by that terminal")) }
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
        let next = ops.get(i + 1);
        match op {
            Op::Hole(_, Terminal::Text, _) => {
                texts += 1;
                if !matches!(next, Some(Op::Literal(_))) {
                    return Err("a text hole needs literal text behind it; use 'rest' at the end".to_owned());
                }
            }
            Op::Hole(_, Terminal::Rest | Terminal::More, _) if next.is_some() => {
                return Err("'rest' and 'more' stand at the end".to_owned());
            }
            _ => {}
        }
    }
    if texts > 1 { Err("only one text hole is allowed, the place of a second would be a guess".to_owned()) } else { Ok(()) }
}

/// The first word that every message of this template has, if it begins with a whole one.
pub(super) fn first_word(ops: &[Op]) -> Option<&[u8]> {
    let Some(Op::Literal(literal)) = ops.first() else { return None };
    match literal.iter().position(|&b| super::matcher::ends_word(b)) {
        Some(end) => literal.get(..end),
        None if ops.len() == 1 => Some(literal),
        None => None,
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
        assert_eq!(first_word(&ops), Some(&b"login"[..]));
        assert_eq!(first_word(&compile("append:{user}:x").unwrap()), Some(&b"append"[..]));
        assert_eq!(first_word(&compile("Proxy({_:text}): x").unwrap()), None);
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
            ("login {user:text}{peer}", "needs literal text"),
            ("a {user:text} b {folder:text} c", "only one text"),
            ("close {start:word}", "cannot be read"),
        ] {
            let error = compile(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
