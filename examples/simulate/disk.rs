//! An archive in a folder, written as it comes.

use crate::pack::{Codec, pack};
use crate::sim::{Config, Failure, Life, Out, Place, Rotation, Session};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes the log files, and the truth where a file for it is given.
pub(crate) struct Disk {
    folder: PathBuf,
    rotation: Rotation,
    current: Vec<Option<BufWriter<File>>>,
    codecs: Vec<Codec>,
    rotated: usize,
    truth: Truths,
    json: Vec<u8>,
}

/// Where each kind of truth goes.
#[derive(Default)]
pub(crate) struct Truths {
    pub(crate) sessions: Option<BufWriter<File>>,
    pub(crate) failures: Option<BufWriter<File>>,
    pub(crate) lives: Option<BufWriter<File>>,
}

const BUFFER: usize = 256 * 1024;

/// Creates a file and the folders above it.
pub(crate) fn create(path: &Path) -> io::Result<BufWriter<File>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(BufWriter::with_capacity(BUFFER, File::create(path)?))
}

impl Disk {
    pub(crate) fn new(config: &Config, folder: PathBuf, codecs: Vec<Codec>, truth: Truths) -> Disk {
        let current = config.site.streams().iter().map(|_| None).collect();
        Disk { folder, rotation: Rotation::new(config), current, codecs, rotated: 0, truth, json: Vec::new() }
    }

    /// Writes what is still buffered.
    pub(crate) fn finish(self) -> io::Result<()> {
        let Truths { sessions, failures, lives } = self.truth;
        for mut writer in self.current.into_iter().chain([sessions, failures, lives]).flatten() {
            writer.flush()?;
        }
        Ok(())
    }

    /// Gives the current file of a stream its final name.
    fn rotate(&mut self, stream: usize, name: &str) -> io::Result<()> {
        if let Some(mut writer) = self.current[stream].take() {
            writer.flush()?;
        }
        let target = self.folder.join(name);
        fs::rename(self.folder.join(self.rotation.name(stream)), &target)?;
        let codec = self.codecs.get(self.rotated % self.codecs.len().max(1)).copied();
        self.rotated += 1;
        pack(&target, codec.unwrap_or(Codec::None))?;
        Ok(())
    }

    fn current(&mut self, stream: usize) -> io::Result<&mut BufWriter<File>> {
        let slot = &mut self.current[stream];
        match slot {
            Some(writer) => Ok(writer),
            None => Ok(slot.insert(create(&self.folder.join(self.rotation.name(stream)))?)),
        }
    }
}

impl Out for Disk {
    type Error = io::Error;

    fn line(&mut self, place: &Place<'_>, line: &[u8]) -> io::Result<()> {
        if let Some(admission) = self.rotation.admit(place, line) {
            if let Some(name) = admission.rotate_to {
                self.rotate(place.stream, &name)?;
            }
            self.current(place.stream)?.write_all(&admission.created_line)?;
        }
        self.current(place.stream)?.write_all(line)
    }

    fn session(&mut self, session: &Session) -> io::Result<()> {
        let Some(writer) = &mut self.truth.sessions else { return Ok(()) };
        self.json.clear();
        session.push_json(&mut self.json);
        writer.write_all(&self.json)
    }

    fn failure(&mut self, failure: &Failure) -> io::Result<()> {
        let Some(writer) = &mut self.truth.failures else { return Ok(()) };
        self.json.clear();
        failure.push_json(&mut self.json);
        writer.write_all(&self.json)
    }

    fn life(&mut self, life: &Life) -> io::Result<()> {
        let Some(writer) = &mut self.truth.lives else { return Ok(()) };
        self.json.clear();
        life.push_json(&mut self.json);
        writer.write_all(&self.json)
    }
}
