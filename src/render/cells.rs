//! Rows cell by cell: what CSV, Parquet and SQLite have in columns, said once for all of them.

use std::borrow::Cow;

use super::Answer;
use crate::answer::{
    Client, Connected, Ends, FailureRow, LastAccessRow, MessageRow, Messages, ServiceAccess, SessionRow, StreamCoverage,
};
use crate::model::Stamp;
use crate::resolve::GapWhy;
use crate::times::Zone;

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number without a fraction.
    Number,
    /// A time, with the offset that it is shown with.
    Time,
    /// Some texts.
    List,
}

use Kind::{List, Number, Text, Time};

/// A column: its name, and what its cells hold.
pub type Column = (&'static str, Kind);

/// A cell.
#[derive(Clone, Debug)]
pub(super) enum Cell<'a> {
    /// Unknown, or not there.
    Nothing,
    /// Text as it stands in the log, or a word of our own.
    Text(Cow<'a, [u8]>),
    /// A number.
    Number(i128),
    /// A time as the log has it.
    Time(Stamp),
    /// Some words of our own.
    List(&'a [&'a str]),
}

impl<'a> Cell<'a> {
    pub(super) fn text(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Cell<'a> {
        Cell::Text(text.as_ref().into())
    }

    /// A text that is empty where nothing is told.
    pub(super) fn told(text: &'a [u8]) -> Cell<'a> {
        if text.is_empty() { Cell::Nothing } else { Cell::text(text) }
    }

    pub(super) fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell<'a>) -> Cell<'a> {
        value.map_or(Cell::Nothing, cell)
    }

    pub(super) fn number(number: impl Into<i128>) -> Cell<'a> {
        Cell::Number(number.into())
    }

    pub(super) fn count(count: usize) -> Cell<'a> {
        Cell::number(count as u64)
    }
}

/// What of rows is shown in columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// How times are shown.
    pub(super) zone: Zone,
    /// Proxies are known: rows with an address say whether it is one's.
    pub(super) ends: bool,
    /// Rows have a last column for the lines that they rest on.
    pub(super) evidence: bool,
}

impl Shown {
    pub(super) fn of(answer: &Answer<'_>) -> Shown {
        Shown { zone: answer.zone, ends: answer.rows.with_proxies, evidence: answer.quotes.is_some() }
    }
}

/// A row of columns.
pub(super) trait Cells {
    /// What a row is, by the name that records have in JSON.
    const RECORD: &'static str;
    /// Its columns. Their names are those of JSON; what lies inside of something else has its name before its own.
    const COLUMNS: &'static [Column];
    /// Those behind them that are there if proxies are known.
    const ENDS: &'static [Column] = &[];

