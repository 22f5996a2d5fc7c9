//! What is to be said of rows that came through proxies.

use crate::answer::{Proxied, WITHIN};
use crate::note::{Note, NoteKind};

/// How many there are of a kind of rows, and of how many of them the clients are known.
pub(super) fn notes(what: &str, proxied: &Proxied) -> Vec<Note> {
    let Proxied { rows, inferred, several, left_out, .. } = *proxied;
    let plural = |n: u64| if n == 1 { "" } else { "s" };
    let note = |text: String| Note::new("", NoteKind::Info, text);
    let mut notes = Vec::new();
    if rows == 0 && left_out == 0 {
        notes.push(note(format!("no {what} of the answer came through a proxy: none has an address of --proxy")));
    }
    if rows > 0 {
        let none = rows - inferred - several;
        notes.push(note(format!(
            "{rows} {what}{} came through proxies, whose addresses are no user's: of {inferred} the client is inferred from \
             lines of multiplexors within {WITHIN} s, of {several} such lines tell of several clients, of {none} of none",
            plural(rows)
        )));
    }
    if left_out > 0 {
        notes.push(note(format!(
            "{left_out} more {what}{} came through proxies from clients that are not known, and may be from the networks of \
             --from",
            plural(left_out)
        )));
    }
    notes
}
