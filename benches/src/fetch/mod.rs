//! Fetching beside its peers: pip and uv as they are and through the gateway, and other caching index servers.
//!
//! Index servers of this very process misbehave as they are told and write down what they served. Everything is on loopback.

pub mod client;
pub mod content;
pub mod faults;
pub mod http;
pub mod install;
pub mod kill;
pub mod memory;
pub mod peers;
pub mod place;
pub mod report;
pub mod run;
pub mod serve;
pub mod settings;
