//! [`RepairEnvironment`]: damaged and missing files, put back one by one.

use std::fmt::Write;

use async_trait::async_trait;

use super::workshop::{OpenWorkshop, Workshop, not_applicable};
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::installer::{RepairOptions, VerifyOptions};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};

/// The most targets that are named one by one; more are counted.
const MOST_NAMED: usize = 100;

/// Puts back what is damaged in an environment, from the wheels it came from. Risk: disruptive, because edits of installed files are
/// damage, too; they are in the snapshot that is taken before, and come back when it did not help.
#[derive(Debug, Clone)]
pub struct RepairEnvironment {
    id: RemedyId,
    workshop: OpenWorkshop,
}

impl RepairEnvironment {
    const STEP: &str = "repair";

    /// A remedy of this name.
    #[must_use]
    pub const fn new(id: RemedyId, workshop: OpenWorkshop) -> Self {
        Self { id, workshop }
    }
}

#[async_trait]
impl Remedy for RepairEnvironment {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        Risk::Disruptive
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let workshop = self.workshop.open().await?;
        let subject = workshop.installer.subject(&workshop.environment).await;
        let subject = subject.map_err(|error| not_applicable(&error))?;
        let planned = workshop.installer.repair_plan(&subject, &RepairOptions { full: false }).await;
        let planned = planned.map_err(|error| not_applicable(&error))?;
        let root = planned.root.display();
        let mut targets = Vec::new();
        for repair in &planned.repairs {
            let name = repair.project.as_ref().map_or("a project", |name| name.as_str());
            targets.push(Target::new("package", name).count(repair.paths.len().max(1) as u64));
        }
        for (kind, paths) in
            [("link", &planned.relinks), ("mode", &planned.allowances), ("leftover", &planned.removals)]
        {
            targets.extend(paths.iter().map(|path| Target::new(kind, path.display().to_string())));
        }
        if targets.is_empty() {
            return Err(RemedyError::NotApplicable { why: format!("{root} is as it was installed") });
        }
        if targets.len() > MOST_NAMED {
            let rest = targets.split_off(MOST_NAMED - 1).len() as u64;
            targets.push(Target::new("others", root.to_string()).count(rest));
        }
        let count: u64 = targets.iter().map(|target| target.count.unwrap_or(1)).sum();
        let step = Step::new(Self::STEP, format!("put back what is damaged in {root}"));
        let mut plan = Plan::new(format!("repair {root}: {count} damaged")).resource(workshop.resource());
        plan.targets = targets;
        Ok(plan.step(if workshop.snapshots.is_some() { step.undoable() } else { step }))
    }

    async fn step(&self, _cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let failed = |error| RemedyError::failed(step, error);
        let workshop = self.workshop.open().await?;
        let before = workshop.keep(step).await?;
        let subject = workshop.installer.subject(&workshop.environment).await.map_err(failed)?;
        let repaired = workshop.installer.repair(&subject, &RepairOptions { full: false }).await.map_err(failed)?;
        let put = repaired.mended.len() + repaired.relinked.len() + repaired.allowed.len();
        let mut text = format!("{put} files put back, {} removed", repaired.removed.len());
        if !repaired.unmended.is_empty() {
            let _ = write!(text, ", {} could not be put back", repaired.unmended.len());
        }
        Ok(Workshop::receipt(text, before))
    }

    async fn probe(&self, _cx: &RemedyContext, _step: &Step) -> Result<StepState, RemedyError> {
        let workshop = self.workshop.open().await?;
        let subject = workshop.installer.subject(&workshop.environment).await;
        let subject = subject.map_err(|error| not_applicable(&error))?;
        let verified = workshop.installer.verify(&subject, &VerifyOptions::default()).await;
        let verified = verified.map_err(|error| not_applicable(&error))?;
        Ok(if verified.is_whole() { StepState::Done } else { StepState::NotDone })
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        self.workshop.open().await?.take_back(cx, step).await
    }
}
