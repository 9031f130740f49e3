//! What a remedy is going to do, as data that can be shown, hashed and approved before anything is done.

use serde::{Deserialize, Serialize};

/// How much a remedy may break. Compared in this order, so that a ceiling can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Changes nothing.
    Observe,
    /// Changes something that nobody else notices, such as a cache.
    Local,
    /// Interrupts a service, and can be undone.
    Disruptive,
    /// Cannot be undone.
    Destructive,
}

/// A thing that a plan touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What kind of thing: `service`, `file`, `package` ...
    pub kind: String,
    /// Its name, whole.
    pub name: String,
    /// Its size, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A stable name within the plan; the journal refers to it.
    pub name: String,
    /// One line for people, beginning with a verb.
    pub summary: String,
    /// Whether it can be undone.
    pub undoable: bool,
}

/// A remedy's plan. An empty list of targets means that nothing is touched, never that everything is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// One line for people.
    pub summary: String,
    /// What is touched, counted.
    pub targets: Vec<Target>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() || self.steps.is_empty()
    }
}

/// Whether a step has been done, as far as can be seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Its effect is there.
    Done,
    /// Its effect is not there.
    NotDone,
    /// It cannot be told.
    Unknown,
}
