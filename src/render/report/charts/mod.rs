//! Charts as SVG. Places along a chart are percent and heights are pixels, so that a chart is as wide as its page and its texts keep
//! their size. What is told apart by colour is told apart by pattern or shape too, and every chart has its text.

mod area;
mod bars;
mod heat;
mod strip;
mod timeline;

pub(super) use area::{Step, area};
pub(super) use bars::{Bar, bars};
pub(super) use heat::{heat, shades};
pub(super) use strip::{strip, strip_axis};
pub(super) use timeline::{Lane, timeline};

use maud::{Markup, Render, html};

use super::axis::{Tick, scale};
use crate::model::Service;

/// So high bars are at most, above the foot, where the axis has its texts, and below the top.
const PLOT: u32 = 150;
const TOP: u32 = 14;
const FOOT: u32 = 22;

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

/// A bar in a table's cell, beside the number that it shows.
pub(super) fn meter(part: u64, whole: u64, class: &str) -> Markup {
    html! {
        svg.meter width="100%" height="8" aria-hidden="true" {
            rect.track x="0" y="0" width="100%" height="8" rx="2" {}
            rect.(class) x="0" y="0" width=(Percent(share(part, whole).clamp(0.004, 1.0))) height="8" rx="2" {}
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_in_percent() {
        let shown = |share| Percent(share).render().into_string();
        assert_eq!(
            [0.0, 1.0, 0.5, 0.125, 0.333_33, -0.0201].map(shown),
            ["0%", "100%", "50%", "12.5%", "33.33%", "-2.01%"]
        );
    }

    #[test]
    fn round_numbers_are_short() {
        assert_eq!([0, 9000, 20_000, 2_500_000, 50_000_000].map(short), ["0", "9000", "20k", "2.5M", "50M"]);
        assert_eq!(short(12_345_678), "12345678");
    }

    #[test]
    fn what_is_written_at_the_sides_stays_inside() {
        let tick = |at: f64| Tick { at, label: at.to_string() };
        let axis = time_axis(&[tick(0.0), tick(0.5), tick(1.0)], 0, 10).into_string();
        for class in ["tick from", "tick at spare", "tick to"] {
            assert!(axis.contains(&format!("class=\"{class}\"")), "{axis}");
        }
    }
}
