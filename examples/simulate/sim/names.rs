//! Who connects: the users' names and addresses, and the names that attackers send.

use super::config::Traffic;
use super::lines::push_number;
use super::rng::{Rng, mix};

const SURNAMES: [&str; 16] = [
    "martin", "weber", "leroy", "rossi", "novak", "silva", "jensen", "kowal", "smith", "nagy", "ivanov", "tanaka",
    "chen", "okoro", "dubois", "braun",
];
const DOMAINS: [&str; 4] = ["mydomaine.example", "siroe.example", "example.org", "sesta.example"];

/// A number that depends on the user and the question alone.
fn trait_of(user: u32, question: u64) -> u64 {
    mix(u64::from(user) << 8 | question)
}

fn has(user: u32, question: u64, share: f64) -> bool {
    (trait_of(user, question) >> 11) as f64 / ((1u64 << 53) as f64) < share
}

/// Appends the user's uid, lower case. No two users share one: it ends in the user's number.
pub(crate) fn push_user(out: &mut Vec<u8>, user: u32, traffic: &Traffic) {
    let style = trait_of(user, 1);
    match style % 4 {
        0 => out.extend_from_slice(b"user"),
        1 => out.extend_from_slice(SURNAMES[(style >> 8) as usize % 16].as_bytes()),
        _ => {
            out.push(b'a' + (style >> 16) as u8 % 26);
            out.extend_from_slice(if style & 4 == 0 { b"" } else { b"." });
            out.extend_from_slice(SURNAMES[(style >> 8) as usize % 16].as_bytes());
        }
    }
    push_number(out, u64::from(user) + 1);
    if has(user, 2, traffic.hosted) {
        out.push(b'@');
        out.extend_from_slice(DOMAINS[(style >> 32) as usize % 4].as_bytes());
    }
}

/// The address that a user connects from this time: mostly the own one, sometimes the office's
/// (shared by many), seldom one on the road. Returns whether it is IPv6, and the host's number.
pub(crate) fn address(rng: &mut Rng, user: u32, traffic: &Traffic) -> (bool, u32) {
    let v6 = traffic.ipv6 > 0.0 && has(user, 3, traffic.ipv6);
    let host = match rng.below(20) {
        0 => 0x6440_0000 | rng.below(1 << 22) as u32,
        1..=3 => 0xac10_0000 | (trait_of(user, 4) % 256) as u32,
        _ => 0x0a00_0000 | (trait_of(user, 5) & 0x00ff_ffff) as u32,
    };
    (v6, host)
}

/// The mechanism of a login.
pub(crate) fn mechanism(rng: &mut Rng) -> &'static str {
    match rng.below(100) {
        0..=91 => "plaintext",
        92..=95 => "CRAM-MD5",
        96..=97 => "DIGEST-MD5",
        98 => "GSSAPI",
        _ => "EXTERNAL",
    }
}

/// Why a login was refused.
pub(crate) fn reason(rng: &mut Rng) -> &'static str {
    match rng.below(20) {
        0..=9 => "authentication failure",
        10..=16 => "Authentication failed",
        17 => "account disabled (hold)",
        _ => "account disabled (inactive)",
    }
}

/// Appends a name that only an attacker sends. `victim` is a real user. It never contains a newline.
pub(crate) fn push_hostile(out: &mut Vec<u8>, rng: &mut Rng, victim: &[u8]) {
    let (before, after): (&[u8], &[u8]) = match rng.below(14) {
        0 => (b"bob ", b" smith"),
        1 => (b"\x1b[31m", b"\x1b[0m"),
        2 => (b"\x1b]0;owned\x07", b""),
        3 => (b"", b" plaintext"),
        4 => (b"x] ", b" authentication failure"),
        5 => (
            b"[29/May/2019:10:44:56 +0200] store1 imapd[17849]: Account Information: login [10.0.0.1:40718] ",
            b" plaintext",
        ),
        6 => (
            b"x [30/May/2019:10:44:56 +0200] store1 imapd[1]: Account Notice: close [10.0.0.1:40718] ",
            b" 2019/5/30 9:44:56 1:00:00 10 20 1",
        ),
        7 => (b"", b" account disabled (hold) "),
        8 => (b"\xff\xfe\x80", b"\xc3"),
        9 => (b"a\tb\r", b"\x00\x08"),
        10 => (b"\xe2\x80\xae", b"\xf0\x9f\x92\xa9"),
        11 => {
            out.resize(out.len() + 300, b'A');
            (b"", b"")
        }
        12 => return, // the empty name: two spaces in a row
        _ => (b"login [10.0.0.2:143] ", b" ' OR 1=1 -- %s%n"),
    };
    out.extend_from_slice(before);
    out.extend_from_slice(victim);
    out.extend_from_slice(after);
}
