//! Small archives made to be awkward: few users, peers and processes, times that meet the edges of the rules.

use super::answer::Question;
use super::calendar::{stamp, start};
use super::common::Dice;

const USERS: [&str; 5] = ["ed", "ann", "ED", "Ann", "bob@example.com"];
const MECHANISMS: [&str; 3] = ["plaintext", "CRAM-MD5", "plain"];

/// An archive and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) questions: Vec<Question>,
}

/// How one archive is made; everything in it is drawn from these.
struct Maker {
    dice: Dice,
    begin: i64,
    span: i64,
    /// Moments to which others are close.
    moments: Vec<i64>,
    /// When the clocks change, and the offsets before and after.
    change: (i64, i64, i64),
    peers: Vec<String>,
    stores: u64,
    services: Vec<(&'static str, &'static str)>,
    pids: u64,
    /// How much of a hundred logins is logged, and of a hundred sessions closed.
    logged: u64,
    closed: u64,
    lines: Vec<(i64, String)>,
}

/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..4 {
        dice.next();
    }
    let mut maker = Maker::new(dice);
    maker.write_lines();
    let lines = maker.troubled();
    let files = maker.files(&lines);
    Case { files, questions: maker.questions() }
}

impl Maker {
    fn new(mut dice: Dice) -> Maker {
        let mut pick = |of: &[i64]| of[(dice.next() % of.len() as u64) as usize];
        let begin = 1_559_116_800 + pick(&[0, 0, 1, 1800, -3599]);
        let span = pick(&[200, 900, 4000, 9000, 40_000, 40_000, 100_000]);
        let (before, after) = match pick(&[0, 0, 0, 0, 0, 1, 2, 3]) {
            1 => (7200, 3600),
            2 => (3600, 7200),
            3 => (39_600, 37_800),
            _ => (7200, 7200),
        };
        let change = (begin + span * pick(&[1, 2, 3]) / 4, before, after);
        let all = ["192.0.2.7:40718", "192.0.2.7:40719", "192.0.2.8:40718", "192.0.2.7", "192.0.2.8", "2001:db8::7"];
        let [with, without] = [&all[..3], &all[3..]];
        let peers = match pick(&[0, 0, 0, 1, 2, 3]) {
            0 => with[..pick(&[1, 2, 3]) as usize].to_vec(),
            1 => without[..pick(&[1, 2]) as usize].to_vec(),
            2 => all.to_vec(),
            _ => vec!["192.0.2.7:40718", "[::ffff:192.0.2.7]:40718", "[2001:DB8:0::7]:99", "2001:db8::7"],
        };
        let services = match pick(&[0, 0, 0, 0, 1, 2]) {
            0 => vec![("imap", "imapd")],
            1 => vec![("imap", "imapd"), ("http", "httpd"), ("http", "mshttpd")],
            _ => vec![("imap", "imapd"), ("pop", "popd")],
        };
        Maker {
            begin,
            span,
            moments: (0..6).map(|_| begin + pick(&[0, 1, 2, 3, 5, 7]) * span / 7).collect(),
            change,
            peers: peers.into_iter().map(str::to_owned).collect(),
            stores: pick(&[1, 1, 1, 2]) as u64,
            services,
            pids: pick(&[1, 2, 3, 3]) as u64,
            logged: pick(&[100, 100, 80, 30, 0]) as u64,
            closed: pick(&[90, 60, 40, 10]) as u64,
            lines: Vec::new(),
            dice,
        }
    }

