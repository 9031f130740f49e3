//! The installer engine: the environment that was asked for, whole, or the old one untouched.
//!
//! What is wanted ([`requirement`]) becomes a lock of files with hashes ([`lock`]); the files become the next environment, which is
//! built beside the current one, checked, and switched in as one step.

mod ahead;
mod build;
mod cause;
pub(crate) mod change;
mod check;
mod closure;
mod document;
mod engine;
mod environment;
mod error;
mod event;
mod former;
mod guarded;
mod install;
mod installed;
pub mod lock;
pub(crate) mod origin;
mod plan;
mod prepare;
mod python;
mod repair;
mod request;
pub mod requirement;
mod resolve;
mod restart;
mod satisfied;
mod scratch;
pub(crate) mod stage;
pub(crate) mod switch;
#[cfg(test)]
mod threads;
mod unpack;
pub(crate) mod verify;
mod wheel;
mod wheels;

pub use build::{BuildFailure, BuildSettings, Buildable, Source};
#[cfg(feature = "snapshot")]
pub(crate) use change::OWN;
pub use change::{Applied, Change, How, Moment};
pub use check::EnvironmentWhole;
pub use engine::{Installer, InstallerBuilder, LockChoice, Outcome};
pub use environment::Environment;
#[cfg(feature = "snapshot")]
pub(crate) use environment::real;
pub use error::{FileConflict, InstallError};
pub use event::InstallEvent;
#[cfg(feature = "snapshot")]
pub(crate) use install::StopWhenDropped;
pub use installed::{Distribution, Installed, NotADistribution};
pub use plan::{Action, Actions, PlanOptions};
pub use prepare::{FileSource, WantedWheel, WheelSource};
pub use python::{Compatibility, Interpreter, InterpreterError, KnownInterpreters, Libc, PyvenvCfg, Scheme};
pub use repair::{Mended, PlannedRepair, RepairOptions, RepairPlan, RepairSource, Repaired, Unmended};
pub use request::{Input, InstallRequest, Planned};
pub use resolve::{
    BuildFrom, BuildRequest, Engine, EngineChoice, EngineFailure, Pip, Resolution, ResolveError, ResolveOptions,
    ResolveRequest, Uv,
};
pub use stage::Addition;
pub use switch::{Holder, Recovered};
pub use verify::{Finding, Problem, Remedy, Right, Severity, Shared, Subject, Verified, VerifyOptions};
pub use wheel::{
    CoreFields, EntryPoint, InvalidEntryPoints, InvalidMetadata, WheelError, parse_entry_points, parse_metadata,
};
