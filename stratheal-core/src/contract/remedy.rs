//! [`Remedy`]: one way to make a failing thing work again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::base::class::ErrorClass;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState};
use crate::model::view::CheckView;
use crate::model::{CheckId, RemedyId};

/// One way to make a failing thing work again.
///
/// # Contract
/// - [`plan`](Self::plan) has no side effects. It lists every target, counted; an empty list means nothing, never everything.
/// - [`step`](Self::step) carries out one step of that plan and nothing else. It is idempotent: after a crash the engine may
///   call it again.
/// - [`probe`](Self::probe) looks from outside whether a step has been done. The engine asks it after a crash and finishes or
///   undoes accordingly, so that nothing is repeated blindly.
/// - [`undo`](Self::undo) takes one step back. Steps that cannot be undone say so in the plan. Afterwards `probe` is asked whether it did.
/// - [`settle`](Self::settle) is asked before that, so that nothing of an interrupted step is still at work when it is looked at.
/// - What a step leaves behind for its undo, such as the number of a snapshot, it answers as its [`Receipt`]. The engine writes that down
///   and hands it back in [`RemedyContext::receipts`], with those of all steps before. After a crash that of the last step may be missing.
/// - **A remedy never vouches for itself.** Its `Ok` means that the step was carried out. Whether that healed anything is decided
///   by running the failing check again.
///
/// # Cancellation
/// Steps and undos are never dropped half-way by the engine; they must come to an end by [`RemedyContext::deadline`] on their own.
/// `plan` and `probe` may be dropped at any `.await`.
///
/// # Example
/// ```
/// use async_trait::async_trait;
/// use stratheal_core::contract::{Remedy, RemedyContext, RemedyError};
/// use stratheal_core::model::RemedyId;
/// use stratheal_core::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
///
/// #[derive(Debug)]
/// struct ClearCache {
///     id: RemedyId,
///     folder: std::path::PathBuf,
/// }
///
/// #[async_trait]
/// impl Remedy for ClearCache {
///     fn id(&self) -> &RemedyId {
///         &self.id
///     }
///     fn risk(&self) -> Risk {
///         Risk::Local
///     }
///     async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
///         let name = self.folder.display().to_string();
///         let plan = Plan::new(format!("clear {name}"));
///         Ok(plan.target(Target::new("folder", name)).step(Step::new("clear", "remove the folder")))
///     }
///     async fn step(&self, _cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
///         std::fs::remove_dir_all(&self.folder).map_err(|error| RemedyError::failed(step, error))?;
///         Ok(Receipt::new("removed"))
///     }
///     async fn probe(&self, _cx: &RemedyContext, _step: &Step) -> Result<StepState, RemedyError> {
///         Ok(if self.folder.exists() { StepState::NotDone } else { StepState::Done })
///     }
///     async fn undo(&self, _cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
///         Err(RemedyError::CannotUndo { step: step.name.clone() })
///     }
/// }
/// ```
#[async_trait]
pub trait Remedy: fmt::Debug + Send + Sync + 'static {
    /// The name of the remedy; the same at every call.
    fn id(&self) -> &RemedyId;

    /// How much it may break.
    fn risk(&self) -> Risk;

    /// Says what would be done, without doing any of it.
    ///
    /// # Errors
    /// [`RemedyError`] when it cannot be told what to do, or the remedy does not apply here.
    async fn plan(&self, cx: &RemedyContext) -> Result<Plan, RemedyError>;

    /// Carries out one step of a plan.
    ///
    /// # Errors
    /// [`RemedyError`] when the step was not carried out.
    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError>;

    /// Looks whether a step has been done.
    ///
    /// # Errors
    /// [`RemedyError`] when it could not look; the engine treats that as [`StepState::Unknown`].
    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError>;

    /// Takes one step back.
    ///
    /// # Errors
    /// [`RemedyError`] when the step was not taken back.
    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError>;

    /// Ends what a process that is gone has begun of a step, or of taking it back, and that may go on without it, such as a command. What
    /// was begun in the same process is over by then, so most remedies have nothing to do here.
    ///
    /// # Errors
    /// [`RemedyError`] when something is still at work; the attempt ends, and a person has to look.
    async fn settle(&self, _cx: &RemedyContext, _step: &Step) -> Result<(), RemedyError> {
        Ok(())
    }
}

/// What the engine hands to a remedy.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RemedyContext {
    /// The failing check.
    pub check: CheckId,
    /// Its state when the remedy was chosen.
    pub state: Arc<CheckView>,
    /// When the remedy must have come to an end.
    pub deadline: Instant,
    /// The plan that is carried out; empty while it is being made.
    pub plan: Arc<Plan>,
    /// What steps have answered so far, by the name of the step.
    pub receipts: BTreeMap<String, Receipt>,
    /// What this step of this attempt is called: no other is on this machine, and it is the same after a restart. None while a plan is
    /// made.
    pub attempt: Option<String>,
}

impl RemedyContext {
    /// For making a plan.
    #[must_use]
    pub fn new(state: Arc<CheckView>, deadline: Instant) -> Self {
        let check = state.id.clone();
        Self { check, state, deadline, plan: Arc::default(), receipts: BTreeMap::new(), attempt: None }
    }

    /// For carrying out a plan.
    #[must_use]
    pub fn with_plan(mut self, plan: Arc<Plan>) -> Self {
        self.plan = plan;
        self
    }

    /// With what steps have answered so far, by the name of the step.
    #[must_use]
    pub fn with_receipts(mut self, receipts: BTreeMap<String, Receipt>) -> Self {
        self.receipts = receipts;
        self
    }

    /// As a step of an attempt, of this name.
    #[must_use]
    pub fn with_attempt(mut self, attempt: String) -> Self {
        self.attempt = Some(attempt);
        self
    }

    /// What a step has answered, as far as that is known.
    #[must_use]
    pub fn receipt(&self, step: &str) -> Option<&Receipt> {
        self.receipts.get(step)
    }
}

/// Why a remedy did not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemedyError {
    /// It does not apply here.
    #[error("does not apply: {why}")]
    NotApplicable {
        /// Why not.
        why: String,
    },
    /// A step failed.
    #[error("step `{step}` failed")]
    Failed {
        /// The step.
        step: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A step cannot be undone.
    #[error("step `{step}` cannot be undone")]
    CannotUndo {
        /// The step.
        step: String,
    },
    /// The plan does not fit what is there any more.
    #[error("the plan is out of date: {why}")]
    Outdated {
        /// What changed.
        why: String,
    },
}

impl RemedyError {
    /// A step failed.
    pub fn failed(step: &Step, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed { step: step.name.clone(), source: source.into() }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NotApplicable { .. } | Self::CannotUndo { .. } => ErrorClass::Permanent,
            Self::Failed { .. } | Self::Outdated { .. } => ErrorClass::Transient,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_object_safe() {
        fn object_safe(_: Option<&dyn Remedy>) {}
        object_safe(None);
    }
}
