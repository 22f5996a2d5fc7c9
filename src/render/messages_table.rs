//! The table of `messages`. As with other records, all rows are looked at once before the first is written.

use std::io;

use super::evidence::block;
use super::records::{look_at_messages, write_messages};
use super::records_table::Fit;
use super::table::{push_time, width};
use super::{Align, Answer, Columns, Seen, repeats};
use crate::answer::{MessageLines, MessageRow};
use crate::model::{Service, Stamp};
use crate::resolve::Resolved;
use crate::text::visible;
use crate::times::Zone;

/// The columns. A message's id is its sender's making, of any length, and therefore last.
const COLUMNS: [(&str, Align); 10] = [
    ("TIME", Align::Left),
    ("ACTION", Align::Left),
    ("UID", Align::Left),
    ("TO", Align::Left),
    ("BY", Align::Left),
    ("LOGIN", Align::Left),
    ("FROM", Align::Left),
    ("NOTE", Align::Left),
    ("FOLDER", Align::Left),
    ("MESSAGE", Align::Left),
];

/// Looks at all lines before the first is written.
pub(super) fn fit(messages: &MessageLines<'_>, zone: Zone, streams: &[Resolved]) -> io::Result<(Fit, Seen)> {
    let (mut fit, mut seen) = <(Fit, Seen)>::default();
    let see = |row: &MessageRow<'_>, (fit, seen): &mut (Fit, Seen)| {
        let mut row_cells: [String; COLUMNS.len()] = Default::default();
        cells(row, &mut row_cells, &mut |_, _| ());
        fit.widths.iter_mut().zip(&row_cells).for_each(|(wide, cell)| *wide = width(cell).max(*wide));
        for stamp in [Some(row.line.time), row.session.as_ref().map(|session| session.login)].into_iter().flatten() {
            fit.repeats |= repeats(zone, streams, zone.of(stamp));
            seen.see(zone.of(stamp).offset, &row.flags());
        }
        let found = row.line.service.and_then(|service| fit.counts.get_mut(service as usize));
        match found.and_then(|counts| counts.get_mut(usize::try_from(row.fits.min(2)).unwrap_or(0))) {
            Some(count) => *count += 1,
            None => fit.others += 1,
        }
    };
    look_at_messages(messages, see, |(more, other)| {
        fit.merge(&more);
        seen = seen.merge(other);
    })?;
    Ok((fit, seen))
}

/// The cells of a line; `time` writes its times.
fn cells(row: &MessageRow<'_>, cells: &mut [String; COLUMNS.len()], time: &mut dyn FnMut(&mut String, Stamp)) {
    cells.iter_mut().for_each(String::clear);
    let [when, action, user, to, by, login, from, note, folder, message] = cells;
    let line = &row.line;
    time(when, line.time);
    action.push_str(line.action.as_str());
    user.push_str(&visible(&line.user));
    to.push_str(&visible(&line.store));
    by.push_str(&format!("{}[{}]", visible(&line.process), line.pid));
    match &row.session {
        Some(session) => {
            time(login, session.login);
            from.push_str(&visible(&session.from));
        }
        None => [login, from].into_iter().for_each(|cell| cell.push('-')),
    }
    note.push_str(&row.flags().join(" "));
    if row.fits > 1 {
        note.push_str(&format!(" ({})", row.fits));
    }
    folder.push_str(&visible(&line.folder));
    message.push_str(&visible(&row.message_id()));
}

pub(super) fn write(answer: &Answer<'_>, with_offset: bool, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(MessageLines { services, .. }) = answer.messages else { return Ok(()) };
    let fit = answer.summary.fit.unwrap_or_default();
    let mut columns = Columns::new(&COLUMNS);
    let time = "29/May/2019:12:00:00".len() + if with_offset || fit.repeats { " +0000".len() } else { 0 };
    fit.widths.iter().enumerate().for_each(|(column, width)| columns.widen(column, *width));
    if fit.others > 0 || fit.counts.iter().flatten().any(|count| *count > 0) {
        columns.widen(0, time);
    }
    if fit.counts.iter().any(|[_, one, _]| *one > 0) {
        columns.widen(5, time);
    }
    columns.head(out)?;
    write_messages(answer, out, |row, lines, text| {
        let mut row_cells: [String; COLUMNS.len()] = Default::default();
        cells(row, &mut row_cells, &mut |cell, stamp| push_time(cell, answer, stamp, with_offset));
        columns.row(text, &row_cells)?;
        block(lines, text);
        Ok(())
    })?;
    for (service, [none, one, several]) in Service::ALL.into_iter().zip(fit.counts) {
        let name = service.as_str();
        if !services.is_empty() && !services.contains(&service) {
            continue;
        }
        if none + one + several > 0 || answer.streams.iter().any(|s| s.service == service) {
            let fit = match none + one + several {
                0 => String::new(),
                _ => format!(" ({one} fit one session, {several} several, {none} none)"),
            };
            writeln!(out, "{} message lines over {name}{fit}.", none + one + several)?;
        } else {
            writeln!(out, "No {name} log was read.")?;
        }
    }
    if fit.others > 0 {
        writeln!(out, "{} message lines of other programs.", fit.others)?;
    }
    Ok(())
}
