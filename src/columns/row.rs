//! A line as fields, and how it is printed from them.

use super::date::Dates;

/// A line of a block, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row<'a> {
    /// A line with the envelope of service logs.
    Entry(Entry<'a>),
    /// Any other line, as it is.
    Text(&'a [u8]),
}

/// `[stamp` and `offset] host process[` and `pid` and `]: Category Level: ` and what the line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The digits of the stamp, as seconds since 1970-01-01T00:00:00 on the clock that wrote them.
    pub digits: i64,
    /// The texts around the pid.
    pub frame: Frame<'a>,
    /// The process.
    pub pid: u32,
    /// What follows.
    pub said: Said<'a>,
}

/// What is the same in very many lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    /// What the lines say.
    pub shape: Shape,
    /// From behind the stamp's digits up to the pid: ` +0200] store1 imapd[`.
    pub before: &'a [u8],
    /// From behind the pid up to what varies: `]: Account Notice: close [`, or `]: Store Critical: `.
    pub behind: &'a [u8],
}

/// Which fields a line has behind its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Those of [`Said::Message`].
    Message,
    /// Those of [`Said::Login`].
    Login,
    /// Those of [`Said::Refused`].
    Refused,
    /// Those of [`Said::Close`].
    Close,
}

/// What a line says behind its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Anything.
    Message(&'a [u8]),
    /// `peer] user more`: more is the mechanism, with the blank before it.
    Login(Who<'a>, &'a [u8]),
    /// `peer] mechanism user more`: the mechanism; the first word of the user; and more, from the blank before it on.
    Refused(Who<'a>, &'a [u8], &'a [u8]),
    /// `peer] user start duration in out mailboxes more`.
    Close(Who<'a>, Close, &'a [u8]),
}

/// Who a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Who<'a> {
    /// From where.
    pub peer: Spelled<'a>,
    /// One word.
    pub user: &'a [u8],
}

/// A peer as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spelled<'a> {
    /// What stands before the port.
    pub address: Address<'a>,
    /// The port, with a colon before it.
    pub port: Option<u16>,
}

/// An address as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Address<'a> {
    /// Four octets, the first of them highest.
    V4(u32),
    /// Anything else.
    Text(&'a [u8]),
}

/// The numbers of a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// The digits of the start, as those of the stamp are told.
    pub start: i64,
    /// In seconds.
    pub duration: i64,
    /// Bytes in, bytes out, mailboxes.
    pub counts: [u64; 3],
}

/// Prints rows. It remembers the last dates.
#[derive(Debug, Default)]
pub struct Printer {
    dates: Dates,
}

impl Printer {
    /// Puts a line, without its end, behind what is there. `None`, and perhaps a part of a line, for what no line can have: a date
    /// behind the year 9999, a duration below zero.
    pub fn print(&mut self, row: &Row<'_>, out: &mut Vec<u8>) -> Option<()> {
        match row {
            Row::Text(text) => out.extend_from_slice(text),
            Row::Entry(entry) => {
                self.dates.stamp(entry.digits, out)?;
                out.extend_from_slice(entry.frame.before);
                number(u64::from(entry.pid), out);
                out.extend_from_slice(entry.frame.behind);
                self.said(&entry.said, out)?;
            }
        }
        Some(())
    }

    fn said(&mut self, said: &Said<'_>, out: &mut Vec<u8>) -> Option<()> {
        let more = match said {
            Said::Message(text) => text,
            Said::Login(who, more) => {
                peer(&who.peer, out);
                out.extend_from_slice(who.user);
                more
            }
            Said::Refused(who, mechanism, more) => {
                peer(&who.peer, out);
                out.extend_from_slice(mechanism);
                out.push(b' ');
                out.extend_from_slice(who.user);
                more
            }
            Said::Close(who, close, more) => {
                peer(&who.peer, out);
                out.extend_from_slice(who.user);
                out.push(b' ');
                self.dates.start(close.start, out)?;
                out.push(b' ');
                duration(close.duration, out)?;
                for count in close.counts {
                    out.push(b' ');
                    number(count, out);
                }
                more
            }
        };
        out.extend_from_slice(more);
        Some(())
    }
}

/// A peer, the bracket behind it, and a blank.
fn peer(peer: &Spelled<'_>, out: &mut Vec<u8>) {
    match peer.address {
        Address::V4(ip) => {
            for (n, octet) in ip.to_be_bytes().into_iter().enumerate() {
                if n > 0 {
                    out.push(b'.');
                }
                number(u64::from(octet), out);
            }
        }
        Address::Text(text) => out.extend_from_slice(text),
    }
    if let Some(port) = peer.port {
        out.push(b':');
        number(u64::from(port), out);
    }
    out.extend_from_slice(b"] ");
}

fn number(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// `H:MM:SS`.
fn duration(seconds: i64, out: &mut Vec<u8>) -> Option<()> {
    let seconds = u64::try_from(seconds).ok()?;
    number(seconds / 3600, out);
    out.extend_from_slice(&super::date::minutes_and_seconds((seconds % 3600) as u32));
    Some(())
}
