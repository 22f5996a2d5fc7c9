//! Tells the program which commit its source is of: as the package says, or git, or `unknown`.

use std::path::Path;
use std::process::Command;

/// What the program is made of; only a change there makes it be built again.
const SOURCE: [&str; 5] = ["src", "grammars", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    for path in SOURCE {
        println!("cargo:rerun-if-changed={path}");
    }
    println!("cargo:rustc-env=SOURCE_COMMIT={}", packaged().or_else(checked_out).unwrap_or("unknown".to_owned()));
}

/// The commit of a package, as `cargo package` notes it.
fn packaged() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let commit = text.split("\"sha1\"").nth(1)?.split('"').nth(1)?;
    let modified = if text.contains("\"dirty\": true") { "-modified" } else { "" };
    commit.bytes().all(|b| b.is_ascii_hexdigit()).then(|| format!("{commit}{modified}"))
}

/// The commit of a repository whose top this folder is, with `-modified` if the source is not as there.
fn checked_out() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != Path::new(".").canonicalize().ok()? {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    let changes = git(&[&["status", "--porcelain", "--"], &SOURCE[..]].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-modified") })
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
