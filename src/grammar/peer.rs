//! The peer: the address between brackets, in every spelling that has been thought of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::eight::{Digits, eight, octet};
use super::marks::marks;
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
    match spelled(input) {
        Some((close, peer)) => Ok((input.get(close..).unwrap_or_default(), peer)),
        None => fault("peer"),
    }
}

/// A peer that fills a text: one that stands between blanks, or before another byte that no peer has.
pub(super) fn whole_peer(text: &[u8]) -> Option<Peer> {
    any_spelling(std::str::from_utf8(text).ok().filter(|text| text.len() < LONGEST)?)
}

/// No peer, with its bracket, is longer, in bytes.
const LONGEST: usize = 96;

fn spelled(input: &[u8]) -> Option<(usize, Peer)> {
    // Where less stands behind it, zeros do, which no peer has.
    let mut padded = [0; 64];
    let near = input.first_chunk().unwrap_or_else(|| {
        padded.iter_mut().zip(input).for_each(|(to, byte)| *to = *byte);
        &padded
    });
    quick_v4(near, marks(near).digits as u32).or_else(|| any_bracketed(input))
}

/// In any spelling: up to where the template's own bracket stands.
fn any_bracketed(input: &[u8]) -> Option<(usize, Peer)> {
    let nested = usize::from(input.first() == Some(&b'['));
    let close = closing(input, nested)?;
    let peer = any_spelling(std::str::from_utf8(input.get(..close)?).ok()?)?;
    Some((close, peer))
}

/// Where the template's own `]` stands: the first, or the second after a nested bracket.
fn closing(input: &[u8], nested: usize) -> Option<usize> {
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

/// The usual case, `d.d.d.d:port]` or `d.d.d.d]` without a zero before other digits, with no branch that the digits decide:
/// where the bracket stands, and the peer. Whatever else there is, is left to [`any_bracketed`]. `digits` marks the first 32 bytes.
#[inline(always)]
pub(super) fn quick_v4<const N: usize>(input: &[u8; N], digits: u32) -> Option<(usize, Peer)> {
    // No peer of this spelling is longer than what is marked: what stands behind that need not be known.
    let mut others = !u64::from(digits);
    let mut next = || {
        let place = others.trailing_zeros() as usize;
        others &= others.wrapping_sub(1);
        place
    };
    let [a, b, c, d] = [next(), next(), next(), next()];
    let four = |at: usize| input.get(at..).and_then(|text| text.first_chunk()).copied().unwrap_or_default();
    let is = |at: usize, byte: u8| input.get(at) == Some(&byte);
    if !(is(a, b'.') && is(b, b'.') && is(c, b'.')) {
        return None;
    }
    let octet = |start: usize, end: usize| octet(four(start), end.wrapping_sub(start));
    let ((first, x), (second, y)) = (octet(0, a), octet(a + 1, b));
    let ((third, z), (fourth, w)) = (octet(b + 1, c), octet(c + 1, d));
    if x | y | z | w != 0 {
        return None;
    }
    let ip = first << 24 | second << 16 | third << 8 | fourth;
    if is(d, b']') {
        return Some((d, Peer::v4(ip, None)));
    }
    let end = next();
    let count @ 1..=5 = end.wrapping_sub(d + 1) else { return None };
    let port = u16::try_from(Digits::of(eight(input.get(d + 1..)?)).number(count)).ok()?;
    (is(d, b':') && is(end, b']')).then_some((end, Peer::v4(ip, Some(port))))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    /// That a text is read alike in both ways, whatever stands behind it.
    fn agree(text: &str) {
        for behind in ["", " ed plaintext", "]:1] ", ".1:5] ", "7:1] "] {
            for padding in [0, 64] {
                let padded = format!("{text}{behind}{:padding$}", "");
                assert_eq!(spelled(padded.as_bytes()), any_bracketed(padded.as_bytes()), "{padded:?}");
            }
        }
    }

    /// Pieces that peers are made of, and some that they are not.
    const PARTS: &[&str] =
        &["0", "1", "25", "255", "256", "65535", "65536", "00", ".", ".", ".", ":", ":", "]", "]", "[", "::", "f", " "];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn both_ways_agree(parts in vec(select(PARTS), 0..12), ip in [0..300_u32, 0..260, 0..256, 0..256], port in 0..70_000) {
            agree(&parts.concat());
            let octet = |n: u32| if n > 280 { format!("0{n}") } else { n.to_string() };
            let text = format!("{}:{port}]", ip.map(octet).join("."));
            agree(&text);
            let is_peer = ip.iter().all(|octet| *octet < 256) && port < 65_536;
            prop_assert_eq!(any_bracketed(text.as_bytes()).is_some(), is_peer, "{}", text);
        }
    }

    /// What the quick way says of a text, with others behind it.
    fn quick(text: &str) -> Option<(usize, Peer)> {
        let mut window = [b' '; 136];
        window[..text.len()].copy_from_slice(text.as_bytes());
        quick_v4(&window, super::super::marks::marks(window.first_chunk().unwrap()).digits as u32)
    }

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
            agree(text);
            if let Some(quick) = quick(text) {
                assert_eq!(quick, (text.len() - 1, peer), "{text}");
            }
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
            // Two wrong octets alike.
            "256.256.2.7:1]",
            "192.256.256.7:1]",
            "192.0.256.256:1]",
            "192.0.2.7;143]",
            "192.0.2.7:143 ]",
            "192.0.2.7:+5]",
            "[2001:db8::7]:+5]",
            "[2001:db8::7]x]",
        ] {
            assert!(peer(text.as_bytes()).is_err() && quick(text).is_none(), "{text}");
            agree(text);
        }
        for digits in [7, 8, 30, 31, 32, 33, 62, 63, 64, 65, 130] {
            for behind in ["]", ".1.1.1:5]", ":5]"] {
                let text = format!("{}{behind}", "1".repeat(digits));
                let quick = if text.len() < 136 { quick(&text) } else { None };
                assert!(peer(text.as_bytes()).is_err() && quick.is_none(), "{text}");
                agree(&text);
            }
        }
    }

    #[test]
    fn a_peer_is_at_most_so_long() {
        for (length, is_one) in [(LONGEST - 1, true), (LONGEST, false)] {
            let text = format!("fe80::1%{}", "z".repeat(length - 8));
            assert_eq!(whole_peer(text.as_bytes()).is_some(), is_one, "{length} bytes");
            assert_eq!(peer(format!("{text}]").as_bytes()).is_ok(), is_one, "{length} bytes");
        }
    }

    #[test]
    fn the_usual_spellings_are_read_the_quick_way() {
        for text in ["192.0.2.7:40718]", "192.0.2.7]", "1.20.255.0:65535]", "255.255.255.255:1]"] {
            assert!(quick(text).is_some(), "{text}");
        }
    }
}
