//! The fetcher as a server: a loopback Simple API for every installer, and a proxy for those that write URLs into locks.

mod access;
mod environment;
mod range;
mod route;

pub use access::AccessToken;
pub use environment::{
    Bypass, Change, Client, ClientPlan, Environment, Given, Mode, ModeChoice, Plugin, hosts_of_lock, plan, plan_with,
    poetry_mirror_plugin,
};
