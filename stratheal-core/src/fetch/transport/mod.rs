//! One request and its answer: HTTP/1.1 over reqwest, with limits on everything.
//!
//! Nothing is retried and nobody is chosen here. HTTP/1.1 on purpose: with it, each request that runs beside others has a connection
//! of its own, which is what hedges and ranges are for.

mod answer;
mod ask;
mod client;
mod problem;
mod resolver;
mod settings;
mod trust;
mod unpack;

#[cfg(test)]
mod tests;

pub(crate) use answer::{Answer, Body};
pub(crate) use ask::{Ask, Encoding};
pub(crate) use client::Transport;
pub use settings::{Credentials, InvalidTransport, Login, Proxies, TransportSettings, TrustedCertificates};
