//! Settings: what options are taken to be where the command line does not name them, from a file or the environment.
//!
//! A setting is text, as it would stand on the command line, and the command line's own parsers read it: the options that have
//! settings get other defaults, before the arguments are parsed. So a flag wins over the environment, and the environment over the file.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Cli, FailuresArgs};
use crate::mistake::{Mistake, meant};

/// What can be set.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name in the file: that of the option.
    pub name: &'static str,
    /// Its variable in the environment.
    pub variable: &'static str,
    form: Form,
    /// Whether it may change what is answered, or how.
    pub tells: bool,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    One,
    Many,
    Path,
    Paths,
}

const fn key(name: &'static str, variable: &'static str, form: Form, tells: bool) -> Key {
    Key { name, variable, form, tells }
}

/// All that can be set.
pub const KEYS: &[Key] = &[
    key("paths", "IMSTRAIL_PATH", Form::Paths, true),
    key("tz", "IMSTRAIL_TZ", Form::One, true),
    key("year", "IMSTRAIL_YEAR", Form::One, true),
    key("format", "IMSTRAIL_FORMAT", Form::One, true),
    key("grammar", "IMSTRAIL_GRAMMAR", Form::Paths, true),
    key("store-alias", "IMSTRAIL_STORE_ALIAS", Form::Many, true),
    key("proxy", "IMSTRAIL_PROXY", Form::Many, true),
    key("default-domain", "IMSTRAIL_DEFAULT_DOMAIN", Form::One, true),
    key("known-damage", "IMSTRAIL_KNOWN_DAMAGE", Form::Paths, true),
    key("many-users", "IMSTRAIL_MANY_USERS", Form::One, true),
    key("many-addresses", "IMSTRAIL_MANY_ADDRESSES", Form::One, true),
    key("run", "IMSTRAIL_RUN", Form::One, true),
    key("within", "IMSTRAIL_WITHIN", Form::One, true),
    key("cache", "IMSTRAIL_CACHE", Form::Path, false),
    key("cache-size", "IMSTRAIL_CACHE_SIZE", Form::One, false),
    key("tmpdir", "IMSTRAIL_TMPDIR", Form::Path, false),
    key("threads", "IMSTRAIL_THREADS", Form::One, false),
    key("progress", "IMSTRAIL_PROGRESS", Form::One, false),
    key("color", "IMSTRAIL_COLOR", Form::One, false),
];

/// The variable that names the file of settings.
pub const CONFIG: &str = "IMSTRAIL_CONFIG";

/// Formats that suit every question; others are asked for with the question.
const FORMATS: &[&str] = &["table", "json", "jsonl", "csv"];

impl Key {
    /// The key of a name.
    pub fn named(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The name of its argument, as clap has it.
    fn id(&self) -> String {
        self.name.replace('-', "_")
    }

    fn is_many(&self) -> bool {
        matches!(self.form, Form::Many | Form::Paths)
    }

    /// Whether its values name files.
    pub fn is_path(&self) -> bool {
        matches!(self.form, Form::Path | Form::Paths)
    }

    /// Whether a text is a value of it.
    ///
    /// # Errors
    /// What is expected instead.
    fn check(&self, value: &str) -> Result<(), String> {
        if value.is_empty() {
            return Err("a value is missing: leave out what sets nothing".to_owned());
        }
        if self.name == "paths" {
            return Ok(());
        }
        if self.name == "format" && !FORMATS.contains(&value) {
            return Err(format!("expected one of {}", FORMATS.join(", ")));
        }
        let bare = Command::new("failures").version("").disable_help_flag(true).disable_version_flag(true);
        let all = FailuresArgs::augment_args(bare);
        match all.try_get_matches_from(["failures".to_owned(), format!("--{}={value}", self.name)]) {
            Ok(_) => Ok(()),
            Err(error) => Err(expected(&error)),
        }
    }
}

/// What clap expected in the place of a value.
fn expected(error: &clap::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    match (error.kind(), error.get(ContextKind::ValidValue), cause) {
        (ErrorKind::InvalidValue, Some(ContextValue::Strings(values)), _) => {
            format!("expected one of {}", values.join(", "))
        }
        (_, _, Some(cause)) => cause,
        _ => error.kind().to_string(),
    }
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// This variable.
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(file) => file.display().fmt(f),
            Source::Variable(name) => name.fmt(f),
        }
    }
}

