//! Back to the newest snapshot that is known to be good.

use super::workshop::{Workshop, not_applicable};
use crate::contract::{RemedyContext, RemedyError};
use crate::model::plan::{Plan, Receipt, Step, Target};
use crate::snapshot::{RollbackOptions, RollbackPlan, Selector};

/// The most packages that are named.
const MOST_NAMED: usize = 100;

async fn planned(workshop: &Workshop, to: &Selector, options: &RollbackOptions) -> Result<RollbackPlan, RemedyError> {
    let planned = workshop.snapshots()?.rollback_plan(to, &workshop.environment, options).await;
    planned.map_err(|error| not_applicable(&error))
}

fn has_changes(plan: &RollbackPlan) -> bool {
    !plan.difference.projects.is_empty() || !plan.difference.files.is_empty()
}

/// Whether the environment is anything but a snapshot, bytecode aside.
pub(super) async fn differs(workshop: &Workshop, from: &Selector) -> Result<bool, RemedyError> {
    let options = RollbackOptions { unchecked: true, ..RollbackOptions::default() };
    Ok(has_changes(&planned(workshop, from, &options).await?))
}

pub(super) async fn plan(workshop: &Workshop) -> Result<(Plan, String), RemedyError> {
    let planned = planned(workshop, &Selector::LastGood, &RollbackOptions::default()).await?;
    let (number, root) = (planned.number, planned.root.display());
    if !has_changes(&planned) {
        let why = format!("{root} is as in snapshot {number}, the newest that is known to be good");
        return Err(RemedyError::NotApplicable { why });
    }
    let mut plan = Plan::new(format!("bring {root} back to snapshot {number}"))
        .target(Target::new("environment", root.to_string()))
        .target(Target::new("snapshot", number.to_string()))
        .target(Target::new("files to put", root.to_string()).count(planned.put as u64).bytes(planned.put_bytes));
    for change in planned.difference.projects.iter().take(MOST_NAMED) {
        let of = |version: &Option<String>| version.clone().unwrap_or_else(|| "none".to_owned());
        let name = format!("{} {} -> {}", change.name, of(&change.before), of(&change.after));
        plan = plan.target(Target::new("package", name));
    }
    Ok((plan, format!("switch to snapshot {number}")))
}

pub(super) async fn carry_out(workshop: &Workshop, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
    let target = cx.plan.targets.iter().find(|target| target.kind == "snapshot");
    let Some(number) = target.and_then(|target| target.name.parse().ok()) else {
        return Err(RemedyError::Outdated { why: "the plan names no snapshot".to_owned() });
    };
    let (to, options) = (Selector::Number(number), RollbackOptions::default());
    let done = workshop.snapshots()?.rollback(&to, &workshop.environment, &options).await;
    let done = done.map_err(|error| RemedyError::failed(step, error))?;
    Ok(Receipt::new(format!("as in snapshot {number} again, {} files put back", done.put)))
}
