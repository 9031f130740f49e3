//! Options of `index`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use stratheal_core::model::quantity::{self, parse_duration};

use super::PlainFormat;

#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Serve the index, its mirrors and the cache to others, until Ctrl-C.
    ///
    /// Beyond this machine it wants a token, and TLS or --insecure. Status page at /status, metrics at /metrics.
    Serve(ServeOptions),
    /// Show which index is used, how its members are, and what the cache holds.
    Status(IndexStatusOptions),
    /// Drop files from the cache: those used longest ago first.
    Prune(PruneOptions),
    /// Write the cache, or what it has of some projects, into one file for a machine without any network.
    Export(ExportOptions),
    /// Take over what another machine exported.
    Import(ImportOptions),
    /// Accept that one file has changed its content under the same name.
    Accept(AcceptOptions),
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
    /// How much the cache may take on disk; what was used longest ago is dropped.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct IndexStatusOptions {
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct PruneOptions {
    /// Until the cache is no larger than this. What was used within the last hour stays: somebody may be about to use it again.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) max_size: Option<u64>,
    /// Everything that has not been used for so long, an hour at least.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) older_than: Option<Duration>,
    /// Everything.
    #[arg(long, conflicts_with_all = ["max_size", "older_than"])]
    pub(crate) all: bool,
    /// Say what would be dropped, and drop nothing.
    #[arg(long)]
    pub(crate) plan: bool,
    /// How it is printed.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExportOptions {
    /// The file to write.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only these projects; by default everything.
    #[arg(value_name = "PROJECT")]
    pub(crate) projects: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportOptions {
    /// The file to read.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct AcceptOptions {
    /// The name of the file, such as `six-1.17.0-py2.py3-none-any.whl`.
    #[arg(value_name = "FILE_NAME")]
    pub(crate) file_name: String,
    /// The SHA-256 of its new content.
    #[arg(value_name = "SHA256")]
    pub(crate) sha256: String,
    /// The source that offers it; by default the default index.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) source: String,
}

fn size(text: &str) -> Result<u64, String> {
    match quantity::parse(text) {
        Ok(size) if matches!(size.unit, stratheal_core::model::Unit::Bytes) && size.value >= 0.0 => {
            Ok(size.value as u64)
        }
        _ => Err("not a size: write for example 512MiB or 20GB".to_owned()),
    }
}
