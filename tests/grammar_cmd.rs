//! `imstrail grammar`: list, check, try and suggest, through the binary.

mod common;

use common::{Run, login, run, run_with, write};
use std::path::Path;
use tempfile::TempDir;

const LINE: &str = "[29/May/2019:11:38:12 +0200] store1 imapd[21977]: Account Information: auth ok [192.0.2.77:40718] uid=bo mech=CRAM-MD5 tls=1.2";
const SITE: &str = include_str!("../docs/site.toml");

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        write(folder.path(), path, text.as_bytes());
    }
    folder
}

/// A line of a process that is not an access service.
fn line(second: usize, message: &str) -> String {
    format!("[29/May/2019:10:{:02}:{:02} +0200] store1 otherd[7]: Store Notice: {message}\n", second / 60, second % 60)
}

/// How many lines of each kind a run counted.
fn counted(folder: &Path, args: &[&str]) -> (u64, u64, u64, u64) {
    let args: Vec<&str> = ["-a", "--format", "json"].iter().chain(args).copied().collect();
    let tally = run(folder, &args).exit(0).document()["tally"].clone();
    let lines = |kind: &str| tally[kind]["lines"].as_u64().expect("a count");
    (lines("event"), lines("known"), lines("unknown"), lines("reject"))
}

/// Nothing in it steers a terminal.
fn tame(got: &Run) {
    for text in [got.out(), got.err()] {
        let wild = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.chars().any(wild), "{text:?}");
    }
}

#[test]
fn list_has_every_template_with_its_samples() {
    let folder = folder(&[("site.toml", SITE)]);
    let all = run(folder.path(), &["grammar", "list", "--format", "json", "--grammar", "site.toml"]).exit(0).document();
    let dialects = all["dialects"].as_array().expect("dialects");
    let names: Vec<_> = dialects.iter().map(|d| d["path"].as_str().expect("a path")).collect();
    assert_eq!(names, ["site.toml", "account.toml", "http.toml", "general.toml"]);
    let table = run(folder.path(), &["grammar", "list", "--grammar", "site.toml"]).exit(0).out();
    let mut templates = 0;
    for template in dialects.iter().flat_map(|d| d["templates"].as_array().expect("templates")) {
        templates += 1;
        assert!(table.contains(template["text"].as_str().expect("a text")), "{template}");
        let samples = template["samples"].as_array().expect("samples");
        assert!(!samples.is_empty());
        assert!(samples.iter().all(|s| table.contains(s["line"].as_str().expect("a line"))), "{template}");
    }
    let written: usize = ["account", "http", "general"]
        .iter()
        .map(|name| std::fs::read_to_string(format!("{}/grammars/{name}.toml", env!("CARGO_MANIFEST_DIR"))))
        .map(|text| text.expect("a file").matches("[[template]]").count())
        .sum();
    assert_eq!(templates, written + 1);
}

#[test]
fn check_says_what_a_good_file_holds() {
    let folder = folder(&[("site.toml", SITE), ("empty.toml", "dialect = 'x'\nreasons = ['gone']\n")]);
    let got = run(folder.path(), &["grammar", "check", "site.toml", "empty.toml"]).exit(0);
    assert_eq!(
        got.out(),
        "site.toml: can be used: dialect samples, 1 template (1 login), 1 sample read as expected\n\
         empty.toml: can be used: dialect x, 0 templates, 0 samples read as expected, 1 reason\n"
    );
    assert_eq!(got.err(), "");
}

