//! The gate: raw results in, a confirmed state out. Pure.
//!
//! A single bad result is often noise and a single good one no recovery, so a state changes only when enough results agree.
//! For each level the gate counts how many results in a row were *at least that bad* and *at least that good*:
//!
//! - The state turns worse to the worst level with a row of `fail_after` results at least that bad, or, with a
//!   [`window`](GatePolicy::window), with X of the last Y.
//! - It turns better to the best level with a row of `recover_after` results at least that good.
//! - The first known result of a healthy check is believed at once; a bad one has to be confirmed like any other.
//! - `Unknown` neither advances nor resets anything: it says nothing about the target. That it lasts too long is seen by
//!   staleness, outside of this file.
//!
//! Flapping follows Icinga 2: the last 20 results are kept as bits that say whether the level changed, newer ones weigh more, and
//! two thresholds keep the answer from flapping itself.

use crate::model::view::Phase;
use crate::model::{GatePolicy, Status};

/// What the gate remembers of one check: 32 bytes, plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    /// The last 64 known results, newest in the lowest bit: at least Warning.
    warnings: u64,
    /// The same: Critical.
    criticals: u64,
    /// Of the last 20 known results, newest in the lowest bit: did the level change?
    changes: u32,
    /// How many known results there were, up to 64.
    seen: u8,
    hard: Option<Level>,
    last: Option<Level>,
    flapping: bool,
}

/// A status that says something about the target, in order of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Healthy,
    Warning,
    Critical,
}

impl Level {
    const fn of(status: Status) -> Option<Self> {
        match status {
            Status::Healthy => Some(Self::Healthy),
            Status::Warning => Some(Self::Warning),
            Status::Critical => Some(Self::Critical),
            Status::Unknown => None,
        }
    }

    const fn status(self) -> Status {
        match self {
            Self::Healthy => Status::Healthy,
            Self::Warning => Status::Warning,
            Self::Critical => Status::Critical,
        }
    }
}

/// What a result changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// The confirmed status before and after, if it changed.
    pub hard: Option<(Status, Status)>,
    /// Whether flapping began (`true`) or ended (`false`).
    pub flapping: Option<bool>,
}

/// Weights of Icinga 2: 0.80 for the oldest of 20 results to 1.18 for the newest.
const FLAP_RESULTS: u32 = 20;

impl Gate {
    /// Takes one result.
    ///
    /// ```
    /// use stratheal_core::engine::gate::Gate;
    /// use stratheal_core::model::{GatePolicy, Status};
    /// let policy = GatePolicy::default(); // two bad results in a row
    /// let mut gate = Gate::default();
    /// gate.apply(Status::Healthy, &policy);
    /// assert_eq!(gate.apply(Status::Critical, &policy).hard, None);
    /// assert_eq!(gate.apply(Status::Critical, &policy).hard, Some((Status::Healthy, Status::Critical)));
    /// ```
    pub fn apply(&mut self, status: Status, policy: &GatePolicy) -> Change {
        let Some(level) = Level::of(status) else { return Change::default() };
        self.warnings = self.warnings << 1 | u64::from(level >= Level::Warning);
        self.criticals = self.criticals << 1 | u64::from(level >= Level::Critical);
        self.seen = (self.seen + 1).min(64);
        let changed = self.last.is_some_and(|last| last != level);
        self.changes = (self.changes << 1 | u32::from(changed)) & ((1 << FLAP_RESULTS) - 1);
        self.last = Some(level);

        let before = self.hard;
        self.hard = self.judge(level, policy);
        let hard = (before != self.hard).then(|| (self::status(before), self::status(self.hard)));
        Change { hard, flapping: self.judge_flapping(policy) }
    }

    fn judge(&self, level: Level, policy: &GatePolicy) -> Option<Level> {
        let Some(hard) = self.hard else {
            if level == Level::Healthy {
                return Some(Level::Healthy);
            }
            return [Level::Critical, Level::Warning].into_iter().find(|worse| self.confirmed_bad(*worse, policy));
        };
        let worse = [Level::Critical, Level::Warning].into_iter().filter(|worse| *worse > hard);
        if let Some(worse) = worse.into_iter().find(|worse| self.confirmed_bad(*worse, policy)) {
            return Some(worse);
        }
        let better = [Level::Healthy, Level::Warning].into_iter().filter(|better| *better < hard);
        let better = better.into_iter().find(|better| self.row_at_most(*better) >= policy.recover_after);
        // A window that still holds enough bad results would turn the state bad again with the next one.
        Some(better.filter(|better| policy.window.is_none() || !self.window_above(*better, policy)).unwrap_or(hard))
    }

