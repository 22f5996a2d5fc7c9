//! Names of archive entries: made unique, and told apart from what lies in folders that are not read.

use crate::discover::is_skipped_folder;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The names met so far in one archive.
#[derive(Default)]
pub(crate) struct Names {
    /// How often each was met, by hashes, not names: an archive of millions of entries must not fill the memory. A
    /// clash of hashes costs no more than a needless `#2`.
    seen: HashMap<u64, u64>,
    folders: BTreeSet<String>,
}

/// How many skipped folders of one archive get a note each.
const FOLDER_NOTES: usize = 1000;

impl Names {
    /// The name itself the first time; then with `#2`, `#3` behind it.
    pub(crate) fn unique(&mut self, name: &str) -> String {
        let mut n = self.count(name);
        if n == 1 {
            return name.to_owned();
        }
        loop {
            let candidate = format!("{name}#{n}");
            // An entry may itself bear the name that was made up for another.
            if self.count(&candidate) == 1 {
                return candidate;
            }
            n = self.count(name);
        }
    }

    fn count(&mut self, name: &str) -> u64 {
        let count = self.seen.entry(hash(name)).or_default();
        *count += 1;
        *count
    }

    /// Whether a note about this skipped folder is due: once each, and not without end.
    pub(crate) fn first_time(&mut self, folder: &str) -> bool {
        self.folders.len() < FOLDER_NOTES && self.folders.insert(folder.to_owned())
    }
}

/// The part of an entry's name that ends in a folder which is not read, if there is one.
pub(crate) fn skipped_folder(name: &str) -> Option<&str> {
    let mut end = 0;
    while let Some(slash) = name[end..].find('/') {
        let stop = end + slash;
        if is_skipped_folder(&name.as_bytes()[end..stop]) {
            return Some(&name[..stop]);
        }
        end = stop + 1;
    }
    None
}

/// The same on every run and machine, as the names end up in the output.
fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_unique() {
        let mut names = Names::default();
        let got: Vec<_> = ["a", "a", "a#2", "b", "a"].iter().map(|name| names.unique(name)).collect();
        assert_eq!(got, ["a", "a#2", "a#2#2", "b", "a#3"]);
    }

    #[test]
    fn skipped_folders_inside_names() {
        assert_eq!(skipped_folder("log/.snapshot/day/imap"), Some("log/.snapshot"));
        assert_eq!(skipped_folder(".snapshot"), None);
        assert_eq!(skipped_folder("log/imap"), None);
    }
}
