//! The installer engine: the environment that was asked for, whole, or the old one untouched.
//!
//! What is wanted ([`requirement`]) becomes a lock of files with hashes ([`lock`]); the files become the next environment, which is
//! built beside the current one, checked, and switched in as one step.

pub mod lock;
pub mod requirement;
