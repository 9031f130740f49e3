//! [`Record`]: what a caller says; made fit for the log here.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AuditError;
use crate::base::redact::safe_text;
use crate::model::report::cut;

/// Whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// The engine, by itself.
    Engine,
    /// A person, through the control socket or the command line.
    Person,
    /// The process that keeps the services.
    Keeper,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// Its name, such as that of the user.
    pub name: String,
}

impl Actor {
    /// An actor with a name.
    pub fn new(kind: ActorKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// The log itself.
    pub(super) fn log() -> Self {
        Self::new(ActorKind::Engine, "audit")
    }
}

/// What is to be written down. The caller leaves secrets out; URLs and what looks like a password are masked besides, and texts that
/// are too long are cut.
///
/// ```
/// use stratheal_core::audit::{Actor, ActorKind, Record};
/// let actor = Actor::new(ActorKind::Engine, "engine");
/// let record = Record::new(jiff::Timestamp::UNIX_EPOCH, actor, "attempt-started", "service/api").why("three failures in a row");
/// assert_eq!(record.action, "attempt-started");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What: a word such as `attempt-started`.
    pub action: String,
    /// To what: a check, a service or a path.
    pub subject: String,
    /// Why.
    pub why: String,
    /// The hash of the plan that was carried out.
    pub plan_hash: Option<String>,
    /// What came of it.
    pub outcome: Option<String>,
    /// More facts.
    pub detail: Map<String, Value>,
}

impl Record {
    /// The most bytes of an action and of a hash of a plan.
    pub const MAX_WORD: usize = 128;
    /// The most bytes of a subject and of the name of an actor.
    pub const MAX_SUBJECT: usize = 512;
    /// The most bytes of a reason and of an outcome.
    pub const MAX_TEXT: usize = 2048;
    /// The most bytes of the detail as JSON.
    pub const MAX_DETAIL: usize = 8 * 1024;
    /// How deep the detail may be nested; a reader would give up at 128.
    const MAX_DEPTH: usize = 32;

    /// A record of something done.
    pub fn new(at: Timestamp, actor: Actor, action: impl Into<String>, subject: impl Into<String>) -> Self {
        let (action, subject) = (action.into(), subject.into());
        Self { at, actor, action, subject, why: String::new(), plan_hash: None, outcome: None, detail: Map::new() }
    }

    /// Says why.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Says by which plan.
    #[must_use]
    pub fn plan_hash(mut self, hash: impl Into<String>) -> Self {
        self.plan_hash = Some(hash.into());
        self
    }

    /// Says what came of it.
    #[must_use]
    pub fn outcome(mut self, outcome: impl Into<String>) -> Self {
        self.outcome = Some(outcome.into());
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn detail(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.detail.insert(name.into(), value.into());
        self
    }

    /// Masks, cuts, and refuses what is no word.
    pub(super) fn fit(mut self) -> Result<Self, AuditError> {
        let is_word = !self.action.is_empty()
            && self.action.len() <= Self::MAX_WORD
            && self.action.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_word || OWN_ACTIONS.contains(&self.action.as_str()) {
            return Err(AuditError::Action { action: cut(&self.action, Self::MAX_WORD) });
        }
        self.actor.name = cut(&self.actor.name, Self::MAX_SUBJECT);
        self.subject = cut(&safe_text(&self.subject), Self::MAX_SUBJECT);
        self.why = cut(&safe_text(&self.why), Self::MAX_TEXT);
        self.plan_hash = self.plan_hash.map(|hash| cut(&hash, Self::MAX_WORD));
        self.outcome = self.outcome.map(|outcome| cut(&safe_text(&outcome), Self::MAX_TEXT));
        let mut detail = Value::Object(std::mem::take(&mut self.detail));
        let is_flat = mask(&mut detail, Self::MAX_DEPTH);
        self.detail = match detail {
            Value::Object(detail) if is_flat && is_short(&detail) => detail,
            _ => {
                let why = format!("more than {} bytes or {} levels", Self::MAX_DETAIL, Self::MAX_DEPTH);
                Map::from_iter([("left_out".to_owned(), why.into())])
            }
        };
        Ok(self)
    }
}

/// What only the log itself writes.
pub(super) const BEGUN: &str = "segment-begun";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const SET_ASIDE: &str = "line-set-aside";
pub(super) const MISSING: &str = "records-missing";
pub(super) const DAMAGED: &str = "damage-found";
const OWN_ACTIONS: &[&str] = &[BEGUN, CHECKPOINT, SET_ASIDE, MISSING, DAMAGED];

fn is_short(detail: &Map<String, Value>) -> bool {
    serde_json::to_vec(detail).is_ok_and(|text| text.len() <= Record::MAX_DETAIL)
}

/// Masks the texts of a value; `false` when it is nested deeper than this.
fn mask(value: &mut Value, levels: usize) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return false };
    match value {
        Value::String(text) => {
            // What is too long is left out anyway, and need not be searched.
            if text.len() <= Record::MAX_DETAIL {
                *text = safe_text(text);
            }
            true
        }
        Value::Array(items) => items.iter_mut().all(|item| mask(item, levels)),
        Value::Object(fields) => fields.values_mut().all(|field| mask(field, levels)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(action: &str) -> Record {
        Record::new(Timestamp::UNIX_EPOCH, Actor::log(), action, "x")
    }

    #[test]
    fn actions_are_words_of_the_caller() {
        for (action, is_good) in
            [("attempt-started", true), ("a1", true), ("", false), ("A", false), ("a b", false), ("checkpoint", false)]
        {
            assert_eq!(record(action).fit().is_ok(), is_good, "{action:?}");
        }
    }

    #[test]
    fn a_flood_is_cut_and_secrets_are_masked() {
        let deep = (0..1000).fold(Value::Null, |value, _| Value::Array(vec![value]));
        for detail in [Value::from("x".repeat(10_000)), deep] {
            let fit = record("a").detail("a", detail).fit().unwrap();
            assert!(fit.detail.contains_key("left_out"));
        }
        let fit = record("a").why("https://me:pw@host/?k=secret1 ".repeat(1000)).detail("url", vec!["http://a:pw@b"]);
        let fit = fit.fit().unwrap();
        assert!(fit.why.len() <= Record::MAX_TEXT && !fit.why.contains("pw") && !fit.why.contains("secret1"));
        assert_eq!(fit.detail["url"][0], "http://***@b");
    }
}
