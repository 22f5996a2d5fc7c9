//! XML transaction logs: elements in the place of messages. Which element means what is told by a site's file, since the names
//! are not public; nothing is built in.
//!
//! A line is one entry as a rule: an element with attributes, or with children that hold text. No document type is read and no
//! entity but those of XML itself.

mod file;
mod tags;

use std::collections::BTreeMap;

pub(super) use file::{RawXml, compiled};
pub use tags::{Markup, Tags, is_markup, markup};

use super::fields::{Start, duration, start};
use super::hole::{Fields, Hole};
use super::kind::{Kind, Meaning};
use super::peer::peer;
use super::sample::Sample;
use super::stamp::stamp;
use super::syslog::timestamp;
use crate::mistake::Mistake;
use crate::model::{Peer, Stamp};

/// What the elements of one dialect mean.
#[derive(Clone, Debug)]
pub struct Xml {
    pub(super) time: String,
    pub(super) process: String,
    pub(super) pid: String,
    /// The attribute that names the host.
    pub(super) store: Option<String>,
    /// The store where no attribute names one.
    pub(super) store_name: Option<String>,
    /// What the logs call a process, and its name in service logs.
    pub(super) processes: BTreeMap<String, String>,
    /// The elements that mean something.
    pub elements: Vec<Element>,
}

/// An element that means something.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// What it means, and how sure that is.
    pub meaning: Meaning,
    /// Where the knowledge comes from.
    pub source: String,
    /// Attributes that must have these values.
    pub wanted: BTreeMap<String, String>,
    /// Fields, and the attributes or children that hold them.
    pub fields: Vec<(Hole, String)>,
    /// The attribute that holds the peer's port, if it stands apart.
    pub port: Option<String>,
    /// Lines with the fields that they must give.
    pub samples: Vec<Sample>,
}

/// Who wrote an entry, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// When it was written.
    pub stamp: Stamp,
    /// The host word, which names the store.
    pub host: &'a [u8],
    /// The process, as service logs name it.
    pub process: &'a [u8],
    /// The process number.
    pub pid: u32,
}

impl Xml {
    /// What every entry has; none if this one does not.
    pub fn head<'a>(&'a self, tags: &'a Tags) -> Option<Head<'a>> {
        let written = tags.get(&self.process)?;
        let named = self.store.as_ref().and_then(|name| tags.get(name)).filter(|name| !name.is_empty());
        Some(Head {
            stamp: moment(tags.get(&self.time)?.as_bytes())?,
            host: named.or(self.store_name.as_deref())?.as_bytes(),
            process: self.processes.get(written).map_or(written, String::as_str).as_bytes(),
            pid: tags.get(&self.pid)?.parse().ok()?,
        })
    }

    /// What an attribute or child of an entry is taken for, as grammar files call it; empty if for nothing.
    pub fn fills(&self, tags: &Tags, name: &str) -> String {
        let heads = [("time", &self.time), ("process", &self.process), ("pid", &self.pid)];
        let heads = heads.into_iter().chain(self.store.iter().map(|store| ("store", store)));
        let mut fills: Vec<&str> = heads.filter(|(_, of)| *of == name).map(|(what, _)| what).collect();
        if let Some(element) = self.element(tags) {
            fills.extend(element.fields.iter().filter(|(_, of)| of == name).map(|(hole, _)| hole.name()));
            fills.extend(element.port.iter().filter(|port| *port == name).map(|_| "port"));
            fills.extend(element.wanted.keys().filter(|wanted| *wanted == name).map(|_| "where"));
        }
        fills.join(", ")
    }

    /// The first element that an entry is.
    pub fn element(&self, tags: &Tags) -> Option<&Element> {
        let is = |element: &&Element| {
            let has = |(name, value): (&String, &String)| tags.get(name) == Some(value.as_str());
            element.name == tags.name && element.wanted.iter().all(has)
        };
        self.elements.iter().find(is)
    }
}

