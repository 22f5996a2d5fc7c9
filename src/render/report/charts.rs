//! Charts as SVG. Places along a chart are percent and heights are pixels, so that a chart is as wide as its page and its texts keep
//! their size. What is told apart by colour is told apart by pattern or shape too, and every chart has its text.

use maud::{Markup, Render, html};

use super::axis::{Tick, scale};
use super::words::number;
use crate::model::Service;

/// What a chart shows, for those who do not see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    /// Names its elements; a word, the same for no other chart of the page.
    pub id: &'a str,
    /// What is shown.
    pub title: &'a str,
    /// What there is to be seen, in a sentence or two.
    pub says: &'a str,
}

/// A share of the width, from 0 to 1, in percent.
#[derive(Clone, Copy)]
struct Percent(f64);

impl Render for Percent {
    fn render_to(&self, out: &mut String) {
        let hundredths = (self.0 * 10_000.0).round() as i64;
        let (sign, all) = if hundredths < 0 { ("-", -hundredths) } else { ("", hundredths) };
        out.push_str(sign);
        out.push_str(&(all / 100).to_string());
        match all % 100 {
            0 => {}
            tens if tens % 10 == 0 => out.push_str(&format!(".{}", tens / 10)),
            rest => out.push_str(&format!(".{rest:02}")),
        }
        out.push('%');
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn drawing(words: Words<'_>, class: &str, height: u32, body: &Markup) -> Markup {
    html! {
        svg class=(class) role="img" width="100%" height=(height) aria-labelledby={ (words.id) "-title" }
            aria-describedby={ (words.id) "-says" } {
            title id={ (words.id) "-title" } { (words.title) }
            desc id={ (words.id) "-says" } { (words.says) }
            (body)
        }
    }
}

/// The labels of a time axis, whose line is at a height, and upright lines from `top` to there. Every other label may be left out
/// where there is little room.
fn time_axis(ticks: &[Tick], top: u32, base: u32) -> Markup {
    html! {
        @for (n, tick) in ticks.iter().enumerate() {
            line.grid x1=(Percent(tick.at)) x2=(Percent(tick.at)) y1=(top) y2=(base + 4) {}
            @let side = if tick.at < 0.04 { "from" } else if tick.at > 0.94 { "to" } else { "at" };
            text.tick.(side).spare[n % 2 == 1] x=(Percent(tick.at)) y=(base + 16) { (tick.label) }
        }
    }
}

/// Level lines between `base` and `top`, with their numbers before the chart, where the style sheet leaves room; and where they end.
fn levels(most: u64, top: u32, base: u32) -> (u64, Markup) {
    let (end, step) = scale(most);
    let lines = (0..=end / step).map(|n| n * step);
    let y = |n: u64| f64::from(base) - share(n, end) * f64::from(base - top);
    let markup = html! {
        @for n in lines {
            line.level.base[n == 0] x1="0" x2="100%" y1=(tenth(y(n))) y2=(tenth(y(n))) {}
            text.tick.to x="-7" y=(tenth(y(n) + 4.0)) { (short(n)) }
        }
    };
    (end, markup)
}

/// A round number, short: 1500, 20k, 3M.
fn short(n: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "G"), (1_000_000, "M"), (1000, "k")];
    let unit = UNITS.iter().find(|(size, _)| n >= 10_000 && n.is_multiple_of(size / 10) && n >= *size);
    match unit {
        Some((size, unit)) => format!("{}{unit}", tenth(n as f64 / *size as f64)),
        None => n.to_string(),
    }
}

