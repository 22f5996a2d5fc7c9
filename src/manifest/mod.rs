//! Manifest: what a run read and what came out of it, so that others can see whether it is still the same. The document
//! is described in docs/manifest.md.

mod check;
mod hash;
mod items;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use check::{Kind, Row, Status, added, check, check_one};
pub use hash::{hash_file, hash_texts};
pub use items::{Facts, Units, items};

use crate::hash::Sha;
use crate::render::put;
use crate::text::{exact, exact_bytes};

/// The version of the document that this program writes, and the latest that it reads.
pub const VERSION: u64 = 1;

/// What every manifest says of itself.
pub const UNSIGNED: &str = "This manifest is not signed. It shows whether files are as they were when it was written, as long as nobody could change the manifest too: keep it, or its SHA-256, where those who can change the logs cannot.";

/// The whole document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Its version.
    pub manifest: u64,
    /// That it is not signed.
    pub unsigned: String,
    /// The program.
    pub tool: Tool,
    /// When it ran: the only part that differs between two runs on the same input.
    pub run: Run,
    /// As typed, behind the program's name, each by [`crate::text::exact`].
    pub arguments: Vec<String>,
    /// What a file or the environment set beside them.
    #[serde(default)]
    pub settings: Vec<Set>,
    /// The folder in which it ran, by `exact`.
    pub directory: String,
    /// Settings of the environment that matter to the answer.
    pub environment: Environment,
    /// The paths given.
    pub roots: Vec<Root>,
    /// Files that were read beside the logs.
    pub aside: Vec<Aside>,
    /// What was read, and what was found and not read.
    pub inputs: Vec<Item>,
    /// What the run noted, as in the JSON document.
    pub notes: Vec<Value>,
    /// The answer.
    pub output: Output,
}

/// The program that ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// `imstrail`
    pub name: String,
    /// Its version.
    pub version: String,
    /// The commit of its source, where that is known, perhaps with `-modified`; else `unknown`.
    pub commit: String,
    /// The hash of its binary, if that could be read.
    pub binary_sha256: Option<Sha>,
    /// The version of its own zone data, as `2025b`.
    pub zone_data: String,
    /// Its built-in templates.
    pub grammars: Vec<Grammar>,
}

/// A file of built-in templates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grammar {
    /// Its name.
    pub name: String,
    /// The hash of its text.
    pub sha256: Sha,
}

/// When it ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// When it began, in UTC.
    pub started: String,
    /// When the manifest was written, in UTC.
    pub ended: String,
}

/// What was set beside the arguments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Set {
    /// What: the name of the option, or `paths`.
    pub name: String,
    /// To what, each by [`crate::text::exact`].
    pub values: Vec<String>,
    /// By which file, by `exact`, or by which variable.
    pub from: String,
}

/// What matters of the environment: where `--tz local` shows this machine's times, whose those are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Environment {
    /// The variable `TZ`, by `exact`.
    #[serde(rename = "TZ", default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// The name of the local zone, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_zone: Option<String>,
}

/// A path of the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Root {
    /// As given, by `exact`; `-` for standard input.
    pub given: String,
    /// Where that is, from the top and without links, by `exact`; `null` for standard input.
    pub path: Option<String>,
    /// It was there.
    pub found: bool,
}

/// A file read beside the logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Aside {
    /// The option that names it: `-f` or `--grammar`.
    pub option: String,
    /// As given, by `exact`.
    pub given: String,
    /// Where that is, by `exact`; `null` for standard input.
    pub path: Option<String>,
    /// How many bytes.
    pub size: u64,
    /// Their hash.
    pub sha256: Sha,
}

/// A file, or a text in it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Item {
    /// The path as given or found below one given, by `exact`; `-` for standard input.
    pub path: String,
    /// The path inside the archive, by `exact`; `null` for the file itself.
    pub member: Option<String>,
    /// Of a file, its bytes on disk; of a member, its bytes decoded. `null` if it could not be read.
    pub size: Option<u64>,
    /// The hash of those.
    pub sha256: Option<Sha>,
    /// The bytes of the one text of a compressed file.
    #[serde(default)]
    pub decoded_size: Option<u64>,
    /// The hash of those.
    #[serde(default)]
    pub decoded_sha256: Option<Sha>,
    /// What became of it: `read`, `damaged`, `copy`, `empty`, `not-a-log`, `archive`, `unreadable`.
    #[serde(default)]
    pub state: String,
    /// More of that, in words.
    #[serde(default)]
    pub why: Option<String>,
    /// It can be read again; not so standard input and pipes.
    pub repeatable: bool,
    /// It was another when it was hashed than when it was found.
    #[serde(default)]
    pub changed_while_read: bool,
    /// The first stamp of an access service in it, in UTC.
    #[serde(default)]
    pub first: Option<String>,
    /// The last.
    #[serde(default)]
    pub last: Option<String>,
    /// Its lines.
    #[serde(default)]
    pub lines: Option<u64>,
    /// Those that mean something here.
    #[serde(default)]
    pub events: Option<u64>,
    /// Those that are none of ours (R1).
    #[serde(default)]
    pub rejects: Option<u64>,
    /// Those that were not looked at, as they cannot bear on the question.
    #[serde(default)]
    pub passed_over: Option<u64>,
}

