//! All output is as docs/schema/ says: of the samples, of the golden cases, and of a simulated archive.
//!
//! The schemas let keys and names be added, as docs/output.md promises. Here they are read strictly: what is not in them fails, so that
//! nothing is added without its description.

#![allow(clippy::print_stdout, reason = "the number of objects is the test's report")]

mod common;
#[path = "../examples/simulate/sim.rs"]
mod sim;

use common::pack::{gz, tar};
use common::{Run, run, run_with, write};
use jsonschema::Validator;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The schemas by the names of their files, `session` and the like.
fn schemas() -> BTreeMap<String, Value> {
    let files = fs::read_dir(Path::new(ROOT).join("docs/schema")).expect("the schemas");
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().strip_suffix(".schema.json")?.to_owned();
        let text = fs::read_to_string(entry.path()).expect("a readable file");
        Some((name, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", entry.path().display()))))
    };
    let mut schemas: BTreeMap<String, Value> = files.filter_map(|entry| read(entry.expect("an entry"))).collect();
    // That one is of files that people write.
    schemas.remove("grammar");
    schemas
}

/// A schema in one piece with all others, where references are looked up; strictly, nothing may be there that it does not name.
fn whole(name: &str, strict: bool) -> Value {
    let mut parts = Map::new();
    for (name, mut schema) in schemas() {
        rewrite(&name, &mut schema, strict);
        parts.insert(name, schema);
    }
    json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": format!("#/$defs/{name}"), "$defs": parts})
}

fn rewrite(file: &str, schema: &mut Value, strict: bool) {
    match schema {
        Value::Array(all) => all.iter_mut().for_each(|part| rewrite(file, part, strict)),
        Value::Object(keys) => {
            keys.remove("$schema");
            if let Some(Value::String(place)) = keys.get_mut("$ref") {
                let (other, inside) = place.split_once('#').unwrap_or((place, ""));
                let other = if other.is_empty() { file } else { other.strip_suffix(".schema.json").expect("a schema") };
                *place = format!("#/$defs/{other}{inside}");
            }
            if strict && keys.contains_key("properties") {
                keys.insert("additionalProperties".to_owned(), false.into());
            }
            // Examples are all names that there are.
            if strict
                && keys.get("type") == Some(&json!("string"))
                && let Some(names) = keys.remove("examples")
            {
                keys.insert("enum".to_owned(), names);
            }
            keys.values_mut().for_each(|part| rewrite(file, part, strict));
        }
        _ => {}
    }
}

fn validator(name: &str, strict: bool) -> Validator {
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&whole(name, strict))
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// What output must be as, and what was seen of it.
struct Checks {
    by_record: BTreeMap<String, Validator>,
    document: Validator,
    manifest: Validator,
    seen: BTreeMap<String, usize>,
    /// Every place in the schemas at which a value was seen that is not `null`, as `session.bytes_in`.
    keys: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Checks {
    fn new() -> Checks {
        let records =
            schemas().into_keys().filter(|name| !["common", "document", "manifest", "record"].contains(&name.as_str()));
        Checks {
            by_record: records.map(|name| (name.clone(), validator(&name, true))).collect(),
            document: validator("document", true),
            manifest: validator("manifest", true),
            seen: BTreeMap::new(),
            keys: BTreeSet::new(),
            wrong: Vec::new(),
        }
    }

    fn hold(&mut self, name: &str, value: &Value, whose: &str) {
        let validator = match name {
            "document" => &self.document,
            "manifest" => &self.manifest,
            name => self.by_record.get(name).unwrap_or_else(|| panic!("{whose}: no schema of {name}: {value}")),
        };
        let wrong = validator.iter_errors(value).map(|e| format!("{whose}: {name} at {}: {e}", e.instance_path()));
        self.wrong.extend(wrong);
        *self.seen.entry(name.to_owned()).or_default() += 1;
        note_keys(name, value, &mut self.keys);
    }

    /// Rows of JSON Lines.
    fn lines(&mut self, got: &Run, whose: &str) {
        for row in got.rows() {
            self.hold(row["record"].as_str().expect("a kind"), &row, whose);
        }
    }

    #[track_caller]
    fn all_hold(&self) {
        println!("schemas: {:?}", self.seen);
        assert!(
            self.wrong.is_empty(),
            "{} wrong, the first:\n{}",
            self.wrong.len(),
            self.wrong[..self.wrong.len().min(20)].join("\n")
        );
    }
}

fn note_keys(path: &str, value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(all) => all.iter().for_each(|(key, value)| note_keys(&format!("{path}.{key}"), value, keys)),
        Value::Array(all) => all.iter().for_each(|value| note_keys(path, value, keys)),
        Value::Null => {}
        _ => _ = keys.insert(path.to_owned()),
    }
}

/// Every question that has records.
const QUESTIONS: [&[&str]; 12] = [
    &["-c", "-a"],
    &["-c", "-s", "pop"],
    &["-a", "-u", "nobody"],
    &["sessions"],
    &["sessions", "--status", "lost,open"],
    &["messages"],
    &["failures", "--kind", "refused,proxy-refused,never-logged-in"],
    &["failures", "--by", "user"],
    &["failures", "--by", "address"],
    &["failures", "--by", "hour"],
    &["failures", "--findings", "--many-users", "3", "--many-addresses", "2", "--run", "2"],
    &["coverage"],
];

/// Asks all questions in both formats of an archive in a folder, each time with more arguments.
fn ask_all(checks: &mut Checks, folder: &Path, path: &str, exit: i32, more: &[&[&str]]) {
    for question in QUESTIONS {
        for &more in more {
            if (question[0] == "coverage" || question.contains(&"--by")) && more.contains(&"--evidence") {
                continue;
            }
            let args = [question, more, &["--no-config", path, "--format"]].concat();
            let whose = args.join(" ");
            checks.lines(&run(folder, &[&args[..], &["jsonl"]].concat()).exit(exit), &whose);
            let document = run(folder, &[&args[..], &["json"]].concat()).exit(exit).document();
            checks.hold("document", &document, &whose);
            for record in document["records"].as_array().expect("records") {
                checks.hold(record["record"].as_str().expect("a kind"), record, &whose);
            }
        }
    }
}

#[test]
fn schemas_are_schemas_and_describe_what_they_name() {
    for (name, schema) in schemas() {
        if let Err(e) = jsonschema::draft202012::meta::validate(&schema) {
            panic!("{name}: {e}");
        }
        assert!(schema["title"].is_string() && schema["description"].is_string(), "{name}");
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            let says = value.get("description").or(value.get("$ref")).or(value.get("const"));
            assert!(says.is_some(), "{name}.{key} has no description");
        }
        validator(&name, false);
    }
}