impl Element {
    /// What an entry holds that was written at this moment; none where a field is missing or does not fit.
    pub fn read<'a>(&self, tags: &'a Tags, written: Stamp) -> Option<Fields<'a>> {
        let mut fields = Fields::default();
        let (mut begun, mut lasted) = (None, None);
        for (hole, name) in &self.fields {
            let is_needed = self.meaning.kind.needs().contains(hole);
            let Some(text) = tags.get(name).map(str::as_bytes) else {
                // A close says enough with its start or its duration.
                if is_needed && !matches!(hole, Hole::Start | Hole::Duration) {
                    return None;
                }
                continue;
            };
            let number = || std::str::from_utf8(text).ok()?.parse::<u64>().ok();
            match hole {
                Hole::Peer => fields.peer = self.peer(text, tags)?,
                Hole::User => fields.user = Some(text).filter(|user| !user.is_empty() || !is_needed)?,
                Hole::Mechanism => fields.mechanism = text,
                Hole::Reason => fields.reason = text,
                Hole::Start => begun = Some(digits(text, written)?),
                Hole::Duration => lasted = Some(seconds(text)?),
                Hole::In => fields.bytes_in = Some(number()?),
                Hole::Out => fields.bytes_out = Some(number()?),
                Hole::Mailboxes => fields.mailboxes = Some(number()?),
                _ => {}
            }
        }
        if self.meaning.kind == Kind::Close {
            let end = written.local();
            (fields.start.local, fields.duration) = match (begun, lasted) {
                (Some(begun), Some(lasted)) => (begun, lasted),
                (Some(begun), None) => (begun, u32::try_from(end.saturating_sub(begun)).unwrap_or(0)),
                (None, Some(lasted)) => (end - i64::from(lasted), lasted),
                (None, None) => return None,
            };
        }
        Some(fields)
    }

    /// The peer, whose port may stand apart.
    fn peer(&self, text: &[u8], tags: &Tags) -> Option<Peer> {
        let closed = [text, b"]"].concat();
        let (_, peer) = peer(&closed).ok().filter(|(rest, _)| *rest == b"]")?;
        match self.port.as_ref().and_then(|name| tags.get(name)) {
            Some(port) if !peer.has_port() => Some(Peer::new(peer.ip(), Some(port.parse().ok()?))),
            _ => Some(peer),
        }
    }

    /// The field of a name, if the element fills it. A close has start and duration always.
    pub(super) fn filled(&self, name: &str) -> Option<Hole> {
        let both = [Hole::Start, Hole::Duration].into_iter().filter(|_| self.meaning.kind == Kind::Close);
        self.fields.iter().map(|(hole, _)| *hole).chain(both).find(|hole| hole.name() == name)
    }
}

/// A moment: as ISO 8601 with an offset, or as the service logs write it, in brackets or not.
fn moment(text: &[u8]) -> Option<Stamp> {
    let bare = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")).unwrap_or(text);
    let read = timestamp(bare).or_else(|_| stamp(bare)).ok()?;
    read.0.is_empty().then_some(read.1)
}

/// The digits that the clock of a line showed at another moment; or those that stand there, without an offset.
fn digits(text: &[u8], written: Stamp) -> Option<i64> {
    match moment(text) {
        Some(moment) => Some(Stamp { offset: written.offset, ..moment }.local()),
        None => start(text).ok().filter(|(rest, _)| rest.is_empty()).map(|(_, Start { local })| local),
    }
}

