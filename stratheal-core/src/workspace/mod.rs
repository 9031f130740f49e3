//! What belongs together when packages are dealt with: a configuration, what somebody says beside it, and what this machine has set up.
//!
//! The other modules take folders, sources and fetchers as they are given. This one finds them, the way a user's own tools would: which
//! environment is meant, which index, which cache, where snapshots are. A [`Workspace`] is the beginning of everything that installs,
//! verifies, repairs or goes back; the command line and the Python module stand on it alike.

mod basis;
mod choices;
mod connection;
mod error;
mod installer;
pub mod place;
pub mod python;
mod snapshots;
mod sources;
mod target;
mod wanted;

pub use basis::Workspace;
pub use choices::Choices;
pub use connection::plain_connections;
pub use error::WorkspaceError;
pub use installer::{Opened, Ways};
pub use sources::{Named, Sources, names_an_index};
pub use target::Target;
pub use wanted::{Asked, Read};
