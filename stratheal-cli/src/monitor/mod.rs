//! What `stratheal up` is made of beside the engine: services, healing, and the record of what was done.

mod evidence;
mod registrations;
mod setup;
mod supervision;
mod telling;
mod workshop;

pub(crate) use self::supervision::{Monitor, Supervision};
