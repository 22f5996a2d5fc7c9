//! What is read behind damage.

use super::support::*;
use crate::note::NoteKind;
use crate::open::*;
use std::io::Write;

/// The parts of a text, each of some lines, and compressed one behind the other; where each begins in the compressed bytes.
fn parts(pack: Pack, n: usize, lines: usize) -> (Vec<Vec<u8>>, Vec<u8>, Vec<usize>) {
    let all = text(n * lines);
    let all: Vec<&[u8]> = all.split_inclusive(|b| *b == b'\n').collect();
    let texts: Vec<Vec<u8>> = all.chunks(lines).map(<[&[u8]]>::concat).collect();
    let (mut packed, mut begins) = (Vec::new(), Vec::new());
    for text in &texts {
        begins.push(packed.len());
        packed.extend(pack(text));
    }
    begins.push(packed.len());
    (texts, packed, begins)
}

/// The bytes behind the last hole.
fn behind(leaf: &Leaf) -> &[u8] {
    &leaf.bytes[leaf.holes.last().map_or(0, |hole| usize::try_from(hole.at).unwrap())..]
}

/// The compressed bytes among which the text of a hole says that something is damaged.
fn range(hole: &Damage) -> (usize, usize) {
    let (_, rest) = hole.text.split_once("compressed bytes ").unwrap();
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let mut next = || numbers.next().unwrap().parse().unwrap();
    (next(), next())
}

fn header(name: &str) -> usize {
    if name == "bzip2" { 4 } else { 0 }
}

#[test]
fn streams_behind_a_damaged_one_are_read() {
    for (name, pack) in PACKERS {
        let (texts, packed, begins) = parts(pack, 4, 300);
        for at in [begins[1] + 30, (begins[1] + begins[2]) / 2, begins[2] - 30] {
            let mut packed = packed.clone();
            packed[at..at + 12].iter_mut().for_each(|b| *b ^= 0x5a);
            let memory = walk(&packed);
            let leaf = &memory.leaves[0];
            assert_eq!((memory.leaves.len(), leaf.holes.len(), &leaf.damage), (1, 1, &None), "{name} at {at}");
            assert!(leaf.bytes.starts_with(&texts[0]), "{name} at {at}");
            assert!(behind(leaf) == [&texts[2][..], &texts[3]].concat(), "{name} at {at}");
            let (from, to) = range(&leaf.holes[0]);
            // Of bzip2 it is the first block that is found, behind the header of four bytes.
            assert_eq!(to, begins[2] + header(name), "{name} at {at}: {}", leaf.holes[0].text);
            assert!(begins[1] <= from && from <= at, "{name} at {at}: {}", leaf.holes[0].text);
            assert!(leaf.holes[0].text.contains("look for another copy"), "{name}");
        }
    }
}

#[test]
fn two_damages_are_two_holes() {
    for (name, pack) in PACKERS {
        let (texts, mut packed, begins) = parts(pack, 5, 300);
        for part in [1, 3] {
            let middle = (begins[part] + begins[part + 1]) / 2;
            packed[middle..middle + 20].fill(0xff);
        }
        let memory = walk(&packed);
        let leaf = &memory.leaves[0];
        assert_eq!((leaf.holes.len(), &leaf.damage), (2, &None), "{name}");
        assert!(behind(leaf) == texts[4], "{name}");
        let (one, two) = (usize::try_from(leaf.holes[0].at).unwrap(), usize::try_from(leaf.holes[1].at).unwrap());
        assert!(leaf.bytes[one..two].starts_with(&texts[2]), "{name}");
    }
}

#[test]
fn damage_in_the_first_bytes() {
    for ((name, pack), ending) in PACKERS.iter().zip(["gz", "bz2", "xz", "zst"]) {
        let (texts, mut packed, begins) = parts(*pack, 3, 300);
        packed[..8].fill(0);
        let mut memory = Memory::default();
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join(format!("imap.{ending}"));
        std::fs::write(&path, &packed).unwrap();
        walk_file(&path, &WalkOptions::default(), &mut memory);
        let leaf = &memory.leaves[0];
        assert_eq!((leaf.kind, leaf.holes.len(), &leaf.damage), (Kind::Plain, 1, &None), "{name}");
        assert_eq!(leaf.holes[0].at, 0);
        assert!(leaf.bytes == texts[1..].concat(), "{name}");
        assert_eq!(range(&leaf.holes[0]).1, begins[1] + header(name), "{name}");
        // A text keeps its kind, whatever its name.
        std::fs::write(&path, &texts[0]).unwrap();
        let mut memory = Memory::default();
        walk_file(&path, &WalkOptions::default(), &mut memory);
        assert_eq!(memory.only().bytes, texts[0]);
    }
}

