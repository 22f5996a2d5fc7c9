//! Gather: one pass over the visits of a part, user by user, which counts all that a report has of sessions.

use std::cmp::Reverse;
use std::io;
use std::path::Path;

use super::frame::{Frame, number};
use super::tops::{Counts, Greatest, later};
use super::visits::{Visit, each};
use super::{Cut, SessionLine, Slot, Totals, UserSection};
use crate::model::Stamp;
use crate::runs::Runs;
use crate::text::visible;

/// So many sessions of a user are shown, the latest.
pub(super) const SESSIONS: usize = 50;
/// Of a user with no domain.
const NO_DOMAIN: &[u8] = b"";

/// What was counted of sessions, of one part or of several.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) totals: Totals,
    pub(super) week: Vec<Slot>,
    pub(super) hours: Vec<Slot>,
    pub(super) days: Vec<Slot>,
    /// Sessions whose login lies outside of all days.
    pub(super) outside: u64,
    /// Users by bucket: those with a session that was closed, and all.
    pub(super) certain: Vec<u64>,
    pub(super) all: Vec<u64>,
    pub(super) users: Greatest<Draft>,
    /// Of each part.
    pub(super) addresses: Vec<Runs>,
    pub(super) domains: Vec<Runs>,
}

/// A user who may get a section: more sessions make it greater, then a smaller name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Draft {
    sessions: u64,
    name: Reverse<Vec<u8>>,
    addresses: u64,
    first: Stamp,
    last: Stamp,
    /// The records of the latest sessions, in order.
    visits: Vec<Vec<u8>>,
}

impl Draft {
    /// The section.
    pub(super) fn section(&self) -> UserSection {
        let lines = self.visits.iter().filter_map(|record| Visit::read(record)).map(|visit| line(&visit));
        let shown: Vec<SessionLine> = lines.collect();
        UserSection {
            user: visible(&self.name.0).into_owned(),
            sessions: self.sessions,
            addresses: self.addresses,
            first: self.first,
            last: self.last,
            timeline: Cut { left_out: self.sessions - shown.len() as u64, shown },
        }
    }
}

fn line(visit: &Visit<'_>) -> SessionLine {
    let text = |bytes: &[u8]| visible(bytes).into_owned();
    SessionLine {
        store: text(&visit.store),
        service: visit.service,
        from: if visit.via { format!("via {}", visit.peer) } else { visit.peer.to_string() },
        auth: visit.auth.as_deref().map(text),
        connect: visit.connect,
        login: visit.login,
        logout: visit.logout,
        until: visit.until(),
        status: visit.status,
        flags: visit.flags(),
    }
}

/// How much of a report is shown, and where too much goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    pub(super) top: usize,
    pub(super) tmpdir: &'a Path,
}

/// Counts the sessions of a part.
///
/// # Errors
/// Those of putting aside, and of reading back what was.
pub(super) fn gather((part, runs): (usize, &[Runs]), frame: &Frame, bounds: Bounds<'_>) -> io::Result<Gathered> {
    let mut pass = Pass::new(part, frame, bounds);
    each(runs, |visit, record| pass.take(visit, record))?;
    pass.finish()
}

impl Gathered {
    /// What both counted: no user is in both.
    pub(super) fn merge(mut self, mut other: Gathered) -> Gathered {
        let slots = |ours: &mut [Slot], theirs: &[Slot]| ours.iter_mut().zip(theirs).for_each(|(a, b)| a.add(b));
        let numbers = |ours: &mut [u64], theirs: &[u64]| ours.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        slots(&mut self.week, &other.week);
        slots(&mut self.hours, &other.hours);
        slots(&mut self.days, &other.days);
        numbers(&mut self.certain, &other.certain);
        numbers(&mut self.all, &other.all);
        numbers(&mut self.totals.by_status, &other.totals.by_status);
        numbers(&mut self.totals.by_service, &other.totals.by_service);
        self.totals.sessions += other.totals.sessions;
        self.totals.doubtful += other.totals.doubtful;
        self.totals.users += other.totals.users;
        self.outside += other.outside;
        self.addresses.append(&mut other.addresses);
        self.domains.append(&mut other.domains);
        Gathered { users: self.users.merge(other.users), ..self }
    }
}

