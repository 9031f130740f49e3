//! Reading single files out of a wheel, without believing the archive about anything.

mod error;

pub use error::ArchiveError;
