//! `report`: all that is worth showing of an archive on one page, as plain data.
//!
//! Everything here is owned and bounded: lists are cut at a number that is said beside them, with how many are left out. Numbers are
//! those of the other answers: sessions as `sessions` counts them, refusals as `failures`, last accesses as `-a`, streams as `coverage`.
//!
//! **Texts.** Every `String` went through [`crate::text::visible`]: nothing in it steers a terminal or turns the direction of text. It is
//! not escaped for HTML. With `--pseudonymize` users, addresses and file names are pseudonyms already.
//!
//! **Times.** A [`Stamp`] is an instant with the offset that its log wrote. [`crate::times::rfc3339_of`] and the like show it in
//! [`Report::zone`]; days and hours of the counts below are those of that zone already.

mod build;
mod covered;
#[cfg(test)]
pub(crate) mod example;
mod frame;
mod gather;
mod refused;
mod tops;
mod visits;

pub use build::Sources;
pub use visits::{PARTS, part_of};

use crate::answer::{Rule, Status};
use crate::model::{Service, Stamp};
use crate::times::Zone;

/// What every report says of the law.
pub const LAW: &str = "Access records are personal data: who may read them, and why, is a matter of law and of your organisation's policy. \
    Reading them against either may make you liable, so ask first, and keep a note of why you looked.";

/// The whole report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was asked, by which program.
    pub about: About,
    /// How times are shown.
    pub zone: Zone,
    /// The same in words, as `as the logs write them: +02:00` or `UTC`.
    pub times: String,
    /// From when to when there are lines of access services, within the window asked for; `None` of an archive without an event.
    pub period: Option<(Stamp, Stamp)>,
    /// The sums.
    pub totals: Totals,
    /// The streams, in the order of store and service.
    pub streams: Cut<Stream>,
    /// Files that gave nothing, in the order of their names.
    pub idle: Cut<IdleFile>,
    /// Sessions, users and refusals by the hour of the week: 168 slots, from Monday 0:00 on. Empty if there is nothing to count.
    pub hours_of_week: Vec<Slot>,
    /// The same by the hour of the day: 24 slots. Users are not the sum of those of the week: each counts once.
    pub hours_of_day: Vec<Slot>,
    /// The same by day, without a hole from the first to the last.
    pub days: Days,
    /// Users connected over time.
    pub connected: Connected,
    /// The users with most sessions.
    pub users: Cut<Top>,
    /// The addresses with most sessions, without their ports.
    pub addresses: Cut<Top>,
    /// The domains of users with most sessions; an empty name stands for users without a domain.
    pub domains: Cut<Top>,
    /// Refused logins.
    pub failures: Failures,
    /// What the refusals show together.
    pub findings: FindingsPart,
    /// Last access by user.
    pub last_access: LastAccessPart,
    /// A section for each of [`Report::users`], in the same order.
    pub sections: Vec<UserSection>,
    /// What is to be known beside all that, as the notes of other answers.
    pub notes: Cut<NoteLine>,
    /// What was read, in the order of the names.
    pub files: Cut<FileLine>,
}

/// A list that may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut<T> {
    /// Those that are shown.
    pub shown: Vec<T>,
    /// How many more there are.
    pub left_out: u64,
}

impl<T> Default for Cut<T> {
    fn default() -> Cut<T> {
        Cut { shown: Vec::new(), left_out: 0 }
    }
}

impl<T> Cut<T> {
    /// The first so many of a list.
    pub fn at(mut all: Vec<T>, limit: usize) -> Cut<T> {
        let left_out = all.len().saturating_sub(limit) as u64;
        all.truncate(limit);
        Cut { shown: all, left_out }
    }

    /// How many there are, shown or not.
    pub fn total(&self) -> u64 {
        self.shown.len() as u64 + self.left_out
    }
}

/// What was asked, by which program. Nothing here depends on when or how the program ran: threads, the order of paths, `-o`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The version of this program, as `0.1.0`.
    pub version: String,
    /// The commit of its source, perhaps with `-modified`; `unknown` where it is not known.
    pub commit: String,
    /// A command that makes this report, word by word, not quoted for a shell: options in one order, paths sorted. With
    /// `--pseudonymize`, names are pseudonyms in it, and the key's file is `KEYFILE`.
    pub command: Vec<String>,
    /// What the report is limited to, in words, one sentence a limit; empty if it is of everything.
    pub limits: Vec<String>,
    /// Users, addresses and files have pseudonyms in the place of their names.
    pub pseudonymized: bool,
}

/// The sums over everything that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sessions, as `sessions` lists them.
    pub sessions: u64,
    /// The same by what became of them: closed, open, lost, in the order of [`Status`].
    pub by_status: [u64; 3],
    /// The same by service, in the order of [`Service::ALL`].
    pub by_service: [u64; 3],
    /// Sessions with a flag, or without a close line: something of them is in doubt.
    pub doubtful: u64,
    /// Users with a session.
    pub users: u64,
    /// Addresses with a session, but for those of proxies.
    pub addresses: u64,
    /// Refused logins, as `failures` lists them.
    pub failures: u64,
    /// Lines that were read.
    pub lines: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
    /// Files and members of archives that were read.
    pub files: u64,
    /// Lines that were not understood (rejects and messages that no template names).
    pub not_understood: u64,
}

