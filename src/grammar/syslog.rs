//! Lines that went through syslog: a prefix before the native line, or syslog's own date in place of the native one.

use chrono::DateTime;
use nom::Parser;
use nom::bytes::complete::{tag, take_while1};

use super::envelope::{Origin, native_head};
use super::fields::{number, word};
use super::stamp::{month, time};
use super::{Fault, Parsed, fault};
use crate::model::Stamp;

/// The date that a syslog line itself carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogDate {
    /// RFC 5424: a whole date with an offset.
    Whole(Stamp),
    /// RFC 3164: no year and no offset.
    NoYear {
        /// 1 to 12.
        month: u32,
        /// 1 to 31.
        day: u32,
        /// Seconds of the day, 0 to 86,399.
        second: u32,
    },
}

/// What a syslog prefix leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix<'a> {
    /// The native line follows: its bytes.
    Native(&'a [u8]),
    /// Only syslog's own date and origin are there: these, and what follows (`Category Level: message`).
    Bare(SyslogDate, Origin<'a>, &'a [u8]),
}

/// `syslog-line = [pri] (rfc5424 / rfc3164)`, then a native line, or a message head of its own.
pub fn syslog(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, _) = pri(input).unwrap_or((input, ()));
    rfc5424(rest).or_else(|_| rfc3164(rest))
}

/// `pri = "<" 1*3DIGIT ">"`
fn pri(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = tag::<_, _, Fault>("<").parse(input)?;
    let (rest, n) = number(rest)?;
    let (rest, _) = tag::<_, _, Fault>(">").parse(rest)?;
    if n > 191 { fault("pri") } else { Ok((rest, ())) }
}

/// `rfc3164 = month SP day SP time SP host SP tag ["[" pid "]"] ":" SP (line / message)`; the day may be padded with a blank.
fn rfc3164(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, month) = month(input)?;
    let (rest, _) = take_while1(|b| b == b' ').parse(rest)?;
    let (rest, day) = number(rest)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (rest, second) = time(rest)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (after_host, host) = word(rest)?;
    let (after_host, _) = tag::<_, _, Fault>(" ").parse(after_host)?;
    let (body, label) = word(after_host)?;
    let body = body.strip_prefix(b" ").unwrap_or(body);
    if native_head(body).is_ok() {
        return Ok((&[], Prefix::Native(body)));
    }
    if native_head(after_host).is_ok() {
        return Ok((&[], Prefix::Native(after_host)));
    }
    let day = u32::try_from(day).unwrap_or(u32::MAX);
    let origin = tagged_origin(host, label)?;
    Ok((&[], Prefix::Bare(SyslogDate::NoYear { month, day, second }, origin, body)))
}

/// `tag = process "[" pid "]:"`
fn tagged_origin<'a>(host: &'a [u8], label: &'a [u8]) -> Result<Origin<'a>, nom::Err<Fault>> {
    let bare = label.strip_suffix(b"]:").and_then(|l| {
        let open = memchr::memchr(b'[', l)?;
        let (process, pid) = l.split_at(open);
        let pid = std::str::from_utf8(pid.get(1..)?).ok()?.parse().ok()?;
        Some(Origin { host, process, pid })
    });
    bare.ok_or(nom::Err::Error(Fault("tag")))
}

/// `rfc5424 = "1" SP timestamp SP host SP app SP procid SP msgid SP structured-data [SP (line / message)]`
fn rfc5424(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, _) = tag::<_, _, Fault>("1 ").parse(input)?;
    let (rest, date) = spaced_word(rest)?;
    let (rest, host) = spaced_word(rest)?;
    let (rest, process) = spaced_word(rest)?;
    let (rest, pid) = spaced_word(rest)?;
    let (rest, _msgid) = spaced_word(rest)?;
    let (rest, ()) = structured_data(rest)?;
    let body = rest.strip_prefix(b" ").unwrap_or(rest);
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if native_head(body).is_ok() {
        return Ok((&[], Prefix::Native(body)));
    }
    let Some(stamp) = whole_date(date) else { return fault("timestamp") };
    let Some(pid) = std::str::from_utf8(pid).ok().and_then(|p| p.parse().ok()) else { return fault("procid") };
    Ok((&[], Prefix::Bare(SyslogDate::Whole(stamp), Origin { host, process, pid }, body)))
}

fn spaced_word(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (rest, text) = word(input)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    Ok((rest, text))
}

/// `structured-data = "-" / 1*("[" … "]")`; a `]` inside a quoted value is escaped by a backslash.
fn structured_data(input: &[u8]) -> Parsed<'_, ()> {
    if let Some(rest) = input.strip_prefix(b"-") {
        return Ok((rest, ()));
    }
    let mut rest = input;
    while rest.first() == Some(&b'[') && native_head(rest).is_err() {
        let mut escaped = false;
        let end = rest.iter().position(|&b| {
            let close = b == b']' && !escaped;
            escaped = b == b'\\' && !escaped;
            close
        });
        let Some(end) = end else { return fault("structured-data") };
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    if rest.len() == input.len() { fault("structured-data") } else { Ok((rest, ())) }
}

fn whole_date(text: &[u8]) -> Option<Stamp> {
    let date = DateTime::parse_from_rfc3339(std::str::from_utf8(text).ok()?).ok()?;
    let offset = i16::try_from(date.offset().local_minus_utc() / 60).ok()?;
    Some(Stamp { at: date.timestamp(), offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: &str = "[29/May/2019:10:44:56 +0200] store1 imapd[7]: Account Notice: close x";

    #[test]
    fn native_lines_behind_a_prefix() {
        for prefix in [
            "May 29 10:44:56 store1 imta: ",
            "May  9 10:44:56 store1 imapd[7]: ",
            "<134>May 29 10:44:56 loghost imap: ",
            "May 29 10:44:56 store1 ",
            "<134>1 2019-05-29T10:44:56+02:00 store1 imapd 7 - - ",
            "1 2019-05-29T10:44:56.123Z store1 imapd - ID47 [x@1 a=\"b\\]c\"][y] \u{feff}",
        ] {
            let line = format!("{prefix}{NATIVE}");
            assert_eq!(syslog(line.as_bytes()).unwrap().1, Prefix::Native(NATIVE.as_bytes()), "{line}");
        }
    }

    #[test]
    fn only_syslogs_own_date() {
        let origin = Origin { host: b"store1", process: b"imapd", pid: 7 };
        let body = &b"Account Notice: close x"[..];
        let date = SyslogDate::NoYear { month: 5, day: 29, second: 38_696 };
        let line = b"May 29 10:44:56 store1 imapd[7]: Account Notice: close x";
        assert_eq!(syslog(line).unwrap().1, Prefix::Bare(date, origin, body));
        let line = b"<134>1 2019-05-29T10:44:56+02:00 store1 imapd 7 - - Account Notice: close x";
        let date = SyslogDate::Whole(Stamp { at: 1_559_119_496, offset: 120 });
        assert_eq!(syslog(line).unwrap().1, Prefix::Bare(date, origin, body));
    }

    #[test]
    fn not_syslog() {
        for line in ["", "May", "May 29 10:44:56 store1", "<999>May 29 10:44:56 s t[1]: x", "Mai 29 10:44:56 s t[1]: x"] {
            assert!(syslog(line.as_bytes()).is_err(), "{line}");
        }
    }
}
