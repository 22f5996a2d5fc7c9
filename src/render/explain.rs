//! `explain`: the story of one user in words, each time with the rule by which it is known and the lines that say so.

use std::io;

use super::ends;
use super::evidence::block;
use super::{Answer, next_lines};
use crate::answer::{Client, Connected, Ends, LastAccessRow, ServiceAccess, SessionRow, Status, WITHIN};
use crate::model::{Service, Stamp};
use crate::quote::{CLIENT, CLOSE, LOGIN, Lines, QuoteRows, Quoted, Shows};
use crate::text::visible;
use crate::times::written;

/// Writes the story: of a moment, or of all that is known.
pub(super) fn write(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut quotes = answer.quote()?;
    let mut story = Story { answer, out };
    if let Some((rows, _)) = answer.rows.connected {
        return story.moment(rows, &mut quotes);
    }
    for row in answer.rows.access.iter().flat_map(|rows| rows.iter()) {
        let lines = next_lines(&mut quotes, || 1, Quoted::default())?;
        story.last_access(&row, lines.row(0))?;
    }
    story.sessions(&mut quotes)
}

struct Story<'a> {
    answer: &'a Answer<'a>,
    out: &'a mut dyn io::Write,
}

impl Story<'_> {
    /// A sentence, and below it the lines that show it.
    fn say(&mut self, sentence: &str, lines: Option<Lines<'_, '_>>, shows: Shows) -> io::Result<()> {
        writeln!(self.out, "  {sentence}")?;
        let mut text = Vec::new();
        block(lines.map(|lines| lines.that_show(shows)), &mut text);
        self.out.write_all(&text)
    }

    fn time(&self, stamp: Stamp) -> String {
        written(self.answer.zone.of(stamp))
    }

    /// Who was connected at the moment asked for (R10).
    fn moment(&mut self, rows: &[Connected<'_>], quotes: &mut Option<QuoteRows<'_>>) -> io::Result<()> {
        for row in rows {
            let quoted = next_lines(quotes, || 1, Quoted::default())?;
            let lines = quoted.row(0);
            let (user, store, service) = (visible(row.user), visible(row.store), row.service.as_str());
            let (at, word) = (self.time(row.at), if row.certain { "was" } else { "may have been" });
            let far_end = row.from.to_string();
            let from = ends::shown(far_end.as_bytes(), &row.client());
            writeln!(self.out, "{user} {word} connected over {service} to {store} {} at {at}.", coming(&from))?;
            self.client(far_end.as_bytes(), &row.client(), lines)?;
            self.login(row.since, row.auth, lines)?;
            let [_, close, _] = row.evidence();
            let closed = close.is_some();
            match (row.certain, closed) {
                (true, true) => self.say(
                    "Certain: the session was closed later (R10).",
                    lines,
                    if row.auth.is_some() { CLOSE } else { 0 },
                )?,
                (true, false) => {
                    let why = "Certain: no close line is there, its process was there at or after that moment, and no gap of the logs lies between (R10).";
                    self.say(why, None, 0)?;
                }
                (false, _) => self.say("Only possible (R10):", None, 0)?,
            }
            self.flags(&row.flags)?;
        }
        if rows.is_empty() {
            writeln!(
                self.out,
                "No session is known to have been open at that moment. What the logs did not cover is told in the notes."
            )?;
        }
        Ok(())
    }

    /// The last access over each service (R11).
    fn last_access(&mut self, row: &LastAccessRow<'_>, lines: Option<Lines<'_, '_>>) -> io::Result<()> {
        let user = visible(row.user);
        if row.accesses().next().is_none() {
            return writeln!(self.out, "{user} was not seen: no login and no close line names this user.");
        }
        writeln!(self.out, "{user} was last seen (R11):")?;
        for (service, shift) in Service::ALL.into_iter().zip([0, 2, 4]) {
            let Some(access) = row.over(service) else {
                self.say(&format!("over {}: not seen", service.as_str()), None, 0)?;
                continue;
            };
            let sentence = format!("over {}: {}", service.as_str(), self.last(&access));
            self.say(&sentence, lines, (LOGIN | CLOSE) << shift)?;
        }
        Ok(())
    }

    fn last(&self, access: &ServiceAccess<'_>) -> String {
        let login = access.last_login().map(|login| {
            let source = match access.login_source() {
                Some("login") => "a login line",
                _ => "the start of a session, as its close line gives it (R4)",
            };
            format!("logged in {}, {source}", self.time(login))
        });
        let logout = access.last_logout().map(|logout| format!("logged out {}, a close line", self.time(logout)));
        let both: Vec<String> = [login, logout].into_iter().flatten().collect();
        format!("{}; on {}", both.join("; "), visible(access.store()))
    }

    /// Every session, numbered.
    fn sessions(&mut self, quotes: &mut Option<QuoteRows<'_>>) -> io::Result<()> {
        let Some(sessions) = &self.answer.rows.sessions else { return Ok(()) };
        let mut rows = sessions.rows()?;
        let mut number = 0;
        loop {
            let mut record = Vec::new();
            if !rows.next(|next| record.extend_from_slice(next))? {
                break;
            }
            if let Some(row) = SessionRow::read(&record) {
                number += 1;
                let mut lines = next_lines(quotes, || 1, Quoted::default())?;
                lines.find(std::iter::once(row.lines()));
                self.session(number, &row, lines.row(0))?;
            }
        }
        if number == 0 {
            writeln!(self.out, "\nNo session is known.")?;
        }
        Ok(())
    }

    fn session(&mut self, number: u64, row: &SessionRow<'_>, lines: Option<Lines<'_, '_>>) -> io::Result<()> {
        let (service, from, store) = (row.service.as_str(), ends::shown(&row.from, &row.client), visible(&row.store));
        writeln!(self.out, "\n{number}. A session over {service} on {store} {}, process {}", coming(&from), row.pid)?;
        self.client(&row.from, &row.client, lines)?;
        self.login(row.login, row.auth.as_deref(), lines)?;
        let connect = row.connect.filter(|connect| row.auth.is_some() && connect.at != row.login.at);
        let connect = connect.map_or_else(String::new, |at| format!(" It had connected {} (R4).", self.time(at)));
        match (row.logout, row.status) {
            (Some(end), _) => {
                let lasted = row.duration.map_or_else(String::new, |seconds| format!(", after {seconds} s"));
                let counted = [(row.amounts.bytes_in, "from"), (row.amounts.bytes_out, "to")];
                let counted: String = counted.iter().filter_map(|(n, way)| Some(format!(", {} bytes {way} the client", (*n)?))).collect();
                let sentence = format!("Logged out {}: its close line was written then (R3){lasted}{counted}.{connect}", self.time(end));
                // Where there is no login line, the close line stands above already.
                self.say(&sentence, lines, if row.auth.is_some() { CLOSE } else { 0 })?;
            }
            (None, Status::Lost) => self.say("When it ended is not known: it has no close line, and its process ended or its peer logged in again (R7, R8).", None, 0)?,
            (None, _) => self.say("It has no close line, and nothing shows that it ended: open where the logs end (R7).", None, 0)?,
        }
        self.flags(&row.flags())
    }

    /// How the login is known.
    fn login(&mut self, login: Stamp, auth: Option<&[u8]>, lines: Option<Lines<'_, '_>>) -> io::Result<()> {
        let at = self.time(login);
        match auth {
            Some(auth) => {
                let sentence =
                    format!("Logged in {at}: its login line was written then, authenticated by {}.", visible(auth));
                self.say(&sentence, lines, LOGIN)
            }
            None => {
                let sentence =
                    format!("Logged in {at}: no login line is there; its close line says that it began then (R4, R6).");
                self.say(&sentence, lines, CLOSE)
            }
        }
    }

    /// Who stood behind the proxy, if the far end is one.
    fn client(&mut self, far_end: &[u8], client: &Client, lines: Option<Lines<'_, '_>>) -> io::Result<()> {
        let Ends { from, via: Some(via), .. } = client.ends(far_end) else { return Ok(()) };
        let via = visible(via);
        let sentence = match (from, client) {
            (Some(from), _) => format!(
                "Came through the proxy {via}; its client was {}: all lines of multiplexors that name this user within {WITHIN} s \
                 have that address.",
                visible(&from)
            ),
            (None, Client::Several) => format!(
                "Came through the proxy {via}; lines of multiplexors name this user within {WITHIN} s with several addresses, so \
                 that its client is not known."
            ),
            (None, _) => format!(
                "Came through the proxy {via}; no line of a multiplexor names this user within {WITHIN} s, so that its client is \
                 not known."
            ),
        };
        self.say(&sentence, lines, CLIENT)
    }

    /// What is to be known beside.
    fn flags(&mut self, flags: &[&str]) -> io::Result<()> {
        flags.iter().try_for_each(|flag| {
            let sentence = format!("{flag}: {}.", meaning(flag));
            self.say(&sentence, None, 0)
        })
    }
}

