//! Suggest: what no template reads, as a draft of a grammar file that somebody goes on to correct.
//!
//! Everything in it that came out of a log is a TOML string or a comment, with whatever could steer a terminal escaped.

use std::fmt::Write;

use crate::grammar::{Pattern, message_of};
use crate::text::{steers, visible};
use crate::trail::{Like, SHAPES, Sampled, Shape, Tally};

/// What stands before each line of a template that is switched off.
pub const OFF: &str = "#| ";

/// A draft, and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The grammar file.
    pub toml: String,
    /// How many templates it has that read something as it is.
    pub templates: usize,
    /// How many lines those read.
    pub lines: u64,
    /// Lines that may tell of logins or closes: their templates are switched off.
    pub undecided: u64,
    /// Lines of which no template could be made.
    pub left: u64,
}

/// A template, the line that it was made of, and how many lines are like it.
struct Entry<'a> {
    text: &'a str,
    pattern: Pattern,
    sample: String,
    sampled: &'a Sampled,
    /// Lines of others that it reads, too.
    others: u64,
}

impl<'a> Entry<'a> {
    fn new(shape: &'a Shape, sampled: &'a Sampled) -> Option<Entry<'a>> {
        let pattern = Pattern::new(&shape.text)?;
        let entry = Entry { text: &shape.text, pattern, sample: sample(&sampled.sample.text), sampled, others: 0 };
        entry.reads(&entry).then_some(entry)
    }

    /// Whether it reads the line that another was made of.
    fn reads(&self, other: &Entry<'_>) -> bool {
        message_of(other.sample.as_bytes()).is_some_and(|message| self.pattern.fits(message))
    }
}

/// A draft for what a tally counted by drafts of templates; `texts` are the names of the files.
pub fn suggest(tally: &Tally, texts: &[&str]) -> Draft {
    let mut by_count: Vec<(&Shape, &Sampled)> = tally.shapes.iter().collect();
    by_count.sort_by_key(|(_, sampled)| std::cmp::Reverse(sampled.count));
    let mut draft = Draft { toml: HEAD.to_owned(), ..Draft::default() };
    let mut kept: Vec<Entry<'_>> = Vec::new();
    let (mut off, mut left) = (String::new(), String::new());
    for (shape, sampled) in by_count {
        match Entry::new(shape, sampled) {
            Some(entry) if shape.like == Like::Other => {
                draft.lines += sampled.count;
                place(&mut kept, entry);
            }
            Some(entry) => {
                draft.undecided += sampled.count;
                switched_off(&entry, shape.like, texts, &mut off);
            }
            None => {
                draft.left += sampled.count;
                let lines = lines(sampled, 0, texts);
                _ = writeln!(left, "\n# {lines}. No template could be made of it: write one by hand.");
                _ = writeln!(left, "# line = {}", quoted(&sample(&sampled.sample.text)));
            }
        }
    }
    draft.templates = kept.len();
    for entry in &kept {
        let lines = lines(entry.sampled, entry.others, texts);
        _ = write!(draft.toml, "\n# {lines}.\n{}", template("known", entry.text, &entry.sample));
    }
    draft.toml.push_str(&off);
    draft.toml.push_str(&left);
    if tally.shapes.len() >= SHAPES {
        _ = write!(draft.toml, "\n# There is more: draft again with --grammar and this file, once it is corrected.\n");
    }
    draft
}

const HEAD: &str = "\
# A draft of a grammar file, by imstrail grammar suggest. Correct it by hand: what it reads counts as known and means nothing,
# until you give a template another kind and name what its holes hold. grammars/README.md says how.
#
# The samples are lines of the logs. They hold personal data: names, addresses, what somebody did and when. Put others in their
# place before you give this file to anybody.

dialect = \"draft\"
source = \"drafted from lines that no template read\"
# These templates are asked last, so that they take no line from another dialect.
last = true
";

/// Puts a template behind all that do not read its sample, and before all that do.
fn place<'a>(kept: &mut Vec<Entry<'a>>, entry: Entry<'a>) {
    let first = kept.iter().position(|other| other.reads(&entry)).unwrap_or(kept.len());
    let behind = kept.iter().rposition(|other| entry.reads(other)).map_or(0, |last| last + 1);
    match kept.get_mut(first) {
        // Another reads its lines anyhow.
        Some(other) if behind > first => other.others += entry.sampled.count,
        _ => kept.insert(first.max(behind), entry),
    }
}

/// A template of a message that may tell of a login or close: what it means only a human can say.
fn switched_off(entry: &Entry<'_>, like: Like, texts: &[&str], out: &mut String) {
    let lines = lines(entry.sampled, 0, texts);
    let why = match like {
        Like::Unfit => "It begins like a login or a close and is none that is known",
        _ => "It may tell of a login or a close",
    };
    let (kind, text) = guessed(entry.text);
    _ = write!(
        out,
        "\n# {lines}.\n# {why}, so it is switched off, and runs go on to warn of it. Say what it means: set the\n\
         # kind (login, close, refused, known), name what its holes hold, and take away each \"{OFF}\".\n"
    );
    for line in template(kind, &text, &entry.sample).lines() {
        _ = writeln!(out, "{OFF}{line}");
    }
}

