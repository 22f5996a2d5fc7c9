//! Dialects: message templates as TOML, and the lookup that finds the template of a message.

use std::path::PathBuf;

use serde::Deserialize;

use super::matcher::{Fields, Hole, Program};
use super::sample::Sample;
use super::template::{Op, compile, first_byte, holes};
use super::usual::Usual;

/// What a message that fits a template means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A user authenticated.
    Login,
    /// A connection ended (R3).
    Close,
    /// A login was refused.
    Refused,
    /// A multiplexor refused a user or an address.
    Denied,
    /// A process began (R8).
    Start,
    /// A process ended (R8).
    Stop,
    /// A new log file began.
    Created,
    /// A message was stored (message trace).
    Append,
    /// A message was read (message trace).
    Fetch,
    /// A message was removed (message trace).
    Expunge,
    /// The message is understood and means nothing here.
    Known,
}

impl Kind {
    /// The fields without which a message of this kind says nothing.
    fn needs(self) -> &'static [Hole] {
        match self {
            Kind::Login => &[Hole::Peer, Hole::User],
            Kind::Close => &[Hole::Peer, Hole::User, Hole::Start, Hole::Duration],
            Kind::Refused => &[Hole::Peer, Hole::User, Hole::Reason],
            Kind::Append | Kind::Fetch | Kind::Expunge => &[Hole::User, Hole::MessageId],
            _ => &[],
        }
    }
}

/// How sure a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Seen in a real line.
    Observed,
    /// The vendor documents it.
    Documented,
    /// A guess: rows that rest on it carry the flag `inferred-format`.
    Inferred,
}

/// What a message that fits a template tells, beside its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// What the message means.
    pub kind: Kind,
    /// How sure that is.
    pub basis: Basis,
}

/// One message template.
#[derive(Clone, Debug)]
pub struct Template {
    /// What the message means, and how sure that is.
    pub meaning: Meaning,
    /// The template's text.
    pub text: String,
    /// Lines with the fields that they must give.
    pub samples: Vec<Sample>,
    processes: Vec<Vec<u8>>,
    ops: Vec<Op>,
    program: Program,
}

impl Template {
    /// The fields that it fills.
    pub(super) fn holes(&self) -> impl Iterator<Item = Hole> {
        holes(&self.ops)
    }

    /// Whether it reads lines of this process.
    fn is_of(&self, process: &[u8]) -> bool {
        self.processes.is_empty() || self.processes.iter().any(|p| p == process)
    }
}

/// A set of templates as one TOML file holds it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// The dialect's name.
    pub dialect: String,
    /// Where the knowledge comes from.
    #[serde(default)]
    pub source: String,
    /// The reasons that a refused login may give, in whichever file its template stands.
    #[serde(default)]
    reasons: Vec<String>,
    /// Beginnings of messages that are rejects where no template fits (R1).
    #[serde(default)]
    must_fit: Vec<String>,
    #[serde(default)]
    template: Vec<RawTemplate>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTemplate {
    kind: Kind,
    text: String,
    basis: Basis,
    #[serde(default)]
    #[allow(dead_code, reason = "for the reader of the file")]
    source: String,
    #[serde(default)]
    processes: Vec<String>,
    #[serde(default)]
    sample: Vec<Sample>,
}

/// Why a grammar file was refused.
#[derive(Debug, thiserror::Error)]
pub enum GrammarError {
    /// The file is no TOML, or has keys that a dialect does not have.
    #[error("{path}: {cause}")]
    Toml {
        /// The file.
        path: String,
        /// What the TOML reader says, with line and column.
        cause: String,
    },
    /// `reasons` or `must_fit` hold an empty text, which would be in every message.
    #[error("{path}: an empty text in '{key}'")]
    Empty {
        /// The file.
        path: String,
        /// The list.
        key: &'static str,
    },
    /// A template does not compile, or lacks a field that its kind needs.
    #[error("{path}: template {number} ({text:?}): {cause}")]
    Template {
        /// The file.
        path: String,
        /// Which template of the file, counted from 1.
        number: usize,
        /// Its text.
        text: String,
        /// What is wrong and where.
        cause: String,
    },
    /// A template has no sample, or one that it does not read.
    #[error("{path}: template {number}: {cause}")]
    Sample {
        /// The file.
        path: String,
        /// Which template of the file, counted from 1.
        number: usize,
        /// What is wrong.
        cause: String,
    },
}

