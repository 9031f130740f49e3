//! What `stratheal up` is made of beside its engine: services that are kept running, what is done when a check fails, and who is told.
//!
//! Everything follows from a configuration, and from what an application adds to it.

mod begin;
mod evidence;
mod ladders;
mod means;
mod registrations;
mod scope;
mod telling;
mod workshop;

pub use begin::{Monitor, Supervision};
pub use means::{Additions, Means, Say, SupervisionError};
pub use scope::Scope;
pub use workshop::opener;
