//! What pairing gives: sessions, and who accessed when.

use super::key::{Key, LongKeys};
use super::line::{NEAR, PairLine, Said};
use super::queue::{Closed, Queue};
use crate::model::{Doubt, Evidence, Instant, Peer, Stamp};
use crate::streams::StreamId;

/// Flags of a session, as they appear in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionFlags {
    /// `ambiguous-pairing`: the close had more than one login to choose from (R5).
    pub ambiguous: bool,
    /// `duration-mismatch`: start field and duration disagree (R4).
    pub mismatch: bool,
    /// `inferred-format`, `possibly-forged`: what its lines are doubted for.
    pub doubt: Doubt,
    /// `user-differs`: the login line names another user (R5).
    pub user_differs: bool,
}

/// What a close line counted; `None` where its template has no such number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amounts {
    /// Bytes from the client.
    pub bytes_in: Option<u64>,
    /// Bytes to the client.
    pub bytes_out: Option<u64>,
    /// Mailboxes selected.
    pub mailboxes: Option<u64>,
}

/// So many bytes [`Amounts`] take behind a text.
const AMOUNTS: usize = 1 + 3 * 8;
/// A number that is not there.
const NONE: u64 = u64::MAX;

impl Amounts {
    /// Of bytes from the client, bytes to the client, and mailboxes.
    pub fn of_numbers([bytes_in, bytes_out, mailboxes]: [Option<u64>; 3]) -> Amounts {
        Amounts { bytes_in, bytes_out, mailboxes }
    }

    /// Those behind a text.
    fn of(text: &[u8]) -> Amounts {
        let Some(numbers) = text.last_chunk::<{ AMOUNTS - 1 }>() else { return Amounts::default() };
        let number = |chunk: Option<&[u8; 8]>| chunk.map(|bytes| u64::from_le_bytes(*bytes)).filter(|n| *n != NONE);
        let (chunks, _) = numbers.as_chunks();
        Amounts::of_numbers([0, 1, 2].map(|i| number(chunks.get(i))))
    }
}

/// What comes with lines through pairing unseen by it, behind the mechanism of a login or what stands behind the user of a close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// What closes counted.
    pub amounts: bool,
    /// Where lines are.
    pub evidence: bool,
}

impl Behind {
    /// Whether anything comes with lines.
    pub fn is_anything(self) -> bool {
        self.amounts || self.evidence
    }

    /// Appends the rest of a login, which has no amounts, or of a close to a text, and it behind that.
    pub fn put(self, rest: &[u8], amounts: Option<&Amounts>, evidence: Evidence, text: &mut Vec<u8>) {
        // A text of pairing has two bytes for its length.
        const LONGEST: usize = u16::MAX as usize - AMOUNTS - Evidence::BYTES;
        text.extend_from_slice(rest.get(..LONGEST).unwrap_or(rest));
        if let Some(Amounts { bytes_in, bytes_out, mailboxes }) = amounts.filter(|_| self.amounts) {
            text.push(0);
            for number in [bytes_in, bytes_out, mailboxes] {
                text.extend_from_slice(&number.unwrap_or(NONE).to_le_bytes());
            }
        }
        if self.evidence {
            text.extend_from_slice(&evidence.to_bytes());
        }
    }

    /// So many of the last bytes make no difference to pairing: of equal lines one is enough, wherever they are.
    pub(super) fn unseen(self) -> usize {
        if self.evidence { Evidence::BYTES } else { 0 }
    }

    /// Where the line of a text is.
    #[inline]
    pub fn evidence_of(self, text: &[u8]) -> Option<Evidence> {
        self.evidence(text).1
    }

    /// A text without where its line is, and that.
    #[inline]
    fn evidence(self, text: &[u8]) -> (&[u8], Option<Evidence>) {
        match text.split_last_chunk() {
            Some((text, bytes)) if self.evidence => (text, Some(Evidence::of_bytes(*bytes))),
            _ => (text, None),
        }
    }
}

/// What comes with one line.
#[derive(Clone, Copy, Debug)]
pub struct With {
    /// What of it is wanted.
    pub behind: Behind,
    /// What it counted, if it is a close.
    pub amounts: Option<Amounts>,
    /// Where it is.
    pub evidence: Evidence,
}

