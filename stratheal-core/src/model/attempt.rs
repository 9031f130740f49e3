//! One attempt to heal something: what was planned, how far it is, how it ended.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::plan::{Plan, Receipt};
use super::{CheckId, RemedyId};

/// Who wants something done.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum Actor {
    /// This program, by itself.
    Engine,
    /// A person, by the name their system knows.
    Person(String),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine => f.write_str("stratheal"),
            Self::Person(name) => f.write_str(name),
        }
    }
}

/// How far an attempt is. Each state is in the journal before what it announces is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum AttemptState {
    /// A step is about to be done, or half done, or done. An attempt begins with the first one.
    Doing {
        /// Which, from 0.
        step: usize,
    },
    /// All steps are done; the failing check says whether it helped.
    Verifying,
    /// It helped; whether that lasts is being watched.
    Probation,
    /// It did not help, or something got worse: steps are taken back, the last one first.
    Undoing {
        /// Which is being taken back.
        step: usize,
    },
    /// It is over.
    Ended {
        /// How.
        verdict: Verdict,
    },
}

/// What became of the steps of an attempt that did not help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "undo")]
pub enum Undo {
    /// Nothing had been done, or nothing that has to be taken back.
    NotNeeded,
    /// Everything that can be taken back was, and is seen to be gone.
    Undone,
    /// What was done cannot be taken back.
    Impossible,
    /// It should have been taken back, and was not.
    Failed {
        /// Why.
        why: String,
    },
}

/// How an attempt ended. A remedy never says so itself: the failing check does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// The failing check passes, and has gone on passing.
    Healed,
    /// All steps were done, and the check still fails.
    NotHealed {
        /// What became of the steps.
        undo: Undo,
        /// What the check says.
        why: String,
    },
    /// The check passed, and failed again before it could be believed.
    Relapsed {
        /// What became of the steps.
        undo: Undo,
        /// What the check says.
        why: String,
    },
    /// Something else broke by it.
    MadeWorse {
        /// What became of the steps.
        undo: Undo,
        /// What broke.
        why: String,
    },
    /// A step could not be done.
    Failed {
        /// What became of the steps before.
        undo: Undo,
        /// Why.
        why: String,
    },
    /// This program ended in the middle, and what was under way could be neither finished nor taken back for sure.
    Interrupted {
        /// What became of the steps.
        undo: Undo,
        /// How far it was.
        why: String,
    },
}

impl Verdict {
    /// Whether it helped.
    #[must_use]
    pub const fn is_healed(&self) -> bool {
        matches!(self, Self::Healed)
    }

    /// What became of the steps; nothing has to be taken back of what helped.
    #[must_use]
    pub const fn undo(&self) -> &Undo {
        match self {
            Self::Healed => &Undo::NotNeeded,
            Self::NotHealed { undo, .. }
            | Self::Relapsed { undo, .. }
            | Self::MadeWorse { undo, .. }
            | Self::Failed { undo, .. }
            | Self::Interrupted { undo, .. } => undo,
        }
    }

    /// The word for programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Healed => "healed",
            Self::NotHealed { .. } => "not-healed",
            Self::Relapsed { .. } => "relapsed",
            Self::MadeWorse { .. } => "made-worse",
            Self::Failed { .. } => "failed",
            Self::Interrupted { .. } => "interrupted",
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, why) = match self {
            Self::Healed => return f.write_str("healed"),
            Self::NotHealed { why, .. } => ("did not help", why),
            Self::Relapsed { why, .. } => ("helped for a moment only", why),
            Self::MadeWorse { why, .. } => ("made something else worse", why),
            Self::Failed { why, .. } => ("could not be carried out", why),
            Self::Interrupted { why, .. } => ("was interrupted", why),
        };
        write!(f, "{what}: {why}")?;
        match self.undo() {
            // That a step cannot be undone is in its plan.
            Undo::NotNeeded | Undo::Impossible => Ok(()),
            Undo::Undone => f.write_str("; it was taken back"),
            Undo::Failed { why } => write!(f, "; it could NOT be taken back: {why}"),
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts up from 1.
    pub number: u64,
    /// The incident it belongs to; none when a person ran a remedy while nothing was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// The check that has to pass.
    pub check: CheckId,
    /// What is done.
    pub remedy: RemedyId,
    /// Who wants it.
    pub by: Actor,
    /// When it began.
    pub started: Timestamp,
    /// What was planned.
    pub plan: Plan,
    /// A hash of remedy, check and plan; what an approval is bound to.
    pub plan_hash: String,
    /// How far it is.
    pub state: AttemptState,
    /// What each step answered.
    pub receipts: Vec<Option<Receipt>>,
}

