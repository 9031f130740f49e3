//! The words of the domain as plain data: what was measured, what it means, what happened.

pub mod aggregate;
pub mod attempt;
pub mod event;
pub mod id;
pub mod incident;
pub mod metric;
pub mod notification;
pub mod perfdata;
pub mod plan;
mod proof;
pub mod quantity;
pub mod range;
pub mod report;
pub(crate) mod seconds;
pub mod spec;
pub mod status;
pub mod view;
pub mod window;

pub use id::{CheckId, InvalidId, RemedyId, ServiceId};
pub use metric::{Metric, Unit};
pub use range::Range;
pub use report::{Hint, Report};
pub use spec::{CheckSpec, Dependency, GatePolicy, Probe};
pub use status::Status;
