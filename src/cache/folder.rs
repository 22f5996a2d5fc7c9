//! The folder: names, locks, and what is removed when there is too much.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

use super::{Key, Set};
use crate::kept::{Bounds, Refused, TrailFile};

/// The file that runs lock.
const LOCK: &str = "lock";
/// The folder of sets.
const SET: &str = "sets";
/// How a trail file in the folder ends.
const TRAIL: &str = "trail";
/// How the list of keys beside a set ends.
const KEYS: &str = "keys";
/// How a file begins that has no name yet.
const UNFINISHED: &str = ".tmp";
/// A file that is unfinished for so long belongs to a run that was killed.
const ABANDONED: Duration = Duration::from_secs(86_400);
/// So many sets are kept, those used last.
const SETS: usize = 16;
/// By this, programs that make backups know a cache: <https://bford.info/cachedir/>.
const TAG: (&str, &[u8]) = ("CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of imstrail.\n");

/// The folder of a cache, which nobody removes anything from as long as this lives.
#[derive(Debug)]
pub struct Folder {
    /// Its path.
    pub path: PathBuf,
    /// How many bytes it may have.
    limit: u64,
    /// Locked, unless the file system has no locks.
    lock: Option<File>,
}

/// What there is room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// So many bytes.
    pub left: u64,
    /// How many files that this run uses had to go.
    pub lost: usize,
}

/// A file of the folder.
#[derive(Debug)]
struct Kept {
    path: PathBuf,
    used: SystemTime,
    size: u64,
    /// It is a set; its size is that with the list of its keys.
    is_set: bool,
}

