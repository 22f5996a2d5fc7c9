//! Tar and zip, whole, inside each other, and with what they may contain.

use super::support::*;
use crate::note::NoteKind;
use crate::open::*;
use std::io::{Cursor, Write};
use std::path::Path;

#[test]
fn nests() {
    let (a, b) = (text(500), text(30));
    let inner = tar(&[("log/imap.3.17.gz", &gz(&a)), ("pop", &b)]);
    for outer in [inner.clone(), gz(&inner), xz(&inner), zst(&inner), bz2(&inner)] {
        let memory = walk(&outer);
        assert_eq!(memory.notes, []);
        assert_eq!(memory.members(), ["log/imap.3.17.gz", "pop"]);
        assert_eq!((&memory.leaves[0].bytes, &memory.leaves[1].bytes), (&a, &b));
        assert_eq!(memory.leaves[0].name, "imap.3.17.gz");
        assert_eq!((memory.leaves[0].size, memory.leaves[1].size), (None, Some(b.len() as u64)));
    }
    let zipped = tar(&[("logs.zip", &zip(&[("z", &b), ("a", &gz(&a))])), ("inner.tar", &tar(&[("imap", &b)]))]);
    let memory = walk(&zipped);
    assert_eq!(memory.notes, []);
    assert_eq!(memory.members(), ["logs.zip!a", "logs.zip!z", "inner.tar!imap"]);
}

#[test]
fn too_deep_is_a_note() {
    let four = gz(&gz(&gz(&gz(b"text"))));
    assert_eq!(walk(&four).only().bytes, b"text");
    let memory = walk(&gz(&four));
    assert_eq!((memory.leaves.len(), memory.kinds()), (0, vec![NoteKind::Unreadable]));
    let memory = walk(&tar(&[("a.gz", &four), ("b", b"next")]));
    assert_eq!((memory.members(), memory.kinds()), (vec!["b"], vec![NoteKind::Unreadable]));
    assert_eq!(memory.notes[0].path, "x.1!a.gz");
}

#[test]
fn zip_methods_and_names() {
    let a = text(2000);
    use ::zip::CompressionMethod as Method;
    for method in [Method::Stored, Method::Deflated, Method::Bzip2, Method::Zstd] {
        let memory = walk(&zip_by(&[("dir/b", &a), ("a", b"x\n"), ("empty", b"")], method));
        assert_eq!((memory.members(), memory.fails()), (vec!["a", "dir/b", "empty"], false), "{method:?}");
        assert_eq!(memory.leaves[1].bytes, a);
        assert_eq!(memory.leaves[2].kind, Kind::Empty);
    }
    assert!(walk(&zip(&[])).leaves.is_empty());
    assert_eq!(walk(&zip(&[])).notes, []);
    // The writer refuses equal names, so one is changed afterwards.
    let mut twice = zip(&[("imap.1", b"one"), ("imap.2", b"two")]);
    let positions: Vec<_> = (0..twice.len() - 6).filter(|at| &twice[*at..at + 6] == b"imap.2").collect();
    for at in positions {
        twice[at + 5] = b'1';
    }
    let memory = walk(&twice);
    assert_eq!((memory.members(), memory.leaves[1].name.as_str()), (vec!["imap.1", "imap.1#2"], "imap.1"));
    assert_eq!(memory.leaves[1].bytes, b"two");
}

#[test]
fn zip_streamed_with_sizes_behind_the_data() {
    let a = text(300);
    let mut w = ::zip::ZipWriter::new_stream(Vec::new());
    for name in ["b", "a"] {
        w.start_file(name, ::zip::write::SimpleFileOptions::default()).unwrap();
        w.write_all(&a).unwrap();
    }
    let bytes = w.finish().unwrap().into_inner();
    let memory = walk(&bytes);
    assert_eq!((memory.members(), memory.notes.len()), (vec!["a", "b"], 0));
    let cut = walk(&bytes[..bytes.len() - 30]);
    assert_eq!((cut.members(), cut.kinds()), (vec!["b", "a"], vec![NoteKind::Damaged]));
    assert!(cut.leaves.iter().all(|leaf| leaf.bytes == a && leaf.damage.is_none()));
    let heads = walk_with(&bytes[..bytes.len() - 30], Memory { want: Some(Want::Head(5)), ..Memory::default() });
    assert_eq!(heads.members(), ["b", "a"]);
}