    fn confirmed_bad(&self, level: Level, policy: &GatePolicy) -> bool {
        match policy.window {
            None => self.row_at_least(level) >= policy.fail_after,
            Some((bad, of)) => self.bad_in_window(level, of) >= u32::from(bad),
        }
    }

    fn window_above(&self, level: Level, policy: &GatePolicy) -> bool {
        let Some((bad, of)) = policy.window else { return false };
        let next = if level == Level::Healthy { Level::Warning } else { Level::Critical };
        self.bad_in_window(next, of) >= u32::from(bad)
    }

    fn bad_in_window(&self, level: Level, of: u8) -> u32 {
        let mask = if of >= 64 { u64::MAX } else { (1 << of) - 1 };
        (self.bits(level) & mask).count_ones()
    }

    const fn bits(&self, level: Level) -> u64 {
        match level {
            Level::Healthy => u64::MAX,
            Level::Warning => self.warnings,
            Level::Critical => self.criticals,
        }
    }

    /// How many of the newest results in a row were at least this bad.
    fn row_at_least(&self, level: Level) -> u32 {
        self.bits(level).trailing_ones().min(u32::from(self.seen))
    }

    /// How many of the newest results in a row were at most this bad.
    fn row_at_most(&self, level: Level) -> u32 {
        let worse = match level {
            Level::Healthy => self.warnings,
            Level::Warning => self.criticals,
            Level::Critical => 0,
        };
        worse.trailing_zeros().min(u32::from(self.seen))
    }

    fn judge_flapping(&mut self, policy: &GatePolicy) -> Option<bool> {
        let flap = policy.flap?;
        let percent = self.flap_percent();
        let flapping = if self.flapping { percent > flap.low } else { percent > flap.high };
        (flapping != std::mem::replace(&mut self.flapping, flapping)).then_some(flapping)
    }

    /// Weighted changes among the last 20 results, in percent.
    #[must_use]
    pub fn flap_percent(&self) -> f64 {
        let weigh = |age: u32| 0.80 + 0.02 * f64::from(FLAP_RESULTS - 1 - age);
        let sum: f64 = (0..FLAP_RESULTS).filter(|age| self.changes >> age & 1 == 1).map(weigh).sum();
        // An empty sum of floats is negative zero.
        sum.abs() * 100.0 / f64::from(FLAP_RESULTS)
    }

    /// The confirmed status; Unknown before the first.
    #[must_use]
    pub fn hard(&self) -> Status {
        status(self.hard)
    }

    /// The last known result; Unknown before the first.
    #[must_use]
    pub fn last(&self) -> Status {
        status(self.last)
    }

    /// Whether results change too often to be told one by one.
    #[must_use]
    pub const fn flapping(&self) -> bool {
        self.flapping
    }

    /// How sure the state is.
    #[must_use]
    pub fn phase(&self, policy: &GatePolicy) -> Phase {
        let Some(last) = self.last else { return Phase::Pending };
        if self.hard == Some(last) {
            return Phase::Hard;
        }
        let worse = self.hard.is_none_or(|hard| last > hard);
        let (seen, needed) = match (worse, policy.window) {
            (true, Some((bad, of))) => (self.bad_in_window(last, of), u32::from(bad)),
            (true, None) => (self.row_at_least(last), policy.fail_after),
            (false, _) => (self.row_at_most(last), policy.recover_after),
        };
        Phase::Soft { toward: last.status(), seen, needed }
    }
}