#[test]
fn check_shows_every_mistake_where_it_stands() {
    let template = |kind: &str, text: &str, sample: &str| {
        format!("[[template]]\nkind = '{kind}'\ntext = '{text}'\nbasis = 'observed'\n{sample}")
    };
    let sample = |line: &str, expect: &str| format!("[[template.sample]]\nline = '{line}'\nexpect = {{ {expect} }}\n");
    let text = [
        "dialect = 'x'\ntypo = 1\nreasons = ['']\n".to_owned(),
        template("login", "auth ok [{peer}] uid={usr} x}", &sample(LINE, "")),
        template("logn", "a", &sample(LINE, "")),
        template("known", "b {_}", ""),
        template("login", "auth ok [{peer}] uid={user}{more}", &sample(LINE, "user = 'bob', host = 'x'")),
        template("known", "auth ok {_:rest}", &sample(LINE, "")),
        template("known", "hello [{_:peer}]", &sample(&LINE.replace("auth ok", "hullo"), "")),
        template("close", "close {user}", &sample("no line", "")),
    ]
    .concat();
    let folder = folder(&[("bad.toml", &text)]);
    let got = run(folder.path(), &["grammar", "check", "bad.toml"]).exit(2);
    tame(&got);
    let out = got.out();
    let unfit = format!("41:{}", 10 + LINE.find("auth").expect("the message"));
    for (place, what, marked) in [
        ("2:1", "no key is called 'typo'", "^^^^"),
        ("3:12", "an empty text in 'reasons'", "^^"),
        ("6:30", "template 1: no field is called 'usr'", "^^^^^"),
        ("6:37", "template 1: a lone '}'", "^"),
        ("12:8", "unknown variant `logn`", "^^^^^^"),
        ("20:8", "template 3: a template needs at least one sample line", "^^^^^^^"),
        ("28:19", "field 'user': expected \"bob\", got \"bo\"", "^^^^^"),
        ("28:33", "the template has no field 'host' to expect", "^^^"),
        ("34:8", "the template \"auth ok [{peer}] uid={user}{more}\" stands before it", "^^^^"),
        (&unfit, "the template does not fit its line", " ^\n   = here it wants \"ello [\""),
        ("45:8", "a close needs {peer}, {user}, {start}, {duration}; {peer} is missing", "^^^^^^^^^^^^^^"),
    ] {
        let at = out.find(&format!("bad.toml:{place}: ")).unwrap_or_else(|| panic!("{place} {what}\n{out}"));
        let picture = out[at..].split("\n\n").next().expect("a picture");
        assert!(picture.contains(what) && picture.contains(marked), "{place} {what}\n{picture}");
    }
    assert!(out.ends_with("bad.toml: 11 mistakes\n\n"), "{out}");
    assert_eq!(got.err(), "imstrail: error: the file cannot be used\n");
    // The same file with a question: its first mistake, in one line.
    let asked = run(folder.path(), &["-a", "--grammar", "bad.toml", "."]).exit(2).err();
    assert!(asked.contains("--grammar bad.toml:2:1: no key is called 'typo'"), "{asked}");
    assert!(asked.contains("(and 10 more: imstrail grammar check shows all)"), "{asked}");
}

#[test]
fn check_of_what_is_no_grammar_file() {
    let folder = folder(&[
        ("a.toml", "dialect = \"x\n[[template]\n"),
        ("b.toml", ""),
        ("c.toml", "dialect = 'c'\ntemplate = 7"),
    ]);
    write(folder.path(), "d.toml", b"\xff\xfe");
    for (files, said) in [
        (&["a.toml"][..], "a.toml:1:13: invalid basic string"),
        (&["a.toml"], "a.toml:2:12: unclosed array table"),
        (&["b.toml"], "b.toml:1:1: missing field `dialect`"),
        (&["c.toml"], "c.toml:2:12: 'template' is no list of tables"),
        (&["d.toml"], "d.toml: is no text in UTF-8"),
        (&["e.toml"], "e.toml: cannot be read (No such file or directory)"),
        (&["a.toml", "b.toml"], "2 of 2 files cannot be used"),
        (&[], "required arguments were not provided"),
    ] {
        let args: Vec<&str> = ["grammar", "check"].iter().chain(files).copied().collect();
        let got = run(folder.path(), &args).exit(2);
        assert!((got.out() + &got.err()).contains(said), "{said}\n{}{}", got.out(), got.err());
    }
}