#[test]
fn zip_entries_that_are_not_read() {
    let mut w = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default();
    w.add_directory("dir", options).unwrap();
    w.add_symlink("link", "a", options).unwrap();
    w.start_file(".snapshot/a", options).unwrap();
    w.start_file("a", options).unwrap();
    w.write_all(b"x").unwrap();
    let mut bytes = w.finish().unwrap().into_inner();
    let memory = walk(&bytes);
    assert_eq!(memory.members(), ["a"]);
    assert_eq!(memory.kinds(), [NoteKind::Skipped; 2]);
    // Marks every entry as encrypted in the directory.
    let records: Vec<_> = (0..bytes.len() - 4).filter(|at| &bytes[*at..at + 4] == b"PK\x01\x02").collect();
    for at in records {
        bytes[at + 8] |= 1;
    }
    let memory = walk(&bytes);
    assert!(memory.leaves.is_empty());
    assert!(
        memory
            .notes
            .iter()
            .any(|n| n.path == "x.1!a" && n.kind == NoteKind::Unreadable && n.text.contains("encrypted"))
    );
}

#[test]
fn zip_that_cannot_be_spooled() {
    let mut memory = Memory::default();
    let o = WalkOptions { tmpdir: "/nonexistent".into(), ..WalkOptions::default() };
    walk_reader(Path::new("-"), Box::new(Cursor::new(zip(&[("a", b"x")]))), &o, &mut memory);
    assert_eq!(memory.kinds(), [NoteKind::Unreadable]);
}

#[test]
fn tar_long_names_pax_and_special_entries() {
    let long = format!("{}/imap.3.17", "d".repeat(90)).repeat(3);
    let mut w = ::tar::Builder::new(Vec::new());
    w.append_pax_extensions([("path", b"p\xc3\xa4x/imap".as_slice()), ("mtime", b"1.5")]).unwrap();
    let header = |kind: ::tar::EntryType, size: u64| {
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(size);
        header
    };
    use ::tar::EntryType as Type;
    let mut add = |name: &str, kind, bytes: &[u8]| {
        w.append_data(&mut header(kind, bytes.len() as u64), name, bytes).unwrap();
    };
    add("short", Type::Regular, b"pax");
    add("dir/", Type::Directory, b"");
    add("fifo", Type::Fifo, b"");
    add("./.snapshot/a", Type::Regular, b"no");
    add("./.snapshot/b", Type::Regular, b"no");
    add("./same", Type::Regular, b"1");
    add("./same", Type::Regular, b"2");
    w.append_link(&mut header(Type::Symlink, 0), "link", "same").unwrap();
    let mut gnu = ::tar::Header::new_gnu();
    gnu.set_size(4);
    w.append_data(&mut gnu, &long, &b"long"[..]).unwrap();
    let bytes = w.into_inner().unwrap();
    let memory = walk(&bytes);
    assert_eq!(memory.members(), ["p\u{e4}x/imap", "same", "same#2", &long]);
    assert_eq!(memory.leaves[3].bytes, b"long");
    assert_eq!(memory.leaves[3].name, "imap.3.17");
    assert_eq!(memory.kinds(), [NoteKind::Skipped; 3]);
    assert_eq!(memory.notes[1].path, "x.1!.snapshot");
}

#[test]
fn tar_sparse_is_told_and_passed() {
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::GNUSparse);
    header.set_path("sparse").unwrap();
    header.set_size(512);
    header.set_cksum();
    let sparse = [&header.as_bytes()[..], &[b'x'; 512]].concat();
    let memory = walk(&[sparse, tar(&[("a", b"text")])].concat());
    assert_eq!((memory.members(), memory.kinds()), (vec!["a"], vec![NoteKind::Unreadable]));
}

#[test]
fn tars_joined_and_old() {
    let joined = [tar(&[("a", b"1")]), tar(&[("b", b"2")])].concat();
    assert_eq!(walk(&joined).members(), ["a", "b"]);
    let mut old = ::tar::Header::new_old();
    old.set_path("imap").unwrap();
    old.set_size(3);
    old.set_cksum();
    let mut bytes = [&old.as_bytes()[..], b"abc"].concat();
    bytes.resize(2048, 0);
    assert_eq!(walk(&bytes).only().bytes, b"abc");
}

#[test]
fn notes_about_one_file_have_an_end() {
    let mut link = ::tar::Header::new_ustar();
    link.set_entry_type(::tar::EntryType::Symlink);
    link.set_path("link").unwrap();
    link.set_size(0);
    link.set_cksum();
    let mut bytes = link.as_bytes().repeat(1500);
    bytes.resize(bytes.len() + 1024, 0);
    let memory = walk(&bytes);
    assert_eq!(memory.notes.len(), 1001);
    assert!(memory.notes[1000].text.starts_with("500 more notes") && !memory.fails());
}
