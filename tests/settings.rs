//! Settings from a file and the environment, through the binary; and the program under the name of the vendor's tool.

mod common;

use common::pack::{gz, zip};
use common::{IMSTRAIL, Run, clean, finish, login, write};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

/// A folder with a log of ed in `logs`, one of ann in `other`, and a home without settings.
fn site() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "logs/imap", login("10:00:00", 40001, "ed"));
    write(folder.path(), "other/imap", login("10:05:00", 40002, "ann"));
    folder
}

/// Runs the program there with more variables.
fn run_in(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> Run {
    let home = folder.join("home");
    finish(clean(IMSTRAIL, folder).env("HOME", home).envs(variables.iter().copied()).args(args), None)
}

fn users(run: &Run) -> Vec<String> {
    run.rows().iter().map(|row| row["user"].as_str().expect("a user").to_owned()).collect()
}

const USERS: [&str; 3] = ["-a", "--format", "jsonl"];

#[test]
fn a_file_is_found_where_people_keep_such_files() {
    let site = site();
    let there = site.path();
    write(there, "home/.config/imstrail.toml", "paths = ['../../logs']");
    write(there, "xdg/imstrail.toml", "paths = ['../other']");
    write(there, "mine/x.toml", "paths = ['../logs', '../other']");
    let xdg = there.join("xdg");
    let xdg = ("XDG_CONFIG_HOME", xdg.to_str().expect("UTF-8"));
    let got = run_in(there, &[], &USERS).exit(0);
    assert_eq!(users(&got), ["ed"]);
    let note = format!("note: settings of {}: paths\n", there.join("home/.config/imstrail.toml").display());
    assert!(got.err().contains(&note), "{}", got.err());
    assert_eq!(users(&run_in(there, &[xdg], &USERS).exit(0)), ["ann"]);
    assert_eq!(users(&run_in(there, &[("XDG_CONFIG_HOME", "xdg")], &USERS).exit(0)), ["ed"], "not from the top");
    assert_eq!(users(&run_in(there, &[xdg, ("IMSTRAIL_CONFIG", "mine/x.toml")], &USERS).exit(0)), ["ann", "ed"]);
    let named = [&USERS[..], &["--config", "xdg/imstrail.toml"]].concat();
    assert_eq!(users(&run_in(there, &[("IMSTRAIL_CONFIG", "mine/x.toml")], &named).exit(0)), ["ann"]);
    let none = [&USERS[..], &["--no-config"]].concat();
    let got = run_in(there, &[xdg, ("IMSTRAIL_PATH", "logs")], &none).exit(0);
    assert!(got.stdout.is_empty() && !got.err().contains("settings"), "only what is typed counts: {}", got.err());
    assert_eq!(run_in(there, &[], &["-a", "--no-config", "--config", "mine/x.toml"]).code, Some(2));
}

#[test]
fn a_file_gives_way_to_the_environment_and_that_to_what_is_typed() {
    let site = site();
    let there = site.path();
    write(there, "home/.config/imstrail.toml", "paths = ['../../logs']\nformat = 'csv'\ntz = 'utc'\n");
    let first = |variables: &[(&str, &str)], args: &[&str]| -> String {
        let got = run_in(there, variables, args).exit(0);
        got.out().lines().next().expect("a line").chars().take(20).collect()
    };
    assert_eq!(first(&[], &["-c"]), "record,user,service,");
    assert_eq!(first(&[("IMSTRAIL_FORMAT", "jsonl")], &["-c"]), "{\"record\":\"connected");
    assert_eq!(first(&[("IMSTRAIL_FORMAT", "jsonl")], &["-c", "--format", "table"]).split(' ').next(), Some("UID"));
    assert_eq!(first(&[("IMSTRAIL_FORMAT", "")], &["-c"]), "record,user,service,", "an empty variable is none");
    let got = run_in(there, &[("IMSTRAIL_PATH", "other:logs"), ("IMSTRAIL_FORMAT", "jsonl")], &["-a"]).exit(0);
    assert_eq!(users(&got), ["ann", "ed"]);
    assert_eq!(got.rows()[0]["imap"]["last_login"], "2019-05-29T08:05:00Z");
    assert!(got.err().contains("imstrail.toml: tz\n"), "{}", got.err());
    assert!(got.err().contains("note: settings of the environment: IMSTRAIL_PATH, IMSTRAIL_FORMAT\n"), "{}", got.err());
    let got = run_in(there, &[("IMSTRAIL_PATHS", "other")], &["-a"]).exit(0);
    assert!(got.err().contains("note: IMSTRAIL_PATHS sets nothing"), "{}", got.err());
}

#[test]
fn thresholds_are_settings() {
    let site = site();
    let refused = |n: u32| {
        format!(
            "[29/May/2019:10:00:{n:02} +0200] store1 imapd[100]: General Notice: badlogin: [192.0.2.7:{n}] plaintext u{n} authentication failure\n"
        )
    };
    write(site.path(), "logs/imap", (1..6).map(refused).collect::<String>());
    let ask = ["failures", "--findings", "--format", "jsonl", "logs"];
    assert_eq!(run_in(site.path(), &[], &ask).exit(0).rows().len(), 0);
    let rows = run_in(site.path(), &[("IMSTRAIL_MANY_USERS", "5")], &ask).exit(0).rows();
    assert_eq!((rows.len(), &rows[0]["threshold"]), (1, &5.into()));
    write(site.path(), "home/.config/imstrail.toml", "many-users = 5\nwithin = '2s'");
    assert_eq!(run_in(site.path(), &[], &ask).exit(0).rows().len(), 0);
}

#[test]
fn mistakes_end_the_run_and_are_shown_with_their_place() {
    let site = site();
    write(site.path(), "home/.config/imstrail.toml", "paths = ['logs']\n\ntz = 'Mars\u{7}'\ncolour = 'never'\n");
    let got = run_in(site.path(), &[], &["-a", "logs"]).exit(2);
    let err = got.err().replace(&site.path().display().to_string(), "~");
    let expected = "\
imstrail: error: ~/home/.config/imstrail.toml:3:11: ";
    assert!(err.starts_with(expected) && err.contains("3 | tz = 'Mars\\x07'"), "{err}");
    write(site.path(), "home/.config/imstrail.toml", "paths = ['logs']\n\ntz = 'Mars'\ncolour = 'never'\n");
    let got = run_in(site.path(), &[], &["-a", "logs"]).exit(2);
    let expected = "\
imstrail: error: ~/home/.config/imstrail.toml:3:6: this is no value of tz
  |
3 | tz = 'Mars'
  |      ^^^^^^
  = expected log, utc, local, or a zone such as Europe/Paris or America/New_York
imstrail: error: ~/home/.config/imstrail.toml:4:1: nothing is called colour
  |
4 | colour = 'never'
  | ^^^^^^
  = perhaps color is meant
";
    assert_eq!(got.err().replace(&site.path().display().to_string(), "~"), expected);
    assert!(got.stdout.is_empty());
    run_in(site.path(), &[], &["-a", "--no-config", "logs"]).exit(0);
    run_in(site.path(), &[], &["man"]).exit(0);
    for (variables, args, has) in [
        (
            &[("IMSTRAIL_TZ", "Mars")][..],
            &["-a", "--config", "/dev/null"][..],
            "IMSTRAIL_TZ: 'Mars' is no value of tz: expected log",
        ),
        (&[], &["-a", "--config", "nowhere.toml"], "settings nowhere.toml: No such file or directory; --no-config"),
        (&[("IMSTRAIL_CONFIG", "nowhere.toml")], &["-a"], "settings nowhere.toml: "),
        (&[], &["-a", "--config", "logs"], "settings logs: Is a directory"),
    ] {
        let got = run_in(site.path(), variables, &[args, &["logs"]].concat()).exit(2);
        assert!(got.err().contains(has), "{}", got.err());
    }
}

#[test]
fn paths_of_settings_go_before_a_pipe_and_say_so() {
    let site = site();
    let ask = |args: &[&str]| {
        let mut command = clean(IMSTRAIL, site.path());
        finish(command.env("IMSTRAIL_PATH", "logs").args(args), Some(login("10:05:00", 40002, "ann").as_bytes()))
    };
    let got = ask(&USERS).exit(0);
    assert_eq!(users(&got), ["ed"]);
    assert!(
        got.err().contains("standard input is not read, since IMSTRAIL_PATH sets the paths; - names it"),
        "{}",
        got.err()
    );
    let got = ask(&[&USERS[..], &["-"]].concat()).exit(0);
    assert_eq!(users(&got), ["ann"]);
    assert!(!got.err().contains("settings") && !got.err().contains("not read"), "{}", got.err());
    let got = ask(&[&USERS[..], &["-f", "-"]].concat()).exit(0);
    assert!(!got.err().contains("not read"), "{}", got.err());
    let got = run_in(site.path(), &[("IMSTRAIL_PATH", "logs")], &USERS).exit(0);
    assert!(!got.err().contains("not read"), "as from cron, without a terminal or a pipe: {}", got.err());
}

#[test]
fn scripts_for_imsconnutil_run_unchanged() {
    let site = site();
    write(site.path(), "home/.config/imstrail.toml", "paths = ['../../logs']\nformat = 'json'\n");
    symlink(IMSTRAIL, site.path().join("imsconnutil")).expect("a link");
    write(site.path(), "uids", "ed\nann\n");
    let script = "./imsconnutil -c -u ed -s imap; ./imsconnutil -a -f uids; ./imsconnutil -ac -u ed -s http";
    let mut shell = clean("sh", site.path());
    let got = finish(shell.env("HOME", site.path().join("home")).args(["-c", script]), None).exit(0);
    let expected = "\
UID  TIME                  AUTH       TO      FROM
ed   29/May/2019:10:00:00  plaintext  store1  192.0.2.7:40001
1 users were logged in to imap.
UID  IMAP last access      HTTP last access    POP last access
ann  ---NOT-RECORDED---    ---NOT-RECORDED---  ---NOT-RECORDED---
ed   29/May/2019:10:00:00  ---NOT-RECORDED---  ---NOT-RECORDED---
UID  TIME  AUTH  TO  FROM
No http log was read.

UID  IMAP last access      HTTP last access    POP last access
ed   29/May/2019:10:00:00  ---NOT-RECORDED---  ---NOT-RECORDED---
";
    assert_eq!(got.out(), expected);
    let mut refused = clean("./imsconnutil", site.path());
    let got = finish(refused.args(["-k", "-u", "ed"]), None).exit(2);
    assert!(got.err().contains("-k is refused"), "{}", got.err());
}

#[test]
fn what_was_set_is_in_the_document_and_the_manifest_and_is_set_again() {
    let site = site();
    let there = site.path();
    write(there, "home/.config/imstrail.toml", "paths = ['../../logs']\nformat = 'json'\nthreads = 1\n");
    let variables = [("IMSTRAIL_TZ", "utc")];
    let got = run_in(there, &variables, &["-a", "-o", "answer", "--manifest", "manifest"]).exit(0);
    assert!(got.stdout.is_empty());
    let read = |file: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(there.join(file)).expect("written")).expect("JSON")
    };
    let file = there.join("home/.config/imstrail.toml");
    let (file, logs) = (file.to_str().expect("UTF-8"), there.join("home/.config/../../logs"));
    let set = |name: &str, value: &str, from: &str| serde_json::json!({"name": name, "values": [value], "from": from});
    let mut expected = vec![
        set("paths", logs.to_str().expect("UTF-8"), file),
        set("tz", "utc", "IMSTRAIL_TZ"),
        set("format", "json", file),
    ];
    assert_eq!(read("answer")["query"]["settings"], serde_json::Value::from(expected.clone()));
    expected.push(set("threads", "1", file));
    assert_eq!(read("manifest")["settings"], serde_json::Value::from(expected));
    assert_eq!(read("manifest")["arguments"], serde_json::json!(["-a", "-o", "answer", "--manifest", "manifest"]));
    // Other settings by now, and mistakes in them, change nothing.
    write(there, "home/.config/imstrail.toml", "paths = ['../../other']\n");
    let got = run_in(there, &[("IMSTRAIL_TZ", "log")], &["verify", "--answer", "manifest"]).exit(0);
    assert!(got.out().contains("the answer") && !got.out().contains("changed"), "{}", got.out());
    let plain = run_in(there, &[], &["-a", "--no-config", "--format", "json", "logs"]).exit(0).document();
    assert_eq!(plain["query"].get("settings"), None);
}

