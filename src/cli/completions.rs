//! `imstrail completions`: what a shell needs to complete the command line.

use clap::{Arg, Args, Command, CommandFactory, ValueEnum, ValueHint};
use clap_complete::{Shell, generate};

use super::{Cli, Help};

pub(super) const EXAMPLES: &str = "\
Examples:
  imstrail completions bash > ~/.local/share/bash-completion/completions/imstrail
  imstrail completions zsh > ~/.zfunc/_imstrail                    (a folder of zsh's fpath)
  imstrail completions fish > ~/.config/fish/completions/imstrail.fish
  source <(imstrail completions bash)                              for this shell alone";

/// `imstrail completions`
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: ShellArg,
    /// `--help` and `--version`.
    #[command(flatten)]
    help: Help,
}

/// A shell that can complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellArg {
    /// bash, 4 or later
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// The script that completes for a shell, to be read by it.
pub fn completions(shell: ShellArg) -> Vec<u8> {
    let shell = match shell {
        ShellArg::Bash => Shell::Bash,
        ShellArg::Zsh => Shell::Zsh,
        ShellArg::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut hinted(Cli::command()), "imstrail", &mut script);
    script
}

/// The command with hints of what its values are, by the names that help has for them: so a user is no file.
fn hinted(command: Command) -> Command {
    let hint = |arg: Arg| {
        let name = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        match name.as_deref() {
            Some("FILE" | "KEYFILE") => arg.value_hint(ValueHint::FilePath),
            Some("DIR") => arg.value_hint(ValueHint::DirPath),
            Some("PATH") => arg.value_hint(ValueHint::AnyPath),
            Some("ZONE") => arg.value_parser(["log", "utc", "local"]),
            Some(_) if arg.get_action().takes_values() && !arg.is_positional() => arg.value_hint(ValueHint::Other),
            _ => arg,
        }
    };
    command.mut_args(hint).mut_subcommands(hinted)
}
