//! Which set stands for most of what is asked, and which are worth making.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{Folder, Key};

/// So many logs beside a set are not worth another: their entries are merged with it each time.
const FEW: usize = 16;

/// Some logs together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The hash of what its summary rests on, and of its keys.
    pub name: Key,
    /// The keys of its logs, in order.
    pub keys: Vec<Key>,
}

/// What there is for a question, and what is to be made.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The largest set that has none but the logs asked about.
    pub base: Option<Set>,
    /// Sets to make, each of the one before and more.
    pub make: Vec<Set>,
}

impl Set {
    /// Of these logs, if summaries rest on this.
    pub fn new(how: &[u8; 32], keys: BTreeSet<Key>) -> Set {
        let mut hash = Sha256::new().chain_update(b"set").chain_update(how);
        keys.iter().for_each(|key| hash.update(key.0));
        Set { name: Key(hash.finalize().into()), keys: keys.into_iter().collect() }
    }

    /// Its keys as bytes.
    pub(super) fn list(&self) -> Vec<u8> {
        self.keys.iter().flat_map(|key| key.0).collect()
    }

    /// The set of a list, if that is its name.
    fn of_list(how: &[u8; 32], name: &str, list: &[u8]) -> Option<Set> {
        let (keys, rest) = list.as_chunks::<32>();
        let set = Set::new(how, keys.iter().map(|key| Key(*key)).collect());
        (rest.is_empty() && set.name.to_string() == name).then_some(set)
    }
}

impl Choice {
    /// For a question about these logs. Sets that are not to be believed are left out.
    pub fn new(folder: &Folder, how: &[u8; 32], keys: &BTreeSet<Key>, refused: &BTreeSet<Key>) -> Choice {
        let lists = folder.lists();
        let sets = lists.iter().filter_map(|(name, list)| Set::of_list(how, name, list));
        Choice::among(sets.filter(|set| !refused.contains(&set.name)).collect(), how, keys)
    }

    fn among(mut sets: Vec<Set>, how: &[u8; 32], keys: &BTreeSet<Key>) -> Choice {
        let shared = |set: &Set| set.keys.iter().filter(|key| keys.contains(key)).count();
        sets.sort_by_cached_key(|set| (shared(set), set.name));
        let base = sets.iter().rfind(|set| shared(set) == set.keys.len()).cloned();
        let mut covered = base.as_ref().map_or(0, |set| set.keys.len());
        let mut make = Vec::new();
        // Logs that are written to are others each time: what stays the same of the last set gets one of its own.
        let stable = sets.last().map(|set| set.keys.iter().filter(|key| keys.contains(key)).copied().collect());
        let stable = stable.filter(|stable: &BTreeSet<Key>| {
            let has_base = |base: &Set| base.keys.iter().all(|key| stable.contains(key));
            stable.len() > covered + FEW && base.as_ref().is_none_or(has_base)
        });
        if let Some(stable) = stable {
            covered = stable.len();
            make.push(Set::new(how, stable));
        }
        if keys.len() > covered + FEW {
            make.push(Set::new(how, keys.clone()));
        }
        Choice { base, make }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(numbers: impl IntoIterator<Item = u8>) -> BTreeSet<Key> {
        numbers.into_iter().map(|number| Key([number; 32])).collect()
    }

    #[test]
    fn what_is_asked_again_is_there_and_what_changes_is_apart() {
        const HOW: [u8; 32] = [7; 32];
        let set = |numbers: &BTreeSet<Key>| Set::new(&HOW, numbers.clone());
        let among = |sets: &[&BTreeSet<Key>], asked: &BTreeSet<Key>| {
            let Choice { base, make } = Choice::among(sets.iter().map(|keys| set(keys)).collect(), &HOW, asked);
            (base, make)
        };
        let (few, night, next) = (keys(0..16), keys(0..40), keys(1..44));
        assert_eq!(among(&[], &few), (None, vec![]), "a few logs are no set");
        assert_eq!(among(&[], &night), (None, vec![set(&night)]));
        assert_eq!(among(&[&night], &night), (Some(set(&night)), vec![]));
        assert_eq!(among(&[&night], &keys(0..41)), (Some(set(&night)), vec![]), "and one more");
        assert_eq!(among(&[&night], &next), (None, vec![set(&keys(1..40))]), "one went, four came");
        assert_eq!(among(&[&night], &keys(0..60)), (Some(set(&night)), vec![set(&keys(0..60))]));
        let stable = keys(1..40);
        assert_eq!(among(&[&night, &stable], &keys(1..45)), (Some(set(&stable)), vec![]));
        assert_eq!(among(&[&night], &keys(100..140)), (None, vec![set(&keys(100..140))]));
    }

    #[test]
    fn a_list_has_the_name_of_its_set() {
        let set = Set::new(&[1; 32], keys(0..30));
        let (name, list) = (set.name.to_string(), set.list());
        assert_eq!(Set::of_list(&[1; 32], &name, &list).as_ref(), Some(&set));
        assert_eq!(Set::of_list(&[2; 32], &name, &list), None, "of another way to read");
        assert_eq!(Set::of_list(&[1; 32], &name, &list[..64]), None, "cut");
    }
}
