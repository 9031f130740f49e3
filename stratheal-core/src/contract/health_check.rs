//! [`HealthCheck`]: one thing that can be measured.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::base::blocking::{BlockingError, BlockingPool};
use crate::base::class::{self, ErrorClass};
use crate::model::view::Execution;
use crate::model::{CheckId, Report, Status};

/// One thing that can be measured: a service, a file, a resource.
///
/// # Contract
/// - [`check`](Self::check) measures once and reports. It holds no schedule, no retries and no thresholds over time: the engine
///   decides when to run, how long a run may take, and how many bad results make a state.
/// - **A bad finding is `Ok`.** `Err` means *could not measure* and becomes `Unknown`, so that a broken check is never taken
///   for a broken target, nor for a healthy one.
/// - The engine never runs the same check twice at the same time. Different checks run concurrently.
/// - What is measured must be read anew in each run; what the run before found is in [`CheckContext::previous`].
///
/// # Cancellation
/// The future is dropped at its deadline or at shutdown, at any `.await`. It must leave nothing behind then: no child process,
/// no temporary file. Code that blocks goes through [`CheckContext::blocking`]; a check that blocks its thread instead is
/// detected within 50 ms, named by `stratheal.self`, and its neighbours are moved to another thread.
///
/// # Panics
/// A panic is caught and becomes `Unknown` with its text.
///
/// # Wrappers
/// [`FnCheck`] makes a check of a closure. `Arc<T>` and `Box<T>` of a check are checks.
///
/// # Example
/// ```
/// use async_trait::async_trait;
/// use stratheal_core::contract::{CheckContext, CheckError, HealthCheck};
/// use stratheal_core::model::{CheckId, Report};
///
/// #[derive(Debug)]
/// struct SpoolEmpty {
///     id: CheckId,
/// }
///
/// #[async_trait]
/// impl HealthCheck for SpoolEmpty {
///     fn id(&self) -> &CheckId {
///         &self.id
///     }
///
///     async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
///         let files = cx
///             .blocking("spool", || std::fs::read_dir(std::env::temp_dir()).map(|entries| entries.count()))
///             .await?
///             .map_err(|error| CheckError::read("the spool folder", error))?;
///         Ok(if files < 1000 { Report::healthy("spool is short") } else { Report::warning("spool is long") })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    note = "for a closure use `FnCheck::new(id, closure)`, where the closure returns a future of `Result<Report, CheckError>`"
)]
#[async_trait]
pub trait HealthCheck: fmt::Debug + Send + Sync + 'static {
    /// The name of the check, unique in one engine; the same at every call.
    fn id(&self) -> &CheckId;

    /// Measures once.
    ///
    /// # Errors
    /// [`CheckError`] when it could not be measured.
    async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError>;

    /// What it uses, so that the engine can bound how many of a kind run at the same time.
    fn kind(&self) -> CheckKind {
        CheckKind::Custom
    }
}

/// What a check uses while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// A socket or more.
    Network,
    /// A child process.
    Command,
    /// Files and counters of this host.
    Host,
    /// The same, of how busy this host is. Whatever is done makes it busier: healing takes that for no damage.
    Load,
    /// Anything else.
    Custom,
}

impl CheckKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Network, Self::Command, Self::Host, Self::Load, Self::Custom];
}

/// What the engine hands to a run.
#[derive(Debug, Clone)]
pub struct CheckContext {
    /// When the run ends in any case. A check may stop earlier by itself to say more than "timed out".
    pub deadline: Instant,
    /// What the run was given, for messages: what is left of it may be less.
    pub timeout: Duration,
    /// What it means when the time is over, for checks that stop by themselves.
    pub on_timeout: Status,
    /// The run before, if there was one.
    pub previous: Option<Arc<Execution>>,
    /// Whether this is a single run outside a monitor, so that nothing measured now can be compared later.
    pub one_shot: bool,
    pool: BlockingPool,
}

impl CheckContext {
    /// A context. The engine makes these; tests of checks use `testing::context`.
    #[must_use]
    pub fn new(deadline: Instant, previous: Option<Arc<Execution>>, one_shot: bool, pool: BlockingPool) -> Self {
        let timeout = deadline.saturating_duration_since(Instant::now());
        Self { deadline, timeout, on_timeout: Status::Critical, previous, one_shot, pool }
    }

    /// Says what the run was given, and what it means when that is over.
    #[must_use]
    pub fn time_limit(mut self, timeout: Duration, on_timeout: Status) -> Self {
        self.timeout = timeout;
        self.on_timeout = on_timeout;
        self
    }

