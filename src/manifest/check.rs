//! Whether what a manifest names is still the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use rayon::prelude::*;
use serde::Serialize;

use super::hash::{hash_file, hash_texts};
use super::{Item, Manifest, exact_path};
use crate::discover::{self, discover};
use crate::hash::{Hashed, Sha, Text};
use crate::note::cause;
use crate::open::WalkOptions;
use crate::plan::Input;

/// What became of something that a manifest names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The same bytes.
    Same,
    /// Other bytes.
    Changed,
    /// It is not there, or cannot be opened.
    Missing,
    /// Standard input, a pipe, or what came of them: nobody can say.
    NotRepeatable,
    /// It would be read now, and the manifest does not name it.
    Added,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 5] = [Status::Same, Status::Changed, Status::Missing, Status::NotRepeatable, Status::Added];

    /// The name as written.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Same => "same",
            Status::Changed => "changed",
            Status::Missing => "missing",
            Status::NotRepeatable => "not-repeatable",
            Status::Added => "added",
        }
    }

    /// Whether nothing that the manifest names is other than it was.
    pub fn is_fine(self) -> bool {
        matches!(self, Status::Same | Status::Added)
    }
}

/// What sort of thing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file that was read.
    File,
    /// A text in an archive.
    Member,
    /// A file of users or templates.
    Aside,
    /// The file of `-o`.
    Output,
    /// The answer, given again.
    Answer,
}

/// What is said of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What became of it.
    pub status: Status,
    /// What it is.
    pub kind: Kind,
    /// Its path, as the manifest has it.
    pub path: String,
    /// The path inside the archive.
    pub member: Option<String>,
    /// More, in words.
    pub why: Option<String>,
}

impl Row {
    /// What is said of a thing that is no member.
    pub fn new(kind: Kind, path: &str, (status, why): (Status, Option<String>)) -> Row {
        Row { status, kind, path: path.to_owned(), member: None, why }
    }
}

/// Reads again what the manifest names as read, on the current rayon pool; rows in the order of its items. `done` counts bytes.
pub fn check(manifest: &Manifest, walk: &WalkOptions, done: &AtomicU64) -> Vec<Row> {
    let files: Vec<&[Item]> = manifest.inputs.chunk_by(|_, next| next.member.is_some()).collect();
    let rows = files.par_iter().with_max_len(1).map(|items| match items {
        [file, members @ ..] => check_file(manifest, file, members, walk, done),
        [] => Vec::new(),
    });
    rows.collect::<Vec<_>>().concat()
}

fn check_file(manifest: &Manifest, file: &Item, members: &[Item], walk: &WalkOptions, done: &AtomicU64) -> Vec<Row> {
    let place = manifest.place(file);
    let (status, mut why) = match &place {
        _ if !file.repeatable => (Status::NotRepeatable, Some("it came through a pipe, once".to_owned())),
        None => (Status::Missing, Some("it lies below none of the roots".to_owned())),
        Some(place) => check_one(place, file.size, file.sha256, done),
    };
    let texts = match &place {
        Some(place) if status == Status::Changed && place.is_file() => {
            hash_texts(&Input::Path(place.clone()), place, walk)
        }
        _ => Vec::new(),
    };
    if let (Some(sha), [text]) = (file.decoded_sha256, texts.as_slice())
        && text.hashed.sha256 == sha
    {
        why = why.map(|why| why + "; the text in it is the same");
    }
    let mut rows = vec![Row::new(Kind::File, &file.path, (status, why))];
    rows.extend(check_members(status, file, members, &texts));
    rows
}

/// What became of the texts of an archive: what became of the archive, or, if that changed, what is in it now.
fn check_members(archive: Status, file: &Item, members: &[Item], texts: &[Text]) -> Vec<Row> {
    let row = |member: &str, status, why: Option<&str>| Row {
        status,
        kind: Kind::Member,
        path: file.path.clone(),
        member: Some(member.to_owned()),
        why: why.map(str::to_owned),
    };
    let mut now: BTreeMap<&str, Hashed> = texts.iter().map(|text| (text.member.as_str(), text.hashed)).collect();
    let mut rows = Vec::with_capacity(members.len());
    for item in members {
        let member = item.member.as_deref().unwrap_or_default();
        let (status, why) = match now.remove(member) {
            _ if archive != Status::Changed => (archive, None),
            None => (Status::Missing, Some("not in the archive")),
            Some(text) if Some(text.sha256) == item.sha256 => (Status::Same, None),
            Some(_) => (Status::Changed, None),
        };
        rows.push(row(member, status, why));
    }
    if !members.is_empty() {
        rows.extend(now.into_keys().map(|member| row(member, Status::Added, None)));
    }
    rows
}

