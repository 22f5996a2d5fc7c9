//! Folding pieces of an archive, merging what they gave, and everything that is answered from it.

use std::collections::{BTreeMap, HashMap};

use imstrail::answer::{At, AtError, ConnectedQuery, LastAccessRows, connected};
use imstrail::fold::{Folder, Moment, Needs, PieceSource, Window, jump_between};
use imstrail::model::{Instant, Service, Stamp};
use imstrail::pair::{Behind, PairTable, Session};
use imstrail::parse::{Names, Years};
use imstrail::resolve::{hours_to_read_in_full, resolve};
use imstrail::streams::{StreamId, Streams};
use imstrail::trail::{Coverage, FileId, FileTrail, Tally, Trail};

use super::common::Dice;

/// Some lines of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) file: FileId,
    pub(crate) place: u64,
    pub(crate) text: &'a [u8],
}

/// What is asked of the lines, beside all moments of `-c`.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) needs: Needs,
    pub(crate) moments: Vec<At>,
}

impl Question {
    /// Everything at these moments; often `-a` has a window, now and then a user.
    pub(crate) fn new(moments: &[Instant], dice: &mut Dice) -> Question {
        let mut some = |all: u64| dice.next() % all;
        let (one, other) = (some(moments.len() as u64), some(moments.len() as u64));
        let bound = |n: u64| moments.get(n as usize).copied().unwrap_or_default();
        let (low, high) = (bound(one.min(other)), bound(one.max(other)));
        let window = match some(4) {
            0 => Window { since: Some(Moment::Instant(low)), until: Some(Moment::Instant(high)) },
            1 => Window { since: Some(Moment::Local(low + 7200)), until: None },
            2 => Window { since: None, until: Some(Moment::Local(high + 7200)) },
            _ => Window::default(),
        };
        let users = if some(5) == 0 { [b"ed".to_vec()].into() } else { Default::default() };
        let needs = Needs { access: true, pairs: true, window, users, ..Needs::default() };
        let instants = moments.iter().map(|at| At::Instant(Stamp { at: *at, offset: 0 }));
        let digits = [low, high].map(|at| At::Local(at + 7200));
        Question { needs, moments: instants.chain(digits).chain([At::EndOfCoverage]).collect() }
    }
}

/// One answer to `-c`.
type AtMoment = (At, Result<Vec<Row>, AtError>);

/// A row of `-c`.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) certain: bool,
    pub(crate) flags: Vec<&'static str>,
    /// All of it.
    shown: String,
}

/// What is answered in the end.
#[derive(Debug, PartialEq)]
pub(crate) struct Answers {
    /// The rows of `-a`.
    pub(crate) access: Vec<String>,
    /// The rows of `-c`.
    pub(crate) connected: Vec<AtMoment>,
}

/// All that is known, the same for any way of reading if the streams have the same numbers.
#[derive(Debug, PartialEq)]
pub(crate) struct Knowledge {
    pub(crate) answers: Answers,
    pub(crate) sessions: Vec<Session>,
    pub(crate) coverage: Coverage,
    pub(crate) tally: Tally,
    pub(crate) files: BTreeMap<FileId, FileTrail>,
    /// Lives, gaps, blind spots.
    pub(crate) resolved: String,
}

/// Sessions of a table that is complete.
pub(crate) fn sessions(table: PairTable) -> Vec<Session> {
    let mut sessions = Vec::new();
    table.finish(&mut |session| sessions.push(session.to_session(Behind::default())));
    sessions.sort();
    sessions
}

