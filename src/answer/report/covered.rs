//! What the logs cover, and which files were read, as a report shows it.

use super::frame::Frame;
use super::{Cut, FileLine, IdleFile, Span, SpanKind, Stream, Strip};
use crate::answer::{Covered, StreamCoverage};
use crate::model::{Instant, Stamp};
use crate::plan::Leaf;
use crate::resolve::{GapWhy, Resolved};
use crate::text::visible;
use crate::trail::{FileTrail, Trail};

/// So many streams are shown.
const STREAMS: usize = 200;
/// So many spans of each.
const SPANS: usize = 200;
/// So many files.
const FILES: usize = 2000;

fn text(text: &str) -> String {
    visible(text.as_bytes()).into_owned()
}

/// The streams.
pub(super) fn streams(covered: &Covered<'_>, frame: Option<&Frame>) -> Cut<Stream> {
    let all = covered.streams.iter().take(STREAMS).map(|covered| stream(covered, frame)).collect();
    Cut { shown: all, left_out: covered.streams.len().saturating_sub(STREAMS) as u64 }
}

fn stream(covered: &StreamCoverage<'_>, frame: Option<&Frame>) -> Stream {
    let stream = covered.stream;
    let mut spans = spans(stream);
    spans.extend(covered.overlaps.iter().map(|(from, to, one, other)| {
        let text = format!("{} and {} have the same time", text(one), text(other));
        span(stream, SpanKind::Overlap, (*from, *to), text)
    }));
    spans.sort_by(|a, b| (a.from.at, a.to.at, a.kind, &a.text).cmp(&(b.from.at, b.to.at, b.kind, &b.text)));
    Stream {
        store: visible(&stream.store).into_owned(),
        service: stream.service,
        first: stream.first,
        last: stream.last,
        lines: stream.lines,
        logins: stream.logins,
        closes: stream.closes,
        level: stream.level(),
        strip: frame.map_or_else(Strip::default, |frame| frame.strip(covered.hours)),
        spans: Cut::at(spans, SPANS),
        restarts: (stream.starts.len() as u64, stream.stops.len() as u64),
        clock_jumps: covered.jumps.len() as u64,
    }
}

fn span(stream: &Resolved, kind: SpanKind, (from, to): (Instant, Instant), text: String) -> Span {
    let stamp = |at| Stamp { at, offset: stream.clock.offset_at(at) };
    Span { kind, from: stamp(from), to: stamp(to), text }
}

/// The spans in which something is missing.
fn spans(stream: &Resolved) -> Vec<Span> {
    let gaps = stream.gaps.iter().map(|gap| {
        let (kind, text) = match &gap.why {
            GapWhy::Missing(first, last) if first == last => (SpanKind::Missing, format!("file {first} is missing")),
            GapWhy::Missing(first, last) => (SpanKind::Missing, format!("files {first} to {last} are missing")),
            GapWhy::Damaged(_) => (SpanKind::Damaged, "a file is damaged".to_owned()),
            GapWhy::Silence => (SpanKind::Silent, "no line, though the stream is busy".to_owned()),
        };
        span(stream, kind, (gap.from, gap.to), text)
    });
    let silences = stream.silences.iter().map(|silence| {
        let text = format!("no line, where {} were to be expected", silence.expected);
        span(stream, SpanKind::Silent, (silence.from, silence.to), text)
    });
    let unlogged = stream.unlogged.iter().map(|unlogged| {
        let text = format!("logins were not logged, as {} closes show", unlogged.closes);
        span(stream, SpanKind::Unlogged, (unlogged.from, unlogged.to), text)
    });
    gaps.chain(silences).chain(unlogged).collect()
}

/// Files that gave nothing.
pub(super) fn idle(covered: &Covered<'_>) -> Cut<IdleFile> {
    let line = |idle: &crate::answer::Idle<'_>| IdleFile { name: text(idle.file), why: idle.why.text() };
    let shown = covered.idle.iter().take(FILES).map(line).collect();
    Cut { shown, left_out: covered.idle.len().saturating_sub(FILES) as u64 }
}

/// The files that were read, in the order of their names.
pub(super) fn files(leaves: &[&Leaf], trail: &Trail, is_damaged: &dyn Fn(&Leaf) -> bool) -> Cut<FileLine> {
    let mut read: Vec<(&Leaf, &FileTrail)> =
        leaves.iter().filter_map(|leaf| Some((*leaf, trail.files.get(&leaf.id)?))).collect();
    read.sort_by_key(|(leaf, _)| (leaf.shown.as_str(), leaf.id));
    let line = |(leaf, file): &(&Leaf, &FileTrail)| FileLine {
        name: text(&leaf.shown),
        lines: file.tally.all.lines,
        bytes: file.tally.all.bytes,
        events: file.tally.events,
        rejects: file.tally.rejected(),
        damaged: is_damaged(leaf),
    };
    Cut { shown: read.iter().take(FILES).map(line).collect(), left_out: read.len().saturating_sub(FILES) as u64 }
}
