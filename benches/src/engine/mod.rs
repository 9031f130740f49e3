//! What the engine itself costs: time for each run, memory for each check, and what readers pay.
//!
//! Every measurement happens in a process of its own (see [`role`]), so that none finds the memory or the threads of another.

pub mod by_hand;
pub mod checks;
pub mod idle;
pub mod memory;
pub mod oneshot;
pub mod overhead;
pub mod readers;
pub mod role;
pub mod rounds;
