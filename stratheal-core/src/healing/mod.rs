//! Healing: from a failing check to a proven recovery, within limits, and all of it on record.
//!
//! # How it works
//! One task, the healer, looks at what the engine says. From that follow *incidents*, one for each root cause (`reconcile`), and from
//! an incident and its [policy](HealPolicy) which rung of the ladder is next (`ladder`). Whether it may begin now is asked of a row of
//! gates (`admission`), when it is planned and again with the plan in hand. What is about to be done is in the
//! [journal](crate::journal) before it is done; the [attempt](crate::model::attempt) then goes its way in a task of its own
//! (`work`): steps, verification by the check that failed, probation, and the way back when it did not help. What a crash leaves
//! half-done is looked at, and finished or taken back.
//!
//! Everything that decides is pure and takes the time as an argument: `ladder`, `admission`, `limits`, `ledger`, `message`.
//! This layer knows the traits of [`contract`](crate::contract) only, never a concrete remedy.

mod admission;
mod begin;
mod builder;
mod commands;
pub mod files;
mod finish;
mod guarded;
mod handle;
mod healer;
mod ladder;
mod ledger;
mod limits;
mod message;
mod plan_hash;
mod policy;
mod reconcile;
mod store;
mod telling;
mod verify;
mod work;

pub use admission::{Answer, Gate};
pub use builder::{Acts, HealerBuilder, Hold, Setup, Tell};
pub use handle::{HealError, HealerHandle, HealingView, Prospect, RemedyView, RungView};
pub use ledger::{EndedAttempt, HealingPause, PendingApproval};
pub use plan_hash::plan_hash;
pub use policy::{Approval, AttemptBackOff, GlobalLimits, HealPolicy, Intensity, Rung, Verification};
pub use store::{Store, StoreError};
