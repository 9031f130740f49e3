//! How often something may be tried: a pure table over [`Stamp`]s, which survives restarts of this program and of the machine.
//!
//! Three rules, for one check each: pauses that double until the check was healthy for long enough; an intensity, which is how many
//! attempts there may be in a span of time; and a breaker for each remedy, which leaves one alone that has failed again and again.
//! A fourth rule, an intensity, holds for all checks together.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::policy::{AttemptBackOff, Intensity};
use crate::base::backoff::Backoff;
use crate::base::stamp::Stamp;

/// So many failed attempts in a row with one remedy open its breaker.
const BREAKER_FAILURES: u32 = 5;
/// The name of that rule, and of the gate that asks it.
pub(super) const BREAKER_RULE: &str = "breaker";
/// How long it stays open, at first and at most.
const BREAKER: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_mins(5));
/// The most attempts that are remembered for a check.
const MOST_REMEMBERED: usize = 512;

/// What is known about the attempts for one check.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct TargetLimits {
    /// When attempts began, oldest first.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub(super) recent: VecDeque<Stamp>,
    /// How often the pause has doubled.
    #[serde(default)]
    pub(super) level: u32,
    /// While this lasts nothing is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pause: Option<Pause>,
    /// Since when it has been healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) healthy_since: Option<Stamp>,
    /// For each remedy, how it did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) remedies: BTreeMap<String, RemedyLimits>,
}

/// How one remedy did for one check.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct RemedyLimits {
    /// Failed attempts in a row.
    pub(super) failures: u32,
    /// Left alone while this lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<Pause>,
    /// Attempts that healed, ever.
    #[serde(default)]
    pub(super) healed: u32,
    /// Attempts, ever.
    #[serde(default)]
    pub(super) tried: u32,
}

/// A span of time. Not kept as its end: that could lie a year ahead when the clock was set back while the machine was off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pause {
    /// When it began.
    pub(super) since: Stamp,
    /// How long it is.
    #[serde(with = "crate::model::seconds")]
    pub(super) lasting: Duration,
}

impl Pause {
    /// What is left of it.
    #[must_use]
    pub(super) fn left(&self, now: &Stamp) -> Duration {
        self.lasting.saturating_sub(self.since.age(now))
    }
}

/// Why something has to wait, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Limit {
    /// Which rule.
    pub(super) rule: &'static str,
    /// For how long.
    pub(super) wait: Duration,
    /// For people.
    pub(super) why: String,
}

impl TargetLimits {
    /// What holds back an attempt now, the longest wait first; empty when nothing does.
    #[must_use]
    pub(super) fn holds(&self, remedy: &str, intensity: Intensity, now: &Stamp) -> Vec<Limit> {
        let mut holds = Vec::new();
        if let Some(pause) = &self.pause {
            let why = format!("the pause after {} attempts in a row", self.level);
            hold(&mut holds, "back-off", pause.left(now), why);
        }
        hold(&mut holds, "intensity", wait_for(&self.recent, intensity, now), in_words(intensity));
        if let Some(known) = self.remedies.get(remedy)
            && let Some(open) = &known.open
        {
            let why = format!("{remedy} failed {} times in a row", known.failures);
            hold(&mut holds, BREAKER_RULE, open.left(now), why);
        }
        holds.sort_by_key(|hold| std::cmp::Reverse(hold.wait));
        holds
    }

    /// An attempt begins. `random` between 0 and 1 makes the pause up to a tenth longer or shorter.
    pub(super) fn began(&mut self, back_off: &AttemptBackOff, remedy: &str, random: f64, now: &Stamp) {
        self.forget_after_health(back_off, now);
        self.healthy_since = None;
        self.recent.push_back(*now);
        while self.recent.len() > MOST_REMEMBERED {
            self.recent.pop_front();
        }
        let pause = Backoff::new(back_off.first, back_off.longest).bound(self.level);
        let jitter = 0.9 + 0.2 * if random.is_finite() { random.clamp(0.0, 1.0) } else { 0.5 };
        self.pause = Some(Pause { since: *now, lasting: pause.mul_f64(jitter) });
        self.level = self.level.saturating_add(1);
        let known = self.remedies.entry(remedy.to_owned()).or_default();
        known.tried = known.tried.saturating_add(1);
    }

    /// An attempt ended. The pause of one that failed counts from here.
    pub(super) fn ended(&mut self, remedy: &str, healed: bool, now: &Stamp) {
        let known = self.remedies.entry(remedy.to_owned()).or_default();
        if healed {
            known.healed = known.healed.saturating_add(1);
            self.healthy_since = Some(*now);
            // What failed before this one helped was tried for something else than what may break next.
            self.close_breakers();
            return;
        }
        known.failures = known.failures.saturating_add(1);
        if known.failures >= BREAKER_FAILURES {
            known.open = Some(Pause { since: *now, lasting: BREAKER.bound(known.failures - BREAKER_FAILURES) });
        }
        // The attempt itself may have taken longer than the pause that began with it.
        if let Some(pause) = &mut self.pause {
            pause.since = *now;
        }
    }

    /// The check fails: its time of health is over.
    pub(super) fn unhealthy(&mut self, back_off: &AttemptBackOff, now: &Stamp) {
        self.forget_after_health(back_off, now);
        self.healthy_since = None;
    }

    /// The check works.
    pub(super) fn healthy(&mut self, back_off: &AttemptBackOff, now: &Stamp) {
        self.healthy_since.get_or_insert(*now);
        self.forget_after_health(back_off, now);
    }

    /// Something changed that may make the next attempt succeed: nothing is waited for any more, but the next pause is as long as it
    /// would have been.
    pub(super) fn cut_short(&mut self) {
        self.pause = None;
        for known in self.remedies.values_mut() {
            known.open = None;
        }
    }

    fn close_breakers(&mut self) {
        for known in self.remedies.values_mut() {
            known.failures = 0;
            known.open = None;
        }
    }

    fn forget_after_health(&mut self, back_off: &AttemptBackOff, now: &Stamp) {
        let Some(since) = &self.healthy_since else { return };
        let last_pause = Backoff::new(back_off.first, back_off.longest).bound(self.level.saturating_sub(1));
        if since.age(now) >= back_off.reset_after.max(2 * last_pause) {
            self.level = 0;
            self.pause = None;
            self.close_breakers();
        }
    }
}

fn hold(holds: &mut Vec<Limit>, rule: &'static str, wait: Duration, why: String) {
    if !wait.is_zero() {
        holds.push(Limit { rule, wait, why });
    }
}

/// How long until there may be one more.
#[must_use]
pub(super) fn wait_for(recent: &VecDeque<Stamp>, intensity: Intensity, now: &Stamp) -> Duration {
    let inside = recent.iter().filter(|stamp| stamp.age(now) < intensity.per);
    let count = inside.clone().count();
    let most = intensity.most.max(1) as usize;
    if count < most {
        return Duration::ZERO;
    }
    // The one whose going out of the span makes room.
    inside.clone().nth(count - most).map_or(Duration::ZERO, |stamp| intensity.per.saturating_sub(stamp.age(now)))
}

/// The rule as a sentence.
#[must_use]
pub(super) fn in_words(intensity: Intensity) -> String {
    format!("at most {} attempts in {:?}", intensity.most, intensity.per)
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