    /// Hands the cells of a row on, one for each column.
    fn cells(&self, put: &mut dyn FnMut(Cell<'_>));

    /// The same of [`Cells::ENDS`].
    fn ends(&self, _: &mut dyn FnMut(Cell<'_>)) {}
}

/// The columns of rows that are shown so, but for the lines.
pub(super) fn columns<R: Cells>(shown: Shown) -> impl Iterator<Item = Column> {
    R::COLUMNS.iter().chain(if shown.ends { R::ENDS } else { &[] }).copied()
}

/// Hands the cells of a row on, one for each of these columns.
pub(super) fn each_cell<R: Cells>(row: &R, shown: Shown, put: &mut dyn FnMut(Cell<'_>)) {
    row.cells(put);
    if shown.ends {
        row.ends(put);
    }
}

const ENDS: [Column; 2] = [("via", Text), ("from_source", Text)];

/// Hands on the cells of [`ENDS`].
fn put_ends(far_end: &[u8], client: &Client, put: &mut dyn FnMut(Cell<'_>)) {
    let Ends { via, source, .. } = client.ends(far_end);
    put(Cell::maybe(via, Cell::text));
    put(Cell::maybe(source, Cell::text));
}

/// The client.
fn from<'a>(far_end: &'a [u8], client: &Client) -> Cell<'a> {
    client.ends(far_end).from.map_or(Cell::Nothing, Cell::Text)
}

const SESSION: [Column; 19] = [
    ("store", Text),
    ("service", Text),
    ("user", Text),
    ("from", Text),
    ("auth", Text),
    ("connect", Time),
    ("login", Time),
    ("logout", Time),
    ("status", Text),
    ("login_source", Text),
    ("duration_s", Number),
    ("bytes_in", Number),
    ("bytes_out", Number),
    ("mailboxes", Number),
    ("pid", Number),
    ("flags", List),
    ("append", Number),
    ("fetch", Number),
    ("expunge", Number),
];

impl Cells for SessionRow<'_> {
    const RECORD: &'static str = "session";
    const COLUMNS: &'static [Column] = &SESSION;
    const ENDS: &'static [Column] = &ENDS;

    fn ends(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put_ends(&self.from, &self.client, put);
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let number = |number: Option<u64>| Cell::maybe(number, Cell::number);
        let messages = self.messages.map(|Messages { counts, .. }| counts.map(Some));
        let [append, fetch, expunge] = messages.unwrap_or_default().map(number);
        let flags = self.flags();
        let cells: [Cell<'_>; SESSION.len()] = [
            Cell::text(&self.store),
            Cell::text(self.service.as_str()),
            Cell::text(&self.user),
            from(&self.from, &self.client),
            Cell::maybe(self.auth.as_deref(), Cell::text),
            Cell::maybe(self.connect, Cell::Time),
            Cell::Time(self.login),
            Cell::maybe(self.logout, Cell::Time),
            Cell::text(self.status.as_str()),
            Cell::text(self.login_source()),
            Cell::maybe(self.duration, Cell::number),
            number(self.amounts.bytes_in),
            number(self.amounts.bytes_out),
            number(self.amounts.mailboxes),
            Cell::number(self.pid),
            Cell::List(&flags),
            append,
            fetch,
            expunge,
        ];
        cells.into_iter().for_each(put);
    }
}

const FAILURE: [Column; 10] = [
    ("kind", Text),
    ("store", Text),
    ("service", Text),
    ("user", Text),
    ("from", Text),
    ("auth", Text),
    ("reason", Text),
    ("time", Time),
    ("pid", Number),
    ("flags", List),
];

impl Cells for FailureRow<'_> {
    const RECORD: &'static str = "failure";
    const COLUMNS: &'static [Column] = &FAILURE;
    const ENDS: &'static [Column] = &ENDS;

    fn ends(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put_ends(&self.from, &self.client, put);
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let flags = self.flags();
        let cells: [Cell<'_>; FAILURE.len()] = [
            Cell::text(self.kind.as_str()),
            Cell::text(&self.store),
            Cell::text(self.service.as_str()),
            Cell::told(&self.user),
            from(&self.from, &self.client),
            Cell::told(&self.auth),
            Cell::text(&self.reason),
            Cell::Time(self.time),
            Cell::number(self.pid),
            Cell::List(&flags),
        ];
        cells.into_iter().for_each(put);
    }
}

const MESSAGE: [Column; 16] = [
    ("store", Text),
    ("service", Text),
    ("user", Text),
    ("action", Text),
    ("folder", Text),
    ("size", Number),
    ("message_id", Text),
    ("time", Time),
    ("process", Text),
    ("pid", Number),
    ("session_login", Time),
    ("session_from", Text),
    ("session_status", Text),
    ("session_logout", Time),
    ("fits", Number),
    ("flags", List),
];

impl Cells for MessageRow<'_> {
    const RECORD: &'static str = "message";
    const COLUMNS: &'static [Column] = &MESSAGE;
    const ENDS: &'static [Column] = &[("session_via", Text), ("session_from_source", Text)];

    fn ends(&self, put: &mut dyn FnMut(Cell<'_>)) {
        match &self.session {
            Some(session) => put_ends(&session.from, &session.client, put),
            None => (0..2).for_each(|_| put(Cell::Nothing)),
        }
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let (line, session) = (&self.line, self.session.as_ref());
        let (id, flags) = (self.message_id(), self.flags());
        let cells: [Cell<'_>; MESSAGE.len()] = [
            Cell::text(&line.store),
            Cell::maybe(line.service, |service| Cell::text(service.as_str())),
            Cell::text(&line.user),
            Cell::text(line.action.as_str()),
            Cell::told(&line.folder),
            Cell::maybe(line.size, Cell::number),
            Cell::text(&id),
            Cell::Time(line.time),
            Cell::text(&line.process),
            Cell::number(line.pid),
            Cell::maybe(session, |session| Cell::Time(session.login)),
            Cell::maybe(session, |session| from(&session.from, &session.client)),
            Cell::maybe(session, |session| Cell::text(session.status.as_str())),
            Cell::maybe(session.and_then(|session| session.logout), Cell::Time),
            Cell::number(self.fits),
            Cell::List(&flags),
        ];
        cells.into_iter().for_each(put);
    }
}

const CONNECTED: [Column; 10] = [
    ("user", Text),
    ("service", Text),
    ("since", Time),
    ("auth", Text),
    ("to", Text),
    ("from", Text),
    ("store", Text),
    ("certainty", Text),
    ("at", Time),
    ("flags", List),
];

impl Cells for Connected<'_> {
    const RECORD: &'static str = "connected";
    const COLUMNS: &'static [Column] = &CONNECTED;
    const ENDS: &'static [Column] = &ENDS;

    fn ends(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put_ends(self.from.to_string().as_bytes(), &self.client, put);
    }

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let far_end = self.from.to_string();
        let cells: [Cell<'_>; CONNECTED.len()] = [
            Cell::text(self.user),
            Cell::text(self.service.as_str()),
            Cell::Time(self.since),
            Cell::maybe(self.auth, Cell::text),
            Cell::text(self.store),
            from(far_end.as_bytes(), &self.client),
            Cell::text(self.store),
            Cell::text(if self.certain { "certain" } else { "possible" }),
            Cell::Time(self.at),
            Cell::List(&self.flags),
        ];
        cells.into_iter().for_each(put);
    }
}

