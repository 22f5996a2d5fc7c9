//! Small archives made to collide: few users, processes and peers, stamps in clusters, lines out of order and twice.

use std::fmt;

use chrono::{DateTime, FixedOffset};
use imstrail::grammar::Grammars;
use imstrail::model::{Doubt, Instant, Peer, Service, Stamp};
use imstrail::pair::{CloseLine, PairLine};
use imstrail::parse::{Line as Said, Names, Reader, Years, connect};
use imstrail::streams::{StreamId, Streams};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// 29 May 2019, 09:50 at +0200: ten minutes before an hour begins.
const BASE: Instant = 1_559_116_200;
const USERS: [&str; 3] = ["ed", "ann", "Ed"];
const SOURCES: [(&str, &str, u32); 6] = [
    ("store1", "imapd", 100),
    ("store1", "imapd", 200),
    ("store1", "imapd", 300),
    ("store1", "httpd", 100),
    ("store2", "imapd", 100),
    ("store1", "popd", 100),
];
const PEERS: [&[&str]; 5] = [
    &["192.0.2.7"],
    &["192.0.2.7", "2001:db8::7"],
    &["192.0.2.7:40718"],
    &["192.0.2.7:40718", "192.0.2.7:40719", "[::ffff:192.0.2.7]:40718"],
    &["192.0.2.7:40718", "192.0.2.7"],
];

/// What all lines of an archive share.
#[derive(Clone, Copy, Debug)]
struct Style {
    users: usize,
    sources: usize,
    peers: &'static [&'static str],
    /// Minutes before and behind the moment at which the clock changes.
    zone: (i16, i16),
    crlf: bool,
    cut_short: bool,
}

impl Style {
    fn offset(&self, at: Instant) -> i16 {
        if at < BASE + 700 { self.zone.0 } else { self.zone.1 }
    }

    fn user(&self, n: usize) -> &'static str {
        USERS[n % self.users]
    }

    fn peer(&self, n: usize) -> &'static str {
        self.peers[n % self.peers.len()]
    }
}

fn style() -> impl Strategy<Value = Style> {
    let zone = select(vec![(120, 120), (120, 120), (120, 60), (60, 120), (-420, -420), (660, 630)]);
    let sources = select(vec![1, 1, 1, 2, 2, 3, 3, 4, 5, 6]);
    (1..=3_usize, sources, select(&PEERS[..]), zone, prop::bool::weighted(0.1), prop::bool::weighted(0.2)).prop_map(
        |(users, sources, peers, zone, crlf, cut_short)| Style { users, sources, peers, zone, crlf, cut_short },
    )
}

/// One thing that happened: one line, or the two of a session.
#[derive(Clone, Copy, Debug)]
struct Item {
    at: Instant,
    source: usize,
    user: usize,
    peer: usize,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Session(Session),
    Refused,
    Start,
    Stop,
    Unknown,
    Junk,
    Created,
    /// The close of a connection that never logged in.
    Nobody,
    /// A mark of another program with the same pid.
    OtherMark,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    delay: Instant,
    lasts: u32,
    /// How much the start field is off, in seconds.
    off: Instant,
    login: bool,
    close: bool,
    proxy: bool,
    guess: bool,
    mechanism: &'static str,
}

fn session() -> impl Strategy<Value = What> {
    let delay = select(vec![0, 0, 0, 1, 2, 3, 60, 61, 299, 300, 301, -1]);
    let lasts = prop_oneof![2 => select(vec![0, 1, 59, 60, 61, 300, 301, 600]), 1 => 0..1500_u32];
    let off = prop_oneof![
        6 => Just(0),
        4 => select(vec![2, 3, -3, 299, 300, -300, 301, 1800, -1800, 3600, -3600, 3605, 7200, -40_000]),
    ];
    let lines = select(vec![(true, true), (true, true), (true, true), (true, false), (false, true)]);
    let mechanism = select(vec!["plaintext", "plaintext", "CRAM-MD5"]);
    let rare = || prop::bool::weighted(0.15);
    (delay, lasts, off, lines, rare(), rare(), mechanism).prop_map(
        |(delay, lasts, off, (login, close), proxy, guess, mechanism)| {
            What::Session(Session { delay, lasts, off, login, close, proxy, guess, mechanism })
        },
    )
}

