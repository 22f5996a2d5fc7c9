//! Tests of the walk, over archives built in memory.

mod archives;
mod damage;
mod plain;
mod salvage;
mod support;
