//! The core metadata of a wheel without the wheel, where that is possible.
//!
//! In this order: what was kept of it; the wheel, if it is in the store; the file beside the wheel that the index promises (PEP 658,
//! 714), checked against its hash; a few ranges of the wheel; the whole wheel. What cannot be checked against a hash comes from
//! members only that are believed about pages.

mod kept;
mod ranges;
mod sidecar;
mod sources;
mod sparse;
mod wheel;

#[cfg(test)]
mod tests;

pub(super) use sources::metadata;
