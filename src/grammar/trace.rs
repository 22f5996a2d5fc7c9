//! Looking on while templates are tried: which part of a message each hole takes, and where those fail that do not fit.

use std::ops::Range;

use super::dialect::{Grammars, Template};
use super::hole::{Fields, Hole};
use super::matcher::{Wanted, Watch};
use super::template::Terminal;
use crate::text::visible;

/// A part of a message that a step of a template read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From where to where in the message.
    pub at: Range<usize>,
    /// The field that it fills; none for literal text.
    pub hole: Option<Hole>,
    /// The name of the terminal that read it, of a hole.
    pub terminal: &'static str,
}

/// Where a template failed: at the furthest place that it reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// At which byte of the message.
    pub at: usize,
    /// What would have had to stand there, in words.
    pub wanted: String,
    /// How many bytes of literal text it found before.
    pub literal: usize,
}

/// A template that nearly fits a message.
#[derive(Clone, Debug)]
pub struct Near<'g> {
    /// The template.
    pub template: &'g Template,
    /// Where it fails; none if it would fit, were the line one of its processes.
    pub stuck: Option<Stuck>,
}

/// How a message is read, or why it is not.
#[derive(Clone, Debug)]
pub struct Traced<'g, 'a> {
    /// The template that reads it, its parts, and what they hold.
    pub read: Option<(&'g Template, Vec<Part>, Fields<'a>)>,
    /// Where none does, those that come furthest, the furthest first.
    pub near: Vec<Near<'g>>,
}

/// So many templates are near at most.
const NEAR: usize = 3;
/// A template that found less literal text than so many bytes is not near.
const ALIKE: usize = 4;

impl Grammars {
    /// How a process's message is read: as [`Grammars::read`], part by part.
    pub fn trace<'a>(&self, process: &[u8], message: &'a [u8]) -> Traced<'_, 'a> {
        let mut near = Vec::new();
        for template in self.templates() {
            let mut fields = Fields::default();
            let mut record = Record::new(message);
            let fits = template.program.watch(message, self.reasons(), &mut fields, &mut record);
            match (fits, template.is_of(process)) {
                (true, true) => return Traced { read: Some((template, record.parts, fields)), near: Vec::new() },
                (true, false) => near.push(Near { template, stuck: None }),
                (false, true) => near.push(Near { template, stuck: record.stuck }),
                (false, false) => {}
            }
        }
        near.retain(|near| near.stuck.as_ref().is_none_or(|stuck| stuck.literal >= ALIKE));
        near.sort_by_key(|near| std::cmp::Reverse(near.stuck.as_ref().map_or(usize::MAX, |stuck| stuck.literal)));
        near.truncate(NEAR);
        Traced { read: None, near }
    }
}

impl Template {
    /// Where it fails over a message; none if it fits.
    pub(super) fn stuck(&self, message: &[u8], grammars: &Grammars) -> Option<Stuck> {
        let mut record = Record::new(message);
        let fits = self.program.watch(message, grammars.reasons(), &mut Fields::default(), &mut record);
        record.stuck.filter(|_| !fits)
    }
}

/// What a run over a message leaves behind.
struct Record<'a> {
    message: &'a [u8],
    parts: Vec<Part>,
    stuck: Option<Stuck>,
}

impl Record<'_> {
    fn new(message: &[u8]) -> Record<'_> {
        Record { message, parts: Vec::new(), stuck: None }
    }
}

impl Watch for Record<'_> {
    fn literal(&mut self, at: Range<usize>) {
        if !at.is_empty() {
            self.parts.push(Part { at, hole: None, terminal: "" });
        }
    }

    fn hole(&mut self, at: Range<usize>, hole: Hole, terminal: Terminal) {
        self.parts.push(Part { at, hole: Some(hole), terminal: terminal.name() });
    }

    fn stuck(&mut self, at: usize, wanted: Wanted<'_>) {
        let rest = self.message.get(at..).unwrap_or_default();
        let common = match wanted {
            Wanted::Literal(literal) => literal.iter().zip(rest).take_while(|(a, b)| a == b).count(),
            _ => 0,
        };
        let read: usize = self.parts.iter().filter(|part| part.hole.is_none()).map(|part| part.at.len()).sum();
        let (at, literal) = (at + common, read + common);
        if self
            .stuck
            .as_ref()
            .is_none_or(|before| before.literal < literal || (before.literal == literal && before.at < at))
        {
            self.stuck = Some(Stuck { at, wanted: in_words(wanted, common), literal });
        }
    }

    fn mark(&self) -> usize {
        self.parts.len()
    }

    fn back(&mut self, mark: usize) {
        self.parts.truncate(mark);
    }
}

/// What would have had to stand there.
fn in_words(wanted: Wanted<'_>, found: usize) -> String {
    match wanted {
        Wanted::Literal(literal) => format!("\"{}\"", visible(literal.get(found..).unwrap_or_default())),
        Wanted::End => "the end of the message ({more} allows further fields)".to_owned(),
        Wanted::Hole(hole, terminal) => {
            let name = hole.name();
            let reads = terminal.reads();
            format!("{{{name}}}: {reads}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammars(text: &str) -> Grammars {
        let line = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Notice: in a at 7";
        let file = format!(
            "dialect = 'x'\n[[template]]\nkind = 'known'\ntext = '{text}'\nbasis = 'observed'\nprocesses = ['imapd']\n\
             [[template.sample]]\nline = '{line}'\n"
        );
        Grammars::new(&[("site.toml".into(), file)]).unwrap()
    }

    #[test]
    fn parts_are_those_of_the_way_that_fits() {
        let grammars = grammars("in {_:text} at {_:number}");
        let (_, parts, _) = grammars.trace(b"imapd", b"in ed at x at 7").read.unwrap();
        let places: Vec<_> = parts.iter().map(|part| (part.at.clone(), part.hole.is_some())).collect();
        assert_eq!(places, [(0..3, false), (3..10, true), (10..14, false), (14..15, true)]);
    }

    #[test]
    fn where_templates_come_furthest() {
        let places = [
            // The last place is tried first, the first place last: of equally much text, what is further ahead.
            ("in {_:text} at {_:number}", "in ed at x at y", Some((14, 7))),
            ("in {_:first} at {_:number}", "in ed at x at y", Some((14, 7))),
            // A text that is found in part.
            ("in {_:text} at {_:number}", "in ed ax 7", Some((7, 5))),
            ("in {_:text} at {_:number}", "in ed at 7 x", Some((10, 7))),
            // Too little of it is there.
            ("in {_:text} at {_:number}", "i", None),
        ];
        for (template, message, place) in places {
            let grammars = grammars(template);
            let traced = grammars.trace(b"imapd", message.as_bytes());
            let near = traced.near.iter().find(|near| near.template.text == template);
            let stuck = near.and_then(|near| near.stuck.as_ref());
            assert_eq!(stuck.map(|stuck| (stuck.at, stuck.literal)), place, "{template}: {message}");
            // Of another process, no template is near but one that would fit.
            assert!(grammars.trace(b"popd", message.as_bytes()).near.iter().all(|near| near.template.text != template));
        }
        let grammars = grammars("in {_:text} at {_:number}");
        let near = grammars.trace(b"popd", b"in a at 7").near;
        assert!(near.iter().any(|near| near.template.text.starts_with("in ") && near.stuck.is_none()));
    }
}
