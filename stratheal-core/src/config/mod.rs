//! `stratheal.toml`: load, validate, build.
//!
//! The file is read by hand from its syntax tree rather than into structs, so that all mistakes are reported in one go, each with
//! its line, its column, its key and what to write instead. The [`fields`](Field) that are read are also what unknown keys are
//! compared with and what the JSON schema is made of, so these cannot differ.

mod checks;
mod field;
mod given;
mod heal;
mod index;
mod init;
mod kinds;
mod load;
mod node;
mod notify;
mod overlay;
mod problem;
mod reader;
mod remedies;
mod schema;
mod services;
mod settings;
mod snapshots;

pub use field::{Field, Kind};
pub use given::{CheckSettings, check_settings, given, given_check, given_policy};
pub use heal::HealSettings;
pub use index::{IndexSettings, MirrorSettings, SourceSettings};
pub use init::{Detected, ListeningPort, init};
pub use load::{Lookup, Source, find, load, parse};
pub use notify::{NotifierSettings, NotifierWay, WatchdogSettings};
pub use problem::{ConfigError, Problem};
pub use remedies::{OwnRemedy, RemedySettings};
pub use schema::schema;
pub use services::ServiceSettings;
pub use settings::{Config, EndpointSettings, HistorySettings, ProjectSettings};
pub use snapshots::SnapshotSettings;

#[cfg(test)]
mod tests;