#[test]
fn a_cut_stream_behind_damage_is_read_up_to_the_cut() {
    for (name, pack) in PACKERS {
        let (texts, mut packed, begins) = parts(pack, 3, 4000);
        packed[begins[1] - 40..begins[1] - 20].fill(0xff);
        packed.truncate((begins[2] + begins[3]) / 2);
        let memory = walk(&packed);
        let leaf = &memory.leaves[0];
        assert_eq!(leaf.holes.len(), 1, "{name}");
        assert!(leaf.damage.is_some(), "{name}");
        assert!(behind(leaf).starts_with(&texts[1]), "{name}");
        assert!([&texts[1][..], &texts[2]].concat().starts_with(behind(leaf)), "{name}");
    }
}

/// Marks that begin no stream are passed over, also where there are nothing but such.
#[test]
fn false_marks_lead_nowhere() {
    let marks: [&[u8]; 4] = [
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
        &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
        &[0xfd, b'7', b'z', b'X', b'Z', 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46],
        &[0x28, 0xb5, 0x2f, 0xfd],
    ];
    for ((name, pack), mark) in PACKERS.iter().zip(marks) {
        let (texts, packed, begins) = parts(*pack, 2, 300);
        for times in [1, 20_000] {
            let garbage = [mark, &[0xe7, 0x9b, 0x5c, 0xd1]].concat().repeat(times);
            let broken = [&packed[..begins[1]], &garbage, &packed[begins[1]..]].concat();
            let memory = walk(&broken);
            let leaf = &memory.leaves[0];
            assert!(leaf.bytes == texts.concat(), "{name}, {times} marks");
            assert_eq!((leaf.holes.len(), &leaf.damage), (1, &None), "{name}, {times} marks");
            assert_eq!(range(&leaf.holes[0]).1, begins[1] + garbage.len() + header(name), "{name}, {times} marks");
        }
    }
}

/// A compressed file inside of the damaged stream is found, but is none of its streams: what is not damaged hides it.
#[test]
fn a_mark_inside_a_whole_stream_is_no_matter() {
    let inner = gz(&text(50));
    let stored = {
        let mut w = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        w.write_all(&[&text(10)[..], &inner, &text(10)].concat()).unwrap();
        w.finish().unwrap()
    };
    let memory = walk(&stored);
    assert_eq!(memory.only().bytes, [&text(10)[..], &inner, &text(10)].concat());
}

/// One bzip2 stream of many blocks: only the damaged one is lost, wherever its bits begin.
#[test]
fn bzip2_blocks_are_found_at_any_bit() {
    let lines = text(14_000);
    let packed = bz2(&lines);
    let blocks = lines.len().div_ceil(100_000);
    assert!(blocks > 7, "{blocks}");
    for tenth in 1..10 {
        let mut packed = packed.clone();
        let at = packed.len() * tenth / 10 + 700;
        packed[at..at + 3].iter_mut().for_each(|b| *b ^= 0xff);
        let memory = walk(&packed);
        let leaf = &memory.leaves[0];
        let hole = leaf.holes.first().map_or(leaf.bytes.len(), |hole| usize::try_from(hole.at).unwrap());
        let rest = &leaf.bytes[hole..];
        assert!(lines.ends_with(rest), "{tenth}: {} bytes behind", rest.len());
        let begin = leaf.bytes.iter().zip(&lines).take_while(|(a, b)| a == b).count();
        assert!(begin + rest.len() + 101_000 > lines.len(), "{tenth}: {begin} and {}: {:?}", rest.len(), leaf.holes);
        assert!(memory.fails());
    }
    // Two blocks damaged, with whole ones between.
    let mut twice = packed.clone();
    for tenth in [3, 7] {
        let at = packed.len() * tenth / 10;
        twice[at] ^= 0xff;
    }
    let memory = walk(&twice);
    assert_eq!((memory.leaves[0].holes.len(), &memory.leaves[0].damage), (2, &None));
    assert!(lines.ends_with(behind(&memory.leaves[0])));
    // Nothing is handed out twice.
    assert!(memory.leaves[0].bytes.len() <= lines.len());
}

/// Every byte of a file of several streams damaged in turn: lines that are whole and lie in other streams are there.
#[test]
fn any_damage_loses_one_stream_at_most() {
    for (name, pack) in PACKERS {
        let (texts, packed, begins) = parts(pack, 3, 40);
        for at in (begins[1]..begins[2]).step_by(11) {
            let mut packed = packed.clone();
            packed[at] ^= 0xff;
            let memory = walk(&packed);
            let leaf = &memory.leaves[0];
            assert!(leaf.bytes.starts_with(&texts[0]), "{name} at {at}");
            assert!(leaf.bytes.ends_with(&texts[2]), "{name} at {at}");
            let is_whole = leaf.bytes == texts.concat();
            assert!(is_whole || memory.fails(), "{name} at {at}");
        }
    }
}

