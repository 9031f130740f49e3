//! What may be done about a failing check, and within which limits: plain data.

use std::time::Duration;

use crate::model::plan::Risk;
use crate::model::window::Window;
use crate::model::{CheckId, RemedyId};

/// Who decides that a remedy is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Approval {
    /// This program.
    #[default]
    Auto,
    /// A person, who is shown the plan and approves exactly that one.
    Confirm,
    /// A person, who runs it themselves: it is never begun from here, only mentioned.
    Manual,
}

impl Approval {
    /// The word in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Confirm => "confirm",
            Self::Manual => "manual",
        }
    }
}

/// One rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What is done.
    pub remedy: RemedyId,
    /// How often it is tried before the next rung.
    pub tries: u32,
    /// Who decides; the policy's word when unset.
    pub approval: Option<Approval>,
    /// How long the steps may take, all together.
    pub timeout: Duration,
}

impl Rung {
    /// How long steps may take unless told otherwise.
    pub const TIMEOUT: Duration = Duration::from_mins(10);

    /// A rung with the defaults: restarting a service often helps the second time, anything else hardly ever does.
    #[must_use]
    pub fn new(remedy: RemedyId) -> Self {
        let tries = if remedy.as_str().starts_with("restart-service") { 3 } else { 1 };
        Self { remedy, tries, approval: None, timeout: Self::TIMEOUT }
    }
}

/// At most so many in any span of this length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// How many.
    pub most: u32,
    /// In how long.
    pub per: Duration,
}

/// When a check is believed to be healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verification {
    /// So many passes in a row are wanted.
    pub passes: u32,
    /// The pause between two runs.
    pub interval: Duration,
    /// How long the check has to pass for the first time, from the end of the steps.
    pub timeout: Duration,
    /// How long it must go on passing. A failure in this time is a failed attempt.
    pub probation: Duration,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            passes: 2,
            interval: Duration::from_millis(150),
            timeout: Duration::from_secs(30),
            probation: Duration::from_secs(30),
        }
    }
}

/// How long to wait between attempts: doubling, up to a longest, and forgotten after sustained health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptBackOff {
    /// The first pause; the first attempt itself waits for nothing.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
    /// The least time of health after which the pauses begin anew; twice the last pause if that is longer.
    pub reset_after: Duration,
}

impl Default for AttemptBackOff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_mins(5), reset_after: Duration::from_mins(1) }
    }
}

/// What may be done about one check.
#[derive(Debug, Clone, PartialEq)]
pub struct HealPolicy {
    /// What is tried, in this order. Empty: incidents are recorded and told, nothing is done.
    pub ladder: Vec<Rung>,
    /// Who decides.
    pub approval: Approval,
    /// Remedies that may break more than this are not begun from here.
    pub ceiling: Risk,
    /// The only times in which something is done; always when empty.
    pub windows: Vec<Window>,
    /// Checks that must not become worse by it, beside all that were healthy before.
    pub guards: Vec<CheckId>,
    /// When it is believed to be healed.
    pub verification: Verification,
    /// Pauses between attempts.
    pub back_off: AttemptBackOff,
    /// How many attempts.
    pub intensity: Intensity,
    /// Whether results of earlier runs of this program count as fresh: for what this program itself has seen, such as the end of a service.
    pub immediate: bool,
}

impl Default for HealPolicy {
    fn default() -> Self {
        Self {
            ladder: Vec::new(),
            approval: Approval::Auto,
            ceiling: Risk::Disruptive,
            windows: Vec::new(),
            guards: Vec::new(),
            verification: Verification::default(),
            back_off: AttemptBackOff::default(),
            intensity: Intensity { most: 60, per: Duration::from_hours(1) },
            immediate: false,
        }
    }
}

impl HealPolicy {
    /// A ladder of these remedies, and the defaults.
    #[must_use]
    pub fn ladder(remedies: impl IntoIterator<Item = RemedyId>) -> Self {
        Self { ladder: remedies.into_iter().map(Rung::new).collect(), ..Self::default() }
    }

    /// Who decides about a rung.
    #[must_use]
    pub fn approval_of(&self, rung: &Rung) -> Approval {
        rung.approval.unwrap_or(self.approval)
    }
}

/// What holds for all checks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GlobalLimits {
    /// Attempts at the same time, those on probation not counted.
    pub at_once: usize,
    /// Attempts by this program itself.
    pub intensity: Intensity,
    /// Without two fresh results of a check since the start, nothing is done about it until so long after the start.
    pub settle: Duration,
    /// How long an approval may be given, and used.
    pub approval_valid: Duration,
    /// A check that fails again within this time after it was healed is the same incident.
    pub relapse: Duration,
}

impl Default for GlobalLimits {
    fn default() -> Self {
        Self {
            at_once: 4,
            intensity: Intensity { most: 240, per: Duration::from_hours(1) },
            settle: Duration::from_mins(1),
            approval_valid: Duration::from_hours(1),
            relapse: Duration::from_mins(10),
        }
    }
}
