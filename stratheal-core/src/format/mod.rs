//! What the engine knows, written for others to read: people, scripts, plugins' callers, test reports, scrapers.
//!
//! Pure functions from a [`Snapshot`](crate::model::view::Snapshot) to text.

mod health_json;
mod human;
mod json;
mod junit;
mod nagios;
mod prometheus;
mod time_report;

pub use health_json::{check_health_json, health_json};
pub use human::{Style, human, line, transition_line};
pub use json::json;
pub use junit::junit;
pub use nagios::nagios;
pub use prometheus::{Exposition, metrics};
pub use time_report::{CheckTime, LONGEST, TimeReport, time_report};
