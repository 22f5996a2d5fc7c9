//! How busy a stream was, and what it lacks.

use maud::{Markup, html};

use super::bars::{Bar, column_path};
use super::{Percent, Piece, Words, drawing, share, time_axis};
use crate::render::report::axis::Tick;

/// How busy a stream was, as bars along the period, with what it lacks on top of them and below.
pub(crate) fn strip(words: Words<'_>, class: &str, lines: &[u64], lacks: &[Piece], ticks: &[Tick]) -> Markup {
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
pub(crate) fn strip_axis(ticks: &[Tick]) -> Markup {
    html! { svg.chart width="100%" height="18" aria-hidden="true" { (time_axis(ticks, 0, 0)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_seen() {
        assert_eq!([0, 1, 25, 100].map(|n| root(n, 100)), [0, 100, 500, 1000]);
        assert_eq!(root(1, 1_000_000), 30);
    }
}
