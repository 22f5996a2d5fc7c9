//! What damage changes about what can be proved. By default nothing is damaged.

#![allow(dead_code, reason = "the tests of undamaged archives ask only for doubts")]

use crate::facts::{Stream, spelled};
use crate::sim::Session;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

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
    /// Peers have no port, so only user and peer together say whose a line is.
    portless: bool,
    /// Words and peers of all lines that are not whole any more: whatever these are taken for, nobody else is in them.
    words: BTreeSet<String>,
    peers: BTreeSet<String>,
    /// A word and a peer of one such line.
    pairs: BTreeSet<(String, String)>,
    /// Words of such lines whose peer cannot be read.
    peerless: BTreeSet<String>,
    /// User, peer and login or connect of sessions of which nothing is expected.
    unsure: BTreeSet<(String, String, i64)>,
    /// Of such logins as are there more than once, how many more: without a port, of which nobody can say whether they
    /// are one.
    pub(crate) copies: BTreeMap<(String, String, i64), usize>,
    gaps: BTreeMap<Stream, Vec<Doubtful>>,
    overlaps: BTreeMap<Stream, Vec<Doubtful>>,
}

impl Wounds {
    /// No wounds yet, of lines whose peers have a port or not.
    pub(crate) fn new(ports: bool) -> Wounds {
        Wounds { portless: !ports, ..Wounds::default() }
    }

    /// Adds what a line says that is not whole.
    pub(crate) fn add_debris(&mut self, bytes: &[u8]) {
        let text = shown(bytes);
        let words: BTreeSet<String> =
            text.split(' ').chain(text.split_whitespace()).map(str::to_ascii_lowercase).collect();
        for (text, _) in text.split('[').skip(1).filter_map(|rest| rest.split_once(']')) {
            match peer(text) {
                Some(peer) => {
                    let pairs = words.iter().filter(|_| self.portless).map(|word| (word.clone(), peer.clone()));
                    self.pairs.extend(pairs);
                    self.peers.insert(peer);
                }
                None if text.contains('.') || text.matches(':').count() > 3 => {
                    self.peerless.extend(words.iter().cloned());
                }
                // A pid, or a stamp.
                None => {}
            }
        }
        self.words.extend(words);
    }

    /// Adds a session of which nothing is to be expected, nor of others of its peer, if that has a port.
    pub(crate) fn add_session(&mut self, session: &Session) {
        let from = spelled(&session.from, !self.portless);
        if self.portless {
            for since in [session.login, session.connect] {
                self.unsure.insert((session.user.clone(), from.clone(), since));
            }
        } else {
            self.peers.insert(from);
        }
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

    /// Adds a copy of a session's login line.
    pub(crate) fn add_copy(&mut self, session: &Session) {
        if self.portless {
            let from = spelled(&session.from, false);
            *self.copies.entry((session.user.clone(), from, session.login)).or_default() += 1;
        }
    }

    /// Whether a damaged line may be of this session, so that nothing is to be expected of it.
    pub(crate) fn names_session(&self, session: &Session) -> bool {
        let from = spelled(&session.from, !self.portless);
        if self.portless {
            return self.names_both(&session.user, &from, session.login);
        }
        self.peers.contains(&from)
    }

    fn names_both(&self, user: &str, from: &str, since: i64) -> bool {
        self.pairs.contains(&(user.into(), from.into())) || self.unsure.contains(&(user.into(), from.into(), since))
    }

    pub(crate) fn names_user(&self, user: &str) -> bool {
        self.words.contains(user)
    }

    /// Whether a row of this user from this peer may come out of a damaged line.
    pub(crate) fn name(&self, user: &str, from: &str, since: i64) -> bool {
        if self.portless {
            return self.names_both(user, from, since) || self.peerless.contains(user);
        }
        self.peers.contains(from) || self.names_user(user)
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

/// A peer in brackets, as [`spelled`] has it, if it can be read.
fn peer(text: &str) -> Option<String> {
    let address = |text: &str| text.parse::<Ipv4Addr>().is_ok() || text.parse::<Ipv6Addr>().is_ok();
    if address(text) {
        return Some(spelled(text, false));
    }
    let (ip, port) = text.rsplit_once(':')?;
    (address(ip) && port.parse::<u16>().is_ok()).then(|| spelled(text, true))
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
