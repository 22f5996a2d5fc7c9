//! Lines that went through syslog: a prefix before the native line, or syslog's own date in place of the native one.

use nom::Parser;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{digit1, u32 as pid_number};
use nom::combinator::{all_consuming, opt};

use super::envelope::{Origin, name, native_head};
use super::fields::{one_or_two_digits, short_number, word};
use super::stamp::{days, four_digits, minutes_east, month, sign, time, two_digits};
use super::{Fault, Parsed, fault};
use crate::model::Stamp;

/// The date that a syslog line itself carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyslogDate {
    /// RFC 5424, and the files that rsyslog writes: a whole date with an offset.
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

/// `syslog-line = [pri] (rfc5424 / rfc3164 / rsyslog)`, then a native line, or a message head of its own.
pub fn syslog(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, _) = opt(pri).parse(input)?;
    rfc5424(rest).or_else(|_| rfc3164(rest)).or_else(|_| rsyslog(rest))
}

/// `pri = "<" 1*3DIGIT ">"`
fn pri(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = tag::<_, _, Fault>("<").parse(input)?;
    let (rest, n) = short_number(rest, 3)?;
    let (rest, _) = tag::<_, _, Fault>(">").parse(rest)?;
    if n > 191 { fault("pri") } else { Ok((rest, ())) }
}

/// `rfc3164 = month 1*SP day SP time SP tagged`; no year and no offset.
fn rfc3164(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, month) = month(input)?;
    let (rest, _) = take_while1(|b| b == b' ').parse(rest)?;
    let (rest, day) = one_or_two_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    let (rest, second) = time(rest)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    tagged(rest, SyslogDate::NoYear { month, day, second })
}

/// `rsyslog = timestamp SP tagged`: how rsyslog writes its files, if nobody tells it otherwise.
fn rsyslog(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, stamp) = timestamp(input)?;
    let (rest, _) = tag::<_, _, Fault>(" ").parse(rest)?;
    tagged(rest, SyslogDate::Whole(stamp))
}

/// `tagged = syslog-host SP (line / label SP [solaris-id] line / tag SP [solaris-id] message)`
fn tagged(input: &[u8], date: SyslogDate) -> Parsed<'_, Prefix<'_>> {
    let (after_host, host) = spaced_word(input)?;
    if native_head(after_host).is_ok() {
        return Ok((&[], Prefix::Native(after_host)));
    }
    let (body, label) = spaced_word(after_host)?;
    let (body, _) = opt(solaris_id).parse(body)?;
    if native_head(body).is_ok() {
        return Ok((&[], Prefix::Native(body)));
    }
    let (_, host) = all_consuming(name).parse(host)?;
    let (_, (process, pid)) = process_tag(label)?;
    Ok((&[], Prefix::Bare(date, Origin { host, process, pid }, body)))
}

/// `solaris-id = "[ID " 1*DIGIT SP 1*(ALPHA / DIGIT) "." 1*ALPHA "] "`: what the syslogd of Solaris puts behind a tag.
fn solaris_id(input: &[u8]) -> Parsed<'_, ()> {
    let facility = take_while1(|b: u8| b.is_ascii_alphanumeric());
    let level = take_while1(|b: u8| b.is_ascii_alphabetic());
    let id = (tag::<_, _, Fault>("[ID "), digit1, tag(" "), facility, tag("."), level, tag("] "));
    id.map(|_| ()).parse(input)
}

/// `tag = process "[" pid "]:"`, and nothing behind it.
fn process_tag(label: &[u8]) -> Parsed<'_, (&[u8], u32)> {
    let (rest, process) = name(label)?;
    let (rest, _) = tag::<_, _, Fault>("[").parse(rest)?;
    let (rest, pid) = pid_number(rest)?;
    let (rest, _) = all_consuming(tag::<_, _, Fault>("]:")).parse(rest)?;
    Ok((rest, (process, pid)))
}

