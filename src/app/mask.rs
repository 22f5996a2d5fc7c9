//! `--pseudonymize`: the key, and pseudonyms for what does not come out of lines: the names of files.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Stop;
use crate::note::{Note, NoteKind};
use crate::plan::{Leaf, Plan, Unit};
use crate::pseudonym::{Pseudonyms, SHORTEST_KEY};

/// A file that is longer, in bytes, is hardly meant as a key.
const LONGEST_KEY: u64 = 1 << 20;

/// Reads the key from a file; with it, what is to be said of the file.
///
/// # Errors
/// The file cannot be read, or is too short or too long for a key.
pub(super) fn read_key(path: &Path) -> Result<(Pseudonyms, Option<Note>), Stop> {
    let failed = |text: String| Stop::Usage(format!("--pseudonymize {}: {text}", path.display()));
    let file = File::open(path).map_err(|e| failed(e.to_string()))?;
    let mode = file.metadata().map_err(|e| failed(e.to_string()))?;
    let mut key = Vec::new();
    file.take(LONGEST_KEY + 1).read_to_end(&mut key).map_err(|e| failed(e.to_string()))?;
    if key.len() as u64 > LONGEST_KEY {
        return Err(failed("over 1 MiB, which is no key".to_owned()));
    }
    let pseudonyms = Pseudonyms::new(&key).ok_or_else(|| {
        failed(format!(
            "a key of {} bytes is too short, {SHORTEST_KEY} are the least; make one with: head -c 32 /dev/urandom > KEYFILE",
            key.len()
        ))
    })?;
    let open = mode.is_file() && mode.permissions().mode() & 0o044 != 0;
    let text = "the key of --pseudonymize can be read by others, who can then try names and addresses one after another: chmod 600 it";
    Ok((pseudonyms, open.then(|| Note::new("", NoteKind::Info, text))))
}

/// Notes about files, under other names.
pub(super) fn notes(pseudonyms: Option<&Pseudonyms>, notes: Vec<Note>) -> Vec<Note> {
    match pseudonyms {
        Some(pseudonyms) => notes.iter().map(|note| note.renamed(|name| pseudonyms.path(name))).collect(),
        None => notes,
    }
}

/// Texts under other names.
pub(super) fn leaves(pseudonyms: &Pseudonyms, leaves: &[&Leaf]) -> Vec<Leaf> {
    leaves.iter().map(|leaf| Leaf { shown: pseudonyms.path(&leaf.shown), ..(*leaf).clone() }).collect()
}

/// A plan under other names, to be shown, but for its notes, which [`notes`] renames.
pub(super) fn plan(pseudonyms: Option<&Pseudonyms>, mut plan: Plan) -> Plan {
    let Some(masks) = pseudonyms else { return plan };
    let unit = |unit: Unit| Unit { path: PathBuf::from(masks.path(&unit.path.to_string_lossy())), ..unit };
    plan.leaves = leaves(masks, &plan.leaves.iter().collect::<Vec<_>>());
    plan.units = plan.units.into_iter().map(unit).collect();
    plan
}
