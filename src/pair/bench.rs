//! Chains of lines of one peer, and the bench on which they are paired by R5 in full.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::is_ready;
use super::key::{Key, Overlaps};
use super::line::{CloseLine, Said, length};
use super::session::{Behind, Rest, SessionFlags, SessionWords, Settled, Told, Words};
use crate::model::{Doubt, FileId, Instant, Stamp};

/// No further line of this key.
pub(super) const END: u32 = u32::MAX;
const NOT_REUSED: Instant = Instant::MAX;

/// A line of a chain; its texts lie in [`Texts`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) at: Instant,
    pub(super) close: Option<CloseLine>,
    pub(super) reused: Instant,
    pub(super) pid: u32,
    pub(super) next: u32,
    text: u32,
    user: u16,
    rest: u16,
    offset: i16,
    pub(super) doubt: Doubt,
}

impl Held {
    /// Holds a line, its texts put to the others.
    pub(super) fn of(line: &Said<'_>, texts: &mut Texts) -> Held {
        let Stamp { at, offset } = line.stamp;
        let Said { close, pid, doubt, .. } = *line;
        let (user, rest) = (length(line.user), length(line.rest));
        let text = texts.put(line.user, line.rest);
        Held { at, close, reused: NOT_REUSED, pid, next: END, text, user, rest, offset, doubt }
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp { at: self.at, offset: self.offset }
    }

    pub(super) fn text_length(&self) -> usize {
        usize::from(self.user) + usize::from(self.rest)
    }

    /// Whether the same peer logged in again, as far as was seen (R7).
    pub(super) fn is_reused(&self) -> bool {
        self.reused != NOT_REUSED
    }

    /// The line as it came.
    pub(super) fn line<'a>(&self, texts: &'a Texts) -> Said<'a> {
        let Words { user, rest } = texts.words(self);
        let Held { pid, close, doubt, .. } = *self;
        Said { pid, user, rest, stamp: self.stamp(), close, doubt, near: None }
    }
}

/// The texts of held lines.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// What stands behind the rest of a line, and makes no difference.
    behind: Behind,
}

impl Texts {
    /// None yet.
    pub(super) fn new(behind: Behind) -> Texts {
        Texts { bytes: Vec::new(), behind }
    }

    /// Whether lines come with their places.
    pub(super) fn come_with_places(&self) -> bool {
        self.behind.unseen() > 0
    }

    /// Puts a line's texts at the end; their place.
    fn put(&mut self, user: &[u8], rest: &[u8]) -> u32 {
        let place = u32::try_from(self.bytes.len()).unwrap_or(END);
        self.bytes.extend_from_slice(user);
        self.bytes.extend_from_slice(rest);
        place
    }

    /// Moves the texts of a line here.
    pub(super) fn relay(&mut self, held: &mut Held, old: &Texts) {
        held.text = self.put(old.user(held), old.rest(held));
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes out all that there is.
    pub(super) fn take(&mut self) -> Texts {
        Texts { bytes: std::mem::take(&mut self.bytes), behind: self.behind }
    }

    pub(super) fn user(&self, held: &Held) -> &[u8] {
        self.words(held).user
    }

    pub(super) fn rest(&self, held: &Held) -> &[u8] {
        self.words(held).rest
    }

    /// What of the rest makes a difference.
    fn seen(&self, held: &Held) -> &[u8] {
        let rest = self.rest(held);
        rest.get(..rest.len() - self.behind.unseen().min(rest.len())).unwrap_or_default()
    }

    /// The file of a line, if it comes with its place.
    fn file(&self, held: &Held) -> Option<FileId> {
        self.behind.evidence_of(self.rest(held)).map(|line| line.file)
    }

    fn words(&self, held: &Held) -> Words<'_> {
        Words::of(self.bytes.get(held.text as usize..).unwrap_or_default(), held.user, held.rest)
    }
}

/// Where the lines of one key are laid out and paired.
#[derive(Debug, Default)]
pub(super) struct Bench {
    logins: Vec<Held>,
    pub(super) closes: Vec<Held>,
    taken: Vec<bool>,
    /// When the peer was seen to be in use: logins, and connects of closes without one.
    uses: Vec<Instant>,
    /// Room for closes.
    spare: Vec<Held>,
}

/// What a close takes.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// The number of its login.
    login: Option<usize>,
    /// There was more than one to choose from.
    ambiguous: bool,
}

