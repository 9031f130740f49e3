//! Monit: one `check host` for each web server, one `check program` for each command, a cycle as long as the interval.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tokio::process::Command;

use super::failures::Failures;
use super::http_targets;
use super::monitor::{Launch, Place, Task};
use super::scenario::Scenario;
use crate::failure::Failure;

const LOG: &str = "monit.log";

/// Its version.
///
/// # Errors
/// When it is not here.
pub async fn version() -> Result<String, Failure> {
    let missing = |_| Failure::new("monit is not installed: on Debian, apt-get install monit");
    let output = Command::new("monit").arg("-V").output().await.map_err(missing)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("version ").and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(version.unwrap_or("unknown").to_owned())
}

/// Writes its configuration.
///
/// # Errors
/// When that fails.
pub fn prepare(task: Task<'_>) -> Result<Launch, Failure> {
    let configuration = task.folder.join("monitrc");
    fs::write(&configuration, configure(task))?;
    // Monit refuses a file that others can read.
    fs::set_permissions(&configuration, fs::Permissions::from_mode(0o600))?;
    Ok(Launch { argv: vec!["monit".into(), "-I".into(), "-c".into(), configuration.into()], scraper: None })
}

fn configure(task: Task<'_>) -> String {
    let Task { scenario, place, folder } = task;
    let mut text = format!("set daemon {}\n", scenario.interval.as_secs());
    for (setting, file) in [("log", LOG), ("pidfile", "pid"), ("idfile", "id"), ("statefile", "state")] {
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(text, "set {setting} {}", folder.join(file).display());
    }
    for target in 0..scenario.checks {
        let name = Scenario::name_of(target);
        let seconds = scenario.timeout.as_secs();
        let _ = match place {
            Place::Http(addresses) => {
                let address = http_targets::address(addresses, target);
                writeln!(
                    text,
                    "check host {name} with address {}\n  if failed port {} protocol http request \"{}\" with timeout \
                     {seconds} seconds then alert",
                    address.ip(),
                    address.port(),
                    http_targets::path(target)
                )
            }
            Place::Commands(_) => writeln!(
                text,
                "check program {name} with path \"{}\" with timeout {seconds} seconds\n  if status != 0 then alert",
                place.of(target)
            ),
        };
    }
    text
}

/// Counts the failures in its log.
///
/// # Errors
/// When there is no log.
pub fn failures(folder: &Path) -> Result<Failures, Failure> {
    Ok(Failures::from_log(&fs::read_to_string(folder.join(LOG))?, failing))
}

/// Whom a line of the log blames: `[...] error    : 't00003' failed protocol test ...`.
fn failing(line: &str) -> Option<&str> {
    let (head, rest) = line.split_once(": '")?;
    head.contains("error").then_some(())?;
    let (name, said) = rest.split_once("' ")?;
    (!said.contains("succeeded")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_are_counted() {
        let log = "[2026-01-01] info     : 't00001' connection succeeded to [127.0.0.1]\n\
                   [2026-01-01] error    : 't00002' failed protocol test [HTTP] at [127.0.0.1]:1/t/2 [TCP/IP] -- timeout\n\
                   [2026-01-01] info     : Starting Monit 5.33.0 daemon\n";
        assert_eq!(Failures::from_log(log, failing).to_string(), "t00002 1\n");
    }
}
