//! `--manifest`: what was read and what came out of it, as a file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::SystemTime;

use chrono_tz::Tz;

use super::ask::Ask;
use super::output::Place;
use super::{Exit, Stop, bar, settings};
use crate::cli::Cli;
use crate::discover::Discovered;
use crate::hash::Hashed;
use crate::manifest::{
    Aside, Environment, Facts, Grammar, Item, Manifest, Output, Root, Run, Tool, UNSIGNED, Units, VERSION, exact_path,
    hash_file, items,
};
use crate::model::Stamp;
use crate::note::{Note, NoteKind};
use crate::read::Meter;
use crate::render;
use crate::text::exact;
use crate::times::{Zone, rfc3339_of};

/// A manifest to be written at the end.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) place: Place,
    started: String,
    before: Units,
}

/// What a run gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) notes: &'a [Note],
    pub(super) written: Hashed,
    pub(super) exit: Exit,
}

impl Begun {
    /// Checks the place before anything is read.
    ///
    /// # Errors
    /// The file exists already.
    pub(super) fn new(cli: &Cli) -> Result<Option<Begun>, Stop> {
        let Some(file) = &cli.common.manifest else { return Ok(None) };
        let place = Place::new("--manifest", file, cli.common.force)?;
        Ok(Some(Begun { place, started: now(), before: Units::default() }))
    }

    /// Remembers how files are before they are read.
    pub(super) fn saw(&mut self, found: &Discovered) {
        self.before = Units::new(found);
    }

    /// Files as they were before they were read.
    pub(super) fn before(&self) -> &Units {
        &self.before
    }

    /// Hashes what was read, on the current rayon pool, and writes the manifest; notes about what changed meanwhile.
    ///
    /// # Errors
    /// The place cannot be written.
    pub(super) fn write(&self, cli: &Cli, ask: &Ask, facts: &Facts<'_>, given: Given<'_>) -> Result<Vec<Note>, Stop> {
        let inputs = hashed(cli, facts);
        let changed: Vec<Note> = inputs.iter().filter(|item| item.changed_while_read).map(changed).collect();
        let exit = if changed.is_empty() { given.exit } else { Exit::Partly };
        let manifest = Manifest {
            manifest: VERSION,
            unsigned: UNSIGNED.to_owned(),
            tool: tool(),
            run: Run { started: self.started.clone(), ended: now() },
            arguments: std::env::args_os().skip(1).map(|text| exact_path(Path::new(&text))).collect(),
            settings: settings::recorded(cli),
            directory: std::env::current_dir().map(|folder| exact_path(&folder)).unwrap_or_default(),
            environment: environment(cli),
            roots: ask.paths.iter().map(|path| root(path)).collect(),
            aside: ask.aside.clone(),
            inputs,
            notes: given.notes.iter().chain(&changed).map(render::note).collect(),
            output: Output {
                path: cli.common.output.as_ref().map(|file| exact_path(&from_the_top(file))),
                size: given.written.size,
                sha256: given.written.sha256,
                exit: exit.code(),
            },
        };
        let mut out = self.place.open()?;
        manifest.write(&mut out)?;
        self.place.keep(out)?;
        Ok(changed)
    }
}

fn hashed(cli: &Cli, facts: &Facts<'_>) -> Vec<Item> {
    let meter = Meter::default();
    if let Ok(mut file) = meter.file.lock() {
        "for the manifest".clone_into(&mut file);
    }
    bar::show(cli.common.progress, facts.plan.bytes(), &meter, || items(facts, &meter.bytes))
}

fn changed(item: &Item) -> Note {
    let text = "changed while it was read: the manifest has the hash of what it was afterwards; run again when nothing writes to it";
    Note::new(item.path.clone(), NoteKind::Unreadable, text)
}

/// Now, in UTC.
fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    rfc3339_of(Stamp { at: i64::try_from(since.as_secs()).unwrap_or(0), offset: 0 }, Zone::Utc)
}

/// This program.
pub(super) fn tool() -> Tool {
    let binary =
        std::env::current_exe().and_then(File::open).and_then(|file| hash_file(&file, None, &AtomicU64::new(0)));
    Tool {
        name: "imstrail".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("SOURCE_COMMIT").to_owned(),
        binary_sha256: binary.ok().map(|(hashed, _)| hashed.sha256),
        zone_data: chrono_tz::IANA_TZDB_VERSION.to_owned(),
        grammars: crate::grammar::built_in()
            .map(|(name, text)| Grammar { name: name.to_owned(), sha256: Hashed::of(text.as_bytes()).sha256 })
            .collect(),
    }
}

/// A path from the top of the file system, without links if it is a file or a folder: those of a pipe lead nowhere.
pub(super) fn from_the_top(path: &Path) -> PathBuf {
    let whole = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let is_plain = path.metadata().is_ok_and(|meta| meta.is_file() || meta.is_dir());
    if is_plain { path.canonicalize().unwrap_or_else(|_| whole()) } else { whole() }
}

fn root(path: &Path) -> Root {
    let is_stdin = path.as_os_str() == "-";
    let found = is_stdin || path.symlink_metadata().is_ok();
    Root { given: exact_path(path), path: (!is_stdin).then(|| exact_path(&from_the_top(path))), found }
}

/// A file of users or templates, of these bytes.
pub(super) fn aside(option: &str, file: &Path, bytes: &[u8]) -> Aside {
    let Hashed { size, sha256 } = Hashed::of(bytes);
    let Root { given, path, .. } = root(file);
    Aside { option: option.to_owned(), given, path, size, sha256 }
}

fn environment(cli: &Cli) -> Environment {
    if cli.common.tz != Zone::Local {
        return Environment::default();
    }
    let tz = std::env::var_os("TZ");
    Environment {
        tz: tz.as_ref().map(|tz| exact(tz.as_encoded_bytes()).into_owned()),
        local_zone: local_zone(tz.as_ref().map(|tz| tz.to_string_lossy()).as_deref()).map(|tz| tz.name().to_owned()),
    }
}

/// The zone of this machine, if it has a name, and the tool's own data say the same of it.
fn local_zone(tz: Option<&str>) -> Option<Tz> {
    let link = || {
        std::fs::read_link("/etc/localtime").ok()?.to_string_lossy().rsplit_once("zoneinfo/").map(|(_, n)| n.to_owned())
    };
    let name = tz.map_or_else(link, |tz| Some(tz.trim_start_matches(':').to_owned()))?;
    let zone: Tz = name.parse().ok()?;
    const MONTH: usize = 30 * 86_400;
    let mut months = (788_918_400..2_051_222_400).step_by(MONTH).map(|at| Stamp { at, offset: 0 });
    months.all(|stamp| Zone::Local.of(stamp) == Zone::Named(zone).of(stamp)).then_some(zone)
}

/// The answer is not what a manifest could be about.
pub(super) fn cut_short(notes: &super::Notes) -> Exit {
    notes.error("the manifest is not written: whoever read the answer went away before its end");
    Exit::Partly
}
