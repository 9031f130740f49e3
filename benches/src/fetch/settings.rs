//! What the environment asks for.

use crate::failure::Failure;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Parts of the names of benchmarks and fault patterns; empty for all.
    wanted: Vec<String>,
    /// How often each installation is repeated.
    pub rounds: usize,
}

impl Settings {
    /// The settings of a run in which `variable` tells the value of an environment variable:
    ///
    /// - `BENCH`: names of parts, and of fault patterns as `faults/NAME`, separated by commas; default all
    /// - `BENCH_ROUNDS`: how often each installation is repeated, by default as often as the benchmark says
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn read(default_rounds: usize, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let rounds = variable("BENCH_ROUNDS").unwrap_or_else(|| default_rounds.to_string());
        let in_range = rounds.parse().ok().filter(|rounds| (1..=100).contains(rounds));
        let rounds = in_range
            .ok_or_else(|| Failure::new(format!("BENCH_ROUNDS is `{rounds}`: write a number from 1 to 100")))?;
        let names = variable("BENCH").unwrap_or_default();
        let wanted = names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Ok(Self { wanted, rounds })
    }

    /// Whether a part is wanted, or anything in it.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let of = |wanted: &String| {
            wanted == name
                || wanted.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'))
                || name.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
        };
        self.wanted.is_empty() || self.wanted.iter().any(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_patterns() {
        let read = |names: &'static str| Settings::read(5, |name| (name == "BENCH").then(|| names.to_owned())).unwrap();
        assert!(read("").wants("faults") && read("").wants("faults/trickle"));
        let one = read("faults/trickle, cold");
        assert!(one.wants("faults") && one.wants("faults/trickle") && one.wants("cold"));
        assert!(!one.wants("faults/flipped") && !one.wants("far"));
        assert!(read("faults").wants("faults/flipped"));
        assert!(Settings::read(5, |name| (name == "BENCH_ROUNDS").then(|| "0".to_owned())).is_err());
    }
}
