//! The golden cases: every `tests/golden/*.toml`, run through the binary.
//!
//! A case is a `[[case]]` of a file there and needs no code. `GOLDEN=part` runs those whose name, file or rules
//! contain the part. All failures are shown together.

#![allow(clippy::print_stdout, reason = "the number of cases is the test's report")]

mod common;

use common::{Run, missing, run, run_with, write};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// Files are written to an empty folder, where the binary is run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The rules that it shows, `R1` to `R14`.
    rules: Vec<String>,
    args: Vec<String>,
    exit: i32,
    /// The rows of JSON Lines: as many, in this order; each holds these keys with these values, and may hold more.
    rows: Option<Vec<String>>,
    /// Standard output, byte for byte.
    stdout: Option<String>,
    /// Parts of standard output, runs of blanks counting as one.
    #[serde(default)]
    table_has: Vec<String>,
    /// Parts of standard error, in any case.
    #[serde(default)]
    stderr_has: Vec<String>,
    stdin: Option<String>,
    /// How the expectation follows from the rules.
    why: String,
    files: BTreeMap<String, String>,
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// Every case, with the name of its file.
fn cases() -> Vec<(String, Case)> {
    let mut paths: Vec<_> = fs::read_dir(FOLDER).expect("the cases").map(|e| e.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a readable file");
        let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        // Counted by hand as well: no case may get lost in the reading.
        let heads = text.lines().filter(|line| line.trim_end() == "[[case]]").count();
        assert_eq!(file.case.len(), heads, "{}", path.display());
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        all.extend(file.case.into_iter().map(|case| (name.clone(), case)));
    }
    all
}

#[test]
fn golden() {
    let wanted = std::env::var("GOLDEN").unwrap_or_default();
    let all = cases();
    let total = all.len();
    let matches =
        |file: &str, case: &Case| case.name.contains(&wanted) || file.contains(&wanted) || case.rules.contains(&wanted);
    let chosen: Vec<_> = all.into_iter().filter(|(file, case)| matches(file, case)).collect();
    let mut report = String::new();
    let mut failed = 0;
    for (file, case) in &chosen {
        let (got, complaints) = check(case);
        if !complaints.is_empty() {
            failed += 1;
            describe(&mut report, file, case, &got, &complaints);
        }
    }
    println!("golden: {} cases", chosen.len());
    assert!(failed == 0, "\n{report}{failed} of {} golden cases failed", chosen.len());
    assert!(!wanted.is_empty() || chosen.len() == total);
    assert!(!chosen.is_empty(), "no case contains {wanted:?}");
}

#[test]
fn every_rule_has_three_cases() {
    let mut count: BTreeMap<String, usize> = (1..=14).map(|n| (format!("R{n}"), 0)).collect();
    for (file, case) in cases() {
        for rule in &case.rules {
            *count.get_mut(rule).unwrap_or_else(|| panic!("{file}: {}: {rule} is no rule", case.name)) += 1;
        }
    }
    let few: Vec<_> = count.iter().filter(|(_, n)| **n < 3).collect();
    assert!(few.is_empty(), "rules with fewer than three cases: {few:?}");
}

#[test]
fn every_case_has_its_own_name_and_expects_something() {
    let mut names = BTreeMap::new();
    for (file, case) in cases() {
        let expects = case.rows.is_some() || case.stdout.is_some() || !case.table_has.is_empty();
        assert!(expects || !case.stderr_has.is_empty(), "{file}: {}", case.name);
        assert!(!case.rules.is_empty() && !case.why.is_empty(), "{file}: {}", case.name);
        if let Some(other) = names.insert(case.name.clone(), file.clone()) {
            panic!("{file} and {other} both have a case {:?}", case.name);
        }
    }
}

/// Runs a case; what is wrong, a sentence each.
fn check(case: &Case) -> (Run, Vec<String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in &case.files {
        assert!(Path::new(path).is_relative() && !path.contains(".."), "{path}");
        write(folder.path(), path, text);
    }
    let got = match &case.stdin {
        Some(text) => run_with(folder.path(), &case.args, text.as_bytes()),
        None => run(folder.path(), &case.args),
    };
    let mut complaints = Vec::new();
    if got.code != Some(case.exit) {
        complaints.push(format!("exit: expected {}, got {:?}", case.exit, got.code));
    }
    if let Some(rows) = &case.rows {
        compare_rows(case, rows, &got, &mut complaints);
    }
    if case.stdout.as_ref().is_some_and(|text| text.as_bytes() != got.stdout) {
        complaints.push(format!("stdout: expected {:?}", case.stdout.as_deref().unwrap_or_default()));
    }
    let squeezed = squeeze(&got.out());
    for part in case.table_has.iter().filter(|part| !squeezed.contains(&squeeze(part))) {
        complaints.push(format!("stdout has no {part:?}"));
    }
    let stderr = got.err().to_lowercase();
    for part in case.stderr_has.iter().filter(|part| !stderr.contains(&part.to_lowercase())) {
        complaints.push(format!("stderr has no {part:?}"));
    }
    (got, complaints)
}

fn compare_rows(case: &Case, expected: &[String], got: &Run, complaints: &mut Vec<String>) {
    let out = got.out();
    let lines: Vec<&str> = out.lines().collect();
    if lines.len() != expected.len() {
        complaints.push(format!("expected {} rows, got {}", expected.len(), lines.len()));
    }
    for (n, (expected, line)) in expected.iter().zip(lines).enumerate() {
        let expected: Value = serde_json::from_str(expected).unwrap_or_else(|e| panic!("{}: row {n}: {e}", case.name));
        match serde_json::from_str::<Value>(line) {
            Ok(row) => complaints.extend(missing(&expected, &row).iter().map(|what| format!("row {n}{what}"))),
            Err(e) => complaints.push(format!("row {n} is no JSON: {e}")),
        }
    }
}

/// Runs of blanks become one blank, within lines.
fn squeeze(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.split([' ', '\t']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "))
        .collect();
    lines.join("\n")
}

fn describe(report: &mut String, file: &str, case: &Case, got: &Run, complaints: &[String]) {
    let _ = writeln!(report, "---- {file}: {} ({})", case.name, case.rules.join(" "));
    let _ = writeln!(report, "args: {}", case.args.join(" "));
    let _ = writeln!(report, "why: {}", case.why);
    for complaint in complaints {
        let _ = writeln!(report, "  {complaint}");
    }
    for (name, text) in [("stdout", got.out()), ("stderr", got.err())] {
        let _ = writeln!(report, "{name}:");
        for line in text.lines() {
            let plain: String = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            let _ = writeln!(report, "  | {plain}");
        }
    }
    report.push('\n');
}
