//! How many checks of a kind run at the same time, and who is next. Pure.

use std::collections::VecDeque;

use crate::contract::CheckKind;

/// Limits for each kind of check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Checks that hold sockets. Follows the file-descriptor limit in the command line tool.
    pub network: usize,
    /// Checks that run child processes.
    pub command: usize,
    /// Checks that read this host.
    pub host: usize,
    /// All others.
    pub custom: usize,
}

impl Default for Limits {
    /// High enough that hung checks do not starve the others: a waiting check costs a few kilobytes and no thread.
    fn default() -> Self {
        Self { network: 1024, command: 256, host: 64, custom: 1024 }
    }
}

/// Counts running checks by kind and keeps the others in line.
///
/// ```
/// use stratheal_core::contract::CheckKind;
/// use stratheal_core::engine::permits::{Limits, Permits};
/// let mut permits = Permits::new(Limits { network: 1, ..Limits::default() });
/// assert!(permits.acquire(CheckKind::Network, 7));
/// assert!(!permits.acquire(CheckKind::Network, 8)); // waits
/// assert_eq!(permits.release(CheckKind::Network), Some(8)); // its turn
/// ```
#[derive(Debug, Clone)]
pub struct Permits {
    kinds: [Line; 4],
}

#[derive(Debug, Clone, Default)]
struct Line {
    limit: usize,
    used: usize,
    /// Bounded by the number of checks: none stands in line twice.
    waiting: VecDeque<u32>,
}

impl Permits {
    /// No check running yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let line = |limit: usize| Line { limit: limit.max(1), ..Line::default() };
        Self { kinds: [line(limits.network), line(limits.command), line(limits.host), line(limits.custom)] }
    }

    fn line(&mut self, kind: CheckKind) -> &mut Line {
        &mut self.kinds[match kind {
            CheckKind::Network => 0,
            CheckKind::Command => 1,
            CheckKind::Host | CheckKind::Load => 2,
            CheckKind::Custom => 3,
        }]
    }

    /// Whether the check may start now; if not it stands in line.
    pub fn acquire(&mut self, kind: CheckKind, check: u32) -> bool {
        let line = self.line(kind);
        let free = line.used < line.limit;
        if free {
            line.used += 1;
        } else {
            line.waiting.push_back(check);
        }
        free
    }

    /// Gives a permit back, or on to the next in line, which is returned.
    pub fn release(&mut self, kind: CheckKind) -> Option<u32> {
        let line = self.line(kind);
        let next = line.waiting.pop_front();
        if next.is_none() {
            line.used = line.used.saturating_sub(1);
        }
        next
    }

    /// Takes a check out of the line. Whether it stood there.
    pub fn leave(&mut self, kind: CheckKind, check: u32) -> bool {
        let line = self.line(kind);
        let place = line.waiting.iter().position(|waiting| *waiting == check);
        place.is_some_and(|place| line.waiting.remove(place).is_some())
    }

    /// How many stand in line, over all kinds.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.kinds.iter().map(|line| line.waiting.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_more_than_the_limit_and_nobody_is_forgotten(limit in 1..5_usize, steps in proptest::collection::vec(any::<bool>(), 1..100)) {
            let mut permits = Permits::new(Limits { custom: limit, ..Limits::default() });
            let (mut running, mut asked, mut started) = (0_usize, 0_u32, Vec::new());
            for acquire in steps {
                if acquire {
                    if permits.acquire(CheckKind::Custom, asked) {
                        running += 1;
                        started.push(asked);
                    }
                    asked += 1;
                } else if running > 0 {
                    match permits.release(CheckKind::Custom) {
                        Some(next) => started.push(next),
                        None => running -= 1,
                    }
                }
                prop_assert!(running <= limit);
                // First come, first served.
                prop_assert!(started.iter().copied().eq(0..started.len() as u32));
                prop_assert_eq!(started.len() + permits.waiting(), asked as usize);
            }
        }
    }
}
