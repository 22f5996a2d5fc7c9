//! What is to be said of rows that came through proxies.

use crate::answer::{Proxied, WITHIN};
use crate::note::{Note, NoteKind};

/// How many there are of a kind of rows, and how many of their clients are known.
pub(super) fn notes(what: &str, proxied: &Proxied) -> Vec<Note> {
    let Proxied { rows, inferred, several, left_out, .. } = *proxied;
    let count = |n: u64| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let note = |text: String| Note::new("", NoteKind::Info, text);
    let mut notes = Vec::new();
    if rows == 0 && left_out == 0 {
        notes.push(note(format!("no {what} came through a proxy: none has an address of --proxy")));
    }
    if rows > 0 {
        let unknown = rows - inferred - several;
        let one = if rows == 1 { "its client" } else { "their clients" };
        let text = format!(
            "{} came through proxies, whose addresses are nobody's own; of {one} {inferred} inferred from lines of multiplexors \
             within {WITHIN} s, {several} not told apart from others, {unknown} not known",
            count(rows)
        );
        notes.push(note(text));
    }
    if left_out > 0 {
        let text = format!(
            "{} more came through proxies from clients that are not known, and may be of the networks of --from",
            count(left_out)
        );
        notes.push(note(text));
    }
    notes
}
