//! Requirements files, in every form that pip takes ("Requirements File Format" of its documentation).

mod decode;
mod hash_mode;
mod hashes;
mod line;
mod options;
mod origin;
mod pins;
mod read;
mod target;
mod wanted;

pub use hashes::WantedHashes;
pub use options::{ProjectSet, RequirementsOptions};
pub use origin::Origin;
pub use pins::Pin;
pub use read::WantedSources;
pub(in crate::installer) use read::lexical;
pub(in crate::installer) use target::file_path;
pub use wanted::{Reference, Wanted, WantedNote, WantedRequirement, What};