impl Slot {
    fn add(&mut self, other: &Slot) {
        self.sessions.iter_mut().zip(other.sessions).for_each(|(a, b)| *a += b);
        self.users += other.users;
        self.failures += other.failures;
    }
}

/// Slots, and the number of the user who came to each last.
#[derive(Debug)]
struct Slots {
    slots: Vec<Slot>,
    last: Vec<u64>,
}

impl Slots {
    fn new(count: usize) -> Slots {
        Slots { slots: vec![Slot::default(); count], last: vec![0; count] }
    }

    /// Counts a session that began in a slot.
    fn add(&mut self, at: usize, service: usize, user: u64) {
        let (Some(slot), Some(last)) = (self.slots.get_mut(at), self.last.get_mut(at)) else { return };
        slot.sessions.get_mut(service).into_iter().for_each(|count| *count += 1);
        slot.users += u64::from(*last != user);
        *last = user;
    }
}

/// In which buckets users were connected: how many more there are in each than in the one before.
#[derive(Debug)]
struct Steps {
    steps: Vec<i64>,
    /// The stretch of the user at hand, first and last bucket.
    open: Option<(usize, usize)>,
}

impl Steps {
    fn new(buckets: usize) -> Steps {
        Steps { steps: vec![0; buckets + 1], open: None }
    }

    /// Takes the next span of a user, by its beginning.
    fn add(&mut self, span: Option<(usize, usize)>) {
        let Some((from, to)) = span else { return };
        match &mut self.open {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => {
                self.close();
                self.open = Some((from, to));
            }
        }
    }

    /// The user is over, or the stretch.
    fn close(&mut self) {
        let Some((from, to)) = self.open.take() else { return };
        self.steps.get_mut(from).into_iter().for_each(|step| *step += 1);
        self.steps.get_mut(to + 1).into_iter().for_each(|step| *step -= 1);
    }

    /// How many users there are in each bucket.
    fn sums(&self) -> Vec<u64> {
        let mut sum = 0;
        let counts = self.steps.iter().map(|step| {
            sum += step;
            sum.unsigned_abs()
        });
        counts.take(self.steps.len() - 1).collect()
    }
}

/// The user at hand.
#[derive(Debug, Default)]
struct User {
    /// From 1 on, in the order of the part.
    number: u64,
    name: Vec<u8>,
    sessions: u64,
    addresses: u64,
    first: Stamp,
    last: Stamp,
    /// The latest records, that of session `n` at `n` modulo their number.
    latest: Vec<Vec<u8>>,
}

impl User {
    /// The next user.
    fn begin(&mut self, visit: &Visit<'_>) {
        self.number += 1;
        self.name.clear();
        self.name.extend_from_slice(&visit.user);
        (self.sessions, self.addresses) = (0, 0);
        (self.first, self.last) = (visit.login, visit.login);
    }

    /// Keeps a record, in the place of the oldest.
    fn keep(&mut self, record: &[u8]) {
        let at = (self.sessions % SESSIONS as u64) as usize;
        match self.latest.get_mut(at) {
            Some(place) => {
                place.clear();
                place.extend_from_slice(record);
            }
            None => self.latest.push(record.to_vec()),
        }
        self.sessions += 1;
    }

    fn draft(&self) -> Draft {
        let count = self.sessions.min(SESSIONS as u64);
        let numbers = self.sessions - count..self.sessions;
        let records = numbers.filter_map(|number| self.latest.get((number % SESSIONS as u64) as usize));
        Draft {
            sessions: self.sessions,
            name: Reverse(self.name.clone()),
            addresses: self.addresses,
            first: self.first,
            last: self.last,
            visits: records.cloned().collect(),
        }
    }
}

