//! Host names to addresses, on threads that may hang.
//!
//! The system's `getaddrinfo`, so that a name means here what it means to every other program of this host. It runs on the pool for
//! blocking code and never on the runtime's own threads, because a resolver that does not answer would keep the program from ending.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

use crate::base::blocking::{BlockingError, BlockingPool};
use crate::base::single_flight::Flights;

/// The most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Why a name gave no address.
#[derive(Debug, Clone, thiserror::Error)]
#[error("has a name that cannot be looked up: {0}")]
pub(super) struct LookupError(Arc<str>);

/// Looks names up, each one once at a time.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    flights: Arc<Flights<Result<Arc<[IpAddr]>, LookupError>>>,
    pool: BlockingPool,
    within: Duration,
}

impl Resolver {
    pub(super) fn new(within: Duration) -> Self {
        Self { flights: Arc::default(), pool: BlockingPool::new(8), within }
    }

    async fn look_up(self, name: String) -> Result<Arc<[IpAddr]>, LookupError> {
        let flight = self.flights.get(&name);
        let work = async {
            let asked = name.clone();
            let until = Instant::now() + self.within;
            let found = self.pool.run(&format!("lookup of {name}"), until, move || resolve(&asked)).await;
            Ok::<_, std::convert::Infallible>(match found {
                Ok(found) => found.map_err(|error| LookupError(error.to_string().into())),
                Err(BlockingError::TimedOut { .. } | BlockingError::Stuck { .. }) => {
                    Err(LookupError("the resolver does not answer".into()))
                }
                Err(error) => Err(LookupError(error.to_string().into())),
            })
        };
        let Ok(found) = flight.run(work).await;
        found
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.look_up(name.as_str().to_owned()).await?;
            // The port is filled in by the client.
            let addresses: Vec<_> = found.iter().map(|address| SocketAddr::new(*address, 0)).collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Blocks for as long as the resolver likes.
fn resolve(name: &str) -> io::Result<Arc<[IpAddr]>> {
    let addresses: Arc<[IpAddr]> = (name, 0).to_socket_addrs()?.map(|found| found.ip()).take(MAX_ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
    }
    Ok(addresses)
}
