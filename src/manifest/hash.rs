//! Hashes of what lies on disk, and of the texts in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::hash::{Hashed, Hasher, Text, TextHasher};
use crate::note::Note;
use crate::open::{Damage, Member, Sink, WalkOptions, Want};
use crate::plan::{Input, walk};

/// The block that is read at a time, in bytes.
const BLOCK: usize = 128 << 10;

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
        let room = stop.and_then(|stop| stop.checked_sub(hasher.size())).filter(|room| *room > 0);
        let want = room.and_then(|room| usize::try_from(room).ok()).map_or(BLOCK, |room| room.min(BLOCK));
        let got = match file.read_at(block.get_mut(..want).unwrap_or_default(), hasher.size()) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
            Ok(0) => return Ok((hasher.finish(), begun)),
            Ok(n) => block.get(..n).unwrap_or_default(),
        };
        if stop == Some(hasher.size()) {
            begun = Some(hasher.clone().finish());
        }
        hasher.update(got);
        done.fetch_add(got.len() as u64, Ordering::Relaxed);
    }
}

/// Hashes every text of a file, in the order of a walk.
pub fn hash_texts(input: &Input, path: &Path, options: &WalkOptions) -> Vec<Text> {
    let mut sink = HashSink::default();
    walk(input, path, options, &mut sink);
    sink.done
}

#[derive(Default)]
struct HashSink {
    at: Option<TextHasher>,
    done: Vec<Text>,
}

impl Sink for HashSink {
    fn begin(&mut self, member: &Member<'_>) -> Want {
        self.at = Some(TextHasher::new(member.member));
        Want::All
    }
    fn data(&mut self, bytes: &[u8]) {
        self.at.iter_mut().for_each(|text| text.update(bytes));
    }
    fn hole(&mut self, damage: Damage) {
        self.at.iter_mut().for_each(|text| text.damaged(&damage));
    }
    fn end(&mut self, damage: Option<Damage>) {
        damage.iter().for_each(|damage| self.hole(damage.clone()));
        self.done.extend(self.at.take().map(TextHasher::finish));
    }
    fn note(&mut self, _: Note) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

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
