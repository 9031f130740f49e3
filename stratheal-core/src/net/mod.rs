//! The transport of network checks: one new connection for each run, every phase of it timed.
//!
//! HTTP/1.1 over hyper, TLS over rustls with the ring provider. There is no pool, because a check that reuses a connection
//! does not notice that new ones fail; there are no proxies, because a check must reach its target and nothing else; and no
//! task is spawned, so that dropping the future closes the socket.

mod certificate;
mod connect;
mod error;
mod http;
mod progress;
mod redirect;
mod stream;
mod target;
mod tls;

#[cfg(test)]
pub(crate) mod test_server;

pub use certificate::Validity;
pub use error::NetError;
pub use http::{Answer, exchange};
pub use progress::{Phase, Progress};
pub use redirect::{Redirect, redirect};
pub use stream::Stream;
pub use target::Target;
pub use tls::{InvalidTls, Tls, TlsOptions, TlsVersion};
