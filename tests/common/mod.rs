//! What the tests of the binary share: running it, and log files on disk.

#![allow(dead_code, reason = "every test file uses its own part")]

pub(crate) mod commands;
pub(crate) mod pack;
pub(crate) mod proxied;

use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit status; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Run {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// The rows of JSON Lines.
    pub(crate) fn rows(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.out().lines().map(parse).collect()
    }

    /// The one document of `--format json`.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_slice(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}", self.out()))
    }

    /// The run itself, if it ended with this status; else the test fails and shows what it said.
    #[track_caller]
    pub(crate) fn exit(self, code: i32) -> Run {
        let shown = self.out().chars().take(2000).collect::<String>();
        assert_eq!(self.code, Some(code), "\nstdout: {shown}\nstderr: {}", self.err());
        self
    }
}

/// The variables that every run gets, and no others: nothing of the caller's terminal, colours or zone.
pub(crate) const ENVIRONMENT: [(&str, &str); 2] = [("TZ", "UTC"), ("LC_ALL", "C")];

/// The binary.
pub(crate) const IMSTRAIL: &str = env!("CARGO_BIN_EXE_imstrail");

/// Subcommands of the design that the binary does not have yet: what needs them waits. `tests/golden.rs` sees to it
/// that none stays here once it is there.
pub(crate) const NOT_YET: &[&str] = &["report"];

/// Whether arguments begin with a subcommand that is not there yet.
pub(crate) fn waits<S: AsRef<str>>(args: &[S]) -> bool {
    args.first().is_some_and(|first| NOT_YET.contains(&first.as_ref()))
}

/// A program in a clean environment, its standard input closed.
pub(crate) fn clean(program: &str, cwd: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(ENVIRONMENT).current_dir(cwd);
    // Where `tests/coverage.sh` has the program say which code ran.
    command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|to| ("LLVM_PROFILE_FILE", to)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command to its end, with these bytes on its standard input if there are any.
pub(crate) fn finish(command: &mut Command, stdin: Option<&[u8]>) -> Run {
    if stdin.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().expect("the program starts");
    let pipe = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // Written beside the reading, or both sides would wait; a program need not read all of it.
        scope.spawn(move || pipe.zip(stdin).map(|(mut pipe, bytes)| pipe.write_all(bytes)));
        child.wait_with_output().expect("the program ends")
    });
    Run { code: output.status.code(), stdout: output.stdout, stderr: output.stderr }
}

/// Runs `imstrail` in a folder.
pub(crate) fn run<S: AsRef<OsStr>>(cwd: &Path, args: &[S]) -> Run {
    finish(clean(IMSTRAIL, cwd).args(args), None)
}

/// Runs `imstrail` with these bytes on standard input.
pub(crate) fn run_with<S: AsRef<OsStr>>(cwd: &Path, args: &[S], stdin: &[u8]) -> Run {
    finish(clean(IMSTRAIL, cwd).args(args), Some(stdin))
}

/// Writes a file and the folders above it.
pub(crate) fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
    fs::write(path, bytes).expect("files can be written");
}

/// Writes the files of an archive.
pub(crate) fn write_all(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        write(folder, path, bytes);
    }
}

/// A login line of 2019-05-29, `clock` as `10:00:00`, by `imapd[100]` of store1 at +0200.
pub(crate) fn login(clock: &str, port: u16, user: &str) -> String {
    format!(
        "[29/May/2019:{clock} +0200] store1 imapd[100]: Account Information: login [192.0.2.7:{port}] {user} plaintext\n"
    )
}

/// Numbers without a pattern, always the same.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// xorshift64*
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 56) as u8).collect()
    }
}

/// Where `expected` is not part of `got`: objects by their keys, everything else as it is.
pub(crate) fn missing(expected: &Value, got: &Value) -> Vec<String> {
    fn compare(path: &str, expected: &Value, got: &Value, out: &mut Vec<String>) {
        match (expected, got) {
            (Value::Object(keys), Value::Object(_)) => {
                for (key, value) in keys {
                    let path = format!("{path}.{key}");
                    match got.get(key) {
                        Some(got) => compare(&path, value, got, out),
                        None => out.push(format!("{path}: expected {value}, got no such key")),
                    }
                }
            }
            _ if expected == got => {}
            _ => out.push(format!("{path}: expected {expected}, got {got}")),
        }
    }
    let mut out = Vec::new();
    compare("", expected, got, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::missing;
    use serde_json::json;

    #[test]
    fn objects_are_compared_by_the_expected_keys() {
        let got = json!({"a": {"b": 1, "c": [1]}, "d": null});
        assert!(missing(&json!({"a": {"b": 1}}), &got).is_empty());
        assert!(missing(&json!({"d": null}), &got).is_empty());
        assert_eq!(missing(&json!({"a": {"b": 2}}), &got), [".a.b: expected 2, got 1"]);
        assert_eq!(missing(&json!({"e": null}), &got), [".e: expected null, got no such key"]);
        assert_eq!(missing(&json!({"a": null}), &got).len(), 1);
        assert_eq!(missing(&json!({"a": {"c": []}}), &got).len(), 1);
    }
}
