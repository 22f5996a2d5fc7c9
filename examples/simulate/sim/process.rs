//! Processes: their births, restarts and crashes.

use super::agenda::What;
use super::config::Level;
use super::connection::State;
use super::engine::{Engine, Out};
use super::world::Process;

const PRODUCT: &[u8] = b"General Notice: Sun Java(tm) System Messaging Server 6.2 (built Dec  2 2004) ";

impl<O: Out> Engine<'_, O> {
    pub(super) fn free_pid(&mut self, store: usize) -> u32 {
        let streams = &self.streams;
        self.stores[store].next_pid(&mut self.rng, |pid| {
            let mut others = streams.iter().filter(|s| s.store == store).flat_map(|s| &s.processes);
            others.any(|p| p.alive && p.pid == pid)
        })
    }

    /// A process with a new pid, or with the given one.
    pub(super) fn new_process(&mut self, stream: usize, pid: Option<u32>, start: Option<i64>) -> Process {
        let store = self.streams[stream].store;
        let pid = pid.unwrap_or_else(|| self.free_pid(store));
        Process::new(&self.stores[store].name, self.streams[stream].program, pid, start)
    }

    /// Stops all services of a store, or one of them; no session gets a close line.
    pub(super) fn restart(&mut self, store: usize) -> Result<(), O::Error> {
        let mine: Vec<usize> = (0..self.streams.len()).filter(|n| self.streams[*n].store == store).collect();
        let all = self.rng.below(2) == 0;
        let chosen = self.rng.below(mine.len() as u64) as usize;
        for (n, stream) in mine.into_iter().enumerate() {
            if !all && n != chosen {
                continue;
            }
            let down = self.rng.range(5000, 90_000);
            for process in 0..self.streams[stream].processes.len() {
                if self.streams[stream].processes[process].alive {
                    self.mark(stream, process, b"shutting down")?;
                    self.kill(stream, process, false)?;
                    let wait = down + self.rng.below(3000);
                    self.after(wait, What::Up(stream as u32, process as u32));
                }
            }
        }
        Ok(())
    }

    pub(super) fn crash(&mut self, store: usize) -> Result<(), O::Error> {
        let services = self.config.site.services.len() as u64;
        let stream = store * services as usize + self.rng.below(services) as usize;
        if let Some(process) = self.streams[stream].any_process(&mut self.rng) {
            self.kill(stream, process, true)?;
            let wait = self.rng.range(1000, 30_000);
            self.after(wait, What::Up(stream as u32, process as u32));
        }
        Ok(())
    }

    pub(super) fn come_up(&mut self, stream: usize, process: usize) -> Result<(), O::Error> {
        let old = self.streams[stream].processes[process].pid;
        let pid = self.config.trouble.reuse_pids.then_some(old);
        self.streams[stream].processes[process] = self.new_process(stream, pid, Some(self.unix()));
        self.mark(stream, process, b"starting up")
    }

    pub(super) fn mark(&mut self, stream: usize, process: usize, what: &[u8]) -> Result<(), O::Error> {
        if self.config.trouble.marks {
            self.begin(stream, process);
            self.line.extend_from_slice(PRODUCT);
            self.line.extend_from_slice(what);
            self.write(stream, Level::Notice)?;
        }
        Ok(())
    }

    /// Ends a process, and with it all its connections.
    pub(super) fn kill(&mut self, stream: usize, process: usize, crashed: bool) -> Result<(), O::Error> {
        let at = self.unix();
        self.life(stream, process, Some(at), crashed)?;
        for slot in 0..self.connections.len() {
            let connection = self.connections[slot];
            let here = (connection.stream as usize, connection.process as usize) == (stream, process);
            if connection.turn.is_none() || !here {
                continue;
            }
            if connection.state == State::Open && self.recording() {
                self.summary.lost += 1;
                self.session.lost_at = Some(at);
                self.record(&connection)?;
            }
            self.release(slot);
        }
        self.streams[stream].processes[process].alive = false;
        Ok(())
    }
}
