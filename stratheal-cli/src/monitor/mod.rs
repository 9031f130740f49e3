//! What `stratheal up`, and commands that heal without it, are made of beside the engine: services, healing, and the record of what was done.

mod evidence;
mod registrations;
mod scope;
mod session;
mod setup;
mod supervision;
mod telling;
mod workshop;

pub(crate) use self::scope::Scope;
pub(crate) use self::session::Session;
pub(crate) use self::supervision::{Monitor, Supervision};
