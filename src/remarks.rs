//! Remarks: what must be known beside the rows, as notes. Pure; sorted by path and place.

mod never;
mod proxied;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::answer::{ConnectedQuery, Proxied, SessionsQuery, moment};
use crate::fold::Window;
use crate::model::{Instant, Stamp};
use crate::note::{Note, NoteKind};
use crate::open::Kind;
use crate::parse::Why;
use crate::plan::Leaf;
use crate::resolve::{ClosesStopped, Gap, GapWhy, Resolved, Unlogged};
use crate::text::visible;
use crate::times::{log_offset, written};
use crate::trail::{Breaks, Count, FileId, FileTrail, Like, Sampled, Trail};

/// How many shapes of unknown messages are told, the most frequent ones.
const SHAPES_TOLD: usize = 5;

/// So many lines of one shape whose fields do not fit are no accident.
const UNFIT: u64 = 20;
/// How many users of whom only the message trace tells are named.
const USERS_TOLD: usize = 5;

/// Users of `-a` who have no login or close.
#[derive(Clone, Debug, Default)]
pub struct OnlyTraced {
    /// Those of whom message trace lines of access services tell.
    pub users: BTreeSet<Vec<u8>>,
    /// How many of those asked for are not among them.
    pub unseen: usize,
}

/// What remarks are made of.
#[derive(Clone, Copy, Debug)]
pub struct Remarks<'a> {
    /// Every text, planned or not, by its number.
    pub leaves: &'a [&'a Leaf],
    /// What was learned.
    pub trail: &'a Trail,
    /// What it means.
    pub streams: &'a [Resolved],
    /// What `-c` asked, if it did.
    pub connected: Option<&'a ConnectedQuery>,
    /// Whether `-a` was asked.
    pub access: bool,
    /// What `sessions` asked, if it did.
    pub sessions: Option<&'a SessionsQuery>,
    /// What was read could be read but once: rows do not tell which lines may be forged.
    pub once: bool,
    /// What lines were passed over for, if any were, or files left out.
    pub sieved: Option<Sieved>,
    /// Whether a row of the answer rests on a template that is a guess.
    pub inferred: bool,
    /// Whether a grammar file of the site has such templates.
    pub guesses: bool,
    /// Users of `-a` who have no login or close.
    pub only_traced: &'a OnlyTraced,
    /// How many rows of a kind came through proxies, if those are known.
    pub proxied: &'a [(&'static str, Proxied)],
    /// `messages` was asked, and found nothing.
    pub no_traces: bool,
}

/// What lines were passed over for.
#[derive(Clone, Copy, Debug)]
pub struct Sieved {
    /// They cannot bear on this window; open on both sides if none was.
    pub window: Window,
    /// They name no user who is asked for.
    pub by_users: bool,
}

