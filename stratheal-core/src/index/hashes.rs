//! The hashes an index gives for a file.

use std::collections::BTreeMap;

use crate::objects::ContentId;

/// Hashes of one file. Only SHA-256 says which content it is; the others are passed on, and looked at where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hashes {
    /// The SHA-256.
    pub sha256: Option<ContentId>,
    /// The other ones: lower-case algorithm name to hexadecimal digest.
    pub others: BTreeMap<String, String>,
}
