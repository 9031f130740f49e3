//! Services and healing beside process supervisors: the same server, the same troubles, one table.
//!
//! Whoever looks after the server is believed nothing: the server says by its answers which process it is, and a file is read to see
//! whether it is whole. Only what cannot be seen from outside, such as when something was known, is taken from the incidents on record.

mod attempt;
mod comeback;
mod environment;
mod figures;
mod incidents;
mod leftovers;
mod monit;
mod ours;
mod project;
pub mod report;
pub mod server;
mod service;
pub mod settings;
mod supervisor;
mod supervisord;
mod thousand;
mod watched;
