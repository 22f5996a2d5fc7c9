//! Leaves and single compressed files.

use super::support::*;
use crate::note::NoteKind;
use crate::open::*;

#[test]
fn text_empty_and_images() {
    let lines = text(5000);
    let memory = walk(&lines);
    let leaf = memory.only();
    assert_eq!((leaf.bytes == lines, leaf.name.as_str(), leaf.kind), (true, "x.1", Kind::Plain));
    assert_eq!(walk(b"").only().kind, Kind::Empty);
    let pdf = walk(b"%PDF-1.4 and so on");
    assert_eq!((pdf.only().kind, pdf.only().bytes.len()), (Kind::Image("a PDF document"), 18));
}

#[test]
fn files_on_disk() {
    let tmp = tempfile::tempdir().unwrap();
    let path = tmp.path().join("imap.3.gz");
    let lines = text(100);
    for (bytes, size) in [
        (lines.clone(), Some(lines.len() as u64)),
        (gz(&lines), None),
        (zip(&[("a", &lines)]), Some(lines.len() as u64)),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let mut memory = Memory::default();
        walk_file(&path, &WalkOptions::default(), &mut memory);
        assert_eq!((&memory.only().bytes, memory.only().size), (&lines, size));
        assert_eq!(read_head(&path, 10).unwrap(), bytes[..10]);
    }
    let mut memory = Memory::default();
    walk_file(&tmp.path().join("none"), &WalkOptions::default(), &mut memory);
    assert_eq!(memory.kinds(), [NoteKind::Unreadable]);
    walk_file(tmp.path(), &WalkOptions::default(), &mut memory);
    assert!(memory.leaves[0].damage.is_some());
}

#[test]
fn streams_one_behind_the_other() {
    let (a, b) = (text(3000), text(17));
    let both = [&a[..], &b].concat();
    for (name, pack) in PACKERS {
        assert_eq!(walk(&pack(&a)).only().bytes, a, "{name}");
        let joined = [pack(&a), pack(b""), pack(&b)].concat();
        assert_eq!(walk(&joined).only().bytes, both, "{name}");
        let padded = [pack(&a), vec![0; 512], pack(&b), vec![0; 1024]].concat();
        assert_eq!(walk(&padded).only().bytes, both, "{name} padded");
        let many: Vec<u8> = (0..50).flat_map(|_| pack(&b)).collect();
        assert_eq!(walk(&many).only().bytes.len(), b.len() * 50, "{name}");
        assert_eq!(walk(&pack(b"")).only().kind, Kind::Empty, "{name}");
    }
}

#[test]
fn zstd_skippable_frames() {
    let a = text(10);
    let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0][..], b"abcd"].concat();
    let all = [skippable.clone(), zst(&a), skippable.clone(), zst(&a), skippable].concat();
    assert_eq!(walk(&all).only().bytes, [&a[..], &a].concat());
}

#[test]
fn wants_are_honoured() {
    let lines = text(3000);
    for (want, expected) in [(Want::Skip, 0), (Want::Head(100), 100), (Want::Head(70_000), 70_000)] {
        for bytes in [lines.clone(), gz(&lines), tar(&[("a", &lines)]), zip(&[("a", &lines)])] {
            let memory = walk_with(&bytes, Memory { want: Some(want), ..Memory::default() });
            assert_eq!(memory.only().bytes, lines[..expected]);
        }
    }
    // What lies behind the head is not even looked at.
    let cut = &gz(&lines)[..5000];
    let memory = walk_with(cut, Memory { want: Some(Want::Head(100)), ..Memory::default() });
    assert_eq!(memory.only().bytes.len(), 100);
}

#[test]
fn a_reader_that_fails_is_damage() {
    struct Failing(usize);
    impl std::io::Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            if self.0 == 0 {
                return Err(std::io::Error::from_raw_os_error(5));
            }
            let n = out.len().min(self.0);
            out[..n].fill(b'x');
            self.0 -= n;
            Ok(n)
        }
    }
    let mut memory = Memory::default();
    walk_reader(std::path::Path::new("-"), Box::new(Failing(3000)), &WalkOptions::default(), &mut memory);
    let damage = memory.leaves[0].damage.clone().unwrap();
    assert_eq!(damage.at, 3000);
    assert!(
        damage.text.starts_with("could not be read further than 3000 bytes (Input/output error"),
        "{}",
        damage.text
    );
}
