//! Tables of `sessions` and `failures`. All rows are looked at once before the first is written, since columns are as wide as their
//! widest cell.

use std::io;

use super::evidence::block;
use super::records::{look_at_failures, look_at_sessions, write_failures, write_sessions};
use super::table::{push_time, width};
use super::{Align, Answer, Columns, Seen, repeats};
use crate::answer::{FailureRow, Failures, INFERRED_FORMAT, SessionRow, Sessions, Status};
use crate::model::{Service, Stamp};
use crate::resolve::Resolved;
use crate::text::visible;
use crate::times::Zone;

/// The columns of `sessions`.
const SESSIONS: [(&str, Align); 10] = [
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

/// How wide columns must be, and how many rows there are by service; of sessions closed, open and lost ones apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fit {
    widths: [usize; SESSIONS.len()],
    repeats: bool,
    counts: [[u64; 3]; 3],
}

impl Fit {
    fn see(&mut self, row: &SessionRow<'_>, zone: Zone, streams: &[Resolved]) {
        let mut cells: [String; SESSIONS.len()] = Default::default();
        session_cells(row, &mut cells, &mut |_, _| ());
        self.widths.iter_mut().zip(&cells).for_each(|(wide, cell)| *wide = width(cell).max(*wide));
        let times = [Some(row.login), row.logout].into_iter().flatten();
        self.repeats |= times.into_iter().any(|stamp| repeats(zone, streams, zone.of(stamp)));
        if let Some(count) = self.counts.get_mut(row.service as usize).and_then(|c| c.get_mut(row.status as usize)) {
            *count += 1;
        }
    }

    fn merge(&mut self, other: &Fit) {
        self.widths.iter_mut().zip(other.widths).for_each(|(ours, theirs)| *ours = theirs.max(*ours));
        self.repeats |= other.repeats;
        let counts = self.counts.iter_mut().flatten().zip(other.counts.iter().flatten());
        counts.for_each(|(ours, theirs)| *ours += theirs);
    }
}

/// Looks at all sessions before the first is written.
pub(super) fn fit_sessions(sessions: &Sessions<'_>, zone: Zone, streams: &[Resolved]) -> io::Result<(Fit, Seen)> {
    let (mut fit, mut seen) = <(Fit, Seen)>::default();
    let see = |row: &SessionRow<'_>, (fit, seen): &mut (Fit, Seen)| {
        fit.see(row, zone, streams);
        for stamp in [Some(row.login), row.logout].into_iter().flatten() {
            seen.see(zone.of(stamp).offset, &row.flags());
        }
    };
    look_at_sessions(sessions, see, |(more, other)| {
        fit.merge(&more);
        seen = seen.merge(other);
    })?;
    Ok((fit, seen))
}

/// The cells of a session; `time` writes its times.
fn session_cells(row: &SessionRow<'_>, cells: &mut [String; SESSIONS.len()], time: &mut dyn FnMut(&mut String, Stamp)) {
    cells.iter_mut().for_each(String::clear);
    let [user, service, login, logout, from, to, auth, bytes_in, bytes_out, note] = cells;
    user.push_str(&visible(&row.user));
    service.push_str(row.service.as_str());
    time(login, row.login);
    match row.logout {
        Some(end) => time(logout, end),
        None => logout.push_str(row.status.as_str()),
    }
    from.push_str(&visible(&row.from));
    to.push_str(&visible(&row.store));
    auth.push_str(&row.auth.as_deref().map_or("-".into(), visible));
    for (cell, number) in [(bytes_in, row.amounts.bytes_in), (bytes_out, row.amounts.bytes_out)] {
        cell.push_str(&number.map_or_else(|| "-".to_owned(), |number| number.to_string()));
    }
    note.push_str(&row.flags().join(" "));
}

