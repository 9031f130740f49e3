//! Which targets a monitor called bad, and how often.

use std::collections::BTreeMap;
use std::fmt;

use super::scenario::{Scenario, target_of};

/// Bad results by target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failures(BTreeMap<u32, u64>);

impl Failures {
    /// Notes one bad result.
    pub fn note(&mut self, target: u32) {
        *self.0.entry(target).or_default() += 1;
    }

    /// Bad results of healthy targets.
    #[must_use]
    pub fn false_ones(&self, scenario: &Scenario) -> u64 {
        self.0.iter().filter(|(target, _)| !scenario.hangs(**target)).map(|(_, count)| count).sum()
    }

    /// How many of the hanging targets were called bad at least once.
    #[must_use]
    pub fn found(&self, scenario: &Scenario) -> usize {
        self.0.keys().filter(|target| scenario.hangs(**target)).count()
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (name, count) = line.split_once(' ')?;
            Some((target_of(name)?, count.parse().ok()?))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// Counts the lines of a log that name a target, for monitors that write one line for each bad result.
    pub fn from_log<'a>(log: &'a str, name: impl Fn(&'a str) -> Option<&'a str>) -> Self {
        let mut failures = Self::default();
        log.lines().filter_map(|line| target_of(name(line)?)).for_each(|target| failures.note(target));
        failures
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(target, count)| writeln!(f, "{} {count}", Scenario::name_of(*target)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_file() {
        let mut failures = Failures::default();
        for target in [5, 15, 15, 7] {
            failures.note(target);
        }
        assert_eq!(Failures::parse(&failures.to_string()), failures);
        let scenario = Scenario::ALL[2];
        assert_eq!((failures.found(&scenario), failures.false_ones(&scenario)), (2, 1));
    }
}
