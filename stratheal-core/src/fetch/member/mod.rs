//! The places where a source is served, and how each of them is doing.
//!
//! Pages and files of one member are kept apart, because a mirror that lost its files may still have its pages; what happens on the
//! way to an origin (no lookup, no connection, no TLS) counts for both. Choosing and hedging are pure functions of views.

mod choose;
mod hedge;
mod latency;
mod pace;
mod patience;
mod registry;
mod score;
mod state;
mod view;

pub(crate) use choose::choose;
pub(crate) use hedge::{LATE_AFTER, hedge_after};
pub(crate) use registry::Members;
pub(crate) use state::{MemberState, Purpose, Turn};
pub use view::MemberStatus;
pub(crate) use view::MemberView;
