//! Unpacking wheels: each one once, and no more at the same time than there are processors.

use tokio::sync::Semaphore;

use super::error::InstallError;
use crate::base::single_flight::Flights;
use crate::objects::{Pack, Store, Tree};

/// Unpacks wheels for whoever wants them.
#[derive(Debug)]
pub(super) struct Unpacker {
    flights: Flights<Tree>,
    permits: Semaphore,
}

impl Unpacker {
    pub(super) fn new() -> Self {
        // It is work of processors and disks; more of it at once makes nothing faster.
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self { flights: Flights::new(), permits: Semaphore::new(threads + 1) }
    }

    /// The tree of a wheel. Of several that want it at the same time, one unpacks it.
    ///
    /// Dropping the future leaves the work to the others; what has begun is brought to its end.
    pub(super) async fn tree(&self, store: &Store, pack: &Pack) -> Result<Tree, InstallError> {
        let unpacked = async {
            let _permit = self.permits.acquire().await;
            let (store, pack) = (store.clone(), pack.clone());
            let unpacked = tokio::task::spawn_blocking(move || store.tree(&pack)).await;
            Ok(unpacked.map_err(|error| InstallError::Panicked(error.to_string()))??)
        };
        self.flights.get(&pack.id().to_string()).run(unpacked).await
    }
}
