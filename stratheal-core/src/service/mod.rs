//! Services: programs that shall run, started in order, watched, and stopped for certain.
//!
//! Children belong to the *keeper*, a small process that outlives the engine: it owns their output and their exit statuses, so an
//! engine that crashes or is replaced finds everything as it left it. The *executor* is what a child is before it becomes its program.
//! The *supervisor* lives in the engine's process and decides what shall run. Units of systemd, and programs that come with commands
//! to start and stop them, stand behind the same handle.
//!
//! What has ended is not started again here: that is for whoever heals. `state` holds what a service can be in and what follows from
//! what; nothing else decides.

mod cgroup;
pub mod check;
mod children;
mod connection;
mod digest;
mod ending;
mod executor;
pub mod init;
pub mod keeper;
pub mod logs;
mod order;
mod outside;
mod protocol;
mod signal;
mod spec;
mod state;
mod supervisor;
mod tree;
pub(crate) mod user;
mod while_running;
mod wire;

pub use check::ServiceAlive;
pub use ending::{Ending, How as EndedHow};
pub use keeper::KeeperProgram;
pub use signal::{InvalidSignal, StopSignal};
pub use spec::{Commands, How, Limits, LogPolicy, Ready, ServiceSpec, SpecError, UnitManager, Whom};
pub use state::{ServiceState, StoppedBy};
pub use supervisor::{
    Applied, ReadinessProbe, ServiceError, ServiceEvent, ServiceView, Services, ServicesHandle, Shutdown, What,
};
pub use while_running::WhileRunning;
