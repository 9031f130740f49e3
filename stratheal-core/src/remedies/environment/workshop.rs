//! What remedies for environments work with, and the snapshot that each takes of what was there.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::base::class::chain;
use crate::contract::{RemedyContext, RemedyError};
use crate::installer::{Input, Installer};
use crate::model::plan::{Receipt, Step};
use crate::snapshot::{CreateOptions, RollbackOptions, Selector, Snapshots};

/// The label of snapshots that are taken before a remedy; after a crash it is how they are found again.
const LABEL: &str = "before-healing";

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

    pub(super) async fn open(&self) -> Result<Workshop, RemedyError> {
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

    /// Keeps what is there. `None` where no snapshots are wanted, or there is nothing to keep.
    pub(super) async fn keep(&self, step: &Step) -> Result<Option<u64>, RemedyError> {
        let Some(snapshots) = &self.snapshots else { return Ok(None) };
        if !self.environment.join("pyvenv.cfg").is_file() {
            return Ok(None);
        }
        let options = CreateOptions { label: Some(LABEL.to_owned()), durable: false, ..CreateOptions::default() };
        let created = snapshots.create(&self.environment, &options).await;
        created.map(|created| Some(created.snapshot.number)).map_err(|error| RemedyError::failed(step, error))
    }

    /// A receipt by which the step can be taken back.
    pub(super) fn receipt(text: String, before: Option<u64>) -> Receipt {
        match before {
            Some(number) => {
                Receipt::new(format!("{text}; what was there is snapshot {number}")).data(json!({ "before": number }))
            }
            None => Receipt::new(text),
        }
    }

    /// Goes back to what was there before the step.
    pub(super) async fn take_back(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let Some(snapshots) = &self.snapshots else {
            return Err(RemedyError::CannotUndo { step: step.name.clone() });
        };
        let known = cx.receipt.as_ref().and_then(|receipt| receipt.data.as_ref()?.get("before")?.as_u64());
        // Without a receipt this program ended in the middle; the newest snapshot of that kind was made for it.
        let selector = known.map_or_else(|| Selector::Label(LABEL.to_owned()), Selector::Number);
        let back = snapshots.rollback(&selector, &self.environment, &RollbackOptions::default()).await;
        back.map(drop).map_err(|error| RemedyError::failed(step, error))
    }
}

/// An error as a reason why a remedy does not apply.
pub(super) fn not_applicable(error: &(dyn std::error::Error + 'static)) -> RemedyError {
    RemedyError::NotApplicable { why: chain(error) }
}
