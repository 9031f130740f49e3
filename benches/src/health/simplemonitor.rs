//! `SimpleMonitor` from `PyPI`, in a virtual environment of its own beside the build.
//!
//! By default it uses as many threads as there are processors, which cannot keep up with anything that waits. It is given more:
//! see [`THREADS`].

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use super::failures::Failures;
use super::monitor::{Launch, Place, Task};
use super::scenario::Scenario;
use crate::failure::Failure;

const WANTED: &str = "simplemonitor==1.15.0";
const LOG: &str = "results.log";
/// How many checks it may run at the same time.
const THREADS: &str = "64";

/// Where its virtual environment is.
fn environment() -> Result<PathBuf, Failure> {
    Ok(super::trial::build_folder()?.join("bench-peers").join("simplemonitor"))
}

/// Its version. Installs it when it is not here.
///
/// # Errors
/// When it cannot be had.
pub async fn version() -> Result<String, Failure> {
    let environment = environment()?;
    let python = environment.join("bin").join("python");
    let installed = environment.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_deref() != Some(WANTED) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment)).await?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", WANTED]))
            .await?;
        fs::write(&installed, WANTED)?;
    }
    let output = run(Command::new(&python).args(["-m", "simplemonitor.monitor", "--version"])).await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split_whitespace().last().unwrap_or("unknown").to_owned())
}

async fn run(command: &mut Command) -> Result<Output, Failure> {
    let shown = format!("{:?}", command.as_std());
    let cannot = |why: &str| {
        Failure::new(format!("SimpleMonitor cannot be installed (it needs Python 3.10 and pip): {shown}: {why}"))
    };
    let output = command.output().await.map_err(|error| cannot(&error.to_string()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(cannot(said.lines().last().unwrap_or("it failed")));
    }
    Ok(output)
}

/// Writes its configuration.
///
/// # Errors
/// When that fails.
pub fn prepare(task: Task<'_>) -> Result<Launch, Failure> {
    let Task { scenario, place, folder } = task;
    let (main, monitors) = (folder.join("monitor.ini"), folder.join("monitors.ini"));
    fs::write(
        &main,
        format!(
            "[monitor]\ninterval={}\nmonitors={}\n\n[reporting]\nloggers=results\n\n[results]\n\
             type=logfile\nfilename={}\nonly_failures=1\nbuffered=0\n",
            scenario.interval.as_secs(),
            monitors.display(),
            folder.join(LOG).display()
        ),
    )?;
    let mut text = String::new();
    for target in 0..scenario.checks {
        let (name, what) = (Scenario::name_of(target), place.of(target));
        let seconds = scenario.timeout.as_secs();
        // Writing into a String cannot fail.
        let _ = match place {
            Place::Http(_) => writeln!(text, "[{name}]\ntype=http\nurl={what}\ntimeout={seconds}\n"),
            Place::Commands(_) => writeln!(text, "[{name}]\ntype=command\ncommand={what}\n"),
        };
    }
    fs::write(&monitors, text)?;
    let python = environment()?.join("bin").join("python");
    let arguments = ["-m", "simplemonitor.monitor", "--quiet", "--no-heartbeat", "--threads", THREADS, "--config"];
    let mut argv = vec![python.into()];
    argv.extend(arguments.map(Into::into));
    argv.push(main.into());
    Ok(Launch { argv, scraper: None })
}

/// Counts the failures in its log.
///
/// # Errors
/// When there is no log.
pub fn failures(folder: &Path) -> Result<Failures, Failure> {
    Ok(Failures::from_log(&fs::read_to_string(folder.join(LOG))?, failing))
}

/// Whom a line of the log blames: `<time> t00003: failed since ...`.
fn failing(line: &str) -> Option<&str> {
    line.split_once(": failed since ")?.0.rsplit(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_are_counted() {
        let log = "2026-01-01 10:00:00+00:00 simplemonitor starting\n\
                   2026-01-01 10:00:00+00:00 t00007: failed since 2026; VFC=1 (timed out) (2.0s)\n";
        assert_eq!(Failures::from_log(log, failing).to_string(), "t00007 1\n");
    }
}
