//! A small server for the router: bounded in connections, in time, and in what a client may send.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections served at the same time; further ones wait in the system's queue.
const CONNECTIONS: usize = 256;
/// How long a client may take to send its headers, also between two requests of one connection.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection may last. Scrapers and probes come back; one that never reads its answer must not keep its place.
const LIFETIME: Duration = Duration::from_secs(30);
/// How long answers that are under way may take at the end.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait after a failed accept: without file descriptors the next one fails as well.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves the router until `stop` completes; then answers what is under way, for two seconds at most.
///
/// # Cancellation
/// Dropping the future closes the listener; open connections end with the runtime.
///
/// # Errors
/// When the listener has no local address, that is, never for a bound one.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()> + Send) -> io::Result<()> {
    let address = listener.local_addr()?;
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(64 * 1024);
    tokio::pin!(stop);
    loop {
        let next = async {
            let permit = connections.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%address, %error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _permit = permit;
            // Clients that hang up, talk nonsense or do not listen are everyday.
            match tokio::time::timeout(LIFETIME, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection ended early"),
                Err(_) => tracing::debug!("a connection was ended after {LIFETIME:?}"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!(%address, "connections were cut off at shutdown");
    }
    Ok(())
}