impl Remarks<'_> {
    /// Every remark, sorted.
    pub fn notes(&self) -> Vec<Note> {
        let mut notes: Vec<Note> = self.leaves.iter().flat_map(|leaf| self.of_file(leaf)).collect();
        notes.extend(self.passed_over());
        notes.extend(self.unknown());
        notes.extend(self.only_traced());
        notes.extend(self.proxied.iter().flat_map(|(what, proxied)| proxied::notes(what, proxied)));
        notes.extend(self.no_traces.then(|| {
            let text = "no message trace line was found: stores write them only if local.msgtrace.active was set";
            Note::new("", NoteKind::Info, text)
        }));
        notes.extend(self.streams.iter().flat_map(|s| self.of_stream(s)));
        notes.extend(self.no_logins());
        let by_multiplexors = self.proxied.iter().any(|(_, proxied)| proxied.by_guess);
        notes.extend((self.inferred || by_multiplexors).then(|| {
            let of = if by_multiplexors { "httpd, and none of a multiplexor that names a client," } else { "httpd" };
            let site = if self.guesses { "a grammar file calls their form inferred, or " } else { "" };
            let text = format!(
                "rows flagged inferred-format rest on a guess: {site}no real login or close line of {of} is public"
            );
            Note::new("", NoteKind::Format, text)
        }));
        notes.sort();
        notes
    }

    fn passed_over(&self) -> Option<Note> {
        let Sieved { window, by_users } = self.sieved?;
        let why = match (window == Window::default(), by_users) {
            (false, false) => "for their dates: they cannot bear on the window",
            (true, _) => "as they name no user who is asked for",
            (false, true) => {
                "as they name no user who is asked for, or for their dates: they cannot bear on the window"
            }
        };
        let Count { lines: n, bytes } = self.trail.tally.passed_over;
        if n == 0 {
            return None;
        }
        let text = format!(
            "{} ({bytes} bytes) passed over, {why}; what is noted of files and streams is of the other lines (--format \
             json reads these, too)",
            lines(n)
        );
        Some(Note::new("", NoteKind::Skipped, text))
    }

    /// Whether enough was read to tell of a gap.
    fn is_known(&self, stream: &Resolved, gap: &Gap) -> bool {
        self.sieved.is_none_or(|Sieved { window, by_users }| {
            let silence = by_users && gap.why == GapWhy::Silence;
            !silence && within(window, stream, gap)
        })
    }

    fn shown(&self, file: FileId) -> String {
        let leaf = usize::try_from(file.0).ok().and_then(|i| self.leaves.get(i));
        leaf.map_or_else(String::new, |l| l.shown.clone())
    }

    fn of_file(&self, leaf: &Leaf) -> Vec<Note> {
        let note = |kind, text: String| Note::new(leaf.shown.clone(), kind, text);
        match leaf.kind {
            Kind::Empty => return vec![note(NoteKind::Empty, "empty".to_owned())],
            // Good lines are read wherever they stand.
            Kind::Image(what) if self.trail.files.get(&leaf.id).is_none_or(|f| f.tally.of_a_log() == 0) => {
                return vec![note(NoteKind::NotALog, format!("not a log ({what}): all of it rejected"))];
            }
            _ => {}
        }
        let Some(file) = self.trail.files.get(&leaf.id) else { return Vec::new() };
        let mut notes = rejects(leaf, file);
        if let Kind::Image(what) = leaf.kind {
            let what = what.split([',', ';']).next().unwrap_or(what);
            let text = format!("begins like {what}, but {} of it read as a log's", lines(file.tally.of_a_log()));
            notes.push(note(NoteKind::Format, text));
        }
        if file.tally.undated > 0 {
            let have = if file.tally.undated == 1 { "has no year in its date" } else { "have no year in their dates" };
            let text = format!("{} {have}: {}", lines(file.tally.undated), years_from(leaf));
            notes.push(note(NoteKind::Info, text));
        }
        notes.extend(forgeries(leaf, &file.breaks, self.once));
        for jump in &file.jumps {
            let Some(stream) = self.streams.iter().find(|s| s.id == jump.stream) else { continue };
            let text = format!(
                "clock jump: at byte {} process {} of {} {} goes back by {} s, from {} to {}",
                jump.place,
                jump.pid,
                visible(&stream.store),
                stream.service.as_str(),
                jump.from - jump.to,
                in_stream(stream, jump.from),
                in_stream(stream, jump.to)
            );
            notes.push(note(NoteKind::ClockJump, text).at(jump.place));
        }
        notes
    }

    /// Unknown shapes, the most frequent first: those that may be logins and closes, and others.
    fn unknown(&self) -> Vec<Note> {
        let of = |wanted: fn(Like, u64) -> bool| {
            let all = self.trail.tally.shapes.iter();
            let mut shapes: Vec<_> = all.filter(|(shape, seen)| wanted(shape.like, seen.count)).collect();
            shapes.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
            shapes
        };
        let alarms = of(|like, count| like == Like::Account || (like == Like::Unfit && count >= UNFIT));
        let others = of(|like, _| like == Like::Other);
        let mut notes: Vec<Note> = alarms.iter().take(SHAPES_TOLD).map(|(_, seen)| self.drift(seen)).collect();
        notes.extend(others.iter().take(SHAPES_TOLD).map(|(_, seen)| {
            let like =
                if seen.count == 1 { "says something unknown".to_owned() } else { "of one unknown shape".to_owned() };
            self.of_sample(seen, NoteKind::Format, &like, "(if it matters, teach it with --grammar)")
        }));
        let rest = [
            (
                alarms.len(),
                NoteKind::Drift,
                ", perhaps of logins or closes (answers may be wrong; teach them with --grammar)",
            ),
            (others.len(), NoteKind::Format, "; teach them with --grammar if they matter"),
        ];
        let more = rest.into_iter().filter(|(all, ..)| *all > SHAPES_TOLD);
        notes.extend(
            more.map(|(all, kind, then)| {
                Note::new("", kind, format!("{} more unknown shapes{then}", all - SHAPES_TOLD))
            }),
        );
        notes
    }

    /// The alarm for lines that may be logins or closes.
    fn drift(&self, seen: &Sampled) -> Note {
        let what = "of an access service may tell of logins or closes in a way that is unknown";
        let then = "(answers may be wrong; teach it with --grammar, as grammars/README.md says)";
        self.of_sample(seen, NoteKind::Drift, what, then)
    }

    fn of_sample(&self, seen: &Sampled, kind: NoteKind, what: &str, then: &str) -> Note {
        let sample = visible(&seen.sample.text);
        let text = format!("{} {what}, the first at byte {}: {sample} {then}", lines(seen.count), seen.sample.place);
        Note::new(self.shown(seen.sample.file), kind, text).at(seen.sample.place)
    }

    /// Users of `-a` of whom only the message trace tells, and those of whom nothing tells but it was not read.
    fn only_traced(&self) -> Vec<Note> {
        let OnlyTraced { users, unseen } = self.only_traced;
        let names: Vec<_> = users.iter().take(USERS_TOLD).map(|user| visible(user)).collect();
        let more = if users.len() > USERS_TOLD { ", …" } else { "" };
        let known = (!users.is_empty()).then(|| {
            format!(
                "of {} only message trace lines tell, no login or close: {}{more}; such lines are evidence of access on their own \
                 (imstrail messages)",
                if users.len() == 1 { "1 user".to_owned() } else { format!("{} users", users.len()) },
                names.join(", ")
            )
        });
        let by_users = self.sieved.is_some_and(|sieved| sieved.by_users);
        let unread = (by_users && *unseen > 0 && self.trail.traced.lines > 0).then(|| {
            "there are message trace lines, which were not read for this: imstrail messages says whether they tell of users who are \
             not recorded here"
                .to_owned()
        });
        known.into_iter().chain(unread).map(|text| Note::new("", NoteKind::Info, text)).collect()
    }

    fn of_stream(&self, stream: &Resolved) -> Vec<Note> {
        let name = format!("{} {}", visible(&stream.store), stream.service.as_str());
        let note = |kind, text: String| Note::new(name.clone(), kind, text);
        let asked = self.connected.is_some_and(|q| q.services.contains(&stream.service));
        let mut notes: Vec<Note> =
            stream.gaps.iter().filter(|g| self.is_known(stream, g)).map(|g| self.gap(&name, stream, g)).collect();
        for overlap in &stream.overlaps {
            let text = format!(
                "{} and {} overlap from {} to {}: equal sessions count once, logins without a close in it are only possible",
                self.shown(overlap.one),
                self.shown(overlap.other),
                in_stream(stream, overlap.from),
                in_stream(stream, overlap.to)
            );
            notes.push(note(NoteKind::Overlap, text));
        }
        if let Some(lone) = stream.lone.filter(|_| self.sieved.is_none()) {
            let text =
                format!("a lone stamp far ahead, {}, is not taken as the end of coverage", in_stream(stream, lone));
            notes.push(note(NoteKind::ClockJump, text));
        }
        if let Some(query) = self.connected.filter(|_| asked) {
            notes.extend(of_moment(query, stream, &name));
        }
        if let Some(stopped) = stream.closes_stopped.filter(|_| self.sieved.is_none()) {
            notes.push(note(NoteKind::Drift, closes_stopped(stream, &stopped)));
        }
        if self.sessions.is_some_and(|query| query.filter.is_over(stream.service)) {
            let spans = stream.unlogged.iter();
            notes.extend(spans.map(|span| note(NoteKind::Blind, not_logged(stream, span))));
            let text = format!(
                "covers {} to {}; a session that began before that or in a gap is seen only if it was closed later",
                written(stream.first),
                written(stream.last)
            );
            notes.push(note(NoteKind::Info, text));
        }
        notes
    }

    fn gap(&self, name: &str, stream: &Resolved, gap: &Gap) -> Note {
        let span = format!("from {} to {}", in_stream(stream, gap.from), in_stream(stream, gap.to));
        let (kind, text) = match &gap.why {
            GapWhy::Missing(first, last) if first == last => {
                (NoteKind::Sequence, format!("gap: file with sequence number {first} is missing, {span}"))
            }
            GapWhy::Missing(first, last) => {
                (NoteKind::Sequence, format!("gap: files with sequence numbers {first} to {last} are missing, {span}"))
            }
            GapWhy::Damaged(file) if gap.from == gap.to => (
                NoteKind::Gap,
                format!(
                    "gap: {} is damaged, lines are missing from {} on",
                    self.shown(*file),
                    in_stream(stream, gap.from)
                ),
            ),
            GapWhy::Damaged(file) => {
                (NoteKind::Gap, format!("gap: {} is damaged, lines are missing {span}", self.shown(*file)))
            }
            GapWhy::Silence => (NoteKind::Gap, format!("gap: no line for an hour or more, {span}")),
        };
        Note::new(name, kind, text)
    }

    /// R12 for `-a` alone, which pairs nothing: streams with closes and without any login line.
    fn no_logins(&self) -> Option<Note> {
        let blind = self.streams.iter().filter(|s| s.logins == 0 && s.closes > 0);
        let names: Vec<String> = blind.map(|s| format!("{} {}", visible(&s.store), s.service.as_str())).collect();
        let text = if self.sieved.is_none() {
            "logins were not logged (level Notice): last logins are the starts of sessions that were closed, other logins are invisible"
        } else {
            "no login is among the lines read: last logins are the starts of sessions that were closed; if logins were not logged (level Notice), others are invisible"
        };
        let told = self.access && self.connected.is_none() && !names.is_empty();
        told.then(|| Note::new(names.join(", "), NoteKind::Blind, text))
    }
}

