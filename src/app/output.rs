//! Where the answer goes: stdout, or a file that is whole or not there.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
#[cfg(feature = "sqlite")]
use std::sync::atomic::AtomicU64;

use tempfile::NamedTempFile;

use super::Stop;
use super::manifest::Begun;
use crate::cli::{Cli, Format, ReportArgs};
use crate::discover::Found;
use crate::hash::{Hashed, Hasher};
use crate::render::{Answer, Shape, write};

/// A file to be written as a whole.
#[derive(Clone, Debug)]
pub(super) struct Place {
    option: &'static str,
    pub(super) file: PathBuf,
    force: bool,
}

impl Place {
    /// Checks the place before anything is read.
    ///
    /// # Errors
    /// The file exists already, or is a device, a pipe or a folder, which a file must not take the place of.
    pub(super) fn new(option: &'static str, file: &Path, force: bool) -> Result<Place, Stop> {
        if file.metadata().is_ok_and(|meta| !meta.is_file()) {
            let file = file.display();
            let text = format!("{option} {file}: is no regular file; to write there, redirect standard output");
            return Err(Stop::Usage(text));
        }
        if !force && file.symlink_metadata().is_ok() {
            let file = file.display();
            return Err(Stop::Usage(format!("{option} {file}: exists already; give --force to replace it")));
        }
        Ok(Place { option, file: file.to_owned(), force })
    }

    /// Checks that it is none of the files that are to be read: `--force` must not replace a log.
    ///
    /// # Errors
    /// It is one of them.
    pub(super) fn is_none_of(&self, inputs: &[Found]) -> Result<(), Stop> {
        let Ok(place) = self.file.canonicalize() else { return Ok(()) };
        if inputs.iter().any(|input| input.path.canonicalize().is_ok_and(|path| path == place)) {
            let file = self.file.display();
            return Err(Stop::Usage(format!("{} {file}: is a file that is to be read; name another", self.option)));
        }
        Ok(())
    }

    fn named(&self, error: &io::Error) -> Stop {
        Stop::Usage(format!("{} {}: {error}", self.option, self.file.display()))
    }

    /// Opens the place for writing; it gets its name only by [`Place::keep`].
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(&self) -> Result<BufWriter<NamedTempFile>, Stop> {
        let folder = self.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        NamedTempFile::new_in(folder).map(BufWriter::new).map_err(|e| self.named(&e))
    }

    /// Everything is written.
    ///
    /// # Errors
    /// The last of it could not be written, or the file has come into being meanwhile.
    pub(super) fn keep(&self, out: BufWriter<NamedTempFile>) -> Result<(), Stop> {
        let temporary = out.into_inner().map_err(|e| self.named(&e.into_error()))?;
        let kept = if self.force { temporary.persist(&self.file) } else { temporary.persist_noclobber(&self.file) };
        kept.map(drop).map_err(|e| self.named(&e.error))
    }
}

/// The folder of a file, without links, and its name there; the file itself need not exist.
fn one_place(file: &Path) -> (PathBuf, Option<&OsStr>) {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    (folder.canonicalize().unwrap_or_else(|_| folder.to_owned()), file.file_name())
}

/// Where the answer goes, in which shape, and what is to be told of it.
#[derive(Debug)]
pub(super) struct Output {
    to: Where,
    shape: Shape,
    /// Where a database is written of which only the hash is wanted.
    #[cfg(feature = "sqlite")]
    tmpdir: PathBuf,
    pub(super) manifest: Option<Begun>,
    /// The file beside a report, should there be too much for it.
    pub(super) beside: Option<Place>,
}

#[derive(Debug)]
enum Where {
    Stdout,
    File(Place),
    /// Only its hash is wanted.
    Nowhere,
}

