//! The one matcher: runs a template's program over a message.

use std::ops::Range;

use super::eight::{eight, mask_of};
use super::fields::{duration, number, start};
use super::hole::{Fields, Hole};
use super::marks::blanks_or;
use super::peer::{peer, whole_peer};
use super::template::{Op, Terminal};

/// A template as the matcher runs it: steps one after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    steps: Vec<Step>,
    /// What every message ends in that it reads: the last bytes as a number, and which of its bits count; none if a hole is last.
    end: (u64, u64),
}

/// Literal text, perhaps none, and the hole behind it.
#[derive(Clone, Debug)]
struct Step {
    literal: Box<[u8]>,
    /// The literal as [`eight`] gives it, and which bits of eight bytes it takes; none where it is longer.
    eight: (u64, u64),
    /// The hole, the terminal that reads it, and the byte that ends a word besides the blank.
    hole: Option<(Hole, Terminal, u8)>,
}

impl Step {
    fn new(literal: &[u8], hole: Option<(Hole, Terminal, u8)>) -> Step {
        let mask = if literal.len() > 8 { 0 } else { mask_of(literal.len()) };
        Step { literal: literal.into(), eight: (eight(literal) & mask, mask), hole }
    }

    /// Where a message goes on behind the literal, if it stands at `at`.
    #[inline(always)]
    fn after(&self, message: &[u8], at: usize) -> Option<usize> {
        let (value, mask) = self.eight;
        let end = at + self.literal.len();
        match *self.literal {
            [] => Some(at),
            [byte] => (message.get(at) == Some(&byte)).then_some(end),
            [_, _, _, _, _, _, _, _, _, ..] => (message.get(at..end)? == &*self.literal).then_some(end),
            _ => (eight(message.get(at..)?) & mask == value && end <= message.len()).then_some(end),
        }
    }
}

impl Program {
    pub(super) fn new(ops: &[Op]) -> Program {
        let mut steps = Vec::new();
        let mut literal: &[u8] = &[];
        for op in ops {
            match op {
                Op::Literal(text) => literal = text,
                Op::Hole(hole, terminal, stop) => {
                    steps.push(Step::new(std::mem::take(&mut literal), Some((*hole, *terminal, *stop))));
                }
            }
        }
        if !literal.is_empty() {
            steps.push(Step::new(literal, None));
        }
        let tail = literal.get(literal.len().saturating_sub(8)..).unwrap_or_default();
        let last = |bits: u64| bits.checked_shl(8 * (8 - tail.len() as u32)).unwrap_or(0);
        Program { steps, end: (last(eight(tail)), last(u64::MAX)) }
    }

    /// Whether a message may be one that it reads, by its end: which of many that begin with a hole it is shows only there.
    #[inline(always)]
    pub(super) fn may_read(&self, message: &[u8]) -> bool {
        let (end, mask) = self.end;
        message.last_chunk().is_none_or(|last| u64::from_le_bytes(*last) & mask == end)
    }

    /// Runs over the whole of a message; `reasons` are the known ones, longest first. Where it fails, it may
    /// leave values of this template in `fields`.
    #[inline]
    pub(super) fn run<'a>(&self, message: &'a [u8], reasons: &[Box<[u8]>], fields: &mut Fields<'a>) -> bool {
        run(&self.steps, message, 0, reasons, fields, &mut ())
    }

    /// The same with somebody who looks on.
    pub(super) fn watch<'a>(
        &self,
        message: &'a [u8],
        reasons: &[Box<[u8]>],
        fields: &mut Fields<'a>,
        watch: &mut impl Watch,
    ) -> bool {
        run(&self.steps, message, 0, reasons, fields, watch)
    }
}

/// What a step did not find.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'s> {
    /// These bytes.
    Literal(&'s [u8]),
    /// What this terminal reads.
    Hole(Hole, Terminal),
    /// The message goes on behind the template.
    End,
}

