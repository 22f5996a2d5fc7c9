//! Files cut short, with garbage behind them, or with changed bytes.

use super::support::*;
use crate::note::NoteKind;
use crate::open::*;

#[test]
fn every_cut_gives_a_beginning() {
    let lines = text(900);
    for (name, pack) in PACKERS {
        let packed = pack(&lines);
        let mut longest = 0;
        for cut in (20..packed.len()).step_by(97) {
            let memory = walk(&packed[..cut]);
            assert_eq!(memory.leaves.len(), 1, "{name} cut at {cut}");
            let leaf = &memory.leaves[0];
            assert!(lines.starts_with(&leaf.bytes), "{name} cut at {cut}");
            assert!(leaf.bytes.len() >= longest, "{name}: more input gave less text");
            longest = leaf.bytes.len();
            let damage = leaf.damage.clone().unwrap();
            let n = leaf.bytes.len();
            assert_eq!(damage.at, n as u64);
            assert_eq!(leaf.kind, Kind::Plain, "{name} cut at {cut} is not empty");
            let expected = if n == 0 {
                format!(
                    "{name} data damaged before anything can be decoded (unexpected end of file, compressed byte {cut}); look for another copy of it"
                )
            } else {
                format!(
                    "{name} data damaged after {n} decoded bytes (unexpected end of file, compressed byte {cut}); what came before was read"
                )
            };
            assert_eq!(damage.text, expected);
        }
        // Bzip2, xz and zstd give whole blocks or chunks only.
        assert!(name != "gzip" || longest > lines.len() - 1000, "{longest} of {}", lines.len());
    }
}

#[test]
fn garbage_behind_is_told() {
    let lines = text(200);
    for (name, pack) in PACKERS {
        for garbage in [&b"garbage that is no stream"[..], b"\0\0\0\0more", b"\x1f", b"BZ", b"\xfd7z"] {
            let memory = walk(&[&pack(&lines)[..], garbage].concat());
            let leaf = &memory.leaves[0];
            assert_eq!(leaf.bytes, lines, "{name} {garbage:?}");
            assert_eq!(leaf.damage.clone().unwrap().at, lines.len() as u64, "{name}");
        }
    }
    let memory = walk(&[&gz(&lines)[..], b"garbage that is no stream"].concat());
    assert!(memory.leaves[0].damage.clone().unwrap().text.contains("what follows is no gzip data"));
}

/// Where a byte in the middle is broken, nearly all that lies before must still come out.
#[test]
fn damage_in_the_middle_keeps_what_lies_before() {
    let lines = text(8000);
    for (name, pack) in PACKERS {
        let mut packed = pack(&lines);
        let middle = packed.len() / 2;
        packed[middle..middle + 40].fill(0xff);
        let memory = walk(&packed);
        let got = &memory.leaves[0].bytes;
        let same = got.iter().zip(&lines).take_while(|(a, b)| a == b).count();
        assert!(memory.fails(), "{name}");
        // A block of bzip2 -1 is 100 kB, of zstd 128 KiB.
        assert!(same + (140 << 10) > lines.len() / 2, "{name}: {same} of {}", lines.len());
    }
}