fn item() -> impl Strategy<Value = Item> {
    let at = prop_oneof![
        6 => select(vec![0, 0, 1, 2, 58, 59, 60, 61, 62, 119, 299, 300, 301, 302, 599, 600, 601, 660, 661]),
        3 => 0..1500_i64,
        2 => (1..9_i64, select(vec![-1, 0, 1, 599, 600, 601])).prop_map(|(hours, s)| hours * 3600 + s),
    ];
    let what = prop_oneof![
        12 => session(),
        1 => Just(What::Refused),
        1 => Just(What::Start),
        1 => Just(What::Stop),
        1 => Just(What::Unknown),
        1 => Just(What::Junk),
        1 => Just(What::Created),
        1 => Just(What::Nobody),
        1 => Just(What::OtherMark),
    ];
    (at, 0..10_usize, 0..6_usize, 0..6_usize, what).prop_map(|(at, source, user, peer, what)| Item {
        at: BASE + at,
        source,
        user,
        peer,
        what,
    })
}

/// How the lines come out of order.
#[derive(Clone, Debug)]
enum Edit {
    /// Two lines near each other change places.
    Swap(Index, usize),
    /// A line moves anywhere.
    Move(Index, Index),
    /// A line stands twice.
    Twice(Index, Index),
    /// The clock shows so much less for some lines.
    Back(Index, usize, Instant),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    prop_oneof![
        4 => (index(), 1..4_usize).prop_map(|(at, by)| Edit::Swap(at, by)),
        1 => (index(), index()).prop_map(|(from, to)| Edit::Move(from, to)),
        2 => (index(), index()).prop_map(|(from, to)| Edit::Twice(from, to)),
        1 => (index(), 1..5_usize, select(vec![30, 61, 90, 3600])).prop_map(|(at, n, by)| Edit::Back(at, n, by)),
    ]
}

/// A line before it is written.
#[derive(Clone, Debug)]
struct Draft {
    at: Instant,
    offset: i16,
    source: (&'static str, &'static str, u32),
    message: String,
}

fn drafts(style: &Style, item: &Item) -> Vec<Draft> {
    let Item { at, source, what, .. } = *item;
    let source = SOURCES[source % style.sources];
    let (user, peer) = (style.user(item.user), style.peer(item.peer));
    let draft = |at, source, message: String| Draft { at, offset: style.offset(at), source, message };
    let one = |message: &str| vec![draft(at, source, message.to_owned())];
    match what {
        What::Session(session) => session.drafts(style, item, source),
        What::Refused => one(&format!("Account Notice: badlogin: [{peer}] plaintext {user} authentication failure")),
        What::Start => one(&format!("General Notice: {} starting up", source.1)),
        What::Stop => one(&format!("General Notice: {} shutting down", source.1)),
        What::Unknown => one(&format!("General Notice: frobnicated {user} for {at}")),
        What::Junk => vec![Draft { message: format!("{user} from {peer}"), source: ("", "", 0), at, offset: 0 }],
        What::Created => one(&format!("General Information: Log created ({at})")),
        What::Nobody => {
            let start = digits(at, style.offset(at));
            one(&format!("Account Notice: close [{peer}] [unauthenticated] {start} 0:00:00 0 115 0"))
        }
        What::OtherMark => {
            vec![draft(at, (source.0, "ims_master", source.2), "General Notice: imapd starting up".to_owned())]
        }
    }
}

