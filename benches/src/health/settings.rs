//! What the environment asks for.

use std::time::Duration;

use super::monitor::Monitor;
use super::scenario::Scenario;
use crate::failure::Failure;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long each monitor is measured, after it has warmed up. Rounded up to whole intervals.
    pub measured: Duration,
    /// Which scenarios.
    pub scenarios: Vec<Scenario>,
    /// Which monitors.
    pub monitors: Vec<Monitor>,
    /// Whether the monitor and the targets get a processor each.
    pub pinned: bool,
}

impl Settings {
    /// The settings of a run in which `variable` tells the value of an environment variable:
    ///
    /// - `BENCH_SECONDS`: how long each monitor is measured, default 60
    /// - `BENCH_SCENARIO`: names of scenarios, separated by commas, default all
    /// - `BENCH_PEERS`: names of monitors, separated by commas, default all
    /// - `BENCH_PIN`: `0` leaves it to the system where processes run, default `1`
    ///
    /// # Errors
    /// When a value makes no sense.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let seconds = variable("BENCH_SECONDS").unwrap_or_else(|| "60".to_owned());
        let seconds: u64 = seconds
            .parse()
            .ok()
            .filter(|seconds| (1..=3600).contains(seconds))
            .ok_or_else(|| Failure::new(format!("BENCH_SECONDS is `{seconds}`: write a number from 1 to 3600")))?;
        Ok(Self {
            measured: Duration::from_secs(seconds),
            scenarios: chosen("BENCH_SCENARIO", &variable, &Scenario::ALL, |scenario| scenario.name)?,
            monitors: chosen("BENCH_PEERS", &variable, &Monitor::ALL, Monitor::name)?,
            pinned: variable("BENCH_PIN").is_none_or(|value| value != "0"),
        })
    }
}

fn chosen<T: Copy>(
    variable: &str,
    value: impl Fn(&str) -> Option<String>,
    all: &[T],
    name: impl Fn(&T) -> &'static str,
) -> Result<Vec<T>, Failure> {
    let Some(value) = value(variable).filter(|value| !value.trim().is_empty()) else { return Ok(all.to_vec()) };
    let wanted = value.split(',').map(str::trim);
    let find = |wanted: &str| {
        all.iter().copied().find(|one| name(one) == wanted).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(&name).collect();
            Failure::new(format!("{variable} names `{wanted}`: there are {}", names.join(", ")))
        })
    };
    wanted.map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_choices_and_mistakes() {
        let all = Settings::read(|_| None).unwrap();
        assert_eq!((all.scenarios.len(), all.monitors.len()), (Scenario::ALL.len(), Monitor::ALL.len()));
        let few = Settings::read(|name| (name == "BENCH_PEERS").then(|| "monit, stratheal".to_owned())).unwrap();
        assert_eq!(few.monitors, [Monitor::Monit, Monitor::Stratheal]);
        for (variable, value) in [("BENCH_PEERS", "nagios"), ("BENCH_SECONDS", "0"), ("BENCH_SCENARIO", "x")] {
            assert!(Settings::read(|name| (name == variable).then(|| value.to_owned())).is_err(), "{variable}");
        }
    }
}
