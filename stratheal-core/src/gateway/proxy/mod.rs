//! The proxy: the hosts of the chain are answered under their own URLs, all others are tunnelled untouched.
//!
//! What a client writes into its lock is the URL it asked for. So a client that keeps URLs asks the canonical ones, and reaches the
//! gateway as its HTTP proxy. For `https:` the proxy has a certificate authority that is made for one run: its key exists in memory
//! only, it can vouch for the hosts of the chain only, and nobody but the child is told to trust it.

mod answer;
mod authority;
mod bundle;
mod canonical;
mod guess;
mod hosts;
mod pass;
mod tunnel;

pub(super) use answer::{Proxy, ProxySettings};
pub(super) use hosts::Host;
