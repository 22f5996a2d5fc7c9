//! How ordinary logins and closes begin, from their host up to their peer: in a log there are a few texts of that, each read once.

use super::Source;
use super::known::Known;
use super::origins::Origins;
use crate::grammar::{Basis, Grammars, Usual, eight};

/// So many processes are found by the texts of their pids, by so many bits of a hash.
const WRITERS: usize = 1 << WRITERS_BITS;
const WRITERS_BITS: u32 = 10;

/// What such a beginning says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub(super) source: Source,
    /// Whether the template is a guess.
    pub(super) inferred: bool,
    pub(super) usual: Usual,
    /// Where the message begins.
    pub(super) message: usize,
}

/// The beginnings of one process's lines: of most the login and the close. Which of the two a line may have is told by one byte.
#[derive(Clone, Debug, Default)]
struct Writer {
    openings: [Option<(Known<4>, Opening)>; 2],
    /// Where they differ, and what the second has there.
    differ: (usize, u8),
}

/// The beginnings that a reader has met.
#[derive(Debug, Default)]
pub(super) struct Openings {
    /// None until the first is met: many a reader meets none.
    writers: Vec<Writer>,
    /// Where in the last line the pid stood.
    pid: usize,
}

impl Openings {
    /// That of a text from its host on, if it is one of an ordinary login or close.
    #[inline(always)]
    pub(super) fn of(&mut self, text: &[u8], origins: &mut Origins<'_>, grammars: &Grammars) -> Option<Opening> {
        let at = self.place_of(text)?;
        match self.known(at, text) {
            Some(opening) => Some(opening),
            None => self.read(text, origins, grammars),
        }
    }

    /// Which process a text may be from.
    #[inline(always)]
    fn place_of(&self, text: &[u8]) -> Option<usize> {
        let pid = eight(text.get(self.pid..)?);
        Some((pid.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - WRITERS_BITS)) as usize)
    }

    #[inline(always)]
    fn known(&self, writer: usize, text: &[u8]) -> Option<Opening> {
        let Writer { openings, differ: (at, byte) } = self.writers.get(writer)?;
        let is_second = text.get(*at) == Some(byte);
        let (known, opening) = openings.get(usize::from(is_second))?.as_ref()?;
        known.behind(text).map(|_| *opening)
    }

    /// Reads it, and keeps it.
    #[inline(never)]
    fn read(&mut self, text: &[u8], origins: &mut Origins<'_>, grammars: &Grammars) -> Option<Opening> {
        let (source, process, [from_pid, behind]) = origins.met(text)?;
        let notice = behind.strip_prefix(b"]: Account Notice: ");
        let message = notice.or_else(|| behind.strip_prefix(b"]: Account Information: "))?;
        let (meaning, usual) = grammars.usual(process, message)?;
        let begins = text.len() - message.len();
        self.pid = text.len() - from_pid.len();
        let at = self.place_of(text)?;
        let known = self.known(at, text);
        if known.is_some() {
            return known;
        }
        let inferred = meaning.basis == Basis::Inferred;
        let opening = Opening { source, inferred, usual, message: begins };
        if self.writers.is_empty() {
            self.writers.resize(WRITERS, Writer::default());
        }
        self.writers.get_mut(at)?.keep((Known::of(text.get(..begins + usual.length())?), opening));
        Some(opening)
    }
}

