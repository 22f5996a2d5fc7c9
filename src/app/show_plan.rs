//! `--plan`: what would be read.

use std::io::Write;

use super::Stop;
use super::output::Sink;
use crate::open::Kind;
use crate::plan::{Leaf, Plan, Unit};
use crate::render::{Align, Columns};
use crate::text::visible;
use crate::times::written;

/// What a thread reads of plain text in a second, in bytes; a guess for the estimate.
const PLAIN: u64 = 700 << 20;
/// What a thread reads of compressed files in a second, in bytes on disk; a guess for the estimate.
const COMPRESSED: u64 = 40 << 20;

/// Writes the plan as a table.
pub(super) fn write(plan: &Plan, mut out: Sink, threads: usize) -> Result<(), Stop> {
    let headings = ["#", "STREAM", "FIRST LINE", "BYTES", "KIND", "FILE"];
    let mut columns =
        Columns::new(&headings.map(|h| (h, if h == "BYTES" || h == "#" { Align::Right } else { Align::Left })));
    let mut rows = Vec::new();
    for (unit, leaf) in texts(plan) {
        rows.push(row(rows.len() + 1, unit, leaf));
    }
    rows.iter().for_each(|r| columns.fit(r));
    columns.head(&mut out)?;
    columns.write(&mut out, &rows)?;
    let streams: std::collections::BTreeSet<_> = plan.leaves.iter().filter_map(|l| l.group.as_ref()).collect();
    let seconds =
        plan.units.iter().map(|u| u.size as f64 / if u.plain { PLAIN } else { COMPRESSED } as f64).sum::<f64>();
    writeln!(
        out,
        "{} streams, {} files, {} texts, {} bytes on disk, about {:.1} s with {threads} threads.",
        streams.len(),
        plan.units.len(),
        plan.leaves.len(),
        plan.bytes(),
        (seconds / threads.max(1) as f64).max(0.1)
    )?;
    out.finish().map(drop)
}

fn texts(plan: &Plan) -> impl Iterator<Item = (&Unit, Option<&Leaf>)> {
    plan.units.iter().flat_map(|unit| {
        let leaves: Vec<Option<&Leaf>> = unit.leaves.iter().map(|id| plan.leaf(*id)).collect();
        let leaves = if leaves.is_empty() { vec![None] } else { leaves };
        leaves.into_iter().map(move |leaf| (unit, leaf))
    })
}

fn row(number: usize, unit: &Unit, leaf: Option<&Leaf>) -> Vec<String> {
    let Some(leaf) = leaf else {
        let path = unit.path.to_string_lossy();
        let dash = || "-".to_owned();
        return vec![
            number.to_string(),
            dash(),
            dash(),
            dash(),
            "pipe".to_owned(),
            visible(path.as_bytes()).into_owned(),
        ];
    };
    let stream = leaf
        .group
        .as_ref()
        .map_or("-".to_owned(), |(store, service)| format!("{} {}", visible(store), service.as_str()));
    let kind = match (leaf.kind, leaf.copy_of, unit.plain) {
        (_, Some(_), _) => "copy, not read",
        (Kind::Image(what), ..) => what,
        (Kind::Empty, ..) => "empty",
        (_, _, true) => "plain",
        _ => "packed",
    };
    vec![
        number.to_string(),
        stream,
        leaf.first.map_or("-".to_owned(), written),
        leaf.size.map_or("-".to_owned(), |n| n.to_string()),
        kind.to_owned(),
        visible(leaf.shown.as_bytes()).into_owned(),
    ]
}