/// Flips each of many bytes in turn: nothing may panic or run on for ever, and a loss never goes unsaid.
fn flip(bytes: &[u8], step: usize, check: impl Fn(&Memory, usize)) {
    for at in (0..bytes.len()).step_by(step) {
        for mask in [0x01, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[at] ^= mask;
            check(&walk(&changed), at);
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let lines = text(30);
    for (name, pack) in PACKERS {
        flip(&pack(&lines), 7, |memory, at| {
            let whole = memory.leaves.iter().any(|leaf| leaf.bytes == lines);
            // A changed magic makes the file a text of its own.
            let plain = memory.leaves.len() == 1 && memory.leaves[0].kind == Kind::Plain && at < 10;
            assert!(whole || plain || memory.fails(), "{name} at {at}");
        });
    }
    let inner = tar(&[("a", &lines), ("b.gz", &gz(&lines)), ("c", b"x")]);
    flip(&inner, 41, |_, _| {});
    flip(&gz(&inner), 23, |_, _| {});
    flip(&zip(&[("a", &lines), ("b.gz", &gz(&lines)), ("c", b"x")]), 13, |_, _| {});
    flip(&tar(&[("a.zip", &zip(&[("b", &lines[..500])]))]), 11, |_, _| {});
}

#[test]
fn tar_cut_anywhere_gives_whole_entries() {
    let lines = text(40);
    let whole = tar(&[("a", &lines), ("b", &lines), ("c", &lines)]);
    let end = whole.len() - 1024;
    for cut in (600..end).step_by(97) {
        let memory = walk(&whole[..cut]);
        assert!(memory.fails(), "cut at {cut}");
        let got: usize = memory.leaves.iter().map(|leaf| leaf.bytes.len()).sum();
        let headers = 512 * memory.leaves.len();
        assert!(got + headers + 512 * 3 + 512 >= cut, "cut at {cut}: {got}");
        assert!(memory.leaves.iter().all(|leaf| lines.starts_with(&leaf.bytes)));
        // Skipped entries do not hide the loss.
        assert!(
            walk_with(&whole[..cut], Memory { want: Some(Want::Skip), ..Memory::default() }).fails(),
            "cut at {cut}"
        );
        assert!(walk(&gz(&whole[..cut])).fails());
    }
}

#[test]
fn a_cut_outer_stream_is_told_once() {
    let lines = text(2000);
    let packed = gz(&tar(&[("a", &lines), ("b.gz", &gz(&lines)), ("c", &lines)]));
    for cut in (100..packed.len() - 400).step_by(4999) {
        let memory = walk(&packed[..cut]);
        let told = memory.notes.len() + memory.leaves.iter().filter(|leaf| leaf.damage.is_some()).count();
        assert_eq!(told, 1, "cut at {cut}");
    }
}

#[test]
fn tar_goes_on_behind_a_damaged_header() {
    let lines = text(40);
    let mut bytes = tar(&[("a", &lines), ("b", &lines), ("c", &lines)]);
    let second = 512 + lines.len().div_ceil(512) * 512;
    bytes[second + 10] = 0xff;
    let memory = walk(&bytes);
    assert_eq!((memory.members(), memory.kinds()), (vec!["a", "c"], vec![NoteKind::Damaged]));
    assert_eq!(memory.notes[0].place, second as u64);
    bytes[10] = 0xff;
    assert_eq!(walk(&bytes).members(), ["c"]);
    let behind = walk(&[&tar(&[("a", &lines)])[..], &[b'g'; 1024]].concat());
    assert_eq!((behind.members(), behind.kinds()), (vec!["a"], vec![NoteKind::Skipped]));
}

#[test]
fn zip_cut_anywhere_gives_what_is_there() {
    let lines = text(400);
    let whole = zip(&[("b", &lines), ("a", &lines)]);
    for cut in (100..whole.len()).step_by(97) {
        let memory = walk(&whole[..cut]);
        assert!(memory.fails(), "cut at {cut}");
        assert_eq!(memory.leaves[0].member, "b", "cut at {cut}");
        assert!(memory.leaves.iter().all(|leaf| lines.starts_with(&leaf.bytes)), "cut at {cut}");
    }
}

#[test]
fn zip_checksum_is_checked() {
    let mut bytes = zip_by(&[("a", b"some text")], ::zip::CompressionMethod::Stored);
    let at = bytes.windows(4).position(|w| w == b"some").unwrap();
    bytes[at] = b'c';
    let memory = walk(&bytes);
    assert_eq!(memory.leaves[0].bytes, b"come text");
    assert!(memory.leaves[0].damage.clone().unwrap().text.contains("checksum"));
}

/// No writer makes deflate64, but short deflate data without the longest matches are the same in both.
#[test]
fn deflate64_flipped_and_cut() {
    let lines = text(20);
    let mut bytes = zip(&[("a", &lines)]);
    bytes[8] = 9;
    let record = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[record + 10] = 9;
    assert_eq!(walk(&bytes).only().bytes, lines);
    flip(&bytes, 3, |_, _| {});
    for cut in (31..bytes.len()).step_by(13) {
        assert!(walk(&bytes[..cut]).fails(), "cut at {cut}");
    }
}

#[test]
fn promises_of_endless_data_are_not_believed() {
    let mut header = ::tar::Header::new_gnu();
    header.set_entry_type(::tar::EntryType::GNULongName);
    header.set_path("././@LongLink").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let memory = walk(&[&header.as_bytes()[..], &[b'x'; 2048]].concat());
    assert!(memory.fails());
}
