//! What the environment asks for.

use std::time::Duration;

use crate::failure::Failure;
use crate::fetch;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which parts, and how often each is repeated.
    pub parts: fetch::settings::Settings,
    /// How long the use of a processor is measured.
    pub measured: Duration,
}

impl Settings {
    /// The settings of a run in which `variable` tells the value of an environment variable:
    ///
    /// - `BENCH`: names of parts (`killed`, `hung`, `repair`, `rebuild`, `attempt`, `thousand`), separated by commas; default all
    /// - `BENCH_ROUNDS`: how often each is repeated, default 10
    /// - `BENCH_SECONDS`: how long the use of a processor is measured, default 60
    ///
    /// `BENCH_ROUNDS=1 BENCH_SECONDS=5` is for trying it out.
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let seconds = variable("BENCH_SECONDS").unwrap_or_else(|| "60".to_owned());
        let in_range = seconds.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
        let measured = in_range
            .map(Duration::from_secs)
            .ok_or_else(|| Failure::new(format!("BENCH_SECONDS is `{seconds}`: write a number from 1 to 3600")))?;
        Ok(Self { parts: fetch::settings::Settings::read(10, variable)?, measured })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_mistakes() {
        let all = Settings::read(|_| None).unwrap();
        assert_eq!((all.parts.rounds, all.measured), (10, Duration::from_mins(1)));
        assert!(all.parts.wants("thousand"));
        assert!(Settings::read(|name| (name == "BENCH_SECONDS").then(|| "0".to_owned())).is_err());
    }
}
