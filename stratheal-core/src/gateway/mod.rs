//! The fetcher as a server: a loopback Simple API for every installer, and a proxy for those that write URLs into locks.
//!
//! [`plan`] says which client a command line starts and how it is brought to use the gateway; [`Gateway`] starts one;
//! [`Running::child_environment`] says what the client's environment has to be.

mod accept;
mod access;
mod body;
mod builder;
mod environment;
mod files;
mod fitting;
mod origin;
mod pages;
mod patience;
mod places;
mod problem;
mod proxy;
mod range;
mod remembered;
mod rendered;
mod report;
mod route;
mod running;
mod server;
mod service;
mod status;
mod tally;
#[cfg(test)]
mod test_origin;
#[cfg(test)]
mod tests;

pub use access::AccessToken;
pub use builder::{Gateway, GatewayBuilder, GatewayError};
pub use environment::{
    Bypass, Change, Chosen, Client, ClientPlan, Environment, Given, Mode, ModeChoice, Plugin, hosts_of_lock, plan,
    plan_with, poetry_mirror_plugin,
};
pub use remembered::SECRET_FILE;
pub use report::{MemberReport, Report};
pub use running::Running;
