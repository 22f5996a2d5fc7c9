//! From a file to the texts in it: what it is, what it is wrapped in, and every byte that can be had.
//!
//! [`walk_file`] and [`walk_reader`] hand each log text (a *leaf*) to a [`Sink`], decoded, in order, in blocks. Files
//! are told by their first bytes (`kind`), decoded stream by stream (`decode` over `codec`), and archives are opened
//! in place (`tar`, `zip`). Nothing here holds more of a member than one block; damage is a value, never an abort, and reading
//! goes on behind it where something is found that can be decoded (`salvage`).

mod ahead;
mod bzip2_block;
mod codec;
mod decode;
mod input;
mod kind;
mod names;
mod salvage;
mod tar;
mod tar_blocks;
#[cfg(test)]
mod tests;
mod walk;
mod zip;
mod zip_directory;

pub use kind::{HEAD, Kind, kind_of_file};
pub use walk::{Damage, Member, Sink, WalkOptions, Want, read_head, walk_file, walk_reader};
