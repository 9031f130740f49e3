//! The rules of Monit 5 for one test: `if status != 0 for X cycles then alert else if succeeded for Y cycles then alert`.
//!
//! Written from the manual ("Fault tolerance") and checked against what its event handling does: a bit a cycle, counted among
//! the last `cycles` of them, all of them set anew by each change of state. Monit has no fourth tier: a program that could not
//! measure fails `status != 0`, and with it Warning and Unknown are failures like any other.

use stratheal_core::model::Status;

use crate::rule::{Rule, Settings, Told};

#[derive(PartialEq)]
enum State {
    /// Nothing was ever told.
    Initial,
    Failed,
    Succeeded,
}

pub(crate) struct Monit {
    fail: (u32, u32),
    recover: u32,
    /// A bit for each cycle, newest lowest: did it fail?
    failures: u64,
    state: State,
}

impl Monit {
    pub(crate) fn new(settings: Settings) -> Self {
        let fail = settings.window.map_or((settings.fail, settings.fail), |(bad, of)| (bad.into(), of.into()));
        Self { fail, recover: settings.recover, failures: 0, state: State::Initial }
    }
}

/// The newest bits.
fn newest(bits: u64, count: u32) -> u64 {
    bits & u64::MAX.checked_shr(64 - count).unwrap_or(0)
}

impl Rule for Monit {
    fn take(&mut self, result: Status, _parent_is_down: bool) -> Option<Told> {
        let failed = result != Status::Healthy;
        self.failures = self.failures << 1 | u64::from(failed);
        if failed {
            let (count, cycles) = self.fail;
            if self.state == State::Failed || newest(self.failures, cycles).count_ones() < count {
                return None;
            }
            self.state = State::Failed;
            self.failures = u64::MAX;
            return Some(Told::Problem);
        }
        if self.state != State::Failed || newest(!self.failures, self.recover).count_ones() < self.recover {
            return None;
        }
        self.state = State::Succeeded;
        self.failures = 0;
        Some(Told::Over)
    }
}

#[test]
fn follows_the_manual() {
    use crate::recording::results;
    use crate::rule::replay;
    let told =
        |fail, recover, window, text| replay(&mut Monit::new(Settings { fail, recover, window }), &results(text));
    assert_eq!(told(3, 1, None, "h1 c2 h1 c3 h1"), [(6, Told::Problem), (7, Told::Over)]);
    assert_eq!(told(1, 2, None, "c1 h1 c1 h2"), [(0, Told::Problem), (4, Told::Over)]);
    // "3 times within 5 cycles"; after a change everything is counted anew.
    assert_eq!(told(3, 1, Some((3, 5)), "c1 h1 c1 h1 c1 h1 c2 h1"), [(4, Told::Problem), (5, Told::Over)]);
    // What could not be measured fails `status != 0`.
    assert_eq!(told(2, 1, None, "h1 u2"), [(2, Told::Problem)]);
}