#[test]
fn check_warns_of_what_is_perhaps_not_meant() {
    let login = "[29/May/2019:10:00:00 +0200] store1 imapd[7]: Account Notice: login [192.0.2.7] ed plain";
    let one = |text: &str, processes: &str, line: &str| {
        format!(
            "dialect = 'x'\n[[template]]\nkind = 'login'\ntext = '{text}'\nbasis = 'observed'\nprocesses = ['{processes}']\n\
             [[template.sample]]\nline = '{line}'\n"
        )
    };
    let wide = one("login [{peer}] {user} {_:rest}", "imapd", login);
    let last = wide.replace("dialect = 'x'", "dialect = 'x'\nlast = true");
    let other = one("login [{peer}] {user} plain{more}", "imapd", login);
    let smtp = one(
        "hello [{peer}] {user}",
        "smtpd",
        &login.replace("imapd", "smtpd").replace("login [192.0.2.7] ed plain", "hello [192.0.2.7] ed"),
    );
    let folder = folder(&[("wide.toml", &wide), ("last.toml", &last), ("other.toml", &other), ("smtp.toml", &smtp)]);
    for (files, said) in [
        (
            &["wide.toml"][..],
            "wide.toml:4:8: warning: template 1: takes lines from \"login [{peer}] {user} {mechanism}{more}\" of the built-in account.toml",
        ),
        (
            &["last.toml"],
            "last.toml:5:8: warning: template 1: sample 1 is read by \"login [{peer}] {user} {mechanism}{more}\" of the built-in account.toml",
        ),
        (
            &["wide.toml", "other.toml"],
            "other.toml:4:8: warning: template 1: sample 1 is read by \"login [{peer}] {user} {_:rest}\" of wide.toml",
        ),
        (&["smtp.toml"], "smtp.toml:4:8: warning: template 1: a login of smtpd does not count"),
    ] {
        let args: Vec<&str> = ["grammar", "check"].iter().chain(files).copied().collect();
        let out = run(folder.path(), &args).exit(0).out();
        assert!(out.contains(said), "{said}\n{out}");
        assert!(out.contains(": can be used: "), "{out}");
    }
}

#[test]
fn try_shows_a_line_hole_by_hole() {
    let folder = folder(&[("site.toml", SITE)]);
    let expected = "\
[29/May/2019:11:38:12 +0200] store1 imapd[21977]: Account Information: auth ok [192.0.2.77:40718] uid=bo mech=CRAM-MD5 tls=1.2
 ~~~~~~~~~~~~~~~~~~~~~~~~~~  ~~~~~~ ~~~~~ ~~~~~   ~~~~~~~ ~~~~~~~~~~~           ~~~~~~~~~~~~~~~~      ~~      ~~~~~~~~~~~~~~~~
 a                           b      c     d       e       f                     g                     h       i       j

  a  time       29/May/2019:11:38:12 +0200  2019-05-29T09:38:12Z
  b  host       store1                      the store
  c  process    imapd                       of imap
  d  pid        21977
  e  category   Account                     the message decides, not this
  f  level      Information                 the same
  g  peer       192.0.2.77:40718            address 192.0.2.77, port 40718
  h  user       bo
  i  mechanism  CRAM-MD5
  j  more        tls=1.2                    further fields, kept as they are

login: by template 1 of site.toml, observed:
  auth ok [{peer}] uid={user} mech={mechanism}{more}
";
    let args: [&[&str]; 3] = [&["site.toml", LINE], &["--grammar", "site.toml", LINE], &["site.toml", "-"]];
    for args in args {
        let args: Vec<&str> = ["grammar", "try"].iter().chain(args).copied().collect();
        assert_eq!(run_with(folder.path(), &args, LINE.as_bytes()).exit(0).out(), expected, "{args:?}");
    }
    let two = format!("{LINE}\r\n\n{LINE}");
    let got = run_with(folder.path(), &["grammar", "try", "--grammar", "site.toml"], two.as_bytes()).exit(0).out();
    assert_eq!(got, format!("{expected}\n{expected}"));
    let got = run(folder.path(), &["grammar", "try", "site.toml"]).exit(2).err();
    assert!(got.contains("site.toml is a file: give the line behind it"), "{got}");
}

