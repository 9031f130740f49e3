//! Locks: `pylock.toml` as PEP 751 has it, read, chosen from, and written.
//!
//! "pylock.toml Specification" of the packaging specifications. Nothing is fetched and nothing is resolved here: what is to be
//! installed is decided from the lock and the answers of the interpreter alone.

mod error;
mod fields;
mod model;
mod places;
mod read;
mod select;
mod value;
mod write;

pub use error::{LockError, SelectError};
pub use model::{
    Lock, LockedArchive, LockedDirectory, LockedFile, LockedPackage, LockedSource, LockedVcs, is_lock_file_name,
};
pub use read::ParsedLock;
pub use select::{Selected, SelectedSource, Selection};
