//! What was read, file by file and text by text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use rayon::prelude::*;

use super::hash::{hash_file, hash_texts};
use super::{Item, exact_path};
use crate::discover::Discovered;
use crate::hash::{Hashed, Text};
use crate::model::{Instant, Stamp};
use crate::open::{Kind, WalkOptions};
use crate::plan::{self, Input, Leaf, Plan, Unit};
use crate::times::{Zone, rfc3339_of};
use crate::trail::{FileId, Trail};

/// What tells that a file is another than before: size, modification time in seconds and nanoseconds, number on its disk.
type Marks = (u64, i64, i64, u64);

fn marks(meta: &Metadata) -> Marks {
    (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino())
}

/// How files were before they were read.
#[derive(Clone, Debug, Default)]
pub struct Units(BTreeMap<PathBuf, Marks>);

impl Units {
    /// Looks at all files that were found.
    pub fn new(found: &Discovered) -> Units {
        let files = found.files.par_iter().filter(|file| !file.stdin);
        Units(files.filter_map(|f| Some((f.path.clone(), marks(&f.path.metadata().ok()?)))).collect())
    }

    /// Whether a file is another now.
    fn differs(&self, path: &Path) -> bool {
        self.0.get(path).is_some_and(|before| path.metadata().ok().is_none_or(|now| marks(&now) != *before))
    }
}

/// What is known of the run.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What was to be read.
    pub plan: &'a Plan,
    /// What was learned.
    pub trail: &'a Trail,
    /// Texts that could not be read to their ends.
    pub damaged: &'a BTreeSet<FileId>,
    /// Texts that were hashed when they were read.
    pub hashed: &'a BTreeMap<FileId, Text>,
    /// How archives are walked.
    pub walk: &'a WalkOptions,
    /// How files were before.
    pub before: &'a Units,
}

/// Hashes everything, on the current rayon pool; items by the bytes of their paths, members in the order of their archive. `done`
/// counts bytes.
pub fn items(facts: &Facts<'_>, done: &AtomicU64) -> Vec<Item> {
    let logs = facts.plan.units.iter().filter(|unit| !matches!(unit.input, Input::Trail(..))).map(OnDisk::Log);
    let mut files: Vec<OnDisk<'_>> = logs.chain(facts.plan.trails.iter().map(OnDisk::Trail)).collect();
    files.sort_by(|a, b| a.path().as_os_str().cmp(b.path().as_os_str()));
    let items = files.par_iter().with_max_len(1).map(|file| match file {
        OnDisk::Log(unit) => of_unit(facts, unit, done),
        OnDisk::Trail(trail) => of_trail(facts, trail, done),
    });
    items.collect::<Vec<_>>().concat()
}

/// A file on disk.
enum OnDisk<'a> {
    Log(&'a Unit),
    Trail(&'a plan::Trail),
}

impl OnDisk<'_> {
    fn path(&self) -> &Path {
        match self {
            OnDisk::Log(unit) => &unit.path,
            OnDisk::Trail(trail) => &trail.file.path,
        }
    }
}

/// A trail file, and the texts in it under the names of their logs.
fn of_trail(facts: &Facts<'_>, trail: &plan::Trail, done: &AtomicU64) -> Vec<Item> {
    let path = &trail.file.path;
    let (path_text, repeatable) = (exact_path(path), true);
    let mut item = Item { path: path_text.clone(), repeatable, state: "archive".to_owned(), ..Item::default() };
    item.changed_while_read = facts.before.differs(path);
    match File::open(path).and_then(|file| hash_file(&file, None, done)) {
        Ok((Hashed { size, sha256 }, _)) => (item.size, item.sha256) = (Some(size), Some(sha256)),
        Err(e) => (item.state, item.why) = ("unreadable".to_owned(), Some(crate::note::cause(&e))),
    }
    let texts = (0..).zip(&trail.texts).filter_map(|(number, id)| {
        let leaf = facts.plan.leaf(*id)?;
        let of = Item { path: path_text.clone(), member: Some(leaf.shown.clone()), repeatable, ..Item::default() };
        if trail.file.index.brief {
            return Some(told(facts, of, leaf, None));
        }
        let input = Input::Trail(Arc::clone(&trail.file), number);
        let text = hash_texts(&input, path, facts.walk).pop()?;
        let Hashed { size, sha256 } = text.hashed;
        Some(told(facts, Item { size: Some(size), sha256: Some(sha256), ..of }, leaf, Some(&text)))
    });
    let texts: Vec<Item> = texts.collect();
    [vec![item], texts].concat()
}

