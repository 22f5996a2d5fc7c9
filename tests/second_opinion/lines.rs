//! One line of a log and what it says (R1, R2, R4), read as `grammars/envelope.abnf` writes it.

use super::calendar;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A message that begins so and whose fields do not fit is a reject.
const MUST_FIT: [&[u8]; 3] = [b"login ", b"close ", b"badlogin: "];

/// What stands for the user in the close of a connection that never logged in.
const NOBODY: &[u8] = b"[unauthenticated]";

/// Users are compared in lower case (R2), so this is nobody in any case of letters. The tool makes a user of any other
/// spelling, which it shows as `[unauthenticated]`; to be switched on when that is mended.
const NOBODY_IN_ANY_CASE: bool = false;

/// Whether a reject with a good envelope shows that its process lived. The rules do not say; the tool says no.
const REJECTS_SHOW_LIFE: bool = false;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Imap,
    Http,
    Pop,
}

/// All lines of one store and service.
pub(crate) type Stream = (Vec<u8>, Service);

/// The client's address, and its port where the line has one.
pub(crate) type Peer = (IpAddr, Option<u16>);

/// A line of an access service.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) stream: Stream,
    pub(crate) pid: u32,
    pub(crate) at: i64,
    pub(crate) offset: i64,
    pub(crate) says: Says,
    /// The number of the file that it stands in.
    pub(crate) file: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Says {
    Login(Login),
    Close(Close),
    /// The close of a connection that never logged in.
    Nobody,
    Starting,
    Stopping,
    /// Anything else: it shows that the process lived.
    Other,
}

impl Says {
    /// Whether it counts for coverage.
    pub(crate) fn covers(&self) -> bool {
        *self != Says::Other
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Login {
    pub(crate) peer: Peer,
    pub(crate) mechanism: Vec<u8>,
    pub(crate) user: Vec<u8>,
    pub(crate) inferred: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Close {
    pub(crate) peer: Peer,
    pub(crate) user: Vec<u8>,
    /// The start field as if it were UTC.
    pub(crate) start: i64,
    pub(crate) duration: i64,
    /// What stands behind the user.
    pub(crate) tail: Vec<u8>,
    pub(crate) inferred: bool,
}

impl Service {
    fn of_process(process: &[u8]) -> Option<Service> {
        match process {
            b"imapd" => Some(Service::Imap),
            b"popd" => Some(Service::Pop),
            b"httpd" | b"mshttpd" => Some(Service::Http),
            _ => None,
        }
    }
}

/// The lines of a file.
pub(crate) fn of_file(bytes: &[u8], file: usize) -> Vec<Line> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| read(line, file)).collect()
}

/// A line of an access service, if its envelope is good.
fn read(line: &[u8], file: usize) -> Option<Line> {
    if line.len() > 65_536 {
        return None;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"[").unwrap_or(line);
    let (at, offset) = stamp(line.get(..26)?)?;
    let rest = &line[26..];
    let rest = rest.strip_prefix(b"]").unwrap_or(rest).strip_prefix(b" ")?;
    let (host, rest) = name(rest)?;
    let (process, rest) = name(rest.strip_prefix(b" ")?)?;
    let (pid, rest) = digits(rest.strip_prefix(b"[")?);
    let pid = std::str::from_utf8(pid).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b"]: ")?;
    let rest = letters(letters(rest)?.strip_prefix(b" ")?)?.strip_prefix(b":")?;
    let message = rest.strip_prefix(b" ").unwrap_or(rest);
    let service = Service::of_process(process)?;
    Some(Line { stream: (host.to_vec(), service), pid, at, offset, says: says(message, service)?, file })
}

fn split_where(bytes: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().position(|byte| ends(*byte)).unwrap_or(bytes.len()))
}

fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    split_where(bytes, |byte| !byte.is_ascii_digit())
}