fn tenth(n: f64) -> String {
    let text = format!("{n:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// One bar of several parts, stacked.
#[derive(Clone, Debug, Default)]
pub(super) struct Bar {
    /// When or what it is, and its numbers, in words.
    pub label: String,
    /// Its parts, from below, in the order of the classes.
    pub parts: Vec<u64>,
}

const PLOT: u32 = 150;
const TOP: u32 = 14;
const FOOT: u32 = 22;

/// Bars side by side, of parts with a class each. `marks` are drawn behind some of them, by their numbers: a class each.
pub(super) fn bars(
    words: Words<'_>,
    classes: &[&str],
    bars: &[Bar],
    marks: &[(usize, &str)],
    ticks: &[Tick],
) -> Markup {
    let most = bars.iter().map(|bar| bar.parts.iter().sum()).max().unwrap_or(0);
    let (top, base) = (TOP, TOP + PLOT);
    let (end, lines) = levels(most, top, base);
    let wide = 1.0 / bars.len().max(1) as f64;
    let gap = match bars.len() {
        0..=7 => 0.5,
        8..=120 => 0.15,
        _ => 0.0,
    };
    let body = html! {
        @for (n, class) in marks {
            rect.lack x=(Percent(*n as f64 * wide)) width=(Percent(wide)) y=(top) height=(PLOT) {}
            rect.(class) x=(Percent(*n as f64 * wide)) width=(Percent(wide)) y=(top - 9) height="7" {}
        }
        (lines)
        (time_axis(ticks, top, base))
        svg x="0" y=(top) width="100%" height=(PLOT) viewBox={ "0 0 " (bars.len() * 100) " 3000" } preserveAspectRatio="none" {
            @for (part, class) in classes.iter().enumerate() {
                @let path = column_path(bars, part, end, gap);
                @if !path.is_empty() { path.(class) d=(path) {} }
            }
        }
        @for (n, bar) in bars.iter().enumerate() {
            rect.hover x=(Percent(n as f64 * wide)) width=(Percent(wide)) y=(top) height=(PLOT) { title { (bar.label) } }
        }
    };
    drawing(words, "chart scaled", base + FOOT, &body)
}

fn column_path(bars: &[Bar], part: usize, end: u64, gap: f64) -> String {
    let height = |n: u64| (share(n, end) * 3000.0).round() as i64;
    let (inset, wide) = ((gap * 50.0) as usize, (100.0 - gap * 100.0) as usize);
    let mut path = String::new();
    for (n, bar) in bars.iter().enumerate() {
        let below: u64 = bar.parts.iter().take(part).sum();
        let own = bar.parts.get(part).copied().unwrap_or(0);
        if own > 0 {
            // What is there is seen, however small.
            let (low, high) = (height(below), height(below + own).max(height(below) + 20));
            path.push_str(&format!("M{} {}h{wide}V{}h-{wide}z", n * 100 + inset, 3000 - high, 3000 - low));
        }
    }
    path
}

/// How many there were from some place of the axis on, until the next: surely, and those that may have been there besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// 0 at the beginning of the axis, 1 at its end.
    pub at: f64,
    /// So many surely.
    pub certain: u64,
    /// And so many possibly.
    pub possible: u64,
}

/// How many there were over time, as an area; those that are not certain lie hatched above.
pub(super) fn area(words: Words<'_>, steps: &[Step], ticks: &[Tick]) -> Markup {
    let most = steps.iter().map(|step| step.certain + step.possible).max().unwrap_or(0);
    let (top, base) = (TOP, TOP + PLOT + 30);
    let (end, lines) = levels(most, top, base);
    let certain = edge(steps, end, |step| step.certain);
    let all = edge(steps, end, |step| step.certain + step.possible);
    let body = html! {
        (lines)
        (time_axis(ticks, top, base))
        svg x="0" y=(top) width="100%" height=(base - top) viewBox="0 0 10000 3000" preserveAspectRatio="none" {
            @if steps.iter().any(|step| step.possible > 0) {
                path.possible-area d=(closed(&all)) {}
                path.possible-edge d=(all) {}
            }
            path.area d=(closed(&certain)) {}
            path.edge d=(certain) {}
        }
    };
    drawing(words, "chart scaled", base + FOOT, &body)
}

/// The upper edge of an area, in ten-thousandths of the width.
fn edge(steps: &[Step], end: u64, of: impl Fn(&Step) -> u64) -> String {
    let mut path = String::new();
    for (n, step) in steps.iter().enumerate() {
        let (x, y) = ((step.at * 10_000.0).round() as i64, 3000 - (share(of(step), end) * 3000.0).round() as i64);
        path.push_str(&if n == 0 { format!("M{x} {y}") } else { format!("H{x}V{y}") });
    }
    if !path.is_empty() {
        path.push_str("H10000");
    }
    path
}

fn closed(edge: &str) -> String {
    let begins = edge.strip_prefix('M').and_then(|rest| rest.split(' ').next()).unwrap_or("0");
    if edge.is_empty() { String::new() } else { format!("{edge}V3000H{begins}z") }
}

/// So many shades a heat map has, beside that of nothing.
const SHADES: u64 = 7;

/// A number for each hour of each day of the week; a cell's text says it with `what`. Where there is none, nothing is known.
pub(super) fn heat(words: Words<'_>, days: &[(&str, [Option<u64>; 24])], what: &str) -> Markup {
    let most = days.iter().flat_map(|(_, hours)| hours.iter().copied().flatten()).max().unwrap_or(0);
    let count = |n: Option<u64>| n.map_or_else(|| "not covered".to_owned(), |n| format!("{} {what}", number(n)));
    let (left, row) = (0.075, 22_u32);
    let wide = (1.0 - left) / 24.0;
    let head = 16;
    let body = html! {
        @for hour in 0..24_u32 {
            text.tick.at.spare[hour % 6 != 0].more[hour % 3 != 0] x=(Percent(left + (f64::from(hour) + 0.5) * wide)) y="10" {
                (hour)
            }
        }
        @for (row_number, (day, hours)) in (0..).zip(days) {
            text.tick.from x="0" y=(head + row_number * row + 15) { (day) }
            @for (hour, n) in hours.iter().enumerate() {
                rect.(n.map_or("beyond".to_owned(), |n| shade(n, most))) x=(Percent(left + hour as f64 * wide)) y=(head + row_number * row) width=(Percent(wide - 0.002))
                    height=(row - 2) rx="2" {
                    title { (day) " " (format!("{hour:02}")) ":00: " (count(*n)) }
                }
            }
        }
    };
    drawing(words, "chart heat", head + row * u32::try_from(days.len()).unwrap_or(0), &body)
}

/// The class of a number: h0 for nothing, then by its share, with more shades for small ones, so that quiet hours differ too.
fn shade(n: u64, most: u64) -> String {
    let level = if n == 0 { 0 } else { ((share(n, most).powf(0.75) * SHADES as f64).ceil() as u64).clamp(1, SHADES) };
    format!("h{level}")
}

/// The shades of a heat map from nothing to its most, and what stands for hours of which nothing is known, unless it is whole.
pub(super) fn shades(most: u64, what: &str, is_whole: bool) -> Markup {
    html! {
        p.legend.shades {
            span { "0" }
            svg width="168" height="12" aria-hidden="true" {
                @for level in 0..=SHADES {
                    rect.{ "h" (level) } x=(level * 21) y="0" width="19" height="12" rx="2" {}
                }
            }
            span { (number(most)) " " (what) }
            @if !is_whole {
                svg.swatch width="22" height="12" aria-hidden="true" { rect.beyond x="1" y="1" width="20" height="10" rx="1.5" {} }
                span { "not covered" }
            }
        }
    }
}

/// A piece of a line of time.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// Its beginning: 0 at the beginning of the axis, 1 at its end.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// How it is drawn: a class of the style sheet.
    pub class: String,
    /// What it is, in words.
    pub title: String,
}

