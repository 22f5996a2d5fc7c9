//! Blocks of any size give the same lines.

use imstrail::chunk::{Cut, Cutter, Lines};
use imstrail::fold::{Folder, Needs};
use imstrail::parse::{LONGEST_LINE, Names, Years};
use imstrail::streams::Streams;
use imstrail::trail::{FileId, Trail};
use proptest::prelude::*;
use proptest::sample::select;

use super::check;

const LOGIN: &str =
    "[29/May/2019:10:00:00 +0200] store1 imapd[100]: Account Information: login [192.0.2.7] ed plaintext";

/// A text with its way of being cut, shown by the lengths of its lines.
#[derive(Clone)]
struct Text {
    text: Vec<u8>,
    place: u64,
    blocks: Vec<usize>,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "at {}, blocks of {:?} in turn:", self.place, self.blocks)?;
        for line in self.text.split_inclusive(|b| *b == b'\n') {
            let shown = line.get(..120).unwrap_or(line).escape_ascii();
            writeln!(f, "{} bytes: {shown}", line.len())?;
        }
        Ok(())
    }
}

fn text() -> impl Strategy<Value = Text> {
    let hold = 2 * LONGEST_LINE;
    let long = select(vec![LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, hold - 1, hold, hold + 1, 3 * hold]);
    let line = prop_oneof![
        6 => Just(LOGIN.as_bytes().to_vec()),
        3 => Just(Vec::new()),
        3 => prop::collection::vec(select(b"ab \r\0\xff[]:".to_vec()), 1..40),
        1 => long.prop_map(|length| vec![b'x'; length]),
    ];
    let end = select(vec![&b"\n"[..], b"\n", b"\r\n", b"\n\n"]);
    let lines = prop::collection::vec((line, end), 0..8);
    let sizes = vec![1, 2, 3, 7, 26, 100, 1000, 4096, 65_535, 65_536, 65_537, 1 << 18];
    let blocks = prop::collection::vec(select(sizes), 1..6);
    (lines, prop::bool::weighted(0.3), 0..3_u64, blocks).prop_map(|(lines, cut_short, place, blocks)| {
        let mut text: Vec<u8> = lines.iter().flat_map(|(line, end)| line.iter().chain(*end).copied()).collect();
        if cut_short {
            text.pop();
        }
        Text { text, place, blocks }
    })
}

impl Text {
    /// Cuts the text and hands on what comes out.
    fn cut(&self, mut each: impl FnMut(Cut<'_>)) {
        let mut cutter = Cutter::at(self.place);
        let mut rest = self.text.as_slice();
        for size in self.blocks.iter().cycle() {
            let (block, tail) = rest.split_at((*size).min(rest.len()));
            cutter.push(block, &mut each);
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(cutter.is_inside_line(), self.text.last().is_some_and(|b| *b != b'\n'));
        cutter.end(&mut each);
        assert!(!cutter.is_inside_line());
    }
}

/// A line, or the beginning of one that is too long: place, bytes with the newline, text without.
type Place = (u64, u64, Vec<u8>);

fn told(place: u64, bytes: u64, line: &[u8]) -> Place {
    let kept = if line.len() > LONGEST_LINE { 200 } else { line.len() };
    (place, bytes, line[..kept].to_vec())
}

#[test]
fn any_blocks_give_the_same_lines() {
    check("blocks", 512, &text(), |text| {
        let mut place = text.place;
        let mut expected = Vec::new();
        for line in text.text.split_inclusive(|b| *b == b'\n') {
            expected.push(told(place, line.len() as u64, line.strip_suffix(b"\n").unwrap_or(line)));
            place += line.len() as u64;
        }
        let mut got = Vec::new();
        text.cut(|cut| match cut {
            Cut::Lines(block, at) => {
                got.extend(Lines::new(block).map(|(start, line, bytes)| told(at + start, bytes, line)))
            }
            Cut::TooLong(head, bytes, at) => got.push(told(at, bytes, head)),
            Cut::CutOff(..) => unreachable!("nothing is lost here"),
        });
        prop_assert!(got == expected, "{:?}\nand not {:?}", shown(&got), shown(&expected));
        Ok(())
    });
}

fn shown(lines: &[Place]) -> Vec<(u64, u64, usize)> {
    lines.iter().map(|(place, bytes, line)| (*place, *bytes, line.len())).collect()
}

#[test]
fn any_blocks_are_folded_and_tallied_alike() {
    let (needs, names) = (Needs { access: true, pairs: true, ..Needs::default() }, Names::default());
    check("blocks, folded", 256, &text(), |text| {
        let streams = Streams::default();
        let fold = |feed: &dyn Fn(&mut Folder<'_>)| -> Trail {
            let mut folder = Folder::new(&needs, super::grammars(), &names, &streams);
            folder.begin(FileId(0), 0);
            feed(&mut folder);
            folder.end();
            folder.finish()
        };
        let years = Years::default();
        let expected = fold(&|folder| folder.lines(&text.text, text.place, &years));
        let got = fold(&|folder| {
            text.cut(|cut| match cut {
                Cut::Lines(block, at) => folder.lines(block, at, &years),
                Cut::TooLong(head, bytes, at) => folder.too_long(head, bytes, at),
                Cut::CutOff(..) => unreachable!("nothing is lost here"),
            });
        });
        prop_assert_eq!(&got.tally, &expected.tally);
        prop_assert_eq!(&got.files, &expected.files);
        prop_assert_eq!(&got.coverage, &expected.coverage);
        prop_assert_eq!(got.tally.total().bytes, text.text.len() as u64);
        Ok(())
    });
}
