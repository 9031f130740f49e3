//! How long it takes to look at this host once, from start to end of the process.
//!
//! Processor load needs two samples. A run stores its sample, and a later one within five minutes compares with it; only the first
//! has to wait. Beside it stands what a script would do for a part of the same answers: plugins, one after the other.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::failure::Failure;
use crate::quantile::quantile;
use crate::table::Table;
use crate::{monotonic, tool};

const ROUNDS: usize = 21;

const PLUGINS: [(&str, &[&str]); 4] = [
    ("/usr/lib/nagios/plugins/check_load", &["-w", "99,99,99", "-c", "99,99,99"]),
    ("/usr/lib/nagios/plugins/check_disk", &["-w", "1%", "-c", "1%", "-p", "/"]),
    ("/usr/lib/nagios/plugins/check_swap", &["-w", "0%", "-c", "0%", "-n", "ok"]),
    ("/usr/lib/nagios/plugins/check_procs", &[]),
];

/// Measures the tool and the plugins.
///
/// # Errors
/// When the tool cannot be started.
pub async fn table() -> Result<Table, Failure> {
    let mut table = Table::new(&["one look at this host", "median", "slowest"]);
    // A folder without configuration, so that the host itself is checked.
    let folder = std::env::temp_dir().join(format!("stratheal-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = measure(&folder, &mut table).await;
    std::fs::remove_dir_all(&folder)?;
    result.map(|()| table)
}

async fn measure(folder: &Path, table: &mut Table) -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let state = folder.join("state");
    let check = [tool::ROLE.as_ref(), "check".as_ref(), "--state-dir".as_ref(), state.as_os_str()];
    let first = time(folder, &program, &check).await?;
    row(table, "stratheal check, without a sample of the processor", &mut [first]);
    let mut later = Vec::new();
    for _ in 0..ROUNDS {
        later.push(time(folder, &program, &check).await?);
    }
    row(table, "stratheal check, with one", &mut later);
    if PLUGINS.iter().all(|(plugin, _)| Path::new(plugin).exists()) {
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let mut round = 0.0;
            for (plugin, arguments) in PLUGINS {
                round += time(folder, plugin.as_ref(), arguments).await?;
            }
            rounds.push(round);
        }
        row(table, "check_load, check_disk, check_swap, check_procs", &mut rounds);
    } else {
        table.row(vec!["MISSING: on Debian, apt-get install monitoring-plugins-basic".to_owned()]);
    }
    Ok(())
}

fn row(table: &mut Table, name: &str, milliseconds: &mut [f64]) {
    let show = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.1} ms"));
    let (median, slowest) = (quantile(milliseconds, 0.5), quantile(milliseconds, 1.0));
    table.row(vec![name.to_owned(), show(median), show(slowest)]);
}

/// How long a command takes, in milliseconds. What it finds does not matter.
async fn time<S: AsRef<OsStr>>(folder: &Path, program: &Path, arguments: &[S]) -> Result<f64, Failure> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = monotonic::now();
    command.kill_on_drop(true).status().await.map_err(|error| Failure::io(program.display(), &error))?;
    Ok((monotonic::now() - began) as f64 / 1e6)
}
