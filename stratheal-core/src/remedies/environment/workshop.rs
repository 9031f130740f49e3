//! What remedies for environments work with.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::class::chain;
use crate::contract::RemedyError;
use crate::installer::{Input, Installer};
use crate::snapshot::Snapshots;

/// An environment, and everything that is needed to change it.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// Who changes it. It needs no guard: a snapshot is made here.
    pub installer: Installer,
    /// Where snapshots are kept. Without them nothing can be taken back, and there is nothing to go back to.
    pub snapshots: Option<Snapshots>,
    /// The environment's folder.
    pub environment: PathBuf,
    /// The interpreter that a new one is made from when its own is gone.
    pub base: PathBuf,
    /// What belongs into it when it is made anew.
    pub input: Input,
    /// The folder of the project.
    pub folder: PathBuf,
}

/// Opens the workshop, each time anew: configuration, indexes and credentials may have changed since.
#[derive(Clone)]
pub struct OpenWorkshop(Arc<dyn Fn() -> Result<Workshop, String> + Send + Sync>);

impl fmt::Debug for OpenWorkshop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenWorkshop").finish_non_exhaustive()
    }
}

impl OpenWorkshop {
    /// By this function, which may read files and so belongs on a thread that may block. Its error is for people.
    pub fn new(open: impl Fn() -> Result<Workshop, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    pub(crate) async fn open(&self) -> Result<Workshop, RemedyError> {
        let open = self.0.clone();
        match tokio::task::spawn_blocking(move || open()).await {
            Ok(Ok(workshop)) => Ok(workshop),
            Ok(Err(why)) => Err(RemedyError::NotApplicable { why }),
            Err(error) => Err(RemedyError::NotApplicable { why: format!("cannot be opened: {error}") }),
        }
    }
}

impl Workshop {
    /// The name by which others know that somebody works on this environment.
    pub(super) fn resource(&self) -> String {
        let real = self.environment.canonicalize().unwrap_or_else(|_| self.environment.clone());
        format!("environment/{}", real.display())
    }

    /// Whether what is there can become a snapshot.
    pub(super) fn can_keep(&self) -> bool {
        self.snapshots.is_some() && self.environment.join("pyvenv.cfg").is_file()
    }

    pub(super) fn snapshots(&self) -> Result<&Snapshots, RemedyError> {
        let none = || RemedyError::NotApplicable { why: "no snapshots are kept".to_owned() };
        self.snapshots.as_ref().ok_or_else(none)
    }
}

/// An error as a reason why a remedy does not apply.
pub(super) fn not_applicable(error: &(dyn std::error::Error + 'static)) -> RemedyError {
    RemedyError::NotApplicable { why: chain(error) }
}
