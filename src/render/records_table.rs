//! Tables of `sessions` and `failures`. All rows are looked at once before the first is written, since columns are as wide as their
//! widest cell.

use std::io;

use super::ends;
use super::evidence::block;
use super::records::{Recorded, look_at_rows, write_rows};
use super::table::put_time;
use super::{Align, Answer, Columns, Seen, repeats};
use crate::answer::{FailureRow, Failures, SessionRow, Sessions, Status};
use crate::fold::Action;
use crate::model::{Service, Stamp};
use crate::resolve::Resolved;
use crate::text::{visible, width};
use crate::times::{Zone, push_ascii};

/// No table has more columns.
const MOST: usize = 10;
/// A time without its offset.
const TIME: &str = "29/May/2019:12:00:00";

/// Rows that have a table.
pub trait Tabled: Recorded {
    /// The columns.
    const COLUMNS: &'static [(&'static str, Align)];
    /// Those of them that hold times.
    const TIMES: &'static [usize];

    /// Writes the cells of a row; `time` writes its times.
    fn cells(row: &Self::Row<'_>, cells: &mut [String], time: &mut dyn FnMut(&mut String, Stamp));

    /// Where a row is counted: by service, and by what became of it, 0 to 2; `None` if it is of no service.
    fn counted(row: &Self::Row<'_>) -> Option<(Service, usize)>;

    /// What is to be known about a row, by names.
    fn flags(row: &Self::Row<'_>) -> Vec<&'static str>;

    /// The services that are asked for; empty for all.
    fn services(&self) -> &[Service];

    /// Says how many rows there are over a service, if rows are counted so.
    fn count(service: Service, counts: [u64; 3]) -> Option<String>;

    /// Says how many rows are of no service.
    fn others(_: u64) -> String {
        String::new()
    }
}

/// How wide columns must be, and how many rows there are, as [`Tabled::counted`] has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fit {
    widths: [usize; MOST],
    repeats: bool,
    counts: [[u64; 3]; 3],
    /// Rows that are counted nowhere else.
    others: u64,
}

impl Fit {
    fn merge(&mut self, other: &Fit) {
        self.others += other.others;
        self.widths.iter_mut().zip(other.widths).for_each(|(ours, theirs)| *ours = theirs.max(*ours));
        self.repeats |= other.repeats;
        let counts = self.counts.iter_mut().flatten().zip(other.counts.iter().flatten());
        counts.for_each(|(ours, theirs)| *ours += theirs);
    }
}

/// Looks at all rows before the first is written.
pub(super) fn fit<K: Tabled>(all: &K, zone: Zone, streams: &[Resolved]) -> io::Result<(Fit, Seen)> {
    let (mut fit, mut seen) = <(Fit, Seen)>::default();
    let see = |row: &K::Row<'_>, (fit, seen): &mut (Fit, Seen)| {
        let mut cells: [String; MOST] = Default::default();
        let flags = K::flags(row);
        K::cells(row, cells.get_mut(..K::COLUMNS.len()).unwrap_or_default(), &mut |cell, stamp| {
            cell.push_str(TIME);
            fit.repeats |= repeats(zone, streams, zone.of(stamp));
            seen.see(zone.of(stamp).offset, &flags);
        });
        fit.widths.iter_mut().zip(&cells).for_each(|(wide, cell)| *wide = width(cell).max(*wide));
        let counted = K::counted(row);
        match counted.and_then(|(service, what)| fit.counts.get_mut(service as usize)?.get_mut(what)) {
            Some(count) => *count += 1,
            None => fit.others += 1,
        }
    };
    look_at_rows(all, see, |(more, other)| {
        fit.merge(&more);
        seen = seen.merge(other);
    })?;
    Ok((fit, seen))
}

/// Writes the table, and how many rows there are over each service.
pub(super) fn write<K: Tabled>(
    answer: &Answer<'_>,
    all: Option<&K>,
    with_offset: bool,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(rows) = all else { return Ok(()) };
    let fit = answer.summary.fit.unwrap_or_default();
    let mut columns = Columns::new(K::COLUMNS);
    let offset = if with_offset || fit.repeats { " +0000".len() } else { 0 };
    for (column, width) in fit.widths.iter().enumerate().take(K::COLUMNS.len()) {
        let has_times = K::TIMES.contains(&column) && *width >= TIME.len();
        columns.widen(column, if has_times { TIME.len() + offset } else { *width });
    }
    columns.head(out)?;
    write_rows(answer, all, out, |row, lines, text| {
        let mut cells: [String; MOST] = Default::default();
        let cells = cells.get_mut(..K::COLUMNS.len()).unwrap_or_default();
        K::cells(row, cells, &mut |cell, stamp| {
            _ = put_time(answer, stamp, with_offset, |part| push_ascii(cell, part));
        });
        columns.row(text, cells);
        block(lines, text);
        Ok(())
    })?;
    for (service, counts) in Service::ALL.into_iter().zip(fit.counts) {
        if !rows.services().is_empty() && !rows.services().contains(&service) {
            continue;
        }
        let Some(count) = K::count(service, counts) else { continue };
        if answer.streams.iter().any(|s| s.service == service) || counts.iter().any(|count| *count > 0) {
            writeln!(out, "{count}")?;
        } else {
            writeln!(out, "No {} log was read.", service.as_str())?;
        }
    }
    if fit.others > 0 {
        writeln!(out, "{}", K::others(fit.others))?;
    }
    Ok(())
}

