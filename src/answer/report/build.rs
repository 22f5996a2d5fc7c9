//! From what was read and found to the report.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rayon::prelude::*;

use super::frame::Frame;
use super::gather::{Bounds, Draft, Gathered, gather};
use super::refused::{self, Reasons};
use super::tops::{Greatest, tops};
use super::{
    About, Cut, Days, LastAccess, LastAccessPart, NoteLine, PARTS, Report, ServiceAccess, Top, Totals, UserSection,
    covered,
};
use crate::answer::{self, Covered, Failures, Findings, LastAccessRow, LastAccessRows};
use crate::fold::Window;
use crate::model::Instant;
use crate::note::Note;
use crate::plan::Leaf;
use crate::resolve::Resolved;
use crate::runs::Runs;
use crate::text::visible;
use crate::times::{Zone, log_offset};
use crate::trail::{FileId, Trail};

/// So many notes are shown.
const NOTES: usize = 500;

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// What was asked.
    pub about: &'a About,
    /// How times are shown.
    pub zone: Zone,
    /// The window that was asked for.
    pub window: &'a Window,
    /// Sessions, by part, finished.
    pub visits: &'a [Vec<Runs>; PARTS],
    /// Refusals.
    pub failures: &'a Failures<'a>,
    /// What they show together.
    pub findings: &'a Findings<'a>,
    /// Last accesses.
    pub access: &'a LastAccessRows<'a>,
    /// By service, what its logs lack.
    pub limits: &'a [Option<String>; 3],
    /// What the logs cover, of the services that were asked for.
    pub covered: &'a Covered<'a>,
    /// What was learned.
    pub trail: &'a Trail,
    /// Every text by its number.
    pub leaves: &'a [&'a Leaf],
    /// Those of them that could not be read in full.
    pub damaged: &'a BTreeSet<FileId>,
    /// What is to be known beside the rows.
    pub notes: &'a [Note],
    /// So many users, addresses and domains are listed.
    pub top: usize,
    /// So many rows of last access.
    pub rows: usize,
    /// The name of the file for all of them, if there are more.
    pub beside: Option<&'a str>,
    /// Where too much goes.
    pub tmpdir: &'a Path,
}

impl Report {
    /// The report.
    ///
    /// # Errors
    /// Those of putting aside what is too much for memory, and of reading it back.
    pub fn of(sources: &Sources<'_>) -> io::Result<Report> {
        let Sources { zone, covered: coverage, trail, .. } = *sources;
        let asked: Vec<&Resolved> = coverage.streams.iter().map(|covered| covered.stream).collect();
        let reasons = Reasons::of(sources.failures, sources.tmpdir)?;
        let frame = Frame::of(&asked, sources.window, reasons.span, zone);
        let files = covered::files(sources.leaves, trail, &|leaf| sources.damaged.contains(&leaf.id));
        let read = trail.tally.total();
        let of_files = Totals {
            lines: read.lines,
            bytes: read.bytes,
            files: files.total(),
            not_understood: trail.tally.unknown.lines + trail.tally.reject.lines,
            ..Totals::default()
        };
        let report = Report {
            about: sources.about.clone(),
            zone,
            times: times(zone, &asked),
            totals: of_files,
            streams: covered::streams(coverage, frame.as_ref()),
            idle: covered::idle(coverage),
            findings: refused::findings(sources.findings)?,
            last_access: last_access(sources),
            notes: notes(sources.notes),
            files,
            ..Report::default()
        };
        match frame {
            Some(frame) => report.with_events(sources, &asked, &frame, reasons),
            None => Ok(report),
        }
    }