#[test]
fn try_shows_where_templates_fail() {
    let folder = folder(&[("site.toml", SITE)]);
    let head = "[29/May/2019:08:46:17 +0200] store1 imapd[17849]: Account Notice: ";
    for (line, said) in [
        (LINE.to_owned(), "unknown: no template reads it.\nNo template begins like it.\n"),
        (
            format!("{head}login [192.0.2.300] ed plain"),
            "    login [192.0.2.300] ed plain\n           ^ here it wants {peer}: an IPv4 or IPv6 address",
        ),
        (format!("{head}badlogin: [192.0.2.3] plain ed gone"), "one of the known reasons"),
        (format!("{head}badlogin: [192.0.2.3] plain ed gone"), "reject: a badlogin without a known reason"),
        (format!("{head}close [192.0.2.3] ed 2019/5/29 8:39:42 0:06:35 1 2"), "here it wants \" \""),
        (format!("{head}Log created (7) x"), "here it wants the end of the message"),
        (
            format!("{}logout [192.0.2.7] ed 2019/5/29 8:39:42 0:06:35", head.replace("imapd", "smtpd")),
            "would read it, if it were a line of httpd or mshttpd",
        ),
        (format!("{}login [192.0.2.7] ed plain", head.replace("imapd", "smtpd")), "It does not count"),
        ("29/May/2019 x".to_owned(), "  29/May/2019 x\n  ^ here it wants a date"),
        (head.replace(" store1", " "), "here it wants host process[pid]:"),
        (head.replace("Account Notice", "Account-Notice"), "here it wants a category and a level"),
        (format!("May 29 10:00:00 s imta: {head}Log created (7)"), "prefix    May 29 10:00:00 s imta:"),
        ("May 29 10:00:00 s imapd[7]: Account Notice: x".to_owned(), "reject: a syslog date without a year"),
        (
            format!("{head}close [192.0.2.3] [unauthenticated] 2019/5/29 8:39:42 0:09:35 1 2 3"),
            "nobody: it makes no session",
        ),
        (format!("{head}close [192.0.2.3] ED 2019/5/29 8:39:42 0:09:35 1 2 3"), "which the duration does not confirm"),
        (format!("{head}Could not get purge session lock. Possibly another impurge is running"), "means nothing here"),
    ] {
        let got = run(folder.path(), &["grammar", "try", &line]).exit(0);
        assert!(got.out().contains(said), "{said}\n{}", got.out());
    }
}

#[test]
fn try_shows_nothing_raw() {
    let folder = folder(&[]);
    let line = b"[29/May/2019:08:46:17 +0200] s\x1b]0;x\x07 imapd[7]: A N: badlogin: [192.0.2.7] \x1b[31mplain \xff\xe2\x80\xae\te d access denied\n\x1b";
    let got = run_with(folder.path(), &["grammar", "try", "-"], line).exit(0);
    tame(&got);
    let plain = b"[29/May/2019:08:46:17 +0200] s imapd[7]: A N: badlogin: [192.0.2.7] \x1b[31mplain \xff\xe2\x80\xae\te d access denied";
    let got = run_with(folder.path(), &["grammar", "try", "-"], plain).exit(0);
    tame(&got);
    let out = got.out();
    assert!(out.contains("user       \\xff\\u{202e}\\x09e d") && out.contains("mechanism  \\x1b[31mplain"), "{out}");
    let under = out.lines().nth(1).expect("tildes").len();
    assert_eq!(under, out.lines().next().expect("the line").len(), "{out}");
}

#[test]
fn suggest_makes_unknown_lines_known() {
    let messages = [
        "Unable to frob mailbox user/ed: Mailbox does not exist",
        "Unable to frob mailbox user/ann/In box: Mailbox does not exist",
        "quota exceeded: value=7|limit=9|who=ed smith",
        "{odd} error }{ \"quoted\" 'twice' \\ # ]]",
        "reconstruct of \u{1b}[31m\u{202e} failed after 0:00:07",
        "widget 17 frobnicated",
        "4711",
    ];
    let count = 40;
    let text: String =
        (0..count).map(|n| line(n, &messages[n % messages.len()].replace("17", &n.to_string()))).collect();
    let text = text + &login("11:00:00", 40001, "ed");
    let folder = folder(&[("logs/imap", &text)]);
    let odd = (0..count).filter(|n| n % messages.len() == 6).count() as u64;
    assert_eq!(counted(folder.path(), &["logs"]), (1, 0, count as u64, 0));
    let got = run(folder.path(), &["grammar", "suggest", "logs"]).exit(0);
    tame(&got);
    let draft = got.out();
    assert!(draft.contains("personal data") && draft.contains("# line = \""), "{draft}");
    write(folder.path(), "draft.toml", draft.as_bytes());
    let checked = run(folder.path(), &["grammar", "check", "draft.toml"]).exit(0);
    assert!(!checked.out().contains("warning"), "{}", checked.out());
    assert_eq!(
        counted(folder.path(), &["--grammar", "draft.toml", "logs"]),
        (1, count as u64 - odd, odd, 0),
        "{draft}"
    );
    let again = run(folder.path(), &["grammar", "suggest", "--grammar", "draft.toml", "logs"]).exit(0);
    assert!(!again.out().contains("[[template]]"), "{}", again.out());
    assert!(again.err().contains("of 6 lines no template could be made") || odd != 6, "{}", again.err());
}

