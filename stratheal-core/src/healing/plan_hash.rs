//! The hash that an approval is bound to.

use sha2::{Digest, Sha256};

use crate::model::plan::Plan;
use crate::model::{CheckId, RemedyId};

/// The SHA-256, in hexadecimal, of what is going to be done by whom for which check. Two plans with one hash do the same.
///
/// ```
/// use stratheal_core::healing::plan_hash;
/// use stratheal_core::model::plan::{Plan, Target};
/// use stratheal_core::model::{CheckId, RemedyId};
/// let (check, remedy) = (CheckId::new("web").unwrap(), RemedyId::new("free-disk").unwrap());
/// let one = plan_hash(&check, &remedy, &Plan::new("free").target(Target::new("files", "/tmp/cache").count(1)));
/// let two = plan_hash(&check, &remedy, &Plan::new("free").target(Target::new("files", "/tmp/cache").count(2)));
/// assert_ne!(one, two);
/// ```
#[must_use]
pub fn plan_hash(check: &CheckId, remedy: &RemedyId, plan: &Plan) -> String {
    // Each text with its length in front, so that no two plans are written alike.
    let mut hasher = Sha256::new();
    let mut text = |text: &str| {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    text("stratheal plan 1");
    text(check.as_str());
    text(remedy.as_str());
    text(&plan.summary);
    text(&plan.targets.len().to_string());
    for target in &plan.targets {
        text(&target.kind);
        text(&target.name);
        text(&format!("{:?} {:?}", target.count, target.bytes));
    }
    text(&plan.steps.len().to_string());
    for step in &plan.steps {
        text(&step.name);
        text(&step.summary);
        text(if step.undoable { "undoable" } else { "final" });
    }
    for resource in &plan.resources {
        text(resource);
    }
    hasher.finalize().iter().fold(String::with_capacity(64), |hex, byte| hex + &format!("{byte:02x}"))
}