/// One thing that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What is set.
    pub key: &'static Key,
    /// To what, as behind the option; one, unless the option may be repeated.
    pub values: Vec<OsString>,
    /// By what.
    pub from: Source,
}

impl Setting {
    /// Whether a command has such an option, and that takes these values.
    fn suits(&self, command: &Command) -> bool {
        let Some(arg) = command.get_arguments().find(|arg| arg.get_id().as_str() == self.key.id()) else {
            return false;
        };
        let possible = arg.get_possible_values();
        let takes =
            |value: &OsString| possible.iter().any(|p| p.matches(&value.to_string_lossy(), arg.is_ignore_case_set()));
        // The story of explain is of words.
        let in_words = command.get_name() == "explain" && self.key.name == "format";
        !in_words && (possible.is_empty() || self.values.iter().all(takes))
    }

    /// The command with this as the default of its option, and of those of the commands below it.
    fn preset(&self, command: Command) -> Command {
        let suits = self.suits(&command);
        let command = command.mut_subcommands(|below| self.preset(below));
        if suits { command.mut_arg(self.key.id(), |arg| arg.default_values(&self.values)) } else { command }
    }
}

/// The settings in the text of a file. Paths in it are relative to its folder.
///
/// # Errors
/// All that is wrong in it.
pub fn from_toml(text: &str, file: &Path) -> Result<Vec<Setting>, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let mistake = |e: &toml::de::Error| {
            Mistake::new(
                e.span().unwrap_or(0..0),
                e.message().replace('\n', ", "),
                "settings are TOML: name = \"value\"",
            )
        };
        return Err(errors.iter().take(1).map(mistake).collect());
    }
    let (mut settings, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in table.get_ref() {
        let Some(key) = Key::named(name.get_ref()) else {
            mistakes.push(unknown(name));
            continue;
        };
        match values(key, value) {
            Ok(values) => {
                let values = values.into_iter().map(|text| placed(key, text, file)).collect();
                settings.push(Setting { key, values, from: Source::File(file.to_owned()) });
            }
            Err(mut wrong) => mistakes.append(&mut wrong),
        }
    }
    mistakes.sort_by_key(|mistake| mistake.at.start);
    settings.sort_by_key(|setting| KEYS.iter().position(|key| key == setting.key));
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}

