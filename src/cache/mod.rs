//! A cache: trail files of logs that were read before, in a folder, so that no later run reads those logs again.
//!
//! An *entry* is a trail file of one log, lines and summary, under the log's [`Key`]. A *set* is a brief trail file of many logs together:
//! what was learned of all of them, under the hash of their keys, which stand in a list beside it. Files get their names only when they
//! are whole, and are checked whenever they are used, so that runs may work side by side and be killed at any time. Each run holds a
//! shared lock as long as it uses files of the cache; only who is alone removes any.

mod folder;
mod key;
mod sets;

pub use folder::Folder;
pub use key::{Key, Keyed, is_still, keyed, origin};
pub use sets::{Choice, Set};
