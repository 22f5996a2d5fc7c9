//! The commands that stand in a document: every one is run, and what it prints is compared with what stands under it.
//!
//! A fenced block whose first line starts with `$ ` is a block of commands, each followed by all that it prints, errors last. A command
//! goes on in the next line behind a backslash, and inside of single quotes. `README_SHOW=1`, and `--nocapture`, shows what the commands
//! really print; a document itself is only ever changed by hand.

use super::{Run, clean, finish};
use std::fmt::Write as _;
use std::path::Path;

/// Languages of fenced blocks that hold commands.
const SHELLS: &[&str] = &["sh", "bash", "shell", "console"];

/// A command that stands in a document.
#[derive(Debug, PartialEq)]
pub(crate) struct Command {
    /// Its line there, from 1.
    pub(crate) line: usize,
    /// As it stands there, continued lines included.
    pub(crate) text: String,
    /// What stands under it.
    pub(crate) expected: String,
}

impl Command {
    fn is_open(&self) -> bool {
        self.text.ends_with('\\') || self.text.matches('\'').count() % 2 == 1
    }
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
    assert!(open.is_none(), "a fenced block is not closed");
    all
}

/// The commands of a document, in their order.
pub(crate) fn commands(document: &str, text: &str) -> Vec<Command> {
    let mut all: Vec<Command> = Vec::new();
    for block in blocks(text) {
        let is_commands = block.content.first().is_some_and(|line| line.starts_with("$ "));
        assert!(
            is_commands || !SHELLS.contains(&block.language),
            "{document}:{}: a block of commands whose first line does not start with `$ ` would not be run",
            block.line
        );
        if !is_commands {
            continue;
        }
        let mut open = false;
        for (n, line) in block.content.iter().enumerate() {
            match (all.last_mut(), line.strip_prefix("$ ")) {
                (Some(command), _) if open => {
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
            open = all.last().is_some_and(Command::is_open);
        }
    }
    all
}

/// Where commands are run.
pub(crate) struct Place<'a> {
    /// The working folder.
    pub(crate) folder: &'a Path,
    /// The program that is called imstrail there.
    pub(crate) imstrail: &'a Path,
}

impl Place<'_> {
    fn run(&self, bin: &Path, text: &str) -> Run {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("PATH"));
        finish(clean("sh", self.folder).env("PATH", &path).args(["-c", text]), None)
    }
}

/// Runs the commands of a document for which `runnable` gives a text; the test fails if one of them prints anything else than what stands
/// there. Gives back how many were run.
#[allow(clippy::print_stdout, reason = "README_SHOW asks for it")]
pub(crate) fn run_all(
    document: &str,
    commands: &[Command],
    place: &Place<'_>,
    runnable: impl Fn(&Command) -> Option<String>,
) -> usize {
    let bin = tempfile::tempdir().expect("a temporary folder");
    std::os::unix::fs::symlink(place.imstrail, bin.path().join("imstrail")).expect("a link");
    let show = std::env::var_os("README_SHOW").is_some();
    let mut report = String::new();
    let mut ran = 0;
    for command in commands {
        let Some(text) = runnable(command) else { continue };
        ran += 1;
        let run = place.run(bin.path(), &text);
        let got = run.out() + &run.err();
        if show {
            print!("{document}:{}: $ {}\n{got}", command.line, command.text);
        }
        if got != command.expected {
            let _ = writeln!(report, "{document}:{}: $ {}", command.line, command.text);
            report.push_str(&difference(document, &command.expected, &got));
        }
    }
    println!("{document}: {ran} commands run, {} not", commands.len() - ran);
    assert!(ran > 0, "no command of {document} was run");
    assert!(report.is_empty(), "\n{report}");
    ran
}

/// Like `diff -u`: `-` what the document says, `+` what the command printed.
pub(crate) fn difference(document: &str, expected: &str, got: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.split('\n').collect(), got.split('\n').collect());
    // The longest common subsequence, from the end.
    let mut common = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] =
                if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let mut out = format!("--- {document}\n+++ printed\n");
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