/// One stream: the lines of one store and service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The store.
    pub store: String,
    /// The service.
    pub service: Service,
    /// Its first line.
    pub first: Stamp,
    /// Its last line.
    pub last: Stamp,
    /// Lines that count: logins, closes, starts and stops.
    pub lines: u64,
    /// Login lines.
    pub logins: u64,
    /// Close lines.
    pub closes: u64,
    /// What was logged, in words, as `logins are logged (level Information)`.
    pub level: &'static str,
    /// Its lines over time.
    pub strip: Strip,
    /// Spans in which something is missing, in the order of their beginnings.
    pub spans: Cut<Span>,
    /// How often its processes were started and stopped, as far as marks say.
    pub restarts: (u64, u64),
    /// How often a clock went back (R14).
    pub clock_jumps: u64,
}

/// Lines of a stream over time, in columns of equal width. All streams of a report have the same columns, so that they can stand one
/// below the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strip {
    /// When the first column begins.
    pub from: Stamp,
    /// How many seconds each column is: whole hours.
    pub width: i64,
    /// The lines of each column; 300 columns at most.
    pub lines: Vec<u64>,
}

/// A span in which something of a stream is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Why.
    pub kind: SpanKind,
    /// The last line before it.
    pub from: Stamp,
    /// The first line behind it.
    pub to: Stamp,
    /// In words, without the times, as `files 17 to 19 are missing`.
    pub text: String,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKind {
    /// Files are missing, as their numbers show.
    Missing,
    /// A file is damaged.
    Damaged,
    /// Nothing was written, though the stream is busy (R9), or was busy in the same hours of other days and weeks.
    Silent,
    /// Logins were not logged (R12): sessions that were not closed are invisible.
    Unlogged,
    /// Two files have the same time (R13): nothing is missing, but something may be there twice.
    Overlap,
}

impl SpanKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [SpanKind; 5] =
        [SpanKind::Missing, SpanKind::Damaged, SpanKind::Silent, SpanKind::Unlogged, SpanKind::Overlap];

    /// A short name for a legend.
    pub fn as_str(self) -> &'static str {
        match self {
            SpanKind::Missing => "files missing",
            SpanKind::Damaged => "damaged",
            SpanKind::Silent => "silent",
            SpanKind::Unlogged => "logins not logged",
            SpanKind::Overlap => "overlap",
        }
    }
}

/// A file that gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleFile {
    /// Its name.
    pub name: String,
    /// Why, in words.
    pub why: String,
}

/// What happened in some span of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Sessions that began (their logins), by service, in the order of [`Service::ALL`].
    pub sessions: [u64; 3],
    /// The users of those, each once.
    pub users: u64,
    /// Refused logins.
    pub failures: u64,
}

/// Days, or spans of as many days each, where there are very many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days {
    /// How many days each slot is: 1, unless that would be over 1000 slots.
    pub width: u32,
    /// The slots, in order, without a hole.
    pub shown: Vec<Day>,
    /// Sessions that began on none of these days: before the logs or the window, or behind them.
    pub outside: u64,
}

/// A day, or some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Its first day, as `2019-05-29`.
    pub date: String,
    /// The weekday of that, 0 for Monday.
    pub weekday: u8,
    /// What happened.
    pub slot: Slot,
    /// Refused logins by reason, in the order of [`Failures::reasons`], those of other reasons last.
    pub failures: Vec<u64>,
    /// Some stream that was asked for has lines before its end and behind its beginning: nothing was seen, where nothing is counted.
    /// Else the logs do not say.
    pub covered: bool,
    /// Some stream lacks lines in it: files are missing or damaged, or it was silent.
    pub has_gap: bool,
}

/// Users connected over time, in buckets of equal width: how many were connected at some moment of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connected {
    /// When the first bucket begins.
    pub from: Stamp,
    /// How many seconds each bucket is; the buckets are 1000 at most.
    pub width: i64,
    /// The buckets, in order, without a hole.
    pub buckets: Vec<Bucket>,
}

impl Connected {
    /// When a bucket begins. Its offset is that of the first bucket.
    pub fn begin(&self, bucket: usize) -> Stamp {
        Stamp { at: self.from.at + i64::try_from(bucket).unwrap_or(0) * self.width, ..self.from }
    }
}

/// Users connected at some moment of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Users with a session whose end is known.
    pub certain: u64,
    /// More users, all of whose sessions then have no close line: they may have been gone.
    pub possible: u64,
}

/// Who had most sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Top {
    /// The user, address or domain.
    pub name: String,
    /// Sessions.
    pub sessions: u64,
    /// Of a user the addresses; of an address or a domain the users.
    pub others: u64,
    /// The last login or logout.
    pub last: Stamp,
}

