//! Processor time of the engine for each run of a check that does nothing.
//!
//! At many runs a second, threads are awake anyway and find several things to do at once; at few, each run has to wake them. So it is
//! measured at several rates, each beside what one would write by hand. What the same number of checks uses when none of them is
//! due is subtracted.

use std::time::Duration;

use super::by_hand;
use super::checks::{Runs, engine_here, engine_of_no_ops};
use super::role;
use super::rounds::{self, Round, median};
use crate::failure::Failure;
use crate::table::Table;

/// The hidden argument of this role. It is followed by a way, a number of checks and an interval in milliseconds.
pub const ROLE: &str = "__overhead";

/// Runs in a second; also the number of checks.
const RATES: [u32; 3] = [100, 1000, 20_000];
/// Often enough to be compared, so rarely that none is due while idle.
const NEVER: Duration = Duration::from_hours(7 * 24);

/// Ways to run checks.
const WAYS: [(&str, &str); 3] =
    [("engine", "stratheal"), ("bare", "by hand: task and timer"), ("useful", "by hand, with time limit and result")];

/// Measures all ways at all rates.
///
/// # Errors
/// When a process fails.
pub async fn table() -> Result<Table, Failure> {
    let mut table =
        Table::new(&["engine overhead", "checks, one run a second each", "runs/s", "CPU per run", "to bare"]);
    for rate in RATES {
        let mut bare = None;
        let mut rows = Vec::new();
        for (way, name) in WAYS {
            let second = Duration::from_secs(1);
            let busy = measure(way, rate, second).await?;
            let idle = measure(way, rate, NEVER).await?;
            let idle = median(&idle, |round| round.cpu / round.wall).unwrap_or_default();
            let each = |round: &Round| (round.cpu - idle * round.wall).max(0.0) / round.runs.max(1.0) * 1e6;
            let each = median(&busy, each).unwrap_or(f64::NAN);
            let per_second = median(&busy, |round| round.runs / round.wall).unwrap_or(f64::NAN);
            if way == "bare" {
                bare = Some(each);
            }
            rows.push((name, per_second, each));
        }
        for (name, per_second, each) in rows {
            let ratio = bare.map_or_else(String::new, |bare| format!("{:.1}x", each / bare));
            let cells = [name.to_owned(), rate.to_string(), format!("{per_second:.0}"), format!("{each:.2} us"), ratio];
            table.row(cells.to_vec());
        }
    }
    Ok(table)
}

async fn measure(way: &str, checks: u32, every: Duration) -> Result<Vec<Round>, Failure> {
    let arguments = [way.to_owned(), checks.to_string(), every.as_millis().to_string()];
    Ok(rounds::parse(&role::ask(ROLE, &arguments).await?))
}

/// Plays the role.
///
/// # Errors
/// When its arguments make no sense.
pub async fn play(arguments: &[String]) -> Result<(), Failure> {
    let problem = || Failure::new("expected a way, a number of checks, and an interval in milliseconds");
    let [way, checks, every] = arguments else { return Err(problem()) };
    let checks: u32 = checks.parse().map_err(|_| problem())?;
    let every = Duration::from_millis(every.parse().map_err(|_| problem())?);
    // First runs are spread over a time that grows with the number of checks.
    let first_round = Duration::from_millis(u64::from(checks)).min(every);
    let warm_up = first_round + Duration::from_secs(2);
    let runs = Runs::default();
    let handle = match way.as_str() {
        "engine" => Some(engine_of_no_ops(checks, every, &runs)?),
        "here" => Some(engine_here(checks, every, &runs)?),
        way => {
            by_hand::start(checks, every, way == "bare", &runs)?;
            None
        }
    };
    rounds::print(warm_up, &runs).await?;
    drop(handle);
    Ok(())
}