/// Closes that no longer appear.
fn closes_stopped(stream: &Resolved, stopped: &ClosesStopped) -> String {
    format!(
        "no close line from {} to {}, while {} logins go on: closes may be logged in a way that no template reads, so that sessions \
         without a close may have ended; see what is unknown, and teach it with --grammar, as grammars/README.md says",
        in_stream(stream, stopped.from),
        in_stream(stream, stopped.to),
        stopped.logins,
    )
}

/// R12: a span in which logins were not logged.
fn not_logged(stream: &Resolved, span: &Unlogged) -> String {
    format!(
        "logins were not logged (level Notice) from {} to {}, as {} closes without a login line show: whoever logged in then and was still connected at the end cannot be seen",
        in_stream(stream, span.from),
        in_stream(stream, span.to),
        span.closes,
    )
}

/// What is to be said of a stream at the moment of `-c`.
fn of_moment(query: &ConnectedQuery, stream: &Resolved, name: &str) -> Vec<Note> {
    let mut notes = Vec::new();
    let Ok(at) = moment(query.at, stream) else { return notes };
    let mut say = |kind, text: String| notes.push(Note::new(name, kind, text));
    if at.at > stream.last.at {
        say(
            NoteKind::Blind,
            format!("{} is after the end of coverage ({}): no rows", written(at), written(stream.last)),
        );
        return notes;
    }
    if at.at < stream.first.at {
        let text = format!(
            "{} is before the beginning of coverage ({}): only sessions that were closed later are known",
            written(at),
            written(stream.first)
        );
        say(NoteKind::Blind, text);
    }
    for blind in stream.unlogged.iter().filter(|u| u.from <= at.at) {
        say(NoteKind::Blind, not_logged(stream, blind));
    }
    let gap = if stream.gaps.iter().any(|g| g.from < at.at) { " or in a gap" } else { "" };
    let text = format!(
        "covers {} to {}; a login before that{gap} is seen only if its session was closed later",
        written(stream.first),
        written(stream.last)
    );
    say(NoteKind::Info, text);
    notes
}