impl Bench {
    /// Takes up the lines of a key, in the order of R5. Equal lines of a peer with a port are one line, read twice (R13). Without a
    /// port they may be those of two clients; but where files overlap, so many are there as one file has.
    pub(super) fn load(&mut self, key: &Key, lines: impl Iterator<Item = Held>, texts: &Texts, overlaps: &Overlaps) {
        self.logins.clear();
        self.closes.clear();
        self.taken.clear();
        self.uses.clear();
        for held in lines {
            if held.close.is_some() { &mut self.closes } else { &mut self.logins }.push(held);
        }
        let login = |h: &Held| (h.at, h.pid, h.offset, h.doubt.inferred);
        let times = |c: CloseLine| (c.connect.at, Reverse(c.duration), c.connect.offset, c.mismatch);
        let order = |h: &Held| (h.at, h.close.map(times), h.pid, h.offset, h.doubt.inferred);
        let same = |a: &Held, b: &Held| texts.seen(a) == texts.seen(b) && texts.user(a) == texts.user(b);
        self.logins.sort_by(|a, b| {
            let text = |h| (texts.seen(h), texts.user(h));
            let order = || text(a).cmp(&text(b)).then_with(|| (login(a), a.doubt).cmp(&(login(b), b.doubt)));
            a.at.cmp(&b.at).then_with(order).then_with(|| texts.rest(a).cmp(texts.rest(b)))
        });
        self.closes.sort_by(|a, b| {
            let key = |h: &Held| (h.at, h.close.map(|c| c.connect.at));
            let text = |h| (texts.user(h), texts.seen(h));
            let order = || text(a).cmp(&text(b)).then_with(|| (order(a), a.doubt).cmp(&(order(b), b.doubt)));
            key(a).cmp(&key(b)).then_with(order).then_with(|| texts.rest(a).cmp(texts.rest(b)))
        });
        let equal_logins = |a: &Held, b: &Held| login(a) == login(b) && same(a, b);
        let equal_closes = |a: &Held, b: &Held| order(a) == order(b) && same(a, b);
        if key.has_port() {
            self.logins.dedup_by(|a, b| equal_logins(a, b));
            self.closes.dedup_by(|a, b| equal_closes(a, b));
        } else if let Some(overlaps) = overlaps.get(&key.stream()) {
            let is_overlapped = |held: &Held| overlaps.iter().any(|span| span.contains(&held.at));
            keep_one_file(&mut self.logins, texts, |a, b| is_overlapped(a) && equal_logins(a, b));
            keep_one_file(&mut self.closes, texts, |a, b| is_overlapped(a) && equal_closes(a, b));
        }
        self.taken.resize(self.logins.len(), false);
        self.uses.extend(self.logins.iter().map(|login| login.at));
    }

    /// R5 for every close whose pairing cannot change any more: those that ended over 60 s before `until`, but for one that may
    /// have to leave its login to a close still to come.
    pub(super) fn settle(&mut self, key: &Key, texts: &Texts, until: Instant, out: &mut dyn FnMut(&Settled<'_>)) {
        if !self.closes.first().is_some_and(|close| is_ready(close.at, until)) {
            return;
        }
        let has_port = key.has_port();
        let mut closes = std::mem::replace(&mut self.closes, std::mem::take(&mut self.spare));
        let mut behind = closes.iter();
        while let Some(close) = behind.next() {
            let same = |next: &&Held| next.pid == close.pid && (has_port || texts.user(next) == texts.user(close));
            let next = || behind.clone().find(same);
            let ready = is_ready(close.at, until);
            let Some(choice) = ready.then(|| self.choose(texts, close, next, until, has_port)).flatten() else {
                self.closes.push(*close);
                continue;
            };
            let login = choice.login.and_then(|i| self.logins.get(i));
            if let (None, Some(line)) = (login, close.close) {
                self.uses.push(line.connect.at);
            }
            out(&settled(key, texts, login, Some(close), choice.ambiguous));
            if let Some(taken) = choice.login.and_then(|i| self.taken.get_mut(i)) {
                *taken = true;
            }
        }
        closes.clear();
        self.spare = closes;
        self.mark_reuse(has_port);
    }

    /// The login that a close takes; `None` if that hangs on a line still to come. `next` is the next close that its logins may fit.
    fn choose<'a>(
        &self,
        texts: &Texts,
        close: &Held,
        next: impl FnOnce() -> Option<&'a Held>,
        until: Instant,
        has_port: bool,
    ) -> Option<Choice> {
        let free = self.logins.iter().enumerate().filter(|(i, _)| self.taken.get(*i) == Some(&false));
        let mut fitting = free.clone().filter(|(_, login)| fits(texts, login, close, has_port));
        let Some((first, login)) = fitting.next() else { return Some(Choice { login: None, ambiguous: false }) };
        if login.at <= close.at {
            return Some(Choice { login: Some(first), ambiguous: fitting.next().is_some() });
        }
        let next = next();
        if until != Instant::MAX && !next.is_some_and(|next| is_ready(next.at, until)) {
            return None;
        }
        let within = |login: &Held| next.is_some_and(|n| login.at <= n.at && fits(texts, login, n, has_port));
        let only_one = free.filter(|(_, login)| within(login)).count() == 1;
        let mut left = [(first, login)].into_iter().chain(fitting).filter(|(_, login)| !(only_one && within(login)));
        Some(Choice { login: left.next().map(|(i, _)| i), ambiguous: left.next().is_some() })
    }