fn unknown(name: &Spanned<std::borrow::Cow<'_, str>>) -> Mistake {
    let written = name.get_ref();
    let remedy = match meant(written, KEYS.iter().map(|key| key.name)) {
        Some(name) => format!("perhaps {name} is meant"),
        None => format!("what can be set: {}", KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")),
    };
    Mistake::new(name.span(), format!("nothing is called {written}"), remedy)
}

/// The texts of a value, checked.
fn values(key: &Key, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Vec<Mistake>> {
    let each: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
        DeValue::Array(all) if key.is_many() => all.iter().collect(),
        _ => vec![value],
    };
    let (mut texts, mut mistakes) = (Vec::new(), Vec::new());
    for value in each {
        let checked = match value.get_ref() {
            DeValue::String(text) => key.check(text).map(|()| text.clone().into_owned()),
            DeValue::Integer(n) => {
                let text = i64::from_str_radix(n.as_str(), n.radix()).map_or(n.to_string(), |n| n.to_string());
                key.check(&text).map(|()| text)
            }
            DeValue::Array(_) => Err("only one value can be set, no list".to_owned()),
            _ => Err("expected a text in quotes, or a number".to_owned()),
        };
        match checked {
            Ok(text) if key.is_path() && text == "-" => {
                let remedy = "name a file or a folder; standard input is named on the command line alone";
                mistakes.push(Mistake::new(value.span(), format!("no path in {}", key.name), remedy));
            }
            Ok(text) => texts.push(text),
            Err(remedy) => {
                mistakes.push(Mistake::new(value.span(), format!("this is no value of {}", key.name), remedy))
            }
        }
    }
    if mistakes.is_empty() { Ok(texts) } else { Err(mistakes) }
}

/// A value, paths from the folder of the file on.
fn placed(key: &Key, text: String, file: &Path) -> OsString {
    match file.parent() {
        Some(folder) if key.is_path() => folder.join(text).into(),
        _ => text.into(),
    }
}

/// The settings in variables, and the names of those that set nothing.
///
/// # Errors
/// A variable with a wrong value, and what was expected.
pub fn from_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(Vec<Setting>, Vec<String>), String> {
    let (mut settings, mut others) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("IMSTRAIL_") && *name != CONFIG) else {
            continue;
        };
        let Some(key) = KEYS.iter().find(|key| key.variable == name) else {
            others.push(name.to_owned());
            continue;
        };
        let values = split(key, &value);
        for value in &values {
            let text = value.to_str().filter(|_| !key.is_path()).map_or(Ok(()), |text| key.check(text));
            text.map_err(|expected| format!("{name}: '{}' is no value of {}: {expected}", value.display(), key.name))?;
        }
        // An empty variable sets nothing, as usual.
        if !values.is_empty() {
            settings.push(Setting { key, values, from: Source::Variable(name.to_owned()) });
        }
    }
    settings.sort_by_key(|setting| KEYS.iter().position(|key| key == setting.key));
    others.sort();
    Ok((settings, others))
}

/// The values in a variable: paths are separated by `:`, as in `PATH`, other lists by `,`.
fn split(key: &Key, value: &OsStr) -> Vec<OsString> {
    let separator = match key.form {
        Form::Paths => Some(b':'),
        Form::Many => Some(b','),
        Form::One | Form::Path => None,
    };
    let parts = value.as_bytes().split(|byte| Some(*byte) == separator).filter(|part| !part.is_empty());
    parts.map(|part| OsString::from_vec(part.to_vec())).collect()
}

/// Settings of which those of the second list win.
pub fn over(lower: Vec<Setting>, upper: Vec<Setting>) -> Vec<Setting> {
    let mut all: Vec<Setting> = lower.into_iter().filter(|low| upper.iter().all(|up| up.key != low.key)).collect();
    all.extend(upper);
    all.sort_by_key(|setting| KEYS.iter().position(|key| key == setting.key));
    all
}

/// Whether a program of this name is to be what scripts for the vendor's tool expect: they read its tables.
fn is_vendors(program: Option<&OsString>) -> bool {
    program.is_some_and(|name| Path::new(name).file_name().is_some_and(|name| name == "imsconnutil"))
}

impl Cli {
    /// Reads arguments, the program's name first; what they do not name is as the settings have it.
    ///
    /// # Errors
    /// What is wrong with the arguments, or the help that they ask for.
    pub fn read(arguments: &[OsString], settings: Vec<Setting>) -> Result<Cli, clap::Error> {
        let vendors = is_vendors(arguments.first());
        let settings: Vec<Setting> = settings.into_iter().filter(|s| !vendors || s.key.name != "format").collect();
        let mut command = settings.iter().fold(Cli::command(), |command, setting| setting.preset(command));
        let mut matches = command.try_get_matches_from_mut(arguments)?;
        let used = |setting: &Setting| is_used(setting, &command, &matches);
        let settings = settings.iter().filter(|setting| used(setting)).cloned().collect();
        let cli = Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?;
        Ok(Cli { settings, ..cli.settled() })
    }
}

/// Whether a setting stands where the command that was called has no argument.
fn is_used(setting: &Setting, mut command: &Command, mut matches: &ArgMatches) -> bool {
    while let Some((name, below)) = matches.subcommand() {
        let Some(called) = command.find_subcommand(name) else { return false };
        (command, matches) = (called, below);
    }
    setting.suits(command) && matches.value_source(&setting.key.id()) == Some(ValueSource::DefaultValue)
}

#[cfg(test)]
mod tests;