/// Whether all of a gap lies in a window.
pub fn within(window: Window, stream: &Resolved, gap: &Gap) -> bool {
    let stamp = |at| Stamp { at, offset: stream.clock.offset_at(at) };
    window.holds(stamp(gap.from)) && window.holds(stamp(gap.to))
}

fn rejects(leaf: &Leaf, file: &FileTrail) -> Vec<Note> {
    let no_log = !file.tally.rejects.is_empty()
        && file.tally.of_a_log() == 0
        && file.tally.rejects.keys().all(|w| matches!(w, Why::NoEnvelope | Why::TooLong));
    if no_log {
        let text =
            format!("not a log: all of it rejected, {} ({} bytes)", lines(file.tally.all.lines), file.tally.all.bytes);
        return vec![Note::new(leaf.shown.clone(), NoteKind::NotALog, text)];
    }
    let told = file.tally.rejects.iter().map(|(why, seen)| {
        // A line that may not be told has no text.
        let behind = if seen.sample.text.is_empty() { "" } else { ": " };
        let text = format!(
            "{} rejected: {}; the first at byte {}{behind}{}",
            lines(seen.count),
            why.as_str(),
            seen.sample.place,
            visible(&seen.sample.text)
        );
        Note::new(leaf.shown.clone(), NoteKind::Reject, text).at(seen.sample.place)
    });
    told.collect()
}

