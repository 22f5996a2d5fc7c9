//! Dialects: message templates as TOML, and the lookup that finds the template of a message.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;

use super::file::{self, Head};
use super::hole::{Fields, Hole};
use super::kind::{Basis, Kind, Meaning};
use super::matcher::Program;
use super::sample::Sample;
use super::template::{Op, first_byte, holes};
use super::usual::Usual;
use super::xml::Xml;
use crate::mistake::Mistake;

/// One message template.
#[derive(Clone, Debug)]
pub struct Template {
    /// What the message means, and how sure that is.
    pub meaning: Meaning,
    /// The template's text.
    pub text: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// The processes whose lines it reads; none for any.
    pub processes: Vec<String>,
    /// Lines with the fields that they must give.
    pub samples: Vec<Sample>,
    /// The number of its dialect, as [`Grammars::dialects`] has them.
    pub dialect: usize,
    /// Which template of its file it is, from 1.
    pub number: usize,
    /// Where its text stands in its file, in bytes.
    pub(super) at: Range<usize>,
    pub(super) ops: Vec<Op>,
    pub(super) program: Program,
}

impl Template {
    /// The fields that it fills.
    pub(super) fn holes(&self) -> impl Iterator<Item = Hole> {
        holes(&self.ops)
    }

    /// Whether it reads lines of this process.
    pub fn is_of(&self, process: &[u8]) -> bool {
        self.processes.is_empty() || self.processes.iter().any(|p| p.as_bytes() == process)
    }
}

/// A set of templates, as one file holds it.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The file: a path, or the name of a built-in one.
    pub path: String,
    /// Whether it is built into the program.
    pub built_in: bool,
    /// The dialect's name.
    pub name: String,
    /// Where the knowledge comes from.
    pub source: String,
    /// It is asked only where no other dialect reads a line, the built-in ones included.
    pub last: bool,
    /// The reasons that a refused login may give, in whichever file its template stands.
    pub reasons: Vec<String>,
    /// Beginnings of messages that are rejects where no template fits (R1).
    pub must_fit: Vec<String>,
    /// What the elements of XML transaction logs mean.
    pub xml: Option<Xml>,
}

/// Why a grammar file was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub struct GrammarError {
    /// The file.
    pub path: String,
    /// Its text.
    pub text: String,
    /// All that is wrong, by place; at least one.
    pub mistakes: Vec<Mistake>,
}

impl std::fmt::Display for GrammarError {
    /// The first mistake, with its place.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(first) = self.mistakes.first() else { return write!(f, "{}", self.path) };
        let (line, column) = first.place(&self.text);
        write!(f, "{}:{line}:{column}: {}", self.path, first.sentence())?;
        match self.mistakes.len() - 1 {
            0 => Ok(()),
            more => write!(f, " (and {more} more: imstrail grammar check shows all)"),
        }
    }
}

impl GrammarError {
    /// Of all that is wrong with a file, if anything is.
    fn of(path: &str, text: &str, mut mistakes: Vec<Mistake>) -> Result<(), GrammarError> {
        mistakes.sort_by_key(|mistake| (mistake.at.start, mistake.at.end));
        if mistakes.is_empty() {
            return Ok(());
        }
        Err(GrammarError { path: path.to_owned(), text: text.to_owned(), mistakes })
    }

    /// Whether a text is no grammar file, its samples apart.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn in_file(path: &str, text: &str) -> Result<(), GrammarError> {
        GrammarError::of(path, text, file::read(text).1)
    }
}

/// Every template that is in force, the site's before the built-in ones.
#[derive(Clone, Debug, Default)]
pub struct Grammars {
    dialects: Vec<Dialect>,
    templates: Vec<Template>,
    /// The reasons of all files, longest first.
    reasons: Vec<Box<[u8]>>,
    /// Which bytes they end in, in lower case.
    reason_ends: Vec<bool>,
    must_fit: Vec<Vec<u8>>,
    /// The processes that templates name.
    processes: Vec<Vec<u8>>,
    /// [`Process`] and first byte of a message → templates to try.
    candidates: Vec<[Candidates; 256]>,
}

/// The templates that may read a message, by number.
#[derive(Clone, Debug, Default)]
struct Candidates {
    /// In order of precedence.
    templates: Vec<usize>,
    /// The first of them, if it has a usual shape.
    usual: Option<(Usual, Meaning)>,
}

/// A process as far as templates tell processes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(usize);

/// A later file is asked only where the earlier ones do not fit, so that what is true of any process comes last.
const BUILT_IN: [(&str, &str); 3] = [
    ("account.toml", include_str!("../../grammars/account.toml")),
    ("http.toml", include_str!("../../grammars/http.toml")),
    ("general.toml", include_str!("../../grammars/general.toml")),
];

