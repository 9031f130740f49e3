//! Building blocks without a domain word: time, error classes, files, blocking threads, secrets.
//!
//! Everything above imports from here; nothing here imports from above.

pub mod blocking;
pub mod class;
pub mod clock;
pub mod fs;
pub mod redact;
pub mod suggest;
