use super::*;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

fn at(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

fn names(found: &Discovered, root: &Path) -> Vec<String> {
    let name = |f: &Found| f.path.strip_prefix(root).unwrap_or(&f.path).to_string_lossy().into_owned();
    found.files.iter().map(name).collect()
}

fn kinds(found: &Discovered) -> Vec<NoteKind> {
    found.notes.iter().map(|note| note.kind).collect()
}

#[test]
fn walks_in_byte_order_whatever_the_order_given() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path();
    for name in ["b/imap", "a/z/imap", "a-b/imap", "a.log", "Z"] {
        at(root, name, "x");
    }
    let all = [root.join("a"), root.join("b"), root.join("a-b"), root.join("a.log"), root.join("Z")];
    let forward = discover(&all, &Options::default());
    let mut back = all.clone();
    back.reverse();
    let backward = discover(&back, &Options::default());
    assert_eq!(forward.files, backward.files);
    assert_eq!(names(&forward, root), ["Z", "a-b/imap", "a.log", "a/z/imap", "b/imap"]);
    assert!(forward.notes.is_empty() && forward.openable);
    assert_eq!(names(&discover(&[root.to_owned()], &Options::default()), root), names(&forward, root));
}

#[test]
fn loops_dangling_links_and_copies() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path();
    let real = at(root, "log/imap", "x");
    symlink("..", root.join("log/up")).unwrap();
    symlink("self", root.join("log/self")).unwrap();
    symlink("nowhere", root.join("log/gone")).unwrap();
    symlink("imap", root.join("log/link")).unwrap();
    fs::hard_link(&real, root.join("log/copy")).unwrap();
    let found = discover(&[root.to_owned()], &Options::default());
    assert_eq!(names(&found, root), ["log/copy"]);
    use NoteKind::{Copy, DanglingLink};
    assert_eq!(kinds(&found), [DanglingLink, Copy, Copy, DanglingLink, Copy]);
    assert!(!found.notes.iter().any(Note::fails) && found.openable);
}

#[test]
fn the_same_path_twice_is_silent() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path();
    let file = at(root, "log/imap", "x");
    let paths =
        [root.to_owned(), file.clone(), file, root.join("log"), root.join("./log/imap"), "-".into(), "-".into()];
    let found = discover(&paths, &Options::default());
    assert_eq!(found.notes, []);
    assert_eq!(found.files.len(), 2);
    assert!(found.files[0].stdin);
}

#[test]
fn skipped_folders_sockets_and_pipes() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path();
    for folder in [".snapshot", "@eaDir", "lost+found"] {
        at(root, &format!("{folder}/imap"), folder);
    }
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let found = discover(&[root.to_owned()], &Options::default());
    assert!(found.files.is_empty());
    assert_eq!(kinds(&found), [NoteKind::Skipped; 4]);
    assert!(found.notes[0].text.contains("--all"));
    assert_eq!(discover(&[root.to_owned()], &Options { all: true }).files.len(), 3);
    assert_eq!(discover(&[root.join(".snapshot")], &Options::default()).files.len(), 1);
    let by_name = discover(&[root.join("socket"), PathBuf::from("/dev/null")], &Options::default());
    assert_eq!((kinds(&by_name), by_name.files.len()), (vec![NoteKind::Unreadable], 1));
}

#[test]
fn missing_paths_and_empty_folders() {
    let tmp = tempfile::tempdir().unwrap();
    let missing = discover(&[tmp.path().join("nope")], &Options::default());
    assert_eq!(kinds(&missing), [NoteKind::Missing]);
    assert!(!missing.openable);
    let empty = discover(&[tmp.path().to_owned()], &Options::default());
    assert_eq!(kinds(&empty), [NoteKind::Empty]);
    assert!(empty.openable && empty.files.is_empty());
    assert!(!discover(&[], &Options::default()).openable);
}

#[test]
fn names_that_are_no_utf8_and_deep_trees() {
    let tmp = tempfile::tempdir().unwrap();
    let odd = tmp.path().join(std::ffi::OsStr::from_bytes(b"imap\xff"));
    fs::write(&odd, "x").unwrap();
    let deep = (0..400).fold(tmp.path().to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("imap"), "x").unwrap();
    let found = discover(&[tmp.path().to_owned()], &Options::default());
    assert_eq!(found.files.len(), 2);
    assert_eq!(found.files[1].path, odd);
}

#[test]
fn farms_of_links_end() {
    let tmp = tempfile::tempdir().unwrap();
    let root = tmp.path();
    for n in 0..40 {
        fs::create_dir(root.join(format!("d{n}"))).unwrap();
    }
    for n in 0..39 {
        for name in ["x", "y"] {
            symlink(format!("../d{}", n + 1), root.join(format!("d{n}/{name}"))).unwrap();
        }
    }
    at(root, "d39/imap", "x");
    assert_eq!(discover(&[root.to_owned()], &Options::default()).files.len(), 1);
}

#[test]
fn a_thousand_files_leave_no_descriptor() {
    let tmp = tempfile::tempdir().unwrap();
    for n in 0..1000 {
        at(tmp.path(), &format!("{}/imap.{n}", n % 10), "x");
    }
    assert_eq!(discover(&[tmp.path().to_owned()], &Options::default()).files.len(), 1000);
    // Tests run side by side, each with descriptors of its own: only those of this folder count.
    let folder = tmp.path().canonicalize().unwrap();
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let ours = open.filter_map(|fd| fs::read_link(fd.path()).ok()).filter(|file| file.starts_with(&folder));
    assert_eq!(ours.count(), 0);
}
