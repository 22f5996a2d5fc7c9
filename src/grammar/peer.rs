//! The peer: the address between brackets, in every spelling that has been thought of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    if let Some(parsed) = quick_v4(input) {
        return Ok(parsed);
    }
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

/// The usual case, `d.d.d.d:port]` or `d.d.d.d]`, without looking for the bracket first.
#[inline]
fn quick_v4(input: &[u8]) -> Option<(&[u8], Peer)> {
    let (a, rest) = octet(input)?;
    let (b, rest) = octet(rest.strip_prefix(b".")?)?;
    let (c, rest) = octet(rest.strip_prefix(b".")?)?;
    let (d, mut rest) = octet(rest.strip_prefix(b".")?)?;
    let ip = a << 24 | b << 16 | c << 8 | d;
    let port = match rest {
        [b':', digits @ ..] => {
            let (port, after) = decimal(digits, 5)?;
            rest = after;
            Some(u16::try_from(port).ok()?)
        }
        _ => None,
    };
    (rest.first() == Some(&b']')).then(|| (rest, Peer::v4(ip, port)))
}

/// `dec-octet`, with two bytes or more behind its first: there are always as many in a line, and where there are not,
/// the slow way reads it. A digit too many is left to what follows.
#[inline]
fn octet(input: &[u8]) -> Option<(u32, &[u8])> {
    let [a, from_b @ ..] = input else { return None };
    let [b, from_c @ ..] = from_b else { return None };
    let [c, from_d @ ..] = from_c else { return None };
    let [a, b, c] = [a, b, c].map(|digit| u32::from(digit.wrapping_sub(b'0')));
    match (a, b, c) {
        (10.., ..) => None,
        (_, 10.., _) => Some((a, from_b)),
        (0, ..) => None,
        (_, _, 10..) => Some((a * 10 + b, from_c)),
        _ => Some((a * 100 + b * 10 + c, from_d)).filter(|(octet, _)| *octet < 256),
    }
}

/// Up to so many digits, 9 or less, without a leading zero.
#[inline]
fn decimal(input: &[u8], longest: usize) -> Option<(u32, &[u8])> {
    let mut n: u32 = 0;
    let mut rest = input;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        n = n.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
        rest = after;
    }
    let length = input.len() - rest.len();
    let leading_zero = length > 1 && input.first() == Some(&b'0');
    (length > 0 && length <= longest && !leading_zero).then_some((n, rest))
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
