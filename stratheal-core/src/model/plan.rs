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

/// A thing that a plan touches, or many of a kind, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What kind of thing: `service`, `file`, `package` ...
    pub kind: String,
    /// Its name, whole.
    pub name: String,
    /// How many things of that name, such as files of a folder; one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Its size, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

impl Target {
    /// One thing.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into(), count: None, bytes: None }
    }

    /// So many of them.
    #[must_use]
    pub const fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// So large, together.
    #[must_use]
    pub const fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }
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

impl Step {
    /// A step that cannot be undone.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), summary: summary.into(), undoable: false }
    }

    /// A step that can be undone.
    #[must_use]
    pub const fn undoable(mut self) -> Self {
        self.undoable = true;
        self
    }
}

/// A remedy's plan. An empty list of targets means that nothing is touched, never that everything is.
///
/// ```
/// use stratheal_core::model::plan::{Plan, Step, Target};
/// let plan = Plan::new("restart api").target(Target::new("service", "api")).step(Step::new("restart", "stop and start it"));
/// assert!(!plan.is_empty() && Plan::new("nothing to do").is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// One line for people.
    pub summary: String,
    /// What is touched, counted.
    pub targets: Vec<Target>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// Names of what nobody else may work on meanwhile, such as `service/api` or `environment//srv/app/.venv`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

impl Plan {
    /// The most targets a plan may list; more of a kind are counted in one.
    pub const MAX_TARGETS: usize = 256;
    /// The most steps.
    pub const MAX_STEPS: usize = 64;

    /// A plan that does nothing yet.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }

    /// Adds a target.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.targets.push(target);
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds the name of something that nobody else may work on meanwhile.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>) -> Self {
        self.resources.push(name.into());
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty() || self.steps.is_empty()
    }
}

/// What a step left behind: for people, and for taking it back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Receipt {
    /// One line for people.
    pub summary: String,
    /// What the undo needs, such as the number of a snapshot. At most [`Receipt::MAX_DATA`] bytes as JSON are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

impl Receipt {
    /// The most bytes of `data`.
    pub const MAX_DATA: usize = 4096;

    /// A receipt for people.
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), data: None }
    }

    /// With what the undo needs.
    #[must_use]
    pub fn data(mut self, data: impl Into<serde_json::Value>) -> Self {
        self.data = Some(data.into());
        self
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
