//! `application/health+json`, draft-inadarei-api-health-check-06.
//!
//! The draft knows `pass`, `warn` and `fail`. Unknown has no word there: it is written as `warn` with `x-status`, so that nobody
//! takes it for a pass.

use serde_json::{Map, Value, json};

use crate::model::view::{CheckView, Snapshot};
use crate::model::{Metric, Status, Unit};

/// The whole document. Without `details` it holds the aggregate status alone.
#[must_use]
pub fn health_json(snapshot: &Snapshot, details: bool) -> Value {
    let mut document = top(snapshot.status);
    if details {
        let mut checks = Map::new();
        for view in &snapshot.checks {
            for (key, entry) in entries(view) {
                let list = checks.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(list) = list {
                    list.push(entry);
                }
            }
        }
        document.insert("checks".to_owned(), Value::Object(checks));
    }
    Value::Object(document)
}

/// The document of one check.
#[must_use]
pub fn check_health_json(view: &CheckView, details: bool) -> Value {
    let mut document = top(view.impact());
    if details {
        if view.status != Status::Healthy {
            document.insert("output".to_owned(), view.summary().into());
        }
        let checks: Map<_, _> = entries(view).into_iter().map(|(key, entry)| (key, json!([entry]))).collect();
        document.insert("checks".to_owned(), Value::Object(checks));
    }
    Value::Object(document)
}

fn top(status: Status) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("status".to_owned(), word(status).into());
    if status == Status::Unknown {
        document.insert("x-status".to_owned(), "unknown".into());
    }
    document
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "pass",
        Status::Warning | Status::Unknown => "warn",
        Status::Critical => "fail",
    }
}

/// One entry for each metric, named `check:metric`; one named like the check when there is none.
fn entries(view: &CheckView) -> Vec<(String, Value)> {
    let entry = |metric: Option<&Metric>| {
        let mut entry = top(view.status);
        entry.insert("componentId".to_owned(), view.id.as_str().into());
        if let Some(metric) = metric {
            entry.insert("observedValue".to_owned(), json!(metric.value));
            entry.insert("observedUnit".to_owned(), unit(&metric.unit).into());
        }
        if let Some(last) = &view.last {
            entry.insert("time".to_owned(), format!("{:.3}", last.started).into());
            if view.status != Status::Healthy {
                entry.insert("output".to_owned(), last.report.summary.as_ref().into());
            }
        }
        if let Some(root) = view.cause() {
            entry.insert("x-cause".to_owned(), root.as_str().into());
        }
        Value::Object(entry)
    };
    let metrics = view.last.as_ref().map_or(&[][..], |last| &last.report.metrics);
    if metrics.is_empty() {
        return vec![(view.id.to_string(), entry(None))];
    }
    metrics.iter().map(|metric| (format!("{}:{}", view.id, metric.name), entry(Some(metric)))).collect()
}

fn unit(unit: &Unit) -> &str {
    match unit {
        Unit::Number | Unit::Counter => "1",
        Unit::Seconds => "s",
        Unit::Percent => "percent",
        Unit::Bytes => "byte",
        Unit::Other(other) => other,
    }
}
