//! `coverage` as text for people: a paragraph for each stream.

use std::io;

use super::Answer;
use super::strip::strip;
use crate::answer::StreamCoverage;
use crate::model::{Instant, Stamp};
use crate::resolve::{GapWhy, Resolved};
use crate::text::visible;
use crate::times::written;
use crate::trail::hour;

/// So many of one kind are listed; the other formats have all.
const LISTED: usize = 10;

pub(super) fn write(answer: &Answer<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(covered) = &answer.rows.covered else { return Ok(()) };
    for (n, stream) in covered.streams.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        paragraph(answer, stream, out)?;
    }
    if covered.streams.is_empty() {
        writeln!(out, "No line of an access service was read.")?;
    }
    if !covered.idle.is_empty() {
        writeln!(out, "\nFiles that gave nothing:")?;
    }
    for idle in &covered.idle {
        writeln!(out, "  {}: {}", visible(idle.file.as_bytes()), idle.why.text())?;
    }
    Ok(())
}

/// A time of a stream, with its offset: from one end of an archive to the other it may change.
fn time(answer: &Answer<'_>, stream: &Resolved, at: Instant) -> String {
    written(answer.zone.of(Stamp { at, offset: stream.clock.offset_at(at) }))
}

fn paragraph(answer: &Answer<'_>, covered: &StreamCoverage<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let stream = covered.stream;
    let at = |instant| time(answer, stream, instant);
    let span = |from, to| format!("{} to {}", at(from), at(to));
    let Resolved { lines, logins, closes, .. } = stream;
    writeln!(out, "{} {}: {}", visible(&stream.store), stream.service.as_str(), span(stream.first.at, stream.last.at))?;
    if let Some(hours) = covered.hours {
        let (bars, wide) = strip(hours, hour(stream.last.at));
        let wide = if wide == 1 { "an hour".to_owned() } else { format!("{wide} hours") };
        writeln!(out, "  {bars}  lines, {wide} a column")?;
    }
    writeln!(out, "  {lines} lines: {logins} logins, {closes} closes; {}", stream.level())?;
    let mut list = |what: &str, all: Vec<String>| -> io::Result<()> {
        all.iter().take(LISTED).try_for_each(|one| writeln!(out, "  {what}: {one}"))?;
        match all.len().checked_sub(LISTED) {
            Some(more @ 1..) => writeln!(out, "  {what}: {more} more; --format jsonl has all"),
            _ => Ok(()),
        }
    };
    let unlogged = stream.unlogged.iter().map(|u| format!("{}, as {} closes show", span(u.from, u.to), u.closes));
    list("logins not logged", unlogged.collect())?;
    let missing = stream.gaps.iter().filter_map(|gap| match &gap.why {
        GapWhy::Missing(first, last) if first == last => Some(format!("number {first}, {}", span(gap.from, gap.to))),
        GapWhy::Missing(first, last) => Some(format!("numbers {first} to {last}, {}", span(gap.from, gap.to))),
        _ => None,
    });
    list("files missing", missing.collect())?;
    let of_why = |why: fn(&GapWhy) -> bool| stream.gaps.iter().filter(move |gap| why(&gap.why));
    let damaged = of_why(|why| matches!(why, GapWhy::Damaged(_)));
    list("damaged", damaged.map(|gap| span(gap.from, gap.to)).collect())?;
    let silent =
        |s: &crate::resolve::Silence| format!("{}, where {} lines were to be expected", span(s.from, s.to), s.expected);
    list("silent", stream.silences.iter().map(silent).collect())?;
    list("started", stream.starts.iter().map(|start| at(*start)).collect())?;
    list("stopped", stream.stops.iter().map(|stop| at(*stop)).collect())?;
    let jump = |(file, jump): &(&str, crate::trail::Jump)| {
        let back = jump.from - jump.to;
        format!(
            "back by {back} s at {}, process {}, {} byte {}",
            at(jump.from),
            jump.pid,
            visible(file.as_bytes()),
            jump.place
        )
    };
    list("clock jump", covered.jumps.iter().map(jump).collect())?;
    let overlap = |(from, to, one, other): &(Instant, Instant, &str, &str)| {
        format!("{}, {} and {}", span(*from, *to), visible(one.as_bytes()), visible(other.as_bytes()))
    };
    list("overlap", covered.overlaps.iter().map(overlap).collect())
}
