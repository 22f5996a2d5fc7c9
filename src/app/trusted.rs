//! `--trust-order`: files that lie outside of the window are not read.

use std::collections::BTreeMap;

use rayon::ThreadPool;
use rayon::prelude::*;

use super::Stop;
use super::again::{CLOCKS, shows_clocks};
use super::ask::Ask;
use crate::cli::Cli;
use crate::discover::{Discovered, Found};
use crate::fold::Window;
use crate::note::{Note, NoteKind};
use crate::open::{HEAD, Kind, WalkOptions, kind_of_file, read_head};
use crate::plan::{PlanOptions, outside, plan};
use crate::remarks::within;
use crate::resolve::Resolved;

/// What is left of what was found, with a note about the rest. Heads are looked at for this, but of pipes, which give theirs once, and of
/// archives, which are read in any case.
///
/// # Errors
/// Those of planning.
pub(super) fn left(cli: &Cli, ask: &Ask, mut found: Discovered, pool: &ThreadPool) -> Result<Discovered, Stop> {
    let window = ask.needs.window;
    let digits = ask.has_digits();
    // Whether a table's digits were shown twice, lines near them tell; whether those that are asked for were, the next ones do, however far.
    let bounds = if shows_clocks(cli) || digits { window.widened(CLOCKS) } else { window }.bounds();
    let walk = WalkOptions { depth: 1, ..ask.walk.clone() };
    // Years that dates lack are not looked for: such logs are read.
    let year = Some(cli.common.year.unwrap_or(1970));
    let options = PlanOptions { apart: true, bounds, walk, year, ..ask.plan_options(cli) };
    let outside: BTreeMap<_, u64> = pool.install(|| {
        let files = found.files.par_iter().filter(|file| !file.stdin && is_one_text(file)).cloned();
        let files = Discovered { files: files.collect(), ..Discovered::default() };
        let plan = plan(&files, &options)?;
        let outside = outside(&plan, &bounds, digits);
        Ok::<_, Stop>(outside.into_iter().map(|unit| (unit.path.clone(), unit.size)).collect())
    })?;
    let all = found.files.len();
    found.files.retain(|file| !outside.contains_key(&file.path));
    if !outside.is_empty() {
        let missed = if window.until.is_some() {
            ": a session that began in the window is missed if its login was not logged and its close is in one of them"
        } else {
            ""
        };
        let text = format!(
            "{} of {all} files ({} bytes) are not read, since none of their lines is of the window if logs are in order of time, which \
             --trust-order says{missed}; what is noted of files and streams is of the others",
            outside.len(),
            outside.values().sum::<u64>(),
        );
        found.notes.push(Note::new("", NoteKind::Skipped, text));
    }
    Ok(found)
}

/// Whether there may be one text in a file.
fn is_one_text(file: &Found) -> bool {
    let name = file.path.file_name().unwrap_or_default().to_string_lossy();
    let kind =
        (file.size > 0).then(|| read_head(&file.path, HEAD).ok()).flatten().map(|head| kind_of_file(&head, &name));
    kind.is_some_and(|kind| !matches!(kind, Kind::Tar | Kind::Zip | Kind::Trail))
}

/// Takes from streams what is not so, or not known, where files were left out: what they seem to lack outside of the window may be in those.
pub(super) fn limit(streams: &mut [Resolved], window: Window) {
    for stream in streams {
        let gaps = std::mem::take(&mut stream.gaps);
        stream.gaps = gaps.into_iter().filter(|gap| within(window, stream, gap)).collect();
        (stream.lone, stream.closes_stopped) = (None, None);
    }
}