/// A stricter schema fails where it should, and the schema as it is published does not.
#[test]
fn keys_may_be_added_and_may_not_be_missing() {
    let row =
        run(Path::new(ROOT), &["sessions", "-u", "cy", "--format", "jsonl", "--no-config", "samples"]).exit(0).rows();
    let mut row = row.into_iter().next().expect("a session");
    let (published, strict, any) =
        (validator("session", false), validator("session", true), validator("record", false));
    assert!(published.is_valid(&row) && strict.is_valid(&row) && any.is_valid(&row));
    row["new"] = 1.into();
    assert!(published.is_valid(&row) && any.is_valid(&row) && !strict.is_valid(&row));
    row["flags"] = json!(["new-flag"]);
    assert!(published.is_valid(&row));
    for (key, value) in
        [("login", json!("29/May/2019")), ("pid", json!("7")), ("status", json!("gone")), ("user", Value::Null)]
    {
        let mut wrong = row.clone();
        wrong[key] = value;
        assert!(!published.is_valid(&wrong) && !any.is_valid(&wrong), "{key}");
    }
    row.as_object_mut().expect("an object").remove("store");
    assert!(!published.is_valid(&row));
}

/// All output in one test, so that in the end every key that a schema names has been seen.
#[test]
fn all_output_is_as_the_schemas_say() {
    let mut checks = Checks::new();
    of_samples(&mut checks);
    of_golden_cases(&mut checks);
    of_a_simulated_archive(&mut checks);
    checks.all_hold();
    let mut unseen = BTreeSet::new();
    for name in schemas().into_keys().filter(|name| name != "common" && name != "record") {
        let whole = whole(&name, false);
        named_keys(&name, &whole, &whole, &mut unseen);
    }
    unseen.retain(|key| !checks.keys.contains(key) && !key.starts_with("document.records"));
    assert_eq!(unseen, BTreeSet::from(UNSEEN.map(str::to_owned)));
}

/// What a schema names and no output here has: a flag of POP needs a refused login that forges one.
const UNSEEN: [&str; 1] = ["last_access.pop.flags"];

/// The places of all values that are named in a schema.
fn named_keys(path: &str, schema: &Value, whole: &Value, keys: &mut BTreeSet<String>) {
    let place = schema["$ref"].as_str().map(|place| place.trim_start_matches('#').to_owned());
    if let Some(place) = &place {
        named_keys(path, whole.pointer(place).unwrap_or_else(|| panic!("{place}")), whole, keys);
    }
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        named_keys(&format!("{path}.{key}"), below, whole, keys);
    }
    schema["anyOf"].as_array().into_iter().flatten().for_each(|below| named_keys(path, below, whole, keys));
    if schema.get("items").is_some() {
        named_keys(path, &schema["items"], whole, keys);
    }
    let is_inner = ["properties", "anyOf", "items", "$ref"].iter().any(|key| schema.get(key).is_some());
    if !is_inner && schema["type"] != "null" {
        keys.insert(path.to_owned());
    }
}

