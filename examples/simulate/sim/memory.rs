//! A whole archive in memory, for small runs.

use super::config::Config;
use super::engine::{Out, Place, run};
use super::rotate::Rotation;
use super::truth::{Failure, Life, Session, Truth};
use std::convert::Infallible;

/// What a run left behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Archive {
    /// Files by relative path: `store1/imap.1.1559088000` … and the current `store1/imap`. Rotated
    /// files come in the order in which they were closed, then the current ones, by stream.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) truth: Truth,
}

/// Simulates, and keeps everything.
pub(crate) fn simulate(config: &Config) -> Archive {
    let streams = config.site.streams().len();
    let mut memory =
        Memory { rotation: Rotation::new(config), current: vec![Vec::new(); streams], archive: Archive::default() };
    let Ok(summary) = run(config, &mut memory);
    let Memory { rotation, current, mut archive } = memory;
    for (stream, bytes) in current.into_iter().enumerate().filter(|(_, bytes)| !bytes.is_empty()) {
        archive.files.push((rotation.name(stream).to_string(), bytes));
    }
    archive.truth.summary = summary;
    archive
}

struct Memory {
    rotation: Rotation,
    current: Vec<Vec<u8>>,
    archive: Archive,
}

impl Out for Memory {
    type Error = Infallible;

    fn line(&mut self, place: &Place<'_>, line: &[u8]) -> Result<(), Infallible> {
        let Some(current) = self.current.get_mut(place.stream) else { return Ok(()) };
        if let Some(admission) = self.rotation.admit(place, line) {
            if let Some(name) = admission.rotate_to {
                self.archive.files.push((name, std::mem::take(current)));
            }
            current.extend_from_slice(&admission.created_line);
        }
        current.extend_from_slice(line);
        Ok(())
    }

    fn session(&mut self, session: &Session) -> Result<(), Infallible> {
        self.archive.truth.sessions.push(session.clone());
        Ok(())
    }

    fn failure(&mut self, failure: &Failure) -> Result<(), Infallible> {
        self.archive.truth.failures.push(failure.clone());
        Ok(())
    }

    fn life(&mut self, life: &Life) -> Result<(), Infallible> {
        self.archive.truth.lives.push(life.clone());
        Ok(())
    }
}
