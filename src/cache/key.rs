//! By what a log is told again: its path, size, time, beginning and end.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};

use sha2::{Digest, Sha256};

use crate::discover::Found;
use crate::kept::{self, Origin, is_trail};
use crate::open::{HEAD, Kind, kind_of_file};

/// So much of the beginning and of the end of a log is looked at in every run, in bytes.
const LOOK: u64 = 64 << 10;

/// Stands for what a log was when its trail file was made. Another program, which may see other things in it, has other keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub [u8; 32]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A log with its key.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The log.
    pub found: Found,
    /// Its key.
    pub key: Key,
    /// What it is.
    pub kind: Kind,
}

impl Keyed {
    /// Whether its lines are faster to be had from an entry than from the log: columns are unpacked about as fast as gzip is, and ten
    /// times as fast as bzip2; to read plain text takes less than either.
    pub fn is_slow(&self) -> bool {
        matches!(self.kind, Kind::Bzip2 | Kind::Xz)
    }

    /// About how many bytes its entry will have, at most.
    pub fn estimate(&self) -> u64 {
        let Found { size, .. } = self.found;
        4096 + if self.kind == Kind::Plain { size / 6 } else { size.saturating_mul(2) }
    }
}

/// The key of what was found; `all` is `--all`, which decides what is read in an archive.
///
/// None for what is no regular file, has no bytes, is a trail file itself, or cannot be read: there is nothing to keep of it.
pub fn keyed(found: &Found, all: bool) -> Option<Keyed> {
    if found.stdin || found.size == 0 {
        return None;
    }
    let file = File::open(&found.path).ok()?;
    let meta = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut look = vec![0; usize::try_from(meta.len().min(LOOK)).ok()?];
    let mut read = |at| file.read_exact_at(&mut look, at).map(|()| Sha256::digest(&look)).ok();
    let end = read(meta.len().saturating_sub(LOOK))?;
    let beginning = read(0)?;
    if is_trail(&look) {
        return None;
    }
    let name = found.path.file_name().unwrap_or_default().to_string_lossy();
    let kind = kind_of_file(look.get(..HEAD).unwrap_or(&look), &name);
    let program = (env!("CARGO_PKG_VERSION"), kept::VERSION, all);
    let marks = (found.path.as_os_str().as_bytes(), meta.len(), meta.mtime(), meta.mtime_nsec());
    let looks: ([u8; 32], [u8; 32]) = (beginning.into(), end.into());
    let told = postcard::to_stdvec(&(program, marks, looks)).ok()?;
    Some(Keyed { found: Found { size: meta.len(), ..found.clone() }, key: Key(Sha256::digest(told).into()), kind })
}

/// Whether a log is still what its key says.
pub fn is_still(log: &Keyed, all: bool) -> bool {
    keyed(&log.found, all).is_some_and(|now| now.key == log.key)
}

/// The SHA-256 of all of a log.
///
/// # Errors
/// It cannot be read.
pub fn origin(log: &Keyed) -> io::Result<Origin> {
    let mut file = File::open(&log.found.path)?;
    let (mut hash, mut bytes) = (Sha256::new(), vec![0; LOOK as usize]);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(Origin { key: log.key.0, sha256: hash.finalize().into() }),
            n => hash.update(bytes.get(..n).unwrap_or_default()),
        }
    }
}
