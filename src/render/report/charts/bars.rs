//! Bars side by side.

use maud::{Markup, html};

use super::{FOOT, PLOT, Percent, TOP, Words, drawing, levels, share, time_axis};
use crate::render::report::axis::Tick;

/// One bar of several parts, stacked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bar {
    /// When or what it is, and its numbers, in words.
    pub label: String,
    /// Its parts, from below, in the order of the classes.
    pub parts: Vec<u64>,
}

/// Bars side by side, of parts with a class each. `marks` are drawn behind some of them, by their numbers: a class each.
pub(crate) fn bars(
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
    // Few bars are not wider than a twelfth of the chart.
    let gap = match bars.len() {
        few @ 0..=10 => 1.0 - few as f64 * 0.08,
        11..=120 => 0.15,
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

/// The bars of one part, as a path in a box that is a hundred wide for each and 3000 high.
pub(super) fn column_path(bars: &[Bar], part: usize, end: u64, gap: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_on_each_other() {
        let bar = |parts: [u64; 2]| Bar { label: String::new(), parts: parts.to_vec() };
        let bars = [bar([10, 20]), bar([0, 30]), bar([1, 0])];
        assert_eq!(column_path(&bars, 0, 30, 0.0), "M0 2000h100V3000h-100zM200 2900h100V3000h-100z");
        assert_eq!(column_path(&bars, 1, 30, 0.0), "M0 0h100V2000h-100zM100 0h100V3000h-100z");
        // One of very many is seen.
        assert_eq!(column_path(&bars[2..], 0, 1_000_000, 0.5), "M25 2980h50V3000h-50z");
    }
}
