//! Dialects and their templates, as a list for people and as JSON.

use std::io;

use serde_json::{Value, json};

use super::{Align, Columns, put};
use crate::grammar::{Dialect, Element, Grammars, Template};
use crate::text::visible;

/// The templates of each dialect, with their numbers in `Grammars`.
fn by_dialect(grammars: &Grammars) -> impl Iterator<Item = (&Dialect, Vec<&Template>)> {
    let of = |number| grammars.templates().iter().filter(move |template| template.dialect == number).collect();
    grammars.dialects().iter().enumerate().map(move |(number, dialect)| (dialect, of(number)))
}

/// Writes the dialects in the order in which they are asked, each template with its samples below it.
///
/// # Errors
/// Those of the writer.
pub fn dialects(grammars: &Grammars, out: &mut dyn io::Write) -> io::Result<()> {
    for (i, (dialect, templates)) in by_dialect(grammars).enumerate() {
        let shown = |text: &str| visible(text.as_bytes()).into_owned();
        if i > 0 {
            writeln!(out)?;
        }
        let place = match (dialect.built_in, dialect.last) {
            (true, _) => "built in",
            (false, true) => "asked last",
            (false, false) => "your own",
        };
        writeln!(out, "{}: dialect {}, {place}", shown(&dialect.path), shown(&dialect.name))?;
        for (what, text) in [
            ("source", dialect.source.clone()),
            ("reasons", dialect.reasons.join(", ")),
            ("must fit", dialect.must_fit.iter().map(|start| format!("\"{start}\"")).collect::<Vec<_>>().join(", ")),
        ] {
            if !text.is_empty() {
                writeln!(out, "{what}: {}", shown(&text))?;
            }
        }
        let mut columns = Columns::new(
            &["KIND", "BASIS", "PROCESSES", "TEMPLATE, AND LINES THAT IT READS"].map(|h| (h, Align::Left)),
        );
        let mut rows = Vec::new();
        for template in templates {
            let processes = if template.processes.is_empty() { "any".to_owned() } else { template.processes.join(" ") };
            let (kind, basis) = (template.meaning.kind.name(), template.meaning.basis.name());
            rows.push([kind.to_owned(), basis.to_owned(), shown(&processes), shown(&template.text)]);
            let below = |line: &str| [String::new(), String::new(), String::new(), format!("  {}", shown(line))];
            rows.extend(template.samples.iter().map(|sample| below(&sample.line)));
        }
        for element in dialect.xml.iter().flat_map(|xml| &xml.elements) {
            let (kind, basis) = (element.meaning.kind.name(), element.meaning.basis.name());
            let name = format!("<{}>", shown(&element.name));
            rows.push([kind.to_owned(), basis.to_owned(), "any".to_owned(), name]);
            let below = |line: &str| [String::new(), String::new(), String::new(), format!("  {}", shown(line))];
            rows.extend(element.samples.iter().map(|sample| below(&sample.line)));
        }
        if rows.is_empty() {
            continue;
        }
        rows.iter().for_each(|row| columns.fit(row));
        columns.head(out)?;
        columns.write(out, &rows)?;
    }
    Ok(())
}

/// Writes the same as one JSON document.
///
/// # Errors
/// Those of the writer.
pub fn dialects_json(grammars: &Grammars, out: &mut dyn io::Write) -> io::Result<()> {
    let template = |template: &Template| {
        let samples = template.samples.iter();
        json!({
            "kind": template.meaning.kind.name(),
            "text": template.text,
            "basis": template.meaning.basis.name(),
            "source": template.source,
            "processes": template.processes,
            "samples": samples.map(|sample| json!({"line": sample.line, "expect": sample.expect})).collect::<Vec<_>>(),
        })
    };
    let element = |element: &Element| {
        let port = element.port.iter().map(|name| ("port", name));
        let pair = |(field, name): (&str, &String)| (field.to_owned(), json!(name));
        let fields: serde_json::Map<String, Value> =
            element.fields.iter().map(|(hole, name)| (hole.name(), name)).chain(port).map(pair).collect();
        let samples = element.samples.iter();
        json!({
            "name": element.name,
            "kind": element.meaning.kind.name(),
            "basis": element.meaning.basis.name(),
            "source": element.source,
            "where": element.wanted,
            "fields": fields,
            "samples": samples.map(|sample| json!({"line": sample.line, "expect": sample.expect})).collect::<Vec<_>>(),
        })
    };
    let dialects: Vec<Value> = by_dialect(grammars)
        .map(|(dialect, templates)| {
            json!({
                "path": dialect.path,
                "built_in": dialect.built_in,
                "dialect": dialect.name,
                "source": dialect.source,
                "last": dialect.last,
                "reasons": dialect.reasons,
                "must_fit": dialect.must_fit,
                "templates": templates.into_iter().map(template).collect::<Vec<_>>(),
                "elements": dialect.xml.iter().flat_map(|xml| &xml.elements).map(element).collect::<Vec<_>>(),
            })
        })
        .collect();
    let tool = json!({"name": "imstrail", "version": env!("CARGO_PKG_VERSION")});
    put(&json!({"tool": tool, "dialects": dialects}), out)?;
    out.write_all(b"\n")
}
