//! The supervisor: it knows what shall run, and sees to it.
//!
//! It lives in the engine's process as one task. Readers look at a swappable cell and never wait for it.

mod actor;
mod adopt;
mod applying;
mod dependencies;
mod entry;
mod error;
mod event;
mod handle;
mod inside;
mod launching;
mod leaving;
mod news;
mod orders;
mod ports;
mod readiness;
mod remembered;
mod view;
mod watching;

pub use error::ServiceError;
pub use event::{ServiceEvent, What};
pub use handle::{Applied, Services, ServicesHandle, Shutdown};
pub use readiness::ReadinessProbe;
pub use view::ServiceView;
