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
    let mut rest = input;
    let mut ip = 0;
    for part in 0..4 {
        let (octet, after) = decimal(rest, 3)?;
        ip = ip << 8 | u32::from(u8::try_from(octet).ok()?);
        rest = if part < 3 { after.strip_prefix(b".")? } else { after };
    }
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

/// Up to so many digits, without a leading zero.
#[inline]
fn decimal(input: &[u8], longest: usize) -> Option<(u32, &[u8])> {
    let mut n = 0;
    let mut length = 0;
    while let Some(digit @ b'0'..=b'9') = input.get(length) {
        n = n * 10 + u32::from(digit - b'0');
        length += 1;
        if length > longest {
            return None;
        }
    }
    let leading_zero = length > 1 && input.first() == Some(&b'0');
    if length == 0 || leading_zero { None } else { Some((n, input.get(length..)?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let table: &[(&str, &str)] = &[
            ("192.0.2.7:40718]", "192.0.2.7:40718"),
            ("192.0.2.7]", "192.0.2.7"),
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
            "]", "unauthenticated]", "192.0.2.256:1]", "192.0.2.7:65536]", "192.0.2:1]", "192.0.2.7:]", "192.0.2.7",
            "192.0.2.7 ]", "host.example.com:25]", "[2001:db8::7:1]", "fe80::1%]", "01.2.3.4:5]",
        ] {
            assert!(peer(text.as_bytes()).is_err(), "{text}");
        }
    }
}