impl Folder {
    /// Opens the folder, which is made if it is not there, for this user alone: what is in it is personal data.
    ///
    /// # Errors
    /// It cannot be made or read, or is none.
    pub fn open(path: &Path, limit: u64) -> io::Result<Folder> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let names = fs::read_dir(path)?.map(|name| Ok(name?.file_name())).collect::<io::Result<Vec<_>>>()?;
        if !path.join(TAG.0).exists() && !names.iter().all(|name| name.to_str().is_some_and(Folder::is_own)) {
            return Err(io::Error::other("it has other files in it"));
        }
        let place = path.join(LOCK);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&place);
        let lock =
            lock.or_else(|_| File::open(&place)).ok().filter(|lock| flock(lock, FlockOperation::LockShared).is_ok());
        if !path.join(TAG.0).exists()
            && let Ok(mut tag) = File::create_new(path.join(TAG.0))
        {
            tag.write_all(TAG.1)?;
        }
        Ok(Folder { path: path.to_owned(), limit, lock })
    }

    /// Whether a name in the folder is one that a cache has there.
    pub fn is_own(name: &str) -> bool {
        let is_start_of_key = || name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        [LOCK, SET, TAG.0].contains(&name) || is_start_of_key()
    }

    /// Where the entry of a log is.
    pub fn entry(&self, key: &Key) -> PathBuf {
        let name = key.to_string();
        self.path.join(name.get(..2).unwrap_or_default()).join(name).with_extension(TRAIL)
    }

    /// Where a set is.
    pub fn set(&self, name: &Key) -> PathBuf {
        self.path.join(SET).join(name.to_string()).with_extension(TRAIL)
    }

    /// The entry of a log, if it is there; all of it that a window does not pass over is what was written.
    ///
    /// # Errors
    /// It is not, or is that of another log.
    pub fn opened(&self, key: &Key, bounds: &Bounds) -> Result<Option<Arc<TrailFile>>, Refused> {
        let path = self.entry(key);
        let file = match TrailFile::open(&path) {
            Err(Refused::Unreadable(e)) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        file.check(None, bounds)?;
        if file.index.of.iter().map(|of| of.key).ne([key.0]) {
            return Err(Refused::Index);
        }
        used(&path);
        Ok(Some(Arc::new(file)))
    }

    /// A set, if it is there and was made in this way; what it knows is what was written.
    ///
    /// # Errors
    /// It is not, or is another set.
    pub fn opened_set(&self, set: &Set, how: &[u8; 32]) -> Result<Arc<TrailFile>, Refused> {
        let path = self.set(&set.name);
        let file = TrailFile::open(&path)?;
        file.check(Some(how), &Bounds::default())?;
        if !file.index.brief || file.index.of.iter().map(|of| of.key).ne(set.keys.iter().map(|key| key.0)) {
            return Err(Refused::Index);
        }
        used(&path);
        Ok(Arc::new(file))
    }

    /// The lists of keys beside sets, by the names of the sets.
    pub(super) fn lists(&self) -> Vec<(String, Vec<u8>)> {
        let Ok(names) = fs::read_dir(self.path.join(SET)) else { return Vec::new() };
        let lists = names.flatten().map(|name| name.path()).filter(|path| path.extension().is_some_and(|e| e == KEYS));
        let list = |path: PathBuf| {
            let name = path.file_stem()?.to_str()?.to_owned();
            Some((name, fs::read(&path).ok().filter(|_| path.with_extension(TRAIL).exists())?))
        };
        lists.filter_map(list).collect()
    }

    /// A file that is to be one of the folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn begin(&self, place: &Path) -> io::Result<NamedTempFile> {
        let folder = place.parent().unwrap_or(&self.path);
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)
    }

    /// Gives a set, which is whole, its name, and lays the list of its keys beside it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep_set(&self, file: NamedTempFile, set: &Set) -> io::Result<()> {
        let place = self.set(&set.name);
        let mut list = self.begin(&place)?;
        list.write_all(&set.list())?;
        list.persist(place.with_extension(KEYS))?;
        self.keep(file, &place)
    }

    /// Gives a file, which is whole, its name. One that another run gave that name meanwhile stands, as it may be reading it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, file: NamedTempFile, place: &Path) -> io::Result<()> {
        match file.persist_noclobber(place) {
            Err(e) if e.error.kind() != io::ErrorKind::AlreadyExists => Err(e.error),
            _ => Ok(()),
        }
    }

    /// Removes a file, of a set with the list of its keys.
    pub fn forget(&self, place: &Path) {
        // What cannot be removed is looked at the next time as well.
        fs::remove_file(place).ok();
        fs::remove_file(place.with_extension(KEYS)).ok();
    }

    /// Removes the sets of a log, which is not what it was when they were made.
    pub fn forget_sets_of(&self, key: &Key) {
        for (name, list) in self.lists() {
            if list.as_chunks::<32>().0.contains(&key.0) {
                self.forget(&self.path.join(SET).join(name).with_extension(TRAIL));
            }
        }
    }

    /// Removes what was not used for the longest time, until there is room for so many bytes; how many there is room for then.
    /// What is in use by this run goes last, sets behind all entries, and nothing goes as long as other runs use the cache.
    pub fn make_room(&self, wanted: u64, in_use: &HashSet<PathBuf>) -> Room {
        let mut all = self.all();
        all.sort_by_cached_key(|kept| (kept.is_set, in_use.contains(&kept.path), kept.used, kept.path.clone()));
        let mut surplus = all.iter().filter(|kept| kept.is_set).count().saturating_sub(SETS);
        let mut total: u64 = all.iter().map(|kept| kept.size).sum();
        let mut lost = 0;
        let is_too_much = |total: u64| total.saturating_add(wanted) > self.limit;
        if (surplus > 0 || is_too_much(total)) && self.is_alone() {
            for kept in &all {
                // For what is only wanted nothing goes that this run uses, and no set.
                let is_free = !kept.is_set && !in_use.contains(&kept.path);
                let is_surplus = kept.is_set && surplus > 0;
                if is_surplus || total > self.limit || (is_free && is_too_much(total)) {
                    self.forget(&kept.path);
                    total -= kept.size;
                    surplus -= usize::from(is_surplus);
                    lost += usize::from(in_use.contains(&kept.path));
                }
            }
        }
        self.share();
        Room { left: self.limit.saturating_sub(total), lost }
    }

    /// All entries and sets; what killed runs left behind is removed.
    fn all(&self) -> Vec<Kept> {
        let mut all = Vec::new();
        for folder in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let is_set = folder.file_name() == SET;
            for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                let Ok(meta) = file.metadata() else { continue };
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let path = file.path();
                let is_unfinished = file.file_name().to_string_lossy().starts_with(UNFINISHED)
                    || (path.extension().is_some_and(|e| e == KEYS) && !path.with_extension(TRAIL).exists());
                if is_unfinished && used.elapsed().is_ok_and(|age| age > ABANDONED) {
                    self.forget(&path);
                } else if !is_unfinished && path.extension().is_some_and(|e| e == TRAIL) {
                    let list = fs::metadata(path.with_extension(KEYS)).map_or(0, |list| list.len());
                    all.push(Kept { path, used, size: meta.len() + list, is_set });
                }
            }
        }
        all
    }

    /// Whether no other run uses the cache, and none begins to before [`Folder::share`].
    fn is_alone(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok())
    }

    /// Lets others use the cache, too. Where being alone was asked for in vain, the lock is lost.
    fn share(&self) {
        if let Some(lock) = &self.lock {
            // Where this fails there are no locks, and nobody is ever alone.
            flock(lock, FlockOperation::LockShared).ok();
        }
    }
}

/// Remembers that a file was used. Where it cannot be, it only goes the sooner.
fn used(path: &Path) {
    drop(File::open(path).and_then(|file| file.set_modified(SystemTime::now())));
}
