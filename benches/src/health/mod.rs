//! The health engine beside its peers: the same targets, the same load, one table.
//!
//! Each monitor runs alone in a process of its own against targets that note when they were asked, so that no monitor is believed
//! what it says about itself. See [`lateness`] for what counts as late, [`trial`] for what is measured when, and the file of each
//! monitor for how it is set up.

pub mod arrivals;
pub mod blackbox;
pub mod command_targets;
pub mod failures;
pub mod http_targets;
pub mod lateness;
pub mod monit;
pub mod monitor;
pub mod report;
pub mod scenario;
pub mod scraper;
pub mod settings;
pub mod simplemonitor;
pub mod stratheal;
pub mod stratheal_up;
pub mod trial;