#[test]
fn pseudonyms_hide_what_is_set() {
    let site = site();
    write(site.path(), "key", "sixteen bytes at least");
    let variables = [("IMSTRAIL_PATH", "logs"), ("IMSTRAIL_DEFAULT_DOMAIN", "secret.example")];
    let got = run_in(site.path(), &variables, &["-a", "--format", "json", "--pseudonymize", "key"]).exit(0);
    let all = got.out() + &got.err();
    assert!(!all.contains("secret") && !all.contains("logs"), "{all}");
    assert!(all.contains("{\"name\":\"paths\",\"values\":null,\"from\":null}"), "{all}");
    write(site.path(), "secret.toml", "paths = ['logs']");
    let got = run_in(site.path(), &[], &["-a", "--format", "json", "--pseudonymize", "key", "--config", "secret.toml"])
        .exit(0);
    let all = got.out() + &got.err();
    assert!(!all.contains("secret") && !all.contains("logs"), "{all}");
}

#[test]
fn known_damage_is_a_note_and_no_reason_for_exit_1() {
    let site = site();
    let there = site.path();
    let text: String = (0..500).map(|n| login("10:00:00", 1024 + n, &format!("u{n}"))).collect();
    let packed = gz(text.as_bytes());
    let cut = &packed[..packed.len() / 2];
    write(there, "logs/imap.3.gz", cut);
    let hash: String = Sha256::digest(cut).iter().map(|byte| format!("{byte:02x}")).collect();
    let ask = |known: &[&str], code: i32| -> String {
        let args: Vec<&str> = known.iter().flat_map(|entry| ["--known-damage", entry]).collect();
        run_in(there, &[], &[&["-a", "logs"], &args[..]].concat()).exit(code).err()
    };
    assert!(ask(&[], 1).contains("warning: logs/imap.3.gz: gzip data damaged"));
    for entry in
        ["logs/imap.3.gz", "./logs/*.gz", "**/imap.?.gz", &format!("logs/imap.3.gz={hash}"), &format!("**={hash}")]
    {
        let err = ask(&[entry], 0);
        let note = err.lines().find(|line| line.contains("damaged after")).expect("a note").to_owned();
        assert!(note.starts_with("imstrail: note: ") && note.ends_with("; known damage"), "{entry}: {err}");
    }
    let other = ask(&[&format!("logs/imap.3.gz={}", "0".repeat(64))], 1);
    assert!(other.contains("warning: logs/imap.3.gz") && other.contains("its SHA-256 is another"), "{other}");
    let unused = ask(&["logs/imap.3.gz", "logs/imap", "*.gz"], 0);
    for entry in ["logs/imap", "*.gz"] {
        let note = format!(
            "note: --known-damage names nothing that was found damaged; check the path, or leave it out: {entry}\n"
        );
        assert!(unused.contains(&note), "{unused}");
    }
    ask(&["logs/imap"], 1);
    symlink("logs", there.join("link")).expect("a link");
    ask(&["link/../logs/imap.3.gz"], 0);
    let by_link = ["-a", "link", "--known-damage", "logs/imap.3.gz"];
    assert!(run_in(there, &[], &by_link).exit(0).err().contains("link/imap.3.gz: gzip data damaged"));
    // A plan, which looks at beginnings alone, says no more of what is known than it sees.
    write(there, "logs/cut.zip", &zip(&[("imap".into(), text.replace("10:00:00", "11:00:00").into_bytes())])[..400]);
    let known = ["--known-damage", "logs/imap.3.gz", "--known-damage", "logs/cut.zip"];
    let plan = run_in(there, &[], &[&["-a", "--plan", "logs"], &known[..]].concat()).exit(0).err();
    assert!(plan.contains("note: logs/cut.zip: ") && plan.contains("; known damage\n"), "{plan}");
    assert!(!plan.contains("imap.3.gz") && !plan.contains("warning"), "{plan}");
    run_in(there, &[], &["-a", "--plan", "logs"]).exit(1);
    fs::remove_file(there.join("logs/cut.zip")).expect("it was there");
    // From settings, by a path relative to the file; and in the document.
    write(there, "home/.config/imstrail.toml", "known-damage = ['../../logs/*.gz']\n");
    let notes = run_in(there, &[], &["-a", "--format", "json", "logs"]).exit(0);
    let notes = notes.document()["notes"].as_array().expect("notes").clone();
    assert!(notes.iter().any(|note| note["known"] == true && note["kind"] == "damaged"), "{notes:?}");
    // What is missing is not damaged.
    let got = run_in(there, &[], &["-a", "logs", "nowhere", "--known-damage", "nowhere"]).exit(1);
    assert!(got.err().contains("warning: nowhere"), "{}", got.err());
}

/// Notes on a terminal: with colour, unless NO_COLOR is set.
#[test]
fn no_color_is_heard_on_a_terminal() {
    let site = site();
    let on_terminal = |variable: &str, args: &str| {
        let line = format!("{variable} {IMSTRAIL} -a --no-config {args} logs nowhere");
        let mut command = clean("script", site.path());
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").args(["-qec", &line, "/dev/null"]);
        finish(&mut command, None).exit(1).out()
    };
    assert!(on_terminal("", "").contains("\u{1b}[33mwarning\u{1b}[0m: nowhere"));
    assert!(on_terminal("NO_COLOR=", "").contains('\u{1b}'), "an empty variable is none");
    assert!(!on_terminal("NO_COLOR=1", "").contains('\u{1b}'));
    assert!(!on_terminal("", "--color never").contains('\u{1b}'));
    assert!(on_terminal("NO_COLOR=1", "--color always").contains('\u{1b}'), "what is typed wins");
}
