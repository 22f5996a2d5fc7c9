//! `grammar check`: whether files can be used, and what is wrong with them.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::super::ask::grammar_texts;
use super::super::{Exit, Notes, Stop};
use crate::grammar::{Dialect, Grammars, Template};
use crate::mistake::Mistake;
use crate::text::{counted, visible};

/// Says of each file what is wrong with it; if nothing is, what it holds.
pub(super) fn run(files: &[PathBuf], notes: &Notes) -> Result<Exit, Stop> {
    let texts = grammar_texts(files)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut wrong = 0;
    for file in &texts {
        if let Err(error) = Grammars::new(std::slice::from_ref(file)) {
            wrong += 1;
            for (i, mistake) in error.mistakes.iter().enumerate() {
                let blank = if i > 0 { "\n" } else { "" };
                write!(out, "{blank}{}", mistake.picture(&error.path, &error.text))?;
            }
            writeln!(out, "{}: {}\n", visible(error.path.as_bytes()), counted(error.mistakes.len(), "mistake"))?;
        }
    }
    if wrong > 0 {
        out.flush()?;
        let of = if texts.len() > 1 { format!("{wrong} of {} files", texts.len()) } else { "the file".to_owned() };
        notes.error(&format!("{of} cannot be used"));
        return Ok(Exit::Usage);
    }
    let grammars = Grammars::new(&texts).map_err(|e| Stop::Usage(e.to_string()))?;
    for (number, warning) in grammars.warnings() {
        let Some(dialect) = grammars.dialects().get(number) else { continue };
        let text = texts.iter().find(|(path, _)| path.to_string_lossy() == dialect.path).map_or("", |(_, text)| text);
        let warning = Mistake { what: format!("warning: {}", warning.what), ..warning };
        writeln!(out, "{}", warning.picture(&dialect.path, text))?;
    }
    for (number, dialect) in grammars.dialects().iter().enumerate().filter(|(_, dialect)| !dialect.built_in) {
        let templates: Vec<_> = grammars.templates().iter().filter(|t| t.dialect == number).collect();
        let (path, name) = (visible(dialect.path.as_bytes()), visible(dialect.name.as_bytes()));
        writeln!(out, "{path}: can be used: dialect {name}, {}", held(&templates, dialect))?;
    }
    out.flush()?;
    Ok(Exit::Answered)
}

/// What a file holds, in a few words.
fn held(templates: &[&Template], dialect: &Dialect) -> String {
    let elements: Vec<_> = dialect.xml.iter().flat_map(|xml| &xml.elements).collect();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    templates.iter().for_each(|template| *kinds.entry(template.meaning.kind.name()).or_default() += 1);
    let kinds: Vec<String> = kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let of_templates = templates.iter().map(|template| template.samples.len());
    let samples = of_templates.chain(elements.iter().map(|element| element.samples.len())).sum();
    let some = |n: usize, what| if n > 0 { format!(", {}", counted(n, what)) } else { String::new() };
    let (reasons, elements) = (some(dialect.reasons.len(), "reason"), some(elements.len(), "element"));
    let templates = counted(templates.len(), "template");
    format!("{templates}{kinds}{elements}, {} read as expected{reasons}", counted(samples, "sample"))
}
