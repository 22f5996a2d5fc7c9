//! A number for each hour of the week, by shades.

use maud::{Markup, html};

use super::{Percent, Words, drawing, share};
use crate::render::report::words::number;

/// So many shades a heat map has, beside that of nothing.
const SHADES: u64 = 7;

/// A number for each hour of each day of the week; a cell's text says it with `what`. Where there is none, nothing is known.
pub(crate) fn heat(words: Words<'_>, days: &[(&str, [Option<u64>; 24])], what: &str) -> Markup {
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
pub(crate) fn shades(most: u64, what: &str, is_whole: bool) -> Markup {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_has_the_shade_of_nothing() {
        assert_eq!([0, 1, 500, 1000].map(|n| shade(n, 1000)), ["h0", "h1", "h5", "h7"]);
        assert_eq!(shade(0, 0), "h0");
    }
}
