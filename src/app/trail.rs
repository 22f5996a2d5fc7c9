//! `trail` and `merge`: what was read, and what was learned of it, as a trail file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use sha2::{Digest, Sha256};

use super::ask::{Ask, grammar_texts};
use super::output::Place;
use super::{Exit, Notes, Stop, bar, discovered, is_believed, known, threads};
use crate::cli::{Cli, Command, Common, Progress, TrailArgs};
use crate::fold::Needs;
use crate::grammar::Grammars;
use crate::kept::{Index, Nature, Origin, Packer, Packing, Sections, TOOL, Text};
use crate::note::{Note, NoteKind};
use crate::open::WalkOptions;
use crate::plan::{Input, Plan, PlanOptions, Unit, plan, walk};
use crate::read::{Dating, Meter, Outcome, Reading, read};
use crate::streams::Streams;
use crate::text::counted;
use crate::trail::{Count, FileId, kept};

/// Reads all, and writes the trail file.
///
/// # Errors
/// The place is not fit, no path could be opened, or the file cannot be written.
pub(super) fn run(args: &TrailArgs, cli: &Cli, notes: &Notes) -> Result<Exit, Stop> {
    let place = Place::new("-o", &args.output, args.force)?;
    let ask = Ask::new(cli)?;
    let pool = threads(cli)?;
    let found = discovered(cli, &ask, notes)?;
    place.is_none_of(&found.files)?;
    let making = Making { cli, ask: &ask, how: how(cli)?, progress: cli.common.progress };
    let options = PlanOptions { spool: true, ..making.plan_options() };
    let plan = pool.install(|| plan(&found, &options))?;
    is_believed(&plan, None, notes)?;
    if matches!(cli.command, Some(Command::Merge(_))) {
        are_trails(&plan)?;
    }
    let brief = args.brief || plan.trails.iter().any(|trail| trail.file.index.brief);
    let form = Form { brief, ..Form::default() };
    let (file, made) = pool.install(|| making.make(&plan, form, || place.open()))?;
    let size = file.get_ref().as_file().metadata()?.len();
    place.keep(file)?;
    let mut all = known::marked(&cli.common.known_damage, [plan.notes, made.notes].concat());
    all.extend(ask.settings);
    all.sort();
    all.dedup();
    let exit = Exit::of(&all);
    let lines = counted(usize::try_from(made.lines.lines).unwrap_or(usize::MAX), "line");
    let text = format!("{lines} of {}, {} bytes, in {size} bytes", counted(made.texts, "log"), made.lines.bytes);
    all.push(Note::new(args.output.to_string_lossy(), NoteKind::Info, text));
    notes.tell(&all);
    Ok(exit)
}

/// How trail files are made of what a plan names.
#[derive(Clone, Copy)]
pub(super) struct Making<'a> {
    pub(super) cli: &'a Cli,
    /// How logs are read; what is asked of them does not matter.
    pub(super) ask: &'a Ask,
    /// What summaries rest on: see [`how`].
    pub(super) how: [u8; 32],
    /// Whether bars are shown.
    pub(super) progress: Progress,
}

/// Which trail file is made.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Without lines.
    pub(super) brief: bool,
    /// Without a summary.
    pub(super) plain: bool,
    /// In a cache, the files that it stands for.
    pub(super) of: Vec<Origin>,
}

/// What was made.
#[derive(Debug)]
pub(super) struct Made {
    /// What was noticed in reading.
    notes: Vec<Note>,
    lines: Count,
    texts: usize,
}

impl Making<'_> {
    /// How to plan what is to be made a trail file of.
    pub(super) fn plan_options(&self) -> PlanOptions {
        PlanOptions { summaries: Some(self.how), ..self.ask.plan_options(self.cli) }
    }

    /// Reads all that a plan names, on the current rayon pool, and writes it into what is opened then.
    ///
    /// # Errors
    /// It cannot be written, or a trail file of the plan cannot be read.
    pub(super) fn make<W: Write>(
        &self,
        plan: &Plan,
        form: Form,
        open: impl FnOnce() -> Result<W, Stop>,
    ) -> Result<(W, Made), Stop> {
        let streams = Streams::default();
        let mut outcome = self.learn(plan, &streams);
        outcome.trail.traced.without(|user| outcome.trail.access.has(user));
        let mut out = Packer::new(open()?)?;
        let meter = Meter::default();
        if let Ok(mut file) = meter.file.lock() {
            "into columns".clone_into(&mut file);
        }
        let decoded = outcome.trail.files.values().map(|file| file.tally.all.bytes).sum();
        let total = if form.brief { 0 } else { decoded };
        let pack = || index(plan, &outcome, &self.ask.walk, form.brief, &mut out, &meter);
        let mut index = bar::show(self.progress, total, &meter, pack)?;
        if !form.plain {
            let summary = kept::write(&outcome.trail, &streams, &|id| plan.leaf(id).map(|_| id.0))?;
            index.summary = Some((out.put(&summary)?, self.how));
        }
        index.of = form.of;
        let mut file = out.finish(&index)?;
        file.flush()?;
        Ok((file, Made { notes: outcome.notes, lines: outcome.trail.tally.total(), texts: index.texts.len() }))
    }

    /// All that a summary is made of.
    fn learn(&self, plan: &Plan, streams: &Streams) -> Outcome {
        let Making { cli, ask, .. } = self;
        let meter = Meter::default();
        let needs = Needs { access: true, ..Needs::default() };
        let reading = Reading::of_lines(&needs, (&ask.grammars, &ask.names), (&ask.walk, cli.common.year), &meter);
        bar::show(self.progress, plan.bytes(), &meter, || read(plan, streams, &reading))
    }
}

