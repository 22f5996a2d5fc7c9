use std::path::{Path, PathBuf};

use super::*;
use crate::hash::Hashed;

fn root(given: &str, path: &str) -> Root {
    Root { given: given.to_owned(), path: Some(path.to_owned()), found: true }
}

fn manifest() -> Manifest {
    Manifest {
        manifest: VERSION,
        unsigned: UNSIGNED.to_owned(),
        tool: Tool {
            name: "imstrail".to_owned(),
            version: "1".to_owned(),
            commit: "unknown".to_owned(),
            binary_sha256: None,
            zone_data: "2025b".to_owned(),
            grammars: Vec::new(),
        },
        run: Run { started: "2019-05-29T10:00:00Z".to_owned(), ended: "2019-05-29T10:00:01Z".to_owned() },
        arguments: vec!["-a".to_owned(), "logs".to_owned(), "\u{202e}".to_owned()],
        settings: Vec::new(),
        directory: "/home/ed".to_owned(),
        environment: Environment::default(),
        roots: vec![root("logs", "/evidence/7/logs"), root("logs/new", "/elsewhere/new"), root(".", "/home/ed")],
        aside: Vec::new(),
        inputs: vec![Item { path: "logs/imap".to_owned(), ..Item::default() }],
        notes: Vec::new(),
        output: Output { path: None, size: 3, sha256: Hashed::of(b"abc").sha256, exit: 0 },
    }
}

fn text(manifest: &Manifest) -> String {
    let mut text = Vec::new();
    manifest.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn a_manifest_is_read_as_it_is_written() {
    let once = text(&manifest());
    assert_eq!(text(&Manifest::parse(once.as_bytes()).unwrap()), once);
    assert!(once.contains("\\u202e") && !once.contains('\u{202e}'), "{once}");
    assert!(once.contains("\n{\"path\":\"logs/imap\""), "each input has a line: {once}");
}

#[test]
fn what_is_no_manifest_is_told_from_a_later_one() {
    let whole = text(&manifest());
    let is_later = |text: &str| match Manifest::parse(text.as_bytes()) {
        Err(NotOne::Later(version)) => Some(version),
        Err(NotOne::Other(_)) => None,
        Ok(_) => panic!("read: {text}"),
    };
    assert_eq!(is_later("{\"manifest\":2,\"inputs\":7}"), Some(2));
    assert_eq!(is_later(&whole.replacen('1', "9000000000", 1)), Some(9_000_000_000));
    for bad in
        ["", "{}", "[]", "7", "{\"manifest\":0}", "{\"manifest\":\"1\"}", "{\"manifest\":1}", &whole[..whole.len() - 3]]
    {
        assert_eq!(is_later(bad), None, "{bad}");
    }
    assert_eq!(is_later(&whole.replace("ba7816bf", "xa7816bf")), None);
    // What a later version adds without changing the number is no matter.
    assert!(Manifest::parse(whole.replacen("\"tool\"", "\"more\":[1],\"tool\"", 1).as_bytes()).is_ok());
}

#[test]
fn an_item_lies_below_the_longest_root() {
    let manifest = manifest();
    let place = |path: &str| manifest.place(&Item { path: path.to_owned(), ..Item::default() });
    assert_eq!(place("logs"), Some("/evidence/7/logs".into()));
    assert_eq!(place("logs/a/b"), Some("/evidence/7/logs/a/b".into()));
    assert_eq!(place("logs/new/b"), Some("/elsewhere/new/b".into()));
    assert_eq!(place("./imap"), Some("/home/ed/imap".into()));
    assert_eq!((place("logs2/b"), place("-")), (None, None));
}

#[test]
fn what_was_moved_lies_elsewhere() {
    let moves =
        [(PathBuf::from("/evidence/7"), PathBuf::from("/mnt")), (PathBuf::from("/home/ed"), PathBuf::from("/x"))];
    assert_eq!(moved(Path::new("/evidence/7/logs"), &moves), Path::new("/mnt/logs"));
    assert_eq!(moved(Path::new("/evidence/7"), &moves), Path::new("/mnt"));
    assert_eq!(moved(Path::new("/evidence/70"), &moves), Path::new("/evidence/70"));
    let moved = manifest().moved(&moves);
    let places: Vec<_> = moved.roots.iter().map(|root| root.path.as_deref().unwrap()).collect();
    assert_eq!((places, moved.directory.as_str()), (vec!["/mnt/logs", "/elsewhere/new", "/x"], "/x"));
}
