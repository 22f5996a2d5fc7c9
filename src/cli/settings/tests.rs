use super::*;

fn set(name: &str, values: &[&str], from: &str) -> Setting {
    let key = Key::named(name).unwrap();
    let from = if from.contains('/') { Source::File(from.into()) } else { Source::Variable(from.to_owned()) };
    Setting { key, values: values.iter().map(OsString::from).collect(), from }
}

fn read(arguments: &[&str], settings: Vec<Setting>) -> Cli {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    Cli::read(&arguments, settings).unwrap()
}

#[test]
fn keys_are_options_of_a_question() {
    let command = FailuresArgs::augment_args(Command::new("failures"));
    for key in KEYS {
        let arg = command.get_arguments().find(|arg| arg.get_id().as_str() == key.id()).unwrap();
        assert!(key.name == "paths" || arg.get_long() == Some(key.name), "{}", key.name);
        assert_eq!(matches!(arg.get_action(), clap::ArgAction::Append), key.is_many(), "{}", key.name);
        let shouted = key.name.to_uppercase().replace('-', "_");
        assert!(key.variable == format!("IMSTRAIL_{shouted}") || key.name == "paths", "{}", key.name);
    }
}

#[test]
fn a_file() {
    let text =
        "within = '10m'\n# comment\npaths = [\"logs\", \"/archive/../x\"]\nyear = 0x7d3\nstore-alias = 'old=new'\n";
    let file = "/etc/site/imstrail.toml";
    let expected = [
        set("paths", &["/etc/site/logs", "/archive/../x"], file),
        set("year", &["2003"], file),
        set("store-alias", &["old=new"], file),
        set("within", &["10m"], file),
    ];
    assert_eq!(from_toml(text, Path::new(file)).unwrap(), expected);
    assert_eq!(from_toml("paths = 'x'", Path::new("here.toml")).unwrap()[0].values, ["x"]);
    assert_eq!(from_toml("", Path::new(file)).unwrap(), []);
}

#[test]
fn what_may_be_wrong_in_a_file() {
    for (text, line, place, what, remedy) in [
        ("tz = 'Mars'", 1, "'Mars'", "no value of tz", "Europe/Paris"),
        ("\n[findings]\nrun = 5", 2, "findings", "nothing is called findings", "many-users"),
        ("formt = 'csv'", 1, "formt", "nothing is called formt", "perhaps format is meant"),
        ("format = 'ecs'", 1, "'ecs'", "no value of format", "table, json, jsonl, csv"),
        ("format = ''", 1, "''", "no value of format", "leave out"),
        ("color = 'red'", 1, "'red'", "no value of color", "auto, always, never"),
        ("year = 1066", 1, "1066", "no value of year", "1970..=9999"),
        ("run = 1.5", 1, "1.5", "no value of run", "a number"),
        ("run = true", 1, "true", "no value of run", "a number"),
        ("run = -1", 1, "-1", "no value of run", "1..=1000"),
        ("tz = ['utc']", 1, "['utc']", "no value of tz", "no list"),
        ("paths = ['a', ['b']]", 1, "['b']", "no value of paths", "no list"),
        ("paths = ['-']", 1, "'-'", "no path", "command line"),
        ("grammar = ''", 1, "''", "no value of grammar", "leave out"),
        ("store-alias = ['a=b', 'c']", 1, "'c'", "no value of store-alias", "OLD=NEW"),
        ("tz = 'utc'\ntz = 'log'", 2, "tz", "duplicate key", "TOML"),
        ("tz = ", 1, "", "", "TOML"),
    ] {
        let mistakes = from_toml(text, Path::new("x.toml")).unwrap_err();
        let [mistake] = mistakes.as_slice() else { panic!("{text}: {mistakes:?}") };
        assert_eq!(mistake.place(text).0, line, "{text}");
        assert_eq!(text.get(mistake.at.clone()).unwrap_or_default().trim(), place, "{text}");
        assert!(mistake.what.contains(what) && mistake.remedy.contains(remedy), "{text}: {mistake:?}");
    }
    let text = "a = 1\ntz = 2\nb = 3";
    let starts: Vec<usize> = from_toml(text, Path::new("x")).unwrap_err().iter().map(|m| m.at.start).collect();
    assert_eq!(starts, [0, 11, 13], "all that is wrong, in order");
}