/// Parts of drafts, what they perhaps are, and the field that this fills.
const LIKELY: [(&str, &str, &str); 9] = [
    ("[{_:peer}]", "[{peer}]", "{peer}"),
    ("{_:start}", "{start}", "{start}"),
    ("{_:duration}", "{duration}", "{duration}"),
    ("user={_}", "user={user}", "{user}"),
    ("uid={_}", "uid={user}", "{user}"),
    ("[{peer}] {_} ", "[{peer}] {user} ", "{user}"),
    ("mech={_}", "mech={mechanism}", "{mechanism}"),
    ("mechanism={_}", "mechanism={mechanism}", "{mechanism}"),
    ("auth={_}", "auth={mechanism}", "{mechanism}"),
];

/// A kind and a text with fields that look likely.
fn guessed(text: &str) -> (&'static str, String) {
    let mut text = text.to_owned();
    for (found, likely, field) in LIKELY {
        if !text.contains(field) {
            text = text.replacen(found, likely, 1);
        }
    }
    let has = |fields: &[&str]| fields.iter().all(|field| text.contains(field));
    let kind = match () {
        () if has(&["{peer}", "{user}", "{start}", "{duration}"]) => "close",
        () if has(&["{peer}", "{user}"]) && !has(&["{start}"]) => "login",
        () => "known",
    };
    (kind, text)
}

fn template(kind: &str, text: &str, sample: &str) -> String {
    let (text, sample) = (quoted(text), quoted(sample));
    format!(
        "[[template]]\nkind = \"{kind}\"\ntext = {text}\nbasis = \"observed\"\n[[template.sample]]\nline = {sample}\n"
    )
}

/// How many lines there are, and where the first of them is.
fn lines(sampled: &Sampled, others: u64, texts: &[&str]) -> String {
    let file = usize::try_from(sampled.sample.file.0).ok().and_then(|number| texts.get(number)).unwrap_or(&"-");
    let lines = |n: u64| if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
    let more = if others > 0 { format!(", and {} of other forms", lines(others)) } else { String::new() };
    let verb = if sampled.count == 1 { "at" } else { "the first at" };
    format!("{}{more}, {verb} byte {} of {}", lines(sampled.count), sampled.sample.place, visible(file.as_bytes()))
}

/// A line as a sample can have it: TOML knows no bytes that are no UTF-8.
fn sample(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut string = String::with_capacity(text.len() + 2);
    string.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => string.extend(['\\', c]),
            c if steers(c) => _ = write!(string, "\\U{:08X}", u32::from(c)),
            c => string.push(c),
        }
    }
    string.push('"');
    string
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::{Grammars, draft};
    use crate::model::FileId;
    use crate::trail::Sample;

    const HEAD: &str = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Store Notice: ";

    fn tally(messages: &[(&[u8], Like)]) -> Tally {
        let mut tally = Tally::default();
        for (place, (message, like)) in messages.iter().enumerate() {
            let line = [HEAD.as_bytes(), message].concat();
            let text = draft(message).unwrap_or_default();
            tally.shape(Shape { like: *like, text }, Sample::whole(FileId(0), place as u64, &line));
        }
        tally
    }

    fn switched_on(toml: &str) -> String {
        toml.replace(&format!("\n{OFF}"), "\n")
    }

    #[test]
    fn drafts_can_be_used_whatever_the_lines_hold() {
        let messages: Vec<(&[u8], Like)> = [
            &b"error 7"[..],
            b"error x",
            b"error x y",
            b"error \"\"\" ''' \\ # ]] [[template]]",
            b"user \x1b]0;x\x07 \xff\xfe \xe2\x80\xae \r",
            b"{user} error {more}",
            b"x y z",
            b"17",
            b"",
        ]
        .into_iter()
        .map(|message| (message, Like::Other))
        .chain([(&b"auth ok [192.0.2.7:1] uid=bo mech=X"[..], Like::Account), (b"close [192.0.2.7] ed", Like::Unfit)])
        .collect();
        let made = suggest(&tally(&messages), &["a\u{1b}\nb"]);
        assert!(!made.toml.chars().any(|c| steers(c) && c != '\n'), "{}", made.toml);
        assert_eq!((made.undecided, made.left), (2, 2), "{}", made.toml);
        for toml in [made.toml.clone(), switched_on(&made.toml)] {
            let site = [("draft.toml".into(), toml.clone())];
            let grammars = Grammars::new(&site).unwrap_or_else(|e| panic!("{e}\n{toml}"));
            let message = b"error 8";
            assert!(grammars.read(grammars.process(b"imapd"), message).is_some(), "{toml}");
        }
        assert!(made.toml.contains("#| kind = \"login\"\n#| text = \"auth ok [{peer}] uid={user} mech={mechanism}\""));
    }

    #[test]
    fn a_narrow_template_stands_before_a_wide_one() {
        let narrow: &[u8] = b"error 7";
        for messages in [[b"error x", narrow], [narrow, b"error x"]] {
            let twice: Vec<_> = [messages[0], messages[0], messages[1]].map(|m| (m, Like::Other)).into();
            let made = suggest(&tally(&twice), &["a"]);
            assert_eq!(made.templates, 2, "{}", made.toml);
            Grammars::new(&[("draft.toml".into(), made.toml)]).unwrap();
        }
    }

    #[test]
    fn strings() {
        assert_eq!(quoted("a\"b\\\n\u{202e}ü"), r#""a\"b\\\U0000000A\U0000202Eü""#);
    }
}
