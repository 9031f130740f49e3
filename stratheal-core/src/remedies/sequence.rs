//! [`Sequence`]: several remedies, one after the other, as one.

use std::sync::Arc;

use async_trait::async_trait;

use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState};

/// Several remedies, one after the other, as one.
///
/// Its plan is theirs, one behind the other, each step with the number of its part in front: `2/restart`. Its risk is the highest of
/// theirs. All are planned before anything is done, so a part must not need what an earlier one only makes. A part that does not apply,
/// or has nothing to do, is left out; when that is so for all, the sequence does not apply.
///
/// A part sees the targets of all parts, and only its own steps. The steps of a plan are undone from the last to the first by whoever
/// carries it out.
///
/// # Cancellation
/// That of its parts.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use stratheal_core::contract::Remedy;
/// use stratheal_core::model::RemedyId;
/// use stratheal_core::remedies::{CommandToRun, RunCommand, Sequence};
/// let part = |name: &str| -> Arc<dyn Remedy> {
///     Arc::new(RunCommand::new(RemedyId::new(name).unwrap(), CommandToRun::new([name])).unwrap())
/// };
/// assert!(Sequence::new(RemedyId::new("both").unwrap(), vec![part("rotate"), part("reload")]).is_ok());
/// ```
#[derive(Debug)]
pub struct Sequence {
    id: RemedyId,
    parts: Vec<Arc<dyn Remedy>>,
    /// Whether all of it depends on the first part.
    first_decides: bool,
}

/// Remedies cannot be a sequence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sequence needs 1 to {most} remedies, not {count}", most = Sequence::MOST)]
pub struct InvalidSequence {
    /// How many there were.
    pub count: usize,
}

impl Sequence {
    /// The most parts.
    pub const MOST: usize = 16;

    /// These, in this order.
    ///
    /// # Errors
    /// [`InvalidSequence`] when there is none or there are too many.
    pub fn new(id: RemedyId, parts: Vec<Arc<dyn Remedy>>) -> Result<Self, InvalidSequence> {
        if parts.is_empty() || parts.len() > Self::MOST {
            return Err(InvalidSequence { count: parts.len() });
        }
        Ok(Self { id, parts, first_decides: false })
    }

    /// Where the first part does not apply, or has nothing to do, there is nothing to do at all: the others only follow from it, as the
    /// restart of a service follows from the repair of its environment.
    #[must_use]
    pub const fn first_decides(mut self) -> Self {
        self.first_decides = true;
        self
    }

    /// The part that a step belongs to, the step as that part knows it, and a context with the steps and receipts of that part.
    fn part(&self, cx: &RemedyContext, step: &Step) -> Result<(&dyn Remedy, RemedyContext, Step), RemedyError> {
        let unknown = || RemedyError::Outdated { why: format!("there is no step `{}`", step.name) };
        let (number, name) = parse_name(&step.name).ok_or_else(unknown)?;
        let part = number.checked_sub(1).and_then(|place| self.parts.get(place)).ok_or_else(unknown)?;
        let own = |step: &Step| {
            let (_, name) = parse_name(&step.name).filter(|(owner, _)| *owner == number)?;
            Some(Step { name: name.to_owned(), ..step.clone() })
        };
        let plan = Plan { steps: cx.plan.steps.iter().filter_map(own).collect(), ..Plan::clone(&cx.plan) };
        let step = Step { name: name.to_owned(), ..step.clone() };
        let answered = cx.receipts.iter().filter_map(|(step, receipt)| {
            let (_, name) = parse_name(step).filter(|(owner, _)| *owner == number)?;
            Some((name.to_owned(), receipt.clone()))
        });
        let cx = cx.clone().with_plan(Arc::new(plan)).with_receipts(answered.collect());
        Ok((part.as_ref(), cx, step))
    }
}

/// The number of the part, from 1, and what it calls the step.
fn parse_name(name: &str) -> Option<(usize, &str)> {
    let (number, name) = name.split_once('/')?;
    let is_plain = !number.starts_with(['0', '+']);
    is_plain.then(|| number.parse().ok()).flatten().map(|number| (number, name))
}

/// Errors name steps as the plan of the sequence does.
fn renamed(error: RemedyError, step: &Step) -> RemedyError {
    match error {
        RemedyError::Failed { source, .. } => RemedyError::Failed { step: step.name.clone(), source },
        RemedyError::CannotUndo { .. } => RemedyError::CannotUndo { step: step.name.clone() },
        other => other,
    }
}

#[async_trait]
impl Remedy for Sequence {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        self.parts.iter().map(|part| part.risk()).max().unwrap_or(Risk::Destructive)
    }

    async fn plan(&self, cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let (mut plan, mut summaries, mut reasons) = (Plan::default(), Vec::new(), Vec::new());
        for (place, part) in self.parts.iter().enumerate() {
            let part = match part.plan(cx).await {
                Ok(part) => part,
                Err(error) if place == 0 && self.first_decides => return Err(error),
                Err(RemedyError::NotApplicable { why }) => {
                    reasons.push(format!("{}: {why}", part.id()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            // Steps without a target, or the other way round, are nothing to do, and must not become something by standing together.
            if part.is_empty() {
                if place == 0 && self.first_decides {
                    return Ok(Plan::new("nothing to do"));
                }
                continue;
            }
            summaries.push(part.summary);
            plan.targets.extend(part.targets);
            let number = place + 1;
            plan.steps
                .extend(part.steps.into_iter().map(|step| Step { name: format!("{number}/{}", step.name), ..step }));
            for resource in part.resources {
                if !plan.resources.contains(&resource) {
                    plan.resources.push(resource);
                }
            }
        }
        if plan.steps.len() > Plan::MAX_STEPS || plan.targets.len() > Plan::MAX_TARGETS {
            return Err(RemedyError::NotApplicable {
                why: "its parts have more steps or targets than a plan may".to_owned(),
            });
        }
        if plan.is_empty() && reasons.len() == self.parts.len() {
            return Err(RemedyError::NotApplicable { why: reasons.join("; ") });
        }
        plan.summary = if summaries.is_empty() { "nothing to do".to_owned() } else { summaries.join(", then ") };
        Ok(plan)
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let (part, cx, own) = self.part(cx, step)?;
        part.step(&cx, &own).await.map_err(|error| renamed(error, step))
    }

    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        let (part, cx, own) = self.part(cx, step)?;
        part.probe(&cx, &own).await.map_err(|error| renamed(error, step))
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let (part, cx, own) = self.part(cx, step)?;
        part.undo(&cx, &own).await.map_err(|error| renamed(error, step))
    }

    async fn settle(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let (part, cx, own) = self.part(cx, step)?;
        part.settle(&cx, &own).await.map_err(|error| renamed(error, step))
    }
}

#[cfg(test)]
mod tests;
