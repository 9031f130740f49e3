//! Which client a command line starts, how it can be brought to use the gateway, and what it does beside it.
//!
//! Everything here but [`poetry_mirror_plugin`] is a pure function of the command line and the environment. Rules found by experiment
//! with uv 0.13.9, pip 26.3 and poetry 2.5.1:
//!
//! - An empty `PIP_EXTRA_INDEX_URL` or `UV_INDEX` does not override a configuration file. Both are set to the gateway's own URL.
//! - Variables override every configuration file of pip, so `PIP_CONFIG_FILE` stays: certificates and the like in it keep working.
//! - Options on the command line and in requirements files override variables. Such runs use the proxy.
//! - What keeps URLs in a lock must see the canonical ones, and so uses the proxy too. It is told the index that was chosen by the same
//!   variables; those that came from its own configuration it finds there.

mod arguments;
mod change;
mod chosen;
mod client;
mod finding;
mod lock_hosts;
mod no_proxy;
mod plan;
mod poetry;
mod variables;

pub use change::{Change, Environment};
pub use chosen::Chosen;
pub use client::Client;
pub use finding::Bypass;
pub use lock_hosts::hosts_of_lock;
pub(super) use no_proxy::NoProxy;
pub use plan::{ClientPlan, Given, Mode, ModeChoice, plan, plan_with};
pub use poetry::{Plugin, poetry_mirror_plugin};
pub(super) use variables::{Addresses, ProxyAddress, changes};
