//! What supervision is given.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::HealSettings;
use crate::contract::Remedy;
use crate::engine::{EngineHandle, Registration};
use crate::remedies::environment::OpenWorkshop;
use crate::service::KeeperProgram;

/// Who is told, in lines for people, what happens. It must not wait.
pub type Say = Arc<dyn Fn(String) + Send + Sync>;

/// What supervision works with.
#[derive(Clone)]
pub struct Means {
    /// The engine, running; its checks are replaced.
    pub engine: EngineHandle,
    /// The state folder. Whoever supervises owns it.
    pub state: PathBuf,
    /// Another folder for the keeper, where there are no services and the state folder cannot be written.
    pub apart: PathBuf,
    /// The program that keeps services.
    pub keeper: KeeperProgram,
    /// The environment that remedies work on.
    pub open: OpenWorkshop,
    /// Who is told what happens.
    pub say: Say,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("state", &self.state).finish_non_exhaustive()
    }
}

/// What an application adds to a configuration.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    /// Checks.
    pub checks: Vec<Registration>,
    /// Remedies, which ladders may name.
    pub remedies: Vec<Arc<dyn Remedy>>,
    /// Ladders.
    pub heal: Vec<HealSettings>,
}

/// Why nothing can be supervised.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}")]
pub struct SupervisionError {
    action: &'static str,
    #[source]
    why: Box<dyn Error + Send + Sync>,
}

impl SupervisionError {
    pub(super) fn new(action: &'static str, why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { action, why: why.into() }
    }
}
