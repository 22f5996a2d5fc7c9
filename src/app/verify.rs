//! `verify`: whether what a manifest names is still the same, and gives the same answer.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::manifest::tool;
use super::output::Output;
use super::{Exit, Notes, Stop, bar, query, settings, threads};
use crate::cli::{Cli, VerifyArgs, VerifyFormat};
use crate::discover;
use crate::hash::Hashed;
use crate::manifest::{Kind, Manifest, NotOne, Row, Status, added, check, check_one, moved, path_of};
use crate::note::{Note, NoteKind, cause};
use crate::open::WalkOptions;
use crate::read::Meter;
use crate::render::put;
use crate::text::{exact_bytes, visible};
use crate::times::Zone;

/// Reads again what the manifest names, and says what became of it.
pub(super) fn run(args: &VerifyArgs, cli: &Cli, notes: &Notes) -> Result<Exit, Stop> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let moves: Vec<_> = args.root.iter().map(|(old, new)| (absolute(old), absolute(new))).collect();
    let manifest = read(&args.manifest)?.moved(&moves);
    let then = parsed(&manifest);
    let tmpdir = cli.common.tmpdir.clone().unwrap_or_else(std::env::temp_dir);
    let all = then.as_ref().is_ok_and(|then| then.common.all);
    let walk = WalkOptions { tmpdir, all, ..WalkOptions::default() };
    let meter = Meter::default();
    let total = manifest.inputs.iter().filter(|item| item.member.is_none()).filter_map(|item| item.size).sum();
    let pool = threads(cli)?;
    let mut rows =
        bar::show(cli.common.progress, total, &meter, || pool.install(|| check(&manifest, &walk, &meter.bytes)));
    rows.extend(beside(&manifest, &meter));
    let own = manifest.output.path.as_deref().map(path_of).into_iter().chain([args.manifest.clone()]);
    rows.extend(added(&manifest, &discover::Options { all }, &own.collect::<Vec<_>>()));
    drop(pool);
    if args.answer {
        rows.push(Row::new(Kind::Answer, "", again(&manifest, then, cli, &moves)));
    }
    write(&rows, args.format)?;
    notes.tell(&said(&manifest, &rows));
    Ok(if rows.iter().all(|row| row.status.is_fine()) { Exit::Answered } else { Exit::Partly })
}

/// The manifest.
///
/// # Errors
/// The file cannot be read, is something else, or is from a later version.
fn read(file: &Path) -> Result<Manifest, Stop> {
    let named = |text: String| Stop::Usage(format!("{}: {text}", file.display()));
    let open = || -> io::Result<Vec<u8>> {
        let opened = std::fs::File::open(file)?;
        let mut text = Vec::new();
        (&opened).take(64).read_to_end(&mut text)?;
        // What does not begin like one may be long, or have no end.
        if text.trim_ascii_start().first() == Some(&b'{') {
            (&opened).read_to_end(&mut text)?;
        }
        Ok(text)
    };
    let text = open().map_err(|e| named(format!("cannot be read ({})", cause(&e))))?;
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(named(NotOne::Other("it is no JSON document".to_owned()).to_string()));
    }
    Manifest::parse(&text).map_err(|e| named(e.to_string()))
}

/// The recorded arguments, as this version understands them.
fn parsed(manifest: &Manifest) -> Result<Cli, String> {
    let typed = manifest.arguments.iter().map(|text| path_of(text).into_os_string());
    let typed: Vec<OsString> = [OsString::from("imstrail")].into_iter().chain(typed).collect();
    match settings::again(&manifest.settings).map(|settings| Cli::read(&typed, settings)) {
        Some(Ok(cli)) if cli.verify().is_none() && !cli.common.plan => Ok(cli),
        _ => Err("this imstrail does not understand the arguments".to_owned()),
    }
}

/// Files of users and templates, and the answer as it was written.
fn beside(manifest: &Manifest, meter: &Meter) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in &manifest.aside {
        let checked = match &file.path {
            Some(path) => check_one(&path_of(path), Some(file.size), Some(file.sha256), &meter.bytes),
            None => (Status::NotRepeatable, Some("it came through a pipe, once".to_owned())),
        };
        rows.push(Row::new(Kind::Aside, &file.given, checked));
    }
    if let Some(path) = &manifest.output.path {
        let checked = check_one(&path_of(path), Some(manifest.output.size), Some(manifest.output.sha256), &meter.bytes);
        rows.push(Row::new(Kind::Output, path, checked));
    }
    rows
}