    fn below(&mut self, count: u64) -> u64 {
        self.dice.next() % count
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    /// A moment anywhere, or near one of the others.
    fn moment(&mut self) -> i64 {
        let known = self.moments.clone();
        let at = match self.below(3) {
            0 => self.begin + self.below(self.span as u64) as i64,
            1 => self.pick(&known),
            _ => self.pick(&known) + self.edge(),
        };
        self.moments.push(at);
        at
    }

    /// What the rules measure, and a second more or less.
    fn edge(&mut self) -> i64 {
        let size = self.pick(&[0, 0, 1, 2, 59, 60, 61, 299, 300, 301, 3599, 3600, 3601, 21_599, 21_600, 21_601]);
        if size > self.span && self.chance(80) {
            return self.pick(&[0, 1, 60, 61]);
        }
        if self.chance(50) { size } else { -size }
    }

    fn offset(&self, at: i64) -> i64 {
        let (moment, before, after) = self.change;
        if at < moment { before } else { after }
    }

    fn say(&mut self, at: i64, process: &str, pid: u64, store: u64, message: &str) {
        let level = self.pick(&["Account Notice", "Account Information", "General Debug"]);
        let line = format!("[{}] store{store} {process}[{pid}]: {level}: {message}", stamp(at, self.offset(at)));
        self.lines.push((at, line));
    }

    fn write_lines(&mut self) {
        for _ in 0..1 + self.below(9) {
            self.session();
        }
        for _ in 0..self.below(6) {
            self.other();
        }
        if self.chance(4) {
            // One clock that is far ahead.
            let day = self.pick(&[86_399, 86_400, 86_401, 90_000, 400_000]);
            self.begin += self.span + day;
            self.other();
            self.begin -= self.span + day;
        }
        self.lines.sort_by_key(|(at, _)| *at);
    }

    fn place(&mut self) -> (&'static str, u64, u64) {
        let services = self.services.clone();
        let (_, process) = self.pick(&services);
        (process, 100 + self.below(self.pids), 1 + self.below(self.stores))
    }

    fn session(&mut self) {
        let ((process, pid, store), peers) = (self.place(), self.peers.clone());
        let (peer, user, login) = (self.pick(&peers), self.pick(&USERS), self.moment());
        let connect = login - self.pick(&[0, 0, 1, 2, 3, 60, 299, 300, 301]);
        if self.chance(self.logged) {
            let named = if self.chance(8) { "proxyadmin" } else { user };
            let (mechanism, verb) = (self.pick(&MECHANISMS), if self.chance(3) { "connect" } else { "login" });
            self.say(login, process, pid, store, &format!("{verb} [{peer}] {named} {mechanism}"));
        }
        if !self.chance(self.closed) {
            return;
        }
        let end = match self.below(4) {
            0 => login + self.edge(),
            1 => login + self.pick(&[-61, -60, -59, 0, 1]),
            2 => self.moment(),
            _ => login + self.below(self.span as u64) as i64,
        };
        let end = if end < connect && self.chance(90) { connect + self.edge().abs() } else { end };
        let wrong = if self.chance(75) { 0 } else { self.pick(&[-2, 2, 3, -3, 300, 301, -301, 900, -900, 1800, 3600]) };
        let long = (end - connect + wrong).max(0);
        let long = format!("{}:{:02}:{:02}", long / 3600, long / 60 % 60, long % 60);
        let begin = start(connect, self.offset(connect));
        let (bytes, verb) = (self.pick(&["0 0 0", "9 1 1", "10 1 1"]), if self.chance(3) { "logout" } else { "close" });
        self.say(end, process, pid, store, &format!("{verb} [{peer}] {user} {begin} {long} {bytes}"));
        self.moments.push(end);
        self.moments.push(connect);
    }

    /// A line that is neither login nor close of a user.
    fn other(&mut self) {
        let ((process, pid, store), peers) = (self.place(), self.peers.clone());
        let (at, peer) = (self.moment(), self.pick(&peers));
        let begin = start(at, self.offset(at));
        let nobody = format!("close [{peer}] [unauthenticated] {begin} 0:00:00 0 115 0");
        let message = match self.below(12) {
            0..4 => nobody,
            4 => format!("badlogin: [{peer}] plaintext {process} shutting down authentication failure"),
            5 => "Sun Java(tm) System Messaging Server 6.2 (built Dec  2 2004) starting up".to_owned(),
            6 => format!("{process}: starting up"),
            7 => format!("{process} shutting down"),
            8 => format!("{process}: exiting"),
            9 => format!("Log created ({at})"),
            10 => format!("login [{peer}] ed"),
            _ => format!("client said {process}: exiting"),
        };
        let process = if self.chance(10) { "ims_master" } else { process };
        self.say(at, process, pid, store, &message);
    }

    /// The lines as bytes, after what may happen to a log.
    fn troubled(&mut self) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = self.lines.iter().map(|(_, line)| line.clone().into_bytes()).collect();
        for _ in 0..self.pick(&[0, 0, 0, 1, 2, 4]) {
            let place = self.below(lines.len().max(1) as u64) as usize;
            let Some(line) = lines.get(place).cloned() else { break };
            match self.below(6) {
                0 => drop(lines.remove(place)),
                1 => lines.insert(place, line),
                2 => {
                    let other = self.below(lines.len() as u64) as usize;
                    lines.swap(place, other);
                }
                3 if place > 0 => lines.swap(place, place - 1),
                4 => {
                    let begins = self.below(place as u64 + 1) as usize;
                    lines[begins..].rotate_left(place - begins);
                }
                _ => {
                    let byte = self.below(line.len() as u64) as usize;
                    lines[place][byte] = self.pick(b" x0159:[]/+-\xff\xc3\x1b\\\"A\r");
                }
            }
        }
        lines
    }

