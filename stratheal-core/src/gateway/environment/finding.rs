//! What goes past the gateway.

use std::fmt;

/// Something that is, or may be, fetched otherwise than through the gateway.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Bypass {
    /// What it is, without secrets: `--find-links https://***@host/`.
    pub what: String,
    /// Where it was found: `the command line`, `PIP_FIND_LINKS`, a file.
    pub place: String,
    /// What that means, and what to do.
    pub meaning: String,
}

impl fmt::Display for Bypass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.what, self.place, self.meaning)
    }
}
