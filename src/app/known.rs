//! Notes about damage that is known (`--known-damage`).

use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicU64;

use crate::known::Known;
use crate::manifest::hash_file;
use crate::note::{Note, NoteKind};

/// The same notes, those about known damage marked as such; and one more for each entry that names none of them.
pub(super) fn marked(entries: &[PathBuf], notes: Vec<Note>) -> Vec<Note> {
    let known: Vec<Known> = entries.iter().map(|entry| Known::new(entry, absolute)).collect();
    let mut used = vec![false; known.len()];
    let mut mark = |note: Note| {
        if !note.kind.is_damage() || note.path == "-" {
            return note;
        }
        let (file, member) = parted(&note.path);
        let names = [absolute(&file), file.canonicalize().unwrap_or_default()];
        let names = names.map(|file| file.to_string_lossy().into_owned() + member);
        let covers = |(known, used): (&Known, &mut bool)| {
            let covers = names.iter().any(|name| known.covers(name));
            *used |= covers;
            covers.then(|| known.sha256.clone())
        };
        let hashes: Vec<Option<String>> = known.iter().zip(&mut used).filter_map(covers).collect();
        let is_same = |wanted: &Option<String>| wanted.is_none() || *wanted == hash(&file);
        match hashes.iter().any(is_same) {
            true => note.known(),
            false if hashes.is_empty() => note,
            false => note.adding("; not the file whose damage is known: its SHA-256 is another"),
        }
    };
    let mut notes: Vec<Note> = notes.into_iter().map(&mut mark).collect();
    let unused = entries.iter().zip(used).filter(|(_, used)| !used);
    notes.extend(unused.map(|(entry, _)| {
        let text = "--known-damage names nothing that was found damaged; check the path, or leave it out: ";
        Note::new("", NoteKind::Info, text).naming(&entry.to_string_lossy(), "")
    }));
    notes
}

/// A path from the top, without `.` and `..`; links are left as they are.
fn absolute(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match part {
            Component::ParentDir => _ = clean.pop(),
            part => clean.push(part),
        }
    }
    clean
}

/// The file in which a member lies, and what stands behind its path; of a file, itself.
fn parted(path: &str) -> (PathBuf, &str) {
    let ends = path.match_indices('!').map(|(at, _)| at).chain([path.len()]);
    let mut parts = ends.filter_map(|end| Some((Path::new(path.get(..end)?), path.get(end..)?)));
    let (file, member) = parts.find(|(file, _)| file.is_file()).unwrap_or((Path::new(path), ""));
    (file.to_owned(), member)
}

fn hash(file: &Path) -> Option<String> {
    let (hashed, _) = hash_file(&File::open(file).ok()?, None, &AtomicU64::new(0)).ok()?;
    Some(hashed.sha256.to_string())
}
