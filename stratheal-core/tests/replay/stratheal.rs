//! The gate of this library, with the little that turns its changes into messages.
//!
//! While a check flaps, its changes are not told one by one; when it steadies, what then differs from what was told last is.

use stratheal_core::engine::gate::Gate;
use stratheal_core::model::spec::FlapPolicy;
use stratheal_core::model::{GatePolicy, Status};

use crate::rule::{Rule, Settings, Told};

pub(crate) struct Stratheal {
    gate: Gate,
    policy: GatePolicy,
    told: Status,
    flapping_told: bool,
}

impl Stratheal {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { fail, recover, window } = settings;
        let policy = GatePolicy { fail_after: fail, recover_after: recover, window, flap: Some(FlapPolicy::default()) };
        Self { gate: Gate::default(), policy, told: Status::Healthy, flapping_told: false }
    }

    pub(crate) fn without_flapping(settings: Settings) -> Self {
        let mut rule = Self::new(settings);
        rule.policy.flap = None;
        rule
    }
}

/// Whether the second is worse news than the first.
fn is_worse(told: Status, now: Status) -> bool {
    let bad = |status: Status| if status.is_known() { status.exit_code() } else { 0 };
    bad(now) > bad(told)
}

impl Rule for Stratheal {
    fn take(&mut self, result: Status, _parent_is_down: bool) -> Option<Told> {
        let change = self.gate.apply(result, &self.policy);
        if change.flapping == Some(true) {
            self.flapping_told = true;
            return Some(Told::Flapping);
        }
        if self.gate.flapping() {
            return None;
        }
        let hard = self.gate.hard();
        let (told, steadied) = (self.told, std::mem::take(&mut self.flapping_told));
        self.told = hard;
        if is_worse(told, hard) {
            return Some(Told::Problem);
        }
        let over = hard == Status::Healthy && (steadied || is_worse(Status::Healthy, told));
        over.then_some(Told::Over)
    }
}