/// R1: refused logins over several lines.
fn forgeries(leaf: &Leaf, breaks: &Breaks, once: bool) -> Vec<Note> {
    let note = |text: String| Note::new(leaf.shown.clone(), NoteKind::Forgery, text);
    let of_span = |span: Range<u64>| {
        let text = format!(
            "the refused login at byte {} breaks off, and what may be its reason ends the line at byte {}: the user name \
             held line breaks, so the lines between may be forged; rows that rest on them {}",
            span.start,
            span.end,
            if once {
                "could not be flagged, since a pipe is read once: name a file"
            } else {
                "are flagged possibly-forged"
            },
        );
        note(text).at(span.start)
    };
    let full =
        breaks.is_full().then(|| note("too many refused logins break off: only the first are looked at".to_owned()));
    breaks.spans().into_iter().map(of_span).chain(full).collect()
}

fn years_from(leaf: &Leaf) -> String {
    match (leaf.years.given, &leaf.sequence, leaf.years.anchors.first()) {
        (Some(year), _, None) => format!("read as {year}, in UTC"),
        (Some(year), _, Some((_, stamp))) => format!("read as {year}, at {}", log_offset(stamp.offset)),
        (None, Some(name), _) => format!("read by the time stamp in the file's name, {}", name.created),
        (None, None, Some((_, stamp))) => format!("read by the nearest dated line, {}", written(*stamp)),
        (None, None, None) => "give --year".to_owned(),
    }
}

fn lines(n: u64) -> String {
    if n == 1 { "1 line".to_owned() } else { format!("{n} lines") }
}

/// An instant with the offset that a stream's lines had then.
fn in_stream(stream: &Resolved, at: Instant) -> String {
    written(Stamp { at, offset: stream.clock.offset_at(at) })
}