/// Compressed in members, as by a logger that flushes: a hole in the middle of a tar.
#[test]
fn a_tar_goes_on_behind_a_hole() {
    let lines = text(60);
    let whole = tar(&[("a", &lines), ("b", &lines), ("c.gz", &gz(&lines)), ("d", &lines)]);
    for (name, pack) in PACKERS {
        let pieces: Vec<&[u8]> = whole.chunks(1300).collect();
        let packed: Vec<Vec<u8>> = pieces.iter().map(|piece| pack(piece)).collect();
        for lost in 1..packed.len() - 2 {
            let mut packed = packed.clone();
            let n = packed[lost].len();
            packed[lost][n / 2..].fill(0xee);
            let memory = walk(&packed.concat());
            let members = memory.members();
            let holes: usize = memory.leaves.iter().map(|leaf| leaf.holes.len()).sum();
            let told = holes + memory.notes.len() + memory.leaves.iter().filter(|leaf| leaf.damage.is_some()).count();
            assert!(told >= 1, "{name} {lost}");
            assert_eq!(members[0], "a", "{name} {lost}");
            // The last entry is whole, unless it is the one that is hit.
            let last = memory.leaves.last().unwrap();
            let end_of_c = whole.len() - 1024 - 512 - lines.len().next_multiple_of(512);
            if (lost + 1) * 1300 < end_of_c {
                assert!(last.member == "d" && last.bytes == lines, "{name} {lost}: {members:?}");
            }
            // The same texts are met by whoever only looks at their heads, or at nothing.
            for want in [Want::Head(100), Want::Skip] {
                let other = walk_with(&packed.concat(), Memory { want: Some(want), ..Memory::default() });
                assert_eq!(other.members(), members, "{name} {lost} {want:?}");
                assert!(other.fails(), "{name} {lost} {want:?}");
            }
        }
    }
}

#[test]
fn a_tar_whose_beginning_is_lost() {
    let lines = text(60);
    let whole = tar(&[("a", &lines), ("b", &lines)]);
    let mut packed = gz(&whole[..1300]);
    packed[10..].fill(0xee);
    packed.extend(gz(&whole[1300..]));
    let memory = walk(&packed);
    assert_eq!(memory.members(), ["b"]);
    assert!(memory.leaves[0].bytes == lines);
    assert_eq!(memory.kinds(), [NoteKind::Damaged]);
}

#[test]
fn zip_entries_behind_a_damaged_one() {
    let lines = text(300);
    let whole = zip(&[("a", &lines), ("b", &lines), ("c", &lines)]);
    let marks: Vec<usize> = (0..whole.len() - 4).filter(|at| &whole[*at..at + 4] == b"PK\x03\x04").collect();
    let directory = whole.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    // Damaged data: told with the range.
    let mut bytes = whole.clone();
    bytes[marks[1] + 300] ^= 0xff;
    let memory = walk(&bytes);
    assert_eq!(memory.members(), ["a", "b", "c"]);
    assert!(memory.leaves[0].bytes == lines && memory.leaves[2].bytes == lines);
    let told = memory.leaves[1].damage.clone().unwrap().text;
    let range = format!("bytes {} to {} of the archive", marks[1] + 31, marks[2]);
    assert!(told.contains(&range), "{told}, not {range}");
    // A damaged mark: the directory knows where it is.
    let mut bytes = whole.clone();
    bytes[marks[1]] = b'X';
    let memory = walk(&bytes);
    assert_eq!((memory.members(), memory.kinds()), (vec!["a", "b", "c"], vec![NoteKind::Damaged]));
    assert!(memory.leaves.iter().all(|leaf| leaf.bytes == lines));
    // No directory, and a size that leads beyond the others.
    let mut bytes = whole[..directory].to_vec();
    bytes[marks[1] + 20] ^= 0xff;
    let memory = walk(&bytes);
    assert_eq!(memory.members(), ["a", "b", "c"]);
    assert!(memory.leaves.iter().all(|leaf| leaf.bytes == lines));
    let heads = walk_with(&bytes, Memory { want: Some(Want::Head(10)), ..Memory::default() });
    assert_eq!(heads.members(), ["a", "b", "c"]);
}

#[test]
fn a_zip_in_a_stream_with_a_hole() {
    let lines = text(300);
    let whole = zip(&[("a", &lines), ("b", &lines), ("c", &lines)]);
    let third = whole.len() / 3;
    // Inside of b.
    let (from, to) = (third + 200, 2 * third - 300);
    let mut middle = gz(&whole[from..to]);
    middle[20..].fill(0xee);
    let memory = walk(&[gz(&whole[..from]), middle, gz(&whole[to..])].concat());
    assert!(memory.leaves.iter().any(|leaf| leaf.member == "c" && leaf.bytes == lines), "{:?}", memory.members());
    assert!(memory.fails());
}

/// Notes and gaps have an end, whatever the file is made of.
#[test]
fn more_than_a_thousand_holes_are_given_up() {
    let (member, line) = (gz(b"text\n"), b"text\n");
    let broken = [&member[..], b"garbage"].concat().repeat(1200);
    let memory = walk(&broken);
    let leaf = &memory.leaves[0];
    assert_eq!((leaf.holes.len(), leaf.bytes.len()), (1000, 1001 * line.len()));
    assert!(leaf.damage.clone().unwrap().text.contains("more than 1000 places"), "{:?}", leaf.damage);
}
