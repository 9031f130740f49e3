//! What an engine uses that has a hundred checks every 30 s and little to do.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::checks::{Runs, engine_of_host_checks, engine_of_no_ops};

use crate::child::Child;
use crate::failure::Failure;
use crate::table::Table;
use crate::{proc, tool};

/// The hidden argument of this role. It is followed by a kind of checks.
pub const ROLE: &str = "__idle";

const CHECKS: u32 = 100;
const INTERVAL: Duration = Duration::from_secs(30);
/// All first runs are over by then.
const SETTLED: Duration = Duration::from_secs(5);
/// A whole interval, so that every check runs once more.
const WATCHED: Duration = INTERVAL;

const KINDS: [(&str, &str); 4] = [
    ("none", "no engine, for comparison"),
    ("no-op", "100 checks that do nothing"),
    ("host", "100 checks of memory and load"),
    ("up", "stratheal up with the same 100 checks"),
];

/// Measures all kinds of checks.
///
/// # Errors
/// When a process fails.
pub async fn table() -> Result<Table, Failure> {
    let folder = std::env::temp_dir().join(format!("stratheal-bench-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let table = measure(&folder).await;
    fs::remove_dir_all(&folder)?;
    table
}

/// What `stratheal up` is to watch.
fn configuration() -> String {
    let check = |number: u32| {
        let kind = if number.is_multiple_of(2) { "memory" } else { "load" };
        format!("[checks.check-{number}]\n{kind} = {{}}\ninterval = \"{}s\"\n", INTERVAL.as_secs())
    };
    (0..CHECKS).map(check).collect()
}

async fn measure(folder: &Path) -> Result<Table, Failure> {
    let mut table = Table::new(&["idle", "resident (RSS)", "its share (PSS)", "CPU", "wake-ups/s"]);
    for (kind, name) in KINDS {
        let child = if kind == "up" {
            fs::write(folder.join("stratheal.toml"), configuration())?;
            let text = |name: &str| folder.join(name).display().to_string();
            let arguments = ["up", "--config", &text("stratheal.toml"), "--listen", "127.0.0.1:0", "--state-dir"];
            let arguments = arguments.map(str::to_owned).into_iter().chain([text("state")]);
            Child::start_role(tool::ROLE, None, &arguments.collect::<Vec<_>>(), &folder.join("log"))?
        } else {
            Child::start_role(ROLE, None, &[kind.to_owned()], &folder.join("log"))?
        };
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
