//! The peer: the address between brackets, in every spelling that has been thought of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::eight::{Digits, eight};
use super::{Parsed, fault};
use crate::model::Peer;

/// ```abnf
/// peer  = ip4 [":" port] / ip6 / ip6 ":" port / "[" ip6 "]" [":" port]
/// ip6   = ["IPv6:"] <RFC 4291> ["%" zone]
/// ```
/// Reads up to, not including, the `]` that closes the template's bracket. `2001:db8::1:143` could be an address,
/// or an address and a port: it is read as an address, which claims less. Eight groups and a port, or a
/// last group that no address could have, are read as a port. A zone is accepted and not kept.
#[inline(always)]
pub fn peer(input: &[u8]) -> Parsed<'_, Peer> {
    match quick_v4(input) {
        Some(parsed) => Ok(parsed),
        None => any_peer(input),
    }
}

#[cold]
fn any_peer(input: &[u8]) -> Parsed<'_, Peer> {
    let nested = usize::from(input.first() == Some(&b'['));
    let Some(close) = closing(input, nested) else { return fault("peer") };
    let (text, rest) = input.split_at(close);
    match std::str::from_utf8(text).ok().and_then(any_spelling) {
        Some(peer) => Ok((rest, peer)),
        None => fault("peer"),
    }
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
fn quick_v4(input: &[u8]) -> Option<(&[u8], Peer)> {
    let (a, b, dot, rest) = two_octets(input)?;
    let (c, d, end, behind) = two_octets(rest)?;
    let ip = a << 24 | b << 16 | c << 8 | d;
    if dot != b'.' {
        return None;
    }
    if end == b']' {
        let length = input.len() - behind.len() - 1;
        return Some((input.get(length..)?, Peer::v4(ip, None)));
    }
    let digits = Digits::of(eight(behind));
    let count @ 1..=5 = digits.count() else { return None };
    let (port, rest) = (digits.number(count), behind.get(count..)?);
    (end == b':' && rest.first() == Some(&b']')).then(|| Some((rest, Peer::v4(ip, Some(u16::try_from(port).ok()?)))))?
}

/// Two octets with a dot between, and the byte behind them: eight bytes hold them, however long they are.
#[inline(always)]
fn two_octets(input: &[u8]) -> Option<(u32, u32, u8, &[u8])> {
    let first = Digits::of(eight(input));
    let second = first.behind();
    let (one, two) = (first.count(), second.count());
    let ((a, a_zero), (b, b_zero)) = (first.octet(one), second.octet(two));
    let end = one + 1 + two;
    let fits = one.wrapping_sub(1) < 3 && two.wrapping_sub(1) < 3 && (a | b) < 256 && !(a_zero || b_zero);
    let (dot, last) = (*input.get(one)?, *input.get(end)?);
    (fits && dot == b'.').then_some((a, b, last, input.get(end + 1..)?))
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
    }
}