/// What became of one file of this size and hash; without, it could not be read then.
pub fn check_one(place: &Path, size: Option<u64>, sha256: Option<Sha>, done: &AtomicU64) -> (Status, Option<String>) {
    let opened = || -> io::Result<Option<File>> {
        // To open a pipe could wait without end.
        if place.metadata()?.is_file() { File::open(place).map(Some) } else { Ok(None) }
    };
    let read = opened().and_then(|file| file.map(|file| hash_file(&file, size, done)).transpose());
    match (read, sha256) {
        (Ok(None), _) => (Status::Changed, Some("it is no regular file now".to_owned())),
        (Ok(Some(_)), None) => (Status::Changed, Some("it could not be read then".to_owned())),
        (Ok(Some((now, begun))), Some(sha)) => differs(now, begun, size, sha),
        (Err(e), None) if e.kind() != io::ErrorKind::NotFound => {
            (Status::Same, Some("it could not be read then, and cannot be now".to_owned()))
        }
        (Err(e), _) if e.kind() == io::ErrorKind::NotFound => (Status::Missing, None),
        (Err(e), _) => (Status::Missing, Some(format!("it cannot be read ({})", cause(&e)))),
    }
}

/// Whether bytes are those of a size and hash. `begun` are the first of them, if there are more.
fn differs(now: Hashed, begun: Option<Hashed>, size: Option<u64>, sha256: Sha) -> (Status, Option<String>) {
    let size = size.unwrap_or(now.size);
    if now.sha256 == sha256 && now.size == size {
        return (Status::Same, None);
    }
    let why = match begun {
        Some(begun) if begun.sha256 == sha256 => {
            format!("grown from {size} to {} bytes, of which the first {size} are the same", now.size)
        }
        _ if now.size == size => format!("other bytes, {size} as before"),
        _ => format!("{} bytes, not {size}", now.size),
    };
    (Status::Changed, Some(why))
}

/// Files below the roots that would be read now, and that the manifest does not name. `own` are files that runs of the tool wrote.
pub fn added(manifest: &Manifest, options: &discover::Options, own: &[PathBuf]) -> Vec<Row> {
    let identity = |meta: Metadata| (meta.dev(), meta.ino());
    let files = manifest.inputs.iter().filter(|item| item.member.is_none());
    let named: BTreeSet<(u64, u64)> = files
        .filter_map(|item| manifest.place(item))
        .chain(own.iter().cloned())
        .filter_map(|place| place.metadata().ok().map(identity))
        .collect();
    let roots: Vec<PathBuf> =
        manifest.roots.iter().filter_map(|root| root.path.as_deref()).map(super::path_of).collect();
    let is_new = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && !named.contains(&identity(meta)));
    let found = discover(&roots, options).files.into_iter().filter(|found| is_new(&found.path));
    let why = || Some("it would be read now".to_owned());
    found.map(|found| Row::new(Kind::File, &exact_path(&found.path), (Status::Added, why()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_one_name() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.as_str()));
        }
    }

    #[test]
    fn what_differs_is_said() {
        let (old, new) = (Hashed::of(b"abc"), Hashed::of(b"abcd"));
        let of = |now, begun, then: Hashed| differs(now, begun, Some(then.size), then.sha256);
        assert_eq!(of(old, None, old), (Status::Same, None));
        let (status, why) = of(new, Some(old), old);
        assert_eq!((status, why.unwrap().contains("grown from 3 to 4")), (Status::Changed, true));
        let (status, why) = of(new, Some(Hashed::of(b"abd")), old);
        assert_eq!((status, why.as_deref()), (Status::Changed, Some("4 bytes, not 3")));
        assert_eq!(of(Hashed::of(b"abx"), None, old).0, Status::Changed);
    }

    #[test]
    fn members_are_those_of_the_archive_as_it_is_now() {
        let item = |member: &str, text: &[u8]| Item {
            member: Some(member.to_owned()),
            sha256: Some(Hashed::of(text).sha256),
            ..Item::default()
        };
        let text =
            |member: &str, text: &[u8]| Text { member: member.to_owned(), hashed: Hashed::of(text), damage: None };
        let then = [item("a", b"1"), item("b", b"2"), item("c", b"3")];
        let now = [text("d", b"4"), text("b", b"x"), text("a", b"1")];
        let of = |archive, texts: &[Text]| {
            let rows = check_members(archive, &Item::default(), &then, texts);
            rows.iter().map(|r| format!("{} {}", r.member.as_deref().unwrap(), r.status.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(of(Status::Changed, &now), ["a same", "b changed", "c missing", "d added"]);
        assert_eq!(of(Status::Same, &[]), ["a same", "b same", "c same"]);
        assert_eq!(of(Status::Missing, &[]), ["a missing", "b missing", "c missing"]);
    }
}