/// Runs the recorded arguments again, and compares what comes out. Goes to the folder in which they ran.
fn again(
    manifest: &Manifest,
    then: Result<Cli, String>,
    cli: &Cli,
    moves: &[(PathBuf, PathBuf)],
) -> (Status, Option<String>) {
    let changed = |why: String| (Status::Changed, Some(why));
    let mut then = match then {
        Ok(then) => then,
        Err(why) => return changed(why),
    };
    if manifest.inputs.iter().any(|item| !item.repeatable && item.sha256.is_some())
        || manifest.roots.iter().any(|root| root.path.is_none())
        || manifest.aside.iter().any(|file| file.path.is_none())
    {
        return (Status::NotRepeatable, Some("standard input or a pipe was read".to_owned()));
    }
    let places = manifest.roots.iter().filter_map(|root| root.path.as_deref()).map(path_of);
    if let Some(pipe) = places.filter_map(|p| Some((p.metadata().ok()?, p))).find(|(m, _)| !m.is_file() && !m.is_dir())
    {
        return changed(format!("{} is no file or folder now", pipe.1.display()));
    }
    let folder = path_of(&manifest.directory);
    if let Err(e) = std::env::set_current_dir(&folder) {
        return changed(format!("{}, where it ran, cannot be entered ({}); see --root", folder.display(), cause(&e)));
    }
    settle(&mut then, manifest, cli, moves);
    let notes = Notes { color: false, quiet: true };
    match query(&then, &mut Output::nowhere(&then), &notes) {
        Ok((_, Some(now))) => compared(now, manifest),
        Ok((_, None)) | Err(Stop::Closed) => changed("no answer".to_owned()),
        Err(why @ (Stop::Usage(_) | Stop::Pictures(_))) => changed(format!("no answer: {why}")),
    }
}

/// Sets what does not matter to the answer, and says where things lie now.
fn settle(then: &mut Cli, manifest: &Manifest, cli: &Cli, moves: &[(PathBuf, PathBuf)]) {
    let common = &mut then.common;
    (common.manifest, common.force, common.cache) = (None, false, None);
    (common.progress, common.color, common.threads) = (cli.common.progress, cli.common.color, cli.common.threads);
    common.tmpdir.clone_from(&cli.common.tmpdir);
    let paths =
        common.paths.iter_mut().chain(&mut common.file).chain(&mut common.grammar).chain(&mut common.known_damage);
    paths.filter(|path| path.is_absolute()).for_each(|path| *path = moved(path, moves));
    if let (Zone::Local, Some(Ok(zone))) = (common.tz, manifest.environment.local_zone.as_ref().map(|z| z.parse())) {
        common.tz = Zone::Named(zone);
    }
}

fn compared(now: Hashed, manifest: &Manifest) -> (Status, Option<String>) {
    if now.sha256 == manifest.output.sha256 {
        return (Status::Same, None);
    }
    let then = manifest.output.size;
    let why = if now.size == then {
        format!("other bytes, {then} as before")
    } else {
        format!("{} bytes, not {then}", now.size)
    };
    (Status::Changed, Some(why))
}

/// What is to be known beside the rows.
fn said(manifest: &Manifest, rows: &[Row]) -> Vec<Note> {
    let mut notes = vec![Note::new(
        "",
        NoteKind::Info,
        "the manifest is not signed: it proves nothing against whoever could change it",
    )];
    let (then, now) = (&manifest.tool, tool());
    if *then != now {
        let text = format!(
            "it is of imstrail {}, commit {}, zone data {}; this is another build: {}, commit {}, zone data {}",
            then.version, then.commit, then.zone_data, now.version, now.commit, now.zone_data
        );
        notes.push(Note::new("", NoteKind::Info, text));
    }
    let lost = manifest.roots.iter().filter(|root| !root.found);
    notes.extend(
        lost.map(|root| Note::new(root.given.clone(), NoteKind::Info, "was not there when the manifest was written")),
    );
    if rows.iter().any(|row| row.status == Status::Added) {
        let text = "what was added is no part of the manifest, and does not change the exit status";
        notes.push(Note::new("", NoteKind::Info, text));
    }
    notes
}

fn write(rows: &[Row], format: VerifyFormat) -> Result<(), Stop> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for row in rows {
        let Row { status, kind, path, member, why } = row;
        if format == VerifyFormat::Jsonl {
            let path = (*kind != Kind::Answer).then_some(path);
            put(
                &json!({"record": "verified", "kind": kind, "path": path, "member": member, "status": status, "why": why}),
                &mut out,
            )?;
            out.write_all(b"\n")?;
            continue;
        }
        let shown = |text: &str| visible(&exact_bytes(text)).into_owned();
        let member = member.as_ref().map(|member| format!("!{}", shown(member))).unwrap_or_default();
        let name = if *kind == Kind::Answer { "the answer".to_owned() } else { shown(path) };
        let why = why.as_ref().map(|why| format!(": {}", visible(why.as_bytes()))).unwrap_or_default();
        writeln!(out, "{:<14}  {name}{member}{why}", status.as_str())?;
    }
    if format == VerifyFormat::Table {
        let count = |status: &Status| rows.iter().filter(|row| row.status == *status).count();
        let counts = Status::ALL.map(|status| (status, count(&status)));
        let told = counts.iter().filter(|(status, n)| *n > 0 || *status == Status::Same);
        let told: Vec<String> = told.map(|(status, n)| format!("{n} {}", status.as_str())).collect();
        writeln!(out, "{}.", told.join(", "))?;
    }
    Ok(out.flush()?)
}
