//! What a process used while something ran in it, round by round.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::checks::Runs;
use super::role::numbers;
use crate::failure::Failure;
use crate::monotonic;
use crate::quantile::quantile;

/// How many rounds a median is taken over.
const ROUNDS: usize = 7;
/// How long one of them is.
const ROUND: Duration = Duration::from_secs(2);

/// What happened in one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// Runs of checks.
    pub runs: f64,
    /// Processor time of the process, in seconds.
    pub cpu: f64,
    /// Time gone by, in seconds.
    pub wall: f64,
}

/// Measures this process after warming up, and prints a line for each round.
///
/// # Errors
/// When there is nowhere to print.
pub async fn print(warm_up: Duration, runs: &Runs) -> Result<(), Failure> {
    tokio::time::sleep(warm_up).await;
    for _ in 0..ROUNDS {
        let (before, cpu, wall) = (runs.load(Ordering::Relaxed), cpu_time(), monotonic::now());
        tokio::time::sleep(ROUND).await;
        let (runs, cpu, wall) = (runs.load(Ordering::Relaxed) - before, cpu_time() - cpu, monotonic::now() - wall);
        writeln!(io::stdout(), "{runs} {cpu} {wall}")?;
    }
    Ok(())
}

/// Processor time of this process in nanoseconds.
fn cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Reads what [`print`] printed.
#[must_use]
pub fn parse(text: &str) -> Vec<Round> {
    let round = |line: &str| match numbers(line)[..] {
        [runs, cpu, wall] => Some(Round { runs, cpu: cpu / 1e9, wall: wall / 1e9 }),
        _ => None,
    };
    text.lines().filter_map(round).collect()
}

/// The median of what is made of each round.
#[must_use]
pub fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> Option<f64> {
    quantile(&mut rounds.iter().map(of).collect::<Vec<_>>(), 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_rounds() {
        let rounds = parse("100 2000000000 1000000000\nnoise\n200 2000000000 1000000000\n");
        assert_eq!(rounds.len(), 2);
        assert_eq!(median(&rounds, |round| round.cpu / round.runs), Some(0.01));
    }
}
