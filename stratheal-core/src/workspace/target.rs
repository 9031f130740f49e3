//! Which environment.

use std::path::{Path, PathBuf};

use super::Workspace;
use super::python::{self, Choice};

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The folder of an environment, there or not, or its interpreter.
    pub path: PathBuf,
    /// The interpreter that a new one is made from.
    pub base: PathBuf,
}

impl Workspace {
    /// The interpreter that is meant, and its environment.
    #[must_use]
    pub fn python(&self) -> Choice {
        python::choose(self.choices.python.as_deref(), self.config.as_ref())
    }

    /// The environment that is named, else that of the project, the active one, or `.venv` here.
    #[must_use]
    pub fn target(&self, base: Option<&Path>) -> Target {
        let base = base.map_or_else(python::in_path, Path::to_owned);
        let path = self.choices.python.clone().unwrap_or_else(|| self.default_target());
        Target { path, base }
    }

    /// The one that is changed when none is named.
    fn default_target(&self) -> PathBuf {
        python::choose(None, self.config.as_ref()).environment.unwrap_or_else(|| PathBuf::from(".venv"))
    }

    /// Whether this environment, a real path, is the one that is changed when none is named.
    #[must_use]
    pub fn is_default(&self, root: &Path) -> bool {
        self.default_target().canonicalize().is_ok_and(|default| default == root)
    }
}
