//! A JUnit report, so that a build server shows checks like tests.
//!
//! The layout is the one that build servers share: `testsuites`, `testsuite`, `testcase` with `failure`, `error` or `skipped`.

use std::fmt::Write;

use crate::model::Status;
use crate::model::view::Snapshot;

/// The report. Critical is a failure, Unknown an error, a Warning passes with its text in `system-out`, and a check that is
/// muted by a root cause is skipped.
#[must_use]
pub fn junit(snapshot: &Snapshot) -> String {
    let count = |status: Status| snapshot.checks.iter().filter(|v| v.status == status && v.cause().is_none()).count();
    let skipped = snapshot.checks.iter().filter(|view| view.cause().is_some()).count();
    let seconds: f64 = snapshot.checks.iter().filter_map(|v| v.last.as_ref()).map(|l| l.duration.as_secs_f64()).sum();
    let totals = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{skipped}\" time=\"{seconds:.3}\"",
        snapshot.checks.len(),
        count(Status::Critical),
        count(Status::Unknown),
    );
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(text, "<testsuites {totals}>");
    let _ = writeln!(text, "  <testsuite name=\"stratheal\" {totals} timestamp=\"{:.0}\">", snapshot.at);
    for view in &snapshot.checks {
        let time = view.last.as_ref().map_or(0.0, |last| last.duration.as_secs_f64());
        let summary = escape(view.summary());
        let code = view.last.as_ref().map_or("pending", |last| &last.report.code);
        let _ = write!(
            text,
            "    <testcase classname=\"stratheal\" name=\"{}\" time=\"{time:.3}\"",
            escape(view.id.as_str())
        );
        let code = escape(code);
        let _ = match (view.status, view.cause()) {
            (_, Some(root)) => {
                writeln!(text, "><skipped message=\"because of {}\"/></testcase>", escape(root.as_str()))
            }
            (Status::Healthy, _) => writeln!(text, "/>"),
            (Status::Warning, _) => writeln!(text, "><system-out>warning: {summary}</system-out></testcase>"),
            (Status::Critical, _) => writeln!(text, "><failure type=\"{code}\" message=\"{summary}\"/></testcase>"),
            (Status::Unknown, _) => writeln!(text, "><error type=\"{code}\" message=\"{summary}\"/></testcase>"),
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Escapes for XML text and attributes, and leaves out what XML 1.0 cannot hold at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' => escaped.push(' '),
            control if control.is_control() || matches!(control, '\u{fffe}' | '\u{ffff}') => {}
            character => escaped.push(character),
        }
    }
    escaped
}
