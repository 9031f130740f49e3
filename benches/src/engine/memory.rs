//! Heap for each registered check, counted by an allocator that knows how much is in use.

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::checks::{Runs, engine_of_no_ops};
use super::{by_hand, role};
use crate::failure::Failure;
use crate::table::Table;

/// The hidden argument of this role. It is followed by a way.
pub const ROLE: &str = "__heap";

const CHECKS: u32 = 100_000;
/// So long that every check runs exactly once.
const INTERVAL: Duration = Duration::from_hours(1);
/// First runs are spread by a millisecond each; more than twice that is too long.
const LIMIT: Duration = Duration::from_secs(250);

const WAYS: [(&str, &str); 2] = [("engine", "stratheal"), ("useful", "by hand, with time limit and result")];

/// Measures the engine and what one would write by hand.
///
/// # Errors
/// When a process fails.
pub async fn table() -> Result<Table, Failure> {
    let mut table = Table::new(&["heap of 100,000 checks", "registered", "after a run of each", "blocks for each"]);
    for (way, name) in WAYS {
        let numbers = role::numbers(&role::ask(ROLE, &[way.to_owned()]).await?);
        let [registered, ran, blocks] = numbers[..] else { return Err(Failure::new("the heap was not measured")) };
        let bytes = |bytes: f64| format!("{bytes:.0} B");
        table.row(vec![name.to_owned(), bytes(registered), bytes(ran), format!("{blocks:.1}")]);
    }
    Ok(table)
}

/// Plays the role. `in_use` tells how many bytes and how many blocks are allocated at this moment.
///
/// # Errors
/// When not every check ran in time.
pub async fn play(way: &str, in_use: fn() -> (usize, usize)) -> Result<(), Failure> {
    let runs = Runs::default();
    let each = |now: usize, before: usize| now.saturating_sub(before) as f64 / f64::from(CHECKS);
    let (bytes, blocks) = in_use();
    let handle = if way == "engine" {
        Some(engine_of_no_ops(CHECKS, INTERVAL, &runs)?)
    } else {
        by_hand::start(CHECKS, INTERVAL, false, &runs)?;
        None
    };
    let registered = each(in_use().0, bytes);
    let all_ran = async {
        while runs.load(Ordering::Relaxed) < u64::from(CHECKS) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        // The last results are on their way.
        tokio::time::sleep(Duration::from_secs(2)).await;
    };
    tokio::time::timeout(LIMIT, all_ran).await.map_err(|_| Failure::new("not every check ran in time"))?;
    let (bytes_now, blocks_now) = in_use();
    writeln!(io::stdout(), "{registered} {} {}", each(bytes_now, bytes), each(blocks_now, blocks))?;
    drop(handle);
    Ok(())
}
