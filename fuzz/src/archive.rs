//! Target `archive`: a whole archive, laid on disk and run through the program's stages.

use std::fs;
use std::path::{Path, PathBuf};

use super::adapter::{Desk, Templates};
use super::container::{OnDisk, unpack};
use super::whole::{Answered, Decoded, Question, answer, decoded};

/// The year of dates that have none.
const YEAR: u32 = 2020;

/// Reads the archive in several ways, and compares the answers.
pub fn run(data: &[u8]) {
    let files = unpack(data);
    let folder = folder();
    let paths = lay(folder.path(), "logs", &files);
    if paths.is_empty() {
        return;
    }
    let texts: Vec<Decoded> = paths.iter().flat_map(|path| decoded(path)).collect();
    let lines = lines(&texts);
    // The moment of `-c` is the end of coverage, or the stamp in the middle.
    let sum = data.iter().fold(0_u32, |sum, b| sum.wrapping_add(u32::from(*b)));
    let middle = lines.get(lines.len() / 2).map(|(at, _)| *at);
    let question = Question { connected: Some(middle.filter(|_| sum % 2 == 0)), access: true, year: YEAR };
    let given = [folder.path().join("logs")];
    let one = answer(&given, &question, 1);
    let two = answer(&given, &question, 2);
    assert_eq!(one.document, two.document, "one thread, and two");
    adds_up(&one, &texts);
    if !lines.is_empty() {
        cut_otherwise(folder.path(), &question, &one, &texts, &lines, sum as usize);
    }
}

/// An empty folder, in memory where there is such a place.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder")
}

fn lay(folder: &Path, name: &str, files: &[OnDisk]) -> Vec<PathBuf> {
    let write = |file: &OnDisk| {
        let path = folder.join(name).join(&file.name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
        fs::write(&path, &file.bytes).expect("files can be written");
        path
    };
    let mut paths: Vec<PathBuf> = files.iter().map(write).collect();
    paths.sort();
    paths
}

/// Every byte that was decoded is in one class, copies apart; and so is every line.
fn adds_up(answered: &Answered, texts: &[Decoded]) {
    let sum = |part: fn(&(u64, u64)) -> u64| answered.classes.iter().map(part).sum::<u64>();
    assert_eq!((sum(|c| c.0), sum(|c| c.1)), answered.total, "the classes make the total");
    let read = texts.iter().filter(|t| !answered.copies.contains(&t.shown));
    let count = |t: &Decoded| {
        let lines: usize = sections(t).map(|section| section.split_inclusive(|b| *b == b'\n').count()).sum();
        (lines as u64, t.bytes.len() as u64)
    };
    let decoded = read.map(count).fold((0, 0), |(lines, bytes), (l, b)| (lines + l, bytes + b));
    assert_eq!(answered.total, decoded, "lines and bytes that were decoded");
}

/// What lies between two holes of a text, and before the first, and behind the last.
fn sections(text: &Decoded) -> impl Iterator<Item = &[u8]> {
    let begins = std::iter::once(0).chain(text.holes.iter().copied());
    let ends = text.holes.iter().copied().chain([text.bytes.len()]);
    begins.zip(ends).map(|(from, to)| text.bytes.get(from..to).unwrap_or_default())
}

/// Every dated line with its instant, in the order of instants; lines of one instant as they stand in the texts.
fn lines(texts: &[Decoded]) -> Vec<(i64, &[u8])> {
    let desk = Desk::new(Templates::built_in(), Some(YEAR));
    let mut reader = desk.reader();
    let mut lines = Vec::new();
    for text in texts.iter().filter(|t| t.plain) {
        // A line that damage cut off is rejected, whatever it looks like.
        for (n, section) in sections(text).enumerate() {
            let from =
                if n == 0 { 0 } else { section.iter().position(|b| *b == b'\n').map_or(section.len(), |at| at + 1) };
            let whole = section.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
            let to = if text.damaged || n < text.holes.len() { whole.max(from) } else { section.len() };
            for line in section[from..to].split(|b| *b == b'\n') {
                let told = reader.read(line);
                if let Some((at, _)) = told.stamp.filter(|_| !told.undated) {
                    lines.push((at, line));
                }
            }
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    lines
}

/// The same lines in one file and in several, lines kept whole.
fn cut_otherwise(
    folder: &Path,
    question: &Question,
    given: &Answered,
    texts: &[Decoded],
    lines: &[(i64, &[u8])],
    dice: usize,
) {
    let file = |name: String, lines: &[(i64, &[u8])]| OnDisk {
        name,
        bytes: lines.iter().flat_map(|(_, line)| line.iter().copied().chain([b'\n'])).collect(),
    };
    lay(folder, "whole", &[file("all".to_owned(), lines)]);
    let whole = answer(&[folder.join("whole")], question, 1);
    // A last access needs no pairing and no files: only which lines there are. Dates without a year are completed from their file.
    if given.undated == 0 && texts.iter().all(|t| t.plain || t.bytes.is_empty()) && is_one_text(folder, "whole") {
        assert_eq!(accesses(&given.rows), accesses(&whole.rows), "last access, as given and in one file");
    }
    let size = lines.len() / (2 + dice % 3) + 1;
    let pieces: Vec<OnDisk> =
        lines.chunks(size).enumerate().map(|(n, piece)| file(format!("piece-{}", 9 - n), piece)).collect();
    lay(folder, "pieces", &pieces);
    let pieces = answer(&[folder.join("pieces")], question, 2);
    // A piece that is the beginning of another is a copy (R13): only whole archives are cut so.
    if pieces.copies.is_empty() && is_one_text(folder, "whole") && is_one_text(folder, "pieces") {
        assert_eq!(unflagged(&pieces.rows), unflagged(&whole.rows), "one file, and pieces of {size} lines");
        assert_eq!(pieces.classes, whole.classes, "one file, and pieces of {size} lines");
    }
}

/// What rows of `-a` say of accesses; which files are missing is a matter of files.
fn accesses(rows: &str) -> Vec<String> {
    let rows = rows.lines().filter(|row| row.starts_with("{\"record\":\"last_access\""));
    rows.map(|row| unflagged(row.split(",\"never\":").next().unwrap_or(row).trim_end_matches('}'))).collect()
}

/// Rows without the flag of forgery: which lines stand between a name that breaks off and its reason is a matter of files.
fn unflagged(rows: &str) -> String {
    const FORGED: &str = "\"possibly-forged\"";
    rows.replace(&format!(",{FORGED}"), "").replace(&format!("{FORGED},"), "").replace(FORGED, "")
}

/// Whether all files of a folder are plain texts: lines of any bytes may look like something else.
fn is_one_text(folder: &Path, name: &str) -> bool {
    let files = fs::read_dir(folder.join(name)).expect("the folder was made").map(|e| e.expect("an entry").path());
    files.flat_map(|path| decoded(&path)).all(|text| text.plain || text.bytes.is_empty())
}