/// A duration: `H:MM:SS`, or seconds.
fn seconds(text: &[u8]) -> Option<u32> {
    match duration(text) {
        Ok((b"", seconds)) => Some(seconds),
        _ => std::str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// Whether an element tells of this kind.
fn can_be(kind: Kind) -> bool {
    matches!(kind, Kind::Login | Kind::Close | Kind::Refused | Kind::Start | Kind::Stop | Kind::Known)
}

impl Xml {
    /// What is wrong with the samples: each element must be the first to read its own.
    pub(super) fn samples(&self, file: &str) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (n, element) in self.elements.iter().enumerate() {
            for (i, sample) in element.samples.iter().enumerate() {
                let wrong = sample.check_entry(element, |tags| self.own(element, tags), file);
                let named = |what: &str| format!("element {}: sample {}: {what}", n + 1, i + 1);
                mistakes.extend(wrong.into_iter().map(|m| Mistake { what: named(&m.what), ..m }));
            }
        }
        mistakes
    }

    /// What an element's own entry holds, or why it is none.
    fn own<'a>(&self, element: &Element, tags: &'a Tags) -> Result<Fields<'a>, &'static str> {
        let head = self.head(tags).ok_or("its time, process, pid or store is missing or cannot be read")?;
        match self.element(tags) {
            None => Err("its element has another name, or lacks what 'where' wants"),
            Some(other) if !std::ptr::eq(other, element) => Err("an element before it reads its line"),
            Some(_) => element.read(tags, head.stamp).ok_or("a field is missing in its line, or cannot be read"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Moments are shown by the clock of the line in which they stand, whatever their own offset.
    #[test]
    fn r4_moments_in_fields() {
        let written = Stamp { at: 1_559_124_000, offset: 120 };
        let ten = Some(1_559_124_000);
        for text in
            ["2019-05-29T10:00:00+02:00", "2019-05-29T08:00:00Z", "[29/May/2019:03:00:00 -0500]", "2019/5/29 10:00:00"]
        {
            assert_eq!(digits(text.as_bytes(), written), ten, "{text}");
        }
        for text in ["", "10:00:00", "2019/5/29 10:00:00 ", "2019-05-29T10:00:00+02:00 x"] {
            assert_eq!(digits(text.as_bytes(), written), None, "{text}");
        }
    }

    #[test]
    fn durations_in_fields() {
        for (text, lasted) in
            [("1:02:03", Some(3723)), ("90", Some(90)), ("0", Some(0)), ("1:02:03 x", None), ("-1", None)]
        {
            assert_eq!(seconds(text.as_bytes()), lasted, "{text}");
        }
    }

    /// A close that tells its start and no duration, and neither; what its attributes are taken for; where its store and port come from.
    #[test]
    fn r4_a_close_by_its_start() {
        let file = r#"
            dialect = "x"
            [xml]
            time = "ts"
            pid = "pi"
            process = "sn"
            store = "hn"
            store_name = "other"
            [[xml.element]]
            name = "cl"
            kind = "close"
            basis = "observed"
            where = { op = "session" }
            fields = { peer = "ip", port = "po", user = "us", start = "be", duration = "du" }
            [[xml.element.sample]]
            line = '<cl ts="29/May/2019:08:46:17 +0200" pi="7" sn="imapd" hn="" op="session" ip="192.0.2.7:1" po="9" us="ed" be="2019/5/29 8:39:42"/>'
            expect = { peer = "192.0.2.7:1", user = "ed", start = "1559119182", duration = "395" }
        "#;
        let grammars = crate::grammar::Grammars::new(&[("site.toml".into(), file.to_owned())]).unwrap();
        let xml = grammars.xml().next().unwrap();
        let entry = |line: &str| match super::markup(line.as_bytes()).remove(0).1 {
            super::Markup::Entry(tags) => tags,
            other => panic!("{other:?}"),
        };
        let tags = entry(&xml.elements[0].samples[0].line);
        assert_eq!(xml.head(&tags).unwrap().host, b"other");
        let named = ["ts", "sn", "pi", "hn", "op", "ip", "po", "be", "zz"];
        let fills = ["time", "process", "pid", "store", "where", "peer", "port", "start", ""];
        assert_eq!(named.map(|name| xml.fills(&tags, name)), fills);
        let neither = entry(r#"<cl op="session" ip="192.0.2.7:1" us="ed"/>"#);
        let nobody = entry(r#"<cl op="session" ip="192.0.2.7:1" us="" du="5"/>"#);
        assert!([neither, nobody].iter().all(|tags| xml.elements[0].read(tags, Stamp::default()).is_none()));
    }
}
