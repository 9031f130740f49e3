//! Where to connect to: a host and a port, resolved anew in each run.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use super::{NetError, Phase, Progress};
use crate::base::blocking::BlockingError;
use crate::base::single_flight::{Flight, Flights};
use crate::contract::{CheckContext, CheckError};

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Shared by all, because the error is not `Clone`.
type Lookup = Result<Arc<[IpAddr]>, Arc<io::Error>>;

static LOOKUPS: Flights<Lookup> = Flights::new();

/// A host and a port.
///
/// An IP address is used as it is. A name is looked up with the system's `getaddrinfo`, so that it means here what it
/// means to every other program of this host.
#[derive(Clone)]
pub struct Target {
    host: Host,
    port: u16,
    shown: String,
}

#[derive(Clone)]
enum Host {
    Address(IpAddr),
    Name { name: String, lookup: Arc<Flight<Lookup>> },
}

impl Target {
    /// A target. `host` is a name, an IPv4 address, or an IPv6 address with or without brackets.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse::<IpAddr>() {
            Ok(address) => {
                Self { host: Host::Address(address), port, shown: SocketAddr::new(address, port).to_string() }
            }
            Err(_) => Self {
                host: Host::Name { name: bare.to_owned(), lookup: LOOKUPS.get(bare) },
                port,
                shown: format!("{host}:{port}"),
            },
        }
    }

    /// The name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        match &self.host {
            Host::Address(address) => address.to_string(),
            Host::Name { name, .. } => name.clone(),
        }
    }

    /// The addresses of the target, at least one.
    ///
    /// # Cancellation
    /// A lookup that hangs keeps its thread, which is written off and replaced.
    ///
    /// # Errors
    /// [`NetError::Lookup`] and [`NetError::LookupStuck`], and [`NetError::Local`] when there is no thread left.
    pub async fn addresses(&self, cx: &CheckContext, progress: &mut Progress) -> Result<Vec<SocketAddr>, NetError> {
        let (name, lookup) = match &self.host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, self.port)]),
            Host::Name { name, lookup } => (name, lookup),
        };
        progress.enter(Phase::Lookup, tokio::time::Instant::now());
        let work = async {
            let asked = name.clone();
            cx.blocking(&format!("lookup of {name}"), move || resolve(&asked).map_err(Arc::new)).await
        };
        match lookup.run(work).await {
            Ok(Ok(addresses)) => Ok(addresses.iter().map(|address| SocketAddr::new(*address, self.port)).collect()),
            Ok(Err(error)) => {
                Err(NetError::of_io(copy(&error), |source| NetError::Lookup { host: name.clone(), source }))
            }
            Err(CheckError::Blocking(BlockingError::TimedOut { .. } | BlockingError::Stuck { .. })) => {
                Err(NetError::LookupStuck { host: name.clone() })
            }
            Err(error) => Err(NetError::Local(error)),
        }
    }
}

/// Blocks for as long as the resolver likes.
fn resolve(name: &str) -> io::Result<Arc<[IpAddr]>> {
    let addresses: Arc<[IpAddr]> = (name, 0).to_socket_addrs()?.map(|found| found.ip()).take(MAX_ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.shown)
    }
}
