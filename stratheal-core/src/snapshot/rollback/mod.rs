//! The way back: what has to be done is planned, built beside, looked at, and switched in as one step.

mod build;
mod durable;
mod edits;
mod holes;
mod interpreter;
mod options;
mod plan;
mod run;
mod running;
mod source;

pub(super) use edits::{Changes, Edits, Side};
pub(super) use interpreter::{changed_python, starts};
pub use options::{RollbackOptions, RolledBack};
pub use plan::RollbackPlan;
pub(super) use plan::{Recipe, Selection};
pub(super) use run::{Built, Returned, Returning};
pub(super) use running::running_notes;
