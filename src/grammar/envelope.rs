//! The envelope: what every line has, whatever its message says.

use nom::Parser;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::u32 as pid_number;
use nom::combinator::opt;

use super::stamp::stamp;
use super::{Fault, Parsed, fault};
use crate::model::Stamp;

/// Who wrote a line: the host's word, the process and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The host word, which names the store (R1).
    pub host: &'a [u8],
    /// The process name, which names the service (R1).
    pub process: &'a [u8],
    /// The process number.
    pub pid: u32,
}

/// A whole line, its message not yet read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// When the line was written.
    pub stamp: Stamp,
    /// Who wrote it.
    pub origin: Origin<'a>,
    /// `Account`, `General`, …; any word.
    pub category: &'a [u8],
    /// `Notice`, `Information`, …; any word.
    pub level: &'a [u8],
    /// Everything after the colon and one optional space.
    pub message: &'a [u8],
}

/// `line = native-head origin message`
pub fn envelope(input: &[u8]) -> Parsed<'_, Envelope<'_>> {
    let (rest, stamp) = native_head(input)?;
    let (rest, origin) = origin(rest)?;
    let (rest, (category, level)) = message(rest)?;
    Ok((&[], Envelope { stamp, origin, category, level, message: rest }))
}

/// `native-head = ["["] stamp ["]"] SP`
pub fn native_head(input: &[u8]) -> Parsed<'_, Stamp> {
    let (rest, _) = opt(tag::<_, _, Fault>("[")).parse(input)?;
    let (rest, stamp) = stamp(rest)?;
    let (rest, _) = opt(tag::<_, _, Fault>("]")).parse(rest)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    Ok((rest, stamp))
}

/// `name = 1*(any byte but controls, SP, "[" and "]")`
pub(super) fn name(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|b: u8| b > b' ' && b != b'[' && b != b']' && b != 0x7f).parse(input)
}

/// `origin = host SP process "[" 1*DIGIT "]: "`; host and process are names.
pub fn origin(input: &[u8]) -> Parsed<'_, Origin<'_>> {
    let (rest, host) = name(input)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (rest, process) = name(rest)?;
    let (rest, _) = tag::<_, _, Fault>("[").parse(rest)?;
    let (rest, pid) = pid_number(rest)?;
    let (rest, _) = tag::<_, _, Fault>("]: ").parse(rest)?;
    Ok((rest, Origin { host, process, pid }))
}

/// `message-head = category SP level ":" [SP]`; category and level are any words of letters.
pub fn message(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let (rest, category) = take_while1(|b: u8| b.is_ascii_alphabetic()).parse(input)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (rest, level) = take_while1(|b: u8| b.is_ascii_alphabetic()).parse(rest)?;
    match rest {
        [b':', b' ', rest @ ..] | [b':', rest @ ..] => Ok((rest, (category, level))),
        _ => fault("level"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes() {
        let table: &[(&str, &str, &str, u32, &str)] = &[
            (
                "[03/Dec/1998:06:54:32 +0200] SiroePost imapd[232]: Account Notice: close x",
                "SiroePost",
                "imapd",
                232,
                "close x",
            ),
            (
                "02/May/1998:17:37:32 -0700 showshoe cgi_store[18753]: General Notice: Log",
                "showshoe",
                "cgi_store",
                18753,
                "Log",
            ),
            (
                "[31/Aug/2004:16:33:14 -0700] vadar ims_master[1]: Store Information:append:u",
                "vadar",
                "ims_master",
                1,
                "append:u",
            ),
            ("[31/Aug/2004:16:33:14 -0700] a.b-c imapd[0]: Odd Level: ", "a.b-c", "imapd", 0, ""),
        ];
        for (line, host, process, pid, message) in table {
            let (_, e) = envelope(line.as_bytes()).unwrap();
            let origin = Origin { host: host.as_bytes(), process: process.as_bytes(), pid: *pid };
            assert_eq!((e.origin, e.message), (origin, message.as_bytes()), "{line}");
        }
    }

    #[test]
    fn no_envelopes() {
        for line in [
            "",
            "[",
            "[03/Dec/1998:06:54:32 +0200]",
            "[03/Dec/1998:06:54:32 +0200] host",
            "[03/Dec/1998:06:54:32 +0200] host imapd: Account Notice: x",
            "[03/Dec/1998:06:54:32 +0200] host imapd[]: Account Notice: x",
            "[03/Dec/1998:06:54:32 +0200] host imapd[4294967296]: Account Notice: x",
            "[03/Dec/1998:06:54:32 +0200] host imapd[1]: Account: x",
            "[03/Dec/1998:06:54:32 +0200] host imapd[1] Account Notice: x",
            " [03/Dec/1998:06:54:32 +0200] host imapd[1]: Account Notice: x",
        ] {
            assert!(envelope(line.as_bytes()).is_err(), "{line}");
        }
    }
}
