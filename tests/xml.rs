//! XML transaction logs, read by a site's file that says what their elements mean.

mod common;

use common::pack::gz;
use common::{Dice, run, run_with, write};
use std::fmt::Write as _;
use std::path::Path;
use tempfile::TempDir;

const MAPPING: &str = include_str!("../grammars/examples/transactlog.toml");

/// One session of the same story in both forms of log.
struct Told {
    native: String,
    xml: String,
}

fn clock(second: usize) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Logins, closes and refusals of some users, in order of time.
fn story() -> Told {
    let mut lines: Vec<(usize, String, String)> = Vec::new();
    for n in 0..60 {
        let (user, port, service) =
            (["ed", "Ann@example.com", "o'neil&co", "x<y>\"z\""][n % 4], 20_000 + n, ["imap", "pop"][n % 2]);
        let process = if service == "imap" { "imapd" } else { "popd" };
        let (begun, ended) = (36_000 + 37 * n, 36_000 + 37 * n + 600 + n);
        let escaped = user.replace('&', "&amp;").replace('<', "&#60;").replace('"', "&quot;");
        let head = |at: usize, level: &str| {
            format!("[29/May/2019:{} +0200] store2 {process}[{}]: Account {level}: ", clock(at), n % 3)
        };
        let attributes = |at: usize| {
            let time = if n % 5 == 0 {
                format!("29/May/2019:{} +0200", clock(at))
            } else {
                format!("2019-05-29T{}.123+02:00", clock(at))
            };
            format!(
                "pi='{}' ts=\"{time}\" us=\"{escaped}\" sn='{service}' hn=\"store2\" ip=\"192.0.2.7\" po=\"{port}\"",
                n % 3
            )
        };
        lines.push((
            begun,
            format!("{}login [192.0.2.7:{port}] {user} CRAM-MD5\n", head(begun, "Information")),
            format!("<lo {} am=\"CRAM-MD5\"/>\n", attributes(begun)),
        ));
        if n % 7 == 0 {
            lines.push((
                begun - 1,
                format!(
                    "{}badlogin: [192.0.2.7:{port}] CRAM-MD5 {user} authentication failure\n",
                    head(begun - 1, "Notice")
                ),
                format!("<bl {} am=\"CRAM-MD5\" re=\"authentication failure\"/>\n", attributes(begun - 1)),
            ));
        }
        if n % 6 != 0 {
            let start = clock(begun).trim_start_matches('0').to_owned();
            lines.push((
                ended,
                format!(
                    "{}close [192.0.2.7:{port}] {user} 2019/5/29 {start} 0:{:02}:{:02} 7 {n} 1\n",
                    head(ended, "Notice"),
                    (600 + n) / 60,
                    (600 + n) % 60
                ),
                format!("<cl op=\"session\" {} du=\"{}\" bi=\"7\" bo=\"{n}\" mb=\"1\"/>\n", attributes(ended), 600 + n),
            ));
        }
    }
    lines.sort();
    Told { native: lines.iter().map(|l| l.1.as_str()).collect(), xml: lines.iter().map(|l| l.2.as_str()).collect() }
}

/// A folder with the mapping, believed to be observed, and a log.
fn folder(log: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(folder.path(), "map.toml", MAPPING.replace("\"inferred\"", "\"observed\""));
    write(folder.path(), "logs/transactlog", log);
    folder
}

/// What all questions answer.
fn answers(folder: &Path, more: &[&str]) -> String {
    let mut all = String::new();
    for question in [&["-a", "-c"][..], &["sessions"], &["failures"], &["coverage"]] {
        let args: Vec<&str> =
            question.iter().chain(&["--format", "jsonl", "--grammar", "map.toml"]).chain(more).copied().collect();
        all += &run(folder, &args).exit(0).out();
    }
    all
}

fn tally(folder: &Path) -> [u64; 4] {
    let tally =
        run(folder, &["-a", "--format", "json", "--grammar", "map.toml", "logs"]).exit(0).document()["tally"].clone();
    let kinds = ["event", "known", "unknown", "reject"];
    let sum = |what: &str| kinds.iter().map(|kind| tally[kind][what].as_u64().expect("a count")).sum::<u64>();
    assert_eq!(
        (sum("lines"), sum("bytes")),
        (tally["lines"].as_u64().expect("a count"), tally["bytes"].as_u64().expect("a count"))
    );
    kinds.map(|kind| tally[kind]["lines"].as_u64().expect("a count"))
}

#[test]
fn xml_answers_as_service_logs_do() {
    let Told { native, xml } = story();
    let (native, xml) = (folder(native.as_bytes()), folder(xml.as_bytes()));
    let expected = answers(native.path(), &["logs"]);
    assert!(expected.lines().count() > 80, "{expected}");
    let got = answers(xml.path(), &["logs"]);
    for (got, expected) in got.lines().zip(expected.lines()) {
        assert_eq!(got, expected);
    }
    assert_eq!(got.lines().count(), expected.lines().count());
}

