//! One measurement in a process of its own: this program, started again with a hidden argument, which prints what it found.

use std::process::Stdio;

use tokio::process::Command;

use crate::failure::Failure;

/// Runs a role to its end and returns what it printed.
///
/// # Cancellation
/// Kills the process.
///
/// # Errors
/// When it fails.
pub async fn ask(role: &str, arguments: &[String]) -> Result<String, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(role).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = command.stdout(Stdio::piped()).spawn()?.wait_with_output().await?;
    if !output.status.success() {
        return Err(Failure::new(format!("{role} failed: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The numbers of one printed line.
#[must_use]
pub fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}