    fn files(&mut self, lines: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
        let join = |lines: &[Vec<u8>]| lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
        let mut cuts: Vec<usize> = (0..self.below(4)).map(|_| self.below(lines.len() as u64 + 1) as usize).collect();
        cuts.extend([0, lines.len()]);
        cuts.sort_unstable();
        let (overlap, numbered) = (self.chance(25), self.chance(60));
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut number = 4 + self.below(7);
        for cut in cuts.windows(2) {
            number += if self.chance(70) { 1 } else { 2 };
            let before = if overlap { self.below(cut[0].min(6) as u64 + 1) as usize } else { 0 };
            let name =
                if numbered { format!("imap.{number}.{}", self.begin) } else { format!("imap-{}", self.below(99)) };
            let folder = if self.chance(90) { "logs" } else { "more" };
            files.push((format!("{folder}/{name}"), join(&lines[cut[0] - before..cut[1]])));
        }
        if self.chance(15) {
            let place = self.below(files.len() as u64) as usize;
            let (path, mut bytes) = files[place].clone();
            if self.chance(40) {
                bytes.truncate(self.below(bytes.len() as u64 + 1) as usize);
            }
            files.push((path.replace("/", "/copy."), bytes));
        }
        files.sort();
        files.dedup_by(|one, other| one.0 == other.0);
        files
    }

    fn questions(&mut self) -> Vec<Question> {
        let mut questions = Vec::new();
        for _ in 0..3 {
            let mut question = Question { connected: true, last_access: self.chance(30), ..Question::default() };
            question.pop = self.services.iter().any(|(service, _)| *service == "pop") && self.chance(40);
            if self.chance(80) {
                let at = self.asked();
                question.at = Some((at, self.offset(at)));
            }
            questions.push(question);
        }
        let mut question = Question { last_access: true, ..Question::default() };
        question.since = self.chance(40).then(|| self.asked());
        question.until =
            self.chance(50).then(|| self.asked()).filter(|until| question.since.is_none_or(|since| since < *until));
        questions.push(question);
        for question in &mut questions {
            if self.chance(15) {
                question.users = vec![self.pick(&["ed", "ann", "nobody", "proxyadmin"]).to_owned()];
            }
        }
        questions
    }

    /// A moment to ask about: a stamp, or a second or another edge beside it.
    fn asked(&mut self) -> i64 {
        let stamps: Vec<i64> = self.lines.iter().map(|(at, _)| *at).chain(self.moments.clone()).collect();
        self.pick(&stamps) + if self.chance(60) { self.pick(&[0, 0, -1, 1]) } else { self.edge() }
    }
}
