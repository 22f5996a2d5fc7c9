//! The messages of the access services, as they stand after `Category Level:`.

use super::time::{Zone, push_clock, push_start};

/// Where a client connects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) v6: bool,
    pub(crate) host: u32,
    /// 0: not written.
    pub(crate) port: u16,
}

/// Appends a number in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn push_hex(out: &mut Vec<u8>, n: u32) {
    let skip = (n.leading_zeros() / 4).min(7);
    for nibble in (0..8 - skip).rev() {
        out.push(b"0123456789abcdef"[(n >> (nibble * 4) & 15) as usize]);
    }
}

impl Peer {
    /// `192.0.2.7:40718`, or eight groups for IPv6, `2001:db8:0:0:0:0:0:7:40718`; without its port
    /// if that is 0.
    pub(crate) fn push(self, out: &mut Vec<u8>) {
        if self.v6 {
            out.extend_from_slice(b"2001:db8:0:");
            push_hex(out, self.host >> 24);
            out.extend_from_slice(b":0:0:");
            push_hex(out, self.host >> 8 & 0xffff);
            out.push(b':');
            push_hex(out, self.host & 0xff);
        } else {
            for (n, octet) in self.host.to_be_bytes().into_iter().enumerate() {
                if n > 0 {
                    out.push(b'.');
                }
                push_number(out, u64::from(octet));
            }
        }
        if self.port != 0 {
            out.push(b':');
            push_number(out, u64::from(self.port));
        }
    }
}

/// `login [ip:port] user mechanism`
pub(crate) fn login(out: &mut Vec<u8>, peer: Peer, user: &[u8], mechanism: &str) {
    out.extend_from_slice(b"Account Information: login [");
    peer.push(out);
    out.extend_from_slice(b"] ");
    out.extend_from_slice(user);
    out.push(b' ');
    out.extend_from_slice(mechanism.as_bytes());
}

/// `badlogin: [ip:port] mechanism user reason`
pub(crate) fn badlogin(out: &mut Vec<u8>, peer: Peer, mechanism: &str, user: &[u8], reason: &str) {
    out.extend_from_slice(b"Account Notice: badlogin: [");
    peer.push(out);
    out.extend_from_slice(b"] ");
    out.extend_from_slice(mechanism.as_bytes());
    out.push(b' ');
    out.extend_from_slice(user);
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
}

/// What a close line says after its peer and user.
#[derive(Clone, Copy)]
pub(crate) struct Closing {
    /// Unix time.
    pub(crate) connect: i64,
    pub(crate) end: i64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) mailboxes: u64,
}

/// `close [ip:port] user yyyy/m/d h:mm:ss H:MM:SS in out mailboxes`
pub(crate) fn close(out: &mut Vec<u8>, peer: Peer, user: &[u8], closing: Closing, zone: Zone) {
    out.extend_from_slice(b"Account Notice: close [");
    peer.push(out);
    out.extend_from_slice(b"] ");
    out.extend_from_slice(user);
    out.push(b' ');
    push_start(out, closing.connect, zone);
    out.push(b' ');
    push_clock(out, (closing.end - closing.connect).unsigned_abs());
    for n in [closing.bytes_in, closing.bytes_out, closing.mailboxes] {
        out.push(b' ');
        push_number(out, n);
    }
}
