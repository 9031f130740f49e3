//! A check of one's own: how many files wait in a folder. Run once, as a script would, with a plugin's exit code.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin custom_check -- FOLDER LIMIT
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it finds")]

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use stratheal_core::engine::{Registration, once::run_once, permits::Limits};
use stratheal_core::format::{Style, human};
use stratheal_core::model::{CheckId, CheckSpec, Metric, Range, Report, Unit};

/// How many files wait in a folder.
#[derive(Debug)]
struct SpoolLength {
    id: CheckId,
    folder: PathBuf,
    limit: u32,
}

#[async_trait]
impl HealthCheck for SpoolLength {
    fn id(&self) -> &CheckId {
        &self.id
    }

    async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
        // Reading a folder may hang, so it is done where it blocks nobody; the name says what would hang.
        let (name, folder) = (self.folder.display().to_string(), self.folder.clone());
        let count = move || std::fs::read_dir(folder).map(|entries| entries.take(100_000).count());
        let files = cx.blocking(&name, count).await?;
        // An error means that it could not be measured. A bad finding is a report.
        let files = files.map_err(|error| CheckError::read(format!("the folder {name}"), error))?;
        Ok(judge(files as u32, self.limit))
    }

    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }
}

/// Judges, and reads nothing: so it can be tested as a table.
fn judge(files: u32, limit: u32) -> Report {
    let report = if files > limit {
        Report::warning(format!("{files} files wait, more than {limit}"))
            .code("spool-long")
            .hint("look whether the worker that empties the folder runs")
    } else {
        Report::healthy(format!("{files} files wait"))
    };
    let warn = Range::above(f64::from(limit));
    report.metric(Metric::new("files", f64::from(files), Unit::Number).warn(warn).min(0.0))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let limit = arguments.next().and_then(|limit| limit.to_str()?.parse().ok()).unwrap_or(1000);

    let check = SpoolLength { id: CheckId::new("spool")?, folder, limit };
    let spec = CheckSpec::every(Duration::from_secs(30));
    let snapshot = run_once(vec![Registration::new(check, spec)], Limits::default()).await?;
    print!("{}", human(&snapshot, Style { verbose: true, colour: false }));
    Ok(ExitCode::from(snapshot.status.exit_code()))
}
