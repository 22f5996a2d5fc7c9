//! What damage changes about what can be proved. By default nothing is damaged.

#![allow(dead_code, reason = "the tests of undamaged archives ask only for doubts")]

use crate::facts::Stream;
use std::collections::{BTreeMap, BTreeSet};

/// From and to, unix time.
pub(crate) type Span = (i64, i64);

/// Whether an unclosed login is only possible, for lines that are missing behind it or because it lies in an overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Doubt {
    None,
    /// By a reading of the rules that is as good as another: within the few seconds between a file's last line and its
    /// last login or close, or where no sequence number is missing.
    Perhaps,
    Sure,
}

/// A span that lacks lines, or has some twice: as narrow and as wide as it may be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubtful {
    pub(crate) sure: Option<Span>,
    pub(crate) perhaps: Span,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wounds {
    /// Words and peers of all lines that are not whole any more: whatever these are taken for, nobody else is in them.
    words: BTreeSet<String>,
    peers: BTreeSet<String>,
    gaps: BTreeMap<Stream, Vec<Doubtful>>,
    overlaps: BTreeMap<Stream, Vec<Doubtful>>,
}

impl Wounds {
    /// Adds what a line says that is not whole.
    pub(crate) fn add_debris(&mut self, bytes: &[u8]) {
        let text = shown(bytes);
        for word in text.split(' ').chain(text.split_whitespace()) {
            self.words.insert(word.to_ascii_lowercase());
        }
        let peers = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
        self.peers.extend(peers.map(|(peer, _)| peer.to_string()));
    }

    /// Adds a peer of whose sessions nothing is to be expected.
    pub(crate) fn add_peer(&mut self, from: &str) {
        self.peers.insert(from.into());
    }

    pub(crate) fn add_gap(&mut self, stream: &Stream, gap: Doubtful) {
        self.gaps.entry(stream.clone()).or_default().push(gap);
    }

    pub(crate) fn add_overlap(&mut self, stream: &Stream, overlap: Doubtful) {
        self.overlaps.entry(stream.clone()).or_default().push(overlap);
    }

    pub(crate) fn sure_gaps(&self, stream: &Stream) -> impl Iterator<Item = Span> {
        self.gaps.get(stream).into_iter().flatten().filter_map(|gap| gap.sure)
    }

    pub(crate) fn names_peer(&self, from: &str) -> bool {
        self.peers.contains(from)
    }

    pub(crate) fn names_user(&self, user: &str) -> bool {
        self.words.contains(user)
    }

    /// Whether a row of this user from this peer may come out of a damaged line.
    pub(crate) fn name(&self, user: &str, from: &str) -> bool {
        self.names_peer(from) || self.names_user(user)
    }

    pub(crate) fn doubt(&self, stream: &Stream, login: i64, at: i64) -> Doubt {
        let between = |span: Span| span.0 < at && login < span.1;
        let within = |span: Span| span.0 <= login && login <= span.1;
        let gaps = self.gaps.get(stream).into_iter().flatten().map(|gap| degree(gap, between));
        let overlaps = self.overlaps.get(stream).into_iter().flatten().map(|overlap| degree(overlap, within));
        gaps.chain(overlaps).max().unwrap_or(Doubt::None)
    }
}

fn degree(doubtful: &Doubtful, touches: impl Fn(Span) -> bool) -> Doubt {
    match doubtful {
        Doubtful { sure: Some(span), .. } if touches(*span) => Doubt::Sure,
        Doubtful { perhaps, .. } if touches(*perhaps) => Doubt::Perhaps,
        _ => Doubt::None,
    }
}

/// Text as the tool's JSON has it: bytes that are no UTF-8 as `\xff`, and a backslash doubled in such a word.
fn shown(bytes: &[u8]) -> String {
    let word = |word: &[u8]| match std::str::from_utf8(word) {
        Ok(text) => text.to_string(),
        Err(_) => {
            let chunks = word.utf8_chunks().flat_map(|chunk| {
                let broken: String = chunk.invalid().iter().map(|b| format!("\\x{b:02x}")).collect();
                [chunk.valid().replace('\\', "\\\\"), broken]
            });
            chunks.collect()
        }
    };
    bytes.split(|b| *b == b' ').map(word).collect::<Vec<_>>().join(" ")
}
