//! README.md says what is so: every command in it is run, and what it prints is compared.
//!
//! A fenced block whose first line starts with `$ ` is a block of commands, each followed by all that it prints, errors
//! last. `README_SHOW=1 cargo test --test readme -- --nocapture` shows what the commands really print; the README
//! itself is only ever changed by hand.

#![allow(clippy::print_stdout, reason = "README_SHOW asks for it")]

mod common;

use common::{IMSTRAIL, clean, finish};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Commands that stand in the README and are not run here, word for word.
const NOT_RUN: &[&str] = &["cargo test"];

/// Languages of fenced blocks that hold commands.
const SHELLS: &[&str] = &["sh", "bash", "shell", "console"];

#[derive(Debug, PartialEq)]
struct Command {
    /// The line in the README, from 1.
    line: usize,
    /// As it stands there, continued lines included.
    text: String,
    /// What stands under it.
    expected: String,
}

/// A fenced block: the line of its first content line, its language, its content.
struct Block<'a> {
    line: usize,
    language: &'a str,
    content: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut all = Vec::new();
    let mut open: Option<(Block<'_>, &str)> = None;
    for (n, line) in text.lines().enumerate() {
        let fence = line.trim_start();
        let ticks = &fence[..fence.len() - fence.trim_start_matches('`').len()];
        match &mut open {
            Some((_, mark)) if ticks.len() >= mark.len() && fence == ticks => {
                all.extend(open.take().map(|(block, _)| block));
            }
            Some((block, _)) => block.content.push(line),
            None if ticks.len() >= 3 => {
                let language = fence[ticks.len()..].trim();
                open = Some((Block { line: n + 2, language, content: Vec::new() }, ticks));
            }
            None => {}
        }
    }
    assert!(open.is_none(), "a fenced block of the README is not closed");
    all
}

fn commands(text: &str) -> Vec<Command> {
    let mut all: Vec<Command> = Vec::new();
    for block in blocks(text) {
        let is_commands = block.content.first().is_some_and(|line| line.starts_with("$ "));
        assert!(
            is_commands || !SHELLS.contains(&block.language),
            "README.md:{}: a block of commands whose first line does not start with `$ ` would not be run",
            block.line
        );
        if !is_commands {
            continue;
        }
        let mut continued = false;
        for (n, line) in block.content.iter().enumerate() {
            match (all.last_mut(), line.strip_prefix("$ ")) {
                (Some(command), _) if continued => {
                    command.text.push('\n');
                    command.text.push_str(line);
                }
                (_, Some(text)) => {
                    all.push(Command { line: block.line + n, text: text.into(), expected: String::new() });
                }
                (Some(command), None) => {
                    command.expected.push_str(line);
                    command.expected.push('\n');
                    continue;
                }
                (None, None) => unreachable!("the first line of the block is a command"),
            }
            continued = line.ends_with('\\');
        }
    }
    all
}

/// `cargo run --release -- ARGS` without building anything again; `None` for a command that is not run.
fn runnable(command: &Command) -> Option<String> {
    let text = command.text.trim();
    if NOT_RUN.contains(&text) {
        return None;
    }
    let text = text.replace("cargo run --release -- ", "imstrail ");
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(!words.contains(&"cargo"), "README.md:{}: `{text}` is neither run nor in NOT_RUN", command.line);
    Some(text)
}

#[test]
fn every_command_prints_what_the_readme_says() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).expect("README.md");
    let commands = commands(&readme);
    assert!(!commands.is_empty(), "README.md has no command");
    let bin = tempfile::tempdir().expect("a temporary folder");
    std::os::unix::fs::symlink(IMSTRAIL, bin.path().join("imstrail")).expect("a link");
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").expect("PATH"));
    let show = std::env::var_os("README_SHOW").is_some();
    let mut report = String::new();
    let mut ran = 0;
    for command in &commands {
        let Some(text) = runnable(command) else { continue };
        ran += 1;
        let run = finish(clean("sh", Path::new(ROOT)).env("PATH", &path).args(["-c", &text]), None);
        let got = run.out() + &run.err();
        if show {
            print!("README.md:{}: $ {}\n{got}", command.line, command.text);
        }
        if got != command.expected {
            let _ = writeln!(report, "README.md:{}: $ {}", command.line, command.text);
            report.push_str(&difference(&command.expected, &got));
        }
    }
    println!("readme: {ran} commands run, {} not", commands.len() - ran);
    assert!(ran > 0, "no command of README.md was run");
    assert!(report.is_empty(), "\n{report}");
}

/// Like `diff -u`: `-` what the README says, `+` what the command printed.
fn difference(expected: &str, got: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), got.split('\n').collect());
    // The longest common subsequence, from the end.
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let mut out = String::from("--- README.md\n+++ printed\n");
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            let _ = writeln!(out, " {}", old[i]);
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            let _ = writeln!(out, "-{}", old[i]);
            i += 1;
        } else {
            let _ = writeln!(out, "+{}", new[j]);
            j += 1;
        }
    }
    out
}

#[test]
fn blocks_of_commands_are_found() {
    let text = "a\n```console\n$ one \\\n  more\nx\n\ny\n$ two\n```\n```toml\n[a]\n```\n  ````\n$ three\n```\n  ````\n";
    let command = |line, text: &str, expected: &str| Command { line, text: text.into(), expected: expected.into() };
    assert_eq!(
        commands(text),
        [command(3, "one \\\n  more", "x\n\ny\n"), command(8, "two", ""), command(14, "three", "```\n")]
    );
}

#[test]
#[should_panic(expected = "would not be run")]
fn a_block_of_commands_without_prompts_is_refused() {
    commands("```sh\nimstrail -a\n```\n");
}

#[test]
#[should_panic(expected = "neither run nor in NOT_RUN")]
fn an_unknown_cargo_command_is_refused() {
    runnable(&Command { line: 1, text: "cargo publish".into(), expected: String::new() });
}

#[test]
fn cargo_run_is_the_binary() {
    let command = |text: &str| Command { line: 1, text: text.into(), expected: String::new() };
    assert_eq!(runnable(&command("cargo run --release -- -a logs | head")).as_deref(), Some("imstrail -a logs | head"));
    assert_eq!(runnable(&command("cargo test")), None);
}

#[test]
fn differences_are_shown_line_by_line() {
    assert_eq!(difference("a\nb\nc\n", "a\nc\nd\n"), "--- README.md\n+++ printed\n a\n-b\n c\n+d\n \n");
}
