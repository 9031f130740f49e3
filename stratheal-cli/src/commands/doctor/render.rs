//! Findings for people and for programs.

use std::fmt::Write;

use serde_json::json;
use stratheal_core::doctor::Diagnosis;
use stratheal_core::format::Style;
use stratheal_core::model::Status;

/// One line a finding, with what to do below it.
pub(super) fn human(diagnosis: &Diagnosis, style: Style) -> String {
    let width = diagnosis.findings.iter().map(|finding| finding.topic.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let status = style.paint(finding.status, &format!("{:<8}", finding.status.as_str()));
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(text, "{status}  {:<width$}  {}", finding.topic, finding.summary);
        if let Some(next) = &finding.next {
            let _ = writeln!(text, "{:8}  {:<width$}  {}", "", "", style.faint(&format!("next: {next}")));
        }
    }
    let status = diagnosis.status();
    let words = if status == Status::Healthy { "fit to install and run" } else { "see what comes next above" };
    let _ = writeln!(text, "{}: {words}", style.paint(status, status.as_str()));
    text
}

pub(super) fn json(diagnosis: &Diagnosis) -> String {
    format!("{:#}", json!({ "version": 1, "status": diagnosis.status(), "findings": diagnosis.findings }))
}

#[cfg(test)]
mod tests {
    use stratheal_core::doctor::Finding;

    use super::*;

    #[test]
    fn findings_are_lines() {
        let findings = vec![
            Finding::healthy("proxy", "none"),
            Finding::bad("disk", Status::Warning, "little room", "free some").with("free_bytes", 5),
        ];
        let diagnosis = Diagnosis { findings };
        let text = human(&diagnosis, Style::default());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "healthy   proxy  none");
        assert_eq!(lines[2].trim(), "next: free some");
        assert_eq!(lines[3], "warning: see what comes next above");
        let document: serde_json::Value = serde_json::from_str(&json(&diagnosis)).unwrap();
        assert_eq!(
            (&document["status"], &document["findings"][1]["facts"]["free_bytes"]),
            (&"warning".into(), &5.into())
        );
    }
}