fn name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = split_where(bytes, |byte| matches!(byte, 0..=b' ' | b'[' | b']' | 0x7f));
    (!name.is_empty()).then_some((name, rest))
}

fn letters(bytes: &[u8]) -> Option<&[u8]> {
    let (word, rest) = split_where(bytes, |byte| !byte.is_ascii_alphabetic());
    (!word.is_empty()).then_some(rest)
}

/// Everything up to the next blank, at least a byte.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = split_where(bytes, |byte| byte == b' ');
    (!word.is_empty()).then_some((word, rest))
}

fn number(digits: &[u8], most: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let good = most.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    good.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

/// `29/May/2019:10:44:56 +0200`: the instant and the offset in seconds.
fn stamp(text: &[u8]) -> Option<(i64, i64)> {
    let two = |from: usize| number(&text[from..from + 2], 2..=2);
    let marks = [(2, b'/'), (6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if marks.iter().any(|(place, mark)| text[*place] != *mark) {
        return None;
    }
    let date = [number(&text[7..11], 4..=4)?, calendar::month(&text[3..6])?, two(0)?];
    let local = calendar::seconds(date, [two(12)?, two(15)?, two(18)?])?;
    let (hours, minutes) = (two(22)?, two(24)?);
    let size = hours * 3600 + minutes * 60;
    let offset = match text[21] {
        b'+' => size,
        b'-' => -size,
        _ => return None,
    };
    (hours < 16 && minutes < 60).then_some((local - offset, offset))
}

fn says(message: &[u8], service: Service) -> Option<Says> {
    let guessed = service == Service::Http;
    let login = || {
        let behind = |word: &[u8], inferred| login(message.strip_prefix(word)?, inferred);
        behind(b"login [", guessed).or_else(|| behind(b"connect [", true)).map(Says::Login)
    };
    let close = || {
        let behind = |word: &[u8], short, inferred| close(message.strip_prefix(word)?, short, inferred);
        let long = behind(b"close [", false, guessed).or_else(|| behind(b"logout [", false, true));
        let close = long.or_else(|| guessed.then(|| behind(b"logout [", true, true))?)?;
        let nobody = if NOBODY_IN_ANY_CASE {
            close.user == NOBODY
        } else {
            message.windows(NOBODY.len()).any(|part| part == NOBODY)
        };
        Some(if close.user == NOBODY && nobody { Says::Nobody } else { Says::Close(close) })
    };
    let reject = || MUST_FIT.iter().any(|word| message.starts_with(word)) && !refused(message);
    let says = login().or_else(close).or_else(|| mark(message));
    says.or_else(|| (REJECTS_SHOW_LIFE || !reject()).then_some(Says::Other))
}

fn login(behind: &[u8], inferred: bool) -> Option<Login> {
    let (peer, rest) = peer(behind)?;
    let (user, rest) = word(rest)?;
    let (mechanism, _) = word(rest.strip_prefix(b" ")?)?;
    Some(Login { peer, mechanism: mechanism.to_vec(), user: user.to_ascii_lowercase(), inferred })
}

fn close(behind: &[u8], short: bool, inferred: bool) -> Option<Close> {
    let (peer, rest) = peer(behind)?;
    let (user, rest) = word(rest)?;
    let (date, rest) = word(rest.strip_prefix(b" ")?)?;
    let (time, rest) = word(rest.strip_prefix(b" ")?)?;
    let (length, mut rest) = word(rest.strip_prefix(b" ")?)?;
    let start =
        calendar::seconds(fields(date, b'/', [4..=4, 1..=2, 1..=2])?, fields(time, b':', [1..=2, 2..=2, 2..=2])?)?;
    let [hours, minutes, seconds] = fields(length, b':', [1..=6, 2..=2, 2..=2])?;
    if date[0] == b'0' || minutes > 59 || seconds > 59 {
        return None;
    }
    for _ in 0..if short { 0 } else { 3 } {
        let (count, behind) = word(rest.strip_prefix(b" ")?)?;
        let fits = count.iter().all(u8::is_ascii_digit) && std::str::from_utf8(count).ok()?.parse::<u64>().is_ok();
        if !fits {
            return None;
        }
        rest = behind;
    }
    let duration = hours * 3600 + minutes * 60 + seconds;
    let tail = behind.strip_prefix(b" ").unwrap_or(behind).to_vec();
    Some(Close { peer, user: user.to_ascii_lowercase(), start, duration, tail, inferred })
}

/// Whether a refused login fits: a reason behind a mechanism and a name, which may be empty or anything.
fn refused(message: &[u8]) -> bool {
    let name = |rest: &[u8]| {
        let reason = b"authentication failure";
        let fits = |at: usize| {
            let behind = rest.get(at + 1 + reason.len()..);
            let same = rest
                .get(at + 1..)
                .is_some_and(|rest| rest.len() >= reason.len() && rest[..reason.len()].eq_ignore_ascii_case(reason));
            rest[at] == b' ' && same && behind.is_some_and(|behind| behind.is_empty() || behind[0] == b' ')
        };
        (0..rest.len()).any(fits)
    };
    let behind = message.strip_prefix(b"badlogin: [").and_then(peer).and_then(|(_, rest)| word(rest));
    behind.and_then(|(_, rest)| rest.strip_prefix(b" ")).is_some_and(name)
}

/// Three numbers with a mark between them, each of so many digits.
fn fields(text: &[u8], mark: u8, lengths: [std::ops::RangeInclusive<usize>; 3]) -> Option<[i64; 3]> {
    let parts: Vec<&[u8]> = text.split(|byte| *byte == mark).collect();
    let [a, b, c] = parts.as_slice() else { return None };
    let [x, y, z] = lengths;
    Some([number(a, x)?, number(b, y)?, number(c, z)?])
}

/// The peer and what stands behind `] `. Its text may have brackets of its own.
fn peer(text: &[u8]) -> Option<(Peer, &[u8])> {
    let end = text.windows(2).position(|two| two == b"] ")?;
    Some((peer_of(std::str::from_utf8(&text[..end]).ok()?)?, &text[end + 2..]))
}

fn peer_of(text: &str) -> Option<Peer> {
    if text.len() > 95 {
        return None;
    }
    if let Some(address) = address(text) {
        return Some((address, None));
    }
    if let Some((inside, port)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let port = if port.is_empty() { None } else { Some(port_of(port.strip_prefix(':')?)?) };
        return Some((address(inside)?, port));
    }
    let (before, port) = text.rsplit_once(':')?;
    Some((address(before)?, Some(port_of(port)?)))
}

fn port_of(text: &str) -> Option<u16> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// An IPv4 address, or an IPv6 one in any spelling; a mapped one is the IPv4 one.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(four) = text.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(four));
    }
    let text = text.strip_prefix("IPv6:").unwrap_or(text);
    let text = text.split_once('%').filter(|(_, zone)| !zone.is_empty()).map_or(text, |(before, _)| before);
    Some(IpAddr::V6(text.parse::<Ipv6Addr>().ok()?).to_canonical())
}

/// A start or stop mark: the whole message.
fn mark(message: &[u8]) -> Option<Says> {
    let endings: [(&[u8], Says); 3] =
        [(b"starting up", Says::Starting), (b"shutting down", Says::Stopping), (b"exiting", Says::Stopping)];
    let (before, says) = endings.iter().find_map(|(end, says)| Some((message.strip_suffix(*end)?, says)))?;
    let before = before.strip_suffix(b" ")?;
    let products: [&[u8]; 5] = [b"Oracle ", b"Sun ", b"iPlanet ", b"Netscape ", b"Messaging "];
    let product = products.iter().any(|product| before.starts_with(product));
    let itself = !before.is_empty() && !before.contains(&b' ');
    (product || itself).then(|| says.clone())
}