/// `rfc5424 = "1" SP timestamp SP host SP app SP procid SP msgid SP structured-data [SP (line / message)]`; a native
/// line may have any words before it.
fn rfc5424(input: &[u8]) -> Parsed<'_, Prefix<'_>> {
    let (rest, _) = tag::<_, _, Fault>("1 ").parse(input)?;
    let (rest, date) = spaced_word(rest)?;
    let (rest, host) = spaced_word(rest)?;
    let (rest, app) = spaced_word(rest)?;
    let (rest, procid) = spaced_word(rest)?;
    let (rest, _msgid) = spaced_word(rest)?;
    let (rest, ()) = structured_data(rest)?;
    let body = rest.strip_prefix(b" ").unwrap_or(rest);
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if native_head(body).is_ok() {
        return Ok((&[], Prefix::Native(body)));
    }
    let (_, stamp) = all_consuming(timestamp).parse(date)?;
    let (_, host) = all_consuming(name).parse(host)?;
    let (_, process) = all_consuming(name).parse(app)?;
    let (_, pid) = all_consuming(pid_number).parse(procid)?;
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

/// `timestamp = 4DIGIT "-" 2DIGIT "-" 2DIGIT "T" time ["." 1*DIGIT] zone-offset`; the fraction is not kept.
pub(super) fn timestamp(input: &[u8]) -> Parsed<'_, Stamp> {
    let (rest, year) = four_digits(input)?;
    let (rest, _) = tag::<_, _, Fault>("-").parse(rest)?;
    let (rest, month) = two_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>("-").parse(rest)?;
    let (rest, day) = two_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>("T").parse(rest)?;
    let (rest, second) = time(rest)?;
    let (rest, _) = opt((tag::<_, _, Fault>("."), digit1)).parse(rest)?;
    let (rest, offset) = zone_offset(rest)?;
    let Some(days) = days(year, month, day) else { return fault("timestamp") };
    let at = days * 86_400 + i64::from(second) - i64::from(offset) * 60;
    Ok((rest, Stamp { at, offset }))
}