fn know(mut trail: Trail, streams: &Streams, question: &Question) -> Knowledge {
    let sessions = sessions(std::mem::take(&mut trail.pairs));
    for session in sessions.iter().filter(|s| s.mechanism.is_none()) {
        if let Some(connect) = session.connect {
            trail.collected.no_login(session.stream, connect.at);
        }
    }
    let resolved = resolve(&trail, streams, &BTreeMap::new());
    let ask = |at: &At| {
        let (services, users) = (Service::ALL.to_vec(), question.needs.users.clone());
        let query = ConnectedQuery { at: *at, services, users, drift: 120, proxies: Default::default() };
        let rows = connected(&query, &resolved, &sessions);
        (
            *at,
            rows.map(|rows| {
                rows.into_iter()
                    .map(|row| Row { certain: row.certain, shown: format!("{row:?}"), flags: row.flags })
                    .collect()
            }),
        )
    };
    let rows = LastAccessRows::new(std::mem::take(&mut trail.access), streams, &question.needs.users);
    let answers = Answers {
        access: rows.iter().map(|row| format!("{} {:?}", String::from_utf8_lossy(row.user), row.services())).collect(),
        connected: question.moments.iter().map(ask).collect(),
    };
    let Trail { coverage, tally, files, .. } = trail;
    Knowledge { answers, sessions, coverage, tally, files, resolved: format!("{resolved:#?}") }
}

/// Folds pieces, each with the folder of its worker, and gives the workers' trails and what stood at the pieces' borders.
fn fold(
    pieces: &[Piece<'_>],
    workers: &[usize],
    needs: &Needs,
    streams: &Streams,
) -> (Vec<Trail>, Vec<Vec<PieceSource>>) {
    let (grammars, names) = (super::grammars(), Names::default());
    let count = workers.iter().max().map_or(1, |last| last + 1);
    let mut folders: Vec<Folder<'_>> = (0..count).map(|_| Folder::new(needs, grammars, &names, streams)).collect();
    let mut borders = Vec::new();
    for (piece, worker) in pieces.iter().zip(workers) {
        let folder = &mut folders[*worker];
        folder.begin(piece.file, 0);
        folder.lines(piece.text, piece.place, &Years::default());
        borders.push(folder.end());
    }
    (folders.into_iter().map(Folder::finish).collect(), borders)
}

/// Clock jumps between the pieces of each file, which the folders cannot see (R14).
fn jumps_between(pieces: &[Piece<'_>], borders: Vec<Vec<PieceSource>>, trail: &mut Trail) {
    let mut last: HashMap<(FileId, StreamId, u32), PieceSource> = HashMap::new();
    for (piece, sources) in pieces.iter().zip(borders) {
        for source in sources {
            let key = (piece.file, source.stream, source.pid);
            let jump = last.get(&key).and_then(|before| jump_between(before, &source));
            trail.files.entry(piece.file).or_default().jumped(jump);
            last.insert(key, source);
        }
    }
}

/// Merges trails in any order and any grouping.
pub(crate) fn merged(mut trails: Vec<Trail>, dice: &mut Dice, streams: &Streams) -> Trail {
    while trails.len() > 1 {
        let mut take = || trails.swap_remove((dice.next() % trails.len() as u64) as usize);
        let both = take().merge(take(), streams);
        trails.push(both);
    }
    trails.pop().unwrap_or_default()
}

/// Reads pieces, a second time if hours are needed in full, and answers. Pieces of a file must stand in their order.
pub(crate) fn read(
    pieces: &[Piece<'_>],
    workers: &[usize],
    question: &Question,
    streams: &Streams,
    dice: &mut Dice,
) -> Knowledge {
    let merge = |trails: Vec<Trail>| merged(trails, dice, streams);
    read_with(pieces, workers, question, streams, merge)
}

/// As [`read`], merging as the caller likes.
pub(crate) fn read_with(
    pieces: &[Piece<'_>],
    workers: &[usize],
    question: &Question,
    streams: &Streams,
    mut merge: impl FnMut(Vec<Trail>) -> Trail,
) -> Knowledge {
    let mut needs = question.needs.clone();
    loop {
        let (trails, borders) = fold(pieces, workers, &needs, streams);
        let mut trail = merge(trails);
        let full = hours_to_read_in_full(&trail);
        if full.is_subset(&needs.full) {
            jumps_between(pieces, borders, &mut trail);
            return know(trail, streams, question);
        }
        needs.full.extend(full);
    }
}