impl Attempt {
    /// What it is called: no other is on this machine, also of another state folder.
    #[must_use]
    pub fn name(&self) -> String {
        format!("attempt-{:x}-{}", self.started.as_nanosecond(), self.number)
    }

    /// Whether it is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, AttemptState::Ended { .. })
    }

    /// The last step of which something may have been done.
    #[must_use]
    pub const fn last_touched(&self) -> Option<usize> {
        match &self.state {
            AttemptState::Ended { .. } => None,
            AttemptState::Doing { step } | AttemptState::Undoing { step } => Some(*step),
            AttemptState::Verifying | AttemptState::Probation => self.plan.steps.len().checked_sub(1),
        }
    }

    /// Whether one state may come right after this one.
    #[must_use]
    pub fn may_become(&self, next: &AttemptState) -> bool {
        use AttemptState::{Doing, Ended, Probation, Undoing, Verifying};
        let last = self.plan.steps.len().checked_sub(1);
        match (&self.state, next) {
            (Doing { step }, Doing { step: following }) => *following == step + 1 && Some(*following) <= last,
            (Doing { step }, Verifying) => Some(*step) == last,
            (Doing { step }, Undoing { step: back }) => back <= step,
            (Verifying | Probation, Undoing { step }) => Some(*step) <= last,
            (Undoing { step }, Undoing { step: before }) => before < step,
            // After a restart what was on probation is verified once more.
            (Verifying, Probation)
            | (Probation, Verifying)
            | (Doing { .. } | Verifying | Probation | Undoing { .. }, Ended { .. }) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Step;

    fn attempt(state: AttemptState) -> Attempt {
        let plan = Plan::new("two").step(Step::new("a", "a")).step(Step::new("b", "b").undoable());
        Attempt {
            number: 1,
            incident: Some(1),
            check: CheckId::new("web").unwrap(),
            remedy: RemedyId::new("fix").unwrap(),
            by: Actor::Engine,
            started: Timestamp::UNIX_EPOCH,
            plan,
            plan_hash: String::new(),
            state,
            receipts: vec![None, None],
        }
    }

    #[test]
    fn steps_are_done_in_order_and_taken_back_in_reverse() {
        use AttemptState::{Doing, Ended, Probation, Undoing, Verifying};
        let ended = || Ended { verdict: Verdict::Healed };
        for (from, to, allowed) in [
            (Doing { step: 0 }, Doing { step: 1 }, true),
            (Doing { step: 1 }, Doing { step: 2 }, false),
            (Doing { step: 0 }, Verifying, false),
            (Doing { step: 1 }, Verifying, true),
            (Doing { step: 1 }, Undoing { step: 1 }, true),
            (Doing { step: 0 }, Undoing { step: 1 }, false),
            (Verifying, Probation, true),
            (Probation, Verifying, true),
            (Probation, Undoing { step: 1 }, true),
            (Undoing { step: 1 }, Undoing { step: 0 }, true),
            (Undoing { step: 0 }, Undoing { step: 1 }, false),
            (Undoing { step: 0 }, ended(), true),
            (ended(), Doing { step: 0 }, false),
            (ended(), ended(), false),
        ] {
            assert_eq!(attempt(from.clone()).may_become(&to), allowed, "{from:?} -> {to:?}");
        }
        assert_eq!(attempt(Verifying).last_touched(), Some(1));
        assert_eq!(attempt(ended()).last_touched(), None);
    }

    #[test]
    fn a_verdict_says_what_became_of_the_steps() {
        let undo = Undo::Failed { why: "the disk is gone".into() };
        let verdict = Verdict::NotHealed { undo, why: "refused".into() };
        assert_eq!(verdict.to_string(), "did not help: refused; it could NOT be taken back: the disk is gone");
    }
}