/// The built-in files: names and texts.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN.into_iter()
}

impl Grammars {
    /// The built-in dialects, behind those of a site: (path, text of the file).
    ///
    /// # Errors
    /// The first file that is wrong, with all that is wrong in it.
    pub fn new(site: &[(PathBuf, String)]) -> Result<Grammars, GrammarError> {
        let mut files: Vec<(String, &str, bool, file::File, Vec<Mistake>)> = Vec::new();
        for (path, text) in site {
            let (file, mistakes) = file::read(text);
            files.push((path.to_string_lossy().into_owned(), text, false, file, mistakes));
        }
        for (name, text) in BUILT_IN {
            let (file, mistakes) = file::read(text);
            files.push((name.to_owned(), text, true, file, mistakes));
        }
        // The order among others stays.
        files.sort_by_key(|(.., file, _)| file.head.last);
        let mut grammars = Grammars::default();
        for (path, _, built_in, file, _) in &mut files {
            grammars.add(path, *built_in, std::mem::take(file));
        }
        grammars.index();
        let mut refused =
            files.into_iter().enumerate().filter_map(|(dialect, (path, text, built_in, _, mut mistakes))| {
                if !built_in {
                    mistakes.extend(grammars.samples_of(dialect, text));
                }
                GrammarError::of(&path, text, mistakes).err()
            });
        match refused.next() {
            Some(error) => Err(error),
            None => {
                drop(refused);
                Ok(grammars)
            }
        }
    }

    fn add(&mut self, path: &str, built_in: bool, file: file::File) {
        let dialect = self.dialects.len();
        let plain = |texts: Vec<Spanned<String>>| texts.into_iter().map(Spanned::into_inner).collect::<Vec<_>>();
        let Head { dialect: name, source, last, reasons, must_fit } = file.head;
        let (reasons, must_fit) = (plain(reasons), plain(must_fit));
        self.reasons.extend(reasons.iter().map(|r| r.as_bytes().into()));
        self.must_fit.extend(must_fit.iter().map(|start| start.as_bytes().to_vec()));
        let xml = file.xml;
        self.dialects.push(Dialect { path: path.to_owned(), built_in, name, source, last, reasons, must_fit, xml });
        self.templates.extend(file.templates.into_iter().map(|(number, raw, (ops, _))| Template {
            meaning: Meaning { kind: raw.kind, basis: raw.basis },
            at: raw.text.span(),
            text: raw.text.into_inner(),
            source: raw.source,
            processes: raw.processes,
            samples: raw.sample.into_iter().map(Sample::from).collect(),
            dialect,
            number,
            program: Program::new(&ops),
            ops,
        }));
    }