impl Session {
    fn drafts(&self, style: &Style, item: &Item, source: (&'static str, &'static str, u32)) -> Vec<Draft> {
        let (user, peer) = (style.user(item.user), style.peer(item.peer));
        let connect = item.at;
        let mut drafts = Vec::new();
        if self.login {
            let at = connect + self.delay;
            let word = if self.guess { "connect" } else { "login" };
            let user = if self.proxy { "proxyadmin" } else { user };
            let message = format!("Account Information: {word} [{peer}] {user} {}", self.mechanism);
            drafts.push(Draft { at, offset: style.offset(at), source, message });
        }
        if self.close {
            let at = connect + i64::from(self.lasts);
            let start = digits(connect + self.off, style.offset(connect));
            let (hours, minutes, seconds) = (self.lasts / 3600, self.lasts / 60 % 60, self.lasts % 60);
            let word = if self.guess { "logout" } else { "close" };
            let message =
                format!("Account Notice: {word} [{peer}] {user} {start} {hours}:{minutes:02}:{seconds:02} 1 2 3");
            drafts.push(Draft { at, offset: style.offset(at), source, message });
        }
        drafts
    }
}

fn clock(at: Instant, offset: i16) -> DateTime<FixedOffset> {
    let zone = FixedOffset::east_opt(i32::from(offset) * 60).expect("an offset under a day");
    DateTime::from_timestamp(at, 0).expect("a time of our days").with_timezone(&zone)
}

/// A start field.
fn digits(at: Instant, offset: i16) -> String {
    clock(at, offset).format("%Y/%-m/%-d %-H:%M:%S").to_string()
}

/// A moment as `--at` takes it.
pub(crate) fn rfc3339(at: Instant) -> String {
    clock(at, 0).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn edited(mut drafts: Vec<Draft>, edits: &[Edit]) -> Vec<Draft> {
    let edits = if drafts.is_empty() { &[] } else { edits };
    for edit in edits {
        let count = drafts.len();
        match edit {
            Edit::Swap(at, by) => drafts.swap(at.index(count), (at.index(count) + by).min(count - 1)),
            Edit::Move(from, to) => {
                let draft = drafts.remove(from.index(count));
                drafts.insert(to.index(count), draft);
            }
            Edit::Twice(from, to) => {
                let draft = drafts[from.index(count)].clone();
                drafts.insert(to.index(count), draft);
            }
            Edit::Back(at, n, by) => drafts.iter_mut().skip(at.index(count)).take(*n).for_each(|d| d.at -= by),
        }
    }
    drafts
}

/// A line as written.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// With its newline.
    pub(crate) text: String,
    /// Its stamp, junk apart.
    pub(crate) at: Option<Instant>,
    /// Store, process and pid.
    pub(crate) source: (&'static str, &'static str, u32),
}

impl Line {
    /// The stream, if it is a line of an access service.
    pub(crate) fn stream(&self) -> Option<(&'static str, Service)> {
        Service::of_process(self.source.1.as_bytes()).map(|service| (self.source.0, service))
    }
}

/// Lines in the order of a file.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) lines: Vec<Line>,
}

impl Archive {
    fn new(style: Style, items: &[Item], edits: &[Edit]) -> Archive {
        let mut drafts: Vec<Draft> = items.iter().flat_map(|item| drafts(&style, item)).collect();
        drafts.sort_by_key(|d| d.at);
        let drafts = edited(drafts, edits);
        let count = drafts.len();
        let end = |n| match (style.crlf, style.cut_short && n + 1 == count) {
            (_, true) => "",
            (true, _) => "\r\n",
            _ => "\n",
        };
        let line = |(n, draft): (usize, Draft)| {
            let Draft { at, offset, source: (store, process, pid), message } = draft;
            let stamp = clock(at, offset).format("%d/%b/%Y:%H:%M:%S %z");
            let (text, at) = match store {
                "" => (format!("{message}{}", end(n)), None),
                _ => (format!("[{stamp}] {store} {process}[{pid}]: {message}{}", end(n)), Some(at)),
            };
            Line { text, at, source: (store, process, pid) }
        };
        Archive { lines: drafts.into_iter().enumerate().map(line).collect() }
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }

