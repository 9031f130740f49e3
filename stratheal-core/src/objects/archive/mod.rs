//! Reading single files out of a wheel, without believing the archive about anything.

mod budget;
mod end;
mod error;
mod name;
mod reader;
#[cfg(test)]
mod tests;

pub use error::ArchiveError;
pub(super) use name::check_path;
pub(super) use reader::Unpack;
pub use reader::{Archive, Entry};
