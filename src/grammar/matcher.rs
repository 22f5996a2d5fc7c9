//! The one matcher: runs a template's program over a message.

use super::fields::{Start, duration, number, start};
use super::peer::peer;
use super::template::{Op, Terminal};
use crate::model::Peer;

/// The fields that a template can fill. The same names stand in templates, in the ABNF and in the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hole {
    /// `peer`: the far end of the connection.
    Peer,
    /// `user`: the uid, as the line has it.
    User,
    /// `mechanism`: how the user authenticated.
    Mechanism,
    /// `reason`: why a login was refused.
    Reason,
    /// `start`: the digits of the clock at connect.
    Start,
    /// `duration`: how long the connection lasted.
    Duration,
    /// `in`: bytes from the client.
    In,
    /// `out`: bytes to the client.
    Out,
    /// `mailboxes`: how many mailboxes were selected.
    Mailboxes,
    /// `folder`: the mailbox that a trace line names.
    Folder,
    /// `size`: bytes of a message.
    Size,
    /// `message_id`: the message's own id.
    MessageId,
    /// `created`: unix seconds in a `Log created` line.
    Created,
    /// `more`: further fields behind the known ones.
    More,
    /// `_`: read and not used.
    Other,
}

impl Hole {
    const NAMED: [(&'static str, Hole); 15] = [
        ("peer", Hole::Peer),
        ("user", Hole::User),
        ("mechanism", Hole::Mechanism),
        ("reason", Hole::Reason),
        ("start", Hole::Start),
        ("duration", Hole::Duration),
        ("in", Hole::In),
        ("out", Hole::Out),
        ("mailboxes", Hole::Mailboxes),
        ("folder", Hole::Folder),
        ("size", Hole::Size),
        ("message_id", Hole::MessageId),
        ("created", Hole::Created),
        ("more", Hole::More),
        ("_", Hole::Other),
    ];

    pub(super) fn named(name: &str) -> Option<Hole> {
        Self::NAMED.iter().find(|(n, _)| *n == name).map(|(_, hole)| *hole)
    }

    pub(super) fn names() -> String {
        Self::NAMED.map(|(n, _)| n).join(", ")
    }
}

/// What a message's holes held. Fields that its template does not have are at their default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// The far end.
    pub peer: Peer,
    /// The uid as written; for a refused login whatever the client sent.
    pub user: &'a [u8],
    /// The mechanism's word.
    pub mechanism: &'a [u8],
    /// The reason of a refusal.
    pub reason: &'a [u8],
    /// The start field of a close.
    pub start: Start,
    /// The duration of a close, in seconds.
    pub duration: u32,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// Mailboxes selected.
    pub mailboxes: u64,
    /// The mailbox of a trace line.
    pub folder: &'a [u8],
    /// The message size of a trace line, in bytes.
    pub size: u64,
    /// The message id of a trace line.
    pub message_id: &'a [u8],
    /// Unix seconds of a `Log created` line.
    pub created: u64,
    /// Further fields, with their leading blank.
    pub more: &'a [u8],
}

/// Whether a byte ends the first word of a message.
pub(super) fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b':' | b'=')
}

/// Runs `ops` over the whole of `input`; `reasons` are the known ones, longest first.
pub(super) fn run<'a>(ops: &[Op], input: &'a [u8], reasons: &[Box<[u8]>], fields: &mut Fields<'a>) -> bool {
    let mut input = input;
    for (i, op) in ops.iter().enumerate() {
        input = match op {
            Op::Literal(literal) => match after(literal, input) {
                Some(rest) => rest,
                None => return false,
            },
            Op::Hole(hole, Terminal::Text, _) => {
                return text(*hole, ops.get(i + 1..).unwrap_or_default(), input, reasons, fields);
            }
            Op::Hole(hole, terminal, stop) => match read(*hole, *terminal, *stop, input, reasons, fields) {
                Some(rest) => rest,
                None => return false,
            },
        };
    }
    input.is_empty()
}

/// What follows a literal. Most are of one or two bytes, which are not worth a call.
#[inline]
fn after<'a>(literal: &[u8], input: &'a [u8]) -> Option<&'a [u8]> {
    match (literal, input) {
        ([a], [x, rest @ ..]) => (a == x).then_some(rest),
        ([a, b], [x, y, rest @ ..]) => (a == x && b == y).then_some(rest),
        _ => input.strip_prefix(literal),
    }
}

/// A text hole takes all up to the last place at which the rest of the template fits.
fn text<'a>(hole: Hole, ops: &[Op], input: &'a [u8], reasons: &[Box<[u8]>], fields: &mut Fields<'a>) -> bool {
    let Some(Op::Literal(literal)) = ops.first() else { return false };
    let Some(&first) = literal.first() else { return false };
    memchr::memrchr_iter(first, input).any(|at| {
        let (held, rest) = input.split_at(at);
        let fits = rest.starts_with(literal) && run(ops, rest, reasons, fields);
        if fits {
            keep(hole, held, fields);
        }
        fits
    })
}

#[inline]
fn read<'a>(
    hole: Hole,
    terminal: Terminal,
    stop: u8,
    input: &'a [u8],
    reasons: &[Box<[u8]>],
    fields: &mut Fields<'a>,
) -> Option<&'a [u8]> {
    match terminal {
        Terminal::Word => {
            let mut rest = input;
            while let [byte, after @ ..] = rest
                && *byte != b' '
                && *byte != stop
            {
                rest = after;
            }
            let held = input.get(..input.len() - rest.len())?;
            keep(hole, held, fields);
            (!held.is_empty()).then_some(rest)
        }
        Terminal::Number => {
            let (rest, n) = number(input).ok()?;
            match hole {
                Hole::In => fields.bytes_in = n,
                Hole::Out => fields.bytes_out = n,
                Hole::Mailboxes => fields.mailboxes = n,
                Hole::Size => fields.size = n,
                Hole::Created => fields.created = n,
                _ => {}
            }
            Some(rest)
        }
        Terminal::Peer => peer(input).ok().map(|(rest, peer)| {
            fields.peer = peer;
            rest
        }),
        Terminal::Start => start(input).ok().map(|(rest, start)| {
            fields.start = start;
            rest
        }),
        Terminal::Duration => duration(input).ok().map(|(rest, duration)| {
            fields.duration = duration;
            rest
        }),
        Terminal::Reason => {
            let known = reasons.iter().find(|r| input.get(..r.len()).is_some_and(|i| i.eq_ignore_ascii_case(r)))?;
            let (held, rest) = input.split_at(known.len());
            keep(hole, held, fields);
            Some(rest)
        }
        Terminal::More if !input.is_empty() && input.first() != Some(&b' ') => None,
        Terminal::More | Terminal::Rest | Terminal::Text => {
            keep(hole, input, fields);
            Some(&[])
        }
    }
}

#[inline]
fn keep<'a>(hole: Hole, held: &'a [u8], fields: &mut Fields<'a>) {
    match hole {
        Hole::User => fields.user = held,
        Hole::Mechanism => fields.mechanism = held,
        Hole::Reason => fields.reason = held,
        Hole::Folder => fields.folder = held,
        Hole::MessageId => fields.message_id = held,
        Hole::More => fields.more = held,
        _ => {}
    }
}
