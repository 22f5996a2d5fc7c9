//! Dialects: message templates as TOML, and the lookup that finds the template of a message.

use std::path::PathBuf;

use serde::Deserialize;

use super::matcher::{self, Fields, ends_word};
use super::template::{Op, compile, first_word};

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

/// One message template.
#[derive(Clone, Debug)]
pub struct Template {
    /// What the message means.
    pub kind: Kind,
    /// How sure that is.
    pub basis: Basis,
    /// The template's text.
    pub text: String,
    /// Lines with the fields that they must give.
    pub samples: Vec<Sample>,
    processes: Vec<Vec<u8>>,
    ops: Vec<Op>,
    reasons: usize,
}

/// A line that a template must read, and the fields that it must find.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The whole line.
    pub line: String,
    /// Field name to text.
    #[serde(default)]
    pub expect: std::collections::BTreeMap<String, String>,
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
    /// The reasons that a refused login may give.
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
    /// A template does not compile.
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
    reasons: Vec<Vec<Box<[u8]>>>,
    must_fit: Vec<Vec<u8>>,
    /// First word → templates to try, in order of precedence.
    by_word: Vec<(Vec<u8>, Vec<usize>)>,
    /// Templates that begin with a hole.
    any_word: Vec<usize>,
}

const BUILT_IN: [(&str, &str); 3] = [
    ("account.toml", include_str!("../../grammars/account.toml")),
    ("http.toml", include_str!("../../grammars/http.toml")),
    ("general.toml", include_str!("../../grammars/general.toml")),
];

impl Grammars {
    /// The built-in dialects, behind those of a site: (path, text of the file).
    ///
    /// # Errors
    /// The first file that is wrong, with the place.
    pub fn new(site: &[(PathBuf, String)]) -> Result<Grammars, GrammarError> {
        let mut grammars = Grammars::default();
        for (path, text) in site {
            grammars.add(&path.to_string_lossy(), text)?;
        }
        for (name, text) in BUILT_IN {
            grammars.add(name, text)?;
        }
        grammars.index();
        Ok(grammars)
    }

    fn add(&mut self, path: &str, text: &str) -> Result<(), GrammarError> {
        let dialect: Dialect = toml::from_str(text)
            .map_err(|e| GrammarError::Toml { path: path.to_owned(), cause: e.to_string() })?;
        let mut reasons: Vec<Box<[u8]>> = dialect.reasons.iter().map(|r| r.as_bytes().into()).collect();
        reasons.sort_by_key(|r| std::cmp::Reverse(r.len()));
        self.reasons.push(reasons);
        self.must_fit.extend(dialect.must_fit.into_iter().map(String::into_bytes));
        for (i, raw) in dialect.template.into_iter().enumerate() {
            let ops = compile(&raw.text).map_err(|cause| GrammarError::Template {
                path: path.to_owned(),
                number: i + 1,
                text: raw.text.clone(),
                cause,
            })?;
            if raw.sample.is_empty() {
                let cause = "a template needs at least one sample line".to_owned();
                return Err(GrammarError::Sample { path: path.to_owned(), number: i + 1, cause });
            }
            self.templates.push(Template {
                kind: raw.kind,
                basis: raw.basis,
                text: raw.text,
                samples: raw.sample,
                processes: raw.processes.into_iter().map(String::into_bytes).collect(),
                ops,
                reasons: self.reasons.len() - 1,
            });
        }
        Ok(())
    }

    fn index(&mut self) {
        let words: Vec<Option<&[u8]>> = self.templates.iter().map(|t| first_word(&t.ops)).collect();
        for word in words.iter().flatten() {
            if !self.by_word.iter().any(|(w, _)| w == word) {
                let fits = |i: &usize| words.get(*i).is_some_and(|w| w.is_none() || *w == Some(*word));
                self.by_word.push((word.to_vec(), (0..words.len()).filter(fits).collect()));
            }
        }
        self.any_word = (0..words.len()).filter(|i| words.get(*i).is_some_and(Option::is_none)).collect();
    }

    /// Every template, the site's first.
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The template that a process's message fits; what its holes hold goes to `fields`.
    #[inline]
    pub fn read<'a>(&self, process: &[u8], message: &'a [u8], fields: &mut Fields<'a>) -> Option<&Template> {
        let end = message.iter().position(|&b| ends_word(b)).unwrap_or(message.len());
        let word = message.get(..end).unwrap_or_default();
        let candidates = self.by_word.iter().find(|(w, _)| w == word).map_or(&self.any_word, |(_, c)| c);
        for template in candidates.iter().filter_map(|i| self.templates.get(*i)) {
            if !template.processes.is_empty() && !template.processes.iter().any(|p| p == process) {
                continue;
            }
            let reasons = self.reasons.get(template.reasons).map_or(&[][..], Vec::as_slice);
            if matcher::run(&template.ops, message, reasons, fields) {
                return Some(template);
            }
        }
        None
    }

    /// Whether a message that fits no template is a reject rather than unknown (R1).
    pub fn must_fit(&self, message: &[u8]) -> bool {
        self.must_fit.iter().any(|start| message.starts_with(start))
    }
}