    /// What is left of the run's time.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs code that may block on a thread made for that, until the deadline.
    ///
    /// `key` names what may hang, such as a mount point; while a call with a key has not returned, others with it are refused.
    ///
    /// # Cancellation
    /// The code itself cannot be stopped: its thread is written off and replaced.
    ///
    /// # Errors
    /// [`CheckError::Blocking`] when it took too long, is still stuck from an earlier run, or panicked.
    pub async fn blocking<T, F>(&self, key: &str, work: F) -> Result<T, CheckError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        // A little before the deadline, so that the reason arrives rather than a bare time-out.
        let margin = (self.remaining() / 20).min(Duration::from_millis(100));
        Ok(self.pool.run(key, self.deadline - margin, work).await?)
    }
}

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// Something could not be read.
    #[error("cannot read {what}")]
    Read {
        /// What was to be read.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What was read makes no sense.
    #[error("cannot understand {what}: {problem}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It cannot be measured on this machine at all.
    #[error("{what} cannot be measured here: {why}")]
    Unsupported {
        /// What was to be measured.
        what: String,
        /// What is missing.
        why: String,
    },
    /// Something has to be set before it can be measured.
    #[error("{what} is not set up: {problem}")]
    Setup {
        /// What has to be set.
        what: String,
        /// How it is not.
        problem: String,
    },
    /// Blocking code gave no answer.
    #[error(transparent)]
    Blocking(#[from] BlockingError),
    /// A check written elsewhere tells more than a sentence. Its status is replaced by what `on_error` says.
    #[error("{}", .0.summary)]
    Reported(Box<Report>),
    /// An error of a check written elsewhere.
    #[error("{message}")]
    Other {
        /// What happened.
        message: String,
        /// Its class.
        class: ErrorClass,
        /// What caused it.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl CheckError {
    /// Something could not be read.
    pub fn read(what: impl Into<String>, source: io::Error) -> Self {
        Self::Read { what: what.into(), source }
    }

    /// What was read makes no sense.
    pub fn malformed(what: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), problem: problem.into() }
    }

    /// An error of a check's own.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other { message: message.into(), class: ErrorClass::Transient, source: None }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Read { source, .. } => class::of_io(source),
            Self::Malformed { .. } => ErrorClass::Corrupt,
            Self::Unsupported { .. } | Self::Setup { .. } => ErrorClass::Permanent,
            Self::Blocking(BlockingError::Panicked { .. }) => ErrorClass::Bug,
            Self::Blocking(_) => ErrorClass::TimedOut,
            Self::Reported(_) => ErrorClass::Transient,
            Self::Other { class, .. } => *class,
        }
    }

    /// The stable word for a report's `code`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "cannot-read",
            Self::Malformed { .. } => "malformed",
            Self::Unsupported { .. } => "unsupported",
            Self::Setup { .. } => "not-set-up",
            Self::Blocking(BlockingError::Panicked { .. }) => "panicked",
            Self::Blocking(_) => "stuck",
            Self::Reported(_) | Self::Other { .. } => "cannot-measure",
        }
    }
}

macro_rules! forward {
    ($wrapper:ident) => {
        #[async_trait]
        impl<T: HealthCheck + ?Sized> HealthCheck for $wrapper<T> {
            fn id(&self) -> &CheckId {
                self.as_ref().id()
            }

            async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
                self.as_ref().check(cx).await
            }

            fn kind(&self) -> CheckKind {
                self.as_ref().kind()
            }
        }
    };
}
forward!(Arc);
forward!(Box);

/// A check made of a closure that returns a future.
///
/// ```
/// use stratheal_core::contract::FnCheck;
/// use stratheal_core::model::{CheckId, Report};
/// let check = FnCheck::new(CheckId::new("always").unwrap(), || async { Ok(Report::healthy("fine")) });
/// ```
pub struct FnCheck<F> {
    id: CheckId,
    function: F,
}

impl<F, Fut> FnCheck<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Report, CheckError>> + Send,
{
    /// A check with this name that calls `function` in each run.
    pub const fn new(id: CheckId, function: F) -> Self {
        Self { id, function }
    }
}

impl<F> fmt::Debug for FnCheck<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnCheck").field("id", &self.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl<F, Fut> HealthCheck for FnCheck<F>
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Report, CheckError>> + Send,
{
    fn id(&self) -> &CheckId {
        &self.id
    }

    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        (self.function)().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object_safe(_: &dyn HealthCheck) {}

    #[test]
    fn is_object_safe_and_wraps() {
        let check = FnCheck::new(CheckId::new("a").unwrap(), || async { Ok(Report::healthy("fine")) });
        let shared: Arc<dyn HealthCheck> = Arc::new(check);
        object_safe(&shared);
        object_safe(&Box::new(shared.clone()));
        assert_eq!(shared.id().as_str(), "a");
    }
}
