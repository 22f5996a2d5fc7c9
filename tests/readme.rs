//! README.md says what is so: every command in it is run, and what it prints is compared.

mod common;

use common::IMSTRAIL;
use common::commands::{Command, Place, commands, difference, run_all};
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Commands that stand in the README and are not run here, word for word.
const NOT_RUN: &[&str] = &["cargo test"];

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
    // What a command writes does not belong into the checkout.
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in fs::read_dir(ROOT).expect("the checkout") {
        let entry = entry.expect("an entry of the checkout");
        std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name())).expect("a link");
    }
    let place = Place { folder: folder.path(), imstrail: Path::new(IMSTRAIL) };
    run_all("README.md", &commands("README.md", &readme), &place, runnable);
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
fn blocks_of_commands_are_found() {
    let text = "a\n```console\n$ one \\\n  more\nx\n\ny\n$ two '\n  it'\n```\n```toml\n[a]\n```\n  ````\n$ three\n```\n  ````\n";
    let command = |line, text: &str, expected: &str| Command { line, text: text.into(), expected: expected.into() };
    assert_eq!(
        commands("a.md", text),
        [command(3, "one \\\n  more", "x\n\ny\n"), command(8, "two '\n  it'", ""), command(15, "three", "```\n")]
    );
}

#[test]
#[should_panic(expected = "would not be run")]
fn a_block_of_commands_without_prompts_is_refused() {
    commands("a.md", "```sh\nimstrail -a\n```\n");
}

#[test]
fn differences_are_shown_line_by_line() {
    assert_eq!(difference("a.md", "a\nb\nc\n", "a\nc\nd\n"), "--- a.md\n+++ printed\n a\n-b\n c\n+d\n \n");
}
