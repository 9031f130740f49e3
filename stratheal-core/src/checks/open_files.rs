//! How many files are open, of as many as may be: in the whole host, in this process, or in another.
//!
//! Metrics for each: `used[host]` in percent of the limit, and `open[host]`.

use std::path::PathBuf;

use async_trait::async_trait;

use super::patience::when_free;
use super::{Measure, Measurement};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::{Metric, Report, Status, Unit};
use crate::sys::process::{self, DescriptorUse};
use crate::sys::{SysRoot, open_files};

/// What makes a Warning unless told otherwise.
pub const DEFAULT_WARN: &[&str] = &["used > 80% clear 78%"];
/// What makes a Critical unless told otherwise.
pub const DEFAULT_CRIT: &[&str] = &["used > 95% clear 93%"];

/// Whose open files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenFilesOf {
    /// All processes together, of what the kernel allows.
    Host,
    /// This process.
    Own,
    /// A process by its number.
    Process(u32),
    /// The process whose number stands in a file.
    PidFile(PathBuf),
}

/// What to measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenFilesOptions {
    /// Whose open files; empty means those of the host and of this process.
    pub of: Vec<OpenFilesOf>,
}

/// Measures open files.
#[derive(Debug)]
pub struct OpenFiles {
    of: Vec<OpenFilesOf>,
    root: SysRoot,
}

impl OpenFiles {
    /// A measuring of this machine, or of recorded files.
    #[must_use]
    pub fn new(options: OpenFilesOptions, root: SysRoot) -> Self {
        let of = if options.of.is_empty() { vec![OpenFilesOf::Host, OpenFilesOf::Own] } else { options.of };
        Self { of, root }
    }
}

#[async_trait]
impl Measure for OpenFiles {
    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let mut found = Vec::new();
        for of in &self.of {
            let (root, whose) = (self.root.clone(), of.clone());
            let key = format!("open files of {of:?}");
            found.push(when_free(cx, &key, move || count(&root, &whose)).await??);
        }
        Ok(report(&found).into())
    }
}

/// Counts for one; `None` when its process is not running.
fn count(root: &SysRoot, of: &OpenFilesOf) -> Result<(String, Option<DescriptorUse>), CheckError> {
    let (name, pid) = match of {
        OpenFilesOf::Host => {
            let host = open_files::read(root)?;
            return Ok(("host".to_owned(), Some(DescriptorUse { used: host.used, limit: Some(host.limit) })));
        }
        OpenFilesOf::Own => ("self".to_owned(), std::process::id()),
        OpenFilesOf::Process(pid) => (pid.to_string(), *pid),
        OpenFilesOf::PidFile(path) => {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match process::read_pid_file(path) {
                Ok(pid) => (name, pid),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((name, None)),
                Err(error) => return Err(CheckError::read("a pid file", error)),
            }
        }
    };
    Ok((name, process::descriptors(root, pid)?))
}

fn report(found: &[(String, Option<DescriptorUse>)]) -> Report {
    let mut metrics = Vec::new();
    let mut parts = Vec::new();
    let mut status = Status::Healthy;
    for (name, files) in found {
        let Some(files) = files else {
            status = Status::Critical;
            parts.push(format!("{name} is not running"));
            continue;
        };
        // A limit of zero is full; no limit at all never is.
        let used = match files.limit {
            Some(0) => 100.0,
            Some(limit) => files.used as f64 / limit as f64 * 100.0,
            None => 0.0,
        };
        metrics.push(Metric::new(format!("used[{name}]"), used, Unit::Percent).min(0.0).max(100.0));
        let mut open = Metric::new(format!("open[{name}]"), files.used as f64, Unit::Number).min(0.0);
        open.max = files.limit.map(|limit| limit as f64);
        metrics.push(open);
        let limit = files.limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        parts.push(format!("{name} {} of {limit}", files.used));
    }
    let mut report = Report::new(status, format!("open files: {}", parts.join(", ")));
    if status == Status::Critical {
        report = report.code("not-running");
    }
    report.metrics = metrics;
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share() {
        let files = |used, limit| Some(DescriptorUse { used, limit });
        let found = [("host".to_owned(), files(50, Some(200))), ("api".to_owned(), files(3, None))];
        let healthy = report(&found);
        assert_eq!((healthy.value("used[host]"), healthy.value("used[api]")), (Some(25.0), Some(0.0)));
        assert_eq!(healthy.summary, "open files: host 50 of 200, api 3 of no limit");
        let gone = report(&[("api".to_owned(), None)]);
        assert_eq!((gone.status, gone.summary.as_ref()), (Status::Critical, "open files: api is not running"));
        assert_eq!(report(&[("api".to_owned(), files(0, Some(0)))]).value("used[api]"), Some(100.0));
    }
}
