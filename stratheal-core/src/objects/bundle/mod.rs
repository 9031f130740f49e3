//! Many files as one, for machines without a network.
//!
//! A bundle is a plain tar archive. Its first member is a manifest in JSON; the others follow in the manifest's order, under names
//! that say nothing but their number and hash, so that nothing in the archive is ever used as a path.

pub mod export;
pub mod import;
mod manifest;

pub use manifest::{BundleError, Entry};
