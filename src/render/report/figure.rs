//! What stands around charts and tables.

use maud::{Markup, html};

use super::charts::Words;
use super::words::number;

/// A chart with its heading and what it says, and its numbers as a table that can be opened.
pub(super) fn figure(words: Words<'_>, legend: &Markup, chart: &Markup, numbers: &Markup) -> Markup {
    html! {
        figure {
            figcaption {
                h3 { (words.title) }
                p { (words.says) }
                (legend)
            }
            (chart)
            (folded(&format!("Numbers: {}", words.title), numbers))
        }
    }
}

/// Something that is shown only if asked for.
pub(super) fn folded(summary: &str, body: &Markup) -> Markup {
    html! { details { summary { (summary) } (body) } }
}

/// A table in a box of its own, which scrolls if it is wider than the page. A heading that begins with `#` is that of numbers.
pub(super) fn table(label: &str, heads: &[&str], rows: &Markup) -> Markup {
    html! {
        div.box tabindex="0" role="group" aria-label=(label) {
            table {
                caption.unseen { (label) }
                thead {
                    tr {
                        @for head in heads {
                            @let (is_number, text) = head.strip_prefix('#').map_or((false, *head), |text| (true, text));
                            th.n[is_number] scope="col" { (text) }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}

/// So many rows of a long table are shown without being asked for.
const ROWS: usize = 15;

/// A table like others, whose later rows are shown only if asked for.
pub(super) fn long_table(label: &str, heads: &[&str], mut rows: Vec<Markup>) -> Markup {
    // A few more are not worth a table of their own.
    let more = if rows.len() > ROWS + 5 { rows.split_off(ROWS) } else { Vec::new() };
    let body = |rows: &[Markup]| html! { @for row in rows { (row) } };
    html! {
        (table(label, heads, &body(&rows)))
        @if !more.is_empty() {
            @let label = format!("{label}: the next {}", number(more.len() as u64));
            (folded(&label, &table(&label, heads, &body(&more))))
        }
    }
}

/// Says what is not shown, if there is more.
pub(super) fn left_out(left_out: u64, what: &str) -> Markup {
    html! { @if left_out > 0 { p.cut { (number(left_out)) " more " (what) } } }
}

/// An entry of a legend: a swatch drawn as in the chart, and what it stands for.
pub(super) fn swatch(class: &str, text: &str) -> Markup {
    html! {
        li {
            svg.swatch width="22" height="12" aria-hidden="true" { rect.(class) x="1" y="1" width="20" height="10" rx="1.5" {} }
            (text)
        }
    }
}
