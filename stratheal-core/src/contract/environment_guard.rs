//! [`EnvironmentGuard`]: who keeps what an environment was before it is changed.

use std::fmt;
use std::path::PathBuf;

/// Told before and after each change of an environment, such as an installation or a repair.
///
/// # Contract
/// - Both methods block, are called with the environment's lock held, and must not take it. They are called on a thread that may block.
/// - Nothing may be changed in the environment.
/// - An error does not keep the change from being made: it is told as a note. A program that would rather change nothing makes its
///   snapshot itself, first.
///
/// # Example
/// ```
/// use std::sync::Mutex;
/// use stratheal_core::contract::{EnvironmentChange, EnvironmentGuard, GuardError};
///
/// #[derive(Debug, Default)]
/// struct Diary(Mutex<Vec<String>>);
///
/// impl EnvironmentGuard for Diary {
///     fn before(&self, _change: &EnvironmentChange) -> Result<Option<u64>, GuardError> {
///         Ok(None)
///     }
///     fn after(&self, change: &EnvironmentChange, _before: Option<u64>) -> Result<Option<u64>, GuardError> {
///         self.0.lock().map_err(|error| GuardError::new(error.to_string()))?.push(change.what.clone());
///         Ok(None)
///     }
/// }
/// ```
pub trait EnvironmentGuard: fmt::Debug + Send + Sync + 'static {
    /// Something is about to change. Answers the number of what was kept, if anything was.
    ///
    /// # Errors
    /// [`GuardError`] when it could not be kept.
    fn before(&self, change: &EnvironmentChange) -> Result<Option<u64>, GuardError>;

    /// It has changed. `before` is what [`before`](Self::before) answered; `None` also where there was no environment.
    ///
    /// # Errors
    /// [`GuardError`] when it could not be kept.
    fn after(&self, change: &EnvironmentChange, before: Option<u64>) -> Result<Option<u64>, GuardError>;
}

/// A change of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnvironmentChange {
    /// The environment, by its real path.
    pub root: PathBuf,
    /// What is done, for people, such as `install flask 3.1.3`.
    pub what: String,
}

impl EnvironmentChange {
    /// A change.
    #[must_use]
    pub const fn new(root: PathBuf, what: String) -> Self {
        Self { root, what }
    }
}

/// Why something could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("what the environment was could not be kept")]
pub struct GuardError {
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl GuardError {
    /// With the reason.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}
