//! The fuzz targets without a fuzzer: their seeds, every input that was once a finding, and seeded mutations of them.
//!
//! The checks are those of `fuzz/src/`, which `fuzz/run` hands to libFuzzer. `IMSTRAIL_CASES=n` takes so many mutations a
//! target (of the target `archive`, which writes files, a tenth of it); `FUZZ_SEED=n` takes others.

#![allow(clippy::print_stdout, reason = "the number of inputs is the test's report")]

mod common;
#[allow(unreachable_pub, clippy::panic, reason = "a crate of its own elsewhere")]
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use common::Dice;

/// Mutations of the seeds of a target, if nobody says otherwise.
const CASES: usize = 2500;

fn number(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|e| panic!("{variable}={text}: {e}")))
}

/// The inputs of a target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut seeds: Vec<(String, Vec<u8>)> = files
        .map(|entry| {
            let entry = entry.expect("an entry");
            (entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).expect("a readable file"))
        })
        .collect();
    seeds.sort();
    assert!(seeds.len() > 10, "{} has few seeds", folder.display());
    seeds
}

/// The words that libFuzzer may put in, which are worth putting in here as well.
fn words(target: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/dictionaries").join(target);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let quoted = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    quoted.map(unescaped).collect()
}

/// A word without the escapes of a dictionary, `\x0a`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut word = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        word.push(u8::from_str_radix(code, 16).expect("two hexadecimal digits"));
        word.extend_from_slice(rest.as_bytes());
    }
    word
}

/// One to four changes: bytes out, in, over; a word in; a part of another seed in; a part twice.
fn mutated(seed: &[u8], others: &[(String, Vec<u8>)], words: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut text = seed.to_vec();
    let mut up_to = |n: usize| (dice.next() >> 11) as usize % (n + 1);
    for _ in 0..=up_to(3) {
        let from = up_to(text.len());
        let to = from + up_to((text.len() - from).min(40));
        let put = match up_to(6) {
            0 => Vec::new(),
            1 => vec![up_to(255) as u8],
            2 => vec![b"0123456789:.[]{}<> /@-+%\r\n\"=\\"[up_to(28)]],
            3 => words[up_to(words.len() - 1)].clone(),
            4 => {
                let other = &others[up_to(others.len() - 1)].1;
                let begin = up_to(other.len());
                other[begin..begin + up_to((other.len() - begin).min(200))].to_vec()
            }
            5 => text[from..to].repeat(2),
            _ => text[from..to].iter().map(|b| b ^ 0x20).collect(),
        };
        let over = if up_to(1) == 0 { from } else { to };
        text.splice(from..over, put);
    }
    text
}

/// Runs a target over its seeds and mutations of them. A finding is kept where libFuzzer would keep it.
fn run(target: &str, cases: usize, check: fn(&[u8])) {
    let (seeds, words) = (seeds(target), words(target));
    let mut dice = Dice(20_190_529 + number("FUZZ_SEED").unwrap_or(0) as u64);
    let try_one = |name: &str, input: &[u8]| {
        if catch_unwind(|| check(input)).is_err() {
            let shown = String::from_utf8_lossy(&input[..input.len().min(2000)]).into_owned();
            let kept = std::env::temp_dir().join(format!("imstrail-{target}-finding"));
            fs::write(&kept, input).expect("a finding can be kept");
            panic!("{target}: {name} breaks a promise (see above), kept in {}:\n{shown}", kept.display());
        }
    };
    for (name, seed) in &seeds {
        try_one(name, seed);
    }
    for n in 0..cases {
        let (name, seed) = &seeds[n % seeds.len()];
        try_one(&format!("mutation {n} of {name}"), &mutated(seed, &seeds, &words, &mut dice));
    }
    println!("{target}: {} seeds, {cases} mutations", seeds.len());
}

fn cases() -> usize {
    number("IMSTRAIL_CASES").unwrap_or(CASES)
}

#[test]
fn line() {
    run("line", cases(), targets::line::run);
}

#[test]
fn template() {
    run("template", cases(), targets::template::run);
}

#[test]
fn time() {
    run("time", cases(), targets::time::run);
}

#[test]
fn summary() {
    run("summary", cases(), targets::summary::run);
}

#[test]
fn columns() {
    run("columns", cases(), targets::columns::run);
}

#[test]
fn archive() {
    run("archive", cases() / 10, targets::archive::run);
}
