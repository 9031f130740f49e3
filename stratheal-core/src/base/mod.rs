//! Building blocks without a domain word: time, error classes, files, sockets, blocking threads, secrets.
//!
//! Everything above imports from here; nothing here imports from above.

pub(crate) mod ask;
pub mod backoff;
pub mod blocking;
pub mod breaker;
pub mod budget;
pub mod class;
pub mod clock;
pub(crate) mod fnv;
pub mod fs;
pub mod redact;
pub mod single_flight;
#[cfg(all(feature = "service", unix))]
pub(crate) mod socket;
pub mod stamp;
pub mod suggest;
#[cfg(feature = "installer")]
pub(crate) mod times;
