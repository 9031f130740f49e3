//! What was done, by whom and why: what the audit log holds.

use serde::{Deserialize, Serialize};

use super::attempt::Actor;

/// One deed. It holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// Who.
    pub actor: Actor,
    /// What, as a word for programs: `attempt-started`, `paused`, `approved` ...
    pub action: String,
    /// To what: a check, a service, a path.
    pub subject: String,
    /// Why, for people.
    pub why: String,
    /// By which plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// More, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

impl Deed {
    /// A deed.
    pub fn new(actor: Actor, action: &str, subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            actor,
            action: action.to_owned(),
            subject: subject.into(),
            why: why.into(),
            plan_hash: None,
            outcome: None,
            detail: None,
        }
    }

    /// By this plan.
    #[must_use]
    pub fn plan_hash(mut self, hash: impl Into<String>) -> Self {
        self.plan_hash = Some(hash.into());
        self
    }

    /// With this outcome.
    #[must_use]
    pub fn outcome(mut self, outcome: impl Into<String>) -> Self {
        self.outcome = Some(outcome.into());
        self
    }

    /// With more.
    #[must_use]
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }
}