/// Every template that is in force, the site's before the built-in ones.
#[derive(Clone, Debug, Default)]
pub struct Grammars {
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
    /// The first file that is wrong, with the place.
    pub fn new(site: &[(PathBuf, String)]) -> Result<Grammars, GrammarError> {
        let mut grammars = Grammars::default();
        let mut ends = Vec::new();
        for (path, text) in site {
            grammars.add(&path.to_string_lossy(), text)?;
            ends.push(grammars.templates.len());
        }
        for (name, text) in BUILT_IN {
            grammars.add(name, text)?;
        }
        grammars.index();
        let mut begin = 0;
        for ((path, _), end) in site.iter().zip(ends) {
            grammars.check_samples(&path.to_string_lossy(), begin..end)?;
            begin = end;
        }
        Ok(grammars)
    }

    fn add(&mut self, path: &str, text: &str) -> Result<(), GrammarError> {
        let dialect: Dialect =
            toml::from_str(text).map_err(|e| GrammarError::Toml { path: path.to_owned(), cause: e.to_string() })?;
        for (key, texts) in [("reasons", &dialect.reasons), ("must_fit", &dialect.must_fit)] {
            if texts.iter().any(String::is_empty) {
                return Err(GrammarError::Empty { path: path.to_owned(), key });
            }
        }
        self.reasons.extend(dialect.reasons.iter().map(|r| r.as_bytes().into()));
        self.must_fit.extend(dialect.must_fit.into_iter().map(String::into_bytes));
        for (i, raw) in dialect.template.into_iter().enumerate() {
            if raw.sample.is_empty() {
                let cause = "a template needs at least one sample line".to_owned();
                return Err(GrammarError::Sample { path: path.to_owned(), number: i + 1, cause });
            }
            let ops = raw.compile().map_err(|cause| GrammarError::Template {
                path: path.to_owned(),
                number: i + 1,
                text: raw.text.clone(),
                cause,
            })?;
            self.templates.push(Template {
                meaning: Meaning { kind: raw.kind, basis: raw.basis },
                text: raw.text,
                samples: raw.sample,
                processes: raw.processes.into_iter().map(String::into_bytes).collect(),
                program: Program::new(&ops),
                ops,
            });
        }
        Ok(())
    }

    fn index(&mut self) {
        self.reasons.sort_by_key(|reason| std::cmp::Reverse(reason.len()));
        let ends: Vec<u8> = self.reasons.iter().filter_map(|r| r.last().map(u8::to_ascii_lowercase)).collect();
        self.reason_ends = (0..=u8::MAX).map(|byte| ends.contains(&byte)).collect();
        self.processes = self.templates.iter().flat_map(|t| t.processes.iter().cloned()).collect();
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
                Candidates { usual: first.and_then(|t| Some((Usual::of(&t.text)?, t.meaning))), templates }
            })
        };
        self.candidates = named.chain([(&[][..], true)]).map(candidates).collect();
    }

    /// What templates know a process as.
    pub fn process(&self, name: &[u8]) -> Process {
        Process(self.processes.iter().position(|p| p == name).unwrap_or(self.processes.len()))
    }

    /// Whether the templates of one file read their own samples. Another file may have templates for the same lines,
    /// which is how one overrides the other.
    fn check_samples(&self, path: &str, file: std::ops::Range<usize>) -> Result<(), GrammarError> {
        let templates = self.templates.get(file).unwrap_or_default();
        for (i, template) in templates.iter().enumerate() {
            for (j, sample) in template.samples.iter().enumerate() {
                sample.check(template, templates, self).map_err(|cause| GrammarError::Sample {
                    path: path.to_owned(),
                    number: i + 1,
                    cause: format!("sample {}: {cause}", j + 1),
                })?;
            }
        }
        Ok(())
    }

    /// Every template, the site's first.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// What an ordinary login or close means and holds: the first `length` bytes of a text, of which enough must stand
    /// behind it to read it the quick way. As [`Grammars::read`], which takes any message.
    #[inline(always)]
    pub fn usual<'a>(&self, process: Process, text: &'a [u8], length: usize) -> Option<(Meaning, Fields<'a>)> {
        let candidates = self.candidates.get(process.0)?.get(usize::from(*text.first()?))?;
        let (usual, meaning) = candidates.usual.as_ref()?;
        Some((*meaning, usual.read(text, length)?))
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
        for template in templates {
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

impl RawTemplate {
    /// The template's program, with the fields that its kind needs.
    fn compile(&self) -> Result<Vec<Op>, String> {
        let ops = compile(&self.text)?;
        match self.kind.needs().iter().find(|needed| !holes(&ops).any(|hole| hole == **needed)) {
            None => Ok(ops),
            Some(missing) => {
                let kind = format!("{:?}", self.kind).to_ascii_lowercase();
                let needs: Vec<_> = self.kind.needs().iter().map(|hole| format!("{{{}}}", hole.name())).collect();
                Err(format!("a {kind} needs {}; {{{}}} is missing", needs.join(", "), missing.name()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
