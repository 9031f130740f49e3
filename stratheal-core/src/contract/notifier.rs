//! [`Notifier`]: one way to tell people something.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::base::class::ErrorClass;
use crate::model::notification::Notification;

/// One way to tell people something: a program, a web hook, a chat.
///
/// # Contract
/// - `Ok` means that the other side has taken it. What is not taken is tried again later, so the same
///   [`Notification::id`] may come twice.
/// - It ends within half a minute by itself, or is dropped then.
/// - No secret of its own stands in an error.
///
/// # Cancellation
/// `notify` may be dropped at any `.await`; the message is tried again later.
///
/// # Example
/// ```
/// use async_trait::async_trait;
/// use stratheal_core::contract::{Notifier, NotifyError};
/// use stratheal_core::model::notification::Notification;
///
/// #[derive(Debug)]
/// struct Log;
///
/// #[async_trait]
/// impl Notifier for Log {
///     fn name(&self) -> &str {
///         "log"
///     }
///     async fn notify(&self, message: &Notification) -> Result<(), NotifyError> {
///         tracing::warn!(kind = message.kind.as_str(), title = message.title);
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Notifier: fmt::Debug + Send + Sync + 'static {
    /// A name for logs and for the journal; the same at every call.
    fn name(&self) -> &str;

    /// Delivers one message.
    ///
    /// # Errors
    /// [`NotifyError`] when it was not taken.
    async fn notify(&self, message: &Notification) -> Result<(), NotifyError>;
}

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
#[error("`{notifier}` did not take the message: {why}")]
pub struct NotifyError {
    /// The notifier.
    pub notifier: String,
    /// What happened.
    pub why: String,
    /// Whether trying again can help: [`ErrorClass::Transient`] and [`ErrorClass::TimedOut`] are tried again.
    pub class: ErrorClass,
    /// How long the other side wants to be left alone, if it said so.
    pub retry_after: Option<Duration>,
}

impl NotifyError {
    /// With the reason.
    pub fn new(notifier: impl Into<String>, class: ErrorClass, why: impl fmt::Display) -> Self {
        Self { notifier: notifier.into(), why: why.to_string(), class, retry_after: None }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        self.class
    }
}
