//! What was found.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::model::Status;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at: `interpreter`, `index`, `disk` ...
    pub topic: &'static str,
    /// How it is.
    pub status: Status,
    /// What was found, as a fragment.
    pub summary: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The facts behind it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
}

impl Finding {
    /// A finding that asks for nothing.
    #[must_use]
    pub fn healthy(topic: &'static str, summary: impl Into<String>) -> Self {
        Self { topic, status: Status::Healthy, summary: summary.into(), next: None, facts: Map::new() }
    }

    /// A finding that somebody should do something about.
    #[must_use]
    pub fn bad(topic: &'static str, status: Status, summary: impl Into<String>, next: impl Into<String>) -> Self {
        Self { status, next: Some(next.into()), ..Self::healthy(topic, summary) }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// All findings.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Diagnosis {
    /// What was found, in the order in which it was looked at.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The worst status: Critical before Warning before Unknown.
    #[must_use]
    pub fn status(&self) -> Status {
        const WORST_FIRST: [Status; 3] = [Status::Critical, Status::Warning, Status::Unknown];
        let found = |status: &Status| self.findings.iter().any(|finding| finding.status == *status);
        WORST_FIRST.into_iter().find(found).unwrap_or(Status::Healthy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_one_counts() {
        let mut diagnosis = Diagnosis::default();
        assert_eq!(diagnosis.status(), Status::Healthy);
        for (status, worst) in [
            (Status::Healthy, Status::Healthy),
            (Status::Unknown, Status::Unknown),
            (Status::Warning, Status::Warning),
            (Status::Critical, Status::Critical),
            (Status::Unknown, Status::Critical),
        ] {
            diagnosis.findings.push(Finding::bad("disk", status, "full", "make room"));
            assert_eq!(diagnosis.status(), worst);
        }
    }
}