/// A session: closed where it has an end, else a login whose close was not found (R7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// The stream.
    pub stream: StreamId,
    /// The login: the login line's stamp, or the connect (R6).
    pub login: Stamp,
    /// The user: the close's where it differs.
    pub user: Vec<u8>,
    /// The far end.
    pub peer: Peer,
    /// The process.
    pub pid: u32,
    /// The mechanism, where a login line is known.
    pub mechanism: Option<Vec<u8>>,
    /// When the connection began, where a close line says so.
    pub connect: Option<Stamp>,
    /// The end, where a close line is known.
    pub end: Option<Stamp>,
    /// How long it lasted, in seconds, as its close line says.
    pub duration: Option<i64>,
    /// When the same peer logged in again, if a login without close was followed by one (R7).
    pub reused: Option<Instant>,
    /// What is to be known about it.
    pub flags: SessionFlags,
    /// What came with its lines, if anything did.
    pub carried: Option<Box<Carried>>,
}

/// What came with the lines of a session, as [`Behind`] says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Carried {
    /// What its close line counted.
    pub amounts: Amounts,
    /// Its login line and its close line, where they are known.
    pub evidence: [Option<Evidence>; 2],
}

impl Session {
    /// Whose it is: stream, process and user.
    pub fn owner(&self) -> (StreamId, u32, &[u8]) {
        (self.stream, self.pid, &self.user)
    }

    /// What came with its lines.
    pub fn carried(&self) -> Carried {
        self.carried.as_deref().copied().unwrap_or_default()
    }
}

/// The texts of a line that was held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) user: &'a [u8],
    /// The mechanism of a login, or what stands behind the user of a close.
    pub(super) rest: &'a [u8],
}

impl<'a> Words<'a> {
    /// Of a text that begins with them, by their lengths.
    #[inline]
    pub(super) fn of(text: &'a [u8], user: u16, rest: u16) -> Words<'a> {
        let (user, behind) = text.split_at_checked(usize::from(user)).unwrap_or_default();
        Words { user, rest: behind.get(..usize::from(rest)).unwrap_or_default() }
    }

    /// Of the text of a login, where one byte stands between them.
    #[inline]
    pub(super) fn of_login(text: &'a [u8], user: u16, rest: u16) -> Words<'a> {
        let (user, behind) = text.split_at_checked(usize::from(user)).unwrap_or_default();
        Words { user, rest: behind.get(1..1 + usize::from(rest)).unwrap_or_default() }
    }
}

/// The texts of a session's lines, one of which is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionWords<'a> {
    pub(super) login: Option<Words<'a>>,
    pub(super) close: Option<Words<'a>>,
}

impl<'a> SessionWords<'a> {
    fn user(&self) -> &'a [u8] {
        self.close.or(self.login).map_or(&[], |words| words.user)
    }
}

/// A session as pairing hands it out: nothing is copied or looked up unless somebody asks, since most are of no interest.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// As in [`Session`].
    pub stream: StreamId,
    /// As in [`Session`].
    pub login: Stamp,
    /// As in [`Session`].
    pub connect: Option<Stamp>,
    /// As in [`Session`].
    pub end: Option<Stamp>,
    /// Whether a login line is known.
    pub has_login: bool,
    pub(super) rest: Rest<'a>,
}

/// Where the rest of a session is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rest<'a> {
    Told(Told<'a>),
    Queued(&'a Queue, &'a Closed, &'a LongKeys),
}

/// What most sessions are never asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) key: Key,
    pub(super) pid: u32,
    pub(super) duration: Option<i64>,
    pub(super) reused: Option<Instant>,
    pub(super) words: SessionWords<'a>,
    /// All but `user_differs`, which the words tell.
    pub(super) flags: SessionFlags,
}

