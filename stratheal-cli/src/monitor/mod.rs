//! How this program supervises: for as long as `stratheal up` runs, or as one command takes.

mod means;
mod session;

pub(crate) use self::means::means;
pub(crate) use self::session::Session;