#[test]
fn xml_answers_the_same_however_it_is_laid_out() {
    let Told { xml, .. } = story();
    let expected = answers(folder(xml.as_bytes()).path(), &["logs"]);
    let whole =
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log>\n<!-- <lo ts=\"x\"/>\n-->\n{xml}</log>\n");
    let folded = xml.replace(" us=", "\n\t us=").replace(" po=", "\r\npo=");
    let joined = xml.replace("/>\n", "/>");
    let crlf = xml.replace('\n', "\r\n");
    for (name, log) in [("whole", &whole), ("folded", &folded), ("crlf", &crlf)] {
        let folder = folder(log.as_bytes());
        for threads in ["1", "4"] {
            assert_eq!(answers(folder.path(), &["logs", "-j", threads]), expected, "{name}");
        }
        assert_eq!(tally(folder.path())[2..], [0, 0], "{name}");
    }
    let packed = folder(&gz(folded.as_bytes()));
    assert_eq!(answers(packed.path(), &["logs"]), expected);
    let args = ["sessions", "--format", "jsonl", "--grammar", "map.toml"];
    let sessions = run(packed.path(), &[&args[..], &["logs"]].concat()).exit(0).out();
    assert_eq!(run_with(packed.path(), &[&args[..], &["-"]].concat(), folded.as_bytes()).exit(0).out(), sessions);
    // As many entries in a line as 64 KiB hold.
    let joined = joined.replacen("<lo ", "\n<lo ", 1);
    assert!(joined.len() < 60_000);
    let joined = folder(joined.as_bytes());
    assert_eq!(answers(joined.path(), &["logs"]), expected);
    // A file that is read in pieces, were it no XML.
    let long: String = (0..80).map(|n| folded.replace("store2", &format!("store{}", n + 2))).collect();
    assert!(long.len() > 1 << 20);
    let (long, many) = (folder(long.as_bytes()), folder(b""));
    for n in 0..80 {
        write(many.path(), &format!("logs/{n}"), xml.replace("store2", &format!("store{}", n + 2)));
    }
    std::fs::remove_file(many.path().join("logs/transactlog")).expect("the empty one");
    assert_eq!(answers(long.path(), &["logs"]), answers(many.path(), &["logs"]));
}

#[test]
fn lines_of_xml_are_shown_as_evidence() {
    let Told { xml, .. } = story();
    let folder = folder(xml.as_bytes());
    let rows =
        run(folder.path(), &["-a", "-u", "ed", "--evidence", "--format", "jsonl", "--grammar", "map.toml", "logs"])
            .exit(0);
    let line = rows.rows()[0]["evidence"][0]["text"].as_str().expect("a line").to_owned();
    assert!(line.starts_with("<lo ") && xml.contains(&line), "{line}");
}

#[test]
fn what_a_file_guesses_is_said_to_be_a_guess() {
    let folder = folder(story().xml.as_bytes());
    write(folder.path(), "map.toml", MAPPING);
    let got = run(folder.path(), &["-a", "-u", "ed", "--format", "jsonl", "--grammar", "map.toml", "logs"]).exit(0);
    assert_eq!(got.rows()[0]["imap"]["flags"][0], "inferred-format");
    assert!(got.err().contains("rest on a guess: a grammar file calls their form inferred"), "{}", got.err());
}

#[test]
fn what_is_not_well_formed_is_a_reject() {
    let good = "<lo ts=\"2019-05-29T10:00:00Z\" pi=\"7\" sn=\"imap\" hn=\"s\" ip=\"192.0.2.7\" us=\"ed\"/>";
    for (line, counts) in [
        (good.to_owned(), [1, 0, 0, 0]),
        (good.replace("<lo", "<zz"), [0, 0, 1, 0]),
        (good.replace(" hn=\"s\"", ""), [1, 0, 0, 0]),
        (good.replace("</", "<"), [1, 0, 0, 0]),
        (good.replace(" us=\"ed\"", ""), [0, 0, 0, 1]),
        (good.replace("us=\"ed\"", "us=\"\""), [0, 0, 0, 1]),
        (good.replace("192.0.2.7", "192.0.2.700"), [0, 0, 0, 1]),
        (good.replace("T10:00:00Z", "T10:00:00"), [0, 0, 0, 1]),
        (good.replace("pi=\"7\"", "pi=\"-7\""), [0, 0, 0, 1]),
        (good.replace("us=\"ed\"", "us=\"ed\" us=\"ann\""), [0, 0, 0, 1]),
        (good.replace("us=\"ed\"", "us=\"&xxe;\""), [0, 0, 0, 1]),
        (good.replace("\"ed\"", "\"ed"), [0, 0, 0, 1]),
        (format!("{} {good}", good.replace("\"ed\"/>", "\"ed")), [0, 0, 0, 1]),
        (format!("{}\n{good}", good.replace("\"ed\"/>", "\"ed")), [1, 0, 0, 1]),
        (good.replace("/>", ">"), [0, 0, 0, 1]),
        ("<!DOCTYPE log [<!ENTITY a \"b\">]>".to_owned(), [0, 0, 0, 1]),
        (format!("<!DOCTYPE log SYSTEM \"file:///etc/passwd\">\n{good}"), [1, 0, 0, 1]),
        (format!("<log>{good}"), [0, 1, 0, 0]),
        (format!("{good}{good} x"), [2, 0, 0, 1]),
        (format!("<lo us=\"{}\"/>\n{good}", "x".repeat(70_000)), [1, 0, 0, 1]),
    ] {
        let folder = folder(line.as_bytes());
        assert_eq!(tally(folder.path()), counts, "{}", &line[..line.len().min(300)]);
    }
}

