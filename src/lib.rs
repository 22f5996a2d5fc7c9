//! imstrail reads the service logs that a Messaging Server left behind, and answers offline who was connected and when
//! each user last logged in and out.
//!
//! The modules are the stages of the data's way, in order; a stage imports only earlier ones:
//! discover → open → chunk → parse → pair → merge → resolve → answer → render.

pub mod model;
pub mod grammar;
pub mod streams;
pub mod chunk;
pub mod parse;
pub mod pair;
pub mod trail;
pub mod fold;
