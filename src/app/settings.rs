//! Where settings come from, and what is said of them: a file, the environment.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Stop;
use crate::cli::{CONFIG, Cli, Command, ConfigArgs, Key, Setting, Source, from_environment, from_toml, over};
use crate::manifest::{Set, exact_path, path_of};
use crate::note::{Note, NoteKind, cause};
use crate::text::exact;

/// A file that is longer, in bytes, is hardly one of settings.
const LONGEST: u64 = 1 << 20;

/// The command line with what settings add to it, and notes that belong to this run and not to its answer.
///
/// # Errors
/// A file of settings is named and cannot be read, or there is something wrong in it or in a variable.
pub(super) fn applied(typed: Cli, arguments: &[OsString]) -> Result<(Cli, Vec<Note>), Stop> {
    let ConfigArgs { config, no_config } = &typed.common.config;
    if *no_config || matches!(typed.command, Some(Command::Completions(_) | Command::Man(_))) {
        return Ok((typed, Vec::new()));
    }
    let (variables, strays) = from_environment(std::env::vars_os()).map_err(Stop::Usage)?;
    let lower = match place(config.as_deref()) {
        Some((file, is_named)) => written(&file, is_named)?,
        None => Vec::new(),
    };
    let settings = over(lower, variables);
    let cli = match settings.as_slice() {
        [] => typed,
        _ => Cli::read(arguments, settings).map_err(|error| Stop::Usage(error.to_string()))?,
    };
    let stray = |name: &String| {
        Note::new("", NoteKind::Info, format!("{name} sets nothing: docs/config.md has the variables that do"))
    };
    let notes = strays.iter().map(stray).chain(unread(&cli)).collect();
    Ok((cli, notes))
}

/// The file of settings, and whether somebody named it.
fn place(config: Option<&Path>) -> Option<(PathBuf, bool)> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(file) = config.map(Path::to_owned).or_else(|| variable(CONFIG)) {
        return Some((file, true));
    }
    // A relative path there is to be ignored, says the XDG specification.
    let xdg = variable("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let folder = xdg.or_else(|| Some(variable("HOME")?.join(".config")))?;
    Some((folder.join("imstrail.toml"), false))
}

/// The settings in a file.
fn written(file: &Path, is_named: bool) -> Result<Vec<Setting>, Stop> {
    let mut text = String::new();
    match File::open(file).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
        Err(e) if e.kind() == io::ErrorKind::NotFound && !is_named => return Ok(Vec::new()),
        Err(e) => {
            let text = format!("settings {}: {}; --no-config does without", file.display(), cause(&e));
            return Err(Stop::Usage(text));
        }
        Ok(_) => {}
    }
    from_toml(&text, file).map_err(|mistakes| {
        let path = file.to_string_lossy();
        Stop::Pictures(mistakes.iter().map(|mistake| mistake.picture(&path, &text)).collect())
    })
}

/// That what comes through a pipe is not read, since settings name paths.
fn unread(cli: &Cli) -> Option<Note> {
    let paths = cli.settings.iter().find(|setting| setting.key.name == "paths")?;
    let users = cli.common.file.as_ref().is_some_and(|file| file.as_os_str() == "-");
    let kind = || std::fs::metadata("/dev/stdin").map(|meta| meta.file_type());
    let piped = !users && !io::stdin().is_terminal() && kind().is_ok_and(|kind| kind.is_fifo() || kind.is_file());
    let text = format!("standard input is not read, since {} sets the paths; - names it", paths.from);
    piped.then(|| Note::new("", NoteKind::Info, text))
}

/// What is said of settings that may change an answer: where they come from.
pub(super) fn notes(cli: &Cli) -> Vec<Note> {
    let (mut file, mut names, mut variables) = (None, Vec::new(), Vec::new());
    for setting in cli.settings.iter().filter(|setting| setting.key.tells) {
        match &setting.from {
            Source::File(path) => (file, _) = (Some(path), names.push(setting.key.name)),
            Source::Variable(name) => variables.push(name.as_str()),
        }
    }
    let told = |text: &str| Note::new("", NoteKind::Info, text);
    let of_file =
        file.map(|file| told("settings of ").naming(&file.to_string_lossy(), &format!(": {}", names.join(", "))));
    let of_variables =
        (!variables.is_empty()).then(|| told(&format!("settings of the environment: {}", variables.join(", "))));
    of_file.into_iter().chain(of_variables).collect()
}

/// Settings as the manifest has them.
pub(super) fn recorded(cli: &Cli) -> Vec<Set> {
    cli.settings.iter().map(set).collect()
}

fn set(setting: &Setting) -> Set {
    let text = |value: &OsString| exact(value.as_bytes()).into_owned();
    Set {
        name: setting.key.name.to_owned(),
        values: setting.values.iter().map(text).collect(),
        from: match &setting.from {
            Source::File(file) => exact_path(file),
            Source::Variable(name) => name.clone(),
        },
    }
}

/// Settings that a manifest has so; nothing if this version does not know one of them.
pub(super) fn again(recorded: &[Set]) -> Option<Vec<Setting>> {
    let setting = |set: &Set| {
        let key = Key::named(&set.name)?;
        let from = match set.from == key.variable {
            true => Source::Variable(set.from.clone()),
            false => Source::File(path_of(&set.from)),
        };
        Some(Setting { key, values: set.values.iter().map(|text| path_of(text).into_os_string()).collect(), from })
    };
    recorded.iter().map(setting).collect()
}

/// Settings that may change an answer, as the JSON document has them; without files and users where those are hidden.
pub(super) fn as_json(cli: &Cli, hidden: bool) -> Vec<Value> {
    let of = |setting: &Setting| match hidden {
        true => json!({"name": setting.key.name, "values": null, "from": null}),
        false => json!(set(setting)),
    };
    cli.settings.iter().filter(|setting| setting.key.tells).map(of).collect()
}
