//! An area over time.

use maud::{Markup, html};

use super::{FOOT, PLOT, TOP, Words, drawing, levels, share, time_axis};
use crate::render::report::axis::Tick;

/// How many there were from some place of the axis on, until the next: surely, and those that may have been there besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// 0 at the beginning of the axis, 1 at its end.
    pub at: f64,
    /// So many surely.
    pub certain: u64,
    /// And so many possibly.
    pub possible: u64,
}

/// How many there were over time, as an area; those that are not certain lie hatched above.
pub(crate) fn area(words: Words<'_>, steps: &[Step], ticks: &[Tick]) -> Markup {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_has_steps() {
        let step = |at, certain| Step { at, certain, possible: 1 };
        let steps = [step(0.0, 1), step(0.25, 3), step(0.5, 0)];
        assert_eq!(edge(&steps, 3, |step| step.certain), "M0 2000H2500V0H5000V3000H10000");
        assert_eq!(closed("M0 2000H10000"), "M0 2000H10000V3000H0z");
        assert_eq!(closed(&edge(&[], 3, |step| step.certain)), "");
    }
}