impl<'a> Settled<'a> {
    fn told(&self) -> Told<'a> {
        match self.rest {
            Rest::Told(told) => told,
            Rest::Queued(queue, closed, keys) => queue.told(closed, keys),
        }
    }

    /// The user: the close's where it differs.
    pub fn user(&self) -> &'a [u8] {
        self.told().words.user()
    }

    /// Its connect, or its login if that comes before or is all there is: its close may have a copy that has no login (R13).
    pub fn began(&self) -> Stamp {
        self.connect.map_or(self.login, |connect| connect.min(self.login))
    }

    /// Whose it is: stream, process and user.
    pub fn owner(&self) -> (StreamId, u32, &'a [u8]) {
        let Told { pid, words, .. } = self.told();
        (self.stream, pid, words.user())
    }

    /// Whether it rests on a template that is a guess.
    pub fn is_inferred(&self) -> bool {
        self.told().flags.doubt.inferred
    }

    /// The far end.
    pub fn peer(&self) -> Peer {
        self.told().key.peer()
    }

    /// All of it, with texts where they lie; `behind` is what came with its lines.
    pub fn whole(&self, behind: Behind) -> Whole<'a> {
        let Told { key, pid, duration, reused, words, flags } = self.told();
        let SessionWords { login, close } = words;
        let user_differs = login.zip(close).is_some_and(|(login, close)| login.user != close.user);
        let mechanism = login.map(|words| behind.evidence(words.rest));
        let rest = close.map(|words| behind.evidence(words.rest));
        let amounts = rest.filter(|_| behind.amounts).map(|(rest, _)| Amounts::of(rest));
        Whole {
            user: words.user(),
            peer: key.peer(),
            pid,
            mechanism: mechanism.map(|(mechanism, _)| mechanism),
            duration,
            reused,
            flags: SessionFlags { user_differs, ..flags },
            carried: Carried {
                amounts: amounts.unwrap_or_default(),
                evidence: [mechanism, rest].map(|line| line.and_then(|(_, evidence)| evidence)),
            },
        }
    }

    /// The session with texts of its own; `behind` is what came with its lines.
    pub fn to_session(&self, behind: Behind) -> Session {
        let Whole { user, peer, pid, mechanism, duration, reused, flags, carried } = self.whole(behind);
        Session {
            stream: self.stream,
            login: self.login,
            user: user.to_vec(),
            peer,
            pid,
            mechanism: mechanism.map(<[u8]>::to_vec),
            connect: self.connect,
            end: self.end,
            duration,
            reused,
            flags,
            carried: behind.is_anything().then(|| Box::new(carried)),
        }
    }
}

/// What of a [`Settled`] is looked up only if somebody asks; as in [`Session`].
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// The user.
    pub user: &'a [u8],
    /// The far end.
    pub peer: Peer,
    /// The process.
    pub pid: u32,
    /// The mechanism, where a login line is known.
    pub mechanism: Option<&'a [u8]>,
    /// How long it lasted, in seconds, as its close line says.
    pub duration: Option<i64>,
    /// When the same peer logged in again.
    pub reused: Option<Instant>,
    /// What is to be known about it.
    pub flags: SessionFlags,
    /// What came with its lines.
    pub carried: Carried,
}

/// What a user did, as last access needs it (R11): from a login line, from a close line, or from both lines of one
/// session at once, since each look-up of a user costs a miss.
#[derive(Clone, Copy, Debug)]
pub struct Accessed<'a> {
    /// The stream.
    pub stream: StreamId,
    /// The user (R2).
    pub user: &'a [u8],
    /// The user and what stands behind it where it lies, if there are so many bytes.
    pub near: Option<&'a [u8; NEAR]>,
    /// The stamp of a login line, and what that is doubted for.
    pub login: Option<(Stamp, Doubt)>,
    /// Connect and end of a close line, and what that is doubted for.
    pub close: Option<(Stamp, Stamp, Doubt)>,
    /// What stands behind the user in the login line, with what comes with it.
    pub login_rest: &'a [u8],
    /// The same of the close line.
    pub close_rest: &'a [u8],
}

impl<'a> Accessed<'a> {
    /// What a line tells of its user.
    #[inline]
    pub fn of(line: &PairLine<'a>) -> Accessed<'a> {
        Accessed::of_said(line.stream, &line.said())
    }

    #[inline(always)]
    pub(super) fn of_said(stream: StreamId, line: &Said<'a>) -> Accessed<'a> {
        let Said { user, near, rest, stamp, doubt, .. } = *line;
        let login = line.close.is_none().then_some((stamp, doubt));
        let close = line.close.map(|close| (close.connect, stamp, doubt));
        Accessed { stream, user, near, login, close, login_rest: rest, close_rest: rest }
    }
}
