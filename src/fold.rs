//! Fold: the lines of pieces of files into a trail.
//!
//! One worker has one [`Folder`] and feeds it piece after piece. A piece is some neighbouring lines of one file.

mod learner;
mod leaving;
mod markup;
mod refusals;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

pub use self::learner::Learner;
pub use self::leaving::{
    Action, ClientLine, Clients, LoggedIn, Logins, Refusal, Refusals, Refused, Server, Traced, Traces,
};
pub use self::window::{Moment, Window};
use crate::chunk::Lines;
use crate::grammar::{Fields, Grammars, Kind, Start, draft, is_like_account, shape};
use crate::model::{Doubt, Evidence, Instant, Service, Stamp};
use crate::pair::{Accessed, Amounts, Batch, Behind, CloseLine, Key, Overlaps, PairLine, Sought, With, near_in};
use crate::parse::{
    Beginning, Event, Line, Names, OrdinaryLine, Reader, Source, Why, Written, Years, connect, written,
};
use crate::pseudonym::{Masks, Pseudonyms};
use crate::streams::{StreamId, Streams};
use crate::trail::{
    Breaks, Count, Counts, FileId, FileTally, FullHours, Jump, LearnedAccess, Like, Pending, Sample, Shape,
    SharedAccess, Trail, hour,
};

/// How far a clock may go back before it is a jump (R14), in seconds.
const JUMP: Instant = 60;

/// What a query needs of the lines.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Last access (`-a`).
    pub access: bool,
    /// Sessions (`-c`).
    pub pairs: bool,
    /// What comes with lines to whoever answers.
    pub behind: Behind,
    /// The window of `-a`.
    pub window: Window,
    /// The users that are asked for; empty for all.
    pub users: BTreeSet<Vec<u8>>,
    /// Hours of processes of which every line is to be kept.
    pub full: FullHours,
    /// Unknown messages, and rejects like logins and closes, are counted by the templates that would read them.
    pub drafts: bool,
    /// Where files overlap (R13), if a peer without a port makes that matter for pairing: then lines must come with their places.
    pub overlaps: Arc<Overlaps>,
    /// Where refused logins go over several lines ([`Breaks::spans`]): what stands between them may be forged.
    pub forged: BTreeMap<FileId, Vec<Range<u64>>>,
}

impl Needs {
    fn asks_for(&self, user: &[u8]) -> bool {
        self.users.is_empty() || self.users.contains(user)
    }
}

/// Where a folder's login and close lines go, if not into its own trail.
pub trait Pairing: std::fmt::Debug + Sync {
    /// How many shards there are: a power of two.
    fn shards(&self) -> usize;

    /// Takes the lines of one block, sorted by [`Sought::shard`], and empties the batches. What they, or lines that
    /// waited, tell of users goes to `learner`.
    fn take(&self, batches: &mut [Batch], block: &[u8], learner: &mut Learner<'_, '_>);
}

/// What the piece before must know of a process, to see a clock jump between the two.
#[derive(Clone, Copy, Debug)]
pub struct PieceSource {
    /// The stream of the process.
    pub stream: StreamId,
    /// The process.
    pub pid: u32,
    /// Its first line in the piece, and where.
    pub first: (Instant, u64),
    /// Its last line in the piece.
    pub last: Instant,
    /// The earliest stamp in the piece.
    pub earliest: Instant,
}

/// What one source has shown in the piece at hand.
#[derive(Clone, Copy, Debug, Default)]
struct SourceState {
    pending: Pending,
    seen: Option<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    source: Source,
    first: (Instant, u64),
    last: Instant,
}