fn of_unit(facts: &Facts<'_>, unit: &Unit, done: &AtomicU64) -> Vec<Item> {
    let whole = opened(unit).and_then(|file| file.map(|file| hash_file(&file, None, done)).transpose());
    let texts = match &whole {
        Ok(Some(_)) if !unit.plain => texts(facts, unit),
        _ => Vec::new(),
    };
    let repeatable = matches!(unit.input, Input::Path(_)) && unit.path.metadata().is_ok_and(|meta| meta.is_file());
    let mut item = Item { path: exact_path(&unit.path), repeatable, ..Item::default() };
    let leaves: Vec<&Leaf> = unit.leaves.iter().filter_map(|id| facts.plan.leaf(*id)).collect();
    let is_plain_still = !unit.plain || matches!(&whole, Ok(Some((hashed, _))) if hashed.size == unit.size);
    item.changed_while_read =
        facts.before.differs(&unit.path) || !is_plain_still || (!unit.plain && texts.len() != leaves.len());
    match whole {
        Ok(Some((Hashed { size, sha256 }, _))) => (item.size, item.sha256) = (Some(size), Some(sha256)),
        Ok(None) => item.why = Some("not a file, and not kept".to_owned()),
        Err(e) => item.why = Some(crate::note::cause(&e)),
    }
    if item.sha256.is_none() {
        item.state = "unreadable".to_owned();
    }
    match (leaves.as_slice(), texts.as_slice()) {
        ([leaf], _) if unit.plain => vec![told(facts, item, leaf, None)],
        ([leaf], [text]) if text.member.is_empty() => {
            item.decoded_size = Some(text.hashed.size);
            item.decoded_sha256 = Some(text.hashed.sha256);
            vec![told(facts, item, leaf, Some(text))]
        }
        _ => {
            if item.sha256.is_some() {
                item.state = "archive".to_owned();
            }
            let members = texts.iter().zip(&leaves).map(|(text, leaf)| {
                let Hashed { size, sha256 } = text.hashed;
                let (size, sha256) = (Some(size), Some(sha256));
                let member = Some(text.member.clone());
                let of = Item { path: item.path.clone(), member, size, sha256, repeatable, ..Item::default() };
                told(facts, of, leaf, Some(text))
            });
            let members: Vec<Item> = members.collect();
            [vec![item], members].concat()
        }
    }
}

/// The texts of a file as they were when they were read; if one is a copy, which is not read, all are unpacked for this.
fn texts(facts: &Facts<'_>, unit: &Unit) -> Vec<Text> {
    let read: Option<Vec<Text>> = unit.leaves.iter().map(|id| facts.hashed.get(id).cloned()).collect();
    read.unwrap_or_else(|| hash_texts(&unit.input, &unit.path, facts.walk))
}

/// The file behind a unit; none for what was read as it came.
fn opened(unit: &Unit) -> io::Result<Option<Arc<File>>> {
    match &unit.input {
        Input::Spooled(file) => Ok(Some(Arc::clone(file))),
        // To open a pipe could wait without end.
        Input::Path(path) if path.metadata()?.is_file() => Ok(Some(Arc::new(File::open(path)?))),
        Input::Path(_) | Input::Stream | Input::Trail(..) => Ok(None),
    }
}

/// An item with what reading its text gave.
fn told(facts: &Facts<'_>, mut item: Item, leaf: &Leaf, text: Option<&Text>) -> Item {
    if !item.state.is_empty() {
        return item;
    }
    let damage = text.and_then(|text| text.damage.as_ref());
    let file = facts.trail.files.get(&leaf.id);
    let tally = file.map(|file| &file.tally);
    let is_log = tally.is_some_and(|tally| tally.of_a_log() > 0);
    let (state, why) = match leaf.kind {
        _ if leaf.copy_of.is_some() => {
            let other = leaf.copy_of.and_then(|id| facts.plan.leaf(id)).map_or("", |leaf| &leaf.shown);
            ("copy", Some(format!("a copy of {other}, or of its beginning: not read")))
        }
        Kind::Empty => ("empty", None),
        _ if facts.damaged.contains(&leaf.id) || damage.is_some() => {
            ("damaged", damage.map(|damage| format!("{} (byte {})", damage.text, damage.at)))
        }
        Kind::Image(what) if !is_log => ("not-a-log", Some(what.to_owned())),
        _ if !is_log => ("not-a-log", Some("none of its lines is a log's".to_owned())),
        _ => ("read", None),
    };
    (item.state, item.why) = (state.to_owned(), why);
    if leaf.copy_of.is_none() {
        item.lines = Some(tally.map_or(0, |tally| tally.all.lines));
        item.events = Some(tally.map_or(0, |tally| tally.events));
        item.rejects = Some(tally.map_or(0, |tally| tally.rejected()));
        item.passed_over = Some(tally.map_or(0, |tally| tally.passed_over));
    }
    let spans = || file.into_iter().flat_map(|file| file.spans.values());
    let utc = |at: Instant| rfc3339_of(Stamp { at, offset: 0 }, Zone::Utc);
    item.first = spans().map(|(first, _)| *first).min().map(utc);
    item.last = spans().map(|(_, last)| *last).max().map(utc);
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::{Options, discover};

    #[test]
    fn what_changes_after_it_was_found_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["same", "grown", "written", "gone", "another"] {
            std::fs::write(path(name), name).unwrap();
        }
        let before = Units::new(&discover(&[folder.path().to_owned()], &Options::default()));
        std::fs::write(path("grown"), "grown more").unwrap();
        File::options().write(true).open(path("written")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        std::fs::remove_file(path("gone")).unwrap();
        std::fs::write(path("x"), "another").unwrap();
        std::fs::rename(path("x"), path("another")).unwrap();
        std::fs::write(path("new"), "new").unwrap();
        let differs = |name: &&str| before.differs(&path(name));
        let all = ["same", "grown", "written", "gone", "another", "new"];
        assert_eq!(all.iter().copied().filter(differs).collect::<Vec<_>>(), ["grown", "written", "gone", "another"]);
    }
}
