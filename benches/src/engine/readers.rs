//! What readers pay, while a thousand checks run every second.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::checks::{Runs, engine_of_no_ops, id};
use super::role;
use crate::failure::Failure;
use crate::monotonic;
use crate::quantile::quantile;
use crate::table::Table;

/// The hidden argument of this role.
pub const ROLE: &str = "__readers";

const CHECKS: u32 = 1000;
const ROUNDS: usize = 9;

/// Measures all ways to read.
///
/// # Errors
/// When the process fails.
pub async fn table() -> Result<Table, Failure> {
    let text = role::ask(ROLE, &[]).await?;
    let mut table = Table::new(&["reading, 1000 checks", "one read"]);
    for line in text.lines() {
        let Some((name, nanoseconds)) = line.rsplit_once(' ') else { continue };
        let nanoseconds: f64 = nanoseconds.parse().unwrap_or(f64::NAN);
        let shown = if nanoseconds < 10_000.0 {
            format!("{nanoseconds:.0} ns")
        } else {
            format!("{:.1} us", nanoseconds / 1e3)
        };
        table.row(vec![name.to_owned(), shown]);
    }
    Ok(table)
}

/// Plays the role.
///
/// # Errors
/// When the engine does not start.
pub async fn play() -> Result<(), Failure> {
    let handle = engine_of_no_ops(CHECKS, Duration::from_secs(1), &Runs::default())?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ids = (0..CHECKS).map(id).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let plain: HashMap<String, _> = ids.iter().filter_map(|id| Some((id.clone(), handle.check(id)?))).collect();
    let plain = RwLock::new(plain);
    let mut turn = 0;
    let mut next = || {
        turn = (turn + 1) % ids.len();
        ids[turn].as_str()
    };
    say("one check", 200_000, || drop(black_box(handle.check(next()))))?;
    say("one check, from a locked map that nobody writes to", 200_000, || {
        drop(black_box(plain.read().unwrap_or_else(PoisonError::into_inner).get(next()).cloned()));
    })?;
    say("all checks, at most 50 ms old", 100_000, || drop(black_box(handle.snapshot())))?;
    say("all checks, built for this reader", 200, || drop(black_box(handle.fresh_snapshot())))?;
    Ok(())
}

fn say(name: &str, times: u32, mut read: impl FnMut()) -> Result<(), Failure> {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = monotonic::now();
            (0..times).for_each(|_| read());
            (monotonic::now() - began) as f64 / f64::from(times)
        })
        .collect();
    Ok(writeln!(io::stdout(), "{name} {}", quantile(&mut rounds, 0.5).unwrap_or(f64::NAN))?)
}
