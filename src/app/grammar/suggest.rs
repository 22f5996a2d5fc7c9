//! `grammar suggest`: a draft for what no template reads.

use std::io::Write;

use super::super::ask::paths;
use super::super::output::Output;
use super::super::{Exit, Notes, Stop, bar, is_believed, threads};
use super::grammars;
use crate::cli::Cli;
use crate::discover::{self, discover};
use crate::fold::Needs;
use crate::note::{Note, NoteKind};
use crate::open::WalkOptions;
use crate::parse::Names;
use crate::plan::{Leaf, PlanOptions, plan};
use crate::read::{Meter, Reading, read};
use crate::streams::Streams;
use crate::suggest::{Draft, suggest};

/// Reads all, and writes the draft.
pub(super) fn run(cli: &Cli, notes: &Notes) -> Result<Exit, Stop> {
    let grammars = grammars(&cli.common.grammar)?;
    let output = Output::new(cli)?;
    let pool = threads(cli)?;
    let found = discover(&paths(cli)?, &discover::Options { all: cli.common.all });
    if !found.openable {
        notes.tell(&found.notes);
        return Err(Stop::Usage("none of the paths could be opened".to_owned()));
    }
    output.is_none_of(&found.files)?;
    let tmpdir = cli.common.tmpdir.clone().unwrap_or_else(std::env::temp_dir);
    let walk = WalkOptions { tmpdir, all: cli.common.all, ..WalkOptions::default() };
    let options = PlanOptions { walk: walk.clone(), year: cli.common.year, ..PlanOptions::default() };
    let plan = pool.install(|| plan(&found, &options))?;
    is_believed(&plan, None, notes)?;
    let (needs, streams, names) = (Needs { drafts: true, ..Needs::default() }, Streams::default(), Names::default());
    let meter = Meter::default();
    let reading = Reading::of_lines(&needs, (&grammars, &names), (&walk, cli.common.year), &meter);
    let outcome =
        bar::show(cli.common.progress, plan.bytes(), &meter, || pool.install(|| read(&plan, &streams, &reading)));
    let leaves: Vec<&Leaf> = plan.leaves.iter().chain(&outcome.unplanned).collect();
    let texts: Vec<&str> = leaves.iter().map(|leaf| leaf.shown.as_str()).collect();
    let draft = suggest(&outcome.trail.tally, &texts);
    let mut out = output.open()?;
    out.write_all(draft.toml.as_bytes())?;
    out.finish()?;
    let mut all = [plan.notes, outcome.notes].concat();
    all.sort();
    all.dedup();
    all.extend(said(&draft));
    notes.tell(&all);
    Ok(if all.iter().any(Note::fails) { Exit::Partly } else { Exit::Answered })
}

/// What the draft holds.
fn said(draft: &Draft) -> Vec<Note> {
    let lines = |n: u64| if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
    let templates =
        if draft.templates == 1 { "1 template".to_owned() } else { format!("{} templates", draft.templates) };
    let mut texts = vec![match draft.templates {
        0 => "no template was drafted".to_owned(),
        _ => format!("{templates} drafted, which read {} as known", lines(draft.lines)),
    }];
    if draft.undecided > 0 {
        texts.push(format!(
            "{} may tell of logins or closes: say in the draft what they mean, it is switched off there",
            lines(draft.undecided)
        ));
    }
    if draft.left > 0 {
        texts.push(format!("of {} no template could be made; the draft has samples", lines(draft.left)));
    }
    if draft.templates > 0 || draft.undecided > 0 {
        texts.push("the draft holds lines of the logs, and so personal data".to_owned());
    }
    texts.into_iter().map(|text| Note::new("", NoteKind::Info, text)).collect()
}
