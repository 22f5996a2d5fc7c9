//! When a service's log goes on to its next file, and what the files are called.

use super::config::{Config, Level};
use super::engine::Place;
use super::lines::push_number;

/// The state of every stream's current file.
pub(crate) struct Rotation {
    limit: u64,
    streams: Vec<Current>,
}

struct Current {
    /// The bare name, `store1/imap`.
    name: String,
    created_level: Option<Level>,
    /// Unix time of its creation; None before the first line.
    created: Option<i64>,
    size: u64,
    sequence: u64,
}

/// What must be done before a line is written.
pub(crate) struct Admission {
    /// The current file gets this name, and a new one begins.
    pub(crate) rotate_to: Option<String>,
    /// The new file's first line; empty if there is none.
    pub(crate) created_line: Vec<u8>,
}

impl Rotation {
    pub(crate) fn new(config: &Config) -> Rotation {
        let streams = config.site.streams().into_iter().map(|(store, service)| {
            let verbose = config.site.level_of(&store) == Level::Information;
            Current {
                name: if config.files.flat { service.name().into() } else { format!("{store}/{}", service.name()) },
                created_level: config.files.created.filter(|level| verbose || *level == Level::Notice),
                created: None,
                size: 0,
                sequence: 0,
            }
        });
        Rotation { limit: config.files.rotate_bytes, streams: streams.collect() }
    }

    /// The bare name of a stream's current file.
    pub(crate) fn name(&self, stream: usize) -> &str {
        self.streams.get(stream).map_or("", |s| &s.name)
    }

    /// Asks for room for a line; None: just write it.
    pub(crate) fn admit(&mut self, place: &Place<'_>, line: &[u8]) -> Option<Admission> {
        let current = self.streams.get_mut(place.stream)?;
        let length = line.len() as u64;
        let full = self.limit > 0 && current.size > 0 && current.size + length > self.limit;
        if current.created.is_some() && !full {
            current.size += length;
            return None;
        }
        let rotate_to = current.created.map(|created| {
            current.sequence += 1;
            format!("{}.{}.{created}", current.name, current.sequence)
        });
        let created_line = current.created_level.map_or_else(Vec::new, |level| created_line(place, line, level));
        current.created = Some(place.unix);
        current.size = length + created_line.len() as u64;
        Some(Admission { rotate_to, created_line })
    }
}

/// The process that writes `line` is the one that created the log: both lines share their beginning.
fn created_line(place: &Place<'_>, line: &[u8], level: Level) -> Vec<u8> {
    let prefix = line.windows(3).position(|w| w == b"]: ").map_or(0, |at| at + 3);
    let mut out = line.get(..prefix).unwrap_or_default().to_vec();
    out.extend_from_slice(format!("General {}: Log created (", level.word()).as_bytes());
    push_number(&mut out, place.unix.unsigned_abs());
    out.extend_from_slice(b")\n");
    out
}