    fn index(&mut self) {
        self.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.len()));
        let ends: Vec<u8> = self.reasons.iter().filter_map(|r| r.last().map(u8::to_ascii_lowercase)).collect();
        self.reason_ends = (0..=u8::MAX).map(|byte| ends.contains(&byte)).collect();
        let named = self.templates.iter().flat_map(|t| t.processes.iter());
        self.processes = named.map(|name| name.as_bytes().to_vec()).collect();
        self.processes.sort_unstable();
        self.processes.dedup();
        let named = self.processes.iter().map(|name| (name.as_slice(), false));
        let candidates = |(process, unnamed): (&[u8], bool)| {
            std::array::from_fn(|byte| {
                let begins = |t: &Template| first_byte(&t.ops).is_none_or(|first| usize::from(first) == byte);
                let fits = |t: &Template| if unnamed { t.processes.is_empty() } else { t.is_of(process) };
                let all = self.templates.iter().enumerate();
                let templates: Vec<usize> = all.filter(|(_, t)| begins(t) && fits(t)).map(|(i, _)| i).collect();
                let first = templates.first().and_then(|i| self.templates.get(*i));
                let usual = first.and_then(|t| Some((Usual::of(&t.text)?, t.meaning)));
                Candidates { usual: usual.filter(|(usual, meaning)| usual.kind() == meaning.kind), templates }
            })
        };
        self.candidates = named.chain([(&[][..], true)]).map(candidates).collect();
    }

    /// What templates know a process as.
    pub fn process(&self, name: &[u8]) -> Process {
        Process(self.processes.iter().position(|p| p == name).unwrap_or(self.processes.len()))
    }

    /// What is wrong with the samples of one dialect: its templates must read their own. Another file may have templates for
    /// the same lines, which is how one overrides the other.
    fn samples_of(&self, dialect: usize, text: &str) -> Vec<Mistake> {
        let begin = self.templates.partition_point(|t| t.dialect < dialect);
        let end = self.templates.partition_point(|t| t.dialect <= dialect);
        let templates = self.templates.get(begin..end).unwrap_or_default();
        let xml = self.dialects.get(dialect).and_then(|dialect| dialect.xml.as_ref());
        let mut mistakes = xml.map_or_else(Vec::new, |xml| xml.samples(text));
        for template in templates {
            for (i, sample) in template.samples.iter().enumerate() {
                let wrong = sample.check(template, templates, self, text);
                let named = |what: &str| format!("template {}: sample {}: {what}", template.number, i + 1);
                mistakes.extend(wrong.into_iter().map(|m| Mistake { what: named(&m.what), ..m }));
            }
        }
        mistakes
    }

    /// Every dialect, in the order in which they are asked.
    pub fn dialects(&self) -> &[Dialect] {
        &self.dialects
    }

    /// What is known of XML, in the order in which it is asked.
    pub fn xml(&self) -> impl Iterator<Item = &Xml> {
        self.dialects.iter().filter_map(|dialect| dialect.xml.as_ref())
    }

    /// Whether any dialect knows XML.
    pub fn knows_xml(&self) -> bool {
        self.xml().next().is_some()
    }

    /// Whether a site's own files hold guesses.
    pub fn guesses(&self) -> bool {
        let is_guess = |meaning: Meaning| meaning.basis == Basis::Inferred;
        self.dialects.iter().enumerate().filter(|(_, dialect)| !dialect.built_in).any(|(number, dialect)| {
            let mut elements = dialect.xml.iter().flat_map(|xml| &xml.elements);
            let mut templates = self.templates.iter().filter(|template| template.dialect == number);
            elements.any(|element| is_guess(element.meaning)) || templates.any(|template| is_guess(template.meaning))
        })
    }

    /// The known reasons, longest first.
    pub(super) fn reasons(&self) -> &[Box<[u8]>] {
        &self.reasons
    }

    /// Every template, in the order in which they are tried.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The template of usual shape that a process's message is to be read by if it is an ordinary one: as [`Grammars::read`], which
    /// takes any message.
    pub fn usual(&self, process: Process, message: &[u8]) -> Option<(Meaning, Usual)> {
        let candidates = self.candidates.get(process.0)?.get(usize::from(*message.first()?))?;
        let (usual, meaning) = candidates.usual?;
        usual.begins(message).then_some((meaning, usual))
    }

    /// What a process's message means and holds, if a template fits it.
    pub fn read<'a>(&self, process: Process, message: &'a [u8]) -> Option<(Meaning, Fields<'a>)> {
        let candidates = self.candidates.get(process.0)?.get(usize::from(*message.first()?))?;
        let templates = candidates.templates.iter().filter_map(|i| self.templates.get(*i));
        self.first_that_fits(templates, message).map(|(template, fields)| (template.meaning, fields))
    }

    /// The first of some templates, which are of the message's process, that a message fits, and what its holes hold.
    fn first_that_fits<'a, 't>(
        &self,
        templates: impl Iterator<Item = &'t Template>,
        message: &'a [u8],
    ) -> Option<(&'t Template, Fields<'a>)> {
        for template in templates.filter(|template| template.program.may_read(message)) {
            let mut fields = Fields::default();
            if template.program.run(message, &self.reasons, &mut fields) {
                return Some((template, fields));
            }
        }
        None
    }

    /// The first of some templates that a process's message fits.
    pub(super) fn first_of<'a, 't>(
        &self,
        templates: &'t [Template],
        process: &[u8],
        message: &'a [u8],
    ) -> Option<(&'t Template, Fields<'a>)> {
        self.first_that_fits(templates.iter().filter(|t| t.is_of(process)), message)
    }

    /// Whether a text ends in one of the reasons, as the last line of a refused login does.
    pub fn ends_in_reason(&self, text: &[u8]) -> bool {
        let Some(last) = text.last() else { return false };
        let is_last = self.reason_ends.get(usize::from(last.to_ascii_lowercase())).is_some_and(|is| *is);
        is_last
            && self.reasons.iter().any(|reason| {
                let (before, end) = text.split_at(text.len().saturating_sub(reason.len()));
                end.eq_ignore_ascii_case(reason) && before.last().is_none_or(|byte| *byte == b' ')
            })
    }

    /// Whether a message that fits no template is a refused login but for its reason: perhaps the user name holds a line break.
    pub fn breaks_off(&self, process: Process, message: &[u8]) -> bool {
        let Some(reason) = self.reasons.first() else { return false };
        let whole = [message, b"x ", reason].concat();
        self.read(process, &whole).is_some_and(|(meaning, _)| meaning.kind == Kind::Refused)
    }

    /// Whether a message that fits no template is a reject rather than unknown (R1).
    pub fn must_fit(&self, message: &[u8]) -> bool {
        self.must_fit.iter().any(|start| message.starts_with(start))
    }
}

#[cfg(test)]
mod tests;
