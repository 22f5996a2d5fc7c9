//! Notes: what a run has to say beside its records, each with its place and its kind.
//!
//! Notes are values that travel up to the shell; nothing below it prints. They sort by path, place, kind and text, so
//! that their order never depends on which worker came first.

use serde::{Deserialize, Serialize};

/// One remark about a file, a member or a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// The path as shown, a member of an archive included (`logs.tar!imap.3`); may be empty.
    pub path: String,
    /// Byte offset in the decoded text, or a line number, as the text says; 0 if there is none.
    pub place: u64,
    /// What sort of remark it is; decides the exit code.
    pub kind: NoteKind,
    /// One plain sentence, with the remedy where there is one.
    pub text: String,
    /// Damage that was known beforehand (`--known-damage`).
    pub known: bool,
    /// From where to where the text is the name of another file.
    names: Vec<(usize, usize)>,
}

impl Note {
    /// A note at no particular place in the file.
    pub fn new(path: impl Into<String>, kind: NoteKind, text: impl Into<String>) -> Self {
        Self { path: path.into(), place: 0, kind, text: text.into(), known: false, names: Vec::new() }
    }

    /// The same note, with the name of another file behind its text, and more text behind that.
    #[must_use]
    pub fn naming(mut self, name: &str, more: &str) -> Self {
        let from = self.text.len();
        self.text.push_str(name);
        self.names.push((from, self.text.len()));
        self.text.push_str(more);
        self
    }

    /// The same note, with other names for its own file and for those in its text.
    #[must_use]
    pub fn renamed(&self, rename: impl Fn(&str) -> String) -> Self {
        let path = if self.path.is_empty() { String::new() } else { rename(&self.path) };
        let part = |from, to| self.text.get(from..to).unwrap_or_default();
        let mut note = Note { path, text: String::new(), names: Vec::new(), ..*self };
        let mut at = 0;
        for (from, to) in &self.names {
            note.text.push_str(part(at, *from));
            note = note.naming(&rename(part(*from, *to)), "");
            at = *to;
        }
        note.text.push_str(part(at, self.text.len()));
        note
    }

    /// The same note at byte offset or line `place`.
    #[must_use]
    pub fn at(mut self, place: u64) -> Self {
        self.place = place;
        self
    }

    /// The same note, with more text behind it.
    #[must_use]
    pub fn adding(self, more: &str) -> Self {
        self.naming("", more)
    }

    /// The same note, about damage that is known: no reason for exit code 1.
    #[must_use]
    pub fn known(self) -> Self {
        Self { known: true, ..self.adding("; known damage") }
    }

    /// Whether the run that made this note answered without a part of its input (exit code 1).
    pub fn fails(&self) -> bool {
        self.kind.fails() && !self.known
    }
}

macro_rules! note_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// The sort of a note.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum NoteKind { $($(#[$doc])* $kind,)* }

        impl NoteKind {
            /// Every kind, in the order of declaration.
            pub const ALL: &'static [NoteKind] = &[$(NoteKind::$kind,)*];

            /// The name as written in JSON: lower case, words joined by `-`.
            pub fn as_str(self) -> &'static str {
                match self { $(NoteKind::$kind => $name,)* }
            }
        }
    };
}

note_kinds! {
    /// Passed over on purpose.
    Skipped = "skipped",
    /// A file, folder or member that could not be opened or read.
    Unreadable = "unreadable",
    /// A path given by name that does not exist.
    Missing = "missing",
    /// A file or member that could not be read to its end.
    Damaged = "damaged",
    /// A file or folder with nothing in it.
    Empty = "empty",
    /// A symbolic link inside a walked folder that leads nowhere.
    DanglingLink = "dangling-link",
    /// A file that is clearly something else: a picture, a program, a database.
    NotALog = "not-a-log",
    /// A refused user name that held line breaks, so that lines may be forged.
    Forgery = "forgery",
    /// A line that could not be understood (R1).
    Reject = "reject",
    /// A span in which logins were not logged (R12).
    Blind = "blind",
    /// A span that is missing from the logs (R9).
    Gap = "gap",
    /// A stamp that goes back (R14).
    ClockJump = "clock-jump",
    /// Files of one stream that overlap in time (R13).
    Overlap = "overlap",
    /// The same content under another name (R13).
    Copy = "copy",
    /// A missing sequence number between files.
    Sequence = "sequence",
    /// A doubt about the format of the lines.
    Format = "format",
    /// Logins or closes may be logged in a way that no template reads: answers may be wrong.
    Drift = "drift",
    /// Anything else worth saying.
    Info = "info",
}

impl NoteKind {
    /// Whether a note of this kind leads to exit code 1: a file or member could not be opened or read to its end,
    /// or a path given by name does not exist.
    pub fn fails(self) -> bool {
        self.is_damage() || self == NoteKind::Missing
    }

    /// Whether it tells of a file or member that could not be opened or read to its end.
    pub fn is_damage(self) -> bool {
        matches!(self, NoteKind::Unreadable | NoteKind::Damaged)
    }
}

/// The cause of an I/O error in words, without the number that the standard library adds.
pub(crate) fn cause(error: &std::io::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.find(" (os error ") {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_and_unique() {
        let mut names: Vec<_> = NoteKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NoteKind::ALL.len());
    }

    #[test]
    fn only_losses_fail() {
        let failing: Vec<_> = NoteKind::ALL.iter().filter(|kind| kind.fails()).map(|kind| kind.as_str()).collect();
        assert_eq!(failing, ["unreadable", "missing", "damaged"]);
    }

    #[test]
    fn names_in_a_note_can_be_others() {
        let note = Note::new("a", NoteKind::Copy, "the same a as ").naming("a/b", ", or ").naming("a", "").at(7);
        assert_eq!(note.text, "the same a as a/b, or a");
        let renamed = note.renamed(|name| format!("<{name}>"));
        assert_eq!((&*renamed.path, &*renamed.text), ("<a>", "the same a as <a/b>, or <a>"));
        assert_eq!((renamed.place, renamed.kind), (7, NoteKind::Copy));
        assert_eq!(renamed.renamed(|name| name.replace(['<', '>'], "")), note);
        assert_eq!(Note::new("", NoteKind::Info, "x").renamed(|_| "y".to_owned()), Note::new("", NoteKind::Info, "x"));
    }

    #[test]
    fn notes_sort_by_path_then_place() {
        let a = Note::new("a", NoteKind::Info, "z").at(9);
        let b = Note::new("b", NoteKind::Info, "a");
        assert!(a < b && Note::new("a", NoteKind::Info, "z") < a);
    }
}