/// Refused logins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub total: u64,
    /// By reason, as written, most first. [`Day::failures`] has one number for each of these, and one for all others.
    pub reasons: Cut<Refused>,
    /// By user as given, most first.
    pub users: Cut<Refused>,
    /// By address, most first.
    pub addresses: Cut<Refused>,
}

/// Refusals with something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The reason, user or address; may be empty, where lines do not tell.
    pub name: String,
    /// How many refusals.
    pub failures: u64,
    /// Of how many users, as they were given.
    pub users: u64,
    /// From how many addresses.
    pub addresses: u64,
    /// The first.
    pub first: Stamp,
    /// The last.
    pub last: Stamp,
}

/// What the refusals show together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingsPart {
    /// Every rule, whether it found something or not.
    pub rules: Vec<RuleLine>,
    /// The findings, in the order of their beginnings; if some are left out, those with fewest refusals.
    pub findings: Cut<FindingLine>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLine {
    /// Which.
    pub rule: Rule,
    /// In words, with its thresholds.
    pub text: String,
    /// How many findings it has.
    pub findings: u64,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingLine {
    /// By which rule.
    pub rule: Rule,
    /// The user, where it is about one.
    pub user: Option<String>,
    /// The address, where it is about one.
    pub address: Option<String>,
    /// How many users were refused.
    pub users: u64,
    /// From how many addresses.
    pub addresses: u64,
    /// How often.
    pub failures: u64,
    /// The first refusal.
    pub from: Stamp,
    /// The last refusal, or the success.
    pub to: Stamp,
}

/// Last access by user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastAccessPart {
    /// The rows of `-a`, in the order of the users' bytes. If some are left out, those with the oldest last access.
    pub users: Cut<LastAccess>,
    /// The name of the file beside the report that has all rows, if some are left out.
    pub file: Option<String>,
    /// By service, in the order of [`Service::ALL`]: what its logs lack, where somebody who was not seen may have been there all the same.
    pub limits: [Option<String>; 3],
}

/// One user of `-a`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAccess {
    /// The user.
    pub user: String,
    /// By service, in the order of [`Service::ALL`]; `None` where no access is recorded.
    pub services: [Option<ServiceAccess>; 3],
}

impl LastAccess {
    /// The latest access over any service.
    pub fn latest(&self) -> Option<Stamp> {
        self.services.iter().flatten().map(ServiceAccess::last_access).max_by_key(|stamp| stamp.at)
    }
}

/// The last access over one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccess {
    /// The latest login.
    pub login: Option<Stamp>,
    /// The latest logout.
    pub logout: Option<Stamp>,
    /// The store of the later of the two.
    pub store: String,
    /// What is to be known about it.
    pub flags: &'static [&'static str],
}

impl ServiceAccess {
    /// The later of login and logout.
    pub fn last_access(&self) -> Stamp {
        self.login.into_iter().chain(self.logout).max_by_key(|stamp| stamp.at).unwrap_or_default()
    }
}

/// One of the users with most sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSection {
    /// The user.
    pub user: String,
    /// How many sessions.
    pub sessions: u64,
    /// From how many addresses.
    pub addresses: u64,
    /// The first login.
    pub first: Stamp,
    /// The last login or logout.
    pub last: Stamp,
    /// The latest sessions, in the order of their logins; the earlier ones are left out.
    pub timeline: Cut<SessionLine>,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLine {
    /// The store.
    pub store: String,
    /// The service.
    pub service: Service,
    /// The far end, with its port if that is known; behind `via` if it is a proxy (`--proxy`).
    pub from: String,
    /// The mechanism, where a login line is known.
    pub auth: Option<String>,
    /// When the connection began, where a close line says so.
    pub connect: Option<Stamp>,
    /// The login line's stamp, or the connect.
    pub login: Stamp,
    /// The end, where a close line is known.
    pub logout: Option<Stamp>,
    /// Until when it may have lasted at most, as far as is known: the end; of a lost session the moment by which it was gone; of an open
    /// one the end of the coverage.
    pub until: Stamp,
    /// What became of it.
    pub status: Status,
    /// What is to be known about it, in the order of the names, as `sessions` has it.
    pub flags: Vec<&'static str>,
}

impl SessionLine {
    /// Whether its close line is there and nothing about it is in doubt.
    pub fn is_certain(&self) -> bool {
        self.status == Status::Closed && self.flags.is_empty()
    }
}

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteLine {
    /// Its kind, as `gap`.
    pub kind: &'static str,
    /// The file that it is about; empty where it is about none.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether a part of the input could not be read because of that.
    pub fails: bool,
}

/// A file or member of an archive that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLine {
    /// Its name.
    pub name: String,
    /// Its lines.
    pub lines: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
    /// Lines among them that mean something here.
    pub events: u64,
    /// Lines among them that are none of a log's (R1).
    pub rejects: u64,
    /// It could not be read to its end, or not in between.
    pub damaged: bool,
}
