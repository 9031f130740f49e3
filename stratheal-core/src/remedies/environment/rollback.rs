//! [`RollbackEnvironment`]: back to the newest snapshot that is known to be good.

use async_trait::async_trait;

use super::workshop::{OpenWorkshop, Workshop, not_applicable};
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
use crate::snapshot::{RollbackOptions, RollbackPlan, Selector, Snapshots};

/// Brings an environment back to the newest snapshot whose checks passed. Does not apply while the environment is as in that one. Risk:
/// disruptive; what was there becomes a snapshot, and comes back when it did not help.
#[derive(Debug, Clone)]
pub struct RollbackEnvironment {
    id: RemedyId,
    workshop: OpenWorkshop,
}

impl RollbackEnvironment {
    const STEP: &str = "rollback";

    /// A remedy of this name.
    #[must_use]
    pub const fn new(id: RemedyId, workshop: OpenWorkshop) -> Self {
        Self { id, workshop }
    }

    /// The snapshot that was planned.
    fn planned(cx: &RemedyContext) -> Result<Selector, RemedyError> {
        let target = cx.plan.targets.iter().find(|target| target.kind == "snapshot");
        let number = target.and_then(|target| target.name.parse().ok());
        let missing = || RemedyError::Outdated { why: "the plan names no snapshot".to_owned() };
        number.map(Selector::Number).ok_or_else(missing)
    }
}

/// Whether anything but bytecode differs.
fn differs(plan: &RollbackPlan) -> bool {
    !plan.difference.projects.is_empty() || !plan.difference.files.is_empty()
}

fn snapshots(workshop: &Workshop) -> Result<&Snapshots, RemedyError> {
    let none = || RemedyError::NotApplicable { why: "no snapshots are kept".to_owned() };
    workshop.snapshots.as_ref().ok_or_else(none)
}

#[async_trait]
impl Remedy for RollbackEnvironment {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        Risk::Disruptive
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let workshop = self.workshop.open().await?;
        let (root, options) = (&workshop.environment, RollbackOptions::default());
        let planned = snapshots(&workshop)?.rollback_plan(&Selector::LastGood, root, &options).await;
        let planned = planned.map_err(|error| not_applicable(&error))?;
        let (number, shown) = (planned.number, planned.root.display());
        if !differs(&planned) {
            let why = format!("{shown} is as in snapshot {number}, the newest that is known to be good");
            return Err(RemedyError::NotApplicable { why });
        }
        let mut plan = Plan::new(format!("bring {shown} back to snapshot {number}"))
            .target(Target::new("environment", shown.to_string()))
            .target(Target::new("snapshot", number.to_string()))
            .target(Target::new("files to put", shown.to_string()).count(planned.put as u64).bytes(planned.put_bytes));
        for change in planned.difference.projects.iter().take(100) {
            let of = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
            let name = format!("{} {} -> {}", change.name, of(&change.before), of(&change.after));
            plan = plan.target(Target::new("package", name));
        }
        let step = Step::new(Self::STEP, format!("switch to snapshot {number}")).undoable();
        Ok(plan.step(step).resource(workshop.resource()))
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let workshop = self.workshop.open().await?;
        let selector = Self::planned(cx)?;
        let done = snapshots(&workshop)?.rollback(&selector, &workshop.environment, &RollbackOptions::default()).await;
        let done = done.map_err(|error| RemedyError::failed(step, error))?;
        Ok(Workshop::receipt(format!("as in snapshot {} again, {} files put back", done.number, done.put), done.before))
    }

    async fn probe(&self, cx: &RemedyContext, _step: &Step) -> Result<StepState, RemedyError> {
        let workshop = self.workshop.open().await?;
        let (selector, options) = (Self::planned(cx)?, RollbackOptions::default());
        let planned = snapshots(&workshop)?.rollback_plan(&selector, &workshop.environment, &options).await;
        let planned = planned.map_err(|error| not_applicable(&error))?;
        Ok(if differs(&planned) { StepState::NotDone } else { StepState::Done })
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let workshop = self.workshop.open().await?;
        if cx.receipt.is_some() {
            return workshop.take_back(cx, step).await;
        }
        // This program ended in the middle: a rollback is one step, and what was there is the newest snapshot if it was done.
        let root = &workshop.environment;
        let back = snapshots(&workshop)?.rollback(&Selector::Newest, root, &RollbackOptions::default()).await;
        back.map(drop).map_err(|error| RemedyError::failed(step, error))
    }
}