#[test]
fn the_environment() {
    let variables = |all: &[(&str, &str)]| {
        let all: Vec<_> = all.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        from_environment(all.into_iter())
    };
    let (settings, others) = variables(&[
        ("IMSTRAIL_STORE_ALIAS", "a=b,c=d"),
        ("IMSTRAIL_PATH", "x::/y:"),
        ("IMSTRAIL_TZ", "utc"),
        ("IMSTRAIL_YEAR", ""),
        ("IMSTRAIL_CONFIG", "z.toml"),
        ("IMSTRAIL_PATHS", "z"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    let expected = [
        set("paths", &["x", "/y"], "IMSTRAIL_PATH"),
        set("tz", &["utc"], "IMSTRAIL_TZ"),
        set("store-alias", &["a=b", "c=d"], "IMSTRAIL_STORE_ALIAS"),
    ];
    assert_eq!((settings.as_slice(), others), (expected.as_slice(), vec!["IMSTRAIL_PATHS".to_owned()]));
    let error = variables(&[("IMSTRAIL_RUN", "0")]).unwrap_err();
    assert_eq!(error, "IMSTRAIL_RUN: '0' is no value of run: 0 is not in 1..=1000");
    assert!(variables(&[("IMSTRAIL_STORE_ALIAS", "a=b,c")]).unwrap_err().contains("'c' is no value of store-alias"));
}

#[test]
fn the_file_gives_way_to_the_environment_and_that_to_the_command_line() {
    let file = vec![set("tz", &["utc"], "/c"), set("year", &["2001"], "/c"), set("paths", &["a", "b"], "/c")];
    let settings = over(file, vec![set("tz", &["local"], "IMSTRAIL_TZ")]);
    let names = |cli: &Cli| cli.settings.iter().map(|setting| setting.key.name).collect::<Vec<_>>();
    let cli = read(&["imstrail", "-a"], settings.clone());
    assert_eq!((cli.common.tz, cli.common.year), (crate::times::Zone::Local, Some(2001)));
    assert_eq!(cli.common.paths, [PathBuf::from("a"), PathBuf::from("b")]);
    assert_eq!(names(&cli), ["paths", "tz", "year"]);
    let cli = read(&["imstrail", "sessions", "--tz", "log", "c"], settings);
    assert_eq!((cli.common.tz, cli.common.paths.len()), (crate::times::Zone::Log, 1));
    assert_eq!(names(&cli), ["year"], "what is typed is no setting, though it be the default");
}

#[test]
fn settings_go_only_where_there_is_such_an_option() {
    let settings = || vec![set("format", &["csv"], "/c"), set("run", &["7"], "/c"), set("threads", &["2"], "/c")];
    let names = |arguments: &[&str]| -> Vec<&str> {
        read(arguments, settings()).settings.iter().map(|setting| setting.key.name).collect()
    };
    assert_eq!(names(&["imstrail", "failures"]), ["format", "run", "threads"]);
    assert_eq!(read(&["imstrail", "failures"], settings()).failures().unwrap().run, 7);
    assert_eq!(names(&["imstrail", "-a"]), ["format", "threads"]);
    assert_eq!(names(&["imstrail", "explain", "-u", "ed"]), ["threads"]);
    assert_eq!(names(&["imstrail", "verify", "x"]), ["threads"], "verify has no CSV");
    assert_eq!(names(&["imstrail", "man"]), [""; 0]);
    assert_eq!(names(&["/usr/sbin/imsconnutil", "-a"]), ["threads"], "scripts expect the vendor's tables");
    assert_eq!(names(&["imsconnutil", "-a", "--format", "json"]), ["threads"]);
}

#[test]
fn the_example_sets_everything() {
    let settings = from_toml(include_str!("../../../docs/imstrail.toml"), Path::new("/etc/x.toml")).unwrap();
    let names: Vec<&str> = settings.iter().map(|setting| setting.key.name).collect();
    assert_eq!(names, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
    read(&["imstrail", "failures"], settings);
    let manual = include_str!("../../../docs/config.md");
    for key in KEYS {
        assert!(
            manual.contains(&format!("`{}`", key.name)) && manual.contains(&format!("`{}`", key.variable)),
            "{}",
            key.name
        );
    }
}
