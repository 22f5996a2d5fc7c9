//! From the paths of the command line to the files to read.
//!
//! Every file and folder is taken once, under the name that comes first by bytes; the outcome is the same for any
//! order of the paths. Folders wait in a heap and are listed one at a time, smallest path first, so that never more
//! than one descriptor is open, links that lead back up end by themselves, and the depth of a tree costs no stack.

use crate::note::{Note, NoteKind, cause};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// How to look for files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Also walk folders of snapshots and trash.
    pub all: bool,
}

/// One file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The path as given, or as reached from a given folder; `-` for standard input.
    pub path: PathBuf,
    /// Size in bytes on disk; 0 for pipes, devices and standard input.
    pub size: u64,
    /// Whether this is standard input.
    pub stdin: bool,
}

/// What [`discover`] found.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The files, by the bytes of their paths; standard input sorts as `-`.
    pub files: Vec<Found>,
    /// What was not taken and why, sorted.
    pub notes: Vec<Note>,
    /// Whether any of the given paths could be opened; if not, the run has nothing to answer from (exit code 2).
    pub openable: bool,
}

/// The text of the note about a folder that [`is_skipped_folder`].
pub(crate) const FOLDER_SKIPPED: &str = "folder skipped: snapshots and trash are not read unless --all is given";

/// Whether a folder of this name holds copies that the system made, or remains.
pub(crate) fn is_skipped_folder(name: &[u8]) -> bool {
    matches!(name, b".snapshot" | b"@eaDir" | b"lost+found")
}

/// Finds the files to read. Nothing is read from them; problems are notes.
pub fn discover(paths: &[PathBuf], options: &Options) -> Discovered {
    let mut search = Search { options: *options, ..Search::default() };
    let given: BTreeSet<&[u8]> = paths.iter().map(|path| path.as_os_str().as_bytes()).collect();
    for bytes in given {
        search.given(Path::new(std::ffi::OsStr::from_bytes(bytes)));
    }
    while let Some(Reverse(folder)) = search.folders.pop() {
        search.list(&folder);
    }
    search.finish()
}

/// The same for all names of one file or folder.
type Identity = (u64, u64);

fn identity(meta: &Metadata) -> Identity {
    (meta.dev(), meta.ino())
}

/// A folder still to be listed. Ordered by its path with a `/` behind it: so are all paths inside it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Folder {
    key: Vec<u8>,
    path: PathBuf,
    identity: Identity,
    /// Given on the command line, not found on the way.
    given: bool,
}

#[derive(Default)]
struct Search {
    options: Options,
    folders: BinaryHeap<Reverse<Folder>>,
    /// Where each folder was listed.
    listed: HashMap<Identity, PathBuf>,
    files: Vec<(Found, Identity)>,
    stdin: bool,
    notes: Vec<Note>,
    openable: bool,
}

impl Search {
    fn note(&mut self, path: &Path, kind: NoteKind, text: impl Into<String>) {
        self.notes.push(Note::new(path.to_string_lossy(), kind, text));
    }

    /// A path that is the same file or folder as one that was found before.
    fn same(&mut self, path: &Path, what: &str, first: &Path) {
        let note = Note::new(path.to_string_lossy(), NoteKind::Copy, format!("the same {what} as "));
        self.notes.push(note.naming(&first.to_string_lossy(), "; read once, under that name"));
    }