impl Writer {
    /// Keeps another one, beside the first or in the place of the one that it is like.
    fn keep(&mut self, new: (Known<4>, Opening)) {
        let [first, second] = std::mem::take(&mut self.openings);
        let (at, byte) = self.differ;
        let other = match (first, second) {
            (first, Some(second)) => {
                if new.0.bytes().nth(at) == Some(byte) {
                    first
                } else {
                    Some(second)
                }
            }
            (first, None) => first,
        };
        let differ = other.as_ref().and_then(|other| {
            let pairs = other.0.bytes().zip(new.0.bytes()).enumerate();
            pairs.into_iter().find(|(_, (theirs, ours))| theirs != ours).map(|(at, (_, ours))| (at, ours))
        });
        // Where one begins as the other, or there is no other, no byte tells of a second.
        *self = match differ {
            Some(differ) => Writer { openings: [other, Some(new)], differ },
            None => Writer { openings: [Some(new), None], differ: (0, b'\n') },
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::grammar::Grammars;
    use crate::parse::{Line, Names, Reader, Years};
    use crate::random::Random;
    use crate::streams::Streams;

    const LOGIN: &str = "login [192.0.2.7:4001] ed plaintext";
    const CLOSE: &str = "close [192.0.2.7:4001] ed 2019/5/29 9:53:25 0:06:35 12 345678 3";

    /// Whatever beginnings were met before, and in whichever order, a line is read as by who has met none.
    #[test]
    fn a_line_is_read_as_it_begins() {
        let (grammars, names, streams) = (Grammars::new(&[]).unwrap(), Names::default(), Streams::default());
        let long = "a-store-of-which-all-that-is-compared-at-once-is-only-the-beginning-of-its-name";
        let (longer, other) = (format!("{long}s"), format!("{}z", &long[..long.len() - 1]));
        let mut lines = Vec::new();
        for store in ["s", "store1", "store2", "storf1", "mail.example.com", long, &longer, &other] {
            for process in ["imapd[7]", "imapd[8]", "imapd[12345]", "imapd[123456]", "popd[7]", "popd[12345]"] {
                let head = format!("[29/May/2019:10:00:00 +0200] {store} {process}");
                for level in ["Notice", "Information"] {
                    lines.extend([LOGIN, CLOSE].map(|message| format!("{head}: Account {level}: {message}")));
                }
            }
        }
        let whole = |line: &String| {
            let read = Reader::new(&grammars, &names, &streams).read(line.as_bytes(), &Years::default(), 0);
            let Line::Event(event) = read else { panic!("{line}") };
            let source = event.source.unwrap();
            (source.stream, source.pid, format!("{:?} {:?} {}", event.kind, event.stamp, event.message.len()))
        };
        let expected: Vec<_> = lines.iter().map(whole).collect();
        let mut reader = Reader::new(&grammars, &names, &streams);
        // All of them become known.
        lines.iter().for_each(|line| _ = reader.read(line.as_bytes(), &Years::default(), 0));
        let mut random = Random(1);
        for round in 0..20_000 {
            // Some of one process, then any.
            let number =
                if round % 200 < 100 { random.place(4) + round / 200 } else { random.place(lines.len()) } % lines.len();
            let text = format!("{}\n", lines[number]).repeat(4);
            let line = reader.ordinary(text.as_bytes()).unwrap_or_else(|| panic!("{}", lines[number]));
            let event = line.event();
            let got = format!("{:?} {:?} {}", event.kind, event.stamp, event.message.len());
            assert_eq!((line.source.stream, line.source.pid, got), expected[number], "{}", lines[number]);
        }
    }

    /// What begins otherwise is left to who reads any line.
    #[test]
    fn others_are_not_ordinary() {
        let (grammars, names, streams) = (Grammars::new(&[]).unwrap(), Names::default(), Streams::default());
        let mut reader = Reader::new(&grammars, &names, &streams);
        let line = |head: &str, message: &str| format!("[29/May/2019:10:00:00 +0200] {head}: {message}\n").repeat(4);
        let mut is_ordinary = |head: &str, message: &str| {
            let text = line(head, message);
            _ = reader.read(text.lines().next().unwrap().as_bytes(), &Years::default(), 0);
            reader.ordinary(text.as_bytes()).is_some()
        };
        for _ in 0..2 {
            assert!(is_ordinary("store1 imapd[7]", &format!("Account Notice: {LOGIN}")));
            assert!(is_ordinary("store1 imapd[7]", &format!("Account Notice: {CLOSE}")));
            assert!(!is_ordinary("store1 ims_master[7]", &format!("Account Notice: {LOGIN}")));
            assert!(!is_ordinary("store1 imapd[7]", &format!("Account Warning: {LOGIN}")));
            assert!(!is_ordinary("store1 imapd[7]", &format!("Account Notice:  {LOGIN}")));
            assert!(!is_ordinary("store1 imapd[7]", &format!("Account Notice: {}", LOGIN.replace("login", "Login"))));
            assert!(!is_ordinary("store1 imapd[7]", &format!("General Notice: {CLOSE}")));
            assert!(!is_ordinary(
                "store1 imapd[7]",
                "Account Notice: badlogin: [192.0.2.7:4001] plaintext ed Bad password"
            ));
        }
    }
}
