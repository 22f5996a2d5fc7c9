//! A simulator of message stores: it writes the service logs that a site's users would have left
//! behind, and beside them the truth about every session.
//!
//! It shares no code with any parser, so that the two can be held against each other. Everything is
//! decided by the configuration and its seed: the same configuration gives the same bytes. What the
//! stores *do* does not depend on how much of it they *log*: a run at level Notice has the same
//! sessions as the run at Information.
//!
//! The engine is an event loop in time, which hands each line and each finished session to an
//! [`Out`]; memory is bounded by the sessions open at one time. [`simulate`] gathers everything in
//! memory, for tests.

#![allow(dead_code, unused_imports)]

#[path = "sim/agenda.rs"]
mod agenda;
#[path = "sim/clockwork.rs"]
mod clockwork;
#[path = "sim/config.rs"]
mod config;
#[path = "sim/connection.rs"]
mod connection;
#[path = "sim/damage.rs"]
mod damage;
#[path = "sim/engine.rs"]
mod engine;
#[path = "sim/lines.rs"]
mod lines;
#[path = "sim/memory.rs"]
mod memory;
#[path = "sim/names.rs"]
mod names;
#[path = "sim/noise.rs"]
mod noise;
#[path = "sim/process.rs"]
mod process;
#[path = "sim/record.rs"]
mod record;
#[path = "sim/rng.rs"]
mod rng;
#[path = "sim/rotate.rs"]
mod rotate;
#[path = "sim/time.rs"]
mod time;
#[path = "sim/truth.rs"]
mod truth;
#[path = "sim/world.rs"]
mod world;

pub(crate) use clockwork::stamp;
pub(crate) use config::{Config, Files, Level, Service, Site, Span, Traffic, Trouble};
pub(crate) use damage::{Damage, Line, Log, Origin, State, Wreck, wound_bytes};
pub(crate) use engine::{Out, Place, run};
pub(crate) use memory::{Archive, simulate};
pub(crate) use rotate::{Admission, Rotation};
pub(crate) use time::{Zone, parse_utc, written};
pub(crate) use truth::{Failure, Life, Session, Summary, Truth};
