//! Notes about damage that is known (`--known-damage`).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use crate::known::Known;
use crate::manifest::hash_file;
use crate::note::{Note, NoteKind};

/// The same notes, those about known damage marked as such; and one more for each entry that names none of them.
pub(super) fn marked(entries: &[PathBuf], notes: Vec<Note>) -> Vec<Note> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let known: Vec<Known> = entries.iter().map(|entry| Known::new(entry, absolute)).collect();
    let mut used = vec![false; known.len()];
    let mut mark = |note: Note| {
        if !note.kind.is_damage() || note.path == "-" {
            return note;
        }
        let path = absolute(Path::new(&note.path));
        let covers = |(known, used): (&Known, &mut bool)| {
            *used |= known.covers(&path.to_string_lossy());
            known.covers(&path.to_string_lossy()).then(|| known.sha256.clone())
        };
        let hashes: Vec<Option<String>> = known.iter().zip(&mut used).filter_map(covers).collect();
        let is_same = |wanted: &Option<String>| wanted.is_none() || *wanted == hash(&path);
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

/// The hash of a file, given by its own path or that of a member.
fn hash(path: &Path) -> Option<String> {
    let text = path.to_string_lossy();
    let ends = text.match_indices('!').map(|(at, _)| at).chain([text.len()]);
    let mut files = ends.filter_map(|end| File::open(text.get(..end)?).ok());
    let (hashed, _) = files.find_map(|file| hash_file(&file, None, &AtomicU64::new(0)).ok())?;
    Some(hashed.sha256.to_string())
}