#[test]
fn without_a_file_xml_is_what_it_was() {
    let Told { xml, .. } = story();
    let folder = folder(xml.as_bytes());
    write(folder.path(), "map.toml", "dialect = 'nothing'\n");
    assert_eq!(tally(folder.path()), [0, 0, 0, xml.lines().count() as u64]);
}

#[test]
fn rubbish_breaks_nothing() {
    let words = [
        "<lo ",
        "<cl ",
        "ts=\"2019-05-29T10:00:00Z\" ",
        "pi=\"7\" ",
        "sn=\"imap\" ",
        "us=\"",
        "\"",
        "/>",
        ">",
        "\n",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "&amp;",
        "&#x41;",
        "&",
        "<?xml?>",
        "</lo>",
        "<us>",
        "\u{feff}",
        "\0",
        "\u{fffd}",
    ];
    let mut dice = Dice(20_190_529);
    let mut below = |sides: usize| (dice.next() % sides as u64) as usize;
    for _ in 0..40 {
        let mut text = String::from("<log>");
        for _ in 0..400 {
            _ = write!(text, "{}", words[below(words.len())]);
        }
        let mut bytes = text.into_bytes();
        let at = below(bytes.len());
        bytes[at] = 0xff;
        let folder = folder(&bytes);
        tally(folder.path());
    }
}

#[test]
fn check_and_try_know_elements() {
    let folder = folder(b"");
    let checked = run(folder.path(), &["grammar", "check", "map.toml"]).exit(0).out();
    assert_eq!(
        checked,
        "map.toml: can be used: dialect transactlog, 0 templates, 5 elements, 5 samples read as expected\n"
    );
    let line = "<lo ts=\"2019-05-29T08:39:42+02:00\" pi=\"17849\" sn=\"imap\" ip=\"192.0.2.7\" us=\"e&amp;d\u{1b}\"/>";
    let got = run(folder.path(), &["grammar", "try", "map.toml", line]).exit(0).out();
    let expected = "\
<lo ts=\"2019-05-29T08:39:42+02:00\" pi=\"17849\" sn=\"imap\" ip=\"192.0.2.7\" us=\"e&amp;d\\x1b\"/>

  ts  time     2019-05-29T08:39:42+02:00
  pi  pid      17849
  sn  process  imap
  ip  peer     192.0.2.7
  us  user     e&d\\x1b

login, written 2019-05-29T06:39:42Z.
";
    assert_eq!(got, expected);
    for (from, to, said) in [
        ("store = \"hn\"\nstore_name = \"store1\"", "", "nothing says which store the entries are of"),
        ("user = \"us\", mechanism", "usr = \"us\", mechanism", "did you mean 'user'?"),
        ("user = \"us\", mechanism", "mechanism", "a login needs the field 'user'"),
        ("duration = \"du\", ", "", "a close needs the field 'start'"),
        ("kind = \"start\"", "kind = \"fetch\"", "an element cannot be a fetch"),
        ("name = \"lo\"", "name = \"xx\"", "its element has another name"),
        ("time = \"ts\"", "time = \"tt\"", "its time, process, pid or store is missing"),
        (
            "expect = { peer = \"192.0.2.7:40718\", user = \"ed\", mech",
            "expect = { peer = \"192.0.2.7\", user = \"ed\", mech",
            "field 'peer': expected",
        ),
        ("pid = \"pi\"\n", "", "missing field `pid`"),
        ("name = \"nt\"", "name = \"st\"", "an element before it reads its line"),
    ] {
        let wrong = MAPPING.replacen(from, to, 1);
        assert_ne!(wrong, MAPPING, "{from}");
        write(
            folder.path(),
            "wrong.toml",
            wrong
                .replace("<nt ", if to == "name = \"st\"" { "<st " } else { "<nt " })
                .replace("</nt>", if to == "name = \"st\"" { "</st>" } else { "</nt>" }),
        );
        let got = run(folder.path(), &["grammar", "check", "wrong.toml"]).exit(2).out();
        assert!(got.contains(said), "{said}\n{got}");
    }
}
