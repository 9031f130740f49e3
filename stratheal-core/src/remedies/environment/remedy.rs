//! [`EnvironmentRemedy`]: what is there is kept first, then it is changed in one of three ways.

use async_trait::async_trait;
use serde_json::json;

use super::workshop::{OpenWorkshop, Workshop, not_applicable};
use super::{rebuild, repair, rollback};
use crate::base::class::chain;
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::installer::VerifyOptions;
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState};
use crate::snapshot::{CreateOptions, RollbackOptions, Selector, Snapshots};

/// The step that keeps what is there.
const KEEP: &str = "keep";
/// The step that changes it.
const CHANGE: &str = "change";

/// A remedy for a virtual environment. Risk: disruptive. Where snapshots are kept, the first step makes one, and what did not help goes back
/// to it; otherwise nothing can be taken back.
///
/// # Example
/// ```
/// use stratheal_core::contract::Remedy;
/// use stratheal_core::model::RemedyId;
/// use stratheal_core::remedies::environment::{EnvironmentRemedy, OpenWorkshop};
/// let opener = OpenWorkshop::new(|| Err("there is no environment here".to_owned()));
/// let remedy = EnvironmentRemedy::repair(RemedyId::new("repair-environment").unwrap(), opener);
/// assert_eq!(remedy.id().as_str(), "repair-environment");
/// ```
#[derive(Debug, Clone)]
pub struct EnvironmentRemedy {
    id: RemedyId,
    workshop: OpenWorkshop,
    way: Way,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Repair,
    Rebuild,
    Rollback,
}

impl EnvironmentRemedy {
    /// Puts back what is damaged, from the wheels it came from. Edits of installed files are damage, too; they are in the snapshot, and
    /// come back when it did not help. Does not apply where everything is as it was installed.
    #[must_use]
    pub const fn repair(id: RemedyId, workshop: OpenWorkshop) -> Self {
        Self { id, workshop, way: Way::Repair }
    }

    /// Makes everything anew, in the versions of the requirements, or in those that are installed where there are none: beside what is
    /// there, also where the interpreter is gone. Files that no package brought do not come along.
    #[must_use]
    pub const fn rebuild(id: RemedyId, workshop: OpenWorkshop) -> Self {
        Self { id, workshop, way: Way::Rebuild }
    }

    /// Goes back to the newest snapshot whose checks passed. Does not apply while the environment is as in that one.
    #[must_use]
    pub const fn rollback(id: RemedyId, workshop: OpenWorkshop) -> Self {
        Self { id, workshop, way: Way::Rollback }
    }
}

/// The snapshot of what was there before, if the first step has made one.
fn before(cx: &RemedyContext) -> Option<Selector> {
    let number = cx.receipt(KEEP)?.data.as_ref()?.get("snapshot")?.as_u64();
    number.map(Selector::Number)
}

/// Makes a snapshot of what is there; of an unchanged environment the newest one serves again.
async fn keep(snapshots: &Snapshots, workshop: &Workshop, step: &Step) -> Result<Receipt, RemedyError> {
    let options = CreateOptions { durable: false, ..CreateOptions::default() };
    let created = snapshots.create(&workshop.environment, &options).await;
    let number = created.map_err(|error| RemedyError::failed(step, error))?.snapshot.number;
    Ok(Receipt::new(format!("what was there is snapshot {number}")).data(json!({ "snapshot": number })))
}

#[async_trait]
impl Remedy for EnvironmentRemedy {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        Risk::Disruptive
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let workshop = self.workshop.open().await?;
        let (resource, can_keep) = (workshop.resource(), workshop.can_keep());
        let (mut plan, summary) = match self.way {
            Way::Repair => repair::plan(&workshop).await?,
            Way::Rebuild => rebuild::plan(workshop).await?,
            Way::Rollback => rollback::plan(&workshop).await?,
        };
        let change = Step::new(CHANGE, summary);
        if can_keep {
            plan = plan.step(Step::new(KEEP, "make a snapshot of what is there")).step(change.undoable());
        } else {
            plan = plan.step(change);
        }
        Ok(plan.resource(resource))
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let workshop = self.workshop.open().await?;
        if step.name == KEEP {
            return match keep(workshop.snapshots()?, &workshop, step).await {
                // What is broken so much that it cannot be kept has to be made anew all the same.
                Err(error) if self.way == Way::Rebuild => {
                    tracing::warn!(error = %chain(&error), "what is there cannot be kept");
                    Ok(Receipt::new(format!("what was there could not be kept: {}", chain(&error))))
                }
                kept => kept,
            };
        }
        match self.way {
            Way::Repair => repair::carry_out(&workshop, step).await,
            Way::Rebuild => rebuild::carry_out(workshop, step).await,
            Way::Rollback => rollback::carry_out(&workshop, cx, step).await,
        }
    }

    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        if step.name == KEEP {
            return Ok(if cx.receipt(KEEP).is_some() { StepState::Done } else { StepState::NotDone });
        }
        let workshop = self.workshop.open().await?;
        let is_done = if let Some(before) = before(cx) {
            rollback::differs(&workshop, &before).await?
        } else {
            let subject = workshop.installer.subject(&workshop.environment).await;
            let subject = subject.map_err(|error| not_applicable(&error))?;
            let verified = workshop.installer.verify(&subject, &VerifyOptions::default()).await;
            verified.map_err(|error| not_applicable(&error))?.is_whole()
        };
        Ok(if is_done { StepState::Done } else { StepState::NotDone })
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let Some(before) = before(cx) else { return Err(RemedyError::CannotUndo { step: step.name.clone() }) };
        let workshop = self.workshop.open().await?;
        // As it was, however broken that was.
        let options = RollbackOptions { unchecked: true, ..RollbackOptions::default() };
        let back = workshop.snapshots()?.rollback(&before, &workshop.environment, &options).await;
        back.map(drop).map_err(|error| RemedyError::failed(step, error))
    }
}