pub(super) fn sessions(answer: &Answer<'_>, with_offset: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(Sessions { services, .. }) = answer.sessions else { return Ok(()) };
    let fit = answer.summary.fit.unwrap_or_default();
    let mut columns = Columns::new(&SESSIONS);
    let time = "29/May/2019:12:00:00".len() + if with_offset || fit.repeats { " +0000".len() } else { 0 };
    fit.widths.iter().enumerate().for_each(|(column, width)| columns.widen(column, *width));
    if fit.counts.iter().flatten().any(|count| *count > 0) {
        columns.widen(2, time);
    }
    if fit.counts.iter().any(|[closed, ..]| *closed > 0) {
        columns.widen(3, time);
    }
    columns.head(out)?;
    write_sessions(answer, out, |row, lines, text| {
        let mut cells: [String; SESSIONS.len()] = Default::default();
        session_cells(row, &mut cells, &mut |cell, stamp| push_time(cell, answer, stamp, with_offset));
        columns.row(text, &cells)?;
        block(lines, text);
        Ok(())
    })?;
    for (service, counts) in Service::ALL.into_iter().zip(fit.counts) {
        let name = service.as_str();
        if !services.is_empty() && !services.contains(&service) {
            continue;
        }
        if !answer.streams.iter().any(|s| s.service == service) {
            writeln!(out, "No {name} log was read.")?;
            continue;
        }
        let [_, open, lost] = counts;
        let unclosed = [(open, Status::Open), (lost, Status::Lost)].into_iter().filter(|(count, _)| *count > 0);
        let unclosed: Vec<String> = unclosed.map(|(count, status)| format!("{count} {}", status.as_str())).collect();
        let unclosed = if unclosed.is_empty() { String::new() } else { format!(" ({})", unclosed.join(", ")) };
        writeln!(out, "{} sessions over {name}{unclosed}.", counts.iter().sum::<u64>())?;
    }
    Ok(())
}

/// The columns of `failures`. The user is whatever a client sent, of any length, and therefore last.
const FAILURES: [(&str, Align); 6] = [
    ("TIME", Align::Left),
    ("AUTH", Align::Left),
    ("TO", Align::Left),
    ("FROM", Align::Left),
    ("REASON", Align::Left),
    ("UID", Align::Left),
];

/// Looks at all refusals before the first is written.
pub(super) fn fit_failures(failures: &Failures<'_>, zone: Zone, streams: &[Resolved]) -> io::Result<(Fit, Seen)> {
    let (mut fit, mut seen) = <(Fit, Seen)>::default();
    let see = |row: &FailureRow<'_>, (fit, seen): &mut (Fit, Seen)| {
        let mut cells: [String; FAILURES.len()] = Default::default();
        failure_cells(row, &mut cells, &mut |_, _| ());
        fit.widths.iter_mut().zip(&cells).for_each(|(wide, cell)| *wide = width(cell).max(*wide));
        fit.repeats |= repeats(zone, streams, zone.of(row.time));
        if let Some([count, ..]) = fit.counts.get_mut(row.service as usize) {
            *count += 1;
        }
        seen.see(zone.of(row.time).offset, if row.inferred { &[INFERRED_FORMAT] } else { &[] });
    };
    look_at_failures(failures, see, |(more, other)| {
        fit.merge(&more);
        seen = seen.merge(other);
    })?;
    Ok((fit, seen))
}

/// The cells of a refusal; `time` writes its time.
fn failure_cells(row: &FailureRow<'_>, cells: &mut [String; FAILURES.len()], time: &mut dyn FnMut(&mut String, Stamp)) {
    cells.iter_mut().for_each(String::clear);
    let [when, auth, to, from, reason, user] = cells;
    user.push_str(&visible(&row.user));
    time(when, row.time);
    auth.push_str(&visible(&row.auth));
    to.push_str(&visible(&row.store));
    from.push_str(&visible(&row.from));
    reason.push_str(&visible(&row.reason));
}

pub(super) fn failures(answer: &Answer<'_>, with_offset: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(Failures { services, .. }) = answer.failures else { return Ok(()) };
    let fit = answer.summary.fit.unwrap_or_default();
    let mut columns = Columns::new(&FAILURES);
    let time = "29/May/2019:12:00:00".len() + if with_offset || fit.repeats { " +0000".len() } else { 0 };
    fit.widths.iter().enumerate().take(FAILURES.len()).for_each(|(column, width)| columns.widen(column, *width));
    if fit.counts.iter().flatten().any(|count| *count > 0) {
        columns.widen(0, time);
    }
    columns.head(out)?;
    write_failures(answer, out, |row, lines, text| {
        let mut cells: [String; FAILURES.len()] = Default::default();
        failure_cells(row, &mut cells, &mut |cell, stamp| push_time(cell, answer, stamp, with_offset));
        columns.row(text, &cells)?;
        block(lines, text);
        Ok(())
    })?;
    for (service, [count, ..]) in Service::ALL.into_iter().zip(fit.counts) {
        let name = service.as_str();
        if !services.is_empty() && !services.contains(&service) {
            continue;
        }
        if answer.streams.iter().any(|s| s.service == service) || count > 0 {
            writeln!(out, "{count} logins were refused over {name}.")?;
        } else {
            writeln!(out, "No {name} log was read.")?;
        }
    }
    Ok(())
}
