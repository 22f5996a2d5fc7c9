//! imstrail reads the service logs that a Messaging Server left behind, and answers offline who was connected and when
//! each user last logged in and out.
//!
//! The modules are the stages of the data's way, in order; a stage imports only earlier ones:
//! discover → open → chunk → parse → pair → merge → resolve → answer → render.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout))]

pub mod answer;
pub mod app;
pub mod cache;
pub mod chunk;
pub mod cli;
pub mod columns;
pub mod discover;
pub mod fold;
pub mod grammar;
pub mod hash;
pub mod index;
pub mod kept;
pub mod known;
pub mod manifest;
pub mod mistake;
pub mod model;
pub mod note;
pub mod open;
pub mod pair;
pub mod parse;
pub mod plan;
pub mod proxies;
pub mod pseudonym;
pub mod quote;
#[cfg(test)]
mod random;
pub mod read;
pub mod remarks;
pub mod render;
pub mod resolve;
pub mod runs;
pub mod streams;
pub mod suggest;
pub mod text;
pub mod times;
pub mod trail;