impl Output {
    /// Checks the places before anything is read.
    ///
    /// # Errors
    /// A file exists already, or the format needs one and none is named.
    pub(super) fn new(cli: &Cli) -> Result<Output, Stop> {
        if let (Some(answer), Some(manifest)) = (&cli.common.output, &cli.common.manifest)
            && one_place(answer) == one_place(manifest)
        {
            return Err(Stop::Usage("-o and --manifest name the same file: give each its own".to_owned()));
        }
        let beside = cli.report().and_then(ReportArgs::beside);
        if let (Some(beside), Some(manifest)) = (&beside, &cli.common.manifest)
            && one_place(beside) == one_place(manifest)
        {
            return Err(Stop::Usage(
                "--manifest names the file for the last access of all users, beside the report: give it another name"
                    .to_owned(),
            ));
        }
        let to = match &cli.common.output {
            Some(file) => Where::File(Place::new("-o", file, cli.common.force)?),
            None => {
                cli.check_stdout().map_err(Stop::Usage)?;
                Where::Stdout
            }
        };
        let beside = beside.map(|file| Place::new("-o (its table)", &file, cli.common.force)).transpose()?;
        Ok(Output { to, manifest: Begun::new(cli)?, beside, ..Output::nowhere(cli) })
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Checks that nothing is written over a file that is to be read.
    ///
    /// # Errors
    /// It would be.
    pub(super) fn is_none_of(&self, inputs: &[Found]) -> Result<(), Stop> {
        if let Where::File(place) = &self.to {
            place.is_none_of(inputs)?;
        }
        self.beside.as_ref().map_or(Ok(()), |beside| beside.is_none_of(inputs))?;
        self.manifest.as_ref().map_or(Ok(()), |manifest| manifest.place.is_none_of(inputs))
    }

    /// An output of which only the hash is wanted.
    pub(super) fn nowhere(cli: &Cli) -> Output {
        let shape = match cli.common.format {
            Format::Table if cli.explain().is_some() => Shape::Words,
            Format::Table => Shape::Table,
            Format::Json => Shape::Json,
            Format::Jsonl => Shape::JsonLines,
            Format::Csv => Shape::Csv,
            Format::Timesketch => Shape::Timesketch,
            Format::Ecs => Shape::Ecs,
            Format::Ocsf => Shape::Ocsf,
            Format::Parquet => Shape::Parquet,
            Format::Sqlite => Shape::Sqlite,
        };
        Output {
            to: Where::Nowhere,
            shape,
            #[cfg(feature = "sqlite")]
            tmpdir: cli.common.tmpdir.clone().unwrap_or_else(std::env::temp_dir),
            manifest: None,
            beside: None,
        }
    }

    /// Writes an answer; its hash, if that is wanted.
    ///
    /// # Errors
    /// The place cannot be written, or whoever reads went away.
    pub(super) fn write(&self, answer: &Answer<'_>) -> Result<Option<Hashed>, Stop> {
        #[cfg(feature = "sqlite")]
        if self.shape == Shape::Sqlite {
            return self.write_database(answer);
        }
        let mut sink = self.open()?;
        write(answer, self.shape, &mut sink)?;
        sink.finish()
    }

    /// The same of a database, which is written in place and hashed when it is whole.
    #[cfg(feature = "sqlite")]
    fn write_database(&self, answer: &Answer<'_>) -> Result<Option<Hashed>, Stop> {
        let (file, place) = match &self.to {
            Where::File(place) => (place.open()?, Some(place)),
            Where::Stdout | Where::Nowhere => (BufWriter::new(NamedTempFile::new_in(&self.tmpdir)?), None),
        };
        let database = file.get_ref();
        let named = |e: io::Error| if let Some(place) = place { place.named(&e) } else { e.into() };
        super::sqlite::write(answer, database.path()).map_err(named)?;
        let hash = || crate::manifest::hash_file(database.as_file(), None, &AtomicU64::new(0)).map(|(hash, _)| hash);
        let hash = self.is_hashed().then(hash).transpose()?;
        place.map_or(Ok(()), |place| place.keep(file))?;
        Ok(hash)
    }

    fn is_hashed(&self) -> bool {
        self.manifest.is_some() || matches!(self.to, Where::Nowhere)
    }

    /// Opens the place for writing; a file gets its name only by [`Sink::finish`].
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn open(&self) -> Result<Sink, Stop> {
        let to = match &self.to {
            Where::Stdout => To::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())),
            Where::File(place) => To::File(place.open()?, place.clone()),
            Where::Nowhere => To::Nowhere,
        };
        Ok(Sink { to, hash: self.is_hashed().then(Hasher::default) })
    }
}

/// An opened output.
#[derive(Debug)]
pub(super) struct Sink {
    to: To,
    hash: Option<Hasher>,
}

#[derive(Debug)]
enum To {
    Stdout(BufWriter<io::Stdout>),
    File(BufWriter<NamedTempFile>, Place),
    Nowhere,
}

impl Sink {
    /// Everything is written; its hash, if that is wanted.
    ///
    /// # Errors
    /// The last of it could not be written, or the file has come into being meanwhile.
    pub(super) fn finish(self) -> Result<Option<Hashed>, Stop> {
        match self.to {
            To::Stdout(mut out) => out.flush()?,
            To::File(out, place) => place.keep(out)?,
            To::Nowhere => {}
        }
        Ok(self.hash.map(Hasher::finish))
    }
}

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = match &mut self.to {
            To::Stdout(out) => out.write(buf)?,
            To::File(out, _) => out.write(buf)?,
            To::Nowhere => buf.len(),
        };
        if let Some(hash) = &mut self.hash {
            hash.update(buf.get(..n).unwrap_or(buf));
        }
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Stdout(out) => out.flush(),
            To::File(out, _) => out.flush(),
            To::Nowhere => Ok(()),
        }
    }
}