    /// The same with all that was counted of sessions and refusals.
    fn with_events(
        self,
        sources: &Sources<'_>,
        asked: &[&Resolved],
        frame: &Frame,
        reasons: Reasons,
    ) -> io::Result<Report> {
        let Sources { top, tmpdir, .. } = *sources;
        let mut gathered = gathered(sources, frame)?;
        let (failures, by_day) = refused::count(sources.failures, reasons, frame, &mut gathered, (top, tmpdir))?;
        let Gathered { totals, week, hours, days, outside, certain, all, users, addresses, domains } = gathered;
        let (addresses, domains) = rayon::join(|| tops(&addresses, top), || tops(&domains, top));
        let (addresses, domains) = (addresses?, domains?);
        let users = users.finish();
        let sections: Vec<UserSection> = users.shown.iter().map(Draft::section).collect();
        let of_section = |section: &UserSection| Top {
            name: section.user.clone(),
            sessions: section.sessions,
            others: section.addresses,
            last: section.last,
        };
        Ok(Report {
            period: Some((frame.from, frame.to)),
            totals: Totals {
                addresses: addresses.total(),
                failures: failures.total,
                lines: self.totals.lines,
                bytes: self.totals.bytes,
                files: self.totals.files,
                not_understood: self.totals.not_understood,
                ..totals
            },
            hours_of_week: week,
            hours_of_day: hours,
            days: Days { outside, ..frame.days_of(&days, by_day, asked) },
            connected: frame.connected(&certain, &all),
            users: Cut { shown: sections.iter().map(of_section).collect(), left_out: users.left_out },
            addresses,
            domains,
            failures,
            sections,
            ..self
        })
    }
}

/// What was counted of all parts, side by side.
fn gathered(sources: &Sources<'_>, frame: &Frame) -> io::Result<Gathered> {
    let Sources { visits, top, tmpdir, .. } = *sources;
    let of_part = |(part, runs): (usize, &Vec<Runs>)| gather((part, runs), frame, Bounds { top, tmpdir });
    let parts: io::Result<Vec<Gathered>> = visits.par_iter().enumerate().map(of_part).collect();
    let merged = parts?.into_iter().reduce(Gathered::merge);
    merged.ok_or_else(|| io::Error::other("no part of the sessions"))
}

/// How times are shown, in words.
fn times(zone: Zone, streams: &[&Resolved]) -> String {
    match zone {
        Zone::Utc => "UTC".to_owned(),
        Zone::Local => "the zone of the machine that made this report".to_owned(),
        Zone::Named(zone) => zone.name().to_owned(),
        Zone::Log => {
            let offsets: BTreeSet<i16> =
                streams.iter().filter_map(|s| s.clock.offsets()).flat_map(|(low, high)| [low, high]).collect();
            match offsets.iter().collect::<Vec<_>>().as_slice() {
                [] => "as the logs write them".to_owned(),
                [offset] => format!("as the logs write them: {}", log_offset(**offset)),
                _ => "as the logs write them, each with its own offset from UTC".to_owned(),
            }
        }
    }
}

/// The rows of `-a`, or those with the latest accesses; those who were asked for and not seen are never left out.
fn last_access(sources: &Sources<'_>) -> LastAccessPart {
    let mut greatest = Greatest::new(sources.rows);
    for (number, row) in (0..).zip(sources.access.iter()) {
        let latest = row.accesses().map(|access| access.last_access()).max_by_key(|stamp| stamp.at);
        let rank = (latest.map_or(i64::MAX, |stamp| stamp.at), Reverse(number));
        greatest.offer(|least: &Ranked| rank < least.rank, || Ranked { rank, row: access_row(&row) });
    }
    let Cut { mut shown, left_out } = greatest.finish();
    shown.sort_by_key(|ranked| Reverse(ranked.rank.1));
    LastAccessPart {
        users: Cut { shown: shown.into_iter().map(|ranked| ranked.row).collect(), left_out },
        file: sources.beside.filter(|_| left_out > 0).map(|name| visible(name.as_bytes()).into_owned()),
        limits: sources.limits.clone(),
    }
}

/// A row by its latest access; of one moment the row that comes before is greater.
#[derive(Debug)]
struct Ranked {
    rank: (Instant, Reverse<u64>),
    row: LastAccess,
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

fn access_row(row: &LastAccessRow<'_>) -> LastAccess {
    let service = |access: Option<answer::ServiceAccess<'_>>| {
        access.map(|access| ServiceAccess {
            login: access.last_login(),
            logout: access.last_logout(),
            store: visible(access.store()).into_owned(),
            flags: access.flags(),
        })
    };
    LastAccess { user: visible(row.user).into_owned(), services: row.services().map(service) }
}

fn notes(notes: &[Note]) -> Cut<NoteLine> {
    let line = |note: &Note| NoteLine {
        kind: note.kind.as_str(),
        path: visible(note.path.as_bytes()).into_owned(),
        text: visible(note.text.as_bytes()).into_owned(),
        fails: note.fails(),
    };
    Cut { shown: notes.iter().take(NOTES).map(line).collect(), left_out: notes.len().saturating_sub(NOTES) as u64 }
}