    /// R7: a login is followed by another of the same peer, known by its own line or by its close alone (R6). Must be noted
    /// before that one is let go.
    fn mark_reuse(&mut self, has_port: bool) {
        if has_port {
            self.uses.sort_unstable();
            for login in &mut self.logins {
                let later = self.uses.get(self.uses.partition_point(|at| *at <= login.at));
                login.reused = login.reused.min(later.copied().unwrap_or(NOT_REUSED));
            }
        }
    }

    /// The logins that no close took.
    pub(super) fn logins_left(&self) -> impl Iterator<Item = &Held> + Clone {
        self.logins.iter().zip(&self.taken).filter(|(_, taken)| !**taken).map(|(login, _)| login)
    }

    pub(super) fn unclosed(&mut self, key: &Key, texts: &Texts, out: &mut dyn FnMut(&Settled<'_>)) {
        self.mark_reuse(key.has_port());
        for login in self.logins_left() {
            out(&settled(key, texts, Some(login), None, false));
        }
    }
}

/// Of lines that are equal, which stand one behind the other, keeps those of the file that has the most of them.
fn keep_one_file(lines: &mut Vec<Held>, texts: &Texts, equal: impl Fn(&Held, &Held) -> bool) {
    let mut kept = Vec::with_capacity(lines.len());
    for equals in lines.chunk_by(|a, b| equal(a, b)) {
        let mut files: BTreeMap<Option<FileId>, usize> = BTreeMap::new();
        equals.iter().for_each(|line| *files.entry(texts.file(line)).or_default() += 1);
        let most = files.iter().max_by_key(|(file, count)| (**count, Reverse(**file))).map(|(file, _)| *file);
        kept.extend(equals.iter().filter(|line| Some(texts.file(line)) == most));
    }
    *lines = kept;
}

/// R5: whether a login can be the one of a close.
fn fits(texts: &Texts, login: &Held, close: &Held, has_port: bool) -> bool {
    let takes = close.close.is_some_and(|line| line.takes(login.at, close.at, has_port));
    takes && login.pid == close.pid && (has_port || texts.user(login) == texts.user(close))
}

/// The session of a login, a close, or both.
fn settled<'a>(
    key: &Key,
    texts: &'a Texts,
    login: Option<&Held>,
    close: Option<&Held>,
    ambiguous: bool,
) -> Settled<'a> {
    let line = close.and_then(|close| close.close);
    let connect = line.map(|line| line.connect);
    let reused = login.filter(|login| close.is_none() && login.is_reused()).map(|login| login.reused);
    Settled {
        stream: key.stream(),
        login: login.map(Held::stamp).or(connect).unwrap_or_default(),
        connect,
        end: close.map(Held::stamp),
        has_login: login.is_some(),
        rest: Rest::Told(Told {
            key: *key,
            pid: close.or(login).map_or(0, |held| held.pid),
            duration: line.map(|line| i64::from(line.duration)),
            reused,
            words: SessionWords {
                login: login.map(|login| texts.words(login)),
                close: close.map(|close| texts.words(close)),
            },
            flags: SessionFlags {
                ambiguous,
                mismatch: line.is_some_and(|line| line.mismatch),
                doubt: [login, close].into_iter().flatten().fold(Doubt::default(), |all, held| all.of_both(held.doubt)),
                user_differs: false,
            },
        }),
    }
}