    /// A path of the command line.
    fn given(&mut self, path: &Path) {
        if path.as_os_str() == "-" {
            (self.stdin, self.openable) = (true, true);
            return;
        }
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => self.folder(path.to_owned(), &meta, true),
            Ok(meta) if meta.is_file() => match File::open(path) {
                Ok(_) => {
                    self.openable = true;
                    self.file(path.to_owned(), &meta);
                }
                Err(e) => self.unreadable(path, &e),
            },
            // Opening a pipe waits for its writer, so that is left to the reader.
            Ok(meta) if meta.file_type().is_fifo() || meta.file_type().is_char_device() => {
                self.openable = true;
                self.file(path.to_owned(), &meta);
            }
            Ok(_) => self.note(path, NoteKind::Unreadable, "a socket or block device cannot be read as a log"),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let text = match fs::symlink_metadata(path) {
                    Ok(_) => "a symbolic link that leads nowhere",
                    Err(_) => "no such file or folder; check the spelling of the path",
                };
                self.note(path, NoteKind::Missing, text);
            }
            Err(e) => self.unreadable(path, &e),
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let text = format!("cannot be opened ({}); check its permissions", cause(error));
        self.note(path, NoteKind::Unreadable, text);
    }

    fn file(&mut self, path: PathBuf, meta: &Metadata) {
        let size = if meta.is_file() { meta.len() } else { 0 };
        self.files.push((Found { path, size, stdin: false }, identity(meta)));
    }

    fn folder(&mut self, path: PathBuf, meta: &Metadata, given: bool) {
        let mut key = path.as_os_str().as_bytes().to_vec();
        if key.last() != Some(&b'/') {
            key.push(b'/');
        }
        self.folders.push(Reverse(Folder { key, path, identity: identity(meta), given }));
    }

    /// Lists one folder, unless it was listed under another name.
    fn list(&mut self, folder: &Folder) {
        if let Some(first) = self.listed.get(&folder.identity) {
            if !same_path(first, &folder.path) {
                let first = first.clone();
                self.same(&folder.path, "folder", &first);
            }
            return;
        }
        let names = match names_in(&folder.path) {
            Ok(names) => names,
            Err(e) => return self.unreadable(&folder.path, &e),
        };
        self.listed.insert(folder.identity, folder.path.clone());
        self.openable |= folder.given;
        if folder.given && names.is_empty() {
            self.note(&folder.path, NoteKind::Empty, "the folder is empty");
        }
        for name in names {
            self.entry(folder.path.join(name));
        }
    }

    /// Something inside a folder.
    fn entry(&mut self, path: PathBuf) {
        let meta = match fs::metadata(&path) {
            Ok(meta) => meta,
            Err(e) => return self.no_metadata(&path, &e),
        };
        let kind = meta.file_type();
        if kind.is_dir() {
            let name = path.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
            if is_skipped_folder(name) && !self.options.all {
                return self.note(&path, NoteKind::Skipped, FOLDER_SKIPPED);
            }
            self.folder(path, &meta, false);
        } else if kind.is_file() {
            self.file(path, &meta);
        } else {
            let what = if kind.is_socket() {
                "a socket"
            } else if kind.is_fifo() {
                "a named pipe; give it by name to read it"
            } else {
                "a device"
            };
            self.note(&path, NoteKind::Skipped, format!("skipped: {what}"));
        }
    }

    fn no_metadata(&mut self, path: &Path, error: &io::Error) {
        let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_symlink());
        // A link to itself shows as a loop, an error kind that has no stable name; a forbidden target is another matter.
        if is_link && error.kind() != io::ErrorKind::PermissionDenied {
            return self.note(path, NoteKind::DanglingLink, "a symbolic link that leads nowhere");
        }
        if error.kind() == io::ErrorKind::NotFound {
            return self.note(path, NoteKind::Info, "it vanished while its folder was being listed");
        }
        self.unreadable(path, error);
    }

    /// Sorts, and takes each file once.
    fn finish(mut self) -> Discovered {
        let mut files = std::mem::take(&mut self.files);
        files.sort_by(|a, b| bytes(&a.0.path).cmp(bytes(&b.0.path)));
        let mut first: HashMap<Identity, PathBuf> = HashMap::new();
        let mut kept = Vec::with_capacity(files.len() + 1);
        for (found, identity) in files {
            match first.get(&identity) {
                Some(path) if same_path(path, &found.path) => {}
                Some(path) => self.same(&found.path, "file", path),
                None => {
                    first.insert(identity, found.path.clone());
                    kept.push(found);
                }
            }
        }
        if self.stdin {
            kept.push(Found { path: PathBuf::from("-"), size: 0, stdin: true });
            kept.sort_by(|a, b| bytes(&a.path).cmp(bytes(&b.path)));
        }
        self.notes.sort();
        self.notes.dedup();
        Discovered { files: kept, notes: self.notes, openable: self.openable }
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// The names in a folder, in no order. The descriptor is closed before anything else is opened.
fn names_in(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
}

/// Whether two paths are spelled the same but for `./` and doubled slashes.
fn same_path(a: &Path, b: &Path) -> bool {
    let parts = |path: &Path| -> Vec<_> {
        path.components().filter(|part| *part != Component::CurDir).map(|part| part.as_os_str().to_owned()).collect()
    };
    parts(a) == parts(b)
}

#[cfg(test)]
mod tests;
