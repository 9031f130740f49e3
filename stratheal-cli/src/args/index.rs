//! Options of `index`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PlainFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Serve the index, its mirrors and the cache to others, until Ctrl-C.
    ///
    /// Beyond this machine it wants a token, and TLS or --insecure. Status page at /status, metrics at /metrics.
    Serve(ServeOptions),
    /// Show which index is used, how its members are, and what the cache holds.
    Status(IndexStatusOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Address and port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8091", env = "STRATHEAL_INDEX_LISTEN")]
    pub(crate) listen: SocketAddr,
    /// A file with the token that clients send as the password of a URL, or as a bearer token.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The certificate to serve with, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Serve beyond this machine without TLS: whoever is on the way can read and change everything.
    #[arg(long)]
    pub(crate) insecure: bool,
}

#[derive(Debug, Args)]
pub(crate) struct IndexStatusOptions {
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}
