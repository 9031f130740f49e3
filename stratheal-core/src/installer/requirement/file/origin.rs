//! Where a requirement was written.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The place of a requirement, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The file; `None` for an argument.
    pub file: Option<Arc<Path>>,
    /// The line, or which of the arguments. From 1.
    pub line: usize,
}

impl Origin {
    pub(super) fn argument(number: usize) -> Self {
        Self { file: None, line: number }
    }

    /// The folder of the file.
    pub(super) fn folder(&self) -> Option<PathBuf> {
        self.file.as_ref()?.parent().map(Path::to_owned)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}:{}", file.display(), self.line),
            None => write!(f, "argument {}", self.line),
        }
    }
}
