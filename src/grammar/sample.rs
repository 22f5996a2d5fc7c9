//! Sample lines: what a template must read is said beside it, and held against it.

use std::collections::BTreeMap;

use super::dialect::{Grammars, Template};
use super::file::{RawSample, filled, inside};
use super::hole::{Fields, Hole};
use super::xml::{Element, Markup, Tags, markup};
use super::{Prefix, envelope, message, syslog};
use crate::mistake::Mistake;

/// A line that a template must read, and the fields that it must find.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The whole line.
    pub line: String,
    /// Field name to text.
    pub expect: BTreeMap<String, String>,
    /// The same with their places.
    raw: RawSample,
}

impl From<RawSample> for Sample {
    fn from(raw: RawSample) -> Sample {
        let expect = raw.expect.iter().map(|(name, text)| (name.clone(), text.get_ref().clone()));
        Sample { line: raw.line.get_ref().clone(), expect: expect.collect(), raw }
    }
}

impl Sample {
    /// Whether `template` reads this line, and not another of `templates`, which are in order of precedence; `file` is the
    /// text of their file.
    pub(super) fn check(
        &self,
        template: &Template,
        templates: &[Template],
        grammars: &Grammars,
        file: &str,
    ) -> Vec<Mistake> {
        let whole = || self.raw.line.span();
        let Some((process, message)) = opened(self.line.as_bytes()) else {
            let what = "its line has no envelope (date, host, process, category and level)";
            return vec![Mistake::new(whole(), what, "give the whole line, as the log has it")];
        };
        let fields = match grammars.first_of(templates, process, message) {
            None => return vec![self.unfit(template, grammars, (process, message), file)],
            Some((other, _)) if !std::ptr::eq(other, template) => {
                let what = format!("the template \"{}\" stands before it and reads its line", other.text);
                return vec![Mistake::new(whole(), what, "put the narrower of the two first")];
            }
            Some((_, fields)) => fields,
        };
        self.compare(&fields, |name| filled(name, template.holes()))
    }

    /// Whether an element of XML reads this line: `read` says what its own entry holds, or why it is none.
    pub(super) fn check_entry(
        &self,
        element: &Element,
        read: impl for<'a> Fn(&'a Tags) -> Result<Fields<'a>, &'static str>,
        file: &str,
    ) -> Vec<Mistake> {
        let whole = |what: &str, remedy: &str| {
            let at = inside(&self.raw.line, file, &(0..self.line.len()));
            vec![Mistake::new(at, what, remedy)]
        };
        match markup(self.line.as_bytes()).as_slice() {
            [(_, Markup::Entry(tags))] => match read(tags) {
                Ok(fields) => self.compare(&fields, |name| element.filled(name)),
                Err(why) => whole(why, "compare the names in [xml] and in the element with those of the line"),
            },
            _ => whole("its line is not one element of well-formed XML", "give one whole element, as the log has it"),
        }
    }

    /// Holds fields against what is expected; `filled` knows which there are.
    fn compare(&self, fields: &Fields<'_>, filled: impl Fn(&str) -> Option<Hole>) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (name, expected) in &self.raw.expect {
            let Some(hole) = filled(name) else {
                let what = format!("the template has no field '{name}' to expect");
                mistakes.push(Mistake::new(expected.span(), what, "leave it out, or give the template such a hole"));
                continue;
            };
            let got = fields.text(hole);
            if got != *expected.get_ref() {
                let what = format!("field '{name}': expected \"{}\", got \"{got}\"", expected.get_ref());
                let remedy = "write what the line holds, or change the template; imstrail grammar try shows each hole";
                mistakes.push(Mistake::new(expected.span(), what, remedy));
            }
        }
        mistakes
    }

    /// Where the line differs from its template.
    fn unfit(
        &self,
        template: &Template,
        grammars: &Grammars,
        (process, message): (&[u8], &[u8]),
        file: &str,
    ) -> Mistake {
        let what = "the template does not fit its line";
        if !template.is_of(process) {
            let processes = template.processes.join(", ");
            let remedy = format!("it is a line of another process: processes = {processes}");
            return Mistake::new(self.raw.line.span(), what, remedy);
        }
        let begin = self.line.len() - message.len();
        let Some(stuck) = template.stuck(message, grammars) else {
            return Mistake::new(self.raw.line.span(), what, "");
        };
        let at = begin + stuck.at..self.line.len().min(begin + stuck.at + 1);
        Mistake::new(inside(&self.raw.line, file, &at), what, format!("here it wants {}", stuck.wanted))
    }
}

/// Process and message of a whole line, behind syslog or not.
pub(super) fn opened(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let native = match syslog(line) {
        _ if line.contains(&b'\n') => return None,
        Ok((_, Prefix::Bare(_, origin, body))) => return Some((origin.process, message(body).ok()?.0)),
        Ok((_, Prefix::Native(native))) => native,
        Err(_) => line,
    };
    let (_, read) = envelope(native).ok()?;
    Some((read.origin.process, read.message))
}

/// The message of a whole line, behind syslog or not.
pub fn message_of(line: &[u8]) -> Option<&[u8]> {
    opened(line).map(|(_, message)| message)
}
