//! Where the answer goes: stdout, or a file that is whole or not there.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::Stop;
use crate::cli::{Cli, Format};
use crate::render::{Answer, Shape, write};

/// Where the answer goes, and in which shape.
#[derive(Debug)]
pub(super) struct Output {
    file: Option<PathBuf>,
    force: bool,
    shape: Shape,
}

impl Output {
    /// Checks the place before anything is read.
    ///
    /// # Errors
    /// The file exists already.
    pub(super) fn new(cli: &Cli) -> Result<Output, Stop> {
        let shape = match cli.common.format {
            Format::Table if cli.explain().is_some() => Shape::Words,
            Format::Table => Shape::Table,
            Format::Json => Shape::Json,
            Format::Jsonl => Shape::JsonLines,
            Format::Csv => Shape::Csv,
        };
        let output = Output { file: cli.common.output.clone(), force: cli.common.force, shape };
        match &output.file {
            Some(file) if !cli.common.force && file.symlink_metadata().is_ok() => {
                Err(Stop::Usage(format!("-o {}: exists already; give --force to replace it", file.display())))
            }
            _ => Ok(output),
        }
    }

    /// Writes an answer.
    ///
    /// # Errors
    /// The place cannot be written, or whoever reads went away.
    pub(super) fn write(&self, answer: &Answer<'_>) -> Result<(), Stop> {
        let mut sink = self.open()?;
        write(answer, self.shape, &mut sink)?;
        sink.finish()
    }

    /// Opens the place for writing; a file gets its name only by [`Sink::finish`].
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(&self) -> Result<Sink, Stop> {
        let Some(file) = &self.file else { return Ok(Sink::Stdout(BufWriter::with_capacity(1 << 16, io::stdout()))) };
        let folder =
            file.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), PathBuf::from);
        let named = |e: io::Error| Stop::Usage(format!("-o {}: {e}", file.display()));
        let temporary = tempfile::NamedTempFile::new_in(folder).map_err(named)?;
        Ok(Sink::File(BufWriter::new(temporary), file.clone(), self.force))
    }
}

/// An opened output.
#[derive(Debug)]
pub(super) enum Sink {
    Stdout(BufWriter<io::Stdout>),
    File(BufWriter<tempfile::NamedTempFile>, PathBuf, bool),
}

impl Sink {
    /// Everything is written.
    ///
    /// # Errors
    /// The last of it could not be written, or the file has come into being meanwhile.
    pub(super) fn finish(self) -> Result<(), Stop> {
        match self {
            Sink::Stdout(mut out) => Ok(out.flush()?),
            Sink::File(out, file, force) => {
                let named = |e: io::Error| Stop::Usage(format!("-o {}: {e}", file.display()));
                let temporary = out.into_inner().map_err(|e| named(e.into_error()))?;
                let kept = if force { temporary.persist(&file) } else { temporary.persist_noclobber(&file) };
                kept.map(drop).map_err(|e| named(e.error))
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Stdout(out) => out.write(buf),
            Sink::File(out, ..) => out.write(buf),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Stdout(out) => out.flush(),
            Sink::File(out, ..) => out.flush(),
        }
    }
}
