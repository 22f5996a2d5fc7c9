//! A grammar file: TOML into a dialect's templates, with the place of everything that may be wrong.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::hole::Hole;
use super::kind::{Basis, Kind};
use super::template::{Compiled, compile, holes};
use super::xml::{RawXml, Xml, compiled as compiled_xml};
use crate::mistake::{Mistake, meant};

/// A dialect as its file holds it.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) head: Head,
    /// What it says of XML.
    pub(super) xml: Option<Xml>,
    /// The templates that can be used, each with its number in the file from 1.
    pub(super) templates: Vec<(usize, RawTemplate, Compiled)>,
}

/// What stands before the templates.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub(super) dialect: String,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) last: bool,
    #[serde(default)]
    pub(super) reasons: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) must_fit: Vec<Spanned<String>>,
}

/// A template as its file holds it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTemplate {
    pub(super) kind: Kind,
    pub(super) text: Spanned<String>,
    pub(super) basis: Basis,
    #[serde(default)]
    pub(super) source: String,
    #[serde(default)]
    pub(super) processes: Vec<String>,
    #[serde(default)]
    pub(super) sample: Vec<RawSample>,
}

/// A sample as its file holds it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSample {
    pub(super) line: Spanned<String>,
    #[serde(default)]
    pub(super) expect: BTreeMap<String, Spanned<String>>,
}

/// Reads a file: what of it can be used, and all that is wrong.
pub(super) fn read(text: &str) -> (File, Vec<Mistake>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return (File::default(), errors.iter().map(|error| of_toml(error, text, 0..0)).collect());
    }
    let whole = table.span();
    let mut table = table.into_inner();
    let templates = table.remove("template");
    let xml = table.remove("xml");
    let mut mistakes = unknown_keys(&mut table);
    let head = part::<Head>(Spanned::new(whole, DeValue::Table(table)), text, &mut mistakes);
    let mut file = File { head: head.unwrap_or_default(), ..File::default() };
    for (key, texts) in [("reasons", &file.head.reasons), ("must_fit", &file.head.must_fit)] {
        let empty = texts.iter().filter(|text| text.get_ref().is_empty());
        mistakes.extend(empty.map(|place| {
            Mistake::new(
                place.span(),
                format!("an empty text in '{key}'"),
                "it would be in every message: leave it out",
            )
        }));
    }
    if let Some(xml) = xml {
        let at = first_line(xml.span(), text);
        if let Some(raw) = part::<RawXml>(xml, text, &mut mistakes) {
            let (xml, wrong) = compiled_xml(raw, &at);
            file.xml = Some(xml);
            mistakes.extend(wrong);
        }
    }
    match templates.map(|all| (all.span(), all.into_inner())) {
        None => {}
        Some((_, DeValue::Array(all))) => {
            for (i, raw) in all.into_iter().enumerate() {
                let raw = part::<RawTemplate>(raw, text, &mut mistakes);
                if let Some(raw) = raw
                    && let Some(ops) = compiled(&raw, i + 1, text, &mut mistakes)
                {
                    file.templates.push((i + 1, raw, ops));
                }
            }
        }
        Some((at, _)) => {
            mistakes.push(Mistake::new(at, "'template' is no list of tables", "begin each with [[template]]"))
        }
    }
    (file, mistakes)
}

/// Takes keys away that a file does not have, so that what is right beside them still counts.
fn unknown_keys(table: &mut DeTable<'_>) -> Vec<Mistake> {
    const KEYS: [&str; 5] = ["dialect", "source", "last", "reasons", "must_fit"];
    let unknown = table.keys().filter(|key| !KEYS.contains(&&**key.get_ref()));
    let unknown: Vec<(String, Range<usize>)> = unknown.map(|key| (key.get_ref().to_string(), key.span())).collect();
    let mistake = |(key, at): (String, Range<usize>)| {
        table.remove(key.as_str());
        let perhaps = meant(&key, KEYS.into_iter().chain(["template", "xml"]));
        let perhaps = perhaps.map_or(String::new(), |name| format!("did you mean '{name}'? "));
        Mistake::new(at, format!("no key is called '{key}'"), format!("{perhaps}the keys are {}", KEYS.join(", ")))
    };
    unknown.into_iter().map(mistake).collect()
}

/// One part of a file.
fn part<T: DeserializeOwned>(value: Spanned<DeValue<'_>>, text: &str, mistakes: &mut Vec<Mistake>) -> Option<T> {
    let place = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(part) => Some(part),
        Err(error) => {
            mistakes.push(of_toml(&error, text, place));
            None
        }
    }
}

/// What the TOML reader says.
fn of_toml(error: &toml::de::Error, text: &str, place: Range<usize>) -> Mistake {
    let said = error.message().replace('\n', ", ");
    let remedy = if said.contains("field `") { "the keys are those of grammars/README.md" } else { "" };
    Mistake::new(first_line(error.span().unwrap_or(place), text), said, remedy)
}

/// Of a whole table its first line is enough.
fn first_line(at: Range<usize>, text: &str) -> Range<usize> {
    let line = text.get(at.clone()).and_then(|part| part.lines().next()).unwrap_or_default();
    at.start..at.start + line.len()
}

/// The program of a template that has the fields its kind needs, and a sample.
fn compiled(raw: &RawTemplate, number: usize, file: &str, mistakes: &mut Vec<Mistake>) -> Option<Compiled> {
    let (at, before) = (raw.text.span(), mistakes.len());
    let named = |mistake: Mistake| Mistake { what: format!("template {number}: {}", mistake.what), ..mistake };
    let compiled = compile(raw.text.get_ref());
    match &compiled {
        Err(wrong) => {
            let placed = |m: &Mistake| Mistake { at: inside(&raw.text, file, &m.at), ..m.clone() };
            mistakes.extend(wrong.iter().map(placed).map(named));
        }
        Ok((ops, _)) => {
            let needs = raw.kind.needs();
            if let Some(missing) = needs.iter().find(|needed| !holes(ops).any(|hole| hole == **needed)) {
                let needs: Vec<_> = needs.iter().map(|hole| format!("{{{}}}", hole.name())).collect();
                let what =
                    format!("a {} needs {}; {{{}}} is missing", raw.kind.name(), needs.join(", "), missing.name());
                mistakes.push(named(Mistake::new(at.clone(), what, "or give it another kind, such as known")));
            }
        }
    }
    if raw.sample.is_empty() {
        let remedy = "write [[template.sample]] and line = '...' behind it, with a real line";
        mistakes.push(named(Mistake::new(at, "a template needs at least one sample line", remedy)));
    }
    compiled.ok().filter(|_| mistakes.len() == before)
}

/// The place in a file of a part of one of its strings: the whole string, where escapes make it hard to tell.
pub(super) fn inside(string: &Spanned<String>, file: &str, part: &Range<usize>) -> Range<usize> {
    let span = string.span();
    let written = file.get(span.clone()).unwrap_or_default();
    let quotes = if written.starts_with("'''") || written.starts_with("\"\"\"") { 3 } else { 1 };
    match written.get(quotes..quotes + string.get_ref().len()) {
        Some(plain) if plain == string.get_ref() => {
            let begin = span.start + quotes;
            begin + part.start..begin + part.end
        }
        _ => span,
    }
}

/// The field of a name, if a template fills it.
pub(super) fn filled(name: &str, ops: impl Iterator<Item = Hole>) -> Option<Hole> {
    let hole = Hole::named(name)?;
    let mut ops = ops;
    ops.any(|other| other == hole).then_some(hole)
}
