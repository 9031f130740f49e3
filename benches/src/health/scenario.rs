//! What is watched, and how often.

use std::time::Duration;

/// Every so many-th target hangs, in a scenario with hanging targets.
const HANG_EVERY: u32 = 10;

/// What the targets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Web servers that answer after [`Scenario::ANSWER_AFTER`].
    Http {
        /// Whether one in ten accepts, reads, and never answers.
        hanging: bool,
    },
    /// Commands that end at once.
    Command,
}

/// A load that every monitor is put under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Its name, to choose it by.
    pub name: &'static str,
    /// One sentence about it.
    pub about: &'static str,
    /// What the targets are.
    pub kind: Kind,
    /// How many checks.
    pub checks: u32,
    /// From start to start of each.
    pub interval: Duration,
    /// What one run may take.
    pub timeout: Duration,
}

impl Scenario {
    /// How long a healthy web server takes to answer.
    pub const ANSWER_AFTER: Duration = Duration::from_millis(5);

    /// All there are, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::http("http-1000", "1,000 HTTP targets every 10 s", 1000, false),
        Self::http("http-5000", "5,000 HTTP targets every 10 s", 5000, false),
        Self::http("hang-1000", "1,000 HTTP targets every 10 s, 100 of which accept and never answer", 1000, true),
        Self::http("hang-5000", "5,000 HTTP targets every 10 s, 500 of which accept and never answer", 5000, true),
        Self {
            name: "command-500",
            about: "500 commands every second",
            kind: Kind::Command,
            checks: 500,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
        },
    ];

    const fn http(name: &'static str, about: &'static str, checks: u32, hanging: bool) -> Self {
        Self {
            name,
            about,
            kind: Kind::Http { hanging },
            checks,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(if hanging { 2 } else { 5 }),
        }
    }

    /// Whether a target never answers.
    #[must_use]
    pub const fn hangs(&self, target: u32) -> bool {
        matches!(self.kind, Kind::Http { hanging: true }) && target % HANG_EVERY == HANG_EVERY / 2
    }

    /// The targets that work.
    pub fn healthy(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.checks).filter(|target| !self.hangs(*target))
    }

    /// What a target is called in every monitor. [`target_of`] reads it back.
    #[must_use]
    pub fn name_of(target: u32) -> String {
        format!("t{target:05}")
    }
}

/// The target of a name.
#[must_use]
pub fn target_of(name: &str) -> Option<u32> {
    name.strip_prefix('t')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_hangs() {
        for scenario in Scenario::ALL {
            let hanging = (0..scenario.checks).filter(|target| scenario.hangs(*target)).count() as u32;
            let expected = if scenario.name.starts_with("hang") { scenario.checks / 10 } else { 0 };
            assert_eq!(hanging, expected, "{}", scenario.name);
        }
        assert_eq!(target_of(&Scenario::name_of(4711)), Some(4711));
    }
}
