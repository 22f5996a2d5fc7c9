//! docs/recipes.md says what is so: every command in it is run, and what it prints is compared; cron runs what is for cron.
//!
//! They need programs that no test can bring along, so they are left to `tests/recipes/run`, which installs them. `IMSTRAIL` is the program
//! that they are tried with, such as that of a package; without it, cargo's.

mod common;

use common::IMSTRAIL;
use common::commands::{Command, Place, commands, run_all};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Programs that are there only where a server is; docs/recipes.md tells why, in a table of its own.
const NOT_RUN: &[&str] = &["timesketch_importer", "curl"];

fn document() -> String {
    fs::read_to_string(Path::new(ROOT).join("docs/recipes.md")).expect("docs/recipes.md")
}

fn imstrail() -> PathBuf {
    let given = env::var_os("IMSTRAIL").unwrap_or_else(|| IMSTRAIL.into());
    fs::canonicalize(given).expect("IMSTRAIL is a program")
}

/// The program that a command begins with.
fn program(command: &Command) -> &str {
    command.text.split_whitespace().next().unwrap_or_default()
}

fn runnable(command: &Command) -> Option<String> {
    (!NOT_RUN.contains(&program(command))).then(|| command.text.clone())
}

#[test]
#[ignore = "needs jq and DuckDB: tests/recipes/run installs them"]
fn every_command_prints_what_the_recipe_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["docs", "samples"] {
        symlink(Path::new(ROOT).join(name), folder.path().join(name)).expect("a link");
    }
    let place = Place { folder: folder.path(), imstrail: &imstrail() };
    run_all("docs/recipes.md", &commands("docs/recipes.md", &document()), &place, runnable);
}

#[test]
fn what_is_not_run_is_listed_with_its_reason() {
    let text = document();
    let (_, list) = text.split_once("## Not run by the test").expect("the list of what is not run");
    let listed: Vec<&str> =
        list.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next()).collect();
    assert_eq!(listed, NOT_RUN);
    let not_run: Vec<Command> =
        commands("docs/recipes.md", &text).into_iter().filter(|command| runnable(command).is_none()).collect();
    let names: Vec<&str> = not_run.iter().map(program).collect();
    assert_eq!(names, NOT_RUN, "a list of what does not stand in the recipes");
    assert!(not_run.iter().all(|command| command.expected.is_empty()), "output of a command that was not run");
}
