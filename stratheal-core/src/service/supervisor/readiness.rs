//! Whether a service is ready, as a check says.

use std::fmt;

use async_trait::async_trait;

use crate::engine::EngineHandle;
use crate::model::{CheckId, Status};

/// Runs a check now and tells whether it passes.
#[async_trait]
pub trait ReadinessProbe: fmt::Debug + Send + Sync + 'static {
    /// Whether the check passes. It is asked several times a second while a service starts, and never twice at the same time for one.
    ///
    /// # Cancellation
    /// The future is dropped when the service ends or is stopped.
    async fn is_ready(&self, check: &CheckId) -> bool;
}

#[async_trait]
impl ReadinessProbe for EngineHandle {
    /// Ready is what is not failing: a warning is no reason to wait.
    async fn is_ready(&self, check: &CheckId) -> bool {
        match self.run_now(check.as_str()).await {
            Ok(view) => {
                let last = view.last.as_ref();
                last.is_some_and(|run| matches!(run.report.status, Status::Healthy | Status::Warning))
            }
            Err(error) => {
                tracing::debug!(%check, %error, "cannot ask whether a service is ready");
                false
            }
        }
    }
}