fn of_samples(checks: &mut Checks) {
    let more: [&[&str]; 3] = [&[], &["--evidence"], &["--tz", "utc", "--proxy", "10.0.0.0/8"]];
    ask_all(checks, Path::new(ROOT), "samples", 0, &more);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let samples = Path::new(ROOT).join("samples");
    let samples = samples.to_str().expect("UTF-8");
    write(folder.path(), "uids", "ed\n");
    let args = ["-a", "-f", "uids", "--tz", "local", "--manifest", "m", "-o", "answer", "--no-config", samples];
    run(folder.path(), &args).exit(0);
    checks.hold("manifest", &read(&folder.path().join("m")), "manifest");
    write(folder.path(), "uids", "ann\n");
    checks.lines(&run(folder.path(), &["verify", "--answer", "--format", "jsonl", "m"]).exit(1), "verify");
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).expect("written")).expect("JSON")
}

#[derive(Deserialize)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    args: Vec<String>,
    stdin: Option<String>,
    files: BTreeMap<String, String>,
}

fn of_golden_cases(checks: &mut Checks) {
    let before = checks.seen.values().sum::<usize>();
    for entry in fs::read_dir(Path::new(ROOT).join("tests/golden")).expect("the cases") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a readable file");
        for case in toml::from_str::<File>(&text).expect("cases").case {
            hold_case(checks, &case);
        }
    }
    assert!(checks.seen.values().sum::<usize>() > before + 500, "{:?}", checks.seen);
}

/// Asks a case's question in both formats.
fn hold_case(checks: &mut Checks, case: &Case) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    case.files.iter().for_each(|(path, text)| write(folder.path(), path, text));
    let mut args = case.args.clone();
    let format = args.iter().position(|arg| arg == "--format");
    let was = format.map(|at| args.drain(at..at + 2).nth(1).expect("a format"));
    if was.is_some_and(|was| ["timesketch", "ecs", "ocsf"].contains(&was.as_str()))
        || args.iter().any(|arg| arg == "-o" || arg == "--plan")
    {
        return;
    }
    for format in ["jsonl", "json"] {
        let args = [&args[..], &["--format".to_owned(), format.to_owned()]].concat();
        let got = match &case.stdin {
            Some(text) => run_with(folder.path(), &args, text.as_bytes()),
            None => run(folder.path(), &args),
        };
        match format {
            _ if got.code == Some(2) => {}
            "json" => checks.hold("document", &got.document(), &case.name),
            _ => checks.lines(&got, &case.name),
        }
    }
}

fn of_a_simulated_archive(checks: &mut Checks) {
    let mut config = sim::Config { seed: 5, ..sim::Config::default() };
    config.site.stores = 2;
    (config.traffic.users, config.traffic.rate, config.traffic.open) = (30, 25.0, 15.0);
    (config.trouble.restarts, config.trouble.crashes) = (1, 1);
    config.span.seconds = Some(21_600);
    config.files.rotate_bytes = 20_000;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let logs = folder.path().join("logs");
    write(&logs, "all.tar", tar(&sim::simulate(&config).files));
    write(&logs, "empty", "");
    // Two files of one time that differ.
    for (file, user) in [("one", "ed"), ("other", "ann")] {
        let lines = (0..9).map(|n| common::login(&format!("10:0{n}:00"), 700 + n, user));
        write(&logs, file, lines.collect::<String>().replace("store1", "store9"));
    }
    write(&logs, "cut.gz", &gz(common::login("10:00:00", 1, "ed").repeat(99).as_bytes())[..60]);
    ask_all(checks, folder.path(), "logs", 1, &[&[]]);
    // Lines inside of an archive.
    for question in [&["-a", "-c"][..], &["messages"]] {
        let args = [question, &["--evidence", "--format", "jsonl", "logs"]].concat();
        checks.lines(&run(folder.path(), &args).exit(1), "evidence");
    }
    // With settings, and from a terminal's zone.
    let set = |args: &[&str]| {
        let mut command = common::clean(common::IMSTRAIL, folder.path());
        let settings = [("IMSTRAIL_PATH", "logs"), ("IMSTRAIL_KNOWN_DAMAGE", "logs/cut.gz"), ("IMSTRAIL_THREADS", "2")];
        common::finish(command.envs(settings).args(args), None).exit(0)
    };
    checks.hold("document", &set(&["-a", "--format", "json"]).document(), "settings");
    set(&["sessions", "--manifest", "m", "-o", "answer"]);
    checks.hold("manifest", &read(&folder.path().join("m")), "manifest with settings");
    write(&logs, "new", common::login("10:00:00", 1, "ed"));
    checks.lines(&run(folder.path(), &["verify", "--answer", "--format", "jsonl", "m"]).exit(1), "verify");
}
