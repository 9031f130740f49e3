//! What somebody says beside a configuration.

use std::path::PathBuf;
use std::time::Duration;

/// Options of a command line, or arguments of a function: each counts more than what is configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choices {
    /// The index instead of the configured one, or of the one that the user's pip or uv has.
    pub index: Option<String>,
    /// Places with the same content as the index.
    pub mirrors: Vec<String>,
    /// Whether nobody is asked: everything comes from the cache.
    pub offline: bool,
    /// The folder of the cache.
    pub cache: Option<PathBuf>,
    /// The environment, or an interpreter.
    pub python: Option<PathBuf>,
    /// How long one page or file may take without any progress; by default two minutes, on a build server ten.
    pub deadline: Option<Duration>,
    /// The state folder, in which snapshots are.
    pub state: Option<PathBuf>,
}
