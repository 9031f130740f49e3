//! What can be done about something that is broken.

#[cfg(feature = "snapshot")]
pub mod environment;
