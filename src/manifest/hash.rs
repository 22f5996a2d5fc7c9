//! SHA-256 of what lies on disk, and of the texts in it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::note::Note;
use crate::open::{Damage, Member, Sink, WalkOptions, Want};
use crate::plan::{Input, walk};
use crate::text::exact;

/// The block that is read at a time, in bytes.
const BLOCK: usize = 128 << 10;

/// A SHA-256, written as 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sha([u8; 32]);

impl fmt::Display for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sha, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> =
            text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let bytes = digits.unwrap_or_default().chunks(2).map(|two| two.iter().fold(0, |n, d| n * 16 + d)).collect();
        let whole = Vec::try_into(bytes).ok().filter(|_| text.len() == 64);
        whole.map(Sha).ok_or_else(|| serde::de::Error::custom("a SHA-256 has 64 hexadecimal digits"))
    }
}

/// So many bytes, and their hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// How many.
    pub size: u64,
    /// Their hash.
    pub sha256: Sha,
}

impl Hashed {
    /// The hash of bytes at hand.
    pub fn of(bytes: &[u8]) -> Hashed {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A hash in the making.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    sha: Sha256,
    size: u64,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// The hash of all that was taken.
    pub fn finish(self) -> Hashed {
        Hashed { size: self.size, sha256: Sha(self.sha.finalize().into()) }
    }
}

/// Hashes a file from its beginning, wherever it stands; and its first `stop` bytes, if it has more. `done` counts its bytes.
///
/// # Errors
/// Those of reading it.
pub fn hash_file(file: &File, stop: Option<u64>, done: &AtomicU64) -> io::Result<(Hashed, Option<Hashed>)> {
    let mut block = vec![0; BLOCK];
    let mut hasher = Hasher::default();
    let mut begun = None;
    loop {
        // A block ends where the hash of the beginning is wanted.
        let room = stop.and_then(|stop| stop.checked_sub(hasher.size)).filter(|room| *room > 0);
        let want = room.and_then(|room| usize::try_from(room).ok()).map_or(BLOCK, |room| room.min(BLOCK));
        let got = match file.read_at(block.get_mut(..want).unwrap_or_default(), hasher.size) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
            Ok(0) => return Ok((hasher.finish(), begun)),
            Ok(n) => block.get(..n).unwrap_or_default(),
        };
        if stop == Some(hasher.size) {
            begun = Some(hasher.clone().finish());
        }
        hasher.update(got);
        done.fetch_add(got.len() as u64, Ordering::Relaxed);
    }
}

/// A text of a file, decoded.
#[derive(Clone, Debug)]
pub struct Text {
    /// The path inside the archive, by [`exact`]; empty if the file is no archive.
    pub member: String,
    /// Its bytes.
    pub hashed: Hashed,
    /// Where it could not be read further.
    pub damage: Option<Damage>,
}

/// Hashes every text of a file, in the order of a walk.
pub fn hash_texts(input: &Input, path: &Path, options: &WalkOptions) -> Vec<Text> {
    let mut sink = HashSink::default();
    walk(input, path, options, &mut sink);
    sink.done
}

#[derive(Default)]
struct HashSink {
    at: Option<(String, Hasher)>,
    done: Vec<Text>,
}

impl Sink for HashSink {
    fn begin(&mut self, member: &Member<'_>) -> Want {
        self.at = Some((exact(member.member.as_bytes()).into_owned(), Hasher::default()));
        Want::All
    }
    fn data(&mut self, bytes: &[u8]) {
        if let Some((_, hasher)) = &mut self.at {
            hasher.update(bytes);
        }
    }
    fn end(&mut self, damage: Option<Damage>) {
        let text = self.at.take().map(|(member, hasher)| Text { member, hashed: hasher.finish(), damage });
        self.done.extend(text);
    }
    fn note(&mut self, _: Note) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const ABC: &str = "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";

    #[test]
    fn a_hash_is_read_as_it_is_written() {
        let hashed = Hashed::of(b"abc");
        assert_eq!(serde_json::to_string(&hashed.sha256).unwrap(), ABC);
        assert_eq!(serde_json::from_str::<Sha>(ABC).unwrap(), hashed.sha256);
        for bad in
            ["\"\"", "\"ba78\"", &ABC.replace("ba", "b"), &ABC.replace("ba", "bg"), &ABC.replace("ba", "bä"), "7"]
        {
            assert!(serde_json::from_str::<Sha>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_and_its_beginning() {
        let bytes: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        for stop in [0, 1, 1000, BLOCK, BLOCK + 1, 1_000_000, bytes.len() - 1] {
            let done = AtomicU64::new(0);
            let (whole, begun) = hash_file(&file, Some(stop as u64), &done).unwrap();
            assert_eq!((whole, begun), (Hashed::of(&bytes), Some(Hashed::of(&bytes[..stop]))), "{stop}");
            assert_eq!(done.into_inner(), bytes.len() as u64);
        }
        let of = |stop| hash_file(&file, stop, &AtomicU64::new(0)).unwrap();
        assert_eq!(of(None), (Hashed::of(&bytes), None));
        assert_eq!(of(Some(bytes.len() as u64)).1, None);
    }
}