/// How busy a stream was, as bars along the period, with what it lacks on top of them and below.
pub(super) fn strip(words: Words<'_>, class: &str, lines: &[u64], lacks: &[Piece], ticks: &[Tick]) -> Markup {
    let most = lines.iter().copied().max().unwrap_or(0);
    let (height, foot) = (38, 8);
    let columns: Vec<Bar> = lines.iter().map(|n| Bar { label: String::new(), parts: vec![root(*n, most)] }).collect();
    let body = html! {
        @for tick in ticks {
            line.grid x1=(Percent(tick.at)) x2=(Percent(tick.at)) y1="0" y2=(height) {}
        }
        svg x="0" y="0" width="100%" height=(height) viewBox={ "0 0 " (lines.len() * 100) " 3000" } preserveAspectRatio="none" {
            path.(class) d=(column_path(&columns, 0, 1000, 0.0)) {}
        }
        line.level.base x1="0" x2="100%" y1=(height) y2=(height) {}
        @for lack in lacks {
            @let (y, high) = if lack.class == "unlogged" { (height + 2, foot - 3) } else { (0, height) };
            rect.(lack.class) x=(Percent(lack.from)) width=(Percent((lack.to - lack.from).max(0.002))) y=(y) height=(high) {
                title { (lack.title) }
            }
        }
    };
    drawing(words, "chart strip", height + foot, &body)
}

