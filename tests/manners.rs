//! Completions in a real bash, and the manual.

mod common;

use common::{IMSTRAIL, clean, finish, run};
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A line typed so far, and what bash offers for its last word: each of these, and of the second list nothing.
const TYPED: &[(&str, &[&str], &[&str])] = &[
    ("imstrail se", &["sessions"], &["failures", "--since"]),
    (
        "imstrail ",
        &["-a", "-c", "--at", "sessions", "failures", "coverage", "completions", "man"],
        &["PATH", "[PATH]..."],
    ),
    ("imstrail --s", &["--since", "--store-alias"], &["--tz", "sessions"]),
    ("imstrail sessions --s", &["--status", "--since"], &["--kind"]),
    ("imstrail sessions --status ", &["closed", "open", "lost"], &["refused"]),
    ("imstrail failures --by ", &["user", "address", "reason", "hour", "day"], &["table"]),
    ("imstrail -a --format js", &["json", "jsonl"], &["csv"]),
    ("imstrail -c -s ", &["imap", "http", "pop"], &["samples"]),
    ("imstrail -a --tz ", &["log", "utc", "local"], &["samples"]),
    ("imstrail -a -u sam", &["sam"], &["samples"]),
    ("imstrail -a -f CHANGE", &["CHANGELOG.md"], &[]),
    ("imstrail -a --grammar gram", &["grammars"], &[]),
    ("imstrail completions ", &["bash", "zsh", "fish"], &[]),
];

/// Completes `$1` as bash does when the tabulator is struck behind it, and prints an offer a line.
const STRIKE: &str = r#"
source <("$0" completions bash)
read -ra COMP_WORDS <<<"$1"
[[ "$1" == *' ' ]] && COMP_WORDS+=("")
COMP_LINE="$1" COMP_POINT=${#1} COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
complete -p imstrail >&2
compopt() { :; }
_imstrail imstrail "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

#[test]
fn bash_completes_commands_options_and_values() {
    for (typed, offered, not) in TYPED {
        let mut bash = clean("bash", Path::new(ROOT));
        bash.env("PATH", "/usr/bin:/bin").args(["-c", STRIKE, IMSTRAIL, typed]);
        let got = finish(&mut bash, None).exit(0);
        assert!(got.err().contains("-F _imstrail"), "{typed}: {}", got.err());
        let out = got.out();
        let got: Vec<&str> = out.lines().collect();
        assert!(offered.iter().all(|word| got.contains(word)), "{typed}: {got:?}");
        assert!(not.iter().all(|word| !got.contains(word)), "{typed}: {got:?}");
    }
}

#[test]
fn other_shells_have_every_command() {
    let commands = commands();
    for shell in ["zsh", "fish"] {
        let script = run(Path::new(ROOT), &["completions", shell]).exit(0).out();
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
    }
    run(Path::new(ROOT), &["completions", "tcsh"]).exit(2);
}

/// The commands, as `--help` lists them.
fn commands() -> Vec<String> {
    let help = run(Path::new(ROOT), &["--help"]).exit(0).out();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<String> = listed
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 5, "{names:?}");
    names
}

#[test]
fn each_command_has_a_page_with_all_its_options_and_examples() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = folder.path().join("share/man1");
    let to = pages.to_str().expect("UTF-8");
    run(folder.path(), &["man", "-o", to]).exit(0);
    let program = fs::read_to_string(pages.join("imstrail.1")).expect("the page of the program");
    assert_eq!(program, run(folder.path(), &["man"]).exit(0).out());
    for section in
        ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS", "EXAMPLES", "\"EXIT STATUS\"", "\"SEE ALSO\""]
    {
        assert!(program.contains(&format!(".SH {section}\n")), "{section}");
    }
    for command in commands() {
        let page = fs::read_to_string(pages.join(format!("imstrail-{command}.1"))).expect("a page for each command");
        assert!(program.contains(&format!("imstrail\\-{command}(1)")), "{command}");
        let help = run(folder.path(), &[&command, "--help"]).exit(0).out();
        let options = help.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2);
        for option in options.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-')) {
            assert!(page.contains(&option.replace('-', "\\-")), "{command}: {option}");
        }
        assert!(page.contains(".SH EXAMPLES\n.nf\n"), "{command}");
        assert_eq!(page, run(folder.path(), &["man", &command]).exit(0).out());
        assert!(
            page.lines().all(|line| !line.starts_with('\'')),
            "{command}: an apostrophe that roff takes for a request"
        );
    }
}

#[test]
fn pages_replace_nothing_without_force() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("imstrail-man.1");
    fs::write(&path, "mine").expect("written");
    let got = run(folder.path(), &["man", "man", "-o", "."]).exit(2);
    assert!(got.err().contains("imstrail-man.1: exists already; give --force to replace it"), "{}", got.err());
    assert_eq!(fs::read_to_string(&path).expect("read"), "mine");
    run(folder.path(), &["man", "man", "-o", ".", "--force"]).exit(0);
    assert!(fs::read_to_string(&path).expect("read").contains(".TH IMSTRAIL-MAN 1"));
    assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1, "only the page that was asked for");
    let got = run(folder.path(), &["man", "nothing"]).exit(2);
    assert!(got.err().contains("there is no command nothing"), "{}", got.err());
}