/// Who looks on while a template is run: nobody, in all but a few runs.
pub(super) trait Watch {
    /// Literal text was found.
    fn literal(&mut self, _at: Range<usize>) {}
    /// A hole was filled.
    fn hole(&mut self, _at: Range<usize>, _hole: Hole, _terminal: Terminal) {}
    /// Something was not found.
    fn stuck(&mut self, _at: usize, _wanted: Wanted<'_>) {}
    /// Where to go back to, if what follows leads nowhere.
    fn mark(&self) -> usize {
        0
    }
    /// What followed the mark led nowhere.
    fn back(&mut self, _mark: usize) {}
}

impl Watch for () {}

fn run<'a, W: Watch>(
    steps: &[Step],
    message: &'a [u8],
    at: usize,
    reasons: &[Box<[u8]>],
    fields: &mut Fields<'a>,
    watch: &mut W,
) -> bool {
    let mut at = at;
    let mut steps = steps.iter();
    while let Some(step) = steps.next() {
        let Some(behind) = step.after(message, at) else {
            watch.stuck(at, Wanted::Literal(&step.literal));
            return false;
        };
        watch.literal(at..behind);
        let Some((hole, terminal, stop)) = step.hole else {
            at = behind;
            break;
        };
        let end = match terminal {
            Terminal::Text | Terminal::First | Terminal::Reason => {
                return choose((hole, terminal), steps.as_slice(), message, behind, reasons, fields, watch);
            }
            _ => read(hole, terminal, stop, message, behind, fields),
        };
        let Some(end) = end else {
            watch.stuck(behind, Wanted::Hole(hole, terminal));
            return false;
        };
        watch.hole(behind..end, hole, terminal);
        at = end;
    }
    if at != message.len() {
        watch.stuck(at, Wanted::End);
    }
    at == message.len()
}

/// A hole whose end only the rest of the template (`steps`) decides: of all ends, the first in the terminal's own order
/// behind which the rest fits.
fn choose<'a, W: Watch>(
    (hole, terminal): (Hole, Terminal),
    steps: &[Step],
    message: &'a [u8],
    at: usize,
    reasons: &[Box<[u8]>],
    fields: &mut Fields<'a>,
    watch: &mut W,
) -> bool {
    let Some(input) = message.get(at..) else { return false };
    // In case that there is no end to try.
    watch.stuck(at, Wanted::Hole(hole, terminal));
    let mut fits = |length: usize| {
        let Some(held) = input.get(..length) else { return false };
        let mark = watch.mark();
        watch.hole(at..at + length, hole, terminal);
        let fits = run(steps, message, at + length, reasons, fields, watch);
        if fits {
            keep(hole, held, fields);
        } else {
            watch.back(mark);
        }
        fits
    };
    if terminal == Terminal::Reason {
        let stands = |r: &[u8]| input.get(..r.len()).is_some_and(|start| start.eq_ignore_ascii_case(r));
        return reasons.iter().any(|reason| stands(reason) && fits(reason.len()));
    }
    let Some(&first) = steps.first().and_then(|step| step.literal.first()) else { return false };
    match terminal {
        Terminal::First => memchr::memchr_iter(first, input).any(fits),
        _ => memchr::memrchr_iter(first, input).any(fits),
    }
}

/// Reads one hole from `at` on: where it ends.
#[inline(always)]
fn read<'a>(
    hole: Hole,
    terminal: Terminal,
    stop: u8,
    message: &'a [u8],
    at: usize,
    fields: &mut Fields<'a>,
) -> Option<usize> {
    let rest_at = |rest: &[u8]| message.len() - rest.len();
    match terminal {
        Terminal::Word => {
            let end = word_end(message, at, stop);
            keep(hole, message.get(at..end)?, fields);
            (end > at).then_some(end)
        }
        Terminal::Number => {
            let (rest, n) = number(message.get(at..)?).ok()?;
            match hole {
                Hole::In => fields.bytes_in = Some(n),
                Hole::Out => fields.bytes_out = Some(n),
                Hole::Mailboxes => fields.mailboxes = Some(n),
                Hole::Size => fields.size = Some(n),
                Hole::Created => fields.created = n,
                _ => {}
            }
            Some(rest_at(rest))
        }
        Terminal::Peer => {
            let (end, peer) = if stop == b']' {
                let (rest, peer) = peer(message.get(at..)?).ok()?;
                (rest_at(rest), peer)
            } else {
                let end = word_end(message, at, stop);
                (end, whole_peer(message.get(at..end)?)?)
            };
            if hole == Hole::Peer {
                fields.peer = peer;
            }
            Some(end)
        }
        Terminal::Start => {
            let (rest, start) = start(message.get(at..)?).ok()?;
            if hole == Hole::Start {
                fields.start = start;
            }
            Some(rest_at(rest))
        }
        Terminal::Duration => {
            let (rest, duration) = duration(message.get(at..)?).ok()?;
            if hole == Hole::Duration {
                fields.duration = duration;
            }
            Some(rest_at(rest))
        }
        Terminal::More if at < message.len() && message.get(at) != Some(&b' ') => None,
        Terminal::More | Terminal::Rest => {
            keep(hole, message.get(at..)?, fields);
            Some(message.len())
        }
        // Their ends are chosen by `choose`.
        Terminal::Text | Terminal::First | Terminal::Reason => None,
    }
}

