//! The words of the field as types: the stamp, the service, the peer.
//!
//! They are small, `Copy`, and know nothing of files or of rendering.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z. Negative before.
pub type Instant = i64;

/// A day, in seconds.
pub const DAY: Instant = 86_400;

/// A moment and how the log wrote it: the instant and the offset from UTC in minutes (R4: never altered).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The instant in seconds since 1970 UTC.
    pub at: Instant,
    /// Minutes east of UTC, −959 to 959, as the line wrote it.
    pub offset: i16,
}

impl Stamp {
    /// The digits that a clock with this offset showed, as seconds since 1970-01-01T00:00:00 on that clock.
    pub fn local(self) -> i64 {
        self.at + i64::from(self.offset) * 60
    }
}

/// What a line is doubted for. Rows that rest on it say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// `inferred-format`: it was read by a template that is a guess.
    pub inferred: bool,
    /// `possibly-forged`: it may be a part of a refused user name that held line breaks.
    pub forged: bool,
}

impl Doubt {
    /// What something is doubted for that needs two lines.
    pub fn of_both(self, other: Doubt) -> Doubt {
        Doubt { inferred: self.inferred | other.inferred, forged: self.forged | other.forged }
    }

    /// What something is doubted for that one of two lines proves.
    pub fn of_either(self, other: Doubt) -> Doubt {
        Doubt { inferred: self.inferred & other.inferred, forged: self.forged & other.forged }
    }
}

/// The access services, in the order of the answers (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Service {
    /// `imapd`
    Imap,
    /// `httpd` and `mshttpd`
    Http,
    /// `popd`
    Pop,
}

impl Service {
    /// Every service, in the order of the answers.
    pub const ALL: [Service; 3] = [Service::Imap, Service::Http, Service::Pop];

    /// The service that a process name belongs to (R1), if it is one of the access services.
    pub fn of_process(name: &[u8]) -> Option<Service> {
        match name {
            b"imapd" => Some(Service::Imap),
            b"popd" => Some(Service::Pop),
            b"httpd" | b"mshttpd" => Some(Service::Http),
            _ => None,
        }
    }

    /// The service that a multiplexor of this process name stands before, if it is one.
    pub fn of_multiplexor(name: &[u8]) -> Option<Service> {
        match name {
            b"ImapProxy" => Some(Service::Imap),
            b"PopProxy" => Some(Service::Pop),
            _ => None,
        }
    }

    /// `imap`, `http` or `pop`.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Imap => "imap",
            Service::Http => "http",
            Service::Pop => "pop",
        }
    }
}

/// A file or archive member, numbered in the order of the paths' bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// A line that an answer rests on: where it is. The smallest of several stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Evidence {
    /// In which file.
    pub file: FileId,
    /// At which byte of its decoded text the line begins.
    pub place: u64,
    /// Which line it is of those that begin in its piece of the text, from 1: with how many begin before the piece, its number.
    pub nth: u32,
}

impl Evidence {
    /// So many bytes it takes.
    pub const BYTES: usize = 16;

    /// As bytes that sort as it does.
    pub fn to_bytes(self) -> [u8; Evidence::BYTES] {
        let Evidence { file: FileId(file), place, nth } = self;
        (u128::from(file) << 96 | u128::from(place) << 32 | u128::from(nth)).to_be_bytes()
    }

    /// That of some bytes.
    pub fn of_bytes(bytes: [u8; Evidence::BYTES]) -> Evidence {
        let bits = u128::from_be_bytes(bytes);
        Evidence { file: FileId((bits >> 96) as u32), place: (bits >> 32) as u64, nth: bits as u32 }
    }
}

/// The far end of a connection: an address, and the port where the log gave one.
///
/// IPv4 addresses are held as IPv4-mapped IPv6, so that both spellings of one address are one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Peer {
    /// The high and the low half of the address: two words keep it at 24 bytes.
    ip: [u64; 2],
    /// Port + 1, or 0 where the log gave none.
    port: u32,
}

impl Peer {
    /// A peer at an address, with the port if the log gave one.
    pub fn new(ip: IpAddr, port: Option<u16>) -> Peer {
        let v6 = match ip {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let bits = u128::from(v6);
        Peer { ip: [(bits >> 64) as u64, bits as u64], port: port.map_or(0, |p| u32::from(p) + 1) }
    }

    /// A peer at an IPv4 address, given as a number.
    pub fn v4(ip: u32, port: Option<u16>) -> Peer {
        Peer { ip: [0, 0xffff_0000_0000 | u64::from(ip)], port: port.map_or(0, |p| u32::from(p) + 1) }
    }

    /// The address; IPv4-mapped IPv6 comes out as IPv4.
    pub fn ip(self) -> IpAddr {
        let [high, low] = self.ip.map(u128::from);
        Ipv6Addr::from(high << 64 | low).to_canonical()
    }

    /// The port, if the log gave one.
    pub fn port(self) -> Option<u16> {
        self.port.checked_sub(1).and_then(|p| u16::try_from(p).ok())
    }

    /// Whether the log gave a port.
    pub fn has_port(self) -> bool {
        self.port != 0
    }

    /// The peer as shown.
    pub fn text(self) -> String {
        // It grows but once: `to_string` would begin with nothing.
        let mut text = String::with_capacity("[2001:db8:1234:5678:9abc:def0:1234:5678]:65535".len());
        _ = fmt::Write::write_fmt(&mut text, format_args!("{self}"));
        text
    }

    /// The peer as numbers: the halves of the address, and the port + 1 or 0.
    pub fn bits(self) -> ([u64; 2], u32) {
        (self.ip, self.port)
    }

    /// The peer of these numbers.
    pub fn from_bits((ip, port): ([u64; 2], u32)) -> Peer {
        Peer { ip, port }
    }
}

impl fmt::Display for Peer {
    /// `192.0.2.7:40718`, `[2001:db8::7]:40718`, or the address alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ip(), self.port()) {
            (IpAddr::V6(ip), Some(port)) => write!(f, "[{ip}]:{port}"),
            (IpAddr::V6(ip), None) => write!(f, "{ip}"),
            (IpAddr::V4(ip), port) => {
                // An answer may have very many, and the formatter of numbers is slow.
                let mut number = itoa::Buffer::new();
                let [a, b, c, d] = ip.octets();
                f.write_str(number.format(a))?;
                for byte in [b, c, d] {
                    f.write_str(".")?;
                    f.write_str(number.format(byte))?;
                }
                port.map_or(Ok(()), |port| {
                    f.write_str(":")?;
                    f.write_str(number.format(port))
                })
            }
        }
    }
}