/// So many of something.
pub(super) fn several(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

impl Tabled for Sessions<'_> {
    const COLUMNS: &'static [(&'static str, Align)] = &[
        ("UID", Align::Left),
        ("SERVICE", Align::Left),
        ("LOGIN", Align::Left),
        ("LOGOUT", Align::Left),
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("AUTH", Align::Left),
        ("IN", Align::Right),
        ("OUT", Align::Right),
        ("NOTE", Align::Left),
    ];
    const TIMES: &'static [usize] = &[2, 3];

    fn cells(row: &SessionRow<'_>, cells: &mut [String], time: &mut dyn FnMut(&mut String, Stamp)) {
        let [user, service, login, logout, from, to, auth, bytes_in, bytes_out, note] = cells else { return };
        user.push_str(&visible(&row.user));
        service.push_str(row.service.as_str());
        time(login, row.login);
        match row.logout {
            Some(end) => time(logout, end),
            None => logout.push_str(row.status.as_str()),
        }
        from.push_str(&ends::shown(&row.from, &row.client));
        to.push_str(&visible(&row.store));
        auth.push_str(&row.auth.as_deref().map_or("-".into(), visible));
        for (cell, number) in [(bytes_in, row.amounts.bytes_in), (bytes_out, row.amounts.bytes_out)] {
            cell.push_str(&number.map_or_else(|| "-".to_owned(), |number| number.to_string()));
        }
        let counts = row.messages.map_or([0; 3], |messages| messages.counts);
        let counts = Action::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0);
        let counts = counts.map(|(action, count)| format!("{}={count}", action.as_str()));
        let flags = row.flags().into_iter().map(str::to_owned);
        note.push_str(&flags.chain(counts).collect::<Vec<_>>().join(" "));
    }

    fn counted(row: &SessionRow<'_>) -> Option<(Service, usize)> {
        Some((row.service, row.status as usize))
    }

    fn flags(row: &SessionRow<'_>) -> Vec<&'static str> {
        row.flags()
    }

    fn services(&self) -> &[Service] {
        self.services
    }

    fn count(service: Service, counts: [u64; 3]) -> Option<String> {
        let [_, open, lost] = counts;
        let unclosed = [(open, Status::Open), (lost, Status::Lost)].into_iter().filter(|(count, _)| *count > 0);
        let unclosed: Vec<String> = unclosed.map(|(count, status)| format!("{count} {}", status.as_str())).collect();
        let unclosed = if unclosed.is_empty() { String::new() } else { format!(" ({})", unclosed.join(", ")) };
        Some(format!("{} over {}{unclosed}.", several(counts.iter().sum(), "session"), service.as_str()))
    }
}

impl Tabled for Failures<'_> {
    /// The user is whatever a client sent, of any length, and therefore last.
    const COLUMNS: &'static [(&'static str, Align)] = &[
        ("TIME", Align::Left),
        ("AUTH", Align::Left),
        ("TO", Align::Left),
        ("FROM", Align::Left),
        ("REASON", Align::Left),
        ("UID", Align::Left),
    ];
    const TIMES: &'static [usize] = &[0];

    fn cells(row: &FailureRow<'_>, cells: &mut [String], time: &mut dyn FnMut(&mut String, Stamp)) {
        let [when, auth, to, from, reason, user] = cells else { return };
        time(when, row.time);
        auth.push_str(&visible(&row.auth));
        to.push_str(&visible(&row.store));
        from.push_str(&ends::shown(&row.from, &row.client));
        reason.push_str(&visible(&row.reason));
        user.push_str(&visible(&row.user));
    }

    fn counted(row: &FailureRow<'_>) -> Option<(Service, usize)> {
        Some((row.service, row.kind as usize))
    }

    fn flags(row: &FailureRow<'_>) -> Vec<&'static str> {
        row.flags().to_vec()
    }

    fn services(&self) -> &[Service] {
        self.services
    }

    fn count(service: Service, [logins, proxy, never]: [u64; 3]) -> Option<String> {
        let was = if logins == 1 { "was" } else { "were" };
        let mut text = format!("{} {was} refused over {}", several(logins, "login"), service.as_str());
        for (count, one, what) in [(proxy, "refusal", "of multiplexors more"), (never, "connection", "never logged in")]
        {
            if count > 0 {
                text.push_str(&format!(", {} {what}", several(count, one)));
            }
        }
        Some(text + ".")
    }
}
