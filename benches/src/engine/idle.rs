//! What an engine uses that has a hundred checks every 30 s and little to do.

use std::fs;
use std::time::Duration;

use super::checks::{Runs, engine_of_host_checks, engine_of_no_ops};

use crate::child::Child;
use crate::failure::Failure;
use crate::proc;
use crate::table::Table;

/// The hidden argument of this role. It is followed by a kind of checks.
pub const ROLE: &str = "__idle";

const CHECKS: u32 = 100;
const INTERVAL: Duration = Duration::from_secs(30);
/// All first runs are over by then.
const SETTLED: Duration = Duration::from_secs(5);
/// A whole interval, so that every check runs once more.
const WATCHED: Duration = INTERVAL;

const KINDS: [(&str, &str); 3] = [
    ("none", "no engine, for comparison"),
    ("no-op", "100 checks that do nothing"),
    ("host", "100 checks of memory and load"),
];

/// Measures all kinds of checks.
///
/// # Errors
/// When a process fails.
pub async fn table() -> Result<Table, Failure> {
    let mut table = Table::new(&["idle", "resident (RSS)", "its share (PSS)", "CPU", "wake-ups/s"]);
    for (kind, name) in KINDS {
        let log = std::env::temp_dir().join(format!("stratheal-bench-{}.log", std::process::id()));
        let child = Child::start_role(ROLE, None, &[kind.to_owned()], &log)?;
        // Whatever it complains about goes there, and it must not be left behind.
        fs::remove_file(&log)?;
        tokio::time::sleep(SETTLED).await;
        let (cpu, switches) = (proc::cpu_time(child.id())?, proc::voluntary_switches(child.id())?);
        tokio::time::sleep(WATCHED).await;
        let cpu = proc::cpu_time(child.id())?.saturating_sub(cpu);
        let switches = proc::voluntary_switches(child.id())?.saturating_sub(switches);
        table.row(vec![
            name.to_owned(),
            format!("{:.1} MB", proc::resident(child.id())? as f64 / 1e6),
            format!("{:.1} MB", proc::memory_of_tree(child.id()) as f64 / 1e6),
            format!("{:.2} %", cpu.as_secs_f64() / WATCHED.as_secs_f64() * 100.0),
            format!("{:.1}", switches as f64 / WATCHED.as_secs_f64()),
        ]);
        drop(child);
    }
    Ok(table)
}

/// Plays the role, until it is killed.
///
/// # Errors
/// When the engine does not start.
pub async fn play(kind: &str) -> Result<(), Failure> {
    let handle = match kind {
        "no-op" => Some(engine_of_no_ops(CHECKS, INTERVAL, &Runs::default())?),
        "host" => Some(engine_of_host_checks(CHECKS, INTERVAL)?),
        _ => None,
    };
    std::future::pending::<()>().await;
    drop(handle);
    Ok(())
}
