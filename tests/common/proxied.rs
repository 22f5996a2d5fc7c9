//! An archive as if multiplexors had stood before its stores.

use super::Dice;
use std::fmt::Write as _;

type Files = Vec<(String, Vec<u8>)>;

/// The networks of the proxies, as arguments.
pub(crate) const PROXIES: [&str; 4] = ["--proxy", "10.0.0.0/30", "--proxy", "2001:db8:ffff::/64"];

/// How much of it the multiplexors log, in hundredths.
#[derive(Clone, Copy)]
pub(crate) struct Logged {
    /// Of what came through them.
    pub(crate) lines: u64,
    /// Of that, once more with another client.
    pub(crate) others: u64,
}

/// Most clients of IMAP and POP come through a proxy: its address is in the lines of the stores, and a multiplexor names user and
/// client of logins and refusals, in files of its own.
pub(crate) fn behind_proxies(files: &Files, logged: Logged, dice: &mut Dice) -> Files {
    let mut multiplexors = [String::new(), String::new()];
    let mut proxied: Files = files
        .iter()
        .map(|(path, bytes)| {
            let mut text = String::new();
            for line in String::from_utf8_lossy(bytes).split_inclusive('\n') {
                match moved(line, logged, dice, &mut multiplexors) {
                    Some(line) => text.push_str(&line),
                    None => text.push_str(line),
                }
            }
            (path.clone(), text.into_bytes())
        })
        .collect();
    let own = multiplexors.into_iter().enumerate().filter(|(_, text)| !text.is_empty());
    proxied.extend(own.map(|(number, text)| (format!("proxy{number}/log"), text.into_bytes())));
    proxied
}

/// A line with a proxy in the client's place; what the multiplexor logs of it goes to `multiplexors`.
fn moved(line: &str, logged: Logged, dice: &mut Dice, multiplexors: &mut [String; 2]) -> Option<String> {
    let (head, message) = line.split_once("]: ")?;
    let process = [(" imapd[", "ImapProxy"), (" popd[", "PopProxy")].into_iter().find(|(own, _)| head.contains(own));
    let (_, multiplexor) = process?;
    let (category, message) = message.split_once(": ")?;
    let (verb, rest) =
        ["login [", "close [", "badlogin: ["].into_iter().find_map(|v| Some((v, message.strip_prefix(v)?)))?;
    let (peer, rest) = rest.split_once("] ")?;
    let bare = peer.trim_start_matches("IPv6:");
    let number = bare.bytes().fold(7_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % 60_000;
    // A peer is one and the same in all its lines; every fourth came directly.
    if number % 4 == 0 {
        return None;
    }
    let with_port = bare.contains("]:") || (bare.contains('.') && bare.contains(':'));
    let port = if with_port { format!(":{}", 1024 + number) } else { String::new() };
    let proxy =
        if number % 4 == 1 { format!("[2001:db8:ffff::{}]", number % 3) } else { format!("10.0.0.{}", number % 3) };
    let proxy = if with_port { proxy } else { proxy.trim_matches(['[', ']']).to_owned() };
    if verb != "close [" && dice.next() % 100 < logged.lines {
        let stamp = head.split_once(']').map_or(head, |(stamp, _)| stamp);
        let out = &mut multiplexors[(number % 2) as usize];
        let name = number % 2;
        let mut write = |peer: &str| {
            write!(out, "{stamp}] proxy{name} {multiplexor}[9]: {category}: {verb}{peer}] {rest}").expect("memory");
        };
        write(peer);
        if dice.next() % 100 < logged.others {
            write("203.0.113.77:7");
        }
    }
    Some(format!("{head}]: {category}: {verb}{proxy}{port}] {rest}"))
}