fn status(level: Option<Level>) -> Status {
    level.map_or(Status::Unknown, Level::status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::spec::FlapPolicy;
    use Status::{Critical, Healthy, Unknown, Warning};
    use proptest::prelude::*;

    fn policy(fail_after: u32, recover_after: u32) -> GatePolicy {
        GatePolicy { fail_after, recover_after, window: None, flap: None }
    }

    fn letters(text: &str) -> impl Iterator<Item = Status> + '_ {
        text.chars().map(|letter| match letter {
            'h' => Healthy,
            'w' => Warning,
            'c' => Critical,
            _ => Unknown,
        })
    }

    fn hard_after(results: &str, policy: &GatePolicy) -> String {
        let mut gate = Gate::default();
        letters(results)
            .map(|status| {
                gate.apply(status, policy);
                match gate.hard() {
                    Healthy => 'h',
                    Warning => 'w',
                    Critical => 'c',
                    Unknown => 'u',
                }
            })
            .collect()
    }

    #[test]
    fn table() {
        for (policy, results, expected) in [
            (policy(2, 2), "hchcc", "hhhhc"),
            (policy(2, 2), "hcchhcch", "hhcchhcc"),
            (policy(2, 2), "cc", "uc"),
            (policy(2, 2), "chh", "uhh"),
            // Unknown neither advances nor resets.
            (policy(2, 2), "hcucuuhuh", "hhhccccch"),
            // A mixed row is confirmed at the level all of it has.
            (policy(2, 2), "hcwcc", "hhwwc"),
            (policy(2, 2), "hwcc", "hhwc"),
            (policy(2, 2), "hccwhh", "hhccwh"),
            (policy(1, 1), "hwchu", "hwchh"),
            (policy(3, 1), "hcchccch", "hhhhhhch"),
        ] {
            assert_eq!(hard_after(results, &policy), expected, "{results}");
        }
    }

    #[test]
    fn a_window_counts_x_of_y() {
        let policy = GatePolicy { window: Some((3, 5)), ..policy(1, 2) };
        assert_eq!(hard_after("hchchchhhhh", &policy), "hhhhhcchhhh");
    }

    #[test]
    fn flapping_begins_and_ends_at_different_rates() {
        let policy = GatePolicy { flap: Some(FlapPolicy::default()), ..policy(1, 1) };
        let mut gate = Gate::default();
        let began =
            letters(&"hc".repeat(10)).filter_map(|status| gate.apply(status, &policy).flapping).collect::<Vec<_>>();
        assert_eq!(began, [true]);
        let quiet = letters(&"h".repeat(30)).position(|status| gate.apply(status, &policy).flapping == Some(false));
        assert!(quiet.is_some_and(|after| (10..20).contains(&after)), "{quiet:?}");
    }

    #[test]
    fn the_gate_stays_small() {
        assert!(size_of::<Gate>() <= 32, "{}", size_of::<Gate>());
    }

    /// The rule of the module text, in the slowest and plainest way.
    fn naive(results: &[Status], policy: &GatePolicy) -> Status {
        let known: Vec<u8> = results.iter().filter(|s| s.is_known()).map(|s| s.exit_code()).collect();
        let mut hard: Option<u8> = None;
        for end in 1..=known.len() {
            let newest = known[..end].iter().rev();
            let bad = |level: u8| newest.clone().take_while(|result| **result >= level).count() as u32;
            let good = |level: u8| newest.clone().take_while(|result| **result <= level).count() as u32;
            hard = match hard {
                None if known[end - 1] == 0 => Some(0),
                None => [2, 1].into_iter().find(|level| bad(*level) >= policy.fail_after),
                Some(now) => [2, 1]
                    .into_iter()
                    .find(|level| *level > now && bad(*level) >= policy.fail_after)
                    .or_else(|| [0, 1].into_iter().find(|level| *level < now && good(*level) >= policy.recover_after))
                    .or(Some(now)),
            };
        }
        hard.map_or(Unknown, |level| Status::from_exit_code(i32::from(level)))
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_rule(
            results in proptest::collection::vec(0..4_i32, 0..80),
            fail_after in 1..5_u32,
            recover_after in 1..5_u32,
        ) {
            let policy = policy(fail_after, recover_after);
            let results: Vec<_> = results.into_iter().map(Status::from_exit_code).collect();
            let mut gate = Gate::default();
            for result in &results {
                gate.apply(*result, &policy);
            }
            prop_assert_eq!(gate.hard(), naive(&results, &policy));
        }

        #[test]
        fn a_blip_shorter_than_the_threshold_changes_nothing(fail_after in 2..6_u32, blip in 1..5_usize) {
            prop_assume!((blip as u32) < fail_after);
            let policy = policy(fail_after, 1);
            let mut gate = Gate::default();
            gate.apply(Healthy, &policy);
            for _ in 0..blip {
                prop_assert_eq!(gate.apply(Critical, &policy).hard, None);
            }
            prop_assert_eq!(gate.apply(Healthy, &policy).hard, None);
        }
    }
}
