//! One archive and one question to both readers; what they disagree on, made small.

use super::answer::{Question, has_marks_within_a_second, rows};
use super::calendar::rfc3339;
use super::common::{run, write_all};
use super::generate::Case;

/// Which of two lines of a process came first within a second the rules do not say. It matters where one is a mark: a
/// login in the second of a restart under the same pid is of the old life or of the new one.
const MARKS_WITHIN_A_SECOND_COMPARED: bool = false;

/// Both answers, if they differ.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) told: String,
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Count {
    pub(crate) archives: usize,
    pub(crate) questions: usize,
    pub(crate) rows: usize,
    pub(crate) possible: usize,
    /// Answers that differ in a way that is known.
    pub(crate) excluded: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.archives += other.archives;
        self.questions += other.questions;
        self.rows += other.rows;
        self.possible += other.possible;
        self.excluded += other.excluded;
    }
}

fn arguments(question: &Question) -> Vec<String> {
    let mut args = Vec::new();
    let mut add = |words: &[&str]| args.extend(words.iter().map(|word| (*word).to_owned()));
    if question.connected {
        add(&["-c"]);
    }
    if question.last_access {
        add(&["-a"]);
    }
    if question.pop {
        add(&["-s", "pop"]);
    }
    question.users.iter().for_each(|user| add(&["-u", user]));
    if let Some((at, offset)) = question.at {
        add(&["--at", &rfc3339(at, offset)]);
    }
    question.since.iter().for_each(|since| add(&["--since", &rfc3339(*since, 0)]));
    question.until.iter().for_each(|until| add(&["--until", &rfc3339(*until, 0)]));
    add(&["--format", "jsonl", "-j", "1", "."]);
    args
}

/// What the tool answers.
fn tool(files: &[(String, Vec<u8>)], question: &Question) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_all(folder.path(), files);
    let got = run(folder.path(), &arguments(question));
    if got.code == Some(0) {
        got.out().lines().map(judged).collect()
    } else {
        vec![format!("exit {:?}: {}", got.code, got.err())]
    }
}

/// Both answers, and whether they are the same.
fn both(files: &[(String, Vec<u8>)], question: &Question) -> (Vec<String>, Vec<String>) {
    (tool(files, question), rows(files, question))
}

fn is_excluded(files: &[(String, Vec<u8>)], question: &Question) -> bool {
    let marks = !MARKS_WITHIN_A_SECOND_COMPARED && has_marks_within_a_second(files);
    question.connected && marks
}

/// Compares all questions of a case; the first difference is made small.
pub(crate) fn compare(case: &Case) -> Result<Count, Difference> {
    let mut count = Count { archives: 1, ..Count::default() };
    for question in &case.questions {
        let (got, expected) = both(&case.files, question);
        if got != expected && is_excluded(&case.files, question) {
            count.excluded += 1;
            continue;
        }
        if got != expected {
            return Err(shrunk(&case.files, question));
        }
        count.questions += 1;
        count.rows += got.len();
        count.possible += got.iter().filter(|row| row.contains(r#""certainty":"possible""#)).count();
    }
    Ok(count)
}

/// The smallest archive, file by file and line by line, that is still told apart.
fn shrunk(files: &[(String, Vec<u8>)], question: &Question) -> Difference {
    let mut files = files.to_vec();
    let differs = |files: &[(String, Vec<u8>)]| {
        !files.is_empty() && {
            let (got, expected) = both(files, question);
            got != expected && !is_excluded(files, question)
        }
    };
    let mut smaller = true;
    while smaller {
        smaller = false;
        for n in (0..files.len()).rev() {
            let mut fewer = files.clone();
            fewer.remove(n);
            if differs(&fewer) {
                files = fewer;
                smaller = true;
            }
        }
        for n in 0..files.len() {
            let mut line = 0;
            while let Some(bytes) = without_line(&files[n].1, line) {
                let mut fewer = files.clone();
                fewer[n].1 = bytes;
                if differs(&fewer) {
                    files = fewer;
                    smaller = true;
                } else {
                    line += 1;
                }
            }
        }
    }
    let (got, expected) = both(&files, question);
    let text = files.iter().map(|(path, bytes)| format!("--- {path}\n{}", String::from_utf8_lossy(bytes)));
    let told = format!(
        "{}imstrail {}\nthe tool says:\n{}\nthe second opinion is:\n{}\n",
        text.collect::<String>(),
        arguments(question).join(" "),
        got.join("\n"),
        expected.join("\n"),
    );
    Difference { told }
}

fn without_line(bytes: &[u8], line: usize) -> Option<Vec<u8>> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    (line < lines.len()).then(|| {
        lines.remove(line);
        lines.concat()
    })
}

#[test]
fn a_wrong_reading_is_noticed() {
    let (mut noticed, mut cases) = (0, 0);
    for seed in 1..=12 {
        let Case { files, questions } = super::generate::case(seed);
        let mut fewer = files.clone();
        let last = fewer.last_mut().expect("a file");
        last.1 = without_line(&last.1, 0).unwrap_or_default();
        for question in &questions {
            cases += 1;
            noticed += usize::from(tool(&files, question) != rows(&fewer, question));
        }
    }
    assert!(noticed > 5 && noticed < cases, "{noticed} of {cases}");
}

/// What a row says of accesses: what the logs lack is told beside it, by files and by silences, and has tests of its own.
fn judged(row: &str) -> String {
    let cut = [",\"never\":{", ",\"gap\":{"].into_iter().find_map(|key| row.find(key));
    cut.map_or_else(|| row.to_owned(), |at| format!("{}}}", &row[..at]))
}
