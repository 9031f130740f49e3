//! Unpacked wheels: an accelerator that may be dropped at any time.

mod judge;
mod link_out;
mod manifest;
#[cfg(test)]
mod tests;
mod unpack;
mod unpacked;

#[cfg(feature = "installer")]
pub(crate) use judge::dist_info as metadata_folder;
pub use link_out::{LinkReport, Linker};
pub use manifest::{RecordProblem, TreeFile};
pub use unpacked::Tree;
pub(super) use unpacked::{DamagedFile, Marker, check_tree, first_of};
