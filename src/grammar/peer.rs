//! The peer: the address between brackets, in every spelling that has been thought of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::eight::{Digits, byte, eight, octet};
use super::marks::Marks;
use super::{Parsed, fault};
use crate::model::Peer;

/// ```abnf
/// peer  = ip4 [":" port] / ip6 / ip6 ":" port / "[" ip6 "]" [":" port]
/// ip6   = ["IPv6:"] <RFC 4291> ["%" zone]
/// ```
/// Reads up to, not including, the `]` that closes the template's bracket. `2001:db8::1:143` could be an address,
/// or an address and a port: it is read as an address, which claims less. Eight groups and a port, or a
/// last group that no address could have, are read as a port. A zone is accepted and not kept.
pub fn peer(input: &[u8]) -> Parsed<'_, Peer> {
    let mut peer = Peer::default();
    match peer_at(input, 0, &Marks::of(input), &mut peer) {
        Some(end) => Ok((input.get(end..).unwrap_or_default(), peer)),
        None => fault("peer"),
    }
}

/// As [`peer`], from one byte of a marked message on: where it ends. It goes straight to where it is wanted, since handing it on
/// in results would be three copies.
#[inline(always)]
pub(super) fn peer_at(message: &[u8], at: usize, marks: &Marks, peer: &mut Peer) -> Option<usize> {
    match quick_v4(message, at, marks) {
        Some((end, ip, port)) => {
            *peer = Peer::v4(ip, port);
            Some(end)
        }
        None => any_peer(message, at, peer),
    }
}

#[cold]
fn any_peer(message: &[u8], at: usize, peer: &mut Peer) -> Option<usize> {
    let input = message.get(at..)?;
    let nested = usize::from(input.first() == Some(&b'['));
    let close = closing(input, nested)?;
    *peer = any_spelling(std::str::from_utf8(input.get(..close)?).ok()?)?;
    Some(at + close)
}

/// Where the template's own `]` stands: the first, or the second after a nested bracket.
fn closing(input: &[u8], nested: usize) -> Option<usize> {
    const LONGEST: usize = 96;
    let window = input.get(..input.len().min(LONGEST))?;
    memchr::memchr_iter(b']', window).nth(nested)
}

fn any_spelling(text: &str) -> Option<Peer> {
    if let Some(inner) = text.strip_prefix('[') {
        let (ip, port) = inner.split_once(']')?;
        let port = match port.strip_prefix(':') {
            Some(digits) => Some(port_number(digits)?),
            None if port.is_empty() => None,
            None => return None,
        };
        return Some(Peer::new(address(ip)?, port));
    }
    if let Some(ip) = address(text) {
        return Some(Peer::new(ip, None));
    }
    let (ip, port) = text.rsplit_once(':')?;
    Some(Peer::new(address(ip)?, Some(port_number(port)?)))
}

fn address(text: &str) -> Option<IpAddr> {
    if let Ok(v4) = text.parse::<Ipv4Addr>() {
        return Some(v4.into());
    }
    let text = match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => text.get(5..)?,
        _ => text,
    };
    let bare = match text.split_once('%') {
        Some((bare, zone)) if !zone.is_empty() => bare,
        Some(_) => return None,
        None => text,
    };
    bare.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

fn port_number(digits: &str) -> Option<u16> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The usual case, `d.d.d.d:port]` or `d.d.d.d]` without a zero before other digits, with no branch that the digits
/// decide. Whatever else there is, is left to [`any_spelling`].
#[inline(always)]
fn quick_v4(message: &[u8], at: usize, marks: &Marks) -> Option<(usize, u32, Option<u16>)> {
    let mut others = !marks.digits(at);
    let mut next = || {
        let place = others.trailing_zeros() as usize;
        others &= others.wrapping_sub(1);
        place
    };
    let [a, b, c, d] = [next(), next(), next(), next()];
    let input = message.get(at..)?;
    // Two octets and their dots fit into eight bytes, however long they are. Of 64 digits in a row all places are 64.
    let (first, second) = (eight(input), eight(input.get(b + 1..)?));
    let (third, fourth) = (c.wrapping_sub(b + 1), d.wrapping_sub(b + 1));
    if b > 7 || fourth > 7 || [byte(first, a), byte(first, b), byte(second, third)] != *b"..." {
        return None;
    }
    let ip = octet(first, 0, a)? << 24 | octet(first, a + 1, b - a - 1)? << 16;
    let ip = ip | octet(second, 0, third)? << 8 | octet(second, third + 1, d - c - 1)?;
    match byte(second, fourth) {
        b']' => Some((at + d, ip, None)),
        b':' => {
            let end = next();
            let digits = Digits::of(eight(input.get(d + 1..)?));
            let count @ 1..=5 = end - d - 1 else { return None };
            let port = digits.number(count);
            let ends = input.get(end) == Some(&b']') && port <= u32::from(u16::MAX);
            ends.then_some((at + end, ip, Some(port as u16)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let table: &[(&str, &str)] = &[
            ("192.0.2.7:40718]", "192.0.2.7:40718"),
            ("192.0.2.7]", "192.0.2.7"),
            ("1.20.255.0:65535]", "1.20.255.0:65535"),
            ("0.9.10.1]", "0.9.10.1"),
            ("::ffff:192.0.2.7]", "192.0.2.7"),
            ("[::ffff:192.0.2.7]:25]", "192.0.2.7:25"),
            ("2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]]", "2001:db8::7"),
            ("[2001:db8::7]:40718]", "[2001:db8::7]:40718"),
            ("2001:db8::7:40718]", "[2001:db8::7]:40718"),
            ("2001:DB8:0:0:0:0:0:7:143]", "[2001:db8::7]:143"),
            ("2001:db8::7:143]", "2001:db8::7:143"),
            ("IPv6:2001:db8::7]", "2001:db8::7"),
            ("fe80::1%eth0]", "fe80::1"),
            ("[fe80::1%eth0]:143]", "[fe80::1]:143"),
            ("::1]", "::1"),
            ("0.0.0.0:0]", "0.0.0.0:0"),
        ];
        for (text, shown) in table {
            let (rest, peer) = peer(text.as_bytes()).unwrap();
            assert_eq!((peer.to_string().as_str(), rest), (*shown, &b"]"[..]), "{text}");
        }
    }

    #[test]
    fn no_peers() {
        for text in [
            "]",
            "unauthenticated]",
            "192.0.2.256:1]",
            "192.0.2.7:65536]",
            "192.0.2:1]",
            "192.0.2.7:]",
            "192.0.2.7",
            "192.0.2.7 ]",
            "host.example.com:25]",
            "[2001:db8::7:1]",
            "fe80::1%]",
            "01.2.3.4:5]",
            "1.00.3.4]",
            "1.2.3.04]",
            "1.2.3.256]",
            "192.0.2.7.1:5]",
            "192.0.2.4294967297:5]",
            "192.0.2.7:4294967297]",
            "192.0.2.1000]",
            ".0.2.7]",
            "192.0.2.:1]",
        ] {
            assert!(peer(text.as_bytes()).is_err(), "{text}");
        }
        for digits in [7, 8, 62, 63, 64, 65, 130] {
            for behind in ["]", ".1.1.1:5]", ":5]"] {
                let text = format!("{}{behind}", "1".repeat(digits));
                assert!(peer(text.as_bytes()).is_err(), "{text}");
            }
        }
    }
}
