//! Every public trait, each beside its error: what others implement and the engine calls.

pub mod environment_guard;
pub mod evidence;
pub mod health_check;
pub mod history;
pub mod notifier;
pub mod remedy;

pub use environment_guard::{EnvironmentChange, EnvironmentGuard, GuardError};
pub use evidence::{EvidenceSource, Found};
pub use health_check::{CheckContext, CheckError, CheckKind, FnCheck, HealthCheck};
pub use history::{History, HistoryError};
pub use notifier::{Notifier, NotifyError};
pub use remedy::{Remedy, RemedyContext, RemedyError};