/// `zone-offset = "Z" / ("+" / "-") 2DIGIT ":" 2DIGIT`, as minutes; at most 15 hours and 59 minutes.
fn zone_offset(input: &[u8]) -> Parsed<'_, i16> {
    if let [b'Z', rest @ ..] = input {
        return Ok((rest, 0));
    }
    let (rest, east) = sign(input)?;
    let (rest, hours) = two_digits(rest)?;
    let (rest, _) = tag::<_, _, Fault>(":").parse(rest)?;
    let (rest, minutes) = two_digits(rest)?;
    match minutes_east(east, hours, minutes) {
        Some(offset) => Ok((rest, offset)),
        None => fault("zone-offset"),
    }
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
            "May 29 10:44:56 store1 imta: [ID 702911 mail.notice] ",
            "May 29 10:44:56 [store1] imapd[7]: [ID 702911 local0.info] ",
            "2019-05-29T10:44:56.123+02:00 loghost imta: ",
            "2019-05-29T08:44:56Z loghost ",
            "<134>2019-05-29T10:44:56+02:00 loghost imapd[7]: [ID 702911 mail.notice] ",
            "<134>1 2019-05-29T10:44:56+02:00 store1 imapd 7 - - ",
            "1 2019-05-29T10:44:56.123Z store1 imapd - ID47 [x@1 a=\"b\\]c\"][y] \u{feff}",
            "1 2019-05-29T10:44:56Z store1 imapd - - [x@1 a=\"b\"] ",
            "1 2019-05-29T10:44:56Z store1 imapd - - [x@1 a=\"bc\"] ",
            "1 2019-05-29T10:44:56Z store1 imapd - - [x@1 a=\"b\\\\\"][x@1 a=\"\\\\c\"] ",
        ] {
            let line = format!("{prefix}{NATIVE}");
            assert_eq!(syslog(line.as_bytes()).unwrap().1, Prefix::Native(NATIVE.as_bytes()), "{line}");
        }
    }

    #[test]
    fn only_syslogs_own_date() {
        let origin = Origin { host: b"store1", process: b"imapd", pid: 7 };
        let no_year = SyslogDate::NoYear { month: 5, day: 29, second: 38_696 };
        let whole = |offset| SyslogDate::Whole(Stamp { at: 1_559_119_496, offset });
        for (prefix, date) in [
            ("May 29 10:44:56 store1 imapd[7]: ", no_year),
            ("<13>May 29 10:44:56 store1 imapd[7]: ", no_year),
            ("<191>May 29 10:44:56 store1 imapd[7]: ", no_year),
            ("May 29 10:44:56 store1 imapd[7]: [ID 702911 mail.notice] ", no_year),
            ("2019-05-29T10:44:56.123456+02:00 store1 imapd[7]: ", whole(120)),
            ("2019-05-29T08:44:56Z store1 imapd[7]: [ID 702911 mail.notice] ", whole(0)),
            ("<134>2019-05-29T14:14:56+05:30 store1 imapd[7]: ", whole(330)),
            ("<134>1 2019-05-29T10:44:56+02:00 store1 imapd 7 - - ", whole(120)),
            ("1 2019-05-29T01:44:56.5-07:00 store1 imapd 7 - - ", whole(-420)),
        ] {
            let line = format!("{prefix}Account Notice: close x");
            let read = Prefix::Bare(date, origin, b"Account Notice: close x");
            assert_eq!(syslog(line.as_bytes()).unwrap().1, read, "{line}");
        }
    }

    #[test]
    fn not_syslog() {
        for line in [
            "",
            "May",
            "May 29 10:44:56 store1",
            "Mai 29 10:44:56 s t[1]: x",
            "May 129 10:44:56 s t[1]: x",
            "<192>May 29 10:44:56 s t[1]: x",
            "<999>May 29 10:44:56 s t[1]: x",
            "<0000134>May 29 10:44:56 s t[1]: x",
            "<>May 29 10:44:56 s t[1]: x",
            // The message needs an origin with a pid, as every line has it.
            "May 29 10:44:56 s imapd: x",
            "May 29 10:44:56 s [7]: x",
            "May 29 10:44:56 s imapd[]: x",
            "May 29 10:44:56 s imapd[+7]: x",
            "May 29 10:44:56 s imapd[-7]: x",
            "May 29 10:44:56 s imapd[7 ]: x",
            "May 29 10:44:56 s imapd[4294967296]: x",
            "May 29 10:44:56 s imapd[7]:x y",
            "May 29 10:44:56 s a[b[7]: x",
            "May 29 10:44:56 s a]b[7]: x",
            "May 29 10:44:56 s a\x1bb[7]: x",
            "May 29 10:44:56 [s] imapd[7]: x",
            "May 29 10:44:56 s\x07 imapd[7]: x",
            "2019-05-29T10:44:56 s imapd[7]: x",
            "2019-05-29 10:44:56+02:00 s imapd[7]: x",
            "2019-05-29T10:44:56.+02:00 s imapd[7]: x",
            "2019-05-29T10:44:56+0200 s imapd[7]: x",
            "2019-05-29T10:44:56+16:00 s imapd[7]: x",
            "2019-02-29T10:44:56+02:00 s imapd[7]: x",
            "2019-05-29T10:44:56+02:00 s imapd: x",
            "1 2019-05-29T10:44:56+02:00 s imapd - - - x",
            "1 2019-05-29T10:44:56+02:00 s imapd +7 - - x",
            "1 2019-05-29T10:44:56+02:00 s imapd[7] 7 - - x",
            "1 2019-05-29T10:44:56+02:00 s] imapd 7 - - x",
            "1 2019-05-29T10:44:56 s imapd 7 - - x",
        ] {
            assert!(syslog(line.as_bytes()).is_err(), "{line}");
        }
    }
}
