//! Damaged archives: whatever happens to one, the program does not break, accounts for every byte, and says all that
//! the whole lines still prove.
//!
//! The oracle is the simulator's truth and its account of the damage: which lines are whole, which are gone, which are
//! altered. What must hold, whatever the damage:
//!
//! - No panic; the exit status is 0, and 1 where a file cannot be read to its end (compressed files that are cut or
//!   damaged inside). A cut text is only shorter.
//! - The five classes of lines add up to what was read, in bytes and in lines, and that is what is there, copies less.
//!   No more lines are rejected than are altered.
//! - `-a`: a user whom no altered line names has exactly the last logins and logouts of the whole lines; any other has
//!   those or later ones. A user without a whole line has no row unless an altered line names him.
//! - `-c` at T, of sessions whose peer no altered line names: one with a whole close is a certain row from its login
//!   (of the login line, if that is whole, else its connect) up to its end, and never at another time; one with a
//!   whole login line alone is a row from then on, and certain if its process wrote a line at T or later and neither a
//!   gap lies between login and T nor the login in an overlap, and possible, never certain, behind a gap that shows
//!   (R9), in an overlap (R13), or if its peer logged in again (R7); one with neither is never a row. Every other row
//!   must be one that an altered line names.
//! - Damage that no line shows (lines lost inside a file, a cut text) leaves sessions open whose close is lost: these
//!   rows are counted, since nobody could know better.
//!
//! `faults/peers.rs` does the same to archives whose peers have no port, where peer means user and address, and to such
//! with IPv6 peers: two kinds of damage each, and every kind in a long run.
//!
//! `IMSTRAIL_CASES=100 cargo test --test faults` tries 100 archives for each kind of damage.

#![allow(clippy::print_stdout, reason = "the number of rows asserted is the test's report")]

mod common;
#[path = "truth/connected.rs"]
mod connected;
#[path = "truth/facts.rs"]
mod facts;
#[path = "faults/kinds.rs"]
mod kinds;
#[path = "truth/last_access.rs"]
mod last_access;
#[path = "faults/packed.rs"]
mod packed;
#[path = "faults/peers.rs"]
mod peers;
#[path = "faults/proof.rs"]
mod proof;
#[path = "../examples/simulate/sim.rs"]
mod sim;
#[path = "faults/trial.rs"]
mod trial;
#[path = "truth/wounds.rs"]
mod wounds;
