//! `docs/schema/grammar.schema.json`: what it allows can be used, and what it forbids cannot.

mod common;

use common::{login, run, write};
use jsonschema::Validator;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn schema() -> Validator {
    let text = fs::read_to_string(format!("{ROOT}/docs/schema/grammar.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// What the schema says against a grammar file.
fn against(schema: &Validator, text: &str) -> Vec<String> {
    let file: Value = toml::from_str(text).expect("TOML");
    schema.iter_errors(&file).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Every grammar file of the repository.
fn files() -> Vec<PathBuf> {
    let in_folder = |folder: &str| fs::read_dir(format!("{ROOT}/{folder}")).expect("a folder");
    let all =
        ["grammars", "grammars/examples"].into_iter().flat_map(in_folder).map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    files.push(Path::new(ROOT).join("docs/site.toml"));
    files
}

#[test]
fn every_grammar_file_is_as_the_schema_says() {
    let schema = schema();
    let files = files();
    assert!(files.len() >= 5, "{files:?}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in files {
        let text = fs::read_to_string(&file).expect("a file");
        assert_eq!(against(&schema, &text), Vec::<String>::new(), "{}", file.display());
        run(folder.path(), &["grammar", "check", file.to_str().expect("a path")]).exit(0);
    }
}

#[test]
fn drafts_are_as_the_schema_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let line = |message: &str| login("10:00:00", 1, "ed").replace("login", message);
    write(folder.path(), "imap", line("auth ok") + &line("disk full of \\ \" \u{1b} x"));
    let draft = run(folder.path(), &["grammar", "suggest", "imap"]).exit(0).out();
    for draft in [draft.clone(), draft.replace("\n#| ", "\n")] {
        assert_eq!(against(&schema(), &draft), Vec::<String>::new(), "{draft}");
    }
}

#[test]
fn what_the_schema_forbids_cannot_be_used() {
    let schema = schema();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = fs::read_to_string(format!("{ROOT}/docs/site.toml")).expect("a file");
    let xml = fs::read_to_string(format!("{ROOT}/grammars/examples/transactlog.toml")).expect("a file");
    let changes = [
        (&site, "dialect = \"samples\"", ""),
        (&site, "dialect = \"samples\"", "dialect = \"samples\"\nreasons = [\"\"]"),
        (&site, "dialect = \"samples\"", "dialect = \"samples\"\nlast = 1"),
        (&site, "dialect = \"samples\"", "dialect = \"samples\"\nother = 1"),
        (&site, "kind = \"login\"", "kind = \"logn\""),
        (&site, "kind = \"login\"", ""),
        (&site, "basis = \"observed\"", "basis = \"seen\""),
        (&site, "processes =", "process ="),
        (&site, "[[template.sample]]", "[[template.samples]]"),
        (&site, "user = \"bo\"", "usr = \"bo\""),
        (&site, "user = \"bo\"", "user = 1"),
        (&xml, "time = \"ts\"", ""),
        (&xml, "store = \"hn\"\nstore_name = \"store1\"", ""),
        (&xml, "kind = \"start\"", "kind = \"fetch\""),
        (&xml, "user = \"us\"", "usr = \"us\""),
        (&xml, "where = {", "when = {"),
    ];
    for (text, from, to) in changes {
        let wrong = text.replacen(from, to, 1);
        assert_ne!(&wrong, text, "{from}");
        assert_ne!(against(&schema, &wrong), Vec::<String>::new(), "{from} {to}");
        write(folder.path(), "wrong.toml", &wrong);
        run(folder.path(), &["grammar", "check", "wrong.toml"]).exit(2);
    }
}

#[test]
fn lists_name_what_the_schema_allows() {
    // Each kind and basis of the built-in dialects is in the schema, and none in the schema is unknown to the program.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schema: Value = serde_json::from_str(
        &fs::read_to_string(format!("{ROOT}/docs/schema/grammar.schema.json")).expect("the schema"),
    )
    .expect("JSON");
    for (what, list) in [("kind", &schema["$defs"]["kind"]["enum"]), ("basis", &schema["$defs"]["basis"]["enum"])] {
        write(folder.path(), "x.toml", format!("dialect = 'x'\n[[template]]\n{what} = 'no'\n"));
        let out = run(folder.path(), &["grammar", "check", "x.toml"]).exit(2).out();
        let names: Vec<String> = list
            .as_array()
            .expect("names")
            .iter()
            .map(|name| format!("`{}`", name.as_str().expect("a name")))
            .collect();
        assert!(out.contains(&format!("expected one of {}", names.join(", "))), "{what}: {out}");
    }
}
