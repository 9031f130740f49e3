//! The web endpoints on a port of their own, for applications that serve nothing, and for those whose loop may be blocked.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Mutex, PoisonError};

use stratheal_core::endpoints::{Options, router, serve};
use stratheal_core::engine::EngineHandle;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::errors::Raised;
use crate::process;

/// A server that answers until it is ended, or dropped. Nothing in it needs the interpreter.
#[derive(Debug)]
pub(crate) struct Serving {
    /// Where it really listens, also when any port would do.
    pub(crate) address: SocketAddr,
    descriptor: RawFd,
    task: Mutex<Option<(oneshot::Sender<()>, JoinHandle<()>)>>,
}

/// An address that is taken.
#[derive(Debug)]
pub(crate) struct Place {
    listener: tokio::net::TcpListener,
    address: SocketAddr,
    runtime: Handle,
}

impl Place {
    /// Takes an address.
    ///
    /// # Errors
    /// When the system does not give it.
    pub(crate) fn take(address: SocketAddr) -> Result<Self, Raised> {
        let refused = |error| Raised::new("AddressError", format!("cannot listen at {address}: {error}"));
        let runtime = process::runtime().map_err(refused)?;
        let bind = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)
        };
        let listener = bind().map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, runtime })
    }
}

impl Serving {
    /// Begins to answer from what an engine knows.
    pub(crate) fn begin(place: Place, engine: EngineHandle, options: Options) -> Self {
        let Place { listener, address, runtime } = place;
        let descriptor = listener.as_raw_fd();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = runtime.spawn(async move {
            // Also when whoever would say it has gone.
            let stopped = async { drop(stopped.await) };
            if let Err(error) = serve(listener, router(engine, options), stopped).await {
                tracing::error!(%error, %address, "the endpoints are served no more");
            }
        });
        Self { address, descriptor, task: Mutex::new(Some((stop, task))) }
    }

    /// What a fork inherits, and has to close: else nobody else can have the address as long as it lives.
    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        // In a fork, nobody gives back a lock that was held.
        let task = self.task.try_lock().ok()?;
        task.as_ref().is_some_and(|(_, task)| !task.is_finished()).then_some(self.descriptor)
    }

    /// Ends it, and waits until the address is free again.
    pub(crate) async fn end(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, task)) = task {
            drop(stop);
            // One that has panicked listens no more either.
            let _ = task.await;
        }
    }
}
