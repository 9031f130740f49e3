//! [`EvidenceSource`]: who looks around when something broke.

use std::fmt;

use async_trait::async_trait;

use crate::model::incident::Fact;
use crate::model::view::CheckView;

/// Looks for what may explain a failure, at the time it happens: the last lines of a log, an exit status, what changed.
///
/// # Contract
/// - It changes nothing, and ends within five seconds, or is dropped then.
/// - What it answers holds no secret.
///
/// # Cancellation
/// `gather` may be dropped at any `.await`.
#[async_trait]
pub trait EvidenceSource: fmt::Debug + Send + Sync + 'static {
    /// What there is to say about a check that has just failed. Empty when there is nothing.
    async fn gather(&self, view: &CheckView) -> Found;
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Lines of a log, oldest first.
    pub log: Vec<String>,
    /// Facts.
    pub facts: Vec<Fact>,
}