/// The pass at hand.
struct Pass<'a> {
    frame: &'a Frame,
    user: User,
    totals: Totals,
    week: Slots,
    hours: Slots,
    days: Slots,
    outside: u64,
    certain: Steps,
    all: Steps,
    users: Greatest<Draft>,
    addresses: Counts<[u64; 2]>,
    domains: Counts<Vec<u8>>,
}

impl<'a> Pass<'a> {
    fn new(part: usize, frame: &'a Frame, Bounds { top, tmpdir }: Bounds<'_>) -> Pass<'a> {
        Pass {
            frame,
            user: User::default(),
            totals: Totals::default(),
            week: Slots::new(7 * 24),
            hours: Slots::new(24),
            days: Slots::new(frame.days()),
            outside: 0,
            certain: Steps::new(frame.buckets()),
            all: Steps::new(frame.buckets()),
            users: Greatest::new(top),
            addresses: Counts::new(part, tmpdir),
            domains: Counts::new(part, tmpdir),
        }
    }

    fn take(&mut self, visit: &Visit<'_>, record: &[u8]) {
        if self.user.sessions == 0 || *self.user.name != *visit.user {
            self.end();
            self.user.begin(visit);
        }
        let (user, service) = (self.user.number, number(visit.service));
        let until = visit.until();
        let place = self.frame.place(visit.login);
        self.week.add(place.hour_of_week, service, user);
        self.hours.add(place.hour_of_day, service, user);
        match place.day {
            Some(day) => self.days.add(day, service, user),
            None => self.outside += 1,
        }
        let touched = self.frame.touched(visit.login.at, until.at);
        self.all.add(touched);
        if visit.logout.is_some() {
            self.certain.add(touched);
        }
        self.totals.sessions += 1;
        self.totals.doubtful += u64::from(visit.is_doubtful());
        self.totals.by_status.get_mut(visit.status as usize).into_iter().for_each(|count| *count += 1);
        self.totals.by_service.get_mut(service).into_iter().for_each(|count| *count += 1);
        let seen = later(visit.login, visit.logout.unwrap_or(visit.login));
        if !visit.via {
            let (address, _) = visit.peer.bits();
            let known = (user, self.user.addresses);
            self.user.addresses += u64::from(self.addresses.add(address, known, 1, seen));
        }
        self.user.last = later(self.user.last, seen);
        self.user.keep(record);
    }

    /// The user at hand is over.
    fn end(&mut self) {
        if self.user.sessions == 0 {
            return;
        }
        let user = &self.user;
        self.certain.close();
        self.all.close();
        self.totals.users += 1;
        // Users come in the order of their names: of as many sessions, those before this one are greater.
        self.users.offer(|least| user.sessions <= least.sessions, || user.draft());
        let domain = memchr::memchr(b'@', &user.name).and_then(|at| user.name.get(at + 1..)).unwrap_or(NO_DOMAIN);
        self.domains.add(domain.to_vec(), (user.number, 0), user.sessions, user.last);
        self.addresses.pause();
        self.domains.pause();
    }

    fn finish(mut self) -> io::Result<Gathered> {
        self.end();
        Ok(Gathered {
            totals: self.totals,
            week: self.week.slots,
            hours: self.hours.slots,
            days: self.days.slots,
            outside: self.outside,
            certain: self.certain.sums(),
            all: self.all.sums(),
            users: self.users,
            addresses: vec![self.addresses.finish()?],
            domains: vec![self.domains.finish()?],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Status;
    use crate::answer::report::visits::tests::visit;
    use crate::model::{DAY, Peer};
    use crate::times::Zone;

    /// 2019-05-29T00:00:00+02:00
    const BEGIN: i64 = 1_559_080_800;

    fn stamp(at: i64) -> Stamp {
        Stamp { at: BEGIN + at, offset: 120 }
    }

    /// A session from one second to another, or without a close.
    fn of(user: &'static str, from: i64, to: Option<i64>) -> Visit<'static> {
        let open = to.is_none();
        Visit {
            user: user.as_bytes().into(),
            login: stamp(from),
            logout: to.map(stamp),
            via: false,
            until: open.then_some(BEGIN + 600),
            status: if open { Status::Open } else { Status::Closed },
            ..visit()
        }
    }

    fn gathered(visits: &[Visit<'_>], frame: &Frame) -> Gathered {
        let tmpdir = std::env::temp_dir();
        let mut runs = Runs::new(&tmpdir, 1000);
        visits.iter().for_each(|visit| runs.push(|record| visit.write(record)));
        runs.finish().unwrap();
        gather((0, &[runs]), frame, Bounds { top: 2, tmpdir: &tmpdir }).unwrap()
    }

    fn frame(seconds: i64) -> Frame {
        Frame::between(stamp(0), stamp(seconds), Zone::Log)
    }

    #[test]
    fn users_are_connected_for_sure_or_perhaps() {
        let visits = [
            of("a", 0, Some(70)),
            of("a", 30, Some(40)),
            of("a", 125, Some(126)),
            of("b", 0, None),
            of("b", 60, Some(61)),
            of("c", -50, Some(-10)),
            of("d", -50, Some(10)),
        ];
        let all = gathered(&visits, &frame(239));
        // Minutes: a and d, then a and b, then a, then nobody with a close.
        assert_eq!((all.certain, all.all), (vec![2, 2, 1, 0], vec![3, 2, 2, 1]));
        assert_eq!(all.outside, 2);
    }

    #[test]
    fn the_latest_sessions_of_the_users_with_most() {
        let many: Vec<Visit<'_>> = (0..120).map(|n| of("a", 60 * n, Some(60 * n + 1))).collect();
        let others = [of("b", 5, Some(6)), of("c", 5, Some(9)), of("d", 5, Some(6))];
        let users = gathered(&[many, others.to_vec()].concat(), &frame(9000)).users.finish();
        assert_eq!(users.left_out, 2);
        let sections: Vec<UserSection> = users.shown.iter().map(Draft::section).collect();
        assert_eq!(sections.iter().map(|section| &*section.user).collect::<Vec<_>>(), ["a", "b"]);
        let timeline = &sections[0].timeline;
        assert_eq!((timeline.left_out, timeline.shown.len()), (70, SESSIONS));
        let logins: Vec<i64> = timeline.shown.iter().map(|line| line.login.at - BEGIN).collect();
        assert_eq!(logins, (70..120).map(|n| 60 * n).collect::<Vec<_>>());
        assert_eq!((sections[0].first, sections[0].last), (stamp(0), stamp(119 * 60 + 1)));
    }

    #[test]
    fn each_user_counts_once_a_slot() {
        let other = Visit { peer: Peer::new("192.0.2.8".parse().unwrap(), Some(1)), ..of("a", 100, Some(101)) };
        let visits = [of("a", 0, None), other, of("a", DAY, Some(DAY + 1)), of("b", 3, Some(4))];
        let all = gathered(&visits, &frame(2 * DAY));
        let slot = |sessions, users| Slot { sessions: [0, 0, sessions], users, failures: 0 };
        assert_eq!(all.days, [slot(3, 2), slot(1, 1), slot(0, 0)]);
        assert_eq!(all.hours[0], slot(4, 2));
        assert_eq!((all.week[48], all.week[72]), (slot(3, 2), slot(1, 1)));
        assert_eq!((all.totals.sessions, all.totals.users, all.totals.by_status), (4, 2, [3, 1, 0]));
        let users = all.users.finish().shown;
        assert_eq!(users[0].section().addresses, 2);
    }
}