#[test]
fn suggest_leaves_to_people_what_may_be_a_login() {
    let unfit = "[29/May/2019:11:38:13 +0200] store1 imapd[21977]: Account Notice: close [192.0.2.77:40718] bo 2019/5/29 8:39:42 0:06:35";
    let folder = folder(&[("logs/imap", &format!("{LINE}\n{unfit}\n"))]);
    let got = run(folder.path(), &["grammar", "suggest", "logs", "-o", "draft.toml"]).exit(0);
    assert_eq!(got.out(), "");
    assert!(got.err().contains("2 lines may tell of logins or closes"), "{}", got.err());
    run(folder.path(), &["grammar", "suggest", "logs", "-o", "draft.toml"]).exit(2);
    let draft = std::fs::read_to_string(folder.path().join("draft.toml")).expect("the draft");
    run(folder.path(), &["grammar", "check", "draft.toml"]).exit(0);
    // As it is, it decides nothing: runs go on to warn.
    assert_eq!(counted(folder.path(), &["--grammar", "draft.toml", "logs"]), (0, 0, 1, 1));
    let asked = run(folder.path(), &["-a", "--grammar", "draft.toml", "logs"]).exit(0);
    assert!(asked.err().contains("may tell of logins or closes in a way that is unknown"), "{}", asked.err());
    // Switched on, its guesses are a login and a close.
    write(folder.path(), "on.toml", draft.replace("\n#| ", "\n").as_bytes());
    run(folder.path(), &["grammar", "check", "on.toml"]).exit(0);
    assert_eq!(counted(folder.path(), &["--grammar", "on.toml", "logs"]), (2, 0, 0, 0), "{draft}");
}

#[test]
fn suggest_of_bad_input() {
    let folder = folder(&[("empty", ""), ("imap", &login("11:00:00", 40001, "ed"))]);
    let got = run(folder.path(), &["grammar", "suggest", "imap", "nowhere"]).exit(1);
    assert!(
        got.err().contains("nowhere: no such file") && got.err().contains("no template was drafted"),
        "{}",
        got.err()
    );
    assert!(got.out().starts_with("# A draft"), "{}", got.out());
    assert!(run(folder.path(), &["grammar", "suggest", "nowhere"]).exit(2).err().contains("none of the paths"));
    assert!(
        run(folder.path(), &["grammar", "suggest", "imap", "-o", "imap", "--force"]).exit(2).err().contains("-o imap")
    );
    let got = run_with(folder.path(), &["grammar", "suggest"], line(1, "disk error 7").as_bytes()).exit(0);
    assert!(
        got.out().contains("text = \"disk error {_:number}\"") && got.out().contains("byte 0 of -"),
        "{}",
        got.out()
    );
}

#[test]
fn a_draft_is_the_same_for_any_number_of_threads() {
    let words = ["error", "store", "ed", "7", "x=1", "[192.0.2.7]", "failed.", "0:00:01", "(a)", "|"];
    let message =
        |n: usize| (0..n % 9).map(|i| words[(n * 7 + i * i * 3 + n / 11) % words.len()]).collect::<Vec<_>>().join(" ");
    let text: String = (0..3000).map(|n| line(n, &message(n))).collect();
    let folder = folder(&[("a/imap", &text), ("b/imap", &text.replace("otherd", "thirdd"))]);
    let one = run(folder.path(), &["grammar", "suggest", "-j", "1", "a", "b"]).exit(0);
    let four = run(folder.path(), &["grammar", "suggest", "-j", "4", "b", "a"]).exit(0);
    assert_eq!(one.out(), four.out());
    write(folder.path(), "draft.toml", one.out().as_bytes());
    run(folder.path(), &["grammar", "check", "draft.toml"]).exit(0);
    let (_, known, unknown, _) = counted(folder.path(), &["--grammar", "draft.toml", "a", "b"]);
    assert!(known > 4 * unknown, "{known} known, {unknown} unknown");
}