/// The columns of one service.
const OVER: usize = 6;
const ACCESS: [Column; 1 + 3 * OVER] = [
    ("user", Text),
    ("imap_last_login", Time),
    ("imap_last_logout", Time),
    ("imap_last_access", Time),
    ("imap_login_source", Text),
    ("imap_store", Text),
    ("imap_flags", List),
    ("http_last_login", Time),
    ("http_last_logout", Time),
    ("http_last_access", Time),
    ("http_login_source", Text),
    ("http_store", Text),
    ("http_flags", List),
    ("pop_last_login", Time),
    ("pop_last_logout", Time),
    ("pop_last_access", Time),
    ("pop_login_source", Text),
    ("pop_store", Text),
    ("pop_flags", List),
];

impl Cells for LastAccessRow<'_> {
    const RECORD: &'static str = "last_access";
    const COLUMNS: &'static [Column] = &ACCESS;

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        put(Cell::text(self.user));
        for over in self.services() {
            over.map_or([const { Cell::Nothing }; OVER], of_service).into_iter().for_each(&mut *put);
        }
    }
}

fn of_service(over: ServiceAccess<'_>) -> [Cell<'_>; OVER] {
    [
        Cell::maybe(over.last_login(), Cell::Time),
        Cell::maybe(over.last_logout(), Cell::Time),
        Cell::Time(over.last_access()),
        Cell::maybe(over.login_source(), Cell::text),
        Cell::Text(over.store().into()),
        Cell::List(over.flags()),
    ]
}

const COVERAGE: [Column; 15] = [
    ("store", Text),
    ("service", Text),
    ("first", Time),
    ("last", Time),
    ("lines", Number),
    ("logins", Number),
    ("closes", Number),
    ("logins_not_logged", Number),
    ("gaps", Number),
    ("missing_sequence", Number),
    ("silences", Number),
    ("starts", Number),
    ("stops", Number),
    ("clock_jumps", Number),
    ("overlaps", Number),
];

impl Cells for StreamCoverage<'_> {
    const RECORD: &'static str = "coverage";
    /// What is a list in JSON is how many it has.
    const COLUMNS: &'static [Column] = &COVERAGE;

    fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
        let StreamCoverage { stream, jumps, overlaps, .. } = self;
        let cells: [Cell<'_>; COVERAGE.len()] = [
            Cell::text(&stream.store),
            Cell::text(stream.service.as_str()),
            Cell::Time(stream.first),
            Cell::Time(stream.last),
            Cell::number(stream.lines),
            Cell::number(stream.logins),
            Cell::number(stream.closes),
            Cell::count(stream.unlogged.len()),
            Cell::count(stream.gaps.len()),
            Cell::count(stream.gaps.iter().filter(|gap| matches!(gap.why, GapWhy::Missing(..))).count()),
            Cell::count(stream.silences.len()),
            Cell::count(stream.starts.len()),
            Cell::count(stream.stops.len()),
            Cell::count(jumps.len()),
            Cell::count(overlaps.len()),
        ];
        cells.into_iter().for_each(put);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Service;

    #[test]
    fn columns_of_last_access_are_named_by_service() {
        let mut names = ACCESS.iter().skip(1).map(|(name, _)| *name);
        for service in Service::ALL {
            for name in ["last_login", "last_logout", "last_access", "login_source", "store", "flags"] {
                assert_eq!(names.next(), Some(&*format!("{}_{name}", service.as_str())));
            }
        }
    }
}
