//! The event loop: connections, logins, closes, restarts, in the order of time.

use super::agenda::{Agenda, Event, What};
use super::config::{Config, Service};
use super::connection::{Connection, State};
use super::rng::Rng;
use super::truth::{Failure, Life, Session, Summary};
use super::world::{Store, Stream};
use std::collections::HashSet;

/// Where and when a line is written.
pub(crate) struct Place<'a> {
    /// The stream's number, as in `Site::streams`.
    pub(crate) stream: usize,
    pub(crate) store: &'a str,
    pub(crate) service: Service,
    pub(crate) unix: i64,
}

/// Takes what the simulation gives, in the order of time.
pub(crate) trait Out {
    type Error;
    /// A line of a stream's log, with its newline.
    fn line(&mut self, place: &Place<'_>, line: &[u8]) -> Result<(), Self::Error>;
    /// A session that ended, was lost, or is open at the end of the archive.
    fn session(&mut self, session: &Session) -> Result<(), Self::Error>;
    fn failure(&mut self, failure: &Failure) -> Result<(), Self::Error>;
    fn life(&mut self, life: &Life) -> Result<(), Self::Error>;
}

/// Simulates, from the first to the last event.
pub(crate) fn run<O: Out>(config: &Config, out: &mut O) -> Result<Summary, O::Error> {
    let mut engine = Engine::new(config, out);
    engine.plan();
    while let Some(event) = engine.agenda.pop() {
        if event.at >= engine.end_ms || engine.is_full() {
            break;
        }
        engine.now = event.at;
        engine.handle(event)?;
    }
    engine.finish()?;
    Ok(engine.summary)
}

pub(super) struct Engine<'a, O> {
    pub(super) config: &'a Config,
    pub(super) out: &'a mut O,
    pub(super) rng: Rng,
    /// Unix milliseconds.
    pub(super) now: u64,
    pub(super) end_ms: u64,
    pub(super) agenda: Agenda,
    pub(super) stores: Vec<Store>,
    pub(super) streams: Vec<Stream>,
    pub(super) connections: Vec<Connection>,
    pub(super) free: Vec<u32>,
    /// Peers with a connection open: no two of one stream share their port.
    pub(super) peers: HashSet<u64>,
    pub(super) line: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) session: Session,
    pub(super) summary: Summary,
}

/// About what a session takes in the log, for runs whose length is given in bytes.
const BYTES_A_SESSION: f64 = 270.0;

impl<'a, O: Out> Engine<'a, O> {
    fn new(config: &'a Config, out: &'a mut O) -> Engine<'a, O> {
        let mut rng = Rng::new(config.seed);
        let stores: Vec<Store> = (0..config.site.stores).map(|n| Store::new(config, n, &mut rng)).collect();
        let services = &config.site.services;
        let streams =
            (0..stores.len()).flat_map(|n| services.iter().map(move |s| Stream::new(config, n, *s))).collect();
        let start = config.span.start.unsigned_abs();
        Engine {
            config,
            out,
            rng,
            now: start.saturating_sub(config.span.warm) * 1000,
            end_ms: match (config.span.seconds, config.span.bytes) {
                (Some(seconds), _) => (start + seconds) * 1000,
                (None, Some(_)) => u64::MAX,
                (None, None) => 0,
            },
            agenda: Agenda::default(),
            stores,
            streams,
            connections: Vec::new(),
            free: Vec::new(),
            peers: HashSet::new(),
            line: Vec::new(),
            name: Vec::new(),
            session: Session {
                store: String::new(),
                service: Service::Imap,
                user: String::new(),
                from: String::new(),
                auth: "",
                connect: 0,
                login: 0,
                end: None,
                lost_at: None,
                pid: 0,
                bytes_in: 0,
                bytes_out: 0,
                mailboxes: 0,
                login_logged: false,
                close_logged: false,
            },
            summary: Summary::default(),
        }
    }

    pub(super) fn unix(&self) -> i64 {
        (self.now / 1000) as i64
    }

    /// Whether the archive has begun, or the stores are only warming up.
    pub(super) fn recording(&self) -> bool {
        self.unix() >= self.config.span.start
    }

    fn is_full(&self) -> bool {
        self.config.span.bytes.is_some_and(|limit| self.summary.bytes >= limit)
    }

    pub(super) fn after(&mut self, milliseconds: u64, what: What) -> u64 {
        self.agenda.push(self.now + milliseconds, what)
    }

    /// The first processes, and the first event of every kind.
    fn plan(&mut self) {
        for stream in 0..self.streams.len() {
            for _ in 0..self.config.site.pids {
                let process = self.new_process(stream, None, None);
                self.streams[stream].processes.push(process);
            }
            self.plan_connection(stream);
            self.plan_noise(stream);
        }
        let start = self.config.span.start.unsigned_abs() * 1000;
        let wait = start.saturating_sub(self.now) as f64;
        let length = self.expected_length();
        let trouble = &self.config.trouble;
        for (count, what) in [(trouble.restarts, What::Restart as fn(u32) -> What), (trouble.crashes, What::Crash)] {
            for store in 0..self.stores.len() {
                for n in 0..count {
                    let part = (n as f64 + 0.2 + 0.6 * self.rng.unit()) / count as f64;
                    self.after((wait + part * length) as u64, what(store as u32));
                }
            }
        }
    }

    /// The run's length in milliseconds; a guess where it is given in bytes.
    fn expected_length(&self) -> f64 {
        let span = &self.config.span;
        let sessions_an_hour = self.config.traffic.rate * self.stores.len() as f64;
        let by_bytes = span.bytes.map(|bytes| bytes as f64 / BYTES_A_SESSION / sessions_an_hour * 3_600_000.0);
        let by_time = span.seconds.map(|s| s as f64 * 1000.0);
        match (by_bytes, by_time) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(0.0),
        }
    }

    fn plan_connection(&mut self, stream: usize) {
        let wait = self.rng.exponential(self.streams[stream].connect_every) as u64;
        self.after(wait, What::Connect(stream as u32));
    }

    fn plan_noise(&mut self, stream: usize) {
        if let Some(mean) = self.streams[stream].noise_every {
            let wait = self.rng.exponential(mean) as u64;
            self.after(wait, What::Noise(stream as u32));
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), O::Error> {
        match event.what {
            What::Connect(stream) => {
                self.plan_connection(stream as usize);
                self.connect(stream as usize);
                Ok(())
            }
            What::Noise(stream) => {
                self.plan_noise(stream as usize);
                self.noise(stream as usize)
            }
            What::Step(slot) if self.connections[slot as usize].turn == Some(event.turn) => self.step(slot as usize),
            // The process died before the connection's next step.
            What::Step(_) => Ok(()),
            What::Restart(store) => self.restart(store as usize),
            What::Crash(store) => self.crash(store as usize),
            What::Up(stream, process) => self.come_up(stream as usize, process as usize),
        }
    }

    /// The end of the archive: what is open stays open.
    fn finish(&mut self) -> Result<(), O::Error> {
        for slot in 0..self.connections.len() {
            let connection = self.connections[slot];
            if connection.turn.is_some() && connection.state == State::Open {
                self.summary.open += 1;
                self.record(&connection)?;
            }
        }
        for stream in 0..self.streams.len() {
            for process in 0..self.streams[stream].processes.len() {
                if self.streams[stream].processes[process].alive {
                    self.life(stream, process, None, false)?;
                }
            }
        }
        self.summary.end = self.unix();
        Ok(())
    }
}