/// A share of a thousand, as its root, so that quiet hours are seen beside busy ones.
fn root(n: u64, most: u64) -> u64 {
    if n == 0 { 0 } else { ((share(n, most).sqrt() * 1000.0) as u64).max(30) }
}

/// The axis below several strips.
pub(super) fn strip_axis(ticks: &[Tick]) -> Markup {
    html! { svg.chart width="100%" height="18" aria-hidden="true" { (time_axis(ticks, 0, 0)) } }
}

/// A line of time: rows of pieces, which do not overlap as long as there are enough rows.
#[derive(Clone, Debug)]
pub(super) struct Lane<'a> {
    /// What is written above it.
    pub name: &'a str,
    /// Its rows.
    pub rows: Vec<Vec<Piece>>,
}

/// Lines of time, one above the other, each with its name.
pub(super) fn timeline(words: Words<'_>, lanes: &[Lane<'_>], ticks: &[Tick]) -> Markup {
    let (head, row, foot) = (16_u32, 11_u32, 5_u32);
    let high = |lane: &Lane<'_>| head + row * u32::try_from(lane.rows.len()).unwrap_or(0) + foot;
    let base = lanes.iter().map(high).sum();
    let tops = lanes.iter().scan(0, |top, lane| {
        *top += high(lane);
        Some(*top - high(lane))
    });
    let body = html! {
        (time_axis(ticks, 0, base))
        @for (lane, top) in lanes.iter().zip(tops) {
            text.lane x="0" y=(top + 12) { (lane.name) }
            @for (n, pieces) in (0..).zip(&lane.rows) {
                g transform={ "translate(0 " (top + head + n * row) ")" } {
                    @for piece in pieces {
                        rect.(piece.class) x=(Percent(piece.from)) width=(Percent((piece.to - piece.from).max(0.002)))
                            height=(row - 2) { title { (piece.title) } }
                    }
                }
            }
            line.level.base x1="0" x2="100%" y1=(top + high(lane)) y2=(top + high(lane)) {}
        }
    };
    drawing(words, "chart timeline", base + FOOT, &body)
}

/// The patterns that fill what is not certain and what is missing, for all charts of the page.
pub(super) fn patterns() -> Markup {
    let hatch = |id: &str, class: &str, size: u32, path: &str| {
        html! {
            pattern id=(id) width=(size) height=(size) patternUnits="userSpaceOnUse" { path.(class) d=(path) {} }
        }
    };
    let rising = "M-1 1l2 -2M0 6l6 -6M5 7l2 -2";
    let falling = "M-1 5l2 2M0 0l6 6M5 -1l2 2";
    html! {
        svg.patterns width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                @for service in Service::ALL.map(Service::as_str) {
                    (hatch(&format!("lost-{service}"), &format!("line {service}-line"), 6, rising))
                    (hatch(&format!("doubt-{service}"), &format!("line {service}-line"), 4, "M2 0v4"))
                }
                (hatch("lost-key", "line key-line", 6, rising))
                (hatch("doubt-key", "line key-line", 4, "M2 0v4"))
                (hatch("possible-hatch", "line all-line", 6, rising))
                (hatch("missing-hatch", "line miss-line", 6, rising))
                (hatch("damaged-hatch", "line miss-line", 6, &format!("{rising}{falling}")))
                (hatch("silent-hatch", "line miss-line", 5, "M1 2.5h1.6"))
                (hatch("overlap-hatch", "line soft-line", 6, falling))
            }
        }
    }
}

/// A bar in a table's cell, beside the number that it shows.
pub(super) fn meter(part: u64, whole: u64, class: &str) -> Markup {
    html! {
        svg.meter width="100%" height="8" aria-hidden="true" {
            rect.track x="0" y="0" width="100%" height="8" rx="2" {}
            rect.(class) x="0" y="0" width=(Percent(share(part, whole).clamp(0.004, 1.0))) height="8" rx="2" {}
        }
    }
}