/// Where the first blank or `stop` stands, from `at` on; the end of the text where there is none.
#[inline(never)]
fn word_end(text: &[u8], at: usize, stop: u8) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    // Words are short: to look at them here takes less time than to call somebody.
    let (chunks, last) = rest.as_chunks();
    for (i, chunk) in chunks.iter().enumerate() {
        let ends = blanks_or(chunk, stop);
        if ends != 0 {
            return at + 16 * i + ends.trailing_zeros() as usize;
        }
    }
    let length = last.iter().position(|byte| *byte == b' ' || *byte == stop).unwrap_or(last.len());
    text.len() - last.len() + length
}

#[inline]
fn keep<'a>(hole: Hole, held: &'a [u8], fields: &mut Fields<'a>) {
    match hole {
        Hole::User => fields.user = held,
        Hole::Mechanism => fields.mechanism = held,
        Hole::Reason => fields.reason = held,
        Hole::Folder => fields.folder = held,
        Hole::MessageId => fields.message_id = without_brackets(held),
        Hole::More => fields.more = held,
        _ => {}
    }
}

/// A message id without its angle brackets, of which the template may have read the first. An id that is cut off before
/// its second one stays as it is.
fn without_brackets(id: &[u8]) -> &[u8] {
    match id.strip_suffix(b">") {
        Some(inner) => inner.strip_prefix(b"<").unwrap_or(inner),
        None => id,
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::compile;
    use super::*;

    /// What a template reads out of a message, field by field; `None` where it does not fit.
    fn fields(template: &str, message: &str) -> Option<String> {
        let (ops, _) = compile(template).unwrap();
        let reasons = ["gone (hold)", "gone"].map(|r| r.as_bytes().into());
        let mut fields = Fields::default();
        let holes = ops.iter().filter_map(|op| if let Op::Hole(hole, ..) = op { Some(*hole) } else { None });
        let program = Program::new(&ops);
        let is_read = program.run(message.as_bytes(), &reasons, &mut fields);
        assert!(program.may_read(message.as_bytes()) || !is_read, "{template}: {message}");
        is_read.then(|| holes.map(|h| format!("{}={}", h.name(), fields.text(h))).collect::<Vec<_>>().join(","))
    }

    #[test]
    fn messages() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("a {user} {mechanism}{more}", "a ed plain", Some("user=ed,mechanism=plain,more=")),
            ("a {user} {mechanism}{more}", "a ed plain  x", Some("user=ed,mechanism=plain,more=  x")),
            ("a {user} {mechanism}{more}", "a ed ", None),
            ("a {user} {mechanism}{more}", "a  plain", None),
            ("a {user}:{size}", "a longer-than-eight:7", Some("user=longer-than-eight,size=7")),
            ("a {user}:{size}", "a ed x:7", None),
            ("a {in} {out}", "a 18446744073709551615 0", Some("in=18446744073709551615,out=0")),
            ("a {in} {out}", "a 18446744073709551616 0", None),
            // What stands behind begins with a blank.
            ("a {in}{more}", "a 7 x", Some("in=7,more= x")),
            ("a {in}{more}", "a 7x", None),
            // A text goes to the last place, a first to the first.
            ("a {user:text} b{more}", "a x b y b z", Some("user=x b y,more= z")),
            ("a {user:first} b{more}", "a x b y b z", Some("user=x,more= y b z")),
            ("a {user:first} b", "a x b y b", Some("user=x b y")),
            ("a {folder}:<{message_id}", "a u:<i:<j>", Some("folder=u,message_id=i:<j")),
            ("a:{folder}:{size}:<{message_id}", "a:f:o:7:<i:8:<j>", Some("folder=f:o,size=7,message_id=i:8:<j")),
            // An id loses its brackets where it has the closing one.
            ("a {message_id}", "a <i@j>", Some("message_id=i@j")),
            ("a {message_id}", "a <i@j", Some("message_id=<i@j")),
            ("a <{message_id}", "a <i@j>", Some("message_id=i@j")),
            ("a <{message_id}", "a <i@j", Some("message_id=i@j")),
            ("a {message_id:word} b", "a <> b", Some("message_id=")),
            // Of the reasons the longest behind which the rest fits.
            ("a {user:text} {reason}{more}", "a ed gone (hold)", Some("user=ed,reason=gone (hold),more=")),
            ("a {user:text} {reason} (hold)", "a ed GONE (hold)", Some("user=ed,reason=GONE")),
            ("a {user:text} {reason}", "a ed gone gone", Some("user=ed gone,reason=gone")),
            ("a {user:text} {reason}", "a ed gone (holds)", None),
            // What is not used does not get into the fields.
            ("a [{peer}] [{_:peer}]", "a [192.0.2.1] [192.0.2.2:5]", Some("peer=192.0.2.1,_=")),
            // Without brackets a peer ends as a word does.
            ("a {peer}", "a 192.0.2.1:5", Some("peer=192.0.2.1:5")),
            ("a {peer} {user}", "a [2001:db8::7]:5 ed", Some("peer=[2001:db8::7]:5,user=ed")),
            ("a {peer}, {user}", "a 2001:db8::7, ed", Some("peer=2001:db8::7,user=ed")),
            ("a ({peer}) {user}", "a (192.0.2.1) ed", Some("peer=192.0.2.1,user=ed")),
            ("a {peer}{more}", "a 192.0.2.1 x", Some("peer=192.0.2.1,more= x")),
            ("a {peer} {user}", "a 192.0.2.1, ed", None),
            ("a {peer} {user}", "a 192.0.2.256 ed", None),
            ("a {peer}", "a ", None),
            ("a {duration} {_:duration} {_:number}", "a 0:00:01 0:00:02 3", Some("duration=1,_=,_=")),
            ("a {start} {_:start}", "a 1970/1/1 0:00:09 2019/5/29 8:39:42", Some("start=9,_=")),
            ("a {user} {_} {_:rest}", "a ed x y z", Some("user=ed,_=,_=")),
        ];
        for (template, message, read) in table {
            assert_eq!(fields(template, message).as_deref(), *read, "{template}: {message}");
        }
    }

    #[test]
    fn ends_of_messages() {
        let table = [
            ("{_} starting up", "a starting up", true),
            ("{_} starting up", "a starting uq", false),
            ("{_} starting up", "a starting down", false),
            ("{_} starting up", "a staXting up", false),
            // Of a long end, only the last bytes are looked at.
            ("{_} starting up", "a sXarting up", true),
            ("{_} up", "what is up", true),
            ("{_} up", "what is Xup", false),
            ("{_} up", "up", true),
            ("a {_:rest}", "b and what is long", true),
            ("up", "up", true),
        ];
        for (template, message, may) in table {
            let (ops, _) = compile(template).unwrap();
            assert_eq!(Program::new(&ops).may_read(message.as_bytes()), may, "{template}: {message}");
        }
    }

    #[test]
    fn lengths_of_words() {
        for length in 0..40 {
            for behind in ["", " ", ":", " : and more", ": and more", "\u{a0} x"] {
                let text = format!("{}{behind}", "\u{1f}\u{21}\u{39}\u{3b}\u{7f}a".repeat(9).get(..length).unwrap());
                let plain = text.bytes().position(|b| b == b' ' || b == b':').unwrap_or(text.len());
                assert_eq!(word_end(text.as_bytes(), 0, b':'), plain, "{text:?}");
            }
        }
    }
}