/// The answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// The file of `-o`, from the top, by `exact`; `null` for standard output.
    pub path: Option<String>,
    /// How many bytes.
    pub size: u64,
    /// Their hash.
    pub sha256: Sha,
    /// The exit status of the run.
    pub exit: u8,
}

/// Why a file is not a manifest that can be verified.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotOne {
    /// It is something else.
    #[error("not a manifest: {0}")]
    Other(String),
    /// It was written by a later version of the program.
    #[error("a manifest of version {0}, and this imstrail ({v}) knows none later than {VERSION}: use the one that wrote it, or a later one", v = env!("CARGO_PKG_VERSION"))]
    Later(u64),
}

impl Manifest {
    /// Reads a document.
    ///
    /// # Errors
    /// It is none, or from a later version.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, NotOne> {
        #[derive(Deserialize)]
        struct Probe {
            manifest: Option<Value>,
        }
        let other = |e: serde_json::Error| NotOne::Other(e.to_string());
        let version = serde_json::from_slice::<Probe>(bytes).map_err(other)?.manifest;
        match version.as_ref().and_then(Value::as_u64) {
            Some(VERSION) => serde_json::from_slice(bytes).map_err(other),
            Some(later) if later > VERSION => Err(NotOne::Later(later)),
            _ => Err(NotOne::Other("it does not begin with \"manifest\" and a version".to_owned())),
        }
    }

    /// Writes the document: a line for each part, and for each thing in a list.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{{\"manifest\":{}", self.manifest)?;
        part("unsigned", &self.unsigned, out)?;
        part("tool", &self.tool, out)?;
        part("run", &self.run, out)?;
        part("arguments", &self.arguments, out)?;
        list("settings", &self.settings, out)?;
        part("directory", &self.directory, out)?;
        part("environment", &self.environment, out)?;
        list("roots", &self.roots, out)?;
        list("aside", &self.aside, out)?;
        list("inputs", &self.inputs, out)?;
        list("notes", &self.notes, out)?;
        part("output", &self.output, out)?;
        out.write_all(b"}\n")
    }

    /// Where an item lies on this disk: below the longest of the roots that its path begins with. `None` for what lies
    /// nowhere.
    pub fn place(&self, item: &Item) -> Option<PathBuf> {
        let path = path_of(&item.path);
        let below = |root: &Root| {
            Some((path_of(root.path.as_ref()?), path.strip_prefix(path_of(&root.given)).ok()?.to_owned()))
        };
        let (root, rest) = self.roots.iter().filter_map(below).min_by_key(|(_, rest)| rest.components().count())?;
        Some(if rest.as_os_str().is_empty() { root } else { root.join(rest) })
    }

    /// The same manifest of what was moved: what lay under the first of a pair lies under the second.
    #[must_use]
    pub fn moved(mut self, moves: &[(PathBuf, PathBuf)]) -> Manifest {
        let places = self.roots.iter_mut().map(|root| &mut root.path);
        let places = places.chain(self.aside.iter_mut().map(|aside| &mut aside.path)).flatten();
        for place in places.chain(&mut self.output.path).chain([&mut self.directory]) {
            *place = exact_path(&moved(&path_of(place), moves));
        }
        self
    }
}

/// Where a path lies after things were moved.
pub fn moved(path: &Path, moves: &[(PathBuf, PathBuf)]) -> PathBuf {
    let to = moves.iter().find_map(|(old, new)| Some((new, path.strip_prefix(old).ok()?)));
    match to {
        Some((new, rest)) if rest.as_os_str().is_empty() => new.clone(),
        Some((new, rest)) => new.join(rest),
        None => path.to_owned(),
    }
}

/// A path as the document has it.
pub fn exact_path(path: &Path) -> String {
    exact(path.as_os_str().as_bytes()).into_owned()
}

/// The path that the document has so.
pub fn path_of(text: &str) -> PathBuf {
    OsString::from_vec(exact_bytes(text)).into()
}

fn part(name: &str, value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write!(out, ",\n\"{name}\":")?;
    put(value, out)
}

fn list(name: &str, values: &[impl Serialize], out: &mut dyn Write) -> io::Result<()> {
    write!(out, ",\n\"{name}\":[")?;
    for (i, value) in values.iter().enumerate() {
        out.write_all(if i == 0 { b"\n" } else { b",\n" })?;
        put(value, out)?;
    }
    out.write_all(b"]")
}

#[cfg(test)]
mod tests;
