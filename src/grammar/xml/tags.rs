//! A line of XML as entries: names and texts, decoded.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// One entry: an element with what its attributes and children say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The element's name.
    pub name: String,
    /// Names and texts: attributes, then children.
    pub values: Vec<(String, String)>,
}

impl Tags {
    /// The text of an attribute or child.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(other, _)| other == name).map(|(_, text)| text.as_str())
    }
}

/// A part of a line of XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Markup {
    /// An entry.
    Entry(Tags),
    /// An element that begins here, and goes on behind the line.
    Open(Tags),
    /// What stands around entries: the declaration, the end of an element, a comment.
    Around,
    /// It is not well formed, or has a document type.
    Malformed,
}

/// Whether a line is XML, to go by its first bytes: a `<` and a name, and not a number as syslog writes it.
pub fn is_markup(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
    matches!(line, [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' | b'?' | b'!' | b'/', ..])
}

/// The parts of a line, each with the place where it ends; the last ends with the line.
pub fn markup(line: &[u8]) -> Vec<(usize, Markup)> {
    let mut parts = Vec::new();
    let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let lead = line.len() - text.len();
    match std::str::from_utf8(text) {
        Ok(text) => read(text, lead, &mut parts),
        Err(_) => parts.push((line.len(), Markup::Malformed)),
    }
    if let Some((end, _)) = parts.last_mut() {
        *end = line.len();
    }
    parts
}

fn read(text: &str, lead: usize, parts: &mut Vec<(usize, Markup)>) {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_unmatched_ends = true;
    let mut open = Vec::new();
    loop {
        let event = reader.read_event();
        let end = lead + usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        match event.ok().and_then(|event| step(event, &mut open)) {
            None => return parts.push((end, Markup::Malformed)),
            Some(Step::Part(part)) => parts.push((end, part)),
            Some(Step::On) => {}
            Some(Step::Over) => {
                if let Some(entry) = open.into_iter().next() {
                    parts.push((end, Markup::Open(entry)));
                }
                return;
            }
        }
    }
}

/// What an event of the tokenizer leads to.
enum Step {
    Part(Markup),
    On,
    Over,
}

/// One event; `open` are the elements that have begun: the entry, its child, and what may lie in that. None if it must not be.
fn step(event: Event<'_>, open: &mut Vec<Tags>) -> Option<Step> {
    let text = match event {
        Event::Text(text) => said(open, &text.xml10_content()),
        Event::CData(text) if !open.is_empty() => said(open, &text.xml10_content()),
        Event::GeneralRef(name) => match name.resolve_char_ref().ok()? {
            Some(c) => said(open, c.encode_utf8(&mut [0; 4])),
            None => said(open, resolve_predefined_entity(&name.into_inner())?),
        },
        Event::Empty(start) if open.is_empty() => return Some(Step::Part(Markup::Entry(tags(&start)?))),
        Event::Empty(_) => return Some(Step::On),
        Event::Start(start) => {
            let mut tags = tags(&start)?;
            if open.len() == 1 {
                tags.values = vec![(tags.name.clone(), String::new())];
            }
            open.push(tags);
            return Some(Step::On);
        }
        Event::End(_) => {
            let ended = open.pop();
            return Some(match (ended, open.as_mut_slice()) {
                (None, _) => Step::Part(Markup::Around),
                (Some(entry), []) => Step::Part(Markup::Entry(entry)),
                (Some(child), [entry]) => {
                    entry.values.extend(child.values);
                    Step::On
                }
                _ => Step::On,
            });
        }
        Event::Comment(_) | Event::Decl(_) | Event::PI(_) if open.is_empty() => {
            return Some(Step::Part(Markup::Around));
        }
        Event::Comment(_) | Event::PI(_) => return Some(Step::On),
        Event::Eof => return Some(Step::Over),
        Event::CData(_) | Event::Decl(_) | Event::DocType(_) => return None,
    };
    text.then_some(Step::On)
}

/// Takes text, which counts in a child of an entry and nowhere else; whether it may stand there.
fn said(open: &mut [Tags], text: &str) -> bool {
    match open {
        [] => return text.trim().is_empty(),
        [_, child] => child.values.iter_mut().for_each(|(_, before)| before.push_str(text)),
        _ => {}
    }
    true
}

/// The name and the attributes of an element; none if they are not well formed.
fn tags(start: &BytesStart<'_>) -> Option<Tags> {
    let mut tags = Tags { name: start.name().as_ref().to_owned(), values: Vec::new() };
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        // A '<' cannot stand in a value: the element was cut off, and another has begun.
        if attribute.value.contains('<') {
            return None;
        }
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
        tags.values.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of a line as text: entries as `name a=b`, others by their first letters.
    fn shown(line: &str) -> String {
        let tags = |tags: &Tags| {
            let values: String = tags.values.iter().map(|(name, text)| format!(" {name}={text}")).collect();
            format!("{}{values}", tags.name)
        };
        let part = |(_, part): &(usize, Markup)| match part {
            Markup::Entry(entry) => tags(entry),
            Markup::Open(entry) => format!("open {}", tags(entry)),
            Markup::Around => "around".to_owned(),
            Markup::Malformed => "malformed".to_owned(),
        };
        markup(line.as_bytes()).iter().map(part).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn lines() {
        for (line, parts) in [
            ("<lo us=\"ed\" pi='7'/>", "lo us=ed pi=7"),
            ("  <lo us = \"a&amp;b&#x41;&lt;\"/> \r", "lo us=a&bA<"),
            ("<lo a=\"1\"/><cl b=\"2\"/>", "lo a=1; cl b=2"),
            ("<lo a=\"1\"><us>e&amp;d</us><x/><y><z>q</z></y></lo>", "lo a=1 us=e&d y="),
            ("<lo><us><![CDATA[<b>]]></us></lo>", "lo us=<b>"),
            ("<?xml version=\"1.0\"?>", "around"),
            ("\u{feff}<?xml version=\"1.0\"?><log>", "around; open log"),
            ("<log>", "open log"),
            ("</log>", "around"),
            ("<!-- <lo a=\"1\"/> -->", "around"),
            ("<!DOCTYPE log [<!ENTITY x \"y\">]>", "malformed"),
            ("<lo us=\"&x;\"/>", "malformed"),
            ("<lo us=\"ed\" us=\"ann\"/>", "malformed"),
            ("<lo us=\"ed/>", "malformed"),
            ("<lo us=\"ed <lo us=\"ann\"/>", "malformed"),
            ("<lo us=ed/>", "malformed"),
            ("<lo us=\"ed\"/> x", "lo us=ed; malformed"),
            ("<lo us=\"ed\"", "malformed"),
            ("<lo><us>ed</lo>", "malformed"),
        ] {
            assert_eq!(shown(line), parts, "{line}");
        }
        assert_eq!(markup(b"<a b=\"\xff\"/>"), [(10, Markup::Malformed)]);
        assert_eq!(markup(b"<a/> <b/> ").iter().map(|(end, _)| *end).collect::<Vec<_>>(), [4, 10]);
    }

    #[test]
    fn what_is_xml() {
        assert!(is_markup(b" <lo/>") && is_markup(b"\xef\xbb\xbf<?xml?>") && is_markup(b"</log>"));
        assert!(!is_markup(b"<34>May 29 10:00:00 s imapd[7]: A N: x") && !is_markup(b"< x") && !is_markup(b""));
    }
}
