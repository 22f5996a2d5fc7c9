//! Lines of time, one above the other.

use maud::{Markup, html};

use super::{FOOT, Percent, Piece, Words, drawing, time_axis};
use crate::render::report::axis::Tick;

/// A line of time: rows of pieces, which do not overlap as long as there are enough rows.
#[derive(Clone, Debug)]
pub(crate) struct Lane<'a> {
    /// What is written above it.
    pub name: &'a str,
    /// Its rows.
    pub rows: Vec<Vec<Piece>>,
}

/// Lines of time, one above the other, each with its name.
pub(crate) fn timeline(words: Words<'_>, lanes: &[Lane<'_>], ticks: &[Tick]) -> Markup {
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
