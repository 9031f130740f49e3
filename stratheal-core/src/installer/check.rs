//! Whether an environment is whole, as a health check.

use std::path::PathBuf;

use async_trait::async_trait;

use super::engine::Installer;
use super::verify::{Severity, Verified, VerifyOptions};
use crate::base::class::chain;
use crate::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use crate::model::quantity::show_count;
use crate::model::{CheckId, Metric, Report, Unit};

/// The findings that are named in the summary.
const NAMED: usize = 3;

/// Looks whether an environment is what its installers made of it ([`Installer::verify`]). Damage is Critical, a conflict is a Warning.
/// Files that look as they did when they were hashed last are believed, so that a run costs a walk.
///
/// Metrics: `files`, looked at; `findings`, that count; `hashed`, bytes.
#[derive(Debug, Clone)]
pub struct EnvironmentWhole {
    id: CheckId,
    installer: Installer,
    environment: PathBuf,
}

impl EnvironmentWhole {
    /// A check of the environment that a path means: its folder, or its interpreter.
    #[must_use]
    pub const fn new(id: CheckId, installer: Installer, environment: PathBuf) -> Self {
        Self { id, installer, environment }
    }
}

#[async_trait]
impl HealthCheck for EnvironmentWhole {
    fn id(&self) -> &CheckId {
        &self.id
    }

    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        let cannot = |error| CheckError::Setup {
            what: format!("the environment {}", self.environment.display()),
            problem: chain(&error),
        };
        let subject = self.installer.subject(&self.environment).await.map_err(cannot)?;
        let verified = self.installer.verify(&subject, &VerifyOptions::default()).await.map_err(|error| {
            CheckError::other(format!("cannot look at {}: {}", self.environment.display(), chain(&error)))
        })?;
        Ok(report(&verified, &self.environment.display().to_string()))
    }
}

/// What was found, as a report. Pure.
fn report(verified: &Verified, environment: &str) -> Report {
    let counted: Vec<_> = verified.findings.iter().filter(|finding| finding.counts()).collect();
    let named: Vec<_> = counted.iter().take(NAMED).map(|finding| finding.message.as_str()).collect();
    let more = counted.len() - named.len();
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    let summary = format!("{}{more}", named.join("; "));
    let next = verified.next(environment, false);
    let hint = (!next.is_empty()).then(|| format!("run {}", next.join("; then ")));
    let report = match counted.iter().map(|finding| finding.severity).max() {
        Some(Severity::Damage) => {
            let report = Report::critical(summary).code("damaged");
            report.hint(hint.unwrap_or_else(|| format!("look at what `stratheal verify {environment}` names")))
        }
        Some(_) => {
            let hint = hint.unwrap_or_else(|| "install versions that fit each other".to_owned());
            Report::warning(summary).code("conflict").hint(hint)
        }
        None => {
            let (projects, files) = (show_count(verified.projects, "project"), show_count(verified.files, "file"));
            Report::healthy(format!("{projects}, {files} as they were installed"))
        }
    };
    report
        .metric(Metric::new("files", verified.files as f64, Unit::Number))
        .metric(Metric::new("findings", counted.len() as f64, Unit::Number))
        .metric(Metric::new("hashed", verified.bytes_hashed as f64, Unit::Bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installer::verify::{Finding, Problem};
    use crate::model::Status;

    fn reported(problems: &[Problem]) -> Report {
        let about = |problem: &Problem| Finding {
            project: None,
            others: Vec::new(),
            path: Some("lib/x".into()),
            severity: problem.severity(),
            message: format!("{problem:?}"),
            problem: problem.clone(),
            remedy: problem.remedy(),
            shared: None,
        };
        let findings = problems.iter().map(about).collect();
        let verified =
            Verified { root: "/env".into(), projects: 1, files: 7, hashed: 1, bytes_hashed: 9, findings, left_out: 0 };
        report(&verified, "/env")
    }

    #[test]
    fn the_worst_finding_counts() {
        let unmet = Problem::Unmet { requirement: "b".to_owned(), installed: None };
        for (problems, status, code) in [
            (&[][..], Status::Healthy, "ok"),
            (&[Problem::Egg, Problem::Leftover], Status::Healthy, "ok"),
            (&[unmet], Status::Warning, "conflict"),
            (&[Problem::Missing, Problem::Leftover], Status::Critical, "damaged"),
        ] {
            let report = reported(problems);
            assert_eq!((report.status, report.code.as_ref()), (status, code), "{problems:?}");
            assert_eq!((report.value("files"), report.value("hashed")), (Some(7.0), Some(9.0)));
        }
        let many = reported(&[Problem::Missing, Problem::Changed, Problem::Missing, Problem::LeadsOut]);
        assert_eq!(
            (many.summary.as_ref(), many.value("findings")),
            ("Missing; Changed; Missing; and 1 more", Some(4.0))
        );
    }
}
