//! The table of `messages`.

use super::Align;
use super::ends;
use super::records_table::Tabled;
use crate::answer::{MessageLines, MessageRow};
use crate::model::{Service, Stamp};
use crate::text::visible;

impl Tabled for MessageLines<'_> {
    /// A message's id is its sender's making, of any length, and therefore last.
    const COLUMNS: &'static [(&'static str, Align)] = &[
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
    const TIMES: &'static [usize] = &[0, 5];

    fn cells(row: &MessageRow<'_>, cells: &mut [String], time: &mut dyn FnMut(&mut String, Stamp)) {
        let [when, action, user, to, by, login, from, note, folder, message] = cells else { return };
        let line = &row.line;
        time(when, line.time);
        action.push_str(line.action.as_str());
        user.push_str(&visible(&line.user));
        to.push_str(&visible(&line.store));
        by.push_str(&format!("{}[{}]", visible(&line.process), line.pid));
        match &row.session {
            Some(session) => {
                time(login, session.login);
                from.push_str(&ends::shown(&session.from, &session.client));
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

    fn counted(row: &MessageRow<'_>) -> Option<(Service, usize)> {
        row.line.service.map(|service| (service, usize::try_from(row.fits.min(2)).unwrap_or(2)))
    }

    fn flags(row: &MessageRow<'_>) -> Vec<&'static str> {
        row.flags()
    }

    fn services(&self) -> &[Service] {
        self.services
    }

    fn count(service: Service, [none, one, several]: [u64; 3]) -> Option<String> {
        let fit = match none + one + several {
            0 => String::new(),
            _ => format!(" ({one} fit one session, {several} several, {none} none)"),
        };
        let lines = super::records_table::several(none + one + several, "message line");
        Some(format!("{lines} over {}{fit}.", service.as_str()))
    }

    fn others(count: u64) -> String {
        format!("{} of other programs.", super::records_table::several(count, "message line"))
    }
}
