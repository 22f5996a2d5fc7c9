//! Lines of XML transaction logs, by what a site's file says of their elements.

use super::{Event, LONGEST_LINE, Line, Reader, Why};
use crate::grammar::{self, Basis, Markup, Meaning, Tags};
use crate::model::Service;

impl Reader<'_> {
    /// Whether a line is XML, and something is known of that.
    pub fn reads_markup(&self, line: &[u8]) -> bool {
        self.knows_xml && line.len() <= LONGEST_LINE && grammar::is_markup(line)
    }

    /// What a part of a line of XML says, of which `raw` is the text.
    pub fn markup<'a>(&mut self, part: &'a Markup, raw: &'a [u8]) -> Line<'a> {
        let grammars = self.grammars;
        match part {
            Markup::Entry(tags) => self.entry(tags, raw),
            // Around entries others may stand, but an entry must be whole.
            Markup::Open(tags) if grammars.xml().all(|xml| xml.element(tags).is_none()) => Line::Around,
            Markup::Around => Line::Around,
            Markup::Open(_) | Markup::Malformed => Line::Reject(Why::Markup),
        }
    }

    fn entry<'a>(&mut self, tags: &'a Tags, raw: &'a [u8]) -> Line<'a> {
        let mut unknown = Line::Reject(Why::Markup);
        for xml in self.grammars.xml() {
            let Some(head) = xml.head(tags) else { continue };
            let service = Service::of_process(head.process);
            let source = service.map(|service| self.origins.of_service(head.host, service, head.pid));
            let Some(element) = xml.element(tags) else {
                if matches!(unknown, Line::Reject(_)) {
                    unknown = Line::Unknown(head.stamp, source, raw);
                }
                continue;
            };
            let Some(fields) = element.read(tags, head.stamp) else { return Line::Reject(Why::Unfit) };
            let Meaning { kind, basis } = element.meaning;
            let inferred = basis == Basis::Inferred;
            return Line::Event(Event {
                stamp: head.stamp,
                source,
                kind,
                inferred,
                fields,
                undated: false,
                message: raw,
            });
        }
        unknown
    }
}