/// Checks that all inputs are trail files.
fn are_trails(plan: &Plan) -> Result<(), Stop> {
    match plan.units.iter().find(|unit| !matches!(unit.input, Input::Trail(..))) {
        Some(unit) => Err(Stop::Usage(format!(
            "{}: is no trail file, and merge takes nothing else; imstrail trail takes logs as well",
            unit.path.display()
        ))),
        None => Ok(()),
    }
}

/// Writes all sections; what is in them.
fn index(
    plan: &Plan,
    outcome: &Outcome,
    options: &WalkOptions,
    brief: bool,
    to: &mut dyn Sections,
    meter: &Meter,
) -> Result<Index, Stop> {
    let mut texts = texts(plan, outcome);
    let dating = Dating::new(Grammars::new(&[]).map_err(|e| Stop::Usage(e.to_string()))?);
    let dater = |lines: &[u8]| dating.of(lines);
    let mut packing = Packing::new(to, &mut texts, &dater, brief, &meter.bytes);
    // By the order of paths, which is that of a trail file's texts, too.
    let mut units: Vec<&Unit> = plan.units.iter().collect();
    units.sort_by_key(|unit| unit.leaves.first().copied());
    for unit in units {
        packing.unit(&unit.leaves);
        match &unit.input {
            Input::Trail(file, number) => packing
                .copy(file, *number)
                .map_err(|refused| Stop::Usage(format!("{}: {refused}", file.path.display())))?,
            input => walk(input, &unit.path, options, &mut packing),
        }
        if packing.has_failed() {
            break;
        }
    }
    packing.finish()?;
    let of_run = |notes: &[Note]| {
        let mut notes = notes.to_vec();
        notes.sort();
        notes.dedup();
        notes
    };
    Ok(Index {
        tool: TOOL.to_owned(),
        texts,
        brief,
        notes: of_run(&plan.notes),
        walk_notes: of_run(&plan.walk_notes),
        read_notes: of_run(&outcome.notes),
        ..Index::default()
    })
}

/// What a summary rests on beside the lines: what reads them, and under which names. Only if it is the same, a summary can be used.
///
/// # Errors
/// A grammar file cannot be read.
pub(super) fn how(cli: &Cli) -> Result<[u8; 32], Stop> {
    let Common { grammar, store_alias, default_domain, year, .. } = &cli.common;
    let own: Vec<String> = grammar_texts(grammar)?.into_iter().map(|(_, text)| text).collect();
    let built_in: Vec<(&str, &str)> = crate::grammar::built_in().collect();
    let program = (env!("CARGO_PKG_VERSION"), kept::VERSION, built_in);
    let all = postcard::to_stdvec(&(program, own, store_alias, default_domain, year));
    all.map(|bytes| Sha256::digest(bytes).into()).map_err(|e| Stop::Usage(e.to_string()))
}

/// The texts of a plan, without their lines. Their numbers in the trail file are those that they have in the plan.
fn texts(plan: &Plan, outcome: &Outcome) -> Vec<Text> {
    let units = plan.units.iter().flat_map(|unit| unit.leaves.iter().map(move |id| (*id, unit)));
    let units: BTreeMap<FileId, &Unit> = units.collect();
    let text = |(id, unit): (&FileId, &&Unit)| {
        let leaf = plan.leaf(*id)?;
        let path = unit.path.as_os_str().as_bytes().to_vec();
        // Of a chain of copies, what is read.
        let of = |id: FileId| plan.leaf(id).and_then(|leaf| leaf.copy_of);
        let original = of(*id).map(|first| std::iter::successors(Some(first), |id| of(*id)).last().unwrap_or(first));
        let copy_of = original.map(|id| id.0);
        if let Input::Trail(file, number) = &unit.input {
            let text = file.index.texts.get(*number)?;
            return Some(Text { copy_of, blocks: Vec::new(), shown: BTreeSet::new(), ..text.clone() });
        }
        let shown = unit.path.to_string_lossy();
        let member = leaf.shown.get(shown.len() + 1..).unwrap_or_default().to_owned();
        Some(Text {
            path,
            member,
            name: leaf.name.clone(),
            nature: Nature::of(leaf.kind),
            size: leaf.size,
            stdin: !matches!(unit.input, Input::Path(_)),
            head: Vec::new(),
            copy_of,
            blocks: Vec::new(),
            shown: BTreeSet::new(),
            apart: true,
            holes: Vec::new(),
            damage: None,
            lost: (outcome.holes.get(id).copied().unwrap_or(0), outcome.damaged.contains(id)),
        })
    };
    units.iter().filter_map(text).collect()
}