/// Where somebody came from, in a sentence.
fn coming(from: &str) -> String {
    if from.starts_with("via ") { from.to_owned() } else { format!("from {from}") }
}

/// What a flag means, in a sentence.
fn meaning(flag: &str) -> &'static str {
    match flag {
        "ambiguous-pairing" => "its close line fitted more than one login; the earliest was taken (R5)",
        "doubtful-life" => "its process was not heard of again, and nothing shows whether it had ended (R8)",
        "duration-mismatch" => "start and duration of its close line disagree by more than 2 s (R4)",
        "from-ambiguous" => "several clients may have stood behind the proxy",
        "from-inferred" => "its client is not in its own lines, but in a multiplexor's",
        "gap" => "the logs have a gap between its login and that moment (R9)",
        "inferred-format" => "one of its lines was read by a template that is a guess",
        "lost" => "its process had written its last line before that moment, and ended later (R8)",
        "overlap" => "files overlap at its login, so that its close may be in a copy that lacks it (R13)",
        "peer-reused" => "the same address and port logged in again later (R7)",
        "possibly-forged" => {
            "one of its lines stands inside a refused login whose user held line breaks: a client may have written it"
        }
        "user-differs" => "its login line names another user; that of the close line stands (R5)",
        _ => "see docs/output.md",
    }
}
