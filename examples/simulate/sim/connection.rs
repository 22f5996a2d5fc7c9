//! One connection: from its connect to its close, step by step.

use super::agenda::What;
use super::config::{Level, Service};
use super::engine::{Engine, Out};
use super::lines::{self, Closing, Peer};
use super::names;
use super::record::spelled;
use super::truth::Failure;

/// What a connection does next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Tries a login that is refused, so often; then perhaps one that succeeds.
    Trying { left: u8, then_login: bool },
    /// Logs in.
    Entering,
    /// Ends a session.
    Open,
    /// Ends without having logged in.
    Leaving,
}

#[derive(Clone, Copy)]
pub(super) struct Connection {
    /// The turn of its next step; None: the slot is free.
    pub(super) turn: Option<u64>,
    pub(super) stream: u32,
    pub(super) process: u32,
    pub(super) user: u32,
    pub(super) peer: Peer,
    pub(super) state: State,
    pub(super) auth: &'static str,
    /// Which letters of the user's name are written in upper case, by bit.
    pub(super) capitals: u64,
    /// Unix time.
    pub(super) connect: i64,
    pub(super) login: i64,
    pub(super) login_logged: bool,
}

impl<O: Out> Engine<'_, O> {
    pub(super) fn connect(&mut self, stream: usize) {
        let traffic = &self.config.traffic;
        let user = self.any_user(self.streams[stream].store);
        let (v6, host) = names::address(&mut self.rng, user, traffic);
        let last = if traffic.few_ports == 0 { 65_536 } else { 1024 + u64::from(traffic.few_ports) };
        let port = self.rng.range(1024, last) as u16;
        let auth = names::mechanism(&mut self.rng);
        let kind = self.rng.unit();
        let capitals = if self.rng.chance(traffic.mixed_case) { self.rng.next() } else { 0 };
        let Some(process) = self.streams[stream].any_process(&mut self.rng) else { return };
        let mut peer = Peer { v6, host, port };
        if traffic.ports {
            while !self.peers.insert(peer_key(stream, peer)) {
                peer.port = peer.port.checked_add(1).unwrap_or(1024);
            }
        } else {
            peer.port = 0;
        }
        let (state, wait) = if kind < traffic.unauthenticated {
            (State::Leaving, self.rng.magnitude(8, 17))
        } else if kind < traffic.unauthenticated + traffic.refused {
            // A quarter mistyped the password once or twice; the others never get in.
            let then_login = self.rng.below(4) == 0;
            let left = self.rng.range(1, if then_login { 3 } else { 4 }) as u8;
            (State::Trying { left, then_login }, self.login_delay())
        } else {
            (State::Entering, self.login_delay())
        };
        let connection = Connection {
            turn: None,
            stream: stream as u32,
            process: process as u32,
            user,
            peer,
            state,
            auth,
            capitals,
            connect: self.unix(),
            login: 0,
            login_logged: false,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.connections[slot as usize] = connection;
                slot as usize
            }
            None => {
                self.connections.push(connection);
                self.connections.len() - 1
            }
        };
        self.step_after(slot, wait, state);
    }

    /// A user of a store; the first are the most active. User `n` lives in store `n % stores`.
    pub(super) fn any_user(&mut self, store: usize) -> u32 {
        let stores = self.stores.len();
        let here = (self.config.traffic.users.max(1) + stores - 1).saturating_sub(store) / stores;
        let u = self.rng.unit();
        let n = (here as f64 * u * u) as usize;
        (n * stores + store) as u32
    }

    /// Milliseconds from connect to login: mostly under a second, at most 40.
    pub(super) fn login_delay(&mut self) -> u64 {
        match self.rng.below(100) {
            0..=74 => self.rng.range(50, 900),
            75..=97 => self.rng.range(900, 6000),
            _ => self.rng.range(6000, 40_000),
        }
    }

    pub(super) fn step_after(&mut self, slot: usize, milliseconds: u64, state: State) {
        let turn = self.after(milliseconds, What::Step(slot as u32));
        let connection = &mut self.connections[slot];
        connection.turn = Some(turn);
        connection.state = state;
    }

    pub(super) fn step(&mut self, slot: usize) -> Result<(), O::Error> {
        let connection = self.connections[slot];
        match connection.state {
            State::Trying { left, then_login } => {
                self.refuse(&connection, then_login)?;
                let next = match left {
                    2.. => State::Trying { left: left - 1, then_login },
                    _ if then_login => State::Entering,
                    _ => State::Leaving,
                };
                let wait = self.rng.range(800, 8000);
                self.step_after(slot, wait, next);
            }
            State::Entering => {
                let logged = self.log_in(&connection)?;
                let opened = &mut self.connections[slot];
                opened.login = (self.now / 1000) as i64;
                opened.login_logged = logged;
                let length = self.streams[connection.stream as usize].lengths.draw(&mut self.rng);
                self.step_after(slot, length, State::Open);
            }
            State::Open => {
                self.close(&connection)?;
                self.release(slot);
            }
            State::Leaving => {
                self.close_unauthenticated(&connection)?;
                self.release(slot);
            }
        }
        Ok(())
    }

    pub(super) fn release(&mut self, slot: usize) {
        let connection = &mut self.connections[slot];
        connection.turn = None;
        if connection.peer.port != 0 {
            self.peers.remove(&peer_key(connection.stream as usize, connection.peer));
        }
        self.free.push(slot as u32);
    }

    pub(super) fn log_in(&mut self, connection: &Connection) -> Result<bool, O::Error> {
        let stream = connection.stream as usize;
        self.spell(connection);
        self.begin(stream, connection.process as usize);
        lines::login(&mut self.line, connection.peer, &self.name, connection.auth);
        let logged = self.write(stream, Level::Information)?;
        self.summary.logins += u64::from(logged);
        Ok(logged)
    }

    pub(super) fn refuse(&mut self, connection: &Connection, honest: bool) -> Result<(), O::Error> {
        let stream = connection.stream as usize;
        let reason = if honest { "authentication failure" } else { names::reason(&mut self.rng) };
        self.spell(connection);
        if !honest {
            match self.rng.below(10) {
                0..=1 => {
                    let victim = std::mem::take(&mut self.name);
                    names::push_hostile(&mut self.name, &mut self.rng, &victim);
                }
                2..=5 => {
                    let guess = self.rng.pick(&["admin", "root", "test", "info", "postmaster", "backup"], "a");
                    self.name.clear();
                    self.name.extend_from_slice(guess.as_bytes());
                }
                _ => {}
            }
        }
        self.begin(stream, connection.process as usize);
        lines::badlogin(&mut self.line, connection.peer, connection.auth, &self.name, reason);
        if self.write(stream, Level::Notice)? {
            self.summary.badlogins += 1;
            let failure = Failure {
                store: self.stores[self.streams[stream].store].name.clone(),
                service: self.streams[stream].service,
                user: self.name.clone(),
                from: spelled(connection.peer),
                auth: connection.auth,
                reason,
                time: self.unix(),
                pid: self.streams[stream].processes[connection.process as usize].pid,
            };
            self.out.failure(&failure)?;
        }
        Ok(())
    }

    pub(super) fn close(&mut self, connection: &Connection) -> Result<(), O::Error> {
        let stream = connection.stream as usize;
        let closing = Closing {
            connect: connection.connect,
            end: self.unix(),
            bytes_in: self.rng.magnitude(5, 16),
            bytes_out: self.rng.magnitude(8, 22),
            mailboxes: match self.streams[stream].service {
                Service::Pop => 1,
                _ => 1 + self.rng.magnitude(0, 4),
            },
        };
        self.spell(connection);
        self.begin(stream, connection.process as usize);
        let zone = self.stores[self.streams[stream].store].zone;
        lines::close(&mut self.line, connection.peer, &self.name, closing, zone);
        let logged = self.write(stream, Level::Notice)?;
        if !logged {
            return Ok(());
        }
        self.summary.closes += 1;
        self.session.bytes_in = closing.bytes_in;
        self.session.bytes_out = closing.bytes_out;
        self.session.mailboxes = closing.mailboxes;
        self.session.end = Some(closing.end);
        self.session.close_logged = true;
        self.record(connection)
    }

    pub(super) fn close_unauthenticated(&mut self, connection: &Connection) -> Result<(), O::Error> {
        let stream = connection.stream as usize;
        let closing = Closing {
            connect: connection.connect,
            end: self.unix(),
            bytes_in: self.rng.below(200),
            bytes_out: self.rng.range(90, 400),
            mailboxes: 0,
        };
        self.begin(stream, connection.process as usize);
        let zone = self.stores[self.streams[stream].store].zone;
        lines::close(&mut self.line, connection.peer, b"[unauthenticated]", closing, zone);
        if self.write(stream, Level::Notice)? {
            self.summary.unauthenticated += 1;
        }
        Ok(())
    }
}

/// Stream and peer as one number.
fn peer_key(stream: usize, peer: Peer) -> u64 {
    (stream as u64) << 49 | u64::from(peer.v6) << 48 | u64::from(peer.host) << 16 | u64::from(peer.port)
}
