//! What surviving a pattern may cost.

use std::time::Duration;

use super::trial::Outcome;

/// Bytes that may be sent twice after a connection broke: what was on its way, and what had not been written down.
pub(crate) const CHUNK: u64 = 64 * 1024;

/// What is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) took: Duration,
    pub(crate) repeated: u64,
    pub(crate) requests: usize,
}

impl Limits {
    /// Everything that goes beyond.
    pub(crate) fn exceeded(&self, outcome: &Outcome) -> Vec<String> {
        let mut problems: Vec<_> = outcome.problem.iter().cloned().collect();
        if outcome.took > self.took {
            problems.push(format!(
                "took {:.1} s, allowed are {:.1} s",
                outcome.took.as_secs_f64(),
                self.took.as_secs_f64()
            ));
        }
        if outcome.repeated > self.repeated {
            problems.push(format!("{} bytes were sent twice, allowed are {}", outcome.repeated, self.repeated));
        }
        if outcome.requests > self.requests {
            problems.push(format!("{} requests, allowed are {}", outcome.requests, self.requests));
        }
        problems
    }
}
