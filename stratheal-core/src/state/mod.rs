//! The state folder: where it is, who owns it, and what lies where in it.

mod folder;
mod location;

pub use folder::{StateError, StateFolder};
pub use location::{Hints, locate};