/// Folds lines into a trail.
#[derive(Debug)]
pub struct Folder<'a> {
    needs: &'a Needs,
    names: &'a Names,
    streams: &'a Streams,
    reader: Reader<'a>,
    trail: Trail,
    access: LearnedAccess<'a>,
    pairing: Option<&'a dyn Pairing>,
    refusals: Option<&'a dyn Refusals>,
    traces: Option<&'a dyn Traces>,
    clients: Option<&'a dyn Clients>,
    /// Where answers are to have pseudonyms.
    masks: Option<Masks<'a>>,
    logins: Option<&'a dyn Logins>,
    /// Login and close lines of the block at hand, by [`Sought::shard`].
    batches: Vec<Batch>,
    sources: Vec<SourceState>,
    touched: Vec<u32>,
    file: FileId,
    section: u32,
    tally: FileTally,
    /// How many lines of the piece at hand have begun.
    begun: u32,
    /// Events of all pieces before the one at hand.
    events: u64,
    jumps: Vec<Jump>,
    breaks: Breaks,
    /// Where in the file at hand lines may be forged, and whether the line at hand may be.
    spans: &'a [Range<u64>],
    is_forged: bool,
    scratch: Vec<u8>,
}

impl<'a> Folder<'a> {
    /// A folder that has read nothing.
    pub fn new(needs: &'a Needs, grammars: &'a Grammars, names: &'a Names, streams: &'a Streams) -> Folder<'a> {
        Folder {
            needs,
            names,
            streams,
            reader: Reader::new(grammars, names, streams),
            trail: Trail::default(),
            access: LearnedAccess::new(None),
            pairing: None,
            refusals: None,
            traces: None,
            clients: None,
            masks: None,
            logins: None,
            batches: vec![Batch::default()],
            sources: Vec::new(),
            touched: Vec::new(),
            file: FileId(0),
            section: 0,
            tally: FileTally::default(),
            begun: 0,
            events: 0,
            jumps: Vec::new(),
            breaks: Breaks::default(),
            spans: &[],
            is_forged: false,
            scratch: Vec::new(),
        }
    }

    /// The same folder, with login and close lines going elsewhere.
    pub fn pairing(self, pairing: &'a dyn Pairing) -> Folder<'a> {
        let batches = (0..pairing.shards()).map(|_| Batch::default()).collect();
        Folder { pairing: Some(pairing), batches, ..self }
    }

    /// The same folder, with last accesses going into a table that others share.
    pub fn sharing(self, access: &'a SharedAccess) -> Folder<'a> {
        Folder { access: LearnedAccess::new(Some(access)), ..self }
    }

    /// The same folder, with refused logins going somewhere.
    pub fn refusals(self, refusals: &'a dyn Refusals) -> Folder<'a> {
        Folder { refusals: Some(refusals), ..self }
    }

    /// The same folder, with lines of the message trace going somewhere.
    pub fn traces(self, traces: &'a dyn Traces) -> Folder<'a> {
        Folder { traces: Some(traces), ..self }
    }

    /// The same folder, with lines of multiplexors that tell a user and the client going somewhere.
    pub fn clients(self, clients: &'a dyn Clients) -> Folder<'a> {
        Folder { clients: Some(clients), ..self }
    }

    /// The same folder, with pseudonyms for users and addresses, and no text of a line as it is.
    pub fn masking(self, pseudonyms: &'a Pseudonyms) -> Folder<'a> {
        Folder { masks: Some(Masks::new(pseudonyms)), ..self }
    }

    /// The same folder, with logins that succeeded going somewhere, if neither pairing nor last access needs them.
    pub fn logins(self, logins: &'a dyn Logins) -> Folder<'a> {
        Folder { logins: Some(logins), ..self }
    }

    /// Whoever keeps what is told of users.
    pub fn learner(&mut self) -> Learner<'_, 'a> {
        Learner::new(self.needs, self.streams, &mut self.access)
    }

    /// Begins a piece of a file, in the section of it that so many holes precede.
    pub fn begin(&mut self, file: FileId, section: u32) {
        (self.file, self.section, self.begun) = (file, section, 0);
        self.events = self.trail.tally.event.lines;
        self.spans = self.needs.forged.get(&file).map_or(&[], Vec::as_slice);
        self.is_forged = false;
    }

    /// Folds whole lines; `place` is the offset of the first in the decoded text.
    pub fn lines(&mut self, block: &[u8], place: u64, years: &Years) {
        let mut ordinary = Count::default();
        let mut rest = block;
        while !rest.is_empty() {
            let place = place + (block.len() - rest.len()) as u64;
            self.begun += 1;
            if !self.spans.is_empty() {
                self.is_forged = self.spans.iter().any(|span| span.start < place && place <= span.end);
            }
            // Which of the two comes next is by chance, so that each branch for it costs: they part ways here.
            let bytes = match self.reader.beginning(rest) {
                Some(begins) if begins.is_close() => self.ordinary::<true>(block, &begins, place),
                Some(begins) => self.ordinary::<false>(block, &begins, place),
                None => None,
            };
            let bytes = match bytes {
                Some(bytes) => {
                    ordinary.add(bytes as u64);
                    bytes
                }
                None => {
                    let Some((_, line, bytes)) = Lines::new(rest).next() else { break };
                    self.tally.all.add(bytes);
                    self.line(block, line, bytes, place, years);
                    bytes as usize
                }
            };
            rest = rest.get(bytes..).unwrap_or_default();
        }
        self.tally.all.merge(ordinary);
        self.tally.enveloped += ordinary.lines;
        self.trail.tally.event.merge(ordinary);
        if self.needs.pairs {
            self.hand_on(block);
        }
    }

    /// Hands login and close lines on to pairing.
    fn hand_on(&mut self, block: &[u8]) {
        let Folder { needs, streams, trail, access, batches, pairing, .. } = self;
        let learner = &mut Learner::new(needs, streams, access);
        match pairing {
            Some(pairing) => pairing.take(batches, block, learner),
            None => batches.iter_mut().for_each(|batch| {
                trail.pairs.add_all(batch, block, &mut |accessed| learner.keep(accessed));
                batch.clear();
            }),
        }
    }

    /// Counts the bytes of a line that is too long to be held.
    pub fn too_long(&mut self, head: &[u8], bytes: u64, place: u64) {
        self.trail.tally.reject.add(bytes);
        self.tally.all.add(bytes);
        self.begun += 1;
        self.tally.reject(Why::TooLong, self.sample(place, head, ""));
    }

    /// Counts whole lines that need not be read, and looks for what makes it necessary to read them after all.
    pub fn pass_over(&mut self, text: &[u8], lines: u64, place: u64, years: &Years) {
        self.reader.breaking_off(text, place, years).for_each(|at| self.breaks.begins(at));
        self.pass_over_unseen(Count { lines, bytes: text.len() as u64 });
    }

    /// Counts lines of which it is known that they need not be read, and that none of them breaks off.
    pub fn pass_over_unseen(&mut self, passed: Count) {
        self.trail.tally.passed_over.merge(passed);
        self.tally.all.merge(passed);
        self.tally.passed_over = self.tally.passed_over.saturating_add(passed.lines);
        self.begun = self.begun.saturating_add(u32::try_from(passed.lines).unwrap_or(u32::MAX));
    }

    /// How many lines begin in the piece at hand.
    pub fn begun(&self) -> u32 {
        self.begun
    }

    /// The line at hand, which begins at this place.
    fn evidence(&self, place: u64) -> Evidence {
        Evidence { file: self.file, place, nth: self.begun }
    }

    /// Counts the bytes of a line that damage cut off. What the damage is told of in also tells of the line.
    pub fn cut_off(&mut self, bytes: u64) {
        self.trail.tally.reject.add(bytes);
        self.tally.all.add(bytes);
    }

    /// Folds a line that is not an ordinary login or close, of `bytes` bytes with its newline.
    #[inline(never)]
    fn line(&mut self, block: &[u8], line: &[u8], bytes: u64, place: u64, years: &Years) {
        if self.reader.reads_markup(line) {
            return self.markup(block, line, bytes, place);
        }
        let read = self.reader.read(line, years, place);
        self.take(block, line, read, bytes, place);
    }

    /// Takes what a line says.
    fn take(&mut self, block: &[u8], line: &[u8], read: Line<'_>, bytes: u64, place: u64) {
        match read {
            Line::Event(event) => {
                if event.kind == Kind::Denied {
                    self.denied(line, &event, place);
                }
                self.tally.undated += u64::from(event.undated);
                if let Some(action) = Action::of(event.kind) {
                    self.traced(line, &event, action, place);
                }
                self.event(block, &event, bytes, place);
            }
            Line::Unknown(stamp, source, message) => {
                self.tally.enveloped += 1;
                self.trail.tally.unknown.add(bytes);
                let like = if source.is_some() && is_of_accounts(line, message) { Like::Account } else { Like::Other };
                self.shape(like, line, message, place);
                self.saw(source, stamp, place, None);
                self.ends(message, place);
            }
            Line::Around => {
                self.tally.enveloped += 1;
                self.trail.tally.known.add(bytes);
            }
            Line::Reject(why) => {
                self.trail.tally.reject.add(bytes);
                if why == Why::BreaksOff {
                    self.breaks.begins(place);
                } else {
                    self.ends(line.strip_suffix(b"\r").unwrap_or(line), place);
                }
                if let (Why::Unfit, Some(Written { message, .. })) = (why, written(line)) {
                    self.shape(Like::Unfit, line, message, place);
                }
                self.tally.reject(why, self.sample(place, line, ""));
            }
        }
    }

    /// Counts a message that no template reads.
    fn shape(&mut self, like: Like, line: &[u8], message: &[u8], place: u64) {
        let (text, sample) = if self.needs.drafts {
            (draft(message).unwrap_or_default(), Sample::whole(self.file, place, line))
        } else {
            let text = shape(message);
            let sample = self.sample(place, line, &text);
            (text, sample)
        };
        self.trail.tally.shape(Shape { like, text }, sample);
    }

    /// A sample of a line, or what may be told of it in its place.
    fn sample(&self, place: u64, line: &[u8], masked: &str) -> Sample {
        Sample::of(self.file, place, if self.masks.is_some() { masked.as_bytes() } else { line })
    }

    /// Takes an ordinary login or close line, if it is one behind its beginning as well: its bytes.
    #[inline(always)]
    fn ordinary<const IS_CLOSE: bool>(&mut self, block: &[u8], begins: &Beginning<'_>, place: u64) -> Option<usize> {
        let line = self.reader.whole::<IS_CLOSE>(begins)?;
        let OrdinaryLine { stamp, source, inferred, message, bytes } = line;
        self.saw(Some(source), stamp, place, Some(if IS_CLOSE { Counts::Close } else { Counts::Login }));
        let doubt = self.doubt(inferred, message.more(), message.message, place);
        let close = message.closing.map(|closing| close_line(stamp, closing.start, closing.duration));
        let (stream, pid, peer, user) = (source.stream, source.pid, message.peer, message.user);
        let rest = if IS_CLOSE { message.behind() } else { message.mechanism };
        let line = PairLine { stream, pid, peer, user, rest, stamp, close, doubt };
        let amounts = || message.closing.map(|closing| Amounts::of_numbers(closing.numbers().map(Some)));
        self.account(block, &line, message.is_lower, amounts, place);
        Some(bytes)
    }

    /// Takes a line that a template names.
    fn event(&mut self, block: &[u8], event: &Event<'_>, bytes: u64, place: u64) {
        let fields = &event.fields;
        self.tally.enveloped += 1;
        let tally = &mut self.trail.tally;
        let count: &mut Count = if event.kind == Kind::Known { &mut tally.known } else { &mut tally.event };
        count.add(bytes);
        let counts = match event.kind {
            Kind::Login => Some(Counts::Login),
            Kind::Close => Some(Counts::Close),
            Kind::Start => Some(Counts::Start),
            Kind::Stop => Some(Counts::Stop),
            _ => None,
        };
        self.saw(event.source, event.stamp, place, counts);
        let (Some(source), Some(counts)) = (event.source, counts) else { return self.other(event, place) };
        if fields.user.eq_ignore_ascii_case(b"[unauthenticated]") {
            if counts == Counts::Close {
                self.never_logged_in(event, source, place);
            }
            return;
        }
        let close = match counts {
            Counts::Login => None,
            Counts::Close => Some(close_line(event.stamp, fields.start, fields.duration)),
            Counts::Start | Counts::Stop => return,
        };
        let doubt = self.doubt(event.inferred, fields.more, event.message, place);
        let line = PairLine {
            stream: source.stream,
            pid: source.pid,
            peer: fields.peer,
            user: fields.user,
            rest: if close.is_some() { event.behind(fields.user) } else { fields.mechanism },
            stamp: event.stamp,
            close,
            doubt,
        };
        let Fields { bytes_in, bytes_out, mailboxes, .. } = *fields;
        self.account(
            block,
            &line,
            false,
            || close.map(|_| Amounts::of_numbers([bytes_in, bytes_out, mailboxes])),
            place,
        );
    }

    /// Takes what a login or close line says, whose user is as written, perhaps known to be in lower case: to pairing, to last access,
    /// or to whoever asks for logins.
    #[inline(always)]
    fn account(
        &mut self,
        block: &[u8],
        line: &PairLine<'_>,
        is_lower: bool,
        amounts: impl FnOnce() -> Option<Amounts>,
        place: u64,
    ) {
        let evidence = self.evidence(place);
        let Folder { needs, names, streams, trail, access, batches, scratch, masks, .. } = self;
        let user = if is_lower { names.bare(line.user) } else { names.user(line.user, scratch) };
        let mut line = PairLine { user, ..*line };
        let masked;
        if let Some(masks) = masks {
            let mechanism = if line.close.is_some() { &[][..] } else { line.rest };
            masked = masks.of(line.user, line.peer, mechanism);
            (line.user, line.peer) = (&masked.user, masked.peer);
            if line.close.is_none() {
                line.rest = masked.mechanism.as_deref().unwrap_or(line.rest);
            }
        }
        if needs.pairs {
            let long;
            let key = match Sought::short(line.stream, line.peer) {
                Some(key) => key,
                None => {
                    long = Key::of(&line);
                    trail.collected.portless |= !long.has_port();
                    Sought::long(&long)
                }
            };
            let with = needs.behind.is_anything();
            let with = with.then(|| With { behind: needs.behind, amounts: amounts(), evidence });
            let shard = key.shard(batches.len());
            if let Some(batch) = batches.get_mut(shard) {
                batch.push(block, &key, &line, with.as_ref());
            }
        } else if needs.access {
            // Of what stands behind the user, only what comes with it is looked at.
            let rest = &evidence.to_bytes();
            let near = near_in(block, line.user);
            let accessed = Accessed { near, login_rest: rest, close_rest: rest, ..Accessed::of(&line) };
            Learner::new(needs, streams, access).keep(&accessed);
        } else if let Some(logins) = self.logins {
            let PairLine { stream, peer, user, close, doubt, .. } = line;
            let (stamp, mechanism) = close.map_or((line.stamp, line.rest), |close| (close.connect, &[]));
            let by_close = close.is_some();
            logins.take(&LoggedIn { stream, peer, user, mechanism, stamp, by_close, doubt, evidence });
        }
    }

    /// What a login or close line is doubted for, by its message and what stands there behind the known fields.
    #[inline(always)]
    fn doubt(&mut self, inferred: bool, more: &[u8], message: &[u8], place: u64) -> Doubt {
        let forged = self.is_forged || (!more.is_empty() && self.ends(message, place));
        Doubt { inferred, forged }
    }

    /// Whether a text of the line at this place, which is no refused login, ends in the reason of one.
    #[inline(never)]
    fn ends(&mut self, text: &[u8], place: u64) -> bool {
        let ends = self.reader.ends_in_reason(text);
        if ends {
            self.breaks.ends(place);
        }
        ends
    }

    /// Notes that a process wrote, and whether its clock went back (R14).
    #[inline(always)]
    fn saw(&mut self, source: Option<Source>, stamp: Stamp, place: u64, counts: Option<Counts>) {
        let Some(source) = source else { return };
        let number = source.number as usize;
        if number >= self.sources.len() {
            self.sources.resize(number + 1, SourceState::default());
        }
        let Some(state) = self.sources.get_mut(number) else { return };
        state.pending.count(stamp, counts, source.stream, source.pid, &mut self.trail.coverage);
        if !self.needs.full.is_empty() && self.needs.full.contains(&(source.stream, source.pid, hour(stamp.at))) {
            let processes = &mut self.trail.coverage.processes;
            processes.entry((source.stream, source.pid)).or_default().full.insert(stamp.at);
        }
        let at = stamp.at;
        let Some(seen) = &mut state.seen else {
            state.seen = Some(Seen { source, first: (at, place), last: at });
            self.touched.push(source.number);
            return;
        };
        if at < seen.last - JUMP && self.jumps.len() < crate::trail::JUMPS {
            self.jumps.push(Jump { place, stream: source.stream, pid: source.pid, from: seen.last, to: at });
        }
        seen.last = at;
    }

    /// Ends a piece: what the pieces beside it must know of its processes.
    pub fn end(&mut self) -> Vec<PieceSource> {
        let mut sources = Vec::with_capacity(self.touched.len());
        let trail = self.trail.files.entry(self.file).or_default();
        for number in self.touched.drain(..) {
            let state = self.sources.get_mut(usize::try_from(number).unwrap_or(0));
            let Some((state, seen)) = state.and_then(|s| s.seen.take().map(|seen| (s, seen))) else { continue };
            let Seen { source: Source { stream, pid, .. }, first, last } = seen;
            let wrote = state.pending.flush(stream, pid, &mut self.trail.coverage);
            let (earliest, latest) = wrote.unwrap_or((last, last));
            trail.span(stream, self.section, earliest, latest);
            sources.push(PieceSource { stream, pid, first, last, earliest });
        }
        self.tally.events = self.trail.tally.event.lines - self.events;
        trail.tally.merge(std::mem::take(&mut self.tally));
        trail.jumped(self.jumps.drain(..));
        trail.breaks.merge(std::mem::take(&mut self.breaks));
        sources
    }

    /// The trail of all that was folded, without accesses that are shared.
    pub fn finish(self) -> Trail {
        let Folder { needs, streams, mut access, trail, .. } = self;
        let mut learner = Learner::new(needs, streams, &mut access);
        trail.pairs.owed(&mut |accessed| learner.keep(accessed));
        Trail { access: access.finish(streams), ..trail }
    }
}

/// What a close line says of its session (R4).
#[inline(always)]
fn close_line(stamp: Stamp, start: Start, duration: u32) -> CloseLine {
    let connect = connect(stamp, start.local, duration);
    CloseLine { connect: connect.stamp, duration, mismatch: connect.mismatch }
}

/// Whether a line that no template reads may be a login or close: by its category, or by what its message says.
fn is_of_accounts(line: &[u8], message: &[u8]) -> bool {
    is_like_account(message) || written(line).is_some_and(|line| line.category == b"Account")
}

/// The jump between a process's last line in one piece and its first in the next (R14), if there is one.
pub fn jump_between(before: &PieceSource, after: &PieceSource) -> Option<Jump> {
    let (to, place) = after.first;
    let PieceSource { stream, pid, last: from, .. } = *before;
    (to < from - JUMP).then_some(Jump { place, stream, pid, from, to })
}

/// The services that a query without `-s` lists under `-c`: those whose users stay connected.
pub const CONNECTED: [Service; 2] = [Service::Imap, Service::Http];
