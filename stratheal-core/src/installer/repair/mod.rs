//! Putting back what is damaged: single files, from the wheels they came from.
//!
//! A file is made ready beside the environment and takes its place by a rename, so that nobody sees half of it, nothing is written through a
//! link, and a file that other environments share stays as it is for them. Nothing that is installed is run.

mod job;
mod mend;
mod mode;
mod put;
mod repaired;
mod run;

pub use repaired::{Mended, PlannedRepair, RepairOptions, RepairPlan, RepairSource, Repaired, Unmended};
