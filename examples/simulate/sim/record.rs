//! Writing lines and truth.

use super::config::Level;
use super::connection::Connection;
use super::engine::{Engine, Out, Place};
use super::lines::Peer;
use super::names;
use super::noise::{self, Scene, Writer};
use super::truth::Life;
use super::world::{Process, Stream, prefix};

impl<O: Out> Engine<'_, O> {
    /// Puts the stamp and what follows it up to the category into `self.line`.
    pub(super) fn begin(&mut self, stream: usize, process: usize) {
        let unix = self.unix();
        let Stream { store, processes, .. } = &self.streams[stream];
        self.line.clear();
        self.line.push(b'[');
        self.line.extend_from_slice(self.stores[*store].stamp(unix));
        self.line.push(b']');
        self.line.extend_from_slice(&processes[process].prefix);
    }

    /// Writes `self.line` if the store logs lines of this level, and says whether it did.
    pub(super) fn write(&mut self, stream: usize, level: Level) -> Result<bool, O::Error> {
        let Stream { store, service, .. } = &self.streams[stream];
        let store = &self.stores[*store];
        let silent = level == Level::Information && store.level == Level::Notice;
        if silent || !self.recording() {
            return Ok(false);
        }
        self.line.push(b'\n');
        let place = Place { stream, store: &store.name, service: *service, unix: self.unix() };
        self.out.line(&place, &self.line)?;
        self.summary.lines += 1;
        self.summary.bytes += self.line.len() as u64;
        Ok(true)
    }

    /// Puts the connection's user, as typed, into `self.name`.
    pub(super) fn spell(&mut self, connection: &Connection) {
        self.name.clear();
        names::push_user(&mut self.name, connection.user, &self.config.traffic);
        if connection.capitals != 0 {
            for (n, letter) in self.name.iter_mut().enumerate() {
                if connection.capitals >> (n % 64) & 1 == 1 {
                    letter.make_ascii_uppercase();
                }
            }
        }
    }

    pub(super) fn noise(&mut self, stream: usize) -> Result<(), O::Error> {
        let kind = noise::kind(&mut self.rng);
        let store = self.streams[stream].store;
        let user = self.any_user(store);
        self.name.clear();
        names::push_user(&mut self.name, user, &self.config.traffic);
        match kind.writer {
            Writer::Own => {
                let Some(process) = self.streams[stream].any_process(&mut self.rng) else { return Ok(()) };
                self.begin(stream, process);
            }
            Writer::Other(program) => {
                let pid = self.free_pid(store);
                let unix = self.unix();
                let store = &mut self.stores[store];
                self.line.clear();
                self.line.push(b'[');
                self.line.extend_from_slice(store.stamp(unix));
                self.line.push(b']');
                self.line.extend_from_slice(&prefix(&store.name, program, pid));
            }
        }
        let unix = self.unix();
        let scene = Scene { unix, stamp: self.stores[store].stamp(unix), user: &self.name };
        kind.push(&mut self.line, &mut self.rng, &scene);
        self.write(stream, kind.level)?;
        Ok(())
    }

    pub(super) fn life(
        &mut self,
        stream: usize,
        process: usize,
        end: Option<i64>,
        crashed: bool,
    ) -> Result<(), O::Error> {
        if !self.recording() {
            return Ok(());
        }
        let Stream { store, service, processes, .. } = &self.streams[stream];
        let Process { pid, start, .. } = processes[process];
        let store = self.stores[*store].name.clone();
        self.out.life(&Life { store, service: *service, pid, start, end, crashed })
    }

    /// Hands out `self.session`, of which only what tells of its end has been set, and resets it.
    pub(super) fn record(&mut self, connection: &Connection) -> Result<(), O::Error> {
        let stream = &self.streams[connection.stream as usize];
        let session = &mut self.session;
        session.store.clone_from(&self.stores[stream.store].name);
        session.service = stream.service;
        session.pid = stream.processes[connection.process as usize].pid;
        session.auth = connection.auth;
        session.connect = connection.connect;
        session.login = connection.login;
        session.login_logged = connection.login_logged;
        rewrite(&mut session.user, |out| names::push_user(out, connection.user, &self.config.traffic));
        rewrite(&mut session.from, |out| connection.peer.push(out));
        self.out.session(session)?;
        session.end = None;
        session.lost_at = None;
        session.close_logged = false;
        (session.bytes_in, session.bytes_out, session.mailboxes) = (0, 0, 0);
        self.summary.sessions += 1;
        Ok(())
    }
}

/// Replaces a text without giving up its memory; `write` appends ASCII.
fn rewrite(text: &mut String, write: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes.clear();
    write(&mut bytes);
    *text = String::from_utf8(bytes).unwrap_or_default();
}

pub(super) fn spelled(peer: Peer) -> String {
    let mut text = String::new();
    rewrite(&mut text, |out| peer.push(out));
    text
}
