//! Which stores and services the logs cover, from when to when, and where something is missing.

use maud::{Markup, html};

use super::Page;
use super::axis::ticks;
use super::charts::{Piece, Words, strip, strip_axis};
use super::figure::{folded, left_out, swatch, table};
use super::words::{count, long, number, service};
use crate::answer::report::{Span, SpanKind, Stream, Strip};

/// So many spans are listed without being asked for.
const OPEN: usize = 12;

/// The part, if anything was read of an access service.
pub(super) fn part(page: Page<'_>) -> Option<Markup> {
    let streams = &page.report.streams;
    let ends = ends(page, &streams.shown.first()?.strip);
    let ticks = ticks(ends.0, ends.1);
    let kinds: Vec<SpanKind> = SpanKind::ALL
        .into_iter()
        .filter(|kind| streams.shown.iter().flat_map(|stream| &stream.spans.shown).any(|span| span.kind == *kind))
        .collect();
    let wide = streams.shown.first().map_or(0, |stream| stream.strip.width);
    Some(html! {
        p {
            "Lines of each store and service over the period, " (long(wide)) " a column, drawn by the square root of their number. "
            @if kinds.is_empty() { "Nothing is known to be missing." } @else { "Patterns show where something is missing." }
        }
        ul.legend { @for kind in &kinds { (swatch(class(*kind), kind.as_str())) } }
        div.strips {
            @for (n, stream) in streams.shown.iter().enumerate() { (drawn(page, n, stream, ends, &ticks)) }
            (strip_axis(&ticks))
        }
        (left_out(streams.left_out, "stores and services are not shown"))
        (spans(page))
        (folded("Numbers: lines by store and service", &numbers(page)))
    })
}

/// The digits at which the strips begin and end.
fn ends(page: Page<'_>, strip: &Strip) -> (i64, i64) {
    let from = page.times.digits(strip.from);
    (from, from + strip.width * i64::try_from(strip.lines.len()).unwrap_or(0))
}

/// How a kind of span is drawn.
fn class(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Missing => "missing",
        SpanKind::Damaged => "damaged",
        SpanKind::Silent => "silent",
        SpanKind::Unlogged => "unlogged",
        SpanKind::Overlap => "overlap",
    }
}

fn drawn(page: Page<'_>, n: usize, stream: &Stream, (from, to): (i64, i64), ticks: &[super::axis::Tick]) -> Markup {
    let place = |stamp| (page.times.digits(stamp) - from) as f64 / (to - from).max(1) as f64;
    let piece = |span: &Span| Piece {
        from: place(span.from),
        to: place(span.to),
        class: class(span.kind).to_owned(),
        title: format!("{}, {} to {}", span.text, page.times.show(span.from), page.times.show(span.to)),
    };
    let pieces: Vec<Piece> = stream.spans.shown.iter().map(piece).collect();
    let title = format!("{} {}", stream.store, service(stream.service));
    let missing = match stream.spans.total() {
        0 => "nothing is known to be missing".to_owned(),
        n => count(n, "span is marked", "spans are marked"),
    };
    let says = format!(
        "{} from {} to {}; {missing}.",
        count(stream.lines, "line", "lines"),
        page.times.show(stream.first),
        page.times.show(stream.last)
    );
    let words = Words { id: &format!("stream{n}"), title: &title, says: &says };
    html! {
        div.stream {
            p { b { (stream.store) } " " span.(stream.service.as_str()) { (service(stream.service)) } " " small { (stream.level) } }
            (strip(words, stream.service.as_str(), &stream.strip.lines, &pieces, ticks))
        }
    }
}

fn spans(page: Page<'_>) -> Markup {
    let streams = &page.report.streams.shown;
    let all: Vec<(&Stream, &Span)> =
        streams.iter().flat_map(|stream| stream.spans.shown.iter().map(move |span| (stream, span))).collect();
    if all.is_empty() {
        return html! {};
    }
    let rows = html! {
        @for (stream, span) in &all {
            tr {
                th scope="row" { (stream.store) " " (service(stream.service)) }
                td { (span.kind.as_str()) }
                td { (page.times.element(span.from)) }
                td { (page.times.element(span.to)) }
                td.n { (long(span.to.at - span.from.at)) }
                td.text { (span.text) }
            }
        }
    };
    let table = table("What is missing", &["Store", "What", "From", "To", "#Length", "Details"], &rows);
    let more = streams.iter().map(|stream| stream.spans.left_out).sum();
    html! {
        @if all.len() > OPEN {
            (folded(&format!("What is missing: {}", count(all.len() as u64, "span", "spans")), &table))
        } @else {
            h3 { "What is missing" }
            (table)
        }
        (left_out(more, "spans are not shown"))
    }
}

fn numbers(page: Page<'_>) -> Markup {
    let rows = html! {
        @for stream in &page.report.streams.shown {
            tr {
                th scope="row" { (stream.store) " " (service(stream.service)) }
                td { (page.times.element(stream.first)) }
                td { (page.times.element(stream.last)) }
                td.n { (number(stream.lines)) }
                td.n { (number(stream.logins)) }
                td.n { (number(stream.closes)) }
                td.n { (number(stream.restarts.0)) }
                td.n { (number(stream.restarts.1)) }
                td.n { (number(stream.clock_jumps)) }
                td.text { (stream.level) }
            }
        }
    };
    let heads = [
        "Store",
        "First line",
        "Last line",
        "#Lines",
        "#Logins",
        "#Closes",
        "#Starts",
        "#Stops",
        "#Clock jumps",
        "What was logged",
    ];
    table("Lines by store and service", &heads, &rows)
}
