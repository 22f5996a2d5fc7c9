//! Simulates message stores: their service logs, and the truth about who was connected.
#![allow(clippy::print_stderr, reason = "a program speaks to its user")]

mod args;
mod damaged;
mod disk;
mod pack;
// By path, as the tests include it, so that its own modules are found the same way.
#[path = "sim.rs"]
mod sim;

use clap::Parser;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let config = match args.config() {
        Ok(config) => config,
        Err(sentence) => {
            eprintln!("simulate: {sentence}");
            return ExitCode::from(2);
        }
    };
    match write(&args, &config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("simulate: writing to {} failed: {error}", args.out.display());
            ExitCode::from(1)
        }
    }
}

fn write(args: &args::Args, config: &sim::Config) -> io::Result<()> {
    let begun = Instant::now();
    let summary = if args.damage.is_empty() { write_whole(args, config)? } else { damaged::write(args, config)? };
    let seconds = begun.elapsed().as_secs_f64();
    let hours = (summary.end - config.span.start) as f64 / 3600.0;
    eprintln!("{summary:?}");
    eprintln!("{hours:.1} h simulated in {seconds:.1} s, {:.0} MB/s", summary.bytes as f64 / 1e6 / seconds);
    Ok(())
}

/// Writes the lines as they come.
fn write_whole(args: &args::Args, config: &sim::Config) -> io::Result<sim::Summary> {
    let create = |path: &Option<PathBuf>| path.as_deref().map(disk::create).transpose();
    let truth =
        disk::Truths { sessions: create(&args.truth)?, failures: create(&args.failures)?, lives: create(&args.lives)? };
    let mut disk = disk::Disk::new(config, args.out.clone(), args.compress.clone(), truth);
    let summary = sim::run(config, &mut disk)?;
    disk.finish()?;
    Ok(summary)
}
