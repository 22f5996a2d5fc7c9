//! The part of a grammar file that is about XML.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::super::file::RawSample;
use super::super::hole::Hole;
use super::super::kind::{Basis, Kind, Meaning};
use super::super::sample::Sample;
use super::{Element, Xml, can_be};
use crate::mistake::{Mistake, meant};

/// What a file says of XML.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct RawXml {
    time: String,
    process: String,
    pid: String,
    store: Option<String>,
    store_name: Option<String>,
    #[serde(default)]
    processes: BTreeMap<String, String>,
    #[serde(default)]
    element: Vec<RawElement>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawElement {
    name: Spanned<String>,
    kind: Spanned<Kind>,
    basis: Basis,
    #[serde(default)]
    source: String,
    #[serde(default, rename = "where")]
    wanted: BTreeMap<String, String>,
    #[serde(default)]
    fields: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    sample: Vec<RawSample>,
}

/// What elements can hold; `port` is a part of the peer.
const FIELDS: [&str; 10] =
    ["peer", "port", "user", "mechanism", "reason", "start", "duration", "in", "out", "mailboxes"];

/// What the elements mean, and all that is wrong; `at` is where the part stands.
pub(in super::super) fn compiled(raw: RawXml, at: &Range<usize>) -> (Xml, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    if raw.store.is_none() && raw.store_name.is_none() {
        let remedy = "say store = the attribute that names the host, or store_name = the store of these logs";
        mistakes.push(Mistake::new(at.clone(), "nothing says which store the entries are of", remedy));
    }
    let mut elements = Vec::new();
    for (i, raw) in raw.element.into_iter().enumerate() {
        let wrong = wrong(&raw);
        let named = |mistake: Mistake| Mistake { what: format!("element {}: {}", i + 1, mistake.what), ..mistake };
        if wrong.is_empty() {
            elements.push(element(raw));
        }
        mistakes.extend(wrong.into_iter().map(named));
    }
    let RawXml { time, process, pid, store, store_name, processes, .. } = raw;
    (Xml { time, process, pid, store, store_name, processes, elements }, mistakes)
}

/// What is wrong with an element.
fn wrong(raw: &RawElement) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let kind = *raw.kind.get_ref();
    if !can_be(kind) {
        let what = format!("an element cannot be a {}", kind.name());
        mistakes.push(Mistake::new(raw.kind.span(), what, "it is login, close, refused, start, stop or known"));
    }
    for (name, attribute) in &raw.fields {
        if !FIELDS.contains(&name.as_str()) {
            let perhaps = meant(name, FIELDS.into_iter());
            let perhaps = perhaps.map_or(String::new(), |name| format!("did you mean '{name}'? "));
            let remedy = format!("{perhaps}the fields are {}", FIELDS.join(", "));
            mistakes.push(Mistake::new(attribute.span(), format!("no field is called '{name}'"), remedy));
        }
    }
    let has = |hole: &Hole| raw.fields.contains_key(hole.name());
    let timed = has(&Hole::Start) || has(&Hole::Duration);
    let is_enough = |hole: &&Hole| has(hole) || (timed && matches!(hole, Hole::Start | Hole::Duration));
    if let Some(missing) = kind.needs().iter().find(|hole| !is_enough(hole)) {
        let what = format!("a {} needs the field '{}'", kind.name(), missing.name());
        let remedy = format!("say which attribute holds it: fields = {{ {} = \"...\" }}", missing.name());
        mistakes.push(Mistake::new(raw.kind.span(), what, remedy));
    }
    if raw.sample.is_empty() {
        let remedy = "write [[xml.element.sample]] and line = '...' behind it, with a real line";
        mistakes.push(Mistake::new(raw.name.span(), "an element needs at least one sample line", remedy));
    }
    mistakes
}

fn element(raw: RawElement) -> Element {
    let mut fields = raw.fields;
    let port = fields.remove("port").map(Spanned::into_inner);
    let hole = |(name, attribute): (String, Spanned<String>)| Some((Hole::named(&name)?, attribute.into_inner()));
    Element {
        name: raw.name.into_inner(),
        meaning: Meaning { kind: raw.kind.into_inner(), basis: raw.basis },
        source: raw.source,
        wanted: raw.wanted,
        fields: fields.into_iter().filter_map(hole).collect(),
        port,
        samples: raw.sample.into_iter().map(Sample::from).collect(),
    }
}
