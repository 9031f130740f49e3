//! Damaged and missing files, put back one by one.

use super::workshop::{Workshop, not_applicable};
use crate::contract::RemedyError;
use crate::installer::RepairOptions;
use crate::model::plan::{Plan, Receipt, Step, Target};

/// The most targets that are named one by one; more are counted.
const MOST_NAMED: usize = 100;

pub(super) async fn plan(workshop: &Workshop) -> Result<(Plan, String), RemedyError> {
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
    for (kind, paths) in [("link", &planned.relinks), ("mode", &planned.allowances), ("leftover", &planned.removals)] {
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
    let plan = Plan { targets, ..Plan::new(format!("repair {root}: {count} damaged")) };
    Ok((plan, format!("put back what is damaged in {root}")))
}

pub(super) async fn carry_out(workshop: &Workshop, step: &Step) -> Result<Receipt, RemedyError> {
    let failed = |error| RemedyError::failed(step, error);
    let subject = workshop.installer.subject(&workshop.environment).await.map_err(failed)?;
    let repaired = workshop.installer.repair(&subject, &RepairOptions { full: false }).await.map_err(failed)?;
    let put = repaired.mended.len() + repaired.relinked.len() + repaired.allowed.len();
    let (removed, left) = (repaired.removed.len(), repaired.unmended.len());
    Ok(Receipt::new(format!("{put} files put back, {removed} removed, {left} could not be put back")))
}
