//! How a run is done, whatever it is asked: the options of commands that are no questions.

use std::path::PathBuf;

use clap::Args;

use super::{Color, Common, ConfigArgs, Progress};

/// How a run is done.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// A bar on the terminal while reading takes longer than half a second
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub progress: Progress,
    /// Colour of notes
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
    /// Where standard input and nested zips are kept for the time being [default: the system's]
    #[arg(long, value_name = "DIR")]
    pub tmpdir: Option<PathBuf>,
    /// Worker threads [default: one a processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// `--config` and `--no-config`.
    #[command(flatten)]
    pub config: ConfigArgs,
}

impl RunArgs {
    /// Takes it over.
    pub(super) fn settle(&self, common: &mut Common) {
        let RunArgs { progress, color, tmpdir, threads, config } = self.clone();
        common.progress = progress;
        common.color = color;
        common.tmpdir = tmpdir;
        common.threads = threads;
        common.config = config;
    }
}