    /// Moments at which something may change: around every stamp and every connect, and far outside.
    pub(crate) fn moments(&self) -> Vec<Instant> {
        let mut moments: Vec<Instant> = self.lines.iter().filter_map(|line| line.at).collect();
        let lines = pair_lines(self);
        let connects = |line: &PairText| line.close.map(|c| [c.connect.at, line.stamp.at - i64::from(c.duration)]);
        moments.extend(lines.iter().filter_map(connects).flatten());
        moments.push(BASE);
        let ends = [moments.iter().min().map(|at| at - 4000), moments.iter().max().map(|at| at + 4000)];
        moments = moments.into_iter().flat_map(|at| [at - 1, at, at + 1]).chain(ends.into_iter().flatten()).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} lines", self.lines.len())?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{}", line.text.trim_end_matches('\n').replace('\r', "\\r")))
    }
}

/// Archives of some such items.
pub(crate) fn archive(items: std::ops::Range<usize>) -> impl Strategy<Value = Archive> {
    (style(), prop::collection::vec(item(), items), prop::collection::vec(edit(), 0..5))
        .prop_map(|(style, items, edits)| Archive::new(style, &items, &edits))
}

/// A login or close line that owns its texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PairText {
    pub(crate) stream: StreamId,
    pub(crate) pid: u32,
    pub(crate) peer: Peer,
    pub(crate) user: Vec<u8>,
    pub(crate) rest: Vec<u8>,
    pub(crate) stamp: Stamp,
    pub(crate) close: Option<Close>,
    pub(crate) inferred: bool,
}

/// What only a close has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Close {
    pub(crate) connect: Stamp,
    pub(crate) duration: u32,
    pub(crate) mismatch: bool,
}

impl PairText {
    pub(crate) fn line(&self) -> PairLine<'_> {
        let PairText { stream, pid, peer, ref user, ref rest, stamp, inferred, .. } = *self;
        let close = self.close.map(|Close { connect, duration, mismatch }| CloseLine { connect, duration, mismatch });
        PairLine { stream, pid, peer, user, rest, stamp, close, doubt: Doubt { inferred, forged: false } }
    }
}

/// The login and close lines of users, read one by one.
pub(crate) fn pair_lines(archive: &Archive) -> Vec<PairText> {
    let (streams, names, grammars) = (Streams::default(), Names::default(), super::grammars());
    archive.lines.iter().filter_map(|line| pair_line(line, &mut Reader::new(grammars, &names, &streams))).collect()
}

fn pair_line(line: &Line, reader: &mut Reader<'_>) -> Option<PairText> {
    use imstrail::grammar::Kind;
    let text = line.text.trim_end_matches('\n');
    let Said::Event(event) = reader.read(text.as_bytes(), &Years::default(), 0) else { return None };
    let fields = &event.fields;
    let source = event.source?;
    let close = match event.kind {
        Kind::Login => None,
        Kind::Close => {
            let got = connect(event.stamp, fields.start.local, fields.duration);
            Some(Close { connect: got.stamp, duration: fields.duration, mismatch: got.mismatch })
        }
        _ => return None,
    };
    let rest = if close.is_some() { event.behind(fields.user) } else { fields.mechanism };
    (fields.user != b"[unauthenticated]").then(|| PairText {
        stream: source.stream,
        pid: source.pid,
        peer: fields.peer,
        user: fields.user.to_ascii_lowercase(),
        rest: rest.to_vec(),
        stamp: event.stamp,
        close,
        inferred: event.inferred,
    })
}

/// The built-in templates.
pub(crate) fn built_in() -> Grammars {
    Grammars::new(&[]).expect("the built-in templates compile")
}
